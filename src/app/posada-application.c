/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-application.h"

#include <glib/gi18n.h>

#include "app/posada-library.h"
#include "app/posada-shortcuts.h"
#include "app/posada-window.h"
#include "machine/posada-host.h"
#include "wizard/posada-wizard.h"

#define BACKGROUND_NOTE "background"

struct _PosadaApplication {
    AdwApplication parent_instance;

    int n_fakes; /* < 0: real machines */
    PosadaLibrary *library;
    PosadaWindow *window;
    PosadaHost *host;
    gboolean in_background;
    guint inhibition;
};

G_DEFINE_FINAL_TYPE (PosadaApplication, posada_application, ADW_TYPE_APPLICATION)

/* --- closing and quitting --- */

/* Log-out asks first while a machine runs. */
static void
running_changed_cb (PosadaApplication *self)
{
    GtkApplication *application = GTK_APPLICATION (self);
    gboolean running = posada_library_count_running (self->library) > 0;

    if (running && !self->inhibition) {
        self->inhibition = gtk_application_inhibit (application, GTK_WINDOW (self->window),
                                                    GTK_APPLICATION_INHIBIT_LOGOUT,
                                                    _ ("A virtual machine is running"));
    } else if (!running && self->inhibition) {
        gtk_application_uninhibit (application, self->inhibition);
        self->inhibition = 0;
    }
    if (!running && self->in_background)
        g_application_quit (G_APPLICATION (self));
}

static void
notify_background (PosadaApplication *self)
{
    g_autoptr (GNotification) note = g_notification_new (_ ("Machines Keep Running"));

    g_notification_set_body (note, _ ("Posada stays in the background until they are off."));
    g_notification_add_button (note, _ ("Quit…"), "app.quit");
    g_notification_set_default_action (note, "app.present");
    g_application_send_notification (G_APPLICATION (self), BACKGROUND_NOTE, note);
}

/* A window that closes is hidden while machines run: they and it live in this process. */
static gboolean
close_request_cb (PosadaWindow *window, PosadaApplication *self)
{
    if (posada_library_count_running (self->library) == 0)
        return GDK_EVENT_PROPAGATE;
    self->in_background = TRUE;
    gtk_widget_set_visible (GTK_WIDGET (window), FALSE);
    notify_background (self);
    return GDK_EVENT_STOP;
}

static void
for_each_running (PosadaApplication *self, DexFuture *(*operation) (PosadaMachine *machine))
{
    GListModel *machines = G_LIST_MODEL (posada_library_get_machines (self->library));

    for (guint i = 0; i < g_list_model_get_n_items (machines); i++) {
        g_autoptr (PosadaMachine) machine = g_list_model_get_item (machines, i);
        PosadaMachineState state = posada_machine_get_state (machine);

        if (state != POSADA_MACHINE_OFF && state != POSADA_MACHINE_MISSING)
            dex_future_disown (operation (machine));
    }
}

static void
quit_response_cb (AdwAlertDialog *dialog, const char *response, PosadaApplication *self)
{
    if (g_str_equal (response, "force-off")) {
        for_each_running (self, posada_machine_force_off);
        g_application_quit (G_APPLICATION (self));
    } else if (g_str_equal (response, "shut-down")) {
        /* The last machine that goes off takes the application with it. */
        self->in_background = TRUE;
        gtk_widget_set_visible (GTK_WIDGET (self->window), FALSE);
        for_each_running (self, posada_machine_shut_down);
    }
}

static void
present (PosadaApplication *self)
{
    if (!self->window) {
        self->window = posada_window_new (GTK_APPLICATION (self), self->library);
        g_object_add_weak_pointer (G_OBJECT (self->window), (gpointer *) &self->window);
        g_signal_connect (self->window, "close-request", G_CALLBACK (close_request_cb), self);
        if (self->host)
            posada_window_set_host (self->window, self->host);
    }
    self->in_background = FALSE;
    g_application_withdraw_notification (G_APPLICATION (self), BACKGROUND_NOTE);
    gtk_window_present (GTK_WINDOW (self->window));
}

