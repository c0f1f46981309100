/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "details/posada-snapshots-page.h"

#include <glib/gi18n.h>

#include "details/posada-snapshot-convert.h"
#include "details/posada-snapshot-row.h"

struct _PosadaSnapshotsPage {
    AdwNavigationPage parent_instance;

    PosadaMachine *machine;

    GtkStack *stack;
    GtkListBox *list;
    GtkRevealer *revealer;
    GtkProgressBar *progress_bar;
};

G_DEFINE_FINAL_TYPE (PosadaSnapshotsPage, posada_snapshots_page, ADW_TYPE_NAVIGATION_PAGE)

gboolean
posada_snapshots_page_can_take (PosadaMachine *machine)
{
    PosadaMachineState state = posada_machine_get_state (machine);

    return posada_machine_get_capabilities (machine) & POSADA_MACHINE_CAN_SNAPSHOT &&
           posada_machine_get_snapshot_progress (machine) < 0 &&
           (state == POSADA_MACHINE_OFF || state == POSADA_MACHINE_RUNNING ||
            state == POSADA_MACHINE_PAUSED);
}

/* --- what may fail --- */

typedef struct {
    GtkWidget *widget; /* that dialogs are above */
    PosadaMachine *machine;
    PosadaSnapshot *snapshot;
    const char *heading;
    const char *announcement; /* or NULL */
} Attempt;

static Attempt *
attempt_new (GtkWidget *widget, PosadaMachine *machine, PosadaSnapshot *snapshot,
             const char *heading)
{
    Attempt *attempt = g_new0 (Attempt, 1);

    attempt->widget = g_object_ref (widget);
    attempt->machine = g_object_ref (machine);
    g_set_object (&attempt->snapshot, snapshot);
    attempt->heading = heading;
    return attempt;
}

static void
attempt_free (gpointer data)
{
    Attempt *attempt = data;

    g_object_unref (attempt->widget);
    g_object_unref (attempt->machine);
    g_clear_object (&attempt->snapshot);
    g_free (attempt);
}

/* For eyes, too, which may be on the console. */
static void
announce (GtkWidget *widget, const char *text)
{
    GtkWidget *toasts = gtk_widget_get_ancestor (widget, ADW_TYPE_TOAST_OVERLAY);

    gtk_accessible_announce (GTK_ACCESSIBLE (widget), text,
                             GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_MEDIUM);
    if (toasts)
        adw_toast_overlay_add_toast (ADW_TOAST_OVERLAY (toasts), adw_toast_new (text));
}

