/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes a guest follow its console's size: one wish at a time, the last one wins, and only after
 * the size has rested. A guest that does not follow is not asked for ever, and what it does by
 * itself is left alone. Main thread.
 */
#pragma once

#include "machine/posada-display.h"

G_BEGIN_DECLS

#define CONSOLE_RESIZE_REST_MS   150  /* a size that stays so long is meant */
#define CONSOLE_RESIZE_ANSWER_MS 1500 /* a guest that follows does so within */

typedef struct {
    PosadaDisplay *display; /* may be NULL */
    gboolean enabled;
    guint wanted_width, wanted_height; /* the room; 0: not known yet */
    guint asked_width, asked_height;   /* the last wish */
    gboolean in_flight;
    guint refusals; /* wishes without an answer since the last one with */
    guint rest_source, answer_source;
} ConsoleResize;

void console_resize_init (ConsoleResize *self);
void console_resize_fini (ConsoleResize *self);
void console_resize_set_display (ConsoleResize *self, PosadaDisplay *display);
void console_resize_set_enabled (ConsoleResize *self, gboolean enabled);
/* There is room for so many pixels now. */
void console_resize_set_room (ConsoleResize *self, guint width, guint height);
/* The display's size changed. */
void console_resize_size_changed (ConsoleResize *self);

G_END_DECLS
