/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/console-touch.h"

#include "mock-display.h"

typedef struct {
    ConsoleTouch touch;
    ConsoleGeometry geometry;
    MockDisplay *display;
} Fixture;

static int sequences[POSADA_DISPLAY_MAX_FINGERS + 1];

/* A guest of 1024×768 in the middle of a surface twice as wide, at scale 2. */
static void
set_up (Fixture *f, gconstpointer data)
{
    const ConsolePlace place = {.scale = 2.0, .width = 1024, .height = 384};

    f->display = mock_display_new (1024, 768);
    console_geometry_init (&f->geometry, &place, POSADA_CONSOLE_FIT, 1024, 768, 0, 0);
    console_touch_init (&f->touch);
    console_touch_set_display (&f->touch, POSADA_DISPLAY (f->display));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    console_touch_fini (&f->touch);
    g_assert_finalize_object (f->display);
}

static void
assert_record (Fixture *f, const char *expected)
{
    g_autofree char *record = mock_display_take (f->display);

    g_assert_cmpstr (record, ==, expected);
}

static gboolean
begin (Fixture *f, int finger, double x, double y)
{
    return console_touch_begin (&f->touch, &sequences[finger], &f->geometry, x, y);
}

static gboolean
move (Fixture *f, int finger, double x, double y)
{
    return console_touch_move (&f->touch, &sequences[finger], &f->geometry, x, y);
}

static void
fingers_keep_their_slots (Fixture *f, gconstpointer data)
{
    g_assert_true (begin (f, 0, 256, 0));
    g_assert_true (begin (f, 1, 512, 192));
    g_assert_true (move (f, 1, 512.1, 192.1)); /* the same pixel */
    g_assert_true (move (f, 0, 256.5, 0));
    g_assert_true (console_touch_end (&f->touch, &sequences[0]));
    g_assert_true (begin (f, 2, 767.5, 383.5));
    g_assert_true (console_touch_end (&f->touch, &sequences[1]));
    assert_record (f, "touch 0 down 16 21\n"
                      "touch 1 down 16400 16405\n"
                      "touch 0 down 48 21\n"
                      "touch 0 up 48 21\n"
                      "touch 0 down 32752 32746\n"
                      "touch 1 up 16400 16405\n");
}

static void
a_finger_that_left_the_picture_stays_the_guests (Fixture *f, gconstpointer data)
{
    g_assert_true (begin (f, 0, 300, 100));
    g_assert_true (move (f, 0, 2, 1000));
    g_assert_true (console_touch_end (&f->touch, &sequences[0]));
    g_assert_false (move (f, 0, 400, 100));
    g_assert_false (console_touch_end (&f->touch, &sequences[0]));
    assert_record (f, "touch 0 down 2832 8554\ntouch 0 down 16 32746\ntouch 0 up 16 32746\n");
}

static void
fingers_beside_the_picture_are_not_the_guests (Fixture *f, gconstpointer data)
{
    g_assert_false (begin (f, 0, 100, 100));
    g_assert_false (move (f, 0, 300, 100));
    g_assert_false (console_touch_end (&f->touch, &sequences[0]));
    assert_record (f, "");
}

static void
ten_fingers_are_enough (Fixture *f, gconstpointer data)
{
    for (int i = 0; i < POSADA_DISPLAY_MAX_FINGERS; i++)
        g_assert_true (begin (f, i, 300 + i, 100));
    g_assert_false (begin (f, POSADA_DISPLAY_MAX_FINGERS, 300, 100));
    g_free (mock_display_take (f->display));
    console_touch_release_all (&f->touch);
    for (int i = 0; i < POSADA_DISPLAY_MAX_FINGERS; i++)
        g_assert_false (move (f, i, 300, 100));
}

static void
fingers_leave_the_old_display (Fixture *f, gconstpointer data)
{
    begin (f, 0, 256, 0);
    g_free (mock_display_take (f->display));
    console_touch_set_display (&f->touch, NULL);
    assert_record (f, "touch 0 up 16 21\n");
    g_assert_false (begin (f, 0, 256, 0));
}

#define ADD(name_, function_) \
    g_test_add ("/console-touch/" name_, Fixture, NULL, set_up, function_, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("fingers-keep-their-slots", fingers_keep_their_slots);
    ADD ("a-finger-that-left-the-picture-stays-the-guests",
         a_finger_that_left_the_picture_stays_the_guests);
    ADD ("fingers-beside-the-picture-are-not-the-guests",
         fingers_beside_the_picture_are_not_the_guests);
    ADD ("ten-fingers-are-enough", ten_fingers_are_enough);
    ADD ("fingers-leave-the-old-display", fingers_leave_the_old_display);
    return g_test_run ();
}
