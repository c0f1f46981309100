/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gives a machine another name; a name that is refused stays in the entry with the reason below it.
 * Main thread.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_RENAME_DIALOG (posada_rename_dialog_get_type ())
G_DECLARE_FINAL_TYPE (PosadaRenameDialog, posada_rename_dialog, POSADA, RENAME_DIALOG, AdwDialog)

AdwDialog *posada_rename_dialog_new (PosadaMachine *machine);

G_END_DECLS
