/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <linux/input-event-codes.h>

#include "app/posada-console-keys.h"
#include "app/posada-console-page.h"
#include "app/posada-console-window.h"
#include "app/posada-machine-page.h"
#include "app/posada-machine-row.h"
#include "app/posada-screenshot.h"
#include "app/posada-shortcuts.h"
#include "app/posada-window.h"
#include "console/posada-console.h"
#include "machine/posada-fake-machine.h"

#include "find-widget.h"
#include "tap.h"

static void
settle (void)
{
    gint64 end = g_get_monotonic_time () + 300 * G_TIME_SPAN_MILLISECOND;

    while (g_get_monotonic_time () < end) {
        while (g_main_context_iteration (NULL, FALSE))
            ;
        g_usleep (2000);
    }
}

static PosadaMachine *
first_machine (PosadaLibrary *library)
{
    g_autoptr (PosadaMachine) machine =
        g_list_model_get_item (G_LIST_MODEL (posada_library_get_machines (library)), 0);

    return machine;
}

static gboolean
activate (GtkWidget *widget, const char *action)
{
    gboolean done = gtk_widget_activate_action (widget, action, NULL);

    settle ();
    return done;
}

TEST (row_says_name_and_state)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Alpha", NULL);
    g_autoptr (GtkWidget) row = g_object_ref_sink (posada_machine_row_new ());
    g_autofree char *off = posada_machine_row_describe (machine);
    g_autofree char *running = NULL;

    posada_machine_row_set_machine (POSADA_MACHINE_ROW (row), machine);
    CHECK (strcmp (off, posada_machine_state_to_label (POSADA_MACHINE_OFF)) == 0);
    dex_future_disown (posada_machine_start (machine));
    settle ();
    posada_fake_machine_age (POSADA_FAKE_MACHINE (machine), 3);
    running = posada_machine_row_describe (machine);
    CHECK (strchr (running, '%') != NULL);
    posada_machine_row_set_machine (POSADA_MACHINE_ROW (row), NULL);
}

TEST (page_operates_its_machine)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Alpha", "Some System");
    g_autoptr (GtkWidget) page = g_object_ref_sink (g_object_new (POSADA_TYPE_MACHINE_PAGE, NULL));

    posada_machine_page_set_machine (POSADA_MACHINE_PAGE (page), machine);
    CHECK (activate (page, "machine.start"));
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
    CHECK (activate (page, "machine.pause"));
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_PAUSED);
    CHECK (activate (page, "machine.resume"));
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
    activate (page, "machine.delete");
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
    CHECK (activate (page, "machine.force-off"));
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_OFF);
}

TEST (every_combination_of_the_menu_is_known)
{
    static const char *const names[] = {
        "ctrl-alt-delete",
        "ctrl-alt-backspace",
        "ctrl-shift-escape",
        "alt-tab",
        "alt-f4",
        "super",
        "super-l",
        "print-screen",
        "pause",
        "scroll-lock",
        "insert",
    };
    guint codes[POSADA_CONSOLE_KEYS_MAX];

    for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
        CHECK (posada_console_keys_find (names[i], codes) > 0);
    for (int i = 1; i <= 12; i++) {
        g_autofree char *name = g_strdup_printf ("ctrl-alt-f%d", i);

        CHECK (posada_console_keys_find (name, codes) == 3);
        CHECK (codes[2] == (guint) (i <= 10 ? KEY_F1 + i - 1 : KEY_F11 + i - 11));
    }
    CHECK (posada_console_keys_find ("nothing", codes) == 0);
}

TEST (console_page_sends_combinations)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Alpha", NULL);
    g_autoptr (GtkWidget) page = g_object_ref_sink (GTK_WIDGET (posada_console_page_new (machine)));

    CHECK (strcmp (adw_navigation_page_get_title (ADW_NAVIGATION_PAGE (page)),
                   "Console of Alpha") == 0);
    dex_future_disown (posada_machine_start (machine));
    settle ();
    gtk_widget_activate_action (page, "console.send-keys", "s", "ctrl-alt-delete");
    settle ();
    CHECK (strstr (posada_fake_machine_get_input (POSADA_FAKE_MACHINE (machine)),
                   "key 111 down\nkey 111 up\nkey 56 up\nkey 29 up\n") != NULL);
}

