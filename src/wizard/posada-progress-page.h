/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far copying a disk is, for how long it will go on, and a way out.
 */
#pragma once

#include "wizard/posada-wizard-page.h"

G_BEGIN_DECLS

#define POSADA_TYPE_PROGRESS_PAGE (posada_progress_page_get_type ())
G_DECLARE_FINAL_TYPE (PosadaProgressPage, posada_progress_page, POSADA, PROGRESS_PAGE,
                      PosadaWizardPage)

G_END_DECLS
