/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SeaBIOS reads this byte code, too, with a small parser: it looks for the keyboard controller. So
 * outside of methods and packages there are only names with integers, strings and buffers, no
 * device is empty, and a device's names stand before the devices below it.
 */
#include "engine/acpi/dsdt.h"

#include <stdio.h>

#include "base/util.h"

#define ECAM_SIZE   (256 * MIB)
#define IOAPIC_BASE UINT64_C (0xFEC00000)
/* Below this the 32-bit window never begins, so that RAM sizes do not move it about. */
#define WINDOW_BASE UINT64_C (0x80000000)
/* Guests stumble over windows beyond this, whatever the processor can address. */
#define MAX_PHYSICAL_BITS 46

#define PCI_FIRST_GSI     16

static void
write_hardware_id (struct aml *aml, const char *id)
{
    aml_name (aml, "_HID");
    aml_eisa_id (aml, id);
}

static void
write_number (struct aml *aml, const char *name, uint64_t value)
{
    aml_name (aml, name);
    aml_integer (aml, value);
}

/* The 32-bit window is what RAM, ECAM and the I/O APIC leave. */
static void
write_memory32_windows (const struct acpi_platform *platform, struct aml *aml)
{
    uint64_t first = MAX_OF (align_up (platform->low_end, MIB), WINDOW_BASE);

    if (platform->ecam) {
        if (first < platform->ecam)
            aml_window_memory32 (aml, (uint32_t) first, (uint32_t) (platform->ecam - 1));
        first = MAX_OF (first, platform->ecam + ECAM_SIZE);
    }
    if (first < IOAPIC_BASE)
        aml_window_memory32 (aml, (uint32_t) first, IOAPIC_BASE - 1);
}

static void
write_root_resources (const struct acpi_platform *platform, struct aml *aml)
{
    unsigned bits = MIN_OF (platform->physical_bits, MAX_PHYSICAL_BITS);
    uint64_t high = align_up (platform->high_end, GIB);
    size_t resources;

    aml_name (aml, "_CRS");
    resources = aml_begin_resources (aml);
    aml_window_bus (aml, 0, 255);
    aml_io (aml, 0xCF8, 8);
    aml_window_io (aml, 0, 0xCF7);
    aml_window_io (aml, 0xD00, 0xFFFF);
    aml_window_memory32 (aml, 0xA0000, 0xBFFFF);
    write_memory32_windows (platform, aml);
    if (bits > 32 && high < UINT64_C (1) << bits)
        aml_window_memory64 (aml, high, (UINT64_C (1) << bits) - 1);
    aml_end_resources (aml, resources);
}

/* One routing package entry: all functions of a slot, pin, no link device, interrupt (6.2.13). */
static void
write_route (struct aml *aml, unsigned slot, unsigned pin, unsigned interrupt)
{
    size_t entry = aml_begin_package (aml, 4);

    aml_integer (aml, slot << 16 | 0xFFFF);
    aml_integer (aml, pin);
    aml_integer (aml, 0);
    aml_integer (aml, interrupt);
    aml_end (aml, entry);
}

/*
 * With the I/O APIC a PIRQ is interrupt 16 and up. With the PIC it is what firmware routes it to,
 * and SeaBIOS, OVMF and our own pci_bus_assign () agree: 10 for A, B, E, F, 11 for the others.
 */
static void
write_routes (const struct acpi_platform *platform, struct aml *aml, const char *name, bool apic)
{
    size_t table;

    aml_name (aml, name);
    table = aml_begin_package (aml, ACPI_PCI_SLOTS * ACPI_PCI_PINS);
    for (unsigned slot = 0; slot < ACPI_PCI_SLOTS; slot++) {
        for (unsigned pin = 0; pin < ACPI_PCI_PINS; pin++) {
            unsigned pirq = platform->pirqs[slot][pin];

            write_route (aml, slot, pin, apic ? PCI_FIRST_GSI + pirq : pirq % 4 < 2 ? 10 : 11);
        }
    }
    aml_end (aml, table);
}

static void
write_routing (const struct acpi_platform *platform, struct aml *aml)
{
    size_t method, condition;

    write_routes (platform, aml, "PRTP", false);
    write_routes (platform, aml, "PRTA", true);
    method = aml_begin_method (aml, "_PRT", 0);
    condition = aml_begin_if (aml);
    aml_path (aml, "\\PICM");
    aml_op (aml, AML_RETURN);
    aml_path (aml, "PRTA");
    aml_end (aml, condition);
    aml_op (aml, AML_RETURN);
    aml_path (aml, "PRTP");
    aml_end (aml, method);
}

static void
write_dword_field (struct aml *aml, unsigned offset, const char *name)
{
    aml_op (aml, AML_CREATE_DWORD_FIELD);
    aml_op (aml, AML_ARG3);
    aml_integer (aml, offset);
    aml_path (aml, name);
}

