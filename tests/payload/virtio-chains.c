/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests as no driver should make them. Where the specification leaves open what comes of it, the
 * device is to say that it needs a reset (VIRTIO 1.3, 2.1.2), to take and give back nothing more,
 * and to work again after that reset.
 */
#include "virtio.h"

#define RAM_END VIRTIO_PAYLOAD_RAM
#define ROM     UINT64_C (0xffff0000)

static uint8_t room[16];

static void
put (struct descriptor *table, unsigned index, uint64_t address, uint32_t length, uint16_t flags,
     uint16_t next)
{
    table[index] = (struct descriptor) {address, length, flags, next};
}

/* A good buffer of 16 bytes, for the device to write. */
static void
put_good (struct descriptor *table, unsigned index, uint16_t flags, uint16_t next)
{
    put (table, index, (uintptr_t) room, 16, DESCRIPTOR_WRITE | flags, next);
}

static void
put_indirect (unsigned queue, uint64_t table, uint32_t length, uint16_t flags)
{
    put (rings[queue].descriptors, 0, table, length, DESCRIPTOR_INDIRECT | flags, 1);
}

/* The device must break over what is on offer, and not have answered. */
static bool
breaks (struct virtio *self, unsigned queue)
{
    uint8_t isr;

    if (!virtio_provoke (self, queue) || !virtio_wait_broken (self))
        return false;
    isr = read8 (self->isr);
    if (!(isr & 2))
        return complain ("ISR status", isr, isr | 2);
    virtio_kick (self, queue);
    if (virtio_status (self) != (STATUS_LIVE | STATUS_NEEDS_RESET))
        return complain ("status", virtio_status (self), STATUS_LIVE | STATUS_NEEDS_RESET);
    if (*(volatile uint16_t *) &rings[queue].used.index != self->last_used[queue])
        return complain ("used index", rings[queue].used.index, self->last_used[queue]);
    return true;
}

static bool
offer_and_break (struct virtio *self, unsigned queue)
{
    virtio_offer (self, queue, 0);
    return breaks (self, queue);
}

/* Chains. */

bool
a_loop (struct virtio *self, unsigned queue)
{
    put_good (rings[queue].descriptors, 0, DESCRIPTOR_NEXT, 1);
    put_good (rings[queue].descriptors, 1, DESCRIPTOR_NEXT, 0);
    return offer_and_break (self, queue);
}

bool
a_loop_in_an_indirect_table (struct virtio *self, unsigned queue)
{
    put_indirect (queue, (uintptr_t) rings[queue].table, 32, 0);
    put_good (rings[queue].table, 0, DESCRIPTOR_NEXT, 1);
    put_good (rings[queue].table, 1, DESCRIPTOR_NEXT, 1);
    return offer_and_break (self, queue);
}

bool
a_chain_longer_than_any_queue (struct virtio *self, unsigned queue)
{
    unsigned n = 257;

    put_indirect (queue, (uintptr_t) rings[queue].table, 16 * n, 0);
    for (unsigned i = 0; i < n; i++)
        put_good (rings[queue].table, i, i + 1 < n ? DESCRIPTOR_NEXT : 0, (uint16_t) (i + 1));
    return offer_and_break (self, queue);
}

bool
a_next_outside_the_table (struct virtio *self, unsigned queue)
{
    put_good (rings[queue].descriptors, 0, DESCRIPTOR_NEXT, QUEUE_SIZE);
    return offer_and_break (self, queue);
}

bool
a_next_outside_an_indirect_table (struct virtio *self, unsigned queue)
{
    put_indirect (queue, (uintptr_t) rings[queue].table, 32, 0);
    put_good (rings[queue].table, 0, DESCRIPTOR_NEXT, 2);
    put_good (rings[queue].table, 2, 0, 0);
    return offer_and_break (self, queue);
}

/* A good buffer, then one of @length bytes at @address. */
static bool
offer_buffer (struct virtio *self, unsigned queue, uint64_t address, uint32_t length)
{
    put_good (rings[queue].descriptors, 0, DESCRIPTOR_NEXT, 1);
    put (rings[queue].descriptors, 1, address, length, DESCRIPTOR_WRITE, 0);
    return offer_and_break (self, queue);
}

bool
a_buffer_past_ram (struct virtio *self, unsigned queue)
{
    return offer_buffer (self, queue, RAM_END, 1);
}

bool
a_buffer_across_the_end_of_ram (struct virtio *self, unsigned queue)
{
    return offer_buffer (self, queue, RAM_END - 16, 17);
}

bool
a_buffer_around_the_end_of_addresses (struct virtio *self, unsigned queue)
{
    return offer_buffer (self, queue, UINT64_MAX - 15, 4096);
}

bool
a_buffer_in_registers (struct virtio *self, unsigned queue)
{
    return offer_buffer (self, queue, self->common, 16);
}

bool
a_buffer_in_rom (struct virtio *self, unsigned queue)
{
    return offer_buffer (self, queue, ROM, 16);
}

bool
more_than_4_gib (struct virtio *self, unsigned queue)
{
    unsigned n = 200;

    put_indirect (queue, (uintptr_t) rings[queue].table, 16 * n, 0);
    for (unsigned i = 0; i < n; i++)
        put (rings[queue].table, i, RAM_END / 4, RAM_END * 3 / 4,
             DESCRIPTOR_WRITE | (i + 1 < n ? DESCRIPTOR_NEXT : 0), (uint16_t) (i + 1));
    return offer_and_break (self, queue);
}

