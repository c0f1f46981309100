/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Barriers: see qcow2.h for the order they keep. The copy is taken under the lock, so that all of
 * it is of one instant and nothing that was changed while it is written goes with it; it is at most
 * QCOW2_MAX_DIRTY pages and a few more.
 */
#include <errno.h>
#include <stdlib.h>

#include "block/qcow2.h"

/* Something to write. */
struct copy {
    uint64_t offset;
    uint32_t length;
    struct qcow2_page *page; /* or */
    struct qcow2_table *table;
    const unsigned char *data;
};

enum step {
    STEP_REFS,
    STEP_REFS_TABLE,
    STEP_ENTRIES,
    N_STEPS,
};

struct batch {
    struct copy *copies;
    size_t n, n_of[N_STEPS];
    unsigned char *bytes;
    size_t used;
    bool must_precede;
    struct qcow2_header *mark; /* goes before everything; NULL: is there */
    bool marked;
};

static size_t
count_sectors (const struct qcow2_table *table)
{
    size_t n = 0;

    for (uint32_t i = 0; table->any_dirty && i < (table->n + 63) / 64; i++)
        n += table->dirty[i];
    return n;
}

static struct copy *
add (struct batch *batch, enum step step, uint64_t offset, uint32_t length)
{
    struct copy *copy = &batch->copies[batch->n++];

    *copy = (struct copy) {.offset = offset, .length = length, .data = batch->bytes + batch->used};
    batch->used += length;
    batch->n_of[step]++;
    return copy;
}

static void
add_pages (struct qcow2 *self, struct batch *batch, enum step step, enum qcow2_page_kind kind)
{
    struct qcow2_page *page, *after;

    list_for_each_safe (page, after, &self->cache.dirty, dirty_link) {
        struct copy *copy;

        if (page->kind != kind)
            continue;
        copy = add (batch, step, page->offset, (uint32_t) self->page_size);
        copy->page = page;
        memcpy ((void *) copy->data, page->data, self->page_size);
        list_remove (&page->dirty_link);
        page->dirty = false;
        page->writing = true;
        self->cache.n_dirty--;
    }
}

static void
add_table (struct batch *batch, enum step step, struct qcow2_table *table)
{
    for (uint32_t i = 0; table->any_dirty && i < (table->n + 63) / 64; i++) {
        struct copy *copy;

        if (!table->dirty[i])
            continue;
        table->dirty[i] = 0;
        copy = add (batch, step, table->offset + UINT64_C (512) * i, 512);
        copy->table = table;
        for (uint32_t j = 0; j < 64; j++)
            store_be64 ((unsigned char *) copy->data + 8 * j, table->entries[64 * i + j]);
    }
    table->any_dirty = false;
}

/* The copies stand in the order of the steps. */
static int
collect (struct qcow2 *self, struct batch *batch)
{
    size_t sectors = count_sectors (&self->l1) + count_sectors (&self->rt);
    size_t pages = self->cache.n_dirty;

    if (sectors + pages && self->header.version >= 3 &&
        !(self->header.incompatible & QCOW2_DIRTY)) {
        batch->mark = malloc (sizeof *batch->mark);
        if (!batch->mark)
            return -ENOMEM;
        *batch->mark = self->header;
        batch->mark->incompatible |= QCOW2_DIRTY;
    }
    batch->copies = malloc ((sectors + pages + 1) * sizeof *batch->copies);
    batch->bytes = malloc (sectors * 512 + pages * self->page_size + 1);
    if (!batch->copies || !batch->bytes)
        return -ENOMEM;
    add_pages (self, batch, STEP_REFS, QCOW2_PAGE_REFS);
    add_table (batch, STEP_REFS_TABLE, &self->rt);
    add_pages (self, batch, STEP_ENTRIES, QCOW2_PAGE_L2);
    add_table (batch, STEP_ENTRIES, &self->l1);
    batch->must_precede = self->must_precede;
    self->must_precede = false;
    return 0;
}

