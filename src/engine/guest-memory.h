/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Guest-physical memory: RAM, reached by devices only through the checked accessors below, and
 * slots, which are pieces of host memory that the guest sees at an address of a device's choice
 * (ROM, frame buffers, shadowed BIOS segments).
 *
 * RAM lies at [0, low) and, what does not fit below the hole, at [4 GiB, …). Accessors reach RAM
 * only, never slots. They may be called on any thread; concurrent guest access is the guest's own
 * race, so read a shared structure once into a local before judging it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct vmm_memory;

/* Bytes of RAM below and above 4 GiB. */
uint64_t vmm_memory_low_size (const struct vmm_memory *memory);
uint64_t vmm_memory_high_size (const struct vmm_memory *memory);

/* Copies; -EFAULT if any byte of the range is not RAM (then nothing was copied). */
int vmm_memory_read (struct vmm_memory *memory, uint64_t address, void *buffer, size_t length);
int
vmm_memory_write (struct vmm_memory *memory, uint64_t address, const void *buffer, size_t length);

/*
 * Gives the pages inside the range back to the host; the guest then reads zeroes. Partial pages and
 * ranges outside RAM are left alone: -EFAULT. For balloons and free page reports.
 */
int vmm_memory_discard (struct vmm_memory *memory, uint64_t address, uint64_t length);

/* The host address of a range that lies wholly in one piece of RAM, else NULL. Valid while the
 * machine lives. */
void *vmm_memory_pointer (struct vmm_memory *memory, uint64_t address, size_t length);

/*
 * The BIOS shadow window 0xC0000–0xFFFFF in 16 KiB segments, as a chipset's PAM registers switch
 * it. What "ROM" is there comes from vmm_memory_set_rom (); where that has nothing, reads give all
 * ones.
 */
enum vmm_shadow {
    VMM_SHADOW_ROM,       /* reads ROM, writes vanish (power-on) */
    VMM_SHADOW_READ_RAM,  /* reads RAM, writes vanish */
    VMM_SHADOW_WRITE_RAM, /* reads ROM, writes RAM */
    VMM_SHADOW_RAM,
};
#define VMM_SHADOW_SEGMENTS 16
int
vmm_memory_set_shadow (struct vmm_memory *memory, const enum vmm_shadow modes[VMM_SHADOW_SEGMENTS]);

struct vmm_slot {
    /* The memory's own. */
    struct vmm_memory *memory;
    void *host;
    uint64_t size;
    bool read_only;
    bool log_dirty;
    uint64_t base;
    bool mapped;
    int number;
    struct vmm_list link;
};

enum vmm_slot_flags {
    VMM_SLOT_READ_ONLY = 1 << 0, /* guest writes exit to the bus */
    VMM_SLOT_LOG_DIRTY = 1 << 1, /* vmm_slot_fetch_dirty () works */
};

/* @host: page-aligned memory of the owner's, @size a multiple of 4096. Not mapped yet. */
void vmm_slot_init (struct vmm_slot *slot, struct vmm_memory *memory, void *host, uint64_t size,
                    unsigned flags);
/* Maps at the page-aligned guest address @base, or moves there. It must not overlap RAM or another
 * slot: -EEXIST. */
int vmm_slot_map (struct vmm_slot *slot, uint64_t base);
void vmm_slot_unmap (struct vmm_slot *slot);
/*
 * Reads and clears the log of pages written since the last call: bit n of @bitmap for page n, (size
 * / 4096 + 63) / 64 words. Positive if any bit is set, 0 if none. Without KVM every page counts as
 * written.
 */
int vmm_slot_fetch_dirty (struct vmm_slot *slot, uint64_t *bitmap);
