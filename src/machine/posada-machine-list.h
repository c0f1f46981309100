/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All machines, as a GListModel of PosadaMachine in the order of the store; filter and sort with
 * GTK's models. Main thread.
 */
#pragma once

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_MACHINE_LIST (posada_machine_list_get_type ())
G_DECLARE_FINAL_TYPE (PosadaMachineList, posada_machine_list, POSADA, MACHINE_LIST, GObject)

PosadaMachineList *posada_machine_list_new (void);
void posada_machine_list_add (PosadaMachineList *self, PosadaMachine *machine);
void posada_machine_list_remove (PosadaMachineList *self, PosadaMachine *machine);
/* Borrowed; NULL if there is none. */
PosadaMachine *posada_machine_list_find (PosadaMachineList *self, const char *id);

G_END_DECLS
