/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine as it will be: its name, its hardware, and what is wrong with them.
 */
#pragma once

#include "wizard/posada-wizard-page.h"

G_BEGIN_DECLS

#define POSADA_TYPE_REVIEW_PAGE (posada_review_page_get_type ())
G_DECLARE_FINAL_TYPE (PosadaReviewPage, posada_review_page, POSADA, REVIEW_PAGE, PosadaWizardPage)

/* Why it could not be made; NULL takes that away. */
void posada_review_page_set_failure (PosadaReviewPage *self, const char *message);

G_END_DECLS
