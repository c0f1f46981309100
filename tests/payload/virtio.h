/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's virtio driver: one request at a time, answers polled for, interrupts off. Functions
 * that return bool have complained if it is false.
 */
#pragma once

#include "guest.h"
#include "virtio-cases.h"

#define QUEUE_SIZE 16
#define MAX_QUEUES 8
#define MAX_TABLE  512 /* entries of an indirect table */

enum {
    DESCRIPTOR_NEXT = 1,
    DESCRIPTOR_WRITE = 2,
    DESCRIPTOR_INDIRECT = 4,
};

enum {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_NEEDS_RESET = 64,
    STATUS_LIVE = 15,
};

/* The common configuration (VIRTIO 1.3, 4.1.4.3). */
enum {
    COMMON_OFFERED_SELECT = 0x00,
    COMMON_OFFERED = 0x04,
    COMMON_WANTED_SELECT = 0x08,
    COMMON_WANTED = 0x0c,
    COMMON_N_QUEUES = 0x12,
    COMMON_STATUS = 0x14,
    COMMON_QUEUE_SELECT = 0x16,
    COMMON_QUEUE_SIZE = 0x18,
    COMMON_QUEUE_ENABLE = 0x1c,
    COMMON_QUEUE_NOTIFY = 0x1e,
    COMMON_DESCRIPTORS = 0x20,
    COMMON_AVAILABLE = 0x28,
    COMMON_USED = 0x30,
};

enum virtio_type {
    TYPE_NET = 1,
    TYPE_BLK = 2,
    TYPE_CONSOLE = 3,
    TYPE_RNG = 4,
    TYPE_BALLOON = 5,
    TYPE_GPU = 16,
    TYPE_INPUT = 18,
};

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

struct ring {
    struct descriptor descriptors[QUEUE_SIZE];
    struct {
        uint16_t flags, index, heads[QUEUE_SIZE], used_event;
    } available;
    struct {
        uint16_t flags, index;
        struct {
            uint32_t head, length;
        } entries[QUEUE_SIZE];
        uint16_t available_event;
    } used __attribute__ ((aligned (64)));
    struct descriptor table[MAX_TABLE]; /* for indirect requests of this queue */
} __attribute__ ((aligned (4096)));

struct virtio {
    const char *name; /* as in VIRTIO_DEVICES */
    enum virtio_type type;
    unsigned devfn, product; /* of an input device: 1 keyboard, 2 mouse, 3 tablet, 4 touch */
    uint64_t common, notify, isr, config;
    uint32_t multiplier;
    uint64_t features;
    unsigned n_queues;
    bool fresh;    /* nothing was asked of it since it was started */
    bool indirect; /* how requests are laid out: changes with each start */
    uint16_t last_used[MAX_QUEUES];
    uint64_t kick_at[MAX_QUEUES];
};

struct buffer {
    const volatile void *at;
    uint32_t length;
    bool write; /* by the device */
};

extern struct ring rings[MAX_QUEUES];

/* What is wrong with the present case, for its line in the report; returns false. */
bool complain (const char *what, uint64_t actual, uint64_t expected);
void blame (unsigned queue);
/* Sends the line and forgets. */
void end_case (const struct virtio *self, const char *name);
/* Asks the host, and waits until it has done so. */
void ask (const char *what, uint32_t number);

/* Finds a function's registers and lays its BARs out; false if it is no virtio device we know. */
bool virtio_open (struct virtio *self, unsigned devfn);

/* The steps of a start: from reset to FEATURES_OK; one queue; all but queue @except. */
bool virtio_negotiate (struct virtio *self);
void virtio_select (const struct virtio *self, unsigned queue);
void virtio_place (const struct virtio *self, unsigned queue, uint16_t size, uint64_t descriptors,
                   uint64_t available, uint64_t used);
bool virtio_start_without (struct virtio *self, unsigned except);
bool virtio_start (struct virtio *self);

uint8_t virtio_status (const struct virtio *self);
/* Writes 0 and waits until the device has stopped. */
bool virtio_reset (const struct virtio *self);

void virtio_offer (const struct virtio *self, unsigned queue, uint16_t head);
void virtio_kick (const struct virtio *self, unsigned queue);
/* Waits for the answer to head 0. */
bool virtio_wait (struct virtio *self, unsigned queue, uint32_t *ret_length);
/* Waits until the device has taken all that is on offer, as its event index says. */
bool virtio_wait_taken (unsigned queue);
/* Offers head 0 with these buffers and kicks. */
void virtio_submit (struct virtio *self, unsigned queue, const struct buffer *buffers, unsigned n);
/* All of that; an answer of another length than @length is complained about. */
bool virtio_request (struct virtio *self, unsigned queue, const struct buffer *buffers, unsigned n,
                     uint32_t length);
/* Waits until the device says that it needs a reset. */
bool virtio_wait_broken (const struct virtio *self);

/* virtio-use.c: an ordinary request or more through each queue, each with the right answer. */
bool virtio_use (struct virtio *self);
/* Brings about that the device takes what is in @queue. */
bool virtio_provoke (struct virtio *self, unsigned queue);

/* virtio-chains.c and virtio-registers.c: one case of the lists, on a device that is in use.
 * Afterwards it is live, or wants to be started. */
#define DECLARE_CASE(device, name) bool name (struct virtio *self, unsigned queue);
VIRTIO_QUEUE_CASES (DECLARE_CASE, )
VIRTIO_DISK_CASES (DECLARE_CASE, )
VIRTIO_DEVICE_CASES (DECLARE_CASE, )
#undef DECLARE_CASE
