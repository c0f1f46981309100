/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An image that exists: what it is, and whether the machine has it or a copy of it.
 */
#pragma once

#include "wizard/posada-wizard-page.h"

G_BEGIN_DECLS

#define POSADA_TYPE_DISK_PAGE (posada_disk_page_get_type ())
G_DECLARE_FINAL_TYPE (PosadaDiskPage, posada_disk_page, POSADA, DISK_PAGE, PosadaWizardPage)

G_END_DECLS
