/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pages that there are. A new one is its three files, a line here, one in each meson.build and
 * one among the resources.
 */
#pragma once

#include "wizard/posada-wizard-page.h"

G_BEGIN_DECLS

typedef struct {
    const char *tag;
    GType (*get_type) (void);
} PosadaWizardEntry;

extern const PosadaWizardEntry posada_wizard_table[];
extern const guint posada_wizard_table_length;

G_END_DECLS
