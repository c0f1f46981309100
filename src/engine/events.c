/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/machine-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"

struct queued {
    struct vmm_event event;
    struct vmm_list link;
};

int
vmm_event_queue_init (struct vmm_event_queue *queue)
{
    list_init (&queue->list);
    pthread_mutex_init (&queue->mutex, NULL);
    queue->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    return queue->fd < 0 ? -errno : 0;
}

void
vmm_event_queue_fini (struct vmm_event_queue *queue)
{
    struct queued *queued, *after;

    if (!queue->list.next)
        return;
    list_for_each_safe (queued, after, &queue->list, link)
        free (queued);
    pthread_mutex_destroy (&queue->mutex);
    close_fd (queue->fd);
}

void
vmm_event_push (struct vmm_event_queue *queue, const struct vmm_event *event)
{
    struct queued *queued = NULL;
    uint64_t one = 1;

    pthread_mutex_lock (&queue->mutex);
    if (event->type == VMM_EVENT_RESET && !list_is_empty (&queue->list)) {
        queued = list_entry (queue->list.previous, struct queued, link);
        if (queued->event.type == VMM_EVENT_RESET) {
            queued->event = *event;
            pthread_mutex_unlock (&queue->mutex);
            return;
        }
    }
    queued = malloc (sizeof *queued);
    if (queued) {
        queued->event = *event;
        list_append (&queue->list, &queued->link);
        if (write (queue->fd, &one, sizeof one) < 0)
            errno = 0; /* readable already */
    }
    pthread_mutex_unlock (&queue->mutex);
}

int
vmm_event_fd (struct vmm_machine *machine)
{
    return machine->events.fd;
}

int
vmm_next_event (struct vmm_machine *machine, struct vmm_event *ret_event)
{
    struct vmm_event_queue *queue = &machine->events;
    struct queued *queued = NULL;
    uint64_t count;

    pthread_mutex_lock (&queue->mutex);
    if (!list_is_empty (&queue->list)) {
        queued = list_entry (queue->list.next, struct queued, link);
        list_remove (&queued->link);
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): it does not block */
    if (list_is_empty (&queue->list) && read (queue->fd, &count, sizeof count) < 0)
        errno = 0; /* it was not readable */
    pthread_mutex_unlock (&queue->mutex);
    if (!queued)
        return 0;
    *ret_event = queued->event;
    free (queued);
    return 1;
}
