/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <linux/input-event-codes.h>

#include "base/util.h"
#include "display/input.h"
#include "tap.h"
#include "testbed.h"
#include "virtio-driver.h"

#define TYPE_INPUT 18
#define EVENTS     0
#define STATUS     1
#define EVENT_SIZE 8

struct rig {
    struct input *input;
    struct testbed *bed;
    struct vd vd;
    uint64_t room; /* event buffers, one after the other in the order they were posted */
    unsigned n_posted, n_read;
};

static void
open_rig (struct rig *rig, const char *class_name)
{
    *rig = (struct rig) {0};
    CHECK_EQUAL (input_create (&rig->input), 0);
    {
        struct vmm_value values[] = {VMM_POINTER ("input", rig->input)};
        struct vmm_device_config devices[] = {{class_name, "input0", values, 1}};

        rig->bed = testbed_new (devices, 1);
    }
    vd_open (&rig->vd, rig->bed, TYPE_INPUT);
}

static void
close_rig (struct rig *rig)
{
    testbed_free (rig->bed);
    input_destroy (rig->input);
}

static void
post (struct rig *rig, unsigned n)
{
    if (!rig->room)
        rig->room = vd_alloc (&rig->vd, 4096 * EVENT_SIZE, 8);
    for (unsigned i = 0; i < n; i++) {
        struct vd_buffer buffer = {rig->room + rig->n_posted++ * EVENT_SIZE, EVENT_SIZE, true};

        vd_add (&rig->vd, EVENTS, &buffer, 1);
    }
    vd_kick (&rig->vd, EVENTS);
    testbed_settle (rig->bed);
}

static void
start (struct rig *rig, unsigned n_buffers)
{
    vd_start (&rig->vd, VD_F_EVENT_IDX, 2, 64, true);
    testbed_settle (rig->bed);
    if (n_buffers)
        post (rig, n_buffers);
}

static bool
next (struct rig *rig, unsigned *ret_type, unsigned *ret_code, uint32_t *ret_value)
{
    const uint8_t *raw;
    uint16_t head;
    uint32_t length;

    if (!vd_pop (&rig->vd, EVENTS, &head, &length))
        return false;
    CHECK_EQUAL (length, EVENT_SIZE);
    raw = vd_ram (&rig->vd, rig->room + rig->n_read++ * EVENT_SIZE, EVENT_SIZE);
    *ret_type = load_le16 (raw);
    *ret_code = load_le16 (raw + 2);
    *ret_value = load_le32 (raw + 4);
    return true;
}

static void
expect (struct rig *rig, unsigned type, unsigned code, uint32_t value)
{
    unsigned got_type = 99, got_code = 0;
    uint32_t got_value = 0;

    CHECK (next (rig, &got_type, &got_code, &got_value));
    CHECK_EQUAL (got_type, type);
    CHECK_EQUAL (got_code, code);
    CHECK_EQUAL (got_value, value);
}

static void
expect_report (struct rig *rig)
{
    expect (rig, EV_SYN, SYN_REPORT, 0);
}

static void
expect_nothing (struct rig *rig)
{
    unsigned type, code;
    uint32_t value;

    CHECK (!next (rig, &type, &code, &value));
}

static unsigned
ask (struct rig *rig, uint8_t select, uint8_t subselect)
{
    vd_write_config (&rig->vd, 0, 1, select);
    vd_write_config (&rig->vd, 1, 1, subselect);
    return (unsigned) vd_read_config (&rig->vd, 2, 1);
}

static bool
has_bit (struct rig *rig, uint8_t type, unsigned bit)
{
    unsigned length = ask (rig, 0x11, type);

    return bit / 8 < length && vd_read_config (&rig->vd, 8 + bit / 8, 1) >> bit % 8 & 1;
}

TEST (a_keyboard_describes_itself)
{
    struct rig rig;
    char name[32] = "";
    unsigned length;

    open_rig (&rig, "virtio-keyboard");
    CHECK_EQUAL (testbed_pci_read (rig.bed, rig.vd.devfn, 8, 4) >> 8, 0x090000);
    length = ask (&rig, 1, 0);
    CHECK_EQUAL (length, strlen ("Posada Virtio Keyboard"));
    for (unsigned i = 0; i < length; i++)
        name[i] = (char) vd_read_config (&rig.vd, 8 + i, 1);
    CHECK_STRING (name, "Posada Virtio Keyboard");
    CHECK_EQUAL (ask (&rig, 3, 0), 8);
    CHECK_EQUAL (vd_read_config (&rig.vd, 8, 2), 6);
    CHECK (has_bit (&rig, EV_KEY, KEY_A) && has_bit (&rig, EV_KEY, KEY_LEFTMETA));
    CHECK (has_bit (&rig, EV_LED, LED_CAPSL) && has_bit (&rig, EV_REP, REP_DELAY));
    CHECK_EQUAL (ask (&rig, 0x11, EV_REL), 0);
    CHECK_EQUAL (ask (&rig, 0x11, EV_ABS), 0);
    CHECK_EQUAL (ask (&rig, 0x12, ABS_X), 0);
    close_rig (&rig);
}

