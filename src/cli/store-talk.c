/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Machines that run: in the application, which is asked on the session bus, or in a process of
 * their own, which listens on a socket of the user's runtime folder.
 */
#include <stdio.h>
#include <string.h>

#include "cli/companion.h"
#include "cli/instance.h"
#include "cli/store-verbs.h"
#include "store/posada-control.h"

static const struct {
    const char *verb, *command;
} commands[] = {
    {"pause", "pause"}, {"resume", "resume"},         {"shutdown", "powerdown"},
    {"kill", "quit"},   {"screenshot", "screenshot"}, {"save", "save"},
};

static enum cli_status
complain_failed (const GError *error)
{
    store_complain (error);
    return CLI_FAILED;
}

static gboolean
save_picture (Instance *instance, const char *uuid, const char *path, GError **error)
{
    g_autoptr (GBytes) picture = instance_take_picture (instance, uuid, error);
    gconstpointer data;
    gsize size;

    if (!picture)
        return FALSE;
    data = g_bytes_get_data (picture, &size);
    return g_file_set_contents (path, data, (gssize) size, error);
}

/* @file, of a screenshot, or NULL. */
static gboolean
order (const char *uuid, const char *verb, const char *file, GError **error)
{
    g_autofree char *path = file ? g_canonicalize_filename (file, NULL) : NULL;
    g_autofree char *line = NULL;
    unsigned i = 0;

    while (!g_str_equal (commands[i].verb, verb))
        i++;
    line = path ? g_strdup_printf ("%s %s", commands[i].command, path)
                : g_strdup (commands[i].command);
    return posada_control_order (uuid, line, error);
}

enum cli_status
store_command (PosadaStore *store, int argc, char **argv)
{
    gboolean screenshot = g_str_equal (argv[0], "screenshot"), done;
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (Instance) instance = NULL;
    g_autoptr (GError) error = NULL;
    const char *words[2] = {NULL, NULL};

    if (!store_parse (argc, argv, NULL, 0, words, screenshot ? 2 : 1))
        return CLI_BAD_USE;
    entry = posada_store_find (store, words[0], &error);
    if (!entry)
        return store_complain (error);
    if (entry->holder == 0) {
        cli_complain ("the machine “%s” is not running", entry->name ? entry->name : entry->id);
        return CLI_BAD_USE;
    }
    instance = instance_find ();
    if (!instance || !instance_get_state (instance, entry->id))
        done = order (entry->id, argv[0], words[1], &error);
    else if (screenshot)
        done = save_picture (instance, entry->id, words[1], &error);
    else
        done = instance_operate (instance, entry->id, argv[0], &error);
    return done ? CLI_OK : complain_failed (error);
}

enum cli_status
store_console (PosadaStore *store, int argc, char **argv)
{
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (GError) error = NULL;
    const char *name;

    if (!store_parse (argc, argv, NULL, 0, &name, 1))
        return CLI_BAD_USE;
    entry = posada_store_find (store, name, &error);
    if (!entry)
        return store_complain (error);
    companion_execute ("posada-app", POSADA_BINDIR,
                       (char *[]) {(char *) "posada-app", (char *) "--console", entry->id, NULL});
    return CLI_BAD_HOST;
}
