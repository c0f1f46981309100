/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/posada-control.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

#define SUFFIX         ".sock"
#define ANSWER_SECONDS 30
#define MAX_COMMAND    4095 /* bytes, as the other side */

char *
posada_control_get_folder (void)
{
    return g_build_filename (g_get_user_runtime_dir (), "posada", NULL);
}

char *
posada_control_get_path (const char *uuid)
{
    g_autofree char *folder = posada_control_get_folder ();
    g_autofree char *name = g_strconcat (uuid, SUFFIX, NULL);

    return g_build_filename (folder, name, NULL);
}

char *
posada_control_get_uuid (const char *name)
{
    g_autofree char *uuid = NULL;

    if (!g_str_has_suffix (name, SUFFIX))
        return NULL;
    uuid = g_strndup (name, strlen (name) - strlen (SUFFIX));
    return g_uuid_string_is_valid (uuid) ? g_steal_pointer (&uuid) : NULL;
}

static GSocketConnection *
open_connection (const char *path, GError **error)
{
    g_autoptr (GSocketClient) client = g_socket_client_new ();
    g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
    g_autoptr (GSocketConnection) connection = NULL;

    g_socket_client_set_timeout (client, ANSWER_SECONDS);
    connection = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, NULL);
    if (!connection)
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no machine listens on %s", path);
    return g_steal_pointer (&connection);
}

static char *
converse (GIOStream *stream, const char *line, const char *path, GError **error)
{
    GInputStream *input = g_io_stream_get_input_stream (stream);
    g_autoptr (GString) answer = g_string_new (NULL);
    char buffer[4096];
    gssize n = 1;

    if (g_output_stream_write_all (g_io_stream_get_output_stream (stream), line, strlen (line),
                                   NULL, NULL, NULL))
        while (n > 0 && !strchr (answer->str, '\n') && answer->len < POSADA_CONTROL_MAX_ANSWER) {
            n = g_input_stream_read (input, buffer, sizeof buffer, NULL, NULL);
            if (n > 0)
                g_string_append_len (answer, buffer, n);
        }
    if (strchr (answer->str, '\n'))
        return g_string_free (g_steal_pointer (&answer), FALSE);
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The machine at %s does not answer",
                 path);
    return NULL;
}

char *
posada_control_talk (const char *uuid, const char *command, GError **error)
{
    g_autofree char *path = posada_control_get_path (uuid);
    g_autofree char *line = g_strconcat (command, "\n", NULL);
    g_autoptr (GSocketConnection) connection = NULL;

    if (strlen (command) > MAX_COMMAND || strchr (command, '\n')) {
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                     "What is said to a machine is one line of at most %d bytes", MAX_COMMAND);
        return NULL;
    }
    connection = open_connection (path, error);
    return connection ? converse (G_IO_STREAM (connection), line, path, error) : NULL;
}

gboolean
posada_control_order (const char *uuid, const char *command, GError **error)
{
    g_autofree char *answer = posada_control_talk (uuid, command, error);
    g_autofree char *reason = NULL;

    if (!answer)
        return FALSE;
    if (g_str_has_prefix (answer, "{\"ok\":true"))
        return TRUE;
    reason = posada_control_get_string (answer, "error");
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                         reason ? reason : "the machine said no");
    return FALSE;
}

char *
posada_control_get_string (const char *json, const char *key)
{
    g_autofree char *mark = g_strdup_printf ("\"%s\":\"", key);
    const char *at = strstr (json, mark);
    g_autoptr (GString) text = g_string_new (NULL);

    if (!at)
        return NULL;
    for (at += strlen (mark); *at && *at != '"'; at++) {
        if (*at != '\\' || !at[1])
            g_string_append_c (text, *at);
        else if (*++at == 'u' && strlen (at) > 4)
            /* Only control characters are written so, and none of them is to be shown. */
            at += 4;
        else
            g_string_append_c (text, strchr ("nrtbf", *at) ? ' ' : *at);
    }
    return g_string_free (g_steal_pointer (&text), FALSE);
}

guint64
posada_control_get_number (const char *json, const char *key)
{
    g_autofree char *mark = g_strdup_printf ("\"%s\":", key);
    const char *at = strstr (json, mark);

    return at ? g_ascii_strtoull (at + strlen (mark), NULL, 10) : 0;
}
