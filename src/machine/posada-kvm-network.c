/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-network.h"

#include <glib/gi18n.h>

#include "snapshot/snapshot.h"

/* The first one is told. */
static void
add_problem (PosadaKvmNetwork *self, const char *sentence)
{
    if (!self->problem)
        self->problem = g_strdup (sentence);
}

static void
add_card (PosadaKvmNetwork *self, PosadaDefinition *definition, unsigned index)
{
    g_autoptr (PosadaInterface) interface = posada_definition_get_interface (definition, index);
    PosadaKvmCard *card = &self->cards[self->n_cards++];

    card->mac = posada_definition_get_mac (definition, index);
    if (interface->kind != POSADA_INTERFACE_USER) {
        add_problem (self, _ ("A network card is not connected, because Posada’s own engine has "
                              "no bridges and networks of libvirt: change its type to “user” in "
                              "the machine’s definition for a way through this computer."));
        return;
    }
    card->connected = !interface->unplugged;
    card->forwards = g_steal_pointer (&interface->forwards);
    card->n_forwards = interface->n_forwards;
    interface->n_forwards = 0;
    if (interface->odd_forwards)
        add_problem (self, _ ("Some ports are not forwarded, because Posada’s own engine can only "
                              "forward given ports of an address: give those in the machine’s "
                              "definition instead of a device or exceptions."));
}

PosadaKvmNetwork *
posada_kvm_network_read (PosadaDefinition *definition)
{
    PosadaKvmNetwork *self = g_new0 (PosadaKvmNetwork, 1);
    unsigned n = posada_definition_get_n_interfaces (definition);

    for (unsigned i = 0; i < MIN (n, POSADA_KVM_CARDS_MAX); i++)
        add_card (self, definition, i);
    if (n > POSADA_KVM_CARDS_MAX)
        add_problem (self, _ ("Only the first eight network cards are there: Posada’s own engine "
                              "has no room for more."));
    return self;
}

static void
clear_card (PosadaKvmCard *card)
{
    g_free (card->mac);
    posada_forwards_free (card->forwards, card->n_forwards);
}

void
posada_kvm_network_fit (PosadaKvmNetwork *self, const char *snapshot)
{
    int n = snapshot_count_devices (snapshot, MACHINE_CARD_DEVICE, POSADA_KVM_CARDS_MAX);

    /* What is damaged is for who restores it to tell. */
    if (n < 0 || (guint) n == self->n_cards)
        return;
    if ((guint) n < self->n_cards)
        g_set_str (&self->problem,
                   _ ("The machine goes on from a time when it had fewer network cards: shut it "
                      "down and start it again to have all of them."));
    while (self->n_cards > (guint) n)
        clear_card (&self->cards[--self->n_cards]);
    while (self->n_cards < (guint) n) {
        self->cards[self->n_cards] = (PosadaKvmCard) {
            .mac = g_strdup_printf ("52:54:00:00:00:%02x", self->n_cards),
        };
        self->n_cards++;
    }
}

PosadaKvmNetwork *
posada_kvm_network_copy (const PosadaKvmNetwork *self)
{
    PosadaKvmNetwork *copy = g_new (PosadaKvmNetwork, 1);

    *copy = *self;
    copy->problem = g_strdup (self->problem);
    for (guint i = 0; i < self->n_cards; i++) {
        copy->cards[i].mac = g_strdup (self->cards[i].mac);
        copy->cards[i].forwards =
            posada_forwards_copy (self->cards[i].forwards, self->cards[i].n_forwards);
    }
    return copy;
}

void
posada_kvm_network_free (PosadaKvmNetwork *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->n_cards; i++)
        clear_card (&self->cards[i]);
    g_free (self->problem);
    g_free (self);
}

PosadaNetwork
posada_kvm_network_get_kind (const PosadaKvmNetwork *self)
{
    PosadaNetwork kind = self->n_cards ? POSADA_NETWORK_UNPLUGGED : POSADA_NETWORK_NONE;

    for (guint i = 0; i < self->n_cards; i++)
        if (self->cards[i].connected)
            kind = POSADA_NETWORK_HOST;
    return kind;
}
