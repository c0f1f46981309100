/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The AHCI controller itself: configuration, registers, interrupts, resets while the host works,
 * and command structures that no honest driver writes. */
#include "ahci-guest.h"

#define DISK        0u
#define CD          3u
#define GOOD        0x50u
#define READ_EXT    0x25
#define IDENTIFY    0xEC
#define BUSY        0x80u
#define OUTSIDE     UINT64_C (0x40000000)
#define MSI_ADDRESS 0xFEE01000u

struct rig {
    struct guest guest;
    struct guest_image disk;
    uint8_t *data;
};

static void
rig_init (struct rig *rig)
{
    image_init (&rig->disk, 4 * MIB, 0);
    guest_init (&rig->guest, (const struct vmm_value[]) {VMM_STRING ("port0", "disk"),
                                                         VMM_POINTER ("blk0", rig->disk.fault),
                                                         VMM_STRING ("port3", "cd"),
                                                         {0}});
    rig->data = guest_buffer (&rig->guest);
}

static void
rig_fini (struct rig *rig)
{
    guest_fini (&rig->guest);
    image_fini (&rig->disk);
}

static uint8_t *
prepare_read (struct rig *rig, unsigned slot, uint64_t lba)
{
    uint8_t *fis =
        slot_prepare (&rig->guest, DISK, slot, 0, GUEST_BUFFER + slot * UINT64_C (0x1000), 512);

    fis[2] = READ_EXT;
    fis_set_lba (fis, lba);
    fis[12] = 1;
    return fis;
}

/* The rig's disk with a read held on the host. */
static void
rig_init_busy (struct rig *rig)
{
    rig_init (rig);
    blk_fault_hold (rig->disk.fault, true);
    prepare_read (rig, 0, 5);
    prepare_read (rig, 1, 6);
    port_write (&rig->guest, DISK, PORT_CI, 3);
    CHECK_EQUAL (port_read (&rig->guest, DISK, PORT_TFD) & BUSY, BUSY);
}

static void
let_go (struct rig *rig)
{
    blk_fault_hold (rig->disk.fault, false);
    testbed_settle (rig->guest.bed);
}

static void
check_works (struct rig *rig)
{
    prepare_read (rig, 0, 77);
    port_write (&rig->guest, DISK, PORT_CI, 1);
    testbed_settle (rig->guest.bed);
    CHECK_EQUAL (port_read (&rig->guest, DISK, PORT_CI), 0);
    CHECK_EQUAL (port_read (&rig->guest, DISK, PORT_TFD), GOOD);
    CHECK_EQUAL (load_le32 (rig->data), 77);
}

static void
check_refused (const struct vmm_value *values, const char *why)
{
    struct vmm_device_config config = {.class_name = "ahci", .id = "sata", .values = values};
    struct vmm_error error = {0};

    while (values[config.n_values].name)
        config.n_values++;
    CHECK (!testbed_try_new (&config, 1, &error));
    CHECK_CONTAINS (error.message, why);
}

TEST (bad_configurations_are_refused_by_name)
{
    struct guest_image image;

    image_init (&image, MIB, 0);
    check_refused ((const struct vmm_value[]) {VMM_STRING ("port2", "tape"), {0}}, "“tape”");
    check_refused ((const struct vmm_value[]) {VMM_STRING ("port2", "disk"), {0}}, "port2");
    check_refused ((const struct vmm_value[]) {VMM_POINTER ("blk4", image.fault), {0}}, "port4");
    image_fini (&image);
}

TEST (the_function_is_an_ich9_in_ahci_mode)
{
    struct rig rig;
    unsigned devfn;

    rig_init (&rig);
    devfn = (unsigned) rig.guest.devfn;
    CHECK_EQUAL (devfn, 0x1f << 3 | 2);
    CHECK_EQUAL (testbed_pci_read (rig.guest.bed, devfn, 8, 4) >> 8, 0x010601);
    CHECK (testbed_pci_capability (rig.guest.bed, devfn, 5, 0));
    rig_fini (&rig);
}

