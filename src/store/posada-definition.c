/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/posada-definition.h"

#include <string.h>

#include "store/posada-definition-internal.h"
#include "store/posada-store-error.h"
#include "store/posada-units.h"

struct _PosadaDefinition {
    GObject parent_instance;

    xmlDoc *doc;
};

G_DEFINE_FINAL_TYPE (PosadaDefinition, posada_definition, G_TYPE_OBJECT)

enum {
    CHANGED,
    N_SIGNALS
};
static guint signals[N_SIGNALS];

/* As libvirt writes a domain's children. */
const char *const posada_domain_order[] = {
    "name",      "uuid",    "genid",         "title",       "description", "metadata",
    "maxMemory", "memory",  "currentMemory", "blkiotune",   "memtune",     "memoryBacking",
    "vcpu",      "vcpus",   "iothreads",     "iothreadids", "cputune",     "numatune",
    "resource",  "sysinfo", "bootloader",    "os",          "idmap",       "features",
    "cpu",       "clock",   "on_poweroff",   "on_reboot",   "on_crash",    "on_lockfailure",
    "pm",        "perf",    "keywrap",       "devices",     "seclabel",    NULL,
};

static const char template[] = "<domain type='kvm'>"
                               "<name/><uuid/>"
                               "<memory unit='KiB'>1048576</memory>"
                               "<vcpu>1</vcpu>"
                               "<os><type arch='x86_64' machine='q35'>hvm</type></os>"
                               "<features><acpi/><apic/></features>"
                               "<cpu mode='host-passthrough'/>"
                               "<clock offset='utc'/>"
                               "<devices>"
                               "<input type='mouse' bus='ps2'/><input type='keyboard' bus='ps2'/>"
                               "</devices>"
                               "</domain>";

static void
posada_definition_finalize (GObject *object)
{
    PosadaDefinition *self = POSADA_DEFINITION (object);

    g_clear_pointer (&self->doc, xmlFreeDoc);
    G_OBJECT_CLASS (posada_definition_parent_class)->finalize (object);
}

static void
posada_definition_class_init (PosadaDefinitionClass *klass)
{
    G_OBJECT_CLASS (klass)->finalize = posada_definition_finalize;
    signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
posada_definition_init (PosadaDefinition *self)
{
}

xmlNode *
posada_definition_root (PosadaDefinition *self)
{
    return xmlDocGetRootElement (self->doc);
}

xmlNode *
posada_definition_section (PosadaDefinition *self, const char *name)
{
    return posada_xml_child (posada_definition_root (self), name);
}

xmlNode *
posada_definition_ensure_section (PosadaDefinition *self, const char *name)
{
    return posada_xml_ensure (posada_definition_root (self), name, posada_domain_order);
}

void
posada_definition_changed (PosadaDefinition *self)
{
    g_signal_emit (self, signals[CHANGED], 0);
}

gboolean
posada_check_text (const char *text, gsize max, const char *element, GError **error)
{
    if (!text || (strlen (text) <= max && posada_xml_is_text (text)))
        return TRUE;
    g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                 "The text of <%s> is longer than %zu bytes, or has control characters", element,
                 max);
    return FALSE;
}

gboolean
posada_check_path (const char *path, const char *element, GError **error)
{
    if (!path || (path[0] == '/' && strlen (path) < 4096 && posada_xml_is_text (path) &&
                  !strpbrk (path, "\n\t")))
        return TRUE;
    g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                 "<%s> “%.128s” is not the full path of a file", element, path);
    return FALSE;
}

gboolean
posada_definition_check_name (const char *name, GError **error)
{
    gboolean blank = TRUE;

    if (!name || !posada_xml_is_text (name) || strpbrk (name, "/\n\t") ||
        strlen (name) > POSADA_NAME_MAX)
        goto refuse;
    for (const char *at = name; *at; at = g_utf8_next_char (at))
        blank = blank && g_unichar_isspace (g_utf8_get_char (at));
    if (!blank)
        return TRUE;
refuse:
    g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                 "A machine's <name> is 1 to %d bytes on one line and without a slash",
                 POSADA_NAME_MAX);
    return FALSE;
}