static void
quit_cb (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    PosadaApplication *self = user_data;
    guint n = posada_library_count_running (self->library);
    g_autofree char *body = NULL;
    AdwAlertDialog *dialog;

    if (n == 0) {
        g_application_quit (G_APPLICATION (self));
        return;
    }
    present (self);
    body = g_strdup_printf (ngettext ("%u virtual machine is running. What it has not saved is "
                                      "lost when it is forced off.",
                                      "%u virtual machines are running. What they have not saved "
                                      "is lost when they are forced off.",
                                      n),
                            n);
    dialog = ADW_ALERT_DIALOG (adw_alert_dialog_new (_ ("Quit Posada?"), body));
    adw_alert_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "shut-down",
                                    _ ("_Shut Down and Quit"), "force-off",
                                    _ ("_Force Off and Quit"), NULL);
    adw_alert_dialog_set_response_appearance (dialog, "shut-down", ADW_RESPONSE_SUGGESTED);
    adw_alert_dialog_set_response_appearance (dialog, "force-off", ADW_RESPONSE_DESTRUCTIVE);
    adw_alert_dialog_set_default_response (dialog, "cancel");
    adw_alert_dialog_set_close_response (dialog, "cancel");
    g_signal_connect_object (dialog, "response", G_CALLBACK (quit_response_cb), self, 0);
    adw_dialog_present (ADW_DIALOG (dialog), GTK_WIDGET (self->window));
}

/* --- other actions --- */

static void
present_cb (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    present (user_data);
}

static DexFuture *
opened_cb (DexFuture *future, gpointer user_data)
{
    PosadaApplication *self = user_data;
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);
    PosadaMachine *machine;

    if (!self->window)
        return dex_future_new_true ();
    if (!value) {
        posada_window_toast (self->window, error->message);
        return dex_future_new_true ();
    }
    machine = g_value_get_object (value);
    posada_window_select (self->window, machine);
    posada_window_start (self->window);
    posada_window_open_console (self->window, machine);
    return dex_future_new_true ();
}

static void
created_cb (PosadaApplication *self, const char *uuid)
{
    dex_future_disown (dex_future_finally (posada_library_open (self->library, uuid), opened_cb,
                                           g_object_ref (self), g_object_unref));
}

static void
open_wizard (PosadaApplication *self, GFile *source)
{
    GListModel *machines = G_LIST_MODEL (posada_library_get_machines (self->library));
    PosadaStore *store = posada_library_get_store (self->library);
    g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
    g_auto (GStrv) names = NULL;
    PosadaWizard *wizard;

    present (self);
    if (!store) {
        posada_window_toast (self->window, _ ("These machines are only pretended."));
        return;
    }
    for (guint i = 0; i < g_list_model_get_n_items (machines); i++) {
        g_autoptr (PosadaMachine) machine = g_list_model_get_item (machines, i);

        g_strv_builder_add (builder, posada_machine_get_name (machine));
    }
    names = g_strv_builder_end (builder);
    wizard = posada_wizard_new (store, (const char *const *) names);
    g_signal_connect_object (wizard, "created", G_CALLBACK (created_cb), self, G_CONNECT_SWAPPED);
    adw_dialog_present (ADW_DIALOG (wizard), GTK_WIDGET (self->window));
    if (source)
        posada_wizard_set_source (wizard, source);
}

static void
new_machine_cb (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    open_wizard (user_data, NULL);
}

/* From the command line and from files dropped on the window: the URI of an image. */
static void
new_from_cb (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    g_autoptr (GFile) file = g_file_new_for_uri (g_variant_get_string (parameter, NULL));

    open_wizard (user_data, file);
}

static void
shortcuts_cb (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    PosadaApplication *self = user_data;

    present (self);
    adw_dialog_present (posada_shortcuts_new (GTK_APPLICATION (self)), GTK_WIDGET (self->window));
}

static void
about_cb (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    PosadaApplication *self = user_data;
    AdwDialog *dialog = adw_about_dialog_new ();

    g_object_set (dialog, "application-name", "Posada", "application-icon", "io.posada.Posada",
                  "version", POSADA_VERSION, "developer-name", _ ("The Posada developers"),
                  "license-type", GTK_LICENSE_GPL_3_0, "comments",
                  _ ("Virtual machines on your own computer"), NULL);
    present (self);
    adw_dialog_present (dialog, GTK_WIDGET (self->window));
}

static const GActionEntry actions[] = {
    {.name = "new-machine", .activate = new_machine_cb},
    {.name = "new-from", .activate = new_from_cb, .parameter_type = "s"},
    {.name = "present", .activate = present_cb},
    {.name = "shortcuts", .activate = shortcuts_cb},
    {.name = "about", .activate = about_cb},
    {.name = "quit", .activate = quit_cb},
};

/* --- class --- */

static DexFuture *
probed_cb (DexFuture *future, gpointer user_data)
{
    PosadaApplication *self = user_data;
    const GValue *value = dex_future_get_value (future, NULL);

    self->host = g_value_dup_boxed (value);
    if (self->window)
        posada_window_set_host (self->window, self->host);
    return dex_future_new_true ();
}

