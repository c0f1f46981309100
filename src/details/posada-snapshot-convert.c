/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "details/posada-snapshot-convert.h"

#include <glib/gi18n.h>

#include "machine/posada-disk-care.h"

#define PROGRESS_MS 100

typedef struct {
    PosadaMachine *machine;
    GtkWidget *widget;
    char *name, *note;
    DexPromise *promise;
    AdwDialog *dialog; /* while it converts */
    GtkProgressBar *bar;
    guint timer;
} Offer;

static void
offer_free (gpointer data)
{
    Offer *offer = data;

    g_clear_handle_id (&offer->timer, g_source_remove);
    g_object_unref (offer->machine);
    g_object_unref (offer->widget);
    g_free (offer->name);
    g_free (offer->note);
    dex_unref (offer->promise);
    g_free (offer);
}

static void
reject (Offer *offer, GError *error)
{
    dex_promise_reject (offer->promise, error);
    offer_free (offer);
}

/* --- converting --- */

static DexFuture *
take_cb (DexFuture *future, gpointer data)
{
    Offer *offer = data;

    return posada_machine_take_snapshot (offer->machine, offer->name, offer->note);
}

static DexFuture *
ended_cb (DexFuture *future, gpointer data)
{
    Offer *offer = data;
    GError *error = NULL;

    if (offer->dialog) {
        g_signal_handlers_disconnect_by_data (offer->dialog, offer);
        adw_dialog_force_close (offer->dialog);
    }
    if (dex_future_get_value (future, &error)) {
        dex_promise_resolve_boolean (offer->promise, TRUE);
        offer_free (offer);
    } else
        reject (offer, error);
    return dex_future_new_true ();
}

static gboolean
progress_cb (gpointer data)
{
    Offer *offer = data;
    PosadaDiskCare *care = posada_machine_get_disk_care (offer->machine);
    guint64 done, total;

    if (posada_disk_care_get_progress (care, &done, &total)) {
        g_autofree char *done_text = g_format_size_full (done, G_FORMAT_SIZE_IEC_UNITS);
        g_autofree char *total_text = g_format_size_full (total, G_FORMAT_SIZE_IEC_UNITS);
        g_autofree char *text = g_strdup_printf (_ ("%s of %s"), done_text, total_text);

        gtk_progress_bar_set_fraction (offer->bar, (double) done / (double) total);
        gtk_progress_bar_set_text (offer->bar, text);
    } else
        gtk_progress_bar_pulse (offer->bar);
    return G_SOURCE_CONTINUE;
}

static void
cancel_cb (AdwAlertDialog *dialog, const char *response, gpointer data)
{
    Offer *offer = data;

    posada_disk_care_cancel (posada_machine_get_disk_care (offer->machine));
}

static void
closed_cb (AdwDialog *dialog, gpointer data)
{
    ((Offer *) data)->dialog = NULL;
}

static void
show_progress (Offer *offer)
{
    AdwDialog *dialog = adw_alert_dialog_new (_ ("Converting Disks"), NULL);

    offer->dialog = dialog;
    offer->bar = GTK_PROGRESS_BAR (gtk_progress_bar_new ());
    gtk_progress_bar_set_show_text (offer->bar, TRUE);
    gtk_accessible_update_property (GTK_ACCESSIBLE (offer->bar), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                    _ ("Progress of the work"), -1);
    adw_alert_dialog_set_extra_child (ADW_ALERT_DIALOG (dialog), GTK_WIDGET (offer->bar));
    adw_alert_dialog_add_response (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"));
    adw_alert_dialog_set_close_response (ADW_ALERT_DIALOG (dialog), "cancel");
    g_signal_connect (dialog, "response::cancel", G_CALLBACK (cancel_cb), offer);
    g_signal_connect (dialog, "closed", G_CALLBACK (closed_cb), offer);
    offer->timer = g_timeout_add (PROGRESS_MS, progress_cb, offer);
    adw_dialog_present (dialog, offer->widget);
}

static void
convert (Offer *offer)
{
    DexFuture *future =
        posada_disk_care_convert_raw (posada_machine_get_disk_care (offer->machine));

    if (dex_future_is_pending (future))
        show_progress (offer);
    future = dex_future_then (future, take_cb, offer, NULL);
    dex_future_disown (dex_future_finally (future, ended_cb, offer, NULL));
}

/* --- asking --- */

static void
answered_cb (AdwAlertDialog *dialog, const char *response, gpointer data)
{
    Offer *offer = data;

    /* Once: a dialog that is closed by force answers, too. */
    g_signal_handlers_disconnect_by_data (dialog, offer);
    if (g_str_equal (response, "convert"))
        convert (offer);
    else
        reject (offer,
                g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("It was cancelled.")));
}

DexFuture *
posada_snapshot_offer_conversion (PosadaMachine *machine, GtkWidget *widget, const char *name,
                                  const char *note, const char *sentence)
{
    PosadaDiskCare *care = posada_machine_get_disk_care (machine);
    DexFuture *future;
    AdwDialog *dialog;
    Offer *offer;

    if (!care || !posada_disk_care_has_raw (care))
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, "%s",
                                      sentence);
    if (posada_disk_care_get_obstacle (care))
        return dex_future_new_reject (
            POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, "%s",
            _ ("The machine has raw disks, which no snapshot can be taken of: shut it down and try "
               "again, and they are converted to qcow2."));
    offer = g_new0 (Offer, 1);
    offer->machine = g_object_ref (machine);
    offer->widget = g_object_ref (widget);
    offer->name = g_strdup (name);
    offer->note = g_strdup (note);
    offer->promise = dex_promise_new ();
    future = dex_ref (DEX_FUTURE (offer->promise));
    dialog = adw_alert_dialog_new (
        _ ("Convert Disks to qcow2?"),
        _ ("The machine has raw disks, which no snapshot can be taken of. Converted, they are as "
           "large as what is on them, and the machine sees no difference."));
    adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "convert",
                                    _ ("C_onvert"), NULL);
    adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "convert",
                                              ADW_RESPONSE_SUGGESTED);
    adw_alert_dialog_set_default_response (ADW_ALERT_DIALOG (dialog), "convert");
    adw_alert_dialog_set_close_response (ADW_ALERT_DIALOG (dialog), "cancel");
    g_signal_connect (dialog, "response", G_CALLBACK (answered_cb), offer);
    adw_dialog_present (dialog, widget);
    return future;
}