TEST (a_tablet_describes_itself)
{
    struct rig rig;

    open_rig (&rig, "virtio-tablet");
    CHECK (has_bit (&rig, EV_ABS, ABS_X) && has_bit (&rig, EV_ABS, ABS_Y));
    CHECK (has_bit (&rig, EV_REL, REL_WHEEL) && !has_bit (&rig, EV_REL, REL_X));
    CHECK (has_bit (&rig, EV_KEY, BTN_LEFT) && has_bit (&rig, EV_KEY, BTN_EXTRA));
    CHECK (!has_bit (&rig, EV_KEY, KEY_A) && !has_bit (&rig, EV_KEY, BTN_FORWARD));
    CHECK_EQUAL (ask (&rig, 0x12, ABS_Y), 20);
    CHECK_EQUAL (vd_read_config (&rig.vd, 8, 4), 0);
    CHECK_EQUAL (vd_read_config (&rig.vd, 12, 4), INPUT_ABSOLUTE_MAX);
    CHECK_EQUAL (ask (&rig, 0x12, ABS_Z), 0);
    close_rig (&rig);
}

TEST (a_mouse_describes_itself)
{
    struct rig rig;

    open_rig (&rig, "virtio-mouse");
    CHECK (has_bit (&rig, EV_REL, REL_X) && has_bit (&rig, EV_REL, REL_Y));
    CHECK (has_bit (&rig, EV_REL, REL_WHEEL) && has_bit (&rig, EV_KEY, BTN_SIDE));
    CHECK_EQUAL (ask (&rig, 0x11, EV_ABS), 0);
    close_rig (&rig);
}

TEST (every_selection_is_answered_within_bounds)
{
    static const char *const classes[] = {"virtio-keyboard", "virtio-mouse", "virtio-tablet",
                                          "virtio-touch"};

    for (unsigned i = 0; i < ARRAY_LENGTH (classes); i++) {
        struct rig rig;

        open_rig (&rig, classes[i]);
        for (unsigned select = 0; select < 256; select++)
            for (unsigned subselect = 0; subselect < 256; subselect += select < 0x20 ? 1 : 51)
                CHECK (ask (&rig, (uint8_t) select, (uint8_t) subselect) <= 128);
        vd_write_config (&rig.vd, 0, 4, UINT32_MAX);
        vd_write_config (&rig.vd, 134, 2, UINT32_MAX);
        CHECK_EQUAL (vd_read_config (&rig.vd, 134, 2), 0);
        close_rig (&rig);
    }
}

TEST (keys_reach_the_driver_as_groups)
{
    struct rig rig;

    open_rig (&rig, "virtio-keyboard");
    start (&rig, 16);
    (void) vd_count_msi (&rig.vd, EVENTS + 1);
    input_key (rig.input, KEY_A, true);
    input_key (rig.input, KEY_A, true); /* the console's repetition; the guest makes its own */
    input_key (rig.input, KEY_A, false);
    expect (&rig, EV_KEY, KEY_A, 1);
    expect_report (&rig);
    expect (&rig, EV_KEY, KEY_A, 0);
    expect_report (&rig);
    expect_nothing (&rig);
    CHECK (vd_count_msi (&rig.vd, EVENTS + 1) >= 1);
    input_key (rig.input, BTN_LEFT, true); /* no key of a keyboard */
    expect_nothing (&rig);
    close_rig (&rig);
}

TEST (a_device_takes_input_only_once_its_driver_is_ready)
{
    struct rig rig;

    open_rig (&rig, "virtio-tablet");
    CHECK (!input_takes_absolute (rig.input));
    input_absolute (rig.input, 1, 1, 0, 0);
    start (&rig, 16);
    CHECK (input_takes_absolute (rig.input));
    expect_nothing (&rig);
    vd_set_status (&rig.vd, 0);
    CHECK (!input_takes_absolute (rig.input));
    close_rig (&rig);
}

