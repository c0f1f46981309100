/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a machine is made of: installation images that are there, or a file of another kind.
 */
#pragma once

#include "wizard/posada-wizard-page.h"

G_BEGIN_DECLS

#define POSADA_TYPE_SOURCE_PAGE (posada_source_page_get_type ())
G_DECLARE_FINAL_TYPE (PosadaSourcePage, posada_source_page, POSADA, SOURCE_PAGE, PosadaWizardPage)

G_END_DECLS