static gboolean
types_now (PosadaMachine *machine, const char *expected)
{
    return strstr (posada_fake_machine_get_input (POSADA_FAKE_MACHINE (machine)), expected) != NULL;
}

TEST (console_page_pastes_what_can_be_typed)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Alpha", NULL);
    GtkWindow *window = GTK_WINDOW (gtk_window_new ());
    GtkWidget *page = GTK_WIDGET (posada_console_page_new (machine));

    gtk_window_set_child (window, page);
    gtk_window_present (window);
    dex_future_disown (posada_machine_start (machine));
    settle ();
    gdk_clipboard_set_text (gtk_widget_get_clipboard (page), "ls");
    CHECK (activate (page, "console.paste-keys"));
    CHECK (types_now (machine, "key 38 down\nkey 38 up\nkey 31 down\nkey 31 up\n"));
    CHECK (activate (page, "console.copy-screenshot"));
    CHECK (gdk_content_formats_contain_gtype (
        gdk_clipboard_get_formats (gtk_widget_get_clipboard (page)), GDK_TYPE_TEXTURE));
    gtk_window_destroy (window);
    settle ();
}

TEST (screenshots_are_files)
{
    g_autofree char *name = posada_screenshot_make_name ("a/b: \"c\"");
    g_autofree char *path = g_build_filename (g_get_tmp_dir (), name, NULL);
    g_autoptr (GFile) file = g_file_new_for_path (path);
    g_autoptr (GBytes) bytes = g_bytes_new_static ("\xff\x00\x00\xff\x00\xff\x00\xff", 8);
    g_autoptr (GdkTexture) texture = gdk_memory_texture_new (2, 1, GDK_MEMORY_R8G8B8A8, bytes, 8);
    g_autoptr (GdkTexture) read = NULL;

    CHECK (g_str_has_prefix (name, "a-b- -c- 2") && g_str_has_suffix (name, ".png"));
    dex_future_disown (posada_screenshot_write (texture, file));
    settle ();
    read = gdk_texture_new_from_file (file, NULL);
    CHECK (read && gdk_texture_get_width (read) == 2);
    g_file_delete (file, NULL, NULL);
}

static gboolean
shows_screen (GtkWidget *widget, PosadaMachine *machine)
{
    PosadaConsole *console = POSADA_CONSOLE (find_widget (widget, POSADA_TYPE_CONSOLE));

    return posada_console_get_display (console) == posada_machine_get_display (machine);
}

TEST (a_page_gives_its_screen_to_a_window_and_has_it_back)
{
    PosadaMachine *machine = posada_fake_machine_new ("Alpha", NULL);
    GtkWidget *page, *later, *window = adw_window_new ();

    dex_future_disown (posada_machine_start (machine));
    settle ();
    page = GTK_WIDGET (posada_console_page_new (machine));
    adw_window_set_content (ADW_WINDOW (window), page);
    CHECK (shows_screen (page, machine));
    for (int i = 0; i < 2; i++) {
        GtkWidget *other;

        CHECK (activate (page, "console.open-window"));
        other = GTK_WIDGET (posada_console_window_find (machine));
        CHECK (other && shows_screen (other, machine) && !shows_screen (page, machine));
        g_object_add_weak_pointer (G_OBJECT (other), (gpointer *) &other);
        /* Nor does a page show it that is opened meanwhile, or that is asked again. */
        later = g_object_ref_sink (GTK_WIDGET (posada_console_page_new (machine)));
        CHECK (!shows_screen (later, machine));
        g_object_unref (later);
        activate (page, "console.open-window");
        CHECK (shows_screen (other, machine));
        CHECK (activate (page, "console.show-window"));
        CHECK (i ? activate (page, "console.bring-back") : activate (other, "win.close"));
        CHECK (!other && shows_screen (page, machine));
    }
    /* From there it comes back as well. */
    CHECK (activate (page, "console.open-window"));
    CHECK (activate (
        find_widget (GTK_WIDGET (posada_console_window_find (machine)), POSADA_TYPE_CONSOLE_PAGE),
        "console.bring-back"));
    CHECK (!posada_console_window_find (machine) && shows_screen (page, machine));
    gtk_window_destroy (GTK_WINDOW (window));
    settle ();
    g_assert_finalize_object (machine);
}

