/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-config.h"

#include <glib/gi18n.h>
#include <string.h>

#include "store/posada-device.h"

static PosadaKvmDrive *
copy_drives (const PosadaKvmDrive *drives, guint n)
{
    PosadaKvmDrive *copy = g_new (PosadaKvmDrive, n);

    for (guint i = 0; i < n; i++) {
        copy[i] = drives[i];
        copy[i].path = g_strdup (drives[i].path);
        copy[i].backing = g_strdupv (drives[i].backing);
    }
    return copy;
}

static void
free_drives (const PosadaKvmDrive *drives, guint n)
{
    for (guint i = 0; i < n; i++) {
        g_free (drives[i].path);
        g_strfreev (drives[i].backing);
    }
    g_free ((PosadaKvmDrive *) drives);
}

PosadaKvmConfig *
posada_kvm_config_copy (const PosadaKvmConfig *self)
{
    PosadaKvmConfig *copy = g_new (PosadaKvmConfig, 1);

    *copy = *self;
    copy->name = g_strdup (self->name);
    copy->uuid = g_strdup (self->uuid);
    copy->os_name = g_strdup (self->os_name);
    copy->firmware = g_strdup (self->firmware);
    copy->kernel = g_strdup (self->kernel);
    copy->initrd = g_strdup (self->initrd);
    copy->cmdline = g_strdup (self->cmdline);
    copy->obstacle = g_strdup (self->obstacle);
    copy->network = self->network ? posada_kvm_network_copy (self->network) : NULL;
    copy->remote = self->remote ? posada_remote_copy (self->remote) : NULL;
    copy->folder = g_strdup (self->folder);
    copy->cds = copy_drives (self->cds, self->n_cds);
    copy->disks = copy_drives (self->disks, self->n_disks);
    return copy;
}

void
posada_kvm_config_free (PosadaKvmConfig *self)
{
    if (!self)
        return;
    g_free (self->name);
    g_free (self->uuid);
    g_free (self->os_name);
    g_free (self->firmware);
    g_free (self->kernel);
    g_free (self->initrd);
    g_free (self->cmdline);
    g_free (self->obstacle);
    posada_kvm_network_free (self->network);
    posada_remote_free (self->remote);
    g_free (self->folder);
    free_drives (self->cds, self->n_cds);
    free_drives (self->disks, self->n_disks);
    g_free (self);
}

/* The first one is told. */
static void G_GNUC_PRINTF (2, 3) add_obstacle (PosadaKvmConfig *self, const char *format, ...)
{
    va_list arguments;

    if (self->obstacle)
        return;
    va_start (arguments, format);
    self->obstacle = g_strdup_vprintf (format, arguments);
    va_end (arguments);
}

static void
check_disk (PosadaKvmConfig *self, const PosadaDisk *disk)
{
    const char *target = disk->target ? disk->target : "?";

    if (disk->source == POSADA_SOURCE_OTHER)
        add_obstacle (self, _ ("Drive “%s” of “%s” is neither a file nor a device of this host."),
                      target, self->name);
    else if (disk->format == POSADA_FORMAT_OTHER && disk->path)
        add_obstacle (self,
                      _ ("%s of “%s” is neither a raw nor a qcow2 image, and Posada’s own engine "
                         "reads no others. Convert it first."),
                      disk->path, self->name);
    else if (disk->kind == POSADA_DISK_CDROM && disk->path && disk->format != POSADA_FORMAT_RAW)
        add_obstacle (self, _ ("The CD image %s of “%s” is not a raw image."), disk->path,
                      self->name);
    else if (disk->kind == POSADA_DISK_DISK && !disk->path)
        add_obstacle (self, _ ("Disk “%s” of “%s” has no image."), target, self->name);
    else if (disk->kind == POSADA_DISK_DISK && disk->bus != POSADA_BUS_VIRTIO)
        add_obstacle (self,
                      _ ("Disk “%s” of “%s” is not a virtio disk, and Posada’s own engine has "
                         "no others yet."),
                      target, self->name);
}

