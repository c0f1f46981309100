/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/posada-console.h"

#include <linux/input-event-codes.h>
#include <signal.h>
#include <sys/wait.h>

#include "mock-display.h"

typedef struct {
    GtkWidget *window, *entry, *console;
    MockDisplay *display;
} Fixture;

static void
run_until (gboolean (*condition) (Fixture *f), Fixture *f)
{
    gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

    while (!condition (f)) {
        g_assert_cmpint (g_get_monotonic_time (), <, end);
        if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (1000);
    }
}

static void
run_ms (guint ms)
{
    gint64 end = g_get_monotonic_time () + ms * 1000;

    while (g_get_monotonic_time () < end) {
        if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (1000);
    }
}

static gboolean
has_picture (Fixture *f)
{
    g_autoptr (GdkTexture) texture = posada_console_grab (POSADA_CONSOLE (f->console));

    return texture != NULL;
}

static gboolean
is_window_active (Fixture *f)
{
    return gtk_window_is_active (GTK_WINDOW (f->window));
}

static gboolean
is_grabbed (Fixture *f)
{
    return posada_console_get_grabbed (POSADA_CONSOLE (f->console));
}

static gboolean
is_not_grabbed (Fixture *f)
{
    return !is_grabbed (f);
}

static void
set_up (Fixture *f, gconstpointer data)
{
    GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

    f->display = mock_display_new (320, 300);
    mock_display_fill (f->display, 0, 0, 320, 300, 0xff336699);
    f->window = gtk_window_new ();
    f->entry = gtk_entry_new ();
    f->console = posada_console_new ();
    g_object_add_weak_pointer (G_OBJECT (f->console), (gpointer *) &f->console);
    gtk_widget_set_vexpand (f->console, TRUE);
    gtk_box_append (GTK_BOX (box), f->entry);
    gtk_box_append (GTK_BOX (box), f->console);
    gtk_window_set_child (GTK_WINDOW (f->window), box);
    gtk_window_set_default_size (GTK_WINDOW (f->window), 500, 400);
    gtk_widget_grab_focus (f->entry);
    posada_console_set_display (POSADA_CONSOLE (f->console), POSADA_DISPLAY (f->display));
    gtk_window_present (GTK_WINDOW (f->window));
    run_until (has_picture, f);
    run_until (is_window_active, f);
    g_free (mock_display_take (f->display));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    gtk_window_destroy (GTK_WINDOW (f->window));
    while (g_main_context_iteration (NULL, FALSE))
        ;
    g_assert_null (f->console);
    g_assert_finalize_object (f->display);
}

static void
shows_what_the_display_shows (Fixture *f, gconstpointer data)
{
    g_autoptr (GdkTexture) texture = posada_console_grab (POSADA_CONSOLE (f->console));
    guint32 pixels[320];

    g_assert_cmpint (gdk_texture_get_width (texture), ==, 320);
    g_assert_cmpint (gdk_texture_get_height (texture), ==, 300);
    g_clear_object (&texture);
    mock_display_fill (f->display, 5, 299, 1, 1, 0xffffeedd);
    run_ms (300);
    texture = posada_console_grab (POSADA_CONSOLE (f->console));
    {
        g_autofree guint32 *all = g_new (guint32, 320 * 300);

        gdk_texture_download (texture, (guchar *) all, 320 * 4);
        memcpy (pixels, all + 299 * 320, sizeof (pixels));
    }
    g_assert_cmphex (pixels[4], ==, 0xff336699);
    g_assert_cmphex (pixels[5], ==, 0xffffeedd);
}

static void
asks_rarely_when_nothing_happens (Fixture *f, gconstpointer data)
{
    guint before;

    run_ms (800);
    before = f->display->requests;
    run_ms (1000);
    g_assert_cmpuint (f->display->requests - before, <=, 12);
    g_assert_cmpuint (f->display->requests - before, >=, 4);
}

