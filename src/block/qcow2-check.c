/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counting all references anew, and what that is good for: finding and repairing leaked clusters
 * and wrong counts. An entry that cannot be true is never repaired, for that would be to forget the
 * data it stood for.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "block/qcow2-change.h"

/* Everything but the refcount structures. */
static int
count_all (struct qcow2_change *change)
{
    struct qcow2 *self = change->self;
    struct qcow2_snapshots snapshots = {0};
    int r = qcow2_change_add_count (change, 0, 1);

    change->step = 0;
    if (r == 0)
        r = qcow2_change_tell (change, 0, 1);
    if (r == 0)
        r = qcow2_change_add_range (change, self->l1.offset, UINT64_C (8) * self->l1.n, 1);
    if (r == 0)
        r = qcow2_tree_add (change, self->l1.entries, self->l1.n, 1);
    if (r == 0)
        r = qcow2_snapshots_load (self, &snapshots);
    if (r == 0)
        r = qcow2_change_add_range (change, self->header.snapshots_offset, snapshots.length, 1);
    for (size_t i = 0; r == 0 && i < snapshots.n; i++) {
        const struct qcow2_snapshot *snapshot = &snapshots.list[i];
        AUTO_FREE uint64_t *tree = NULL;

        change->step++;
        r = qcow2_tree_load (self, snapshot->l1_offset, snapshot->l1_size, &tree);
        if (r == 0)
            r = qcow2_change_add_range (change, snapshot->l1_offset,
                                        UINT64_C (8) * snapshot->l1_size, 1);
        if (r == 0)
            r = qcow2_tree_add (change, tree, snapshot->l1_size, 1);
    }
    qcow2_snapshots_free (&snapshots);
    return r;
}

/* With the lock: replaces all counts by true ones. */
static int
recount (struct qcow2_change *change)
{
    struct qcow2 *self = change->self;
    AUTO_FREE uint64_t *l1 = malloc (UINT64_C (8) * self->l1.n);
    int r;

    if (!l1)
        return -ENOMEM;
    memcpy (l1, self->l1.entries, UINT64_C (8) * self->l1.n);
    change->from_scratch = true;
    change->n_blocks = 0;
    change->n_steps = self->header.n_snapshots + 2;
    r = count_all (change);
    change->step = change->n_steps - 1;
    /* The active L1 table moves. */
    if (r == 0)
        r = qcow2_change_add_range (change, self->l1.offset, UINT64_C (8) * self->l1.n, -1);
    if (r == 0)
        r = qcow2_tree_activate (change, l1, self->l1.n);
    change->header.incompatible &= ~(uint64_t) (QCOW2_DIRTY | QCOW2_CORRUPT);
    return r == 0 ? qcow2_change_commit (change) : r;
}

static int
recount_watched (struct qcow2 *self, const struct blk_watch *watch, double base,
                 struct vmm_error *error)
{
    struct qcow2_change change;
    int r = qcow2_change_begin (self, &change, error);

    if (r == 0) {
        change.watch = watch;
        change.base = base;
        change.span = 100 - base;
        r = recount (&change);
        if (r == -ECANCELED)
            vmm_error_set (error, r, "the repair of %s was cancelled", self->blk.path);
        else if (r == -EIO || r == -EUCLEAN)
            vmm_error_set_errno (error, r, "%s is damaged and cannot be repaired", self->blk.path);
        else if (r < 0)
            vmm_error_set_errno (error, r, "%s was not closed and cannot be repaired now",
                                 self->blk.path);
    }
    qcow2_change_end (&change);
    return r;
}

int
qcow2_recount (struct qcow2 *self, struct vmm_error *error)
{
    return recount_watched (self, NULL, 0, error);
}

static int
count_refcounts (struct qcow2_change *change)
{
    struct qcow2 *self = change->self;
    int r = qcow2_change_add_range (change, self->rt.offset, UINT64_C (8) * self->rt.n, 1);

    for (uint32_t i = 0; r == 0 && i < self->rt.n; i++) {
        uint64_t offset = self->rt.entries[i];

        if (offset == 0)
            continue;
        if (offset & (self->cluster_size - 1) || offset >> self->cluster_bits >= self->fresh_from)
            return qcow2_damaged (self, "a refcount block cannot be at", offset);
        r = qcow2_change_add_range (change, offset, self->cluster_size, 1);
    }
    return r;
}

/* Compares what is counted in the file with what is in use. */
static int
compare (struct qcow2_change *stored, struct qcow2_change *true_counts, struct blk_check *check)
{
    uint64_t n = MAX_OF (stored->n_blocks, true_counts->n_blocks);
    const struct qcow2 *self = stored->self;

    for (uint64_t i = 0; i < n * self->entries_per_block; i++) {
        uint64_t number = i / self->entries_per_block, has, wants = 0;
        bool in_use = number < true_counts->n_blocks && true_counts->blocks[number];
        int r;

        /* Whole blocks that are in neither count nothing. */
        if (!in_use && (number >= self->rt.n || self->rt.entries[number] == 0)) {
            i += self->entries_per_block - 1;
            continue;
        }
        r = qcow2_change_get_count (stored, i, &has);
        if (r == 0 && in_use)
            r = qcow2_change_get_count (true_counts, i, &wants);
        if (r < 0)
            return r;
        check->used += wants > 0;
        check->leaks += has > wants;
        check->errors += has < wants;
    }
    return 0;
}

