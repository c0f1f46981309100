/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-rename-dialog.h"

struct _PosadaRenameDialog {
    AdwDialog parent_instance;

    PosadaMachine *machine;
    AdwEntryRow *name_row;
    GtkWidget *rename_button;
    GtkRevealer *problem_revealer;
    GtkLabel *problem_label;
};

G_DEFINE_FINAL_TYPE (PosadaRenameDialog, posada_rename_dialog, ADW_TYPE_DIALOG)

/* NULL: there is none. */
static void
show_problem (PosadaRenameDialog *self, const char *sentence)
{
    GtkWidget *row = GTK_WIDGET (self->name_row);

    if (sentence) {
        gtk_label_set_label (self->problem_label, sentence);
        gtk_widget_add_css_class (row, "error");
        gtk_accessible_announce (GTK_ACCESSIBLE (self), sentence,
                                 GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_HIGH);
        gtk_widget_grab_focus (row);
    } else {
        gtk_widget_remove_css_class (row, "error");
    }
    gtk_accessible_update_state (
        GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_STATE_INVALID,
        sentence ? GTK_ACCESSIBLE_INVALID_TRUE : GTK_ACCESSIBLE_INVALID_FALSE, -1);
    gtk_revealer_set_reveal_child (self->problem_revealer, sentence != NULL);
}

static DexFuture *
renamed_cb (DexFuture *future, gpointer user_data)
{
    PosadaRenameDialog *self = user_data;
    g_autoptr (GError) error = NULL;

    if (!self->name_row)
        return dex_future_new_true ();
    gtk_widget_set_sensitive (self->rename_button, TRUE);
    if (dex_future_get_value (future, &error))
        adw_dialog_close (ADW_DIALOG (self));
    else
        show_problem (self, error->message);
    return dex_future_new_true ();
}

static void
rename_cb (PosadaRenameDialog *self)
{
    const char *name = gtk_editable_get_text (GTK_EDITABLE (self->name_row));

    /* Once at a time; the row stays as it is, and so does the focus. */
    gtk_widget_set_sensitive (self->rename_button, FALSE);
    dex_future_disown (dex_future_finally (posada_machine_rename (self->machine, name), renamed_cb,
                                           g_object_ref (self), g_object_unref));
}

static void
cancel_cb (PosadaRenameDialog *self)
{
    adw_dialog_close (ADW_DIALOG (self));
}

static void
changed_cb (PosadaRenameDialog *self)
{
    g_autofree char *name =
        g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name_row))));

    gtk_widget_set_sensitive (self->rename_button, name[0] != '\0');
    show_problem (self, NULL);
}

static void
posada_rename_dialog_dispose (GObject *object)
{
    PosadaRenameDialog *self = POSADA_RENAME_DIALOG (object);

    gtk_widget_dispose_template (GTK_WIDGET (self), POSADA_TYPE_RENAME_DIALOG);
    g_clear_object (&self->machine);
    G_OBJECT_CLASS (posada_rename_dialog_parent_class)->dispose (object);
}

static void
posada_rename_dialog_class_init (PosadaRenameDialogClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_rename_dialog_dispose;
    gtk_widget_class_set_template_from_resource (
        widget_class, "/io/posada/Posada/ui/app/posada-rename-dialog.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaRenameDialog, name_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaRenameDialog, rename_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaRenameDialog, problem_revealer);
    gtk_widget_class_bind_template_child (widget_class, PosadaRenameDialog, problem_label);
    gtk_widget_class_bind_template_callback (widget_class, cancel_cb);
    gtk_widget_class_bind_template_callback (widget_class, rename_cb);
    gtk_widget_class_bind_template_callback (widget_class, changed_cb);
}

static void
posada_rename_dialog_init (PosadaRenameDialog *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
}

AdwDialog *
posada_rename_dialog_new (PosadaMachine *machine)
{
    PosadaRenameDialog *self = g_object_new (POSADA_TYPE_RENAME_DIALOG, NULL);

    g_return_val_if_fail (POSADA_IS_MACHINE (machine), NULL);

    self->machine = g_object_ref (machine);
    gtk_editable_set_text (GTK_EDITABLE (self->name_row), posada_machine_get_name (machine));
    gtk_editable_select_region (GTK_EDITABLE (self->name_row), 0, -1);
    return ADW_DIALOG (self);
}
