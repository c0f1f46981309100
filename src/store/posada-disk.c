/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * <disk>: disks and drives.
 */
#include <string.h>

#include "store/posada-device-internal.h"
#include "store/posada-store-error.h"

#define BACKING_MAX 31

G_DEFINE_BOXED_TYPE (PosadaDisk, posada_disk, posada_disk_copy, posada_disk_free)

static const char *const kind_names[] = {"disk", "cdrom", "floppy"};
static const char *const source_names[] = {"file", "block"};
static const char *const source_attributes[] = {"file", "dev"};
static const char *const format_names[] = {"raw", "qcow2"};
static const char *const bus_names[] = {"virtio", "sata", "scsi"};
static const char *const prefixes[] = {"vd", "sd", "sd", "hd"};

static const char *const disk_order[] = {
    "driver",  "auth",   "source", "backenddomain",   "backingStore", "geometry",  "blockio",
    "mirror",  "target", "iotune", "throttlefilters", "readonly",     "shareable", "transient",
    "serial",  "wwn",    "vendor", "product",         "encryption",   "boot",      "alias",
    "address", NULL,
};

PosadaDisk *
posada_disk_copy (const PosadaDisk *self)
{
    PosadaDisk *copy = g_new (PosadaDisk, 1);

    *copy = *self;
    copy->path = g_strdup (self->path);
    copy->backing = g_strdupv (self->backing);
    copy->target = g_strdup (self->target);
    copy->serial = g_strdup (self->serial);
    return copy;
}

void
posada_disk_free (PosadaDisk *self)
{
    if (!self)
        return;
    g_free (self->path);
    g_strfreev (self->backing);
    g_free (self->target);
    g_free (self->serial);
    g_free (self);
}

/* The chain of <backingStore>, as far as it is of files and devices of this host. */
static char **
read_backing (xmlNode *node)
{
    g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

    while ((node = posada_xml_child (node, "backingStore")) && paths->len < BACKING_MAX) {
        char *path = NULL;

        for (gsize i = 0; i < G_N_ELEMENTS (source_attributes) && !path; i++)
            path = posada_xml_attribute (posada_xml_child (node, "source"), source_attributes[i]);
        if (path && g_path_is_absolute (path))
            g_ptr_array_add (paths, path);
        else
            g_free (path);
    }
    if (paths->len == 0)
        return NULL;
    g_ptr_array_add (paths, NULL);
    return (char **) g_ptr_array_free (g_steal_pointer (&paths), FALSE);
}

static PosadaDisk *
read_disk (xmlNode *node)
{
    PosadaDisk *disk = g_new0 (PosadaDisk, 1);
    xmlNode *target = posada_xml_child (node, "target");

    disk->kind = (PosadaDiskKind) posada_device_read_name (
        node, "device", kind_names, G_N_ELEMENTS (kind_names), POSADA_DISK_OTHER, POSADA_DISK_DISK);
    disk->source = (PosadaSourceKind) posada_device_read_name (
        node, "type", source_names, G_N_ELEMENTS (source_names), POSADA_SOURCE_OTHER,
        POSADA_SOURCE_FILE);
    if (disk->source != POSADA_SOURCE_OTHER)
        disk->path = posada_xml_attribute (posada_xml_child (node, "source"),
                                           source_attributes[disk->source]);
    disk->format = (PosadaFormat) posada_device_read_name (
        posada_xml_child (node, "driver"), "type", format_names, G_N_ELEMENTS (format_names),
        POSADA_FORMAT_OTHER, POSADA_FORMAT_RAW);
    disk->backing = read_backing (node);
    disk->bus = (PosadaBus) posada_device_read_name (
        target, "bus", bus_names, G_N_ELEMENTS (bus_names), POSADA_BUS_OTHER, POSADA_BUS_OTHER);
    disk->target = posada_xml_attribute (target, "dev");
    disk->serial = posada_xml_child_text (node, "serial");
    disk->read_only = disk->kind == POSADA_DISK_CDROM || posada_xml_child (node, "readonly");
    disk->boot_order = posada_device_read_boot (node);
    return disk;
}

static gboolean
is_target (const char *text)
{
    size_t length = strlen (text);

    return length > 0 && length <= 32 &&
           strspn (text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
               length;
}

/* The disk, but for @except, at that target. */
static gboolean
has_target (PosadaDefinition *self, const char *target, const xmlNode *except)
{
    xmlNode *node = posada_xml_child (posada_definition_section (self, "devices"), "disk");

    for (; node; node = posada_xml_next (node, "disk"))
        if (node != except &&
            posada_xml_attribute_is (posada_xml_child (node, "target"), "dev", target))
            return TRUE;
    return FALSE;
}

static gboolean
check_disk (const PosadaDisk *disk, GError **error)
{
    if (disk->path && !posada_check_path (disk->path, "disk source", error))
        return FALSE;
    if (disk->target && !is_target (disk->target)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<disk> has the target “%.64s”, which is no name like vda", disk->target);
        return FALSE;
    }
    if (disk->serial && (!posada_xml_is_text (disk->serial) || strpbrk (disk->serial, "\n\t"))) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<disk> %s has a <serial> of more than one line",
                     disk->target ? disk->target : "");
        return FALSE;
    }
    return TRUE;
}

