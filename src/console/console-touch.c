/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-touch.h"

#include <string.h>

void
console_touch_init (ConsoleTouch *self)
{
    memset (self, 0, sizeof (*self));
}

void
console_touch_fini (ConsoleTouch *self)
{
    console_touch_set_display (self, NULL);
}

void
console_touch_set_display (ConsoleTouch *self, PosadaDisplay *display)
{
    if (self->display == display)
        return;
    console_touch_release_all (self);
    g_set_object (&self->display, display);
}

/* The slot of @sequence; NULL finds a free one. -1: none. */
static int
find (ConsoleTouch *self, gconstpointer sequence)
{
    for (int i = 0; i < POSADA_DISPLAY_MAX_FINGERS; i++)
        if (self->fingers[i].sequence == sequence)
            return i;
    return -1;
}

static void
send (ConsoleTouch *self, int finger, gboolean down)
{
    if (self->display)
        posada_display_send_touch (self->display, (guint) finger, down, self->fingers[finger].x,
                                   self->fingers[finger].y);
}

/* TRUE if the point is on the picture. */
static gboolean
place (ConsoleTouch *self, int finger, const ConsoleGeometry *geometry, double x, double y)
{
    int guest_x, guest_y;
    gboolean inside = console_geometry_to_guest (geometry, x, y, &guest_x, &guest_y);

    self->fingers[finger].x = console_position_to_absolute (guest_x, geometry->guest_width);
    self->fingers[finger].y = console_position_to_absolute (guest_y, geometry->guest_height);
    return inside;
}

gboolean
console_touch_begin (ConsoleTouch *self, gconstpointer sequence, const ConsoleGeometry *geometry,
                     double x, double y)
{
    int finger = find (self, sequence);

    if (!sequence || !self->display)
        return FALSE;
    if (finger < 0)
        finger = find (self, NULL);
    if (finger < 0 || !place (self, finger, geometry, x, y))
        return FALSE;
    self->fingers[finger].sequence = sequence;
    send (self, finger, TRUE);
    return TRUE;
}

gboolean
console_touch_move (ConsoleTouch *self, gconstpointer sequence, const ConsoleGeometry *geometry,
                    double x, double y)
{
    int finger = find (self, sequence);
    guint old_x, old_y;

    if (!sequence || finger < 0)
        return FALSE;
    old_x = self->fingers[finger].x;
    old_y = self->fingers[finger].y;
    place (self, finger, geometry, x, y);
    if (self->fingers[finger].x != old_x || self->fingers[finger].y != old_y)
        send (self, finger, TRUE);
    return TRUE;
}

gboolean
console_touch_end (ConsoleTouch *self, gconstpointer sequence)
{
    int finger = find (self, sequence);

    if (!sequence || finger < 0)
        return FALSE;
    self->fingers[finger].sequence = NULL;
    send (self, finger, FALSE);
    return TRUE;
}

void
console_touch_release_all (ConsoleTouch *self)
{
    for (int i = 0; i < POSADA_DISPLAY_MAX_FINGERS; i++) {
        if (!self->fingers[i].sequence)
            continue;
        self->fingers[i].sequence = NULL;
        send (self, i, FALSE);
    }
}
