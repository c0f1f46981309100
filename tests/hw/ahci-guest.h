/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's side of an AHCI controller for tests: a small driver over the testbed, and images in
 * temporary files. Every test of the controller sets one up and takes it down; one thread.
 */
#pragma once

#include <errno.h>
#include <unistd.h>

#include "base/util.h"
#include "block/block.h"
#include "block/fault.h"
#include "tap.h"
#include "testbed.h"

#define GUEST_LISTS  UINT64_C (0x100000) /* 0x10000 for each port */
#define GUEST_FISES  0x1000              /* offsets in there */
#define GUEST_TABLES 0x2000              /* 0x400 for each slot */
#define GUEST_BUFFER UINT64_C (0x200000)
#define GUEST_GSI    16u /* INTA of slot 31 */

#define PORT_IS      0x10u
#define PORT_IE      0x14u
#define PORT_CMD     0x18u
#define PORT_TFD     0x20u
#define PORT_SIG     0x24u
#define PORT_SSTS    0x28u
#define PORT_SCTL    0x2Cu
#define PORT_SACT    0x34u
#define PORT_CI      0x38u

#define CMD_START    0x0001u
#define CMD_FIS      0x0010u
#define CMD_RUNNING  0x8000u
#define IS_REGISTERS 0x00000001u
#define IS_PIO       0x00000002u
#define IS_BITS      0x00000008u
#define IS_BUS_FATAL 0x20000000u
#define IS_TASK_FILE 0x40000000u
#define IS_INTERFACE 0x08000000u

#define HEADER_ATAPI 0x20u
#define HEADER_WRITE 0x40u

struct guest_image {
    char path[64];
    struct blk *raw, *fault;
};

struct guest {
    struct testbed *bed;
    uint64_t abar;
    int devfn;
};

