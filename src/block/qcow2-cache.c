/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pages of metadata: slices of L2 tables and refcount blocks of 4 KiB, or of a cluster where
 * clusters are smaller, so that small writes stay small and memory is bounded whatever the size of
 * clusters. Least recently used ones make room, but only clean ones: barriers see to it that there
 * are such.
 */
#include <errno.h>
#include <stdlib.h>

#include "block/qcow2.h"

int
qcow2_cache_init (struct qcow2 *self)
{
    struct qcow2_cache *cache = &self->cache;

    list_init (&cache->lru);
    list_init (&cache->dirty);
    cache->max_pages = QCOW2_CACHE_BYTES / QCOW2_PAGE_MAX;
    cache->n_buckets = cache->max_pages;
    cache->buckets = malloc (cache->n_buckets * sizeof *cache->buckets);
    if (!cache->buckets)
        return -ENOMEM;
    for (size_t i = 0; i < cache->n_buckets; i++)
        list_init (&cache->buckets[i]);
    return 0;
}

static void
drop (struct qcow2_cache *cache, struct qcow2_page *page)
{
    list_remove (&page->hash);
    list_remove (&page->lru);
    list_remove (&page->dirty_link);
    cache->n_pages--;
    cache->n_dirty -= page->dirty;
    free (page);
}

static struct vmm_list *
bucket_of (struct qcow2 *self, uint64_t offset)
{
    uint64_t number = offset / self->page_size;

    return &self->cache
                .buckets[(number * UINT64_C (0x9e3779b97f4a7c15) >> 32) % self->cache.n_buckets];
}

static struct qcow2_page *
find (struct qcow2 *self, uint64_t offset)
{
    struct vmm_list *bucket = bucket_of (self, offset);
    struct qcow2_page *page;

    list_for_each (page, bucket, hash) {
        if (page->offset == offset)
            return page;
    }
    return NULL;
}

static void
drop_all (struct qcow2_cache *cache)
{
    struct qcow2_page *page, *after;

    list_for_each_safe (page, after, &cache->lru, lru)
        drop (cache, page);
}

void
qcow2_cache_drop (struct qcow2 *self)
{
    struct qcow2_page *page, *after;

    list_for_each_safe (page, after, &self->cache.lru, lru) {
        if (!page->dirty && !page->writing && !page->loading)
            drop (&self->cache, page);
    }
}

void
qcow2_cache_forget (struct qcow2 *self, uint64_t offset)
{
    for (uint64_t at = offset; at < offset + self->cluster_size; at += self->page_size) {
        struct qcow2_page *page = NULL;

        while ((page = find (self, at)) && (page->loading || page->writing))
            pthread_cond_wait (&self->wake, &self->lock);
        if (page)
            drop (&self->cache, page);
    }
}

void
qcow2_cache_fini (struct qcow2 *self)
{
    if (!self->cache.buckets)
        return;
    drop_all (&self->cache);
    free (self->cache.buckets);
    self->cache.buckets = NULL;
}

/* Keeps the number of pages in bounds, as far as that is possible without writing. */
static void
make_room (struct qcow2_cache *cache)
{
    struct vmm_list *link = cache->lru.previous;

    while (cache->n_pages >= cache->max_pages && link != &cache->lru) {
        struct qcow2_page *page = list_entry (link, struct qcow2_page, lru);

        link = link->previous;
        if (!page->dirty && !page->writing && !page->loading)
            drop (cache, page);
    }
}

static int
load (struct qcow2 *self, enum qcow2_page_kind kind, uint64_t offset, struct qcow2_page **ret_page)
{
    struct qcow2_page *page = malloc (sizeof *page + self->page_size);
    int r;

    if (!page)
        return -ENOMEM;
    make_room (&self->cache);
    *page = (struct qcow2_page) {.offset = offset, .kind = kind, .loading = true};
    list_init (&page->lru);
    list_init (&page->dirty_link);
    list_init (&page->hash);
    list_append (bucket_of (self, offset), &page->hash);
    list_insert_before (self->cache.lru.next, &page->lru);
    self->cache.n_pages++;

    pthread_mutex_unlock (&self->lock);
    r = blk_file_read (self->file, offset, page->data, self->page_size);
    pthread_mutex_lock (&self->lock);
    page->loading = false;
    pthread_cond_broadcast (&self->wake);
    if (r < 0) {
        drop (&self->cache, page);
        return r;
    }
    *ret_page = page;
    return 0;
}

int
qcow2_page_get (struct qcow2 *self, enum qcow2_page_kind kind, uint64_t offset, bool may_wait,
                struct qcow2_page **ret_page)
{
    struct qcow2_page *page;

    offset = align_down (offset, self->page_size);
    while ((page = find (self, offset)) && page->loading) {
        if (!may_wait)
            return -EAGAIN;
        pthread_cond_wait (&self->wake, &self->lock);
    }
    if (!page)
        return may_wait ? load (self, kind, offset, ret_page) : -EAGAIN;
    /* A page that is one thing to the L1 table and another to the refcount table. */
    if (page->kind != kind)
        return qcow2_damaged (self, "a table is used twice at", offset);
    if (page->lru.previous != &self->cache.lru) {
        list_remove (&page->lru);
        list_insert_before (self->cache.lru.next, &page->lru);
    }
    *ret_page = page;
    return 0;
}

void
qcow2_page_mark (struct qcow2 *self, struct qcow2_page *page)
{
    if (page->dirty)
        return;
    page->dirty = true;
    self->cache.n_dirty++;
    list_append (&self->cache.dirty, &page->dirty_link);
}

void
qcow2_table_fini (struct qcow2_table *table)
{
    free (table->entries);
    free (table->dirty);
    *table = (struct qcow2_table) {0};
}

int
qcow2_table_init (struct qcow2_table *table, uint64_t offset, uint32_t n)
{
    /* Whole sectors. */
    uint64_t bytes = align_up (UINT64_C (8) * n, 512);

    *table = (struct qcow2_table) {
        .offset = offset,
        .n = n,
        .entries = calloc (1, bytes),
        .dirty = calloc (bytes / 512, 1),
    };
    if (table->entries && table->dirty)
        return 0;
    qcow2_table_fini (table);
    return -ENOMEM;
}

/* The file has whole clusters of a table, but @n may end inside of one. */
int
qcow2_table_load (struct qcow2 *self, struct qcow2_table *table, uint64_t offset, uint32_t n)
{
    uint64_t bytes = align_up (UINT64_C (8) * n, 512);
    struct qcow2_table new;
    int r = qcow2_table_init (&new, offset, n);

    if (r == 0)
        r = blk_file_read (self->file, offset, new.entries, bytes);
    if (r < 0) {
        qcow2_table_fini (&new);
        return r;
    }
    for (uint64_t i = 0; i < bytes / 8; i++)
        new.entries[i] = be64toh (new.entries[i]);
    qcow2_table_fini (table);
    *table = new;
    return 0;
}

void
qcow2_table_set (struct qcow2_table *table, uint32_t index, uint64_t value)
{
    table->entries[index] = value;
    table->dirty[index / (512 / 8)] = 1;
    table->any_dirty = true;
}
