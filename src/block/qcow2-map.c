/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * L1 and L2 tables. An entry is taken for what it says only where the format allows it to say that:
 * offsets are on clusters and in the file, reserved bits are clear.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "block/qcow2.h"

#define L1_RESERVED       (~(QCOW2_COPIED | QCOW2_OFFSET_MASK))
#define STANDARD_RESERVED UINT64_C (0x3f000000000001fe)

void
qcow2_log_damage (struct qcow2 *self, const char *what, uint64_t where)
{
    if (!atomic_exchange (&self->complained, true))
        vmm_log (self->blk.log, VMM_LOG_ERROR, "%s is damaged: %s %" PRIu64, self->blk.path, what,
                 where);
}

bool
qcow2_is_bottom (const struct qcow2 *self, uint64_t offset)
{
    return offset >= self->backing.size;
}

static bool
is_cluster (const struct qcow2 *self, uint64_t offset)
{
    return !(offset & (self->cluster_size - 1)) && offset >> self->cluster_bits < self->fresh_from;
}

/* What an entry is, its fields checked. */
static int
classify (struct qcow2 *self, uint64_t entry, enum qcow2_kind *ret_kind)
{
    uint64_t host = entry & QCOW2_OFFSET_MASK;
    bool zero = entry & QCOW2_ZERO;

    if (entry & QCOW2_COMPRESSED) {
        uint64_t offset, length;

        qcow2_compressed_range (self, entry, &offset, &length);
        if (offset < self->cluster_size || (entry & QCOW2_COPIED) ||
            !range_fits (offset, length, self->fresh_from << self->cluster_bits))
            return qcow2_damaged (self, "compressed data cannot be at", offset);
        *ret_kind = QCOW2_KIND_COMPRESSED;
        return 0;
    }
    if ((entry & STANDARD_RESERVED) || (zero && self->header.version < 3) ||
        !is_cluster (self, host) || (host == 0 && (entry & QCOW2_COPIED)))
        return qcow2_damaged (self, "data cannot be at", host);
    if (zero)
        *ret_kind = host ? QCOW2_KIND_ZERO_DATA : QCOW2_KIND_ZERO;
    else
        *ret_kind = host ? QCOW2_KIND_DATA : QCOW2_KIND_NONE;
    return 0;
}

/* Where the L2 entry of guest @offset is in the file; 0: there is no L2 table. */
static int
locate (struct qcow2 *self, uint64_t offset, uint64_t *ret_where, bool *ret_own)
{
    uint64_t number = offset >> self->cluster_bits;
    uint64_t l1 = self->l1.entries[number >> self->l2_bits];
    uint64_t table = l1 & QCOW2_OFFSET_MASK;

    if ((l1 & L1_RESERVED) || !is_cluster (self, table) || (table == 0 && l1))
        return qcow2_damaged (self, "an L2 table cannot be at", table);
    *ret_own = l1 & QCOW2_COPIED;
    *ret_where = table ? table + 8 * (number & ((UINT64_C (1) << self->l2_bits) - 1)) : 0;
    return 0;
}

/* How many entries from @entries on, @most at the most, go on as the first one begins. */
static uint64_t
count_alike (const struct qcow2 *self, const unsigned char *entries, uint64_t most,
             enum qcow2_kind kind)
{
    uint64_t entry = load_be64 (entries), n = 1, step = 0;

    if (kind == QCOW2_KIND_COMPRESSED || kind == QCOW2_KIND_ZERO_DATA)
        return 1;
    if (kind == QCOW2_KIND_DATA)
        step = self->cluster_size;
    while (n < most && load_be64 (entries + 8 * n) == entry + n * step)
        n++;
    return n;
}

int
qcow2_map (struct qcow2 *self, uint64_t offset, uint64_t length, bool may_wait,
           struct qcow2_mapping *ret_mapping)
{
    uint64_t in_cluster = offset & (self->cluster_size - 1), where, most, n;
    struct qcow2_mapping mapping = {.kind = QCOW2_KIND_NONE};
    struct qcow2_page *page;
    int r = locate (self, offset, &where, &mapping.own_table);

