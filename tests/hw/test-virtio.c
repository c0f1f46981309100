/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transport and what every virtio device shares, with the entropy source as the device.
 */
#include "base/util.h"
#include "tap.h"
#include "testbed.h"
#include "virtio-driver.h"

#define TYPE_RNG 4

static const struct vmm_device_config devices[] = {{"virtio-rng", "rng0", NULL, 0}};

static struct testbed *
open_rng (struct vd *vd)
{
    struct testbed *bed = testbed_new (devices, ARRAY_LENGTH (devices));

    vd_open (vd, bed, TYPE_RNG);
    return bed;
}

static struct vd_buffer
add_request (struct vd *vd, uint32_t length)
{
    struct vd_buffer buffer = {vd_alloc (vd, length, 1), length, true};

    vd_add (vd, 0, &buffer, 1);
    return buffer;
}

static bool
is_all_zero (struct vd *vd, uint64_t address, uint32_t length)
{
    const uint8_t *bytes = vd_ram (vd, address, length);

    for (uint32_t i = 0; i < length; i++)
        if (bytes[i])
            return false;
    return true;
}

TEST (the_function_is_a_modern_one)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);

    CHECK_EQUAL (testbed_pci_read (bed, vd.devfn, 0, 4), 0x10441AF4);
    CHECK (testbed_pci_read (bed, vd.devfn, 8, 1) >= 1);
    CHECK_EQUAL (vd_offered (&vd), VD_F_VERSION_1 | VD_F_EVENT_IDX | VD_F_INDIRECT);
    CHECK_EQUAL (vd_read (&vd, VD_NUM_QUEUES, 2), 1);
    CHECK_EQUAL (vd_read (&vd, VD_QUEUE_SIZE, 2), 256);
    vd_write (&vd, VD_QUEUE_SELECT, 2, 1);
    CHECK_EQUAL (vd_read (&vd, VD_QUEUE_SIZE, 2), 0);
    testbed_free (bed);
}

TEST (requests_are_filled_and_interrupt_by_message)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);
    struct vd_buffer buffer;

    vd_start (&vd, 0, 1, 8, true);
    buffer = add_request (&vd, 64);
    CHECK_EQUAL (vd_run (&vd, 0), 64);
    CHECK (!is_all_zero (&vd, buffer.address, 64));
    testbed_settle (bed);
    CHECK_EQUAL (vd_count_msi (&vd, 1), 1);
    CHECK (!vd_pin (&vd));
    testbed_free (bed);
}

TEST (requests_interrupt_by_pin_until_the_isr_is_read)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);

    vd_start (&vd, 0, 1, 8, false);
    add_request (&vd, 16);
    CHECK (!vd_pin (&vd));
    vd_run (&vd, 0);
    testbed_settle (bed);
    CHECK (vd_pin (&vd));
    CHECK_EQUAL (testbed_read (bed, vd.isr, 1), 1);
    CHECK (!vd_pin (&vd));
    CHECK_EQUAL (testbed_read (bed, vd.isr, 1), 0);
    testbed_free (bed);
}

TEST (a_batch_interrupts_once)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);

    vd_start (&vd, 0, 1, 8, true);
    for (unsigned i = 0; i < 8; i++)
        add_request (&vd, 16);
    vd_kick (&vd, 0);
    testbed_settle (bed);
    CHECK_EQUAL (load_le16 (vd_ram (&vd, vd.queues[0].used + 2, 2)), 8);
    CHECK_EQUAL (vd_count_msi (&vd, 1), 1);
    testbed_free (bed);
}

TEST (event_indices_hold_interrupts_back)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);
    uint64_t event;

    vd_start (&vd, VD_F_EVENT_IDX, 1, 8, true);
    event = vd.queues[0].available + 4 + 2 * 8;
    add_request (&vd, 16);
    vd_run (&vd, 0);
    testbed_settle (bed);
    CHECK_EQUAL (vd_count_msi (&vd, 1), 1);
    store_le16 (vd_ram (&vd, event, 2), 2);
    for (unsigned i = 0; i < 2; i++) {
        add_request (&vd, 16);
        vd_run (&vd, 0);
        testbed_settle (bed);
        CHECK_EQUAL (vd_count_msi (&vd, 1), i);
    }
    testbed_free (bed);
}

