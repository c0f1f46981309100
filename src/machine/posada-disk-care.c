/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The main thread's side: what may be done now, what goes on, and what came of it. The work is in
 * posada-disk-job.c.
 */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-disk-care.h"

#include <glib/gi18n.h>

#include "machine/posada-disk-job.h"
#include "machine/posada-disk-work.h"

struct _PosadaDiskCare {
    GObject parent_instance;

    PosadaMachine *machine; /* borrowed; NULL once it is gone */
    PosadaDiskHost host;
    char *folder;
    GListStore *disks;

    PosadaDiskJob *job; /* the operation under way, or NULL */
    PosadaWork *work;
    gboolean can_cancel;
    gboolean looking, look_again;
};

G_DEFINE_FINAL_TYPE (PosadaDiskCare, posada_disk_care, G_TYPE_OBJECT)

enum {
    CHANGED,
    N_SIGNALS,
};
static guint signals[N_SIGNALS];

/* --- jobs --- */

/* One that is on its way; the thread's, then the main one's. */
typedef struct {
    PosadaDiskCare *self;
    PosadaDiskJob *job;
    DexPromise *promise;
    gboolean is_task;
    void (*resolve) (PosadaDiskJob *job, DexPromise *promise);
} Way;

static PosadaDiskJob *
job_new (PosadaDiskCare *self, PosadaDiskWork work, const char *target)
{
    PosadaDiskJob *job = g_atomic_rc_box_new0 (PosadaDiskJob);
    PosadaDefinition *definition = self->host.get_definition (self->machine);
    PosadaMachineState state = posada_machine_get_state (self->machine);

    job->work = work;
    job->store = self->host.store ? g_object_ref (self->host.store) : NULL;
    job->folder = g_strdup (self->folder);
    job->definition = definition ? posada_definition_copy (definition) : NULL;
    job->target = g_strdup (target);
    job->has_snapshots =
        g_list_model_get_n_items (posada_machine_get_snapshots (self->machine)) > 0;
    job->is_on = state != POSADA_MACHINE_OFF && state != POSADA_MACHINE_CRASHED;
    return job;
}

static void
resolve_true (PosadaDiskJob *job, DexPromise *promise)
{
    dex_promise_resolve_boolean (promise, TRUE);
}

static void
resolve_found (PosadaDiskJob *job, DexPromise *promise)
{
    dex_promise_resolve_uint (promise, job->found);
}

static void
resolve_size (PosadaDiskJob *job, DexPromise *promise)
{
    dex_promise_resolve_uint64 (promise, job->size);
}

static void
resolve_format (PosadaDiskJob *job, DexPromise *promise)
{
    dex_promise_resolve_string (promise, g_strdup (job->format_name));
}

static void
end_task (PosadaDiskCare *self, PosadaDiskJob *job)
{
    self->job = NULL;
    g_clear_pointer (&self->work, posada_work_end);
    if (self->machine && job->edited)
        self->host.take_definition (self->machine, job->definition);
    posada_disk_care_look (self);
    g_signal_emit (self, signals[CHANGED], 0);
}

static gboolean
done_cb (gpointer data)
{
    Way *way = data;
    PosadaDiskJob *job = way->job;

    if (way->is_task)
        end_task (way->self, job);
    if (job->error)
        dex_promise_reject (way->promise, g_steal_pointer (&job->error));
    else
        way->resolve (job, way->promise);
    dex_unref (way->promise);
    g_atomic_rc_box_release_full (job, posada_disk_job_clear);
    g_object_unref (way->self);
    g_free (way);
    return G_SOURCE_REMOVE;
}

static gpointer
thread_cb (gpointer data)
{
    Way *way = data;

    posada_disk_job_run (way->job);
    g_idle_add_full (G_PRIORITY_DEFAULT, done_cb, way, NULL);
    return NULL;
}

static DexFuture *
run (PosadaDiskCare *self, PosadaDiskJob *job, gboolean is_task,
     void (*resolve) (PosadaDiskJob *job, DexPromise *promise))
{
    Way *way = g_new0 (Way, 1);
    DexPromise *promise = dex_promise_new ();

    way->self = g_object_ref (self);
    way->job = job;
    way->promise = dex_ref (promise);
    way->is_task = is_task;
    way->resolve = resolve;
    g_thread_unref (g_thread_new ("posada-disk", thread_cb, way));
    return DEX_FUTURE (promise);
}

