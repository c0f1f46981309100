/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-service.h"

#include <glib/gi18n.h>

#include "app/posada-thumbnailer.h"
#include "store/posada-bus.h"

struct _PosadaService {
    GObject parent_instance;

    PosadaLibrary *library;
    GDBusConnection *connection;
    guint registration;
};

G_DEFINE_FINAL_TYPE (PosadaService, posada_service, G_TYPE_OBJECT)

enum {
    CONSOLE_REQUESTED,
    N_SIGNALS,
};
static guint signals[N_SIGNALS];

static const struct {
    const char *verb;
    DexFuture *(*begin) (PosadaMachine *machine);
    gboolean waits; /* for the end */
} operations[] = {
    {"start", posada_machine_start, TRUE},         {"pause", posada_machine_pause, TRUE},
    {"resume", posada_machine_resume, TRUE},       {"kill", posada_machine_force_off, TRUE},
    {"shutdown", posada_machine_shut_down, FALSE}, {"save", posada_machine_save, TRUE},
};

static void
fail (GDBusMethodInvocation *invocation, const char *sentence)
{
    g_dbus_method_invocation_return_dbus_error (invocation, POSADA_BUS_ERROR, sentence);
}

static DexFuture *
operated_cb (DexFuture *future, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr (GError) error = NULL;

    if (dex_future_get_value (future, &error))
        g_dbus_method_invocation_return_value (g_object_ref (invocation), NULL);
    else
        fail (g_object_ref (invocation), error->message);
    return dex_future_new_true ();
}

/* An invocation is consumed by its answer, so the callback's reference is one more. */
static void
answer_when_done (DexFuture *future, DexFutureCallback callback, GDBusMethodInvocation *invocation)
{
    dex_future_disown (dex_future_finally (future, callback, invocation, g_object_unref));
}

static void
operate (PosadaMachine *machine, const char *verb, GDBusMethodInvocation *invocation)
{
    for (gsize i = 0; i < G_N_ELEMENTS (operations); i++) {
        DexFuture *future;

        if (!g_str_equal (operations[i].verb, verb))
            continue;
        future = operations[i].begin (machine);
        if (operations[i].waits || !dex_future_is_pending (future)) {
            answer_when_done (future, operated_cb, invocation);
        } else {
            dex_future_disown (future);
            g_dbus_method_invocation_return_value (invocation, NULL);
        }
        return;
    }
    fail (invocation, _ ("Nothing of that name can be done with a machine."));
}

/* --- snapshots --- */

static PosadaSnapshot *
find_snapshot (PosadaMachine *machine, const char *id)
{
    GListModel *list = posada_machine_get_snapshots (machine);

    for (guint i = 0; i < g_list_model_get_n_items (list); i++) {
        g_autoptr (PosadaSnapshot) snapshot = g_list_model_get_item (list, i);

        if (g_str_equal (posada_snapshot_get (snapshot)->id, id))
            return g_steal_pointer (&snapshot);
    }
    return NULL;
}

/* The future, or NULL and an answer that says what is wrong. */
static DexFuture *
work_snapshot (PosadaMachine *machine, const char *const *words, GDBusMethodInvocation *invocation)
{
    g_autoptr (PosadaSnapshot) snapshot = NULL;
    guint n = g_strv_length ((char **) words);

    if (n == 1 && g_str_equal (words[0], "cancel"))
        return posada_machine_cancel_snapshot (machine);
    if (n == 2 && g_str_equal (words[0], "take"))
        return posada_machine_take_snapshot (machine, words[1], NULL);
    if (n >= 2)
        snapshot = find_snapshot (machine, words[1]);
    if (n >= 2 && !snapshot)
        fail (invocation, _ ("The machine has no such snapshot."));
    else if (n == 2 && g_str_equal (words[0], "restore"))
        return posada_machine_restore_snapshot (machine, snapshot);
    else if (n == 2 && g_str_equal (words[0], "delete"))
        return posada_machine_delete_snapshot (machine, snapshot);
    else if (n == 3 && g_str_equal (words[0], "rename"))
        return posada_machine_edit_snapshot (machine, snapshot, words[2],
                                             posada_snapshot_get (snapshot)->note);
    else
        fail (invocation, _ ("Nothing of that name can be done with a snapshot."));
    return NULL;
}

static void
work_on_snapshots (PosadaMachine *machine, GVariant *arguments, GDBusMethodInvocation *invocation)
{
    g_autoptr (GVariant) child = g_variant_get_child_value (arguments, 1);
    g_autofree const char **words = g_variant_get_strv (child, NULL);
    DexFuture *future = work_snapshot (machine, words, invocation);

    if (future)
        answer_when_done (future, operated_cb, invocation);
}

static void
set_remote (PosadaMachine *machine, GVariant *arguments, GDBusMethodInvocation *invocation)
{
    GEnumClass *kinds = g_type_class_ref (POSADA_TYPE_REMOTE_KIND);
    PosadaRemote wish = {0};
    const GEnumValue *kind;
    const char *name;

    /* The machine only reads the password. */
    g_variant_get (arguments, "(&s&su&s)", NULL, &name, &wish.port, (const char **) &wish.password);
    kind = g_enum_get_value_by_nick (kinds, name);
    if (kind) {
        wish.kind = (PosadaRemoteKind) kind->value;
        answer_when_done (posada_machine_set_remote (machine, &wish), operated_cb, invocation);
    } else {
        fail (invocation, _ ("There is no such kind of remote access."));
    }
    g_type_class_unref (kinds);
}

