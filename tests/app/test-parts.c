/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dialogs, preferences and thumbnails, on fake machines. */
#include "app/posada-host-dialog.h"
#include "app/posada-machine-facts.h"
#include "app/posada-machine-page.h"
#include "app/posada-preferences.h"
#include "app/posada-rename-dialog.h"
#include "app/posada-sparkline.h"
#include "app/posada-thumbnailer.h"
#include "machine/posada-fake-machine.h"
#include "store/posada-file.h"

#include "app-test.h"

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
    page = find_widget (GTK_WIDGET (rig.window), POSADA_TYPE_MACHINE_PAGE);
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
    row = GTK_EDITABLE (find_widget (GTK_WIDGET (dialog), ADW_TYPE_ENTRY_ROW));
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
    row = find_widget (GTK_WIDGET (dialog), ADW_TYPE_COMBO_ROW);
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
    GtkWidget *page = find_widget (adw_dialog_get_child (dialog), ADW_TYPE_STATUS_PAGE);

    CHECK (strstr (adw_status_page_get_description (ADW_STATUS_PAGE (page)), "&lt;somebody&gt;"));
    CHECK (find_widget (page, GTK_TYPE_BUTTON) != NULL);
    g_object_unref (dialog);
    host.command = NULL;
    dialog = g_object_ref_sink (posada_host_dialog_new (&host));
    page = find_widget (adw_dialog_get_child (dialog), ADW_TYPE_STATUS_PAGE);
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
    GtkWidget *list = find_widget (GTK_WIDGET (rig->window), GTK_TYPE_LIST_VIEW);
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

static void
new_from_cb (GSimpleAction *action, GVariant *parameter, char **uri)
{
    g_set_str (uri, g_variant_get_string (parameter, NULL));
}

/* As the drop target has it when a file is let go over @widget. */
static gboolean
drop (GtkWidget *widget, GFile *file)
{
    g_autoptr (GListModel) controllers = gtk_widget_observe_controllers (widget);

    for (guint i = 0; i < g_list_model_get_n_items (controllers); i++) {
        g_autoptr (GObject) controller = g_list_model_get_item (controllers, i);
        g_auto (GValue) value = G_VALUE_INIT;
        gboolean taken = FALSE;

        if (!GTK_IS_DROP_TARGET (controller))
            continue;
        CHECK (gdk_content_formats_contain_gtype (
            gtk_drop_target_get_formats (GTK_DROP_TARGET (controller)), G_TYPE_FILE));
        g_value_init (&value, G_TYPE_FILE);
        g_value_set_object (&value, file);
        g_signal_emit_by_name (controller, "drop", &value, 10.0, 10.0, &taken);
        return taken;
    }
    return FALSE;
}

TEST (a_file_dropped_on_the_window_is_for_a_new_machine)
{
    static const char name[] = "/somewhere/a disc, and “more”.iso";
    g_autoptr (GFile) file = g_file_new_for_path (name);
    g_autoptr (GSimpleAction) action = g_simple_action_new ("new-from", G_VARIANT_TYPE_STRING);
    g_autoptr (GFile) taken = NULL;
    g_autofree char *uri = NULL;
    Rig rig;

    rig_init (&rig, 0);
    g_signal_connect (action, "activate", G_CALLBACK (new_from_cb), &uri);
    g_action_map_add_action (G_ACTION_MAP (rig.application), G_ACTION (action));
    CHECK (drop (GTK_WIDGET (rig.window), file));
    CHECK (uri);
    taken = g_file_new_for_uri (uri);
    CHECK (g_file_equal (taken, file));
    rig_fini (&rig);
}

TEST (lengths_of_time_have_two_parts)
{
    static const struct {
        gint64 seconds;
        const char *text;
    } lengths[] = {
        {-5, "0 seconds"},
        {1, "1 second"},
        {59, "59 seconds"},
        {125, "2 minutes"},
        {2 * 3600 + 5 * 60 + 9, "2 hours, 5 minutes"},
        {24 * 3600, "1 day"},
        {3 * 24 * 3600 + 3600, "3 days, 1 hour"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++) {
        g_autofree char *text = posada_machine_facts_format_time (lengths[i].seconds);

        CHECK_STRING (text, lengths[i].text);
    }
}

static const char *
get_fact (GtkWidget *widget, const char *title)
{
    if (ADW_IS_ACTION_ROW (widget) &&
        g_str_equal (adw_preferences_row_get_title (ADW_PREFERENCES_ROW (widget)), title))
        return gtk_widget_get_visible (widget)
                   ? adw_action_row_get_subtitle (ADW_ACTION_ROW (widget))
                   : NULL;
    for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
         child = gtk_widget_get_next_sibling (child)) {
        const char *found = get_fact (child, title);

        if (found)
            return found;
    }
    return NULL;
}

