/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-library.h"

#include <glib/gi18n.h>
#include <unistd.h>

#include "machine/posada-fake-machine.h"
#include "machine/posada-kvm-machine.h"
#include "machine/posada-os.h"
#include "store/posada-control.h"
#include "store/posada-store-async.h"
#include "store/posada-store-error.h"

#define TRASH_ID "posada-trash-id"

struct _PosadaLibrary {
    GObject parent_instance;

    PosadaMachineList *machines;
    PosadaStore *store; /* or NULL */
    /* UUIDs that are being read: GUINT_TO_POINTER (1), or 2 if they have changed again meanwhile.
     */
    GHashTable *reading;
    GHashTable *deleted;   /* UUIDs: machines that may be restored */
    GFileMonitor *sockets; /* of machines in processes of their own */
};

G_DEFINE_FINAL_TYPE (PosadaLibrary, posada_library, G_TYPE_OBJECT)

enum {
    RUNNING_CHANGED,
    N_SIGNALS,
};
static guint signals[N_SIGNALS];

/* What people run; the first few are in the pictures of the documentation. */
static const struct {
    const char *name;
    const char *os_name;
} fakes[] = {
    {"Debian Trixie", "Debian 13"},
    {"Fedora Workstation", "Fedora Linux 42"},
    {"Windows Test Bench", "Microsoft Windows 11"},
    {"Alpine Router", "Alpine Linux 3.22"},
    {"FreeBSD Storage", "FreeBSD 14.3"},
    {"Ubuntu Build Server", "Ubuntu 24.04 LTS"},
};

static void
running_changed_cb (PosadaLibrary *self)
{
    g_signal_emit (self, signals[RUNNING_CHANGED], 0);
}

static void
add_machine (PosadaLibrary *self, PosadaMachine *machine)
{
    if (g_signal_handler_find (machine, G_SIGNAL_MATCH_DATA, 0, 0, NULL, NULL, self) == 0) {
        g_signal_connect_object (machine, "notify::state", G_CALLBACK (running_changed_cb), self,
                                 G_CONNECT_SWAPPED);
        g_signal_connect_object (machine, "notify::outside", G_CALLBACK (running_changed_cb), self,
                                 G_CONNECT_SWAPPED);
    }
    posada_machine_list_add (self->machines, machine);
}

static void
posada_library_dispose (GObject *object)
{
    PosadaLibrary *self = POSADA_LIBRARY (object);

    if (self->sockets)
        g_file_monitor_cancel (self->sockets);
    g_clear_object (&self->sockets);
    g_clear_object (&self->machines);
    g_clear_object (&self->store);
    g_clear_pointer (&self->reading, g_hash_table_unref);
    g_clear_pointer (&self->deleted, g_hash_table_unref);
    G_OBJECT_CLASS (posada_library_parent_class)->dispose (object);
}

static void
posada_library_class_init (PosadaLibraryClass *klass)
{
    G_OBJECT_CLASS (klass)->dispose = posada_library_dispose;
    signals[RUNNING_CHANGED] =
        g_signal_new ("running-changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                      NULL, NULL, G_TYPE_NONE, 0);
}

static void
posada_library_init (PosadaLibrary *self)
{
    self->machines = posada_machine_list_new ();
    self->reading = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    self->deleted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
}

PosadaLibrary *
posada_library_new_fake (guint n_machines)
{
    PosadaLibrary *self = g_object_new (POSADA_TYPE_LIBRARY, NULL);

    for (guint i = 0; i < n_machines; i++) {
        g_autoptr (PosadaMachine) machine = NULL;
        guint kind = i % G_N_ELEMENTS (fakes);
        g_autofree char *name = NULL;

        name = i < G_N_ELEMENTS (fakes) ? g_strdup (fakes[kind].name)
                                        : g_strdup_printf ("%s %u", fakes[kind].name,
                                                           i / (guint) G_N_ELEMENTS (fakes) + 1);
        machine = posada_fake_machine_new (name, fakes[kind].os_name);
        add_machine (self, machine);
    }
    return self;
}

PosadaMachineList *
posada_library_get_machines (PosadaLibrary *self)
{
    g_return_val_if_fail (POSADA_IS_LIBRARY (self), NULL);

    return self->machines;
}

guint
posada_library_count_running (PosadaLibrary *self)
{
    guint n = 0;

    g_return_val_if_fail (POSADA_IS_LIBRARY (self), 0);

    for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->machines)); i++) {
        g_autoptr (PosadaMachine) machine =
            g_list_model_get_item (G_LIST_MODEL (self->machines), i);

        n += posada_machine_is_on_here (machine);
    }
    return n;
}

/* --- the store --- */

static DexFuture *
named_cb (DexFuture *future, gpointer user_data)
{
    posada_machine_set_os_name (user_data,
                                g_value_get_string (dex_future_get_value (future, NULL)));
    return dex_future_new_true ();
}

static void
find_os_name (PosadaMachine *machine, PosadaDefinition *definition)
{
    g_autofree char *os_id = posada_definition_get_os_id (definition);

    if (os_id)
        dex_future_disown (dex_future_then (posada_os_find_name (os_id), named_cb,
                                            g_object_ref (machine), g_object_unref));
}

