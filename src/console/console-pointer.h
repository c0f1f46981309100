/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host's pointer on its way to a display: positions where the guest takes them, motion where it
 * does not, buttons and wheel with either. Positions come in as points of the surface. Main thread.
 */
#pragma once

#include "console/console-geometry.h"
#include "machine/posada-display.h"

G_BEGIN_DECLS

typedef struct {
    PosadaDisplay *display; /* NULL: nothing is sent */
    PosadaButtons buttons;
    int x, y;                        /* guest pixel last pointed at */
    gboolean known;                  /* the last point is */
    double last_x, last_y;           /* last point, device pixels; for motion */
    double rest_x, rest_y;           /* motion too small to send yet */
    double scroll_x, scroll_y;       /* the same of scrolling */
    guint guest_width, guest_height; /* the picture that x and y are in */
} ConsolePointer;

void console_pointer_init (ConsolePointer *self);
void console_pointer_fini (ConsolePointer *self);
void console_pointer_set_display (ConsolePointer *self, PosadaDisplay *display);

/* GDK's number of a button (1 left, 2 middle, 3 right, 8 and 9 at the side); 0 if unknown. */
PosadaButtons console_pointer_button (guint number);

/* The pointer is at a point of the surface. In relative mode the difference to the last is sent. */
void
console_pointer_move (ConsolePointer *self, const ConsoleGeometry *geometry, double x, double y);
/* The pointer moved by so much, in device pixels, and is locked in its place. */
void console_pointer_move_by (ConsolePointer *self, double dx, double dy);
void console_pointer_press (ConsolePointer *self, PosadaButtons button, gboolean down);
/* In clicks of a wheel, positive to the right and towards the user as GDK has it. */
void console_pointer_scroll (ConsolePointer *self, double dx, double dy);
/* The pointer went away: the next point is not motion. */
void console_pointer_leave (ConsolePointer *self);
/* Buttons go up. The display is told by console_keyboard_release_all () or here if any were down.
 */
void console_pointer_release_all (ConsolePointer *self);

G_END_DECLS
