/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On an X server with a window manager: guests that take motion lock the pointer, and let it go;
 * the desktop gives up its shortcuts.
 */
#include "fixture.h"

static gboolean
get_pointer (int *ret_x, int *ret_y)
{
    g_autofree char *output = NULL;

    return g_spawn_command_line_sync ("xdotool getmouselocation", &output, NULL, NULL, NULL) &&
           sscanf (output, "x:%d y:%d", ret_x, ret_y) == 2;
}

static gboolean
is_confined (Fixture *f)
{
    int x, y;

    g_assert_true (run_xdotool ("mousemove 1279 900"));
    run_ms (50);
    g_assert_true (get_pointer (&x, &y));
    return x < 1200;
}

static gboolean
begin (Fixture *f)
{
    g_autofree char *there = move_to (f, 200, 150);

    if (!run_xdotool ("version")) {
        g_test_skip ("no xdotool");
        return FALSE;
    }
    posada_display_set_absolute (POSADA_DISPLAY (f->display), FALSE);
    g_assert_true (run_xdotool (there));
    run_ms (100);
    g_assert_true (run_xdotool ("click 1"));
    run_until (is_grabbed, f);
    run_ms (150);
    /* The click that takes the pointer is not the guest's. */
    assert_input (f, NULL, "");
    return TRUE;
}

static void
motion_is_relative_and_comes_once (Fixture *f, gconstpointer data)
{
    if (!begin (f))
        return;
    assert_input (f, "mousemove_relative 5 3", "rel 5 3 buttons 0\n");
    assert_input (f, "mousemove_relative -- -7 0", "rel -7 0 buttons 0\n");
    assert_input (f, "mousedown 1", "rel 0 0 buttons 1\n");
    assert_input (f, "mousemove_relative 0 -2", "rel 0 -2 buttons 1\n");
    assert_input (f, "mouseup 1", "rel 0 0 buttons 0\n");
    assert_input (f, "click 5", "scroll 0 -120\n");
    assert_input (f, "click 7", "scroll 120 0\n");
}

/* Far more than the window is wide: the device moves on while the pointer cannot. */
static void
motion_does_not_end_at_the_edge (Fixture *f, gconstpointer data)
{
    if (!begin (f))
        return;
    for (int i = 0; i < 5; i++)
        assert_input (f, "mousemove_relative 300 0", "rel 300 0 buttons 0\n");
    g_assert_true (is_confined (f));
}

static void
the_release_combination_frees_the_pointer (Fixture *f, gconstpointer data)
{
    if (!begin (f))
        return;
    g_assert_true (run_xdotool ("mousedown 1"));
    g_assert_true (run_xdotool ("key ctrl+alt"));
    run_until (is_not_grabbed, f);
    g_free (mock_display_take (f->display));
    g_assert_true (run_xdotool ("mouseup 1"));
    assert_input (f, "mousemove_relative 5 3", "");
    g_assert_false (is_confined (f));
}

static void
losing_the_focus_frees_the_pointer (Fixture *f, gconstpointer data)
{
    if (!begin (f))
        return;
    gtk_widget_grab_focus (f->entry);
    g_assert_false (is_grabbed (f));
    g_assert_false (is_confined (f));
}

static void
another_mode_frees_the_pointer (Fixture *f, gconstpointer data)
{
    if (!begin (f))
        return;
    posada_display_set_absolute (POSADA_DISPLAY (f->display), TRUE);
    g_assert_false (is_confined (f));
}

static void
hiding_and_closing_free_the_pointer (Fixture *f, gconstpointer data)
{
    if (!begin (f))
        return;
    gtk_widget_set_visible (f->console, FALSE);
    g_assert_false (is_confined (f));
    gtk_widget_set_visible (f->console, TRUE);
    run_ms (200);
    gtk_widget_grab_focus (f->entry);
    g_free (mock_display_take (f->display));
    if (!begin (f))
        return;
    posada_display_emit_closed (POSADA_DISPLAY (f->display));
    g_assert_false (is_confined (f));
}

static void
tells_whether_the_desktop_leaves_its_shortcuts (Fixture *f, gconstpointer data)
{
    PosadaConsole *console = POSADA_CONSOLE (f->console);
    g_autofree char *there = move_to (f, 100, 100), *away = move_to (f, 5, -8);

    if (!run_xdotool ("version")) {
        g_test_skip ("no xdotool");
        return;
    }
    g_assert_true (run_xdotool (there));
    gtk_widget_grab_focus (f->console);
    run_until (is_grabbed, f);
    run_ms (100);
    g_assert_true (posada_console_get_shortcuts_inhibited (console));
    /* On X11 that is a grab of the keyboard, given up when the pointer leaves. */
    g_assert_true (run_xdotool (away));
    run_ms (100);
    g_assert_false (posada_console_get_shortcuts_inhibited (console));
    g_assert_true (is_grabbed (f));
}

#define ADD(name_, function_) \
    g_test_add ("/console-lock/" name_, Fixture, NULL, fixture_set_up, function_, fixture_tear_down)

int
main (int argc, char **argv)
{
    gtk_test_init (&argc, &argv, NULL);
    ADD ("motion-is-relative-and-comes-once", motion_is_relative_and_comes_once);
    ADD ("motion-does-not-end-at-the-edge", motion_does_not_end_at_the_edge);
    ADD ("the-release-combination-frees-the-pointer", the_release_combination_frees_the_pointer);
    ADD ("losing-the-focus-frees-the-pointer", losing_the_focus_frees_the_pointer);
    ADD ("another-mode-frees-the-pointer", another_mode_frees_the_pointer);
    ADD ("hiding-and-closing-free-the-pointer", hiding_and_closing_free_the_pointer);
    ADD ("tells-whether-the-desktop-leaves-its-shortcuts",
         tells_whether_the_desktop_leaves_its_shortcuts);
    return g_test_run ();
}
