/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests. Where all that a request needs to know is in memory, it is mapped right where it was
 * submitted, as is a write to what was zeroes so far, and its data go straight to the lower image
 * and io_uring. Everything else is for the workers, which may wait for the file.
 *
 * A job is what a request is while it is in flight. Those in flight are kept in the order of their
 * submission, for clusters that are given up must not be used again before the last request that
 * could have seen them is done.
 */
#include <errno.h>
#include <stdlib.h>

#include "block/qcow2.h"

#define MAX_TARGETS 64
#define MAX_SPARE   128

struct qcow2_part {
    struct blk_request lower;
    struct qcow2_job *job;
};

struct qcow2_job {
    struct qcow2 *self;
    struct blk_request *request;
    struct vmm_list flight, queue;
    uint64_t seq;
    unsigned n_parts; /* not done yet; the loop's thread's once they are submitted */
    int result;
    struct qcow2_part part;   /* the usual one */
    struct qcow2_part *parts; /* more; one allocation with their iovecs */
    struct qcow2_job *next_spare;
};

/* A piece of a request, on its way to the file of an image in the chain. */
struct target {
    struct blk *data;
    uint64_t host, length, at;
};

struct plan {
    const struct blk_request *request;
    struct target targets[MAX_TARGETS];
    unsigned n;
};

uint64_t
qcow2_oldest_flight (const struct qcow2 *self)
{
    const struct vmm_list *first = self->flights.next;

    return list_is_empty (&self->flights) ? self->next_seq
                                          : list_entry (first, struct qcow2_job, flight)->seq;
}

static struct qcow2_job *
start_job (struct qcow2 *self, struct blk_request *request)
{
    struct qcow2_job *job = self->spare_jobs;

    if (job) {
        self->spare_jobs = job->next_spare;
        self->n_spare_jobs--;
    } else {
        job = malloc (sizeof *job);
        if (!job)
            return NULL;
    }
    job->self = self;
    job->request = request;
    job->seq = self->next_seq++;
    job->n_parts = 0;
    job->result = 0;
    job->parts = NULL;
    list_init (&job->queue);
    list_init (&job->flight);
    list_append (&self->flights, &job->flight);
    return job;
}

/* The job is over; its request is to be completed by the caller. */
static void
end_job (struct qcow2_job *job)
{
    struct qcow2 *self = job->self;

    free (job->parts);
    pthread_mutex_lock (&self->lock);
    list_remove (&job->flight);
    if (self->n_spare_jobs < MAX_SPARE) {
        job->next_spare = self->spare_jobs;
        self->spare_jobs = job;
        self->n_spare_jobs++;
        job = NULL;
    }
    pthread_mutex_unlock (&self->lock);
    free (job);
}

void
qcow2_free_spare_jobs (struct qcow2 *self)
{
    while (self->spare_jobs) {
        struct qcow2_job *job = self->spare_jobs;

        self->spare_jobs = job->next_spare;
        free (job);
    }
}

static int
add_target (struct plan *plan, struct blk *data, uint64_t host, uint64_t length, uint64_t at)
{
    struct target *last = plan->n ? &plan->targets[plan->n - 1] : NULL;

    if (!data)
        return -EAGAIN;
    if (last && last->data == data && last->host + last->length == host &&
        last->at + last->length == at) {
        last->length += length;
        return 0;
    }
    if (plan->n == MAX_TARGETS)
        return -EAGAIN;
    plan->targets[plan->n++] = (struct target) {data, host, length, at};
    return 0;
}

/* Plans to read the guest's @length bytes from @offset to where the request's byte @at is. */
static int
plan_read (struct qcow2 *self, struct plan *plan, uint64_t offset, uint64_t length, uint64_t at)
{
    struct qcow2_layer *layer = &self->backing;

    while (length > 0) {
        struct qcow2_mapping mapping;
        int r = qcow2_map (self, offset, length, false, &mapping);

        if (r < 0)
            return r;
        if (mapping.kind == QCOW2_KIND_COMPRESSED)
            return -EAGAIN;
        if (mapping.kind == QCOW2_KIND_DATA)
            r = add_target (plan, self->data, mapping.host, mapping.length, at);
        else if (mapping.kind != QCOW2_KIND_NONE || qcow2_is_bottom (self, offset))
            qcow2_zero_iov (plan->request->iov, plan->request->n_iov, at, mapping.length);
        else if (!layer->image)
            r = add_target (plan, layer->raw_data, offset, mapping.length, at);
        else {
            pthread_mutex_lock (&layer->image->lock);
            r = plan_read (layer->image, plan, offset, mapping.length, at);
            pthread_mutex_unlock (&layer->image->lock);
        }
        if (r < 0)
            return r;
        offset += mapping.length;
        at += mapping.length;
        length -= mapping.length;
    }
    return 0;
}

static int
plan_write (struct qcow2 *self, struct plan *plan)
{
    uint64_t offset = plan->request->offset, length = plan->request->length, at = 0;

    while (at < length) {
        struct qcow2_mapping mapping;
        int r = qcow2_map (self, offset + at, length - at, false, &mapping);

        if (r < 0)
            return r;
        if (mapping.kind != QCOW2_KIND_DATA || !mapping.own) {
            if (!mapping.own_table || self->reserve[0].n == 0 || qcow2_is_barrier_due (self))
                return -EAGAIN;
            r = qcow2_link_fresh (self, &mapping, offset + at);
            if (r != 0)
                return r < 0 ? r : -EAGAIN;
        }
        r = add_target (plan, self->data, mapping.host, mapping.length, at);
        if (r < 0)
            return r;
        at += mapping.length;
    }
    return 0;
}

