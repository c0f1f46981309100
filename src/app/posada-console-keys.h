/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The combinations of the Send Keys menu, by name. Constant, any thread.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define POSADA_CONSOLE_KEYS_MAX 3

/* Linux KEY_* of @name, "ctrl-alt-delete"; how many, 0 if there is no such combination. */
guint posada_console_keys_find (const char *name, guint ret_codes[POSADA_CONSOLE_KEYS_MAX]);

G_END_DECLS
