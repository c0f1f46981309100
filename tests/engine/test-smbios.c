/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/smbios.h"

#include "base/util.h"
#include "tap.h"

static const uint8_t uuid[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};

static uint8_t
sum (const uint8_t *data, size_t length)
{
    uint8_t total = 0;

    while (length--)
        total += *data++;
    return total;
}

/* The structure behind @at: formatted part, strings, two NULs. */
static size_t
next (const struct smbios_tables *tables, size_t at)
{
    at += tables->data[at + 1];
    while (at + 1 < tables->size && (tables->data[at] || tables->data[at + 1]))
        at++;
    return at + 2;
}

static const uint8_t *
find (const struct smbios_tables *tables, uint8_t type, unsigned nth)
{
    for (size_t at = 0; at < tables->size; at = next (tables, at))
        if (tables->data[at] == type && nth-- == 0)
            return tables->data + at;
    return NULL;
}

TEST (anchor_sums_up_and_counts)
{
    struct smbios_platform platform = {
        .uuid = uuid, .sockets = 1, .cores = 2, .threads = 1, .low_memory = 512 * MIB};
    static struct smbios_tables tables;
    unsigned count = 0;
    size_t at, longest = 0;

    smbios_build (&platform, 0xF0100, &tables);
    CHECK (memcmp (tables.anchor, "_SM_", 4) == 0);
    CHECK (memcmp (tables.anchor + 16, "_DMI_", 5) == 0);
    CHECK_EQUAL (sum (tables.anchor, 31), 0);
    CHECK_EQUAL (sum (tables.anchor + 16, 15), 0);
    CHECK_EQUAL (load_le32 (tables.anchor + 24), 0xF0100);
    CHECK_EQUAL (load_le16 (tables.anchor + 22), tables.size);
    for (at = 0; at < tables.size; at = next (&tables, at)) {
        longest = MAX_OF (longest, next (&tables, at) - at);
        count++;
    }
    CHECK_EQUAL (at, tables.size);
    CHECK_EQUAL (load_le16 (tables.anchor + 28), count);
    CHECK_EQUAL (load_le16 (tables.anchor + 8), longest);
    CHECK (find (&tables, 127, 0) == tables.data + tables.size - 6);
}

TEST (system_has_the_uuid_in_smbios_order)
{
    static const uint8_t expected[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                         0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF};
    struct smbios_platform platform = {
        .uuid = uuid, .sockets = 1, .cores = 1, .threads = 1, .low_memory = 16 * MIB};
    static struct smbios_tables tables;
    const uint8_t *system;

    smbios_build (&platform, 0, &tables);
    system = find (&tables, 1, 0);
    CHECK (system && memcmp (system + 8, expected, 16) == 0);
    CHECK_STRING ((const char *) system + system[1], "Posada");
    CHECK (!find (&tables, 0, 0));
    platform.without_firmware = true;
    smbios_build (&platform, 0, &tables);
    CHECK (find (&tables, 0, 0) != NULL);
}

TEST (every_socket_is_a_processor)
{
    struct smbios_platform platform = {
        .uuid = uuid, .sockets = 64, .cores = 1, .threads = 1, .low_memory = 16 * MIB};
    static struct smbios_tables tables;

    smbios_build (&platform, 0, &tables);
    CHECK (find (&tables, 4, 63) && !find (&tables, 4, 64));
    platform.sockets = 2;
    platform.cores = 4;
    platform.threads = 2;
    smbios_build (&platform, 0, &tables);
    CHECK (find (&tables, 4, 1) && !find (&tables, 4, 2));
    CHECK_EQUAL (find (&tables, 4, 0)[35], 4);
    CHECK_EQUAL (find (&tables, 4, 0)[37], 8);
}

TEST (large_memory_takes_the_extended_fields)
{
    struct smbios_platform platform = {.uuid = uuid,
                                       .sockets = 1,
                                       .cores = 1,
                                       .threads = 1,
                                       .low_memory = 2 * GIB,
                                       .high_memory = UINT64_C (6) << 40};
    static struct smbios_tables tables;

    smbios_build (&platform, 0, &tables);
    CHECK_EQUAL (load_le32 (find (&tables, 16, 0) + 7), 0x80000000);
    CHECK_EQUAL (load_le64 (find (&tables, 16, 0) + 15), (UINT64_C (6) << 40) + 2 * GIB);
    CHECK_EQUAL (load_le16 (find (&tables, 17, 0) + 12), 0x7FFF);
    CHECK_EQUAL (load_le32 (find (&tables, 17, 0) + 28), (6u << 20) + 2048);
    CHECK_EQUAL (load_le32 (find (&tables, 19, 0) + 8), 2 * MIB - 1);
    CHECK_EQUAL (load_le32 (find (&tables, 19, 1) + 4), UINT32_MAX);
    CHECK_EQUAL (load_le64 (find (&tables, 19, 1) + 15), 4 * GIB);
}

TAP_MAIN ()
