/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The disks of a KVM machine. A disc is changed while the machine runs as a step like those of
 * snapshots, and never beside one, for the drive is in them.
 */
#define G_LOG_DOMAIN "posada-machine"

#include <glib/gi18n.h>

#include "machine/posada-disk-care.h"
#include "machine/posada-kvm-snapshot-step.h"

static PosadaDefinition *
get_definition (PosadaMachine *machine)
{
    PosadaMachineState state = posada_machine_get_state (machine);

    return state == POSADA_MACHINE_MISSING ? NULL : POSADA_KVM_MACHINE (machine)->definition;
}

static void
take_definition (PosadaMachine *machine, PosadaDefinition *definition)
{
    posada_kvm_machine_set_definition (POSADA_KVM_MACHINE (machine), definition);
}

static PosadaDiskCare *
get_disk_care (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    if (!self->care && self->store && self->definition) {
        g_autofree char *folder = posada_store_get_machine_folder (self->store, self->config->uuid);

        self->care =
            posada_disk_care_new (machine, &(PosadaDiskHost) {.store = self->store,
                                                              .folder = folder,
                                                              .get_definition = get_definition,
                                                              .take_definition = take_definition});
    }
    return self->care;
}

gboolean
posada_kvm_machine_cares_for_disks (PosadaKvmMachine *self)
{
    return self->care && posada_disk_care_get_task (self->care);
}

DexFuture *
posada_kvm_machine_refuse_for_disks (void)
{
    return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE, "%s",
                                  _ ("A disk of the machine is being worked on: wait until that is "
                                     "done."));
}

/* --- drives --- */

/* The place of drive @target among its kind. */
static int
find_drive (PosadaDefinition *definition, const char *target)
{
    unsigned n = posada_definition_get_n_disks (definition);
    int place = 0;

    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (definition, i);

        if (disk->kind != POSADA_DISK_CDROM)
            continue;
        if (g_strcmp0 (disk->target, target) == 0)
            return place;
        place++;
    }
    return -1;
}

static void
change_work (Step *step)
{
    struct machine_plan *plan = &step->instance->plan;
    struct blk *medium = NULL;

    if (step->name)
        step->result = blk_open_raw (step->name, BLK_READ_ONLY, 0, &step->instance->log, &medium,
                                     &step->error);
    if (step->result == 0)
        step->result = vmm_set_medium (step->instance->engine, MACHINE_CD_DEVICE, step->drive,
                                       medium, &step->error);
    if (step->result < 0) {
        blk_close (medium);
        return;
    }
    blk_close (plan->cds[step->drive]);
    plan->cds[step->drive] = medium;
}

/* Used the instance, which stays until now. */
static void
changed (Step *step)
{
    if (posada_kvm_snapshots_unpin (step->self))
        posada_kvm_snapshots_finished (step);
}

static DexFuture *
order (PosadaKvmMachine *self, int drive, const char *path)
{
    g_autofree char *line = g_strdup_printf ("media %d %s", drive, path ? path : "none");

    if (strchr (line, '\n'))
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, "%s",
                                      _ ("The name of a disc image is one line: rename the file."));
    return posada_outside_order (self->outside, line);
}

static DexFuture *
set_medium (PosadaMachine *machine, const char *target, const char *path)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    int drive = self->definition ? find_drive (self->definition, target) : -1;
    DexFuture *future;
    Step *step;

    if (drive >= 0 && posada_machine_get_outside (machine))
        return order (self, drive, path);
    future = posada_kvm_snapshots_check (self);
    if (future)
        return future;
    if (!self->instance || self->busy || drive < 0 || (gsize) drive >= self->instance->plan.n_cds)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE, "%s",
                                      _ ("The machine has no such drive now: try again when it "
                                         "has started or is off."));
    future = posada_kvm_snapshots_begin (self);
    step = step_new (self, change_work, changed);
    step->instance = self->instance;
    step->drive = (unsigned) drive;
    step->name = g_strdup (path);
    self->snapshots->beginning = TRUE;
    step_run (step);
    return future;
}

void
posada_kvm_disks_class_init (PosadaMachineClass *machine_class)
{
    machine_class->get_disk_care = get_disk_care;
    machine_class->set_medium = set_medium;
}

void
posada_kvm_disks_free (PosadaKvmMachine *self)
{
    if (self->care)
        posada_disk_care_close (self->care);
    g_clear_object (&self->care);
}
