/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Host operations on io_uring (io_uring(7)). Requests from any thread wait in a queue; only the
 * loop's thread moves them into the ring, enters the kernel and takes completions out. That needs
 * no lock around the ring, keeps the copying of cached reads off vCPUs, and lets the kernel run its
 * deferred work on the one thread that waits for it (IORING_SETUP_COOP_TASKRUN never interrupts a
 * running guest). The kernel signals completions through the image's event descriptor.
 *
 * At most RING_ENTRIES requests are in the ring, so that neither of its queues can overflow; the
 * rest stay in our queue.
 */
#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#include "base/util.h"
#include "block/raw.h"

#define RING_ENTRIES      128
#define ENDS_PER_POLL     256 /* then the loop's other sources have their turn */
#define RETRY_INTERVAL_NS UINT64_C (1000000)
#define PLAIN_READ_MAX    (UINT64_C (1) << 30)

struct slot {
    struct blk_request *request;
    struct raw_step step;
    struct slot *next_free;
};

struct raw_ring {
    struct raw *raw;
    pthread_mutex_t mutex; /* guards the queue */
    struct vmm_list queue; /* submitted, not yet in the ring */

    /* The loop's thread's own. */
    struct io_uring ring;
    struct slot slots[RING_ENTRIES];
    struct slot *free;
    struct vmm_timer again; /* polls */
};

static void
again_cb (void *data)
{
    struct raw_ring *ring = data;

    raw_ring_poll (ring);
}

int
raw_ring_create (struct raw *raw, struct raw_ring **ret_ring)
{
    struct io_uring_params modern = {.flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN};
    struct io_uring_params plain = {0};
    struct raw_ring *ring = calloc (1, sizeof *ring);
    int r;

    if (!ring)
        return -ENOMEM;
    /* Those flags came with Linux 5.19. */
    r = io_uring_queue_init_params (RING_ENTRIES, &ring->ring, &modern);
    if (r == -EINVAL)
        r = io_uring_queue_init_params (RING_ENTRIES, &ring->ring, &plain);
    if (r < 0)
        goto failed;
    r = io_uring_ring_dontfork (&ring->ring);
    if (r == 0)
        r = io_uring_register_eventfd (&ring->ring, raw->blk.event_fd);
    if (r < 0)
        goto failed_ring;

    ring->raw = raw;
    pthread_mutex_init (&ring->mutex, NULL);
    list_init (&ring->queue);
    for (unsigned i = 0; i < RING_ENTRIES; i++) {
        ring->slots[i].next_free = ring->free;
        ring->free = &ring->slots[i];
    }
    *ret_ring = ring;
    return 0;

failed_ring:
    io_uring_queue_exit (&ring->ring);
failed:
    free (ring);
    return r;
}

void
raw_ring_destroy (struct raw_ring *ring)
{
    if (!ring)
        return;
    io_uring_queue_exit (&ring->ring);
    pthread_mutex_destroy (&ring->mutex);
    free (ring);
}

void
raw_ring_attach (struct raw_ring *ring, struct vmm_loop *loop)
{
    vmm_timer_init (&ring->again, loop, NULL, NULL, again_cb, ring);
}

void
raw_ring_detach (struct raw_ring *ring)
{
    vmm_timer_disarm (&ring->again);
}

static void
free_slot (struct raw_ring *ring, struct slot *slot)
{
    slot->request = NULL;
    slot->next_free = ring->free;
    ring->free = slot;
}