TEST (features_must_include_version_1_and_only_what_is_offered)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);

    CHECK (!vd_negotiate (&vd, 0));
    vd_set_status (&vd, 0);
    CHECK (!vd_negotiate (&vd, VD_F_VERSION_1 | 1));
    vd_set_status (&vd, VD_ACKNOWLEDGE | VD_DRIVER | VD_DRIVER_OK);
    CHECK (!(vd_status (&vd) & VD_DRIVER_OK));
    vd_set_status (&vd, 0);
    CHECK (vd_negotiate (&vd, VD_F_VERSION_1));
    /* Too late. */
    vd_write (&vd, VD_WANT_SELECT, 4, 0);
    vd_write (&vd, VD_WANT, 4, 1);
    CHECK_EQUAL (vd_read (&vd, VD_WANT, 4), 0);
    testbed_free (bed);
}

TEST (queues_are_frozen_once_enabled_or_the_driver_is_ready)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);

    vd_start (&vd, 0, 1, 8, false);
    vd_write (&vd, VD_QUEUE_SIZE, 2, 16);
    vd_write (&vd, VD_QUEUE_DESC, 8, 0x1234560);
    vd_write (&vd, VD_QUEUE_ENABLE, 2, 0);
    CHECK_EQUAL (vd_read (&vd, VD_QUEUE_SIZE, 2), 8);
    CHECK_EQUAL (vd_read (&vd, VD_QUEUE_DESC, 8), vd.queues[0].descriptors);
    CHECK_EQUAL (vd_read (&vd, VD_QUEUE_ENABLE, 2), 1);
    add_request (&vd, 16);
    CHECK_EQUAL (vd_run (&vd, 0), 16);
    testbed_free (bed);
}

TEST (an_impossible_queue_needs_a_reset)
{
    static const uint64_t places[] = {0x100008, TESTBED_RAM - 16, UINT64_MAX & ~15ull};

    for (unsigned i = 0; i < ARRAY_LENGTH (places); i++) {
        struct vd vd;
        struct testbed *bed = open_rng (&vd);

        CHECK (vd_negotiate (&vd, VD_F_VERSION_1));
        vd_write (&vd, VD_QUEUE_SELECT, 2, 0);
        vd_write (&vd, VD_QUEUE_SIZE, 2, 8);
        vd_write (&vd, VD_QUEUE_DESC, 8, places[i]);
        vd_write (&vd, VD_QUEUE_DRIVER, 8, 0x200000);
        vd_write (&vd, VD_QUEUE_DEVICE, 8, 0x300000);
        vd_write (&vd, VD_QUEUE_ENABLE, 2, 1);
        CHECK_EQUAL (vd_read (&vd, VD_QUEUE_ENABLE, 2), 0);
        CHECK (vd_status (&vd) & VD_NEEDS_RESET);
        testbed_free (bed);
    }
}

TEST (nonsense_in_a_queue_stops_the_device_until_it_is_reset)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);

    vd_start (&vd, 0, 1, 8, true);
    vd_put (&vd, vd.queues[0].descriptors, 0, TESTBED_RAM, 16, VD_WRITE, 0);
    vd_offer (&vd, 0, 0);
    vd_kick (&vd, 0);
    testbed_settle (bed);
    CHECK (vd_status (&vd) & VD_NEEDS_RESET);
    CHECK_EQUAL (vd_count_msi (&vd, 0), 1);
    CHECK_EQUAL (load_le16 (vd_ram (&vd, vd.queues[0].used + 2, 2)), 0);

    vd_start (&vd, 0, 1, 8, true);
    add_request (&vd, 16);
    CHECK_EQUAL (vd_run (&vd, 0), 16);
    testbed_free (bed);
}

TEST (an_index_jump_stops_the_device)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);

    vd_start (&vd, 0, 1, 8, false);
    store_le16 (vd_ram (&vd, vd.queues[0].available + 2, 2), 0x4000);
    vd_kick (&vd, 0);
    testbed_settle (bed);
    CHECK (vd_status (&vd) & VD_NEEDS_RESET);
    CHECK_EQUAL (testbed_read (bed, vd.isr, 1), 2);
    testbed_free (bed);
}

