/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The port and memory-mapped I/O spaces of one machine. Regions may overlap; the one with the
 * higher priority wins, among equals the one mapped last. Reads of nothing give all ones, writes to
 * nothing vanish. Lookups (vCPU threads) and changes (any thread, also from inside a handler) run
 * concurrently. Regions live in their owner's memory, who unmaps them
 * before it is gone (a device in fini, when no vCPU runs any more).
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct vmm_bus;

enum vmm_space {
    VMM_SPACE_PIO,  /* 64 KiB */
    VMM_SPACE_MMIO, /* guest physical addresses outside RAM */
};

struct vmm_region {
    /* Set by the owner, constant from the first vmm_bus_map () on. */
    const char *name;
    enum vmm_space space;
    uint64_t size;
    int priority; /* 0 for most */
    unsigned
        max_size; /* widest access the handlers take in bytes: wider ones are split; 0 means 8 */
    unsigned min_size; /* narrower accesses are still delivered as they are; documentation only, 0
                          means 1 */
    /*
     * @offset is relative to the region's base, @size is 1, 2, 4 or 8, and the access lies inside
     * the region. NULL: reads as all ones, ignores writes.
     */
    uint64_t (*read) (void *opaque, uint64_t offset, unsigned size);
    void (*write) (void *opaque, uint64_t offset, unsigned size, uint64_t value);
    void *opaque;
    pthread_mutex_t *lock; /* held around the handlers; normally &device->lock; may be NULL */

    /* The bus's own. */
    uint64_t base;
    bool mapped;
    uint64_t sequence;
    struct vmm_list link;
};

/* Maps @region at @base, moving it if it is mapped. -ERANGE if it does not fit the space, -ENOMEM.
 */
int vmm_bus_map (struct vmm_bus *bus, struct vmm_region *region, uint64_t base);
/* Does nothing for a region that is not mapped. A handler that runs already may still end after
 * this returns. */
void vmm_bus_unmap (struct vmm_bus *bus, struct vmm_region *region);

/* One access, as a vCPU makes it; @size 1, 2, 4 or 8. */
uint64_t vmm_bus_read (struct vmm_bus *bus, enum vmm_space space, uint64_t address, unsigned size);
void vmm_bus_write (struct vmm_bus *bus, enum vmm_space space, uint64_t address, unsigned size,
                    uint64_t value);

/*
 * A doorbell: guest writes of @size bytes (0: any size, MMIO only) at @address signal @fd, an
 * eventfd that stays the caller's, instead of reaching a region. Handled by KVM, or by the bus
 * itself where there is none. -EEXIST if one is there.
 */
int vmm_bus_add_doorbell (struct vmm_bus *bus, enum vmm_space space, uint64_t address,
                          unsigned size, int fd);
void vmm_bus_remove_doorbell (struct vmm_bus *bus, enum vmm_space space, uint64_t address,
                              unsigned size, int fd);
