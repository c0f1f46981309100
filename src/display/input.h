/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys and pointers on their way from a console to the guest. Devices register what they can take;
 * each event goes to the most recently registered handler of its kind that is ready (a virtio
 * tablet once its driver runs, PS/2 before). Key codes are Linux input event codes (KEY_*, BTN_* of
 * linux/input-event-codes.h).
 *
 * Threads: handlers register in device init; events may be sent on any thread, without device locks
 * held. A handler takes its device's lock itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct input;

enum input_kind {
    INPUT_KEYBOARD = 1 << 0,
    INPUT_RELATIVE = 1 << 1, /* mouse: motion, buttons, wheel */
    INPUT_ABSOLUTE = 1 << 2, /* tablet: position 0–32767 on both axes, buttons, wheel */
    INPUT_TOUCH = 1 << 3,    /* touch screen: fingers, the same axes */
};

#define INPUT_ABSOLUTE_MAX 32767
#define INPUT_MAX_FINGERS  10
#define INPUT_CLICK        120 /* one click of a wheel, in the units of input_scroll () */

enum input_button { /* bits of a button mask */
    INPUT_LEFT = 1 << 0,
    INPUT_RIGHT = 1 << 1,
    INPUT_MIDDLE = 1 << 2,
    INPUT_SIDE = 1 << 3,
    INPUT_EXTRA = 1 << 4,
};

enum input_led { /* bits; the order of LED_* */
    INPUT_LED_NUM = 1 << 0,
    INPUT_LED_CAPS = 1 << 1,
    INPUT_LED_SCROLL = 1 << 2,
};

struct input_handler {
    unsigned kinds;                                     /* INPUT_* bits */
    bool (*ready) (void *data);                         /* the guest's driver listens */
    void (*key) (void *data, unsigned code, bool down); /* INPUT_KEYBOARD */
    void (*relative) (void *data, int dx, int dy, int wheel,
                      unsigned buttons); /* wheel > 0: away from the user */
    void (*absolute) (void *data, unsigned x, unsigned y, int wheel, unsigned buttons);
    void (*touch) (void *data, unsigned finger, bool down, unsigned x, unsigned y);
    /* Optional, with INPUT_RELATIVE or INPUT_ABSOLUTE: as input_scroll (). Without it whole clicks
     * come as the wheel of one of the above, and nothing of what goes sideways. */
    void (*scroll) (void *data, int dx, int dy);
    void *data;
    struct vmm_list link;
};

int input_create (struct input **ret_input);
void input_destroy (struct input *input);

void input_add_handler (struct input *input, struct input_handler *handler);
void input_remove_handler (struct input *input, struct input_handler *handler);

bool input_takes_absolute (struct input *input); /* else send relative motion */
void input_key (struct input *input, unsigned code, bool down);
void input_relative (struct input *input, int dx, int dy, int wheel, unsigned buttons);
void input_absolute (struct input *input, unsigned x, unsigned y, int wheel, unsigned buttons);
/* Scrolls by so much, INPUT_CLICK being a click of a wheel: @dx > 0 to the right, @dy > 0 away from
 * the user, at whatever takes the pointer. */
void input_scroll (struct input *input, int dx, int dy);
bool input_takes_touch (struct input *input);
/* Finger 0 to INPUT_MAX_FINGERS - 1 touches, moves (@down again) or leaves the screen. */
void input_touch (struct input *input, unsigned finger, bool down, unsigned x, unsigned y);
/* The keyboard's lights, INPUT_LED_* bits, as the guest last set them on a device that reports
 * them; any thread. A device may set them with its lock held. */
void input_set_leds (struct input *input, unsigned leds);
unsigned input_leds (struct input *input);
/* Releases every key, button and finger that is down, e.g. when a console loses the focus. */
void input_release_all (struct input *input);

/*
 * Names to codes: "ctrl-alt-del", "f12", "a", "ret", "spc", … as QEMU's and virsh's users write
 * them, joined by '-'. Returns how many codes were written to @ret_codes (at most 8), or -EINVAL.
 */
int input_parse_chord (const char *text, unsigned ret_codes[8]);
/* The code and shift state that type @character on a US keyboard; -EINVAL if there is none. */
int input_code_of_character (char character, unsigned *ret_code, bool *ret_shift);
