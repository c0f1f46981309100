/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "details/posada-snapshot-tree.h"

static void
clear_node (gpointer data)
{
    g_clear_object (&((PosadaSnapshotNode *) data)->snapshot);
}

static guint32
bit_of (guint line)
{
    return line < 32 ? 1u << line : 0;
}

/* What comes from @parent (NULL: roots), and what comes from that. @passing are the lines of those
 * before it that go on. The list is in order of time and has no circles. */
static gboolean
add_children (GArray *tree, GListModel *snapshots, const char *parent, guint depth, guint32 passing)
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
        PosadaSnapshotNode node = {.depth = depth, .passing = passing};
        guint at = tree->len;
        gboolean continued;

        if (g_strcmp0 (data->parent, parent) != 0)
            continue;
        if (parent && i == last)
            node.joined = POSADA_SNAPSHOT_STRAIGHT;
        else if (parent) {
            node.joined = POSADA_SNAPSHOT_TURNED;
            node.depth++;
            node.passing |= bit_of (depth);
        }
        node.snapshot = g_object_ref (snapshot);
        g_array_append_val (tree, node);
        continued = add_children (tree, snapshots, data->id, node.depth, node.passing);
        g_array_index (tree, PosadaSnapshotNode, at).continued = continued;
    }
    return last < n;
}

GArray *
posada_snapshot_tree_new (GListModel *snapshots)
{
    GArray *tree = g_array_new (FALSE, FALSE, sizeof (PosadaSnapshotNode));

    g_array_set_clear_func (tree, clear_node);
    add_children (tree, snapshots, NULL, 0, 0);
    return tree;
}