static int
check_flag (struct qcow2_change *stored, uint64_t entry, struct blk_check *check)
{
    uint64_t offset = entry & QCOW2_OFFSET_MASK, count;
    int r;

    if ((entry & QCOW2_COMPRESSED) || offset == 0)
        return 0;
    r = qcow2_change_get_count (stored, offset >> stored->self->cluster_bits, &count);
    if (r == 0)
        check->errors += (count == 1) != !!(entry & QCOW2_COPIED);
    return r;
}

static int
check_flags (struct qcow2_change *stored, struct blk_check *check)
{
    struct qcow2 *self = stored->self;
    AUTO_FREE unsigned char *table = malloc (self->cluster_size);
    int r = table ? 0 : -ENOMEM;

    for (uint32_t i = 0; r == 0 && i < self->l1.n; i++) {
        uint64_t offset = self->l1.entries[i] & QCOW2_OFFSET_MASK;

        if (offset == 0)
            continue;
        r = qcow2_change_tell (stored, i, self->l1.n);
        if (r == 0)
            r = check_flag (stored, self->l1.entries[i], check);
        if (r == 0)
            r = blk_file_read (self->file, offset, table, self->cluster_size);
        for (uint64_t at = 0; r == 0 && at < self->cluster_size; at += 8)
            r = check_flag (stored, load_be64 (table + at), check);
    }
    return r;
}

/* With the lock; .watch and what belongs to it are set. */
static int
check_image (struct qcow2_change *stored, struct blk_check *check)
{
    struct qcow2_change true_counts;
    int r = qcow2_change_begin_locked (stored->self, &true_counts);

    if (r == 0) {
        true_counts.watch = stored->watch;
        true_counts.span = stored->span;
        true_counts.n_steps = stored->n_steps;
        true_counts.from_scratch = true;
        true_counts.n_blocks = 0;
        r = count_all (&true_counts);
    }
    if (r == 0)
        r = count_refcounts (&true_counts);
    if (r == 0)
        r = compare (stored, &true_counts, check);
    if (r == 0)
        r = check_flags (stored, check);
    qcow2_change_end_locked (&true_counts);
    return r;
}

/* @span: how many percent of all that is watched this is. */
static int
check_watched (struct blk *blk, const struct blk_watch *watch, double span,
               struct blk_check *ret_check, struct vmm_error *error)
{
    struct qcow2 *self = qcow2_from_blk (blk);
    struct blk_check check = {0};
    struct qcow2_change stored = {0};
    int r;

    if (!self) {
        *ret_check = check;
        return 0;
    }
    check.cluster_size = (uint32_t) self->cluster_size;
    r = qcow2_change_begin_to_read (self, &stored, error);
    if (r == 0) {
        self->complained = false;
        stored.watch = watch;
        stored.span = span;
        /* The flags are looked at after all trees. */
        stored.n_steps = self->header.n_snapshots + 2;
        stored.step = stored.n_steps - 1;
        r = check_image (&stored, &check);
        /* Tables that cannot be true complain; a file that cannot be read does not. */
        check.damaged = r < 0 && r != -ECANCELED && self->complained;
        if (check.damaged) {
            check.errors++;
            r = 0;
        }
        if (r == -ECANCELED)
            vmm_error_set (error, r, "the check of %s was cancelled", blk->path);
        else if (r < 0)
            vmm_error_set_errno (error, r, "%s cannot be checked", blk->path);
    }
    qcow2_change_end (&stored);
    if (r == 0)
        *ret_check = check;
    return r;
}

void
qcow2_recount_if_wrong (struct qcow2 *self)
{
    struct vmm_error error = {0};
    struct blk_check check = {0};
    int r = check_watched (&self->blk, NULL, 0, &check, &error);

    self->complained = false;
    /* What cannot be read, or is damaged, may be next to what can be used. */
    if (r == 0 && !check.damaged && (check.leaks || check.errors))
        r = qcow2_recount (self, &error);
    if (r < 0)
        vmm_log (self->blk.log, VMM_LOG_WARNING, "%s", error.message);
}

int
blk_check_watched (struct blk *blk, const struct blk_watch *watch, struct blk_check *ret_check,
                   struct vmm_error *error)
{
    return check_watched (blk, watch, 100, ret_check, error);
}

int
blk_check (struct blk *blk, struct blk_check *ret_check, struct vmm_error *error)
{
    return blk_check_watched (blk, NULL, ret_check, error);
}

int
blk_repair_watched (struct blk *blk, const struct blk_watch *watch, struct vmm_error *error)
{
    struct qcow2 *self = qcow2_from_blk (blk);
    struct blk_check check = {0};
    int r = check_watched (blk, watch, 50, &check, error);

    if (r < 0 || !self)
        return r;
    if (check.damaged)
        return vmm_error_set (error, -EUCLEAN,
                              "%s is damaged in a way that repairing would lose data; save what "
                              "can be read with posada disk convert",
                              blk->path);
    return recount_watched (self, watch, 50, error);
}

int
blk_repair (struct blk *blk, struct vmm_error *error)
{
    return blk_repair_watched (blk, NULL, error);
}