TEST (what_runs_shows_its_activity)
{
    static const PosadaMachineSample sample = {
        .cpu = 0.25, .memory = 512 << 20, .disk_read = 3000000, .net_sent = 42000};
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Alpha", NULL);
    g_autoptr (GtkWidget) facts =
        g_object_ref_sink (g_object_new (POSADA_TYPE_MACHINE_FACTS, NULL));

    posada_machine_facts_set_machine (POSADA_MACHINE_FACTS (facts), machine);
    CHECK_STRING (get_fact (facts, "Memory"), "4\u00a0GiB");
    CHECK (!get_fact (facts, "Processor Load") && !get_fact (facts, "Running For"));
    start (machine);
    posada_machine_add_sample (machine, &sample);
    CHECK_STRING (get_fact (facts, "Processor Load"), "25 %");
    CHECK_STRING (get_fact (facts, "Memory in Use"), "512\u00a0MiB");
    CHECK_CONTAINS (get_fact (facts, "Disk Activity"), "3.0\u00a0MB\u2060/\u2060s\u00a0read, 0");
    CHECK_CONTAINS (get_fact (facts, "Network Activity"), ", 42.0\u00a0kB\u2060/\u2060s\u00a0sent");
    CHECK_CONTAINS (get_fact (facts, "Running For"), "second");
    dex_future_disown (posada_machine_force_off (machine));
    WAIT (posada_machine_get_state (machine) == POSADA_MACHINE_OFF);
    CHECK (!get_fact (facts, "Disk Activity") && !get_fact (facts, "Running For"));
    CHECK (!get_fact (facts, "Network Activity"));
}

/* How many pixels of its upper half a curve of one measure has, of samples that move the network
 * alone. */
static guint
count_high (PosadaMachine *machine, PosadaMeasure measure)
{
    GtkWidget *line = g_object_new (POSADA_TYPE_SPARKLINE, "measure", measure, "width-request", 60,
                                    "height-request", 20, NULL);
    GtkWidget *window = gtk_window_new ();
    g_autoptr (GdkPaintable) paintable = gtk_widget_paintable_new (line);
    g_autoptr (GtkSnapshot) snapshot = gtk_snapshot_new ();
    g_autoptr (GskRenderer) renderer = gsk_cairo_renderer_new ();
    g_autoptr (GdkTexture) texture = NULL;
    g_autoptr (GskRenderNode) node = NULL;
    guint32 pixels[20][60];
    guint n = 0;

    posada_sparkline_set_machine (POSADA_SPARKLINE (line), machine);
    gtk_window_set_child (GTK_WINDOW (window), line);
    gtk_window_present (GTK_WINDOW (window));
    settle (200);
    gdk_paintable_snapshot (paintable, snapshot, 60, 20);
    node = gtk_snapshot_to_node (snapshot);
    gsk_renderer_realize (renderer, NULL, NULL);
    texture = gsk_renderer_render_texture (renderer, node, &GRAPHENE_RECT_INIT (0, 0, 60, 20));
    gdk_texture_download (texture, (guchar *) pixels, sizeof pixels[0]);
    for (guint y = 0; y < 10; y++)
        for (guint x = 0; x < 60; x++)
            n += pixels[y][x] != 0;
    gsk_renderer_unrealize (renderer);
    gtk_window_destroy (GTK_WINDOW (window));
    return n;
}

TEST (each_curve_shows_its_measure)
{
    static const PosadaMachineSample sample = {.net_received = 1000000};
    static const PosadaMachineSample little = {.disk_read = 4096, .net_received = 1000000};
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("One", NULL);

    for (guint i = 0; i < POSADA_MACHINE_HISTORY; i++)
        posada_machine_add_sample (machine, i % 2 ? &sample : &little);
    CHECK (count_high (machine, POSADA_MEASURE_NETWORK) > 300);
    CHECK_EQUAL (count_high (machine, POSADA_MEASURE_LOAD), 0);
    /* Next to nothing stays at the bottom. */
    CHECK_EQUAL (count_high (machine, POSADA_MEASURE_DISKS), 0);
}

