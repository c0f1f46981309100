/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CD drives of the AHCI controller: what they tell, read and say about changes of the medium. */
#include "ahci-guest.h"

#define PORT         1u
#define GOOD         0x50u
#define POWER_ON     0x062900u
#define CHANGED      0x062800u
#define NO_MEDIUM    0x023A01u
#define TRAY_OPEN    0x023A02u
#define BAD_FIELD    0x052400u
#define BAD_OPCODE   0x052000u
#define OUT_OF_RANGE 0x052100u
#define LOCKED       0x055302u
#define READ_ERROR   0x031100u

#define ISO_SECTORS  100u

struct rig {
    struct guest guest;
    struct guest_image iso;
};

static void
take_power_on_attention (struct guest *guest)
{
    CHECK (PACKET (guest, PORT, 0, 0x00) & 1);
    CHECK_EQUAL (guest_sense (guest, PORT), POWER_ON);
}

static void
rig_init (struct rig *rig, uint64_t size)
{
    image_init (&rig->iso, size, BLK_READ_ONLY);
    guest_init (&rig->guest, (const struct vmm_value[]) {VMM_STRING ("port1", "cd"),
                                                         VMM_POINTER ("blk1", rig->iso.fault),
                                                         VMM_STRING ("serial1", "S123"),
                                                         {0}});
    take_power_on_attention (&rig->guest);
}

static void
rig_fini (struct rig *rig)
{
    guest_fini (&rig->guest);
    image_fini (&rig->iso);
}

static void
rig_init_empty (struct rig *rig)
{
    guest_init (&rig->guest, (const struct vmm_value[]) {VMM_STRING ("port1", "cd"), {0}});
    take_power_on_attention (&rig->guest);
}

static uint32_t
test_unit_ready (struct rig *rig)
{
    return PACKET (&rig->guest, PORT, 0, 0x00) & 1 ? guest_sense (&rig->guest, PORT) : 0;
}

static void
set_medium (struct rig *rig, struct guest_image *image)
{
    CHECK_EQUAL (vmm_set_medium (testbed_machine (rig->guest.bed), "sata", PORT,
                                 image ? image->fault : NULL, NULL),
                 0);
}

TEST (the_signature_tells_a_packet_drive)
{
    struct rig rig;

    rig_init (&rig, ISO_SECTORS * 2048);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_SIG), 0xEB140101);
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_SSTS), 0x133);
    rig_fini (&rig);
}

TEST (identify_packet_device_describes_a_cd_drive)
{
    struct rig rig;
    uint8_t *data, sum = 0;

    rig_init (&rig, ISO_SECTORS * 2048);
    data = guest_buffer (&rig.guest);
    CHECK_EQUAL (ata_command (&rig.guest, PORT, 0xA1, 0, 0, 0, 512), GOOD);
    CHECK_EQUAL (load_le16 (data), 0x85C0);
    CHECK_EQUAL (memcmp (data + 20, "1S32                ", 20), 0);
    for (unsigned i = 0; i < 512; i++)
        sum += data[i];
    CHECK_EQUAL (sum, 0);
    CHECK (port_read (&rig.guest, PORT, PORT_IS) & IS_PIO);
    rig_fini (&rig);
}

TEST (identify_device_is_refused_with_the_signature)
{
    struct rig rig;

    rig_init (&rig, ISO_SECTORS * 2048);
    CHECK_EQUAL (ata_command (&rig.guest, PORT, 0xEC, 0, 0, 0, 512), 0x0451);
    CHECK_EQUAL (port_fises (&rig.guest, PORT)[0x40 + 5], 0x14);
    CHECK_EQUAL (port_fises (&rig.guest, PORT)[0x40 + 6], 0xEB);
    rig_fini (&rig);
}

