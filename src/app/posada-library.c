/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-library.h"

#include <glib/gi18n.h>

#include "machine/posada-fake-machine.h"

struct _PosadaLibrary {
    GObject parent_instance;

    PosadaMachineList *machines;
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
state_cb (PosadaLibrary *self)
{
    g_signal_emit (self, signals[RUNNING_CHANGED], 0);
}

static void
add_machine (PosadaLibrary *self, PosadaMachine *machine)
{
    g_signal_connect_object (machine, "notify::state", G_CALLBACK (state_cb), self,
                             G_CONNECT_SWAPPED);
    posada_machine_list_add (self->machines, machine);
}

static void
posada_library_dispose (GObject *object)
{
    PosadaLibrary *self = POSADA_LIBRARY (object);

    g_clear_object (&self->machines);
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
        PosadaMachineState state = posada_machine_get_state (machine);

        n += state != POSADA_MACHINE_OFF && state != POSADA_MACHINE_CRASHED &&
             state != POSADA_MACHINE_MISSING;
    }
    return n;
}

DexFuture *
posada_library_delete (PosadaLibrary *self, PosadaMachine *machine)
{
    g_return_val_if_fail (POSADA_IS_LIBRARY (self), NULL);

    posada_machine_list_remove (self->machines, machine);
    return dex_future_new_true ();
}

DexFuture *
posada_library_restore (PosadaLibrary *self, PosadaMachine *machine)
{
    g_return_val_if_fail (POSADA_IS_LIBRARY (self), NULL);

    posada_machine_list_add (self->machines, machine);
    return dex_future_new_true ();
}
