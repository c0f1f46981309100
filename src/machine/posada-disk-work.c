/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/posada-disk-work.h"

static double
get_progress (gpointer data)
{
    guint64 done, total;

    return posada_disk_care_get_progress (data, &done, &total) ? (double) done / (double) total
                                                               : -1;
}

static void
cancel (gpointer data)
{
    posada_disk_care_cancel (data);
}

PosadaWork *
posada_disk_work_begin (PosadaDiskCare *care, const char *task, gboolean can_cancel)
{
    static const PosadaWorkHooks lasting = {.get_progress = get_progress};
    static const PosadaWorkHooks hooks = {.get_progress = get_progress, .cancel = cancel};

    return posada_work_begin (task, can_cancel ? &hooks : &lasting, care);
}
