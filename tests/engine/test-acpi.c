/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/acpi/acpi.h"

#include <unistd.h>

#include "base/util.h"
#include "tap.h"

#define BASE 0x7FE0000

static struct acpi_platform
platform (unsigned cpus)
{
    struct acpi_platform platform = {
        .n_cpus = cpus,
        .low_end = 0x8000000,
        .high_end = 4 * GIB,
        .physical_bits = 39,
        .ecam = 0xB0000000,
        .has_i8042 = true,
        .has_rtc = true,
        .has_generation = true,
        .n_serial = 1,
        .serial = {{0x3F8, 4}},
    };

    for (unsigned i = 0; i < cpus; i++)
        platform.apic_ids[i] = (uint8_t) i;
    for (unsigned slot = 0; slot < ACPI_PCI_SLOTS; slot++)
        for (unsigned pin = 0; pin < ACPI_PCI_PINS; pin++)
            platform.pirqs[slot][pin] = (uint8_t) ((slot + pin) % 4 + 4);
    return platform;
}

static uint8_t
sum (const uint8_t *data, size_t length)
{
    uint8_t total = 0;

    while (length--)
        total += *data++;
    return total;
}

/* The table of that signature that the XSDT lists, checked; NULL if it is not there. */
static const uint8_t *
find_table (const struct acpi_tables *tables, const char *signature)
{
    const uint8_t *xsdt = tables->data + (load_le64 (tables->rsdp + 24) - BASE);
    uint32_t length = load_le32 (xsdt + 4);

    CHECK (memcmp (xsdt, "XSDT", 4) == 0);
    CHECK_EQUAL (sum (xsdt, length), 0);
    for (uint32_t offset = 36; offset < length; offset += 8) {
        uint64_t at = load_le64 (xsdt + offset) - BASE;

        CHECK (at < tables->size);
        CHECK (load_le32 (tables->data + at + 4) <= tables->size - at);
        CHECK_EQUAL (sum (tables->data + at, load_le32 (tables->data + at + 4)), 0);
        if (memcmp (tables->data + at, signature, 4) == 0)
            return tables->data + at;
    }
    return NULL;
}

static struct acpi_tables
placed (const struct acpi_platform *description)
{
    struct acpi_tables tables;

    if (acpi_build (description, &tables) < 0)
        abort ();
    acpi_place (&tables, BASE);
    return tables;
}

TEST (every_table_is_reached_and_sums_up)
{
    struct acpi_platform description = platform (4);
    struct acpi_tables tables = placed (&description);
    const uint8_t *fadt, *dsdt, *rsdt, *xsdt;

    CHECK (memcmp (tables.rsdp, "RSD PTR ", 8) == 0);
    CHECK_EQUAL (sum (tables.rsdp, 20), 0);
    CHECK_EQUAL (sum (tables.rsdp, 36), 0);
    fadt = find_table (&tables, "FACP");
    CHECK (fadt && find_table (&tables, "APIC") && find_table (&tables, "MCFG") &&
           find_table (&tables, "WAET"));
    CHECK (!find_table (&tables, "HPET"));
    CHECK_EQUAL (load_le32 (fadt + 4), 244);
    CHECK_EQUAL (load_le32 (fadt + 40), load_le64 (fadt + 140));
    dsdt = tables.data + (load_le32 (fadt + 40) - BASE);
    CHECK (memcmp (dsdt, "DSDT", 4) == 0);
    CHECK_EQUAL (sum (dsdt, load_le32 (dsdt + 4)), 0);
    CHECK (memcmp (tables.data + (load_le32 (fadt + 36) - BASE), "FACS", 4) == 0);
    CHECK_EQUAL ((load_le32 (fadt + 36) - BASE) % 64, 0);

    rsdt = tables.data + (load_le32 (tables.rsdp + 16) - BASE);
    xsdt = tables.data + (load_le64 (tables.rsdp + 24) - BASE);
    CHECK (memcmp (rsdt, "RSDT", 4) == 0);
    CHECK_EQUAL (sum (rsdt, load_le32 (rsdt + 4)), 0);
    CHECK_EQUAL ((load_le32 (rsdt + 4) - 36) / 4, (load_le32 (xsdt + 4) - 36) / 8);
    for (uint32_t i = 0; i < (load_le32 (rsdt + 4) - 36) / 4; i++)
        CHECK_EQUAL (load_le32 (rsdt + 36 + 4 * i), load_le64 (xsdt + 36 + 8 * i));
    acpi_tables_fini (&tables);
}