TEST (only_ports_with_a_drive_are_there)
{
    struct rig rig;

    rig_init (&rig);
    CHECK_EQUAL (guest_read (&rig.guest, 0x0C), 1 << DISK | 1 << CD);
    CHECK_EQUAL (guest_read (&rig.guest, 0x00) & 0x1F, 5);
    CHECK_EQUAL (guest_read (&rig.guest, 0x10), 0x10301);
    port_write (&rig.guest, 1, 0x00, 0x12345400);
    CHECK_EQUAL (port_read (&rig.guest, 1, 0x00), 0);
    CHECK_EQUAL (port_read (&rig.guest, 1, PORT_SSTS), 0);
    CHECK_EQUAL (guest_read (&rig.guest, 0x100 + 6 * 0x80), 0);
    CHECK_EQUAL (guest_read (&rig.guest, 0xFFC), 0);
    rig_fini (&rig);
}

TEST (narrow_and_wide_accesses_reach_parts_of_registers)
{
    struct rig rig;
    uint64_t port;

    rig_init (&rig);
    port = rig.guest.abar + 0x100;
    CHECK_EQUAL (testbed_read (rig.guest.bed, rig.guest.abar + 0x12, 1), 1);
    CHECK_EQUAL (testbed_read (rig.guest.bed, rig.guest.abar + 0x10, 8), 0x10301);
    testbed_write (rig.guest.bed, port, 8, UINT64_C (0x0000000200345400));
    CHECK_EQUAL (testbed_read (rig.guest.bed, port, 8), UINT64_C (0x0000000200345400));
    testbed_write (rig.guest.bed, port + 2, 1, 0x77);
    CHECK_EQUAL (testbed_read (rig.guest.bed, port, 4), 0x00775400);
    rig_fini (&rig);
}

TEST (the_pin_rises_with_an_interrupt_and_falls_when_it_is_cleared)
{
    struct rig rig;

    rig_init (&rig);
    CHECK (!testbed_irq_level (rig.guest.bed, GUEST_GSI));
    ata_command (&rig.guest, DISK, IDENTIFY, 0, 0, 0, 512);
    CHECK (testbed_irq_level (rig.guest.bed, GUEST_GSI));
    CHECK_EQUAL (guest_read (&rig.guest, 0x08), 1 << DISK);
    /* The port's own register comes first. */
    guest_write (&rig.guest, 0x08, 1 << DISK);
    CHECK (testbed_irq_level (rig.guest.bed, GUEST_GSI));
    port_write (&rig.guest, DISK, PORT_IS, UINT32_MAX);
    guest_write (&rig.guest, 0x08, 1 << DISK);
    CHECK (!testbed_irq_level (rig.guest.bed, GUEST_GSI));
    guest_write (&rig.guest, 0x04, 0x80000000);
    ata_command (&rig.guest, DISK, IDENTIFY, 0, 0, 0, 512);
    CHECK (!testbed_irq_level (rig.guest.bed, GUEST_GSI));
    guest_write (&rig.guest, 0x04, 0x80000002);
    CHECK (testbed_irq_level (rig.guest.bed, GUEST_GSI));
    rig_fini (&rig);
}

TEST (messages_replace_the_pin)
{
    struct rig rig;
    unsigned devfn, capability;
    uint64_t address;
    uint32_t data;

    rig_init (&rig);
    devfn = (unsigned) rig.guest.devfn;
    capability = testbed_pci_capability (rig.guest.bed, devfn, 5, 0);
    testbed_pci_write (rig.guest.bed, devfn, capability + 4, 4, MSI_ADDRESS);
    testbed_pci_write (rig.guest.bed, devfn, capability + 12, 2, 0x41);
    testbed_pci_write (rig.guest.bed, devfn, capability + 2, 2, 1);
    ata_command (&rig.guest, DISK, IDENTIFY, 0, 0, 0, 512);
    CHECK (testbed_pop_msi (rig.guest.bed, &address, &data));
    CHECK_EQUAL (address, MSI_ADDRESS);
    CHECK_EQUAL (data, 0x41);
    CHECK (!testbed_pop_msi (rig.guest.bed, &address, &data));
    CHECK (!testbed_irq_level (rig.guest.bed, GUEST_GSI));
    /* Cleared in the right order it is quiet, and the next one is told again. */
    port_write (&rig.guest, DISK, PORT_IS, UINT32_MAX);
    guest_write (&rig.guest, 0x08, 1 << DISK);
    CHECK (!testbed_pop_msi (rig.guest.bed, &address, &data));
    ata_command (&rig.guest, DISK, IDENTIFY, 0, 0, 0, 512);
    CHECK (testbed_pop_msi (rig.guest.bed, &address, &data));
    /* What is still pending when IS is cleared sends again. */
    guest_write (&rig.guest, 0x08, 1 << DISK);
    CHECK (testbed_pop_msi (rig.guest.bed, &address, &data));
    rig_fini (&rig);
}