/* That is a request without contents, whatever this means: a disk cannot answer, and frames that
 * come have no place in it, others can. */
bool
an_empty_buffer (struct virtio *self, unsigned queue)
{
    uint32_t length;

    put (rings[queue].descriptors, 0, UINT64_MAX, 0, DESCRIPTOR_WRITE, 0);
    if (self->type == TYPE_BLK || (self->type == TYPE_NET && queue == 0))
        return offer_and_break (self, queue);
    virtio_offer (self, queue, 0);
    /* Of two buffers for statistics the first one comes back. */
    if (self->type == TYPE_BALLOON && queue == 2)
        virtio_offer (self, queue, 0);
    if (!virtio_provoke (self, queue) || !virtio_wait (self, queue, &length))
        return false;
    if (length)
        return complain ("length of an answer", length, 0);
    if (virtio_status (self) != STATUS_LIVE)
        return complain ("status", virtio_status (self), STATUS_LIVE);
    return true;
}

bool
a_readable_buffer_behind_a_writable_one (struct virtio *self, unsigned queue)
{
    put_good (rings[queue].descriptors, 0, DESCRIPTOR_NEXT, 1);
    put (rings[queue].descriptors, 1, (uintptr_t) room, 16, 0, 0);
    return offer_and_break (self, queue);
}

/* Rings. */

bool
a_head_out_of_range (struct virtio *self, unsigned queue)
{
    virtio_offer (self, queue, QUEUE_SIZE);
    return breaks (self, queue);
}

bool
an_index_that_jumps (struct virtio *self, unsigned queue)
{
    put_good (rings[queue].descriptors, 0, 0, 0);
    for (unsigned i = 0; i < QUEUE_SIZE + 1; i++)
        rings[queue].available.heads[i % QUEUE_SIZE] = 0;
    __asm__ volatile ("" : : : "memory");
    *(volatile uint16_t *) &rings[queue].available.index =
        (uint16_t) (rings[queue].available.index + QUEUE_SIZE + 1);
    return breaks (self, queue);
}

/* Indirect tables. */

bool
an_indirect_table_in_another (struct virtio *self, unsigned queue)
{
    struct descriptor *table = rings[queue].table;

    put_indirect (queue, (uintptr_t) table, 32, 0);
    put_good (table, 0, DESCRIPTOR_NEXT, 1);
    put (table, 1, (uintptr_t) (table + 8), 16, DESCRIPTOR_INDIRECT, 0);
    put_good (table, 8, 0, 0);
    return offer_and_break (self, queue);
}

bool
a_ragged_indirect_table (struct virtio *self, unsigned queue)
{
    put_good (rings[queue].table, 0, 0, 0);
    put_indirect (queue, (uintptr_t) rings[queue].table, 24, 0);
    return offer_and_break (self, queue);
}

bool
an_empty_indirect_table (struct virtio *self, unsigned queue)
{
    put_good (rings[queue].table, 0, 0, 0);
    put_indirect (queue, (uintptr_t) rings[queue].table, 0, 0);
    return offer_and_break (self, queue);
}

bool
an_indirect_table_past_ram (struct virtio *self, unsigned queue)
{
    put_good ((struct descriptor *) (RAM_END - 16), 0, 0, 0);
    put_indirect (queue, RAM_END - 16, 32, 0);
    return offer_and_break (self, queue);
}

bool
an_indirect_table_that_goes_on (struct virtio *self, unsigned queue)
{
    put_good (rings[queue].table, 0, 0, 0);
    put_indirect (queue, (uintptr_t) rings[queue].table, 16, DESCRIPTOR_NEXT);
    put_good (rings[queue].descriptors, 1, 0, 0);
    return offer_and_break (self, queue);
}

/* Disks: what cannot be understood, or not be answered. */

/* In two pieces, as a header need not be in one; then there is room for data and a status. */
bool
a_request_shorter_than_its_header (struct virtio *self, unsigned queue)
{
    static const uint32_t lengths[] = {1, 15};
    static uint8_t header[16], sector[512 + 1];

    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        put (rings[queue].descriptors, 0, (uintptr_t) header, 1, DESCRIPTOR_NEXT,
             lengths[i] > 1 ? 1 : 2);
        put (rings[queue].descriptors, 1, (uintptr_t) header + 1, lengths[i] - 1, DESCRIPTOR_NEXT,
             2);
        put (rings[queue].descriptors, 2, (uintptr_t) sector, sizeof sector, DESCRIPTOR_WRITE, 0);
        memset (sector, 0x5a, sizeof sector);
        if (!offer_and_break (self, queue))
            return false;
        for (unsigned j = 0; j < sizeof sector; j++)
            if (((volatile uint8_t *) sector)[j] != 0x5a)
                return complain ("byte of a refused request", sector[j], 0x5a);
        if (!virtio_start (self))
            return false;
    }
    return true;
}

/* It asks for a write, which is not to happen. */
bool
a_request_without_a_status (struct virtio *self, unsigned queue)
{
    static uint64_t header[2];
    static uint8_t data[512];

    header[0] = 1;
    header[1] = VIRTIO_PAYLOAD_WRITTEN + queue;
    put (rings[queue].descriptors, 0, (uintptr_t) header, sizeof header, DESCRIPTOR_NEXT, 1);
    put (rings[queue].descriptors, 1, (uintptr_t) data, sizeof data, 0, 0);
    return offer_and_break (self, queue);
}
