/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/virtio/virtio.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"
#include "hw/virtio/virtio-pci.h"

/* How many requests one notify takes before others get their turn. */
#define SERVE_LIMIT 256

bool
virtio_may_warn (struct virtio *virtio)
{
    uint64_t now = vmm_monotonic_now ();

    if (virtio->warned && now - virtio->warned_at < 1000000000u)
        return false;
    virtio->warned = true;
    virtio->warned_at = now;
    return true;
}

bool
virtio_is_live (const struct virtio *virtio)
{
    return (virtio->status & VIRTIO_STATUS_DRIVER_OK) &&
           !(virtio->status & VIRTIO_STATUS_NEEDS_RESET) && !virtio->resetting && !virtio->paused;
}

bool
virtio_has_feature (const struct virtio *virtio, uint64_t feature)
{
    return (virtio->driver_features & feature) == feature;
}

void
virtio_config_changed (struct virtio *virtio)
{
    virtio->config_generation++;
    if (virtio->status & VIRTIO_STATUS_DRIVER_OK && !virtio->resetting)
        virtio_pci_interrupt (virtio, VIRTIO_ISR_CONFIG, virtio->config_vector);
}

void
virtio_break (struct virtio *virtio, const char *why)
{
    if (virtio->status & VIRTIO_STATUS_NEEDS_RESET)
        return;
    if (virtio_may_warn (virtio))
        vmm_device_warn (&virtio->pci.device, "the driver %s; the device needs a reset", why);
    virtio->status |= VIRTIO_STATUS_NEEDS_RESET;
    if (virtio->status & VIRTIO_STATUS_DRIVER_OK && !virtio->resetting)
        virtio_pci_interrupt (virtio, VIRTIO_ISR_CONFIG, virtio->config_vector);
}

/* Queues. */

static struct virtq_chain *
chain_or_break (struct virtio *virtio, unsigned queue, int result)
{
    char why[80];

    if (result > 0)
        return &virtio->chain;
    if (result < 0) {
        snprintf (why, sizeof why, "put nonsense into queue %u (error %d)", queue, -result);
        virtio_break (virtio, why);
    }
    return NULL;
}

struct virtq_chain *
virtio_pop (struct virtio *virtio, unsigned queue)
{
    if (!virtio_is_live (virtio))
        return NULL;
    return chain_or_break (virtio, queue, virtqueue_pop (&virtio->queues[queue], &virtio->chain));
}

struct virtq_chain *
virtio_parse (struct virtio *virtio, unsigned queue, uint16_t head)
{
    if (!virtio_is_live (virtio))
        return NULL;
    return chain_or_break (virtio, queue,
                           virtqueue_parse (&virtio->queues[queue], head, &virtio->chain));
}

void
virtio_push_all (struct virtio *virtio, unsigned queue, const struct virtq_used *used, unsigned n)
{
    if (!virtio->resetting && !(virtio->status & VIRTIO_STATUS_NEEDS_RESET))
        virtqueue_push_all (&virtio->queues[queue], used, n);
}

void
virtio_push (struct virtio *virtio, unsigned queue, uint16_t head, uint32_t length)
{
    virtio_push_all (virtio, queue, &(struct virtq_used) {head, length}, 1);
}

void
virtio_signal (struct virtio *virtio, unsigned queue)
{
    struct virtqueue *self = &virtio->queues[queue];

    if (!virtio->resetting && virtqueue_should_signal (self))
        virtio_pci_interrupt (virtio, VIRTIO_ISR_QUEUE, self->vector);
}

void
virtio_kick (struct virtio *virtio, unsigned queue)
{
    uint64_t one = 1;

    /* A full counter means that the loop will look anyway. */
    if (write (virtio->doorbells[queue].fd, &one, sizeof one) < 0)
        return;
}

