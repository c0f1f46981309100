/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Disks of the AHCI controller: reading, writing, queuing, trimming and what the host's errors
 * become. */
#include <fcntl.h>
#include <sys/stat.h>

#include "ahci-guest.h"

#define PORT         0u
#define GOOD         0x50u
#define FAILED       0x51u
#define SIZE         (4 * MIB)
#define SECTORS      (SIZE / 512)

#define READ_PIO     0x20
#define READ_DMA     0xC8
#define READ_EXT     0x25
#define WRITE_DMA    0xCA
#define WRITE_EXT    0x35
#define WRITE_FUA    0x3D
#define FLUSH        0xEA
#define IDENTIFY     0xEC
#define TRIM         0x06
#define READ_LOG     0x2F
#define READ_QUEUED  0x60
#define WRITE_QUEUED 0x61
#define SET_FEATURES 0xEF

struct rig {
    struct guest guest;
    struct guest_image disk;
    uint8_t *data;
};

static void
rig_init (struct rig *rig, unsigned flags)
{
    image_init (&rig->disk, SIZE, flags);
    guest_init (&rig->guest, (const struct vmm_value[]) {VMM_STRING ("port0", "disk"),
                                                         VMM_POINTER ("blk0", rig->disk.fault),
                                                         {0}});
    rig->data = guest_buffer (&rig->guest);
}

static void
rig_fini (struct rig *rig)
{
    guest_fini (&rig->guest);
    image_fini (&rig->disk);
}

static uint32_t
run (struct rig *rig, uint8_t opcode, uint64_t lba, uint16_t count, unsigned flags)
{
    return ata_command (&rig->guest, PORT, opcode, lba, count, flags, count * 512u);
}

static uint8_t
byte_of_file (struct rig *rig, uint64_t offset)
{
    uint8_t byte = 0;
    int fd = open (rig->disk.path, O_RDONLY | O_CLOEXEC);

    CHECK (fd >= 0);
    CHECK_EQUAL (pread (fd, &byte, 1, (off_t) offset), 1);
    close (fd);
    return byte;
}

static void
fail_next (struct rig *rig, enum blk_operation operation, int result)
{
    blk_fault_inject (rig->disk.fault,
                      &(struct blk_fault) {operation, .first = 1, .count = 1, .result = result});
}

/* A queued command into @slot; nothing runs yet. */
static void
queue (struct rig *rig, unsigned slot, uint8_t opcode, uint64_t lba, uint16_t count)
{
    uint8_t *fis = slot_prepare (&rig->guest, PORT, slot, opcode == WRITE_QUEUED ? HEADER_WRITE : 0,
                                 GUEST_BUFFER + slot * UINT64_C (0x4000), count * 512u);

    fis[2] = opcode;
    fis_set_lba (fis, lba);
    fis[3] = (uint8_t) count;
    fis[11] = (uint8_t) (count >> 8);
    fis[12] = (uint8_t) (slot << 3);
}

static void
issue (struct rig *rig, uint32_t slots)
{
    port_write (&rig->guest, PORT, PORT_SACT, slots);
    port_write (&rig->guest, PORT, PORT_CI, slots);
}

TEST (identify_tells_size_queue_and_serial)
{
    struct rig rig;
    uint8_t sum = 0;

    rig_init (&rig, 0);
    CHECK_EQUAL (run (&rig, IDENTIFY, 0, 1, 0), GOOD);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_SIG), 0x00000101);
    CHECK_EQUAL (load_le32 (rig.data + 2 * 60), SECTORS);
    CHECK_EQUAL (load_le64 (rig.data + 2 * 100), SECTORS);
    CHECK_EQUAL (load_le16 (rig.data + 2 * 75), 31);
    CHECK (load_le16 (rig.data + 2 * 76) & 0x100);
    CHECK_EQUAL (memcmp (rig.data + 20, "OPASAD0000", 10), 0);
    for (unsigned i = 0; i < 512; i++)
        sum += rig.data[i];
    CHECK_EQUAL (sum, 0);
    CHECK (port_read (&rig.guest, PORT, PORT_IS) & IS_PIO);
    CHECK_EQUAL (port_fises (&rig.guest, PORT)[0x20], 0x5F);
    CHECK_EQUAL (port_fises (&rig.guest, PORT)[0x20 + 15], GOOD);
    rig_fini (&rig);
}

