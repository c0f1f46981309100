/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-fake-machine-snapshots.h"

#include <glib/gi18n.h>

#include "machine/posada-disk-care.h"

#define STEP_MS 30
#define STEPS   5
#define SIZE    (G_GUINT64_CONSTANT (300) << 20)

/* One being taken. */
typedef struct {
    PosadaMachine *machine;
    DexPromise *promise;
    char *name, *note, *failure;
    gboolean save;
    guint steps;
} Taking;

static DexFuture *
reject (char *sentence)
{
    DexFuture *future =
        dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, "%s", sentence);

    g_free (sentence);
    return future;
}

/* All of them but @without, with @change in place of its namesake, and @current marked. */
static GPtrArray *
copy_all (PosadaMachine *machine, const char *without, const PosadaSnapshotData *change,
          const char *current)
{
    GListModel *list = posada_machine_get_snapshots (machine);
    GPtrArray *copies = g_ptr_array_new_with_free_func (g_object_unref);

    for (guint i = 0; i < g_list_model_get_n_items (list); i++) {
        g_autoptr (PosadaSnapshot) snapshot = g_list_model_get_item (list, i);
        PosadaSnapshotData data = *posada_snapshot_get (snapshot);

        if (without && g_str_equal (data.id, without))
            continue;
        if (change && g_str_equal (data.id, change->id))
            data = *change;
        data.current = g_strcmp0 (data.id, current) == 0;
        g_ptr_array_add (copies, posada_snapshot_new (&data));
    }
    return copies;
}

static char *
get_current (PosadaMachine *machine)
{
    GListModel *list = posada_machine_get_snapshots (machine);

    for (guint i = 0; i < g_list_model_get_n_items (list); i++) {
        g_autoptr (PosadaSnapshot) snapshot = g_list_model_get_item (list, i);

        if (posada_snapshot_get (snapshot)->current)
            return g_strdup (posada_snapshot_get (snapshot)->id);
    }
    return NULL;
}

static void
add (PosadaMachine *machine, const char *name, const char *note)
{
    PosadaMachineState state = posada_machine_get_state (machine);
    g_autofree char *parent = get_current (machine);
    g_autofree char *id = g_uuid_string_random ();
    g_autoptr (GPtrArray) all = copy_all (machine, NULL, NULL, NULL);
    PosadaSnapshotData data = {
        .id = id,
        .parent = parent,
        .name = name,
        .note = note,
        .time = g_get_real_time () / G_USEC_PER_SEC,
        .size = SIZE,
        .kind = state == POSADA_MACHINE_OFF      ? POSADA_SNAPSHOT_OFF
                : state == POSADA_MACHINE_PAUSED ? POSADA_SNAPSHOT_PAUSED
                                                 : POSADA_SNAPSHOT_RUNNING,
        .current = TRUE,
    };

    g_ptr_array_add (all, posada_snapshot_new (&data));
    posada_machine_set_snapshots (machine, all);
}

static gboolean
step_cb (gpointer data)
{
    Taking *taking = data;
    gboolean cancelled = posada_machine_get_snapshot_progress (taking->machine) < 0;

    if (++taking->steps <= STEPS && !cancelled) {
        posada_machine_set_snapshot_progress (taking->machine, (double) taking->steps / STEPS);
        return G_SOURCE_CONTINUE;
    }
    posada_machine_set_snapshot_progress (taking->machine, -1);
    if (cancelled || taking->failure)
        dex_promise_reject (
            taking->promise,
            g_error_new_literal (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED,
                                 cancelled ? _ ("It was cancelled.") : taking->failure));
    else {
        if (taking->save) {
            posada_fake_machine_enter (POSADA_FAKE_MACHINE (taking->machine), POSADA_MACHINE_OFF);
            posada_machine_set_saved (taking->machine, TRUE);
        } else
            add (taking->machine, taking->name, taking->note);
        dex_promise_resolve_boolean (taking->promise, TRUE);
    }
    dex_unref (taking->promise);
    g_object_unref (taking->machine);
    g_free (taking->name);
    g_free (taking->note);
    g_free (taking->failure);
    g_free (taking);
    return G_SOURCE_REMOVE;
}

static DexFuture *
begin (PosadaMachine *machine, const char *name, const char *note, gboolean save)
{
    Taking *taking;

    if (posada_machine_get_snapshot_progress (machine) >= 0)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE, "%s",
                                      _ ("Another snapshot of the machine is being worked on."));
    taking = g_new0 (Taking, 1);
    taking->machine = g_object_ref (machine);
    taking->promise = dex_promise_new ();
    taking->name = g_strdup (name);
    taking->note = g_strdup (note);
    taking->failure = posada_fake_machine_steal_failure (POSADA_FAKE_MACHINE (machine));
    taking->save = save;
    posada_machine_set_snapshot_progress (machine, 0);
    g_timeout_add (STEP_MS, step_cb, taking);
    return dex_ref (DEX_FUTURE (taking->promise));
}

