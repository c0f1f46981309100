/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-lifecycle.h"

#include <glib/gi18n.h>

#include "app/posada-settings.h"
#include "app/posada-work-dialog.h"
#include "machine/posada-work.h"

#ifdef HAVE_PORTAL
#include <libportal/portal.h>
#endif

#define BACKGROUND_NOTE "background"

struct _PosadaLifecycle {
    GObject parent_instance;

    GtkApplication *application; /* borrowed */
    PosadaWindow *window;        /* weak */
    PosadaLibrary *library;
    GSettings *settings;
    gboolean in_background; /* nobody sees us: the last machine takes us with it */
    gboolean asking;
    gboolean holding;
    gboolean quitting; /* as soon as no machine runs and no work goes on */
    gboolean waiting;  /* for work to end, and then to quit */
    gboolean told;     /* by a signal to end */
    gboolean ending;   /* the session is, and waits until machines are saved */
    guint inhibition;
};

G_DEFINE_FINAL_TYPE (PosadaLifecycle, posada_lifecycle, G_TYPE_OBJECT)

static gboolean
is_running (PosadaLifecycle *self)
{
    return posada_library_count_running (self->library) > 0;
}

static gboolean
is_working (void)
{
    return g_list_model_get_n_items (posada_work_get_list ()) > 0;
}

/* --- log-out --- */

static void
update_inhibition (PosadaLifecycle *self)
{
    gboolean running = is_running (self);
    gboolean wanted =
        self->ending || ((running || is_working ()) &&
                         g_settings_get_boolean (self->settings, POSADA_SETTINGS_INHIBIT_LOG_OUT));

    if (wanted && !self->inhibition) {
        self->inhibition = gtk_application_inhibit (
            self->application, GTK_WINDOW (self->window), GTK_APPLICATION_INHIBIT_LOGOUT,
            running ? _ ("A virtual machine is running") : _ ("Disks are being worked on"));
    } else if (!wanted && self->inhibition) {
        gtk_application_uninhibit (self->application, self->inhibition);
        self->inhibition = 0;
    }
}

/* Consoles have windows of their own. */
static gboolean
is_visible (PosadaLifecycle *self)
{
    for (GList *at = gtk_application_get_windows (self->application); at; at = at->next)
        if (gtk_widget_get_visible (at->data))
            return TRUE;
    return FALSE;
}

/* Machines have come to run or to be off, or work has begun or ended. */
static void
changed_cb (PosadaLifecycle *self)
{
    gboolean running = is_running (self), working = is_working ();
    gboolean needed = running || working;

    self->ending &= running;
    update_inhibition (self);
    /* Machines that were started by way of the bus have no window that holds the application. */
    if (needed && !self->holding)
        g_application_hold (G_APPLICATION (self->application));
    else if (!needed && self->holding)
        g_application_release (G_APPLICATION (self->application));
    self->holding = needed;
    if (self->waiting && !working) {
        self->waiting = FALSE;
        posada_lifecycle_quit (self);
    } else if (!needed && (self->quitting || (self->in_background && !is_visible (self)))) {
        g_application_quit (G_APPLICATION (self->application));
    }
}

/* --- in the background --- */

static void
notify_background (PosadaLifecycle *self)
{
    gboolean running = is_running (self);
    g_autoptr (GNotification) note =
        g_notification_new (running ? _ ("Machines Keep Running") : _ ("Work Goes On"));

    g_notification_set_body (note, running
                                       ? _ ("Posada stays in the background until they are off.")
                                       : _ ("Posada stays in the background until it is done."));
    g_notification_add_button (note, _ ("Open Window"), "app.present");
    g_notification_add_button (note, _ ("Quit…"), "app.quit");
    g_notification_set_default_action (note, "app.present");
    g_application_send_notification (G_APPLICATION (self->application), BACKGROUND_NOTE, note);
}

#ifdef HAVE_PORTAL
static void
background_granted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr (XdpPortal) portal = XDP_PORTAL (source);
    g_autoptr (GError) error = NULL;

    if (!xdp_portal_request_background_finish (portal, result, &error) && error)
        g_message ("The desktop does not let Posada run in the background: %s", error->message);
}
#endif

/* Where the desktop ends sandboxed applications without a window, unless they have asked. */
static void
ask_portal (void)
{
#ifdef HAVE_PORTAL
    if (xdp_portal_running_under_sandbox ())
        xdp_portal_request_background (xdp_portal_new (), NULL, _ ("Virtual machines keep running"),
                                       NULL, XDP_BACKGROUND_FLAG_NONE, NULL, background_granted_cb,
                                       NULL);
#endif
}