gboolean
posada_check_disks (PosadaDefinition *self, GError **error)
{
    g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    xmlNode *node = posada_xml_child (posada_definition_section (self, "devices"), "disk");

    for (; node; node = posada_xml_next (node, "disk")) {
        g_autoptr (PosadaDisk) disk = read_disk (node);

        if (!disk->target) {
            g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                         "A <disk> has no <target>");
            return FALSE;
        }
        if (!check_disk (disk, error))
            return FALSE;
        if (!g_hash_table_add (seen, g_strdup (disk->target))) {
            g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                         "Two <disk> have the target %s", disk->target);
            return FALSE;
        }
        if (disk->kind == POSADA_DISK_DISK && disk->source != POSADA_SOURCE_OTHER && !disk->path) {
            g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                         "<disk> %s has no source, only drives may be empty", disk->target);
            return FALSE;
        }
    }
    return TRUE;
}

/* Checks of a disk that somebody sets, beyond what files may say. */
static gboolean
check_setting (PosadaDefinition *self, const xmlNode *node, const PosadaDisk *disk, GError **error)
{
    if (!check_disk (disk, error) ||
        !posada_device_check_boot (self, (xmlNode *) node, disk->boot_order, error))
        return FALSE;
    if (disk->serial && strlen (disk->serial) > POSADA_SERIAL_MAX) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "The disk's <serial> “%.64s” is longer than %d bytes", disk->serial,
                     POSADA_SERIAL_MAX);
        return FALSE;
    }
    if (disk->kind == POSADA_DISK_DISK && disk->source != POSADA_SOURCE_OTHER && !disk->path) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "A <disk> needs a source, only drives may be empty");
        return FALSE;
    }
    if (disk->target && has_target (self, disk->target, node)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_EXISTS,
                     "Two <disk> have the target %s", disk->target);
        return FALSE;
    }
    return TRUE;
}

static char *
free_target (PosadaDefinition *self, PosadaBus bus)
{
    /* As Linux counts: sda … sdz, sdaa … */
    for (unsigned i = 0;; i++) {
        g_autofree char *target =
            i < 26 ? g_strdup_printf ("%s%c", prefixes[bus], 'a' + i)
                   : g_strdup_printf ("%s%c%c", prefixes[bus], 'a' + i / 26 - 1, 'a' + i % 26);

        if (!has_target (self, target, NULL))
            return g_steal_pointer (&target);
    }
}

static void
write_source (xmlNode *node, const PosadaDisk *disk, const PosadaDisk *old)
{
    if (disk->source == POSADA_SOURCE_OTHER ||
        (disk->source == old->source && g_strcmp0 (disk->path, old->path) == 0))
        return;
    posada_xml_set_attribute (node, "type", source_names[disk->source]);
    /* What stands in or below these belongs to the former image. */
    posada_xml_remove (node, "backingStore");
    posada_xml_remove (node, "source");
    if (disk->path)
        posada_xml_set_attribute (posada_xml_add (node, "source", disk_order),
                                  source_attributes[disk->source], disk->path);
}

/* Writes what differs from @old, which @node says now. */
static void
write_disk (PosadaDefinition *self, xmlNode *node, const PosadaDisk *disk, const PosadaDisk *old)
{
    xmlNode *target = posada_xml_ensure (node, "target", disk_order);

    if (disk->kind != old->kind && disk->kind != POSADA_DISK_OTHER)
        posada_xml_set_attribute (node, "device", kind_names[disk->kind]);
    write_source (node, disk, old);
    if (disk->format != old->format && disk->format != POSADA_FORMAT_OTHER)
        posada_xml_set_attribute (posada_xml_ensure (node, "driver", disk_order), "type",
                                  format_names[disk->format]);
    if (disk->target && g_strcmp0 (disk->target, old->target) != 0)
        posada_xml_set_attribute (target, "dev", disk->target);
    if (disk->bus != old->bus && disk->bus != POSADA_BUS_OTHER) {
        posada_xml_set_attribute (target, "bus", bus_names[disk->bus]);
        /* An address on the former bus. */
        posada_xml_remove (node, "address");
    }
    if (g_strcmp0 (disk->serial, old->serial) != 0)
        posada_xml_set_child_text (node, "serial", disk_order, disk->serial);
    if (disk->read_only && !posada_xml_child (node, "readonly"))
        posada_xml_add (node, "readonly", disk_order);
    else if (!disk->read_only && disk->kind != POSADA_DISK_CDROM)
        posada_xml_remove (node, "readonly");
    posada_device_write_boot (self, node, disk->boot_order, disk_order);
}

unsigned
posada_definition_get_n_disks (PosadaDefinition *self)
{
    return posada_definition_count_devices (self, "disk");
}

PosadaDisk *
posada_definition_get_disk (PosadaDefinition *self, unsigned index)
{
    xmlNode *node = posada_device_at (self, "disk", index, NULL);

    return node ? read_disk (node) : NULL;
}

