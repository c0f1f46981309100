/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Split virtqueues as the device sees them (VIRTIO 1.3, 2.7), with indirect descriptors and event
 * indices. The rings live in guest RAM, so everything read from them is hostile: it is read once,
 * checked, and an inconsistency is a negative errno, after which the transport asks for a reset. No
 * locking: a queue belongs to its device, whose lock the caller holds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/state.h"
#include "engine/guest-memory.h"

#define VIRTQUEUE_MAX_SIZE 1024

struct virtqueue {
    /* Registers of the transport; frozen while enabled. */
    uint16_t size; /* entries: a power of two, ≤ max_size */
    uint16_t max_size;
    uint16_t vector;      /* MSI-X, 0xFFFF none */
    uint64_t descriptors; /* guest addresses of the three parts */
    uint64_t driver;
    uint64_t device;
    bool enabled;
    bool event_index; /* VIRTIO_F_EVENT_IDX was negotiated */

    /* Progress. */
    uint16_t next_available;
    uint16_t next_used;
    uint16_t in_flight;      /* popped and not pushed yet: never more than size */
    uint16_t last_signalled; /* next_used when virtqueue_should_signal () was last asked */

    /* The rings, while enabled. */
    struct vmm_memory *memory;
    uint8_t *descriptor_table;
    uint8_t *available_ring;
    uint8_t *used_ring;
};

extern const struct vmm_state_table virtqueue_state;

/* One request: its buffers as the host sees them, those that the device reads first. Empty buffers
 * are left out. */
struct virtq_chain {
    uint16_t head;
    unsigned n_readable, n_writable;
    uint64_t readable_size, writable_size; /* bytes; together less than 4 GiB */
    struct iovec *readable, *writable;     /* into iov */
    struct iovec iov[VIRTQUEUE_MAX_SIZE];
    uint64_t address[VIRTQUEUE_MAX_SIZE]; /* where each of iov is for the guest */
};

/* Back to power-on values, keeping max_size. */
void virtqueue_reset (struct virtqueue *queue);
/* Checks size and addresses and maps the rings. -EINVAL for a bad size or alignment, -EFAULT for
 * addresses outside RAM. */
int virtqueue_enable (struct virtqueue *queue, struct vmm_memory *memory);

/* Takes the next request: 1 and @chain, 0 if there is none, or a negative errno for a ring or
 * request that makes no sense. */
int virtqueue_pop (struct virtqueue *queue, struct virtq_chain *chain);
/* Reads the request at @head, popped earlier, again: for devices that put requests aside. */
int virtqueue_parse (struct virtqueue *queue, uint16_t head, struct virtq_chain *chain);
/* Gives a popped request back, @length bytes written into its writable part. */
void virtqueue_push (struct virtqueue *queue, uint16_t head, uint32_t length);
/* One of several requests given back. */
struct virtq_used {
    uint16_t head;
    uint32_t length;
};
/* Gives several back at once: the driver sees none or all of them. */
void virtqueue_push_all (struct virtqueue *queue, const struct virtq_used *used, unsigned n);
/* Leaves the last @n popped requests in the queue after all; none that came later was pushed. */
void virtqueue_unpop (struct virtqueue *queue, unsigned n);
/* Whether the driver wants an interrupt for what was pushed since the last call. */
bool virtqueue_should_signal (struct virtqueue *queue);

/* Tells the driver that it need not kick, while its requests are being taken anyway. */
void virtqueue_suppress_kicks (struct virtqueue *queue);
/* The reverse; true if requests came in meanwhile, for which no kick may come. */
bool virtqueue_allow_kicks (struct virtqueue *queue);

/* Copies out of or into a vector from byte @offset on, as much as there is; returns how much. */
size_t
virtq_copy_from (const struct iovec *iov, unsigned n, uint64_t offset, void *buffer, size_t length);
size_t virtq_copy_to (const struct iovec *iov, unsigned n, uint64_t offset, const void *buffer,
                      size_t length);
/* Drops @length bytes at the front or the back; @iov and @n are updated in place. */
void virtq_trim_front (struct iovec **iov, unsigned *n, uint64_t length);
void virtq_trim_back (struct iovec *iov, unsigned *n, uint64_t length);
