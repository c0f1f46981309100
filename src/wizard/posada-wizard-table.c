/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-wizard-table.h"

#include "wizard/posada-disk-page.h"
#include "wizard/posada-kernel-page.h"
#include "wizard/posada-progress-page.h"
#include "wizard/posada-review-page.h"
#include "wizard/posada-source-page.h"

const PosadaWizardEntry posada_wizard_table[] = {
    {"source", posada_source_page_get_type},     {"disk", posada_disk_page_get_type},
    {"kernel", posada_kernel_page_get_type},     {"review", posada_review_page_get_type},
    {"progress", posada_progress_page_get_type},
};
const guint posada_wizard_table_length = G_N_ELEMENTS (posada_wizard_table);
