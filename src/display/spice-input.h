/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keyboard, tablet and mouse of a SPICE server: what viewers send becomes events of a struct input.
 * All of it on the server's thread, but what is said otherwise. Viewers may send anything.
 */
#pragma once

#include <linux/input-event-codes.h>
#include <spice.h>
#include <stdatomic.h>

#include "display/input.h"
#include "display/spice-keys.h"

struct spice_input {
    struct input *input;
    SpiceServer *server; /* NULL while not started */
    /* What libspice-server hands back to its callbacks. */
    struct spice_keyboard {
        SpiceKbdInstance instance;
        struct spice_input *owner;
    } keyboard;
    struct spice_mouse {
        SpiceMouseInstance instance;
        struct spice_input *owner;
    } mouse;
    struct spice_tablet {
        SpiceTabletInstance instance;
        struct spice_input *owner;
        bool added;
    } tablet;

    struct spice_key_decoder decoder;
    bool down[KEY_CNT]; /* by viewers */
    unsigned buttons;   /* INPUT_* bits, down by viewers */
    bool buttons_absolute;
    unsigned x, y;
    atomic_int width, height; /* of the tablet; set on the library's thread, too */
    unsigned leds;
};

void spice_input_init (struct spice_input *self, struct input *input);
/* 0, or -EIO if the library wants none of it. */
int spice_input_start (struct spice_input *self, SpiceServer *server);
/* Looks whether the guest takes positions now, which decides how viewers send the pointer, and
 * which lights its keyboard has on. */
void spice_input_update (struct spice_input *self);
/* Lets go of what viewers hold down; nothing that anybody else does. */
void spice_input_release (struct spice_input *self);
