/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/console-resize.h"

#include "mock-display.h"

typedef struct {
    ConsoleResize resize;
    MockDisplay *display;
} Fixture;

static void
size_cb (GObject *object, GParamSpec *pspec, gpointer data)
{
    console_resize_size_changed (data);
}

static void
set_up (Fixture *f, gconstpointer data)
{
    f->display = mock_display_new (1024, 768);
    f->display->follows = TRUE;
    console_resize_init (&f->resize);
    g_signal_connect (f->display, "notify::width", G_CALLBACK (size_cb), &f->resize);
    g_signal_connect (f->display, "notify::height", G_CALLBACK (size_cb), &f->resize);
    console_resize_set_enabled (&f->resize, TRUE);
    console_resize_set_display (&f->resize, POSADA_DISPLAY (f->display));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    g_signal_handlers_disconnect_by_data (f->display, &f->resize);
    console_resize_fini (&f->resize);
    g_assert_finalize_object (f->display);
}

static void
assert_record (Fixture *f, const char *expected)
{
    g_autofree char *record = mock_display_take (f->display);

    g_assert_cmpstr (record, ==, expected);
}

static gboolean
quit_cb (gpointer data)
{
    g_main_loop_quit (data);
    return G_SOURCE_REMOVE;
}

static void
wait_ms (guint ms)
{
    g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);

    g_timeout_add (ms, quit_cb, loop);
    g_main_loop_run (loop);
}

/* Only the size that stays is asked for, and its echo asks for nothing. */
static void
last_wish_wins (Fixture *f, gconstpointer data)
{
    for (guint i = 0; i < 20; i++)
        console_resize_set_room (&f->resize, 800 + i, 600);
    assert_record (f, "");
    wait_ms (CONSOLE_RESIZE_REST_MS + 50);
    assert_record (f, "size 819 600\n");
    wait_ms (CONSOLE_RESIZE_REST_MS + 50);
    assert_record (f, "");
}

static void
asks_nothing_that_is_so_already (Fixture *f, gconstpointer data)
{
    console_resize_set_room (&f->resize, 1024, 768);
    wait_ms (CONSOLE_RESIZE_REST_MS + 50);
    assert_record (f, "");
}

static void
one_wish_is_in_flight (Fixture *f, gconstpointer data)
{
    f->display->follows = FALSE;
    console_resize_set_room (&f->resize, 800, 600);
    wait_ms (CONSOLE_RESIZE_REST_MS + 50);
    console_resize_set_room (&f->resize, 900, 700);
    wait_ms (CONSOLE_RESIZE_REST_MS + 50);
    assert_record (f, "size 800 600\n");
    /* The answer, rounded by the guest, lets the next one go. */
    f->display->follows = TRUE;
    mock_display_resize (f->display, 800, 600 - 4);
    assert_record (f, "size 900 700\n");
}

/* A guest that cannot is left alone, until it shows a mode of its own. */
static void
gives_up_on_the_unwilling (Fixture *f, gconstpointer data)
{
    f->display->follows = FALSE;
    for (guint i = 0; i < 4; i++) {
        console_resize_set_room (&f->resize, 800 + i * 10, 600);
        wait_ms (CONSOLE_RESIZE_REST_MS + CONSOLE_RESIZE_ANSWER_MS + 50);
    }
    assert_record (f, "size 800 600\nsize 810 600\n");
    mock_display_resize (f->display, 1280, 800);
    wait_ms (CONSOLE_RESIZE_REST_MS + 50);
    assert_record (f, "size 830 600\n");
}

/* Somebody chose a resolution inside a guest that follows otherwise. */
static void
leaves_the_guests_choice_alone (Fixture *f, gconstpointer data)
{
    console_resize_set_room (&f->resize, 800, 600);
    wait_ms (CONSOLE_RESIZE_REST_MS + 50);
    assert_record (f, "size 800 600\n");
    mock_display_resize (f->display, 1280, 800);
    wait_ms (CONSOLE_RESIZE_REST_MS + 50);
    assert_record (f, "");
}

static void
asks_only_when_enabled (Fixture *f, gconstpointer data)
{
    console_resize_set_enabled (&f->resize, FALSE);
    console_resize_set_room (&f->resize, 800, 600);
    wait_ms (CONSOLE_RESIZE_REST_MS + 50);
    assert_record (f, "");
    console_resize_set_enabled (&f->resize, TRUE);
    wait_ms (CONSOLE_RESIZE_REST_MS + 50);
    assert_record (f, "size 800 600\n");
}

#define ADD(name_, function_) \
    g_test_add ("/resize/" name_, Fixture, NULL, set_up, function_, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("last-wish-wins", last_wish_wins);
    ADD ("asks-nothing-that-is-so-already", asks_nothing_that_is_so_already);
    ADD ("one-wish-is-in-flight", one_wish_is_in_flight);
    ADD ("gives-up-on-the-unwilling", gives_up_on_the_unwilling);
    ADD ("leaves-the-guests-choice-alone", leaves_the_guests_choice_alone);
    ADD ("asks-only-when-enabled", asks_only_when_enabled);
    return g_test_run ();
}
