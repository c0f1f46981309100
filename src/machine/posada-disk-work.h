/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Disk operations in the eyes of who wants to end the process. For posada-disk-care.c. */
#pragma once

#include "machine/posada-disk-care.h"
#include "machine/posada-work.h"

G_BEGIN_DECLS

/* Before it is over, @care ends it. */
PosadaWork *posada_disk_work_begin (PosadaDiskCare *care, const char *task, gboolean can_cancel);

G_END_DECLS
