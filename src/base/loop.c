/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/util.h"

#define EVENTS_PER_WAIT 32
#define N_BUCKETS       64
#define SHORTEST_SPIN   UINT64_C (4000)

/*
 * The kernel may have handed out an event just before its source was removed and freed. So events
 * carry a number that is never used twice, and whoever dispatches looks the source up by it.
 */
struct vmm_loop {
    int epoll_fd;
    int wake_fd;
    atomic_ulong thread;       /* the pthread_t that iterates, 0 while none does */
    uint64_t spin_limit, spin; /* ns; the iterating thread's own */
    /* Guards what follows; taken inside device locks, never around callbacks. */
    pthread_mutex_t mutex;
    struct vmm_list timers;
    struct vmm_list sources[N_BUCKETS]; /* by number */
    uint64_t last_number;
    struct vmm_source *running; /* its callback is being called, without a lock */
    pthread_cond_t ran;
};

uint64_t
vmm_monotonic_now (void)
{
    struct timespec now;

    clock_gettime (CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

void
vmm_clock_init (struct vmm_clock *clock)
{
    pthread_mutex_init (&clock->mutex, NULL);
    clock->running = false;
    clock->offset = 0;
    clock->stopped_at = 0;
}

void
vmm_clock_fini (struct vmm_clock *clock)
{
    pthread_mutex_destroy (&clock->mutex);
}

static uint64_t
clock_now_locked (const struct vmm_clock *clock)
{
    return clock->running ? vmm_monotonic_now () + (uint64_t) clock->offset : clock->stopped_at;
}

uint64_t
vmm_clock_now (struct vmm_clock *clock)
{
    uint64_t now;

    pthread_mutex_lock (&clock->mutex);
    now = clock_now_locked (clock);
    pthread_mutex_unlock (&clock->mutex);
    return now;
}

void
vmm_clock_set (struct vmm_clock *clock, uint64_t now)
{
    pthread_mutex_lock (&clock->mutex);
    clock->stopped_at = now;
    clock->offset = (int64_t) (now - vmm_monotonic_now ());
    pthread_mutex_unlock (&clock->mutex);
}

void
vmm_clock_start (struct vmm_clock *clock)
{
    pthread_mutex_lock (&clock->mutex);
    if (!clock->running) {
        clock->offset = (int64_t) (clock->stopped_at - vmm_monotonic_now ());
        clock->running = true;
    }
    pthread_mutex_unlock (&clock->mutex);
}

void
vmm_clock_stop (struct vmm_clock *clock)
{
    pthread_mutex_lock (&clock->mutex);
    clock->stopped_at = clock_now_locked (clock);
    clock->running = false;
    pthread_mutex_unlock (&clock->mutex);
}

/* Nanoseconds until @timer is due (0 when overdue), UINT64_MAX while its clock stands still. */
static uint64_t
timer_remaining (const struct vmm_timer *timer)
{
    uint64_t now;

    if (!timer->clock)
        now = vmm_monotonic_now ();
    else {
        bool running;

        pthread_mutex_lock (&timer->clock->mutex);
        running = timer->clock->running;
        now = clock_now_locked (timer->clock);
        pthread_mutex_unlock (&timer->clock->mutex);
        if (!running)
            return UINT64_MAX;
    }
    return timer->deadline > now ? timer->deadline - now : 0;
}

int
vmm_loop_create (struct vmm_loop **ret_loop)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};
    struct vmm_loop *loop = calloc (1, sizeof *loop);
    int r;

    if (!loop)
        return -ENOMEM;
    pthread_mutex_init (&loop->mutex, NULL);
    pthread_cond_init (&loop->ran, NULL);
    list_init (&loop->timers);
    for (size_t i = 0; i < N_BUCKETS; i++)
        list_init (&loop->sources[i]);
    loop->wake_fd = -1;
    loop->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        goto failed;
    loop->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        goto failed;
    if (epoll_ctl (loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) < 0)
        goto failed;
    *ret_loop = loop;
    return 0;

failed:
    r = -errno;
    vmm_loop_destroy (loop);
    return r;
}

void
vmm_loop_destroy (struct vmm_loop *loop)
{
    if (!loop)
        return;
    close_fd (loop->wake_fd);
    close_fd (loop->epoll_fd);
    pthread_cond_destroy (&loop->ran);
    pthread_mutex_destroy (&loop->mutex);
    free (loop);
}

