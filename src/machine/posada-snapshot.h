/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A snapshot as it is listed: immutable; a change of it is another one in its place. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum {
    POSADA_SNAPSHOT_OFF, /* disks only */
    POSADA_SNAPSHOT_RUNNING,
    POSADA_SNAPSHOT_PAUSED,
} PosadaSnapshotKind;

#define POSADA_TYPE_SNAPSHOT (posada_snapshot_get_type ())
G_DECLARE_FINAL_TYPE (PosadaSnapshot, posada_snapshot, POSADA, SNAPSHOT, GObject)

typedef struct {
    const char *id;
    const char *parent; /* id of the one it came from, or NULL */
    const char *name;
    const char *note;    /* NULL: none */
    const char *picture; /* path of a PNG file, or NULL */
    gint64 time;         /* seconds since the epoch */
    guint64 size;        /* bytes that deleting it frees */
    PosadaSnapshotKind kind;
    gboolean current; /* the machine's present state comes from it */
    gboolean damaged; /* it can only be deleted */
} PosadaSnapshotData;

/* Copies. */
PosadaSnapshot *posada_snapshot_new (const PosadaSnapshotData *data);
/* Valid as long as @self. */
const PosadaSnapshotData *posada_snapshot_get (PosadaSnapshot *self);

G_END_DECLS
