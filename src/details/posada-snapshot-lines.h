/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The piece of the tree's drawing that is in front of one snapshot: a point for it, and the lines
 * that lead to it, from it and past it. As wide as its branch is deep. Main thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "details/posada-snapshot-tree.h"

G_BEGIN_DECLS

#define POSADA_TYPE_SNAPSHOT_LINES (posada_snapshot_lines_get_type ())
G_DECLARE_FINAL_TYPE (PosadaSnapshotLines, posada_snapshot_lines, POSADA, SNAPSHOT_LINES, GtkWidget)

/* @current: the present state comes from this one. */
void posada_snapshot_lines_set (PosadaSnapshotLines *self, const PosadaSnapshotNode *node,
                                gboolean current);

G_END_DECLS