TEST (madt_lists_each_processor_once)
{
    for (unsigned cpus = 1; cpus <= ACPI_MAX_CPUS; cpus += 21) {
        struct acpi_platform description = platform (cpus);
        struct acpi_tables tables = placed (&description);
        const uint8_t *madt = find_table (&tables, "APIC");
        unsigned lapics = 0, ioapics = 0, overrides = 0;

        for (uint32_t at = 44; at < load_le32 (madt + 4); at += madt[at + 1]) {
            CHECK (madt[at + 1] >= 2);
            if (madt[at] == 0) {
                CHECK_EQUAL (madt[at + 2], lapics);
                CHECK_EQUAL (madt[at + 3], lapics);
                CHECK_EQUAL (load_le32 (madt + at + 4), 1);
                lapics++;
            }
            ioapics += madt[at] == 1;
            overrides += madt[at] == 2;
        }
        CHECK_EQUAL (lapics, cpus);
        CHECK_EQUAL (ioapics, 1);
        CHECK_EQUAL (overrides, 2);
        acpi_tables_fini (&tables);
    }
}

TEST (mcfg_follows_the_ecam_window)
{
    struct acpi_platform description = platform (1);
    struct acpi_tables tables;

    description.ecam = 0xE0000000;
    tables = placed (&description);
    CHECK_EQUAL (load_le64 (find_table (&tables, "MCFG") + 44), 0xE0000000);
    CHECK_EQUAL (find_table (&tables, "MCFG")[55], 255);
    acpi_tables_fini (&tables);
    description.ecam = 0;
    tables = placed (&description);
    CHECK (!find_table (&tables, "MCFG"));
    acpi_tables_fini (&tables);
}

static bool
contains (const struct acpi_tables *tables, const void *part, size_t length)
{
    return memmem (tables->data, tables->size, part, length) != NULL;
}

TEST (only_present_devices_are_announced)
{
    static const uint8_t keyboard[] = {0x0C, 0x41, 0xD0, 0x03, 0x03};
    static const uint8_t clock[] = {0x0C, 0x41, 0xD0, 0x0B, 0x00};
    static const uint8_t uart[] = {0x0C, 0x41, 0xD0, 0x05, 0x01};
    static const uint8_t port[] = {0x47, 0x01, 0xE8, 0x02, 0xE8, 0x02,
                                   0x01, 0x08, 0x22, 0x08, 0x00};
    struct acpi_platform description = platform (1);
    struct acpi_tables tables;

    description.serial[0] = (struct acpi_serial) {0x2E8, 3};
    tables = placed (&description);
    CHECK (contains (&tables, keyboard, sizeof keyboard));
    CHECK (contains (&tables, clock, sizeof clock));
    CHECK (contains (&tables, uart, sizeof uart));
    CHECK (contains (&tables, port, sizeof port));
    acpi_tables_fini (&tables);

    description.n_serial = 0;
    description.has_i8042 = description.has_rtc = false;
    tables = placed (&description);
    CHECK (!contains (&tables, keyboard, sizeof keyboard));
    CHECK (!contains (&tables, clock, sizeof clock));
    CHECK (!contains (&tables, uart, sizeof uart));
    acpi_tables_fini (&tables);
}

