/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada clone and posada snapshot NAME copy: the work is done on a thread, while this one shows
 * how far it is and waits for Ctrl+C.
 */
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/store-verbs.h"
#include "machine/posada-clone.h"
#include "store/posada-store-error.h"

#define PROGRESS_MS 200

struct work {
    PosadaClone *clone;
    GCancellable *cancellable;
    GMainLoop *loop;
    char *uuid; /* of the new one; NULL: .error */
    GError *error;
    gboolean shown;
};

static gboolean
done_cb (gpointer data)
{
    g_main_loop_quit (data);
    return G_SOURCE_REMOVE;
}

static gpointer
work_thread (gpointer data)
{
    struct work *work = data;

    work->uuid = posada_clone_run_now (work->clone, work->cancellable, &work->error);
    g_idle_add (done_cb, work->loop);
    return NULL;
}

static gboolean
progress_cb (gpointer data)
{
    struct work *work = data;

    fprintf (stderr, "\r%3.0f %%", 100 * posada_clone_get_progress (work->clone));
    work->shown = TRUE;
    return G_SOURCE_CONTINUE;
}

static gboolean
signal_cb (gpointer data)
{
    struct work *work = data;

    g_cancellable_cancel (work->cancellable);
    return G_SOURCE_CONTINUE;
}

static void
run (struct work *work)
{
    GThread *thread;

    work->cancellable = g_cancellable_new ();
    work->loop = g_main_loop_new (NULL, FALSE);
    g_unix_signal_add (SIGINT, signal_cb, work);
    g_unix_signal_add (SIGTERM, signal_cb, work);
    if (isatty (STDERR_FILENO))
        g_timeout_add (PROGRESS_MS, progress_cb, work);
    thread = g_thread_new ("posada-clone", work_thread, work);
    g_main_loop_run (work->loop);
    g_thread_join (thread);
    if (work->shown)
        fprintf (stderr, "\r     \r");
    g_main_loop_unref (work->loop);
    g_object_unref (work->cancellable);
}

static enum cli_status
make (PosadaStore *store, const char *uuid, PosadaCloneKind kind, const char *snapshot,
      const char *name)
{
    g_autoptr (PosadaClone) clone = posada_clone_new (store, uuid, kind, snapshot, name);
    struct work work = {.clone = clone};
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autofree char *new_name = NULL;
    enum cli_status status;

    run (&work);
    if (!work.uuid) {
        status = store_complain (work.error);
        if (work.error->domain == G_IO_ERROR)
            status = CLI_FAILED;
        g_clear_error (&work.error);
        return status;
    }
    definition = posada_store_load (store, work.uuid, NULL);
    new_name = definition ? posada_definition_get_name (definition) : g_strdup (work.uuid);
    printf ("%s\n", new_name);
    g_free (work.uuid);
    return CLI_OK;
}

enum cli_status
store_copy (PosadaStore *store, const char *uuid, const char *id, const char *name)
{
    return make (store, uuid, POSADA_CLONE_COPY, id, name);
}

enum cli_status
store_clone (PosadaStore *store, int argc, char **argv)
{
    const char *new_name = NULL, *name;
    gboolean linked = FALSE;
    const struct store_option options[] = {{"name", &new_name, NULL}, {"linked", NULL, &linked}};
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (GError) error = NULL;

    if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), &name, 1))
        return CLI_BAD_USE;
    entry = posada_store_find (store, name, &error);
    if (!entry)
        return store_complain (error);
    return make (store, entry->id, linked ? POSADA_CLONE_LINKED : POSADA_CLONE_FULL, NULL,
                 new_name);
}

enum cli_status
store_template (PosadaStore *store, int argc, char **argv)
{
    gboolean off = FALSE;
    const struct store_option options[] = {{"off", NULL, &off}};
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autoptr (PosadaStoreEntry) entry = NULL;
    g_autoptr (PosadaLock) lock = NULL;
    g_autoptr (GError) error = NULL;
    const char *name;

    if (!store_parse (argc, argv, options, G_N_ELEMENTS (options), &name, 1))
        return CLI_BAD_USE;
    entry = posada_store_find (store, name, &error);
    lock = entry ? posada_store_lock (store, entry->id, &error) : NULL;
    definition = lock ? posada_store_load (store, entry->id, &error) : NULL;
    if (!definition)
        return store_complain (error);
    posada_definition_set_role (definition, off ? POSADA_ROLE_MACHINE : POSADA_ROLE_TEMPLATE);
    return posada_store_save (store, definition, &error) ? CLI_OK : store_complain (error);
}
