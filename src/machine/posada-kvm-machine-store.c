/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A KVM machine and its store: its definition, its name, and who else runs it.
 */
#define G_LOG_DOMAIN "posada-machine"

#include <glib/gi18n.h>

#include "machine/posada-kvm-machine-internal.h"
#include "store/posada-store-async.h"

/* Whether it is of no interest who else might run it. */
static gboolean
is_busy (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    return self->busy || self->instance ||
           posada_machine_get_state (machine) == POSADA_MACHINE_MISSING;
}

static void
take_name (PosadaKvmMachine *self, const char *name)
{
    if (self->definition)
        posada_definition_set_name (self->definition, name, NULL);
    g_set_str (&self->config->name, name);
    posada_machine_set_name (POSADA_MACHINE (self), name);
}

typedef struct {
    PosadaKvmMachine *self;
    char *name;
} Renaming;

static void
renaming_free (gpointer data)
{
    Renaming *renaming = data;

    g_object_unref (renaming->self);
    g_free (renaming->name);
    g_free (renaming);
}

static DexFuture *
renamed_cb (DexFuture *future, gpointer data)
{
    Renaming *renaming = data;

    take_name (renaming->self, renaming->name);
    return dex_future_new_true ();
}

DexFuture *
posada_kvm_machine_rename (PosadaMachine *machine, const char *name)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    g_autofree char *stripped = g_strstrip (g_strdup (name));
    Renaming *renaming;

    if (!posada_definition_check_name (stripped, NULL))
        return dex_future_new_reject (
            POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED,
            _ ("“%s” cannot be the name of a machine: that is one line without a slash."), name);
    if (!self->store) {
        take_name (self, stripped);
        return dex_future_new_true ();
    }
    renaming = g_new (Renaming, 1);
    renaming->self = g_object_ref (self);
    renaming->name = g_steal_pointer (&stripped);
    return dex_future_then (
        posada_store_rename_async (self->store, self->config->uuid, renaming->name), renamed_cb,
        renaming, renaming_free);
}

static void
definition_changed_cb (PosadaKvmMachine *self)
{
    g_autoptr (PosadaKvmConfig) config = posada_kvm_config_new_for_definition (self->definition);

    config->remote = posada_kvm_remote_read (self->definition);
    config->folder =
        self->store && config->uuid
            ? posada_store_get_machine_folder (self->store, config->uuid)
            : g_build_filename (g_get_user_runtime_dir (), "posada", config->uuid, NULL);
    posada_kvm_machine_set_config (self, config);
    if (posada_machine_get_state (POSADA_MACHINE (self)) != POSADA_MACHINE_MISSING &&
        !posada_machine_get_outside (POSADA_MACHINE (self)))
        posada_machine_set_capabilities (POSADA_MACHINE (self),
                                         posada_kvm_machine_get_own_capabilities (self));
}

static void
set_store (PosadaKvmMachine *self, PosadaStore *store)
{
    if (!g_set_object (&self->store, store))
        return;
    self->outside = posada_outside_new (POSADA_MACHINE (self), store, is_busy);
    /* The other process may have taken snapshots, or saved it. */
    g_signal_connect (self, "notify::outside", G_CALLBACK (posada_kvm_snapshots_refresh), NULL);
}

void
posada_kvm_machine_look_outside (PosadaKvmMachine *self)
{
    g_return_if_fail (POSADA_IS_KVM_MACHINE (self));

    if (self->outside)
        posada_outside_look (self->outside, posada_kvm_machine_get_own_capabilities (self));
    posada_kvm_snapshots_refresh (self);
}

PosadaMachine *
posada_kvm_machine_new_for_definition (PosadaDefinition *definition, PosadaStore *store)
{
    PosadaKvmMachine *self;

    g_return_val_if_fail (POSADA_IS_DEFINITION (definition), NULL);
    self = g_object_new (POSADA_TYPE_KVM_MACHINE, NULL);
    set_store (self, store);
    posada_kvm_machine_set_definition (self, definition);
    posada_kvm_snapshots_refresh (self);
    return POSADA_MACHINE (self);
}

PosadaMachine *
posada_kvm_machine_new_broken (PosadaStore *store, const char *uuid, const char *name,
                               const char *reason)
{
    PosadaKvmConfig config = {.name = (char *) name, .uuid = (char *) uuid};
    PosadaMachine *self = posada_kvm_machine_new (&config);

    set_store (POSADA_KVM_MACHINE (self), store);
    posada_kvm_machine_set_broken (POSADA_KVM_MACHINE (self), reason);
    return self;
}

void
posada_kvm_machine_set_broken (PosadaKvmMachine *self, const char *reason)
{
    g_return_if_fail (POSADA_IS_KVM_MACHINE (self));

    /* What runs goes on as it was made. */
    if (self->busy || self->instance || posada_machine_get_outside (POSADA_MACHINE (self)))
        return;
    posada_machine_set_capabilities (POSADA_MACHINE (self), POSADA_MACHINE_CAN_DELETE);
    posada_machine_set_state (POSADA_MACHINE (self), POSADA_MACHINE_MISSING, reason);
}

void
posada_kvm_machine_set_definition (PosadaKvmMachine *self, PosadaDefinition *definition)
{
    g_return_if_fail (POSADA_IS_KVM_MACHINE (self));
    g_return_if_fail (POSADA_IS_DEFINITION (definition));

    if (self->definition)
        g_signal_handlers_disconnect_by_data (self->definition, self);
    g_set_object (&self->definition, definition);
    g_signal_connect_object (definition, "changed", G_CALLBACK (definition_changed_cb), self,
                             G_CONNECT_SWAPPED);
    definition_changed_cb (self);
    if (posada_machine_get_state (POSADA_MACHINE (self)) == POSADA_MACHINE_MISSING) {
        posada_machine_set_capabilities (POSADA_MACHINE (self),
                                         posada_kvm_machine_get_own_capabilities (self));
        posada_machine_set_state (POSADA_MACHINE (self), POSADA_MACHINE_OFF, NULL);
    }
}

PosadaDefinition *
posada_kvm_machine_get_definition (PosadaKvmMachine *self)
{
    g_return_val_if_fail (POSADA_IS_KVM_MACHINE (self), NULL);
    return self->definition;
}
