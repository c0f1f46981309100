/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-source-page.h"

#include <glib/gi18n.h>

#include "wizard/posada-recent.h"

struct _PosadaSourcePage {
    PosadaWizardPage parent_instance;

    GPtrArray *rows; /* of recent_group */

    AdwPreferencesGroup *recent_group;
};

G_DEFINE_FINAL_TYPE (PosadaSourcePage, posada_source_page, POSADA_TYPE_WIZARD_PAGE)

/* --- recent images --- */

static void
recent_activated_cb (GtkWidget *row, GFile *file)
{
    GtkWidget *page = gtk_widget_get_ancestor (row, POSADA_TYPE_SOURCE_PAGE);

    posada_wizard_page_choose (POSADA_WIZARD_PAGE (page), file, POSADA_MEDIUM_ISO);
}

static GtkWidget *
make_row (GFileInfo *info)
{
    GFile *file = G_FILE (g_file_info_get_attribute_object (info, POSADA_RECENT_FILE));
    g_autoptr (GFile) parent = g_file_get_parent (file);
    g_autofree char *folder = g_file_get_basename (parent);
    g_autofree char *size = g_format_size ((guint64) g_file_info_get_size (info));
    g_autofree char *name = g_filename_display_name (g_file_info_get_name (info));
    /* Translators: the name of a folder, and the size of a file in it */
    g_autofree char *subtitle = g_strdup_printf (_ ("%s · %s"), folder, size);
    GtkWidget *row = adw_action_row_new ();

    adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name);
    adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
    adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 1);
    adw_action_row_add_prefix (ADW_ACTION_ROW (row),
                               gtk_image_new_from_icon_name ("media-optical-symbolic"));
    adw_action_row_add_suffix (ADW_ACTION_ROW (row),
                               gtk_image_new_from_icon_name ("go-next-symbolic"));
    gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
    g_signal_connect_object (row, "activated", G_CALLBACK (recent_activated_cb), file, 0);
    g_object_set_data_full (G_OBJECT (row), "file", g_object_ref (file), g_object_unref);
    return row;
}

static DexFuture *
found_cb (DexFuture *future, gpointer user_data)
{
    PosadaSourcePage *self = user_data;
    GPtrArray *found = g_value_get_boxed (dex_future_get_value (future, NULL));

    if (!posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self)))
        return dex_future_new_true ();
    for (guint i = 0; i < self->rows->len; i++)
        adw_preferences_group_remove (self->recent_group, self->rows->pdata[i]);
    g_ptr_array_set_size (self->rows, 0);
    for (guint i = 0; i < found->len; i++) {
        GtkWidget *row = make_row (found->pdata[i]);

        adw_preferences_group_add (self->recent_group, row);
        g_ptr_array_add (self->rows, row);
    }
    gtk_widget_set_visible (GTK_WIDGET (self->recent_group), found->len > 0);
    return dex_future_new_true ();
}

/* --- other sources --- */

static void
iso_chosen_cb (PosadaWizardPage *page, GFile *file)
{
    posada_wizard_page_choose (page, file, POSADA_MEDIUM_ISO);
}

static void
choose_iso_cb (PosadaWizardPage *page)
{
    static const char *const suffixes[] = {"iso", NULL};

    posada_wizard_page_ask_file (page, _ ("Choose an Installation Image"),
                                 _ ("Installation Images"), suffixes, iso_chosen_cb);
}

static void
disk_chosen_cb (PosadaWizardPage *page, GFile *file)
{
    posada_wizard_page_choose (page, file, POSADA_MEDIUM_DISK);
}

static void
choose_disk_cb (PosadaWizardPage *page)
{
    static const char *const suffixes[] = {"qcow2", "img", "raw", NULL};

    posada_wizard_page_ask_file (page, _ ("Choose a Disk"), _ ("Disk Images"), suffixes,
                                 disk_chosen_cb);
}

static void
kernel_chosen_cb (PosadaWizardPage *page, GFile *file)
{
    posada_wizard_page_choose (page, file, POSADA_MEDIUM_KERNEL);
}

static void
choose_kernel_cb (PosadaWizardPage *page)
{
    posada_wizard_page_ask_file (page, _ ("Choose a Kernel"), NULL, NULL, kernel_chosen_cb);
}

static void
choose_empty_cb (PosadaWizardPage *page)
{
    posada_wizard_page_choose (page, NULL, POSADA_MEDIUM_UNKNOWN);
}

/* --- class --- */

static void
posada_source_page_appear (PosadaWizardPage *page)
{
    dex_future_disown (
        dex_future_then (posada_recent_find (), found_cb, g_object_ref (page), g_object_unref));
}

static void
posada_source_page_finalize (GObject *object)
{
    g_ptr_array_unref (POSADA_SOURCE_PAGE (object)->rows);
    G_OBJECT_CLASS (posada_source_page_parent_class)->finalize (object);
}

static void
posada_source_page_class_init (PosadaSourcePageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->finalize = posada_source_page_finalize;
    POSADA_WIZARD_PAGE_CLASS (klass)->appear = posada_source_page_appear;
    gtk_widget_class_set_template_from_resource (
        widget_class, "/io/posada/Posada/ui/wizard/posada-source-page.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaSourcePage, recent_group);
    gtk_widget_class_bind_template_callback (widget_class, choose_iso_cb);
    gtk_widget_class_bind_template_callback (widget_class, choose_disk_cb);
    gtk_widget_class_bind_template_callback (widget_class, choose_kernel_cb);
    gtk_widget_class_bind_template_callback (widget_class, choose_empty_cb);
}

static void
posada_source_page_init (PosadaSourcePage *self)
{
    self->rows = g_ptr_array_new ();
    gtk_widget_init_template (GTK_WIDGET (self));
}
