/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-disk-info.h"

#include <glib/gi18n.h>

struct _PosadaDiskInfo {
    GObject parent_instance;

    PosadaDiskData data;
};

G_DEFINE_FINAL_TYPE (PosadaDiskInfo, posada_disk_info, G_TYPE_OBJECT)

static void
posada_disk_info_finalize (GObject *object)
{
    PosadaDiskData *data = &POSADA_DISK_INFO (object)->data;

    for (guint i = 0; i < data->n_shares; i++) {
        g_free (data->shares[i].id);
        g_free (data->shares[i].name);
    }
    g_free (data->shares);
    g_free (data->target);
    g_free (data->path);
    g_free (data->base);
    g_free (data->problem);
    g_free (data->fixed);

    G_OBJECT_CLASS (posada_disk_info_parent_class)->finalize (object);
}

static void
posada_disk_info_class_init (PosadaDiskInfoClass *klass)
{
    G_OBJECT_CLASS (klass)->finalize = posada_disk_info_finalize;
}

static void
posada_disk_info_init (PosadaDiskInfo *self)
{
}

PosadaDiskInfo *
posada_disk_info_new (const PosadaDiskData *data)
{
    PosadaDiskInfo *self = g_object_new (POSADA_TYPE_DISK_INFO, NULL);

    self->data = *data;
    return self;
}

const PosadaDiskData *
posada_disk_info_get (PosadaDiskInfo *self)
{
    g_return_val_if_fail (POSADA_IS_DISK_INFO (self), NULL);
    return &self->data;
}

char *
posada_disk_info_get_title (PosadaDiskInfo *self)
{
    g_return_val_if_fail (POSADA_IS_DISK_INFO (self), NULL);

    if (self->data.path)
        return g_filename_display_basename (self->data.path);
    /* Translators: a drive without a disc in it */
    return g_strdup (self->data.is_drive ? _ ("Empty") : _ ("Not on This Computer"));
}
