/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The AHCI controller against a guest that does anything: an input is a program of register writes,
 * commands (well-formed in part, so that they get past the first check), scribbles over command
 * structures, resets, changes of medium and host errors. Whatever it did, the controller comes to
 * rest and still carries out a read.
 */
#include <stdint.h>

#include "../hw/ahci-guest.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define DISK      0u
#define CD        1u
#define DISK_SIZE (64 * KIB)
#define ISO_SIZE  (64 * KIB)

struct program {
    const uint8_t *data;
    size_t size, at;
};

struct run {
    struct guest guest;
    struct guest_image *disk, *iso;
    struct program program;
};

static uint8_t
take8 (struct program *program)
{
    return program->at < program->size ? program->data[program->at++] : 0;
}

static uint32_t
take32 (struct program *program)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++)
        value = value << 8 | take8 (program);
    return value;
}

/* An address that is mostly where things are, and sometimes at an edge or nowhere. */
static uint64_t
take_address (struct program *program)
{
    uint8_t kind = take8 (program);

    switch (kind % 8) {
    case 0: return TESTBED_RAM - kind;
    case 1: return (uint64_t) take32 (program) << 32 | take32 (program);
    case 2: return UINT64_MAX - kind;
    case 3: return port_table (kind / 8 % 2, kind / 16);
    default: return GUEST_BUFFER + (take32 (program) & 0xFFFFF);
    }
}

static void
settle (struct run *run)
{
    struct vmm_device *device = testbed_device (run->guest.bed, "sata");
    struct vmm_loop *loop = vmm_device_loop (device);

    blk_fault_hold (run->disk->fault, false);
    blk_fault_hold (run->iso->fault, false);
    while (!vmm_device_is_idle (device))
        vmm_loop_iterate (loop, 100);
}

static void
write_register (struct run *run)
{
    static const uint16_t global[] = {0x00, 0x04, 0x08, 0x0C};
    static const uint8_t sizes[] = {1, 2, 4, 4, 4, 4, 4, 8};
    uint8_t which = take8 (&run->program), how = take8 (&run->program);
    uint64_t offset =
        which & 0x80 ? global[which & 3] : 0x100 + (which & 1) * 0x80 + (which >> 1 & 15) * 4u;
    uint64_t value = take32 (&run->program);

    if (how & 8)
        value &= 0x1F;
    if (how & 16)
        offset += how >> 5;
    testbed_write (run->guest.bed, run->guest.abar + offset, sizes[how & 7], value);
}

static void
read_register (struct run *run)
{
    uint16_t offset = (uint16_t) take32 (&run->program) & 0xFFF;

    testbed_read (run->guest.bed, run->guest.abar + offset, 1u << (offset >> 10));
}

/* A table of up to four entries, whose header may claim more. */
static void
issue (struct run *run)
{
    static const uint8_t disk_opcodes[] = {0x20, 0x25, 0xC8, 0x30, 0x35, 0xCA, 0x60, 0x61, 0x06,
                                           0x2F, 0xEC, 0xEF, 0xEA, 0xC4, 0xC6, 0x47, 0x3D, 0x42};
    static const uint8_t packet_opcodes[] = {0x00, 0x03, 0x12, 0x1A, 0x1B, 0x1E, 0x25,
                                             0x28, 0x43, 0x46, 0x4A, 0x51, 0x52, 0x5A,
                                             0xA8, 0xAD, 0xBD, 0xBE, 0x2B, 0xA0};
    struct program *program = &run->program;
    uint8_t what = take8 (program), slot = take8 (program) & 31, opcode = take8 (program);
    uint8_t how = take8 (program);
    unsigned port = what & 1;
    uint8_t *header = testbed_ram (run->guest.bed, port_list (port) + slot * 32, 32), *fis;

    /* An error stops the list: most drivers start it again. */
    if (how & 0xC0) {
        port_write (&run->guest, port, PORT_CMD, CMD_FIS);
        port_start (&run->guest, port);
    }
    fis = slot_prepare (&run->guest, port, slot, what & HEADER_WRITE, 0, 2);
    for (unsigned i = 0; i < 4; i++) {
        store_le64 (fis + 0x80 + 16 * i, take_address (program));
        store_le32 (fis + 0x8C + 16 * i, take32 (program) & 0x8000FFFF);
    }
    store_le16 (header + 2, what & 0x80 ? take8 (program) << 8 | take8 (program) : 4);
    for (unsigned i = 3; i < 14; i++)
        fis[i] = how & 1 && i != 4 && i != 12 ? 0 : take8 (program);
    fis[7] |= 0x40;
    if (how & 2)
        fis[3] = fis[12] = take8 (program) & 3;
    if (port == DISK && (how & 4))
        fis[12] = (uint8_t) (slot << 3);
    fis[2] = disk_opcodes[opcode % ARRAY_LENGTH (disk_opcodes)];
    if (port == CD)
        fis[2] = 0xA0;
    if ((how & 0x38) == 0x38)
        fis[2] = opcode;
    fis[0x40] = packet_opcodes[opcode % ARRAY_LENGTH (packet_opcodes)];
    for (unsigned i = 1; i < 12; i++)
        fis[0x40 + i] = take8 (program) & (!(how & 1)                   ? 0xFF
                                           : i == 5 || i == 8 || i == 9 ? 0x1F
                                                                        : 0);
    if (how & 8)
        fis[0x42] = take8 (program);
    if (how & 0x10)
        fis[0x44] = fis[0x49] = take8 (program) & 0x13;
    if ((what & 6) == 6)
        fis[take8 (program) & 0x7F] = take8 (program);
    if (what & 0x10)
        port_write (&run->guest, port, PORT_SACT, 1u << slot);
    port_write (&run->guest, port, PORT_CI, what & 8 ? take32 (program) : 1u << slot);
}

