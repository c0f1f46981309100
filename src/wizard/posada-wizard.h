/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes a machine: an installation medium, a name, and hardware that fits both the system on the
 * medium and this host. Whatever would fail later is said at its row before. Main thread.
 *
 * Signal "created" (wizard, uuid): the machine is in the store, its disk is made. The dialog
 * closes.
 */
#pragma once

#include <adwaita.h>

#include "store/posada-store.h"

G_BEGIN_DECLS

#define POSADA_TYPE_WIZARD (posada_wizard_get_type ())
G_DECLARE_FINAL_TYPE (PosadaWizard, posada_wizard, POSADA, WIZARD, AdwDialog)

/* @names, of machines that exist, may be NULL. */
PosadaWizard *posada_wizard_new (PosadaStore *store, const char *const *names);
void posada_wizard_set_source (PosadaWizard *self, GFile *file);

G_END_DECLS
