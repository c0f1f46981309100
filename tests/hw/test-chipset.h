/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Helpers of the chipset's tests: a testbed with the platform's devices, and random accesses. */
#pragma once

#include "base/util.h"
#include "hw/platform.h"
#include "tap.h"
#include "testbed.h"

#define HOST PCI_DEVFN (0, 0)
#define LPC  PCI_DEVFN (0x1F, 0)

static inline struct testbed *
new_platform (bool direct_boot)
{
    size_t n;
    const struct vmm_device_config *devices = posada_platform_devices (direct_boot, &n);

    return testbed_new (devices, n);
}

/* xorshift64*: the same sequence in every run. */
static inline uint64_t
next_random (uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C (2685821657736338717);
}

/* @count accesses of all sizes to ports [@first, @first + @n), reads and writes of any value. */
static inline void
hammer_ports (struct testbed *bed, uint16_t first, unsigned n, unsigned count, uint64_t seed)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t random = next_random (&seed);
        uint16_t port = (uint16_t) (first + random % n);
        unsigned size = 1u << (random >> 16 & 3) % 3;

        if (random >> 20 & 1)
            testbed_out (bed, port, size, random >> 32);
        else
            testbed_in (bed, port, size);
    }
}
