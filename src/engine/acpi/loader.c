/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loader script: commands of 128 bytes, little-endian, unused ones zero (QEMU,
 * hw/acpi/bios-linker-loader.c; edk2, OvmfPkg/AcpiPlatformDxe).
 *
 *   allocate      u32 1, name[56], u32 alignment, u8 zone (1 high memory, 2 F segment)
 *   add pointer   u32 2, name[56] of the file that holds it, name[56] of the file it points into,
 *                 u32 offset, u8 width
 *   add checksum  u32 3, name[56], u32 offset of the sum, u32 start, u32 length
 */
#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "engine/acpi/acpi.h"

#define COMMAND_SIZE 128
#define NAME_SIZE    56

enum command {
    COMMAND_ALLOCATE = 1,
    COMMAND_ADD_POINTER = 2,
    COMMAND_ADD_CHECKSUM = 3,
};

enum zone {
    ZONE_HIGH = 1,
    ZONE_F_SEGMENT = 2,
};

static_assert ((2 + 2 * ACPI_MAX_FIXUPS) * COMMAND_SIZE <= ACPI_LOADER_SIZE,
               "the longest script fits");

static const char *
file_name (bool is_rsdp)
{
    return is_rsdp ? ACPI_RSDP_FILE : ACPI_TABLES_FILE;
}

static uint8_t *
append (uint8_t **cursor, enum command number, const char *name)
{
    uint8_t *command = *cursor;

    *cursor += COMMAND_SIZE;
    store_le32 (command, number);
    memcpy (command + 4, name, strlen (name));
    return command;
}

static void
append_allocate (uint8_t **cursor, const char *name, uint32_t alignment, enum zone zone)
{
    uint8_t *command = append (cursor, COMMAND_ALLOCATE, name);

    store_le32 (command + 60, alignment);
    command[64] = (uint8_t) zone;
}

void
acpi_write_loader (const struct acpi_tables *tables, uint8_t script[ACPI_LOADER_SIZE])
{
    uint8_t *cursor = script, *command;

    memset (script, 0, ACPI_LOADER_SIZE);
    append_allocate (&cursor, ACPI_TABLES_FILE, 64, ZONE_HIGH);
    append_allocate (&cursor, ACPI_RSDP_FILE, 16, ZONE_F_SEGMENT);
    for (size_t i = 0; i < tables->n_pointers; i++) {
        const struct acpi_pointer *pointer = &tables->pointers[i];

        command = append (&cursor, COMMAND_ADD_POINTER, file_name (pointer->in_rsdp));
        memcpy (command + 4 + NAME_SIZE, ACPI_TABLES_FILE, sizeof ACPI_TABLES_FILE);
        store_le32 (command + 116, pointer->offset);
        command[120] = pointer->width;
    }
    /* Sums come last: they cover the pointers. */
    for (size_t i = 0; i < tables->n_checksums; i++) {
        const struct acpi_checksum *checksum = &tables->checksums[i];

        command = append (&cursor, COMMAND_ADD_CHECKSUM, file_name (checksum->in_rsdp));
        store_le32 (command + 60, checksum->offset);
        store_le32 (command + 64, checksum->start);
        store_le32 (command + 68, checksum->length);
    }
}
