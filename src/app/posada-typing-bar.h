/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Says how far a console is with a text that it types, and stops it on request. It is seen while
 * there is a long one. Main thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "console/posada-console.h"

G_BEGIN_DECLS

#define POSADA_TYPE_TYPING_BAR (posada_typing_bar_get_type ())
G_DECLARE_FINAL_TYPE (PosadaTypingBar, posada_typing_bar, POSADA, TYPING_BAR, GtkBox)

void posada_typing_bar_set_console (PosadaTypingBar *self, PosadaConsole *console);
/* Has the console type what the clipboard has. "told" says what hinders that. */
void posada_typing_bar_paste (PosadaTypingBar *self);

G_END_DECLS