TEST (vectors_that_do_not_exist_read_back_as_none)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);

    vd_write (&vd, VD_CONFIG_VECTOR, 2, 1);
    CHECK_EQUAL (vd_read (&vd, VD_CONFIG_VECTOR, 2), 1);
    vd_write (&vd, VD_CONFIG_VECTOR, 2, 2);
    CHECK_EQUAL (vd_read (&vd, VD_CONFIG_VECTOR, 2), 0xFFFF);
    vd_write (&vd, VD_QUEUE_SELECT, 2, 0);
    vd_write (&vd, VD_QUEUE_VECTOR, 2, 77);
    CHECK_EQUAL (vd_read (&vd, VD_QUEUE_VECTOR, 2), 0xFFFF);
    testbed_free (bed);
}

TEST (the_access_capability_reaches_the_registers)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);
    unsigned at = 0;

    for (unsigned i = 0; (at = testbed_pci_capability (bed, vd.devfn, 9, i)) != 0; i++)
        if (testbed_pci_read (bed, vd.devfn, at + 3, 1) == 5)
            break;
    CHECK (at);
    testbed_pci_write (bed, vd.devfn, at + 4, 1, 4);
    testbed_pci_write (bed, vd.devfn, at + 8, 4, VD_STATUS);
    testbed_pci_write (bed, vd.devfn, at + 12, 4, 1);
    testbed_pci_write (bed, vd.devfn, at + 16, 1, VD_ACKNOWLEDGE);
    CHECK_EQUAL (vd_status (&vd), VD_ACKNOWLEDGE);
    CHECK_EQUAL (testbed_pci_read (bed, vd.devfn, at + 16, 1), VD_ACKNOWLEDGE);
    /* Nothing of ours: reads what was there, writes vanish. */
    testbed_pci_write (bed, vd.devfn, at + 8, 4, 0xFFFFFFFF);
    testbed_pci_write (bed, vd.devfn, at + 16, 4, 0);
    testbed_pci_write (bed, vd.devfn, at + 12, 4, 3);
    testbed_pci_write (bed, vd.devfn, at + 16, 4, 0);
    CHECK_EQUAL (vd_status (&vd), VD_ACKNOWLEDGE);
    testbed_free (bed);
}

TEST (doorbells_follow_the_bar)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);
    uint64_t moved = 0xE8000000;

    testbed_pci_write (bed, vd.devfn, 0x20, 4, (uint32_t) moved);
    testbed_pci_write (bed, vd.devfn, 0x24, 4, 0);
    vd_open (&vd, bed, TYPE_RNG);
    CHECK_EQUAL (vd.common, moved);
    vd_start (&vd, 0, 1, 8, false);
    add_request (&vd, 16);
    CHECK_EQUAL (vd_run (&vd, 0), 16);
    testbed_free (bed);
}

TEST (requests_posted_while_paused_are_served_on_resume)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);
    struct vmm_device *device = testbed_device (bed, "rng0");
    uint16_t head;
    uint32_t length;

    vd_start (&vd, 0, 1, 8, true);
    testbed_settle (bed);
    device->device_class->pause (device);
    add_request (&vd, 16);
    vd_kick (&vd, 0);
    testbed_settle (bed);
    CHECK (!vd_pop (&vd, 0, &head, &length));
    device->device_class->resume (device);
    CHECK (vd_pop (&vd, 0, &head, &length));
    CHECK_EQUAL (vd_count_msi (&vd, 1), 1);
    testbed_free (bed);
}

TEST (state_survives_a_round_trip_and_requests_go_on)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);

    vd_start (&vd, VD_F_EVENT_IDX, 1, 8, true);
    add_request (&vd, 16);
    vd_run (&vd, 0);
    testbed_check_round_trip (bed);
    add_request (&vd, 24);
    CHECK_EQUAL (vd_run (&vd, 0), 24);
    testbed_reset (bed);
    CHECK_EQUAL (testbed_pci_bar (bed, vd.devfn, 4), 0);
    testbed_free (bed);
}

TEST (requests_of_any_size_are_bounded)
{
    struct vd vd;
    struct testbed *bed = open_rng (&vd);
    struct vd_buffer large = {0x1000000, 32 * MIB, true}, readable = {0x1000000, 16, false};

    vd_start (&vd, VD_F_INDIRECT, 1, 8, false);
    vd_add_indirect (&vd, 0, &large, 1);
    CHECK_EQUAL (vd_run (&vd, 0), 4096);
    vd_add (&vd, 0, &readable, 1);
    CHECK_EQUAL (vd_run (&vd, 0), 0);
    testbed_free (bed);
}

TAP_MAIN ()
