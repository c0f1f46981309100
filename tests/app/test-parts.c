/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dialogs, preferences, thumbnails, and what closing and quitting do, on fake machines. */
#include "app/posada-host-dialog.h"
#include "app/posada-lifecycle.h"
#include "app/posada-machine-page.h"
#include "app/posada-preferences.h"
#include "app/posada-rename-dialog.h"
#include "app/posada-settings.h"
#include "app/posada-thumbnailer.h"
#include "machine/posada-fake-machine.h"
#include "store/posada-file.h"

#include "tap.h"

static void
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

static GtkWidget *
find (GtkWidget *widget, GType type)
{
    if (G_TYPE_CHECK_INSTANCE_TYPE (widget, type))
        return widget;
    for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
         child = gtk_widget_get_next_sibling (child)) {
        GtkWidget *found = find (child, type);

        if (found)
            return found;
    }
    return NULL;
}

static GtkWidget *
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
static void
confirm (GtkWidget *widget)
{
    GtkWidget *button = find_button (widget);

    CHECK (button && gtk_widget_get_sensitive (button));
    g_signal_emit_by_name (button, "clicked");
    settle (100);
}

static PosadaMachine *
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

static void
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

static void
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

static void
start (PosadaMachine *machine)
{
    dex_future_disown (posada_machine_start (machine));
    WAIT (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
}

static void
answer (Rig *rig, const char *response)
{
    AdwDialog *dialog =
        adw_application_window_get_visible_dialog (ADW_APPLICATION_WINDOW (rig->window));

    CHECK (ADW_IS_ALERT_DIALOG (dialog));
    g_signal_emit_by_name (dialog, "response", response);
    adw_dialog_force_close (dialog);
    settle (300);
}

TEST (closing_asks_once_and_then_hides_while_a_machine_runs)
{
    Rig rig;
    PosadaMachine *machine;

    rig_init (&rig, 1);
    machine = nth_machine (rig.library, 0);
    start (machine);
    gtk_window_close (GTK_WINDOW (rig.window));
    settle (50);
    CHECK (gtk_widget_get_visible (GTK_WIDGET (rig.window)));
    answer (&rig, "keep");
    CHECK (!gtk_widget_get_visible (GTK_WIDGET (rig.window)));
    CHECK (g_settings_get_enum (rig.settings, POSADA_SETTINGS_ON_CLOSE) ==
           POSADA_CLOSE_KEEP_RUNNING);
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
    posada_lifecycle_presented (rig.lifecycle);
    gtk_window_present (GTK_WINDOW (rig.window));
    gtk_window_close (GTK_WINDOW (rig.window));
    settle (50);
    CHECK (!gtk_widget_get_visible (GTK_WIDGET (rig.window)));
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
    dex_future_disown (posada_machine_force_off (machine));
    WAIT (posada_machine_get_state (machine) == POSADA_MACHINE_OFF);
    rig_fini (&rig);
}

TEST (quitting_asks_and_does_what_is_answered)
{
    Rig rig;

    rig_init (&rig, 2);
    start (nth_machine (rig.library, 0));
    start (nth_machine (rig.library, 1));
    posada_lifecycle_quit (rig.lifecycle);
    settle (50);
    answer (&rig, "cancel");
    CHECK_EQUAL (posada_library_count_running (rig.library), 2);
    posada_lifecycle_quit (rig.lifecycle);
    settle (50);
    answer (&rig, "shut-down");
    WAIT (posada_library_count_running (rig.library) == 0);
    rig_fini (&rig);
}

TEST (quitting_asks_nothing_that_was_decided)
{
    Rig rig;

    rig_init (&rig, 1);
    start (nth_machine (rig.library, 0));
    dex_future_disown (posada_machine_pause (nth_machine (rig.library, 0)));
    WAIT (posada_machine_get_state (nth_machine (rig.library, 0)) == POSADA_MACHINE_PAUSED);
    g_settings_set_enum (rig.settings, POSADA_SETTINGS_ON_QUIT, POSADA_QUIT_FORCE_OFF);
    posada_lifecycle_quit (rig.lifecycle);
    WAIT (posada_library_count_running (rig.library) == 0);
    rig_fini (&rig);
}

TEST (quitting_saves_if_that_is_wanted_and_stays_if_it_fails)
{
    Rig rig;
    PosadaMachine *machine;
    AdwDialog *dialog;

    rig_init (&rig, 2);
    machine = nth_machine (rig.library, 0);
    start (machine);
    g_settings_set_enum (rig.settings, POSADA_SETTINGS_ON_QUIT, POSADA_QUIT_SAVE);
    posada_fake_machine_fail_next (POSADA_FAKE_MACHINE (machine), "The disk is full: make room.");
    posada_lifecycle_quit (rig.lifecycle);
    settle (500);
    dialog = adw_application_window_get_visible_dialog (ADW_APPLICATION_WINDOW (rig.window));
    CHECK (dialog && gtk_widget_get_visible (GTK_WIDGET (rig.window)));
    CHECK_CONTAINS (adw_alert_dialog_get_body (ADW_ALERT_DIALOG (dialog)), "make room");
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
    answer (&rig, "close");

    g_settings_set_enum (rig.settings, POSADA_SETTINGS_ON_QUIT, POSADA_QUIT_ASK);
    posada_lifecycle_quit (rig.lifecycle);
    settle (50);
    answer (&rig, "save");
    WAIT (posada_library_count_running (rig.library) == 0);
    CHECK (posada_machine_get_saved (machine));
    CHECK (!posada_machine_get_saved (nth_machine (rig.library, 1)));
    rig_fini (&rig);
}

TEST (the_end_of_the_session_saves_unless_that_is_not_preferred)
{
    Rig rig;

    rig_init (&rig, 1);
    start (nth_machine (rig.library, 0));
    g_settings_set_boolean (rig.settings, POSADA_SETTINGS_SAVE_ON_LOG_OUT, FALSE);
    g_signal_emit_by_name (rig.application, "query-end");
    settle (400);
    CHECK_EQUAL (posada_library_count_running (rig.library), 1);
    g_settings_reset (rig.settings, POSADA_SETTINGS_SAVE_ON_LOG_OUT);
    g_signal_emit_by_name (rig.application, "query-end");
    WAIT (posada_library_count_running (rig.library) == 0);
    CHECK (posada_machine_get_saved (nth_machine (rig.library, 0)));
    rig_fini (&rig);
}

TEST (a_saved_state_is_discarded_after_asking)
{
    Rig rig;
    PosadaMachine *machine;
    GtkWidget *page;

    rig_init (&rig, 1);
    machine = nth_machine (rig.library, 0);
    start (machine);
    dex_future_disown (posada_machine_save (machine));
    WAIT (posada_machine_get_saved (machine));
    page = find (GTK_WIDGET (rig.window), POSADA_TYPE_MACHINE_PAGE);
    CHECK (gtk_widget_activate_action (page, "machine.discard-saved", NULL));
    settle (100);
    answer (&rig, "cancel");
    CHECK (posada_machine_get_saved (machine));
    CHECK (gtk_widget_activate_action (page, "machine.discard-saved", NULL));
    settle (100);
    answer (&rig, "discard");
    WAIT (!posada_machine_get_saved (machine));
    rig_fini (&rig);
}

TEST (a_machine_that_is_off_shows_the_picture_that_is_kept)
{
    g_autofree char *top = g_dir_make_tmp ("posada-picture-XXXXXX", NULL);
    g_autoptr (PosadaStore) store = posada_store_new (top);
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("Alpha", NULL);
    static const guint32 pixels[2] = {0xff112233, 0xff445566};
    g_autoptr (GBytes) bytes = g_bytes_new_static (pixels, sizeof pixels);
    g_autoptr (GdkTexture) wide =
        gdk_memory_texture_new (2, 1, GDK_MEMORY_B8G8R8X8, bytes, sizeof pixels);
    g_autoptr (GdkTexture) high = gdk_memory_texture_new (1, 2, GDK_MEMORY_B8G8R8X8, bytes, 4);
    g_autofree char *uuid = NULL, *folder = NULL, *last = NULL, *saved = NULL, *picture = NULL;
    PosadaLibrary *library = posada_library_new (store);
    PosadaThumbnailer *thumbnailer;
    PosadaMachine *machine;

    CHECK (posada_store_create (store, definition, NULL, NULL, NULL));
    uuid = posada_definition_get_uuid (definition);
    folder = posada_store_get_machine_folder (store, uuid);
    last = g_build_filename (folder, POSADA_THUMBNAIL_FILE, NULL);
    CHECK (gdk_texture_save_to_png (wide, last));
    thumbnailer = posada_thumbnailer_new (library);
    dex_future_disown (posada_library_load (library));
    WAIT (g_list_model_get_n_items (G_LIST_MODEL (posada_library_get_machines (library))) == 1);
    machine = nth_machine (library, 0);
    WAIT (posada_machine_get_thumbnail (machine));
    CHECK_EQUAL (gdk_texture_get_width (GDK_TEXTURE (posada_machine_get_thumbnail (machine))), 2);

    saved = g_build_filename (folder, "snapshots", "saved", NULL);
    picture = g_build_filename (saved, "screen.png", NULL);
    CHECK_EQUAL (g_mkdir_with_parents (saved, 0700), 0);
    CHECK (gdk_texture_save_to_png (high, picture));
    posada_machine_set_saved (machine, TRUE);
    WAIT (gdk_texture_get_height (GDK_TEXTURE (posada_machine_get_thumbnail (machine))) == 2);
    g_object_unref (thumbnailer);
    g_object_unref (library);
    settle (200);
    posada_file_remove_tree (top, NULL);
}

TEST (a_name_that_is_refused_stays_with_the_reason)
{
    Rig rig;
    PosadaMachine *machine;
    AdwDialog *dialog;
    GtkEditable *row;

    rig_init (&rig, 1);
    machine = nth_machine (rig.library, 0);
    dialog = posada_rename_dialog_new (machine);
    adw_dialog_present (dialog, GTK_WIDGET (rig.window));
    settle (100);
    row = GTK_EDITABLE (find (GTK_WIDGET (dialog), ADW_TYPE_ENTRY_ROW));
    gtk_editable_set_text (row, "a/b");
    confirm (GTK_WIDGET (dialog));
    CHECK (adw_application_window_get_visible_dialog (ADW_APPLICATION_WINDOW (rig.window)) ==
           dialog);
    WAIT (gtk_widget_has_css_class (GTK_WIDGET (row), "error"));
    CHECK (strcmp (gtk_editable_get_text (row), "a/b") == 0);
    gtk_editable_set_text (row, "Better");
    CHECK (!gtk_widget_has_css_class (GTK_WIDGET (row), "error"));
    confirm (GTK_WIDGET (dialog));
    WAIT (!adw_application_window_get_visible_dialog (ADW_APPLICATION_WINDOW (rig.window)));
    CHECK (strcmp (posada_machine_get_name (machine), "Better") == 0);
    rig_fini (&rig);
}

TEST (preferences_and_settings_are_one)
{
    Rig rig;
    AdwDialog *dialog;
    GtkWidget *row;
    g_autofree char *keys = NULL;
    gpointer gone;

    rig_init (&rig, 0);
    dialog = posada_preferences_new (rig.settings);
    gone = dialog;
    g_object_add_weak_pointer (G_OBJECT (dialog), &gone);
    adw_dialog_present (dialog, GTK_WIDGET (rig.window));
    settle (100);
    row = find (GTK_WIDGET (dialog), ADW_TYPE_COMBO_ROW);
    CHECK_EQUAL (adw_combo_row_get_selected (ADW_COMBO_ROW (row)), 0);
    adw_combo_row_set_selected (ADW_COMBO_ROW (row), 1);
    keys = g_settings_get_string (rig.settings, POSADA_SETTINGS_RELEASE_KEYS);
    CHECK (strcmp (keys, "ctrl+shift") == 0);
    g_settings_reset (rig.settings, POSADA_SETTINGS_RELEASE_KEYS);
    CHECK_EQUAL (adw_combo_row_get_selected (ADW_COMBO_ROW (row)), 0);
    adw_dialog_force_close (dialog);
    rig_fini (&rig);
    CHECK (gone == NULL);
}

TEST (colors_follow_the_preference)
{
    GSettings *settings = posada_settings_get ();
    AdwStyleManager *style = adw_style_manager_get_default ();

    posada_settings_follow_colors (settings);
    g_settings_set_string (settings, POSADA_SETTINGS_COLOR_SCHEME, "dark");
    CHECK (adw_style_manager_get_color_scheme (style) == ADW_COLOR_SCHEME_FORCE_DARK);
    g_settings_set_string (settings, POSADA_SETTINGS_COLOR_SCHEME, "light");
    CHECK (adw_style_manager_get_color_scheme (style) == ADW_COLOR_SCHEME_FORCE_LIGHT);
    g_settings_reset (settings, POSADA_SETTINGS_COLOR_SCHEME);
    CHECK (adw_style_manager_get_color_scheme (style) == ADW_COLOR_SCHEME_DEFAULT);
}

TEST (a_host_without_permission_offers_a_command)
{
    PosadaHost host = {
        .id = (char *) "no-permission",
        .summary = (char *) "It may not be opened.",
        .advice = (char *) "Ask <somebody>.",
        .command = (char *) "sudo usermod -aG kvm me",
    };
    AdwDialog *dialog = g_object_ref_sink (posada_host_dialog_new (&host));
    GtkWidget *page = find (adw_dialog_get_child (dialog), ADW_TYPE_STATUS_PAGE);

    CHECK (strstr (adw_status_page_get_description (ADW_STATUS_PAGE (page)), "&lt;somebody&gt;"));
    CHECK (find (page, GTK_TYPE_BUTTON) != NULL);
    g_object_unref (dialog);
    host.command = NULL;
    dialog = g_object_ref_sink (posada_host_dialog_new (&host));
    page = find (adw_dialog_get_child (dialog), ADW_TYPE_STATUS_PAGE);
    CHECK (adw_status_page_get_child (ADW_STATUS_PAGE (page)) == NULL);
    g_object_unref (dialog);
}

TEST (thumbnails_are_small_and_only_of_what_runs)
{
    g_autoptr (PosadaLibrary) library = posada_library_new_fake (2);
    PosadaThumbnailer *thumbnailer = posada_thumbnailer_new (library);
    PosadaMachine *machine = nth_machine (library, 0);
    gpointer gone = thumbnailer;
    GIcon *thumbnail;

    g_object_add_weak_pointer (G_OBJECT (thumbnailer), &gone);
    start (machine);
    WAIT (posada_machine_get_thumbnail (machine) != NULL);
    thumbnail = posada_machine_get_thumbnail (machine);
    CHECK (gdk_texture_get_width (GDK_TEXTURE (thumbnail)) <= POSADA_THUMBNAIL_WIDTH);
    CHECK (gdk_texture_get_height (GDK_TEXTURE (thumbnail)) <= POSADA_THUMBNAIL_HEIGHT);
    CHECK (posada_machine_get_thumbnail (nth_machine (library, 1)) == NULL);
    dex_future_disown (posada_machine_force_off (machine));
    WAIT (posada_machine_get_state (machine) == POSADA_MACHINE_OFF);
    WAIT (posada_machine_get_thumbnail (machine) == NULL);
    g_object_unref (thumbnailer);
    CHECK (gone == NULL);
}

static char *
first_name (Rig *rig)
{
    GtkWidget *list = find (GTK_WIDGET (rig->window), GTK_TYPE_LIST_VIEW);
    g_autoptr (PosadaMachine) machine =
        g_list_model_get_item (G_LIST_MODEL (gtk_list_view_get_model (GTK_LIST_VIEW (list))), 0);

    return g_strdup (posada_machine_get_name (machine));
}

TEST (machines_are_sorted_by_name_state_and_use)
{
    Rig rig;
    g_autofree char *by_name = NULL, *by_state = NULL, *by_use = NULL;

    rig_init (&rig, 3); /* Debian, Fedora, Windows */
    by_name = first_name (&rig);
    CHECK (g_str_has_prefix (by_name, "Debian"));
    start (nth_machine (rig.library, 2));
    g_settings_set_enum (rig.settings, POSADA_SETTINGS_ORDER, POSADA_ORDER_STATE);
    settle (50);
    by_state = first_name (&rig);
    CHECK (g_str_has_prefix (by_state, "Windows"));
    posada_machine_set_used_at (nth_machine (rig.library, 1), G_MAXINT32);
    posada_machine_set_used_at (nth_machine (rig.library, 2), 5);
    g_settings_set_enum (rig.settings, POSADA_SETTINGS_ORDER, POSADA_ORDER_RECENT);
    settle (50);
    by_use = first_name (&rig);
    CHECK (g_str_has_prefix (by_use, "Fedora"));
    g_settings_reset (rig.settings, POSADA_SETTINGS_ORDER);
    rig_fini (&rig);
}

TEST (a_machine_outside_says_so_and_one_that_is_broken_has_a_way_out)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("One", NULL);
    GtkWidget *page = g_object_ref_sink (g_object_new (POSADA_TYPE_MACHINE_PAGE, NULL));
    GtkWidget *banner;

    posada_machine_page_set_machine (POSADA_MACHINE_PAGE (page), machine);
    banner = find (page, ADW_TYPE_BANNER);
    posada_machine_set_outside (machine, TRUE);
    posada_machine_set_state (machine, POSADA_MACHINE_RUNNING, "Running outside this window");
    CHECK (adw_banner_get_revealed (ADW_BANNER (banner)));
    posada_machine_set_outside (machine, FALSE);
    posada_machine_set_state (machine, POSADA_MACHINE_MISSING, "line 3: <oops>");
    CHECK (strcmp (gtk_stack_get_visible_child_name (GTK_STACK (find (page, GTK_TYPE_STACK))),
                   "broken") == 0);
    g_object_unref (page);
}

int
main (int argc, char **argv)
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
