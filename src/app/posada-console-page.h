/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen of one machine, as large as the window allows, with the keys that a keyboard cannot
 * send by itself, and its serial line in a terminal. Its buttons are the actions of what is around
 * it: "machine.start" and so on, "win.full-screen". A display is read by one console at a time:
 * "console.open-window" hands it over to a window of its own, and until that closes the page says
 * where the screen is. Main thread.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_CONSOLE_PAGE (posada_console_page_get_type ())
G_DECLARE_FINAL_TYPE (PosadaConsolePage, posada_console_page, POSADA, CONSOLE_PAGE,
                      AdwNavigationPage)

AdwNavigationPage *posada_console_page_new (PosadaMachine *machine);
/* For a page that already has a window of its own. */
void posada_console_page_set_detached (PosadaConsolePage *self);
/* The display is for others to read. */
void posada_console_page_let_go (PosadaConsolePage *self);
/* The keyboard goes to the screen, or the terminal. */
void posada_console_page_focus (PosadaConsolePage *self);
void posada_console_page_toast (PosadaConsolePage *self, const char *text);

G_END_DECLS
