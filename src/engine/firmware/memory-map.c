/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/memory-map.h"

#include <assert.h>

#include "base/util.h"

void
memory_map_add (struct memory_map *map, uint64_t start, uint64_t length, enum memory_type type)
{
    assert (map->n_ranges < MEMORY_MAP_MAX);
    if (length > 0)
        map->ranges[map->n_ranges++] = (struct memory_range) {start, length, type};
}

void
memory_map_for_firmware (struct memory_map *map, const struct vmm_memory *memory)
{
    *map = (struct memory_map) {.n_ranges = 0};
    memory_map_add (map, 0, vmm_memory_low_size (memory), MEMORY_RAM);
    memory_map_add (map, MEMORY_KVM_PAGES, MEMORY_KVM_PAGES_SIZE, MEMORY_RESERVED);
    memory_map_add (map, 4 * GIB, vmm_memory_high_size (memory), MEMORY_RAM);
}

size_t
memory_map_write_e820 (const struct memory_map *map,
                       uint8_t out[MEMORY_MAP_MAX * MEMORY_E820_ENTRY])
{
    for (size_t i = 0; i < map->n_ranges; i++) {
        uint8_t *entry = out + i * MEMORY_E820_ENTRY;

        store_le64 (entry, map->ranges[i].start);
        store_le64 (entry + 8, map->ranges[i].length);
        store_le32 (entry + 16, map->ranges[i].type);
    }
    return map->n_ranges * MEMORY_E820_ENTRY;
}
