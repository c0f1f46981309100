/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-work-dialog.h"

#include <glib/gi18n.h>

#include "machine/posada-work.h"

#define PROGRESS_MS 200

/* One line for each work, as they come and go, until the dialog is closed; it has them. */
typedef struct {
    AdwAlertDialog *dialog; /* borrowed */
    GtkBox *box;
    GPtrArray *bars; /* in the order of the list */
    guint timer;
} Lines;

static void
show_progress (PosadaWork *work, GtkProgressBar *bar)
{
    double progress = posada_work_get_progress (work);

    if (progress < 0)
        gtk_progress_bar_pulse (bar);
    else
        gtk_progress_bar_set_fraction (bar, MIN (progress, 1));
}

static gboolean
progress_cb (gpointer data)
{
    Lines *lines = data;
    GListModel *list = posada_work_get_list ();

    for (guint i = 0; i < lines->bars->len; i++) {
        g_autoptr (PosadaWork) work = g_list_model_get_item (list, i);

        show_progress (work, lines->bars->pdata[i]);
    }
    return G_SOURCE_CONTINUE;
}

static void
add_line (Lines *lines, PosadaWork *work)
{
    GtkWidget *label = gtk_label_new (posada_work_get_title (work));
    GtkWidget *bar = gtk_progress_bar_new ();

    gtk_label_set_wrap (GTK_LABEL (label), TRUE);
    gtk_label_set_xalign (GTK_LABEL (label), 0);
    gtk_accessible_update_property (GTK_ACCESSIBLE (bar), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                    posada_work_get_title (work), -1);
    gtk_box_append (lines->box, label);
    gtk_box_append (lines->box, bar);
    g_ptr_array_add (lines->bars, bar);
    show_progress (work, GTK_PROGRESS_BAR (bar));
}

/* The last response of one that was given is what it is closed with, and that says nothing new. */
static gboolean
done_cb (gpointer data)
{
    AdwAlertDialog *dialog = data;

    g_signal_emit_by_name (dialog, "response", "finish");
    adw_dialog_force_close (ADW_DIALOG (dialog));
    return G_SOURCE_REMOVE;
}

static void
changed_cb (AdwAlertDialog *dialog, guint position, guint removed, guint added, GListModel *list)
{
    Lines *lines = g_object_get_data (G_OBJECT (dialog), "lines");
    guint n = g_list_model_get_n_items (list);
    gboolean can_stop = TRUE;
    GtkWidget *child;

    while ((child = gtk_widget_get_first_child (GTK_WIDGET (lines->box))))
        gtk_box_remove (lines->box, child);
    g_ptr_array_set_size (lines->bars, 0);
    for (guint i = 0; i < n; i++) {
        g_autoptr (PosadaWork) work = g_list_model_get_item (list, i);

        add_line (lines, work);
        can_stop &= posada_work_can_cancel (work);
    }
    adw_alert_dialog_set_response_enabled (dialog, "stop", can_stop);
    /* Whoever ends the last one is not done with that yet. */
    if (n == 0)
        g_idle_add_full (G_PRIORITY_DEFAULT_IDLE, done_cb, g_object_ref (dialog), g_object_unref);
}

static void
closed_cb (AdwDialog *dialog, Lines *lines)
{
    g_clear_handle_id (&lines->timer, g_source_remove);
    g_signal_handlers_disconnect_by_func (posada_work_get_list (), changed_cb, dialog);
}

static void
lines_free (gpointer data)
{
    Lines *lines = data;

    g_clear_handle_id (&lines->timer, g_source_remove);
    g_object_unref (lines->box);
    g_ptr_array_unref (lines->bars);
    g_free (lines);
}

AdwAlertDialog *
posada_work_dialog_new (void)
{
    AdwDialog *dialog =
        adw_alert_dialog_new (_ ("Quit When This Is Done?"),
                              _ ("What is stopped now is undone: disks stay as they were before."));
    GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
    GListModel *list = posada_work_get_list ();
    Lines *lines = g_new0 (Lines, 1);

    lines->dialog = ADW_ALERT_DIALOG (dialog);
    lines->box = g_object_ref_sink (GTK_BOX (box));
    lines->bars = g_ptr_array_new ();
    lines->timer = g_timeout_add (PROGRESS_MS, progress_cb, lines);
    g_object_set_data_full (G_OBJECT (dialog), "lines", lines, lines_free);
    adw_alert_dialog_set_extra_child (lines->dialog, box);
    adw_alert_dialog_add_responses (lines->dialog, "cancel", _ ("_Cancel"), "stop",
                                    _ ("_Stop and Quit"), "finish", _ ("_Quit When Done"), NULL);
    adw_alert_dialog_set_response_appearance (lines->dialog, "stop", ADW_RESPONSE_DESTRUCTIVE);
    adw_alert_dialog_set_response_appearance (lines->dialog, "finish", ADW_RESPONSE_SUGGESTED);
    adw_alert_dialog_set_default_response (lines->dialog, "finish");
    adw_alert_dialog_set_close_response (lines->dialog, "cancel");
    g_signal_connect (dialog, "closed", G_CALLBACK (closed_cb), lines);
    g_signal_connect_object (list, "items-changed", G_CALLBACK (changed_cb), dialog,
                             G_CONNECT_SWAPPED);
    changed_cb (lines->dialog, 0, 0, 0, list);
    return lines->dialog;
}
