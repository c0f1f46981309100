/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file in memory below an image format, for tests. It keeps a log of everything that was done to
 * it, from which the states after a power cut can be made: what was flushed is there, and of what
 * was not, each sector may be. It also fails the Nth operation of a kind.
 */
#pragma once

#include <errno.h>
#include <pthread.h>

#include "base/util.h"
#include "block/file.h"
#include "tap.h"

/* For tests in which malloc () is not what it seems. */
#ifndef MEM_MALLOC
#define MEM_MALLOC  malloc
#define MEM_CALLOC  calloc
#define MEM_REALLOC realloc
#endif

enum mem_kind {
    MEM_READ,
    MEM_WRITE, /* zeroes, too */
    MEM_FLUSH,
    MEM_SIZE,
    MEM_KINDS,
};

struct mem_entry {
    enum mem_kind kind;
    uint64_t offset, length; /* MEM_SIZE: the new size in .length */
    unsigned char *bytes;
};

struct mem_file {
    struct blk_file file;
    pthread_mutex_t mutex;
    unsigned char *bytes;
    uint64_t size, room;
    uint64_t high; /* nothing but zeroes is behind */
    struct mem_entry *log;
    size_t n_log, log_size;
    bool logging;
    uint64_t count[MEM_KINDS];
    enum mem_kind fail_kind;
    uint64_t fail_at; /* of .count; 0: never */
    int fail_with;
    bool flush_failed;
    unsigned n_discards;
    uint64_t limit; /* bytes, then the host is full; 0: none */
    bool shut;      /* whoever flushes waits until it is opened */
    unsigned n_waiting;
    pthread_cond_t changed; /* one of these two */
};

static inline struct mem_file *
mem_file_of (struct blk_file *file)
{
    return CONTAINER_OF (file, struct mem_file, file);
}

/* With the mutex. */
static inline int
mem_meet (struct mem_file *self, enum mem_kind kind)
{
    if (++self->count[kind] == self->fail_at && kind == self->fail_kind)
        return self->fail_with;
    return 0;
}

static inline bool
mem_has_room (const struct mem_file *self, uint64_t offset, uint64_t length)
{
    return self->limit == 0 || range_fits (offset, length, self->limit);
}

static inline void
mem_grow (struct mem_file *self, uint64_t size)
{
    if (size > self->room) {
        uint64_t room = MAX_OF (2 * self->room, size);

        unsigned char *bytes = MEM_CALLOC (1, room);

        if (!bytes)
            abort ();
        if (self->high)
            memcpy (bytes, self->bytes, self->high);
        free (self->bytes);
        self->bytes = bytes;
        self->room = room;
    }
    self->size = MAX_OF (self->size, size);
}

static inline struct mem_entry *
mem_log (struct mem_file *self, enum mem_kind kind, uint64_t offset, uint64_t length)
{
    struct mem_entry *entry;

    if (self->n_log == self->log_size) {
        self->log_size = 2 * self->log_size + 64;
        self->log = MEM_REALLOC (self->log, self->log_size * sizeof *self->log);
        if (!self->log)
            abort ();
    }
    entry = &self->log[self->n_log++];
    *entry = (struct mem_entry) {.kind = kind, .offset = offset, .length = length};
    return entry;
}

static inline int
mem_read (struct blk_file *file, uint64_t offset, const struct iovec *iov, unsigned n_iov)
{
    struct mem_file *self = mem_file_of (file);
    int r;

    pthread_mutex_lock (&self->mutex);
    r = mem_meet (self, MEM_READ);
    for (unsigned i = 0; r == 0 && i < n_iov; i++) {
        uint64_t there = offset < self->size ? MIN_OF (iov[i].iov_len, self->size - offset) : 0;

        if (there)
            memcpy (iov[i].iov_base, self->bytes + offset, there);
        memset ((char *) iov[i].iov_base + there, 0, iov[i].iov_len - there);
        offset += iov[i].iov_len;
    }
    pthread_mutex_unlock (&self->mutex);
    return r;
}

/* With the mutex; @bytes may be NULL for zeroes. */
static inline void
mem_put (struct mem_file *self, uint64_t offset, const void *bytes, uint64_t length)
{
    if (length == 0)
        return;
    mem_grow (self, offset + length);
    if (bytes)
        memcpy (self->bytes + offset, bytes, length);
    else
        memset (self->bytes + offset, 0, length);
    self->high = MAX_OF (self->high, offset + length);
    if (self->logging) {
        struct mem_entry *entry = mem_log (self, MEM_WRITE, offset, length);

        entry->bytes = MEM_MALLOC (length);
        if (!entry->bytes)
            abort ();
        memcpy (entry->bytes, self->bytes + offset, length);
    }
}

/* @self, empty so far, becomes the same as @from. */
static inline void
mem_copy (struct mem_file *self, const struct mem_file *from)
{
    mem_grow (self, from->size);
    if (from->high)
        memcpy (self->bytes, from->bytes, from->high);
    self->high = from->high;
}