int
vmm_loop_add (struct vmm_loop *loop, struct vmm_source *source, int fd, uint32_t events,
              pthread_mutex_t *lock, void (*callback) (void *data, uint32_t events), void *data)
{
    struct epoll_event event = {.events = events};
    int r = 0;

    source->loop = loop;
    source->fd = fd;
    source->lock = lock;
    source->callback = callback;
    source->data = data;

    pthread_mutex_lock (&loop->mutex);
    source->number = event.data.u64 = ++loop->last_number;
    if (epoll_ctl (loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        r = -errno;
        source->loop = NULL;
    } else {
        atomic_store (&source->active, true);
        list_append (&loop->sources[source->number % N_BUCKETS], &source->link);
    }
    pthread_mutex_unlock (&loop->mutex);
    return r;
}

int
vmm_source_modify (struct vmm_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = source->number};

    if (!source->loop)
        return -ENOENT;
    return epoll_ctl (source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) < 0 ? -errno : 0;
}

bool
vmm_loop_is_current (struct vmm_loop *loop)
{
    return atomic_load (&loop->thread) == (unsigned long) pthread_self ();
}

void
vmm_source_remove (struct vmm_source *source)
{
    struct vmm_loop *loop = source->loop;

    if (!loop)
        return;
    epoll_ctl (loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    atomic_store (&source->active, false);
    source->loop = NULL;

    pthread_mutex_lock (&loop->mutex);
    list_remove (&source->link);
    while (loop->running == source && !vmm_loop_is_current (loop))
        pthread_cond_wait (&loop->ran, &loop->mutex);
    pthread_mutex_unlock (&loop->mutex);
}

void
vmm_timer_init (struct vmm_timer *timer, struct vmm_loop *loop, struct vmm_clock *clock,
                pthread_mutex_t *lock, void (*callback) (void *data), void *data)
{
    *timer = (struct vmm_timer) {
        .loop = loop, .clock = clock, .lock = lock, .callback = callback, .data = data};
    list_init (&timer->link);
}

void
vmm_timer_arm (struct vmm_timer *timer, uint64_t deadline)
{
    pthread_mutex_lock (&timer->loop->mutex);
    list_remove (&timer->link);
    timer->deadline = deadline;
    timer->generation++;
    list_append (&timer->loop->timers, &timer->link);
    pthread_mutex_unlock (&timer->loop->mutex);
    vmm_loop_wake (timer->loop);
}

void
vmm_timer_disarm (struct vmm_timer *timer)
{
    if (!timer->loop)
        return;
    pthread_mutex_lock (&timer->loop->mutex);
    list_remove (&timer->link);
    timer->generation++;
    pthread_mutex_unlock (&timer->loop->mutex);
}

bool
vmm_timer_is_armed (struct vmm_timer *timer)
{
    bool armed;

    if (!timer->loop)
        return false;
    pthread_mutex_lock (&timer->loop->mutex);
    armed = !list_is_empty (&timer->link);
    pthread_mutex_unlock (&timer->loop->mutex);
    return armed;
}

void
vmm_loop_wake (struct vmm_loop *loop)
{
    uint64_t one = 1;

    if (vmm_loop_is_current (loop))
        return;
    /* A full counter means that the loop is awake already. */
    if (write (loop->wake_fd, &one, sizeof one) < 0)
        return;
}

/* The wait in milliseconds, rounded up, no longer than @timeout_ms (-1: for ever). */
static int
next_wait (struct vmm_loop *loop, int timeout_ms)
{
    uint64_t shortest = UINT64_MAX;
    struct vmm_timer *timer;

    pthread_mutex_lock (&loop->mutex);
    list_for_each (timer, &loop->timers, link)
        shortest = MIN_OF (shortest, timer_remaining (timer));
    pthread_mutex_unlock (&loop->mutex);

    if (shortest == UINT64_MAX)
        return timeout_ms;
    shortest = MIN_OF ((shortest + 999999) / 1000000, (uint64_t) INT32_MAX);
    return timeout_ms < 0 || shortest < (uint64_t) timeout_ms ? (int) shortest : timeout_ms;
}

/* Runs one due timer; false when none is due. Re-checked under its own lock: somebody may have
 * moved it meanwhile. */
static bool
run_due_timer (struct vmm_loop *loop)
{
    struct vmm_timer *timer, *due = NULL;
    uint64_t generation = 0;
    bool current;

    pthread_mutex_lock (&loop->mutex);
    list_for_each (timer, &loop->timers, link) {
        if (timer_remaining (timer) == 0) {
            due = timer;
            generation = timer->generation;
            break;
        }
    }
    pthread_mutex_unlock (&loop->mutex);
    if (!due)
        return false;

    if (due->lock)
        pthread_mutex_lock (due->lock);
    pthread_mutex_lock (&loop->mutex);
    current = due->generation == generation;
    if (current)
        list_remove (&due->link);
    pthread_mutex_unlock (&loop->mutex);
    if (current)
        due->callback (due->data);
    if (due->lock)
        pthread_mutex_unlock (due->lock);
    return true;
}

/* The source of that number, or NULL once it is removed. */
static struct vmm_source *
find_source (struct vmm_loop *loop, uint64_t number)
{
    struct vmm_source *source;

    list_for_each (source, &loop->sources[number % N_BUCKETS], link) {
        if (source->number == number)
            return source;
    }
    return NULL;
}

static bool
dispatch (struct vmm_loop *loop, const struct epoll_event *event)
{
    struct vmm_source *source;
    pthread_mutex_t *lock;
    uint64_t count;
    bool ran = false;

    if (event->data.u64 == 0) {
        if (read (loop->wake_fd, &count, sizeof count) < 0)
            return false;
        return false;
    }
    pthread_mutex_lock (&loop->mutex);
    source = find_source (loop, event->data.u64);
    lock = source ? source->lock : NULL;
    loop->running = lock ? NULL : source;
    pthread_mutex_unlock (&loop->mutex);
    if (!source)
        return false;

    if (lock)
        pthread_mutex_lock (lock);
    if (atomic_load (&source->active)) {
        source->callback (source->data, event->events);
        ran = true;
    }
    /* From here on the source may be gone: its callback may have removed and freed it. */
    if (lock) {
        pthread_mutex_unlock (lock);
    } else {
        pthread_mutex_lock (&loop->mutex);
        loop->running = NULL;
        pthread_cond_broadcast (&loop->ran);
        pthread_mutex_unlock (&loop->mutex);
    }
    return ran;
}

void
vmm_loop_set_spin (struct vmm_loop *loop, uint64_t limit_ns)
{
    loop->spin_limit = limit_ns;
}

/* Doubles the time for which to look when an event came within the limit, but only after we had
 * fallen asleep; halves it when none came within the limit. */
static void
adapt_spin (struct vmm_loop *loop, uint64_t waited)
{
    if (waited > loop->spin_limit)
        loop->spin = loop->spin > SHORTEST_SPIN ? loop->spin / 2 : 0;
    else if (waited > loop->spin)
        loop->spin = MIN_OF (loop->spin ? loop->spin * 2 : SHORTEST_SPIN, loop->spin_limit);
}

static int
ask_epoll (struct vmm_loop *loop, struct epoll_event *events, int timeout_ms)
{
    int n_events = epoll_wait (loop->epoll_fd, events, EVENTS_PER_WAIT, timeout_ms);

    return n_events < 0 ? -errno : n_events;
}

/* How many events there are, or a negative errno; looks a while first if that is worth it. */
static int
wait_for_events (struct vmm_loop *loop, struct epoll_event *events, int timeout_ms)
{
    uint64_t begin;
    int n_events;

    if (!loop->spin_limit || timeout_ms == 0)
        return ask_epoll (loop, events, timeout_ms);
    begin = vmm_monotonic_now ();
    while (vmm_monotonic_now () - begin < loop->spin) {
        n_events = ask_epoll (loop, events, 0);
        if (n_events != 0)
            return n_events;
    }
    n_events = ask_epoll (loop, events, timeout_ms);
    adapt_spin (loop, vmm_monotonic_now () - begin);
    return n_events;
}

int
vmm_loop_iterate (struct vmm_loop *loop, int timeout_ms)
{
    struct epoll_event events[EVENTS_PER_WAIT];
    int n_events, ran = 0;

    atomic_store (&loop->thread, (unsigned long) pthread_self ());
    n_events = wait_for_events (loop, events, next_wait (loop, timeout_ms));
    if (n_events < 0) {
        atomic_store (&loop->thread, 0);
        return n_events == -EINTR ? 0 : n_events;
    }
    for (int i = 0; i < n_events; i++)
        ran += dispatch (loop, &events[i]);
    /* Bounded, so that a timer that re-arms itself in the past cannot keep descriptors waiting. */
    for (int i = 0; i < EVENTS_PER_WAIT && run_due_timer (loop); i++)
        ran++;
    atomic_store (&loop->thread, 0);
    return ran;
}
