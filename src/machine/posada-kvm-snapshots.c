/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the step that begins an operation and the one that ends it lies the engine's event. That
 * may come before the main thread has heard that the first step is done, and is kept until then.
 */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-snapshot-step.h"

#include <errno.h>
#include <glib/gi18n.h>

#define PROGRESS_MS 100

DexFuture *
posada_kvm_snapshots_begin (PosadaKvmMachine *self)
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
finish (PosadaKvmMachine *self, PosadaMachineError code, const char *sentence)
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
        dex_promise_reject (promise,
                            g_error_new_literal (POSADA_MACHINE_ERROR, (int) code, sentence));
    else if (promise)
        dex_promise_resolve_boolean (promise, TRUE);
}

void
posada_kvm_snapshots_finish (PosadaKvmMachine *self, const char *sentence)
{
    finish (self, POSADA_MACHINE_ERROR_FAILED, sentence);
}

void
posada_kvm_snapshots_finished (Step *step)
{
    /* Nothing else fails so: raw disks where files cannot share blocks. */
    finish (step->self,
            step->result == -EOPNOTSUPP ? POSADA_MACHINE_ERROR_RAW_DISKS
                                        : POSADA_MACHINE_ERROR_FAILED,
            step->result < 0 ? step->error.message : NULL);
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
        posada_kvm_snapshots_finished (step);
        return;
    }
    if (step->result < 0) {
        gboolean was_running = snapshots->was_running;

        posada_kvm_snapshots_finished (step);
        if (!self->instance)
            return;
        posada_kvm_machine_enter (self, POSADA_MACHINE_PAUSED, NULL);
        if (was_running)
            vmm_resume (self->instance->engine);
    } else if (self->instance) {
        snapshots->saved = TRUE;
        vmm_power_off (self->instance->engine);
    } else
        posada_kvm_snapshots_finished (step);
}

static void
end_take (PosadaKvmMachine *self)
{
    Step *step = step_new (self, take_end_work, take_ended);

    step->take = g_steal_pointer (&self->snapshots->take);
    step->event = self->snapshots->event;
    self->snapshots->has_event = FALSE;
    step_run (step);
}

static void
take_begin_work (Step *step)
{
    step->result = snapshot_take_begin (&step->wish, &step->take, &step->error);
}

/* The worker is done with the instance; FALSE if that is to go now. */
gboolean
posada_kvm_snapshots_unpin (PosadaKvmMachine *self)
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
    if (!posada_kvm_snapshots_unpin (self))
        return;
    if (step->result < 0) {
        posada_kvm_snapshots_finished (step);
        return;
    }
    snapshots->timer = g_timeout_add (PROGRESS_MS, progress_cb, self);
    if (snapshots->has_event)
        end_take (self);
}

DexFuture *
posada_kvm_snapshots_take (PosadaKvmMachine *self, const char *name, const char *note,
                           gboolean suspend)
{
    DexFuture *future = posada_kvm_snapshots_begin (self);
    Step *step = step_new (self, take_begin_work, take_begun);
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
        .suspend = suspend ? POSADA_SNAPSHOT_SAVED : NULL,
    };
    snapshots->beginning = TRUE;
    snapshots->suspending = suspend;
    snapshots->was_running =
        posada_machine_get_state (POSADA_MACHINE (self)) != POSADA_MACHINE_PAUSED;
    posada_machine_set_snapshot_progress (POSADA_MACHINE (self), 0);
    step_run (step);
    return future;
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

    posada_kvm_snapshots_finish (self, copy);
    if (at_start && self->instance)
        posada_kvm_machine_take_apart (self, copy);
}

static void
restore_ended (Step *step)
{
    if (step->result < 0)
        restore_failed (step->self, step->error.message);
    else
        posada_kvm_snapshots_finish (step->self, NULL);
}

static void
end_restore (PosadaKvmMachine *self)
{
    Step *step = step_new (self, restore_end_work, restore_ended);

    step->restoring = g_steal_pointer (&self->snapshots->restoring);
    step->event = self->snapshots->event;
    step->name = g_strdup (self->snapshots->used_up);
    self->snapshots->has_event = FALSE;
    step_run (step);
}

static void
restore_begin_work (Step *step)
{
    int n = snapshot_count_devices (step->name, MACHINE_CARD_DEVICE, MACHINE_MAX_CARDS);

    if (n >= 0 && (gsize) n != step->instance->plan.n_cards) {
        step->result = vmm_error_set (&step->error, -EINVAL,
                                      _ ("The machine’s network cards were others in that "
                                         "snapshot: switch the machine off first."));
        return;
    }
    step->result =
        snapshot_restore_begin (step->name, step->wish.machine, step->paused, step->wish.disks,
                                step->wish.n_disks, &step->restoring, &step->error);
}

static void
restore_begun (Step *step)
{
    PosadaKvmMachine *self = step->self;

    self->snapshots->restoring = step->restoring;
    if (!posada_kvm_snapshots_unpin (self))
        return;
    if (step->result < 0)
        restore_failed (self, step->error.message);
    else if (self->snapshots->has_event)
        end_restore (self);
}

/* An operation has begun. */
void
posada_kvm_snapshots_restore (PosadaKvmMachine *self, const char *path, gboolean paused,
                              gboolean with_disks)
{
    Step *step = step_new (self, restore_begin_work, restore_begun);

    step->name = g_strdup (path);
    step->paused = paused;
    step->instance = self->instance;
    step->wish.machine = self->instance->engine;
    step->wish.disks = self->snapshots->disks->disks;
    step->wish.n_disks = with_disks ? self->snapshots->disks->n : 0;
    self->snapshots->beginning = TRUE;
    step_run (step);
}

gboolean
posada_kvm_snapshots_is_saved (PosadaStore *store, const char *uuid)
{
    g_autofree char *folder = step_get_folder (store, uuid);
    g_autofree char *saved = g_build_filename (folder, POSADA_SNAPSHOT_SAVED, NULL);

    return g_file_test (saved, G_FILE_TEST_IS_DIR);
}

char *
posada_kvm_snapshots_find_start (PosadaStore *store, const char *uuid, gboolean saved,
                                 const char *start_from)
{
    g_autofree char *folder = store ? step_get_folder (store, uuid) : NULL;

    if (start_from)
        return g_strdup (start_from);
    return saved ? g_build_filename (folder, POSADA_SNAPSHOT_SAVED, NULL) : NULL;
}

const char *
posada_kvm_snapshots_get_start (PosadaKvmMachine *self)
{
    return self->snapshots->start_from;
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
        dex_future_disown (posada_kvm_snapshots_begin (self));
    else {
        disks_free (snapshots->disks);
        snapshots->disks = disks_new (self->config, self->instance);
    }
    snapshots->at_start = TRUE;
    folder = step_get_folder (self->store, self->config->uuid);
    /* Also no way back any more once it goes on from another. */
    if (saved)
        snapshots->used_up = g_build_filename (folder, POSADA_SNAPSHOT_SAVED, NULL);
    posada_kvm_snapshots_restore (self, path ? path : snapshots->used_up, FALSE, path != NULL);
    return TRUE;
}

void
posada_kvm_snapshots_clean (PosadaStore *store, const PosadaKvmConfig *config,
                            PosadaKvmInstance *instance)
{
    g_autofree char *folder = step_get_folder (store, config->uuid);
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
        posada_kvm_snapshots_finish (self,
                                     snapshots->saved ? NULL : _ ("The machine was switched off."));
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