TEST (inquiry_works_while_attention_is_pending_and_leaves_it)
{
    struct rig rig;
    uint8_t *data;

    rig_init (&rig, ISO_SECTORS * 2048);
    data = guest_buffer (&rig.guest);
    set_medium (&rig, &rig.iso);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 36, 0x12, 0, 0, 0, 36), GOOD);
    CHECK_EQUAL (data[0], 5);
    CHECK_EQUAL (data[1], 0x80);
    CHECK_EQUAL (memcmp (data + 8, "Posada  CD/DVD-ROM      1.0 ", 28), 0);
    CHECK_EQUAL (test_unit_ready (&rig), CHANGED);
    CHECK_EQUAL (test_unit_ready (&rig), 0);
    rig_fini (&rig);
}

TEST (answers_are_cut_to_the_room_that_the_host_gives)
{
    struct rig rig;
    uint8_t *data;

    rig_init (&rig, ISO_SECTORS * 2048);
    data = guest_buffer (&rig.guest);
    memset (data, 0xEE, 64);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 64, 0x12, 0, 0, 0, 6), GOOD);
    CHECK_EQUAL (data[4], 31);
    CHECK_EQUAL (data[6], 0xEE);
    CHECK_EQUAL (load_le32 (testbed_ram (rig.guest.bed, port_list (PORT) + 4, 4)), 6);
    rig_fini (&rig);
}

TEST (read_capacity_rounds_down_to_whole_sectors)
{
    struct rig rig;
    uint8_t *data;

    rig_init (&rig, ISO_SECTORS * 2048 + 512);
    data = guest_buffer (&rig.guest);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 8, 0x25), GOOD);
    CHECK_EQUAL (load_be32 (data), ISO_SECTORS - 1);
    CHECK_EQUAL (load_be32 (data + 4), 2048);
    rig_fini (&rig);
}

TEST (read_10_12_and_cd_bring_sectors_of_2048_bytes)
{
    struct rig rig;
    uint8_t *data;

    rig_init (&rig, ISO_SECTORS * 2048);
    data = guest_buffer (&rig.guest);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 4096, 0x28, 0, 0, 0, 0, 16, 0, 0, 2), GOOD);
    CHECK_EQUAL (load_le32 (data), 64);
    CHECK_EQUAL (load_le32 (data + 2048), 68);
    CHECK_EQUAL (load_le32 (testbed_ram (rig.guest.bed, port_list (PORT) + 4, 4)), 4096);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 2048, 0xA8, 0, 0, 0, 0, 17, 0, 0, 0, 1), GOOD);
    CHECK_EQUAL (load_le32 (data), 68);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 2048, 0xBE, 0, 0, 0, 0, 18, 0, 0, 1, 0x10), GOOD);
    CHECK_EQUAL (load_le32 (data), 72);
    rig_fini (&rig);
}

TEST (a_read_past_the_end_is_out_of_range)
{
    struct rig rig;

    rig_init (&rig, ISO_SECTORS * 2048);
    CHECK (PACKET (&rig.guest, PORT, 4096, 0x28, 0, 0, 0, 0, 99, 0, 0, 2) & 1);
    CHECK (port_read (&rig.guest, PORT, PORT_IS) & IS_TASK_FILE);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT), OUT_OF_RANGE);
    CHECK (
        PACKET (&rig.guest, PORT, 4096, 0xA8, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF) &
        1);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT), OUT_OF_RANGE);
    rig_fini (&rig);
}

TEST (a_read_without_room_for_it_fails)
{
    struct rig rig;

    rig_init (&rig, ISO_SECTORS * 2048);
    CHECK (PACKET (&rig.guest, PORT, 2048, 0x28, 0, 0, 0, 0, 0, 0, 0, 2) & 1);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT) >> 16, 0xB);
    rig_fini (&rig);
}

TEST (a_host_error_is_a_medium_error)
{
    struct rig rig;

    rig_init (&rig, ISO_SECTORS * 2048);
    blk_fault_inject (rig.iso.fault,
                      &(struct blk_fault) {BLK_READ, .first = 1, .count = 1, .result = -EIO});
    CHECK (PACKET (&rig.guest, PORT, 2048, 0x28, 0, 0, 0, 0, 0, 0, 0, 1) & 1);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT), READ_ERROR);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 2048, 0x28, 0, 0, 0, 0, 0, 0, 0, 1), GOOD);
    rig_fini (&rig);
}

