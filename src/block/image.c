/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/image.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "block/qcow2.h"
#include "block/raw.h"

static const char *const format_names[] = {
    [BLK_FORMAT_RAW] = "raw",
    [BLK_FORMAT_QCOW2] = "qcow2",
};
_Static_assert (ARRAY_LENGTH (format_names) == BLK_N_FORMATS, "each format has a name");

const char *
blk_format_name (enum blk_format format)
{
    return format_names[format];
}

int
blk_format_from_name (const char *name, enum blk_format *ret_format)
{
    for (unsigned i = 0; i < BLK_N_FORMATS; i++)
        if (strcmp (name, format_names[i]) == 0) {
            *ret_format = (enum blk_format) i;
            return 0;
        }
    return -EINVAL;
}

int
blk_guess_format (const char *path, enum blk_format *ret_format, struct vmm_error *error)
{
    AUTO_FD fd = -1;
    unsigned char magic[4];
    ssize_t n;
    int r = raw_open_existing (path, true, &fd, error);

    if (r < 0)
        return r;
    do
        n = pread (fd, magic, sizeof magic, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be read", path);
    *ret_format =
        n == sizeof magic && load_be32 (magic) == QCOW2_MAGIC ? BLK_FORMAT_QCOW2 : BLK_FORMAT_RAW;
    return 0;
}

bool
blk_allow_listed (void *data, const char *path)
{
    const char *const *names = data;
    struct stat wanted, allowed;

    if (stat (path, &wanted) < 0)
        return false;
    for (; *names; names++)
        if (stat (*names, &allowed) == 0 && allowed.st_dev == wanted.st_dev &&
            allowed.st_ino == wanted.st_ino)
            return true;
    return false;
}

int
blk_open (const struct blk_source *source, const struct vmm_log *log, struct blk **ret_blk,
          struct vmm_error *error)
{
    unsigned flags = source->flags;
    struct blk_file *file;
    struct qcow2 *image;
    int r;

    if (source->format == BLK_FORMAT_RAW)
        return blk_open_raw (source->path, source->flags & ~(unsigned) BLK_CREATE, 0, log, ret_blk,
                             error);
    if (source->snapshot)
        flags |= BLK_READ_ONLY | BLK_UNLOCKED;
    r = blk_file_open (source->path, flags, log, &file, error);
    if (r == 0)
        r = qcow2_open_file (file, source, 0, log, &image, error);
    if (r == 0)
        *ret_blk = &image->blk;
    return r;
}

void
blk_describe (struct blk *blk, struct blk_description *ret_description)
{
    struct blk_description *description = ret_description;
    const struct qcow2 *image = qcow2_from_blk (blk);
    struct stat status;

    *description = (struct blk_description) {.size = blk->info.size};
    if (stat (blk->path, &status) == 0)
        description->on_disk = (uint64_t) status.st_blocks * 512;
    if (!image)
        return;
    description->format = BLK_FORMAT_QCOW2;
    description->cluster_size = (uint32_t) image->cluster_size;
    description->version = image->header.version;
    description->n_snapshots = image->header.n_snapshots;
    description->compressed_by_zstd = image->header.compression == QCOW2_ZSTD;
    description->not_closed = image->header.incompatible & QCOW2_DIRTY;
    description->corrupt = image->header.incompatible & QCOW2_CORRUPT;
    memcpy (description->backing, image->header.backing, sizeof description->backing);
    memcpy (description->backing_format, image->header.backing_format,
            sizeof description->backing_format);
}
