/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Registers as no driver should write them: queues in impossible places, kicks of what is not
 * there, features that nobody offered, resets at the wrong time.
 */
#include "virtio.h"

#define RAM_END VIRTIO_PAYLOAD_RAM
#define ROM     UINT64_C (0xffff0000)

static uint8_t room[2 << 20];

/* A queue laid out like that is not enabled. */
static bool
refuses (struct virtio *self, unsigned queue, uint16_t size, uint64_t descriptors,
         uint64_t available, uint64_t used)
{
    uint16_t enabled;

    if (!virtio_negotiate (self))
        return false;
    virtio_place (self, queue, size, descriptors, available, used);
    enabled = read16 (self->common + COMMON_QUEUE_ENABLE);
    if (enabled)
        return complain ("queue_enable", enabled, 0);
    if (!(virtio_status (self) & STATUS_NEEDS_RESET))
        return complain ("status", virtio_status (self), STATUS_NEEDS_RESET);
    virtio_kick (self, queue);
    return true;
}

static bool
refuses_any_at (struct virtio *self, unsigned queue, uint64_t address)
{
    uint64_t descriptors = (uintptr_t) rings[queue].descriptors;
    uint64_t available = (uintptr_t) &rings[queue].available;
    uint64_t used = (uintptr_t) &rings[queue].used;

    return refuses (self, queue, QUEUE_SIZE, address, available, used) &&
           refuses (self, queue, QUEUE_SIZE, descriptors, address, used) &&
           refuses (self, queue, QUEUE_SIZE, descriptors, available, address);
}

bool
a_queue_outside_ram (struct virtio *self, unsigned queue)
{
    return refuses_any_at (self, queue, RAM_END) && refuses_any_at (self, queue, RAM_END - 16) &&
           refuses_any_at (self, queue, UINT64_MAX - 15) && refuses_any_at (self, queue, ROM);
}

bool
a_misaligned_queue (struct virtio *self, unsigned queue)
{
    uint64_t descriptors = (uintptr_t) rings[queue].descriptors;
    uint64_t available = (uintptr_t) &rings[queue].available;
    uint64_t used = (uintptr_t) &rings[queue].used;

    return refuses (self, queue, QUEUE_SIZE, descriptors + 8, available, used) &&
           refuses (self, queue, QUEUE_SIZE, descriptors, available + 1, used) &&
           refuses (self, queue, QUEUE_SIZE, descriptors, available, used + 2);
}

bool
a_queue_of_impossible_size (struct virtio *self, unsigned queue)
{
    static const uint16_t sizes[] = {0, 3, 512, 0xffff};

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (!refuses (self, queue, sizes[i], (uintptr_t) room, (uintptr_t) room + 0x80000,
                      (uintptr_t) room + 0x100000))
            return false;
    return true;
}

bool
a_queue_that_is_moved_while_enabled (struct virtio *self, unsigned queue)
{
    uint64_t before[3], after[3];

    for (unsigned i = 0; i < 2; i++) {
        uint64_t *to = i ? after : before;

        virtio_select (self, queue);
        for (unsigned j = 0; j < 3; j++)
            to[j] = read64 (self->common + COMMON_DESCRIPTORS + 8 * j);
        if (i == 0)
            virtio_place (self, queue, 4, RAM_END, RAM_END, RAM_END);
    }
    for (unsigned i = 0; i < 3; i++)
        if (after[i] != before[i])
            return complain ("address of a queue", after[i], before[i]);
    if (read16 (self->common + COMMON_QUEUE_SIZE) != QUEUE_SIZE)
        return complain ("size of a queue", 4, QUEUE_SIZE);
    return virtio_use (self);
}

bool
a_kick_of_a_queue_that_is_not_enabled (struct virtio *self, unsigned queue)
{
    if (!virtio_start_without (self, queue))
        return false;
    virtio_offer (self, queue, 0);
    if (!virtio_provoke (self, queue))
        return false;
    if (virtio_status (self) != STATUS_LIVE)
        return complain ("status", virtio_status (self), STATUS_LIVE);
    if (*(volatile uint16_t *) &rings[queue].used.index)
        return complain ("used index", rings[queue].used.index, 0);
    return true;
}

/* While the host holds the requests of disks, a reset is not over. */
static bool
resets_late (struct virtio *self, unsigned queue)
{
    bool taken = virtio_wait_taken (queue), over = false;

    write8 (self->common + COMMON_STATUS, 0);
    for (unsigned i = 0; i < 100; i++)
        over |= virtio_status (self) == 0;
    ask ("release", 0);
    if (taken && over)
        complain ("status during a reset", 0, STATUS_LIVE);
    return virtio_reset (self) && taken && !over;
}

/* Eight times the same request: of a disk a read, of others whatever it is. */
bool
a_reset_while_requests_are_under_way (struct virtio *self, unsigned queue)
{
    static uint64_t header[2];
    struct descriptor *descriptors = rings[queue].descriptors;

    descriptors[0] = (struct descriptor) {(uintptr_t) header, 16, DESCRIPTOR_NEXT, 1};
    descriptors[1] = (struct descriptor) {(uintptr_t) room, VIRTIO_PAYLOAD_SECTORS / 2 * 512 + 1,
                                          DESCRIPTOR_WRITE, 0};
    if (self->type == TYPE_BLK)
        ask ("hold", 0);
    for (unsigned i = 0; i < 8; i++)
        virtio_offer (self, queue, 0);
    virtio_kick (self, queue);
    return self->type == TYPE_BLK ? resets_late (self, queue) : virtio_reset (self);
}

/* The device as a whole. */

bool
a_kick_of_no_queue (struct virtio *self, unsigned queue)
{
    static const uint16_t selected[] = {15, 16, 0xffff};

    (void) queue;
    for (uint64_t at = self->n_queues * self->multiplier; at < 0x1000; at += 4 + at / 2 * 2)
        write16 (self->notify + at, (uint16_t) self->n_queues);
    for (unsigned i = 0; i < sizeof selected / sizeof *selected; i++) {
        virtio_place (self, selected[i], QUEUE_SIZE, 0, 0, 0);
        if (read16 (self->common + COMMON_QUEUE_SIZE))
            return complain ("size of no queue", 1, 0);
        if (read16 (self->common + COMMON_QUEUE_ENABLE))
            return complain ("queue_enable of no queue", 1, 0);
    }
    return virtio_use (self);
}

bool
features_that_are_not_on_offer (struct virtio *self, unsigned queue)
{
    const uint8_t before = STATUS_ACKNOWLEDGE | STATUS_DRIVER;

    (void) queue;
    /* One that nobody knows, then not even the one that there must be. */
    for (unsigned i = 0; i < 2; i++) {
        if (!virtio_reset (self))
            return false;
        write8 (self->common + COMMON_STATUS, before);
        write32 (self->common + COMMON_WANTED_SELECT, 1);
        write32 (self->common + COMMON_WANTED, i == 0 ? 1u | 1u << 31 : 0);
        write8 (self->common + COMMON_STATUS, before | STATUS_FEATURES_OK);
        if (virtio_status (self) != before)
            return complain ("status", virtio_status (self), before);
        write8 (self->common + COMMON_STATUS, before | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
        if (virtio_status (self) != before)
            return complain ("status of a driver", virtio_status (self), before);
    }
    return true;
}
