/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What our own engine makes of the network cards of a definition. Each is a virtio card, whatever
 * its model: systems of today have the driver, as they have that of their disk. Its cable leads to
 * this computer or nowhere. Plain values; any thread.
 */
#pragma once

#include "machine/machine-config.h"
#include "machine/posada-machine.h"
#include "store/posada-device.h"

G_BEGIN_DECLS

#define POSADA_KVM_CARDS_MAX MACHINE_MAX_CARDS

typedef struct {
    char *mac;
    gboolean connected; /* to this computer; else its cable is unplugged */
    PosadaForward *forwards;
    guint n_forwards;
} PosadaKvmCard;

typedef struct {
    PosadaKvmCard cards[POSADA_KVM_CARDS_MAX];
    guint n_cards;
    char *problem; /* a sentence: what is not as the definition says, and what to do; or NULL */
} PosadaKvmNetwork;

PosadaKvmNetwork *posada_kvm_network_read (PosadaDefinition *definition);
PosadaKvmNetwork *posada_kvm_network_copy (const PosadaKvmNetwork *self);
void posada_kvm_network_free (PosadaKvmNetwork *self);

/* Blocking. What goes on from a snapshot has as many cards as that: the folder of one, or of what
 * the machine was saved to. Those beyond the definition's are not connected. */
void posada_kvm_network_fit (PosadaKvmNetwork *self, const char *snapshot);

PosadaNetwork posada_kvm_network_get_kind (const PosadaKvmNetwork *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaKvmNetwork, posada_kvm_network_free)

G_END_DECLS