static DexFuture *
ended_cb (DexFuture *future, gpointer data)
{
    Attempt *attempt = data;
    g_autoptr (GError) error = NULL;
    AdwDialog *dialog;

    if (dex_future_get_value (future, &error)) {
        if (attempt->announcement)
            announce (attempt->widget, _ (attempt->announcement));
        return NULL;
    }
    if (!gtk_widget_get_mapped (attempt->widget) ||
        g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return dex_future_new_true ();
    dialog = adw_alert_dialog_new (_ (attempt->heading), error->message);
    adw_alert_dialog_add_response (ADW_ALERT_DIALOG (dialog), "close", _ ("_Close"));
    adw_dialog_present (dialog, attempt->widget);
    return dex_future_new_true ();
}

static void
follow (DexFuture *future, Attempt *attempt)
{
    dex_future_disown (dex_future_finally (future, ended_cb, attempt, attempt_free));
}

typedef struct {
    PosadaMachine *machine;
    GtkWidget *widget;
    char *name;
} Taking;

static void
taking_free (gpointer data)
{
    Taking *taking = data;

    g_object_unref (taking->machine);
    g_object_unref (taking->widget);
    g_free (taking->name);
    g_free (taking);
}

static DexFuture *
refused_cb (DexFuture *future, gpointer data)
{
    Taking *taking = data;
    g_autoptr (GError) error = NULL;

    dex_future_get_value (future, &error);
    if (!g_error_matches (error, POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_RAW_DISKS) ||
        !gtk_widget_get_mapped (taking->widget))
        return NULL;
    return posada_snapshot_offer_conversion (taking->machine, taking->widget, taking->name, NULL,
                                             error->message);
}

/* One called so; raw disks are offered to be converted first. */
static DexFuture *
take (PosadaMachine *machine, GtkWidget *widget, const char *name)
{
    Taking *taking = g_new (Taking, 1);

    taking->machine = g_object_ref (machine);
    taking->widget = g_object_ref (widget);
    taking->name = g_strdup (name);
    return dex_future_catch (posada_machine_take_snapshot (machine, name, NULL), refused_cb, taking,
                             taking_free);
}

static char *
next_name (PosadaMachine *machine)
{
    GListModel *list = posada_machine_get_snapshots (machine);

    for (guint number = g_list_model_get_n_items (list) + 1;; number++) {
        g_autofree char *name = g_strdup_printf (_ ("Snapshot %u"), number);
        gboolean taken = FALSE;

        for (guint i = 0; i < g_list_model_get_n_items (list); i++) {
            g_autoptr (PosadaSnapshot) snapshot = g_list_model_get_item (list, i);

            taken |= g_str_equal (posada_snapshot_get (snapshot)->name, name);
        }
        if (!taken)
            return g_steal_pointer (&name);
    }
}

void
posada_snapshots_page_take (PosadaMachine *machine, GtkWidget *widget)
{
    g_autofree char *name = next_name (machine);
    Attempt *attempt = attempt_new (widget, machine, NULL, N_ ("No Snapshot Was Taken"));

    attempt->announcement = N_ ("Snapshot taken");
    follow (take (machine, widget, name), attempt);
}

/* --- the list --- */

static void
update_progress (PosadaSnapshotsPage *self)
{
    double progress = self->machine ? posada_machine_get_snapshot_progress (self->machine) : -1;

    gtk_revealer_set_reveal_child (self->revealer, progress >= 0);
    gtk_progress_bar_set_fraction (self->progress_bar, MAX (progress, 0));
    gtk_widget_action_set_enabled (GTK_WIDGET (self), "snapshot.take",
                                   self->machine && posada_snapshots_page_can_take (self->machine));
}

static void
update_list (PosadaSnapshotsPage *self)
{
    g_autoptr (GArray) tree = NULL;

    gtk_list_box_remove_all (self->list);
    if (!self->machine)
        return;
    tree = posada_snapshot_tree_new (posada_machine_get_snapshots (self->machine));
    for (guint i = 0; i < tree->len; i++)
        gtk_list_box_append (
            self->list, posada_snapshot_row_new (&g_array_index (tree, PosadaSnapshotNode, i)));
    gtk_stack_set_visible_child_name (self->stack, tree->len > 0 ? "list" : "empty");
}

static PosadaSnapshot *
find (PosadaSnapshotsPage *self, const char *id)
{
    GListModel *list = posada_machine_get_snapshots (self->machine);

    for (guint i = 0; i < g_list_model_get_n_items (list); i++) {
        g_autoptr (PosadaSnapshot) snapshot = g_list_model_get_item (list, i);

        if (g_str_equal (posada_snapshot_get (snapshot)->id, id))
            return snapshot;
    }
    return NULL;
}

/* --- restore --- */

static DexFuture *
restore_then_cb (DexFuture *future, gpointer data)
{
    Attempt *attempt = data;

    return posada_machine_restore_snapshot (attempt->machine, attempt->snapshot);
}

static void
restore_response_cb (AdwAlertDialog *dialog, const char *response, gpointer data)
{
    Attempt *attempt = data;
    DexFuture *future = NULL;

    if (g_str_equal (response, "take")) {
        g_autofree char *name = next_name (attempt->machine);

        future = dex_future_then (
            take (attempt->machine, attempt->widget, name), restore_then_cb,
            attempt_new (attempt->widget, attempt->machine, attempt->snapshot, NULL), attempt_free);
    } else if (g_str_equal (response, "restore"))
        future = posada_machine_restore_snapshot (attempt->machine, attempt->snapshot);
    if (future)
        follow (future, attempt_new (attempt->widget, attempt->machine, attempt->snapshot,
                                     N_ ("The Snapshot Was Not Restored")));
}

/* @attempt goes with the dialog. */
static void
ask (AdwDialog *dialog, Attempt *attempt, GCallback response_cb)
{
    g_signal_connect (dialog, "response", response_cb, attempt);
    g_object_set_data_full (G_OBJECT (dialog), "attempt", attempt, attempt_free);
    adw_dialog_present (dialog, attempt->widget);
}

static void
restore_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaSnapshotsPage *self = POSADA_SNAPSHOTS_PAGE (widget);
    PosadaSnapshot *snapshot = find (self, g_variant_get_string (parameter, NULL));
    g_autofree char *heading = NULL;
    AdwDialog *dialog;

    if (!snapshot || posada_snapshot_get (snapshot)->damaged)
        return;
    heading = g_strdup_printf (_ ("Restore “%s”?"), posada_snapshot_get (snapshot)->name);
    dialog = adw_alert_dialog_new (
        heading, _ ("The machine becomes what it was then. What it is now, its disks included, is "
                    "lost unless there is a snapshot of it."));
    adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "restore",
                                    _ ("_Restore"), "take", _ ("_Take Snapshot First"), NULL);
    adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "restore",
                                              ADW_RESPONSE_DESTRUCTIVE);
    adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "take",
                                              ADW_RESPONSE_SUGGESTED);
    adw_alert_dialog_set_response_enabled (ADW_ALERT_DIALOG (dialog), "take",
                                           posada_snapshots_page_can_take (self->machine));
    adw_alert_dialog_set_default_response (ADW_ALERT_DIALOG (dialog), "take");
    ask (dialog, attempt_new (widget, self->machine, snapshot, NULL),
         G_CALLBACK (restore_response_cb));
}

