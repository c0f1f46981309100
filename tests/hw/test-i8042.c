/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <linux/input-event-codes.h>

#include "display/input.h"
#include "test-chipset.h"

#define DATA    0x60
#define CONTROL 0x64

struct console {
    struct testbed *bed;
    struct input *input;
};

static void
console_init (struct console *console)
{
    struct vmm_value values[1];
    struct vmm_device_config config = {
        .class_name = "i8042", .id = "ps2", .values = values, .n_values = 1};

    CHECK_EQUAL (input_create (&console->input), 0);
    values[0] = (struct vmm_value) VMM_POINTER ("input", console->input);
    console->bed = testbed_new (&config, 1);
}

static void
console_fini (struct console *console)
{
    testbed_free (console->bed);
    input_destroy (console->input);
}

static uint8_t
status (struct console *console)
{
    return (uint8_t) testbed_in (console->bed, CONTROL, 1);
}

static void
command (struct console *console, uint8_t byte)
{
    testbed_out (console->bed, CONTROL, 1, byte);
}

static void
data (struct console *console, uint8_t byte)
{
    testbed_out (console->bed, DATA, 1, byte);
}

static void
mouse (struct console *console, uint8_t byte)
{
    command (console, 0xD4);
    data (console, byte);
}

/* Checks that exactly @n bytes wait, all from the mouse or none. */
static void
expect (struct console *console, bool from_mouse, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        CHECK_EQUAL (status (console) & 0x21, from_mouse ? 0x21 : 0x01);
        CHECK_EQUAL (testbed_in (console->bed, DATA, 1), bytes[i]);
    }
    CHECK_EQUAL (status (console) & 0x01, 0);
}

#define EXPECT_KEYBOARD(console, ...)                             \
    do {                                                          \
        const uint8_t bytes_[] = {__VA_ARGS__};                   \
        expect ((console), false, bytes_, ARRAY_LENGTH (bytes_)); \
    } while (0)
#define EXPECT_MOUSE(console, ...)                               \
    do {                                                         \
        const uint8_t bytes_[] = {__VA_ARGS__};                  \
        expect ((console), true, bytes_, ARRAY_LENGTH (bytes_)); \
    } while (0)

TEST (controller_passes_its_tests)
{
    struct console console;

    console_init (&console);
    CHECK_EQUAL (status (&console) & 0x03, 0);
    command (&console, 0xAA);
    CHECK_EQUAL (status (&console) & 0x0C, 0x0C);
    EXPECT_KEYBOARD (&console, 0x55);
    command (&console, 0xAB);
    EXPECT_KEYBOARD (&console, 0x00);
    command (&console, 0xA9);
    EXPECT_KEYBOARD (&console, 0x00);
    console_fini (&console);
}

TEST (mode_byte_is_read_and_written)
{
    struct console console;

    console_init (&console);
    command (&console, 0x20);
    EXPECT_KEYBOARD (&console, 0x47);
    command (&console, 0x60);
    data (&console, 0x30);
    command (&console, 0xAE);
    command (&console, 0x20);
    EXPECT_KEYBOARD (&console, 0x20);
    command (&console, 0xA8);
    command (&console, 0xAD);
    command (&console, 0x20);
    EXPECT_KEYBOARD (&console, 0x10);
    console_fini (&console);
}

TEST (keyboard_resets_and_identifies_itself)
{
    struct console console;

    console_init (&console);
    data (&console, 0xFF);
    EXPECT_KEYBOARD (&console, 0xFA, 0xAA);
    data (&console, 0xF2);
    EXPECT_KEYBOARD (&console, 0xFA, 0xAB, 0x41); /* translated */
    command (&console, 0x60);
    data (&console, 0x07);
    data (&console, 0xF2);
    EXPECT_KEYBOARD (&console, 0xFA, 0xAB, 0x83);
    data (&console, 0xEE);
    EXPECT_KEYBOARD (&console, 0xEE);
    data (&console, 0xF0);
    EXPECT_KEYBOARD (&console, 0xFA);
    data (&console, 0x00);
    EXPECT_KEYBOARD (&console, 0xFA, 0x02);
    data (&console, 0x01);
    EXPECT_KEYBOARD (&console, 0xFE);
    console_fini (&console);
}

