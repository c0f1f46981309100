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
     POSADA_MACHINE_CAN_RESET | POSADA_MACHINE_CAN_DELETE | POSADA_MACHINE_CAN_DISPLAY)

typedef enum {
    START,
    PAUSE,
    RESUME,
    SHUT_DOWN,
    FORCE_OFF,
    RESET,
    N_WISHES,
} Wish;

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

    gint64 sampled_at; /* monotonic µs */
    guint64 cpu_ns, disk_read, disk_written;
};

DexFuture *posada_kvm_machine_rename (PosadaMachine *machine, const char *name);

G_END_DECLS