/* --- delete --- */

static void
delete_response_cb (AdwAlertDialog *dialog, const char *response, gpointer data)
{
    Attempt *attempt = data;

    if (g_str_equal (response, "delete"))
        follow (posada_machine_delete_snapshot (attempt->machine, attempt->snapshot),
                attempt_new (attempt->widget, attempt->machine, NULL,
                             N_ ("The Snapshot Was Not Deleted")));
}

static void
delete_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaSnapshotsPage *self = POSADA_SNAPSHOTS_PAGE (widget);
    PosadaSnapshot *snapshot = find (self, g_variant_get_string (parameter, NULL));
    g_autofree char *heading = NULL, *body = NULL, *size = NULL;
    AdwDialog *dialog;

    if (!snapshot)
        return;
    heading = g_strdup_printf (_ ("Delete “%s”?"), posada_snapshot_get (snapshot)->name);
    size = g_format_size_full (posada_snapshot_get (snapshot)->size, G_FORMAT_SIZE_IEC_UNITS);
    /* Translators: a size */
    body =
        g_strdup_printf (_ ("This frees at least %s. All other snapshots stay as they are."), size);
    dialog = adw_alert_dialog_new (heading, body);
    adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "delete",
                                    _ ("_Delete"), NULL);
    adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "delete",
                                              ADW_RESPONSE_DESTRUCTIVE);
    ask (dialog, attempt_new (widget, self->machine, snapshot, NULL),
         G_CALLBACK (delete_response_cb));
}

/* --- name and note --- */

static void
edit_response_cb (AdwAlertDialog *dialog, const char *response, gpointer data)
{
    Attempt *attempt = data;
    GtkEditable *name = g_object_get_data (G_OBJECT (dialog), "name");
    GtkEditable *note = g_object_get_data (G_OBJECT (dialog), "note");

    if (g_str_equal (response, "save"))
        follow (posada_machine_edit_snapshot (attempt->machine, attempt->snapshot,
                                              gtk_editable_get_text (name),
                                              gtk_editable_get_text (note)),
                attempt_new (attempt->widget, attempt->machine, NULL,
                             N_ ("The Snapshot Was Not Changed")));
}

static void
name_changed_cb (GtkEditable *row, AdwAlertDialog *dialog)
{
    adw_alert_dialog_set_response_enabled (dialog, "save", *gtk_editable_get_text (row) != '\0');
}

static GtkWidget *
add_entry (GtkWidget *list, AdwDialog *dialog, const char *key, const char *title, const char *text)
{
    GtkWidget *row = adw_entry_row_new ();

    adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
    adw_entry_row_set_activates_default (ADW_ENTRY_ROW (row), TRUE);
    gtk_editable_set_text (GTK_EDITABLE (row), text ? text : "");
    gtk_list_box_append (GTK_LIST_BOX (list), row);
    g_object_set_data (G_OBJECT (dialog), key, row);
    return row;
}

