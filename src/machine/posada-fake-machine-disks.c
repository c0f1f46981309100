/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-fake-machine-disks.h"

#include "machine/posada-disk-image.h"
#include "machine/posada-fake-machine.h"
#include "store/posada-file.h"

struct _PosadaFakeDisks {
    char *folder;
    PosadaDefinition *definition;
    PosadaDiskCare *care;
};

PosadaFakeDisks *
posada_fake_disks_new (PosadaMachine *machine, guint64 size)
{
    PosadaFakeDisks *self = g_new0 (PosadaFakeDisks, 1);
    g_autofree char *path = NULL;
    PosadaDisk cd = {.kind = POSADA_DISK_CDROM, .bus = POSADA_BUS_SATA};
    PosadaDisk disk = {.format = POSADA_FORMAT_QCOW2, .bus = POSADA_BUS_VIRTIO};

    self->folder = g_dir_make_tmp ("posada-fake-XXXXXX", NULL);
    self->definition = posada_definition_new (posada_machine_get_name (machine), NULL);
    if (!self->folder || !self->definition) {
        posada_fake_disks_free (self);
        return NULL;
    }
    path = g_build_filename (self->folder, "disk.qcow2", NULL);
    disk.path = path;
    if (posada_disk_image_create (path, disk.format, size, NULL))
        posada_definition_add_disk (self->definition, &disk, NULL);
    posada_definition_add_disk (self->definition, &cd, NULL);
    self->care =
        posada_disk_care_new (machine, &(PosadaDiskHost) {
                                           .folder = self->folder,
                                           .get_definition = posada_fake_machine_get_definition,
                                           .take_definition = posada_fake_machine_take_definition,
                                       });
    return self;
}

void
posada_fake_disks_free (PosadaFakeDisks *self)
{
    if (!self)
        return;
    if (self->care)
        posada_disk_care_close (self->care);
    g_clear_object (&self->care);
    g_clear_object (&self->definition);
    if (self->folder)
        posada_file_remove_tree (self->folder, NULL);
    g_free (self->folder);
    g_free (self);
}

PosadaDiskCare *
posada_fake_disks_get_care (PosadaFakeDisks *self)
{
    return self->care;
}

PosadaDefinition *
posada_fake_disks_get_definition (PosadaFakeDisks *self)
{
    return self->definition;
}

void
posada_fake_disks_take_definition (PosadaFakeDisks *self, PosadaDefinition *definition)
{
    g_set_object (&self->definition, definition);
}
