/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/posada-units.h"
#include "wizard/posada-review-page.h"

#include <glib/gi18n.h>

#define MIB (G_GUINT64_CONSTANT (1) << 20)
#define GIB (G_GUINT64_CONSTANT (1) << 30)

struct _PosadaReviewPage {
    PosadaWizardPage parent_instance;

    gboolean updating; /* rows change because the draft did, not the other way */

    AdwBanner *failure_banner;
    GtkWidget *create_button;
    GtkWidget *source_group;
    AdwActionRow *source_row;
    GtkWidget *spinner;
    AdwEntryRow *name_row;
    AdwActionRow *name_problem_row;
    AdwExpanderRow *hardware_row;
    AdwSpinRow *memory_row;
    AdwSpinRow *cpus_row;
    AdwSpinRow *disk_row;
    AdwComboRow *firmware_row;
    AdwSwitchRow *network_row;
};

G_DEFINE_FINAL_TYPE (PosadaReviewPage, posada_review_page, POSADA_TYPE_WIZARD_PAGE)

/* --- from the rows --- */

static void
name_cb (PosadaReviewPage *self)
{
    PosadaDraft *draft = posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self));

    if (draft && !self->updating)
        posada_draft_set_name (draft, gtk_editable_get_text (GTK_EDITABLE (self->name_row)));
}

static void
memory_cb (PosadaReviewPage *self)
{
    PosadaDraft *draft = posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self));

    if (draft && !self->updating)
        posada_draft_set_memory (draft, (guint64) adw_spin_row_get_value (self->memory_row) * MIB);
}

static void
cpus_cb (PosadaReviewPage *self)
{
    PosadaDraft *draft = posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self));

    if (draft && !self->updating)
        posada_draft_set_cpus (draft, (guint) adw_spin_row_get_value (self->cpus_row));
}

static void
disk_cb (PosadaReviewPage *self)
{
    PosadaDraft *draft = posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self));

    if (draft && !self->updating)
        posada_draft_set_disk_size (draft, (guint64) adw_spin_row_get_value (self->disk_row) * GIB);
}

static void
firmware_cb (PosadaReviewPage *self)
{
    PosadaDraft *draft = posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self));

    if (draft && !self->updating)
        posada_draft_set_firmware (draft, adw_combo_row_get_selected (self->firmware_row) == 1
                                              ? POSADA_FIRMWARE_EFI
                                              : POSADA_FIRMWARE_BIOS);
}

static void
network_cb (PosadaReviewPage *self)
{
    PosadaDraft *draft = posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self));

    if (draft && !self->updating)
        posada_draft_set_network (draft, adw_switch_row_get_active (self->network_row));
}

/* --- to the rows --- */

static void
show_source (PosadaReviewPage *self, PosadaDraft *draft)
{
    GFile *source = posada_draft_get_source (draft);
    const PosadaMedium *medium = posada_draft_get_medium (draft);
    g_autofree char *name = source ? g_file_get_basename (source) : g_strdup ("");
    const char *text = _ ("An unknown system");

    if (posada_draft_is_looking (draft))
        text = _ ("Looking what it is…");
    else if (medium && medium->kind == POSADA_MEDIUM_DISK)
        text = posada_draft_get_copy (draft) ? _ ("A copy of this disk") : _ ("This disk itself");
    else if (medium && medium->kind == POSADA_MEDIUM_KERNEL)
        text = _ ("Linux kernel");
    else if (medium && medium->os_name)
        text = medium->os_name;
    adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self->source_row), FALSE);
    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->source_row), name);
    posada_wizard_page_say (self->source_row, posada_draft_get_problem (draft, POSADA_FIELD_SOURCE),
                            text);
    gtk_widget_set_visible (self->spinner, posada_draft_is_looking (draft));
    gtk_widget_set_visible (self->source_group, source != NULL);
}

static void
show_name (PosadaReviewPage *self, PosadaDraft *draft)
{
    const char *problem = posada_draft_get_problem (draft, POSADA_FIELD_NAME);
    g_autofree char *typed =
        g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name_row))));

    /* Blanks at the end are on their way to another word. */
    if (!g_str_equal (typed, posada_draft_get_name (draft)))
        gtk_editable_set_text (GTK_EDITABLE (self->name_row), posada_draft_get_name (draft));
    posada_wizard_page_say (self->name_problem_row, problem, NULL);
    gtk_widget_set_visible (GTK_WIDGET (self->name_problem_row), problem != NULL);
    if (problem)
        gtk_widget_add_css_class (GTK_WIDGET (self->name_row), "error");
    else
        gtk_widget_remove_css_class (GTK_WIDGET (self->name_row), "error");
}

/* What there is of it, in words that start with the unit. */
static char *
describe_free (const char *format, guint64 bytes)
{
    g_autofree char *size = posada_format_size (bytes);

    return g_strdup_printf (format, size);
}

