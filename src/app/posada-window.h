/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The window: the list of machines, what the selected one is, and its screen. Machines that run
 * keep running when it is closed. Actions: “win.search”, “win.order” (a string),
 * “win.toggle-sidebar”, “win.full-screen”, “win.rename”, “win.delete”, “win.host”, “win.close”.
 * Main thread.
 */
#pragma once

#include <adwaita.h>

#include "app/posada-library.h"
#include "machine/posada-host.h"

G_BEGIN_DECLS

#define POSADA_TYPE_WINDOW (posada_window_get_type ())
G_DECLARE_FINAL_TYPE (PosadaWindow, posada_window, POSADA, WINDOW, AdwApplicationWindow)

/* @application may be NULL, for tests. */
PosadaWindow *posada_window_new (GtkApplication *application, PosadaLibrary *library);
void posada_window_select (PosadaWindow *self, PosadaMachine *machine);
void posada_window_open_console (PosadaWindow *self, PosadaMachine *machine);
/* Starts the selected machine; says it if that fails. */
void posada_window_start (PosadaWindow *self);
void posada_window_toast (PosadaWindow *self, const char *text);
/* Says what is wrong with the host, if anything is. */
void posada_window_set_host (PosadaWindow *self, const PosadaHost *host);

G_END_DECLS