gboolean
posada_definition_set_disk (PosadaDefinition *self, unsigned index, const PosadaDisk *disk,
                            GError **error)
{
    xmlNode *node = posada_device_at (self, "disk", index, error);
    g_autoptr (PosadaDisk) old = NULL;

    if (!node || !check_setting (self, node, disk, error))
        return FALSE;
    old = read_disk (node);
    write_disk (self, node, disk, old);
    posada_definition_changed (self);
    return TRUE;
}

gboolean
posada_definition_add_disk (PosadaDefinition *self, const PosadaDisk *disk, GError **error)
{
    /* Unlike any, so that everything is written. */
    static const PosadaDisk nothing = {
        POSADA_DISK_OTHER,
        POSADA_SOURCE_OTHER,
        NULL,
        POSADA_FORMAT_OTHER,
        NULL,
        POSADA_BUS_OTHER,
        NULL,
        NULL,
        0,
        0,
    };
    g_autoptr (PosadaDisk) copy = posada_disk_copy (disk);
    xmlNode *node, *driver;

    if (disk->kind == POSADA_DISK_OTHER || disk->source == POSADA_SOURCE_OTHER ||
        disk->format == POSADA_FORMAT_OTHER || disk->bus == POSADA_BUS_OTHER ||
        posada_definition_get_n_disks (self) >= POSADA_DEVICES_MAX) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "A new <disk> is of an unknown kind, or one too many");
        return FALSE;
    }
    if (!check_setting (self, NULL, disk, error))
        return FALSE;
    if (!copy->target)
        copy->target = free_target (self, copy->bus);
    copy->read_only = copy->read_only || copy->kind == POSADA_DISK_CDROM;
    node = posada_device_add (self, "disk");
    posada_xml_set_attribute (node, "type", source_names[copy->source]);
    posada_xml_set_attribute (node, "device", kind_names[copy->kind]);
    driver = posada_xml_add (node, "driver", disk_order);
    posada_xml_set_attribute (driver, "name", "qemu");
    write_disk (self, node, copy, &nothing);
    posada_definition_changed (self);
    return TRUE;
}

/* Says that the disk's image is based on what was @old, which had @below it, or nothing (NULL). */
static void
write_backing (xmlNode *node, const PosadaDisk *old, xmlNode *below)
{
    static const char *const order[] = {"format", "source", "backingStore", NULL};
    xmlNode *backing = posada_xml_add (node, "backingStore", disk_order);

    posada_xml_set_attribute (backing, "type", source_names[old->source]);
    posada_xml_set_attribute (posada_xml_add (backing, "format", order), "type",
                              format_names[old->format]);
    posada_xml_set_attribute (posada_xml_add (backing, "source", order),
                              source_attributes[old->source], old->path);
    if (below)
        xmlAddChild (backing, below);
    else
        posada_xml_add (backing, "backingStore", order);
}

gboolean
posada_definition_put_overlay (PosadaDefinition *self, unsigned index, const char *path,
                               GError **error)
{
    xmlNode *node = posada_device_at (self, "disk", index, error), *below;
    g_autoptr (PosadaDisk) old = node ? read_disk (node) : NULL;
    g_autoptr (PosadaDisk) disk = NULL;

    if (!node)
        return FALSE;
    if (!old->path || old->format == POSADA_FORMAT_OTHER) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "<disk> %s is no image that another could be based on",
                     old->target ? old->target : "");
        return FALSE;
    }
    disk = posada_disk_copy (old);
    g_set_str (&disk->path, path);
    disk->source = POSADA_SOURCE_FILE;
    disk->format = POSADA_FORMAT_QCOW2;
    if (!check_setting (self, node, disk, error))
        return FALSE;
    below = posada_xml_child (node, "backingStore");
    if (below)
        xmlUnlinkNode (below);
    write_disk (self, node, disk, old);
    write_backing (node, old, below);
    posada_definition_changed (self);
    return TRUE;
}

gboolean
posada_definition_move_disk (PosadaDefinition *self, unsigned index, const char *path,
                             GError **error)
{
    xmlNode *node = posada_device_at (self, "disk", index, error), *below;
    g_autoptr (PosadaDisk) old = node ? read_disk (node) : NULL;
    g_autoptr (PosadaDisk) disk = old ? posada_disk_copy (old) : NULL;

    if (!node)
        return FALSE;
    g_set_str (&disk->path, path);
    disk->source = POSADA_SOURCE_FILE;
    if (!check_setting (self, node, disk, error))
        return FALSE;
    below = posada_xml_child (node, "backingStore");
    if (below)
        xmlUnlinkNode (below);
    write_disk (self, node, disk, old);
    if (below)
        xmlAddNextSibling (posada_xml_child (node, "source"), below);
    posada_definition_changed (self);
    return TRUE;
}

gboolean
posada_definition_remove_disk (PosadaDefinition *self, unsigned index, GError **error)
{
    xmlNode *node = posada_device_at (self, "disk", index, error);

    if (!node)
        return FALSE;
    posada_xml_drop (node);
    posada_definition_changed (self);
    return TRUE;
}
