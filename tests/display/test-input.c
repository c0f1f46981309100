/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/input.h"

#include <errno.h>
#include <linux/input-event-codes.h>

#include "tap.h"

struct taker {
    struct input_handler handler;
    bool is_ready;
    unsigned code, n_keys, n_releases;
    int dx, dy, wheel;
    unsigned x, y, buttons, n_moves;
};

static bool
taker_ready (void *data)
{
    return ((struct taker *) data)->is_ready;
}

static void
taker_key (void *data, unsigned code, bool down)
{
    struct taker *taker = data;

    taker->code = code;
    taker->n_keys += down;
    taker->n_releases += !down;
}

static void
taker_relative (void *data, int dx, int dy, int wheel, unsigned buttons)
{
    struct taker *taker = data;

    taker->dx = dx;
    taker->dy = dy;
    taker->wheel = wheel;
    taker->buttons = buttons;
    taker->n_moves++;
}

static void
taker_absolute (void *data, unsigned x, unsigned y, int wheel, unsigned buttons)
{
    struct taker *taker = data;

    taker->x = x;
    taker->y = y;
    taker->wheel = wheel;
    taker->buttons = buttons;
    taker->n_moves++;
}

static void
taker_scroll (void *data, int dx, int dy)
{
    struct taker *taker = data;

    taker->dx = dx;
    taker->dy = dy;
}

static void
taker_add (struct taker *taker, struct input *input, unsigned kinds, bool is_ready)
{
    *taker = (struct taker) {
        .handler =
            {
                .kinds = kinds,
                .ready = taker_ready,
                .key = taker_key,
                .relative = taker_relative,
                .absolute = taker_absolute,
                .data = taker,
            },
        .is_ready = is_ready,
    };
    input_add_handler (input, &taker->handler);
}

TEST (keys_go_to_the_latest_ready_handler)
{
    struct input *input;
    struct taker ps2, virtio;

    CHECK_EQUAL (input_create (&input), 0);
    input_key (input, KEY_A, true); /* nobody there */
    taker_add (&ps2, input, INPUT_KEYBOARD | INPUT_RELATIVE, true);
    taker_add (&virtio, input, INPUT_KEYBOARD, false);
    input_key (input, KEY_B, true);
    CHECK_EQUAL (ps2.code, KEY_B);
    CHECK_EQUAL (virtio.n_keys, 0);
    virtio.is_ready = true;
    input_key (input, KEY_C, true);
    CHECK_EQUAL (virtio.code, KEY_C);
    CHECK_EQUAL (ps2.n_keys, 1);
    input_remove_handler (input, &virtio.handler);
    input_key (input, KEY_D, true);
    CHECK_EQUAL (ps2.code, KEY_D);
    input_destroy (input);
}

TEST (a_release_goes_where_the_press_went)
{
    struct input *input;
    struct taker ps2, virtio;

    CHECK_EQUAL (input_create (&input), 0);
    taker_add (&ps2, input, INPUT_KEYBOARD, true);
    taker_add (&virtio, input, INPUT_KEYBOARD, false);
    input_key (input, KEY_B, true);
    virtio.is_ready = true;
    input_key (input, KEY_B, false);
    CHECK_EQUAL (ps2.n_releases, 1);
    CHECK_EQUAL (virtio.n_releases, 0);
    input_key (input, KEY_B, false); /* not down: nobody is told */
    CHECK_EQUAL (ps2.n_releases + virtio.n_releases, 1);
    input_destroy (input);
}

TEST (release_all_lifts_every_key_and_button_once)
{
    struct input *input;
    struct taker ps2;

    CHECK_EQUAL (input_create (&input), 0);
    taker_add (&ps2, input, INPUT_KEYBOARD | INPUT_RELATIVE, true);
    input_key (input, KEY_LEFTCTRL, true);
    input_key (input, KEY_LEFTCTRL, true); /* repeats */
    input_key (input, KEY_DELETE, true);
    input_relative (input, 1, 2, 0, INPUT_LEFT);
    input_release_all (input);
    CHECK_EQUAL (ps2.n_keys, 3);
    CHECK_EQUAL (ps2.n_releases, 2);
    CHECK_EQUAL (ps2.buttons, 0);
    CHECK_EQUAL (ps2.n_moves, 2);
    input_release_all (input);
    CHECK_EQUAL (ps2.n_releases, 2);
    CHECK_EQUAL (ps2.n_moves, 2);
    input_destroy (input);
}

