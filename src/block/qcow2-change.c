/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/qcow2-change.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

#define BUFFER_BYTES MIB

/* Readies what is kept of each refcount block for number @wanted and those before. */
static int
make_room (struct qcow2_change *change, uint64_t wanted)
{
    uint64_t before = change->room, room;
    void *blocks, *places, *changed, *todo;

    if (wanted < before)
        return 0;
    if (wanted >= QCOW2_MAX_BLOCKS)
        return -EFBIG;
    room = MIN_OF (MAX_OF (wanted + 64, 2 * before), QCOW2_MAX_BLOCKS);
    /* What has grown and what has not is all valid for as much as there was. */
    blocks = realloc (change->blocks, room * sizeof *change->blocks);
    change->blocks = blocks ? blocks : change->blocks;
    places = realloc (change->places, room * sizeof *change->places);
    change->places = places ? places : change->places;
    changed = realloc (change->changed, room * sizeof *change->changed);
    change->changed = changed ? changed : change->changed;
    todo = realloc (change->todo, room * sizeof *change->todo);
    change->todo = todo ? todo : change->todo;
    if (!blocks || !places || !changed || !todo)
        return -ENOMEM;
    memset (change->blocks + before, 0, (room - before) * sizeof *change->blocks);
    memset (change->places + before, 0, (room - before) * sizeof *change->places);
    memset (change->changed + before, 0, (room - before) * sizeof *change->changed);
    change->room = room;
    return 0;
}

int
qcow2_change_begin_locked (struct qcow2 *self, struct qcow2_change *change)
{
    *change = (struct qcow2_change) {
        .self = self,
        .header = self->header,
        .cursor = self->fresh_from,
    };
    change->buffer = malloc (BUFFER_BYTES);
    if (!change->buffer)
        return -ENOMEM;
    for (uint32_t i = 0; i < self->rt.n; i++)
        if (self->rt.entries[i])
            change->n_blocks = i + 1;
    return make_room (change, change->n_blocks ? change->n_blocks - 1 : 0);
}

/* With the lock: nobody finds new clusters from here on, also where the lock is released, and
 * everything is in the file. */
static int
bring_to_rest (struct qcow2 *self, struct qcow2_change *change, struct vmm_error *error)
{
    int r = 0;

    while (self->in_refill)
        pthread_cond_wait (&self->wake, &self->lock);
    self->in_refill = true;
    qcow2_reserve_drop (self);
    while (r == 0 && !qcow2_is_clean (self)) {
        pthread_mutex_unlock (&self->lock);
        r = qcow2_barrier (self);
        pthread_mutex_lock (&self->lock);
    }
    if (r == 0)
        r = qcow2_change_begin_locked (self, change);
    change->keeps_reserve_empty = true;
    return r < 0 ? vmm_error_set_errno (error, r, "%s cannot be changed", self->blk.path) : 0;
}

int
qcow2_change_begin (struct qcow2 *self, struct qcow2_change *change, struct vmm_error *error)
{
    const char *path = self->blk.path;

    *change = (struct qcow2_change) {.self = self};
    pthread_mutex_lock (&self->lock);
    while (qcow2_is_frozen (self))
        pthread_cond_wait (&self->wake, &self->lock);
    if (self->flags & BLK_READ_ONLY)
        return vmm_error_set (error, -EROFS, "%s is open for reading only", path);
    if (!list_is_empty (&self->flights))
        return vmm_error_set (error, -EBUSY, "%s is being written to", path);
    return bring_to_rest (self, change, error);
}

int
qcow2_change_begin_shared (struct qcow2 *self, struct qcow2_change *change, struct vmm_error *error)
{
    int r;

    *change = (struct qcow2_change) {.self = self};
    pthread_mutex_lock (&self->lock);
    r = bring_to_rest (self, change, error);
    pthread_mutex_unlock (&self->lock);
    change->shared = true;
    return r;
}

int
qcow2_change_begin_to_read (struct qcow2 *self, struct qcow2_change *change,
                            struct vmm_error *error)
{
    int r;

    if (!(self->flags & BLK_READ_ONLY))
        return qcow2_change_begin (self, change, error);
    *change = (struct qcow2_change) {.self = self};
    pthread_mutex_lock (&self->lock);
    r = qcow2_change_begin_locked (self, change);
    return r < 0 ? vmm_error_set_errno (error, r, "%s cannot be read", self->blk.path) : 0;
}