TEST (the_toc_has_one_data_track_and_a_lead_out)
{
    struct rig rig;
    uint8_t *data;

    rig_init (&rig, ISO_SECTORS * 2048);
    data = guest_buffer (&rig.guest);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 256, 0x43, 0, 0, 0, 0, 0, 0, 1, 0), GOOD);
    CHECK_EQUAL (load_be16 (data), 18);
    CHECK_EQUAL (data[5], 0x14);
    CHECK_EQUAL (data[6], 1);
    CHECK_EQUAL (load_be32 (data + 8), 0);
    CHECK_EQUAL (data[14], 0xAA);
    CHECK_EQUAL (load_be32 (data + 16), ISO_SECTORS);
    /* By time: 100 sectors and the lead-in are 3 s and 25 frames. */
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 256, 0x43, 2, 0, 0, 0, 0, 0xAA, 1, 0), GOOD);
    CHECK_EQUAL (load_be16 (data), 10);
    CHECK_EQUAL (load_be32 (data + 8), 3 << 8 | 25);
    /* Sessions and the raw table. */
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 256, 0x43, 0, 1, 0, 0, 0, 0, 1, 0), GOOD);
    CHECK_EQUAL (load_be16 (data), 10);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 256, 0x43, 2, 2, 0, 0, 0, 0, 1, 0), GOOD);
    CHECK_EQUAL (load_be16 (data), 2 + 4 * 11);
    CHECK_EQUAL (data[4 + 2 * 11 + 3], 0xA2);
    CHECK_EQUAL (data[4 + 2 * 11 + 9], 3);
    CHECK (PACKET (&rig.guest, PORT, 256, 0x43, 0, 0, 0, 0, 0, 2, 1, 0) & 1);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT), BAD_FIELD);
    rig_fini (&rig);
}

TEST (mode_pages_come_alone_and_together)
{
    struct rig rig;
    uint8_t *data;

    rig_init (&rig, ISO_SECTORS * 2048);
    data = guest_buffer (&rig.guest);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 256, 0x5A, 0, 0x2A, 0, 0, 0, 0, 1, 0), GOOD);
    CHECK_EQUAL (load_be16 (data), 8 + 22 - 2);
    CHECK_EQUAL (data[8], 0x2A);
    CHECK_EQUAL (data[14], 0x29);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 256, 0x5A, 0, 0x3F, 0, 0, 0, 0, 1, 0), GOOD);
    CHECK_EQUAL (load_be16 (data), 8 + 12 + 8 + 12 + 22 - 2);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 255, 0x1A, 0, 0x01, 0, 255), GOOD);
    CHECK_EQUAL (data[0], 4 + 12 - 1);
    CHECK (PACKET (&rig.guest, PORT, 255, 0x1A, 0, 0x08, 0, 255) & 1);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT), BAD_FIELD);
    rig_fini (&rig);
}

TEST (the_profile_follows_the_size_of_the_medium)
{
    struct rig rig;
    struct guest_image dvd;
    uint8_t *data;

    rig_init (&rig, ISO_SECTORS * 2048);
    data = guest_buffer (&rig.guest);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 512, 0x46, 0, 0, 0, 0, 0, 0, 2, 0), GOOD);
    CHECK_EQUAL (load_be16 (data + 6), 0x0008);
    CHECK (PACKET (&rig.guest, PORT, 4096, 0xAD, 0, 0, 0, 0, 0, 0, 0, 16, 0) & 1);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT), BAD_FIELD);
    image_init (&dvd, UINT64_C (3) << 30, BLK_READ_ONLY);
    set_medium (&rig, &dvd);
    CHECK_EQUAL (test_unit_ready (&rig), CHANGED);
    /* One feature only: DVD read. */
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 512, 0x46, 2, 0, 0x1F, 0, 0, 0, 2, 0), GOOD);
    CHECK_EQUAL (load_be16 (data + 6), 0x0010);
    CHECK_EQUAL (load_be32 (data), 8 + 8 - 4);
    CHECK_EQUAL (data[10], 1 << 2 | 1);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 4096, 0xAD, 0, 0, 0, 0, 0, 0, 0, 16, 0), GOOD);
    CHECK_EQUAL (load_be16 (data), 2050);
    CHECK_EQUAL (load_be32 (data + 12), 0x030000 + (3 << 19) - 1);
    rig_fini (&rig);
    image_fini (&dvd);
}