TEST (slots_run_in_order_one_at_a_time)
{
    struct rig rig;

    rig_init_busy (&rig);
    CHECK_EQUAL (blk_fault_count (rig.disk.fault, BLK_READ), 1);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_CI), 3);
    let_go (&rig);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_CI), 0);
    CHECK_EQUAL (load_le32 (rig.data), 5);
    CHECK_EQUAL (load_le32 (rig.data + 0x1000), 6);
    rig_fini (&rig);
}

TEST (stopping_the_list_stays_busy_until_the_host_is_done)
{
    struct rig rig;

    rig_init_busy (&rig);
    port_write (&rig.guest, DISK, PORT_IS, UINT32_MAX);
    port_write (&rig.guest, DISK, PORT_CMD, CMD_FIS);
    CHECK (port_read (&rig.guest, DISK, PORT_CMD) & CMD_RUNNING);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_CI), 0);
    /* Impatient: on again with a new command in the same slot. */
    port_write (&rig.guest, DISK, PORT_CMD, CMD_FIS | CMD_START);
    prepare_read (&rig, 0, 9);
    port_write (&rig.guest, DISK, PORT_CI, 1);
    CHECK_EQUAL (blk_fault_count (rig.disk.fault, BLK_READ), 1);
    let_go (&rig);
    CHECK_EQUAL (load_le32 (rig.data), 9);
    CHECK_EQUAL (blk_fault_count (rig.disk.fault, BLK_READ), 2);
    port_write (&rig.guest, DISK, PORT_CMD, CMD_FIS);
    CHECK (!(port_read (&rig.guest, DISK, PORT_CMD) & CMD_RUNNING));
    rig_fini (&rig);
}

TEST (a_link_reset_in_flight_ends_with_the_signature)
{
    struct rig rig;

    rig_init_busy (&rig);
    port_write (&rig.guest, DISK, PORT_CMD, CMD_FIS);
    port_write (&rig.guest, DISK, PORT_SCTL, 0x301);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_SSTS), 0);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_SIG), 0xFFFFFFFF);
    port_write (&rig.guest, DISK, PORT_SCTL, 0x300);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_TFD), BUSY);
    memset (port_fises (&rig.guest, DISK), 0, 256);
    let_go (&rig);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_SSTS), 0x133);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_TFD), 0x0150);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_SIG), 0x101);
    CHECK_EQUAL (port_fises (&rig.guest, DISK)[0x40], 0x34);
    port_restart (&rig.guest, DISK);
    check_works (&rig);
    rig_fini (&rig);
}

TEST (a_controller_reset_in_flight_waits_and_keeps_addresses)
{
    struct rig rig;

    rig_init_busy (&rig);
    guest_write (&rig.guest, 0x04, 0x80000003);
    CHECK_EQUAL (guest_read (&rig.guest, 0x04) & 1, 1);
    port_write (&rig.guest, DISK, 0x00, 0);
    let_go (&rig);
    CHECK_EQUAL (guest_read (&rig.guest, 0x04), 0x80000000);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_CMD) & (CMD_START | CMD_FIS), 0);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_IE), 0);
    CHECK_EQUAL (port_read (&rig.guest, DISK, 0x00), port_list (DISK));
    CHECK_EQUAL (port_read (&rig.guest, CD, PORT_SIG), 0xEB140101);
    port_start (&rig.guest, DISK);
    check_works (&rig);
    rig_fini (&rig);
}

TEST (a_soft_reset_brings_the_signature)
{
    struct rig rig;
    uint8_t *fis;

    rig_init (&rig);
    fis = slot_prepare (&rig.guest, CD, 0, 0, 0, 0);
    fis[1] = 0;
    fis[15] = 4;
    port_write (&rig.guest, CD, PORT_CI, 1);
    CHECK_EQUAL (port_read (&rig.guest, CD, PORT_CI), 0);
    fis[15] = 0;
    port_write (&rig.guest, CD, PORT_CI, 1);
    CHECK_EQUAL (port_read (&rig.guest, CD, PORT_CI), 0);
    CHECK_EQUAL (port_read (&rig.guest, CD, PORT_TFD), 0x0100);
    CHECK_EQUAL (port_fises (&rig.guest, CD)[0x40 + 6], 0xEB);
    rig_fini (&rig);
}

