/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-spice-input.h"

#include "display/spice-keys.h"

static void
send_scan_code (PosadaSpiceInput *self, guint code, gboolean down)
{
    if (!self->channel || !code)
        return;
    if (down)
        spice_inputs_channel_key_press (self->channel, code);
    else
        spice_inputs_channel_key_release (self->channel, code);
}

static int
button_mask (PosadaButtons buttons)
{
    return (buttons & POSADA_BUTTON_LEFT ? SPICE_MOUSE_BUTTON_MASK_LEFT : 0) |
           (buttons & POSADA_BUTTON_RIGHT ? SPICE_MOUSE_BUTTON_MASK_RIGHT : 0) |
           (buttons & POSADA_BUTTON_MIDDLE ? SPICE_MOUSE_BUTTON_MASK_MIDDLE : 0) |
           (buttons & POSADA_BUTTON_SIDE ? SPICE_MOUSE_BUTTON_MASK_SIDE : 0) |
           (buttons & POSADA_BUTTON_EXTRA ? SPICE_MOUSE_BUTTON_MASK_EXTRA : 0);
}

static void
send_buttons (PosadaSpiceInput *self, PosadaButtons buttons)
{
    static const struct {
        PosadaButtons bit;
        int button;
    } all[] = {
        {POSADA_BUTTON_LEFT, SPICE_MOUSE_BUTTON_LEFT},
        {POSADA_BUTTON_RIGHT, SPICE_MOUSE_BUTTON_RIGHT},
        {POSADA_BUTTON_MIDDLE, SPICE_MOUSE_BUTTON_MIDDLE},
        {POSADA_BUTTON_SIDE, SPICE_MOUSE_BUTTON_SIDE},
        {POSADA_BUTTON_EXTRA, SPICE_MOUSE_BUTTON_EXTRA},
    };

    for (gsize i = 0; i < G_N_ELEMENTS (all); i++) {
        if (!((self->buttons ^ buttons) & all[i].bit))
            continue;
        self->buttons ^= all[i].bit;
        if (self->buttons & all[i].bit)
            spice_inputs_channel_button_press (self->channel, all[i].button,
                                               button_mask (self->buttons));
        else
            spice_inputs_channel_button_release (self->channel, all[i].button,
                                                 button_mask (self->buttons));
    }
}

static int
to_pixel (guint position, int size)
{
    return (
        int) (((guint64) position * (guint) MAX (size - 1, 0) + POSADA_DISPLAY_ABSOLUTE_MAX / 2) /
              POSADA_DISPLAY_ABSOLUTE_MAX);
}

void
posada_spice_input_send_key (PosadaSpiceInput *self, guint code, gboolean down)
{
    if (code >= KEY_CNT)
        return;
    self->keys[code] = down;
    if (code == KEY_PAUSE) {
        send_scan_code (self, 0x21d, down);
        send_scan_code (self, 0x45, down);
    } else
        send_scan_code (self, spice_key_encode (code), down);
}

void
posada_spice_input_send_absolute (PosadaSpiceInput *self, const PosadaRectangle *area, guint x,
                                  guint y, PosadaButtons buttons)
{
    int pixel_x = area->x + to_pixel (x, area->width);
    int pixel_y = area->y + to_pixel (y, area->height);

    if (!self->channel)
        return;
    if (!self->placed || pixel_x != self->x || pixel_y != self->y)
        spice_inputs_channel_position (self->channel, pixel_x, pixel_y, 0,
                                       button_mask (self->buttons));
    self->placed = TRUE;
    self->x = pixel_x;
    self->y = pixel_y;
    send_buttons (self, buttons);
}

void
posada_spice_input_send_relative (PosadaSpiceInput *self, int dx, int dy, PosadaButtons buttons)
{
    if (!self->channel)
        return;
    if (dx || dy)
        spice_inputs_channel_motion (self->channel, dx, dy, button_mask (self->buttons));
    send_buttons (self, buttons);
}

void
posada_spice_input_send_scroll (PosadaSpiceInput *self, int dy)
{
    self->scroll += CLAMP (dy, -10 * POSADA_DISPLAY_CLICK, 10 * POSADA_DISPLAY_CLICK);
    while (ABS (self->scroll) >= POSADA_DISPLAY_CLICK) {
        int button = self->scroll > 0 ? SPICE_MOUSE_BUTTON_UP : SPICE_MOUSE_BUTTON_DOWN;

        self->scroll += self->scroll > 0 ? -POSADA_DISPLAY_CLICK : POSADA_DISPLAY_CLICK;
        if (!self->channel)
            continue;
        spice_inputs_channel_button_press (self->channel, button, button_mask (self->buttons));
        spice_inputs_channel_button_release (self->channel, button, button_mask (self->buttons));
    }
}

void
posada_spice_input_release_all (PosadaSpiceInput *self)
{
    for (guint code = 0; code < KEY_CNT; code++)
        if (self->keys[code])
            posada_spice_input_send_key (self, code, FALSE);
    if (self->channel)
        send_buttons (self, 0);
    self->scroll = 0;
}