static DexFuture *
take_snapshot (PosadaMachine *machine, const char *name, const char *note)
{
    PosadaDiskCare *care = posada_machine_get_disk_care (machine);

    /* As where files cannot share blocks. */
    if (care && posada_disk_care_has_raw (care))
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_RAW_DISKS, "%s",
                                      _ ("The machine has a raw disk: convert it first."));
    return begin (machine, name, note, FALSE);
}

static DexFuture *
save (PosadaMachine *machine)
{
    return begin (machine, NULL, NULL, TRUE);
}

static DexFuture *
discard_saved (PosadaMachine *machine)
{
    char *failure = posada_fake_machine_steal_failure (POSADA_FAKE_MACHINE (machine));

    if (failure)
        return reject (failure);
    posada_machine_set_saved (machine, FALSE);
    return dex_future_new_true ();
}

static DexFuture *
cancel_snapshot (PosadaMachine *machine)
{
    posada_machine_set_snapshot_progress (machine, -1);
    return dex_future_new_true ();
}

static DexFuture *
restore_snapshot (PosadaMachine *machine, PosadaSnapshot *snapshot)
{
    static const PosadaMachineState states[] = {
        [POSADA_SNAPSHOT_OFF] = POSADA_MACHINE_OFF,
        [POSADA_SNAPSHOT_RUNNING] = POSADA_MACHINE_RUNNING,
        [POSADA_SNAPSHOT_PAUSED] = POSADA_MACHINE_PAUSED,
    };
    const PosadaSnapshotData *data = posada_snapshot_get (snapshot);
    char *failure = posada_fake_machine_steal_failure (POSADA_FAKE_MACHINE (machine));
    g_autoptr (GPtrArray) all = copy_all (machine, NULL, NULL, data->id);

    if (failure)
        return reject (failure);
    posada_fake_machine_enter (POSADA_FAKE_MACHINE (machine), states[data->kind]);
    posada_machine_set_snapshots (machine, all);
    return dex_future_new_true ();
}

static DexFuture *
delete_snapshot (PosadaMachine *machine, PosadaSnapshot *snapshot)
{
    const PosadaSnapshotData *data = posada_snapshot_get (snapshot);
    char *failure = posada_fake_machine_steal_failure (POSADA_FAKE_MACHINE (machine));
    g_autofree char *current = get_current (machine);
    g_autoptr (GPtrArray) all = NULL;

    if (failure)
        return reject (failure);
    if (g_strcmp0 (current, data->id) == 0)
        g_set_str (&current, data->parent);
    all = copy_all (machine, data->id, NULL, current);
    for (guint i = 0; i < all->len; i++) {
        g_autoptr (PosadaSnapshot) child = g_object_ref (g_ptr_array_index (all, i));
        PosadaSnapshotData copy = *posada_snapshot_get (child);

        if (g_strcmp0 (copy.parent, data->id) != 0)
            continue;
        copy.parent = data->parent;
        g_object_unref (g_ptr_array_index (all, i));
        g_ptr_array_index (all, i) = posada_snapshot_new (&copy);
    }
    posada_machine_set_snapshots (machine, all);
    return dex_future_new_true ();
}

static DexFuture *
edit_snapshot (PosadaMachine *machine, PosadaSnapshot *snapshot, const char *name, const char *note)
{
    PosadaSnapshotData data = *posada_snapshot_get (snapshot);
    char *failure = posada_fake_machine_steal_failure (POSADA_FAKE_MACHINE (machine));
    g_autofree char *current = get_current (machine);
    g_autoptr (GPtrArray) all = NULL;

    if (failure)
        return reject (failure);
    data.name = name;
    data.note = note;
    all = copy_all (machine, NULL, &data, current);
    posada_machine_set_snapshots (machine, all);
    return dex_future_new_true ();
}

void
posada_fake_snapshots_class_init (PosadaMachineClass *machine_class)
{
    machine_class->take_snapshot = take_snapshot;
    machine_class->restore_snapshot = restore_snapshot;
    machine_class->delete_snapshot = delete_snapshot;
    machine_class->edit_snapshot = edit_snapshot;
    machine_class->cancel_snapshot = cancel_snapshot;
    machine_class->save = save;
    machine_class->discard_saved = discard_saved;
}