/* A file of @size bytes whose every 512 bytes start with their number, under a fault layer. */
static inline void
image_init (struct guest_image *image, uint64_t size, unsigned flags)
{
    struct vmm_error error = {0};
    uint8_t sector[512];
    int fd;

    strcpy (image->path, "/tmp/posada-ahci-XXXXXX");
    fd = mkstemp (image->path);
    CHECK (fd >= 0);
    CHECK_EQUAL (ftruncate (fd, (off_t) size), 0);
    for (uint64_t i = 0; i < MIN_OF (size / 512, UINT64_C (4096)); i++) {
        memset (sector, (int) (i & 0xFF), sizeof sector);
        store_le32 (sector, (uint32_t) i);
        CHECK_EQUAL (pwrite (fd, sector, sizeof sector, (off_t) (i * 512)), sizeof sector);
    }
    close (fd);
    if (blk_open_raw (image->path, flags, 0, NULL, &image->raw, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    CHECK_EQUAL (blk_fault_create (image->raw, NULL, &image->fault), 0);
}

static inline void
image_fini (struct guest_image *image)
{
    blk_close (image->fault);
    blk_close (image->raw);
    unlink (image->path);
}

static inline uint32_t
guest_read (struct guest *self, unsigned offset)
{
    return (uint32_t) testbed_read (self->bed, self->abar + offset, 4);
}

static inline void
guest_write (struct guest *self, unsigned offset, uint32_t value)
{
    testbed_write (self->bed, self->abar + offset, 4, value);
}

static inline uint32_t
port_read (struct guest *self, unsigned port, unsigned offset)
{
    return guest_read (self, 0x100 + port * 0x80 + offset);
}

static inline void
port_write (struct guest *self, unsigned port, unsigned offset, uint32_t value)
{
    guest_write (self, 0x100 + port * 0x80 + offset, value);
}

static inline uint64_t
port_list (unsigned port)
{
    return GUEST_LISTS + port * UINT64_C (0x10000);
}

static inline uint64_t
port_table (unsigned port, unsigned slot)
{
    return port_list (port) + GUEST_TABLES + slot * UINT64_C (0x400);
}

static inline uint8_t *
port_fises (struct guest *self, unsigned port)
{
    return testbed_ram (self->bed, port_list (port) + GUEST_FISES, 256);
}

static inline void
port_start (struct guest *self, unsigned port)
{
    port_write (self, port, 0x00, (uint32_t) port_list (port));
    port_write (self, port, 0x04, 0);
    port_write (self, port, 0x08, (uint32_t) port_list (port) + GUEST_FISES);
    port_write (self, port, 0x0C, 0);
    port_write (self, port, PORT_CMD, CMD_FIS);
    port_write (self, port, PORT_IS, UINT32_MAX);
    port_write (self, port, PORT_IE, UINT32_MAX);
    port_write (self, port, PORT_CMD, CMD_FIS | CMD_START);
}

/* What a driver does after an error: the command list off and on again. */
static inline void
port_restart (struct guest *self, unsigned port)
{
    port_write (self, port, PORT_CMD, CMD_FIS);
    CHECK_EQUAL (port_read (self, port, PORT_CMD) & CMD_RUNNING, 0);
    port_write (self, port, PORT_IS, UINT32_MAX);
    guest_write (self, 0x08, UINT32_MAX);
    port_write (self, port, PORT_CMD, CMD_FIS | CMD_START);
}

static inline void
guest_init (struct guest *self, const struct vmm_value *values)
{
    struct vmm_device_config config = {.class_name = "ahci", .id = "sata", .values = values};

    while (values[config.n_values].name)
        config.n_values++;
    self->bed = testbed_new (&config, 1);
    self->devfn = testbed_pci_find (self->bed, 0x8086, 0x2922);
    CHECK (self->devfn >= 0);
    testbed_pci_enable (self->bed);
    self->abar = testbed_pci_bar (self->bed, (unsigned) self->devfn, 5);
    guest_write (self, 0x04, 0x80000002); /* AHCI, interrupts */
    for (unsigned port = 0; port < 6; port++)
        if (guest_read (self, 0x0C) & 1u << port)
            port_start (self, port);
}

static inline void
guest_fini (struct guest *self)
{
    testbed_free (self->bed);
}

/* Writes the header and the PRDT of a slot with one piece of memory; the table's start is the
 * caller's. */
static inline uint8_t *
slot_prepare (struct guest *self, unsigned port, unsigned slot, unsigned flags, uint64_t buffer,
              uint32_t length)
{
    uint8_t *header = testbed_ram (self->bed, port_list (port) + slot * 32, 32);
    uint8_t *table = testbed_ram (self->bed, port_table (port, slot), 0x400);

    memset (header, 0, 32);
    memset (table, 0, 0x400);
    store_le16 (header, (uint16_t) (5 | flags));
    store_le16 (header + 2, length ? 1 : 0);
    store_le64 (header + 8, port_table (port, slot));
    store_le64 (table + 0x80, buffer);
    store_le32 (table + 0x8C, length - 1);
    table[0] = 0x27;
    table[1] = 0x80;
    return table;
}

static inline void
fis_set_lba (uint8_t *fis, uint64_t lba)
{
    for (unsigned i = 0; i < 3; i++) {
        fis[4 + i] = (uint8_t) (lba >> (8 * i));
        fis[8 + i] = (uint8_t) (lba >> (24 + 8 * i));
    }
    fis[7] = 0x40;
}

/* An ATA command in slot 0, to its end; returns the task file. */
static inline uint32_t
ata_command (struct guest *self, unsigned port, uint8_t opcode, uint64_t lba, uint16_t count,
             unsigned flags, uint32_t length)
{
    uint8_t *fis = slot_prepare (self, port, 0, flags, GUEST_BUFFER, length);

    fis[2] = opcode;
    fis_set_lba (fis, lba);
    store_le16 (fis + 12, count);
    port_write (self, port, PORT_CI, 1);
    testbed_settle (self->bed);
    return port_read (self, port, PORT_TFD);
}

/* A packet command in slot 0 by DMA, to its end; returns the task file. */
static inline uint32_t
packet_command (struct guest *self, unsigned port, const void *packet, size_t packet_length,
                uint32_t length)
{
    uint8_t *fis = slot_prepare (self, port, 0, HEADER_ATAPI, GUEST_BUFFER, length);

    fis[2] = 0xA0;
    fis[3] = 1;
    memcpy (fis + 0x40, packet, packet_length);
    port_write (self, port, PORT_CI, 1);
    testbed_settle (self->bed);
    return port_read (self, port, PORT_TFD);
}

#define PACKET(self, port, length, ...)                              \
    packet_command ((self), (port), (const uint8_t[]) {__VA_ARGS__}, \
                    sizeof (const uint8_t[]){__VA_ARGS__}, (length))

static inline uint8_t *
guest_buffer (struct guest *self)
{
    return testbed_ram (self->bed, GUEST_BUFFER, MIB);
}

/* What REQUEST SENSE says: key << 16 | code << 8 | qualifier. Restarts a port that an error
 * stopped. */
static inline uint32_t
guest_sense (struct guest *self, unsigned port)
{
    uint8_t *data = guest_buffer (self);

    port_restart (self, port);
    CHECK_EQUAL (PACKET (self, port, 18, 0x03, 0, 0, 0, 18) & 1, 0);
    CHECK_EQUAL (data[0], 0x70);
    return (uint32_t) (data[2] << 16 | data[12] << 8 | data[13]);
}
