/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-wizard.h"

#include <glib/gi18n.h>

#include "machine/posada-work.h"
#include "wizard/posada-review-page.h"
#include "wizard/posada-wizard-table.h"

struct _PosadaWizard {
    AdwDialog parent_instance;

    PosadaDraft *draft;
    GCancellable *creating; /* NULL: nothing is being made */
    PosadaWork *work;       /* the same */
    gboolean waiting;       /* to find out which page the file gets */

    AdwNavigationView *view;
};

G_DEFINE_FINAL_TYPE (PosadaWizard, posada_wizard, ADW_TYPE_DIALOG)

enum {
    CREATED,
    N_SIGNALS,
};
static guint signals[N_SIGNALS];

/* --- the way through the pages --- */

static const char *
page_for (PosadaMediumKind kind)
{
    return kind == POSADA_MEDIUM_DISK ? "disk" : kind == POSADA_MEDIUM_KERNEL ? "kernel" : "review";
}

static const char *
get_visible_tag (PosadaWizard *self)
{
    return adw_navigation_page_get_tag (adw_navigation_view_get_visible_page (self->view));
}

/* Whatever was said before, a file gets the page of what it is. */
static void
recognized_cb (PosadaWizard *self)
{
    const char *tags[] = {"source", page_for (posada_draft_get_kind (self->draft))};

    if (self->waiting)
        adw_navigation_view_push_by_tag (self->view, tags[1]);
    else if (g_strcmp0 (get_visible_tag (self), "disk") == 0 && !g_str_equal (tags[1], "disk"))
        adw_navigation_view_replace_with_tags (self->view, tags, G_N_ELEMENTS (tags));
    self->waiting = FALSE;
}

static void
choose (PosadaWizard *self, GFile *file, PosadaMediumKind kind)
{
    if (self->creating)
        return;
    adw_navigation_view_pop_to_tag (self->view, "source");
    /* It may be recognized before the next line. */
    self->waiting = file && kind == POSADA_MEDIUM_UNKNOWN;
    posada_draft_set_source (self->draft, file, kind);
    if (!file || kind != POSADA_MEDIUM_UNKNOWN)
        adw_navigation_view_push_by_tag (self->view,
                                         page_for (posada_draft_get_kind (self->draft)));
}

static void
choose_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    g_autoptr (GFile) file = NULL;
    const char *uri;
    guint kind;

    g_variant_get (parameter, "(&su)", &uri, &kind);
    if (uri[0])
        file = g_file_new_for_uri (uri);
    choose (POSADA_WIZARD (widget), file, kind);
}

static gboolean
drop_cb (PosadaWizard *self, const GValue *value, double x, double y)
{
    posada_wizard_set_source (self, g_value_get_object (value));
    return TRUE;
}

/* --- creating --- */

static DexFuture *
created_cb (DexFuture *future, gpointer user_data)
{
    PosadaWizard *self = user_data;
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);
    AdwNavigationPage *review = adw_navigation_view_find_page (self->view, "review");

    g_clear_object (&self->creating);
    g_clear_pointer (&self->work, posada_work_end);
    adw_dialog_set_can_close (ADW_DIALOG (self), TRUE);
    if (value) {
        g_signal_emit (self, signals[CREATED], 0, g_value_get_string (value));
        adw_dialog_force_close (ADW_DIALOG (self));
        return dex_future_new_true ();
    }
    adw_navigation_view_pop_to_tag (self->view, "review");
    if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        posada_review_page_set_failure (POSADA_REVIEW_PAGE (review), error->message);
    return dex_future_new_true ();
}

static double
get_work_progress (gpointer data)
{
    PosadaDraft *draft = POSADA_WIZARD (data)->draft;

    return draft ? posada_draft_get_progress (draft) : -1;
}

static void
cancel_work (gpointer data)
{
    g_cancellable_cancel (POSADA_WIZARD (data)->creating);
}

