/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-pointer.h"

#include <math.h>
#include <string.h>

/* More clicks than that in one event are no wheel. */
#define MAX_CLICKS 32.0
#define MAX_MOTION 8192.0

void
console_pointer_init (ConsolePointer *self)
{
    memset (self, 0, sizeof (*self));
}

void
console_pointer_fini (ConsolePointer *self)
{
    console_pointer_set_display (self, NULL);
}

void
console_pointer_set_display (ConsolePointer *self, PosadaDisplay *display)
{
    if (self->display == display)
        return;
    console_pointer_release_all (self);
    console_pointer_leave (self);
    g_set_object (&self->display, display);
}

PosadaButtons
console_pointer_button (guint number)
{
    switch (number) {
    case 1: return POSADA_BUTTON_LEFT;
    case 2: return POSADA_BUTTON_MIDDLE;
    case 3: return POSADA_BUTTON_RIGHT;
    case 8: return POSADA_BUTTON_SIDE;
    case 9: return POSADA_BUTTON_EXTRA;
    default: return 0;
    }
}

static void
send (ConsolePointer *self, int dx, int dy)
{
    if (!self->display)
        return;
    if (!posada_display_get_absolute (self->display)) {
        posada_display_send_relative (self->display, dx, dy, self->buttons);
        return;
    }
    posada_display_send_absolute (
        self->display, console_position_to_absolute (self->x, self->guest_width),
        console_position_to_absolute (self->y, self->guest_height), self->buttons);
}

void
console_pointer_move_by (ConsolePointer *self, double dx, double dy)
{
    int whole_x, whole_y;

    self->rest_x += CLAMP (dx, -MAX_MOTION, MAX_MOTION);
    self->rest_y += CLAMP (dy, -MAX_MOTION, MAX_MOTION);
    whole_x = (int) trunc (self->rest_x);
    whole_y = (int) trunc (self->rest_y);
    self->rest_x -= whole_x;
    self->rest_y -= whole_y;
    if (whole_x != 0 || whole_y != 0)
        send (self, whole_x, whole_y);
}

void
console_pointer_move (ConsolePointer *self, const ConsoleGeometry *geometry, double x, double y)
{
    double device_x = x * geometry->place.scale, device_y = y * geometry->place.scale;
    double dx = device_x - self->last_x, dy = device_y - self->last_y;
    gboolean was_known = self->known;
    int guest_x, guest_y;

    self->last_x = device_x;
    self->last_y = device_y;
    self->known = TRUE;
    if (self->display && !posada_display_get_absolute (self->display)) {
        if (was_known)
            console_pointer_move_by (self, dx, dy);
        return;
    }
    console_geometry_to_guest (geometry, x, y, &guest_x, &guest_y);
    if (was_known && guest_x == self->x && guest_y == self->y &&
        self->guest_width == geometry->guest_width && self->guest_height == geometry->guest_height)
        return;
    self->x = guest_x;
    self->y = guest_y;
    self->guest_width = geometry->guest_width;
    self->guest_height = geometry->guest_height;
    send (self, 0, 0);
}

void
console_pointer_press (ConsolePointer *self, PosadaButtons button, gboolean down)
{
    PosadaButtons buttons = down ? (self->buttons | button) : (self->buttons & ~button);

    if (buttons == self->buttons)
        return;
    self->buttons = buttons;
    send (self, 0, 0);
}

void
console_pointer_scroll (ConsolePointer *self, double dx, double dy)
{
    int x, y;

    self->scroll_x += CLAMP (dx, -MAX_CLICKS, MAX_CLICKS) * POSADA_DISPLAY_CLICK;
    self->scroll_y += CLAMP (dy, -MAX_CLICKS, MAX_CLICKS) * POSADA_DISPLAY_CLICK;
    x = (int) trunc (self->scroll_x);
    y = (int) trunc (self->scroll_y);
    self->scroll_x -= x;
    self->scroll_y -= y;
    if (self->display && (x != 0 || y != 0))
        posada_display_send_scroll (self->display, x, -y);
}

void
console_pointer_leave (ConsolePointer *self)
{
    self->known = FALSE;
    self->rest_x = self->rest_y = self->scroll_x = self->scroll_y = 0;
}

void
console_pointer_release_all (ConsolePointer *self)
{
    if (self->buttons != 0 && self->display)
        posada_display_release_all (self->display);
    self->buttons = 0;
}