static gboolean
read_memory (PosadaDefinition *self, const char *name, guint64 *ret_size, GError **error)
{
    xmlNode *node = posada_definition_section (self, name);
    g_autofree char *text = posada_xml_text (node);
    g_autofree char *unit = posada_xml_attribute (node, "unit");
    g_autofree char *what = g_strdup_printf ("<%s>", name);

    return posada_parse_size (text, unit, POSADA_MEMORY_MIN, POSADA_MEMORY_MAX, what, ret_size,
                              error);
}

static gboolean
check_identity (PosadaDefinition *self, GError **error)
{
    xmlNode *root = posada_definition_root (self);
    g_autofree char *type = posada_xml_attribute (root, "type");
    g_autofree char *name = posada_xml_child_text (root, "name");
    g_autofree char *uuid = posada_xml_child_text (root, "uuid");

    if (!type || !*type) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<domain> does not say its type");
        return FALSE;
    }
    if (!posada_definition_check_name (name, error))
        return FALSE;
    if (uuid && !g_uuid_string_is_valid (uuid)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<uuid> “%.64s” is not a UUID", uuid);
        return FALSE;
    }
    return TRUE;
}

static gboolean
check_memories (PosadaDefinition *self, GError **error)
{
    guint64 memory, current;

    if (!read_memory (self, "memory", &memory, error))
        return FALSE;
    if (posada_definition_section (self, "currentMemory")) {
        if (!read_memory (self, "currentMemory", &current, error))
            return FALSE;
        if (current > memory) {
            g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                         "<currentMemory> is more than <memory>");
            return FALSE;
        }
    }
    return TRUE;
}

PosadaDefinition *
posada_definition_new_from_xml (const char *xml, gssize length, GError **error)
{
    g_autoptr (PosadaDefinition) self = NULL;
    g_autoptr (xmlDoc) doc = NULL;

    g_return_val_if_fail (xml != NULL, NULL);
    doc = posada_xml_parse (xml, length < 0 ? strlen (xml) : (gsize) length, error);
    if (!doc)
        return NULL;
    self = g_object_new (POSADA_TYPE_DEFINITION, NULL);
    self->doc = g_steal_pointer (&doc);
    if (posada_definition_root (self)->ns ||
        !xmlStrEqual (posada_definition_root (self)->name, (const xmlChar *) "domain")) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "The XML is a <%.64s>, not a <domain>",
                     (const char *) posada_definition_root (self)->name);
        return NULL;
    }
    if (!check_identity (self, error) || !check_memories (self, error) ||
        !posada_definition_check_cpu (self, error) || !posada_definition_check_boot (self, error) ||
        !posada_definition_check_metadata (self, error) ||
        !posada_definition_check_devices (self, error))
        return NULL;
    return g_steal_pointer (&self);
}

PosadaDefinition *
posada_definition_new (const char *name, GError **error)
{
    g_autoptr (PosadaDefinition) self = NULL;
    g_autofree char *uuid = g_uuid_string_random ();

    if (!posada_definition_check_name (name, error))
        return NULL;
    self = g_object_new (POSADA_TYPE_DEFINITION, NULL);
    self->doc = posada_xml_parse (template, strlen (template), NULL);
    posada_xml_set_text (posada_definition_section (self, "name"), name);
    posada_xml_set_text (posada_definition_section (self, "uuid"), uuid);
    return g_steal_pointer (&self);
}

char *
posada_definition_to_xml (PosadaDefinition *self)
{
    return posada_xml_write (self->doc);
}

PosadaDefinition *
posada_definition_copy (PosadaDefinition *self)
{
    PosadaDefinition *copy = g_object_new (POSADA_TYPE_DEFINITION, NULL);

    copy->doc = xmlCopyDoc (self->doc, 1);
    return copy;
}

char *
posada_definition_get_domain_type (PosadaDefinition *self)
{
    return posada_xml_attribute (posada_definition_root (self), "type");
}

gboolean
posada_definition_set_domain_type (PosadaDefinition *self, const char *type, GError **error)
{
    if (g_strcmp0 (type, "kvm") != 0 && g_strcmp0 (type, "qemu") != 0) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<domain type> “%.64s” is neither kvm nor qemu", type ? type : "");
        return FALSE;
    }
    posada_xml_set_attribute (posada_definition_root (self), "type", type);
    posada_definition_changed (self);
    return TRUE;
}

