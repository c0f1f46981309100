/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/instance.h"

#include "store/posada-bus.h"

#define START_MS 120000 /* an operation may read a large file first */
#define ASK_MS   5000

struct instance {
    GDBusConnection *bus;
    GVariant *states; /* a{ss} */
};

/* GIO would start a bus where there is an X server. */
static gboolean
has_bus (void)
{
    g_autofree char *path = g_build_filename (g_get_user_runtime_dir (), "bus", NULL);

    return g_getenv ("DBUS_SESSION_BUS_ADDRESS") || g_file_test (path, G_FILE_TEST_EXISTS);
}

static GVariant *
call (Instance *self, const char *method, GVariant *arguments, int timeout, GError **error)
{
    GVariant *answer = g_dbus_connection_call_sync (
        self->bus, POSADA_BUS_NAME, POSADA_BUS_PATH, POSADA_BUS_INTERFACE, method, arguments, NULL,
        G_DBUS_CALL_FLAGS_NO_AUTO_START, timeout, NULL, error);

    if (!answer && error && *error)
        g_dbus_error_strip_remote_error (*error);
    return answer;
}

Instance *
instance_find (void)
{
    g_autoptr (Instance) self = NULL;
    g_autoptr (GVariant) answer = NULL;

    if (!has_bus ())
        return NULL;
    self = g_new0 (Instance, 1);
    self->bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, NULL);
    if (!self->bus)
        return NULL;
    answer = call (self, "GetStates", NULL, ASK_MS, NULL);
    if (!answer || !g_variant_is_of_type (answer, G_VARIANT_TYPE ("(a{ss})")))
        return NULL;
    self->states = g_variant_get_child_value (answer, 0);
    return g_steal_pointer (&self);
}

void
instance_free (Instance *self)
{
    if (!self)
        return;
    g_clear_object (&self->bus);
    g_clear_pointer (&self->states, g_variant_unref);
    g_free (self);
}

const char *
instance_get_state (Instance *self, const char *uuid)
{
    const char *state = NULL;

    g_variant_lookup (self->states, uuid, "&s", &state);
    return state;
}

gboolean
instance_operate (Instance *self, const char *uuid, const char *verb, GError **error)
{
    int timeout = g_str_equal (verb, "save") ? G_MAXINT : START_MS;
    g_autoptr (GVariant) answer =
        call (self, "Operate", g_variant_new ("(ss)", uuid, verb), timeout, error);

    return answer != NULL;
}

gboolean
instance_work_snapshot (Instance *self, const char *uuid, char **words, GError **error)
{
    /* As long as it takes to write all of the RAM. */
    g_autoptr (GVariant) answer =
        call (self, "Snapshot", g_variant_new ("(s^as)", uuid, words), G_MAXINT, error);

    return answer != NULL;
}

gboolean
instance_set_remote (Instance *self, const char *uuid, const PosadaRemote *remote, GError **error)
{
    GEnumClass *kinds = g_type_class_ref (POSADA_TYPE_REMOTE_KIND);
    const char *kind = g_enum_get_value (kinds, (int) remote->kind)->value_nick;
    g_autoptr (GVariant) answer = call (self, "SetRemote",
                                        g_variant_new ("(ssus)", uuid, kind, remote->port,
                                                       remote->password ? remote->password : ""),
                                        START_MS, error);

    g_type_class_unref (kinds);
    return answer != NULL;
}

GBytes *
instance_take_picture (Instance *self, const char *uuid, GError **error)
{
    g_autoptr (GVariant) answer =
        call (self, "Screenshot", g_variant_new ("(s)", uuid), START_MS, error);
    g_autoptr (GVariant) picture = NULL;

    if (!answer)
        return NULL;
    if (!g_variant_is_of_type (answer, G_VARIANT_TYPE ("(ay)"))) {
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                     "The application answers with something that is no picture");
        return NULL;
    }
    picture = g_variant_get_child_value (answer, 0);
    return g_variant_get_data_as_bytes (picture);
}
