/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-console-window.h"

#include <glib/gi18n.h>

#include "app/posada-console-page.h"
#include "app/posada-remote-access-dialog.h"

#define DEFAULT_WIDTH  1024
#define DEFAULT_HEIGHT 814 /* 768 and a header bar */

struct _PosadaConsoleWindow {
    AdwApplicationWindow parent_instance;

    PosadaMachine *machine;
    PosadaConsolePage *page;
    GSimpleActionGroup *actions; /* of the machine */
};

G_DEFINE_FINAL_TYPE (PosadaConsoleWindow, posada_console_window, ADW_TYPE_APPLICATION_WINDOW)

/* What the machine page offers as well, by the same names. */
static const struct {
    const char *action;
    DexFuture *(*begin) (PosadaMachine *machine);
    guint states; /* bits */
} operations[] = {
#define IN(state) (1u << POSADA_MACHINE_##state)
    {"start", posada_machine_start, IN (OFF) | IN (CRASHED)},
    {"pause", posada_machine_pause, IN (RUNNING)},
    {"resume", posada_machine_resume, IN (PAUSED)},
    {"shut-down", posada_machine_shut_down, IN (RUNNING)},
    {"force-off", posada_machine_force_off,
     IN (STARTING) | IN (RUNNING) | IN (PAUSED) | IN (STOPPING) | IN (CRASHED)},
    {"reset", posada_machine_reset, IN (RUNNING) | IN (PAUSED) | IN (CRASHED)},
#undef IN
};

static DexFuture *
failed_cb (DexFuture *future, gpointer data)
{
    PosadaConsoleWindow *self = data;
    g_autoptr (GError) error = NULL;

    if (!dex_future_get_value (future, &error) && self->page)
        posada_console_page_toast (self->page, error->message);
    return dex_future_new_true ();
}

static void
operation_cb (GSimpleAction *action, GVariant *parameter, gpointer data)
{
    PosadaConsoleWindow *self = data;

    for (gsize i = 0; i < G_N_ELEMENTS (operations); i++) {
        if (!g_str_equal (operations[i].action, g_action_get_name (G_ACTION (action))))
            continue;
        dex_future_disown (dex_future_catch (operations[i].begin (self->machine), failed_cb,
                                             g_object_ref (self), g_object_unref));
    }
}

static void
update_state (PosadaConsoleWindow *self)
{
    guint state = 1u << posada_machine_get_state (self->machine);

    for (gsize i = 0; i < G_N_ELEMENTS (operations); i++)
        g_simple_action_set_enabled (G_SIMPLE_ACTION (g_action_map_lookup_action (
                                         G_ACTION_MAP (self->actions), operations[i].action)),
                                     (operations[i].states & state) != 0);
}

static void
full_screen_cb (GSimpleAction *action, GVariant *parameter, gpointer data)
{
    GtkWindow *window = data;

    if (gtk_window_is_fullscreen (window))
        gtk_window_unfullscreen (window);
    else
        gtk_window_fullscreen (window);
}

static void
close_cb (GSimpleAction *action, GVariant *parameter, gpointer data)
{
    gtk_window_close (data);
}

static void
remote_access_cb (GSimpleAction *action, GVariant *parameter, gpointer data)
{
    PosadaConsoleWindow *self = data;

    adw_dialog_present (posada_remote_access_dialog_new (self->machine), GTK_WIDGET (self));
}

static void
add_actions (PosadaConsoleWindow *self)
{
    static const GActionEntry window_actions[] = {
        {.name = "full-screen", .activate = full_screen_cb},
        {.name = "close", .activate = close_cb},
    };

    static const GActionEntry remote_access = {
        .name = "remote-access",
        .activate = remote_access_cb,
    };

    self->actions = g_simple_action_group_new ();
    g_action_map_add_action_entries (G_ACTION_MAP (self->actions), &remote_access, 1, self);
    g_action_map_add_action_entries (G_ACTION_MAP (self), window_actions,
                                     G_N_ELEMENTS (window_actions), self);
    for (gsize i = 0; i < G_N_ELEMENTS (operations); i++) {
        const GActionEntry entry = {.name = operations[i].action, .activate = operation_cb};

        g_action_map_add_action_entries (G_ACTION_MAP (self->actions), &entry, 1, self);
    }
    gtk_widget_insert_action_group (GTK_WIDGET (self), "machine", G_ACTION_GROUP (self->actions));
}

