/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What machines do with disks and saved states. */
#define G_LOG_DOMAIN "posada-machine"

#include <glib/gi18n.h>

#include "machine/posada-machine.h"

static DexFuture *
real_discard_saved (PosadaMachine *self)
{
    return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_NOT_SUPPORTED, "%s",
                                  _ ("This machine cannot be saved to disk."));
}

static DexFuture *
real_set_medium (PosadaMachine *self, const char *target, const char *path)
{
    return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_NOT_SUPPORTED, "%s",
                                  _ ("The discs of this machine cannot be changed."));
}

static PosadaDiskCare *
real_get_disk_care (PosadaMachine *self)
{
    return NULL;
}

void
posada_machine_disks_class_init (PosadaMachineClass *klass)
{
    klass->discard_saved = real_discard_saved;
    klass->set_medium = real_set_medium;
    klass->get_disk_care = real_get_disk_care;
}

DexFuture *
posada_machine_discard_saved (PosadaMachine *self)
{
    dex_return_error_if_fail (POSADA_IS_MACHINE (self));
    return POSADA_MACHINE_GET_CLASS (self)->discard_saved (self);
}

DexFuture *
posada_machine_set_medium (PosadaMachine *self, const char *target, const char *path)
{
    dex_return_error_if_fail (POSADA_IS_MACHINE (self));
    dex_return_error_if_fail (target);
    return POSADA_MACHINE_GET_CLASS (self)->set_medium (self, target, path);
}

PosadaDiskCare *
posada_machine_get_disk_care (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return POSADA_MACHINE_GET_CLASS (self)->get_disk_care (self);
}
