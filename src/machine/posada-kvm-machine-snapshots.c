/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots of a KVM machine. What touches files happens in steps on worker threads; between the
 * step that begins and the one that ends lies the engine's event. That event may come before the
 * main thread has heard that the first step is done, and is kept until then.
 */
#define G_LOG_DOMAIN "posada-machine"

#include <glib/gi18n.h>

#include "machine/posada-kvm-machine-internal.h"
#include "snapshot/snapshot.h"
#include "store/posada-store-error.h"

#define SAVED       "saved"
#define PROGRESS_MS 100

typedef struct {
    struct snapshot_disk *disks;
    gsize n;
} Disks;

struct _PosadaKvmSnapshots {
    DexPromise *promise; /* of the operation under way; NULL: none */
    gboolean beginning;  /* a worker has the instance */
    gboolean suspending, was_running;
    gboolean saved;    /* all is on disk, the machine goes off now */
    gboolean at_start; /* the machine is STARTING, and this is how */
    char *start_from;  /* path of the snapshot that the next start goes on from */
    char *used_up;     /* path of what is gone once it is restored */
    gboolean apart;    /* posada_kvm_machine_take_apart () waits for the worker */
    char *apart_reason;
    struct snapshot_take *take;
    struct snapshot_restoring *restoring;
    Disks *disks;
    gboolean has_event;
    struct vmm_event event;
    guint timer;
};

typedef struct _Step Step;
struct _Step {
    PosadaKvmMachine *self;
    void (*work) (Step *step);
    void (*done) (Step *step); /* on the main thread again */
    PosadaStore *store;
    char *uuid, *folder, *id, *name, *note;
    struct snapshot_wish wish;
    Disks *disks; /* borrowed */
    gboolean paused, delete;
    struct snapshot_take *take;
    struct snapshot_restoring *restoring;
    struct vmm_event event;
    struct snapshot_info *infos;
    gsize n_infos;
    char current[SNAPSHOT_ID_LENGTH + 1];
    int result;
    struct vmm_error error;
};

static gboolean
step_done_cb (gpointer data)
{
    Step *step = data;

    step->done (step);
    g_clear_object (&step->self);
    g_clear_object (&step->store);
    g_free (step->uuid);
    g_free (step->folder);
    g_free (step->id);
    g_free (step->name);
    g_free (step->note);
    free (step->infos);
    g_free (step);
    return G_SOURCE_REMOVE;
}

static gpointer
step_thread (gpointer data)
{
    Step *step = data;

    step->work (step);
    g_idle_add_full (G_PRIORITY_DEFAULT, step_done_cb, step, NULL);
    return NULL;
}

static void
run_step (Step *step)
{
    g_thread_unref (g_thread_new ("posada-snapshot", step_thread, step));
}

static char *
get_folder (PosadaStore *store, const char *uuid)
{
    g_autofree char *machine = posada_store_get_machine_folder (store, uuid);

    return g_build_filename (machine, "snapshots", NULL);
}

static Step *
new_step (PosadaKvmMachine *self, void (*work) (Step *step), void (*done) (Step *step))
{
    Step *step = g_new0 (Step, 1);

    step->self = g_object_ref (self);
    step->work = work;
    step->done = done;
    step->store = g_object_ref (self->store);
    step->uuid = g_strdup (self->config->uuid);
    step->folder = get_folder (self->store, self->config->uuid);
    step->disks = self->snapshots->disks;
    return step;
}

/* Writable disks are in snapshots; the others do not change. */
static Disks *
disks_new (const PosadaKvmConfig *config, PosadaKvmInstance *instance)
{
    Disks *disks = g_new0 (Disks, 1);

    disks->disks = g_new0 (struct snapshot_disk, config->n_disks + 1);
    for (guint i = 0; i < config->n_disks; i++) {
        const PosadaKvmDrive *drive = &config->disks[i];

        if (drive->read_only)
            continue;
        disks->disks[disks->n++] = (struct snapshot_disk) {
            .path = g_strdup (drive->path),
            .is_raw = !drive->qcow2,
            .blk = instance ? instance->plan.disks[i] : NULL,
            .backing = (const char *const *) g_strdupv (drive->backing),
        };
    }
    return disks;
}

static void
disks_free (Disks *disks)
{
    if (!disks)
        return;
    for (gsize i = 0; i < disks->n; i++) {
        g_free ((char *) disks->disks[i].path);
        g_strfreev ((char **) disks->disks[i].backing);
    }
    g_free (disks->disks);
    g_free (disks);
}