TEST (a_machine_reset_forgets_the_command_list)
{
    struct rig rig;

    rig_init (&rig);
    testbed_reset (rig.guest.bed);
    testbed_pci_enable (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, DISK, 0x00), 0);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_CMD) & CMD_START, 0);
    port_start (&rig.guest, DISK);
    check_works (&rig);
    rig_fini (&rig);
}

TEST (pieces_of_memory_are_joined_in_order)
{
    struct rig rig;
    uint8_t *fis;

    rig_init (&rig);
    fis = prepare_read (&rig, 0, 50);
    fis[12] = 4;
    store_le16 (testbed_ram (rig.guest.bed, port_list (DISK) + 2, 2), 3);
    /* 2 bytes, 1022 elsewhere, and the last entry longer than what is left. */
    for (unsigned i = 0; i < 3; i++) {
        store_le64 (fis + 0x80 + 16 * i, GUEST_BUFFER + 0x10000 * i);
        store_le32 (fis + 0x8C + 16 * i, (uint32_t[]) {1, 1021, 0x3FFFFF}[i]);
    }
    memset (rig.data + 0x20400, 0xEE, 512);
    port_write (&rig.guest, DISK, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_TFD), GOOD);
    CHECK_EQUAL (load_le16 (rig.data), 50);
    CHECK_EQUAL (load_le32 (rig.data + 0x10000 + 510), 51);
    CHECK_EQUAL (load_le32 (rig.data + 0x20000), 52);
    CHECK_EQUAL (load_le32 (rig.data + 0x20200), 53);
    CHECK_EQUAL (rig.data[0x20400], 0xEE);
    rig_fini (&rig);
}

static void
check_bus_error (struct rig *rig)
{
    port_write (&rig->guest, DISK, PORT_CI, 1);
    testbed_settle (rig->guest.bed);
    CHECK (port_read (&rig->guest, DISK, PORT_IS) & IS_BUS_FATAL);
    CHECK_EQUAL (blk_fault_count (rig->disk.fault, BLK_READ), 0);
}

TEST (a_command_list_outside_memory_is_a_bus_error)
{
    struct rig rig;

    rig_init (&rig);
    port_write (&rig.guest, DISK, 0x00, (uint32_t) OUTSIDE);
    check_bus_error (&rig);
    port_write (&rig.guest, DISK, 0x00, (uint32_t) port_list (DISK));
    port_restart (&rig.guest, DISK);
    check_works (&rig);
    rig_fini (&rig);
}

TEST (a_command_table_outside_memory_is_a_bus_error)
{
    static const uint64_t addresses[] = {OUTSIDE, TESTBED_RAM - 128, UINT64_MAX & ~UINT64_C (0x7F),
                                         UINT64_C (1) << 63};
    struct rig rig;

    rig_init (&rig);
    /* Of the second one the data's description lies outside, while the command does not. */
    memcpy (testbed_ram (rig.guest.bed, TESTBED_RAM - 128, 128), prepare_read (&rig, 0, 1), 128);
    for (size_t i = 0; i < ARRAY_LENGTH (addresses); i++) {
        prepare_read (&rig, 0, 1);
        store_le64 (testbed_ram (rig.guest.bed, port_list (DISK) + 8, 8), addresses[i]);
        check_bus_error (&rig);
        port_restart (&rig.guest, DISK);
    }
    check_works (&rig);
    rig_fini (&rig);
}

TEST (data_outside_memory_is_a_bus_error)
{
    static const uint64_t addresses[] = {OUTSIDE, TESTBED_RAM - 256, UINT64_MAX - 511, 0xFEE00000};
    struct rig rig;

    rig_init (&rig);
    for (size_t i = 0; i < ARRAY_LENGTH (addresses); i++) {
        uint8_t *fis = prepare_read (&rig, 0, 1);

        store_le64 (fis + 0x80, addresses[i]);
        check_bus_error (&rig);
        port_restart (&rig.guest, DISK);
    }
    check_works (&rig);
    rig_fini (&rig);
}

TEST (fises_that_find_no_memory_are_a_bus_error)
{
    struct rig rig;

    rig_init (&rig);
    port_write (&rig.guest, DISK, 0x0C, 0x77);
    ata_command (&rig.guest, DISK, IDENTIFY, 0, 0, 0, 512);
    CHECK (port_read (&rig.guest, DISK, PORT_IS) & IS_BUS_FATAL);
    rig_fini (&rig);
}

