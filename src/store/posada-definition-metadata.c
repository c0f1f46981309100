/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * <metadata>: what others than the hypervisor know of a machine. libvirt keeps one element of each
 * namespace there, whatever is in it.
 */
#include <string.h>

#include "store/posada-definition-internal.h"
#include "store/posada-store-error.h"

#define OSINFO_NS "http://libosinfo.org/xmlns/libvirt/domain/1.0"
#define POSADA_NS "urn:posada:domain:1"

static xmlNode *
own_of (PosadaDefinition *self)
{
    return posada_xml_child_ns (posada_definition_section (self, "metadata"), "machine", POSADA_NS);
}

static xmlNode *
osinfo_of (PosadaDefinition *self)
{
    xmlNode *info =
        posada_xml_child_ns (posada_definition_section (self, "metadata"), "libosinfo", OSINFO_NS);

    return posada_xml_child_ns (info, "os", OSINFO_NS);
}

/* The child @name of @node in that namespace, made if there is none. With @prefix it declares it;
 * without it has that of @node. */
static xmlNode *
ensure_ns (xmlNode *node, const char *name, const char *ns, const char *prefix)
{
    xmlNode *child = posada_xml_child_ns (node, name, ns);

    if (child)
        return child;
    child = xmlNewChild (node, prefix ? NULL : node->ns, (const xmlChar *) name, NULL);
    if (prefix)
        xmlSetNs (child, xmlNewNs (child, (const xmlChar *) ns, (const xmlChar *) prefix));
    return child;
}

/* Removes @node, and what is left without children above it up to <metadata>. */
static void
drop_upwards (xmlNode *node)
{
    while (node) {
        xmlNode *parent = node->parent;
        gboolean last = xmlStrEqual (node->name, (const xmlChar *) "metadata");

        posada_xml_drop (node);
        node = last || parent->children ? NULL : parent;
    }
}

gboolean
posada_definition_check_metadata (PosadaDefinition *self, GError **error)
{
    g_autofree char *created =
        posada_xml_text (posada_xml_child_ns (own_of (self), "created", POSADA_NS));

    if (created && posada_definition_get_created (self) == 0) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<posada:created> “%.64s” is not a time", created);
        return FALSE;
    }
    return TRUE;
}

char *
posada_definition_get_os_id (PosadaDefinition *self)
{
    return posada_xml_attribute (osinfo_of (self), "id");
}

gboolean
posada_definition_set_os_id (PosadaDefinition *self, const char *os_id, GError **error)
{
    if (!posada_check_text (os_id, 512, "libosinfo:os", error))
        return FALSE;
    if (os_id) {
        xmlNode *metadata = posada_definition_ensure_section (self, "metadata");
        xmlNode *info = ensure_ns (metadata, "libosinfo", OSINFO_NS, "libosinfo");

        posada_xml_set_attribute (ensure_ns (info, "os", OSINFO_NS, NULL), "id", os_id);
    } else {
        drop_upwards (osinfo_of (self));
    }
    posada_definition_changed (self);
    return TRUE;
}

static char *
get_own (PosadaDefinition *self, const char *name)
{
    return posada_xml_text (posada_xml_child_ns (own_of (self), name, POSADA_NS));
}

static void
set_own (PosadaDefinition *self, const char *name, const char *text)
{
    if (text && *text) {
        xmlNode *metadata = posada_definition_ensure_section (self, "metadata");
        xmlNode *own = ensure_ns (metadata, "machine", POSADA_NS, "posada");

        posada_xml_set_text (ensure_ns (own, name, POSADA_NS, NULL), text);
    } else {
        drop_upwards (posada_xml_child_ns (own_of (self), name, POSADA_NS));
    }
    posada_definition_changed (self);
}

char *
posada_definition_get_group (PosadaDefinition *self)
{
    return get_own (self, "group");
}

gboolean
posada_definition_set_group (PosadaDefinition *self, const char *group, GError **error)
{
    if (!posada_check_text (group, POSADA_NAME_MAX, "posada:group", error))
        return FALSE;
    set_own (self, "group", group);
    return TRUE;
}

char *
posada_definition_get_notes (PosadaDefinition *self)
{
    return get_own (self, "notes");
}

gboolean
posada_definition_set_notes (PosadaDefinition *self, const char *notes, GError **error)
{
    if (!posada_check_text (notes, POSADA_TEXT_MAX, "posada:notes", error))
        return FALSE;
    set_own (self, "notes", notes);
    return TRUE;
}

static const char *const role_names[] = {NULL, "copy", "template"};
G_STATIC_ASSERT (G_N_ELEMENTS (role_names) == POSADA_N_ROLES);

PosadaRole
posada_definition_get_role (PosadaDefinition *self)
{
    g_autofree char *text = get_own (self, "role");

    for (unsigned i = 1; text && i < POSADA_N_ROLES; i++)
        if (g_str_equal (text, role_names[i]))
            return (PosadaRole) i;
    return POSADA_ROLE_MACHINE;
}

void
posada_definition_set_role (PosadaDefinition *self, PosadaRole role)
{
    set_own (self, "role", role_names[role]);
}

#define UUID_LENGTH 36

char *
posada_definition_get_origin (PosadaDefinition *self, char **ret_snapshot)
{
    g_autofree char *text = get_own (self, "origin");
    g_autofree char *uuid = text ? g_strndup (text, UUID_LENGTH) : NULL;

    if (!uuid || !g_uuid_string_is_valid (uuid) || text[UUID_LENGTH] != '/')
        return NULL;
    if (ret_snapshot)
        *ret_snapshot = g_strdup (text + UUID_LENGTH + 1);
    return g_steal_pointer (&uuid);
}

gboolean
posada_definition_set_origin (PosadaDefinition *self, const char *uuid, const char *snapshot,
                              GError **error)
{
    g_autofree char *text = uuid ? g_strdup_printf ("%s/%s", uuid, snapshot) : NULL;

    if (uuid && (!g_uuid_string_is_valid (uuid) || !*snapshot ||
                 strspn (snapshot, "0123456789abcdef") != strlen (snapshot))) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<posada:origin> “%.64s” is no snapshot of a machine", text);
        return FALSE;
    }
    set_own (self, "origin", text);
    return TRUE;
}

gint64
posada_definition_get_created (PosadaDefinition *self)
{
    g_autofree char *text = get_own (self, "created");
    g_autoptr (GDateTime) time = text ? g_date_time_new_from_iso8601 (text, NULL) : NULL;

    return time ? g_date_time_to_unix (time) : 0;
}

gboolean
posada_definition_set_created (PosadaDefinition *self, gint64 created, GError **error)
{
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (created);
    g_autofree char *text = time ? g_date_time_format_iso8601 (time) : NULL;

    if (!text) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<posada:created> %" G_GINT64_FORMAT " is not a time", created);
        return FALSE;
    }
    set_own (self, "created", created ? text : NULL);
    return TRUE;
}