/* What the store says now of one machine, which may be in the list or not. */
static PosadaMachine *
take_definition (PosadaLibrary *self, PosadaDefinition *definition)
{
    g_autofree char *uuid = posada_definition_get_uuid (definition);
    PosadaMachine *machine = posada_machine_list_find (self->machines, uuid);
    g_autoptr (PosadaMachine) added = NULL;

    if (!machine) {
        /* One that comes back is the one that went. */
        if (!g_hash_table_steal_extended (self->deleted, uuid, NULL, (gpointer *) &added))
            added = posada_kvm_machine_new_for_definition (definition, self->store);
        machine = added;
    }
    if (posada_kvm_machine_get_definition (POSADA_KVM_MACHINE (machine)) != definition)
        posada_kvm_machine_set_definition (POSADA_KVM_MACHINE (machine), definition);
    find_os_name (machine, definition);
    if (added)
        add_machine (self, added);
    return machine;
}

static void
take_broken (PosadaLibrary *self, const char *uuid, const char *name, const GError *error)
{
    PosadaMachine *machine = posada_machine_list_find (self->machines, uuid);
    g_autoptr (PosadaMachine) added = NULL;

    if (machine) {
        posada_kvm_machine_set_broken (POSADA_KVM_MACHINE (machine), error->message);
        return;
    }
    added = posada_kvm_machine_new_broken (self->store, uuid, name ? name : uuid, error->message);
    add_machine (self, added);
}

static DexFuture *
loaded_cb (DexFuture *future, gpointer user_data)
{
    PosadaLibrary *self = user_data;
    GPtrArray *entries = g_value_get_boxed (dex_future_get_value (future, NULL));

    for (guint i = 0; i < entries->len; i++) {
        PosadaStoreEntry *entry = entries->pdata[i];

        if (!entry->definition) {
            take_broken (self, entry->id, entry->name, entry->error);
        } else {
            PosadaMachine *machine = take_definition (self, entry->definition);

            posada_machine_set_used_at (machine, entry->used);
            if (entry->holder != 0 && entry->holder != getpid ())
                posada_kvm_machine_look_outside (POSADA_KVM_MACHINE (machine));
        }
    }
    return dex_future_new_true ();
}

static DexFuture *
opened_cb (DexFuture *future, gpointer user_data)
{
    PosadaDefinition *definition = g_value_get_object (dex_future_get_value (future, NULL));

    return dex_future_new_take_object (g_object_ref (take_definition (user_data, definition)));
}

/* --- changes by others --- */

struct reading {
    PosadaLibrary *library;
    char *uuid;
};

static void
reading_free (gpointer data)
{
    struct reading *reading = data;

    g_object_unref (reading->library);
    g_free (reading->uuid);
    g_free (reading);
}

static void read_again (PosadaLibrary *self, const char *uuid);

static DexFuture *
read_cb (DexFuture *future, gpointer user_data)
{
    struct reading *reading = user_data;
    PosadaLibrary *self = reading->library;
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);
    PosadaMachine *machine;
    gboolean stale;

    if (!self->machines)
        return dex_future_new_true ();
    stale = GPOINTER_TO_UINT (g_hash_table_lookup (self->reading, reading->uuid)) > 1;
    g_hash_table_remove (self->reading, reading->uuid);
    machine = posada_machine_list_find (self->machines, reading->uuid);
    if (stale) {
        read_again (self, reading->uuid);
    } else if (value) {
        machine = take_definition (self, g_value_get_object (value));
        posada_kvm_machine_look_outside (POSADA_KVM_MACHINE (machine));
    } else if (!g_error_matches (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_NOT_FOUND)) {
        take_broken (self, reading->uuid, NULL, error);
    } else if (machine) {
        posada_machine_list_remove (self->machines, machine);
        g_signal_emit (self, signals[RUNNING_CHANGED], 0);
    }
    return dex_future_new_true ();
}

/* One reading of each machine at a time, so that the last one is of the last change. */
static void
read_again (PosadaLibrary *self, const char *uuid)
{
    struct reading *reading;

    if (g_hash_table_contains (self->reading, uuid)) {
        g_hash_table_replace (self->reading, g_strdup (uuid), GUINT_TO_POINTER (2));
        return;
    }
    g_hash_table_replace (self->reading, g_strdup (uuid), GUINT_TO_POINTER (1));
    reading = g_new (struct reading, 1);
    reading->library = g_object_ref (self);
    reading->uuid = g_strdup (uuid);
    dex_future_disown (dex_future_finally (posada_store_load_async (self->store, uuid), read_cb,
                                           reading, reading_free));
}

static void
store_changed_cb (PosadaLibrary *self, const char *uuid)
{
    read_again (self, uuid);
}

/* A machine in a process of its own has come, or gone. */
static void
socket_cb (PosadaLibrary *self, GFile *file)
{
    g_autofree char *name = g_file_get_basename (file);
    g_autofree char *uuid = posada_control_get_uuid (name);
    PosadaMachine *machine = uuid ? posada_machine_list_find (self->machines, uuid) : NULL;

    if (machine)
        posada_kvm_machine_look_outside (POSADA_KVM_MACHINE (machine));
}

