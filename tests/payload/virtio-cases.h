/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What virtio.rom tries on which devices, and how it tells: both sides of the test go by these
 * lists. A line of the report is "DEVICE CASE: ok", or the same with complaints; a line that begins
 * with '>' asks the host for something, with a number: input for a device, fetching statistics that
 * have this value in them, holding and releasing the disk's requests.
 */
#pragma once

#define VIRTIO_PAYLOAD_RAM     UINT64_C (0x2000000)
#define VIRTIO_PAYLOAD_ANSWERS UINT64_C (0x90000) /* u32: how many requests of a '>' were met */
#define VIRTIO_PAYLOAD_SECTORS 2048
#define VIRTIO_PAYLOAD_PATTERN 0x5eed0000u /* a sector's words: this plus its number */
#define VIRTIO_PAYLOAD_WRITTEN 64          /* the sector that queue 0 writes; + 1 for queue 1 … */
#define VIRTIO_PAYLOAD_MARK    0xab1e0000u /* what it writes: this plus the queue */

#define VIRTIO_DEVICES(X) \
    X (blk)               \
    X (console) X (rng) X (balloon) X (gpu) X (keyboard) X (mouse) X (tablet) X (touch) X (net)

/* Chains and rings, for each queue. */
#define VIRTIO_QUEUE_CASES(X, device)                   \
    X (device, a_loop)                                  \
    X (device, a_loop_in_an_indirect_table)             \
    X (device, a_chain_longer_than_any_queue)           \
    X (device, a_next_outside_the_table)                \
    X (device, a_next_outside_an_indirect_table)        \
    X (device, a_buffer_past_ram)                       \
    X (device, a_buffer_across_the_end_of_ram)          \
    X (device, a_buffer_around_the_end_of_addresses)    \
    X (device, a_buffer_in_registers)                   \
    X (device, a_buffer_in_rom)                         \
    X (device, more_than_4_gib)                         \
    X (device, an_empty_buffer)                         \
    X (device, a_readable_buffer_behind_a_writable_one) \
    X (device, a_head_out_of_range)                     \
    X (device, an_index_that_jumps)                     \
    X (device, an_indirect_table_in_another)            \
    X (device, a_ragged_indirect_table)                 \
    X (device, an_empty_indirect_table)                 \
    X (device, an_indirect_table_past_ram)              \
    X (device, an_indirect_table_that_goes_on)          \
    X (device, a_queue_outside_ram)                     \
    X (device, a_misaligned_queue)                      \
    X (device, a_queue_of_impossible_size)              \
    X (device, a_queue_that_is_moved_while_enabled)     \
    X (device, a_kick_of_a_queue_that_is_not_enabled)   \
    X (device, a_reset_while_requests_are_under_way)

/* The same for disks alone. */
#define VIRTIO_DISK_CASES(X, device)              \
    X (device, a_request_shorter_than_its_header) \
    X (device, a_request_without_a_status)

/* Whatever has nothing to do with a particular queue. */
#define VIRTIO_DEVICE_CASES(X, device) \
    X (device, a_kick_of_no_queue)     \
    X (device, features_that_are_not_on_offer)
