/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/block.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "block/driver.h"

#define REPORT_INTERVAL_NS (UINT64_C (10) * 1000000000)

static const char *const operation_names[] = {
    [BLK_READ] = "read",
    [BLK_WRITE] = "write",
    [BLK_FLUSH] = "flush",
    [BLK_DISCARD] = "discard",
    [BLK_WRITE_ZEROES] = "write zeroes to",
};

int
blk_init (struct blk *blk, const struct blk_driver *driver, const char *path,
          const struct vmm_log *log)
{
    int r;

    memset (blk, 0, sizeof *blk);
    blk->driver = driver;
    blk->log = log;
    list_init (&blk->ended);
    blk->path = strdup (path);
    if (!blk->path)
        return -ENOMEM;
    blk->event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (blk->event_fd < 0) {
        r = -errno;
        free (blk->path);
        return r;
    }
    pthread_mutex_init (&blk->mutex, NULL);
    return 0;
}

void
blk_fini (struct blk *blk)
{
    pthread_mutex_destroy (&blk->mutex);
    blk->event_fd = close_fd (blk->event_fd);
    free (blk->path);
}

void
blk_signal (struct blk *blk)
{
    uint64_t one = 1;

    /* The counter cannot fill up in this universe, and there is no other error. */
    if (write (blk->event_fd, &one, sizeof one) < 0)
        return;
}

static void
complete_ended (struct blk *blk)
{
    struct vmm_list ended;

    list_init (&ended);
    pthread_mutex_lock (&blk->mutex);
    if (!list_is_empty (&blk->ended)) {
        list_insert_before (&blk->ended, &ended);
        list_remove (&blk->ended);
    }
    pthread_mutex_unlock (&blk->mutex);

    while (!list_is_empty (&ended)) {
        struct blk_request *request = list_entry (ended.next, struct blk_request, link);

        list_remove (&request->link);
        blk_complete (request, request->result);
    }
}

static void
event_cb (void *data, uint32_t events)
{
    struct blk *blk = data;

    complete_ended (blk);
    if (blk->driver->poll)
        blk->driver->poll (blk);
}

int
blk_attach (struct blk *blk, struct vmm_loop *loop)
{
    int r;

    if (blk->loop)
        return -EBUSY;
    /* Edge-triggered: each write to the descriptor is an event of its own, so that nobody needs to
     * read it. */
    r = vmm_loop_add (loop, &blk->source, blk->event_fd, EPOLLIN | EPOLLET, NULL, event_cb, blk);
    if (r < 0)
        return r;
    blk->loop = loop;
    if (blk->driver->attach) {
        r = blk->driver->attach (blk, loop);
        if (r < 0) {
            vmm_source_remove (&blk->source);
            blk->loop = NULL;
            return r;
        }
    }
    blk_signal (blk);
    return 0;
}

void
blk_detach (struct blk *blk)
{
    if (!blk->loop)
        return;
    assert (atomic_load (&blk->in_flight) == 0);
    vmm_source_remove (&blk->source);
    if (blk->driver->detach)
        blk->driver->detach (blk);
    blk->loop = NULL;
}

void
blk_close (struct blk *blk)
{
    if (!blk)
        return;
    blk_detach (blk);
    blk->driver->close (blk);
}

const struct blk_info *
blk_get_info (const struct blk *blk)
{
    return &blk->info;
}

const char *
blk_get_path (const struct blk *blk)
{
    return blk->path;
}

void
blk_get_stats (struct blk *blk, struct blk_stats *ret_stats)
{
    pthread_mutex_lock (&blk->mutex);
    *ret_stats = blk->stats;
    pthread_mutex_unlock (&blk->mutex);
}

/* Whether the iovecs hold exactly @request's length. */
static bool
iovecs_add_up (const struct blk_request *request)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < request->n_iov; i++) {
        if (request->iov[i].iov_len > request->length - total)
            return false;
        total += request->iov[i].iov_len;
    }
    return total == request->length;
}