/* --- the list --- */

static void
refresh_work (Step *step)
{
    step->result =
        snapshot_list (step->folder, &step->infos, &step->n_infos, step->current, &step->error);
}

static PosadaSnapshot *
make_snapshot (const Step *step, const struct snapshot_info *info)
{
    g_autofree char *picture =
        info->has_picture ? g_build_filename (step->folder, info->id, "screen.png", NULL) : NULL;
    PosadaSnapshotData data = {
        .id = info->id,
        .parent = info->parent,
        .name = info->name,
        .note = info->note,
        .picture = picture,
        .time = (gint64) info->time,
        .size = info->bytes,
        .kind = info->kind == SNAPSHOT_OFF       ? POSADA_SNAPSHOT_OFF
                : info->kind == SNAPSHOT_RUNNING ? POSADA_SNAPSHOT_RUNNING
                                                 : POSADA_SNAPSHOT_PAUSED,
        .current = g_str_equal (info->id, step->current),
        .damaged = info->damaged,
    };

    return posada_snapshot_new (&data);
}

static void
refreshed (Step *step)
{
    g_autoptr (GPtrArray) snapshots = g_ptr_array_new_with_free_func (g_object_unref);

    if (step->result < 0) {
        g_message ("%s", step->error.message);
        return;
    }
    for (gsize i = 0; i < step->n_infos; i++)
        g_ptr_array_add (snapshots, make_snapshot (step, &step->infos[i]));
    posada_machine_set_snapshots (POSADA_MACHINE (step->self), snapshots);
}

void
posada_kvm_snapshots_refresh (PosadaKvmMachine *self)
{
    if (self->store)
        run_step (new_step (self, refresh_work, refreshed));
}

/* --- operations --- */

static DexFuture *
reject (int code, const char *sentence)
{
    return dex_future_new_reject (POSADA_MACHINE_ERROR, code, "%s", sentence);
}

/* NULL if one may begin now. */
static DexFuture *
check (PosadaKvmMachine *self)
{
    if (!self->store)
        return reject (POSADA_MACHINE_ERROR_NOT_SUPPORTED,
                       _ ("A machine that is not kept cannot have snapshots."));
    if (self->snapshots->promise)
        return reject (POSADA_MACHINE_ERROR_WRONG_STATE,
                       _ ("Another snapshot of the machine is being worked on."));
    return NULL;
}

static DexFuture *
refuse (PosadaKvmMachine *self)
{
    PosadaMachine *machine = POSADA_MACHINE (self);

    return dex_future_new_reject (
        POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE,
        _ ("“%s” cannot do that in its state: %s."), posada_machine_get_name (machine),
        posada_machine_state_to_label (posada_machine_get_state (machine)));
}

static DexFuture *
begin (PosadaKvmMachine *self)
{
    PosadaKvmSnapshots *snapshots = self->snapshots;

    snapshots->promise = dex_promise_new ();
    snapshots->disks = disks_new (self->config, self->instance);
    snapshots->has_event = snapshots->saved = FALSE;
    return dex_ref (DEX_FUTURE (snapshots->promise));
}

static gboolean
progress_cb (gpointer data)
{
    PosadaKvmMachine *self = data;
    uint64_t done, total;

    if (self->instance && vmm_save_progress (self->instance->engine, &done, &total))
        posada_machine_set_snapshot_progress (POSADA_MACHINE (self),
                                              total ? (double) done / (double) total : 0);
    return G_SOURCE_CONTINUE;
}

/* @sentence: why it failed; NULL: it did not. */
static void
finish (PosadaKvmMachine *self, const char *sentence)
{
    PosadaKvmSnapshots *snapshots = self->snapshots;
    g_autoptr (DexPromise) promise = g_steal_pointer (&snapshots->promise);

    g_clear_handle_id (&snapshots->timer, g_source_remove);
    g_clear_pointer (&snapshots->disks, disks_free);
    g_clear_pointer (&snapshots->used_up, g_free);
    snapshots->suspending = snapshots->saved = snapshots->at_start = FALSE;
    posada_machine_set_snapshot_progress (POSADA_MACHINE (self), -1);
    posada_kvm_snapshots_refresh (self);
    if (promise && sentence)
        dex_promise_reject (promise, g_error_new_literal (POSADA_MACHINE_ERROR,
                                                          POSADA_MACHINE_ERROR_FAILED, sentence));
    else if (promise)
        dex_promise_resolve_boolean (promise, TRUE);
}

