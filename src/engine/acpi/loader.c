/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loader script: commands of 128 bytes, little-endian, unused ones zero (QEMU,
 * hw/acpi/bios-linker-loader.c; edk2, OvmfPkg/AcpiPlatformDxe).
 *
 *   allocate      u32 1, name[56], u32 alignment, u8 zone (1 high memory, 2 F segment)
 *   add pointer   u32 2, name[56] of the file that holds it, name[56] of the file it points into,
 *                 u32 offset, u8 width
 *   add checksum  u32 3, name[56], u32 offset of the sum, u32 start, u32 length
 *   write pointer u32 4, name[56] of the file to write to, name[56] of the file whose address is
 *                 written, u32 offset in the first, u32 offset in the second, u8 width
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
    COMMAND_WRITE_POINTER = 4,
};

enum zone {
    ZONE_HIGH = 1,
    ZONE_F_SEGMENT = 2,
};

static_assert ((4 + 2 * ACPI_MAX_FIXUPS) * COMMAND_SIZE <= ACPI_LOADER_SIZE,
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

/* Its page is loaded, and we are told where. */
static void
append_generation (uint8_t **cursor)
{
    uint8_t *command;

    append_allocate (cursor, ACPI_GENERATION_FILE, ACPI_GENERATION_PAGE, ZONE_HIGH);
    command = append (cursor, COMMAND_WRITE_POINTER, ACPI_GENERATION_ADDRESS);
    memcpy (command + 4 + NAME_SIZE, ACPI_GENERATION_FILE, sizeof ACPI_GENERATION_FILE);
    command[124] = 8;
}

void
acpi_write_loader (const struct acpi_tables *tables, uint8_t script[ACPI_LOADER_SIZE])
{
    uint8_t *cursor = script, *command;

    memset (script, 0, ACPI_LOADER_SIZE);
    append_allocate (&cursor, ACPI_TABLES_FILE, 64, ZONE_HIGH);
    append_allocate (&cursor, ACPI_RSDP_FILE, 16, ZONE_F_SEGMENT);
    if (tables->has_generation)
        append_generation (&cursor);
    for (size_t i = 0; i < tables->n_pointers; i++) {
        const struct acpi_pointer *pointer = &tables->pointers[i];
        const char *target;

        command = append (&cursor, COMMAND_ADD_POINTER, file_name (pointer->in_rsdp));
        target = pointer->to_generation ? ACPI_GENERATION_FILE : ACPI_TABLES_FILE;
        memcpy (command + 4 + NAME_SIZE, target, strlen (target));
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