static void
add_drive (GArray *drives, PosadaDisk *disk)
{
    PosadaKvmDrive drive = {
        .path = g_steal_pointer (&disk->path),
        .qcow2 = disk->format == POSADA_FORMAT_QCOW2,
        .backing = g_steal_pointer (&disk->backing),
        .read_only = disk->read_only,
        .boot = disk->boot_order,
    };

    g_array_append_val (drives, drive);
}

static void
number_drives (GArray *drives, guint *place)
{
    for (guint i = 0; i < drives->len; i++)
        g_array_index (drives, PosadaKvmDrive, i).boot = ++*place;
}

/* By kind, where no drive says its own place. Disks first if nothing at all is said. */
static void
number_kinds (PosadaDefinition *definition, GArray *cds, GArray *disks)
{
    PosadaBootDevice kinds[POSADA_BOOT_N_DEVICES];
    unsigned n = posada_definition_get_boot_devices (definition, kinds);
    guint place = 0;

    if (n == 0) {
        kinds[n++] = POSADA_BOOT_DISK;
        kinds[n++] = POSADA_BOOT_CDROM;
    }
    for (unsigned i = 0; i < n; i++)
        if (kinds[i] == POSADA_BOOT_DISK)
            number_drives (disks, &place);
        else if (kinds[i] == POSADA_BOOT_CDROM)
            number_drives (cds, &place);
}

static void
add_drives (PosadaKvmConfig *self, PosadaDefinition *definition)
{
    GArray *cds = g_array_new (FALSE, FALSE, sizeof (PosadaKvmDrive));
    GArray *disks = g_array_new (FALSE, FALSE, sizeof (PosadaKvmDrive));
    unsigned n = posada_definition_get_n_disks (definition);
    gboolean ordered = FALSE;

    for (unsigned i = 0; i < n; i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (definition, i);

        ordered |= disk->boot_order != 0;
        if (disk->kind == POSADA_DISK_DISK || disk->kind == POSADA_DISK_CDROM)
            check_disk (self, disk);
        if (disk->kind == POSADA_DISK_CDROM)
            add_drive (cds, disk);
        else if (disk->kind == POSADA_DISK_DISK)
            add_drive (disks, disk);
        else if (disk->path)
            add_obstacle (self, _ ("Posada’s own engine has no drive for %s of “%s”."), disk->path,
                          self->name);
    }
    if (!ordered)
        number_kinds (definition, cds, disks);
    self->n_cds = cds->len;
    self->n_disks = disks->len;
    self->cds = (PosadaKvmDrive *) (void *) g_array_free (cds, FALSE);
    self->disks = (PosadaKvmDrive *) (void *) g_array_free (disks, FALSE);
}

PosadaKvmConfig *
posada_kvm_config_new_for_definition (PosadaDefinition *definition)
{
    PosadaKvmConfig *self = g_new0 (PosadaKvmConfig, 1);
    g_autofree char *arch = posada_definition_get_arch (definition);
    g_autofree char *video = posada_definition_get_video_model (definition);

    self->name = posada_definition_get_name (definition);
    self->uuid = posada_definition_get_uuid (definition);
    /* The engine counts in MiB. */
    self->memory = posada_definition_get_memory (definition) >> 20 << 20;
    self->cpus = posada_definition_get_vcpus (definition);
    posada_definition_get_topology (definition, &self->sockets, &self->cores, &self->threads);
    self->kernel = posada_definition_get_kernel (definition);
    self->initrd = posada_definition_get_initrd (definition);
    self->cmdline = posada_definition_get_cmdline (definition);
    self->serial = posada_definition_get_serial (definition);
    self->boot_menu = posada_definition_get_boot_menu (definition);
    self->virtio_screen = g_strcmp0 (video, "virtio") == 0;
    if (arch && strcmp (arch, "x86_64") != 0)
        add_obstacle (self, _ ("“%s” is a machine of another architecture: %s."), self->name, arch);
    if (posada_definition_get_firmware (definition) == POSADA_FIRMWARE_EFI)
        add_obstacle (self, _ ("“%s” starts by UEFI, which Posada’s own engine does not have yet."),
                      self->name);
    else
        self->firmware = posada_definition_get_loader (definition);
    add_drives (self, definition);
    self->network = posada_kvm_network_read (definition);
    return self;
}