TEST (disc_track_and_mechanism_are_described)
{
    struct rig rig;
    uint8_t *data;

    rig_init (&rig, ISO_SECTORS * 2048);
    data = guest_buffer (&rig.guest);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 64, 0x51, 0, 0, 0, 0, 0, 0, 0, 64), GOOD);
    CHECK_EQUAL (load_be16 (data), 32);
    CHECK_EQUAL (data[2], 0x0E);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 64, 0x52, 1, 0, 0, 0, 1, 0, 0, 64), GOOD);
    CHECK_EQUAL (load_be32 (data + 24), ISO_SECTORS);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 64, 0xBD, 0, 0, 0, 0, 0, 0, 0, 0, 8), GOOD);
    CHECK_EQUAL (data[1], 0);
    rig_fini (&rig);
}

TEST (unknown_commands_are_refused_by_opcode)
{
    struct rig rig;

    rig_init (&rig, ISO_SECTORS * 2048);
    CHECK (PACKET (&rig.guest, PORT, 512, 0x2A) & 1);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT), BAD_OPCODE);
    rig_fini (&rig);
}

TEST (an_empty_drive_is_not_ready_until_a_medium_comes)
{
    struct rig rig;
    struct guest_image iso;

    rig_init_empty (&rig);
    CHECK_EQUAL (test_unit_ready (&rig), NO_MEDIUM);
    CHECK (PACKET (&rig.guest, PORT, 2048, 0x28, 0, 0, 0, 0, 0, 0, 0, 1) & 1);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT), NO_MEDIUM);
    image_init (&iso, ISO_SECTORS * 2048, BLK_READ_ONLY);
    set_medium (&rig, &iso);
    CHECK_EQUAL (test_unit_ready (&rig), CHANGED);
    CHECK_EQUAL (test_unit_ready (&rig), 0);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 2048, 0x28, 0, 0, 0, 0, 1, 0, 0, 1), GOOD);
    CHECK_EQUAL (load_le32 (guest_buffer (&rig.guest)), 4);
    set_medium (&rig, NULL);
    CHECK_EQUAL (test_unit_ready (&rig), NO_MEDIUM);
    image_fini (&iso);
    guest_fini (&rig.guest);
}

TEST (event_notification_tells_of_the_new_medium_once)
{
    struct rig rig;
    uint8_t *data;

    rig_init (&rig, ISO_SECTORS * 2048);
    data = guest_buffer (&rig.guest);
    set_medium (&rig, &rig.iso);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 8, 0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8), GOOD);
    CHECK_EQUAL (data[2], 4);
    CHECK_EQUAL (data[4], 2);
    CHECK_EQUAL (data[5], 2);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 8, 0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8), GOOD);
    CHECK_EQUAL (data[4], 0);
    set_medium (&rig, NULL);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 8, 0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8), GOOD);
    CHECK_EQUAL (data[4], 3);
    CHECK_EQUAL (data[5], 0);
    rig_fini (&rig);
}

TEST (the_guest_opens_and_closes_the_tray_unless_it_locked_it)
{
    struct rig rig;

    rig_init (&rig, ISO_SECTORS * 2048);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 0, 0x1E, 0, 0, 0, 1), GOOD);
    CHECK (PACKET (&rig.guest, PORT, 0, 0x1B, 0, 0, 0, 2) & 1);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT), LOCKED);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 0, 0x1E, 0, 0, 0, 0), GOOD);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 0, 0x1B, 0, 0, 0, 2), GOOD);
    CHECK_EQUAL (test_unit_ready (&rig), TRAY_OPEN);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 0, 0x1B, 0, 0, 0, 3), GOOD);
    CHECK_EQUAL (test_unit_ready (&rig), CHANGED);
    CHECK_EQUAL (test_unit_ready (&rig), 0);
    rig_fini (&rig);
}