static void
finished (Step *step)
{
    finish (step->self, step->result < 0 ? step->error.message : NULL);
}

/* --- taking --- */

static void
take_end_work (Step *step)
{
    struct snapshot_info info;

    step->result = snapshot_take_end (step->take, &step->event, &info, &step->error);
}

static void
take_ended (Step *step)
{
    PosadaKvmMachine *self = step->self;
    PosadaKvmSnapshots *snapshots = self->snapshots;

    if (!snapshots->suspending) {
        finished (step);
        return;
    }
    if (step->result < 0) {
        gboolean was_running = snapshots->was_running;

        finished (step);
        if (!self->instance)
            return;
        posada_kvm_machine_enter (self, POSADA_MACHINE_PAUSED, NULL);
        if (was_running)
            vmm_resume (self->instance->engine);
    } else if (self->instance) {
        snapshots->saved = TRUE;
        vmm_power_off (self->instance->engine);
    } else
        finished (step);
}

static void
end_take (PosadaKvmMachine *self)
{
    Step *step = new_step (self, take_end_work, take_ended);

    step->take = g_steal_pointer (&self->snapshots->take);
    step->event = self->snapshots->event;
    self->snapshots->has_event = FALSE;
    run_step (step);
}

static void
take_begin_work (Step *step)
{
    step->result = snapshot_take_begin (&step->wish, &step->take, &step->error);
}

/* The worker is done with the instance; FALSE if that is to go now. */
static gboolean
unpin (PosadaKvmMachine *self)
{
    PosadaKvmSnapshots *snapshots = self->snapshots;
    g_autofree char *reason = g_steal_pointer (&snapshots->apart_reason);

    snapshots->beginning = FALSE;
    if (!snapshots->apart)
        return TRUE;
    snapshots->apart = FALSE;
    posada_kvm_machine_take_apart (self, reason);
    return FALSE;
}

static void
take_begun (Step *step)
{
    PosadaKvmMachine *self = step->self;
    PosadaKvmSnapshots *snapshots = self->snapshots;

    snapshots->take = step->take;
    if (!unpin (self))
        return;
    if (step->result < 0) {
        finished (step);
        return;
    }
    snapshots->timer = g_timeout_add (PROGRESS_MS, progress_cb, self);
    if (snapshots->has_event)
        end_take (self);
}

static DexFuture *
take_on (PosadaKvmMachine *self, const char *name, const char *note, gboolean suspend)
{
    DexFuture *future = begin (self);
    Step *step = new_step (self, take_begin_work, take_begun);
    PosadaKvmSnapshots *snapshots = self->snapshots;

    step->name = g_strdup (name);
    step->note = g_strdup (note);
    step->wish = (struct snapshot_wish) {
        .folder = step->folder,
        .name = step->name,
        .note = step->note,
        .machine = self->instance->engine,
        .display = self->instance->plan.display,
        .memory = self->instance->plan.memory,
        .disks = snapshots->disks->disks,
        .n_disks = snapshots->disks->n,
        .suspend = suspend ? SAVED : NULL,
    };
    snapshots->beginning = TRUE;
    snapshots->suspending = suspend;
    snapshots->was_running =
        posada_machine_get_state (POSADA_MACHINE (self)) != POSADA_MACHINE_PAUSED;
    posada_machine_set_snapshot_progress (POSADA_MACHINE (self), 0);
    run_step (step);
    return future;
}

/* --- a machine that is off --- */

static void
off_work (Step *step)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaLock) lock = posada_store_lock (step->store, step->uuid, &error);
    g_autofree char *path = step->id ? g_build_filename (step->folder, step->id, NULL) : NULL;
    g_autofree char *saved = g_build_filename (step->folder, SAVED, NULL);
    struct snapshot_info info;

    if (!lock) {
        step->result = vmm_error_set (&step->error, -1, "%s", error->message);
        return;
    }
    snapshot_clean (step->folder, step->disks->disks, step->disks->n);
    if (step->delete)
        step->result = snapshot_delete (step->folder, step->id, NULL, step->disks->disks,
                                        step->disks->n, &step->error);
    else if (step->id) {
        step->result =
            snapshot_restore_off (path, step->disks->disks, step->disks->n, &step->error);
        /* The disks are not those any more that it would go on with. */
        if (step->result == 0)
            snapshot_remove_suspended (saved);
    } else
        step->result = snapshot_take_off (&(struct snapshot_wish) {.folder = step->folder,
                                                                   .name = step->name,
                                                                   .note = step->note,
                                                                   .disks = step->disks->disks,
                                                                   .n_disks = step->disks->n},
                                          &info, &step->error);
}

