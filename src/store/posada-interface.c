/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * <interface>: network cards.
 */
#include <string.h>

#include "store/posada-device-internal.h"
#include "store/posada-store-error.h"

G_DEFINE_BOXED_TYPE (PosadaInterface, posada_interface, posada_interface_copy,
                     posada_interface_free)

static const char *const kind_names[] = {"user", "network", "bridge"};

static const char *const interface_order[] = {
    "mac",       "source", "virtualport", "ip",      "route",   "script",    "portForward",
    "target",    "guest",  "model",       "driver",  "backend", "filterref", "tune",
    "bandwidth", "vlan",   "port",        "link",    "mtu",     "coalesce",  "boot",
    "rom",       "acpi",   "alias",       "address", NULL,
};

PosadaInterface *
posada_interface_copy (const PosadaInterface *self)
{
    PosadaInterface *copy = g_new (PosadaInterface, 1);

    *copy = *self;
    copy->source = g_strdup (self->source);
    copy->mac = g_strdup (self->mac);
    copy->model = g_strdup (self->model);
    copy->forwards = posada_forwards_copy (self->forwards, self->n_forwards);
    return copy;
}

void
posada_interface_free (PosadaInterface *self)
{
    if (!self)
        return;
    g_free (self->source);
    g_free (self->mac);
    g_free (self->model);
    posada_forwards_free (self->forwards, self->n_forwards);
    g_free (self);
}

static PosadaInterface *
read_interface (xmlNode *node, GError **error)
{
    g_autoptr (PosadaInterface) interface = g_new0 (PosadaInterface, 1);

    interface->kind = (PosadaInterfaceKind) posada_device_read_name (
        node, "type", kind_names, G_N_ELEMENTS (kind_names), POSADA_INTERFACE_OTHER,
        POSADA_INTERFACE_OTHER);
    interface->passt =
        posada_xml_attribute_is (posada_xml_child (node, "backend"), "type", "passt");
    if (interface->kind == POSADA_INTERFACE_NETWORK || interface->kind == POSADA_INTERFACE_BRIDGE)
        interface->source =
            posada_xml_attribute (posada_xml_child (node, "source"), kind_names[interface->kind]);
    interface->mac = posada_xml_attribute (posada_xml_child (node, "mac"), "address");
    interface->model = posada_xml_attribute (posada_xml_child (node, "model"), "type");
    interface->unplugged =
        posada_xml_attribute_is (posada_xml_child (node, "link"), "state", "down");
    interface->boot_order = posada_device_read_boot (node);
    if (!posada_forwards_read (node, interface, error))
        return NULL;
    return g_steal_pointer (&interface);
}

/* Six bytes in hexadecimal that are not all zero, for one card and not for a group of them
 * (IEEE 802, 8.2). */
static gboolean
is_mac (const char *text)
{
    if (strlen (text) != 17)
        return FALSE;
    for (unsigned i = 0; i < 17; i++)
        if (i % 3 == 2 ? text[i] != ':' : !g_ascii_isxdigit (text[i]))
            return FALSE;
    return (g_ascii_xdigit_value (text[1]) & 1) == 0 && strspn (text, "0:") < 17;
}

static gboolean
check_interface (const PosadaInterface *interface, GError **error)
{
    if (interface->mac && !is_mac (interface->mac)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<interface> has the <mac> “%.64s”, which is none of a card", interface->mac);
        return FALSE;
    }
    return posada_check_text (interface->model, 64, "interface model", error) &&
           posada_check_text (interface->source, 256, "interface source", error);
}