TEST (pio_dma_and_48_bit_reads_bring_the_same)
{
    static const uint8_t opcodes[] = {READ_PIO, 0x21, 0x24, READ_EXT, 0x29, 0xC4, READ_DMA, 0xC9};
    struct rig rig;

    rig_init (&rig, 0);
    for (size_t i = 0; i < ARRAY_LENGTH (opcodes); i++) {
        memset (rig.data, 0, 4096);
        CHECK_EQUAL (run (&rig, opcodes[i], 300, 3, 0), GOOD);
        CHECK_EQUAL (load_le32 (rig.data), 300);
        CHECK_EQUAL (load_le32 (rig.data + 1024), 302);
        CHECK_EQUAL (load_le32 (testbed_ram (rig.guest.bed, port_list (PORT) + 4, 4)), 1536);
    }
    rig_fini (&rig);
}

TEST (writes_of_all_kinds_reach_the_image)
{
    static const uint8_t opcodes[] = {0x30, 0x31, 0x34, WRITE_EXT, 0x39, 0xC5, WRITE_DMA, 0xCB};
    struct rig rig;

    rig_init (&rig, 0);
    for (size_t i = 0; i < ARRAY_LENGTH (opcodes); i++) {
        memset (rig.data, 0x80 | (int) i, 4096);
        CHECK_EQUAL (run (&rig, opcodes[i], 10 * i, 2, HEADER_WRITE), GOOD);
        CHECK_EQUAL (byte_of_file (&rig, 5120 * i), 0x80 | i);
        CHECK_EQUAL (byte_of_file (&rig, 5120 * i + 1023), 0x80 | i);
        CHECK (byte_of_file (&rig, 5120 * i + 1024) < 0x80);
    }
    CHECK_EQUAL (run (&rig, FLUSH, 0, 0, 0), GOOD);
    CHECK_EQUAL (blk_fault_count (rig.disk.fault, BLK_FLUSH), 1);
    rig_fini (&rig);
}

TEST (cylinders_heads_and_sectors_are_understood)
{
    struct rig rig;
    uint8_t *fis;

    rig_init (&rig, 0);
    fis = slot_prepare (&rig.guest, PORT, 0, 0, GUEST_BUFFER, 512);
    fis[2] = READ_DMA;
    fis[4] = 5;    /* sector */
    fis[5] = 2;    /* cylinder */
    fis[7] = 0x03; /* head */
    fis[12] = 1;
    port_write (&rig.guest, PORT, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (load_le32 (rig.data), (2 * 16 + 3) * 63 + 4);
    rig_fini (&rig);
}

TEST (forced_writes_and_a_cache_that_is_off_flush)
{
    struct rig rig;
    uint8_t *fis;

    rig_init (&rig, 0);
    CHECK_EQUAL (run (&rig, WRITE_FUA, 0, 1, HEADER_WRITE), GOOD);
    CHECK_EQUAL (blk_fault_count (rig.disk.fault, BLK_FLUSH), 1);
    CHECK_EQUAL (run (&rig, WRITE_EXT, 0, 1, HEADER_WRITE), GOOD);
    CHECK_EQUAL (blk_fault_count (rig.disk.fault, BLK_FLUSH), 1);
    fis = slot_prepare (&rig.guest, PORT, 0, 0, 0, 0);
    fis[2] = SET_FEATURES;
    fis[3] = 0x82;
    port_write (&rig.guest, PORT, PORT_CI, 1);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_TFD), GOOD);
    CHECK_EQUAL (run (&rig, WRITE_EXT, 0, 1, HEADER_WRITE), GOOD);
    CHECK_EQUAL (blk_fault_count (rig.disk.fault, BLK_FLUSH), 2);
    CHECK_EQUAL (run (&rig, IDENTIFY, 0, 1, 0), GOOD);
    CHECK_EQUAL (load_le16 (rig.data + 2 * 85) & 0x20, 0);
    rig_fini (&rig);
}

TEST (sectors_past_the_end_are_not_found)
{
    struct rig rig;

    rig_init (&rig, 0);
    CHECK_EQUAL (run (&rig, READ_EXT, SECTORS - 1, 2, 0), 0x1000 | FAILED);
    CHECK (port_read (&rig.guest, PORT, PORT_IS) & IS_TASK_FILE);
    /* The failed command stays, and nothing starts before a restart. */
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_CI), 1);
    CHECK_EQUAL (run (&rig, READ_EXT, 0, 1, 0), 0x1000 | FAILED);
    port_restart (&rig.guest, PORT);
    CHECK_EQUAL (run (&rig, READ_EXT, UINT64_C (0xFFFFFFFFFFFF), 1, 0), 0x1000 | FAILED);
    port_restart (&rig.guest, PORT);
    CHECK_EQUAL (run (&rig, READ_EXT, SECTORS - 1, 1, 0), GOOD);
    rig_fini (&rig);
}