/* CDW1 |= bits; */
static void
write_status (struct aml *aml, unsigned bits)
{
    aml_op (aml, AML_OR);
    aml_path (aml, "CDW1");
    aml_integer (aml, bits);
    aml_path (aml, "CDW1");
}

/*
 * _OSC: the guest may have power management events, error reporting and the capability structure
 * (PCI Firmware 3.2, 4.5); hot plug is not there to be had.
 */
static void
write_osc (struct aml *aml)
{
    /* 33DB4D5B-1FF7-401C-9657-7441C03DD766 */
    static const uint8_t uuid[16] = {0x5B, 0x4D, 0xDB, 0x33, 0xF7, 0x1F, 0x1C, 0x40,
                                     0x96, 0x57, 0x74, 0x41, 0xC0, 0x3D, 0xD7, 0x66};
    size_t method = aml_begin_method (aml, "_OSC", 4), known, condition;

    write_dword_field (aml, 0, "CDW1");
    known = aml_begin_if (aml);
    aml_op (aml, AML_EQUAL);
    aml_op (aml, AML_ARG0);
    aml_buffer (aml, uuid, sizeof uuid);

    write_dword_field (aml, 8, "CDW3");
    aml_op (aml, AML_AND);
    aml_path (aml, "CDW3");
    aml_integer (aml, 0x1C);
    aml_op (aml, AML_LOCAL0);

    condition = aml_begin_if (aml);
    aml_op (aml, AML_NOT);
    aml_op (aml, AML_EQUAL);
    aml_op (aml, AML_ARG1);
    aml_integer (aml, 1);
    write_status (aml, 0x08); /* unknown revision */
    aml_end (aml, condition);

    condition = aml_begin_if (aml);
    aml_op (aml, AML_NOT);
    aml_op (aml, AML_EQUAL);
    aml_path (aml, "CDW3");
    aml_op (aml, AML_LOCAL0);
    write_status (aml, 0x10); /* not all was granted */
    aml_end (aml, condition);

    aml_op (aml, AML_STORE);
    aml_op (aml, AML_LOCAL0);
    aml_path (aml, "CDW3");
    aml_end (aml, known);

    condition = aml_begin_else (aml);
    write_status (aml, 0x04); /* unknown UUID */
    aml_end (aml, condition);
    aml_op (aml, AML_RETURN);
    aml_op (aml, AML_ARG3);
    aml_end (aml, method);
}

static void
write_keyboard_and_mouse (struct aml *aml)
{
    size_t device = aml_begin_device (aml, "KBD"), resources;

    write_hardware_id (aml, "PNP0303");
    aml_name (aml, "_CRS");
    resources = aml_begin_resources (aml);
    aml_io (aml, 0x60, 1);
    aml_io (aml, 0x64, 1);
    aml_irq (aml, 1);
    aml_end_resources (aml, resources);
    aml_end (aml, device);

    device = aml_begin_device (aml, "MOU");
    write_hardware_id (aml, "PNP0F13");
    aml_name (aml, "_CRS");
    resources = aml_begin_resources (aml);
    aml_irq (aml, 12);
    aml_end_resources (aml, resources);
    aml_end (aml, device);
}

static void
write_clock (struct aml *aml)
{
    size_t device = aml_begin_device (aml, "RTC"), resources;

    write_hardware_id (aml, "PNP0B00");
    aml_name (aml, "_CRS");
    resources = aml_begin_resources (aml);
    aml_io (aml, 0x70, 2);
    aml_irq (aml, 8);
    aml_end_resources (aml, resources);
    aml_end (aml, device);
}

static void
write_serial (const struct acpi_serial *serial, unsigned number, struct aml *aml)
{
    char name[8];
    size_t device, resources;

    snprintf (name, sizeof name, "COM%u", number % 10);
    device = aml_begin_device (aml, name);
    write_hardware_id (aml, "PNP0501");
    write_number (aml, "_UID", number);
    aml_name (aml, "_CRS");
    resources = aml_begin_resources (aml);
    aml_io (aml, serial->port, 8);
    aml_irq (aml, serial->irq);
    aml_end_resources (aml, resources);
    aml_end (aml, device);
}

/* The LPC bridge and what lies behind it. */
static void
write_lpc (const struct acpi_platform *platform, struct aml *aml)
{
    size_t device = aml_begin_device (aml, "ISA");

    write_number (aml, "_ADR", 0x1F0000);
    if (platform->has_i8042)
        write_keyboard_and_mouse (aml);
    if (platform->has_rtc)
        write_clock (aml);
    for (unsigned i = 0; i < platform->n_serial; i++)
        write_serial (&platform->serial[i], i + 1, aml);
    aml_end (aml, device);
}

