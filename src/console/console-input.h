/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pointer, wheel and fingers on a console: takes the widget's events, begins grabs upon clicks,
 * locks the pointer for guests that take motion, and lets everything go when that ends. Main
 * thread.
 */
#pragma once

#include "console/console-cursor.h"
#include "console/console-grab.h"
#include "console/console-view.h"

G_BEGIN_DECLS

typedef struct _ConsoleInput ConsoleInput;

typedef struct {
    void (*look) (GtkWidget *widget);   /* bring the view up to date, it is about to be used */
    void (*active) (GtkWidget *widget); /* the guest got something */
    void (*hovered) (
        GtkWidget *widget); /* what console_input_get_cursor_mode () says is different */
} ConsoleInputHooks;

/* All are borrowed and outlive it. */
ConsoleInput *console_input_new (GtkWidget *widget, ConsoleView *view, ConsoleGrab *grab,
                                 const ConsoleInputHooks *hooks);
void console_input_free (ConsoleInput *self);

/* Everything goes up at the display that was set before. */
void console_input_set_display (ConsoleInput *self, PosadaDisplay *display);
/* The widget was mapped: now there is a window system to ask for locks. */
void console_input_map (ConsoleInput *self);
/* Buttons and fingers go up, the pointer is free. */
void console_input_release (ConsoleInput *self);
/* The guest takes positions now, or motion. */
void console_input_mode_changed (ConsoleInput *self);

ConsoleCursorMode console_input_get_cursor_mode (ConsoleInput *self);

G_END_DECLS
