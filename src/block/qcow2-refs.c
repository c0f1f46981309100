/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reference counts. Clusters are handed out of a reserve, runs of free ones that got their
 * reference and were zeroed beforehand, so that allocating one is a matter of memory; a second run
 * is found by a worker while the first one is used. What is left of the reserve leaks in a crash.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "block/qcow2.h"

#define RESERVE_BYTES (8 * MIB)
#define RESERVE_MAX   256   /* clusters */
#define MAX_LEAK      (MIB) /* clusters that may be counted behind the end of the file */

uint64_t
qcow2_refcount_peek (const void *block, unsigned bits, uint64_t index)
{
    const unsigned char *b = block;

    switch (bits) {
    case 64: return load_be64 (b + 8 * index);
    case 32: return load_be32 (b + 4 * index);
    case 16: return load_be16 (b + 2 * index);
    case 8: return b[index];
    default: return b[index * bits / 8] >> (index * bits % 8) & ((1u << bits) - 1);
    }
}

void
qcow2_refcount_poke (void *block, unsigned bits, uint64_t index, uint64_t value)
{
    unsigned char *b = block;
    unsigned shift = (unsigned) (index * bits % 8), mask;

    switch (bits) {
    case 64: store_be64 (b + 8 * index, value); return;
    case 32: store_be32 (b + 4 * index, (uint32_t) value); return;
    case 16: store_be16 (b + 2 * index, (uint16_t) value); return;
    case 8: b[index] = (unsigned char) value; return;
    default:
        mask = ((1u << bits) - 1) << shift;
        b += index * bits / 8;
        *b = (unsigned char) ((*b & ~mask) | ((unsigned) value << shift & mask));
    }
}

static uint64_t
counts_per_page (const struct qcow2 *self)
{
    return self->page_size * 8 / self->refcount_bits;
}

/* The page that counts @cluster. 1: there is none, so that the count is 0. */
static int
get_page (struct qcow2 *self, uint64_t cluster, struct qcow2_page **ret_page)
{
    uint64_t number = cluster / self->entries_per_block, in_block, offset;

    if (number >= self->rt.n || self->rt.entries[number] == 0)
        return 1;
    offset = self->rt.entries[number];
    if (offset & (self->cluster_size - 1) || offset / self->cluster_size >= self->fresh_from)
        return qcow2_damaged (self, "a refcount block cannot be at", offset);
    in_block = cluster % self->entries_per_block / counts_per_page (self) * self->page_size;
    return qcow2_page_get (self, QCOW2_PAGE_REFS, offset + in_block, true, ret_page);
}

int
qcow2_refcount_get (struct qcow2 *self, uint64_t cluster, uint64_t *ret_count)
{
    struct qcow2_page *page;
    int r = get_page (self, cluster, &page);

    if (r < 0)
        return r;
    *ret_count =
        r ? 0
          : qcow2_refcount_peek (page->data, self->refcount_bits, cluster % counts_per_page (self));
    return 0;
}

static int
set_counts (struct qcow2 *self, uint64_t first, uint64_t n, uint64_t count)
{
    for (uint64_t i = first; i < first + n; i++) {
        struct qcow2_page *page;
        int r = get_page (self, i, &page);

        if (r != 0)
            return r < 0 ? r : -EIO;
        qcow2_refcount_poke (page->data, self->refcount_bits, i % counts_per_page (self), count);
        qcow2_page_mark (self, page);
    }
    return 0;
}

/* Readies a run to be used: its clusters are in the file and read as zeroes afterwards. That they
 * are in the file may not wait for their data, for tables that refer to them may be written before.
 */
static int
make_fresh (struct qcow2 *self, uint64_t first, uint64_t n)
{
    uint64_t start = first * self->cluster_size, length = n * self->cluster_size;
    bool fresh = first >= self->fresh_from;
    int r;

    if (fresh)
        self->fresh_from = first + n;
    pthread_mutex_unlock (&self->lock);
    if (fresh)
        r = self->file->ops->set_size (self->file, start + length);
    else
        r = self->file->ops->zero (self->file, start, length);
    pthread_mutex_lock (&self->lock);
    self->must_precede = true;
    return r;
}

/* Makes the refcount block that counts @cluster, which is free and becomes that block. */
static int
add_block (struct qcow2 *self, uint64_t cluster)
{
    uint64_t offset = cluster * self->cluster_size;
    uint64_t index = cluster % self->entries_per_block;
    struct qcow2_page *page;
    int r = make_fresh (self, cluster, 1);

    if (r < 0)
        return r;
    qcow2_cache_forget (self, offset);
    r = qcow2_page_get (self, QCOW2_PAGE_REFS,
                        offset + index / counts_per_page (self) * self->page_size, true, &page);
    if (r < 0)
        return r;
    qcow2_refcount_poke (page->data, self->refcount_bits, index % counts_per_page (self), 1);
    qcow2_page_mark (self, page);
    qcow2_table_set (&self->rt, (uint32_t) (cluster / self->entries_per_block), offset);
    return 0;
}

