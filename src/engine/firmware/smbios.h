/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The SMBIOS tables (DMTF DSP0134 2.8) that say what machine this is. Pure functions on any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMBIOS_ANCHOR_SIZE 31
#define SMBIOS_TABLES_MAX  16384

struct smbios_platform {
    const uint8_t *uuid; /* 16 bytes as they are written down; all zeroes: none */
    unsigned sockets, cores, threads;
    uint64_t low_memory, high_memory; /* bytes below and above 4 GiB */
    bool without_firmware;            /* nobody else is going to describe a BIOS */
};

struct smbios_tables {
    uint8_t anchor[SMBIOS_ANCHOR_SIZE];
    uint8_t data[SMBIOS_TABLES_MAX];
    size_t size;
};

/* @address: where the tables will lie; 0 if firmware decides that. */
void smbios_build (const struct smbios_platform *platform, uint32_t address,
                   struct smbios_tables *ret_tables);
