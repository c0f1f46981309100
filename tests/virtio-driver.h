/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest's virtio driver, played by a test: finds a device on a testbed's PCI bus, negotiates,
 * lays out queues in the testbed's RAM, and posts requests, well-formed ones and others. Test
 * thread only. Failing the expectations of a test is for CHECK; failing its own ends the test.
 */
#pragma once

#include "testbed.h"

#define VD_MAX_QUEUES  16

#define VD_F_INDIRECT  (UINT64_C (1) << 28)
#define VD_F_EVENT_IDX (UINT64_C (1) << 29)
#define VD_F_VERSION_1 (UINT64_C (1) << 32)

#define VD_NEXT        1
#define VD_WRITE       2
#define VD_INDIRECT    4

#define VD_ACKNOWLEDGE 1
#define VD_DRIVER      2
#define VD_DRIVER_OK   4
#define VD_FEATURES_OK 8
#define VD_NEEDS_RESET 64

/* Offsets in the common configuration (VIRTIO 1.3, 4.1.4.3). */
#define VD_FEATURE_SELECT 0x00
#define VD_FEATURE        0x04
#define VD_WANT_SELECT    0x08
#define VD_WANT           0x0C
#define VD_CONFIG_VECTOR  0x10
#define VD_NUM_QUEUES     0x12
#define VD_STATUS         0x14
#define VD_GENERATION     0x15
#define VD_QUEUE_SELECT   0x16
#define VD_QUEUE_SIZE     0x18
#define VD_QUEUE_VECTOR   0x1A
#define VD_QUEUE_ENABLE   0x1C
#define VD_QUEUE_NOTIFY   0x1E
#define VD_QUEUE_DESC     0x20
#define VD_QUEUE_DRIVER   0x28
#define VD_QUEUE_DEVICE   0x30

struct vd_queue {
    uint16_t size;
    uint64_t descriptors, available, used; /* guest addresses */
    uint16_t next_available, last_used;
    uint16_t next_descriptor; /* simply round and round */
};

struct vd {
    struct testbed *bed;
    unsigned devfn;
    uint64_t common, isr, config, notify; /* guest addresses */
    uint32_t notify_multiplier;
    uint64_t features;
    bool msix;
    uint64_t heap; /* the next free guest address */
    struct vd_queue queues[VD_MAX_QUEUES];
};

/* One buffer of a request. */
struct vd_buffer {
    uint64_t address;
    uint32_t length;
    bool write; /* by the device */
};

/* Finds the device of virtio type @type (BARs assigned already, else this does it). */
void vd_open (struct vd *vd, struct testbed *bed, unsigned type);
/* The whole negotiation: reset, features (VERSION_1 is added), queues of @size entries, DRIVER_OK.
 */
void vd_start (struct vd *vd, uint64_t features, unsigned n_queues, uint16_t size, bool msix);

/* Its steps. */
uint8_t vd_status (struct vd *vd);
void vd_set_status (struct vd *vd, uint8_t status);
uint64_t vd_offered (struct vd *vd);
/* Until FEATURES_OK; whether that was accepted. */
bool vd_negotiate (struct vd *vd, uint64_t features);
void vd_enable_msix (struct vd *vd);
/* Lays out and enables a queue, with vector @number + 1. */
void vd_enable_queue (struct vd *vd, unsigned number, uint16_t size);

uint64_t vd_read (struct vd *vd, unsigned offset, unsigned size); /* common configuration */
void vd_write (struct vd *vd, unsigned offset, unsigned size, uint64_t value);
uint64_t vd_read_config (struct vd *vd, unsigned offset, unsigned size);
void vd_write_config (struct vd *vd, unsigned offset, unsigned size, uint64_t value);

/* Zeroed RAM, never given back. */
uint64_t vd_alloc (struct vd *vd, size_t size, size_t alignment);
void *vd_ram (struct vd *vd, uint64_t address, size_t size);

/* Adds one request, direct or behind an indirect table, without a kick; returns its head. */
uint16_t vd_add (struct vd *vd, unsigned queue, const struct vd_buffer *buffers, unsigned n);
uint16_t
vd_add_indirect (struct vd *vd, unsigned queue, const struct vd_buffer *buffers, unsigned n);
/* The raw pieces of that: a descriptor in a table, a head in the available ring. */
void vd_put (struct vd *vd, uint64_t table, unsigned index, uint64_t address, uint32_t length,
             uint16_t flags, uint16_t next);
void vd_offer (struct vd *vd, unsigned queue, uint16_t head);

void vd_kick (struct vd *vd, unsigned queue);
/* Takes the next used entry; false if there is none. */
bool vd_pop (struct vd *vd, unsigned queue, uint16_t *ret_head, uint32_t *ret_length);
/* As above but iterates the loop for up to two seconds. */
bool vd_wait (struct vd *vd, unsigned queue, uint16_t *ret_head, uint32_t *ret_length);
/* Kicks, waits for one request to come back and returns the length written; fails the test if none
 * does. */
uint32_t vd_run (struct vd *vd, unsigned queue);

/* How many MSI-X messages came in for each vector since the last call; those of @vector. Drops the
 * others. */
unsigned vd_count_msi (struct vd *vd, unsigned vector);
/* Level of the INTx pin. */
bool vd_pin (struct vd *vd);
