/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-wizard-page.h"

#include <glib/gi18n.h>

typedef struct {
    PosadaDraft *draft;
    GtkWidget *default_widget, *first_focus; /* of the page's own template */
} PosadaWizardPagePrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (PosadaWizardPage, posada_wizard_page, ADW_TYPE_NAVIGATION_PAGE)

struct question {
    PosadaWizardPage *page;
    PosadaFileChosen chosen;
};

static void
changed_cb (PosadaWizardPage *self)
{
    PosadaWizardPagePrivate *private = posada_wizard_page_get_instance_private (self);

    if (POSADA_WIZARD_PAGE_GET_CLASS (self)->update)
        POSADA_WIZARD_PAGE_GET_CLASS (self)->update (self, private->draft);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree struct question *question = user_data;
    g_autoptr (PosadaWizardPage) page = question->page;
    g_autoptr (GFile) file = gtk_file_dialog_open_finish (GTK_FILE_DIALOG (source), result, NULL);

    if (file)
        question->chosen (page, file);
}

static void
posada_wizard_page_showing (AdwNavigationPage *page)
{
    PosadaWizardPage *self = POSADA_WIZARD_PAGE (page);

    ADW_NAVIGATION_PAGE_CLASS (posada_wizard_page_parent_class)->showing (page);
    if (POSADA_WIZARD_PAGE_GET_CLASS (self)->appear)
        POSADA_WIZARD_PAGE_GET_CLASS (self)->appear (self);
}

static void
posada_wizard_page_shown (AdwNavigationPage *page)
{
    PosadaWizardPagePrivate *private =
        posada_wizard_page_get_instance_private (POSADA_WIZARD_PAGE (page));
    GtkWidget *dialog = gtk_widget_get_ancestor (GTK_WIDGET (page), ADW_TYPE_DIALOG);

    ADW_NAVIGATION_PAGE_CLASS (posada_wizard_page_parent_class)->shown (page);
    if (dialog)
        adw_dialog_set_default_widget (ADW_DIALOG (dialog), private->default_widget);
    if (private->first_focus)
        gtk_widget_grab_focus (private->first_focus);
}

static void
posada_wizard_page_dispose (GObject *object)
{
    PosadaWizardPagePrivate *private =
        posada_wizard_page_get_instance_private (POSADA_WIZARD_PAGE (object));

    g_clear_object (&private->draft);
    G_OBJECT_CLASS (posada_wizard_page_parent_class)->dispose (object);
}

static void
posada_wizard_page_class_init (PosadaWizardPageClass *klass)
{
    G_OBJECT_CLASS (klass)->dispose = posada_wizard_page_dispose;
    ADW_NAVIGATION_PAGE_CLASS (klass)->showing = posada_wizard_page_showing;
    ADW_NAVIGATION_PAGE_CLASS (klass)->shown = posada_wizard_page_shown;
}

static void
posada_wizard_page_init (PosadaWizardPage *self)
{
}

PosadaDraft *
posada_wizard_page_get_draft (PosadaWizardPage *self)
{
    PosadaWizardPagePrivate *private = posada_wizard_page_get_instance_private (self);

    return private->draft;
}

void
posada_wizard_page_set_draft (PosadaWizardPage *self, PosadaDraft *draft)
{
    PosadaWizardPagePrivate *private = posada_wizard_page_get_instance_private (self);

    g_return_if_fail (POSADA_IS_DRAFT (draft) && !private->draft);

    private->draft = g_object_ref (draft);
    g_signal_connect_object (draft, "changed", G_CALLBACK (changed_cb), self, G_CONNECT_SWAPPED);
    changed_cb (self);
}

void
posada_wizard_page_set_widgets (PosadaWizardPage *self, GtkWidget *default_widget,
                                GtkWidget *first_focus)
{
    PosadaWizardPagePrivate *private = posada_wizard_page_get_instance_private (self);

    private->default_widget = default_widget;
    private->first_focus = first_focus;
}

void
posada_wizard_page_ask_file (PosadaWizardPage *self, const char *title, const char *filter_name,
                             const char *const *suffixes, PosadaFileChosen chosen)
{
    g_autoptr (GtkFileDialog) dialog = gtk_file_dialog_new ();
    g_autoptr (GListStore) filters = g_list_store_new (GTK_TYPE_FILE_FILTER);
    g_autoptr (GtkFileFilter) some = gtk_file_filter_new ();
    g_autoptr (GtkFileFilter) all = gtk_file_filter_new ();
    GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));
    struct question *question = g_new0 (struct question, 1);

    if (suffixes) {
        gtk_file_filter_set_name (some, filter_name);
        for (guint i = 0; suffixes[i]; i++)
            gtk_file_filter_add_suffix (some, suffixes[i]);
        g_list_store_append (filters, some);
    }
    gtk_file_filter_set_name (all, _ ("All Files"));
    gtk_file_filter_add_pattern (all, "*");
    g_list_store_append (filters, all);
    gtk_file_dialog_set_title (dialog, title);
    gtk_file_dialog_set_filters (dialog, G_LIST_MODEL (filters));
    question->page = g_object_ref (self);
    question->chosen = chosen;
    gtk_file_dialog_open (dialog, GTK_IS_WINDOW (root) ? GTK_WINDOW (root) : NULL, NULL, opened_cb,
                          question);
}

void
posada_wizard_page_choose (PosadaWizardPage *self, GFile *file, PosadaMediumKind kind)
{
    g_autofree char *uri = file ? g_file_get_uri (file) : g_strdup ("");

    gtk_widget_activate_action (GTK_WIDGET (self), "wizard.choose", "(su)", uri, (guint) kind);
}

void
posada_wizard_page_say (AdwActionRow *row, const char *problem, const char *otherwise)
{
    const char *before = adw_action_row_get_subtitle (row);
    const char *now = problem ? problem : otherwise ? otherwise : "";

    if (g_strcmp0 (before, now) != 0) {
        adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
        adw_action_row_set_subtitle (row, now);
        gtk_accessible_update_property (GTK_ACCESSIBLE (row), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION,
                                        now, -1);
        if (problem && gtk_widget_get_mapped (GTK_WIDGET (row)))
            gtk_accessible_announce (GTK_ACCESSIBLE (row), problem,
                                     GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_MEDIUM);
    }
    if (problem)
        gtk_widget_add_css_class (GTK_WIDGET (row), "problem");
    else
        gtk_widget_remove_css_class (GTK_WIDGET (row), "problem");
}