static DexFuture *
pictured_cb (DexFuture *future, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);

    if (value)
        g_dbus_method_invocation_return_value (
            g_object_ref (invocation),
            g_variant_new ("(@ay)", g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING,
                                                              g_value_get_boxed (value), TRUE)));
    else
        fail (g_object_ref (invocation), error->message);
    return dex_future_new_true ();
}

static GVariant *
get_states (PosadaService *self)
{
    GListModel *machines = G_LIST_MODEL (posada_library_get_machines (self->library));
    GEnumClass *states = g_type_class_ref (POSADA_TYPE_MACHINE_STATE);
    GVariantBuilder builder;

    g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{ss}"));
    for (guint i = 0; i < g_list_model_get_n_items (machines); i++) {
        g_autoptr (PosadaMachine) machine = g_list_model_get_item (machines, i);
        PosadaMachineState state = posada_machine_get_state (machine);

        if (posada_machine_is_on_here (machine) || state == POSADA_MACHINE_CRASHED)
            g_variant_builder_add (&builder, "{ss}", posada_machine_get_id (machine),
                                   g_enum_get_value (states, (int) state)->value_nick);
    }
    g_type_class_unref (states);
    return g_variant_new ("(a{ss})", &builder);
}

/* A machine that was made, or changed, a moment ago may not be in the list yet, or as it was. */
struct wish {
    PosadaService *service;
    GDBusMethodInvocation *invocation;
};

static void
fulfil (PosadaService *self, PosadaMachine *machine, GDBusMethodInvocation *invocation)
{
    const char *method = g_dbus_method_invocation_get_method_name (invocation);
    GVariant *arguments = g_dbus_method_invocation_get_parameters (invocation);
    const char *verb = "";

    if (g_str_equal (method, "Operate")) {
        g_variant_get_child (arguments, 1, "&s", &verb);
        operate (machine, verb, invocation);
    } else if (g_str_equal (method, "Snapshot")) {
        work_on_snapshots (machine, arguments, invocation);
    } else if (g_str_equal (method, "SetRemote")) {
        set_remote (machine, arguments, invocation);
    } else if (g_str_equal (method, "Screenshot")) {
        answer_when_done (posada_screenshot_take (machine), pictured_cb, invocation);
    } else {
        g_signal_emit (self, signals[CONSOLE_REQUESTED], 0, machine);
        g_dbus_method_invocation_return_value (invocation, NULL);
    }
}

static DexFuture *
found_cb (DexFuture *future, gpointer user_data)
{
    struct wish *wish = user_data;
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);

    if (value)
        fulfil (wish->service, g_value_get_object (value), wish->invocation);
    else
        fail (wish->invocation, error->message);
    g_object_unref (wish->service);
    g_free (wish);
    return dex_future_new_true ();
}

static void
method_call_cb (GDBusConnection *connection, const char *sender, const char *path,
                const char *interface, const char *method, GVariant *arguments,
                GDBusMethodInvocation *invocation, gpointer user_data)
{
    PosadaService *self = user_data;
    PosadaMachine *machine;
    struct wish *wish;
    const char *uuid;

    if (g_str_equal (method, "GetStates")) {
        g_dbus_method_invocation_return_value (invocation, get_states (self));
        return;
    }
    g_variant_get_child (arguments, 0, "&s", &uuid);
    machine = posada_machine_list_find (posada_library_get_machines (self->library), uuid);
    if (!posada_library_get_store (self->library) ||
        (machine && posada_machine_is_on_here (machine))) {
        if (machine)
            fulfil (self, machine, invocation);
        else
            fail (invocation, _ ("There is no such machine."));
        return;
    }
    wish = g_new (struct wish, 1);
    wish->service = g_object_ref (self);
    wish->invocation = invocation;
    dex_future_disown (
        dex_future_finally (posada_library_open (self->library, uuid), found_cb, wish, NULL));
}

static void
posada_service_dispose (GObject *object)
{
    PosadaService *self = POSADA_SERVICE (object);

    posada_service_unexport (self);
    g_clear_object (&self->library);
    G_OBJECT_CLASS (posada_service_parent_class)->dispose (object);
}

static void
posada_service_class_init (PosadaServiceClass *klass)
{
    G_OBJECT_CLASS (klass)->dispose = posada_service_dispose;
    signals[CONSOLE_REQUESTED] =
        g_signal_new ("console-requested", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                      NULL, NULL, G_TYPE_NONE, 1, POSADA_TYPE_MACHINE);
}

static void
posada_service_init (PosadaService *self)
{
}

PosadaService *
posada_service_new (PosadaLibrary *library)
{
    PosadaService *self = g_object_new (POSADA_TYPE_SERVICE, NULL);

    g_return_val_if_fail (POSADA_IS_LIBRARY (library), NULL);

    self->library = g_object_ref (library);
    return self;
}

gboolean
posada_service_export (PosadaService *self, GDBusConnection *connection, const char *path,
                       GError **error)
{
    static const GDBusInterfaceVTable table = {.method_call = method_call_cb};
    g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (POSADA_BUS_XML, error);

    g_return_val_if_fail (POSADA_IS_SERVICE (self), FALSE);

    if (!node)
        return FALSE;
    self->registration = g_dbus_connection_register_object (connection, path, node->interfaces[0],
                                                            &table, self, NULL, error);
    g_set_object (&self->connection, connection);
    return self->registration != 0;
}

void
posada_service_unexport (PosadaService *self)
{
    g_return_if_fail (POSADA_IS_SERVICE (self));

    if (self->registration)
        g_dbus_connection_unregister_object (self->connection, self->registration);
    self->registration = 0;
    g_clear_object (&self->connection);
}
