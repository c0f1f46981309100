/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A structure is a header (type, length of the formatted part, handle), the formatted part, and its
 * strings, each with its NUL and one more NUL behind the last. String numbers in the formatted part
 * count from 1; 0 is none.
 */
#include "engine/firmware/smbios.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

#define VERSION_MAJOR 2
#define VERSION_MINOR 8

enum handle {
    HANDLE_BIOS = 0x0000,
    HANDLE_SYSTEM = 0x0100,
    HANDLE_CHASSIS = 0x0300,
    HANDLE_PROCESSOR = 0x0400, /* and up */
    HANDLE_ARRAY = 0x1000,
    HANDLE_MODULE = 0x1100,
    HANDLE_MAPPED = 0x1300, /* and up */
    HANDLE_BOOT = 0x2000,
    HANDLE_END = 0x7F00,
};

struct builder {
    struct smbios_tables *tables;
    unsigned count;
    size_t longest;
};

/* Appends a structure. @strings: NUL-terminated ones one after the other, an empty one ends them.
 */
static void
append (struct builder *self, uint8_t type, uint16_t handle, uint8_t *formatted, uint8_t length,
        const char *strings)
{
    uint8_t *out = self->tables->data + self->tables->size;
    size_t total = length, room = SMBIOS_TABLES_MAX - self->tables->size;

    formatted[0] = type;
    formatted[1] = length;
    store_le16 (formatted + 2, handle);
    assert (length + strlen (strings) + 256 <= room);
    memcpy (out, formatted, length);
    for (const char *string = strings; *string; string += strlen (string) + 1) {
        memcpy (out + total, string, strlen (string) + 1);
        total += strlen (string) + 1;
    }
    if (!*strings)
        out[total++] = 0;
    out[total++] = 0;
    self->tables->size += total;
    self->longest = MAX_OF (self->longest, total);
    self->count++;
}

static void
append_bios (struct builder *self)
{
    uint8_t bios[24] = {0};

    bios[4] = 1;                               /* vendor */
    bios[5] = 2;                               /* version */
    store_le16 (bios + 6, 0xF000);             /* segment */
    bios[8] = 3;                               /* date */
    store_le64 (bios + 10, UINT64_C (1) << 3); /* characteristics are not given */
    bios[19] = 0x14;                           /* a virtual machine, without UEFI */
    bios[20] = bios[21] = bios[22] = bios[23] = 0xFF;
    append (self, 0, HANDLE_BIOS, bios, sizeof bios,
            "Posada\0direct boot\0"
            "01/01/2026\0");
}

static void
append_system (struct builder *self, const uint8_t *uuid)
{
    uint8_t system[27] = {0};

    system[4] = 1; /* manufacturer */
    system[5] = 2; /* product */
    /* Since 2.6 the first three fields of a UUID are little-endian. */
    store_le32 (system + 8, load_be32 (uuid));
    store_le16 (system + 12, load_be16 (uuid + 4));
    store_le16 (system + 14, load_be16 (uuid + 6));
    memcpy (system + 16, uuid + 8, 8);
    system[24] = 6; /* woken by the power switch */
    append (self, 1, HANDLE_SYSTEM, system, sizeof system, "Posada\0Posada\0");
}

static void
append_chassis (struct builder *self)
{
    uint8_t chassis[22] = {0};

    chassis[4] = 1;                             /* manufacturer */
    chassis[5] = 1;                             /* other */
    chassis[9] = chassis[10] = chassis[11] = 3; /* safe */
    chassis[12] = 2;                            /* security unknown */
    append (self, 3, HANDLE_CHASSIS, chassis, sizeof chassis, "Posada\0");
}

static void
append_processor (struct builder *self, unsigned socket, unsigned cores, unsigned threads)
{
    uint8_t processor[42] = {0};
    unsigned total = cores * threads;

    processor[4] = 1;     /* socket */
    processor[5] = 3;     /* a CPU */
    processor[6] = 1;     /* of another family */
    processor[7] = 2;     /* manufacturer */
    processor[24] = 0x41; /* populated and enabled */
    processor[25] = 1;    /* upgrade: other */
    store_le16 (processor + 26, 0xFFFF);
    store_le16 (processor + 28, 0xFFFF);
    store_le16 (processor + 30, 0xFFFF); /* caches: see CPUID */
    processor[35] = processor[36] = (uint8_t) MIN_OF (cores, 255u);
    processor[37] = (uint8_t) MIN_OF (total, 255u);
    store_le16 (processor + 38, 2); /* characteristics unknown */
    store_le16 (processor + 40, 1); /* family: other */
    append (self, 4, (uint16_t) (HANDLE_PROCESSOR + socket), processor, sizeof processor,
            "CPU\0Posada\0");
}

