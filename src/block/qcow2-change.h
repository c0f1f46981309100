/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes of a whole qcow2 image, all or nothing: new tables and reference counts are written
 * beside the old ones, behind the end of the file, and the header's first sector, which points to
 * everything, switches over. Until then nothing that the image refers to is touched, so a failure
 * or a crash leaves it as it was. The image's lock is held from begin to end, and no request is in
 * flight; but for a shared change, which has the image frozen instead, so that it can be read.
 */
#pragma once

#include "block/qcow2.h"

#define QCOW2_MAX_BLOCKS      (QCOW2_MAX_RT_BYTES / 8)
#define QCOW2_MAX_COUNT_BYTES GIB /* of refcount blocks in memory: 32 TiB of disks, usually */

/* Fields of a snapshot as they are in the file. */
struct qcow2_snapshot {
    struct blk_snapshot info;
    uint64_t l1_offset;
    uint32_t l1_size;
    unsigned char *bytes; /* the whole entry, of .length bytes, in the table's buffer */
    uint32_t length;
};

struct qcow2_snapshots {
    struct qcow2_snapshot *list;
    size_t n;
    unsigned char *table;
    uint64_t length; /* bytes */
};

struct qcow2_change {
    struct qcow2 *self;
    struct qcow2_header header; /* as it is to become */
    bool keeps_reserve_empty;
    bool shared;       /* the lock is held for the last step only */
    bool from_scratch; /* the counts in the file are not believed; what they occupy is abandoned */
    unsigned char **blocks; /* refcount blocks in memory, NULL: not read yet */
    uint64_t *places;       /* where a block goes that has changed; 0: nowhere yet */
    bool *changed;
    uint32_t *todo; /* numbers of blocks that have changed and have no place */
    size_t n_todo;
    uint64_t room;                 /* of these four arrays */
    uint64_t n_blocks;             /* highest one that counts something, plus 1 */
    uint64_t bytes;                /* of .blocks */
    uint64_t cursor;               /* the next cluster to be written */
    struct qcow2_table l1, rt;     /* what becomes the image's; .l1 may be none, and stays then */
    struct qcow2_runs freed;       /* what gives its space back at the end */
    uint64_t n_freed;              /* clusters */
    const struct blk_watch *watch; /* or NULL */
    double base, span;             /* percent: this change begins there, and is so much, … */
    unsigned step, n_steps;        /* … trees that it goes through one after the other */
    unsigned char *buffer;         /* sequential writes on their way */
    uint64_t buffer_offset;
    size_t buffer_used;
};

/* Brings the image to rest and takes its lock. -EBUSY with requests in flight. In failure, too,
 * qcow2_change_end () releases everything. */
int qcow2_change_begin (struct qcow2 *self, struct qcow2_change *change, struct vmm_error *error);
/* The same for a frozen image, which may be read from meanwhile: the lock is not held afterwards.
 * What is freed must be none of the guest's data. */
int qcow2_change_begin_shared (struct qcow2 *self, struct qcow2_change *change,
                               struct vmm_error *error);
/* The same for looking only, and so for images open for reading as well. */
int qcow2_change_begin_to_read (struct qcow2 *self, struct qcow2_change *change,
                                struct vmm_error *error);
/* The same where the lock is held already, nothing waits for refcounts to be written, and others
 * may go on afterwards. */
int qcow2_change_begin_locked (struct qcow2 *self, struct qcow2_change *change);
/* Writes and switches over to what was prepared: counts, and .header with what it points to. */
int qcow2_change_commit (struct qcow2_change *change);
void qcow2_change_end (struct qcow2_change *change);
/* Without the lock of qcow2_change_begin (). */
void qcow2_change_end_locked (struct qcow2_change *change);

/* Says that @done of @total of the present step are done. -ECANCELED. */
int qcow2_change_tell (struct qcow2_change *change, uint64_t done, uint64_t total);

int qcow2_change_get_count (struct qcow2_change *change, uint64_t cluster, uint64_t *ret_count);
/* @delta is 1 or -1. -EMLINK: there are too many for the image's width; -EUCLEAN: below 0. */
int qcow2_change_add_count (struct qcow2_change *change, uint64_t cluster, int delta);
/* The same for each cluster in a range of bytes. */
int
qcow2_change_add_range (struct qcow2_change *change, uint64_t offset, uint64_t length, int delta);
/* @n clusters in a row that are in use by nobody, now or before; counted once. */
int qcow2_change_allocate (struct qcow2_change *change, uint64_t n, uint64_t *ret_offset);
/* Writes, sooner or later before the switch, into what was allocated. */
int
qcow2_change_write (struct qcow2_change *change, uint64_t offset, const void *bytes, size_t length);

/* qcow2-tree.c */

/* An L1 table from anywhere in the file, in the byte order of the host; to be freed. */
int qcow2_tree_load (struct qcow2 *self, uint64_t offset, uint32_t n, uint64_t **ret_l1);
/* One more or less for everything that an L1 table leads to. */
int qcow2_tree_add (struct qcow2_change *change, const uint64_t *l1, uint32_t n, int delta);
/* Makes all flags of a tree that is going to be active true, in new tables where that changes them,
 * writes its L1 table to a new place and lets .header point there. */
int qcow2_tree_activate (struct qcow2_change *change, uint64_t *l1, uint32_t n);

/* qcow2-snapshot.c */

int qcow2_snapshots_load (struct qcow2 *self, struct qcow2_snapshots *ret_snapshots);
void qcow2_snapshots_free (struct qcow2_snapshots *snapshots);
/* Whether there can be such a snapshot. */
int qcow2_snapshot_check_wish (const struct blk *blk, const struct blk_snapshot *wish,
                               struct vmm_error *error);
/* blk_snapshot_take () of a frozen image. */
int qcow2_snapshot_take_shared (struct qcow2 *self, const struct blk_snapshot *wish,
                                struct vmm_error *error);

/* qcow2-check.c */

/* Counts everything anew and repairs the counts; for an image that was just opened for writing and
 * whose lock nobody else knows. */
int qcow2_recount (struct qcow2 *self, struct vmm_error *error);
/* The same if a check finds that it is needed, and as far as it is possible. */
void qcow2_recount_if_wrong (struct qcow2 *self);