/* --- restoring --- */

static void
restore_end_work (Step *step)
{
    step->result = snapshot_restore_end (step->restoring, &step->event, &step->error);
    if (step->result == 0 && step->name)
        snapshot_remove_suspended (step->name);
}

static void
restore_failed (PosadaKvmMachine *self, const char *sentence)
{
    g_autofree char *copy = g_strdup (sentence);
    gboolean at_start = self->snapshots->at_start;

    finish (self, copy);
    if (at_start && self->instance)
        posada_kvm_machine_take_apart (self, copy);
}

static void
restore_ended (Step *step)
{
    if (step->result < 0)
        restore_failed (step->self, step->error.message);
    else
        finish (step->self, NULL);
}

static void
end_restore (PosadaKvmMachine *self)
{
    Step *step = new_step (self, restore_end_work, restore_ended);

    step->restoring = g_steal_pointer (&self->snapshots->restoring);
    step->event = self->snapshots->event;
    step->name = g_strdup (self->snapshots->used_up);
    self->snapshots->has_event = FALSE;
    run_step (step);
}

static void
restore_begin_work (Step *step)
{
    step->result =
        snapshot_restore_begin (step->name, step->wish.machine, step->paused, step->wish.disks,
                                step->wish.n_disks, &step->restoring, &step->error);
}

static void
restore_begun (Step *step)
{
    PosadaKvmMachine *self = step->self;

    self->snapshots->restoring = step->restoring;
    if (!unpin (self))
        return;
    if (step->result < 0)
        restore_failed (self, step->error.message);
    else if (self->snapshots->has_event)
        end_restore (self);
}

/* An operation has begun. */
static void
restore_from (PosadaKvmMachine *self, const char *path, gboolean paused, gboolean with_disks)
{
    Step *step = new_step (self, restore_begin_work, restore_begun);

    step->name = g_strdup (path);
    step->paused = paused;
    step->wish.machine = self->instance->engine;
    step->wish.disks = self->snapshots->disks->disks;
    step->wish.n_disks = with_disks ? self->snapshots->disks->n : 0;
    self->snapshots->beginning = TRUE;
    run_step (step);
}

gboolean
posada_kvm_snapshots_is_saved (PosadaStore *store, const char *uuid)
{
    g_autofree char *folder = get_folder (store, uuid);
    g_autofree char *saved = g_build_filename (folder, SAVED, NULL);

    return g_file_test (saved, G_FILE_TEST_IS_DIR);
}

gboolean
posada_kvm_snapshots_start (PosadaKvmMachine *self, gboolean saved)
{
    PosadaKvmSnapshots *snapshots = self->snapshots;
    g_autofree char *path = g_steal_pointer (&snapshots->start_from);
    g_autofree char *folder = NULL;

    if (!self->store || (!path && !saved))
        return FALSE;
    /* A restore that starts the machine has its promise already. */
    if (!snapshots->promise)
        dex_future_disown (begin (self));
    else {
        disks_free (snapshots->disks);
        snapshots->disks = disks_new (self->config, self->instance);
    }
    snapshots->at_start = TRUE;
    folder = get_folder (self->store, self->config->uuid);
    /* Also no way back any more once it goes on from another. */
    if (saved)
        snapshots->used_up = g_build_filename (folder, SAVED, NULL);
    restore_from (self, path ? path : snapshots->used_up, FALSE, path != NULL);
    return TRUE;
}

void
posada_kvm_snapshots_clean (PosadaStore *store, const PosadaKvmConfig *config,
                            PosadaKvmInstance *instance)
{
    g_autofree char *folder = get_folder (store, config->uuid);
    Disks *disks = disks_new (config, instance);

    snapshot_clean (folder, disks->disks, disks->n);
    disks_free (disks);
}

/* --- the engine --- */

void
posada_kvm_snapshots_handle (PosadaKvmMachine *self, const struct vmm_event *event)
{
    PosadaKvmSnapshots *snapshots = self->snapshots;

    if (!snapshots->promise)
        return;
    snapshots->event = *event;
    snapshots->has_event = TRUE;
    if (snapshots->take)
        end_take (self);
    else if (snapshots->restoring)
        end_restore (self);
}