/* Address space descriptors of memory in the root bus's _CRS: tag and length, type 0. */
TEST (windows_leave_out_ram_and_ecam)
{
    static const uint8_t head32[] = {0x87, 23, 0, 0, 0x0C};
    static const uint8_t head64[] = {0x8A, 43, 0, 0, 0x0C};
    struct acpi_platform description = platform (1);
    struct acpi_tables tables;
    const uint8_t *at;
    size_t left;

    description.low_end = 0x80000000;
    description.high_end = 5 * GIB + MIB;
    description.ecam = 0xE0000000;
    tables = placed (&description);
    at = memmem (tables.data, tables.size, head32, sizeof head32);
    CHECK (at && load_le32 (at + 10) == 0xA0000 && load_le32 (at + 14) == 0xBFFFF);
    CHECK (memcmp (at + 26, head32, sizeof head32) == 0);
    CHECK_EQUAL (load_le32 (at + 26 + 10), 0x80000000);
    CHECK_EQUAL (load_le32 (at + 26 + 14), 0xDFFFFFFF);
    CHECK_EQUAL (load_le32 (at + 26 + 22), 0x60000000);
    CHECK_EQUAL (load_le32 (at + 52 + 10), 0xF0000000);
    CHECK_EQUAL (load_le32 (at + 52 + 14), 0xFEBFFFFF);
    left = tables.size - (size_t) (at - tables.data);
    at = memmem (at, left, head64, sizeof head64);
    CHECK (at != NULL);
    CHECK_EQUAL (load_le64 (at + 14), 6 * GIB);
    CHECK_EQUAL (load_le64 (at + 22), (UINT64_C (1) << 39) - 1);
    acpi_tables_fini (&tables);
}

/* Follows the script as firmware does, with the tables at BASE, and compares with acpi_place (). */
TEST (loader_script_gives_what_placing_gives)
{
    struct acpi_platform description = platform (3);
    struct acpi_tables loaded, expected = placed (&description);
    static uint8_t script[ACPI_LOADER_SIZE];
    unsigned allocations = 0;

    CHECK_EQUAL (acpi_build (&description, &loaded), 0);
    acpi_write_loader (&loaded, script);
    for (size_t at = 0; at < sizeof script; at += 128) {
        const uint8_t *command = script + at;
        const char *name = (const char *) command + 4;
        bool is_rsdp = strcmp (name, "etc/acpi/rsdp") == 0;
        bool is_page = strcmp (name, "etc/vmgenid_guid") == 0;
        uint32_t base;
        uint8_t *file = is_rsdp ? loaded.rsdp : loaded.data;
        size_t size = is_rsdp ? sizeof loaded.rsdp : loaded.size;
        uint32_t offset;

        if (load_le32 (command) == 0)
            continue;
        CHECK (is_rsdp || is_page || strcmp (name, "etc/acpi/tables") == 0 ||
               load_le32 (command) == 4);
        switch (load_le32 (command)) {
        case 1:
            allocations++;
            CHECK_EQUAL (load_le32 (command + 60), is_rsdp ? 16 : is_page ? 4096 : 64);
            CHECK_EQUAL (command[64], is_rsdp ? 2 : 1);
            break;
        case 2:
            offset = load_le32 (command + 116);
            is_page = strcmp ((const char *) command + 60, "etc/vmgenid_guid") == 0;
            CHECK (is_page || strcmp ((const char *) command + 60, "etc/acpi/tables") == 0);
            CHECK (offset + command[120] <= size);
            base = is_page ? ACPI_GENERATION_AT : BASE;
            if (command[120] == 4)
                store_le32 (file + offset, load_le32 (file + offset) + base);
            else
                store_le64 (file + offset, load_le64 (file + offset) + BASE);
            break;
        case 3:
            offset = load_le32 (command + 60);
            CHECK (range_fits (load_le32 (command + 64), load_le32 (command + 68), size));
            CHECK_EQUAL (file[offset], 0);
            file[offset] =
                (uint8_t) -sum (file + load_le32 (command + 64), load_le32 (command + 68));
            break;
        case 4:
            CHECK_STRING (name, "etc/vmgenid_addr");
            CHECK_STRING ((const char *) command + 60, "etc/vmgenid_guid");
            CHECK (load_le32 (command + 116) == 0 && load_le32 (command + 120) == 0);
            CHECK_EQUAL (command[124], 8);
            break;
        default: CHECK (false);
        }
    }
    CHECK_EQUAL (allocations, 3);
    CHECK_EQUAL (loaded.size, expected.size);
    CHECK (memcmp (loaded.data, expected.data, expected.size) == 0);
    CHECK (memcmp (loaded.rsdp, expected.rsdp, sizeof expected.rsdp) == 0);
    acpi_tables_fini (&loaded);
    acpi_tables_fini (&expected);
}