TEST (a_table_too_short_aborts_the_command)
{
    struct rig rig;
    uint8_t *fis;

    rig_init (&rig);
    fis = prepare_read (&rig, 0, 1);
    fis[12] = 2;
    port_write (&rig.guest, DISK, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_TFD), 0x0451);
    port_restart (&rig.guest, DISK);
    prepare_read (&rig, 0, 1);
    store_le16 (testbed_ram (rig.guest.bed, port_list (DISK) + 2, 2), 0);
    port_write (&rig.guest, DISK, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_TFD), 0x0451);
    rig_fini (&rig);
}

TEST (thousands_of_tiny_pieces_abort_the_command)
{
    struct rig rig;
    uint64_t table = 0x1000000;
    uint8_t *fis;

    rig_init (&rig);
    prepare_read (&rig, 0, 1);
    fis = testbed_ram (rig.guest.bed, table, 0x80 + 65535 * 16);
    memcpy (fis, testbed_ram (rig.guest.bed, port_table (DISK, 0), 0x80), 0x80);
    fis[12] = 0;
    fis[13] = 1; /* 128 KiB in pieces of 2 bytes, no two of them neighbours */
    for (unsigned i = 0; i < 65535; i++) {
        store_le64 (fis + 0x80 + 16 * i, GUEST_BUFFER + 4 * (i % 0x1000));
        store_le32 (fis + 0x8C + 16 * i, 1);
    }
    store_le16 (testbed_ram (rig.guest.bed, port_list (DISK) + 2, 2), 0xFFFF);
    store_le64 (testbed_ram (rig.guest.bed, port_list (DISK) + 8, 8), table);
    port_write (&rig.guest, DISK, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_TFD), 0x0451);
    port_restart (&rig.guest, DISK);
    check_works (&rig);
    rig_fini (&rig);
}

TEST (the_largest_transfer_works_and_reads_past_the_end_do_not)
{
    struct rig rig;
    uint8_t *fis;

    rig_init (&rig);
    fis = prepare_read (&rig, 0, 0);
    fis[12] = 0;
    fis[13] = 0x20; /* 8,192 sectors: all of the disk in one entry of 4 MiB */
    store_le32 (fis + 0x8C, 0x3FFFFF);
    port_write (&rig.guest, DISK, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_TFD), GOOD);
    CHECK_EQUAL (load_le32 (testbed_ram (rig.guest.bed, GUEST_BUFFER + 4095 * 512, 4)), 4095);
    fis[13] = 0; /* 65,536 */
    port_write (&rig.guest, DISK, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_TFD), 0x1051);
    rig_fini (&rig);
}

TEST (a_table_that_holds_itself_ends)
{
    struct rig rig;
    uint8_t *fis;

    rig_init (&rig);
    fis = prepare_read (&rig, 0, 1);
    /* The data goes over the command list and the table it came by. */
    store_le64 (fis + 0x80, port_table (DISK, 0));
    port_write (&rig.guest, DISK, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_TFD), GOOD);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_CI), 0);
    rig_fini (&rig);
}

TEST (frames_of_unknown_type_are_interface_errors)
{
    struct rig rig;
    uint8_t *fis;

    rig_init (&rig);
    fis = prepare_read (&rig, 0, 1);
    fis[0] = 0x46;
    port_write (&rig.guest, DISK, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK (port_read (&rig.guest, DISK, PORT_IS) & IS_INTERFACE);
    port_restart (&rig.guest, DISK);
    check_works (&rig);
    rig_fini (&rig);
}

TEST (a_pause_starts_nothing_and_resume_goes_on)
{
    struct rig rig;
    struct vmm_device *device;

    rig_init (&rig);
    device = testbed_device (rig.guest.bed, "sata");
    pthread_mutex_lock (&device->lock);
    device->device_class->pause (device);
    pthread_mutex_unlock (&device->lock);
    prepare_read (&rig, 0, 12);
    port_write (&rig.guest, DISK, PORT_CI, 1);
    CHECK (vmm_device_is_idle (device));
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_CI), 1);
    testbed_check_round_trip (rig.guest.bed);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, DISK, PORT_CI), 0);
    CHECK_EQUAL (load_le32 (rig.data), 12);
    rig_fini (&rig);
}

TAP_MAIN ()
