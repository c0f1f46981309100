/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/spice-loop.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"

struct SpiceTimer {
    struct vmm_timer timer;
    struct vmm_list link; /* among the removed */
    SpiceTimerFunc function;
    void *opaque;
};

struct SpiceWatch {
    struct vmm_source source;
    struct spice_loop *loop;
    int fd;
    bool added;
    bool is_channel; /* else somebody still introduces themselves, or it is a listener */
    SpiceWatchFunc function;
    void *opaque;
};

/*
 * libspice-server's core interface passes nothing that would say whose timer or watch it is about;
 * but it calls only on the thread that initialised it. Hence the only variable of its kind here,
 * which each thread has to itself.
 */
static _Thread_local struct spice_loop *current;

static void
timer_cb (void *data)
{
    SpiceTimer *timer = data;

    timer->function (timer->opaque);
}

static SpiceTimer *
add_timer_cb (SpiceTimerFunc function, void *opaque)
{
    SpiceTimer *timer = calloc (1, sizeof *timer);

    if (!timer)
        return NULL;
    timer->function = function;
    timer->opaque = opaque;
    list_init (&timer->link);
    vmm_timer_init (&timer->timer, current->loop, NULL, NULL, timer_cb, timer);
    return timer;
}

static void
start_timer_cb (SpiceTimer *timer, uint32_t ms)
{
    vmm_timer_arm (&timer->timer, vmm_monotonic_now () + (uint64_t) ms * 1000000);
}

static void
cancel_timer_cb (SpiceTimer *timer)
{
    vmm_timer_disarm (&timer->timer);
}

/* Perhaps from inside its own callback, after which the loop still looks at it. */
static void
remove_timer_cb (SpiceTimer *timer)
{
    if (!timer)
        return;
    vmm_timer_disarm (&timer->timer);
    list_append (&current->removed_timers, &timer->link);
}

static void
free_removed_timers (struct spice_loop *self)
{
    SpiceTimer *timer, *after;

    list_for_each_safe (timer, after, &self->removed_timers, link) {
        list_remove (&timer->link);
        free (timer);
    }
}

bool
spice_loop_is_hung_up (int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};

    return poll (&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLHUP | POLLRDHUP | POLLERR);
}

/* So that all there is to read is the end. */
static void
forget_last_words (int fd)
{
    char bytes[4096];

    while (recv (fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

static void
watch_cb (void *data, uint32_t events)
{
    SpiceWatch *watch = data;
    int mask = 0;

    if (!watch->is_channel && spice_loop_is_hung_up (watch->fd))
        forget_last_words (watch->fd);
    current->dispatching = watch->fd;
    current->linked = false;

    /* Who hung up is found out by reading. */
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        mask |= SPICE_WATCH_EVENT_READ;
    if (events & (EPOLLOUT | EPOLLERR))
        mask |= SPICE_WATCH_EVENT_WRITE;
    watch->function (watch->fd, mask, watch->opaque);
    /* It may have freed the watch. */
    current->dispatching = -1;
}

/* A watch for nothing is not in the loop at all, which would tell of a hang-up for ever. */
static void
update_watch_cb (SpiceWatch *watch, int mask)
{
    uint32_t events = 0;

    if (mask & SPICE_WATCH_EVENT_READ)
        events |= EPOLLIN;
    if (mask & SPICE_WATCH_EVENT_WRITE)
        events |= EPOLLOUT;
    if (watch->added && events)
        vmm_source_modify (&watch->source, events);
    else if (watch->added) {
        vmm_source_remove (&watch->source);
        watch->added = false;
    } else if (events)
        watch->added = vmm_loop_add (watch->loop->loop, &watch->source, watch->fd, events, NULL,
                                     watch_cb, watch) == 0;
}

static SpiceWatch *
add_watch_cb (int fd, int mask, SpiceWatchFunc function, void *opaque)
{
    SpiceWatch *watch = calloc (1, sizeof *watch);

    if (!watch)
        return NULL;
    watch->loop = current;
    watch->fd = fd;
    watch->function = function;
    watch->opaque = opaque;
    watch->is_channel = current->linked && fd == current->dispatching;
    update_watch_cb (watch, mask);
    return watch;
}

static void
remove_watch_cb (SpiceWatch *watch)
{
    if (!watch)
        return;
    update_watch_cb (watch, 0);
    free (watch);
}

static void
channel_event_cb (int event, SpiceChannelEventInfo *info)
{
    current->linked |= event == SPICE_CHANNEL_EVENT_INITIALIZED;
    if (current->channel_event)
        current->channel_event (current->data, event, info);
}

int
spice_loop_init (struct spice_loop *self)
{
    *self = (struct spice_loop) {
        .dispatching = -1,
        .core =
            {
                .base = {.type = SPICE_INTERFACE_CORE,
                         .description = "posada",
                         .major_version = SPICE_INTERFACE_CORE_MAJOR,
                         .minor_version = SPICE_INTERFACE_CORE_MINOR},
                .timer_add = add_timer_cb,
                .timer_start = start_timer_cb,
                .timer_cancel = cancel_timer_cb,
                .timer_remove = remove_timer_cb,
                .watch_add = add_watch_cb,
                .watch_update_mask = update_watch_cb,
                .watch_remove = remove_watch_cb,
                .channel_event = channel_event_cb,
            },
    };
    list_init (&self->removed_timers);
    list_init (&self->calls);
    pthread_mutex_init (&self->mutex, NULL);
    return vmm_loop_create (&self->loop);
}

void
spice_loop_fini (struct spice_loop *self)
{
    free_removed_timers (self);
    vmm_loop_destroy (self->loop);
    pthread_mutex_destroy (&self->mutex);
}

void
spice_call_init (struct spice_call *call, void (*run) (struct spice_call *call))
{
    list_init (&call->link);
    call->run = run;
}

void
spice_loop_post (struct spice_loop *self, struct spice_call *call)
{
    bool posted;

    pthread_mutex_lock (&self->mutex);
    posted = list_is_empty (&call->link);
    if (posted)
        list_append (&self->calls, &call->link);
    pthread_mutex_unlock (&self->mutex);
    if (posted)
        vmm_loop_wake (self->loop);
}

/* Takes the first call; NULL if there is none. */
static struct spice_call *
take_call (struct spice_loop *self)
{
    struct spice_call *call = NULL;

    pthread_mutex_lock (&self->mutex);
    if (!list_is_empty (&self->calls)) {
        call = list_entry (self->calls.next, struct spice_call, link);
        list_remove (&call->link);
    }
    pthread_mutex_unlock (&self->mutex);
    return call;
}

void
spice_loop_enter (struct spice_loop *self)
{
    current = self;
}

void
spice_loop_run (struct spice_loop *self)
{
    bool quit = false;

    while (!quit) {
        struct spice_call *call;

        vmm_loop_iterate (self->loop, -1);
        free_removed_timers (self);
        pthread_mutex_lock (&self->mutex);
        quit = self->quit;
        pthread_mutex_unlock (&self->mutex);
        while ((call = take_call (self)))
            call->run (call);
    }
}

void
spice_loop_quit (struct spice_loop *self)
{
    pthread_mutex_lock (&self->mutex);
    self->quit = true;
    pthread_mutex_unlock (&self->mutex);
    vmm_loop_wake (self->loop);
}