TEST (console_windows_are_one_for_each_machine)
{
    PosadaMachine *machines[3];
    GtkWidget *windows[3];

    for (int i = 0; i < 3; i++) {
        machines[i] = posada_fake_machine_new ("Alpha", NULL);
        dex_future_disown (posada_machine_start (machines[i]));
        windows[i] = GTK_WIDGET (posada_console_window_open (NULL, machines[i]));
        g_object_add_weak_pointer (G_OBJECT (windows[i]), (gpointer *) &windows[i]);
    }
    settle ();
    CHECK (windows[0] != windows[1]);
    CHECK (GTK_WIDGET (posada_console_window_open (NULL, machines[1])) == windows[1]);
    CHECK (activate (windows[1], "machine.pause"));
    CHECK (posada_machine_get_state (machines[1]) == POSADA_MACHINE_PAUSED);
    CHECK (posada_machine_get_state (machines[0]) == POSADA_MACHINE_RUNNING);
    CHECK (activate (windows[0], "win.close"));
    CHECK (!windows[0] && windows[1]);
    CHECK (!posada_console_window_find (machines[0]));
    CHECK (activate (windows[1], "machine.force-off"));
    CHECK (windows[1]);
    for (int i = 1; i < 3; i++)
        gtk_window_destroy (GTK_WINDOW (windows[i]));
    settle ();
    for (int i = 0; i < 3; i++) {
        CHECK (!windows[i]);
        dex_future_disown (posada_machine_force_off (machines[i]));
        settle ();
        g_object_add_weak_pointer (G_OBJECT (machines[i]), (gpointer *) &machines[i]);
        g_object_unref (machines[i]);
        CHECK (!machines[i]);
    }
}

TEST (window_lists_runs_and_deletes)
{
    PosadaLibrary *library = posada_library_new_fake (5);
    GListModel *machines = G_LIST_MODEL (posada_library_get_machines (library));
    PosadaWindow *window = posada_window_new (NULL, library);
    PosadaMachine *machine = first_machine (library);

    g_object_ref (machine);
    gtk_window_present (GTK_WINDOW (window));
    posada_window_select (window, machine);
    settle ();
    dex_future_disown (posada_machine_start (machine));
    settle ();
    CHECK (posada_library_count_running (library) == 1);
    posada_window_open_console (window, machine);
    settle ();
    dex_future_disown (posada_machine_force_off (machine));
    settle ();
    dex_future_disown (posada_library_delete (library, machine));
    settle ();
    CHECK (g_list_model_get_n_items (machines) == 4);
    dex_future_disown (posada_library_restore (library, machine));
    settle ();
    CHECK (g_list_model_get_n_items (machines) == 5);
    gtk_window_destroy (GTK_WINDOW (window));
    g_object_unref (machine);
    g_object_unref (library);
    settle ();
}

TEST (window_and_machines_are_finalized)
{
    PosadaLibrary *library = posada_library_new_fake (2);
    PosadaMachine *machine = first_machine (library);
    PosadaWindow *window = posada_window_new (NULL, library);
    gpointer gone[3] = {library, machine, window};

    for (gsize i = 0; i < G_N_ELEMENTS (gone); i++)
        g_object_add_weak_pointer (gone[i], &gone[i]);
    gtk_window_present (GTK_WINDOW (window));
    posada_window_open_console (window, machine);
    settle ();
    gtk_window_destroy (GTK_WINDOW (window));
    g_object_unref (library);
    settle ();
    CHECK (gone[2] == NULL);
    CHECK (gone[1] == NULL);
    CHECK (gone[0] == NULL);
}

