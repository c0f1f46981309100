/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order in which a list of snapshots shows as a tree, one below the other, and the lines that
 * connect them. Pure.
 *
 * There is one vertical line for each depth. A snapshot's children follow it; the last of them,
 * which leads to the newest, goes on in the same line, all others turn off into the next one.
 */
#pragma once

#include "machine/posada-snapshot.h"

G_BEGIN_DECLS

typedef enum {
    POSADA_SNAPSHOT_ROOT,     /* it comes from nothing */
    POSADA_SNAPSHOT_STRAIGHT, /* from what is above in the same line */
    POSADA_SNAPSHOT_TURNED,   /* from what is above in the line before */
} PosadaSnapshotJoin;

typedef struct {
    PosadaSnapshot *snapshot;
    guint depth; /* how often the way from the root turned off at a fork: its line */
    PosadaSnapshotJoin joined;
    gboolean continued; /* something below comes from it */
    guint32 passing;    /* bit n: line n goes past, for n < 32 */
} PosadaSnapshotNode;

/* Free elements' snapshots and the array with g_array_unref (). */
GArray *posada_snapshot_tree_new (GListModel *snapshots);

G_END_DECLS
