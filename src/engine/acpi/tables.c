/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All tables go into one piece of memory: FACS first, because it alone needs 64-byte alignment,
 * then DSDT, FADT, MADT, MCFG, WAET, and RSDT and XSDT, which point at the others. The RSDP is kept
 * apart: firmware puts it where operating systems search.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "engine/acpi/acpi.h"
#include "engine/acpi/aml.h"
#include "engine/acpi/dsdt.h"

#define HEADER_SIZE    36
#define OFFSET_LENGTH  4
#define OFFSET_SUM     9
#define ALIGNMENT      8

#define FACS_SIZE      64
#define FADT_SIZE      244 /* revision 3 */
#define IOAPIC_ADDRESS 0xFEC00000
#define LAPIC_ADDRESS  0xFEE00000
#define PM_TIMER_BASE  (ACPI_PM_BASE + 0x08)
#define GPE0_BASE      (ACPI_PM_BASE + 0x20)

#define MAX_TABLES     8

/* What has been written so far: the tables, and those that RSDT and XSDT name. */
struct builder {
    struct aml out;
    struct acpi_tables *tables;
    uint32_t listed[MAX_TABLES];
    size_t n_listed;
};

static void
add_pointer (struct acpi_tables *tables, bool in_rsdp, uint32_t offset, uint8_t width)
{
    tables->pointers[tables->n_pointers++] = (struct acpi_pointer) {in_rsdp, offset, width, false};
}

static void
add_checksum (struct acpi_tables *tables, bool in_rsdp, uint32_t offset, uint32_t start,
              uint32_t length)
{
    tables->checksums[tables->n_checksums++] =
        (struct acpi_checksum) {in_rsdp, offset, start, length};
}

/* Starts a table (5.2.6) and returns its offset. */
static uint32_t
begin (struct builder *self, const char *signature, uint8_t revision)
{
    static const uint8_t zeroes[ALIGNMENT];
    uint8_t header[HEADER_SIZE] = {0};
    uint32_t offset;

    aml_bytes (&self->out, zeroes, (size_t) -self->out.length % ALIGNMENT);
    offset = (uint32_t) self->out.length;
    memcpy (header, signature, 4);
    header[8] = revision;
    memcpy (header + 10, "POSADA", 6);
    memcpy (header + 16, "POSADAPC", 8);
    store_le32 (header + 24, 1);
    memcpy (header + 28, "PSDA", 4);
    store_le32 (header + 32, 1);
    aml_bytes (&self->out, header, sizeof header);
    return offset;
}

static void
end (struct builder *self, uint32_t offset)
{
    uint32_t length = (uint32_t) self->out.length - offset;

    if (self->out.failed)
        return;
    store_le32 (self->out.data + offset + OFFSET_LENGTH, length);
    add_checksum (self->tables, false, offset + OFFSET_SUM, offset, length);
}

static void
list (struct builder *self, uint32_t offset)
{
    self->listed[self->n_listed++] = offset;
}

/* Firmware Control Structure (5.2.10): no checksum, no header as others have. */
static uint32_t
write_facs (struct builder *self)
{
    uint8_t facs[FACS_SIZE] = "FACS";
    uint32_t offset = (uint32_t) self->out.length;

    store_le32 (facs + 4, sizeof facs);
    facs[32] = 1; /* version */
    aml_bytes (&self->out, facs, sizeof facs);
    return offset;
}

/* Generic address of an I/O port (5.2.3.2). */
static void
store_port (uint8_t *to, uint16_t port, uint8_t bits)
{
    to[0] = 1; /* system I/O */
    to[1] = bits;
    to[3] = bits == 8 ? 1 : bits == 16 ? 2 : bits == 32 ? 3 : 0;
    store_le64 (to + 4, port);
}

enum fadt_flags {
    FADT_WBINVD = 1 << 0,
    FADT_PROC_C1 = 1 << 2,
    FADT_SLEEP_BUTTON = 1 << 5, /* not as fixed hardware; the power button is */
    FADT_FIX_RTC = 1 << 6,      /* no RTC wake status in the fixed registers */
    FADT_RESET_REGISTER = 1 << 10,
    FADT_PLATFORM_CLOCK = 1 << 15,
};

