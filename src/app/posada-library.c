/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-library.h"

#include <glib/gi18n.h>

#include "machine/posada-fake-machine.h"
#include "machine/posada-kvm-machine.h"
#include "store/posada-device.h"
#include "store/posada-store-async.h"

#define TRASH_ID "posada-trash-id"
#define LOCK     "posada-lock"

struct _PosadaLibrary {
    GObject parent_instance;

    PosadaMachineList *machines;
    PosadaStore *store; /* or NULL */
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

static gboolean
is_on (PosadaMachine *machine)
{
    PosadaMachineState state = posada_machine_get_state (machine);

    return state != POSADA_MACHINE_OFF && state != POSADA_MACHINE_CRASHED &&
           state != POSADA_MACHINE_MISSING;
}

/* The lock tells other processes that the machine runs here; what keeps two from writing one disk
 * are the locks of the images. */
static void
state_cb (PosadaMachine *machine, GParamSpec *pspec, PosadaLibrary *self)
{
    gboolean locked = g_object_get_data (G_OBJECT (machine), LOCK) != NULL;

    if (self->store && is_on (machine) && !locked) {
        PosadaLock *lock = posada_store_lock (self->store, posada_machine_get_id (machine), NULL);

        if (lock)
            g_object_set_data_full (G_OBJECT (machine), LOCK, lock,
                                    (GDestroyNotify) posada_lock_free);
    } else if (!is_on (machine)) {
        g_object_set_data (G_OBJECT (machine), LOCK, NULL);
    }
    g_signal_emit (self, signals[RUNNING_CHANGED], 0);
}

static DexFuture *
not_renamed_cb (DexFuture *future, gpointer user_data)
{
    g_autoptr (GError) error = NULL;

    if (!dex_future_get_value (future, &error))
        g_message ("The new name is not kept: %s", error->message);
    return dex_future_new_true ();
}

static void
name_cb (PosadaMachine *machine, GParamSpec *pspec, PosadaLibrary *self)
{
    if (!self->store)
        return;
    dex_future_disown (
        dex_future_catch (posada_store_rename_async (self->store, posada_machine_get_id (machine),
                                                     posada_machine_get_name (machine)),
                          not_renamed_cb, NULL, NULL));
}

static void
add_machine (PosadaLibrary *self, PosadaMachine *machine)
{
    g_signal_connect_object (machine, "notify::state", G_CALLBACK (state_cb), self, 0);
    g_signal_connect_object (machine, "notify::name", G_CALLBACK (name_cb), self, 0);
    posada_machine_list_add (self->machines, machine);
}

static void
posada_library_dispose (GObject *object)
{
    PosadaLibrary *self = POSADA_LIBRARY (object);

    g_clear_object (&self->machines);
    g_clear_object (&self->store);
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

        n += is_on (machine);
    }
    return n;
}

/* --- the store --- */

/* The engine's half of a definition. */
static PosadaMachine *
make_machine (PosadaDefinition *definition)
{
    unsigned n = posada_definition_get_n_disks (definition);
    g_autofree PosadaKvmDrive *cds = g_new0 (PosadaKvmDrive, n);
    g_autofree PosadaKvmDrive *disks = g_new0 (PosadaKvmDrive, n);
    g_autofree char *name = posada_definition_get_name (definition);
    g_autofree char *uuid = posada_definition_get_uuid (definition);
    g_autofree char *os_name = posada_definition_get_title (definition);
    g_autofree char *kernel = posada_definition_get_kernel (definition);
    g_autofree char *initrd = posada_definition_get_initrd (definition);
    g_autofree char *cmdline = posada_definition_get_cmdline (definition);
    g_autofree char *video = posada_definition_get_video_model (definition);
    g_autoptr (GPtrArray) kept = g_ptr_array_new_with_free_func ((GDestroyNotify) posada_disk_free);
    PosadaKvmConfig config = {
        .name = name,
        .uuid = uuid,
        .os_name = os_name,
        .memory = posada_definition_get_memory (definition),
        .cpus = posada_definition_get_vcpus (definition),
        .kernel = kernel,
        .initrd = initrd,
        .cmdline = cmdline,
        .cds = cds,
        .disks = disks,
        .boot_menu = posada_definition_get_boot_menu (definition),
        .virtio_screen = g_strcmp0 (video, "virtio") == 0,
    };

    posada_definition_get_topology (definition, &config.sockets, &config.cores, &config.threads);
    for (unsigned i = 0; i < n; i++) {
        PosadaDisk *disk = posada_definition_get_disk (definition, i);
        PosadaKvmDrive drive = {disk->path, disk->read_only, disk->boot_order};

        g_ptr_array_add (kept, disk);
        if (disk->kind == POSADA_DISK_CDROM)
            cds[config.n_cds++] = drive;
        else if (disk->kind == POSADA_DISK_DISK && disk->path)
            disks[config.n_disks++] = drive;
    }
    return posada_kvm_machine_new (&config);
}

/* One that can only be looked at and deleted. */
static PosadaMachine *
make_broken (const PosadaStoreEntry *entry)
{
    PosadaKvmConfig config = {.name = entry->name ? entry->name : entry->id, .uuid = entry->id};
    PosadaMachine *machine = posada_kvm_machine_new (&config);

    posada_machine_set_capabilities (machine, POSADA_MACHINE_CAN_DELETE);
    posada_machine_set_state (machine, POSADA_MACHINE_MISSING, entry->error->message);
    return machine;
}

static DexFuture *
loaded_cb (DexFuture *future, gpointer user_data)
{
    PosadaLibrary *self = user_data;
    GPtrArray *entries = g_value_get_boxed (dex_future_get_value (future, NULL));

    for (guint i = 0; i < entries->len; i++) {
        PosadaStoreEntry *entry = entries->pdata[i];
        g_autoptr (PosadaMachine) machine =
            entry->definition ? make_machine (entry->definition) : make_broken (entry);

        add_machine (self, machine);
    }
    return dex_future_new_true ();
}

static DexFuture *
opened_cb (DexFuture *future, gpointer user_data)
{
    PosadaLibrary *self = user_data;
    PosadaDefinition *definition = g_value_get_object (dex_future_get_value (future, NULL));
    g_autoptr (PosadaMachine) machine = make_machine (definition);

    add_machine (self, machine);
    return dex_future_new_take_object (g_steal_pointer (&machine));
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
    posada_machine_list_remove (change->library->machines, change->machine);
    return dex_future_new_true ();
}

static DexFuture *
restored_cb (DexFuture *future, gpointer user_data)
{
    struct change *change = user_data;

    posada_machine_list_add (change->library->machines, change->machine);
    return dex_future_new_true ();
}

DexFuture *
posada_library_delete (PosadaLibrary *self, PosadaMachine *machine)
{
    g_return_val_if_fail (POSADA_IS_LIBRARY (self), NULL);

    if (!self->store) {
        posada_machine_list_remove (self->machines, machine);
        return dex_future_new_true ();
    }
    return dex_future_then (
        posada_store_delete_async (self->store, posada_machine_get_id (machine)), trashed_cb,
        change_new (self, machine), change_free);
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
