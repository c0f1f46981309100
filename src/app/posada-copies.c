/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-copies.h"

#include <glib/gi18n.h>

#include "app/posada-clone-dialog.h"

typedef struct {
    GtkWidget *page;
    PosadaMachine *machine;
    char *snapshot;
    const char *heading;
} Attempt;

static Attempt *
attempt_new (GtkWidget *page, PosadaMachine *machine, const char *snapshot, const char *heading)
{
    Attempt *attempt = g_new0 (Attempt, 1);

    attempt->page = g_object_ref (page);
    attempt->machine = g_object_ref (machine);
    attempt->snapshot = g_strdup (snapshot);
    attempt->heading = heading;
    return attempt;
}

static void
attempt_free (gpointer data)
{
    Attempt *attempt = data;

    g_object_unref (attempt->page);
    g_object_unref (attempt->machine);
    g_free (attempt->snapshot);
    g_free (attempt);
}

static DexFuture *
failed_cb (DexFuture *future, gpointer data)
{
    Attempt *attempt = data;
    g_autoptr (GError) error = NULL;
    AdwDialog *dialog;

    dex_future_get_value (future, &error);
    if (!gtk_widget_get_mapped (attempt->page))
        return dex_future_new_true ();
    dialog = adw_alert_dialog_new (_ (attempt->heading), error->message);
    adw_alert_dialog_add_response (ADW_ALERT_DIALOG (dialog), "close", _ ("_Close"));
    adw_dialog_present (dialog, attempt->page);
    return dex_future_new_true ();
}

static DexFuture *
copied_cb (DexFuture *future, gpointer data)
{
    Attempt *attempt = data;

    g_signal_emit_by_name (attempt->page, "machine-made",
                           g_value_get_string (dex_future_get_value (future, NULL)), TRUE);
    return dex_future_new_true ();
}

static DexFuture *
make_copy (Attempt *attempt)
{
    g_autoptr (PosadaClone) clone =
        posada_machine_new_clone (attempt->machine, POSADA_CLONE_COPY, attempt->snapshot, NULL);

    if (!clone)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_NOT_SUPPORTED,
                                      "%s", _ ("This machine cannot be copied."));
    return dex_future_then (posada_clone_run (clone, NULL), copied_cb,
                            attempt_new (attempt->page, attempt->machine, attempt->snapshot, NULL),
                            attempt_free);
}

static DexFuture *
taken_cb (DexFuture *future, gpointer data)
{
    return make_copy (data);
}

void
posada_copies_try (GtkWidget *page, PosadaMachine *machine, const char *snapshot)
{
    Attempt *attempt = attempt_new (page, machine, snapshot, N_ ("The Machine Was Not Copied"));
    DexFuture *future;

    if (snapshot)
        future = make_copy (attempt);
    else
        future = dex_future_then (posada_machine_take_snapshot (machine, _ ("For a copy"), NULL),
                                  taken_cb, attempt_new (page, machine, NULL, NULL), attempt_free);
    dex_future_disown (dex_future_catch (future, failed_cb, attempt, attempt_free));
}

static void
cloned_cb (GtkWidget *page, const char *uuid)
{
    g_signal_emit_by_name (page, "machine-made", uuid, FALSE);
}

void
posada_copies_clone (GtkWidget *page, PosadaMachine *machine)
{
    AdwDialog *dialog = posada_clone_dialog_new (machine);

    g_signal_connect_object (dialog, "cloned", G_CALLBACK (cloned_cb), page, G_CONNECT_SWAPPED);
    adw_dialog_present (dialog, page);
}

void
posada_copies_toggle_template (GtkWidget *page, PosadaMachine *machine)
{
    gboolean template = posada_machine_get_role (machine) == POSADA_ROLE_TEMPLATE;
    Attempt *attempt = attempt_new (page, machine, NULL, N_ ("The Machine Was Not Changed"));

    dex_future_disown (dex_future_catch (posada_machine_set_template (machine, !template),
                                         failed_cb, attempt, attempt_free));
}
