/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Images of any format: opening, making, and what is done to a whole image: internal snapshots,
 * growing, checking. The functions here block and may take long; call them on a thread that may
 * wait. Those that take a struct blk want it without a request in flight (attached or not), and
 * none submitted until they return.
 */
#pragma once

#include <stddef.h>

#include "block/block.h"

enum blk_format {
    BLK_FORMAT_RAW,
    BLK_FORMAT_QCOW2,
    BLK_N_FORMATS,
};

/* "raw", "qcow2": the names that QEMU and libvirt use. */
const char *blk_format_name (enum blk_format format);
/* -EINVAL for any other. */
int blk_format_from_name (const char *name, enum blk_format *ret_format);

/*
 * What format the file at @path seems to have. ONLY for a file that no guest has ever written to,
 * such as one that was just downloaded or chosen by its user for the first time, and the answer is
 * to be written down: a guest with a raw disk writes whatever it likes to its beginning, and could
 * make it look like another format that names any file of the host as its backing file.
 */
int blk_guess_format (const char *path, enum blk_format *ret_format, struct vmm_error *error);

/* For .allow_backing below: @data is a const char *const[], up to NULL, of names of files that may
 * be opened; they are compared as files. */
bool blk_allow_listed (void *data, const char *path);

struct blk_source {
    const char *path;
    enum blk_format format; /* as somebody wrote it down; never guessed here */
    unsigned flags;         /* enum blk_open_flags, without BLK_CREATE */
    /*
     * Whether the file @path, absolute and without symbolic links, which an image names as its
     * backing file, may be opened, for reading. NULL: none may. Relative names are relative to the
     * image that has them. A backing file's format must be stated in the image.
     */
    bool (*allow_backing) (void *data, const char *path);
    void *data;
    /*
     * qcow2, NULL or the id of an internal snapshot: its contents are opened, for reading. They
     * never change, whoever writes the image meanwhile, so no lock is taken; it is up to the caller
     * that nobody deletes the snapshot.
     */
    const char *snapshot;
};

/*
 * Opens an existing image. On top of what blk_open_raw () says, @error names what is wrong in a
 * header and which feature of the format is not supported. An image that was not closed says so and
 * is repaired first when it is opened for writing, so that what a crash leaked is free again; one
 * that says it is corrupt can only be read.
 */
int blk_open (const struct blk_source *source, const struct vmm_log *log, struct blk **ret_blk,
              struct vmm_error *error);

/*
 * An image to be written that is based on @source, which is only read: what is written is in
 * @folder, in a file without a name, and gone once the image is closed.
 */
int blk_open_disposable (const struct blk_source *source, const char *folder,
                         const struct vmm_log *log, struct blk **ret_blk, struct vmm_error *error);

struct blk_qcow2_options {
    uint64_t size;         /* bytes, a multiple of 512, not 0 */
    uint32_t cluster_size; /* 0: 64 KiB; else a power of two from 512 to 2 MiB */
    const char *backing;   /* the name as the image shall have it; NULL: none */
    enum blk_format backing_format;
    /*
     * NULL or the id of an internal snapshot of the backing file, a qcow2 image: it is that
     * snapshot's contents that the image is based on, as for blk_source.snapshot, and others go on
     * writing the file. No other program knows how, so that an incompatible feature keeps them
     * away.
     */
    const char *backing_snapshot;
};

/* Makes a new qcow2 image (version 3), complete or not at all. The backing file is not looked at.
 * -EEXIST, -ENOSPC, … */
int blk_create_qcow2 (const char *path, const struct blk_qcow2_options *options,
                      struct vmm_error *error);

/*
 * Internal snapshots. They hold a disk's contents and size, nothing of the machine. Each call is
 * complete on stable storage when it returns 0, and has changed nothing when it fails, wherever the
 * power is cut. -ENOTSUP for formats without snapshots.
 */
#define BLK_SNAPSHOT_ID_MAX   63
#define BLK_SNAPSHOT_NAME_MAX 255
#define BLK_SNAPSHOTS_MAX     4096 /* in an image */