TEST (a_network_that_is_missing_while_it_runs_has_a_banner)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("One", NULL);
    GtkWidget *page = g_object_ref_sink (g_object_new (POSADA_TYPE_MACHINE_PAGE, NULL));
    AdwBanner *banner;

    posada_machine_page_set_machine (POSADA_MACHINE_PAGE (page), machine);
    banner = ADW_BANNER (
        gtk_widget_get_template_child (page, POSADA_TYPE_MACHINE_PAGE, "network_banner"));
    posada_machine_set_network (machine, POSADA_NETWORK_UNPLUGGED, "Install <it>.");
    CHECK (!adw_banner_get_revealed (banner));
    start (machine);
    CHECK (adw_banner_get_revealed (banner));
    CHECK_STRING (adw_banner_get_title (banner), "Install <it>.");
    posada_machine_set_network (machine, POSADA_NETWORK_HOST, NULL);
    CHECK (!adw_banner_get_revealed (banner));
    g_object_unref (page);
}

TEST (the_network_is_told_with_what_is_wrong_with_it)
{
    static const PosadaMachineSample sample = {0};
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Alpha", NULL);
    g_autoptr (GtkWidget) facts =
        g_object_ref_sink (g_object_new (POSADA_TYPE_MACHINE_FACTS, NULL));

    posada_machine_facts_set_machine (POSADA_MACHINE_FACTS (facts), machine);
    CHECK_STRING (get_fact (facts, "Network"), "Through this computer");
    start (machine);
    posada_machine_add_sample (machine, &sample);
    CHECK (get_fact (facts, "Network Activity"));
    posada_machine_set_network (machine, POSADA_NETWORK_UNPLUGGED, NULL);
    CHECK_STRING (get_fact (facts, "Network"), "Not connected");
    posada_machine_set_network (machine, POSADA_NETWORK_UNPLUGGED, "Install <it>.");
    CHECK_STRING (get_fact (facts, "Network"), "Install <it>.");
    posada_machine_set_network (machine, POSADA_NETWORK_NONE, NULL);
    CHECK_STRING (get_fact (facts, "Network"), "No network card");
    CHECK (!get_fact (facts, "Network Activity"));
}

/* The first button for it. */
static GtkWidget *
find_action (GtkWidget *widget, const char *action)
{
    if (GTK_IS_BUTTON (widget) &&
        g_strcmp0 (gtk_actionable_get_action_name (GTK_ACTIONABLE (widget)), action) == 0)
        return widget;
    for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
         child = gtk_widget_get_next_sibling (child)) {
        GtkWidget *found = find_action (child, action);

        if (found)
            return found;
    }
    return NULL;
}

TEST (a_machine_outside_says_so_and_one_that_is_broken_has_a_way_out)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("One", NULL);
    GtkWidget *page = g_object_new (POSADA_TYPE_MACHINE_PAGE, NULL);
    GtkWidget *window = gtk_window_new (), *banner;

    gtk_window_set_child (GTK_WINDOW (window), page);
    posada_machine_page_set_machine (POSADA_MACHINE_PAGE (page), machine);
    banner = find_widget (page, ADW_TYPE_BANNER);
    posada_machine_set_outside (machine, TRUE);
    posada_machine_set_state (machine, POSADA_MACHINE_RUNNING, "Running outside this window");
    CHECK (adw_banner_get_revealed (ADW_BANNER (banner)));
    CHECK_CONTAINS (adw_banner_get_title (ADW_BANNER (banner)), "can be operated from here");
    CHECK (gtk_widget_get_sensitive (find_action (page, "machine.force-off")));
    /* Nobody answers there. */
    posada_machine_set_capabilities (machine, 0);
    CHECK_CONTAINS (adw_banner_get_title (ADW_BANNER (banner)), "can only be operated there");
    CHECK (!gtk_widget_get_sensitive (find_action (page, "machine.force-off")));
    posada_machine_set_outside (machine, FALSE);
    posada_machine_set_state (machine, POSADA_MACHINE_MISSING, "line 3: <oops>");
    CHECK (
        strcmp (gtk_stack_get_visible_child_name (GTK_STACK (find_widget (page, GTK_TYPE_STACK))),
                "broken") == 0);
    gtk_window_destroy (GTK_WINDOW (window));
}

int
main (int argc, char **argv)
{
    return run_app_tests (argc, argv);
}