static DexFuture *
reject (const char *sentence)
{
    return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE, "%s",
                                  sentence);
}

static DexFuture *
refuse_gone (void)
{
    return reject (_ ("The machine is gone."));
}

/* NULL if an operation may begin. */
static DexFuture *
check (PosadaDiskCare *self)
{
    const char *obstacle;

    if (!self->machine || !self->host.get_definition (self->machine))
        return refuse_gone ();
    if (self->job)
        return reject (_ ("A disk of the machine is being worked on: wait until that is done."));
    obstacle = posada_disk_care_get_obstacle (self);
    return obstacle ? reject (obstacle) : NULL;
}

/* Takes @job, and @task, which is what it is called. */
static DexFuture *
begin (PosadaDiskCare *self, PosadaDiskJob *job, char *task, gboolean can_cancel,
       void (*resolve) (PosadaDiskJob *job, DexPromise *promise))
{
    DexFuture *future;

    job->is_task = TRUE;
    job->needs_lock = posada_machine_get_state (self->machine) == POSADA_MACHINE_OFF;
    self->job = job;
    self->work = posada_disk_work_begin (self, task, can_cancel);
    g_free (task);
    self->can_cancel = can_cancel;
    future = run (self, job, TRUE, resolve);
    g_signal_emit (self, signals[CHANGED], 0);
    return future;
}

/* @format has a place for the name of a file. */
static char *
name_task (PosadaDiskCare *self, const char *format, const char *target)
{
    PosadaDiskInfo *info = posada_disk_care_find (self, target);
    g_autofree char *title = info ? posada_disk_info_get_title (info) : g_strdup (target);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return g_strdup_printf (format, title);
#pragma GCC diagnostic pop
}

/* --- looking --- */

static void
take_infos (PosadaDiskCare *self, GPtrArray *infos)
{
    g_list_store_splice (self->disks, 0, g_list_model_get_n_items (G_LIST_MODEL (self->disks)),
                         infos->pdata, infos->len);
}

static void
resolve_look (PosadaDiskJob *job, DexPromise *promise)
{
    dex_promise_resolve_boxed (promise, G_TYPE_PTR_ARRAY, g_ptr_array_ref (job->infos));
}

static DexFuture *
looked_cb (DexFuture *future, gpointer data)
{
    PosadaDiskCare *self = data;
    const GValue *value = dex_future_get_value (future, NULL);

    self->looking = FALSE;
    if (value && self->machine)
        take_infos (self, g_value_get_boxed (value));
    if (self->look_again)
        posada_disk_care_look (self);
    return dex_future_new_true ();
}

static GHashTable *
get_titles (PosadaDiskCare *self)
{
    GHashTable *titles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    GListModel *list = posada_machine_get_snapshots (self->machine);

    for (guint i = 0; i < g_list_model_get_n_items (list); i++) {
        g_autoptr (PosadaSnapshot) snapshot = g_list_model_get_item (list, i);
        const PosadaSnapshotData *data = posada_snapshot_get (snapshot);

        g_hash_table_insert (titles, g_strdup (data->id), g_strdup (data->name));
    }
    return titles;
}

void
posada_disk_care_look (PosadaDiskCare *self)
{
    PosadaDiskJob *job;

    g_return_if_fail (POSADA_IS_DISK_CARE (self));

    if (!self->machine || !self->host.get_definition (self->machine))
        return;
    self->look_again = self->looking;
    if (self->looking)
        return;
    self->looking = TRUE;
    job = job_new (self, posada_disk_job_look, NULL);
    job->titles = get_titles (self);
    dex_future_disown (dex_future_finally (run (self, job, FALSE, resolve_look), looked_cb,
                                           g_object_ref (self), g_object_unref));
}

/* --- class --- */

static void
posada_disk_care_dispose (GObject *object)
{
    posada_disk_care_close (POSADA_DISK_CARE (object));
    G_OBJECT_CLASS (posada_disk_care_parent_class)->dispose (object);
}