static void
watch (PosadaLibrary *self)
{
    g_autofree char *path = posada_control_get_folder ();
    g_autoptr (GFile) folder = g_file_new_for_path (path);
    g_autoptr (GError) error = NULL;

    /* Without a watch, changes are seen when the application starts again. */
    if (!posada_store_watch (self->store, &error))
        g_message ("Changes by others are not seen: %s", error->message);
    g_signal_connect_object (self->store, "changed", G_CALLBACK (store_changed_cb), self,
                             G_CONNECT_SWAPPED);
    g_mkdir_with_parents (path, 0700);
    self->sockets = g_file_monitor_directory (folder, G_FILE_MONITOR_NONE, NULL, NULL);
    if (self->sockets)
        g_signal_connect_object (self->sockets, "changed", G_CALLBACK (socket_cb), self,
                                 G_CONNECT_SWAPPED);
}

PosadaLibrary *
posada_library_new (PosadaStore *store)
{
    PosadaLibrary *self = g_object_new (POSADA_TYPE_LIBRARY, NULL);

    self->store = g_object_ref (store);
    return self;
}

PosadaStore *
posada_library_get_store (PosadaLibrary *self)
{
    g_return_val_if_fail (POSADA_IS_LIBRARY (self), NULL);

    return self->store;
}

DexFuture *
posada_library_load (PosadaLibrary *self)
{
    g_return_val_if_fail (POSADA_IS_LIBRARY (self), NULL);

    if (!self->store)
        return dex_future_new_true ();
    watch (self);
    return dex_future_then (posada_store_list_async (self->store), loaded_cb, g_object_ref (self),
                            g_object_unref);
}

DexFuture *
posada_library_open (PosadaLibrary *self, const char *uuid)
{
    g_return_val_if_fail (POSADA_IS_LIBRARY (self) && self->store, NULL);

    return dex_future_then (posada_store_load_async (self->store, uuid), opened_cb,
                            g_object_ref (self), g_object_unref);
}

/* --- deleting --- */

struct change {
    PosadaLibrary *library;
    PosadaMachine *machine;
};

static void
change_free (gpointer data)
{
    struct change *change = data;

    g_object_unref (change->library);
    g_object_unref (change->machine);
    g_free (change);
}

static struct change *
change_new (PosadaLibrary *library, PosadaMachine *machine)
{
    struct change *change = g_new0 (struct change, 1);

    change->library = g_object_ref (library);
    change->machine = g_object_ref (machine);
    return change;
}

static DexFuture *
trashed_cb (DexFuture *future, gpointer user_data)
{
    struct change *change = user_data;
    const GValue *value = dex_future_get_value (future, NULL);

    g_object_set_data_full (G_OBJECT (change->machine), TRASH_ID, g_value_dup_string (value),
                            g_free);
    g_hash_table_replace (change->library->deleted,
                          g_strdup (posada_machine_get_id (change->machine)),
                          g_object_ref (change->machine));
    posada_machine_list_remove (change->library->machines, change->machine);
    return dex_future_new_true ();
}

static DexFuture *
restored_cb (DexFuture *future, gpointer user_data)
{
    struct change *change = user_data;
    const char *uuid = posada_machine_get_id (change->machine);

    /* The watch may have been quicker. */
    g_hash_table_remove (change->library->deleted, uuid);
    if (!posada_machine_list_find (change->library->machines, uuid))
        add_machine (change->library, change->machine);
    return dex_future_new_true ();
}

static DexFuture *
stopped_cb (DexFuture *future, gpointer user_data)
{
    struct change *change = user_data;

    return posada_store_delete_async (change->library->store,
                                      posada_machine_get_id (change->machine));
}

DexFuture *
posada_library_delete (PosadaLibrary *self, PosadaMachine *machine)
{
    DexFuture *future;

    g_return_val_if_fail (POSADA_IS_LIBRARY (self), NULL);

    if (!self->store) {
        posada_machine_list_remove (self->machines, machine);
        return dex_future_new_true ();
    }
    /* What has crashed still has its images open. */
    if (posada_machine_get_state (machine) == POSADA_MACHINE_CRASHED)
        future = dex_future_then (posada_machine_force_off (machine), stopped_cb,
                                  change_new (self, machine), change_free);
    else
        future = posada_store_delete_async (self->store, posada_machine_get_id (machine));
    return dex_future_then (future, trashed_cb, change_new (self, machine), change_free);
}

DexFuture *
posada_library_restore (PosadaLibrary *self, PosadaMachine *machine)
{
    const char *id;

    g_return_val_if_fail (POSADA_IS_LIBRARY (self), NULL);

    id = g_object_get_data (G_OBJECT (machine), TRASH_ID);
    if (!self->store) {
        posada_machine_list_add (self->machines, machine);
        return dex_future_new_true ();
    }
    return dex_future_then (posada_store_restore_async (self->store, id, NULL), restored_cb,
                            change_new (self, machine), change_free);
}