static int
compare_copies (const void *a, const void *b)
{
    const struct copy *left = a, *right = b;

    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static int
write_copies (struct qcow2 *self, struct copy *copies, size_t n)
{
    int r = 0;

    qsort (copies, n, sizeof *copies, compare_copies);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = blk_file_write (self->file, copies[i].offset, copies[i].data, copies[i].length);
    return r;
}

static int
flush (struct qcow2 *self)
{
    int r = blk_file_flush (self->file);

    if (r < 0)
        atomic_store (&self->failed, true);
    return r;
}

/* Whoever opens the image after a crash is to look for leaks. */
static int
write_mark (struct qcow2 *self, struct batch *batch)
{
    int r;

    if (!batch->mark)
        return 0;
    r = qcow2_header_write (self->file, batch->mark);
    if (r < 0)
        return r;
    batch->marked = true;
    return flush (self);
}

static int
write_batch (struct qcow2 *self, struct batch *batch)
{
    struct copy *copies = batch->copies;
    bool more = false;
    int r = write_mark (self, batch);

    for (int step = 0; r == 0 && step < N_STEPS; step++) {
        size_t n = batch->n_of[step];

        if (n == 0)
            continue;
        /* The table depends on its blocks. Entries depend on counts only that went up, which goes
         * with clusters made fresh: .must_precede. */
        if (step == STEP_ENTRIES ? batch->must_precede : more)
            r = flush (self);
        if (r == 0)
            r = write_copies (self, copies, n);
        copies += n;
        more = true;
    }
    return r == 0 ? flush (self) : r;
}

/* With the lock: what could not be written is dirty again. */
static void
end_batch (struct qcow2 *self, const struct batch *batch, bool failed)
{
    self->must_precede |= failed && batch->must_precede;
    if (batch->marked) {
        self->header.incompatible |= QCOW2_DIRTY;
        self->marked = true;
    }
    for (size_t i = 0; i < batch->n; i++) {
        const struct copy *copy = &batch->copies[i];

        if (copy->page)
            copy->page->writing = false;
        if (failed && copy->page)
            qcow2_page_mark (self, copy->page);
        if (failed && copy->table) {
            copy->table->dirty[(copy->offset - copy->table->offset) / 512] = 1;
            copy->table->any_dirty = true;
        }
    }
}

/* With the lock: what was freed before the batch was taken is now free on stable storage as well.
 */
static void
move_frees (struct qcow2 *self, size_t n)
{
    struct qcow2_runs *frees = &self->frees, *durable = &self->durable;

    if (durable->size - durable->n < n) {
        size_t size = durable->n + n;
        struct qcow2_run *runs = realloc (durable->runs, size * sizeof *runs);

        if (!runs)
            return; /* next time */
        durable->runs = runs;
        durable->size = size;
    }
    memcpy (durable->runs + durable->n, frees->runs, n * sizeof *frees->runs);
    durable->n += n;
    memmove (frees->runs, frees->runs + n, (frees->n - n) * sizeof *frees->runs);
    frees->n -= n;
}

static int
run_barrier (struct qcow2 *self)
{
    struct batch batch = {0};
    size_t n_frees = self->frees.n;
    int r = collect (self, &batch);

    if (r == 0) {
        pthread_mutex_unlock (&self->lock);
        r = write_batch (self, &batch);
        pthread_mutex_lock (&self->lock);
        end_batch (self, &batch, r < 0);
        if (r == 0 && n_frees)
            move_frees (self, n_frees);
    }
    free (batch.copies);
    free (batch.bytes);
    free (batch.mark);
    return r;
}

bool
qcow2_is_clean (const struct qcow2 *self)
{
    return self->cache.n_dirty == 0 && !self->l1.any_dirty && !self->rt.any_dirty &&
           self->frees.n == 0 && self->durable.n == 0 && !self->in_barrier;
}

bool
qcow2_is_barrier_due (const struct qcow2 *self)
{
    return self->cache.n_dirty >= QCOW2_MAX_DIRTY || self->frees.n >= QCOW2_MAX_FREES;
}

int
qcow2_barrier (struct qcow2 *self)
{
    uint64_t wanted;
    int r = 0;

    pthread_mutex_lock (&self->lock);
    /* One that begins from now on does for all that wait. */
    wanted = self->n_barriers + 1;
    while (self->in_barrier)
        pthread_cond_wait (&self->wake, &self->lock);
    if (self->last_barrier < wanted) {
        uint64_t number = ++self->n_barriers;

        self->in_barrier = true;
        r = run_barrier (self);
        if (r == 0) {
            self->last_barrier = number;
            qcow2_settle (self);
        }
        self->in_barrier = false;
        pthread_cond_broadcast (&self->wake);
    }
    pthread_mutex_unlock (&self->lock);
    return r;
}