static inline int
mem_write (struct blk_file *file, uint64_t offset, const struct iovec *iov, unsigned n_iov)
{
    struct mem_file *self = mem_file_of (file);
    int r;

    pthread_mutex_lock (&self->mutex);
    r = mem_meet (self, MEM_WRITE);
    for (unsigned i = 0; r == 0 && i < n_iov; i++) {
        if (!mem_has_room (self, offset, iov[i].iov_len)) {
            r = -ENOSPC;
            break;
        }
        mem_put (self, offset, iov[i].iov_base, iov[i].iov_len);
        offset += iov[i].iov_len;
    }
    pthread_mutex_unlock (&self->mutex);
    return r;
}

static inline int
mem_zero (struct blk_file *file, uint64_t offset, uint64_t length)
{
    struct mem_file *self = mem_file_of (file);
    int r;

    pthread_mutex_lock (&self->mutex);
    r = mem_meet (self, MEM_WRITE);
    if (r == 0 && !mem_has_room (self, offset, length))
        r = -ENOSPC;
    if (r == 0)
        mem_put (self, offset, NULL, length);
    pthread_mutex_unlock (&self->mutex);
    return r;
}

static inline void
mem_discard (struct blk_file *file, uint64_t offset, uint64_t length)
{
    struct mem_file *self = mem_file_of (file);

    /* A host may do so or not. */
    pthread_mutex_lock (&self->mutex);
    if (offset < self->size && self->n_discards++ % 2)
        mem_put (self, offset, NULL, MIN_OF (length, self->size - offset));
    pthread_mutex_unlock (&self->mutex);
}

static inline int
mem_flush (struct blk_file *file)
{
    struct mem_file *self = mem_file_of (file);
    int r;

    pthread_mutex_lock (&self->mutex);
    self->n_waiting++;
    pthread_cond_broadcast (&self->changed);
    while (self->shut)
        pthread_cond_wait (&self->changed, &self->mutex);
    self->n_waiting--;
    r = mem_meet (self, MEM_FLUSH);
    self->flush_failed = self->flush_failed || r < 0;
    r = self->flush_failed ? -EIO : 0;
    if (r == 0 && self->logging)
        mem_log (self, MEM_FLUSH, 0, 0);
    pthread_mutex_unlock (&self->mutex);
    return r;
}

static inline int
mem_get_size (struct blk_file *file, uint64_t *ret_size)
{
    *ret_size = mem_file_of (file)->size;
    return 0;
}

static inline int
mem_set_size (struct blk_file *file, uint64_t size)
{
    struct mem_file *self = mem_file_of (file);
    int r;

    pthread_mutex_lock (&self->mutex);
    r = mem_meet (self, MEM_SIZE);
    if (r == 0 && !mem_has_room (self, 0, size))
        r = -ENOSPC;
    if (r == 0) {
        if (size < self->size)
            memset (self->bytes + size, 0, self->size - size);
        mem_grow (self, size);
        self->size = size;
        if (self->logging)
            mem_log (self, MEM_SIZE, 0, size);
    }
    pthread_mutex_unlock (&self->mutex);
    return r;
}

/* The test owns the memory. */
static inline void
mem_close (struct blk_file *file)
{
}

static const struct blk_file_ops mem_ops = {
    .read = mem_read,
    .write = mem_write,
    .flush = mem_flush,
    .zero = mem_zero,
    .discard = mem_discard,
    .get_size = mem_get_size,
    .set_size = mem_set_size,
    .close = mem_close,
};

static inline void
mem_init (struct mem_file *self)
{
    *self = (struct mem_file) {.file = {&mem_ops, -1}};
    pthread_mutex_init (&self->mutex, NULL);
    pthread_cond_init (&self->changed, NULL);
}

static inline void
mem_fini (struct mem_file *self)
{
    for (size_t i = 0; i < self->n_log; i++)
        free (self->log[i].bytes);
    free (self->log);
    free (self->bytes);
    pthread_cond_destroy (&self->changed);
    pthread_mutex_destroy (&self->mutex);
}

static inline void
mem_shut (struct mem_file *self, bool shut)
{
    pthread_mutex_lock (&self->mutex);
    self->shut = shut;
    pthread_cond_broadcast (&self->changed);
    pthread_mutex_unlock (&self->mutex);
}

/* Until somebody flushes what is shut. */
static inline void
mem_wait_for_flush (struct mem_file *self)
{
    pthread_mutex_lock (&self->mutex);
    while (self->n_waiting == 0)
        pthread_cond_wait (&self->changed, &self->mutex);
    pthread_mutex_unlock (&self->mutex);
}

static inline void
mem_load (struct mem_file *self, const char *path)
{
    FILE *stream = fopen (path, "r");
    unsigned char chunk[4096];
    size_t n;

    CHECK (stream);
    while ((n = fread (chunk, 1, sizeof chunk, stream)) > 0)
        mem_put (self, self->size, chunk, n);
    fclose (stream);
}

static inline void
mem_store (const struct mem_file *self, const char *path)
{
    FILE *stream = fopen (path, "w");

    CHECK (stream);
    CHECK_EQUAL (fwrite (self->bytes, 1, self->size, stream), self->size);
    CHECK_EQUAL (fclose (stream), 0);
}
