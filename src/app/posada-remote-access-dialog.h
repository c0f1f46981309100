/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The dialog in which a machine's screen is made reachable for other viewers.
 */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_REMOTE_ACCESS_DIALOG (posada_remote_access_dialog_get_type ())
G_DECLARE_FINAL_TYPE (PosadaRemoteAccessDialog, posada_remote_access_dialog, POSADA,
                      REMOTE_ACCESS_DIALOG, AdwDialog)

AdwDialog *posada_remote_access_dialog_new (PosadaMachine *machine);

/* Says in @banner why viewers cannot come to @machine, if so. Its button is the caller's. */
void posada_remote_access_warn (AdwBanner *banner, PosadaMachine *machine);

G_END_DECLS
