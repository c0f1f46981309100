/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ACPI tables of one machine (ACPI 6.4, chapter 5). acpi_build () makes them out of a plain
 * description, with pointers as offsets and checksums open; who delivers them settles both: the
 * firmware, by the loader script of acpi_write_loader (), or acpi_place () for kernels that boot
 * without firmware. Pure functions on any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/firmware/fw-cfg.h"

#define ACPI_RSDP_SIZE  36
#define ACPI_MAX_CPUS   64
#define ACPI_MAX_SERIAL 4
#define ACPI_PCI_SLOTS  32
#define ACPI_PCI_PINS   4

/* The power management block, as the LPC bridge is programmed by every firmware. */
#define ACPI_PM_BASE 0x600
#define ACPI_SCI_IRQ 9

struct acpi_serial {
    uint16_t port;
    unsigned irq;
};

struct acpi_platform {
    unsigned n_cpus;
    uint8_t apic_ids[ACPI_MAX_CPUS];
    uint64_t low_end;        /* end of RAM below 4 GiB */
    uint64_t high_end;       /* end of RAM above it, or 4 GiB */
    unsigned physical_bits;  /* of guest addresses */
    uint64_t ecam;           /* 0: none; 256 MiB */
    bool has_i8042, has_rtc; /* legacy devices to announce */
    bool has_generation;     /* the page with the identifier of the machine's generation */
    unsigned n_serial;
    struct acpi_serial serial[ACPI_MAX_SERIAL];
    /* PIRQ 0–7 of each slot's pins INTA–INTD: GSI 16 + pirq. */
    uint8_t pirqs[ACPI_PCI_SLOTS][ACPI_PCI_PINS];
};

#define ACPI_MAX_FIXUPS 24

/* A pointer of @width bytes at @offset of the tables (or the RSDP), relative to the tables or, if
 * it leads there, to the page of the generation's identifier. */
struct acpi_pointer {
    bool in_rsdp;
    uint32_t offset;
    uint8_t width;
    bool to_generation;
};

/* The byte at @offset makes [start, start + length) sum up to zero. */
struct acpi_checksum {
    bool in_rsdp;
    uint32_t offset, start, length;
};

struct acpi_tables {
    uint8_t rsdp[ACPI_RSDP_SIZE];
    uint8_t *data; /* owned; wants 64-byte alignment */
    size_t size;
    struct acpi_pointer pointers[ACPI_MAX_FIXUPS];
    size_t n_pointers;
    struct acpi_checksum checksums[ACPI_MAX_FIXUPS];
    size_t n_checksums;
    bool has_generation;
};

/* -ENOMEM. */
int acpi_build (const struct acpi_platform *platform, struct acpi_tables *ret_tables);
/* Accepts tables that are all zeroes. */
void acpi_tables_fini (struct acpi_tables *tables);

/* Settles pointers and checksums for tables that will lie at @address, once; the page of the
 * generation at ACPI_GENERATION_AT. */
void acpi_place (struct acpi_tables *tables, uint64_t address);

#define ACPI_LOADER_SIZE 8192 /* of a script, unused commands zero */
#define ACPI_RSDP_FILE   "etc/acpi/rsdp"
#define ACPI_TABLES_FILE "etc/acpi/tables"
#define ACPI_LOADER_FILE "etc/table-loader"
/* Writes the script by which firmware loads the two files above and settles what is open. */
void acpi_write_loader (const struct acpi_tables *tables, uint8_t script[ACPI_LOADER_SIZE]);
