/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies of whole images into another format or without their holes, by QEMU's qemu-img in a
 * process of its own; but for images that are based on a snapshot of another, which only our own
 * driver can read, and which it copies itself (qcow2-copy.h). Images come from anywhere and
 * qemu-img reads many formats, some of which name other files to be read: the process gets no
 * environment but a search path, no rights but to read the source, write the target and run
 * (Landlock), and dies with us. Formats are always stated. Blocks for as long as it takes; any
 * thread that may wait.
 */
#pragma once

#include <stdbool.h>

#include "block/image.h"

struct blk_conversion {
    const char *from;
    const char *from_format; /* one that blk_can_import () knows */
    /* Files that the source may be based on; NULL or up to NULL. */
    const char *const *backing;
    const char *to; /* must not exist, unless .replace: then that file is replaced at the end */
    enum blk_format to_format;
    bool replace;
    bool keep_backing;     /* qcow2 to qcow2 in the same folder: what the source is based on is not
                            * copied but stays what the target is based on */
    uint32_t cluster_size; /* qcow2 only; 0: 64 KiB */
    bool compress;         /* qcow2 only: by zlib */
    bool zstd;             /* by zstd: faster, and smaller; QEMU reads it since 5.1 */
    /* How far it is, in percent, ten times a second; false cancels. May be NULL. */
    bool (*progress) (void *data, double percent);
    void *data;
};

/* Whether @format ("raw", "qcow2", "vmdk", "vdi", "vhdx", "vpc", "qcow") can be a source; NULL ends
 * the list. */
const char *blk_import_format (unsigned index);
bool blk_can_import (const char *format);
/* What a file's name says of its format; NULL: nothing. For new files of people only. */
const char *blk_format_of_name (const char *path);

/*
 * Until the end there is nothing at .to but a file of another name beside it, which goes if this
 * fails. -ECANCELED if .progress said so; -ENOENT qemu-img is not there; -EPERM the source is based
 * on something that is not allowed, or needs a sandbox that this host does not have.
 */
int blk_convert (const struct blk_conversion *conversion, struct vmm_error *error);

/*
 * Writes a qcow2 image anew without what is free or zeroes, keeping what it is based on, its size
 * and the size of its clusters; or gives back the zeroes of a raw one. The machine is off: -EBUSY
 * if not. -ENOTEMPTY for an image with snapshots, which would be lost. The rest is as for
 * blk_convert ().
 */
struct blk_compaction {
    const char *path;
    enum blk_format format;
    const char *const *backing;
    bool compress; /* by what the image says that it uses: zlib mostly */
    bool zstd;     /* by zstd in any case */
    bool (*progress) (void *data, double percent);
    void *data;
};
int blk_compact (const struct blk_compaction *compaction, struct vmm_error *error);
