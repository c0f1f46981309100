/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-snapshot.h"

struct _PosadaSnapshot {
    GObject parent_instance;

    PosadaSnapshotData data;
};

G_DEFINE_FINAL_TYPE (PosadaSnapshot, posada_snapshot, G_TYPE_OBJECT)

static void
posada_snapshot_finalize (GObject *object)
{
    PosadaSnapshotData *data = &POSADA_SNAPSHOT (object)->data;

    g_free ((char *) data->id);
    g_free ((char *) data->parent);
    g_free ((char *) data->name);
    g_free ((char *) data->note);
    g_free ((char *) data->picture);

    G_OBJECT_CLASS (posada_snapshot_parent_class)->finalize (object);
}

static void
posada_snapshot_class_init (PosadaSnapshotClass *klass)
{
    G_OBJECT_CLASS (klass)->finalize = posada_snapshot_finalize;
}

static void
posada_snapshot_init (PosadaSnapshot *self)
{
}

PosadaSnapshot *
posada_snapshot_new (const PosadaSnapshotData *data)
{
    PosadaSnapshot *self = g_object_new (POSADA_TYPE_SNAPSHOT, NULL);

    self->data = *data;
    self->data.id = g_strdup (data->id);
    self->data.parent = data->parent && *data->parent ? g_strdup (data->parent) : NULL;
    self->data.name = g_strdup (data->name);
    self->data.note = data->note && *data->note ? g_strdup (data->note) : NULL;
    self->data.picture = g_strdup (data->picture);
    return self;
}

const PosadaSnapshotData *
posada_snapshot_get (PosadaSnapshot *self)
{
    g_return_val_if_fail (POSADA_IS_SNAPSHOT (self), NULL);
    return &self->data;
}
