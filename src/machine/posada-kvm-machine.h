/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine on our own engine, in this process. Images are opened and locked when it starts and are
 * free again once it is off. Pulls the plug when it is finalized; asking first is the
 * application's.
 */
#pragma once

#include "machine/posada-kvm-config.h"
#include "machine/posada-machine.h"
#include "store/posada-store.h"

G_BEGIN_DECLS

#define POSADA_TYPE_KVM_MACHINE (posada_kvm_machine_get_type ())
G_DECLARE_FINAL_TYPE (PosadaKvmMachine, posada_kvm_machine, POSADA, KVM_MACHINE, PosadaMachine)

/* @config is copied. Nothing in it is looked at before the machine starts. */
PosadaMachine *posada_kvm_machine_new (const PosadaKvmConfig *config);
/*
 * Follows @definition. With a @store, which may be NULL, it is that machine of it: it holds the
 * machine's lock while it runs and keeps its new name there. @definition may be NULL for one that
 * cannot be read, see set_broken ().
 */
PosadaMachine *
posada_kvm_machine_new_for_definition (PosadaDefinition *definition, PosadaStore *store);
PosadaDefinition *posada_kvm_machine_get_definition (PosadaKvmMachine *self); /* or NULL */
/* Another one of the same machine: somebody else has saved it. */
void posada_kvm_machine_set_definition (PosadaKvmMachine *self, PosadaDefinition *definition);
/* A machine of @store that can only be looked at and deleted, for that @reason. */
PosadaMachine *posada_kvm_machine_new_broken (PosadaStore *store, const char *uuid,
                                              const char *name, const char *reason);
void posada_kvm_machine_set_broken (PosadaKvmMachine *self, const char *reason);
/*
 * Looks at its snapshots, and whether another process runs it. If so it is RUNNING or PAUSED and
 * “outside”, which is looked at again until that ends, and can do what its control socket offers.
 */
void posada_kvm_machine_look_outside (PosadaKvmMachine *self);
/* The viewer's end of a SPICE connection (an int) to the machine, which is on; each further channel
 * is another one. */
DexFuture *posada_kvm_machine_connect_spice (PosadaKvmMachine *self);
/* As it is to be from the next start on; name and numbers change at once. */
void posada_kvm_machine_set_config (PosadaKvmMachine *self, const PosadaKvmConfig *config);

G_END_DECLS
