/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The serial line of a machine in a terminal: what came before it was opened is there, with
 * scrollback; Ctrl+Shift+C copies, Ctrl+Shift+V pastes, and so does its menu. Unlike the console it
 * takes no shortcuts of the desktop, and the application's go on working.
 *
 * A serial line tells a guest nothing of the window's size, here as on any terminal: what comes is
 * shown in as many columns as there are. A guest that wants to know asks by escape sequences, as
 * resize (1) and some logins do, and is answered.
 *
 * Property: "serial" (PosadaSerial or NULL). A line that has closed keeps its text. Give the widget
 * its name with posada_terminal_set_name ().
 */
#pragma once

#include <gtk/gtk.h>

#include "machine/posada-serial.h"

G_BEGIN_DECLS

#define POSADA_TYPE_TERMINAL (posada_terminal_get_type ())
G_DECLARE_FINAL_TYPE (PosadaTerminal, posada_terminal, POSADA, TERMINAL, GtkWidget)

GtkWidget *posada_terminal_new (void);

PosadaSerial *posada_terminal_get_serial (PosadaTerminal *self);
void posada_terminal_set_serial (PosadaTerminal *self, PosadaSerial *serial);
/* What assistive technology calls it: "Serial console of NAME". */
void posada_terminal_set_name (PosadaTerminal *self, const char *name);
/* The text that is seen now. Free with g_free (). */
char *posada_terminal_get_text (PosadaTerminal *self);
/* What was selected goes to the clipboard; the clipboard's text goes to the machine. */
void posada_terminal_copy (PosadaTerminal *self);
void posada_terminal_paste (PosadaTerminal *self);

G_END_DECLS
