/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/spice-input.h"

#include <errno.h>
#include <spice/enums.h>
#include <string.h>

#include "base/util.h"

/* A screen's width at once is more than any mouse moves. */
#define MAX_MOTION 8192

/* As the library hands buttons on, which is not as viewers send them. */
enum {
    BUTTON_LEFT = 1 << 0,
    BUTTON_RIGHT = 1 << 1,
    BUTTON_MIDDLE = 1 << 2,
    BUTTON_SIDE = 1 << 6,
    BUTTON_EXTRA = 1 << 7,
};

static struct spice_input *
of_keyboard (SpiceKbdInstance *instance)
{
    return CONTAINER_OF (instance, struct spice_keyboard, instance)->owner;
}

static struct spice_input *
of_mouse (SpiceMouseInstance *instance)
{
    return CONTAINER_OF (instance, struct spice_mouse, instance)->owner;
}

static struct spice_input *
of_tablet (SpiceTabletInstance *instance)
{
    return CONTAINER_OF (instance, struct spice_tablet, instance)->owner;
}

static unsigned
translate_buttons (uint32_t state)
{
    static const struct {
        unsigned from, to;
    } buttons[] = {
        {BUTTON_LEFT, INPUT_LEFT}, {BUTTON_RIGHT, INPUT_RIGHT}, {BUTTON_MIDDLE, INPUT_MIDDLE},
        {BUTTON_SIDE, INPUT_SIDE}, {BUTTON_EXTRA, INPUT_EXTRA},
    };
    unsigned mask = 0;

    for (size_t i = 0; i < ARRAY_LENGTH (buttons); i++)
        if (state & buttons[i].from)
            mask |= buttons[i].to;
    return mask;
}

static void
push_scan_code_cb (SpiceKbdInstance *instance, uint8_t byte)
{
    struct spice_input *self = of_keyboard (instance);
    unsigned key;
    bool down;

    if (!spice_key_decode (&self->decoder, byte, &key, &down))
        return;
    self->down[key] = down;
    input_key (self->input, key, down);
}

static uint8_t
library_leds (unsigned leds)
{
    return (leds & INPUT_LED_NUM ? SPICE_KEYBOARD_MODIFIER_FLAGS_NUM_LOCK : 0) |
           (leds & INPUT_LED_CAPS ? SPICE_KEYBOARD_MODIFIER_FLAGS_CAPS_LOCK : 0) |
           (leds & INPUT_LED_SCROLL ? SPICE_KEYBOARD_MODIFIER_FLAGS_SCROLL_LOCK : 0);
}

static uint8_t
get_leds_cb (SpiceKbdInstance *instance)
{
    return library_leds (input_leds (of_keyboard (instance)->input));
}

/* The wheel of viewers turns by presses of buttons, and by numbers that count away from zero: one
 * turn is one either way. */
static int
one_step (int wheel)
{
    return wheel < 0 ? 1 : wheel > 0 ? -1 : 0;
}

static void
send_relative (struct spice_input *self, int dx, int dy, int wheel, uint32_t state)
{
    self->buttons = translate_buttons (state);
    self->buttons_absolute = false;
    input_relative (self->input, dx, dy, wheel, self->buttons);
}

static void
motion_cb (SpiceMouseInstance *instance, int dx, int dy, int dz, uint32_t state)
{
    dx = MAX_OF (-MAX_MOTION, MIN_OF (dx, MAX_MOTION));
    dy = MAX_OF (-MAX_MOTION, MIN_OF (dy, MAX_MOTION));
    send_relative (of_mouse (instance), dx, dy, one_step (dz), state);
}

static void
mouse_buttons_cb (SpiceMouseInstance *instance, uint32_t state)
{
    send_relative (of_mouse (instance), 0, 0, 0, state);
}

static void
set_logical_size_cb (SpiceTabletInstance *instance, int width, int height)
{
    struct spice_input *self = of_tablet (instance);

    atomic_store (&self->width, width);
    atomic_store (&self->height, height);
}

