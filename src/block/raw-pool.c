/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Four threads that carry out requests one after the other each, for hosts without io_uring. Their
 * signals are blocked; they exist from open to close.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "block/raw.h"

#define N_THREADS 4

struct raw_pool {
    struct raw *raw;
    pthread_t threads[N_THREADS];
    unsigned n_threads;
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t wake;
    struct vmm_list queue;
    bool stop;
};

static int
carry_out (int fd, const struct raw_step *step)
{
    ssize_t r = -1;

    switch (step->kind) {
    case RAW_PREADV: r = preadv (fd, step->iov, (int) step->n_iov, (off_t) step->offset); break;
    case RAW_PWRITEV: r = pwritev (fd, step->iov, (int) step->n_iov, (off_t) step->offset); break;
    case RAW_FDATASYNC: r = fdatasync (fd); break;
    case RAW_FALLOCATE:
        r = fallocate (fd, step->mode, (off_t) step->offset, (off_t) step->length);
        break;
    }
    return r < 0 ? -errno : (int) r; /* the host moves less than 2 GiB at a time */
}

static void
serve (struct raw *raw, struct blk_request *request)
{
    struct raw_step step = {0};
    int r;

    while ((r = raw_plan (raw, request, &step)) == RAW_MORE) {
        r = raw_advance (raw, request, &step, carry_out (raw->fd, &step));
        if (r != RAW_MORE)
            break;
    }
    blk_complete_later (request, r);
}

static void *
worker (void *data)
{
    struct raw_pool *pool = data;

    pthread_mutex_lock (&pool->mutex);
    for (;;) {
        struct blk_request *request;

        while (list_is_empty (&pool->queue) && !pool->stop)
            pthread_cond_wait (&pool->wake, &pool->mutex);
        if (pool->stop)
            break;
        request = list_entry (pool->queue.next, struct blk_request, link);
        list_remove (&request->link);
        pthread_mutex_unlock (&pool->mutex);
        serve (pool->raw, request);
        pthread_mutex_lock (&pool->mutex);
    }
    pthread_mutex_unlock (&pool->mutex);
    return NULL;
}

int
raw_pool_create (struct raw *raw, struct raw_pool **ret_pool)
{
    struct raw_pool *pool = calloc (1, sizeof *pool);
    sigset_t all, before;
    int r = 0;

    if (!pool)
        return -ENOMEM;
    pool->raw = raw;
    list_init (&pool->queue);
    pthread_mutex_init (&pool->mutex, NULL);
    pthread_cond_init (&pool->wake, NULL);

    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    while (pool->n_threads < N_THREADS && r == 0) {
        r = -pthread_create (&pool->threads[pool->n_threads], NULL, worker, pool);
        pool->n_threads += r == 0;
    }
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (pool->n_threads == 0) {
        raw_pool_destroy (pool);
        return r;
    }
    *ret_pool = pool;
    return 0;
}

void
raw_pool_destroy (struct raw_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock (&pool->mutex);
    pool->stop = true;
    pthread_cond_broadcast (&pool->wake);
    pthread_mutex_unlock (&pool->mutex);
    for (unsigned i = 0; i < pool->n_threads; i++)
        pthread_join (pool->threads[i], NULL);
    pthread_cond_destroy (&pool->wake);
    pthread_mutex_destroy (&pool->mutex);
    free (pool);
}

void
raw_pool_submit (struct raw_pool *pool, struct blk_request *request)
{
    pthread_mutex_lock (&pool->mutex);
    list_append (&pool->queue, &request->link);
    pthread_cond_signal (&pool->wake);
    pthread_mutex_unlock (&pool->mutex);
}
