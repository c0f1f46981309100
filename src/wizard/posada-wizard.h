/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes a machine of an installation image, a disk that exists, a kernel, or nothing: a draft, and
 * the pages that show it. Whatever would fail later is said at its row before. Main thread.
 *
 * Signal "created" (wizard, uuid): the machine is in the store, its disk is made. The dialog
 * closes.
 */
#pragma once

#include <adwaita.h>

#include "store/posada-store.h"
#include "wizard/posada-draft.h"

G_BEGIN_DECLS

#define POSADA_TYPE_WIZARD (posada_wizard_get_type ())
G_DECLARE_FINAL_TYPE (PosadaWizard, posada_wizard, POSADA, WIZARD, AdwDialog)

/* @names, of machines that exist, may be NULL. */
PosadaWizard *posada_wizard_new (PosadaStore *store, const char *const *names);
/* Whatever @file is. */
void posada_wizard_set_source (PosadaWizard *self, GFile *file);
PosadaDraft *posada_wizard_get_draft (PosadaWizard *self);

G_END_DECLS
