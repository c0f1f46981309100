/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console of one machine in a window of its own, with what that needs of the machine page's
 * actions. Several may be open at once, one for each machine. Main thread.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_CONSOLE_WINDOW (posada_console_window_get_type ())
G_DECLARE_FINAL_TYPE (PosadaConsoleWindow, posada_console_window, POSADA, CONSOLE_WINDOW,
                      AdwApplicationWindow)

/* Presents the one of @machine, which is made if there is none. @application may be NULL. */
PosadaConsoleWindow *
posada_console_window_open (GtkApplication *application, PosadaMachine *machine);
/* The one of @machine; NULL if there is none. */
PosadaConsoleWindow *posada_console_window_find (PosadaMachine *machine);

/* Closes it and has the application show the console in the main window. */
void posada_console_window_bring_back (PosadaConsoleWindow *self);

G_END_DECLS