/* What does not fit is a warning of libadwaita, and warnings are fatal here. */
TEST (every_page_fits_into_a_narrow_window)
{
    static const char *const pages[] = {"machine.snapshots", "machine.disks", "machine.console"};
    PosadaLibrary *library = posada_library_new_fake (2);
    PosadaMachine *machine = g_object_ref (first_machine (library));
    PosadaWindow *window = posada_window_new (NULL, library);
    GtkWidget *page = find_widget (GTK_WIDGET (window), POSADA_TYPE_MACHINE_PAGE);
    GtkWidget *navigation = find_widget (page, ADW_TYPE_NAVIGATION_VIEW);

    gtk_window_set_default_size (GTK_WINDOW (window), 360, 294);
    gtk_window_present (GTK_WINDOW (window));
    posada_window_select (window, machine);
    settle ();
    CHECK (gtk_widget_get_width (GTK_WIDGET (window)) <= 360);
    dex_future_disown (posada_machine_start (machine));
    settle ();
    for (gsize i = 0; i < G_N_ELEMENTS (pages); i++) {
        CHECK (activate (page, pages[i]));
        settle ();
        CHECK (gtk_widget_get_width (page) <= 360);
        adw_navigation_view_pop (ADW_NAVIGATION_VIEW (navigation));
        settle ();
    }
    /* The buttons that moved below work, and come back. */
    CHECK (activate (page, "machine.pause"));
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_PAUSED);
    gtk_window_set_default_size (GTK_WINDOW (window), 1000, 600);
    settle ();
    CHECK (gtk_widget_get_ancestor (find_widget (page, GTK_TYPE_MENU_BUTTON), ADW_TYPE_HEADER_BAR));
    dex_future_disown (posada_machine_force_off (machine));
    settle ();
    gtk_window_destroy (GTK_WINDOW (window));
    g_object_unref (machine);
    g_object_unref (library);
    settle ();
}

/* Whether the overview of a machine asks for no more than it has, left and right of where the page
 * changes its shape. */
static void
check_overview_fits (PosadaWindow *window)
{
    static const int widths[] = {360, 485, 495, 725, 735};
    GtkWidget *page = find_widget (GTK_WIDGET (window), POSADA_TYPE_MACHINE_PAGE);
    GtkWidget *bin = find_widget (page, ADW_TYPE_BREAKPOINT_BIN);
    int minimum;

    for (gsize i = 0; i < G_N_ELEMENTS (widths); i++) {
        gtk_window_set_default_size (GTK_WINDOW (window), widths[i], 294);
        settle ();
        CHECK (gtk_widget_get_width (GTK_WIDGET (window)) <= widths[i]);
        CHECK (gtk_widget_get_width (page) <= gtk_widget_get_width (GTK_WIDGET (window)));
        gtk_widget_measure (adw_breakpoint_bin_get_child (ADW_BREAKPOINT_BIN (bin)),
                            GTK_ORIENTATION_HORIZONTAL, -1, &minimum, NULL, NULL, NULL);
        CHECK (minimum <= gtk_widget_get_width (bin));
    }
}

/* With as many buttons as a window manager may want. */
TEST (a_machine_in_every_state_fits_beside_all_window_buttons)
{
    static const char *const layouts[] = {"icon,menu:minimize,maximize,close",
                                          "close,minimize,maximize:icon,menu"};
    PosadaLibrary *library = posada_library_new_fake (2);
    PosadaMachine *machine = g_object_ref (first_machine (library));
    PosadaWindow *window = posada_window_new (NULL, library);
    GtkWidget *page = find_widget (GTK_WIDGET (window), POSADA_TYPE_MACHINE_PAGE);
    g_autofree char *name = g_strnfill (60, 'W');

    gtk_window_set_default_size (GTK_WINDOW (window), 360, 294);
    gtk_window_present (GTK_WINDOW (window));
    posada_window_select (window, machine);
    dex_future_disown (posada_machine_rename (machine, name));
    for (gsize i = 0; i < G_N_ELEMENTS (layouts); i++) {
        g_object_set (gtk_settings_get_default (), "gtk-decoration-layout", layouts[i], NULL);
        check_overview_fits (window);
        dex_future_disown (posada_machine_start (machine));
        settle ();
        check_overview_fits (window);
        CHECK (activate (page, "machine.pause"));
        check_overview_fits (window);
        dex_future_disown (posada_machine_force_off (machine));
        settle ();
    }
    gtk_settings_reset_property (gtk_settings_get_default (), "gtk-decoration-layout");
    gtk_window_destroy (GTK_WINDOW (window));
    g_object_unref (machine);
    g_object_unref (library);
    settle ();
}

TEST (shortcuts_dialog_is_built)
{
    AdwDialog *dialog = g_object_ref_sink (posada_shortcuts_new (NULL));

    CHECK (adw_dialog_get_child (dialog) != NULL);
    g_object_unref (dialog);
}

int
main (int argc, char **argv)
{
    dex_init ();
    adw_init ();
    g_log_set_always_fatal (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    return tap_main (argc, argv);
}
