/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A few words that stand on the screen of a machine for some seconds. Main thread.
 */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

#define POSADA_TYPE_CONSOLE_HINT (posada_console_hint_get_type ())
G_DECLARE_FINAL_TYPE (PosadaConsoleHint, posada_console_hint, POSADA, CONSOLE_HINT, AdwBin)

void posada_console_hint_show (PosadaConsoleHint *self, const char *text);
void posada_console_hint_hide (PosadaConsoleHint *self);

G_END_DECLS
