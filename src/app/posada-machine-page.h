/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One machine: what it is, how it is, and everything that can be done with it, as the widget
 * actions “machine.start”, “machine.pause”, “machine.resume”, “machine.shut-down”,
 * “machine.force-off”, “machine.reset”, “machine.rename”, “machine.delete”, “machine.show-file” and
 * “machine.console”.
 * Main thread.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_MACHINE_PAGE (posada_machine_page_get_type ())
G_DECLARE_FINAL_TYPE (PosadaMachinePage, posada_machine_page, POSADA, MACHINE_PAGE,
                      AdwNavigationPage)

/* NULL: none is selected. */
void posada_machine_page_set_machine (PosadaMachinePage *self, PosadaMachine *machine);
PosadaMachine *posada_machine_page_get_machine (PosadaMachinePage *self);

/* Shows the machine's screen. Does nothing without a machine. */
void posada_machine_page_open_console (PosadaMachinePage *self);

/* Of a machine that runs outside of this window: where, and what can be done from here. */
char *posada_machine_page_describe_outside (PosadaMachine *machine);

/*
 * Signal "delete-requested" (no arguments): the user wants the machine, which is off, deleted.
 * Signal "file-requested" (no arguments): the user wants to see its folder.
 */

G_END_DECLS
