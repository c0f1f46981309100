/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who has the keyboard: a grab begins when the console gets the focus of an active window, and ends
 * when it loses that or the user types the release combination. While it lasts all keys go to the
 * guest, before any shortcut of the application, and the desktop is asked for its own, too. Main
 * thread.
 */
#pragma once

#include "console/console-keyboard.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _ConsoleGrab ConsoleGrab;

/* Both are borrowed and outlive the grab. @changed_cb is called after a grab began or ended or
 * the desktop granted its shortcuts or took them back, and @activity_cb for every key. */
ConsoleGrab *
console_grab_new (GtkWidget *widget, ConsoleKeyboard *keyboard,
                  void (*changed_cb) (GtkWidget *widget), void (*activity_cb) (GtkWidget *widget));
void console_grab_free (ConsoleGrab *self);

/* From the widget's root (), unroot (): events are caught at the root. */
void console_grab_attach (ConsoleGrab *self, GtkRoot *root);
void console_grab_detach (ConsoleGrab *self);

/* Whether there is somebody to type to; without, grabs end and do not begin. */
void console_grab_set_enabled (ConsoleGrab *self, gboolean enabled);
/* Begins one if the focus allows it, e.g. upon a click. */
void console_grab_begin (ConsoleGrab *self);
void console_grab_end (ConsoleGrab *self);
/* The pointer came to the console or left it. */
void console_grab_set_pointer_inside (ConsoleGrab *self, gboolean inside);
gboolean console_grab_is_active (ConsoleGrab *self);
/* Whether the desktop leaves us its shortcuts. */
gboolean console_grab_is_inhibiting (ConsoleGrab *self);

G_END_DECLS