static void
posada_disk_care_finalize (GObject *object)
{
    PosadaDiskCare *self = POSADA_DISK_CARE (object);

    g_clear_object (&self->host.store);
    g_clear_object (&self->disks);
    g_free (self->folder);
    G_OBJECT_CLASS (posada_disk_care_parent_class)->finalize (object);
}

static void
posada_disk_care_class_init (PosadaDiskCareClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);

    object_class->dispose = posada_disk_care_dispose;
    object_class->finalize = posada_disk_care_finalize;
    signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
posada_disk_care_init (PosadaDiskCare *self)
{
    self->disks = g_list_store_new (POSADA_TYPE_DISK_INFO);
}

static void
machine_changed_cb (PosadaDiskCare *self)
{
    g_signal_emit (self, signals[CHANGED], 0);
    posada_disk_care_look (self);
}

static void
progress_changed_cb (PosadaDiskCare *self)
{
    g_signal_emit (self, signals[CHANGED], 0);
}

PosadaDiskCare *
posada_disk_care_new (PosadaMachine *machine, const PosadaDiskHost *host)
{
    PosadaDiskCare *self = g_object_new (POSADA_TYPE_DISK_CARE, NULL);

    self->machine = machine;
    self->host = *host;
    self->folder = g_strdup (host->folder);
    self->host.folder = self->folder;
    if (self->host.store)
        g_object_ref (self->host.store);
    g_signal_connect_object (machine, "notify::state", G_CALLBACK (machine_changed_cb), self,
                             G_CONNECT_SWAPPED);
    g_signal_connect_object (machine, "notify::saved", G_CALLBACK (machine_changed_cb), self,
                             G_CONNECT_SWAPPED);
    g_signal_connect_object (machine, "notify::snapshot-progress", G_CALLBACK (progress_changed_cb),
                             self, G_CONNECT_SWAPPED);
    g_signal_connect_object (posada_machine_get_snapshots (machine), "items-changed",
                             G_CALLBACK (machine_changed_cb), self, G_CONNECT_SWAPPED);
    posada_disk_care_look (self);
    return self;
}

void
posada_disk_care_close (PosadaDiskCare *self)
{
    g_return_if_fail (POSADA_IS_DISK_CARE (self));

    posada_disk_care_cancel (self);
    self->machine = NULL;
}

GListModel *
posada_disk_care_get_disks (PosadaDiskCare *self)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self), NULL);
    return G_LIST_MODEL (self->disks);
}

PosadaDiskInfo *
posada_disk_care_find (PosadaDiskCare *self, const char *target)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self), NULL);

    for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->disks)); i++) {
        g_autoptr (PosadaDiskInfo) info = g_list_model_get_item (G_LIST_MODEL (self->disks), i);

        if (g_strcmp0 (posada_disk_info_get (info)->target, target) == 0)
            return info;
    }
    return NULL;
}

const char *
posada_disk_care_get_obstacle (PosadaDiskCare *self)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self), NULL);

    if (!self->machine)
        return NULL;
    switch (posada_machine_get_state (self->machine)) {
    case POSADA_MACHINE_OFF: break;
    case POSADA_MACHINE_CRASHED: return _ ("Force the machine off to change its disks.");
    case POSADA_MACHINE_MISSING: return _ ("The machine’s definition cannot be read.");
    default: return _ ("Shut the machine down to change its disks.");
    }
    if (posada_machine_get_saved (self->machine))
        return _ ("The machine is saved: resume it, or discard the saved state, to change its "
                  "disks.");
    if (posada_machine_get_snapshot_progress (self->machine) >= 0)
        return _ ("Wait until the snapshot is taken.");
    return NULL;
}

const char *
posada_disk_care_get_task (PosadaDiskCare *self)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self), NULL);
    return self->work ? posada_work_get_title (self->work) : NULL;
}

gboolean
posada_disk_care_get_progress (PosadaDiskCare *self, guint64 *ret_done, guint64 *ret_total)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self), FALSE);

    if (!self->job)
        return FALSE;
    *ret_total = atomic_load (&self->job->total);
    *ret_done = MIN (atomic_load (&self->job->done), *ret_total);
    return *ret_total > 0;
}

gboolean
posada_disk_care_can_cancel (PosadaDiskCare *self)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self), FALSE);
    return self->job && self->can_cancel && !atomic_load (&self->job->cancelled);
}