static void
go_to_background (PosadaLifecycle *self)
{
    self->in_background = TRUE;
    if (self->window)
        gtk_widget_set_visible (GTK_WIDGET (self->window), FALSE);
    ask_portal ();
    notify_background (self);
}

static void
answered_close_cb (AdwAlertDialog *dialog, const char *response, PosadaLifecycle *self)
{
    self->asking = FALSE;
    if (g_str_equal (response, "keep")) {
        g_settings_set_enum (self->settings, POSADA_SETTINGS_ON_CLOSE, POSADA_CLOSE_KEEP_RUNNING);
        go_to_background (self);
    } else if (g_str_equal (response, "quit")) {
        g_action_group_activate_action (G_ACTION_GROUP (self->application), "quit", NULL);
    }
}

static void
ask_about_closing (PosadaLifecycle *self)
{
    AdwAlertDialog *dialog;

    if (self->asking)
        return;
    self->asking = TRUE;
    dialog = ADW_ALERT_DIALOG (adw_alert_dialog_new (
        _ ("Keep Machines Running?"),
        _ ("Without a window, virtual machines keep running in the background, and a notification "
           "brings the window back. You are asked this once; Preferences has it, too.")));
    adw_alert_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "quit", _ ("_Quit…"), "keep",
                                    _ ("_Keep Running"), NULL);
    adw_alert_dialog_set_response_appearance (dialog, "keep", ADW_RESPONSE_SUGGESTED);
    adw_alert_dialog_set_default_response (dialog, "keep");
    adw_alert_dialog_set_close_response (dialog, "cancel");
    g_signal_connect_object (dialog, "response", G_CALLBACK (answered_close_cb), self, 0);
    adw_dialog_present (ADW_DIALOG (dialog), GTK_WIDGET (self->window));
}

static gboolean
close_request_cb (PosadaWindow *window, PosadaLifecycle *self)
{
    gboolean running = is_running (self);

    if (!running && !is_working ())
        return GDK_EVENT_PROPAGATE;
    if (running &&
        g_settings_get_enum (self->settings, POSADA_SETTINGS_ON_CLOSE) == POSADA_CLOSE_ASK)
        ask_about_closing (self);
    else
        go_to_background (self);
    return GDK_EVENT_STOP;
}

/* --- quitting --- */

typedef struct {
    PosadaLifecycle *lifecycle;
    PosadaMachine *machine;
} Saving;

static void
saving_free (gpointer data)
{
    Saving *saving = data;

    g_object_unref (saving->lifecycle);
    g_object_unref (saving->machine);
    g_free (saving);
}

/* Then it runs on, and so do we: nothing is lost. */
static DexFuture *
not_saved_cb (DexFuture *future, gpointer data)
{
    Saving *saving = data;
    PosadaLifecycle *self = saving->lifecycle;
    g_autoptr (GError) error = NULL;
    g_autofree char *heading = NULL;
    AdwDialog *dialog;

    dex_future_get_value (future, &error);
    /* What nobody wanted to keep is not in the way. */
    if (g_error_matches (error, POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_DISPOSABLE))
        return posada_machine_force_off (saving->machine);
    self->told = FALSE;
    self->quitting = self->ending = FALSE;
    update_inhibition (self);
    g_action_group_activate_action (G_ACTION_GROUP (self->application), "present", NULL);
    if (!self->window)
        return dex_future_new_true ();
    gtk_widget_set_visible (GTK_WIDGET (self->window), TRUE);
    heading = g_strdup_printf (_ ("“%s” Was Not Saved"), posada_machine_get_name (saving->machine));
    dialog = adw_alert_dialog_new (heading, error->message);
    adw_alert_dialog_add_response (ADW_ALERT_DIALOG (dialog), "close", _ ("_Close"));
    adw_dialog_present (dialog, GTK_WIDGET (self->window));
    return dex_future_new_true ();
}

/* One that is on its way to off anyway, or has just been told to be saved, needs nothing. */
static void
save (PosadaLifecycle *self, PosadaMachine *machine)
{
    PosadaMachineState state = posada_machine_get_state (machine);
    Saving *saving;

    if (state == POSADA_MACHINE_STOPPING || state == POSADA_MACHINE_SAVING)
        return;
    saving = g_new (Saving, 1);
    saving->lifecycle = g_object_ref (self);
    saving->machine = g_object_ref (machine);
    dex_future_disown (
        dex_future_catch (posada_machine_save (machine), not_saved_cb, saving, saving_free));
}