/* Fixed ACPI Description Table (5.2.9); @fadt starts at the table's beginning. */
static void
fill_fadt (uint8_t *fadt, const struct acpi_platform *platform, uint32_t facs, uint32_t dsdt)
{
    store_le32 (fadt + 36, facs);
    store_le32 (fadt + 40, dsdt);
    store_le16 (fadt + 46, ACPI_SCI_IRQ);
    store_le32 (fadt + 48, 0xB2); /* SMI command port */
    fadt[52] = 2;                 /* what enables ACPI there */
    fadt[53] = 3;                 /* what disables it */
    store_le32 (fadt + 56, ACPI_PM_BASE);
    store_le32 (fadt + 64, ACPI_PM_BASE + 4);
    store_le32 (fadt + 76, PM_TIMER_BASE);
    store_le32 (fadt + 80, GPE0_BASE);
    fadt[88] = 4;                                         /* PM1 event length */
    fadt[89] = 2;                                         /* PM1 control length */
    fadt[91] = 4;                                         /* PM timer length */
    fadt[92] = 16;                                        /* GPE0 length */
    store_le16 (fadt + 96, 0xFFF);                        /* no C2 */
    store_le16 (fadt + 98, 0xFFF);                        /* no C3 */
    fadt[108] = platform->has_rtc ? 0x32 : 0;             /* century in CMOS */
    store_le16 (fadt + 109, platform->has_i8042 ? 3 : 1); /* legacy devices, 8042 */
    store_le32 (fadt + 112, FADT_WBINVD | FADT_PROC_C1 | FADT_SLEEP_BUTTON | FADT_FIX_RTC |
                                FADT_RESET_REGISTER | FADT_PLATFORM_CLOCK);
    store_port (fadt + 116, 0xCF9, 8);
    fadt[128] = 0x0F;              /* what resets there */
    store_le64 (fadt + 140, dsdt); /* the 64-bit one of the FACS stays 0: only one may be set */
    store_port (fadt + 148, ACPI_PM_BASE, 32);
    store_port (fadt + 172, ACPI_PM_BASE + 4, 16);
    store_port (fadt + 208, PM_TIMER_BASE, 32);
    store_port (fadt + 220, GPE0_BASE, 128);
}

static void
write_fadt (struct builder *self, const struct acpi_platform *platform, uint32_t facs,
            uint32_t dsdt)
{
    static const uint8_t zeroes[FADT_SIZE - HEADER_SIZE];
    uint32_t offset = begin (self, "FACP", 3);

    aml_bytes (&self->out, zeroes, sizeof zeroes);
    if (self->out.failed)
        return;
    fill_fadt (self->out.data + offset, platform, facs, dsdt);
    add_pointer (self->tables, false, offset + 36, 4);
    add_pointer (self->tables, false, offset + 40, 4);
    add_pointer (self->tables, false, offset + 140, 8);
    end (self, offset);
    list (self, offset);
}

/* An interrupt of the PIC's that reaches the I/O APIC elsewhere or otherwise (5.2.12.5). */
static void
write_override (struct builder *self, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    uint8_t entry[10] = {2, sizeof entry, 0, irq};

    store_le32 (entry + 4, gsi);
    store_le16 (entry + 8, flags);
    aml_bytes (&self->out, entry, sizeof entry);
}

/* Multiple APIC Description Table (5.2.12). */
static void
write_madt (struct builder *self, const struct acpi_platform *platform)
{
    static const uint8_t nmi[6] = {4, sizeof nmi, 0xFF, 0, 0, 1}; /* LINT1 of every processor */
    uint8_t head[8], ioapic[12] = {1, sizeof ioapic, 0};
    uint32_t offset = begin (self, "APIC", 3);

    store_le32 (head, LAPIC_ADDRESS);
    store_le32 (head + 4, 1); /* there is a PIC as well */
    aml_bytes (&self->out, head, sizeof head);
    for (unsigned i = 0; i < platform->n_cpus; i++) {
        const uint8_t lapic[8] = {0, sizeof lapic, (uint8_t) i, platform->apic_ids[i], 1};

        aml_bytes (&self->out, lapic, sizeof lapic);
    }
    store_le32 (ioapic + 4, IOAPIC_ADDRESS);
    aml_bytes (&self->out, ioapic, sizeof ioapic);
    write_override (self, 0, 2, 0);
    write_override (self, ACPI_SCI_IRQ, ACPI_SCI_IRQ, 0xD); /* level, active high */
    aml_bytes (&self->out, nmi, sizeof nmi);
    end (self, offset);
    list (self, offset);
}