static void
asks_nothing_while_unmapped (Fixture *f, gconstpointer data)
{
    guint before;

    gtk_widget_set_visible (f->console, FALSE);
    run_ms (100);
    before = f->display->requests;
    run_ms (400);
    g_assert_cmpuint (f->display->requests, ==, before);
}

static void
grabs_with_the_focus (Fixture *f, gconstpointer data)
{
    g_assert_false (is_grabbed (f));
    gtk_widget_grab_focus (f->console);
    run_until (is_grabbed, f);
    gtk_widget_grab_focus (f->entry);
    run_until (is_not_grabbed, f);
}

static void
assert_released (Fixture *f)
{
    g_autofree char *record = mock_display_take (f->display);

    g_assert_nonnull (strstr (record, "release\n"));
}

/* However a console loses the keyboard, no key stays down in the guest. */
static void
every_way_out_releases_the_keys (Fixture *f, gconstpointer data)
{
    gtk_widget_grab_focus (f->console);
    run_until (is_grabbed, f);
    gtk_widget_grab_focus (f->entry);
    run_until (is_not_grabbed, f);
    assert_released (f);

    gtk_widget_grab_focus (f->console);
    run_until (is_grabbed, f);
    posada_console_release (POSADA_CONSOLE (f->console));
    g_assert_false (is_grabbed (f));
    assert_released (f);

    gtk_widget_grab_focus (f->entry);
    gtk_widget_grab_focus (f->console);
    run_until (is_grabbed, f);
    gtk_widget_set_visible (f->console, FALSE);
    run_until (is_not_grabbed, f);
    assert_released (f);

    gtk_widget_set_visible (f->console, TRUE);
    gtk_widget_grab_focus (f->console);
    run_until (is_grabbed, f);
    posada_display_emit_closed (POSADA_DISPLAY (f->display));
    g_assert_false (is_grabbed (f));
    assert_released (f);
}

static void
says_that_the_display_is_lost (Fixture *f, gconstpointer data)
{
    GtkWidget *label = gtk_widget_get_first_child (f->console);
    guint before;

    g_assert_false (gtk_widget_get_visible (label));
    posada_display_emit_closed (POSADA_DISPLAY (f->display));
    g_assert_true (gtk_widget_get_visible (label));
    g_assert_cmpstr (gtk_label_get_label (GTK_LABEL (label)), ==, "Not Connected");
    posada_console_set_message (POSADA_CONSOLE (f->console), "Restarting");
    g_assert_cmpstr (gtk_label_get_label (GTK_LABEL (label)), ==, "Restarting");
    before = f->display->requests;
    run_ms (200);
    g_assert_cmpuint (f->display->requests, ==, before);
    /* The last picture is still there, for a screenshot, too. */
    posada_console_set_display (POSADA_CONSOLE (f->console), NULL);
    g_assert_true (has_picture (f));
    posada_console_set_display (POSADA_CONSOLE (f->console), POSADA_DISPLAY (f->display));
    g_assert_false (gtk_widget_get_visible (label));
    run_until (has_picture, f);
}

static void
survives_sizes_of_all_kinds (Fixture *f, gconstpointer data)
{
    static const guint sizes[][2] = {{1, 1},     {0, 0},     {720, 400}, {640, 129},
                                     {3000, 10}, {10, 3000}, {1024, 768}};

    for (int scaling = POSADA_CONSOLE_FIT; scaling <= POSADA_CONSOLE_RESIZE_GUEST; scaling++) {
        posada_console_set_scaling (POSADA_CONSOLE (f->console), scaling);
        for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
            mock_display_resize (f->display, sizes[i][0], sizes[i][1]);
            run_ms (60);
        }
    }
    /* More than any screen is: no picture, no allocation. */
    posada_display_set_size (POSADA_DISPLAY (f->display), G_MAXUINT, G_MAXUINT);
    f->display->damage = (PosadaRectangle) {0, 0, 1, 1};
    run_ms (60);
    g_assert_false (has_picture (f));
    mock_display_resize (f->display, 64, 64);
}

