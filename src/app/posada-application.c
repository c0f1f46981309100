/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-application.h"

#include <glib-unix.h>
#include <glib/gi18n.h>

#include "app/posada-library.h"
#include "app/posada-lifecycle.h"
#include "app/posada-preferences.h"
#include "app/posada-service.h"
#include "app/posada-settings.h"
#include "app/posada-shortcuts.h"
#include "app/posada-thumbnailer.h"
#include "app/posada-window.h"
#include "machine/posada-host.h"
#include "wizard/posada-wizard.h"

struct _PosadaApplication {
    AdwApplication parent_instance;

    int n_fakes; /* < 0: real machines */
    GSettings *settings;
    PosadaLibrary *library;
    PosadaThumbnailer *thumbnailer;
    PosadaLifecycle *lifecycle;
    PosadaService *service; /* NULL without a bus */
    PosadaWindow *window;   /* weak */
    PosadaHost *host;
    guint signals[3];
};

G_DEFINE_FINAL_TYPE (PosadaApplication, posada_application, ADW_TYPE_APPLICATION)

static void
present (PosadaApplication *self)
{
    if (!self->window) {
        g_set_weak_pointer (&self->window,
                            posada_window_new (GTK_APPLICATION (self), self->library));
        posada_lifecycle_set_window (self->lifecycle, self->window);
        if (self->host)
            posada_window_set_host (self->window, self->host);
    }
    posada_lifecycle_presented (self->lifecycle);
    gtk_window_present (GTK_WINDOW (self->window));
}

/* --- actions --- */

static void
quit_cb (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    posada_lifecycle_quit (POSADA_APPLICATION (user_data)->lifecycle);
}

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
    AdwDialog *shown;

    present (self);
    /* One at a time: a file that comes while it is open is for that one. */
    shown = adw_application_window_get_visible_dialog (ADW_APPLICATION_WINDOW (self->window));
    if (POSADA_IS_WIZARD (shown)) {
        if (source)
            posada_wizard_set_source (POSADA_WIZARD (shown), source);
        return;
    }
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
show_console (PosadaApplication *self, PosadaMachine *machine)
{
    present (self);
    posada_window_open_console (self->window, machine);
}

static DexFuture *
console_found_cb (DexFuture *future, gpointer user_data)
{
    PosadaApplication *self = user_data;
    g_autoptr (GError) error = NULL;
    const GValue *value = dex_future_get_value (future, &error);

    if (value)
        show_console (self, g_value_get_object (value));
    else if (self->window)
        posada_window_toast (self->window, error->message);
    return dex_future_new_true ();
}

/* From the command line, before all machines may have been read. */
static void
open_console_cb (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    PosadaApplication *self = user_data;
    const char *uuid = g_variant_get_string (parameter, NULL);
    PosadaMachine *machine =
        posada_machine_list_find (posada_library_get_machines (self->library), uuid);

    present (self);
    if (machine)
        show_console (self, machine);
    else if (posada_library_get_store (self->library))
        dex_future_disown (dex_future_finally (posada_library_open (self->library, uuid),
                                               console_found_cb, g_object_ref (self),
                                               g_object_unref));
}

static void
preferences_cb (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
    PosadaApplication *self = user_data;

    present (self);
    adw_dialog_present (posada_preferences_new (self->settings), GTK_WIDGET (self->window));
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
    {.name = "open-console", .activate = open_console_cb, .parameter_type = "s"},
    {.name = "preferences", .activate = preferences_cb},
    {.name = "shortcuts", .activate = shortcuts_cb},
    {.name = "about", .activate = about_cb},
    {.name = "quit", .activate = quit_cb},
};

/* --- class --- */

static gboolean
signal_cb (gpointer data)
{
    posada_lifecycle_terminate (POSADA_APPLICATION (data)->lifecycle);
    return G_SOURCE_CONTINUE;
}

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

static void
ensure_library (PosadaApplication *self)
{
    g_autoptr (PosadaStore) store = NULL;

    if (self->library)
        return;
    if (self->n_fakes >= 0) {
        self->library = posada_library_new_fake ((guint) self->n_fakes);
        return;
    }
    store = posada_store_new (NULL);
    self->library = posada_library_new (store);
}

