/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "details/posada-snapshot-row.h"

#include <glib/gi18n.h>

#include "details/posada-snapshot-lines.h"

struct _PosadaSnapshotRow {
    GtkListBoxRow parent_instance;

    PosadaSnapshot *snapshot;

    PosadaSnapshotLines *lines;
    GtkPicture *picture;
    GtkLabel *name_label;
    GtkLabel *detail_label;
    GtkLabel *note_label;
    GtkWidget *now_label;
    GtkMenuButton *menu_button;
};

G_DEFINE_FINAL_TYPE (PosadaSnapshotRow, posada_snapshot_row, GTK_TYPE_LIST_BOX_ROW)

static void
load_picture (GTask *task, gpointer object, gpointer data, GCancellable *cancellable)
{
    GError *error = NULL;
    GdkTexture *texture = gdk_texture_new_from_filename (data, &error);

    if (texture)
        g_task_return_pointer (task, texture, g_object_unref);
    else
        g_task_return_error (task, error);
}

static void
picture_loaded_cb (GObject *object, GAsyncResult *result, gpointer data)
{
    PosadaSnapshotRow *self = POSADA_SNAPSHOT_ROW (object);
    g_autoptr (GdkTexture) texture = g_task_propagate_pointer (G_TASK (result), NULL);

    if (texture && self->picture)
        gtk_picture_set_paintable (self->picture, GDK_PAINTABLE (texture));
}

static char *
describe (const PosadaSnapshotData *data)
{
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (data->time);
    g_autofree char *when = time ? g_date_time_format (time, "%x %H:%M") : NULL;
    g_autofree char *size = g_format_size_full (data->size, G_FORMAT_SIZE_IEC_UNITS);

    if (data->damaged)
        return g_strdup_printf (_ ("Damaged, %s"), size);
    switch (data->kind) {
    /* Translators: a time and a size */
    case POSADA_SNAPSHOT_OFF: return g_strdup_printf (_ ("%s, off, %s"), when, size);
    case POSADA_SNAPSHOT_PAUSED: return g_strdup_printf (_ ("%s, paused, %s"), when, size);
    case POSADA_SNAPSHOT_RUNNING: break;
    }
    return g_strdup_printf (_ ("%s, %s"), when, size);
}

static void
add_item (GMenu *section, const char *label, const char *action, const char *id)
{
    g_autoptr (GMenuItem) item = g_menu_item_new (label, NULL);

    g_menu_item_set_action_and_target (item, action, "s", id);
    g_menu_append_item (section, item);
}

static GMenuModel *
make_menu (const PosadaSnapshotData *data)
{
    GMenu *menu = g_menu_new ();
    g_autoptr (GMenu) first = g_menu_new ();
    g_autoptr (GMenu) second = g_menu_new ();

    if (!data->damaged) {
        add_item (first, _ ("_Restore…"), "snapshot.restore", data->id);
        /* The machine's page has it. */
        add_item (first, _ ("_Try in a Copy"), "machine.copy-snapshot", data->id);
        add_item (first, _ ("Name and _Note…"), "snapshot.edit", data->id);
    }
    add_item (second, _ ("_Delete…"), "snapshot.delete", data->id);
    g_menu_append_section (menu, NULL, G_MENU_MODEL (first));
    g_menu_append_section (menu, NULL, G_MENU_MODEL (second));
    return G_MENU_MODEL (menu);
}

static void
posada_snapshot_row_dispose (GObject *object)
{
    PosadaSnapshotRow *self = POSADA_SNAPSHOT_ROW (object);

    g_clear_object (&self->snapshot);
    G_OBJECT_CLASS (posada_snapshot_row_parent_class)->dispose (object);
}

static void
posada_snapshot_row_class_init (PosadaSnapshotRowClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_snapshot_row_dispose;
    g_type_ensure (POSADA_TYPE_SNAPSHOT_LINES);
    gtk_widget_class_set_template_from_resource (
        widget_class, "/io/posada/Posada/ui/details/posada-snapshot-row.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotRow, lines);
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotRow, picture);
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotRow, name_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotRow, detail_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotRow, note_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotRow, now_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotRow, menu_button);
}

static void
posada_snapshot_row_init (PosadaSnapshotRow *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
posada_snapshot_row_new (const PosadaSnapshotNode *node)
{
    PosadaSnapshotRow *self = g_object_new (POSADA_TYPE_SNAPSHOT_ROW, NULL);
    const PosadaSnapshotData *data = posada_snapshot_get (node->snapshot);
    g_autoptr (GMenuModel) menu = make_menu (data);
    g_autofree char *detail = describe (data);
    g_autofree char *menu_name = NULL;

    self->snapshot = g_object_ref (node->snapshot);
    posada_snapshot_lines_set (self->lines, node, data->current);
    gtk_label_set_label (self->name_label, data->name);
    gtk_label_set_label (self->detail_label, detail);
    gtk_label_set_label (self->note_label, data->note ? data->note : "");
    gtk_widget_set_visible (GTK_WIDGET (self->note_label), data->note != NULL);
    gtk_widget_set_visible (self->now_label, data->current);
    gtk_menu_button_set_menu_model (self->menu_button, menu);
    /* Translators: the name of a snapshot */
    menu_name = g_strdup_printf (_ ("Menu of “%s”"), data->name);
    gtk_accessible_update_property (GTK_ACCESSIBLE (self->menu_button),
                                    GTK_ACCESSIBLE_PROPERTY_LABEL, menu_name, -1);
    gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                    data->name, GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, detail, -1);
    if (data->picture) {
        g_autoptr (GTask) task = g_task_new (self, NULL, picture_loaded_cb, NULL);

        g_task_set_task_data (task, g_strdup (data->picture), g_free);
        g_task_run_in_thread (task, load_picture);
    }
    return GTK_WIDGET (self);
}

PosadaSnapshot *
posada_snapshot_row_get_snapshot (PosadaSnapshotRow *self)
{
    g_return_val_if_fail (POSADA_IS_SNAPSHOT_ROW (self), NULL);
    return self->snapshot;
}
