/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * <devices> as a whole, the order in which they boot, and the devices that are just there or not.
 */
#include "store/posada-device.h"

#include "store/posada-device-internal.h"
#include "store/posada-store-error.h"
#include "store/posada-units.h"

/* As libvirt writes them. */
const char *const posada_device_order[] = {
    "emulator", "disk",       "controller", "lease",   "filesystem", "interface",   "smartcard",
    "serial",   "parallel",   "console",    "channel", "input",      "tpm",         "graphics",
    "sound",    "audio",      "video",      "hostdev", "redirdev",   "redirfilter", "hub",
    "watchdog", "memballoon", "rng",        "nvram",   "panic",      "shmem",       "memory",
    "iommu",    "vsock",      "crypto",     NULL,
};

static xmlNode *
devices_of (PosadaDefinition *self)
{
    return posada_definition_section (self, "devices");
}

xmlNode *
posada_device_at (PosadaDefinition *self, const char *element, unsigned index, GError **error)
{
    xmlNode *node = posada_xml_child (devices_of (self), element);

    for (unsigned i = 0; node && i < index; i++)
        node = posada_xml_next (node, element);
    if (!node)
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_NOT_FOUND,
                     "There is no <%s> number %u", element, index);
    return node;
}

xmlNode *
posada_device_add (PosadaDefinition *self, const char *element)
{
    return posada_xml_add (posada_definition_ensure_section (self, "devices"), element,
                           posada_device_order);
}

unsigned
posada_definition_count_devices (PosadaDefinition *self, const char *element)
{
    xmlNode *node = posada_xml_child (devices_of (self), element);
    unsigned n = 0;

    for (; node; node = posada_xml_next (node, element))
        n++;
    return n;
}

int
posada_device_read_name (xmlNode *node, const char *attribute, const char *const *names,
                         int n_names, int fallback, int missing)
{
    g_autofree char *value = posada_xml_attribute (node, attribute);

    if (!value)
        return missing;
    for (int i = 0; i < n_names; i++)
        if (g_str_equal (value, names[i]))
            return i;
    return fallback;
}

unsigned
posada_device_read_boot (xmlNode *device)
{
    g_autofree char *text = posada_xml_attribute (posada_xml_child (device, "boot"), "order");
    guint64 order = 0;

    if (text)
        posada_parse_number (text, 1, POSADA_BOOT_ORDER_MAX, "<boot order>", &order, NULL);
    return (unsigned) order;
}

gboolean
posada_device_check_boot (PosadaDefinition *self, xmlNode *device, unsigned boot_order,
                          GError **error)
{
    xmlNode *other = posada_xml_first_element (devices_of (self));

    if (boot_order == 0)
        return TRUE;
    for (; other; other = posada_xml_next_element (other))
        if (other != device && posada_device_read_boot (other) == boot_order)
            break;
    if (!other && boot_order <= POSADA_BOOT_ORDER_MAX)
        return TRUE;
    g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                 other ? "<boot order> %u is there twice" : "<boot order> %u is too high",
                 boot_order);
    return FALSE;
}

void
posada_device_write_boot (PosadaDefinition *self, xmlNode *device, unsigned boot_order,
                          PosadaXmlOrder order)
{
    if (boot_order == posada_device_read_boot (device))
        return;
    if (boot_order) {
        g_autofree char *text = g_strdup_printf ("%u", boot_order);

        posada_xml_set_attribute (posada_xml_ensure (device, "boot", order), "order", text);
        posada_xml_remove (posada_definition_section (self, "os"), "boot");
    } else {
        posada_xml_remove (device, "boot");
    }
}

void
posada_definition_drop_boot_orders (PosadaDefinition *self)
{
    xmlNode *device = posada_xml_first_element (devices_of (self));

    for (; device; device = posada_xml_next_element (device))
        posada_xml_remove (device, "boot");
}

static gboolean
check_boot_orders (PosadaDefinition *self, GError **error)
{
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
    xmlNode *device = posada_xml_first_element (devices_of (self));

    for (; device; device = posada_xml_next_element (device)) {
        xmlNode *boot = posada_xml_child (device, "boot");
        g_autofree char *text = posada_xml_attribute (boot, "order");
        guint64 order;

        if (!boot)
            continue;
        if (!posada_parse_number (text, 1, POSADA_BOOT_ORDER_MAX, "<boot order>", &order, error))
            return FALSE;
        if (!g_hash_table_add (seen, GUINT_TO_POINTER ((unsigned) order))) {
            g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                         "<boot order> %u is there twice", (unsigned) order);
            return FALSE;
        }
    }
    if (g_hash_table_size (seen) &&
        posada_xml_child (posada_definition_section (self, "os"), "boot")) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<boot order> of devices and <boot dev> of <os> exclude each other");
        return FALSE;
    }
    return TRUE;
}

gboolean
posada_definition_check_devices (PosadaDefinition *self, GError **error)
{
    static const char *const bounded[] = {"disk", "interface", "graphics"};

    for (unsigned i = 0; i < G_N_ELEMENTS (bounded); i++)
        if (posada_definition_count_devices (self, bounded[i]) > POSADA_DEVICES_MAX) {
            g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                         "There are more than %d <%s>", POSADA_DEVICES_MAX, bounded[i]);
            return FALSE;
        }
    return check_boot_orders (self, error) && posada_check_disks (self, error) &&
           posada_check_interfaces (self, error) && posada_check_graphics (self, error);
}