TEST (host_errors_become_drive_errors)
{
    struct rig rig;

    rig_init (&rig, 0);
    fail_next (&rig, BLK_READ, -EIO);
    CHECK_EQUAL (run (&rig, READ_EXT, 7, 1, 0), 0x4000 | FAILED);
    CHECK_EQUAL (port_fises (&rig.guest, PORT)[0x40 + 4], 7);
    port_restart (&rig.guest, PORT);
    fail_next (&rig, BLK_WRITE, -EIO);
    CHECK_EQUAL (run (&rig, WRITE_EXT, 7, 1, HEADER_WRITE), 0x0400 | FAILED);
    port_restart (&rig.guest, PORT);
    fail_next (&rig, BLK_FLUSH, -EIO);
    CHECK_EQUAL (run (&rig, FLUSH, 0, 0, 0), 0x0400 | FAILED);
    rig_fini (&rig);
}

TEST (a_read_only_image_refuses_writes)
{
    struct rig rig;

    rig_init (&rig, BLK_READ_ONLY);
    CHECK_EQUAL (run (&rig, WRITE_EXT, 7, 1, HEADER_WRITE), 0x4400 | FAILED);
    rig_fini (&rig);
}

TEST (a_full_host_pauses_and_the_write_is_done_again_on_resume)
{
    struct rig rig;

    rig_init (&rig, 0);
    fail_next (&rig, BLK_WRITE, -ENOSPC);
    memset (rig.data, 0xA5, 512);
    CHECK_EQUAL (run (&rig, WRITE_EXT, 20, 1, HEADER_WRITE) & 0x80, 0x80);
    CHECK (testbed_took_pause (rig.guest.bed));
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_CI), 1);
    CHECK_EQUAL (byte_of_file (&rig, 20 * 512 + 4), 20);
    /* Saving and loading between the failure and the resume loses nothing; it ends in a resume. */
    testbed_check_round_trip (rig.guest.bed);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_CI), 0);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_TFD), GOOD);
    CHECK_EQUAL (byte_of_file (&rig, 20 * 512 + 4), 0xA5);
    rig_fini (&rig);
}

TEST (queued_commands_go_side_by_side)
{
    struct rig rig;
    uint32_t all = UINT32_MAX;

    rig_init (&rig, 0);
    blk_fault_hold (rig.disk.fault, true);
    for (unsigned slot = 0; slot < 32; slot++)
        queue (&rig, slot, READ_QUEUED, 100 + slot, 1);
    issue (&rig, all);
    /* Taken, not done. */
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_CI), 0);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_SACT), all);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_TFD) & 0x80, 0);
    CHECK_EQUAL (blk_fault_count (rig.disk.fault, BLK_READ), 32);
    blk_fault_hold (rig.disk.fault, false);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_SACT), 0);
    CHECK (port_read (&rig.guest, PORT, PORT_IS) & IS_BITS);
    CHECK_EQUAL (port_fises (&rig.guest, PORT)[0x58], 0xA1);
    for (unsigned slot = 0; slot < 32; slot++)
        CHECK_EQUAL (load_le32 (testbed_ram (rig.guest.bed, GUEST_BUFFER + slot * 0x4000, 4)),
                     100 + slot);
    rig_fini (&rig);
}

TEST (a_queued_failure_is_in_the_log_and_ends_the_others)
{
    struct rig rig;

    rig_init (&rig, 0);
    queue (&rig, 3, READ_QUEUED, 33, 1);
    queue (&rig, 5, READ_QUEUED, 55, 1);
    fail_next (&rig, BLK_READ, -EIO);
    blk_fault_hold (rig.disk.fault, true);
    issue (&rig, 1 << 3);
    issue (&rig, 1 << 5);
    blk_fault_hold (rig.disk.fault, false);
    testbed_settle (rig.guest.bed);
    CHECK (port_read (&rig.guest, PORT, PORT_IS) & IS_TASK_FILE);
    CHECK (port_read (&rig.guest, PORT, PORT_SACT) & 1 << 3);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_TFD), 0x4000 | FAILED);
    port_restart (&rig.guest, PORT);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_SACT), 0);
    CHECK_EQUAL (run (&rig, READ_LOG, 0x10, 1, 0), GOOD);
    CHECK_EQUAL (rig.data[0], 3);
    CHECK_EQUAL (rig.data[2], FAILED);
    CHECK_EQUAL (rig.data[3], 0x40);
    CHECK_EQUAL (rig.data[4], 33);
    rig_fini (&rig);
}

