/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen of one machine, as large as the window allows, with the keys that a keyboard cannot
 * send by itself. Its buttons are the actions of the machine page around it. Main thread.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_CONSOLE_PAGE (posada_console_page_get_type ())
G_DECLARE_FINAL_TYPE (PosadaConsolePage, posada_console_page, POSADA, CONSOLE_PAGE,
                      AdwNavigationPage)

AdwNavigationPage *posada_console_page_new (PosadaMachine *machine);

G_END_DECLS
