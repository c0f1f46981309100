/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine in the list: icon, name, state and the load of its processors, kept up to date. Main
 * thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_MACHINE_ROW (posada_machine_row_get_type ())
G_DECLARE_FINAL_TYPE (PosadaMachineRow, posada_machine_row, POSADA, MACHINE_ROW, GtkBox)

GtkWidget *posada_machine_row_new (void);
void posada_machine_row_set_machine (PosadaMachineRow *self, PosadaMachine *machine);

/* “Running”, or “Saved” for one that is off and goes on from there. */
char *posada_machine_row_describe_state (PosadaMachine *machine);
/* “Running, 12 %”: what is said of a machine below its name. */
char *posada_machine_row_describe (PosadaMachine *machine);

G_END_DECLS