struct blk_snapshot {
    char id[BLK_SNAPSHOT_ID_MAX + 1];     /* unique in the image; UTF-8, not empty */
    char name[BLK_SNAPSHOT_NAME_MAX + 1]; /* for people; need not be unique */
    uint64_t seconds;                     /* when, since the epoch, below 2^32 */
    uint32_t nanoseconds;
    uint64_t guest_ns;  /* how long the guest had been running; 0: unknown */
    uint64_t disk_size; /* bytes; filled by blk_snapshot_list () */
    uint64_t own_bytes; /* clusters that nobody else has: what deleting frees; filled by list if
                         * asked for */
};

/* Takes the present contents down under @wish->id, -EEXIST if there is one. Metadata only: takes
 * milliseconds for each 100 GiB in use. Copies what it needs of @wish. */
int blk_snapshot_take (struct blk *blk, const struct blk_snapshot *wish, struct vmm_error *error);
/*
 * The same for a disk in use, in three steps. The first writes out what is dirty, so that the
 * others have little to do. The second, with no request in flight (-EBUSY), fixes what the snapshot
 * holds and returns at once; a worker takes it from then on. Reading goes on meanwhile, all other
 * requests wait for it. The third waits for its end, and returns what came of it; until then no
 * other can be begun. Any thread.
 */
int blk_snapshot_prepare (struct blk *blk, struct vmm_error *error);
int blk_snapshot_begin (struct blk *blk, const struct blk_snapshot *wish, struct vmm_error *error);
int blk_snapshot_finish (struct blk *blk, struct vmm_error *error);
/* The snapshots in the order of the image, to be freed by free (). With @with_sizes the whole
 * metadata is read for .own_bytes. */
int blk_snapshot_list (struct blk *blk, bool with_sizes, struct blk_snapshot **ret_snapshots,
                       size_t *ret_n, struct vmm_error *error);
/* The present contents become those of the snapshot; they are lost unless another has them.
 * -ENOENT; -EINVAL if the disk had another size then. */
int blk_snapshot_apply (struct blk *blk, const char *id, struct vmm_error *error);
/* Forgets a snapshot and gives back what only it had. -ENOENT. */
int blk_snapshot_delete (struct blk *blk, const char *id, struct vmm_error *error);

/*
 * Gives the disk another size, a multiple of 512. What is new reads as zeroes. A smaller one is
 * -ENOTEMPTY as long as anything but zeroes is behind its end. blk_get_info () changes, so the
 * machine has to be off. Raw images are made longer or shorter as files; -ENOTSUP for a block
 * device.
 */
int blk_resize (struct blk *blk, uint64_t size, struct vmm_error *error);

struct blk_check {
    uint64_t errors; /* counts or flags that could cost data when somebody writes */
    uint64_t leaks;  /* clusters that nobody uses and nobody can have */
    uint64_t used;   /* clusters */
    uint32_t cluster_size;
    bool damaged; /* there are tables that cannot be true, so nothing else was counted; data may be
                   * lost, and blk_repair () does not touch it */
};

/* What is to be told of an image. */
struct blk_description {
    enum blk_format format;
    uint64_t size;         /* bytes, of the disk */
    uint64_t on_disk;      /* bytes that the file takes */
    uint32_t cluster_size; /* 0: none */
    unsigned version;      /* of qcow2 */
    uint32_t n_snapshots;
    bool compressed_by_zstd, not_closed, corrupt;
    char backing[1024]; /* as the image has it; empty: none */
    char backing_format[64];
};
void blk_describe (struct blk *blk, struct blk_description *ret_description);

/* Whether the image's metadata fit together. Raw images have none. */
int blk_check (struct blk *blk, struct blk_check *ret_check, struct vmm_error *error);
/* Repairs all that blk_check () counts, unless there is damage: -EUCLEAN. */
int blk_repair (struct blk *blk, struct vmm_error *error);

/* For who waits: how far it is, in percent; false cancels. */
struct blk_watch {
    bool (*progress) (void *data, double percent);
    void *data;
};
/* The same, also watched. -ECANCELED: then nothing has changed. */
int blk_check_watched (struct blk *blk, const struct blk_watch *watch, struct blk_check *ret_check,
                       struct vmm_error *error);
int blk_repair_watched (struct blk *blk, const struct blk_watch *watch, struct vmm_error *error);
