/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of a KVM machine's snapshots share: steps are the work on files, on threads of
 * their own. posada-kvm-snapshot-step.c has them and the list, posada-kvm-snapshots.c what lies
 * between two steps, posada-kvm-machine-snapshots.c the machine's operations.
 */
#pragma once

#include "machine/posada-kvm-machine-internal.h"
#include "snapshot/snapshot.h"

G_BEGIN_DECLS

#define POSADA_SNAPSHOT_SAVED "saved" /* the folder a machine is saved to, beside its snapshots */

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
    gboolean paused, delete, saved;
    PosadaKvmInstance *instance; /* borrowed: of a restore, or of a disc that is changed */
    unsigned drive;
    struct snapshot_take *take;
    struct snapshot_restoring *restoring;
    struct vmm_event event;
    struct snapshot_info *infos;
    gsize n_infos;
    char current[SNAPSHOT_ID_LENGTH + 1];
    int result;
    struct vmm_error error;
};

Step *step_new (PosadaKvmMachine *self, void (*work) (Step *step), void (*done) (Step *step));
/* Takes it. */
void step_run (Step *step);
/* Of the machine with that UUID. */
char *step_get_folder (PosadaStore *store, const char *uuid);

Disks *disks_new (const PosadaKvmConfig *config, PosadaKvmInstance *instance);
void disks_free (Disks *disks); /* NULL is fine */

/* posada-kvm-machine-snapshots.c: NULL if an operation may begin now, else why not. */
DexFuture *posada_kvm_snapshots_check (PosadaKvmMachine *self);

/* posada-kvm-snapshots.c: the future of an operation that begins, which finish () ends; @sentence
 * is why it failed, NULL if it did not. */
DexFuture *posada_kvm_snapshots_begin (PosadaKvmMachine *self);
void posada_kvm_snapshots_finish (PosadaKvmMachine *self, const char *sentence);
/* A step's .done that ends the operation with its result. */
void posada_kvm_snapshots_finished (Step *step);
/* A worker is done with the instance; FALSE if that is to go now. */
gboolean posada_kvm_snapshots_unpin (PosadaKvmMachine *self);
DexFuture *posada_kvm_snapshots_take (PosadaKvmMachine *self, const char *name, const char *note,
                                      gboolean suspend);
/* An operation has begun. */
void posada_kvm_snapshots_restore (PosadaKvmMachine *self, const char *path, gboolean paused,
                                   gboolean with_disks);

G_END_DECLS
