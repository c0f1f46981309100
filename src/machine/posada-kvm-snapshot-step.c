/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-snapshot-step.h"

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

void
step_run (Step *step)
{
    g_thread_unref (g_thread_new ("posada-snapshot", step_thread, step));
}

char *
step_get_folder (PosadaStore *store, const char *uuid)
{
    g_autofree char *machine = posada_store_get_machine_folder (store, uuid);

    return g_build_filename (machine, "snapshots", NULL);
}

Step *
step_new (PosadaKvmMachine *self, void (*work) (Step *step), void (*done) (Step *step))
{
    Step *step = g_new0 (Step, 1);

    step->self = g_object_ref (self);
    step->work = work;
    step->done = done;
    step->store = g_object_ref (self->store);
    step->uuid = g_strdup (self->config->uuid);
    step->folder = step_get_folder (self->store, self->config->uuid);
    step->disks = self->snapshots->disks;
    return step;
}

/* Writable disks are in snapshots; the others do not change. */
Disks *
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

void
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
    step->saved = posada_kvm_snapshots_is_saved (step->store, step->uuid);
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

    posada_machine_set_saved (POSADA_MACHINE (step->self), step->saved);
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
        step_run (step_new (self, refresh_work, refreshed));
}
