/* SPDX-License-Identifier: GPL-3.0-or-later */
/* posada disk flatten */
#include <string.h>

#include "cli/store-verbs.h"
#include "cli/store-work.h"
#include "machine/posada-disk-job.h"

static void
run_job (gpointer data)
{
    posada_disk_job_run (data);
}

static double
get_job_progress (gpointer data)
{
    PosadaDiskJob *job = data;
    guint64 total = atomic_load (&job->total);

    return total ? (double) atomic_load (&job->done) / (double) total : -1;
}

static void
cancel_job (gpointer data)
{
    PosadaDiskJob *job = data;

    atomic_store (&job->cancelled, true);
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
    static const struct store_work work = {run_job, get_job_progress, cancel_job};
    enum cli_status status = CLI_OK;
    PosadaDiskJob *job;

    if (!entry)
        return store_complain (error);
    if (is_saved (folder)) {
        cli_complain ("“%s” is saved: start it and shut it down first", entry->name);
        return CLI_FAILED;
    }
    job = g_atomic_rc_box_new0 (PosadaDiskJob);
    job->work = posada_disk_job_make_independent;
    job->is_task = job->needs_lock = TRUE;
    job->store = g_object_ref (store);
    job->folder = g_steal_pointer (&folder);
    job->definition = posada_store_load (store, entry->id, &error);
    if (!job->definition)
        status = store_complain (error);
    else
        store_work_run (&work, job);
    if (job->error) {
        /* Sentences of the application, which end with a full stop. */
        g_autofree char *line = g_strdup (job->error->message);

        if (g_str_has_suffix (line, "."))
            line[strlen (line) - 1] = 0;
        cli_complain ("%s", line);
        status = CLI_FAILED;
    }
    g_atomic_rc_box_release_full (job, posada_disk_job_clear);
    return status;
}