/* Positive: for the driver to do. Otherwise the request's result. */
static int
check_request (const struct blk *blk, const struct blk_request *request)
{
    uint64_t unaligned = (request->offset | request->length) & (blk->info.logical_block - 1);

    switch (request->operation) {
    case BLK_FLUSH: return blk->info.read_only ? 0 : 1;
    case BLK_READ: break;
    case BLK_WRITE:
    case BLK_DISCARD:
    case BLK_WRITE_ZEROES:
        if (blk->info.read_only)
            return -EROFS;
        break;
    default: return -EINVAL;
    }
    if (unaligned)
        return -EINVAL;
    if (!range_fits (request->offset, request->length, blk->info.size))
        return -ERANGE;
    if (request->operation == BLK_READ || request->operation == BLK_WRITE) {
        if (request->n_iov > blk->info.max_iov || !iovecs_add_up (request))
            return -EINVAL;
    }
    return request->length > 0;
}

void
blk_submit (struct blk *blk, struct blk_request *request)
{
    int r;

    request->blk = blk;
    request->done = 0;
    request->result = 0;
    request->submitted_at = vmm_monotonic_now ();
    list_init (&request->link);
    atomic_fetch_add (&blk->in_flight, 1);

    r = check_request (blk, request);
    if (r > 0)
        blk->driver->submit (blk, request);
    else
        blk_complete_later (request, r);
}

void
blk_kick (struct blk *blk)
{
    if (blk->driver->kick)
        blk->driver->kick (blk);
}

/* Counts a finished request; true if its failure is to be logged, with how many were not since. */
static bool
account (struct blk *blk, const struct blk_request *request, int result, uint64_t *ret_unreported)
{
    uint64_t now = vmm_monotonic_now (), taken = now - request->submitted_at;
    struct blk_stats *stats = &blk->stats;
    bool report = false;

    pthread_mutex_lock (&blk->mutex);
    if (result < 0) {
        stats->errors++;
        /* What was refused tells of the guest, not of the image. */
        if (check_request (blk, request) > 0) {
            report = !blk->reported_at || now - blk->reported_at > REPORT_INTERVAL_NS;
            blk->unreported += !report;
        }
        if (report) {
            *ret_unreported = blk->unreported;
            blk->unreported = 0;
            blk->reported_at = now;
        }
    } else if (request->operation == BLK_READ) {
        stats->read_requests++;
        stats->read_bytes += request->length;
        stats->read_ns += taken;
    } else if (request->operation == BLK_WRITE || request->operation == BLK_WRITE_ZEROES) {
        stats->write_requests++;
        stats->write_bytes += request->length;
        stats->write_ns += taken;
    } else if (request->operation == BLK_FLUSH) {
        stats->flush_requests++;
        stats->flush_ns += taken;
    } else {
        stats->discard_requests++;
    }
    pthread_mutex_unlock (&blk->mutex);
    return report;
}

void
blk_complete (struct blk_request *request, int result)
{
    struct blk *blk = request->blk;
    uint64_t unreported = 0;
    char reason[96], more[64] = "";

    if (account (blk, request, result, &unreported)) {
        if (unreported)
            snprintf (more, sizeof more, " (and %" PRIu64 " failures before it)", unreported);
        vmm_log (blk->log, VMM_LOG_WARNING,
                 "cannot %s %" PRIu64 " bytes at %" PRIu64 " of %s: %s%s",
                 operation_names[request->operation], request->length, request->offset, blk->path,
                 strerror_r (-result, reason, sizeof reason), more);
    }
    request->result = result;
    atomic_fetch_sub (&blk->in_flight, 1);
    request->complete (request, result);
}

void
blk_complete_later (struct blk_request *request, int result)
{
    struct blk *blk = request->blk;

    request->result = result;
    pthread_mutex_lock (&blk->mutex);
    list_append (&blk->ended, &request->link);
    /* Still under the mutex: once it is released, the request may complete and the image close. */
    blk_signal (blk);
    pthread_mutex_unlock (&blk->mutex);
}

struct waiter {
    bool done;
    int result;
};

static void
run_complete_cb (struct blk_request *request, int result)
{
    struct waiter *waiter = request->data;

    waiter->result = result;
    waiter->done = true;
}

int
blk_run (struct blk *blk, struct vmm_loop *loop, struct blk_request *request)
{
    struct waiter waiter = {false, 0};
    int r;

    request->complete = run_complete_cb;
    request->data = &waiter;
    blk_submit (blk, request);
    blk_kick (blk);
    while (!waiter.done) {
        r = vmm_loop_iterate (loop, -1);
        assert (r >= 0);
    }
    return waiter.result;
}
