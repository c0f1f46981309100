/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a driver of the block room builds on: it embeds a struct blk, which blk_init () readies, and
 * implements a const struct blk_driver. The front (block.c) has checked a request before a driver
 * sees it: it is in range, aligned, not empty, its iovecs add up, and it does not write to a
 * read-only image. For the room's own files only.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "block/block.h"

struct blk_driver {
    const char *name; /* "raw" */
    /* Any thread: starts @request, or queues it until .kick. Never completes it in here. */
    void (*submit) (struct blk *blk, struct blk_request *request);
    /* Any thread, optional: hands everything submitted so far to the host. */
    void (*kick) (struct blk *blk);
    /* The loop's thread, optional: somebody called blk_signal () or wrote to .event_fd. Calls
     * blk_complete () for what has ended. Signals may merge, and may come for nothing. */
    void (*poll) (struct blk *blk);
    /* The owner's thread, both optional. Nothing is in flight at .detach. */
    int (*attach) (struct blk *blk, struct vmm_loop *loop);
    void (*detach) (struct blk *blk);
    /* The owner's thread: releases everything, blk_fini () included. Detached, nothing in flight.
     */
    void (*close) (struct blk *blk);
};

struct blk {
    const struct blk_driver *driver;
    char *path;
    struct blk_info info;
    const struct vmm_log *log;
    struct vmm_loop *loop; /* NULL while detached */
    int event_fd;          /* watched by the loop while attached; edge-triggered, never read */
    struct vmm_source source;
    atomic_uint in_flight;

    pthread_mutex_t mutex; /* guards what follows */
    struct vmm_list ended; /* requests with .result set that wait for the loop */
    struct blk_stats stats;
    uint64_t reported_at; /* when an error was last logged */
    uint64_t unreported;
};

/* -ENOMEM or what eventfd says; then nothing needs blk_fini (). The driver fills .info itself. */
int blk_init (struct blk *blk, const struct blk_driver *driver, const char *path,
              const struct vmm_log *log);
void blk_fini (struct blk *blk);

/* Any thread: has .poll called soon. */
void blk_signal (struct blk *blk);

/* The loop's thread only, not from .submit or .kick: ends @request, whose owner may free it. */
void blk_complete (struct blk_request *request, int result);
/* Any thread, any time: the same from the loop's thread, later. */
void blk_complete_later (struct blk_request *request, int result);