/* How many free clusters follow each other from @first, up to @most, as far as one page tells. */
static uint64_t
count_free (const struct qcow2 *self, const struct qcow2_page *page, uint64_t first, uint64_t most)
{
    uint64_t index = first % counts_per_page (self), n = 0;

    most = MIN_OF (most, counts_per_page (self) - index);
    if (first < self->fresh_from)
        most = MIN_OF (most, self->fresh_from - first);
    while (n < most && qcow2_refcount_peek (page->data, self->refcount_bits, index + n) == 0)
        n++;
    return n;
}

/* Whether the run is something that must not be overwritten, whatever its count says. */
static bool
is_vital (const struct qcow2 *self, const struct qcow2_run *run)
{
    const struct qcow2_header *header = &self->header;
    const struct {
        uint64_t offset, length;
    } vital[] = {
        {0, self->cluster_size},
        {self->l1.offset, UINT64_C (8) * self->l1.n},
        {self->rt.offset, UINT64_C (8) * self->rt.n},
        {header->snapshots_offset, header->n_snapshots ? 1 : 0},
    };
    uint64_t start = run->first * self->cluster_size;
    uint64_t end = start + run->n * self->cluster_size;

    for (size_t i = 0; i < ARRAY_LENGTH (vital); i++)
        if (start < vital[i].offset + vital[i].length && vital[i].offset < end)
            return true;
    return false;
}

/* Finds free clusters from @from on. */
static int
find_free (struct qcow2 *self, uint64_t from, struct qcow2_run *ret_run)
{
    uint64_t most = MAX_OF (1, MIN_OF (RESERVE_BYTES / self->cluster_size, RESERVE_MAX));

    for (;;) {
        struct qcow2_page *page;
        int r;

        if (from >= (QCOW2_MAX_OFFSET >> self->cluster_bits) - most)
            return -ENOSPC;
        if (from > self->fresh_from + MAX_LEAK)
            return qcow2_damaged (self, "clusters are counted far behind the end of the file, at",
                                  from * self->cluster_size);
        if (from / self->entries_per_block >= self->rt.n) {
            uint32_t before = self->rt.n;

            r = qcow2_grow_refs (self);
            if (r < 0)
                return r;
            if (self->rt.n <= before)
                return -ENOSPC;
            continue;
        }
        r = get_page (self, from, &page);
        if (r > 0) {
            /* Nothing counts it: not the header either, then. */
            r = is_vital (self, &(struct qcow2_run) {from, 1, 0})
                    ? qcow2_damaged (self, "a table is not counted at", from * self->cluster_size)
                    : add_block (self, from);
        } else if (r == 0) {
            uint64_t n = counts_per_page (self), index = from % n;

            while (index < n && qcow2_refcount_peek (page->data, self->refcount_bits, index) > 0)
                index++;
            from += index - from % n;
            if (index < n) {
                *ret_run = (struct qcow2_run) {from, count_free (self, page, from, most), 0};
                return is_vital (self, ret_run) ? qcow2_damaged (self, "a table is not counted at",
                                                                 from * self->cluster_size)
                                                : 0;
            }
        }
        if (r < 0)
            return r;
    }
}

/* Fills @ret_run. Releases the lock; .in_refill keeps others out. */
static int
find_run (struct qcow2 *self, struct qcow2_run *ret_run)
{
    uint64_t from = self->free_from;
    struct qcow2_run run = {0};
    int r = find_free (self, from, &run);

    if (r < 0)
        return r;
    r = set_counts (self, run.first, run.n, 1);
    if (r < 0) {
        self->leaks = true;
        return r;
    }
    /* Unless something below was freed meanwhile. */
    if (self->free_from == from)
        self->free_from = run.first + run.n;
    r = make_fresh (self, run.first, run.n);
    if (r == 0) {
        *ret_run = run;
        return 0;
    }
    if (set_counts (self, run.first, run.n, 0) == 0)
        self->free_from = MIN_OF (self->free_from, run.first);
    else
        self->leaks = true;
    return r;
}

int
qcow2_reserve (struct qcow2 *self)
{
    struct qcow2_run run = {0};
    int r;

    if (self->in_refill) {
        pthread_cond_wait (&self->wake, &self->lock);
        return 0;
    }
    if (self->reserve[0].n && self->reserve[1].n)
        return 0;
    self->in_refill = true;
    r = find_run (self, &run);
    self->in_refill = false;
    if (r == 0)
        self->reserve[self->reserve[0].n ? 1 : 0] = run;
    pthread_cond_broadcast (&self->wake);
    return r;
}