/* Runs a shell command in @directory and gives its output, cut to @size, with the exit status. */
static int
run (const char *directory, const char *command, char *output, size_t size)
{
    char line[400];
    FILE *pipe;
    size_t length;

    snprintf (line, sizeof line, "cd '%s' && %s 2>&1", directory, command);
    pipe = popen (line, "r");
    if (!pipe)
        abort ();
    length = fread (output, 1, size - 1, pipe);
    output[length] = '\0';
    while (fgetc (pipe) != EOF)
        continue;
    return pclose (pipe);
}

static void
write_file (const char *directory, const uint8_t *data, size_t length)
{
    char path[200];
    FILE *file;

    snprintf (path, sizeof path, "%s/%.4s.aml", directory, (const char *) data);
    file = fopen (path, "wb");
    if (!file || fwrite (data, 1, length, file) != length || fclose (file) != 0)
        abort ();
}

/* Intel's own compiler disassembles every table, and compiles the DSDT again without a remark. */
TEST (iasl_finds_nothing_wrong)
{
    static const char *const signatures[] = {"FACP", "APIC", "MCFG", "WAET"};
    char directory[] = "/tmp/posada-acpi-XXXXXX", output[8192];
    struct acpi_platform description = platform (64);
    struct acpi_tables tables;
    const uint8_t *dsdt;

    if (run ("/", "command -v iasl", output, sizeof output) != 0)
        SKIP ("iasl (acpica-tools) is not installed");
    if (!mkdtemp (directory))
        abort ();
    description.ecam = 0xE0000000;
    description.n_serial = 2;
    description.serial[1] = (struct acpi_serial) {0x2F8, 3};
    tables = placed (&description);
    for (size_t i = 0; i < ARRAY_LENGTH (signatures); i++) {
        const uint8_t *table = find_table (&tables, signatures[i]);

        write_file (directory, table, load_le32 (table + 4));
    }
    dsdt = tables.data + (load_le32 (find_table (&tables, "FACP") + 40) - BASE);
    write_file (directory, dsdt, load_le32 (dsdt + 4));
    acpi_tables_fini (&tables);

    CHECK_EQUAL (
        run (directory, "for t in *.aml; do iasl -d $t || exit; done", output, sizeof output), 0);
    CHECK_EQUAL (
        run (directory, "grep -iE 'invalid|unknown|incorrect' *.dsl", output, sizeof output) == 0,
        false);
    /* An id that drivers know, though ids end in four digits. */
    CHECK_EQUAL (run (directory, "sed -i s/QEMUVGID/QEMU0001/ DSDT.dsl", output, sizeof output), 0);
    CHECK_EQUAL (run (directory, "iasl -p again DSDT.dsl", output, sizeof output), 0);
    CHECK_CONTAINS (output, "0 Errors, 0 Warnings, 0 Remarks");
    snprintf (output, sizeof output, "rm -r '%s'", directory);
    CHECK_EQUAL (system (output), 0);
}

TAP_MAIN ()
