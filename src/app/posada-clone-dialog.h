/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks how to clone a machine, shows how far that is, and can cancel it. Main thread. */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_CLONE_DIALOG (posada_clone_dialog_get_type ())
G_DECLARE_FINAL_TYPE (PosadaCloneDialog, posada_clone_dialog, POSADA, CLONE_DIALOG, AdwDialog)

/* Signal "cloned" (uuid): it is made, and the dialog closes. */
AdwDialog *posada_clone_dialog_new (PosadaMachine *machine);

G_END_DECLS
