/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread with a loop for libspice-server, which wants every call into it to come from one thread
 * and its descriptors and timers watched there. Other threads have things done on it by posting
 * calls, which never waits.
 */
#pragma once

#include <pthread.h>
#include <spice.h>
#include <stdbool.h>

#include "base/list.h"
#include "base/loop.h"

/* Something to do on the loop's thread. Lives in its owner's memory. */
struct spice_call {
    struct vmm_list link; /* alone while not posted */
    void (*run) (struct spice_call *call);
};

struct spice_loop {
    struct vmm_loop *loop;
    SpiceCoreInterface core; /* for spice_server_init () */
    /* What libspice-server has to say about connections; on the loop's thread. */
    void (*channel_event) (void *data, int event, const SpiceChannelEventInfo *info);
    void *data;

    int dispatching; /* the descriptor whose callback runs; the loop's thread alone, as below */
    bool linked;     /* that one has become a channel during it */
    struct vmm_list removed_timers; /* the loop's thread alone: they may be running */
    pthread_mutex_t mutex;          /* guards what follows; a leaf */
    struct vmm_list calls;
    bool quit;
};

int spice_loop_init (struct spice_loop *self);
/* Nothing is posted any more, nor watched. Calls that have not run never will. */
void spice_loop_fini (struct spice_loop *self);

/*
 * Whether whoever is at the other end of @fd is gone. libspice-server (0.15.2) must not be given
 * the last words of such a connection while it is no channel yet: of a display that goes before its
 * first message, the library's worker uses what it has freed.
 */
bool spice_loop_is_hung_up (int fd);

void spice_call_init (struct spice_call *call, void (*run) (struct spice_call *call));
/* A call that is posted and has not begun to run yet stays as it is. Any thread, any locks. */
void spice_loop_post (struct spice_loop *self, struct spice_call *call);

/* Makes this thread the loop's, from here on for good. Before anything of libspice-server. */
void spice_loop_enter (struct spice_loop *self);
/* Until spice_loop_quit (). */
void spice_loop_run (struct spice_loop *self);
/* Any thread. Calls posted before still run. */
void spice_loop_quit (struct spice_loop *self);