    if (r < 0)
        return r;
    if (where) {
        const unsigned char *entries;

        r = qcow2_page_get (self, QCOW2_PAGE_L2, where, may_wait, &page);
        if (r < 0)
            return r;
        entries = page->data + (where - page->offset);
        most = (self->page_size - (where - page->offset)) / 8;
        most = MIN_OF (most, (in_cluster + length - 1) / self->cluster_size + 1);
        mapping.entry = load_be64 (entries);
        r = classify (self, mapping.entry, &mapping.kind);
        if (r < 0)
            return r;
        n = count_alike (self, entries, most, mapping.kind);
    } else {
        n = (UINT64_C (1) << self->l2_bits) -
            ((offset >> self->cluster_bits) & ((UINT64_C (1) << self->l2_bits) - 1));
    }
    /* The run's end must be in the file as well. */
    if (mapping.kind == QCOW2_KIND_DATA)
        n = MIN_OF (n,
                    self->fresh_from - ((mapping.entry & QCOW2_OFFSET_MASK) >> self->cluster_bits));
    mapping.own = mapping.own_table && (mapping.entry & QCOW2_COPIED);
    if (mapping.kind == QCOW2_KIND_DATA || mapping.kind == QCOW2_KIND_ZERO_DATA)
        mapping.host = (mapping.entry & QCOW2_OFFSET_MASK) + in_cluster;
    mapping.length = MIN_OF (length, n * self->cluster_size - in_cluster);
    if (mapping.kind == QCOW2_KIND_NONE && offset < self->backing.size)
        mapping.length = MIN_OF (mapping.length, self->backing.size - offset);
    *ret_mapping = mapping;
    return 0;
}

/* Fills the new table at @to with what is in the one at @from. It refers to everything a second
 * time, so none of that may be written in place. Without the lock. */
static int
copy_table (struct qcow2 *self, uint64_t from, uint64_t to)
{
    unsigned char *table = malloc (self->cluster_size);
    int r;

    if (!table)
        return -ENOMEM;
    r = blk_file_read (self->file, from, table, self->cluster_size);
    for (uint64_t i = 0; i < self->cluster_size; i += 8)
        store_be64 (table + i, load_be64 (table + i) & ~QCOW2_COPIED);
    if (r == 0)
        r = blk_file_write (self->file, to, table, self->cluster_size);
    free (table);
    return r;
}

/* Gives the guest @offset an L2 table of its own. */
static int
make_table (struct qcow2 *self, uint64_t offset)
{
    uint32_t index = (uint32_t) (offset >> (self->cluster_bits + self->l2_bits));
    uint64_t old, n, to;
    int r = 0;

    if (self->in_new_table) {
        pthread_cond_wait (&self->wake, &self->lock);
        return 0;
    }
    self->in_new_table = true;
    to = qcow2_take (self, 1, &n) * self->cluster_size;
    old = self->l1.entries[index] & QCOW2_OFFSET_MASK;
    qcow2_cache_forget (self, to);
    if (old) {
        pthread_mutex_unlock (&self->lock);
        r = copy_table (self, old, to);
        pthread_mutex_lock (&self->lock);
        self->must_precede = true;
    }
    if (r < 0) {
        qcow2_free_run (self, to / self->cluster_size, 1);
    } else {
        qcow2_table_set (&self->l1, index, to | QCOW2_COPIED);
        if (old)
            qcow2_free_run (self, old / self->cluster_size, 1);
    }
    self->in_new_table = false;
    pthread_cond_broadcast (&self->wake);
    return r;
}

int
qcow2_prepare (struct qcow2 *self, uint64_t offset)
{
    struct qcow2_page *page;
    uint64_t where;
    bool own;
    int r;

    for (;;) {
        r = locate (self, offset, &where, &own);
        if (r < 0)
            return r;
        if (qcow2_is_barrier_due (self)) {
            pthread_mutex_unlock (&self->lock);
            r = qcow2_barrier (self);
            pthread_mutex_lock (&self->lock);
        } else if (self->reserve[0].n == 0) {
            r = qcow2_reserve (self);
        } else if (!own) {
            r = make_table (self, offset);
        } else {
            r = qcow2_page_get (self, QCOW2_PAGE_L2, where, false, &page);
            if (r == 0)
                return 0;
            if (r == -EAGAIN)
                r = qcow2_page_get (self, QCOW2_PAGE_L2, where, true, &page);
        }
        if (r < 0)
            return r;
    }
}

int
qcow2_set_entry (struct qcow2 *self, uint64_t offset, uint64_t entry)
{
    struct qcow2_page *page;
    uint64_t where;
    bool own;
    int r = locate (self, offset, &where, &own);

    if (r == 0)
        r = where && own ? qcow2_page_get (self, QCOW2_PAGE_L2, where, false, &page) : -EAGAIN;
    if (r < 0)
        return r;
    store_be64 (page->data + (where - page->offset), entry);
    qcow2_page_mark (self, page);
    return 0;
}
