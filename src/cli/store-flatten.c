/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada disk flatten: the work is done on a thread, while this one shows how far it is and waits
 * for Ctrl+C.
 */
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/store-verbs.h"
#include "machine/posada-disk-job.h"

#define PROGRESS_MS 200

struct flattening {
    PosadaDiskJob *job;
    GMainLoop *loop;
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
    struct flattening *work = data;

    posada_disk_job_run (work->job);
    g_idle_add (done_cb, work->loop);
    return NULL;
}

static gboolean
progress_cb (gpointer data)
{
    struct flattening *work = data;
    guint64 total = atomic_load (&work->job->total);

    if (total) {
        fprintf (stderr, "\r%3.0f %%",
                 100.0 * (double) atomic_load (&work->job->done) / (double) total);
        work->shown = TRUE;
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
signal_cb (gpointer data)
{
    struct flattening *work = data;

    atomic_store (&work->job->cancelled, true);
    return G_SOURCE_CONTINUE;
}

static void
run (struct flattening *work)
{
    GThread *thread;

    work->loop = g_main_loop_new (NULL, FALSE);
    g_unix_signal_add (SIGINT, signal_cb, work);
    g_unix_signal_add (SIGTERM, signal_cb, work);
    if (isatty (STDERR_FILENO))
        g_timeout_add (PROGRESS_MS, progress_cb, work);
    thread = g_thread_new ("posada-disk", work_thread, work);
    g_main_loop_run (work->loop);
    g_thread_join (thread);
    if (work->shown)
        fputs ("\r     \r", stderr);
    g_main_loop_unref (work->loop);
}

/* What it was saved with are its disks as they were. */
static gboolean
is_saved (const char *folder)
{
    g_autofree char *saved = g_build_filename (folder, "snapshots", "saved", NULL);

    return g_file_test (saved, G_FILE_TEST_EXISTS);
}

enum cli_status
store_flatten (PosadaStore *store, const char *name)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaStoreEntry) entry = posada_store_find (store, name, &error);
    g_autofree char *folder = entry ? posada_store_get_machine_folder (store, entry->id) : NULL;
    enum cli_status status = CLI_OK;
    struct flattening work = {0};

    if (!entry)
        return store_complain (error);
    if (is_saved (folder)) {
        cli_complain ("“%s” is saved: start it and shut it down first", entry->name);
        return CLI_FAILED;
    }
    work.job = g_atomic_rc_box_new0 (PosadaDiskJob);
    work.job->work = posada_disk_job_make_independent;
    work.job->is_task = work.job->needs_lock = TRUE;
    work.job->store = g_object_ref (store);
    work.job->folder = g_steal_pointer (&folder);
    work.job->definition = posada_store_load (store, entry->id, &error);
    if (!work.job->definition)
        status = store_complain (error);
    else
        run (&work);
    if (work.job->error) {
        /* Sentences of the application, which end with a full stop. */
        g_autofree char *line = g_strdup (work.job->error->message);

        if (g_str_has_suffix (line, "."))
            line[strlen (line) - 1] = 0;
        cli_complain ("%s", line);
        status = CLI_FAILED;
    }
    g_atomic_rc_box_release_full (work.job, posada_disk_job_clear);
    return status;
}