int
qcow2_change_tell (struct qcow2_change *change, uint64_t done, uint64_t total)
{
    const struct blk_watch *watch = change->watch;
    double steps = change->step + (double) done / (double) total;

    if (!watch || !watch->progress)
        return 0;
    return watch->progress (watch->data, change->base + change->span * steps / change->n_steps)
               ? 0
               : -ECANCELED;
}

void
qcow2_change_end_locked (struct qcow2_change *change)
{
    struct qcow2 *self = change->self;

    /* What was written there and is not used after all has to be zeroed first. */
    self->fresh_from = MAX_OF (self->fresh_from, change->cursor);
    for (uint64_t i = 0; i < MIN_OF (change->n_blocks, change->room); i++)
        free (change->blocks[i]);
    free (change->blocks);
    free (change->places);
    free (change->changed);
    free (change->todo);
    free (change->buffer);
    free (change->freed.runs);
    qcow2_table_fini (&change->l1);
    qcow2_table_fini (&change->rt);
}

void
qcow2_change_end (struct qcow2_change *change)
{
    struct qcow2 *self = change->self;

    if (change->shared)
        pthread_mutex_lock (&self->lock);
    if (change->keeps_reserve_empty) {
        self->in_refill = false;
        pthread_cond_broadcast (&self->wake);
    }
    qcow2_change_end_locked (change);
    pthread_mutex_unlock (&self->lock);
}

/* The block that counts @cluster, and where in it. */
static int
get_block (struct qcow2_change *change, uint64_t cluster, unsigned char **ret_block,
           uint64_t *ret_index)
{
    struct qcow2 *self = change->self;
    uint64_t number = cluster / self->entries_per_block, offset = 0;
    unsigned char *block;
    int r = make_room (change, number);

    if (r < 0)
        return r;
    *ret_index = cluster % self->entries_per_block;
    *ret_block = change->blocks[number];
    if (*ret_block)
        return 0;
    if (change->bytes + self->cluster_size > QCOW2_MAX_COUNT_BYTES)
        return -EFBIG;
    block = calloc (1, self->cluster_size);
    if (!block)
        return -ENOMEM;
    if (!change->from_scratch && number < self->rt.n)
        offset = self->rt.entries[number];
    if (offset & (self->cluster_size - 1) || offset >> self->cluster_bits >= self->fresh_from)
        r = qcow2_damaged (self, "a refcount block cannot be at", offset);
    else if (offset)
        r = blk_file_read (self->file, offset, block, self->cluster_size);
    if (r < 0) {
        free (block);
        return r;
    }
    change->blocks[number] = *ret_block = block;
    change->bytes += self->cluster_size;
    change->n_blocks = MAX_OF (change->n_blocks, number + 1);
    return 0;
}

int
qcow2_change_get_count (struct qcow2_change *change, uint64_t cluster, uint64_t *ret_count)
{
    unsigned char *block;
    uint64_t index;
    int r = get_block (change, cluster, &block, &index);

    if (r == 0)
        *ret_count = qcow2_refcount_peek (block, change->self->refcount_bits, index);
    return r;
}

static void
note_freed (struct qcow2_change *change, uint64_t cluster)
{
    struct qcow2_runs *freed = &change->freed;
    struct qcow2_run *last = freed->n ? &freed->runs[freed->n - 1] : NULL;

    change->n_freed++;
    if (last && last->first + last->n == cluster) {
        last->n++;
        return;
    }
    if (freed->n == freed->size) {
        size_t size = MAX_OF (256, 2 * freed->size);
        struct qcow2_run *runs = realloc (freed->runs, size * sizeof *runs);

        if (!runs)
            return; /* it will be used again, only its space is not given back now */
        freed->runs = runs;
        freed->size = size;
    }
    assert (freed->runs);
    freed->runs[freed->n++] = (struct qcow2_run) {cluster, 1, 0};
}

int
qcow2_change_add_count (struct qcow2_change *change, uint64_t cluster, int delta)
{
    unsigned bits = change->self->refcount_bits;
    uint64_t number = cluster / change->self->entries_per_block, index, count;
    uint64_t most = bits == 64 ? UINT64_MAX : (UINT64_C (1) << bits) - 1;
    unsigned char *block;
    int r = get_block (change, cluster, &block, &index);

    if (r < 0)
        return r;
    count = qcow2_refcount_peek (block, bits, index);
    if (delta > 0 && count == most)
        return -EMLINK;
    if (delta < 0 && count == 0)
        return -EUCLEAN;
    qcow2_refcount_poke (block, bits, index, delta > 0 ? count + 1 : count - 1);
    if (delta < 0 && count == 1)
        note_freed (change, cluster);
    if (!change->changed[number]) {
        change->changed[number] = true;
        change->todo[change->n_todo++] = (uint32_t) number;
    }
    return 0;
}

