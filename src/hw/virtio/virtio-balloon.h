/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the host may ask of a memory balloon while its machine exists. Any thread, without the
 * device's lock.
 */
#pragma once

#include "engine/device.h"

/* What the guest says of its own memory; UINT64_MAX where it does not say. Bytes and counts since
 * it booted. */
struct virtio_balloon_stats {
    uint64_t target; /* bytes we want the guest to give back … */
    uint64_t actual; /* … and that it has given back */
    uint64_t swap_in, swap_out;
    uint64_t major_faults, minor_faults;
    uint64_t free, total, available, disk_caches;
    uint64_t huge_page_allocations, huge_page_failures;
    uint64_t updated_at; /* guest clock in ns, 0: never */
};

/* Asks the guest to give back @bytes of its memory (rounded down to pages, at most all of it).
 * -EINVAL if @device is no balloon. */
int virtio_balloon_set_target (struct vmm_device *device, uint64_t bytes);
/* What is known now; also asks the guest for newer statistics. -EINVAL if @device is no balloon. */
int virtio_balloon_get_stats (struct vmm_device *device, struct virtio_balloon_stats *ret_stats);
