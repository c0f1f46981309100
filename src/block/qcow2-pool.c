/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The workers of an image: threads that may wait for the file. One is there from the start; more
 * come when work waits and nobody is idle, so that an image that is served by the fast path alone
 * stays cheap.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "block/qcow2.h"

#define N_THREADS   4
#define STACK_BYTES (512 * KIB) /* what is large is on the heap */

struct qcow2_pool {
    struct qcow2 *self;
    atomic_bool refill, take;
    pthread_mutex_t mutex; /* guards the rest; taken with the image's, never the other way */
    pthread_cond_t wake;
    pthread_t threads[N_THREADS];
    unsigned n_threads, n_idle;
    struct vmm_list queue;
    unsigned n_queued;
    bool stop;
};

static void
refill (struct qcow2 *self)
{
    int r = 0;

    pthread_mutex_lock (&self->lock);
    /* Whoever needs clusters says what is wrong. */
    while (r == 0 && (self->reserve[0].n == 0 || self->reserve[1].n == 0))
        r = qcow2_reserve (self);
    pthread_mutex_unlock (&self->lock);
}

static void *
worker (void *data)
{
    struct qcow2_pool *pool = data;

    pthread_mutex_lock (&pool->mutex);
    while (!pool->stop) {
        struct vmm_list *queued = NULL;

        if (atomic_exchange (&pool->take, false)) {
            pthread_mutex_unlock (&pool->mutex);
            qcow2_take_begun (pool->self);
            pthread_mutex_lock (&pool->mutex);
            continue;
        }
        if (!atomic_exchange (&pool->refill, false)) {
            if (list_is_empty (&pool->queue)) {
                pool->n_idle++;
                pthread_cond_wait (&pool->wake, &pool->mutex);
                pool->n_idle--;
                continue;
            }
            queued = pool->queue.next;
            list_remove (queued);
            pool->n_queued--;
        }
        pthread_mutex_unlock (&pool->mutex);
        if (queued)
            qcow2_work (pool->self, queued);
        else
            refill (pool->self);
        pthread_mutex_lock (&pool->mutex);
    }
    pthread_mutex_unlock (&pool->mutex);
    return NULL;
}

static int
start_thread (struct qcow2_pool *pool)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int r;

    pthread_attr_init (&attributes);
    pthread_attr_setstacksize (&attributes, STACK_BYTES);
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    r = -pthread_create (&pool->threads[pool->n_threads], &attributes, worker, pool);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    pthread_attr_destroy (&attributes);
    pool->n_threads += r == 0;
    return r;
}

/* With the mutex: somebody comes for what was just added. Without another thread it takes longer.
 */
static void
wake_somebody (struct qcow2_pool *pool)
{
    unsigned n = pool->n_queued + atomic_load (&pool->refill) + atomic_load (&pool->take);

    if (n > pool->n_idle && pool->n_threads < N_THREADS && !pool->stop)
        start_thread (pool);
    pthread_cond_signal (&pool->wake);
}

void
qcow2_pool_enqueue (struct qcow2_pool *pool, struct vmm_list *queued)
{
    pthread_mutex_lock (&pool->mutex);
    list_append (&pool->queue, queued);
    pool->n_queued++;
    wake_somebody (pool);
    pthread_mutex_unlock (&pool->mutex);
}

void
qcow2_pool_refill (struct qcow2_pool *pool)
{
    if (atomic_exchange (&pool->refill, true))
        return;
    pthread_mutex_lock (&pool->mutex);
    wake_somebody (pool);
    pthread_mutex_unlock (&pool->mutex);
}

void
qcow2_pool_take (struct qcow2_pool *pool)
{
    atomic_store (&pool->take, true);
    pthread_mutex_lock (&pool->mutex);
    wake_somebody (pool);
    pthread_mutex_unlock (&pool->mutex);
}

int
qcow2_pool_create (struct qcow2 *self, struct qcow2_pool **ret_pool)
{
    struct qcow2_pool *pool = calloc (1, sizeof *pool);
    int r;

    if (!pool)
        return -ENOMEM;
    pool->self = self;
    list_init (&pool->queue);
    pthread_mutex_init (&pool->mutex, NULL);
    pthread_cond_init (&pool->wake, NULL);
    pthread_mutex_lock (&pool->mutex);
    r = start_thread (pool);
    pthread_mutex_unlock (&pool->mutex);
    if (r < 0) {
        qcow2_pool_destroy (pool);
        return r;
    }
    *ret_pool = pool;
    return 0;
}

void
qcow2_pool_destroy (struct qcow2_pool *pool)
{
    if (!pool)
        return;
    /* No thread comes after this. */
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
