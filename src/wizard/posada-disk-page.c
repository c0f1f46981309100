/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-disk-page.h"

#include <glib/gi18n.h>

/* In the order of the template. */
enum {
    FORMAT_UNKNOWN,
    FORMAT_RAW,
    FORMAT_QCOW2,
};
enum {
    USE_IN_PLACE,
    USE_A_COPY,
};

struct _PosadaDiskPage {
    PosadaWizardPage parent_instance;

    AdwActionRow *source_row;
    GtkWidget *spinner;
    AdwComboRow *format_row;
    AdwComboRow *use_row;
    GtkWidget *next_button;
};

G_DEFINE_FINAL_TYPE (PosadaDiskPage, posada_disk_page, POSADA_TYPE_WIZARD_PAGE)

static void
format_cb (PosadaDiskPage *self)
{
    static const PosadaFormat formats[] = {POSADA_FORMAT_UNKNOWN, POSADA_FORMAT_RAW,
                                           POSADA_FORMAT_QCOW2};
    PosadaDraft *draft = posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self));

    if (draft)
        posada_draft_set_format (draft, formats[adw_combo_row_get_selected (self->format_row)]);
}

static void
use_cb (PosadaDiskPage *self)
{
    PosadaDraft *draft = posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self));

    if (draft)
        posada_draft_set_copy (draft, adw_combo_row_get_selected (self->use_row) == USE_A_COPY);
}

static void
posada_disk_page_update (PosadaWizardPage *page, PosadaDraft *draft)
{
    PosadaDiskPage *self = POSADA_DISK_PAGE (page);
    GFile *source = posada_draft_get_source (draft);
    const PosadaMedium *medium = posada_draft_get_medium (draft);
    PosadaFormat format = posada_draft_get_format (draft);
    g_autofree char *name = source ? g_file_get_basename (source) : g_strdup ("");
    g_autofree char *size = medium ? g_format_size (medium->allocated) : NULL;
    /* Translators: how much an image takes up on the disk */
    g_autofree char *text = size ? g_strdup_printf (_ ("Takes up %s"), size) : NULL;

    adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self->source_row), FALSE);
    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->source_row), name);
    posada_wizard_page_say (self->source_row, posada_draft_get_problem (draft, POSADA_FIELD_SOURCE),
                            text ? text : _ ("Looking what it is…"));
    gtk_widget_set_visible (self->spinner, posada_draft_is_looking (draft));
    gtk_widget_set_sensitive (GTK_WIDGET (self->format_row), medium != NULL);
    gtk_widget_set_sensitive (GTK_WIDGET (self->use_row), medium != NULL);
    adw_combo_row_set_selected (self->format_row, format == POSADA_FORMAT_UNKNOWN ? FORMAT_UNKNOWN
                                                  : format == POSADA_FORMAT_QCOW2 ? FORMAT_QCOW2
                                                                                  : FORMAT_RAW);
    posada_wizard_page_say (ADW_ACTION_ROW (self->format_row),
                            posada_draft_get_problem (draft, POSADA_FIELD_FORMAT), NULL);
    adw_combo_row_set_selected (self->use_row,
                                posada_draft_get_copy (draft) ? USE_A_COPY : USE_IN_PLACE);
    posada_wizard_page_say (
        ADW_ACTION_ROW (self->use_row), posada_draft_get_problem (draft, POSADA_FIELD_USE),
        posada_draft_get_copy (draft) ? _ ("The image stays as it is")
                                      : _ ("The machine writes to the image where it is"));
    gtk_widget_set_sensitive (self->next_button, posada_draft_has_source (draft));
}

static void
posada_disk_page_class_init (PosadaDiskPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    POSADA_WIZARD_PAGE_CLASS (klass)->update = posada_disk_page_update;
    gtk_widget_class_set_template_from_resource (widget_class,
                                                 "/io/posada/Posada/ui/wizard/posada-disk-page.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskPage, source_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskPage, spinner);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskPage, format_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskPage, use_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaDiskPage, next_button);
    gtk_widget_class_bind_template_callback (widget_class, format_cb);
    gtk_widget_class_bind_template_callback (widget_class, use_cb);
}

static void
posada_disk_page_init (PosadaDiskPage *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
    posada_wizard_page_set_widgets (POSADA_WIZARD_PAGE (self), self->next_button,
                                    GTK_WIDGET (self->format_row));
}