TEST (a_tablet_reports_position_buttons_and_wheel)
{
    struct rig rig;

    open_rig (&rig, "virtio-tablet");
    start (&rig, 32);
    input_absolute (rig.input, 0, 32767, 0, 0);
    expect (&rig, EV_ABS, ABS_X, 0);
    expect (&rig, EV_ABS, ABS_Y, 32767);
    expect_report (&rig);
    input_absolute (rig.input, 0, 100, -1, INPUT_LEFT | INPUT_EXTRA);
    expect (&rig, EV_ABS, ABS_Y, 100);
    expect (&rig, EV_REL, REL_WHEEL, UINT32_MAX);
    expect (&rig, EV_REL, REL_WHEEL_HI_RES, (uint32_t) -120);
    expect (&rig, EV_KEY, BTN_LEFT, 1);
    expect (&rig, EV_KEY, BTN_EXTRA, 1);
    expect_report (&rig);
    input_absolute (rig.input, 0, 100, 0, INPUT_EXTRA);
    expect (&rig, EV_KEY, BTN_LEFT, 0);
    expect_report (&rig);
    input_absolute (rig.input, 0, 100, 0, INPUT_EXTRA);
    expect_nothing (&rig);
    close_rig (&rig);
}

TEST (a_mouse_reports_motion)
{
    struct rig rig;

    open_rig (&rig, "virtio-mouse");
    start (&rig, 16);
    input_relative (rig.input, -5, 7, 1, INPUT_RIGHT);
    expect (&rig, EV_REL, REL_X, (uint32_t) -5);
    expect (&rig, EV_REL, REL_Y, 7);
    expect (&rig, EV_REL, REL_WHEEL, 1);
    expect (&rig, EV_REL, REL_WHEEL_HI_RES, 120);
    expect (&rig, EV_KEY, BTN_RIGHT, 1);
    expect_report (&rig);
    close_rig (&rig);
}

TEST (scrolling_is_reported_finely_and_in_clicks)
{
    struct rig rig;

    open_rig (&rig, "virtio-tablet");
    CHECK (has_bit (&rig, EV_REL, REL_WHEEL) && has_bit (&rig, EV_REL, REL_HWHEEL));
    CHECK (has_bit (&rig, EV_REL, REL_WHEEL_HI_RES) && has_bit (&rig, EV_REL, REL_HWHEEL_HI_RES));
    CHECK (!has_bit (&rig, EV_REL, REL_X));
    start (&rig, 32);
    input_scroll (rig.input, 0, -100);
    expect (&rig, EV_REL, REL_WHEEL_HI_RES, (uint32_t) -100);
    expect_report (&rig);
    input_scroll (rig.input, 0, -30);
    expect (&rig, EV_REL, REL_WHEEL, (uint32_t) -1);
    expect (&rig, EV_REL, REL_WHEEL_HI_RES, (uint32_t) -30);
    expect_report (&rig);
    input_scroll (rig.input, 250, 10); /* back to where it was */
    expect (&rig, EV_REL, REL_HWHEEL, 2);
    expect (&rig, EV_REL, REL_WHEEL_HI_RES, 10);
    expect (&rig, EV_REL, REL_HWHEEL_HI_RES, 250);
    expect_report (&rig);
    input_scroll (rig.input, INT32_MIN, INT32_MAX);
    close_rig (&rig);
}

TEST (scrolling_nobody_reads_is_capped)
{
    struct rig rig;

    open_rig (&rig, "virtio-mouse");
    start (&rig, 0);
    for (unsigned i = 0; i < 10000; i++)
        input_scroll (rig.input, INT32_MAX, INT32_MIN);
    post (&rig, 8);
    expect (&rig, EV_REL, REL_WHEEL, (uint32_t) -100);
    close_rig (&rig);
}

TEST (a_touch_screen_describes_itself)
{
    struct rig rig;

    open_rig (&rig, "virtio-touch");
    CHECK_EQUAL (ask (&rig, 0x10, 0), 1);
    CHECK_EQUAL (vd_read_config (&rig.vd, 8, 1), 1 << INPUT_PROP_DIRECT);
    CHECK (has_bit (&rig, EV_KEY, BTN_TOUCH) && has_bit (&rig, EV_ABS, ABS_MT_TRACKING_ID));
    CHECK_EQUAL (ask (&rig, 0x12, ABS_MT_SLOT), 20);
    CHECK_EQUAL (vd_read_config (&rig.vd, 12, 4), INPUT_MAX_FINGERS - 1);
    CHECK_EQUAL (ask (&rig, 0x12, ABS_MT_POSITION_Y), 20);
    CHECK_EQUAL (vd_read_config (&rig.vd, 12, 4), INPUT_ABSOLUTE_MAX);
    close_rig (&rig);
}