/* Puts the next step of the slot's request into the ring: RAW_MORE, or the request's result. */
static int
push_step (struct raw_ring *ring, struct slot *slot)
{
    struct raw_step *step = &slot->step;
    int r = raw_plan (ring->raw, slot->request, step), fd = ring->raw->fd;
    struct io_uring_sqe *sqe;

    if (r != RAW_MORE)
        return r;
    sqe = io_uring_get_sqe (&ring->ring);
    assert (sqe); /* there are as many as slots, and a slot has one at most */
    if (step->kind == RAW_FDATASYNC)
        io_uring_prep_fsync (sqe, fd, IORING_FSYNC_DATASYNC);
    else if (step->kind == RAW_FALLOCATE)
        io_uring_prep_fallocate (sqe, fd, step->mode, step->offset, step->length);
    else if (step->n_iov == 1 && step->length <= PLAIN_READ_MAX && step->kind == RAW_PREADV)
        io_uring_prep_read (sqe, fd, step->iov->iov_base, (unsigned) step->length, step->offset);
    else if (step->n_iov == 1 && step->length <= PLAIN_READ_MAX)
        io_uring_prep_write (sqe, fd, step->iov->iov_base, (unsigned) step->length, step->offset);
    else if (step->kind == RAW_PREADV)
        io_uring_prep_readv (sqe, fd, step->iov, step->n_iov, step->offset);
    else
        io_uring_prep_writev (sqe, fd, step->iov, step->n_iov, step->offset);
    io_uring_sqe_set_data (sqe, slot);
    return RAW_MORE;
}

static struct blk_request *
pop_request (struct raw_ring *ring)
{
    struct blk_request *request = NULL;

    pthread_mutex_lock (&ring->mutex);
    if (!list_is_empty (&ring->queue)) {
        request = list_entry (ring->queue.next, struct blk_request, link);
        list_remove (&request->link);
    }
    pthread_mutex_unlock (&ring->mutex);
    return request;
}

/* Fills the ring from the queue and enters the kernel if there is anything to tell it. */
static void
pump (struct raw_ring *ring)
{
    struct blk_request *request;
    int r;

    while (ring->free && (request = pop_request (ring))) {
        struct slot *slot = ring->free;

        ring->free = slot->next_free;
        slot->request = request;
        slot->step = (struct raw_step) {0};
        r = push_step (ring, slot);
        if (r != RAW_MORE) {
            free_slot (ring, slot);
            blk_complete_later (request, r);
        }
    }
    while (io_uring_sq_ready (&ring->ring)) {
        r = io_uring_submit (&ring->ring);
        if (r == -EINTR)
            continue;
        if (r <= 0) {
            /* The kernel is short of memory. What it has not taken stays in the ring. */
            vmm_timer_arm (&ring->again, vmm_monotonic_now () + RETRY_INTERVAL_NS);
            break;
        }
    }
}

/* Takes what has ended out of the ring; how many there were, ENDS_PER_POLL at most. */
static unsigned
reap (struct raw_ring *ring)
{
    struct io_uring_cqe *cqe;
    unsigned n = 0;

    while (n < ENDS_PER_POLL && io_uring_peek_cqe (&ring->ring, &cqe) == 0) {
        struct slot *slot = io_uring_cqe_get_data (cqe);
        struct blk_request *request = slot->request;
        int r = cqe->res;

        io_uring_cqe_seen (&ring->ring, cqe);
        n++;
        r = raw_advance (ring->raw, request, &slot->step, r);
        if (r == RAW_MORE)
            r = push_step (ring, slot);
        if (r != RAW_MORE) {
            free_slot (ring, slot);
            blk_complete (request, r);
        }
    }
    return n;
}

void
raw_ring_poll (struct raw_ring *ring)
{
    /* What the page cache holds is done by the time pump () returns. */
    for (unsigned n = 0; n < ENDS_PER_POLL;) {
        unsigned ended = reap (ring);

        pump (ring);
        if (ended == 0 && !io_uring_cq_ready (&ring->ring))
            return;
        n += ended;
    }
    blk_signal (&ring->raw->blk);
}

void
raw_ring_submit (struct raw_ring *ring, struct blk_request *request)
{
    pthread_mutex_lock (&ring->mutex);
    list_append (&ring->queue, &request->link);
    pthread_mutex_unlock (&ring->mutex);
}

void
raw_ring_kick (struct raw_ring *ring)
{
    struct vmm_loop *loop = ring->raw->blk.loop;

    if (!loop || !vmm_loop_is_current (loop)) {
        blk_signal (&ring->raw->blk);
        return;
    }
    pump (ring);
    /* What has ended already is taken in this turn of the loop, but not below the caller. */
    if (io_uring_cq_ready (&ring->ring))
        vmm_timer_arm (&ring->again, 0);
}
