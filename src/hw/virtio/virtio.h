/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The common half of every virtio device: a PCI function with the modern transport (VIRTIO 1.3,
 * 4.1, no legacy interface), status and feature negotiation, queues, doorbells and interrupts. A
 * device type fills in a const struct virtio_type and gets called for what is its own.
 *
 * A type's structure starts with struct virtio; its class's hooks call virtio_init (), … first, and
 * its state table has VMM_STATE_NESTED (struct foo, virtio, virtio_state) first. Everything runs
 * with the device's lock held; notify on the I/O thread only.
 *
 * Life of a request: virtio_pop (), virtio_begin () if it does not end right there, later
 * virtio_end (), virtio_push (), and virtio_signal () once for a batch. A guest's reset waits for
 * what has begun: until then the device status does not read as 0, and virtio_push () drops what is
 * given back.
 */
#pragma once

#include "engine/pci/pci.h"
#include "hw/virtio/virtqueue.h"

#define VIRTIO_MAX_QUEUES         16
#define VIRTIO_CONFIG_SIZE        256
#define VIRTIO_DEFAULT_QUEUE_SIZE 256
#define VIRTIO_NO_VECTOR          0xFFFFu

/* Feature bits of every device (VIRTIO 1.3, 6). */
#define VIRTIO_F_INDIRECT_DESC (UINT64_C (1) << 28)
#define VIRTIO_F_EVENT_IDX     (UINT64_C (1) << 29)
#define VIRTIO_F_VERSION_1     (UINT64_C (1) << 32)

/* Device status bits (VIRTIO 1.3, 2.1). */
enum {
    VIRTIO_STATUS_ACKNOWLEDGE = 1,
    VIRTIO_STATUS_DRIVER = 2,
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_NEEDS_RESET = 64,
    VIRTIO_STATUS_FAILED = 128,
};

struct virtio;

struct virtio_type {
    uint16_t id;         /* VIRTIO 1.3, 5 */
    uint32_t class_code; /* PCI, 24 bits */
    /* The driver may have put requests into @queue: serve them. The driver is ready, the machine
     * runs. */
    void (*notify) (struct virtio *virtio, unsigned queue);
    /* Optional: the driver wrote @size bytes of @value at @offset of the configuration, which is
     * otherwise read-only. */
    void (*config_write) (struct virtio *virtio, unsigned offset, unsigned size, uint32_t value);
    /* Back to initial values, configuration included. Nothing is in flight any more. */
    void (*reset) (struct virtio *virtio);
};

struct virtio_doorbell {
    struct virtio *virtio;
    struct vmm_source source;
    int fd;           /* eventfd; -1 while there is none */
    uint64_t address; /* where the bus catches it, 0: nowhere */
};

struct virtio {
    struct pci_device pci; /* first */
    const struct virtio_type *type;
    uint64_t device_features; /* offered */
    uint64_t driver_features; /* negotiated, once FEATURES_OK is set */
    uint32_t device_feature_select, driver_feature_select;
    uint8_t status;
    uint8_t isr;
    uint8_t config_generation;
    uint16_t config_vector;
    uint16_t queue_select;
    bool resetting; /* the guest asked for a reset, which waits for in_flight to become 0 */
    bool paused;
    unsigned n_queues;
    unsigned in_flight;
    struct virtqueue queues[VIRTIO_MAX_QUEUES];
    struct virtio_doorbell doorbells[VIRTIO_MAX_QUEUES];
    unsigned config_size;
    uint8_t config[VIRTIO_CONFIG_SIZE]; /* as the driver reads it, kept up to date by the type */
    struct vmm_region region;
    unsigned access_capability; /* offset of the configuration access capability */
    uint64_t warned_at;
    bool warned;
    struct virtq_chain chain; /* scratch: valid until the next virtio_pop () or virtio_parse () */
};

extern const struct vmm_state_table virtio_state;

/* @features: the type's own bits; those of every device are added. All queues get
 * VIRTIO_DEFAULT_QUEUE_SIZE entries. */
int virtio_init (struct virtio *virtio, const struct virtio_type *type, uint64_t features,
                 unsigned n_queues, unsigned config_size, const struct vmm_device_config *config,
                 struct vmm_error *error);
/* The class's hooks, or their first act. virtio_reset () calls the type's. */
void virtio_reset (struct vmm_device *device);
void virtio_pause (struct vmm_device *device);
void virtio_resume (struct vmm_device *device);
void virtio_fini (struct vmm_device *device);

/* Whether requests may be taken and given back: driver ready, not broken, resetting or paused. */
bool virtio_is_live (const struct virtio *virtio);
bool virtio_has_feature (const struct virtio *virtio, uint64_t feature);

/* The next request of @queue, in virtio->chain; NULL if there is none, or if what there is made no
 * sense (then the device needs a reset from here on). */
struct virtq_chain *virtio_pop (struct virtio *virtio, unsigned queue);
/* Once more the request @head, popped before; NULL as above. */
struct virtq_chain *virtio_parse (struct virtio *virtio, unsigned queue, uint16_t head);
void virtio_push (struct virtio *virtio, unsigned queue, uint16_t head, uint32_t length);
/* Several at once, seen together. */
void
virtio_push_all (struct virtio *virtio, unsigned queue, const struct virtq_used *used, unsigned n);
/* Interrupts the guest, if it wants that, for what was pushed since the last call. */
void virtio_signal (struct virtio *virtio, unsigned queue);
/*
 * The usual notify: calls @serve with each request, without kicks meanwhile, and signals at the
 * end. Takes a bounded number of requests per call and comes back for the rest. @serve returns
 * false to stop early; it must have pushed or kept the request all the same.
 */
void
virtio_serve (struct virtio *virtio, unsigned queue,
              bool (*serve) (struct virtio *virtio, unsigned queue, struct virtq_chain *chain));
/* Makes notify be called again for @queue from the loop. */
void virtio_kick (struct virtio *virtio, unsigned queue);

/* Work that goes on after notify returned. end may finish a reset: use nothing of the request's
 * life after it. */
void virtio_begin (struct virtio *virtio);
void virtio_end (struct virtio *virtio);

/* The configuration changed: bumps its generation and tells the driver. */
void virtio_config_changed (struct virtio *virtio);
/* The driver broke the rules (@why completes "the driver …"): stops everything until it resets. */
void virtio_break (struct virtio *virtio, const char *why);
/* Whether a warning may be logged now: at most one a second, so that a guest cannot fill the log.
 */
bool virtio_may_warn (struct virtio *virtio);