TEST (keys_come_translated_with_an_interrupt_each)
{
    struct console console;
    unsigned before;

    console_init (&console);
    before = testbed_irq_raises (console.bed, 1);
    input_key (console.input, KEY_A, true);
    CHECK (testbed_irq_level (console.bed, 1));
    input_key (console.input, KEY_A, false);
    EXPECT_KEYBOARD (&console, 0x1E, 0x9E);
    CHECK (!testbed_irq_level (console.bed, 1));
    CHECK_EQUAL (testbed_irq_raises (console.bed, 1) - before, 2);
    input_key (console.input, KEY_UP, true);
    input_key (console.input, KEY_UP, false);
    EXPECT_KEYBOARD (&console, 0xE0, 0x48, 0xE0, 0xC8);
    input_key (console.input, KEY_F7, true);
    input_key (console.input, KEY_F7, false);
    EXPECT_KEYBOARD (&console, 0x41, 0xC1);
    input_key (console.input, KEY_F11, true);
    input_key (console.input, KEY_F11, false);
    EXPECT_KEYBOARD (&console, 0x57, 0xD7);
    console_fini (&console);
}

TEST (every_plain_key_survives_the_way_through_set_2)
{
    struct console console;

    console_init (&console);
    for (unsigned code = KEY_ESC; code <= KEY_KPDOT; code++) {
        input_key (console.input, code, true);
        input_key (console.input, code, false);
        EXPECT_KEYBOARD (&console, (uint8_t) code, (uint8_t) (code | 0x80));
    }
    console_fini (&console);
}

TEST (set_2_without_translation_and_set_1)
{
    struct console console;

    console_init (&console);
    command (&console, 0x60);
    data (&console, 0x07);
    input_key (console.input, KEY_A, true);
    input_key (console.input, KEY_A, false);
    EXPECT_KEYBOARD (&console, 0x1C, 0xF0, 0x1C);
    input_key (console.input, KEY_F7, true);
    input_key (console.input, KEY_F7, false);
    EXPECT_KEYBOARD (&console, 0x83, 0xF0, 0x83);
    data (&console, 0xF0);
    data (&console, 0x01);
    EXPECT_KEYBOARD (&console, 0xFA, 0xFA);
    input_key (console.input, KEY_DELETE, true);
    input_key (console.input, KEY_DELETE, false);
    EXPECT_KEYBOARD (&console, 0xE0, 0x53, 0xE0, 0xD3);
    console_fini (&console);
}

TEST (pause_and_print_screen)
{
    struct console console;

    console_init (&console);
    input_key (console.input, KEY_PAUSE, true);
    input_key (console.input, KEY_PAUSE, false);
    EXPECT_KEYBOARD (&console, 0xE1, 0x1D, 0x45, 0xE1, 0x9D, 0xC5);
    input_key (console.input, KEY_SYSRQ, true);
    input_key (console.input, KEY_SYSRQ, false);
    EXPECT_KEYBOARD (&console, 0xE0, 0x2A, 0xE0, 0x37, 0xE0, 0xB7, 0xE0, 0xAA);
    input_key (console.input, KEY_LEFTALT, true);
    input_key (console.input, KEY_SYSRQ, true);
    input_key (console.input, KEY_SYSRQ, false);
    input_key (console.input, KEY_LEFTALT, false);
    EXPECT_KEYBOARD (&console, 0x38, 0x54, 0xD4, 0xB8);
    input_key (console.input, KEY_RIGHTCTRL, true);
    input_key (console.input, KEY_PAUSE, true);
    input_key (console.input, KEY_PAUSE, false);
    input_key (console.input, KEY_RIGHTCTRL, false);
    EXPECT_KEYBOARD (&console, 0xE0, 0x1D, 0xE0, 0x46, 0xE0, 0xC6, 0xE0, 0x9D);
    console_fini (&console);
}