static void
write_root_bus (const struct acpi_platform *platform, struct aml *aml)
{
    size_t device = aml_begin_device (aml, "PCI0");

    write_hardware_id (aml, "PNP0A08");
    aml_name (aml, "_CID");
    aml_eisa_id (aml, "PNP0A03");
    write_number (aml, "_UID", 0);
    write_number (aml, "_SEG", 0);
    write_number (aml, "_BBN", 0);
    write_root_resources (platform, aml);
    write_osc (aml);
    write_routing (platform, aml);
    write_lpc (platform, aml);
    aml_end (aml, device);
}

/* Addresses that are taken though no device of the guest's claims them. */
static void
write_reserved (const struct acpi_platform *platform, struct aml *aml)
{
    size_t device = aml_begin_device (aml, "RES"), resources;

    write_hardware_id (aml, "PNP0C02");
    write_number (aml, "_UID", 0);
    aml_name (aml, "_CRS");
    resources = aml_begin_resources (aml);
    aml_io (aml, ACPI_PM_BASE, 0x80);
    if (platform->ecam)
        aml_memory32 (aml, (uint32_t) platform->ecam, ECAM_SIZE);
    aml_end_resources (aml, resources);
    aml_end (aml, device);
}

static void
write_processors (const struct acpi_platform *platform, struct aml *aml)
{
    for (unsigned i = 0; i < platform->n_cpus; i++) {
        char name[8];
        size_t device;

        snprintf (name, sizeof name, "C%03X", i & 0xFFF);
        device = aml_begin_device (aml, name);
        aml_name (aml, "_HID");
        aml_string (aml, "ACPI0007");
        write_number (aml, "_UID", i);
        aml_end (aml, device);
    }
}

/* Soft off is sleep type 0 (7.4.2); PICM remembers whether the guest uses the I/O APIC. */
static void
write_root (struct aml *aml)
{
    size_t package, method;

    aml_name (aml, "\\_S5");
    package = aml_begin_package (aml, 4);
    for (unsigned i = 0; i < 4; i++)
        aml_integer (aml, 0);
    aml_end (aml, package);

    write_number (aml, "\\PICM", 0);
    method = aml_begin_method (aml, "\\_PIC", 1);
    aml_op (aml, AML_STORE);
    aml_op (aml, AML_ARG0);
    aml_path (aml, "\\PICM");
    aml_end (aml, method);
}

/* ADDR: the two halves of the identifier's address, in a package. */
static void
write_generation_address (struct aml *aml)
{
    size_t method = aml_begin_method (aml, "ADDR", 0), package;

    aml_op (aml, AML_STORE);
    package = aml_begin_package (aml, 2);
    aml_integer (aml, 0);
    aml_integer (aml, 0);
    aml_end (aml, package);
    aml_op (aml, AML_LOCAL0);

    aml_op (aml, AML_STORE);
    aml_op (aml, AML_ADD);
    aml_path (aml, "\\VGIA");
    aml_integer (aml, ACPI_GENERATION_OFFSET);
    aml_op (aml, AML_ZERO); /* no target */
    aml_op (aml, AML_INDEX);
    aml_op (aml, AML_LOCAL0);
    aml_integer (aml, 0);
    aml_op (aml, AML_ZERO);
    aml_op (aml, AML_RETURN);
    aml_op (aml, AML_LOCAL0);
    aml_end (aml, method);
}

/* By the ids, guests know it (Microsoft, “Virtual Machine Generation ID”); the first one is ours to
 * choose, and drivers were written for this one. */
static void
write_generation (struct aml *aml)
{
    size_t device = aml_begin_device (aml, "VGEN");

    aml_name (aml, "_HID");
    aml_string (aml, "QEMUVGID");
    aml_name (aml, "_CID");
    aml_string (aml, "VM_Gen_Counter");
    aml_name (aml, "_DDN");
    aml_string (aml, "VM_Gen_Counter");
    write_generation_address (aml);
    aml_end (aml, device);
}

/* What is done when the identifier has changed. */
static void
write_generation_event (struct aml *aml)
{
    size_t scope = aml_begin_scope (aml, "\\_GPE"), method;
    char name[8];

    snprintf (name, sizeof name, "_E%02X", ACPI_GENERATION_EVENT);
    method = aml_begin_method (aml, name, 0);
    aml_op (aml, AML_NOTIFY);
    aml_path (aml, "\\_SB.VGEN");
    aml_integer (aml, 0x80);
    aml_end (aml, method);
    aml_end (aml, scope);
}

size_t
acpi_write_dsdt (const struct acpi_platform *platform, struct aml *aml)
{
    size_t scope, pointer = 0;

    write_root (aml);
    if (platform->has_generation) {
        aml_name (aml, "\\VGIA");
        pointer = aml_dword (aml, 0);
    }
    scope = aml_begin_scope (aml, "\\_SB");
    write_processors (platform, aml);
    write_reserved (platform, aml);
    if (platform->has_generation)
        write_generation (aml);
    write_root_bus (platform, aml);
    aml_end (aml, scope);
    if (platform->has_generation)
        write_generation_event (aml);
    return pointer;
}
