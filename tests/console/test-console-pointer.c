/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/console-pointer.h"

#include "mock-display.h"

typedef struct {
    ConsolePointer pointer;
    ConsoleGeometry geometry;
    MockDisplay *display;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
    ConsolePlace place = {2, 0, 0, 512, 384};

    f->display = mock_display_new (1024, 768);
    console_geometry_init (&f->geometry, &place, POSADA_CONSOLE_FIT, 1024, 768, 0, 0);
    console_pointer_init (&f->pointer);
    console_pointer_set_display (&f->pointer, POSADA_DISPLAY (f->display));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    console_pointer_fini (&f->pointer);
    g_assert_finalize_object (f->display);
}

static void
assert_record (Fixture *f, const char *expected)
{
    g_autofree char *record = mock_display_take (f->display);

    g_assert_cmpstr (record, ==, expected);
}

static void
sends_positions (Fixture *f, gconstpointer data)
{
    console_pointer_move (&f->pointer, &f->geometry, 0, 0);
    console_pointer_move (&f->pointer, &f->geometry, 0.2, 0); /* the same pixel */
    console_pointer_move (&f->pointer, &f->geometry, 511.5, 383.5);
    console_pointer_press (&f->pointer, POSADA_BUTTON_RIGHT, TRUE);
    console_pointer_press (&f->pointer, POSADA_BUTTON_RIGHT, FALSE);
    assert_record (f, "abs 16 21 buttons 0\n"
                      "abs 32752 32746 buttons 0\n"
                      "abs 32752 32746 buttons 2\n"
                      "abs 32752 32746 buttons 0\n");
}

static void
knows_side_buttons (Fixture *f, gconstpointer data)
{
    g_assert_cmpuint (console_pointer_button (2), ==, POSADA_BUTTON_MIDDLE);
    g_assert_cmpuint (console_pointer_button (8), ==, POSADA_BUTTON_SIDE);
    g_assert_cmpuint (console_pointer_button (9), ==, POSADA_BUTTON_EXTRA);
    g_assert_cmpuint (console_pointer_button (4), ==, 0);
}

static void
adds_up_smooth_scrolling (Fixture *f, gconstpointer data)
{
    console_pointer_move (&f->pointer, &f->geometry, 0, 0);
    g_free (mock_display_take (f->display));
    console_pointer_scroll (&f->pointer, 0, 0.25);
    console_pointer_scroll (&f->pointer, -2, 0);
    assert_record (f, "scroll 0 -30\nscroll -240 0\n");
    /* Less than a 120th of a click, which no guest can be told. */
    for (int i = 0; i < 4; i++)
        console_pointer_scroll (&f->pointer, 0, -1.0 / 256);
    assert_record (f, "scroll 0 1\n");
}

static void
sends_motion (Fixture *f, gconstpointer data)
{
    posada_display_set_absolute (POSADA_DISPLAY (f->display), FALSE);
    console_pointer_move (&f->pointer, &f->geometry, 100, 100);
    console_pointer_move (&f->pointer, &f->geometry, 105, 98);
    assert_record (f, "rel 10 -4 buttons 0\n");
    /* It came back elsewhere. */
    console_pointer_leave (&f->pointer);
    console_pointer_move (&f->pointer, &f->geometry, 300, 300);
    assert_record (f, "");
    console_pointer_press (&f->pointer, POSADA_BUTTON_LEFT, TRUE);
    console_pointer_scroll (&f->pointer, 0, -1);
    assert_record (f, "rel 0 0 buttons 1\nscroll 0 120\n");
}

static void
keeps_slow_motion (Fixture *f, gconstpointer data)
{
    posada_display_set_absolute (POSADA_DISPLAY (f->display), FALSE);
    for (int i = 0; i < 10; i++)
        console_pointer_move_by (&f->pointer, 0.25, -0.125);
    assert_record (f, "rel 1 0 buttons 0\n"
                      "rel 1 -1 buttons 0\n");
}

static void
releases_buttons (Fixture *f, gconstpointer data)
{
    console_pointer_release_all (&f->pointer);
    assert_record (f, "");
    console_pointer_press (&f->pointer, POSADA_BUTTON_LEFT, TRUE);
    g_free (mock_display_take (f->display));
    console_pointer_set_display (&f->pointer, NULL);
    assert_record (f, "release\n");
    g_assert_cmpuint (f->pointer.buttons, ==, 0);
}

#define ADD(name_, function_) \
    g_test_add ("/pointer/" name_, Fixture, NULL, set_up, function_, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("sends-positions", sends_positions);
    ADD ("knows-side-buttons", knows_side_buttons);
    ADD ("adds-up-smooth-scrolling", adds_up_smooth_scrolling);
    ADD ("sends-motion", sends_motion);
    ADD ("keeps-slow-motion", keeps_slow_motion);
    ADD ("releases-buttons", releases_buttons);
    return g_test_run ();
}