TEST (a_full_host_keeps_queued_writes_for_the_resume)
{
    struct rig rig;

    rig_init (&rig, 0);
    fail_next (&rig, BLK_WRITE, -ENOSPC);
    memset (testbed_ram (rig.guest.bed, GUEST_BUFFER + 2 * 0x4000, 512), 0x5A, 512);
    queue (&rig, 2, WRITE_QUEUED, 40, 1);
    issue (&rig, 1 << 2);
    testbed_settle (rig.guest.bed);
    CHECK (testbed_took_pause (rig.guest.bed));
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_SACT), 1 << 2);
    testbed_check_round_trip (rig.guest.bed);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_SACT), 0);
    CHECK_EQUAL (byte_of_file (&rig, 40 * 512 + 4), 0x5A);
    rig_fini (&rig);
}

TEST (a_queued_command_under_a_wrong_tag_is_aborted)
{
    struct rig rig;

    rig_init (&rig, 0);
    queue (&rig, 4, READ_QUEUED, 0, 1);
    *(uint8_t *) testbed_ram (rig.guest.bed, port_table (PORT, 4) + 12, 1) = 9 << 3;
    issue (&rig, 1 << 4);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_TFD), 0x0400 | FAILED);
    rig_fini (&rig);
}

TEST (trim_gives_every_range_back)
{
    struct rig rig;
    uint8_t *fis;

    rig_init (&rig, 0);
    if (!blk_get_info (rig.disk.fault)->can_discard)
        SKIP ("/tmp cannot punch holes");
    memset (rig.data, 0, 512);
    store_le64 (rig.data, UINT64_C (8) << 48 | 16);
    store_le64 (rig.data + 16, UINT64_C (8) << 48 | 64);
    fis = slot_prepare (&rig.guest, PORT, 0, HEADER_WRITE, GUEST_BUFFER, 512);
    fis[2] = TRIM;
    fis[3] = 1;
    fis[12] = 1;
    port_write (&rig.guest, PORT, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_TFD), GOOD);
    CHECK_EQUAL (blk_fault_count (rig.disk.fault, BLK_DISCARD), 2);
    CHECK_EQUAL (byte_of_file (&rig, 16 * 512 + 4), 0);
    CHECK_EQUAL (byte_of_file (&rig, 64 * 512 + 4), 0);
    CHECK_EQUAL (byte_of_file (&rig, 40 * 512 + 4), 40);
    /* One bad range: nothing is touched. */
    store_le64 (rig.data, UINT64_C (8) << 48 | 128);
    store_le64 (rig.data + 16, UINT64_C (0xFFFF) << 48 | (SECTORS - 1));
    port_write (&rig.guest, PORT, PORT_CI, 1);
    testbed_settle (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_TFD), 0x1000 | FAILED);
    CHECK_EQUAL (byte_of_file (&rig, 128 * 512 + 4), 128);
    rig_fini (&rig);
}

TEST (small_commands_without_data_succeed)
{
    static const uint8_t opcodes[] = {0x10, 0x40, 0x42, 0x70, 0x90, 0x91, 0xE0,
                                      0xE1, 0xE2, 0xE3, 0xE5, 0xE6, 0xE7};
    struct rig rig;

    rig_init (&rig, 0);
    for (size_t i = 0; i < ARRAY_LENGTH (opcodes); i++)
        CHECK_EQUAL (ata_command (&rig.guest, PORT, opcodes[i], 1, 1, 0, 0) & 0xFF, GOOD);
    CHECK_EQUAL (ata_command (&rig.guest, PORT, 0xE5, 0, 0, 0, 0), GOOD);
    CHECK_EQUAL (port_fises (&rig.guest, PORT)[0x40 + 12], 0);
    CHECK_EQUAL (run (&rig, READ_EXT, 0, 1, 0), GOOD);
    CHECK_EQUAL (ata_command (&rig.guest, PORT, 0xE5, 0, 0, 0, 0), GOOD);
    CHECK_EQUAL (port_fises (&rig.guest, PORT)[0x40 + 12], 0xFF);
    CHECK_EQUAL (ata_command (&rig.guest, PORT, 0xA1, 0, 0, 0, 512), 0x0400 | FAILED);
    rig_fini (&rig);
}

TEST (state_makes_the_round_trip)
{
    struct rig rig;

    rig_init (&rig, 0);
    CHECK_EQUAL (run (&rig, READ_EXT, SECTORS, 1, 0), 0x1000 | FAILED);
    testbed_check_round_trip (rig.guest.bed);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_TFD), 0x1000 | FAILED);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_CI), 1);
    port_restart (&rig.guest, PORT);
    CHECK_EQUAL (run (&rig, READ_EXT, 9, 1, 0), GOOD);
    CHECK_EQUAL (load_le32 (rig.data), 9);
    rig_fini (&rig);
}

TAP_MAIN ()
