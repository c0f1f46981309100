/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-kernel-page.h"

#include <glib/gi18n.h>

struct _PosadaKernelPage {
    PosadaWizardPage parent_instance;

    AdwActionRow *source_row;
    GtkWidget *spinner;
    AdwActionRow *initrd_row;
    GtkWidget *clear_button;
    AdwEntryRow *cmdline_row;
    AdwActionRow *cmdline_problem_row;
    GtkWidget *next_button;
};

G_DEFINE_FINAL_TYPE (PosadaKernelPage, posada_kernel_page, POSADA_TYPE_WIZARD_PAGE)

static void
initrd_chosen_cb (PosadaWizardPage *page, GFile *file)
{
    posada_draft_set_initrd (posada_wizard_page_get_draft (page), file);
}

static void
choose_initrd_cb (PosadaWizardPage *page)
{
    posada_wizard_page_ask_file (page, _ ("Choose an Initial RAM Disk"), NULL, NULL,
                                 initrd_chosen_cb);
}

static void
clear_initrd_cb (PosadaKernelPage *self)
{
    posada_draft_set_initrd (posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self)), NULL);
    /* The button that had the focus is gone. */
    gtk_widget_grab_focus (GTK_WIDGET (self->initrd_row));
}

static void
cmdline_cb (PosadaKernelPage *self)
{
    PosadaDraft *draft = posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self));

    if (draft)
        posada_draft_set_cmdline (draft, gtk_editable_get_text (GTK_EDITABLE (self->cmdline_row)));
}

static void
show_file (AdwActionRow *row, GFile *file, const char *none)
{
    g_autofree char *name = file ? g_file_get_basename (file) : g_strdup (none);

    adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name);
}

static void
posada_kernel_page_update (PosadaWizardPage *page, PosadaDraft *draft)
{
    PosadaKernelPage *self = POSADA_KERNEL_PAGE (page);
    GFile *initrd = posada_draft_get_initrd (draft);
    const char *problem = posada_draft_get_problem (draft, POSADA_FIELD_CMDLINE);

    show_file (self->source_row, posada_draft_get_source (draft), "");
    posada_wizard_page_say (self->source_row, posada_draft_get_problem (draft, POSADA_FIELD_SOURCE),
                            posada_draft_is_looking (draft) ? _ ("Looking what it is…")
                                                            : _ ("Linux kernel"));
    gtk_widget_set_visible (self->spinner, posada_draft_is_looking (draft));
    show_file (self->initrd_row, initrd, _ ("Initial RAM Disk…"));
    posada_wizard_page_say (self->initrd_row, posada_draft_get_problem (draft, POSADA_FIELD_INITRD),
                            initrd ? _ ("Initial RAM disk") : _ ("Optional"));
    gtk_widget_set_visible (self->clear_button, initrd != NULL);
    posada_wizard_page_say (self->cmdline_problem_row, problem, NULL);
    gtk_widget_set_visible (GTK_WIDGET (self->cmdline_problem_row), problem != NULL);
    gtk_widget_set_sensitive (self->next_button, posada_draft_has_source (draft));
}

static void
posada_kernel_page_class_init (PosadaKernelPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    POSADA_WIZARD_PAGE_CLASS (klass)->update = posada_kernel_page_update;
    gtk_widget_class_set_template_from_resource (
        widget_class, "/io/posada/Posada/ui/wizard/posada-kernel-page.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaKernelPage, source_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaKernelPage, spinner);
    gtk_widget_class_bind_template_child (widget_class, PosadaKernelPage, initrd_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaKernelPage, clear_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaKernelPage, cmdline_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaKernelPage, cmdline_problem_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaKernelPage, next_button);
    gtk_widget_class_bind_template_callback (widget_class, choose_initrd_cb);
    gtk_widget_class_bind_template_callback (widget_class, clear_initrd_cb);
    gtk_widget_class_bind_template_callback (widget_class, cmdline_cb);
}

static void
posada_kernel_page_init (PosadaKernelPage *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
    posada_wizard_page_set_widgets (POSADA_WIZARD_PAGE (self), self->next_button,
                                    GTK_WIDGET (self->cmdline_row));
}