static void
save_machines (PosadaLifecycle *self)
{
    GListModel *machines = G_LIST_MODEL (posada_library_get_machines (self->library));

    for (guint i = 0; i < g_list_model_get_n_items (machines); i++) {
        g_autoptr (PosadaMachine) machine = g_list_model_get_item (machines, i);

        if (posada_machine_is_on_here (machine))
            save (self, machine);
    }
}

void
posada_lifecycle_end_session (PosadaLifecycle *self)
{
    g_return_if_fail (POSADA_IS_LIFECYCLE (self));

    if (self->ending || !is_running (self) ||
        !g_settings_get_boolean (self->settings, POSADA_SETTINGS_SAVE_ON_LOG_OUT))
        return;
    /* The session waits as long as we hold it up. */
    self->ending = TRUE;
    update_inhibition (self);
    save_machines (self);
}

static void
hide_windows (PosadaLifecycle *self)
{
    for (GList *at = gtk_application_get_windows (self->application); at; at = at->next)
        gtk_widget_set_visible (at->data, FALSE);
}

static void
save_and_quit (PosadaLifecycle *self)
{
    self->quitting = TRUE;
    hide_windows (self);
    save_machines (self);
    changed_cb (self);
}

/* The last machine that goes off takes the application with it. */
static void
end_machines (PosadaLifecycle *self, DexFuture *(*operation) (PosadaMachine *machine))
{
    GListModel *machines = G_LIST_MODEL (posada_library_get_machines (self->library));

    self->quitting = TRUE;
    hide_windows (self);
    for (guint i = 0; i < g_list_model_get_n_items (machines); i++) {
        g_autoptr (PosadaMachine) machine = g_list_model_get_item (machines, i);

        if (!posada_machine_is_on_here (machine))
            continue;
        /* A guest that stands still does not hear its power button. */
        if (operation == posada_machine_shut_down &&
            posada_machine_get_state (machine) == POSADA_MACHINE_PAUSED)
            dex_future_disown (posada_machine_resume (machine));
        dex_future_disown (operation (machine));
    }
    changed_cb (self);
}

static void
answered_quit_cb (AdwAlertDialog *dialog, const char *response, PosadaLifecycle *self)
{
    self->asking = FALSE;
    if (g_str_equal (response, "force-off"))
        end_machines (self, posada_machine_force_off);
    else if (g_str_equal (response, "shut-down"))
        end_machines (self, posada_machine_shut_down);
    else if (g_str_equal (response, "save"))
        save_and_quit (self);
}

static void
ask_about_quitting (PosadaLifecycle *self, guint n)
{
    g_autofree char *body = NULL;
    AdwAlertDialog *dialog;

    g_action_group_activate_action (G_ACTION_GROUP (self->application), "present", NULL);
    if (self->asking)
        return;
    self->asking = TRUE;
    body = g_strdup_printf (ngettext ("%u virtual machine is running. What it has not saved is "
                                      "lost when it is forced off.",
                                      "%u virtual machines are running. What they have not saved "
                                      "is lost when they are forced off.",
                                      n),
                            n);
    dialog = ADW_ALERT_DIALOG (adw_alert_dialog_new (_ ("Quit Posada?"), body));
    adw_alert_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "force-off",
                                    _ ("_Force Off and Quit"), "shut-down",
                                    _ ("_Shut Down and Quit"), "save", _ ("Sa_ve and Quit"), NULL);
    adw_alert_dialog_set_response_appearance (dialog, "save", ADW_RESPONSE_SUGGESTED);
    adw_alert_dialog_set_response_appearance (dialog, "force-off", ADW_RESPONSE_DESTRUCTIVE);
    adw_alert_dialog_set_default_response (dialog, "cancel");
    adw_alert_dialog_set_close_response (dialog, "cancel");
    g_signal_connect_object (dialog, "response", G_CALLBACK (answered_quit_cb), self, 0);
    adw_dialog_present (ADW_DIALOG (dialog), GTK_WIDGET (self->window));
}

static void
cancel_work (void)
{
    GListModel *list = posada_work_get_list ();

    /* Some may end at once. */
    for (guint i = g_list_model_get_n_items (list); i-- > 0;) {
        g_autoptr (PosadaWork) work = g_list_model_get_item (list, i);

        posada_work_cancel (work);
    }
}

static void
answered_work_cb (AdwAlertDialog *dialog, const char *response, PosadaLifecycle *self)
{
    /* One that closes itself answers twice. */
    g_signal_handlers_disconnect_by_data (dialog, self);
    self->asking = FALSE;
    self->waiting = !g_str_equal (response, "cancel");
    /* Where machines run there is another question to come. */
    if (self->waiting && !is_running (self))
        hide_windows (self);
    if (g_str_equal (response, "stop"))
        cancel_work ();
    changed_cb (self);
}