static void
resizes_the_guest (Fixture *f, gconstpointer data)
{
    g_autofree char *expected = NULL, *record = NULL;

    f->display->follows = TRUE;
    posada_console_set_scaling (POSADA_CONSOLE (f->console), POSADA_CONSOLE_RESIZE_GUEST);
    run_ms (400);
    expected = g_strdup_printf ("size %d %d\n", gtk_widget_get_width (f->console),
                                gtk_widget_get_height (f->console));
    record = mock_display_take (f->display);
    g_assert_cmpstr (record, ==, expected);
}

static void
types_and_sends_keys (Fixture *f, gconstpointer data)
{
    static const guint keys[] = {KEY_LEFTCTRL, KEY_LEFTALT, KEY_DELETE};
    g_autofree char *record = NULL;

    posada_console_send_keys (POSADA_CONSOLE (f->console), keys, 3);
    g_assert_cmpuint (posada_console_type_text (POSADA_CONSOLE (f->console), "ñ1"), ==, 1);
    run_ms (200);
    record = mock_display_take (f->display);
    g_assert_cmpstr (record, ==,
                     "key 29 down\nkey 56 down\nkey 111 down\n"
                     "key 111 up\nkey 56 up\nkey 29 up\nkey 2 down\nkey 2 up\n");
}

static void
names_its_release_keys (Fixture *f, gconstpointer data)
{
    PosadaConsole *console = POSADA_CONSOLE (f->console);

    g_assert_cmpstr (posada_console_get_release_label (console), ==, "Ctrl+Alt");
    g_assert_false (posada_console_set_release_keys (console, "x"));
    g_assert_cmpstr (posada_console_get_release_label (console), ==, "Ctrl+Alt");
    g_object_set (console, "release-keys", "right-ctrl", NULL);
    g_assert_cmpstr (posada_console_get_release_label (console), ==, "Right Ctrl");
}

static gboolean
run_xdotool (const char *arguments)
{
    g_autofree char *line = g_strdup_printf ("xdotool %s", arguments);
    g_auto (GStrv) argv = g_strsplit (line, " ", -1);
    int status;

    return g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                         NULL, NULL, NULL, &status, NULL) &&
           status == 0;
}

static void
assert_input (Fixture *f, const char *xdotool, const char *expected)
{
    g_autofree char *record = NULL;

    g_assert_true (run_xdotool (xdotool));
    run_ms (150);
    record = mock_display_take (f->display);
    g_assert_cmpstr (record, ==, expected);
}

static char *
move_to (Fixture *f, int x, int y)
{
    graphene_point_t point;
    double surface_x, surface_y;

    g_assert_true (
        gtk_widget_compute_point (f->console, f->window, &GRAPHENE_POINT_INIT (0, 0), &point));
    gtk_native_get_surface_transform (GTK_NATIVE (f->window), &surface_x, &surface_y);
    return g_strdup_printf ("mousemove %d %d", (int) (surface_x + (double) point.x) + x,
                            (int) (surface_y + (double) point.y) + y);
}

