/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a KVM machine of a store is in the eyes of others: an original, a template. */
#define G_LOG_DOMAIN "posada-machine"

#include <glib/gi18n.h>

#include "machine/posada-kvm-machine-internal.h"
#include "store/posada-store-async.h"

static PosadaClone *
new_clone (PosadaMachine *machine, PosadaCloneKind kind, const char *snapshot, const char *name)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    return self->store ? posada_clone_new (self->store, self->config->uuid, kind, snapshot, name)
                       : NULL;
}

static PosadaRole
get_role (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    return self->definition ? posada_definition_get_role (self->definition) : POSADA_ROLE_MACHINE;
}

static DexFuture *
saved_cb (DexFuture *future, gpointer data)
{
    g_autoptr (GError) error = NULL;

    if (dex_future_get_value (future, &error))
        return dex_future_new_true ();
    return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, "%s",
                                  error->message);
}

/* The definition that is in the store comes back to us when it has changed there. */
static DexFuture *
set_template (PosadaMachine *machine, gboolean template)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    g_autoptr (PosadaDefinition) definition = NULL;

    if (!self->store || !self->definition)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_NOT_SUPPORTED,
                                      "%s", _ ("This machine cannot be a template."));
    if (posada_machine_get_state (machine) != POSADA_MACHINE_OFF)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE, "%s",
                                      _ ("Switch the machine off to make it a template."));
    definition = posada_definition_copy (self->definition);
    posada_definition_set_role (definition, template ? POSADA_ROLE_TEMPLATE : POSADA_ROLE_MACHINE);
    return dex_future_finally (posada_store_save_async (self->store, definition), saved_cb, NULL,
                               NULL);
}

PosadaMachineCapabilities
posada_kvm_machine_get_own_capabilities (PosadaKvmMachine *self)
{
    PosadaMachineCapabilities capabilities = CAPABILITIES;

    if (self->store)
        capabilities |= POSADA_MACHINE_CAN_CLONE;
    if (get_role (POSADA_MACHINE (self)) == POSADA_ROLE_TEMPLATE)
        capabilities &= POSADA_MACHINE_CAN_CLONE | POSADA_MACHINE_CAN_DELETE;
    return capabilities;
}

static DexFuture *
start_disposable (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    DexFuture *future;

    if (posada_machine_get_state (machine) != POSADA_MACHINE_OFF || self->busy)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE, "%s",
                                      _ ("The machine is not off."));
    /* Its memory and its disks belong together, and the memory would be used up. */
    if (posada_machine_get_saved (machine))
        return dex_future_new_reject (
            POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE, "%s",
            _ ("The machine is saved to disk: start and shut it down, or discard that, first."));
    self->config->disposable = TRUE;
    future = posada_machine_start (machine);
    self->config->disposable = FALSE; /* the start has a copy */
    return future;
}

void
posada_kvm_clones_class_init (PosadaMachineClass *machine_class)
{
    machine_class->new_clone = new_clone;
    machine_class->get_role = get_role;
    machine_class->set_template = set_template;
    machine_class->start_disposable = start_disposable;
}
