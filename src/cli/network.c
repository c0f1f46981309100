/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/network.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/text.h"

static int
set_mac (struct network_option *option, const char *mac, const char *value, struct vmm_error *error)
{
    static const char form[] = "xx:xx:xx:xx:xx:xx";
    bool good = strlen (mac) == sizeof form - 1 && !*option->mac;

    for (size_t i = 0; good && form[i]; i++)
        good = form[i] == ':' ? mac[i] == ':' : isxdigit ((unsigned char) mac[i]) != 0;
    /* The second digit of a card's own address is even; odd ones are groups. */
    if (!good || strspn (mac, "0:") == sizeof form - 1 || strchr ("13579bBdDfF", mac[1]))
        return vmm_error_set (error, -EINVAL,
                              "--network=%s: '%.40s' is not the one address of a card, such as "
                              "mac=52:54:00:12:34:56",
                              value, mac);
    memcpy (option->mac, mac, sizeof form);
    return 0;
}

/* Takes "ADDRESS:" from the front of @*text, if it is there; an IPv6 address is in brackets. */
static bool
take_address (const char **text, char address[INET6_ADDRSTRLEN])
{
    bool in_brackets = **text == '[';
    const char *start = *text + in_brackets;
    size_t length = strcspn (start, in_brackets ? "]" : ":");
    unsigned char binary[16];

    *address = 0;
    if (length >= INET6_ADDRSTRLEN || !start[length])
        return !in_brackets;
    memcpy (address, start, length);
    address[length] = 0;
    if (inet_pton (in_brackets ? AF_INET6 : AF_INET, address, binary) != 1) {
        /* Then it has to be a port. */
        *address = 0;
        return !in_brackets;
    }
    *text = start + length + in_brackets;
    if (**text != ':')
        return false;
    (*text)++;
    return true;
}

static bool
take_port (const char **text, uint16_t *ret_port)
{
    size_t length = strspn (*text, "0123456789");
    char number[8] = "";
    uint64_t port;

    if (length == 0 || length >= sizeof number)
        return false;
    memcpy (number, *text, length);
    *text += length;
    if (text_parse_number (number, UINT16_MAX, &port) < 0 || port == 0)
        return false;
    *ret_port = (uint16_t) port;
    return true;
}

static bool
parse_forward (const char *text, struct net_forward *forward, char address[INET6_ADDRSTRLEN])
{
    *forward = (struct net_forward) {.udp = strncmp (text, "udp:", 4) == 0};
    if (forward->udp || strncmp (text, "tcp:", 4) == 0)
        text += 4;
    if (!take_address (&text, address) || !take_port (&text, &forward->first))
        return false;
    forward->last = forward->to = forward->first;
    if (*text == '-') {
        text++;
        if (!take_port (&text, &forward->last) || forward->last < forward->first)
            return false;
    }
    if (*text == ':') {
        text++;
        if (!take_port (&text, &forward->to))
            return false;
    }
    return !*text && forward->to + (forward->last - forward->first) <= UINT16_MAX;
}

static int
add_forward (struct network_option *option, const char *text, const char *value,
             struct vmm_error *error)
{
    size_t n = option->n_forwards;

    if (n == NET_MAX_FORWARDS)
        return vmm_error_set (error, -E2BIG, "--network: %s is one forward too many, %d at most",
                              text, NET_MAX_FORWARDS);
    if (!parse_forward (text, &option->forwards[n], option->addresses[n]))
        return vmm_error_set (error, -EINVAL,
                              "--network=%s: '%.80s' is not of the form "
                              "[tcp:|udp:][ADDRESS:]PORT[-PORT][:PORT], such as "
                              "forward=tcp:2222:22",
                              value, text);
    option->n_forwards++;
    return 0;
}

int
network_parse (const char *value, struct network_option *option, struct vmm_error *error)
{
    const char *cursor = value;
    int r = 0;

    *option = (struct network_option) {.n_forwards = 0};
    while (cursor && r == 0) {
        AUTO_FREE char *part = text_next_part (&cursor);

        if (!part)
            return vmm_error_set_errno (error, -ENOMEM, "--network=%s", value);
        if (strncmp (part, "mac=", 4) == 0)
            r = set_mac (option, part + 4, value, error);
        else if (strncmp (part, "forward=", 8) == 0)
            r = add_forward (option, part + 8, value, error);
        else if (strcmp (part, "unplugged") == 0)
            option->unplugged = true;
        else if (strcmp (part, "optional") == 0)
            option->optional = true;
        else
            r = vmm_error_set (error, -EINVAL,
                               "--network=%s: '%.40s' is none of mac=ADDRESS, forward=PORTS, "
                               "optional and unplugged",
                               value, part);
    }
    return r;
}

static int
open_passt (const struct network_option *option, size_t n_forwards, struct net **ret_net,
            struct vmm_error *error)
{
    struct net_forward forwards[NET_MAX_FORWARDS];
    struct net_passt passt = {forwards, n_forwards};

    for (size_t i = 0; i < n_forwards; i++) {
        forwards[i] = option->forwards[i];
        forwards[i].address = *option->addresses[i] ? option->addresses[i] : NULL;
    }
    return net_open_passt (&passt, ret_net, error);
}

int
network_open (const struct network_option *option, struct net **ret_net, struct vmm_error *error)
{
    struct vmm_error why = {0};
    struct net *net = NULL;
    int r;

    if (!option->unplugged && !option->optional)
        return open_passt (option, option->n_forwards, ret_net, error);
    r = option->unplugged ? 0 : open_passt (option, option->n_forwards, &net, &why);
    if (r < 0)
        cli_complain ("%s", why.message);
    if (r < 0 && r != -ENOENT && option->n_forwards > 0)
        open_passt (option, 0, &net, NULL);
    *ret_net = net;
    return 0;
}

void
network_make_mac (const char *name, const uint8_t uuid[16], size_t index, char mac[18])
{
    /* FNV-1a. */
    uint64_t hash = UINT64_C (0xcbf29ce484222325);

    for (size_t i = 0; i < 16; i++)
        hash = (hash ^ uuid[i]) * UINT64_C (0x100000001b3);
    for (size_t i = 0; name[i]; i++)
        hash = (hash ^ (uint8_t) name[i]) * UINT64_C (0x100000001b3);
    hash = (hash ^ index) * UINT64_C (0x100000001b3);
    hash ^= hash >> 32;
    snprintf (mac, 18, "52:54:00:%02x:%02x:%02x", (unsigned) hash & 255,
              (unsigned) (hash >> 8) & 255, (unsigned) (hash >> 16) & 255);
}