static void
show_limits (PosadaReviewPage *self, PosadaDraft *draft, const PosadaCapacity *capacity)
{
    /* Translators: an amount of memory */
    g_autofree char *memory = describe_free (_ ("In MiB; %s are free"), capacity->free_memory);
    /* Translators: an amount of disk space */
    g_autofree char *space = describe_free (_ ("In GiB; %s are free"), capacity->free_space);
    g_autofree char *cpus = g_strdup_printf (_ ("This computer has %u"), capacity->cpus);
    gboolean none = posada_draft_get_disk_size (draft) == 0;

    posada_wizard_page_say (ADW_ACTION_ROW (self->memory_row),
                            posada_draft_get_problem (draft, POSADA_FIELD_MEMORY), memory);
    posada_wizard_page_say (ADW_ACTION_ROW (self->cpus_row),
                            posada_draft_get_problem (draft, POSADA_FIELD_CPUS), cpus);
    posada_wizard_page_say (ADW_ACTION_ROW (self->disk_row),
                            posada_draft_get_problem (draft, POSADA_FIELD_DISK_SIZE),
                            none ? _ ("No disk") : space);
    posada_wizard_page_say (ADW_ACTION_ROW (self->firmware_row),
                            posada_draft_get_problem (draft, POSADA_FIELD_FIRMWARE), NULL);
}

static void
show_hardware (PosadaReviewPage *self, PosadaDraft *draft)
{
    static const PosadaField fields[] = {POSADA_FIELD_MEMORY, POSADA_FIELD_CPUS,
                                         POSADA_FIELD_DISK_SIZE, POSADA_FIELD_FIRMWARE};
    guint cpus = posada_draft_get_cpus (draft);
    guint64 disk = posada_draft_get_disk_size (draft), gibibytes = disk / GIB;
    guint64 memory = posada_draft_get_memory (draft), mebibytes = memory / MIB;
    g_autofree char *memory_text = posada_format_size (memory);
    g_autofree char *disk_text = posada_format_size (disk);
    /* Translators: how many processors */
    g_autofree char *cpus_text =
        g_strdup_printf (ngettext ("%u processor", "%u processors", cpus), cpus);
    g_autofree char *summary = NULL;

    /* Translators: memory, processors and disk of a machine, such as “2 GiB of memory, 2
     * processors, 20 GiB disk” */
    summary =
        disk ? g_strdup_printf (_ ("%s of memory, %s, %s disk"), memory_text, cpus_text, disk_text)
             : g_strdup_printf (_ ("%s of memory, %s"), memory_text, cpus_text);
    adw_expander_row_set_subtitle (self->hardware_row, summary);
    adw_spin_row_set_value (self->memory_row, (double) mebibytes);
    adw_spin_row_set_value (self->cpus_row, cpus);
    adw_spin_row_set_value (self->disk_row, (double) gibibytes);
    adw_combo_row_set_selected (self->firmware_row,
                                posada_draft_get_firmware (draft) == POSADA_FIRMWARE_EFI);
    adw_switch_row_set_active (self->network_row, posada_draft_get_network (draft));
    for (guint i = 0; i < G_N_ELEMENTS (fields); i++)
        if (posada_draft_get_problem (draft, fields[i]))
            adw_expander_row_set_expanded (self->hardware_row, TRUE);
}

static void
posada_review_page_update (PosadaWizardPage *page, PosadaDraft *draft)
{
    PosadaReviewPage *self = POSADA_REVIEW_PAGE (page);
    PosadaMediumKind kind = posada_draft_get_kind (draft);

    self->updating = TRUE;
    show_source (self, draft);
    show_name (self, draft);
    show_hardware (self, draft);
    if (posada_draft_get_capacity (draft))
        show_limits (self, draft, posada_draft_get_capacity (draft));
    gtk_widget_set_visible (GTK_WIDGET (self->disk_row), kind != POSADA_MEDIUM_DISK);
    gtk_widget_set_visible (GTK_WIDGET (self->firmware_row), kind != POSADA_MEDIUM_KERNEL);
    gtk_widget_set_sensitive (self->create_button, posada_draft_is_ready (draft));
    self->updating = FALSE;
}

static void
posada_review_page_appear (PosadaWizardPage *page)
{
    posada_review_page_set_failure (POSADA_REVIEW_PAGE (page), NULL);
    posada_draft_refresh (posada_wizard_page_get_draft (page));
}

static void
posada_review_page_class_init (PosadaReviewPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    POSADA_WIZARD_PAGE_CLASS (klass)->update = posada_review_page_update;
    POSADA_WIZARD_PAGE_CLASS (klass)->appear = posada_review_page_appear;
    gtk_widget_class_set_template_from_resource (
        widget_class, "/io/posada/Posada/ui/wizard/posada-review-page.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, failure_banner);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, create_button);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, source_group);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, source_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, spinner);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, name_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, name_problem_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, hardware_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, memory_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, cpus_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, disk_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, firmware_row);
    gtk_widget_class_bind_template_child (widget_class, PosadaReviewPage, network_row);
    gtk_widget_class_bind_template_callback (widget_class, name_cb);
    gtk_widget_class_bind_template_callback (widget_class, memory_cb);
    gtk_widget_class_bind_template_callback (widget_class, cpus_cb);
    gtk_widget_class_bind_template_callback (widget_class, disk_cb);
    gtk_widget_class_bind_template_callback (widget_class, firmware_cb);
    gtk_widget_class_bind_template_callback (widget_class, network_cb);
}

static void
posada_review_page_init (PosadaReviewPage *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
    posada_wizard_page_set_widgets (POSADA_WIZARD_PAGE (self), self->create_button,
                                    GTK_WIDGET (self->name_row));
}

void
posada_review_page_set_failure (PosadaReviewPage *self, const char *message)
{
    g_return_if_fail (POSADA_IS_REVIEW_PAGE (self));

    adw_banner_set_use_markup (self->failure_banner, FALSE);
    if (message)
        adw_banner_set_title (self->failure_banner, message);
    adw_banner_set_revealed (self->failure_banner, message != NULL);
}