int
qcow2_change_add_range (struct qcow2_change *change, uint64_t offset, uint64_t length, int delta)
{
    uint64_t first = offset >> change->self->cluster_bits;
    uint64_t last = (offset + length - 1) >> change->self->cluster_bits;
    int r = 0;

    for (uint64_t i = first; r == 0 && length > 0 && i <= last; i++)
        r = qcow2_change_add_count (change, i, delta);
    return r;
}

int
qcow2_change_allocate (struct qcow2_change *change, uint64_t n, uint64_t *ret_offset)
{
    struct qcow2 *self = change->self;
    uint64_t first = change->cursor, count = 0;
    int r;

    /* Something may be counted behind the end of the file: it leaked. */
    for (uint64_t i = first; i < first + n; i++) {
        if (i >= QCOW2_MAX_OFFSET >> self->cluster_bits)
            return -EFBIG;
        r = qcow2_change_get_count (change, i, &count);
        if (r < 0)
            return r;
        if (count)
            first = i + 1;
    }
    change->cursor = first + n;
    r = qcow2_change_add_range (change, first << self->cluster_bits, n << self->cluster_bits, 1);
    if (r == 0)
        *ret_offset = first << self->cluster_bits;
    return r;
}

static int
write_out (struct qcow2_change *change)
{
    int r = 0;

    if (change->buffer_used)
        r = blk_file_write (change->self->file, change->buffer_offset, change->buffer,
                            change->buffer_used);
    change->buffer_used = 0;
    return r;
}

int
qcow2_change_write (struct qcow2_change *change, uint64_t offset, const void *bytes, size_t length)
{
    int r;

    if (change->buffer_offset + change->buffer_used != offset ||
        length > BUFFER_BYTES - change->buffer_used) {
        r = write_out (change);
        if (r < 0)
            return r;
        change->buffer_offset = offset;
    }
    if (length > BUFFER_BYTES)
        return blk_file_write (change->self->file, offset, bytes, length);
    memcpy (change->buffer + change->buffer_used, bytes, length);
    change->buffer_used += length;
    return 0;
}

/* A refcount table for everything up to the cursor and what this still takes. */
static int
place_table (struct qcow2_change *change, uint64_t *ret_offset, uint64_t *ret_clusters)
{
    struct qcow2 *self = change->self;
    uint64_t needed = change->cursor / self->entries_per_block + change->n_blocks + 2;
    uint64_t clusters = needed * 8 / self->cluster_size + 1;
    int r;

    /* Half as much again, so that this is rare. */
    if (clusters > self->header.rt_clusters)
        clusters += clusters / 2;
    clusters = MAX_OF (clusters, self->header.rt_clusters);
    clusters = MIN_OF (clusters, QCOW2_MAX_RT_BYTES >> self->cluster_bits);
    r = qcow2_change_allocate (change, clusters, ret_offset);
    if (r == 0 && !change->from_scratch)
        r = qcow2_change_add_range (change, self->header.rt_offset,
                                    (uint64_t) self->header.rt_clusters << self->cluster_bits, -1);
    *ret_clusters = clusters;
    return r;
}

/* Each block that has changed gets a new place, which changes others, until all have one. */
static int
place_blocks (struct qcow2_change *change)
{
    const struct qcow2_table *rt = &change->self->rt;
    int r = 0;

    while (r == 0 && change->n_todo) {
        uint32_t number = change->todo[--change->n_todo];
        uint64_t place = 0;

        r = qcow2_change_allocate (change, 1, &place);
        change->places[number] = place;
        if (r == 0 && !change->from_scratch && number < rt->n && rt->entries[number])
            r = qcow2_change_add_range (change, rt->entries[number], 1, -1);
    }
    return r;
}

