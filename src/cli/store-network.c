/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network cards of machines that are kept: for posada start, and for posada show.
 */
#include <string.h>

#include "cli/store-verbs.h"

static char *
describe_ports (guint first, guint last)
{
    return first == last ? g_strdup_printf ("%u", first) : g_strdup_printf ("%u-%u", first, last);
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
    g_autofree char *from = describe_ports (forward->first, forward->last);
    guint last = (guint) forward->to + forward->last - forward->first;
    g_autofree char *to = describe_ports (forward->to, last);
    const char *address = forward->address ? forward->address : "127.0.0.1";
    gboolean bracketed = strchr (address, ':') != NULL;

    return g_strdup_printf ("%s %s%s%s:%s to %s", forward->udp ? "udp" : "tcp",
                            bracketed ? "[" : "", address, bracketed ? "]" : "", from, to);
}