gboolean
posada_kvm_snapshots_is_saving (PosadaKvmMachine *self)
{
    return self->snapshots->promise && self->snapshots->suspending;
}

gboolean
posada_kvm_snapshots_hold (PosadaKvmMachine *self, const char *reason)
{
    PosadaKvmSnapshots *snapshots = self->snapshots;

    if (!snapshots->beginning)
        return FALSE;
    snapshots->apart = TRUE;
    g_set_str (&snapshots->apart_reason, reason);
    return TRUE;
}

typedef struct {
    struct snapshot_take *take;
    struct snapshot_restoring *restoring;
    Disks *disks;
} Left;

gpointer
posada_kvm_snapshots_let_go (PosadaKvmMachine *self)
{
    PosadaKvmSnapshots *snapshots = self->snapshots;
    Left left = {g_steal_pointer (&snapshots->take), g_steal_pointer (&snapshots->restoring), NULL};

    g_clear_handle_id (&snapshots->timer, g_source_remove);
    if (!left.take && !left.restoring)
        return NULL;
    left.disks = g_steal_pointer (&snapshots->disks);
    return g_memdup2 (&left, sizeof left);
}

void
posada_kvm_snapshots_abandon (gpointer data)
{
    g_autofree Left *left = data;

    if (!left)
        return;
    snapshot_take_abandon (left->take);
    if (left->restoring)
        snapshot_restore_end (left->restoring, NULL, NULL);
    disks_free (left->disks);
}

void
posada_kvm_snapshots_closed (PosadaKvmMachine *self)
{
    PosadaKvmSnapshots *snapshots = self->snapshots;

    if (snapshots->promise && !snapshots->beginning)
        finish (self, snapshots->saved ? NULL : _ ("The machine was switched off."));
}

/* --- vfuncs --- */

static DexFuture *
refresh_cb (DexFuture *future, gpointer data)
{
    posada_kvm_snapshots_refresh (data);
    return NULL;
}

/* What another process does for us. */
static DexFuture *
order (PosadaKvmMachine *self, const char *verb, const char *argument)
{
    g_autofree char *line = g_strdup_printf ("snapshot %s %s", verb, argument);

    if (strchr (line, '\n'))
        return reject (POSADA_MACHINE_ERROR_FAILED,
                       _ ("A snapshot's name is one line: choose another."));
    return dex_future_finally (posada_outside_order (self->outside, line), refresh_cb,
                               g_object_ref (self), g_object_unref);
}

static gboolean
is_off (PosadaKvmMachine *self)
{
    return !self->busy && !self->instance &&
           posada_machine_get_state (POSADA_MACHINE (self)) == POSADA_MACHINE_OFF;
}

static gboolean
is_on (PosadaKvmMachine *self)
{
    PosadaMachineState state = posada_machine_get_state (POSADA_MACHINE (self));

    return self->instance && !self->busy &&
           (state == POSADA_MACHINE_RUNNING || state == POSADA_MACHINE_PAUSED);
}

static DexFuture *
take_snapshot (PosadaMachine *machine, const char *name, const char *note)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    DexFuture *future;
    Step *step;

    if (posada_machine_get_outside (machine))
        return order (self, "take", name);
    future = check (self);
    if (future)
        return future;
    if (is_on (self))
        return take_on (self, name, note, FALSE);
    if (!is_off (self))
        return refuse (self);
    future = begin (self);
    step = new_step (self, off_work, finished);
    step->name = g_strdup (name);
    step->note = g_strdup (note);
    run_step (step);
    return future;
}

static DexFuture *
start_failed_cb (DexFuture *future, gpointer data)
{
    PosadaKvmMachine *self = data;
    g_autoptr (GError) error = NULL;

    /* Unless it got as far as an instance, where who restores is told. */
    if (!dex_future_get_value (future, &error) && self->snapshots->start_from) {
        g_clear_pointer (&self->snapshots->start_from, g_free);
        finish (self, error->message);
    }
    return dex_future_new_true ();
}

