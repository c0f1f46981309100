/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Linux kernel, started without firmware, and what it is started with.
 */
#pragma once

#include "wizard/posada-wizard-page.h"

G_BEGIN_DECLS

#define POSADA_TYPE_KERNEL_PAGE (posada_kernel_page_get_type ())
G_DECLARE_FINAL_TYPE (PosadaKernelPage, posada_kernel_page, POSADA, KERNEL_PAGE, PosadaWizardPage)

G_END_DECLS