static void
edit_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaSnapshotsPage *self = POSADA_SNAPSHOTS_PAGE (widget);
    PosadaSnapshot *snapshot = find (self, g_variant_get_string (parameter, NULL));
    GtkWidget *list = gtk_list_box_new (), *row;
    const PosadaSnapshotData *data;
    AdwDialog *dialog;

    if (!snapshot || posada_snapshot_get (snapshot)->damaged) {
        g_object_unref (g_object_ref_sink (list));
        return;
    }
    data = posada_snapshot_get (snapshot);
    dialog = adw_alert_dialog_new (_ ("Name and Note"), NULL);
    gtk_list_box_set_selection_mode (GTK_LIST_BOX (list), GTK_SELECTION_NONE);
    gtk_widget_add_css_class (list, "boxed-list");
    row = add_entry (list, dialog, "name", _ ("Name"), data->name);
    add_entry (list, dialog, "note", _ ("Note"), data->note);
    g_signal_connect_object (row, "changed", G_CALLBACK (name_changed_cb), dialog, 0);
    adw_alert_dialog_set_extra_child (ADW_ALERT_DIALOG (dialog), list);
    adw_alert_dialog_add_responses (ADW_ALERT_DIALOG (dialog), "cancel", _ ("_Cancel"), "save",
                                    _ ("_Save"), NULL);
    adw_alert_dialog_set_response_appearance (ADW_ALERT_DIALOG (dialog), "save",
                                              ADW_RESPONSE_SUGGESTED);
    adw_alert_dialog_set_default_response (ADW_ALERT_DIALOG (dialog), "save");
    ask (dialog, attempt_new (widget, self->machine, snapshot, NULL),
         G_CALLBACK (edit_response_cb));
    gtk_widget_grab_focus (row);
}

/* --- class --- */

static void
take_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaSnapshotsPage *self = POSADA_SNAPSHOTS_PAGE (widget);

    posada_snapshots_page_take (self->machine, widget);
}

static void
cancel_cb (GtkWidget *widget, const char *action, GVariant *parameter)
{
    PosadaSnapshotsPage *self = POSADA_SNAPSHOTS_PAGE (widget);

    if (self->machine)
        dex_future_disown (posada_machine_cancel_snapshot (self->machine));
}

static void
row_activated_cb (PosadaSnapshotsPage *self, GtkListBoxRow *row)
{
    PosadaSnapshot *snapshot = posada_snapshot_row_get_snapshot (POSADA_SNAPSHOT_ROW (row));

    gtk_widget_activate_action (GTK_WIDGET (self), "snapshot.restore", "s",
                                posada_snapshot_get (snapshot)->id);
}

static void
posada_snapshots_page_dispose (GObject *object)
{
    posada_snapshots_page_set_machine (POSADA_SNAPSHOTS_PAGE (object), NULL);
    G_OBJECT_CLASS (posada_snapshots_page_parent_class)->dispose (object);
}

static void
posada_snapshots_page_class_init (PosadaSnapshotsPageClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

    G_OBJECT_CLASS (klass)->dispose = posada_snapshots_page_dispose;
    gtk_widget_class_set_template_from_resource (
        widget_class, "/io/posada/Posada/ui/details/posada-snapshots-page.ui");
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotsPage, stack);
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotsPage, list);
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotsPage, revealer);
    gtk_widget_class_bind_template_child (widget_class, PosadaSnapshotsPage, progress_bar);
    gtk_widget_class_bind_template_callback (widget_class, row_activated_cb);
    gtk_widget_class_install_action (widget_class, "snapshot.take", NULL, take_cb);
    gtk_widget_class_install_action (widget_class, "snapshot.cancel", NULL, cancel_cb);
    gtk_widget_class_install_action (widget_class, "snapshot.restore", "s", restore_cb);
    gtk_widget_class_install_action (widget_class, "snapshot.delete", "s", delete_cb);
    gtk_widget_class_install_action (widget_class, "snapshot.edit", "s", edit_cb);
}

static void
posada_snapshots_page_init (PosadaSnapshotsPage *self)
{
    gtk_widget_init_template (GTK_WIDGET (self));
    update_progress (self);
}

GtkWidget *
posada_snapshots_page_new (void)
{
    return g_object_new (POSADA_TYPE_SNAPSHOTS_PAGE, NULL);
}

void
posada_snapshots_page_set_machine (PosadaSnapshotsPage *self, PosadaMachine *machine)
{
    g_return_if_fail (POSADA_IS_SNAPSHOTS_PAGE (self));

    if (self->machine == machine)
        return;
    if (self->machine) {
        g_signal_handlers_disconnect_by_data (self->machine, self);
        g_signal_handlers_disconnect_by_data (posada_machine_get_snapshots (self->machine), self);
    }
    g_set_object (&self->machine, machine);
    if (!machine)
        return;
    g_signal_connect_object (posada_machine_get_snapshots (machine), "items-changed",
                             G_CALLBACK (update_list), self, G_CONNECT_SWAPPED);
    g_signal_connect_object (machine, "notify::snapshot-progress", G_CALLBACK (update_progress),
                             self, G_CONNECT_SWAPPED);
    g_signal_connect_object (machine, "notify::state", G_CALLBACK (update_progress), self,
                             G_CONNECT_SWAPPED);
    update_list (self);
    update_progress (self);
}