gboolean
posada_check_interfaces (PosadaDefinition *self, GError **error)
{
    xmlNode *node = posada_xml_child (posada_definition_section (self, "devices"), "interface");

    for (; node; node = posada_xml_next (node, "interface")) {
        g_autoptr (PosadaInterface) interface = read_interface (node, error);

        if (!interface || !check_interface (interface, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_setting (PosadaDefinition *self, xmlNode *node, const PosadaInterface *interface,
               GError **error)
{
    gboolean named =
        interface->kind == POSADA_INTERFACE_NETWORK || interface->kind == POSADA_INTERFACE_BRIDGE;

    if (!check_interface (interface, error) ||
        !posada_device_check_boot (self, node, interface->boot_order, error))
        return FALSE;
    if (named && (!interface->source || !*interface->source)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "An <interface> of type %s needs the name of one as its source",
                     kind_names[interface->kind]);
        return FALSE;
    }
    return TRUE;
}

static void
write_kind (xmlNode *node, const PosadaInterface *interface, const PosadaInterface *old)
{
    if (interface->kind == POSADA_INTERFACE_OTHER)
        return;
    if (interface->kind != old->kind) {
        posada_xml_set_attribute (node, "type", kind_names[interface->kind]);
        posada_xml_remove (node, "source");
        posada_xml_remove (node, "virtualport");
    }
    if (interface->kind != POSADA_INTERFACE_USER)
        posada_xml_set_attribute (posada_xml_ensure (node, "source", interface_order),
                                  kind_names[interface->kind], interface->source);
    if (interface->passt != old->passt) {
        if (interface->passt)
            posada_xml_set_attribute (posada_xml_ensure (node, "backend", interface_order), "type",
                                      "passt");
        else
            posada_xml_remove (node, "backend");
    }
}

static void
write_interface (PosadaDefinition *self, xmlNode *node, const PosadaInterface *interface,
                 const PosadaInterface *old)
{
    write_kind (node, interface, old);
    if (interface->mac && g_strcmp0 (interface->mac, old->mac) != 0)
        posada_xml_set_attribute (posada_xml_ensure (node, "mac", interface_order), "address",
                                  interface->mac);
    if (g_strcmp0 (interface->model, old->model) != 0) {
        if (interface->model)
            posada_xml_set_attribute (posada_xml_ensure (node, "model", interface_order), "type",
                                      interface->model);
        else
            posada_xml_remove (node, "model");
    }
    if (interface->unplugged != old->unplugged) {
        if (interface->unplugged)
            posada_xml_set_attribute (posada_xml_ensure (node, "link", interface_order), "state",
                                      "down");
        else
            posada_xml_remove (node, "link");
    }
    posada_device_write_boot (self, node, interface->boot_order, interface_order);
}

/* In the range that hypervisors of this family use. */
static char *
fresh_mac (void)
{
    guint32 random = g_random_int ();

    return g_strdup_printf ("52:54:00:%02x:%02x:%02x", random & 0xFF, random >> 8 & 0xFF,
                            random >> 16 & 0xFF);
}

unsigned
posada_definition_get_n_interfaces (PosadaDefinition *self)
{
    return posada_definition_count_devices (self, "interface");
}

PosadaInterface *
posada_definition_get_interface (PosadaDefinition *self, unsigned index)
{
    xmlNode *node = posada_device_at (self, "interface", index, NULL);

    return node ? read_interface (node, NULL) : NULL;
}

gboolean
posada_definition_set_interface (PosadaDefinition *self, unsigned index,
                                 const PosadaInterface *interface, GError **error)
{
    xmlNode *node = posada_device_at (self, "interface", index, error);
    g_autoptr (PosadaInterface) old = NULL;

    if (!node || !check_setting (self, node, interface, error))
        return FALSE;
    old = read_interface (node, error);
    if (!old)
        return FALSE;
    write_interface (self, node, interface, old);
    posada_definition_changed (self);
    return TRUE;
}

gboolean
posada_definition_add_interface (PosadaDefinition *self, const PosadaInterface *interface,
                                 GError **error)
{
    static const PosadaInterface nothing = {.kind = POSADA_INTERFACE_OTHER};
    g_autoptr (PosadaInterface) copy = posada_interface_copy (interface);

    if (interface->kind == POSADA_INTERFACE_OTHER ||
        posada_definition_get_n_interfaces (self) >= POSADA_DEVICES_MAX) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "A new <interface> is of an unknown kind, or one too many");
        return FALSE;
    }
    if (!check_setting (self, NULL, interface, error))
        return FALSE;
    if (!copy->mac)
        copy->mac = fresh_mac ();
    write_interface (self, posada_device_add (self, "interface"), copy, &nothing);
    posada_definition_changed (self);
    return TRUE;
}

char *
posada_definition_get_mac (PosadaDefinition *self, unsigned index)
{
    g_autofree char *uuid = posada_definition_get_uuid (self);
    g_autofree char *seed = g_strdup_printf ("%s %u", uuid, index);
    g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
    xmlNode *node = posada_device_at (self, "interface", index, NULL);
    char *mac = posada_xml_attribute (posada_xml_child (node, "mac"), "address");
    guint8 digest[32];
    gsize length = sizeof digest;

    if (mac)
        return mac;
    g_checksum_update (checksum, (const guchar *) seed, -1);
    g_checksum_get_digest (checksum, digest, &length);
    return g_strdup_printf ("52:54:00:%02x:%02x:%02x", digest[0], digest[1], digest[2]);
}

void
posada_definition_renew_macs (PosadaDefinition *self)
{
    for (unsigned i = 0; i < posada_definition_get_n_interfaces (self); i++) {
        xmlNode *node = posada_device_at (self, "interface", i, NULL);
        g_autofree char *mac = fresh_mac ();

        posada_xml_set_attribute (posada_xml_ensure (node, "mac", interface_order), "address", mac);
    }
    posada_definition_changed (self);
}

gboolean
posada_definition_remove_interface (PosadaDefinition *self, unsigned index, GError **error)
{
    xmlNode *node = posada_device_at (self, "interface", index, error);

    if (!node)
        return FALSE;
    posada_xml_drop (node);
    posada_definition_changed (self);
    return TRUE;
}