static unsigned
scale (int position, int size)
{
    if (position <= 0 || size <= 1)
        return 0;
    return (unsigned) ((int64_t) MIN_OF (position, size - 1) * INPUT_ABSOLUTE_MAX / (size - 1));
}

static void
send_absolute (struct spice_input *self, int wheel, uint32_t state)
{
    self->buttons = translate_buttons (state);
    self->buttons_absolute = true;
    input_absolute (self->input, self->x, self->y, wheel, self->buttons);
}

static void
position_cb (SpiceTabletInstance *instance, int x, int y, uint32_t state)
{
    struct spice_input *self = of_tablet (instance);

    self->x = scale (x, atomic_load (&self->width));
    self->y = scale (y, atomic_load (&self->height));
    send_absolute (self, 0, state);
}

static void
wheel_cb (SpiceTabletInstance *instance, int wheel, uint32_t state)
{
    send_absolute (of_tablet (instance), one_step (wheel), state);
}

static void
tablet_buttons_cb (SpiceTabletInstance *instance, uint32_t state)
{
    send_absolute (of_tablet (instance), 0, state);
}

static const SpiceKbdInterface keyboard_interface = {
    .base = {.type = SPICE_INTERFACE_KEYBOARD,
             .description = "posada keyboard",
             .major_version = SPICE_INTERFACE_KEYBOARD_MAJOR,
             .minor_version = SPICE_INTERFACE_KEYBOARD_MINOR},
    .push_scan_freg = push_scan_code_cb,
    .get_leds = get_leds_cb,
};

static const SpiceMouseInterface mouse_interface = {
    .base = {.type = SPICE_INTERFACE_MOUSE,
             .description = "posada mouse",
             .major_version = SPICE_INTERFACE_MOUSE_MAJOR,
             .minor_version = SPICE_INTERFACE_MOUSE_MINOR},
    .motion = motion_cb,
    .buttons = mouse_buttons_cb,
};

static const SpiceTabletInterface tablet_interface = {
    .base = {.type = SPICE_INTERFACE_TABLET,
             .description = "posada tablet",
             .major_version = SPICE_INTERFACE_TABLET_MAJOR,
             .minor_version = SPICE_INTERFACE_TABLET_MINOR},
    .set_logical_size = set_logical_size_cb,
    .position = position_cb,
    .wheel = wheel_cb,
    .buttons = tablet_buttons_cb,
};

void
spice_input_init (struct spice_input *self, struct input *input)
{
    *self = (struct spice_input) {.input = input};
    self->keyboard.owner = self->mouse.owner = self->tablet.owner = self;
    self->keyboard.instance.base.sif = &keyboard_interface.base;
    self->mouse.instance.base.sif = &mouse_interface.base;
    self->tablet.instance.base.sif = &tablet_interface.base;
}

int
spice_input_start (struct spice_input *self, SpiceServer *server)
{
    if (spice_server_add_interface (server, &self->keyboard.instance.base) != 0 ||
        spice_server_add_interface (server, &self->mouse.instance.base) != 0)
        return -EIO;
    self->server = server;
    spice_input_update (self);
    return 0;
}

void
spice_input_update (struct spice_input *self)
{
    bool absolute = input_takes_absolute (self->input);
    unsigned leds = input_leds (self->input);

    if (absolute && !self->tablet.added)
        self->tablet.added =
            spice_server_add_interface (self->server, &self->tablet.instance.base) == 0;
    else if (!absolute && self->tablet.added) {
        spice_server_remove_interface (&self->tablet.instance.base);
        self->tablet.added = false;
    }
    if (leds != self->leds) {
        self->leds = leds;
        spice_server_kbd_leds (&self->keyboard.instance, library_leds (leds));
    }
}

void
spice_input_release (struct spice_input *self)
{
    for (unsigned key = 0; key < KEY_CNT; key++) {
        if (self->down[key])
            input_key (self->input, key, false);
        self->down[key] = false;
    }
    self->decoder = (struct spice_key_decoder) {0};
    if (!self->buttons)
        return;
    self->buttons = 0;
    if (self->buttons_absolute)
        input_absolute (self->input, self->x, self->y, 0, 0);
    else
        input_relative (self->input, 0, 0, 0, 0);
}
