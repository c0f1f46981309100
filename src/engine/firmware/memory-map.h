/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory map as guests are told it, in the numbering of the BIOS (INT 15h AX=E820h), which
 * fw_cfg, the Linux boot protocol and PVH share. Pure functions on any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/guest-memory.h"

enum memory_type {
    MEMORY_RAM = 1,
    MEMORY_RESERVED = 2,
    MEMORY_ACPI = 3, /* RAM with tables in it, free once they have been read */
};

struct memory_range {
    uint64_t start;
    uint64_t length;
    enum memory_type type;
};

#define MEMORY_MAP_MAX 16

struct memory_map {
    struct memory_range ranges[MEMORY_MAP_MAX];
    size_t n_ranges;
};

/* Where KVM keeps its task state and identity-map pages. */
#define MEMORY_KVM_PAGES      UINT64_C (0xFEFFC000)
#define MEMORY_KVM_PAGES_SIZE UINT64_C (0x4000)

/* Empty ranges are not added. */
void
memory_map_add (struct memory_map *map, uint64_t start, uint64_t length, enum memory_type type);

/* What firmware is told: RAM and KVM's pages. The rest firmware knows, having put it there. */
void memory_map_for_firmware (struct memory_map *map, const struct vmm_memory *memory);

#define MEMORY_E820_ENTRY 20
/* Writes u64 start, u64 length, u32 type for each range and returns how many bytes that makes. */
size_t memory_map_write_e820 (const struct memory_map *map,
                              uint8_t out[MEMORY_MAP_MAX * MEMORY_E820_ENTRY]);
