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
    r = count_all (change);
    /* The active L1 table moves. */
    if (r == 0)
        r = qcow2_change_add_range (change, self->l1.offset, UINT64_C (8) * self->l1.n, -1);
    if (r == 0)
        r = qcow2_tree_activate (change, l1, self->l1.n);
    change->header.incompatible &= ~(uint64_t) (QCOW2_DIRTY | QCOW2_CORRUPT);
    return r == 0 ? qcow2_change_commit (change) : r;
}

int
qcow2_recount (struct qcow2 *self, struct vmm_error *error)
{
    struct qcow2_change change;
    int r = qcow2_change_begin (self, &change, error);

    if (r == 0) {
        r = recount (&change);
        if (r < 0)
            vmm_error_set_errno (error, r, "%s is damaged and cannot be repaired", self->blk.path);
    }
    qcow2_change_end (&change);
    return r;
}