TEST (a_ready_tablet_is_announced_and_fed_clamped_positions)
{
    struct input *input;
    struct taker mouse, tablet;

    CHECK_EQUAL (input_create (&input), 0);
    taker_add (&mouse, input, INPUT_RELATIVE, true);
    CHECK (!input_takes_absolute (input));
    taker_add (&tablet, input, INPUT_ABSOLUTE, false);
    CHECK (!input_takes_absolute (input));
    input_relative (input, -3, 4, 1, INPUT_RIGHT);
    CHECK_EQUAL (mouse.dx, -3);
    CHECK_EQUAL (mouse.wheel, 1);
    tablet.is_ready = true;
    CHECK (input_takes_absolute (input));
    input_absolute (input, 100000, 5, 0, INPUT_LEFT);
    CHECK_EQUAL (tablet.x, INPUT_ABSOLUTE_MAX);
    CHECK_EQUAL (tablet.y, 5);
    CHECK_EQUAL (mouse.buttons, 0); /* let go when the tablet took over */
    input_destroy (input);
}

TEST (scrolling_becomes_clicks_where_nothing_finer_is_known)
{
    struct input *input;
    struct taker mouse, tablet;

    CHECK_EQUAL (input_create (&input), 0);
    taker_add (&mouse, input, INPUT_RELATIVE, true);
    input_relative (input, 0, 0, 0, INPUT_LEFT);
    input_scroll (input, 500, 119);
    CHECK_EQUAL (mouse.n_moves, 1);
    input_scroll (input, 0, 1);
    CHECK_EQUAL (mouse.n_moves, 2);
    CHECK_EQUAL (mouse.wheel, 1);
    CHECK_EQUAL (mouse.buttons, INPUT_LEFT);
    input_scroll (input, 0, -260);
    CHECK_EQUAL (mouse.wheel, -2);
    taker_add (&tablet, input, INPUT_ABSOLUTE, true);
    tablet.handler.scroll = taker_scroll;
    input_scroll (input, 7, -9);
    CHECK_EQUAL (tablet.dx, 7);
    CHECK_EQUAL (tablet.dy, -9);
    CHECK_EQUAL (tablet.n_moves, 0);
    input_destroy (input);
}

TEST (codes_out_of_range_are_ignored)
{
    struct input *input;
    struct taker ps2;

    CHECK_EQUAL (input_create (&input), 0);
    taker_add (&ps2, input, INPUT_KEYBOARD, true);
    input_key (input, KEY_CNT, true);
    input_key (input, ~0u, true);
    CHECK_EQUAL (ps2.n_keys, 0);
    input_destroy (input);
}

TEST (chords_are_parsed_as_qemu_and_virsh_write_them)
{
    unsigned codes[8];

    CHECK_EQUAL (input_parse_chord ("ctrl-alt-del", codes), 3);
    CHECK_EQUAL (codes[0], KEY_LEFTCTRL);
    CHECK_EQUAL (codes[1], KEY_LEFTALT);
    CHECK_EQUAL (codes[2], KEY_DELETE);
    CHECK_EQUAL (input_parse_chord ("ctrl-alt-F12", codes), 3);
    CHECK_EQUAL (codes[2], KEY_F12);
    CHECK_EQUAL (input_parse_chord ("ret", codes), 1);
    CHECK_EQUAL (codes[0], KEY_ENTER);
    CHECK_EQUAL (input_parse_chord ("KEY_LEFTSHIFT-a", codes), 2);
    CHECK_EQUAL (codes[0], KEY_LEFTSHIFT);
    CHECK_EQUAL (input_parse_chord ("spc-minus-kp_add-pgdn-alt_r-meta_l-menu-print", codes), 8);
    CHECK_EQUAL (codes[6], KEY_COMPOSE);
}

TEST (malformed_chords_are_refused)
{
    unsigned codes[8];

    CHECK_EQUAL (input_parse_chord ("", codes), -EINVAL);
    CHECK_EQUAL (input_parse_chord ("ctrl-", codes), -EINVAL);
    CHECK_EQUAL (input_parse_chord ("-a", codes), -EINVAL);
    CHECK_EQUAL (input_parse_chord ("ctrl-nosuchkey", codes), -EINVAL);
    CHECK_EQUAL (input_parse_chord ("a-b-c-d-e-f-g-h-i", codes), -EINVAL);
    CHECK_EQUAL (input_parse_chord ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", codes),
                 -EINVAL);
}

TEST (every_printable_character_has_a_key)
{
    unsigned code;
    bool shift;

    for (char c = ' '; c < 127; c++)
        CHECK_EQUAL (input_code_of_character (c, &code, &shift), 0);
    CHECK_EQUAL (input_code_of_character ('A', &code, &shift), 0);
    CHECK_EQUAL (code, KEY_A);
    CHECK (shift);
    CHECK_EQUAL (input_code_of_character ('\n', &code, &shift), 0);
    CHECK_EQUAL (code, KEY_ENTER);
    CHECK (!shift);
    CHECK_EQUAL (input_code_of_character ('\0', &code, &shift), -EINVAL);
    CHECK_EQUAL (input_code_of_character ((char) 0xE4, &code, &shift), -EINVAL);
}

TAP_MAIN ()