TEST (fingers_are_reported_in_slots)
{
    struct rig rig;

    open_rig (&rig, "virtio-touch");
    CHECK (!input_takes_touch (rig.input));
    start (&rig, 48);
    CHECK (input_takes_touch (rig.input) && !input_takes_absolute (rig.input));
    input_touch (rig.input, 0, true, 10, 20);
    expect (&rig, EV_ABS, ABS_X, 10);
    expect (&rig, EV_ABS, ABS_Y, 20);
    expect (&rig, EV_ABS, ABS_MT_SLOT, 0);
    expect (&rig, EV_ABS, ABS_MT_TRACKING_ID, 0);
    expect (&rig, EV_ABS, ABS_MT_POSITION_X, 10);
    expect (&rig, EV_ABS, ABS_MT_POSITION_Y, 20);
    expect (&rig, EV_KEY, BTN_TOUCH, 1);
    expect_report (&rig);
    input_touch (rig.input, 9, true, 40000, 7);
    expect (&rig, EV_ABS, ABS_MT_SLOT, 9);
    expect (&rig, EV_ABS, ABS_MT_TRACKING_ID, 1);
    expect (&rig, EV_ABS, ABS_MT_POSITION_X, 32767);
    expect (&rig, EV_ABS, ABS_MT_POSITION_Y, 7);
    expect_report (&rig);
    input_touch (rig.input, 9, true, 32767, 8);
    expect (&rig, EV_ABS, ABS_MT_SLOT, 9);
    expect (&rig, EV_ABS, ABS_MT_POSITION_Y, 8);
    expect_report (&rig);
    input_touch (rig.input, 10, true, 1, 1); /* no such finger */
    input_touch (rig.input, 0, false, 10, 20);
    expect (&rig, EV_ABS, ABS_MT_SLOT, 0);
    expect (&rig, EV_ABS, ABS_MT_TRACKING_ID, UINT32_MAX);
    expect_report (&rig);
    input_release_all (rig.input);
    expect (&rig, EV_ABS, ABS_MT_SLOT, 9);
    expect (&rig, EV_ABS, ABS_MT_TRACKING_ID, UINT32_MAX);
    expect (&rig, EV_KEY, BTN_TOUCH, 0);
    expect_report (&rig);
    expect_nothing (&rig);
    close_rig (&rig);
}

TEST (ten_fingers_fit_one_group)
{
    unsigned type, code, n = 0;
    struct rig rig;
    uint32_t value;

    open_rig (&rig, "virtio-touch");
    start (&rig, 0);
    for (unsigned i = 0; i < 100; i++)
        for (unsigned finger = 0; finger < INPUT_MAX_FINGERS; finger++)
            input_touch (rig.input, finger, i % 2 == 0, i * finger, i + finger);
    for (unsigned finger = 0; finger < INPUT_MAX_FINGERS; finger++)
        input_touch (rig.input, finger, true, 100 + finger, 5 * finger);
    for (unsigned round = 0; round < 10; round++) {
        post (&rig, 64);
        while (next (&rig, &type, &code, &value)) {
            CHECK (type != EV_SYN || n > 0);
            n = type == EV_SYN ? 0 : n + 1;
        }
    }
    CHECK_EQUAL (n, 0);
    testbed_check_round_trip (rig.bed);
    close_rig (&rig);
}

TEST (events_wait_for_buffers)
{
    struct rig rig;

    open_rig (&rig, "virtio-keyboard");
    start (&rig, 1);
    input_key (rig.input, KEY_B, true);
    expect (&rig, EV_KEY, KEY_B, 1);
    expect_nothing (&rig);
    post (&rig, 4);
    expect_report (&rig);
    expect_nothing (&rig);
    input_key (rig.input, KEY_B, false);
    expect (&rig, EV_KEY, KEY_B, 0);
    expect_report (&rig);
    close_rig (&rig);
}

TEST (a_guest_that_does_not_listen_loses_whole_groups_and_no_release)
{
    unsigned type, code, group = 0, n = 0;
    struct rig rig;
    uint32_t value;
    bool down[KEY_CNT] = {false};

    open_rig (&rig, "virtio-keyboard");
    start (&rig, 0);
    input_key (rig.input, KEY_LEFTSHIFT, true);
    for (unsigned i = 0; i < 500; i++) {
        input_key (rig.input, KEY_X, true);
        input_key (rig.input, KEY_X, false);
    }
    input_key (rig.input, KEY_LEFTSHIFT, false);
    input_key (rig.input, KEY_Y, true);
    for (unsigned round = 0; round < 20; round++) {
        post (&rig, 32);
        while (next (&rig, &type, &code, &value)) {
            n++;
            if (type == EV_SYN) {
                CHECK (group > 0);
                group = 0;
            } else {
                CHECK_EQUAL (type, EV_KEY);
                CHECK (down[code] != (value == 1));
                down[code] = value == 1;
                group++;
            }
        }
    }
    CHECK_EQUAL (group, 0);
    CHECK (n >= 200 && n <= 300);
    CHECK (!down[KEY_LEFTSHIFT] && !down[KEY_X] && down[KEY_Y]);
    close_rig (&rig);
}

