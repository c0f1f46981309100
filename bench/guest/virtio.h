/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first queue of a virtio device on a machine without firmware: split ring, no interrupts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_QUEUE_SIZE 128

#define VIRTIO_NEXT       1 /* struct virtio_descriptor.flags */
#define VIRTIO_WRITE      2

struct virtio_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

struct virtio_available {
    uint16_t flags; /* 1: no interrupts wanted */
    uint16_t index;
    uint16_t ring[VIRTIO_QUEUE_SIZE];
};

struct virtio_used {
    uint16_t flags; /* 1: no doorbell needed */
    uint16_t index;
    struct {
        uint32_t id, length;
    } ring[VIRTIO_QUEUE_SIZE];
};

struct virtio_queue {
    struct virtio_descriptor *descriptors;
    volatile struct virtio_available *available;
    volatile struct virtio_used *used;
    uint64_t doorbell; /* its address */
};

/* Finds the function 1af4:@device, places its registers, takes what it offers of @features (the
 * first 32) and starts its first queue. */
bool virtio_start (uint16_t device, uint32_t features, struct virtio_queue *queue);
