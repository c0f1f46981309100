/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host's keyboard on its way to a display. Knows which keys are down, so that none stays down
 * when the console loses them; recognises the combination that gives the keyboard back; types text
 * and combinations at a pace that guests keep up with. Main thread.
 */
#pragma once

#include <gdk/gdk.h>

#include "machine/posada-display.h"

G_BEGIN_DECLS

#define CONSOLE_KEYBOARD_MAX_RELEASE_KEYS 4

typedef struct _ConsoleKeyboard ConsoleKeyboard;

ConsoleKeyboard *console_keyboard_new (void);
void console_keyboard_free (ConsoleKeyboard *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConsoleKeyboard, console_keyboard_free)

/* Keys go up at the display that was set before. @display may be NULL. */
void console_keyboard_set_display (ConsoleKeyboard *self, PosadaDisplay *display);
/* Linux KEY_* codes of the combination that ends a grab. None: it cannot be typed. */
void console_keyboard_set_release_keys (ConsoleKeyboard *self, const guint *codes, guint n_codes);
const guint *console_keyboard_get_release_keys (ConsoleKeyboard *self, guint *ret_n);

/*
 * A key of the host: its hardware code as GDK has it (8 more than Linux's), its symbol and the
 * modifiers before it. @foreign: the key map is not that of a keyboard (an on-screen keyboard, a
 * program), and the symbol counts instead of the code. What the host repeats is left out: guests
 * and PS/2 keyboards repeat by themselves.
 */
void console_keyboard_press (ConsoleKeyboard *self, guint keycode, guint keyval,
                             GdkModifierType state, gboolean foreign);
/* TRUE if this completed the release combination; the caller ends the grab. */
gboolean console_keyboard_release (ConsoleKeyboard *self, guint keycode);
/* All keys go up at the guest, and whatever the host still holds is forgotten. */
void console_keyboard_release_all (ConsoleKeyboard *self);

/* Presses the keys in order and lets them go in reverse. */
void console_keyboard_send_keys (ConsoleKeyboard *self, const guint *codes, guint n_codes);
/* Types UTF-8 text as on a US keyboard. How many characters have no key there and are left out. */
guint console_keyboard_type_text (ConsoleKeyboard *self, const char *text);
gboolean console_keyboard_is_typing (ConsoleKeyboard *self);
/* Called after each stroke of what is typed, and when that ends, in whatever way. */
void console_keyboard_set_typing_cb (ConsoleKeyboard *self, void (*typing_cb) (gpointer data),
                                     gpointer data);
/* In strokes; 0 of 0 while nothing is typed. */
void console_keyboard_get_typing (ConsoleKeyboard *self, guint *ret_done, guint *ret_total);
/* The rest is forgotten, and all keys go up. */
void console_keyboard_cancel_typing (ConsoleKeyboard *self);

/* Whether the key map of @display is that of a hardware keyboard. */
gboolean console_keyboard_is_hardware (GdkDisplay *display);

G_END_DECLS
