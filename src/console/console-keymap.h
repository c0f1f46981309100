/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tables of a US keyboard: which key makes a symbol. For text that is typed into the guest, and for
 * virtual keyboards, whose key codes mean nothing. Pure functions.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Linux KEY_* of the key that makes @keyval, and whether shift is down for it. FALSE: none does. */
gboolean console_keymap_find (guint keyval, guint *ret_code, gboolean *ret_shift);
/* The same for a character of text; newline and tab are keys. */
gboolean console_keymap_find_character (gunichar character, guint *ret_code, gboolean *ret_shift);

/*
 * Reads a combination as "ctrl+alt"; writes at most @max codes and gives their number, 0 if it
 * cannot be understood. Names: left- or right- before ctrl, alt, shift, super; plain is left.
 */
guint console_keymap_parse (const char *text, guint *ret_codes, guint max);
/* The combination in words for the user, in their language: "Ctrl+Alt". */
char *console_keymap_to_label (const guint *codes, guint n_codes);

G_END_DECLS