static void
append_memory_array (struct builder *self, uint64_t memory)
{
    uint8_t array[23] = {0};
    uint64_t kib = memory / KIB;

    array[4] = 1; /* other location */
    array[5] = 3; /* system memory */
    array[6] = 3; /* no error correction */
    store_le32 (array + 7, kib < 0x80000000 ? (uint32_t) kib : 0x80000000);
    store_le16 (array + 11, 0xFFFE); /* no error information */
    store_le16 (array + 13, 1);      /* one module */
    store_le64 (array + 15, kib < 0x80000000 ? 0 : memory);
    append (self, 16, HANDLE_ARRAY, array, sizeof array, "");
}

static void
append_memory_module (struct builder *self, uint64_t memory)
{
    uint8_t module[40] = {0};
    uint64_t mib = memory / MIB;

    store_le16 (module + 4, HANDLE_ARRAY);
    store_le16 (module + 6, 0xFFFE);
    store_le16 (module + 8, 0xFFFF); /* widths unknown */
    store_le16 (module + 10, 0xFFFF);
    store_le16 (module + 12, mib < 0x7FFF ? (uint16_t) mib : 0x7FFF);
    module[14] = 9;                   /* DIMM */
    module[16] = 1;                   /* locator */
    module[18] = 7;                   /* RAM */
    store_le16 (module + 19, 1 << 1); /* other */
    module[23] = 2;                   /* manufacturer */
    store_le32 (module + 28, mib < 0x7FFF ? 0 : (uint32_t) MIN_OF (mib, 0x7FFFFFFFu));
    append (self, 17, HANDLE_MODULE, module, sizeof module, "DIMM 0\0Posada\0");
}

static void
append_mapped (struct builder *self, unsigned number, uint64_t start, uint64_t length)
{
    uint8_t mapped[31] = {0};
    uint64_t last = start + length - 1;
    bool is_wide = last / KIB >= UINT32_MAX;

    if (length == 0)
        return;
    store_le32 (mapped + 4, is_wide ? UINT32_MAX : (uint32_t) (start / KIB));
    store_le32 (mapped + 8, is_wide ? UINT32_MAX : (uint32_t) (last / KIB));
    store_le16 (mapped + 12, HANDLE_ARRAY);
    mapped[14] = 1; /* one module wide */
    store_le64 (mapped + 15, is_wide ? start : 0);
    store_le64 (mapped + 23, is_wide ? last : 0);
    append (self, 19, (uint16_t) (HANDLE_MAPPED + number), mapped, sizeof mapped, "");
}

static uint8_t
negative_sum (const uint8_t *data, size_t length)
{
    uint8_t sum = 0;

    while (length--)
        sum += *data++;
    return (uint8_t) -sum;
}

static void
fill_anchor (struct builder *self, uint32_t address)
{
    uint8_t *anchor = self->tables->anchor;

    memset (anchor, 0, SMBIOS_ANCHOR_SIZE);
    memcpy (anchor, "_SM_", 4);
    anchor[5] = SMBIOS_ANCHOR_SIZE;
    anchor[6] = VERSION_MAJOR;
    anchor[7] = VERSION_MINOR;
    store_le16 (anchor + 8, (uint16_t) self->longest);
    memcpy (anchor + 16, "_DMI_", 5);
    store_le16 (anchor + 22, (uint16_t) self->tables->size);
    store_le32 (anchor + 24, address);
    store_le16 (anchor + 28, (uint16_t) self->count);
    anchor[30] = VERSION_MAJOR << 4 | VERSION_MINOR;
    anchor[21] = negative_sum (anchor + 16, 15);
    anchor[4] = negative_sum (anchor, SMBIOS_ANCHOR_SIZE);
}

void
smbios_build (const struct smbios_platform *platform, uint32_t address,
              struct smbios_tables *ret_tables)
{
    struct builder self = {.tables = ret_tables};
    uint64_t memory = platform->low_memory + platform->high_memory;
    uint8_t boot[11] = {0}, end[4] = {0};

    ret_tables->size = 0;
    if (platform->without_firmware)
        append_bios (&self);
    append_system (&self, platform->uuid);
    append_chassis (&self);
    for (unsigned i = 0; i < platform->sockets; i++)
        append_processor (&self, i, platform->cores, platform->threads);
    append_memory_array (&self, memory);
    append_memory_module (&self, memory);
    append_mapped (&self, 0, 0, platform->low_memory);
    append_mapped (&self, 1, 4 * GIB, platform->high_memory);
    append (&self, 32, HANDLE_BOOT, boot, sizeof boot, "");
    append (&self, 127, HANDLE_END, end, sizeof end, "");
    fill_anchor (&self, address);
}