static int
write_counts (struct qcow2_change *change, uint64_t rt_offset, uint64_t rt_clusters)
{
    struct qcow2 *self = change->self;
    uint64_t bytes = rt_clusters << self->cluster_bits;
    AUTO_FREE unsigned char *table = calloc (1, bytes);
    int r = table ? qcow2_table_init (&change->rt, rt_offset, (uint32_t) (bytes / 8)) : -ENOMEM;

    if (r == 0 && change->n_blocks * 8 > bytes)
        r = -EFBIG;
    for (uint64_t i = 0; r == 0 && i < change->n_blocks; i++) {
        uint64_t place = change->places[i];

        if (place)
            r = qcow2_change_write (change, place, change->blocks[i], self->cluster_size);
        else if (!change->from_scratch && i < self->rt.n)
            place = self->rt.entries[i];
        change->rt.entries[i] = place;
        store_be64 (table + 8 * i, place);
    }
    if (r == 0)
        r = qcow2_change_write (change, rt_offset, table, bytes);
    return r == 0 ? write_out (change) : r;
}

static int
switch_over (struct qcow2_change *change)
{
    struct qcow2 *self = change->self;
    int r = blk_file_flush (self->file);

    if (r < 0) {
        atomic_store (&self->failed, true);
        return r;
    }
    r = qcow2_header_write (self->file, &change->header);
    if (r == 0)
        r = blk_file_flush (self->file);
    if (r == 0)
        return 0;
    /* Either header may be there. With the old one back nothing has happened; without, nothing may
     * be written any more. */
    if (qcow2_header_write (self->file, &self->header) < 0 || blk_file_flush (self->file) < 0)
        atomic_store (&self->failed, true);
    return r;
}

static void
take_table (struct qcow2_table *table, struct qcow2_table *from)
{
    if (!from->entries)
        return;
    qcow2_table_fini (table);
    *table = *from;
    *from = (struct qcow2_table) {0};
}

/* The new state is the image's. */
static void
take_over (struct qcow2_change *change)
{
    struct qcow2 *self = change->self;

    self->header = change->header;
    self->fresh_from = change->cursor;
    self->inflated_entry = 0;
    take_table (&self->l1, &change->l1);
    take_table (&self->rt, &change->rt);
    for (size_t i = 0; i < change->freed.n; i++)
        self->free_from = MIN_OF (self->free_from, change->freed.runs[i].first);
    if (change->from_scratch)
        self->free_from = 0;
}

/* Nobody can have found it yet. */
static void
give_back (struct qcow2_change *change)
{
    struct qcow2 *self = change->self;

    if (self->flags & BLK_NO_DISCARD)
        return;
    for (size_t i = 0; i < change->freed.n; i++) {
        const struct qcow2_run *run = &change->freed.runs[i];

        self->file->ops->discard (self->file, run->first << self->cluster_bits,
                                  run->n << self->cluster_bits);
    }
}

int
qcow2_change_commit (struct qcow2_change *change)
{
    uint64_t rt_offset = 0, rt_clusters = 0;
    int r = place_table (change, &rt_offset, &rt_clusters);

    if (r == 0)
        r = place_blocks (change);
    if (r == 0)
        r = write_counts (change, rt_offset, rt_clusters);
    if (r < 0)
        return r;
    change->header.rt_offset = rt_offset;
    change->header.rt_clusters = (uint32_t) rt_clusters;
    r = switch_over (change);
    if (r < 0)
        return r;
    if (change->shared)
        pthread_mutex_lock (&change->self->lock);
    qcow2_cache_drop (change->self);
    take_over (change);
    if (change->shared)
        pthread_mutex_unlock (&change->self->lock);
    give_back (change);
    return 0;
}

static bool
has_dirty_refs (const struct qcow2 *self)
{
    const struct qcow2_page *page;

    list_for_each (page, &self->cache.dirty, dirty_link) {
        if (page->kind == QCOW2_PAGE_REFS)
            return true;
    }
    return self->rt.any_dirty || self->in_barrier;
}

int
qcow2_grow_refs (struct qcow2 *self)
{
    struct qcow2_change change;
    int r = 0;

    while (r == 0 && has_dirty_refs (self)) {
        pthread_mutex_unlock (&self->lock);
        r = qcow2_barrier (self);
        pthread_mutex_lock (&self->lock);
    }
    if (r < 0)
        return r;
    r = qcow2_change_begin_locked (self, &change);
    if (r == 0 && change.header.rt_clusters >= QCOW2_MAX_RT_BYTES >> self->cluster_bits)
        r = -ENOSPC;
    if (r == 0)
        r = qcow2_change_commit (&change);
    qcow2_change_end_locked (&change);
    return r == -EFBIG ? -ENOSPC : r;
}
