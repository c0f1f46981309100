/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen of a machine, with keyboard and pointer: a widget over a PosadaDisplay that knows
 * nothing of the machine behind it. While mapped it asks the display for frames with the host's
 * frame clock, and rarely when nothing happens.
 *
 * Properties: "display" (PosadaDisplay or NULL), "scaling", "grabbed" (read-only: keys go to the
 * guest), "shortcuts-inhibited" (read-only: the desktop's own shortcuts, too, as far as the desktop
 * says), "release-keys" (the combination that ends a grab, as "ctrl+alt", the default),
 * "release-label" (read-only: the same for the user, to be shown somewhere while grabbed),
 * "message" (what is shown over the dimmed last picture while there is no display or its screen is
 * off; NULL for a default), "lost" (read-only: the display has closed), "typing-progress"
 * (read-only, 0–1: of what is typed for the user; 1 while nothing is).
 *
 * Signal "reconnect": the display was lost, and the user would like it back. By default the display
 * is told to; a handler may set another one instead.
 *
 * A grab begins when the console gets the focus, by a click, or by Return where it was ended and
 * the focus has stayed. After the release combination the application's shortcuts work again and
 * Tab leaves. In ONE_TO_ONE a picture larger than the widget is moved under the pointer, so that no
 * scrollbars are needed. Give the widget its name with gtk_accessible_update_property (): "Console
 * of NAME".
 */
#pragma once

#include <gtk/gtk.h>

#include "console/console-geometry.h"
#include "machine/posada-display.h"

G_BEGIN_DECLS

#define POSADA_TYPE_CONSOLE (posada_console_get_type ())
G_DECLARE_FINAL_TYPE (PosadaConsole, posada_console, POSADA, CONSOLE, GtkWidget)

GtkWidget *posada_console_new (void);

PosadaDisplay *posada_console_get_display (PosadaConsole *self);
void posada_console_set_display (PosadaConsole *self, PosadaDisplay *display);
PosadaConsoleScaling posada_console_get_scaling (PosadaConsole *self);
void posada_console_set_scaling (PosadaConsole *self, PosadaConsoleScaling scaling);
gboolean posada_console_get_grabbed (PosadaConsole *self);
gboolean posada_console_get_shortcuts_inhibited (PosadaConsole *self);
const char *posada_console_get_release_label (PosadaConsole *self);
/* Returns FALSE, and changes nothing, if @keys is no combination of modifiers. */
gboolean posada_console_set_release_keys (PosadaConsole *self, const char *keys);
const char *posada_console_get_message (PosadaConsole *self);
void posada_console_set_message (PosadaConsole *self, const char *message);

/* Ends a grab as the release combination does. */
void posada_console_release (PosadaConsole *self);
/* The last picture, in guest pixels, as a copy; NULL if there never was one. */
GdkTexture *posada_console_grab (PosadaConsole *self);
/* Presses Linux KEY_* @codes in order, lets them go in reverse. Both are typed with the grab or
 * without, after what is being typed already. */
void posada_console_send_keys (PosadaConsole *self, const guint *codes, guint n_codes);
/* Types @text for guests that cannot paste, as on a US keyboard. Gives the number of characters
 * left out because they are on no key there. */
guint posada_console_type_text (PosadaConsole *self, const char *text);
double posada_console_get_typing_progress (PosadaConsole *self);
/* Lets go of what is half typed and forgets the rest. */
void posada_console_cancel_typing (PosadaConsole *self);

G_END_DECLS
