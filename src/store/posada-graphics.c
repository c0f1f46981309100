/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * <graphics>: who may look at the screen from where.
 */
#include <string.h>

#include "store/posada-device-internal.h"
#include "store/posada-store-error.h"
#include "store/posada-units.h"

G_DEFINE_BOXED_TYPE (PosadaGraphics, posada_graphics, posada_graphics_copy, posada_graphics_free)

static const char *const kind_names[] = {"spice", "vnc"};
static const char *const listen_names[] = {"none", "address", "socket"};

static const char *const graphics_order[] = {
    "listen",    "channel",   "audio", "image",        "jpeg", "zlib", "playback",
    "streaming", "clipboard", "mouse", "filetransfer", "gl",   NULL,
};

PosadaGraphics *
posada_graphics_copy (const PosadaGraphics *self)
{
    PosadaGraphics *copy = g_new (PosadaGraphics, 1);

    *copy = *self;
    copy->address = g_strdup (self->address);
    copy->password = g_strdup (self->password);
    return copy;
}

void
posada_graphics_free (PosadaGraphics *self)
{
    if (!self)
        return;
    g_free (self->address);
    g_free (self->password);
    g_free (self);
}

static gboolean
read_port (xmlNode *node, const char *name, int *ret_port, GError **error)
{
    g_autofree char *text = posada_xml_attribute (node, name);
    g_autofree char *what = g_strdup_printf ("<graphics %s>", name);
    guint64 number;

    *ret_port = -1;
    if (!text || g_str_equal (text, "-1") || g_str_equal (text, "0"))
        return TRUE;
    if (!posada_parse_number (text, 1, 65535, what, &number, error))
        return FALSE;
    *ret_port = (int) number;
    return TRUE;
}

static PosadaGraphics *
read_graphics (xmlNode *node, GError **error)
{
    g_autoptr (PosadaGraphics) graphics = g_new0 (PosadaGraphics, 1);
    xmlNode *listen = posada_xml_child (node, "listen");

    graphics->kind = (PosadaGraphicsKind) posada_device_read_name (
        node, "type", kind_names, G_N_ELEMENTS (kind_names), POSADA_GRAPHICS_OTHER,
        POSADA_GRAPHICS_OTHER);
    /* Without the element there is the older attribute, and without that libvirt listens on
     * localhost. */
    graphics->listen = (PosadaListen) posada_device_read_name (
        listen, "type", listen_names, G_N_ELEMENTS (listen_names), POSADA_LISTEN_OTHER,
        POSADA_LISTEN_ADDRESS);
    if (graphics->listen == POSADA_LISTEN_SOCKET)
        graphics->address = posada_xml_attribute (listen, "socket");
    else if (graphics->listen == POSADA_LISTEN_ADDRESS)
        graphics->address = listen ? posada_xml_attribute (listen, "address")
                                   : posada_xml_attribute (node, "listen");
    if (!read_port (node, "port", &graphics->port, error) ||
        !read_port (node, "tlsPort", &graphics->tls_port, error))
        return NULL;
    graphics->password = posada_xml_attribute (node, "passwd");
    return g_steal_pointer (&graphics);
}

gboolean
posada_check_graphics (PosadaDefinition *self, GError **error)
{
    xmlNode *node = posada_xml_child (posada_definition_section (self, "devices"), "graphics");

    for (; node; node = posada_xml_next (node, "graphics")) {
        g_autoptr (PosadaGraphics) graphics = read_graphics (node, error);

        if (!graphics)
            return FALSE;
    }
    return TRUE;
}

static void
write_port (xmlNode *node, const char *name, int port)
{
    g_autofree char *text = port > 0 ? g_strdup_printf ("%d", port) : NULL;

    posada_xml_set_attribute (node, name, text);
}

static void
write_listen (xmlNode *node, const PosadaGraphics *graphics)
{
    xmlNode *listen = posada_xml_ensure (node, "listen", graphics_order);
    gboolean address = graphics->listen == POSADA_LISTEN_ADDRESS;

    posada_xml_set_attribute (node, "listen", NULL);
    posada_xml_set_attribute (node, "socket", NULL);
    while (listen->properties)
        xmlRemoveProp (listen->properties);
    posada_xml_set_attribute (listen, "type", listen_names[graphics->listen]);
    if (graphics->listen == POSADA_LISTEN_SOCKET)
        posada_xml_set_attribute (listen, "socket", graphics->address);
    else if (address)
        posada_xml_set_attribute (listen, "address", graphics->address);
    write_port (node, "port", address ? graphics->port : -1);
    write_port (node, "tlsPort", address ? graphics->tls_port : -1);
    posada_xml_set_attribute (node, "autoport",
                              !address                                       ? NULL
                              : graphics->port > 0 || graphics->tls_port > 0 ? "no"
                                                                             : "yes");
}

static gboolean
check_setting (const PosadaGraphics *graphics, GError **error)
{
    if (graphics->kind == POSADA_GRAPHICS_OTHER || graphics->port < -1 || graphics->port > 65535 ||
        graphics->tls_port < -1 || graphics->tls_port > 65535 || graphics->port == 0 ||
        graphics->tls_port == 0) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<graphics> is of an unknown kind, or its port is not from 1 to 65535");
        return FALSE;
    }
    if (graphics->listen == POSADA_LISTEN_SOCKET)
        return posada_check_path (graphics->address, "graphics listen", error);
    return posada_check_text (graphics->address, 256, "graphics listen", error) &&
           posada_check_text (graphics->password, 256, "graphics passwd", error);
}

unsigned
posada_definition_get_n_graphics (PosadaDefinition *self)
{
    return posada_definition_count_devices (self, "graphics");
}

PosadaGraphics *
posada_definition_get_graphics (PosadaDefinition *self, unsigned index)
{
    xmlNode *node = posada_device_at (self, "graphics", index, NULL);

    return node ? read_graphics (node, NULL) : NULL;
}

gboolean
posada_definition_set_graphics (PosadaDefinition *self, unsigned index,
                                const PosadaGraphics *graphics, GError **error)
{
    unsigned n = posada_definition_get_n_graphics (self);
    xmlNode *node = NULL;

    if (!check_setting (graphics, error))
        return FALSE;
    if (index != n || n >= POSADA_DEVICES_MAX) {
        node = posada_device_at (self, "graphics", index, error);
        if (!node)
            return FALSE;
    } else {
        node = posada_device_add (self, "graphics");
    }
    posada_xml_set_attribute (node, "type", kind_names[graphics->kind]);
    if (graphics->listen != POSADA_LISTEN_OTHER)
        write_listen (node, graphics);
    posada_xml_set_attribute (node, "passwd", graphics->password);
    posada_definition_changed (self);
    return TRUE;
}
