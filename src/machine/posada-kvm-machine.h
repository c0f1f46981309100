/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine on our own engine, in this process. Images are opened and locked when it starts and are
 * free again once it is off. Pulls the plug when it is finalized; asking first is the
 * application's.
 */
#pragma once

#include "machine/posada-kvm-config.h"
#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_KVM_MACHINE (posada_kvm_machine_get_type ())
G_DECLARE_FINAL_TYPE (PosadaKvmMachine, posada_kvm_machine, POSADA, KVM_MACHINE, PosadaMachine)

/* @config is copied. Nothing in it is looked at before the machine starts. */
PosadaMachine *posada_kvm_machine_new (const PosadaKvmConfig *config);
/* Follows @definition, which it renames when it is renamed; saving that is the caller's. */
PosadaMachine *posada_kvm_machine_new_for_definition (PosadaDefinition *definition);
PosadaDefinition *posada_kvm_machine_get_definition (PosadaKvmMachine *self); /* or NULL */
/* As it is to be from the next start on; name and numbers change at once. */
void posada_kvm_machine_set_config (PosadaKvmMachine *self, const PosadaKvmConfig *config);

G_END_DECLS
