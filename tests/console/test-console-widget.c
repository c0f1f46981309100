/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <linux/input-event-codes.h>
#include <signal.h>
#include <sys/wait.h>

#include "fixture.h"

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
    posada_console_set_display (POSADA_CONSOLE (f->console), NULL);
    g_assert_false (is_grabbed (f));
    assert_released (f);

    posada_console_set_display (POSADA_CONSOLE (f->console), POSADA_DISPLAY (f->display));
    run_until (is_grabbed, f);
    posada_display_emit_closed (POSADA_DISPLAY (f->display));
    g_assert_false (is_grabbed (f));
    assert_released (f);
}

/* The console goes with a key down. */
static void
the_end_releases_the_keys (Fixture *f, gconstpointer data)
{
    if (!run_xdotool ("version")) {
        g_test_skip ("no xdotool");
        return;
    }
    gtk_widget_grab_focus (f->console);
    run_until (is_grabbed, f);
    g_free (mock_display_take (f->display));
    assert_input (f, "keydown a", "key 30 down\n");
    gtk_window_set_child (GTK_WINDOW (f->window), NULL);
    run_ms (100);
    assert_released (f);
    g_assert_true (run_xdotool ("keyup a"));
    assert_input (f, NULL, "");
}

static void
count_cb (PosadaConsole *console, guint *count)
{
    (*count)++;
}

static void
says_that_the_display_is_lost (Fixture *f, gconstpointer data)
{
    GtkWidget *notice = gtk_widget_get_first_child (f->console);
    GtkWidget *label = gtk_widget_get_first_child (notice);
    GtkWidget *button = gtk_widget_get_last_child (notice);
    guint before, count = 0;

    g_assert_false (gtk_widget_get_visible (notice));
    gtk_widget_grab_focus (f->console);
    posada_display_emit_closed (POSADA_DISPLAY (f->display));
    g_assert_true (gtk_widget_get_visible (notice));
    g_assert_cmpstr (gtk_label_get_label (GTK_LABEL (label)), ==, "The Connection Was Lost");
    posada_console_set_message (POSADA_CONSOLE (f->console), "Restarting");
    g_assert_cmpstr (gtk_label_get_label (GTK_LABEL (label)), ==, "Restarting");
    before = f->display->requests;
    run_ms (200);
    g_assert_cmpuint (f->display->requests, ==, before);

    /* The keyboard is enough to come back. */
    g_assert_true (gtk_widget_is_focus (button));
    g_signal_connect (f->console, "reconnect", G_CALLBACK (count_cb), &count);
    f->display->stays_closed = TRUE;
    gtk_widget_activate (button);
    run_ms (400);
    g_assert_cmpuint (count, ==, 1);
    g_assert_true (gtk_widget_is_focus (button));
    f->display->stays_closed = FALSE;
    gtk_widget_activate (button);
    run_ms (400);
    g_assert_false (gtk_widget_get_visible (notice));
    run_until (is_grabbed, f);
    posada_display_emit_closed (POSADA_DISPLAY (f->display));

    /* The last picture is still there, for a screenshot, too. */
    posada_console_set_display (POSADA_CONSOLE (f->console), NULL);
    g_assert_true (has_picture (f));
    g_assert_false (gtk_widget_get_visible (button));
    posada_console_set_message (POSADA_CONSOLE (f->console), NULL);
    g_assert_cmpstr (gtk_label_get_label (GTK_LABEL (label)), ==, "Not Connected");
    posada_console_set_display (POSADA_CONSOLE (f->console), POSADA_DISPLAY (f->display));
    g_assert_false (gtk_widget_get_visible (notice));
    run_until (has_picture, f);
    run_until (is_grabbed, f);
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
note_progress_cb (PosadaConsole *console, GParamSpec *pspec, GArray *seen)
{
    double progress = posada_console_get_typing_progress (console);

    g_array_append_val (seen, progress);
}

static void
tells_how_far_typing_is_and_stops_it (Fixture *f, gconstpointer data)
{
    PosadaConsole *console = POSADA_CONSOLE (f->console);
    g_autoptr (GArray) seen = g_array_new (FALSE, FALSE, sizeof (double));
    g_autofree char *text = g_strnfill (3000, 'A'), *record = NULL;

    g_signal_connect (console, "notify::typing-progress", G_CALLBACK (note_progress_cb), seen);
    g_assert_cmpfloat (posada_console_get_typing_progress (console), ==, 1);
    posada_console_type_text (console, "ok");
    run_ms (200);
    g_assert_cmpuint (seen->len, >=, 2);
    g_assert_cmpfloat (g_array_index (seen, double, seen->len - 1), ==, 1);
    g_free (mock_display_take (f->display));

    g_array_set_size (seen, 0);
    posada_console_type_text (console, text);
    run_ms (30);
    g_assert_cmpfloat (posada_console_get_typing_progress (console), <, 0.5);
    posada_console_cancel_typing (console);
    record = mock_display_take (f->display);
    g_assert_true (g_str_has_suffix (record, "release\n"));
    g_assert_cmpfloat (posada_console_get_typing_progress (console), ==, 1);
    g_assert_cmpfloat (g_array_index (seen, double, seen->len - 1), ==, 1);
    assert_input (f, NULL, "");
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
    g_test_add ("/console/" name_, Fixture, NULL, fixture_set_up, function_, fixture_tear_down)

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
    ADD ("the-end-releases-the-keys", the_end_releases_the_keys);
    ADD ("says-that-the-display-is-lost", says_that_the_display_is_lost);
    ADD ("survives-sizes-of-all-kinds", survives_sizes_of_all_kinds);
    ADD ("resizes-the-guest", resizes_the_guest);
    ADD ("types-and-sends-keys", types_and_sends_keys);
    ADD ("tells-how-far-typing-is-and-stops-it", tells_how_far_typing_is_and_stops_it);
    ADD ("names-its-release-keys", names_its_release_keys);
    ADD ("takes-input-of-the-server", takes_input_of_the_server);
    ADD ("gives-the-keyboard-to-another-window", gives_the_keyboard_to_another_window);
    return g_test_run ();
}