static gboolean
posada_application_dbus_register (GApplication *application, GDBusConnection *connection,
                                  const char *path, GError **error)
{
    PosadaApplication *self = POSADA_APPLICATION (application);
    GApplicationClass *parent = G_APPLICATION_CLASS (posada_application_parent_class);

    if (!parent->dbus_register (application, connection, path, error))
        return FALSE;
    /* Before the name is ours, so that nobody finds it without. */
    ensure_library (self);
    self->service = posada_service_new (self->library);
    g_signal_connect_object (self->service, "console-requested", G_CALLBACK (show_console), self,
                             G_CONNECT_SWAPPED);
    return posada_service_export (self->service, connection, path, error);
}

static void
posada_application_dbus_unregister (GApplication *application, GDBusConnection *connection,
                                    const char *path)
{
    PosadaApplication *self = POSADA_APPLICATION (application);

    if (self->service)
        posada_service_unexport (self->service);
    g_clear_object (&self->service);
    G_APPLICATION_CLASS (posada_application_parent_class)
        ->dbus_unregister (application, connection, path);
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
    static const int signals[G_N_ELEMENTS (((PosadaApplication *) NULL)->signals)] = {
        SIGTERM, SIGINT, SIGHUP};
    PosadaApplication *self = POSADA_APPLICATION (application);

    G_APPLICATION_CLASS (posada_application_parent_class)->startup (application);
    gtk_window_set_default_icon_name ("io.posada.Posada");
    g_action_map_add_action_entries (G_ACTION_MAP (self), actions, G_N_ELEMENTS (actions), self);
    posada_shortcuts_install (GTK_APPLICATION (self));
    ensure_library (self);
    posada_settings_follow_colors (self->settings);
    self->lifecycle = posada_lifecycle_new (GTK_APPLICATION (self), self->library, self->settings);
    for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
        self->signals[i] = g_unix_signal_add (signals[i], signal_cb, self);
    self->thumbnailer = posada_thumbnailer_new (self->library);
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

/* In the instance that runs already, if there is one; then this one has nothing more to do. */
static int
activate_by_action (GApplication *application, const char *action, const char *text)
{
    if (!g_application_register (application, NULL, NULL))
        return 1;
    g_application_activate (application);
    g_action_group_activate_action (G_ACTION_GROUP (application), action,
                                    g_variant_new_string (text));
    return g_application_get_is_remote (application) ? 0 : -1;
}

static int
posada_application_handle_local_options (GApplication *application, GVariantDict *options)
{
    PosadaApplication *self = POSADA_APPLICATION (application);
    const char *fakes, *text;

    if (g_variant_dict_contains (options, "version")) {
        g_print ("posada-app " POSADA_VERSION "\n");
        return 0;
    }
    self->settings = posada_settings_get ();
    if (!self->settings) {
        g_printerr (_ ("The description of Posada's settings is missing; install it again.\n"));
        return 1;
    }
    /* Pretended machines never meet the real ones of a running instance. */
    if (g_variant_dict_lookup (options, "fake", "&s", &fakes)) {
        self->n_fakes = (int) g_ascii_strtoull (fakes, NULL, 10);
        g_application_set_flags (application, G_APPLICATION_NON_UNIQUE);
    }
    if (g_variant_dict_lookup (options, "console", "&s", &text))
        return activate_by_action (application, "open-console", text);
    if (g_variant_dict_lookup (options, "new-from", "^&ay", &text)) {
        g_autoptr (GFile) file = g_file_new_for_commandline_arg (text);
        g_autofree char *uri = g_file_get_uri (file);

        return activate_by_action (application, "new-from", uri);
    }
    return -1;
}

static void
posada_application_finalize (GObject *object)
{
    PosadaApplication *self = POSADA_APPLICATION (object);

    for (gsize i = 0; i < G_N_ELEMENTS (self->signals); i++)
        g_clear_handle_id (&self->signals[i], g_source_remove);
    g_clear_weak_pointer (&self->window);
    g_clear_object (&self->service);
    g_clear_object (&self->lifecycle);
    g_clear_object (&self->thumbnailer);
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
    application_class->dbus_register = posada_application_dbus_register;
    application_class->dbus_unregister = posada_application_dbus_unregister;
    application_class->handle_local_options = posada_application_handle_local_options;
}

static void
posada_application_init (PosadaApplication *self)
{
    static const GOptionEntry options[] = {
        {"version", 0, 0, G_OPTION_ARG_NONE, NULL, N_ ("Print the version"), NULL},
        {"fake", 0, 0, G_OPTION_ARG_STRING, NULL, N_ ("Show N machines that run nothing"), "N"},
        {"console", 0, 0, G_OPTION_ARG_STRING, NULL, N_ ("Show the screen of a machine"),
         N_ ("UUID")},
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
                         "resource-base-path", "/io/posada/Posada", "register-session", TRUE, NULL);
}
