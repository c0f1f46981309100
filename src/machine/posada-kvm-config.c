/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-config.h"

static PosadaKvmDrive *
copy_drives (const PosadaKvmDrive *drives, guint n)
{
    PosadaKvmDrive *copy = g_new (PosadaKvmDrive, n);

    for (guint i = 0; i < n; i++) {
        copy[i] = drives[i];
        copy[i].path = g_strdup (drives[i].path);
    }
    return copy;
}

static void
free_drives (const PosadaKvmDrive *drives, guint n)
{
    for (guint i = 0; i < n; i++)
        g_free (drives[i].path);
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
    free_drives (self->cds, self->n_cds);
    free_drives (self->disks, self->n_disks);
    g_free (self);
}