/* What can be said without waiting: -EAGAIN nothing, 0 @plan holds what is left to do. */
static int
plan (struct qcow2 *self, struct plan *plan)
{
    const struct blk_request *request = plan->request;

    switch (request->operation) {
    case BLK_READ: return plan_read (self, plan, request->offset, request->length, 0);
    case BLK_WRITE: return plan_write (self, plan);
    case BLK_FLUSH:
        if (atomic_load (&self->failed))
            return -EIO;
        return qcow2_is_clean (self) ? add_target (plan, self->data, 0, 0, 0) : -EAGAIN;
    default: return -EAGAIN;
    }
}

/* The loop's thread. */
static void
part_complete_cb (struct blk_request *lower, int result)
{
    struct qcow2_part *part = lower->data;
    struct qcow2_job *job = part->job;
    struct blk_request *request = job->request;

    if (result < 0 && job->result == 0)
        job->result = result;
    if (result < 0 && lower->operation == BLK_FLUSH)
        atomic_store (&job->self->failed, true);
    if (--job->n_parts > 0)
        return;
    result = job->result;
    end_job (job);
    blk_complete (request, result);
}

static void
fill_part (struct qcow2_part *part, struct qcow2_job *job, const struct target *target)
{
    part->job = job;
    part->lower = (struct blk_request) {
        .operation = job->request->operation,
        .offset = target->host,
        .length = target->length,
        .complete = part_complete_cb,
        .data = part,
    };
}

/* Several parts, each with its slice of the iovecs. */
static int
split (struct qcow2_job *job, const struct plan *plan)
{
    const struct blk_request *request = job->request;
    struct iovec *pieces;

    /* Each cut makes one iovec more. */
    job->parts =
        malloc (plan->n * sizeof *job->parts + (request->n_iov + plan->n) * sizeof *pieces);
    if (!job->parts)
        return -ENOMEM;
    pieces = (struct iovec *) (void *) (job->parts + plan->n);
    for (unsigned i = 0; i < plan->n; i++) {
        const struct target *target = &plan->targets[i];
        struct qcow2_part *part = &job->parts[i];

        fill_part (part, job, target);
        part->lower.iov = pieces;
        part->lower.n_iov =
            qcow2_slice (request->iov, request->n_iov, target->at, target->length, pieces);
        pieces += part->lower.n_iov;
    }
    return 0;
}

/* Hands the parts down. The last one to complete ends the job, maybe before this returns. */
static int
carry_out (struct qcow2_job *job, const struct plan *plan)
{
    const struct target *first = &plan->targets[0];
    struct qcow2_part *parts;

    job->n_parts = plan->n;
    if (plan->n == 1 && first->length == job->request->length) {
        fill_part (&job->part, job, first);
        job->part.lower.iov = job->request->iov;
        job->part.lower.n_iov = job->request->n_iov;
        blk_submit (first->data, &job->part.lower);
        return 0;
    }
    if (plan->n == 1 && job->request->operation == BLK_FLUSH) {
        fill_part (&job->part, job, first);
        blk_submit (first->data, &job->part.lower);
        return 0;
    }
    if (split (job, plan) < 0)
        return -EAGAIN;
    parts = job->parts;
    for (unsigned i = 0; i < plan->n; i++)
        blk_submit (plan->targets[i].data, &parts[i].lower);
    return 0;
}

void
qcow2_let_go (struct qcow2 *self)
{
    struct qcow2_job *job, *after;

    list_for_each_safe (job, after, &self->held, queue) {
        list_remove (&job->queue);
        qcow2_pool_enqueue (self->pool, &job->queue);
    }
}

void
qcow2_submit (struct blk *blk, struct blk_request *request)
{
    struct qcow2 *self = qcow2_from_blk (blk);
    struct plan todo;
    struct qcow2_job *job;
    bool held;
    int r = -ENOMEM;

    todo.request = request;
    todo.n = 0;
    pthread_mutex_lock (&self->lock);
    job = start_job (self, request);
    held = job && request->operation != BLK_READ && qcow2_is_frozen (self);
    if (held)
        list_append (&self->held, &job->queue);
    else if (job)
        r = plan (self, &todo);
    pthread_mutex_unlock (&self->lock);
    if (held)
        return;
    if (r == 0 && todo.n)
        r = carry_out (job, &todo);
    if (r == -EAGAIN) {
        qcow2_pool_enqueue (self->pool, &job->queue);
    } else if (r < 0 || todo.n == 0) {
        if (job)
            end_job (job);
        blk_complete_later (request, r);
    }
}

static void
kick_layer (const struct qcow2_layer *layer)
{
    if (layer->raw_data)
        blk_kick (layer->raw_data);
    if (layer->image)
        qcow2_kick (&layer->image->blk);
}

void
qcow2_kick (struct blk *blk)
{
    struct qcow2 *self = qcow2_from_blk (blk);

    if (self->data)
        blk_kick (self->data);
    kick_layer (&self->backing);
}

static int
serve (struct qcow2 *self, const struct blk_request *request)
{
    uint64_t offset = request->offset, length = request->length;

    switch (request->operation) {
    case BLK_READ: return qcow2_read (self, offset, length, request->iov, request->n_iov, 0);
    case BLK_WRITE: return qcow2_write (self, offset, length, request->iov, request->n_iov);
    case BLK_FLUSH: return qcow2_barrier (self);
    case BLK_DISCARD: return qcow2_discard (self, offset, length);
    case BLK_WRITE_ZEROES: return qcow2_write_zeroes (self, offset, length, request->may_unmap);
    }
    return -EINVAL;
}

void
qcow2_work (struct qcow2 *self, struct vmm_list *queued)
{
    struct qcow2_job *job = list_entry (queued, struct qcow2_job, queue);
    struct blk_request *request = job->request;
    int r = serve (self, request);

    end_job (job);
    blk_complete_later (request, r);
}