void
virtio_serve (struct virtio *virtio, unsigned queue,
              bool (*serve) (struct virtio *virtio, unsigned queue, struct virtq_chain *chain))
{
    struct virtqueue *self = &virtio->queues[queue];
    unsigned taken = 0;
    bool more = true;

    do {
        struct virtq_chain *chain;

        virtqueue_suppress_kicks (self);
        while (more && taken < SERVE_LIMIT && (chain = virtio_pop (virtio, queue))) {
            taken++;
            more = serve (virtio, queue, chain);
        }
        /* A kick that comes from here on finds us through the doorbell. */
    } while (virtqueue_allow_kicks (self) && more && taken < SERVE_LIMIT &&
             virtio_is_live (virtio));
    if (more && taken >= SERVE_LIMIT)
        virtio_kick (virtio, queue);
    virtio_signal (virtio, queue);
}

static void
notify_all (struct virtio *virtio)
{
    for (unsigned i = 0; i < virtio->n_queues; i++)
        if (virtio->queues[i].enabled && virtio_is_live (virtio))
            virtio->type->notify (virtio, i);
}

/* Status and reset. */

static void
reset_common (struct virtio *virtio)
{
    virtio->driver_features = 0;
    virtio->device_feature_select = virtio->driver_feature_select = 0;
    virtio->status = 0;
    virtio->isr = 0;
    virtio->config_generation = 0;
    virtio->config_vector = VIRTIO_NO_VECTOR;
    virtio->queue_select = 0;
    virtio->resetting = false;
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++)
        virtqueue_reset (&virtio->queues[i]);
    virtio->type->reset (virtio);
}

static void
finish_reset (struct virtio *virtio)
{
    reset_common (virtio);
    virtio_pci_update (virtio);
}

void
virtio_begin (struct virtio *virtio)
{
    virtio->in_flight++;
    vmm_device_begin (&virtio->pci.device);
}

void
virtio_end (struct virtio *virtio)
{
    virtio->in_flight--;
    if (virtio->resetting && !virtio->in_flight)
        finish_reset (virtio);
    vmm_device_end (&virtio->pci.device);
}

static bool
features_are_fine (const struct virtio *virtio)
{
    return !(virtio->driver_features & ~virtio->device_features) &&
           (virtio->driver_features & VIRTIO_F_VERSION_1);
}

static void
start_driver (struct virtio *virtio)
{
    virtio->status |= VIRTIO_STATUS_DRIVER_OK;
    for (unsigned i = 0; i < virtio->n_queues; i++) {
        virtio->queues[i].event_index = virtio_has_feature (virtio, VIRTIO_F_EVENT_IDX);
        virtio_kick (virtio, i);
    }
}

void
virtio_write_status (struct virtio *virtio, uint8_t value)
{
    uint8_t added = value & ~virtio->status;

    if (virtio->resetting)
        return;
    if (!value) {
        virtio->resetting = true;
        if (!virtio->in_flight)
            finish_reset (virtio);
        return;
    }
    virtio->status |=
        added & (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FAILED);
    if (added & VIRTIO_STATUS_FEATURES_OK && features_are_fine (virtio))
        virtio->status |= VIRTIO_STATUS_FEATURES_OK;
    if (added & VIRTIO_STATUS_DRIVER_OK && virtio->status & VIRTIO_STATUS_FEATURES_OK)
        start_driver (virtio);
}

void
virtio_enable_queue (struct virtio *virtio, unsigned queue)
{
    struct virtqueue *self = &virtio->queues[queue];
    char why[80];
    int r;

    r = virtqueue_enable (self, vmm_device_memory (&virtio->pci.device));
    if (r < 0) {
        snprintf (why, sizeof why, "enabled queue %u at an impossible place (error %d)", queue, -r);
        virtio_break (virtio, why);
    }
}

/* The class's hooks. */