TEST (motion_adds_up_while_the_guest_does_not_listen)
{
    unsigned type, code;
    struct rig rig;
    uint32_t value;
    int sum = 0;

    open_rig (&rig, "virtio-mouse");
    start (&rig, 0);
    for (int i = 0; i < 1000; i++)
        input_relative (rig.input, 3, 0, 0, 0);
    for (unsigned round = 0; round < 20; round++) {
        post (&rig, 32);
        while (next (&rig, &type, &code, &value))
            if (type == EV_REL && code == REL_X)
                sum += (int) value;
    }
    CHECK_EQUAL (sum, 3000);
    close_rig (&rig);
}

TEST (lights_are_told_to_the_host)
{
    struct rig rig;
    struct vd_buffer buffer = {0, EVENT_SIZE, false};
    uint8_t *raw;

    open_rig (&rig, "virtio-keyboard");
    start (&rig, 4);
    buffer.address = vd_alloc (&rig.vd, EVENT_SIZE, 8);
    raw = vd_ram (&rig.vd, buffer.address, EVENT_SIZE);
    store_le16 (raw, EV_LED);
    store_le16 (raw + 2, LED_CAPSL);
    store_le32 (raw + 4, 1);
    vd_add (&rig.vd, STATUS, &buffer, 1);
    CHECK_EQUAL (vd_run (&rig.vd, STATUS), 0);
    CHECK_EQUAL (input_leds (rig.input), INPUT_LED_CAPS);
    store_le16 (raw + 2, 0xFFFF);
    vd_add (&rig.vd, STATUS, &buffer, 1);
    vd_run (&rig.vd, STATUS);
    buffer.length = 3;
    vd_add (&rig.vd, STATUS, &buffer, 1);
    vd_run (&rig.vd, STATUS);
    CHECK_EQUAL (input_leds (rig.input), INPUT_LED_CAPS);
    testbed_reset (rig.bed);
    CHECK_EQUAL (input_leds (rig.input), 0);
    close_rig (&rig);
}

TEST (odd_buffers_do_no_harm)
{
    struct rig rig;
    struct vd_buffer odd[] = {{2 * MIB, 3, true}, {2 * MIB, 64, false}};

    open_rig (&rig, "virtio-keyboard");
    start (&rig, 0);
    vd_add (&rig.vd, EVENTS, &odd[0], 1);
    vd_add (&rig.vd, EVENTS, &odd[1], 1);
    vd_add (&rig.vd, STATUS, &odd[0], 1);
    vd_kick (&rig.vd, STATUS);
    input_key (rig.input, KEY_C, true);
    testbed_settle (rig.bed);
    CHECK (!(vd_status (&rig.vd) & VD_NEEDS_RESET));
    /* Rings gone bad break the device, and input is for another one. */
    store_le16 (vd_ram (&rig.vd, rig.vd.queues[EVENTS].available + 2, 2), 0x7000);
    vd_kick (&rig.vd, EVENTS);
    input_key (rig.input, KEY_C, false);
    testbed_settle (rig.bed);
    CHECK (vd_status (&rig.vd) & VD_NEEDS_RESET);
    input_key (rig.input, KEY_D, true);
    close_rig (&rig);
}

TEST (what_waits_survives_a_round_trip)
{
    static const char *const classes[] = {"virtio-keyboard", "virtio-mouse", "virtio-tablet",
                                          "virtio-touch"};

    for (unsigned i = 0; i < ARRAY_LENGTH (classes); i++) {
        struct rig rig;

        open_rig (&rig, classes[i]);
        start (&rig, 1);
        ask (&rig, 0x11, EV_KEY);
        input_key (rig.input, KEY_Q, true);
        input_relative (rig.input, -1, 1, 0, INPUT_LEFT);
        input_absolute (rig.input, 5, 6, 0, INPUT_LEFT);
        testbed_check_round_trip (rig.bed);
        close_rig (&rig);
    }
}

TAP_MAIN ()
