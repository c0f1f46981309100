/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operations with snapshots that a KVM machine offers. */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-snapshot-step.h"

#include <glib/gi18n.h>

static DexFuture *
reject (int code, const char *sentence)
{
    return dex_future_new_reject (POSADA_MACHINE_ERROR, code, "%s", sentence);
}

DexFuture *
posada_kvm_snapshots_check (PosadaKvmMachine *self)
{
    if (!self->store)
        return reject (POSADA_MACHINE_ERROR_NOT_SUPPORTED,
                       _ ("A machine that is not kept cannot have snapshots."));
    if (self->instance && self->instance->disposable)
        return reject (POSADA_MACHINE_ERROR_DISPOSABLE,
                       _ ("The machine was started disposable, and keeps nothing."));
    if (self->snapshots->promise)
        return reject (POSADA_MACHINE_ERROR_WRONG_STATE,
                       _ ("Another snapshot of the machine is being worked on."));
    if (posada_kvm_machine_cares_for_disks (self))
        return posada_kvm_machine_refuse_for_disks ();
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

/* --- a machine that is off --- */

static void
discard_work (Step *step)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaLock) lock = posada_store_lock (step->store, step->uuid, &error);
    g_autofree char *saved = g_build_filename (step->folder, POSADA_SNAPSHOT_SAVED, NULL);

    if (lock)
        snapshot_remove_suspended (saved);
    else
        step->result = vmm_error_set (&step->error, -1, "%s", error->message);
}

static void
off_work (Step *step)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaLock) lock = posada_store_lock (step->store, step->uuid, &error);
    g_autofree char *path = step->id ? g_build_filename (step->folder, step->id, NULL) : NULL;
    g_autofree char *saved = g_build_filename (step->folder, POSADA_SNAPSHOT_SAVED, NULL);
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
    future = posada_kvm_snapshots_check (self);
    if (future)
        return future;
    if (is_on (self))
        return posada_kvm_snapshots_take (self, name, note, FALSE);
    if (!is_off (self))
        return refuse (self);
    future = posada_kvm_snapshots_begin (self);
    step = step_new (self, off_work, posada_kvm_snapshots_finished);
    step->name = g_strdup (name);
    step->note = g_strdup (note);
    step_run (step);
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
        posada_kvm_snapshots_finish (self, error->message);
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
    future = posada_kvm_snapshots_check (self);
    if (future)
        return future;
    folder = step_get_folder (self->store, self->config->uuid);
    path = g_build_filename (folder, data->id, NULL);
    if (is_on (self) && !was_on)
        return reject (POSADA_MACHINE_ERROR_WRONG_STATE,
                       _ ("The machine was off in that snapshot: switch it off first."));
    if (!is_on (self) && !is_off (self))
        return refuse (self);
    future = posada_kvm_snapshots_begin (self);
    if (is_on (self))
        posada_kvm_snapshots_restore (self, path, data->kind == POSADA_SNAPSHOT_PAUSED, TRUE);
    else if (was_on) {
        self->snapshots->start_from = g_steal_pointer (&path);
        dex_future_disown (dex_future_catch (posada_machine_start (machine), start_failed_cb,
                                             g_object_ref (self), g_object_unref));
    } else {
        step = step_new (self, off_work, posada_kvm_snapshots_finished);
        step->id = g_strdup (data->id);
        step_run (step);
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
    if (posada_kvm_snapshots_unpin (step->self))
        posada_kvm_snapshots_finished (step);
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
    future = posada_kvm_snapshots_check (self);
    if (future)
        return future;
    if (!is_on (self) && !is_off (self))
        return refuse (self);
    future = posada_kvm_snapshots_begin (self);
    step = is_on (self) ? step_new (self, delete_work, deleted)
                        : step_new (self, off_work, posada_kvm_snapshots_finished);
    if (is_on (self)) {
        step->wish.machine = self->instance->engine;
        self->snapshots->beginning = TRUE;
    }
    step->id = g_strdup (data->id);
    step->delete = TRUE;
    step_run (step);
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
    DexFuture *future = posada_kvm_snapshots_check (self);
    Step *step;

    if (future)
        return future;
    future = posada_kvm_snapshots_begin (self);
    step = step_new (self, edit_work, posada_kvm_snapshots_finished);
    step->id = g_strdup (posada_snapshot_get (snapshot)->id);
    step->name = g_strdup (name);
    step->note = g_strdup (note ? note : "");
    step_run (step);
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
    future = posada_kvm_snapshots_check (self);
    if (future)
        return future;
    return is_on (self) ? posada_kvm_snapshots_take (self, _ ("Saved"), NULL, TRUE) : refuse (self);
}

static DexFuture *
discard_saved (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    DexFuture *future = posada_kvm_snapshots_check (self);

    if (future)
        return future;
    if (!is_off (self))
        return refuse (self);
    future = posada_kvm_snapshots_begin (self);
    step_run (step_new (self, discard_work, posada_kvm_snapshots_finished));
    return future;
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
    machine_class->discard_saved = discard_saved;
}
