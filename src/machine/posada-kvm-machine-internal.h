/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files that make up PosadaKvmMachine share: posada-kvm-machine.c runs it,
 * posada-kvm-machine-store.c keeps it in step with the store.
 */
#pragma once

#include "machine/posada-kvm-instance.h"
#include "machine/posada-kvm-machine.h"
#include "machine/posada-outside.h"

G_BEGIN_DECLS

#define CAPABILITIES                                                                      \
    (POSADA_MACHINE_CAN_START | POSADA_MACHINE_CAN_PAUSE | POSADA_MACHINE_CAN_SHUT_DOWN | \
     POSADA_MACHINE_CAN_RESET | POSADA_MACHINE_CAN_DELETE | POSADA_MACHINE_CAN_DISPLAY |  \
     POSADA_MACHINE_CAN_SNAPSHOT | POSADA_MACHINE_CAN_SAVE | POSADA_MACHINE_CAN_REMOTE)

typedef enum {
    START,
    PAUSE,
    RESUME,
    SHUT_DOWN,
    FORCE_OFF,
    RESET,
    N_WISHES,
} Wish;

typedef struct _PosadaKvmSnapshots PosadaKvmSnapshots;

struct _PosadaKvmMachine {
    PosadaMachine parent_instance;

    PosadaKvmConfig *config;
    PosadaDefinition *definition; /* NULL: the configuration is all there is */
    PosadaStore *store;           /* or NULL */
    PosadaLock *lock;             /* of the store, while it runs here */
    PosadaKvmInstance *instance;  /* NULL while off, or while a worker has it */
    gboolean busy;                /* a worker opens or closes an instance */
    PosadaOutside *outside;       /* NULL without a store */
    guint events, sampler;
    DexPromise *wishes[N_WISHES];
    PosadaKvmSnapshots *snapshots; /* what is under way with them */
    PosadaDiskCare *care;          /* NULL until somebody asks */

    gint64 sampled_at; /* monotonic µs */
    guint64 cpu_ns, disk_read, disk_written, net_received, net_sent;
};

DexFuture *posada_kvm_machine_rename (PosadaMachine *machine, const char *name);

/* posada-kvm-machine-remote.c */
DexFuture *posada_kvm_machine_set_remote (PosadaMachine *machine, const PosadaRemote *wish);
/* posada-kvm-machine.c: back to where it was before somebody pinned the instance. */
void posada_kvm_machine_take_apart (PosadaKvmMachine *self, const char *reason);
void
posada_kvm_machine_enter (PosadaKvmMachine *self, PosadaMachineState state, const char *reason);

/*
 * posada-kvm-machine-snapshots.c. One operation at a time. While a worker uses the instance for
 * one it is pinned: it is to be taken apart only when posada_kvm_snapshots_hold () says so.
 */
void posada_kvm_snapshots_class_init (PosadaMachineClass *machine_class);
void posada_kvm_snapshots_init (PosadaKvmMachine *self);
void posada_kvm_snapshots_free (PosadaKvmSnapshots *snapshots);
/* Reads the folder again. */
void posada_kvm_snapshots_refresh (PosadaKvmMachine *self);
/* The instance is built: FALSE if there is nothing to go on from, so that it should boot. */
gboolean posada_kvm_snapshots_start (PosadaKvmMachine *self, gboolean saved);
/* Blocking: what the next start goes on from, which is @start_from, what the machine was saved to,
 * or NULL. */
char *posada_kvm_snapshots_find_start (PosadaStore *store, const char *uuid, gboolean saved,
                                       const char *start_from);
/* The path of the snapshot to start from, or NULL. */
const char *posada_kvm_snapshots_get_start (PosadaKvmMachine *self);
/* Blocking: whether the machine was saved. */
gboolean posada_kvm_snapshots_is_saved (PosadaStore *store, const char *uuid);
/* Blocking: removes what a process that died left half made. The instance is not on. */
void posada_kvm_snapshots_clean (PosadaStore *store, const PosadaKvmConfig *config,
                                 PosadaKvmInstance *instance);
/* SAVED or RESTORED. */
void posada_kvm_snapshots_handle (PosadaKvmMachine *self, const struct vmm_event *event);
/* Whether it is being saved, so that PAUSED is SAVING. */
gboolean posada_kvm_snapshots_is_saving (PosadaKvmMachine *self);
/* TRUE: not now, posada_kvm_machine_take_apart () will be called again with @reason. */
gboolean posada_kvm_snapshots_hold (PosadaKvmMachine *self, const char *reason);
/* The instance is gone: what was under way is over. On any thread before that, what to give to
 * posada_kvm_snapshots_abandon () after the instance is closed. */
gpointer posada_kvm_snapshots_let_go (PosadaKvmMachine *self);
void posada_kvm_snapshots_abandon (gpointer left);
void posada_kvm_snapshots_closed (PosadaKvmMachine *self);

/* posada-kvm-machine-clones.c */
void posada_kvm_clones_class_init (PosadaMachineClass *machine_class);
/* While no other process runs it. */
PosadaMachineCapabilities posada_kvm_machine_get_own_capabilities (PosadaKvmMachine *self);

/* posada-kvm-machine-disks.c */
void posada_kvm_disks_class_init (PosadaMachineClass *machine_class);
void posada_kvm_disks_free (PosadaKvmMachine *self);
/* Whether something is being done to its disks, so that it must stay off. */
gboolean posada_kvm_machine_cares_for_disks (PosadaKvmMachine *self);
/* The future with the sentence for it. */
DexFuture *posada_kvm_machine_refuse_for_disks (void);

G_END_DECLS