static bool
has_byte (void *data_)
{
    return status (data_) & 1;
}

TEST (a_key_that_stays_down_repeats)
{
    struct console console;

    console_init (&console);
    data (&console, 0xF3);
    data (&console, 0x00); /* 250 ms, then 33 ms */
    EXPECT_KEYBOARD (&console, 0xFA, 0xFA);
    input_key (console.input, KEY_B, true);
    input_key (console.input, KEY_B, true);
    EXPECT_KEYBOARD (&console, 0x30);
    for (unsigned i = 0; i < 3; i++) {
        CHECK (testbed_wait (console.bed, has_byte, &console, 2000));
        CHECK_EQUAL (testbed_in (console.bed, DATA, 1), 0x30);
    }
    input_key (console.input, KEY_B, false);
    EXPECT_KEYBOARD (&console, 0xB0);
    testbed_settle (console.bed);
    CHECK (!has_byte (&console));
    console_fini (&console);
}

TEST (unread_keys_are_bounded_and_releases_have_room)
{
    struct console console;
    unsigned bytes = 0;
    uint8_t last = 0;

    console_init (&console);
    input_key (console.input, KEY_LEFTSHIFT, true);
    for (unsigned i = 0; i < 1000; i++) {
        input_key (console.input, KEY_X, true);
        input_key (console.input, KEY_X, false);
    }
    input_key (console.input, KEY_LEFTSHIFT, false);
    while (status (&console) & 1) {
        last = (uint8_t) testbed_in (console.bed, DATA, 1);
        bytes++;
    }
    CHECK (bytes > 50 && bytes <= 257);
    CHECK_EQUAL (last, 0xAA);
    console_fini (&console);
}

TEST (mouse_resets_and_reports)
{
    struct console console;

    console_init (&console);
    mouse (&console, 0xFF);
    EXPECT_MOUSE (&console, 0xFA, 0xAA, 0x00);
    mouse (&console, 0xF2);
    EXPECT_MOUSE (&console, 0xFA, 0x00);
    input_relative (console.input, 5, 5, 0, 0);
    CHECK_EQUAL (status (&console) & 1, 0);
    mouse (&console, 0xF4);
    EXPECT_MOUSE (&console, 0xFA);
    input_relative (console.input, 3, -2, 0, INPUT_LEFT);
    CHECK (testbed_irq_level (console.bed, 12));
    EXPECT_MOUSE (&console, 0x09, 0x03, 0x02);
    input_relative (console.input, -1, 1, 0, INPUT_RIGHT);
    EXPECT_MOUSE (&console, 0x3A, 0xFF, 0xFF);
    mouse (&console, 0xE9);
    EXPECT_MOUSE (&console, 0xFA, 0x21, 0x02, 100);
    console_fini (&console);
}

static void
set_rates (struct console *console, uint8_t a, uint8_t b, uint8_t c)
{
    const uint8_t rates[] = {a, b, c};

    for (unsigned i = 0; i < 3; i++) {
        mouse (console, 0xF3);
        mouse (console, rates[i]);
        EXPECT_MOUSE (console, 0xFA, 0xFA);
    }
}

TEST (wheel_and_five_buttons_after_the_knocks)
{
    struct console console;

    console_init (&console);
    set_rates (&console, 200, 100, 80);
    mouse (&console, 0xF2);
    EXPECT_MOUSE (&console, 0xFA, 3);
    mouse (&console, 0xF4);
    EXPECT_MOUSE (&console, 0xFA);
    input_relative (console.input, 0, 0, 1, 0);
    EXPECT_MOUSE (&console, 0x08, 0, 0, 0xFF);
    set_rates (&console, 200, 200, 80);
    mouse (&console, 0xF2);
    EXPECT_MOUSE (&console, 0xFA, 4);
    input_relative (console.input, 0, 0, -1, INPUT_EXTRA);
    EXPECT_MOUSE (&console, 0x08, 0, 0, 0x21);
    console_fini (&console);
}