void
posada_disk_care_cancel (PosadaDiskCare *self)
{
    g_return_if_fail (POSADA_IS_DISK_CARE (self));

    if (self->job)
        atomic_store (&self->job->cancelled, TRUE);
    g_signal_emit (self, signals[CHANGED], 0);
}

DexFuture *
posada_disk_care_find_space (PosadaDiskCare *self)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self), NULL);

    if (!self->machine)
        return refuse_gone ();
    return run (self, job_new (self, posada_disk_job_find_space, NULL), FALSE, resolve_size);
}

const char *const *
posada_disk_care_get_formats (void)
{
    static const char *const formats[] = {"raw",  "qcow2", "vmdk", "vdi",
                                          "vhdx", "vpc",   "qcow", NULL};

    return formats;
}

/* --- operations --- */

DexFuture *
posada_disk_care_recognize (PosadaDiskCare *self, const char *path)
{
    PosadaDiskJob *job;

    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && path, NULL);

    if (!self->machine)
        return refuse_gone ();
    job = job_new (self, posada_disk_job_recognize, NULL);
    job->path = g_strdup (path);
    return run (self, job, FALSE, resolve_format);
}

/* What is done to one disk, or, without a target, to the machine's. */
typedef struct {
    PosadaDiskWork work;
    const char *target, *task; /* the latter with a place for the name of its file */
    gboolean can_cancel, flag;
    guint64 size;
    PosadaFormat format;
    void (*resolve) (PosadaDiskJob *job, DexPromise *promise);
} Wish;

static DexFuture *
work_on (PosadaDiskCare *self, const Wish *wish)
{
    DexFuture *refusal = check (self);
    PosadaDiskJob *job;

    if (refusal)
        return refusal;
    job = job_new (self, wish->work, wish->target);
    job->flag = wish->flag;
    job->size = wish->size;
    job->format = wish->format;
    return begin (self, job,
                  wish->target ? name_task (self, wish->task, wish->target) : g_strdup (wish->task),
                  wish->can_cancel, wish->resolve ? wish->resolve : resolve_true);
}

DexFuture *
posada_disk_care_create (PosadaDiskCare *self, guint64 size)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self), NULL);
    return work_on (
        self, &(Wish) {.work = posada_disk_job_create, .task = _ ("Making a disk"), .size = size});
}

DexFuture *
posada_disk_care_attach (PosadaDiskCare *self, const char *path, PosadaFormat format)
{
    PosadaDiskJob *job;
    DexFuture *refusal;

    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && path, NULL);

    refusal = check (self);
    if (refusal)
        return refusal;
    job = job_new (self, posada_disk_job_attach, NULL);
    job->path = g_strdup (path);
    job->format = format;
    return begin (self, job, g_strdup (_ ("Adding a disk")), FALSE, resolve_true);
}

DexFuture *
posada_disk_care_import (PosadaDiskCare *self, const char *path, const char *format)
{
    g_autofree char *name = NULL;
    PosadaDiskJob *job;
    DexFuture *refusal;

    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && path && format, NULL);

    refusal = check (self);
    if (refusal)
        return refusal;
    name = g_filename_display_basename (path);
    job = job_new (self, posada_disk_job_import, NULL);
    job->path = g_strdup (path);
    job->format_name = g_strdup (format);
    /* Translators: the name of a file */
    return begin (self, job, g_strdup_printf (_ ("Importing “%s”"), name), TRUE, resolve_true);
}

DexFuture *
posada_disk_care_remove (PosadaDiskCare *self, const char *target, gboolean to_trash)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && target, NULL);
    return work_on (self, &(Wish) {.work = posada_disk_job_remove,
                                   .target = target,
                                   .task = _ ("Removing “%s”"),
                                   .flag = to_trash});
}

DexFuture *
posada_disk_care_resize (PosadaDiskCare *self, const char *target, guint64 size)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && target, NULL);
    return work_on (self, &(Wish) {.work = posada_disk_job_resize,
                                   .target = target,
                                   .task = _ ("Resizing “%s”"),
                                   .size = size});
}

