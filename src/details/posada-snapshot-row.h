/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One snapshot of a timeline: picture, name, when and how large, and a menu of "snapshot." actions
 * with its id as their parameter.
 */
#pragma once

#include <adwaita.h>

#include "details/posada-snapshot-tree.h"

G_BEGIN_DECLS

#define POSADA_TYPE_SNAPSHOT_ROW (posada_snapshot_row_get_type ())
G_DECLARE_FINAL_TYPE (PosadaSnapshotRow, posada_snapshot_row, POSADA, SNAPSHOT_ROW, GtkListBoxRow)

GtkWidget *posada_snapshot_row_new (const PosadaSnapshotNode *node);
PosadaSnapshot *posada_snapshot_row_get_snapshot (PosadaSnapshotRow *self);

G_END_DECLS