/* Where ECAM is (PCI Firmware 3.2, 4.1.2). */
static void
write_mcfg (struct builder *self, uint64_t ecam)
{
    uint8_t body[8 + 16] = {0};
    uint32_t offset = begin (self, "MCFG", 1);

    store_le64 (body + 8, ecam);
    body[19] = 255; /* last bus */
    aml_bytes (&self->out, body, sizeof body);
    end (self, offset);
    list (self, offset);
}

/* Windows ACPI Emulated devices Table: one read of the PM timer is enough. */
static void
write_waet (struct builder *self)
{
    static const uint8_t body[4] = {2};
    uint32_t offset = begin (self, "WAET", 1);

    aml_bytes (&self->out, body, sizeof body);
    end (self, offset);
    list (self, offset);
}

/* RSDT (5.2.7) with 4-byte pointers, or XSDT (5.2.8) with 8-byte ones. */
static uint32_t
write_directory (struct builder *self, const char *signature, uint8_t width)
{
    uint32_t offset = begin (self, signature, 1);

    for (size_t i = 0; i < self->n_listed; i++) {
        uint8_t pointer[8];

        store_le64 (pointer, self->listed[i]);
        add_pointer (self->tables, false, (uint32_t) self->out.length, width);
        aml_bytes (&self->out, pointer, width);
    }
    end (self, offset);
    return offset;
}

/* Root System Description Pointer (5.2.5.3). */
static void
fill_rsdp (struct acpi_tables *tables, uint32_t rsdt, uint32_t xsdt)
{
    uint8_t *rsdp = tables->rsdp;

    memset (rsdp, 0, ACPI_RSDP_SIZE);
    memcpy (rsdp, "RSD PTR ", 8);
    memcpy (rsdp + 9, "POSADA", 6);
    rsdp[15] = 2;
    store_le32 (rsdp + 16, rsdt);
    store_le32 (rsdp + 20, ACPI_RSDP_SIZE);
    store_le64 (rsdp + 24, xsdt);
    add_pointer (tables, true, 16, 4);
    add_pointer (tables, true, 24, 8);
    add_checksum (tables, true, 8, 0, 20);
    add_checksum (tables, true, 32, 0, ACPI_RSDP_SIZE);
}

int
acpi_build (const struct acpi_platform *platform, struct acpi_tables *ret_tables)
{
    struct acpi_tables tables = {.data = NULL};
    struct builder self = {.tables = &tables};
    uint32_t facs, dsdt, rsdt, xsdt;
    size_t generation;

    facs = write_facs (&self);
    dsdt = begin (&self, "DSDT", 2);
    generation = acpi_write_dsdt (platform, &self.out);
    tables.has_generation = platform->has_generation;
    if (tables.has_generation) {
        add_pointer (&tables, false, (uint32_t) generation, 4);
        tables.pointers[tables.n_pointers - 1].to_generation = true;
    }
    end (&self, dsdt);
    write_fadt (&self, platform, facs, dsdt);
    write_madt (&self, platform);
    if (platform->ecam)
        write_mcfg (&self, platform->ecam);
    write_waet (&self);
    rsdt = write_directory (&self, "RSDT", 4);
    xsdt = write_directory (&self, "XSDT", 8);
    if (self.out.failed) {
        aml_fini (&self.out);
        return -ENOMEM;
    }
    fill_rsdp (&tables, rsdt, xsdt);
    tables.data = self.out.data;
    tables.size = self.out.length;
    *ret_tables = tables;
    return 0;
}

void
acpi_tables_fini (struct acpi_tables *self)
{
    free (self->data);
    *self = (struct acpi_tables) {.data = NULL};
}

void
acpi_place (struct acpi_tables *self, uint64_t address)
{
    for (size_t i = 0; i < self->n_pointers; i++) {
        const struct acpi_pointer *pointer = &self->pointers[i];
        uint8_t *at = (pointer->in_rsdp ? self->rsdp : self->data) + pointer->offset;
        uint64_t base = pointer->to_generation ? ACPI_GENERATION_AT : address;

        if (pointer->width == 4)
            store_le32 (at, load_le32 (at) + (uint32_t) base);
        else
            store_le64 (at, load_le64 (at) + base);
    }
    for (size_t i = 0; i < self->n_checksums; i++) {
        const struct acpi_checksum *checksum = &self->checksums[i];
        uint8_t *base = checksum->in_rsdp ? self->rsdp : self->data;
        uint8_t sum = 0;

        for (uint32_t j = 0; j < checksum->length; j++)
            sum += base[checksum->start + j];
        base[checksum->offset] -= sum;
    }
}
