/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Machines that run: each listens on a socket of the user's runtime folder.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "cli/control.h"
#include "cli/socket.h"
#include "cli/store-verbs.h"

#define ANSWER_MAX     65536
#define ANSWER_SECONDS 30

char *
store_socket_path (const char *uuid)
{
    g_autofree char *name = g_strdup_printf ("%s.sock", uuid);

    return g_build_filename (g_get_user_runtime_dir (), "posada", name, NULL);
}

char *
store_talk (const char *uuid, const char *line, GError **error)
{
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    g_autofree char *path = store_socket_path (uuid);
    g_autoptr (GString) answer = g_string_new (NULL);
    struct vmm_error reason = {0};
    g_autofd int fd = -1;
    char buffer[4096];
    ssize_t n;

    if (socket_connect (path, &fd, &reason) < 0) {
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "%s", reason.message);
        return NULL;
    }
    setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (send (fd, line, strlen (line), MSG_NOSIGNAL) == (ssize_t) strlen (line))
        while (!strchr (answer->str, '\n') && answer->len < ANSWER_MAX &&
               (n = recv (fd, buffer, sizeof buffer, 0)) > 0)
            g_string_append_len (answer, buffer, n);
    if (!strchr (answer->str, '\n')) {
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The machine at %s does not answer",
                     path);
        return NULL;
    }
    return g_string_free (g_steal_pointer (&answer), FALSE);
}

char *
store_json_string (const char *json, const char *key)
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

enum cli_status
store_command (PosadaStore *store, int argc, char **argv)
{
    static const struct {
        const char *verb, *command;
    } commands[] = {
        {"pause", "pause"}, {"resume", "resume"},         {"shutdown", "powerdown"},
        {"kill", "quit"},   {"screenshot", "screenshot"},
    };
    gboolean screenshot = g_str_equal (argv[0], "screenshot");
    g_autofree char *line = NULL, *answer = NULL, *reason = NULL;
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (GError) error = NULL;
    const char *words[2] = {NULL, NULL};
    unsigned i = 0;

    if (!store_parse (argc, argv, NULL, 0, words, screenshot ? 2 : 1))
        return CLI_BAD_USE;
    entry = posada_store_find (store, words[0], &error);
    if (!entry)
        return store_complain (error);
    if (posada_store_get_holder (store, entry->id) == 0) {
        cli_complain ("the machine “%s” is not running", entry->name ? entry->name : entry->id);
        return CLI_BAD_USE;
    }
    while (!g_str_equal (commands[i].verb, argv[0]))
        i++;
    if (screenshot) {
        g_autofree char *path = g_canonicalize_filename (words[1], NULL);

        line = g_strdup_printf ("%s %s\n", commands[i].command, path);
    } else {
        line = g_strdup_printf ("%s\n", commands[i].command);
    }
    if (strlen (line) > CONTROL_MAX_LINE || strchr (line, '\n') != line + strlen (line) - 1) {
        cli_complain ("the name of a picture is one line of less than %d bytes", CONTROL_MAX_LINE);
        return CLI_BAD_USE;
    }
    answer = store_talk (entry->id, line, &error);
    if (!answer) {
        store_complain (error);
        return CLI_FAILED;
    }
    if (g_str_has_prefix (answer, "{\"ok\":true"))
        return CLI_OK;
    reason = store_json_string (answer, "error");
    cli_complain ("%s", reason ? reason : "the machine said no");
    return CLI_FAILED;
}
