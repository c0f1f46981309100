/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The order and indentation in which a list of snapshots shows as a tree. Pure. */
#pragma once

#include "machine/posada-snapshot.h"

G_BEGIN_DECLS

typedef struct {
    PosadaSnapshot *snapshot;
    guint depth; /* how often the way from the root turned off at a fork */
} PosadaSnapshotNode;

/* Free elements' snapshots and the array with g_array_unref (). Those that came from one follow it,
 * the line that leads to the newest one last and without a turn. */
GArray *posada_snapshot_tree_new (GListModel *snapshots);

G_END_DECLS
