/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines made of machines, and starts that leave nothing. */
#define G_LOG_DOMAIN "posada-machine"

#include <glib/gi18n.h>

#include "machine/posada-machine.h"

static PosadaClone *
real_new_clone (PosadaMachine *self, PosadaCloneKind kind, const char *snapshot, const char *name)
{
    return NULL;
}

static PosadaRole
real_get_role (PosadaMachine *self)
{
    return POSADA_ROLE_MACHINE;
}

static DexFuture *
real_set_template (PosadaMachine *self, gboolean template)
{
    return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_NOT_SUPPORTED, "%s",
                                  _ ("This machine cannot be a template."));
}

static DexFuture *
real_start_disposable (PosadaMachine *self)
{
    return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_NOT_SUPPORTED, "%s",
                                  _ ("This machine keeps all changes."));
}

void
posada_machine_clones_class_init (PosadaMachineClass *klass)
{
    klass->new_clone = real_new_clone;
    klass->get_role = real_get_role;
    klass->set_template = real_set_template;
    klass->start_disposable = real_start_disposable;
}

PosadaClone *
posada_machine_new_clone (PosadaMachine *self, PosadaCloneKind kind, const char *snapshot,
                          const char *name)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), NULL);
    return POSADA_MACHINE_GET_CLASS (self)->new_clone (self, kind, snapshot, name);
}

PosadaRole
posada_machine_get_role (PosadaMachine *self)
{
    g_return_val_if_fail (POSADA_IS_MACHINE (self), POSADA_ROLE_MACHINE);
    return POSADA_MACHINE_GET_CLASS (self)->get_role (self);
}

DexFuture *
posada_machine_set_template (PosadaMachine *self, gboolean template)
{
    dex_return_error_if_fail (POSADA_IS_MACHINE (self));
    return POSADA_MACHINE_GET_CLASS (self)->set_template (self, template);
}

DexFuture *
posada_machine_start_disposable (PosadaMachine *self)
{
    dex_return_error_if_fail (POSADA_IS_MACHINE (self));
    return POSADA_MACHINE_GET_CLASS (self)->start_disposable (self);
}
