/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "block/qcow2-change.h"

/* Whether @offset may be a cluster that the image uses; 0 is the header. */
static bool
is_in_file (const struct qcow2 *self, uint64_t offset)
{
    return offset && !(offset & (self->cluster_size - 1)) &&
           offset >> self->cluster_bits < self->fresh_from;
}

int
qcow2_tree_load (struct qcow2 *self, uint64_t offset, uint32_t n, uint64_t **ret_l1)
{
    struct qcow2_table table = {0};
    int r;

    if (n == 0 || n > QCOW2_MAX_L1_BYTES / 8 || !is_in_file (self, offset))
        return qcow2_damaged (self, "an L1 table cannot be at", offset);
    r = qcow2_table_load (self, &table, offset, n);
    if (r < 0)
        return r;
    *ret_l1 = STEAL_PTR (table.entries);
    qcow2_table_fini (&table);
    return 0;
}

static int
load_l2 (struct qcow2 *self, uint64_t entry, unsigned char *table)
{
    uint64_t offset = entry & QCOW2_OFFSET_MASK;

    if (!is_in_file (self, offset))
        return qcow2_damaged (self, "an L2 table cannot be at", offset);
    return blk_file_read (self->file, offset, table, self->cluster_size);
}

static int
add_entry (struct qcow2_change *change, uint64_t entry, int delta)
{
    struct qcow2 *self = change->self;
    uint64_t offset = entry & QCOW2_OFFSET_MASK, length;

    if (entry & QCOW2_COMPRESSED) {
        qcow2_compressed_range (self, entry, &offset, &length);
        if (offset < self->cluster_size ||
            !range_fits (offset, length, self->fresh_from << self->cluster_bits))
            return qcow2_damaged (self, "compressed data cannot be at", offset);
        return qcow2_change_add_range (change, offset, length, delta);
    }
    if (offset == 0)
        return 0;
    if (!is_in_file (self, offset))
        return qcow2_damaged (self, "data cannot be at", offset);
    return qcow2_change_add_count (change, offset >> self->cluster_bits, delta);
}

int
qcow2_tree_add (struct qcow2_change *change, const uint64_t *l1, uint32_t n, int delta)
{
    struct qcow2 *self = change->self;
    AUTO_FREE unsigned char *table = malloc (self->cluster_size);
    int r = table ? 0 : -ENOMEM;
    uint64_t n_tables = 0;

    for (uint32_t i = 0; r == 0 && i < n; i++) {
        if (!(l1[i] & QCOW2_OFFSET_MASK))
            continue;
        /* Or going through them takes longer than the file is large. */
        if (++n_tables > self->fresh_from)
            return qcow2_damaged (self, "L2 tables are used several times, such as at",
                                  l1[i] & QCOW2_OFFSET_MASK);
        r = qcow2_change_tell (change, i, n);
        if (r == 0)
            r = load_l2 (self, l1[i], table);
        for (uint64_t at = 0; r == 0 && at < self->cluster_size; at += 8)
            r = add_entry (change, load_be64 (table + at), delta);
        if (r == 0)
            r = qcow2_change_add_count (change, (l1[i] & QCOW2_OFFSET_MASK) >> self->cluster_bits,
                                        delta);
    }
    return r;
}

/* Sets the flags of an L2 table as the counts want them; whether any was different. */
static int
correct_flags (struct qcow2_change *change, unsigned char *table, bool *ret_changed)
{
    struct qcow2 *self = change->self;

    for (uint64_t at = 0; at < self->cluster_size; at += 8) {
        uint64_t entry = load_be64 (table + at), offset = entry & QCOW2_OFFSET_MASK, count;
        bool flag = entry & QCOW2_COPIED;
        int r;

        if ((entry & QCOW2_COMPRESSED) || offset == 0)
            continue;
        r = qcow2_change_get_count (change, offset >> self->cluster_bits, &count);
        if (r < 0)
            return r;
        if (flag == (count == 1))
            continue;
        store_be64 (table + at, entry ^ QCOW2_COPIED);
        *ret_changed = true;
    }
    return 0;
}

static int
activate_entry (struct qcow2_change *change, unsigned char *table, uint64_t *entry)
{
    struct qcow2 *self = change->self;
    uint64_t offset = *entry & QCOW2_OFFSET_MASK, count, to;
    bool changed = false;
    int r = load_l2 (self, *entry, table);

    if (r == 0)
        r = correct_flags (change, table, &changed);
    if (r == 0 && !changed) {
        r = qcow2_change_get_count (change, offset >> self->cluster_bits, &count);
        *entry = offset | (count == 1 ? QCOW2_COPIED : 0);
        return r;
    }
    if (r == 0)
        r = qcow2_change_allocate (change, 1, &to);
    if (r == 0)
        r = qcow2_change_write (change, to, table, self->cluster_size);
    if (r == 0)
        r = qcow2_change_add_count (change, offset >> self->cluster_bits, -1);
    if (r == 0)
        *entry = to | QCOW2_COPIED;
    return r;
}

static int
write_l1 (struct qcow2_change *change, const uint64_t *l1, uint32_t n)
{
    struct qcow2 *self = change->self;
    uint64_t bytes = align_up (UINT64_C (8) * n, self->cluster_size), offset;
    AUTO_FREE unsigned char *table = calloc (1, bytes);
    int r = table ? qcow2_change_allocate (change, bytes >> self->cluster_bits, &offset) : -ENOMEM;

    if (r == 0)
        r = qcow2_table_init (&change->l1, offset, n);
    if (r < 0)
        return r;
    memcpy (change->l1.entries, l1, UINT64_C (8) * n);
    for (uint32_t i = 0; i < n; i++)
        store_be64 (table + UINT64_C (8) * i, l1[i]);
    change->header.l1_offset = offset;
    change->header.l1_size = n;
    return qcow2_change_write (change, offset, table, bytes);
}

int
qcow2_tree_activate (struct qcow2_change *change, uint64_t *l1, uint32_t n)
{
    AUTO_FREE unsigned char *table = malloc (change->self->cluster_size);
    int r = table ? 0 : -ENOMEM;

    for (uint32_t i = 0; r == 0 && i < n; i++) {
        if (!(l1[i] & QCOW2_OFFSET_MASK))
            continue;
        r = qcow2_change_tell (change, i, n);
        if (r == 0)
            r = activate_entry (change, table, &l1[i]);
    }
    return r == 0 ? write_l1 (change, l1, n) : r;
}
