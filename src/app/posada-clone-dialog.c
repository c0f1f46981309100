/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-clone-dialog.h"

#include <glib/gi18n.h>

#include "machine/posada-work.h"

#define PROGRESS_MS 100

struct _PosadaCloneDialog {
    AdwDialog parent_instance;

    PosadaMachine *machine;
    PosadaClone *clone; /* while it is being made */
    PosadaWork *work;
    GCancellable *cancellable;
    guint timer;

    GtkStack *stack;
    AdwEntryRow *name_row;
    GtkCheckButton *full_button;
    GtkCheckButton *linked_button;
    GtkWidget *clone_button, *cancel_button;
    GtkRevealer *problem_revealer;
    GtkLabel *problem_label;
    GtkProgressBar *progress_bar;
};

G_DEFINE_FINAL_TYPE (PosadaCloneDialog, posada_clone_dialog, ADW_TYPE_DIALOG)

enum {
    CLONED,
    N_SIGNALS,
};
static guint signals[N_SIGNALS];

/* NULL: there is none. */
static void
show_problem (PosadaCloneDialog *self, const char *sentence)
{
    if (sentence) {
        gtk_label_set_label (self->problem_label, sentence);
        gtk_accessible_announce (GTK_ACCESSIBLE (self), sentence,
                                 GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_HIGH);
    }
    gtk_revealer_set_reveal_child (self->problem_revealer, sentence != NULL);
}

static gboolean
progress_cb (gpointer data)
{
    PosadaCloneDialog *self = data;

    gtk_progress_bar_set_fraction (self->progress_bar, posada_clone_get_progress (self->clone));
    return G_SOURCE_CONTINUE;
}

/* Whatever came of it, the dialog may be gone by now, or have been closed. */
static DexFuture *
made_cb (DexFuture *future, gpointer user_data)
{
    PosadaCloneDialog *self = user_data;
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);

    g_clear_handle_id (&self->timer, g_source_remove);
    g_clear_pointer (&self->work, posada_work_end);
    g_clear_object (&self->clone);
    g_clear_object (&self->cancellable);
    if (!self->stack)
        return dex_future_new_true ();
    adw_dialog_set_can_close (ADW_DIALOG (self), TRUE);
    gtk_stack_set_visible_child_name (self->stack, "form");
    gtk_widget_set_sensitive (self->clone_button, TRUE);
    gtk_widget_set_sensitive (self->cancel_button, TRUE);
    if (value) {
        g_signal_emit (self, signals[CLONED], 0, g_value_get_string (value));
        adw_dialog_close (ADW_DIALOG (self));
    } else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        gtk_widget_grab_focus (GTK_WIDGET (self->name_row));
    } else {
        show_problem (self, error->message);
        gtk_widget_grab_focus (GTK_WIDGET (self->name_row));
    }
    return dex_future_new_true ();
}

static double
get_work_progress (gpointer data)
{
    return posada_clone_get_progress (POSADA_CLONE_DIALOG (data)->clone);
}

static void
cancel_work (gpointer data)
{
    g_cancellable_cancel (POSADA_CLONE_DIALOG (data)->cancellable);
}

static const PosadaWorkHooks hooks = {.get_progress = get_work_progress, .cancel = cancel_work};

static void
clone_cb (PosadaCloneDialog *self)
{
    g_autofree char *name =
        g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name_row))));
    gboolean linked = gtk_check_button_get_active (self->linked_button);
    g_autofree char *title = NULL;

    if (self->clone)
        return;
    self->clone = posada_machine_new_clone (
        self->machine, linked ? POSADA_CLONE_LINKED : POSADA_CLONE_FULL, NULL, name);
    if (!self->clone)
        return;
    self->cancellable = g_cancellable_new ();
    /* Translators: the name of a machine */
    title = g_strdup_printf (_ ("Cloning “%s”"), posada_machine_get_name (self->machine));
    self->work = posada_work_begin (title, &hooks, self);
    show_problem (self, NULL);
    gtk_progress_bar_set_fraction (self->progress_bar, 0);
    gtk_stack_set_visible_child_name (self->stack, "progress");
    gtk_widget_set_sensitive (self->clone_button, FALSE);
    adw_dialog_set_can_close (ADW_DIALOG (self), FALSE);
    self->timer = g_timeout_add (PROGRESS_MS, progress_cb, self);
    dex_future_disown (dex_future_finally (posada_clone_run (self->clone, self->cancellable),
                                           made_cb, g_object_ref (self), g_object_unref));
}

static void
cancel_cb (PosadaCloneDialog *self)
{
    if (self->cancellable) {
        /* It may take a moment, and was understood. */
        gtk_widget_set_sensitive (self->cancel_button, FALSE);
        g_cancellable_cancel (self->cancellable);
    } else
        adw_dialog_close (ADW_DIALOG (self));
}

static void
changed_cb (PosadaCloneDialog *self)
{
    g_autofree char *name =
        g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name_row))));

    gtk_widget_set_sensitive (self->clone_button, name[0] != '\0');
    show_problem (self, NULL);
}

static void
posada_clone_dialog_dispose (GObject *object)
{
    PosadaCloneDialog *self = POSADA_CLONE_DIALOG (object);

    if (self->cancellable)
        g_cancellable_cancel (self->cancellable);
    g_clear_handle_id (&self->timer, g_source_remove);
    gtk_widget_dispose_template (GTK_WIDGET (self), POSADA_TYPE_CLONE_DIALOG);
    g_clear_object (&self->machine);
    G_OBJECT_CLASS (posada_clone_dialog_parent_class)->dispose (object);
}

static void
posada_clone_dialog_class_init (PosadaCloneDialogClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_clone_dialog_dispose;
    signals[CLONED] = g_signal_new ("cloned", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/app/posada-clone-dialog.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaCloneDialog, stack);
    gtk_widget_class_bind_template_child (widget_class, PosadaCloneDialog, name_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaCloneDialog, full_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaCloneDialog, linked_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaCloneDialog, clone_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaCloneDialog, cancel_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaCloneDialog, problem_revealer);
    gtk_widget_class_bind_template_child (widget_class, PosadaCloneDialog, problem_label);
    gtk_widget_class_bind_template_child (widget_class, PosadaCloneDialog, progress_bar);
    gtk_widget_class_bind_template_callback (widget_class, cancel_cb);
    gtk_widget_class_bind_template_callback (widget_class, clone_cb);
    gtk_widget_class_bind_template_callback (widget_class, changed_cb);
}

static void
posada_clone_dialog_init (PosadaCloneDialog *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
}

AdwDialog *
posada_clone_dialog_new (PosadaMachine *machine)
{
    PosadaCloneDialog *self = g_object_new (POSADA_TYPE_CLONE_DIALOG, NULL);
    gboolean template;
    g_autofree char *name = NULL;

    g_return_val_if_fail (POSADA_IS_MACHINE (machine), NULL);

    self->machine = g_object_ref (machine);
    template = posada_machine_get_role (machine) == POSADA_ROLE_TEMPLATE;
    if (template)
        adw_dialog_set_title (ADW_DIALOG (self), _ ("New Machine from Template"));
    name = template ? g_strdup ("") /* it is called something else than its template */
                    : g_strdup_printf (_ ("Clone of %s"), posada_machine_get_name (machine));
    gtk_editable_set_text (GTK_EDITABLE (self->name_row), name);
    gtk_editable_select_region (GTK_EDITABLE (self->name_row), 0, -1);
    changed_cb (self);
    return ADW_DIALOG (self);
}
