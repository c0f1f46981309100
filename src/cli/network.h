/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The value of --network: a network card, its address, and which ports of this computer lead to the
 * guest. Pure functions but for opening it, any thread.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/net.h"

struct network_option {
    char mac[18]; /* empty: one that follows from the machine */
    bool unplugged;
    bool optional; /* what cannot be opened is complained about and left out */
    struct net_forward forwards[NET_MAX_FORWARDS];      /* but their addresses */
    char addresses[NET_MAX_FORWARDS][INET6_ADDRSTRLEN]; /* empty: none given */
    size_t n_forwards;
};

/*
 * @value: NULL, or "mac=52:54:00:12:34:56", "unplugged", "optional" and
 * "forward=[tcp:|udp:][ADDRESS:]PORT[-PORT][:PORT]" with commas between. 0, or a negative errno
 * with a sentence that names the value.
 */
int network_parse (const char *value, struct network_option *option, struct vmm_error *error);
/* What its cable leads to, by passt; errors are those of net_open_passt (). NULL if it is
 * unplugged, or optional and nothing can be opened; without forwards if those are what cannot. */
int
network_open (const struct network_option *option, struct net **ret_net, struct vmm_error *error);
/* The address of card @index of a machine, the same each time and hardly that of another machine.
 */
void network_make_mac (const char *name, const uint8_t uuid[16], size_t index, char mac[18]);
