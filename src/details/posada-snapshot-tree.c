/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "details/posada-snapshot-tree.h"

static void
clear_node (gpointer data)
{
    g_clear_object (&((PosadaSnapshotNode *) data)->snapshot);
}

/* What comes from @parent (NULL: roots), and what comes from that. The list is in order of time and
 * has no circles. */
static void
add_children (GArray *tree, GListModel *snapshots, const char *parent, guint depth)
{
    guint n = g_list_model_get_n_items (snapshots), last = n;

    for (guint i = 0; i < n; i++) {
        g_autoptr (PosadaSnapshot) snapshot = g_list_model_get_item (snapshots, i);

        if (g_strcmp0 (posada_snapshot_get (snapshot)->parent, parent) == 0)
            last = i;
    }
    for (guint i = 0; i < n; i++) {
        g_autoptr (PosadaSnapshot) snapshot = g_list_model_get_item (snapshots, i);
        const PosadaSnapshotData *data = posada_snapshot_get (snapshot);
        PosadaSnapshotNode node = {g_object_ref (snapshot), depth + (parent && i != last)};

        if (g_strcmp0 (data->parent, parent) != 0) {
            g_object_unref (node.snapshot);
            continue;
        }
        g_array_append_val (tree, node);
        add_children (tree, snapshots, data->id, node.depth);
    }
}

GArray *
posada_snapshot_tree_new (GListModel *snapshots)
{
    GArray *tree = g_array_new (FALSE, FALSE, sizeof (PosadaSnapshotNode));

    g_array_set_clear_func (tree, clear_node);
    add_children (tree, snapshots, NULL, 0);
    return tree;
}