static PosadaLibrary *
make_library (PosadaApplication *self)
{
    g_autoptr (PosadaStore) store = NULL;

    if (self->n_fakes >= 0)
        return posada_library_new_fake ((guint) self->n_fakes);
    store = posada_store_new (NULL);
    return posada_library_new (store);
}

/* A store that cannot be read is said in a toast; there is nothing else to show. */
static DexFuture *
not_loaded_cb (DexFuture *future, gpointer user_data)
{
    PosadaApplication *self = user_data;
    g_autoptr (GError) error = NULL;

    dex_future_get_value (future, &error);
    if (self->window)
        posada_window_toast (self->window, error->message);
    return dex_future_new_true ();
}

static void
posada_application_startup (GApplication *application)
{
    PosadaApplication *self = POSADA_APPLICATION (application);

    G_APPLICATION_CLASS (posada_application_parent_class)->startup (application);
    gtk_window_set_default_icon_name ("io.posada.Posada");
    g_action_map_add_action_entries (G_ACTION_MAP (self), actions, G_N_ELEMENTS (actions), self);
    posada_shortcuts_install (GTK_APPLICATION (self));
    self->library = make_library (self);
    g_signal_connect_object (self->library, "running-changed", G_CALLBACK (running_changed_cb),
                             self, G_CONNECT_SWAPPED);
    dex_future_disown (dex_future_catch (posada_library_load (self->library), not_loaded_cb,
                                         g_object_ref (self), g_object_unref));
    if (self->n_fakes < 0)
        dex_future_disown (
            dex_future_then (posada_host_probe (), probed_cb, g_object_ref (self), g_object_unref));
}

static void
posada_application_activate (GApplication *application)
{
    present (POSADA_APPLICATION (application));
}

static int
posada_application_handle_local_options (GApplication *application, GVariantDict *options)
{
    PosadaApplication *self = POSADA_APPLICATION (application);
    const char *fakes, *path;

    if (g_variant_dict_contains (options, "version")) {
        g_print ("posada-app " POSADA_VERSION "\n");
        return 0;
    }
    /* Pretended machines never meet the real ones of a running instance. */
    if (g_variant_dict_lookup (options, "fake", "&s", &fakes)) {
        self->n_fakes = (int) g_ascii_strtoull (fakes, NULL, 10);
        g_application_set_flags (application, G_APPLICATION_NON_UNIQUE);
    }
    if (g_variant_dict_lookup (options, "new-from", "^&ay", &path)) {
        g_autoptr (GFile) file = g_file_new_for_commandline_arg (path);
        g_autofree char *uri = g_file_get_uri (file);

        if (!g_application_register (application, NULL, NULL))
            return 1;
        g_application_activate (application);
        g_action_group_activate_action (G_ACTION_GROUP (application), "new-from",
                                        g_variant_new_string (uri));
        /* The instance that runs already does it. */
        if (g_application_get_is_remote (application))
            return 0;
    }
    return -1;
}

static void
posada_application_finalize (GObject *object)
{
    PosadaApplication *self = POSADA_APPLICATION (object);

    g_clear_weak_pointer (&self->window);
    g_clear_object (&self->library);
    g_clear_pointer (&self->host, posada_host_free);
    G_OBJECT_CLASS (posada_application_parent_class)->finalize (object);
}

static void
posada_application_class_init (PosadaApplicationClass *klass)
{
    GApplicationClass *application_class = G_APPLICATION_CLASS (klass);

    G_OBJECT_CLASS (klass)->finalize = posada_application_finalize;
    application_class->startup = posada_application_startup;
    application_class->activate = posada_application_activate;
    application_class->handle_local_options = posada_application_handle_local_options;
}

static void
posada_application_init (PosadaApplication *self)
{
    static const GOptionEntry options[] = {
        {"version", 0, 0, G_OPTION_ARG_NONE, NULL, N_ ("Print the version"), NULL},
        {"fake", 0, 0, G_OPTION_ARG_STRING, NULL, N_ ("Show N machines that run nothing"), "N"},
        {"new-from", 0, 0, G_OPTION_ARG_FILENAME, NULL, N_ ("Create a machine from an image"),
         N_ ("FILE")},
        {NULL},
    };

    self->n_fakes = -1;
    g_application_add_main_option_entries (G_APPLICATION (self), options);
}

PosadaApplication *
posada_application_new (void)
{
    return g_object_new (POSADA_TYPE_APPLICATION, "application-id", "io.posada.Posada",
                         "resource-base-path", "/io/posada/Posada", NULL);
}