TEST (an_open_tray_survives_a_machine_reset_and_a_new_medium_closes_it)
{
    struct rig rig;

    rig_init (&rig, ISO_SECTORS * 2048);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 0, 0x1B, 0, 0, 0, 2), GOOD);
    testbed_reset (rig.guest.bed);
    testbed_pci_enable (rig.guest.bed);
    guest_write (&rig.guest, 0x04, 0x80000002);
    port_start (&rig.guest, PORT);
    take_power_on_attention (&rig.guest);
    CHECK_EQUAL (test_unit_ready (&rig), TRAY_OPEN);
    set_medium (&rig, &rig.iso);
    CHECK_EQUAL (test_unit_ready (&rig), CHANGED);
    CHECK_EQUAL (test_unit_ready (&rig), 0);
    rig_fini (&rig);
}

struct release {
    struct vmm_loop *loop;
    struct vmm_timer timer;
    struct blk *blk;
};

static void
release_cb (void *data)
{
    blk_fault_hold (((struct release *) data)->blk, false);
}

TEST (changing_the_medium_waits_for_reads_in_flight)
{
    struct rig rig;
    struct guest_image other;
    struct release release = {0};
    uint8_t *fis;

    rig_init (&rig, ISO_SECTORS * 2048);
    image_init (&other, 50 * 2048, BLK_READ_ONLY);
    release.loop = vmm_device_loop (testbed_device (rig.guest.bed, "sata"));
    release.blk = rig.iso.fault;
    vmm_timer_init (&release.timer, release.loop, NULL, NULL, release_cb, &release);
    blk_fault_hold (rig.iso.fault, true);
    fis = slot_prepare (&rig.guest, PORT, 0, HEADER_ATAPI, GUEST_BUFFER, 2048);
    fis[2] = 0xA0;
    memcpy (fis + 0x40, (const uint8_t[]) {0x28, 0, 0, 0, 0, 3, 0, 0, 1}, 9);
    port_write (&rig.guest, PORT, PORT_CI, 1);
    vmm_timer_arm (&release.timer, vmm_monotonic_now () + 20000000);
    set_medium (&rig, &other);
    CHECK (!vmm_timer_is_armed (&release.timer));
    CHECK_EQUAL (port_read (&rig.guest, PORT, PORT_CI), 0);
    CHECK_EQUAL (load_le32 (guest_buffer (&rig.guest)), 12);
    CHECK_EQUAL (test_unit_ready (&rig), CHANGED);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 8, 0x25), GOOD);
    CHECK_EQUAL (load_be32 (guest_buffer (&rig.guest)), 49);
    rig_fini (&rig);
    image_fini (&other);
}

TEST (only_cd_drives_change_media)
{
    struct rig rig;
    struct vmm_error error = {0};

    rig_init (&rig, ISO_SECTORS * 2048);
    CHECK_EQUAL (vmm_set_medium (testbed_machine (rig.guest.bed), "sata", 0, NULL, &error),
                 -ENOENT);
    CHECK_CONTAINS (error.message, "no CD drive at port 0");
    CHECK_EQUAL (vmm_set_medium (testbed_machine (rig.guest.bed), "sata", 6, NULL, &error),
                 -ENOENT);
    rig_fini (&rig);
}

TEST (state_makes_the_round_trip)
{
    struct rig rig;

    rig_init (&rig, ISO_SECTORS * 2048);
    set_medium (&rig, &rig.iso);
    CHECK_EQUAL (PACKET (&rig.guest, PORT, 0, 0x1E, 0, 0, 0, 1) & 1, 1);
    testbed_check_round_trip (rig.guest.bed);
    CHECK_EQUAL (guest_sense (&rig.guest, PORT), CHANGED);
    rig_fini (&rig);
}

TAP_MAIN ()