int
virtio_init (struct virtio *virtio, const struct virtio_type *type, uint64_t features,
             unsigned n_queues, unsigned config_size, const struct vmm_device_config *config,
             struct vmm_error *error)
{
    virtio->type = type;
    virtio->device_features =
        features | VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC;
    virtio->n_queues = n_queues;
    virtio->config_size = config_size;
    for (unsigned i = 0; i < n_queues; i++)
        virtio->queues[i].max_size = VIRTIO_DEFAULT_QUEUE_SIZE;
    return virtio_pci_init (virtio, config, error);
}

void
virtio_reset (struct vmm_device *device)
{
    struct virtio *virtio = CONTAINER_OF (device, struct virtio, pci.device);

    pci_device_reset (&virtio->pci);
    reset_common (virtio);
    virtio_pci_update (virtio);
}

void
virtio_pause (struct vmm_device *device)
{
    struct virtio *virtio = CONTAINER_OF (device, struct virtio, pci.device);

    virtio->paused = true;
}

void
virtio_resume (struct vmm_device *device)
{
    struct virtio *virtio = CONTAINER_OF (device, struct virtio, pci.device);

    virtio->paused = false;
    virtio_pci_update (virtio);
    notify_all (virtio);
}

void
virtio_fini (struct vmm_device *device)
{
    struct virtio *virtio = CONTAINER_OF (device, struct virtio, pci.device);

    virtio_pci_fini (virtio);
}

/* State. */

/* Values come from a stream that anybody may have written: what a guest could not have brought
 * about is refused. */
static int
restore_queue (struct virtio *virtio, unsigned number, struct vmm_error *error)
{
    struct virtqueue *queue = &virtio->queues[number];
    const char *id = virtio->pci.device.id;
    uint16_t size = queue->size;
    int r;

    queue->event_index = virtio_has_feature (virtio, VIRTIO_F_EVENT_IDX);
    queue->vector = virtio_pci_checked_vector (virtio, queue->vector);
    if (!queue->enabled) {
        queue->in_flight = 0;
        return 0;
    }
    queue->enabled = false;
    r = number < virtio->n_queues
            ? virtqueue_enable (queue, vmm_device_memory (&virtio->pci.device))
            : -ERANGE;
    if (r < 0 || queue->in_flight > size) {
        queue->enabled = false;
        return vmm_error_set (error, -EPROTO, "%s: the saved queue %u makes no sense", id, number);
    }
    return 0;
}

static int
state_post_load (void *object, struct vmm_error *error)
{
    struct virtio *virtio = object;
    const char *id = virtio->pci.device.id;

    virtio->resetting = false;
    virtio->config_vector = virtio_pci_checked_vector (virtio, virtio->config_vector);
    if (virtio->status & VIRTIO_STATUS_FEATURES_OK && !features_are_fine (virtio))
        return vmm_error_set (error, -EPROTO, "%s: the saved features are not on offer", id);
    if (virtio->status & VIRTIO_STATUS_DRIVER_OK && !(virtio->status & VIRTIO_STATUS_FEATURES_OK))
        return vmm_error_set (error, -EPROTO, "%s: the saved status makes no sense", id);
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++) {
        int r = restore_queue (virtio, i, error);

        if (r < 0)
            return r;
    }
    return 0;
}

static const struct vmm_state_field virtio_fields[] = {
    VMM_STATE_NESTED (struct virtio, pci, pci_device_state),
    VMM_STATE (struct virtio, driver_features),
    VMM_STATE (struct virtio, device_feature_select),
    VMM_STATE (struct virtio, driver_feature_select),
    VMM_STATE (struct virtio, status),
    VMM_STATE (struct virtio, isr),
    VMM_STATE (struct virtio, config_generation),
    VMM_STATE (struct virtio, config_vector),
    VMM_STATE (struct virtio, queue_select),
    VMM_STATE_NESTED_ARRAY (struct virtio, queues, virtqueue_state),
};

const struct vmm_state_table virtio_state = {
    .name = "virtio",
    .version = 1,
    .fields = virtio_fields,
    .n_fields = ARRAY_LENGTH (virtio_fields),
    .post_load = state_post_load,
};