static void
posada_console_window_dispose (GObject *object)
{
    PosadaConsoleWindow *self = POSADA_CONSOLE_WINDOW (object);

    if (self->machine)
        g_signal_handlers_disconnect_by_data (self->machine, self);
    /* Before anyone is told that the screen can be shown elsewhere again. */
    if (self->page)
        posada_console_page_let_go (self->page);
    self->page = NULL;
    g_clear_object (&self->machine);
    g_clear_object (&self->actions);
    G_OBJECT_CLASS (posada_console_window_parent_class)->dispose (object);
}

static void
posada_console_window_class_init (PosadaConsoleWindowClass *klass)
{
    G_OBJECT_CLASS (klass)->dispose = posada_console_window_dispose;
}

static void
posada_console_window_init (PosadaConsoleWindow *self)
{
    gtk_window_set_default_size (GTK_WINDOW (self), DEFAULT_WIDTH, DEFAULT_HEIGHT);
    gtk_widget_set_size_request (GTK_WIDGET (self), 360, 294);
}

static PosadaConsoleWindow *
make_window (GtkApplication *application, PosadaMachine *machine)
{
    PosadaConsoleWindow *self =
        g_object_new (POSADA_TYPE_CONSOLE_WINDOW, "application", application, NULL);

    self->page = POSADA_CONSOLE_PAGE (posada_console_page_new (machine));
    posada_console_page_set_detached (self->page);
    /* Only now: pages look for windows that have their machine. */
    self->machine = g_object_ref (machine);
    add_actions (self);
    g_object_bind_property (self->page, "title", self, "title", G_BINDING_SYNC_CREATE);
    adw_application_window_set_content (ADW_APPLICATION_WINDOW (self), GTK_WIDGET (self->page));
    g_signal_connect_swapped (machine, "notify::state", G_CALLBACK (update_state), self);
    update_state (self);
    return self;
}

PosadaConsoleWindow *
posada_console_window_find (PosadaMachine *machine)
{
    GListModel *windows = gtk_window_get_toplevels ();

    for (guint i = 0; i < g_list_model_get_n_items (windows); i++) {
        g_autoptr (GtkWindow) window = g_list_model_get_item (windows, i);

        if (POSADA_IS_CONSOLE_WINDOW (window) && POSADA_CONSOLE_WINDOW (window)->machine == machine)
            return POSADA_CONSOLE_WINDOW (window);
    }
    return NULL;
}

PosadaConsoleWindow *
posada_console_window_open (GtkApplication *application, PosadaMachine *machine)
{
    PosadaConsoleWindow *self;

    g_return_val_if_fail (POSADA_IS_MACHINE (machine), NULL);

    self = posada_console_window_find (machine);
    if (!self)
        self = make_window (application, machine);
    gtk_window_present (GTK_WINDOW (self));
    posada_console_page_focus (self->page);
    return self;
}

void
posada_console_window_bring_back (PosadaConsoleWindow *self)
{
    g_autoptr (GtkApplication) application = NULL;
    g_autofree char *id = NULL;

    g_return_if_fail (POSADA_IS_CONSOLE_WINDOW (self));

    application = gtk_window_get_application (GTK_WINDOW (self));
    id = g_strdup (posada_machine_get_id (self->machine));
    if (application)
        g_object_ref (application);
    gtk_window_destroy (GTK_WINDOW (self));
    if (application && id)
        g_action_group_activate_action (G_ACTION_GROUP (application), "open-console",
                                        g_variant_new_string (id));
}
