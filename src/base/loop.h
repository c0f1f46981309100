/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The epoll loop: file descriptors, timers on a clock that can stand still, and wake-ups. One
 * thread iterates a loop; every other function may be called on any thread. Sources and timers live
 * in their owner's memory. Those with a lock, and all timers, must stay valid until they are
 * removed *and* the loop is not inside vmm_loop_iterate () (devices outlive their I/O thread, so
 * for them this needs no thought). A callback runs with the lock its source names held, and never
 * after its removal under that lock.
 *
 * Timers are kept in a plain list: a machine has a few dozen at most.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct vmm_loop;

/*
 * A clock in nanoseconds that its owner can stop, so that guest time stands still while a machine
 * is paused. Starts stopped at 0.
 */
struct vmm_clock {
    pthread_mutex_t mutex;
    bool running;
    int64_t offset; /* running: clock = CLOCK_MONOTONIC + offset */
    uint64_t stopped_at;
};

struct vmm_source {
    struct vmm_loop *loop; /* NULL while not added */
    struct vmm_list link;
    uint64_t number;
    int fd;
    atomic_bool active;
    pthread_mutex_t *lock;
    void (*callback) (void *data, uint32_t events);
    void *data;
};

struct vmm_timer {
    struct vmm_loop *loop;
    struct vmm_clock *clock; /* NULL: CLOCK_MONOTONIC */
    pthread_mutex_t *lock;
    void (*callback) (void *data);
    void *data;
    struct vmm_list link; /* in the loop's list while armed */
    uint64_t deadline;
    uint64_t generation;
};

uint64_t vmm_monotonic_now (void); /* ns */

void vmm_clock_init (struct vmm_clock *clock);
void vmm_clock_fini (struct vmm_clock *clock);
uint64_t vmm_clock_now (struct vmm_clock *clock); /* ns */
/* Starting at a given time is how a restored machine gets its clock back. Wake the loop after
 * starting. */
void vmm_clock_start (struct vmm_clock *clock);
void vmm_clock_stop (struct vmm_clock *clock);
void vmm_clock_set (struct vmm_clock *clock, uint64_t now);

int vmm_loop_create (struct vmm_loop **ret_loop);
void vmm_loop_destroy (struct vmm_loop *loop);

/*
 * Watches @fd (not owned) for @events (EPOLLIN, …; level triggered). @lock may be NULL. -EEXIST if
 * the descriptor is watched already, -EPERM for one that cannot be polled (a regular file).
 */
int
vmm_loop_add (struct vmm_loop *loop, struct vmm_source *source, int fd, uint32_t events,
              pthread_mutex_t *lock, void (*callback) (void *data, uint32_t events), void *data);
int vmm_source_modify (struct vmm_source *source, uint32_t events);
/*
 * Removing a source that is not added (zeroed memory) does nothing. Call it with the source's lock
 * held. A source without a lock is not being called back any more when this returns, and may be
 * freed: off the loop's thread this waits for a callback that is running.
 */
void vmm_source_remove (struct vmm_source *source);

void vmm_timer_init (struct vmm_timer *timer, struct vmm_loop *loop, struct vmm_clock *clock,
                     pthread_mutex_t *lock, void (*callback) (void *data), void *data);
/* One shot. Arming an armed timer moves it. @deadline is absolute, in ns of the timer's clock. */
void vmm_timer_arm (struct vmm_timer *timer, uint64_t deadline);
/* Disarming a timer that is not armed, or zeroed memory, does nothing. */
void vmm_timer_disarm (struct vmm_timer *timer);
bool vmm_timer_is_armed (struct vmm_timer *timer);

/*
 * Lets the loop look for events for up to @limit_ns before it sleeps, as long as that has been
 * worth it: it adapts to how soon they come. To fall asleep and to be woken takes an idle processor
 * several microseconds, more in a virtual machine. Call it before the first vmm_loop_iterate (); 0,
 * which is also the default, always sleeps.
 */
void vmm_loop_set_spin (struct vmm_loop *loop, uint64_t limit_ns);

/* Whether the caller is (below) a callback of @loop. */
bool vmm_loop_is_current (struct vmm_loop *loop);

/* Makes the current or next vmm_loop_iterate () return early. Below a callback there is nothing to
 * do: the turn that called it is about to end, and timers are looked at before the next wait. */
void vmm_loop_wake (struct vmm_loop *loop);

/*
 * Waits up to @timeout_ms (-1: for ever) for something to do, does all of it, returns how many
 * callbacks ran or a negative errno.
 */
int vmm_loop_iterate (struct vmm_loop *loop, int timeout_ms);