static void
set_root_text (PosadaDefinition *self, const char *name, const char *text)
{
    posada_xml_set_child_text (posada_definition_root (self), name, posada_domain_order, text);
    posada_definition_changed (self);
}

char *
posada_definition_get_name (PosadaDefinition *self)
{
    return posada_xml_child_text (posada_definition_root (self), "name");
}

gboolean
posada_definition_set_name (PosadaDefinition *self, const char *name, GError **error)
{
    if (!posada_definition_check_name (name, error))
        return FALSE;
    set_root_text (self, "name", name);
    return TRUE;
}

char *
posada_definition_get_uuid (PosadaDefinition *self)
{
    g_autofree char *uuid = posada_xml_child_text (posada_definition_root (self), "uuid");

    return uuid ? g_ascii_strdown (uuid, -1) : NULL;
}

gboolean
posada_definition_set_uuid (PosadaDefinition *self, const char *uuid, GError **error)
{
    if (!uuid || !g_uuid_string_is_valid (uuid)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<uuid> “%.64s” is not a UUID", uuid ? uuid : "");
        return FALSE;
    }
    set_root_text (self, "uuid", uuid);
    return TRUE;
}

char *
posada_definition_get_title (PosadaDefinition *self)
{
    return posada_xml_child_text (posada_definition_root (self), "title");
}

gboolean
posada_definition_set_title (PosadaDefinition *self, const char *title, GError **error)
{
    if (title && strchr (title, '\n')) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "The <title> is more than one line");
        return FALSE;
    }
    if (!posada_check_text (title, POSADA_TEXT_MAX, "title", error))
        return FALSE;
    set_root_text (self, "title", title);
    return TRUE;
}

char *
posada_definition_get_description (PosadaDefinition *self)
{
    return posada_xml_child_text (posada_definition_root (self), "description");
}

gboolean
posada_definition_set_description (PosadaDefinition *self, const char *description, GError **error)
{
    if (!posada_check_text (description, POSADA_TEXT_MAX, "description", error))
        return FALSE;
    set_root_text (self, "description", description);
    return TRUE;
}

guint64
posada_definition_get_memory (PosadaDefinition *self)
{
    guint64 memory = 0;

    read_memory (self, "memory", &memory, NULL);
    return memory;
}

guint64
posada_definition_get_current_memory (PosadaDefinition *self)
{
    guint64 memory = 0;

    return posada_definition_section (self, "currentMemory") &&
                   read_memory (self, "currentMemory", &memory, NULL)
               ? memory
               : posada_definition_get_memory (self);
}

static void
write_memory (PosadaDefinition *self, const char *name, guint64 memory)
{
    xmlNode *node = posada_definition_ensure_section (self, name);
    g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, memory / 1024);

    posada_xml_set_attribute (node, "unit", "KiB");
    posada_xml_set_text (node, text);
}

static gboolean
check_memory (guint64 memory, const char *element, guint64 maximum, GError **error)
{
    g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, memory);
    guint64 checked;

    if (memory % 1024) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "%s of %s bytes is not a whole number of KiB", element, text);
        return FALSE;
    }
    return posada_parse_size (text, "bytes", POSADA_MEMORY_MIN, maximum, element, &checked, error);
}

gboolean
posada_definition_set_memory (PosadaDefinition *self, guint64 memory, GError **error)
{
    guint64 current = posada_definition_get_current_memory (self);
    gboolean follow = current == posada_definition_get_memory (self) || current > memory;

    if (!check_memory (memory, "<memory>", POSADA_MEMORY_MAX, error))
        return FALSE;
    write_memory (self, "memory", memory);
    if (follow && posada_definition_section (self, "currentMemory"))
        write_memory (self, "currentMemory", memory);
    posada_definition_changed (self);
    return TRUE;
}

gboolean
posada_definition_set_current_memory (PosadaDefinition *self, guint64 memory, GError **error)
{
    if (!check_memory (memory, "<currentMemory>", posada_definition_get_memory (self), error))
        return FALSE;
    write_memory (self, "currentMemory", memory);
    posada_definition_changed (self);
    return TRUE;
}
