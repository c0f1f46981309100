/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests of the application's parts share: a window with fake machines, and waiting. */
#pragma once

#include "app/posada-lifecycle.h"
#include "app/posada-settings.h"

#include "find-widget.h"
#include "tap.h"

static inline void
settle (guint milliseconds)
{
    gint64 end = g_get_monotonic_time () + milliseconds * G_TIME_SPAN_MILLISECOND;

    while (g_get_monotonic_time () < end)
        if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (1000);
}

#define WAIT(condition)                                                   \
    do {                                                                  \
        gint64 until = g_get_monotonic_time () + 10 * G_TIME_SPAN_SECOND; \
        while (!(condition) && g_get_monotonic_time () < until)           \
            settle (10);                                                  \
        CHECK (condition);                                                \
    } while (0)

static inline GtkWidget *
find_button (GtkWidget *widget)
{
    /* Not that in a row, which has no label. */
    if (GTK_IS_BUTTON (widget) && gtk_widget_has_css_class (widget, "suggested-action") &&
        gtk_button_get_label (GTK_BUTTON (widget)))
        return widget;
    for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
         child = gtk_widget_get_next_sibling (child)) {
        GtkWidget *found = find_button (child);

        if (found)
            return found;
    }
    return NULL;
}

/* Presses the button that is suggested. */
static inline void
confirm (GtkWidget *widget)
{
    GtkWidget *button = find_button (widget);

    CHECK (button && gtk_widget_get_sensitive (button));
    g_signal_emit_by_name (button, "clicked");
    settle (100);
}

static inline PosadaMachine *
nth_machine (PosadaLibrary *library, guint i)
{
    g_autoptr (PosadaMachine) machine =
        g_list_model_get_item (G_LIST_MODEL (posada_library_get_machines (library)), i);

    return machine;
}

/* A library, its window, an application around both, and the settings as they are by default. */
typedef struct {
    GtkApplication *application;
    GSettings *settings;
    PosadaLibrary *library;
    PosadaWindow *window;
    PosadaLifecycle *lifecycle;
    gboolean quit;
} Rig;

static inline void
rig_init (Rig *rig, guint n)
{
    static guint count;
    g_autofree char *id = NULL;

    *rig = (Rig) {.settings = posada_settings_get (), .library = posada_library_new_fake (n)};
    g_assert_nonnull (rig->settings);
    g_settings_reset (rig->settings, POSADA_SETTINGS_ON_CLOSE);
    g_settings_reset (rig->settings, POSADA_SETTINGS_ON_QUIT);
    g_settings_reset (rig->settings, POSADA_SETTINGS_SAVE_ON_LOG_OUT);
    g_settings_reset (rig->settings, POSADA_SETTINGS_ORDER);
    /* Two of one name cannot be on the bus, and the one before may still be. */
    id = g_strdup_printf ("io.posada.Test%u", ++count);
    rig->application = gtk_application_new (id, G_APPLICATION_NON_UNIQUE);
    CHECK (g_application_register (G_APPLICATION (rig->application), NULL, NULL));
    rig->window = posada_window_new (rig->application, rig->library);
    rig->lifecycle = posada_lifecycle_new (rig->application, rig->library, rig->settings);
    posada_lifecycle_set_window (rig->lifecycle, rig->window);
    gtk_window_present (GTK_WINDOW (rig->window));
    settle (100);
}

static inline void
rig_fini (Rig *rig)
{
    gpointer gone[] = {rig->lifecycle, rig->window, rig->library};

    for (gsize i = 0; i < G_N_ELEMENTS (gone); i++)
        g_object_add_weak_pointer (gone[i], &gone[i]);
    g_object_unref (rig->lifecycle);
    gtk_window_destroy (GTK_WINDOW (rig->window));
    g_object_unref (rig->library);
    settle (400);
    for (gsize i = 0; i < G_N_ELEMENTS (gone); i++)
        CHECK (gone[i] == NULL);
    g_object_unref (rig->application);
}

static inline void
start (PosadaMachine *machine)
{
    dex_future_disown (posada_machine_start (machine));
    WAIT (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
}

static inline void
answer (Rig *rig, const char *response)
{
    AdwDialog *dialog =
        adw_application_window_get_visible_dialog (ADW_APPLICATION_WINDOW (rig->window));

    CHECK (ADW_IS_ALERT_DIALOG (dialog));
    g_signal_emit_by_name (dialog, "response", response);
    adw_dialog_force_close (dialog);
    settle (300);
}

/* What main () does: warnings are fatal. */
static inline int
run_app_tests (int argc, char **argv)
{
    static const char *const domains[] = {"Gtk",          "Gdk",        "Gsk",           "Adwaita",
                                          "GLib-GObject", "posada-app", "posada-machine"};

    dex_init ();
    adw_init ();
    /* GIO warns that nobody here shows notifications. */
    g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    for (gsize i = 0; i < G_N_ELEMENTS (domains); i++)
        g_log_set_fatal_mask (domains[i], G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL);
    return tap_main (argc, argv);
}