char *
posada_definition_get_video_model (PosadaDefinition *self)
{
    return posada_xml_attribute (
        posada_xml_child (posada_xml_child (devices_of (self), "video"), "model"), "type");
}

gboolean
posada_definition_set_video_model (PosadaDefinition *self, const char *model, GError **error)
{
    xmlNode *video = posada_xml_child (devices_of (self), "video");

    if (!posada_check_text (model, 64, "video", error))
        return FALSE;
    if (model) {
        xmlNode *node =
            posada_xml_ensure (video ? video : posada_device_add (self, "video"), "model", NULL);

        if (!posada_xml_attribute_is (node, "type", model)) {
            /* Video memory and heads are those of the former model. */
            while (node->properties)
                xmlRemoveProp (node->properties);
            posada_xml_set_attribute (node, "type", model);
        }
    } else if (video) {
        posada_xml_remove (devices_of (self), "video");
    }
    posada_definition_changed (self);
    return TRUE;
}

static xmlNode *
find_input (PosadaDefinition *self, const char *type, const char *bus)
{
    xmlNode *input = posada_xml_child (devices_of (self), "input");

    while (input && (!posada_xml_attribute_is (input, "type", type) ||
                     !posada_xml_attribute_is (input, "bus", bus)))
        input = posada_xml_next (input, "input");
    return input;
}

gboolean
posada_definition_has_input (PosadaDefinition *self, const char *type, const char *bus)
{
    return find_input (self, type, bus) != NULL;
}

void
posada_definition_set_input (PosadaDefinition *self, const char *type, const char *bus,
                             gboolean there)
{
    xmlNode *input = find_input (self, type, bus);

    if (there == (input != NULL))
        return;
    if (there) {
        input = posada_device_add (self, "input");
        posada_xml_set_attribute (input, "type", type);
        posada_xml_set_attribute (input, "bus", bus);
    } else {
        posada_xml_drop (input);
    }
    posada_definition_changed (self);
}

gboolean
posada_definition_get_rng (PosadaDefinition *self)
{
    return posada_definition_count_devices (self, "rng") > 0;
}

void
posada_definition_set_rng (PosadaDefinition *self, gboolean there)
{
    if (there == posada_definition_get_rng (self))
        return;
    if (there) {
        xmlNode *rng = posada_device_add (self, "rng");
        xmlNode *backend = posada_xml_add (rng, "backend", NULL);

        posada_xml_set_attribute (rng, "model", "virtio");
        posada_xml_set_attribute (backend, "model", "random");
        posada_xml_set_text (backend, "/dev/urandom");
    } else {
        posada_xml_remove (devices_of (self), "rng");
    }
    posada_definition_changed (self);
}

char *
posada_definition_get_balloon (PosadaDefinition *self)
{
    return posada_xml_attribute (posada_xml_child (devices_of (self), "memballoon"), "model");
}

gboolean
posada_definition_set_balloon (PosadaDefinition *self, const char *model, GError **error)
{
    xmlNode *balloon = posada_xml_child (devices_of (self), "memballoon");

    if (!posada_check_text (model, 64, "memballoon", error))
        return FALSE;
    if (model)
        posada_xml_set_attribute (balloon ? balloon : posada_device_add (self, "memballoon"),
                                  "model", model);
    else if (balloon)
        posada_xml_remove (devices_of (self), "memballoon");
    posada_definition_changed (self);
    return TRUE;
}

gboolean
posada_definition_get_serial (PosadaDefinition *self)
{
    return posada_definition_count_devices (self, "serial") > 0;
}

/* A <console> whose target is of @type, or says nothing and @type is “serial”. */
static xmlNode *
find_console (PosadaDefinition *self, const char *type)
{
    xmlNode *console = posada_xml_child (devices_of (self), "console");

    for (; console; console = posada_xml_next (console, "console")) {
        g_autofree char *found =
            posada_xml_attribute (posada_xml_child (console, "target"), "type");

        if (g_str_equal (found ? found : "serial", type))
            break;
    }
    return console;
}

void
posada_definition_set_serial (PosadaDefinition *self, gboolean there)
{
    xmlNode *console;

    if (there == posada_definition_get_serial (self))
        return;
    if (there) {
        xmlNode *serial = posada_device_add (self, "serial");

        posada_xml_set_attribute (serial, "type", "pty");
        posada_xml_set_attribute (posada_xml_add (serial, "target", NULL), "port", "0");
    } else {
        posada_xml_remove (devices_of (self), "serial");
        /* libvirt writes the first serial port down a second time, as the first console. */
        while ((console = find_console (self, "serial")))
            posada_xml_drop (console);
    }
    posada_definition_changed (self);
}

gboolean
posada_definition_get_virtio_console (PosadaDefinition *self)
{
    return find_console (self, "virtio") != NULL;
}

void
posada_definition_set_virtio_console (PosadaDefinition *self, gboolean there)
{
    xmlNode *console = find_console (self, "virtio");

    if (there == (console != NULL))
        return;
    if (there) {
        console = posada_device_add (self, "console");
        posada_xml_set_attribute (console, "type", "pty");
        posada_xml_set_attribute (posada_xml_add (console, "target", NULL), "type", "virtio");
    } else {
        while ((console = find_console (self, "virtio")))
            posada_xml_drop (console);
    }
    posada_definition_changed (self);
}