DexFuture *
posada_disk_care_compact (PosadaDiskCare *self, const char *target, gboolean compress)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && target, NULL);
    return work_on (self, &(Wish) {.work = posada_disk_job_compact,
                                   .target = target,
                                   .task = _ ("Compacting “%s”"),
                                   .can_cancel = TRUE,
                                   .flag = compress});
}

DexFuture *
posada_disk_care_convert (PosadaDiskCare *self, const char *target, PosadaFormat format)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && target, NULL);
    return work_on (self, &(Wish) {.work = posada_disk_job_convert,
                                   .target = target,
                                   .task = _ ("Converting “%s”"),
                                   .can_cancel = TRUE,
                                   .format = format});
}

DexFuture *
posada_disk_care_make_independent (PosadaDiskCare *self, const char *target)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && target, NULL);
    return work_on (self, &(Wish) {.work = posada_disk_job_make_independent,
                                   .target = target,
                                   .task = _ ("Making “%s” independent"),
                                   .can_cancel = TRUE});
}

DexFuture *
posada_disk_care_convert_raw (PosadaDiskCare *self)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self), NULL);
    return work_on (self, &(Wish) {.work = posada_disk_job_convert_raw,
                                   .task = _ ("Converting disks to qcow2"),
                                   .can_cancel = TRUE});
}

gboolean
posada_disk_care_has_raw (PosadaDiskCare *self)
{
    PosadaDefinition *definition;
    unsigned n;

    g_return_val_if_fail (POSADA_IS_DISK_CARE (self), FALSE);

    definition = self->machine ? self->host.get_definition (self->machine) : NULL;
    n = definition ? posada_definition_get_n_disks (definition) : 0;
    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (definition, i);

        if (disk->kind == POSADA_DISK_DISK && disk->path && !disk->read_only &&
            disk->format == POSADA_FORMAT_RAW)
            return TRUE;
    }
    return FALSE;
}

static DexFuture *
look_after (PosadaDiskCare *self, const char *target, gboolean repair)
{
    return work_on (self, &(Wish) {.work = posada_disk_job_check,
                                   .target = target,
                                   .task = repair ? _ ("Repairing “%s”") : _ ("Checking “%s”"),
                                   .can_cancel = TRUE,
                                   .flag = repair,
                                   .resolve = resolve_found});
}

DexFuture *
posada_disk_care_check (PosadaDiskCare *self, const char *target)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && target, NULL);
    return look_after (self, target, FALSE);
}

DexFuture *
posada_disk_care_repair (PosadaDiskCare *self, const char *target)
{
    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && target, NULL);
    return look_after (self, target, TRUE);
}

/* --- drives --- */

typedef struct {
    PosadaDiskCare *self;
    char *target, *path;
} Change;

static void
change_free (gpointer data)
{
    Change *change = data;

    g_object_unref (change->self);
    g_free (change->target);
    g_free (change->path);
    g_free (change);
}

/* The machine has it: the definition, which may be saved while it runs, says so, too. */
static DexFuture *
inserted_cb (DexFuture *future, gpointer data)
{
    Change *change = data;
    PosadaDiskCare *self = change->self;
    PosadaDiskJob *job;

    if (!self->machine || !self->host.get_definition (self->machine))
        return refuse_gone ();
    if (self->job)
        return reject (_ ("A disk of the machine is being worked on: wait until that is done."));
    job = job_new (self, posada_disk_job_set_medium, change->target);
    job->path = g_strdup (change->path);
    return begin (self, job, g_strdup (_ ("Changing the disc")), FALSE, resolve_true);
}

DexFuture *
posada_disk_care_set_medium (PosadaDiskCare *self, const char *target, const char *path)
{
    Change *change;
    DexFuture *future;

    g_return_val_if_fail (POSADA_IS_DISK_CARE (self) && target, NULL);

    if (!self->machine)
        return refuse_gone ();
    if (posada_machine_get_state (self->machine) == POSADA_MACHINE_OFF) {
        future = check (self);
        if (!future)
            future = dex_future_new_true ();
    } else
        future = posada_machine_set_medium (self->machine, target, path);
    change = g_new0 (Change, 1);
    change->self = g_object_ref (self);
    change->target = g_strdup (target);
    change->path = g_strdup (path);
    return dex_future_then (future, inserted_cb, change, change_free);
}
