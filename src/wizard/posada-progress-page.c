/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-progress-page.h"

#include <glib/gi18n.h>

#define INTERVAL 200 /* ms */
/* Before that nobody can tell how long the rest takes. */
#define EARLIEST (2 * G_TIME_SPAN_SECOND)

struct _PosadaProgressPage {
    PosadaWizardPage parent_instance;

    guint timer;
    gint64 started;

    GtkProgressBar *bar;
    GtkLabel *rest_label;
};

G_DEFINE_FINAL_TYPE (PosadaProgressPage, posada_progress_page, POSADA_TYPE_WIZARD_PAGE)

static char *
describe_rest (guint64 seconds)
{
    guint minutes = (guint) ((seconds + 30) / 60);

    if (seconds < 60)
        return g_strdup (_ ("Less than a minute left"));
    return g_strdup_printf (ngettext ("About %u minute left", "About %u minutes left", minutes),
                            minutes);
}

static gboolean
tick_cb (gpointer data)
{
    PosadaProgressPage *self = data;
    PosadaDraft *draft = posada_wizard_page_get_draft (POSADA_WIZARD_PAGE (self));
    double done = posada_draft_get_progress (draft);
    gint64 past = g_get_monotonic_time () - self->started;

    gtk_progress_bar_set_fraction (self->bar, done);
    if (past > EARLIEST && done > 0) {
        double rest = (double) past / done * (1 - done);
        g_autofree char *text = describe_rest ((guint64) (rest / G_TIME_SPAN_SECOND));

        gtk_label_set_text (self->rest_label, text);
    }
    return G_SOURCE_CONTINUE;
}

static void
posada_progress_page_appear (PosadaWizardPage *page)
{
    PosadaProgressPage *self = POSADA_PROGRESS_PAGE (page);

    self->started = g_get_monotonic_time ();
    gtk_progress_bar_set_fraction (self->bar, 0);
    gtk_label_set_text (self->rest_label, "");
    if (!self->timer)
        self->timer = g_timeout_add (INTERVAL, tick_cb, self);
}

static void
posada_progress_page_hidden (AdwNavigationPage *page)
{
    g_clear_handle_id (&POSADA_PROGRESS_PAGE (page)->timer, g_source_remove);
    ADW_NAVIGATION_PAGE_CLASS (posada_progress_page_parent_class)->hidden (page);
}

static void
posada_progress_page_dispose (GObject *object)
{
    g_clear_handle_id (&POSADA_PROGRESS_PAGE (object)->timer, g_source_remove);
    G_OBJECT_CLASS (posada_progress_page_parent_class)->dispose (object);
}

static void
posada_progress_page_class_init (PosadaProgressPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_progress_page_dispose;
    ADW_NAVIGATION_PAGE_CLASS (klass)->hidden = posada_progress_page_hidden;
    POSADA_WIZARD_PAGE_CLASS (klass)->appear = posada_progress_page_appear;
    gtk_widget_class_set_template_from_resource (
        widget_class, "/io/posada/Posada/ui/wizard/posada-progress-page.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaProgressPage, bar);
    gtk_widget_class_bind_template_child (widget_class, PosadaProgressPage, rest_label);
}

static void
posada_progress_page_init (PosadaProgressPage *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
}