static DexFuture *
restore_snapshot (PosadaMachine *machine, PosadaSnapshot *snapshot)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    const PosadaSnapshotData *data = posada_snapshot_get (snapshot);
    gboolean was_on = data->kind != POSADA_SNAPSHOT_OFF;
    g_autofree char *folder = NULL, *path = NULL;
    DexFuture *future;
    Step *step;

    if (posada_machine_get_outside (machine))
        return order (self, "restore", data->id);
    future = check (self);
    if (future)
        return future;
    folder = get_folder (self->store, self->config->uuid);
    path = g_build_filename (folder, data->id, NULL);
    if (is_on (self) && !was_on)
        return reject (POSADA_MACHINE_ERROR_WRONG_STATE,
                       _ ("The machine was off in that snapshot: switch it off first."));
    if (!is_on (self) && !is_off (self))
        return refuse (self);
    future = begin (self);
    if (is_on (self))
        restore_from (self, path, data->kind == POSADA_SNAPSHOT_PAUSED, TRUE);
    else if (was_on) {
        self->snapshots->start_from = g_steal_pointer (&path);
        dex_future_disown (dex_future_catch (posada_machine_start (machine), start_failed_cb,
                                             g_object_ref (self), g_object_unref));
    } else {
        step = new_step (self, off_work, finished);
        step->id = g_strdup (data->id);
        run_step (step);
    }
    return future;
}

static void
delete_work (Step *step)
{
    step->result = snapshot_delete (step->folder, step->id, step->wish.machine, step->disks->disks,
                                    step->disks->n, &step->error);
}

/* Used the instance, which stays until now. */
static void
deleted (Step *step)
{
    if (unpin (step->self))
        finished (step);
}

static DexFuture *
delete_snapshot (PosadaMachine *machine, PosadaSnapshot *snapshot)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    const PosadaSnapshotData *data = posada_snapshot_get (snapshot);
    DexFuture *future;
    Step *step;

    if (posada_machine_get_outside (machine))
        return order (self, "delete", data->id);
    future = check (self);
    if (future)
        return future;
    if (!is_on (self) && !is_off (self))
        return refuse (self);
    future = begin (self);
    step =
        is_on (self) ? new_step (self, delete_work, deleted) : new_step (self, off_work, finished);
    if (is_on (self)) {
        step->wish.machine = self->instance->engine;
        self->snapshots->beginning = TRUE;
    }
    step->id = g_strdup (data->id);
    step->delete = TRUE;
    run_step (step);
    return future;
}

static void
edit_work (Step *step)
{
    step->result = snapshot_rename (step->folder, step->id, step->name, &step->error);
    if (step->result >= 0 && step->note)
        step->result = snapshot_set_note (step->folder, step->id, step->note, &step->error);
}

static DexFuture *
edit_snapshot (PosadaMachine *machine, PosadaSnapshot *snapshot, const char *name, const char *note)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    DexFuture *future = check (self);
    Step *step;

    if (future)
        return future;
    future = begin (self);
    step = new_step (self, edit_work, finished);
    step->id = g_strdup (posada_snapshot_get (snapshot)->id);
    step->name = g_strdup (name);
    step->note = g_strdup (note ? note : "");
    run_step (step);
    return future;
}

static DexFuture *
cancel_snapshot (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    if (posada_machine_get_outside (machine))
        return posada_outside_order (self->outside, "snapshot cancel");
    if (self->instance)
        vmm_cancel_save (self->instance->engine);
    return dex_future_new_true ();
}

static DexFuture *
save (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    DexFuture *future;

    if (posada_machine_get_outside (machine))
        return posada_outside_order (self->outside, "save");
    future = check (self);
    if (future)
        return future;
    return is_on (self) ? take_on (self, _ ("Saved"), NULL, TRUE) : refuse (self);
}

void
posada_kvm_snapshots_class_init (PosadaMachineClass *machine_class)
{
    machine_class->take_snapshot = take_snapshot;
    machine_class->restore_snapshot = restore_snapshot;
    machine_class->delete_snapshot = delete_snapshot;
    machine_class->edit_snapshot = edit_snapshot;
    machine_class->cancel_snapshot = cancel_snapshot;
    machine_class->save = save;
}

void
posada_kvm_snapshots_init (PosadaKvmMachine *self)
{
    self->snapshots = g_new0 (PosadaKvmSnapshots, 1);
}

void
posada_kvm_snapshots_free (PosadaKvmSnapshots *snapshots)
{
    g_clear_pointer (&snapshots->promise, dex_unref);
    disks_free (snapshots->disks);
    g_free (snapshots->start_from);
    g_free (snapshots->used_up);
    g_free (snapshots->apart_reason);
    g_free (snapshots);
}