uint64_t
qcow2_take (struct qcow2 *self, uint64_t n, uint64_t *ret_n)
{
    struct qcow2_run *reserve = &self->reserve[0];
    uint64_t first = reserve->first;

    n = MIN_OF (n, reserve->n);
    reserve->first += n;
    reserve->n -= n;
    if (reserve->n == 0) {
        self->reserve[0] = self->reserve[1];
        self->reserve[1].n = 0;
    }
    if (self->reserve[1].n == 0 && self->pool)
        qcow2_pool_refill (self->pool);
    *ret_n = n;
    return first;
}

void
qcow2_reserve_drop (struct qcow2 *self)
{
    for (unsigned i = ARRAY_LENGTH (self->reserve); i-- > 0;) {
        struct qcow2_run *run = &self->reserve[i];

        if (run->n && set_counts (self, run->first, run->n, 0) == 0)
            self->free_from = MIN_OF (self->free_from, run->first);
        else if (run->n)
            self->leaks = true;
        /* As they were never written to, the file may be as short as before. */
        if (run->n && run->first + run->n == self->fresh_from &&
            self->file->ops->set_size (self->file, run->first << self->cluster_bits) == 0)
            self->fresh_from = run->first;
        run->n = 0;
    }
}

void
qcow2_free_run (struct qcow2 *self, uint64_t first, uint64_t n)
{
    struct qcow2_runs *frees = &self->frees;
    struct qcow2_run *last = frees->n ? &frees->runs[frees->n - 1] : NULL;

    /* A barrier that is under way has counted the ones before. */
    if (last && last->first + last->n == first && !self->in_barrier) {
        last->n += n;
        last->seq = self->next_seq;
        return;
    }
    if (frees->n == frees->size) {
        size_t size = MAX_OF (64, 2 * frees->size);
        struct qcow2_run *runs = realloc (frees->runs, size * sizeof *runs);

        if (!runs) {
            self->leaks = true;
            return;
        }
        frees->runs = runs;
        frees->size = size;
    }
    assert (frees->runs);
    frees->runs[frees->n++] = (struct qcow2_run) {first, n, self->next_seq};
}

void
qcow2_free_entry (struct qcow2 *self, uint64_t entry)
{
    uint64_t offset = entry & QCOW2_OFFSET_MASK, length = self->cluster_size;

    if (entry & QCOW2_COMPRESSED) {
        qcow2_compressed_range (self, entry, &offset, &length);
        self->inflated_entry = 0;
    } else if (offset == 0) {
        return;
    }
    length += offset & (self->cluster_size - 1);
    qcow2_free_run (self, offset >> self->cluster_bits,
                    (length + self->cluster_size - 1) >> self->cluster_bits);
}

/* Takes one reference from the first clusters of @run; how many that were done. Those that become
 * free give their space back before anybody can find them. */
static uint64_t
settle_some (struct qcow2 *self, const struct qcow2_run *run)
{
    struct qcow2_page *page;
    uint64_t index = run->first % counts_per_page (self), n = 0, count;
    uint64_t most = MIN_OF (run->n, counts_per_page (self) - index);

    if (get_page (self, run->first, &page) != 0) {
        self->leaks = true;
        return most;
    }
    while (n < most && qcow2_refcount_peek (page->data, self->refcount_bits, index + n) == 1)
        n++;
    if (n && !(self->flags & BLK_NO_DISCARD)) {
        pthread_mutex_unlock (&self->lock);
        self->file->ops->discard (self->file, run->first * self->cluster_size,
                                  n * self->cluster_size);
        pthread_mutex_lock (&self->lock);
    }
    if (n) {
        if (set_counts (self, run->first, n, 0) == 0)
            self->free_from = MIN_OF (self->free_from, run->first);
        else
            self->leaks = true;
        return n;
    }
    count = qcow2_refcount_peek (page->data, self->refcount_bits, index);
    if (count == 0) {
        qcow2_damaged (self, "a cluster in use is not counted at", run->first * self->cluster_size);
        return 1;
    }
    qcow2_refcount_poke (page->data, self->refcount_bits, index, count - 1);
    qcow2_page_mark (self, page);
    return 1;
}

void
qcow2_settle (struct qcow2 *self)
{
    struct qcow2_runs *durable = &self->durable;
    uint64_t oldest = qcow2_oldest_flight (self);
    size_t kept = 0;

    for (size_t i = 0; i < durable->n; i++) {
        struct qcow2_run run = durable->runs[i];

        while (run.n && run.seq <= oldest && self->cache.n_dirty < QCOW2_MAX_DIRTY) {
            uint64_t n = settle_some (self, &run);

            run.first += n;
            run.n -= n;
        }
        if (run.n)
            durable->runs[kept++] = run;
    }
    durable->n = kept;
}