static void
ask_about_work (PosadaLifecycle *self)
{
    AdwAlertDialog *dialog;

    g_action_group_activate_action (G_ACTION_GROUP (self->application), "present", NULL);
    if (self->asking)
        return;
    self->asking = TRUE;
    dialog = posada_work_dialog_new ();
    g_signal_connect_object (dialog, "response", G_CALLBACK (answered_work_cb), self, 0);
    adw_dialog_present (ADW_DIALOG (dialog), GTK_WIDGET (self->window));
}

void
posada_lifecycle_quit (PosadaLifecycle *self)
{
    guint n;

    g_return_if_fail (POSADA_IS_LIFECYCLE (self));

    if (is_working ()) {
        ask_about_work (self);
        return;
    }
    n = posada_library_count_running (self->library);
    if (n == 0) {
        g_application_quit (G_APPLICATION (self->application));
        return;
    }
    switch (g_settings_get_enum (self->settings, POSADA_SETTINGS_ON_QUIT)) {
    case POSADA_QUIT_SHUT_DOWN: end_machines (self, posada_machine_shut_down); break;
    case POSADA_QUIT_SAVE: save_and_quit (self); break;
    case POSADA_QUIT_FORCE_OFF: end_machines (self, posada_machine_force_off); break;
    default: ask_about_quitting (self, n); break;
    }
}

void
posada_lifecycle_terminate (PosadaLifecycle *self)
{
    g_return_if_fail (POSADA_IS_LIFECYCLE (self));

    /* Who says it twice does not want to wait. */
    if (self->told) {
        g_application_quit (G_APPLICATION (self->application));
        return;
    }
    self->told = TRUE;
    cancel_work ();
    if (g_settings_get_boolean (self->settings, POSADA_SETTINGS_SAVE_ON_LOG_OUT))
        save_and_quit (self);
    else
        end_machines (self, posada_machine_shut_down);
}

/* --- class --- */

static void
posada_lifecycle_dispose (GObject *object)
{
    PosadaLifecycle *self = POSADA_LIFECYCLE (object);

    if (self->inhibition)
        gtk_application_uninhibit (self->application, self->inhibition);
    self->inhibition = 0;
    posada_lifecycle_set_window (self, NULL);
    g_clear_object (&self->library);
    g_clear_object (&self->settings);
    G_OBJECT_CLASS (posada_lifecycle_parent_class)->dispose (object);
}

static void
posada_lifecycle_class_init (PosadaLifecycleClass *klass)
{
    G_OBJECT_CLASS (klass)->dispose = posada_lifecycle_dispose;
}

static void
posada_lifecycle_init (PosadaLifecycle *self)
{
}

PosadaLifecycle *
posada_lifecycle_new (GtkApplication *application, PosadaLibrary *library, GSettings *settings)
{
    PosadaLifecycle *self = g_object_new (POSADA_TYPE_LIFECYCLE, NULL);

    self->application = application;
    self->library = g_object_ref (library);
    self->settings = g_object_ref (settings);
    g_signal_connect_object (library, "running-changed", G_CALLBACK (changed_cb), self,
                             G_CONNECT_SWAPPED);
    g_signal_connect_object (posada_work_get_list (), "items-changed", G_CALLBACK (changed_cb),
                             self, G_CONNECT_SWAPPED);
    g_signal_connect_object (application, "query-end", G_CALLBACK (posada_lifecycle_end_session),
                             self, G_CONNECT_SWAPPED);
    g_signal_connect_object (settings, "changed::" POSADA_SETTINGS_INHIBIT_LOG_OUT,
                             G_CALLBACK (update_inhibition), self, G_CONNECT_SWAPPED);
    return self;
}

void
posada_lifecycle_set_window (PosadaLifecycle *self, PosadaWindow *window)
{
    g_return_if_fail (POSADA_IS_LIFECYCLE (self));

    g_set_weak_pointer (&self->window, window);
    self->asking = FALSE;
    if (window)
        g_signal_connect_object (window, "close-request", G_CALLBACK (close_request_cb), self, 0);
}

void
posada_lifecycle_presented (PosadaLifecycle *self)
{
    g_return_if_fail (POSADA_IS_LIFECYCLE (self));

    self->in_background = FALSE;
    self->quitting = self->waiting = FALSE;
    g_application_withdraw_notification (G_APPLICATION (self->application), BACKGROUND_NOTE);
}