/* The whole way from an X server to the display. The window has no manager and is at 0,0. */
static void
takes_input_of_the_server (Fixture *f, gconstpointer data)
{
    g_autofree char *middle = NULL, *corner = NULL, *beyond = NULL;
    int width, height;

    if (!run_xdotool ("version")) {
        g_test_skip ("no xdotool");
        return;
    }
    posada_console_set_scaling (POSADA_CONSOLE (f->console), POSADA_CONSOLE_ONE_TO_ONE);
    run_ms (100);
    width = gtk_widget_get_width (f->console);
    height = gtk_widget_get_height (f->console);
    middle = move_to (f, (width - 320) / 2 + 160, (height - 300) / 2 + 150);
    corner = move_to (f, (width - 320) / 2 + 319, (height - 300) / 2 + 299);
    beyond = move_to (f, 1, 1);

    assert_input (f, middle, "abs 16435 16438 buttons 0\n");
    assert_input (f, "click 1", "abs 16435 16438 buttons 1\nabs 16435 16438 buttons 0\n");
    run_until (is_grabbed, f);
    assert_input (f, "click 4", "scroll 0 120\n");
    assert_input (f, "click 8", "abs 16435 16438 buttons 8\nabs 16435 16438 buttons 0\n");
    assert_input (f, corner, "abs 32716 32713 buttons 0\n");
    assert_input (f, beyond, "abs 51 54 buttons 0\n");
    assert_input (f, "click 1", "");

    assert_input (f, "keydown a", "key 30 down\n");
    gtk_widget_grab_focus (f->entry);
    run_until (is_not_grabbed, f);
    assert_input (f, "keyup a", "release\n");

    gtk_widget_grab_focus (f->console);
    run_until (is_grabbed, f);
    assert_input (f, "key ctrl+alt", "key 29 down\nkey 56 down\nkey 29 up\nrelease\n");
    g_assert_false (is_grabbed (f));
    assert_input (f, "key a", "");
    assert_input (f, "key Return", "");
    g_assert_true (is_grabbed (f));
    assert_input (f, "key F10", "key 68 down\nkey 68 up\n");
}

/* Another application: its window comes up over ours and takes the focus. */
static int
be_another_application (void)
{
    GtkWidget *window;

    gtk_init ();
    window = gtk_window_new ();
    gtk_window_set_default_size (GTK_WINDOW (window), 600, 500);
    gtk_window_present (GTK_WINDOW (window));
    run_ms (20000);
    return 0;
}

/* With a key down, and the pointer where the other window comes up. */
static void
gives_the_keyboard_to_another_window (Fixture *f, gconstpointer data)
{
    g_autofree char *there = move_to (f, 60, 60), *record = NULL;
    char *argv[] = {(char *) "/proc/self/exe", (char *) "another-application", NULL};
    GPid child;

    if (!run_xdotool ("version")) {
        g_test_skip ("no xdotool");
        return;
    }
    g_assert_true (run_xdotool (there) && run_xdotool ("click 1"));
    run_until (is_grabbed, f);
    g_assert_true (run_xdotool ("keydown a"));
    run_ms (100);
    g_assert_true (
        g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &child, NULL));
    run_until (is_not_grabbed, f);
    g_free (mock_display_take (f->display));
    g_assert_true (run_xdotool ("keyup a") && run_xdotool ("key b"));
    run_ms (100);
    record = mock_display_take (f->display);
    g_assert_cmpstr (record, ==, "");
    kill (child, SIGTERM);
    waitpid (child, NULL, 0);
    g_spawn_close_pid (child);
}

#define ADD(name_, function_) \
    g_test_add ("/console/" name_, Fixture, NULL, set_up, function_, tear_down)

int
main (int argc, char **argv)
{
    if (argc == 2 && g_str_equal (argv[1], "another-application"))
        return be_another_application ();
    gtk_test_init (&argc, &argv, NULL);
    ADD ("shows-what-the-display-shows", shows_what_the_display_shows);
    ADD ("asks-rarely-when-nothing-happens", asks_rarely_when_nothing_happens);
    ADD ("asks-nothing-while-unmapped", asks_nothing_while_unmapped);
    ADD ("grabs-with-the-focus", grabs_with_the_focus);
    ADD ("every-way-out-releases-the-keys", every_way_out_releases_the_keys);
    ADD ("says-that-the-display-is-lost", says_that_the_display_is_lost);
    ADD ("survives-sizes-of-all-kinds", survives_sizes_of_all_kinds);
    ADD ("resizes-the-guest", resizes_the_guest);
    ADD ("types-and-sends-keys", types_and_sends_keys);
    ADD ("names-its-release-keys", names_its_release_keys);
    ADD ("takes-input-of-the-server", takes_input_of_the_server);
    ADD ("gives-the-keyboard-to-another-window", gives_the_keyboard_to_another_window);
    return g_test_run ();
}