static void
scribble (struct run *run)
{
    uint64_t address = GUEST_LISTS + (take32 (&run->program) & 0x1FFFF);

    testbed_write (run->guest.bed, address, 4, take32 (&run->program));
}

static void
break_host (struct run *run)
{
    static const int results[] = {-EIO, -ENOSPC, -EROFS, 0};
    uint8_t dice = take8 (&run->program);
    struct blk_fault fault = {
        .operation = dice % 5, .first = 1 + dice / 5 % 3, .count = 1, .result = results[dice >> 6]};

    if (fault.operation == BLK_READ && fault.result == -ENOSPC)
        fault.result = -EIO;
    blk_fault_inject (dice & 1 ? run->disk->fault : run->iso->fault, &fault);
}

/* As the machine does when the host is full. */
static void
pause_and_resume (struct run *run)
{
    struct vmm_device *device = testbed_device (run->guest.bed, "sata");

    testbed_took_pause (run->guest.bed);
    pthread_mutex_lock (&device->lock);
    device->device_class->pause (device);
    device->device_class->resume (device);
    pthread_mutex_unlock (&device->lock);
}

static void
do_rare_thing (struct run *run)
{
    uint8_t dice = take8 (&run->program);

    settle (run);
    switch (dice % 16) {
    case 0: testbed_reset (run->guest.bed); break;
    case 1:
    case 2:
        vmm_set_medium (testbed_machine (run->guest.bed), "sata", CD,
                        dice & 16 ? run->iso->fault : NULL, NULL);
        break;
    case 3:
        if (dice == 0xF3)
            testbed_check_round_trip (run->guest.bed);
        break;
    default: pause_and_resume (run); break;
    }
}

static void
step (struct run *run)
{
    switch (take8 (&run->program) % 16) {
    case 0:
    case 1:
    case 2: write_register (run); break;
    case 3: read_register (run); break;
    case 4: scribble (run); break;
    case 5: break_host (run); break;
    case 6: blk_fault_hold (run->disk->fault, true); break;
    case 7: settle (run); break;
    case 8: do_rare_thing (run); break;
    case 9:
    case 10:
        port_write (&run->guest, DISK, PORT_CMD, CMD_FIS);
        port_start (&run->guest, DISK);
        break;
    case 11:
        port_write (&run->guest, CD, PORT_CMD, CMD_FIS);
        port_start (&run->guest, CD);
        break;
    default: issue (run); break;
    }
}

/* The power-on way to a working disk, whatever was before. */
static void
check_alive (struct run *run)
{
    settle (run);
    blk_fault_clear (run->disk->fault);
    testbed_reset (run->guest.bed);
    settle (run);
    testbed_pci_enable (run->guest.bed);
    port_start (&run->guest, DISK);
    ata_command (&run->guest, DISK, 0xEC, 0, 0, 0, 512);
    if (port_read (&run->guest, DISK, PORT_CI) || port_read (&run->guest, DISK, PORT_TFD) != 0x50)
        abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct guest_image disk, iso;
    struct run run = {.disk = &disk, .iso = &iso, .program = {data, size, 0}};

    image_init (&disk, DISK_SIZE, 0);
    image_init (&iso, ISO_SIZE, BLK_READ_ONLY);
    guest_init (&run.guest, (const struct vmm_value[]) {VMM_STRING ("port0", "disk"),
                                                        VMM_POINTER ("blk0", disk.fault),
                                                        VMM_STRING ("port1", "cd"),
                                                        VMM_POINTER ("blk1", iso.fault),
                                                        {0}});
    while (run.program.at < run.program.size)
        step (&run);
    check_alive (&run);
    guest_fini (&run.guest);
    image_fini (&disk);
    image_fini (&iso);
    return 0;
}
