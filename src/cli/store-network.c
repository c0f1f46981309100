/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network cards of machines that are kept: for posada start, and for posada show.
 */
#include <string.h>

#include "cli/store-verbs.h"

static void
add_ports (GString *word, guint first, guint last)
{
    g_string_append_printf (word, "%u", first);
    if (last != first)
        g_string_append_printf (word, "-%u", last);
}

/* @separator is between protocol and address. */
static void
add_source (GString *word, const PosadaForward *forward, char separator)
{
    const char *address = forward->address ? forward->address : "127.0.0.1";
    gboolean bracketed = strchr (address, ':') != NULL;

    g_string_append_printf (word, "%s%c%s%s%s:", forward->udp ? "udp" : "tcp", separator,
                            bracketed ? "[" : "", address, bracketed ? "]" : "");
    add_ports (word, forward->first, forward->last);
}

void
store_add_network (GPtrArray *words, PosadaDefinition *definition)
{
    g_autoptr (PosadaKvmNetwork) network = posada_kvm_network_read (definition);

    for (guint i = 0; i < words->len; i++) {
        const char *word = g_ptr_array_index (words, i);

        if (g_str_has_prefix (word, "--restore="))
            posada_kvm_network_fit (network, word + strlen ("--restore="));
    }
    for (guint i = 0; i < network->n_cards; i++) {
        const PosadaKvmCard *card = &network->cards[i];
        GString *word = g_string_new ("--network=optional,mac=");

        g_string_append (word, card->mac);
        if (!card->connected)
            g_string_append (word, ",unplugged");
        for (guint j = 0; j < card->n_forwards; j++) {
            g_string_append (word, ",forward=");
            add_source (word, &card->forwards[j], ':');
            g_string_append_printf (word, ":%u", card->forwards[j].to);
        }
        g_ptr_array_add (words, g_string_free (word, FALSE));
    }
    if (network->problem)
        cli_complain ("%s", network->problem);
}

char *
store_describe_card (const PosadaKvmCard *card)
{
    return g_strdup_printf ("%s, %s", card->connected ? "through this computer" : "not connected",
                            card->mac);
}

char *
store_describe_forward (const PosadaForward *forward)
{
    GString *text = g_string_new (NULL);

    add_source (text, forward, ' ');
    g_string_append (text, " to ");
    add_ports (text, forward->to, (guint) forward->to + forward->last - forward->first);
    return g_string_free (text, FALSE);
}