static const PosadaWorkHooks hooks = {.get_progress = get_work_progress, .cancel = cancel_work};

static void
create_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaWizard *self = POSADA_WIZARD (widget);

    if (self->creating || !posada_draft_is_ready (self->draft))
        return;
    self->creating = g_cancellable_new ();
    self->work = posada_work_begin (_ ("Making a virtual machine"), &hooks, self);
    adw_dialog_set_can_close (ADW_DIALOG (self), FALSE);
    if (posada_draft_takes_long (self->draft))
        adw_navigation_view_push_by_tag (self->view, "progress");
    dex_future_disown (dex_future_finally (posada_draft_create (self->draft, self->creating),
                                           created_cb, g_object_ref (self), g_object_unref));
}

/* Of what is being made, or else of the wizard. */
static void
cancel_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaWizard *self = POSADA_WIZARD (widget);

    if (self->creating)
        g_cancellable_cancel (self->creating);
    else
        adw_dialog_close (ADW_DIALOG (self));
}

static void
close_attempt_cb (PosadaWizard *self)
{
    g_cancellable_cancel (self->creating);
}

/* --- class --- */

static void
posada_wizard_dispose (GObject *object)
{
    PosadaWizard *self = POSADA_WIZARD (object);

    g_clear_object (&self->draft);
    g_clear_object (&self->creating);
    /* A dialog that was on show keeps its child for ever (seen in libadwaita 1.7). */
    adw_dialog_set_child (ADW_DIALOG (self), NULL);
    G_OBJECT_CLASS (posada_wizard_parent_class)->dispose (object);
}

static void
posada_wizard_class_init (PosadaWizardClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_wizard_dispose;
    signals[CREATED] = g_signal_new ("created", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/wizard/posada-wizard.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaWizard, view);
    gtk_widget_class_bind_template_callback (widget_class, close_attempt_cb);
    gtk_widget_class_install_action (widget_class, "wizard.choose", "(su)", choose_cb);
    gtk_widget_class_install_action (widget_class, "wizard.create", NULL, create_cb);
    gtk_widget_class_install_action (widget_class, "wizard.cancel", NULL, cancel_cb);
}

static void
posada_wizard_init (PosadaWizard *self)
{
    GtkDropTarget *drop = gtk_drop_target_new (G_TYPE_FILE, GDK_ACTION_COPY);

    gtk_widget_init_template (GTK_WIDGET (self));
    g_signal_connect_swapped (drop, "drop", G_CALLBACK (drop_cb), self);
    gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (drop));
}

PosadaWizard *
posada_wizard_new (PosadaStore *store, const char *const *names)
{
    PosadaWizard *self;

    g_return_val_if_fail (POSADA_IS_STORE (store), NULL);

    self = g_object_new (POSADA_TYPE_WIZARD, NULL);
    self->draft = posada_draft_new (store, names);
    g_signal_connect_object (self->draft, "recognized", G_CALLBACK (recognized_cb), self,
                             G_CONNECT_SWAPPED);
    for (guint i = 0; i < posada_wizard_table_length; i++) {
        g_autoptr (PosadaWizardPage) page = g_object_ref_sink (g_object_new (
            posada_wizard_table[i].get_type (), "tag", posada_wizard_table[i].tag, NULL));

        posada_wizard_page_set_draft (page, self->draft);
        adw_navigation_view_add (self->view, ADW_NAVIGATION_PAGE (page));
    }
    posada_draft_refresh (self->draft);
    return self;
}

void
posada_wizard_set_source (PosadaWizard *self, GFile *file)
{
    g_return_if_fail (POSADA_IS_WIZARD (self));
    g_return_if_fail (G_IS_FILE (file));

    choose (self, file, POSADA_MEDIUM_UNKNOWN);
}

PosadaDraft *
posada_wizard_get_draft (PosadaWizard *self)
{
    g_return_val_if_fail (POSADA_IS_WIZARD (self), NULL);

    return self->draft;
}