TEST (motion_adds_up_while_nobody_reads)
{
    struct console console;
    int x = 0;

    console_init (&console);
    mouse (&console, 0xF4);
    EXPECT_MOUSE (&console, 0xFA);
    for (unsigned i = 0; i < 1000; i++)
        input_relative (console.input, 2, 0, 0, 0);
    while (status (&console) & 1) {
        uint8_t first = (uint8_t) testbed_in (console.bed, DATA, 1);

        CHECK_EQUAL (first & 0xC8, 0x08);
        x += (int) testbed_in (console.bed, DATA, 1) - (first & 0x10 ? 256 : 0);
        testbed_in (console.bed, DATA, 1);
    }
    CHECK_EQUAL (x, 2000);
    console_fini (&console);
}

TEST (faked_bytes_test_the_mouse_port)
{
    struct console console;

    console_init (&console);
    command (&console, 0xD3);
    data (&console, 0xA5);
    CHECK (testbed_irq_level (console.bed, 12));
    EXPECT_MOUSE (&console, 0xA5);
    command (&console, 0xD2);
    data (&console, 0x5A);
    EXPECT_KEYBOARD (&console, 0x5A);
    console_fini (&console);
}

TEST (pulse_and_output_port_reset)
{
    struct console console;

    console_init (&console);
    command (&console, 0xFF);
    CHECK (!testbed_took_reset (console.bed));
    command (&console, 0xFE);
    CHECK (testbed_took_reset (console.bed));
    command (&console, 0xD0);
    EXPECT_KEYBOARD (&console, 0x03);
    command (&console, 0xD1);
    data (&console, 0xDD);
    CHECK (!testbed_took_reset (console.bed));
    command (&console, 0xD1);
    data (&console, 0x02);
    CHECK (testbed_took_reset (console.bed));
    console_fini (&console);
}

TEST (survives_random_accesses_and_events)
{
    struct console console;
    uint64_t seed = 9;

    console_init (&console);
    for (unsigned i = 0; i < 40000; i++) {
        uint64_t random = next_random (&seed);

        switch (random & 7) {
        case 0: testbed_in (console.bed, CONTROL, 1); break;
        case 1:
        case 2: testbed_in (console.bed, DATA, 1); break;
        case 3: command (&console, (uint8_t) (random >> 32)); break;
        case 4: data (&console, (uint8_t) (random >> 32)); break;
        case 5: mouse (&console, (uint8_t) (random >> 32)); break;
        case 6: input_key (console.input, random >> 32 & 0x2FF, random >> 8 & 1); break;
        case 7:
            input_relative (console.input, (int) (random >> 32), (int) (random >> 16), 1,
                            random >> 8 & 0x1F);
            break;
        }
        if (i % 1000 == 0)
            vmm_loop_iterate (vmm_device_loop (testbed_device (console.bed, "ps2")), 0);
    }
    testbed_took_reset (console.bed);
    console_fini (&console);
}

TEST (saves_and_restores)
{
    struct console console;

    console_init (&console);
    mouse (&console, 0xF4);
    EXPECT_MOUSE (&console, 0xFA);
    input_key (console.input, KEY_A, true);
    input_key (console.input, KEY_RIGHT, true);
    input_relative (console.input, 1, 0, 0, 0);
    testbed_check_round_trip (console.bed);
    CHECK (testbed_irq_level (console.bed, 1));
    for (unsigned i = 0; i < 3; i++) {
        static const uint8_t keys[] = {0x1E, 0xE0, 0x4D};

        CHECK_EQUAL (testbed_in (console.bed, DATA, 1), keys[i]);
    }
    EXPECT_MOUSE (&console, 0x08, 1, 0);
    console_fini (&console);
}

TAP_MAIN ()
