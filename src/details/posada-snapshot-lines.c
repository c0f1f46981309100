/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "details/posada-snapshot-lines.h"

/* In pixels. */
#define START      20 /* the first line is there */
#define INDENT     28 /* from one to the next */
#define END        16
#define POINT      5  /* its radius */
#define TURN       12 /* the radius of a bend */
#define BORDER     5  /* between two rows: lines lead over it to the next one */

#define MOST_LINES 7 /* what is deeper shows in the last one */

struct _PosadaSnapshotLines {
    GtkWidget parent_instance;

    PosadaSnapshotNode node; /* without its snapshot */
    gboolean current;
};

G_DEFINE_FINAL_TYPE (PosadaSnapshotLines, posada_snapshot_lines, GTK_TYPE_WIDGET)

static float
find_x (guint line)
{
    return START + INDENT * (float) MIN (line, MOST_LINES - 1u);
}

static void
add_line (GskPathBuilder *builder, float x, float from, float to)
{
    gsk_path_builder_move_to (builder, x, from);
    gsk_path_builder_line_to (builder, x, to);
}

static GskPath *
make_lines (const PosadaSnapshotNode *node, float height)
{
    GskPathBuilder *builder = gsk_path_builder_new ();
    float x = find_x (node->depth), y = height / 2;

    for (guint line = 0; line < MOST_LINES; line++)
        if (node->passing & 1u << line)
            add_line (builder, find_x (line), 0, height + BORDER);
    if (node->joined == POSADA_SNAPSHOT_STRAIGHT)
        add_line (builder, x, 0, y - POINT);
    if (node->joined == POSADA_SNAPSHOT_TURNED && node->depth < MOST_LINES) {
        float other = find_x (node->depth - 1);

        gsk_path_builder_move_to (builder, other, 0);
        gsk_path_builder_line_to (builder, other, y - TURN);
        gsk_path_builder_quad_to (builder, other, y, other + TURN, y);
        gsk_path_builder_line_to (builder, x - POINT, y);
    }
    if (node->continued)
        add_line (builder, x, y + POINT, height + BORDER);
    return gsk_path_builder_free_to_path (builder);
}

static GskPath *
make_point (const PosadaSnapshotNode *node, float height)
{
    GskPathBuilder *builder = gsk_path_builder_new ();

    gsk_path_builder_add_circle (builder, &GRAPHENE_POINT_INIT (find_x (node->depth), height / 2),
                                 POINT);
    return gsk_path_builder_free_to_path (builder);
}

static void
posada_snapshot_lines_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
    PosadaSnapshotLines *self = POSADA_SNAPSHOT_LINES (widget);
    float height = (float) gtk_widget_get_height (widget);
    g_autoptr (GskPath) lines = make_lines (&self->node, height);
    g_autoptr (GskPath) point = make_point (&self->node, height);
    g_autoptr (GskStroke) stroke = gsk_stroke_new (2);
    GdkRGBA color, faint;

    if (gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL) {
        gtk_snapshot_translate (snapshot,
                                &GRAPHENE_POINT_INIT ((float) gtk_widget_get_width (widget), 0));
        gtk_snapshot_scale (snapshot, -1, 1);
    }
    gtk_widget_get_color (widget, &color);
    gtk_widget_get_color (gtk_widget_get_parent (widget), &faint);
    faint.alpha *= 0.25f;
    gtk_snapshot_append_stroke (snapshot, lines, stroke, &faint);
    if (self->current)
        gtk_snapshot_append_fill (snapshot, point, GSK_FILL_RULE_WINDING, &color);
    else
        gtk_snapshot_append_stroke (snapshot, point, stroke, &color);
}

static void
posada_snapshot_lines_measure (GtkWidget *widget, GtkOrientation orientation, int for_size,
                               int *minimum, int *natural, int *minimum_baseline,
                               int *natural_baseline)
{
    PosadaSnapshotLines *self = POSADA_SNAPSHOT_LINES (widget);

    if (orientation == GTK_ORIENTATION_HORIZONTAL)
        *minimum = *natural = (int) find_x (self->node.depth) + END;
}

static void
posada_snapshot_lines_class_init (PosadaSnapshotLinesClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    widget_class->snapshot = posada_snapshot_lines_snapshot;
    widget_class->measure = posada_snapshot_lines_measure;
    gtk_widget_class_set_css_name (widget_class, "snapshot-lines");
    gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_PRESENTATION);
}

static void
posada_snapshot_lines_init (PosadaSnapshotLines *self)
{
}

void
posada_snapshot_lines_set (PosadaSnapshotLines *self, const PosadaSnapshotNode *node,
                           gboolean current)
{
    g_return_if_fail (POSADA_IS_SNAPSHOT_LINES (self) && node);

    self->node = *node;
    self->node.snapshot = NULL;
    self->current = current;
    if (current)
        gtk_widget_add_css_class (GTK_WIDGET (self), "current");
    gtk_widget_queue_resize (GTK_WIDGET (self));
}
