/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * <portForward> of an <interface>: ports of this computer that lead to ports of the guest. Each
 * <range> is one forward. What has no address is for this computer alone, because nothing of it is
 * opened to others without being told so; libvirt means all addresses by it.
 */
#include <arpa/inet.h>
#include <string.h>

#include "store/posada-device-internal.h"
#include "store/posada-store-error.h"
#include "store/posada-units.h"

static gboolean
read_port (xmlNode *range, const char *name, guint64 missing, guint64 *ret_port, GError **error)
{
    g_autofree char *text = posada_xml_attribute (range, name);
    g_autofree char *what = g_strdup_printf ("<range %s>", name);

    *ret_port = missing;
    return !text || posada_parse_number (text, 1, G_MAXUINT16, what, ret_port, error);
}

/* TRUE without a port where the range is of a kind that has no name here. */
static gboolean
read_range (xmlNode *range, PosadaForward *ret_forward, GError **error)
{
    guint64 first, last, to;

    ret_forward->first = 0;
    if (!read_port (range, "start", 0, &first, error) ||
        !read_port (range, "end", first, &last, error) ||
        !read_port (range, "to", first, &to, error))
        return FALSE;
    if (!first || last < first || to + (last - first) > G_MAXUINT16) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<portForward> has a <range> that is none of ports: it starts at %u, ends at "
                     "%u and leads to %u",
                     (unsigned) first, (unsigned) last, (unsigned) to);
        return FALSE;
    }
    if (posada_xml_attribute_is (range, "exclude", "yes"))
        return TRUE;
    ret_forward->first = (guint16) first;
    ret_forward->last = (guint16) last;
    ret_forward->to = (guint16) to;
    return TRUE;
}

static gboolean
read_head (xmlNode *node, PosadaForward *forward, GError **error)
{
    g_autofree char *proto = posada_xml_attribute (node, "proto");
    unsigned char binary[sizeof (struct in6_addr)];

    forward->udp = g_strcmp0 (proto, "udp") == 0;
    if (!forward->udp && g_strcmp0 (proto, "tcp") != 0) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<portForward> has the proto “%.64s”, which is neither tcp nor udp",
                     proto ? proto : "");
        return FALSE;
    }
    forward->address = posada_xml_attribute (node, "address");
    if (forward->address && inet_pton (AF_INET, forward->address, binary) != 1 &&
        inet_pton (AF_INET6, forward->address, binary) != 1) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<portForward> has the address “%.64s”, which is none of IPv4 or IPv6",
                     forward->address);
        g_clear_pointer (&forward->address, g_free);
        return FALSE;
    }
    return TRUE;
}

static gboolean
add_forward (PosadaInterface *interface, const PosadaForward *forward, GError **error)
{
    if (interface->n_forwards == POSADA_FORWARDS_MAX) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<interface> forwards more than %d ranges of ports", POSADA_FORWARDS_MAX);
        return FALSE;
    }
    interface->forwards =
        g_renew (PosadaForward, interface->forwards, (gsize) interface->n_forwards + 1);
    interface->forwards[interface->n_forwards] = *forward;
    interface->forwards[interface->n_forwards++].address = g_strdup (forward->address);
    return TRUE;
}

/* Those of one host interface must not be opened on others; and all ports there are no range. */
static gboolean
read_forward (xmlNode *node, PosadaInterface *interface, GError **error)
{
    xmlNode *range = posada_xml_child (node, "range");
    g_autofree char *dev = posada_xml_attribute (node, "dev");
    PosadaForward forward = {0};
    gboolean fine = read_head (node, &forward, error);

    if (!range || dev)
        interface->odd_forwards = TRUE;
    for (; range && fine; range = posada_xml_next (range, "range")) {
        fine = read_range (range, &forward, error);
        if (!fine || dev)
            continue;
        if (forward.first)
            fine = add_forward (interface, &forward, error);
        else
            interface->odd_forwards = TRUE;
    }
    g_free (forward.address);
    return fine;
}

gboolean
posada_forwards_read (xmlNode *node, PosadaInterface *interface, GError **error)
{
    xmlNode *child = posada_xml_child (node, "portForward");

    for (; child; child = posada_xml_next (child, "portForward"))
        if (!read_forward (child, interface, error))
            return FALSE;
    return TRUE;
}

PosadaForward *
posada_forwards_copy (const PosadaForward *forwards, unsigned n)
{
    PosadaForward *copy = g_new (PosadaForward, n);

    for (unsigned i = 0; i < n; i++) {
        copy[i] = forwards[i];
        copy[i].address = g_strdup (forwards[i].address);
    }
    return copy;
}

void
posada_forwards_free (PosadaForward *forwards, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        g_free (forwards[i].address);
    g_free (forwards);
}
