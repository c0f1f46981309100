/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <linux/input-event-codes.h>

#include "machine/posada-spice-display.h"
#include "spice-guest.h"
#include "spice-viewer.h"
#include "tap.h"

typedef struct {
    struct guest guest;
    PosadaDisplay *display;
    guint32 *pixels;
    guint width, height;
    guint n_closed;
    gboolean refuses; /* connections */
    const char *expected;
} Pair;

static int
connect_cb (gpointer data)
{
    Pair *pair = data;

    return pair->refuses ? -1 : guest_connect (&pair->guest);
}

static void
closed_cb (PosadaDisplay *display, Pair *pair)
{
    pair->n_closed++;
}

/* As a console does: frame after frame, copying what was damaged. */
static void
damaged_cb (PosadaDisplay *display, Pair *pair)
{
    guint width = posada_display_get_width (display), height = posada_display_get_height (display);
    PosadaRectangle damage;

    if (width != pair->width || height != pair->height) {
        g_free (pair->pixels);
        pair->pixels = g_new0 (guint32, (gsize) width * height);
        pair->width = width;
        pair->height = height;
        posada_display_damage_all (display);
    }
    if (width)
        posada_display_read_damage (display, pair->pixels, width * 4, &damage);
}

static gboolean
same_picture (void *data)
{
    Pair *pair = data;
    struct guest *guest = &pair->guest;

    posada_display_request_frame (pair->display);
    if (pair->width != guest->width || pair->height != guest->height)
        return FALSE;
    for (gsize i = 0; i < (gsize) guest->width * guest->height; i++)
        if (pair->pixels[i] != (guest->pixels[i] | 0xff000000))
            return FALSE;
    return TRUE;
}

static void
set_up (Pair *pair)
{
    *pair = (Pair) {0};
    guest_set_up (&pair->guest, NULL);
    pair->display = posada_spice_display_new (connect_cb, pair, NULL);
    g_signal_connect (pair->display, "damaged", G_CALLBACK (damaged_cb), pair);
    g_signal_connect (pair->display, "closed", G_CALLBACK (closed_cb), pair);
    CHECK (spice_viewer_wait (same_picture, pair));
}

static void
tear_down (Pair *pair)
{
    g_signal_handlers_disconnect_by_data (pair->display, pair);
    posada_spice_display_disconnect (POSADA_SPICE_DISPLAY (pair->display));
    g_assert_finalize_object (pair->display);
    while (g_main_context_iteration (NULL, FALSE))
        ;
    guest_tear_down (&pair->guest);
    g_free (pair->pixels);
}

static gboolean
recorded (void *data)
{
    Pair *pair = data;

    return guest_recorded (&pair->guest, pair->expected);
}

static void
expect (Pair *pair, const char *expected)
{
    pair->expected = expected;
    if (!spice_viewer_wait (recorded, pair))
        tap_fail (__FILE__, __LINE__, "got “%s”, not “%s”", pair->guest.record, expected);
    guest_forget (&pair->guest);
}

static gboolean
takes_keys (void *data)
{
    static gint64 sent_at;
    Pair *pair = data;
    gint64 now = g_get_monotonic_time ();

    /* The channel of keys has no sign of its own: a key that nobody has. Sleeping here would let
     * the viewer's sources of lower priority starve. */
    if (now - sent_at > 50000) {
        posada_display_send_key (pair->display, KEY_F20, TRUE);
        posada_display_send_key (pair->display, KEY_F20, FALSE);
        sent_at = now;
    }
    return guest_recorded (&pair->guest, "-190 ");
}

static gboolean
is_absolute (void *data)
{
    return posada_display_get_absolute (((Pair *) data)->display);
}

static gboolean
is_relative (void *data)
{
    return !is_absolute (data);
}

TEST (the_screen_is_shown_pixel_by_pixel_at_any_size)
{
    Pair pair;

    set_up (&pair);
    guest_fill (&pair.guest, 3, 4, 50, 60, 0x102030);
    CHECK (spice_viewer_wait (same_picture, &pair));
    guest_resize (&pair.guest, 1001, 333);
    CHECK (spice_viewer_wait (same_picture, &pair));
    guest_fill (&pair.guest, 1000, 332, 1, 1, 0xFFFFFF);
    CHECK (spice_viewer_wait (same_picture, &pair));
    tear_down (&pair);
}

TEST (keys_and_pointer_reach_the_guest)
{
    struct input_handler *tablet;
    Pair pair;

    set_up (&pair);
    CHECK (spice_viewer_wait (takes_keys, &pair));
    /* The last of those keys. */
    posada_display_send_key (pair.display, KEY_F19, TRUE);
    posada_display_send_key (pair.display, KEY_F19, FALSE);
    expect (&pair, "+189 -189 ");
    posada_display_send_key (pair.display, KEY_A, TRUE);
    posada_display_send_key (pair.display, KEY_A, FALSE);
    posada_display_send_key (pair.display, KEY_RIGHTALT, TRUE);
    posada_display_send_key (pair.display, KEY_RIGHTALT, FALSE);
    posada_display_send_key (pair.display, KEY_PAUSE, TRUE);
    posada_display_send_key (pair.display, KEY_PAUSE, FALSE);
    expect (&pair, "+30 -30 +100 -100 +119 -119 ");

    posada_display_send_relative (pair.display, 3, -4, 0);
    expect (&pair, "r3,-4,0,0 ");
    posada_display_send_relative (pair.display, 0, 0, POSADA_BUTTON_MIDDLE);
    expect (&pair, "r0,0,0,4 ");
    posada_display_send_relative (pair.display, 0, 0, 0);
    expect (&pair, "r0,0,0,0 ");

    tablet = guest_add_tablet (&pair.guest);
    CHECK (spice_viewer_wait (is_absolute, &pair));
    posada_display_send_absolute (pair.display, POSADA_DISPLAY_ABSOLUTE_MAX, 0,
                                  POSADA_BUTTON_RIGHT | POSADA_BUTTON_EXTRA);
    expect (&pair, "a32767,0,0,12 ");
    posada_display_send_scroll (pair.display, 0, -POSADA_DISPLAY_CLICK / 2);
    posada_display_send_scroll (pair.display, 0, -POSADA_DISPLAY_CLICK / 2);
    expect (&pair, "a32767,0,-1,12 ");
    posada_display_send_key (pair.display, KEY_LEFTSHIFT, TRUE);
    expect (&pair, "+42 ");
    posada_display_release_all (pair.display);
    expect (&pair, "-42 a32767,0,0,10 a32767,0,0,0 ");
    atomic_store (&pair.guest.takes_absolute, false);
    CHECK (spice_viewer_wait (is_relative, &pair));
    tear_down (&pair);
    free (tablet);
}

static gboolean
has_cursor (void *data)
{
    PosadaCursor *cursor = posada_display_get_cursor (((Pair *) data)->display);

    return cursor && cursor->width == 2;
}

static gboolean
has_hidden_cursor (void *data)
{
    PosadaCursor *cursor = posada_display_get_cursor (((Pair *) data)->display);

    return cursor && cursor->width == 0;
}

TEST (the_cursor_is_the_guests)
{
    static const uint32_t pixels[4] = {0xFF112233, 0x80400000, 0, 0xFFFFFFFF};
    struct display_cursor shape = {.pixels = pixels, .width = 2, .height = 2, .hot_x = 1};
    PosadaCursor *cursor;
    Pair pair;

    set_up (&pair);
    display_set_cursor (pair.guest.display, &shape);
    display_move_cursor (pair.guest.display, 10, 20, true);
    CHECK (spice_viewer_wait (has_cursor, &pair));
    cursor = posada_display_get_cursor (pair.display);
    CHECK_EQUAL (cursor->hot_x, 1);
    CHECK_EQUAL (cursor->hot_y, 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQUAL (cursor->pixels[i], pixels[i]);
    display_move_cursor (pair.guest.display, 10, 20, false);
    CHECK (spice_viewer_wait (has_hidden_cursor, &pair));
    display_move_cursor (pair.guest.display, 11, 20, true);
    CHECK (spice_viewer_wait (has_cursor, &pair));
    tear_down (&pair);
}

static gboolean
has_problem (void *data)
{
    return posada_spice_display_get_problem (POSADA_SPICE_DISPLAY (((Pair *) data)->display)) !=
           NULL;
}

TEST (a_lost_connection_comes_back)
{
    struct spice_sink_config config;
    struct spice_sink *old;
    Pair pair;

    set_up (&pair);
    config = (struct spice_sink_config) {.display = pair.guest.display, .input = pair.guest.input};
    old = pair.guest.sink;
    CHECK_EQUAL (spice_sink_create (&config, &pair.guest.sink, NULL), 0);
    spice_sink_destroy (old);
    CHECK (spice_viewer_wait (has_problem, &pair));
    CHECK_EQUAL (posada_display_get_width (pair.display), 0);
    guest_fill (&pair.guest, 0, 0, 70, 70, 0x998877);
    CHECK (spice_viewer_wait (same_picture, &pair));
    CHECK (!has_problem (&pair));
    CHECK_EQUAL (pair.n_closed, 0);
    tear_down (&pair);
}

static gboolean
is_closed (void *data)
{
    return ((Pair *) data)->n_closed > 0;
}

TEST (a_server_that_is_gone_closes_the_display_and_another_one_opens_it)
{
    struct spice_sink_config config;
    Pair pair;

    set_up (&pair);
    pair.refuses = TRUE;
    spice_sink_destroy (pair.guest.sink);
    CHECK (spice_viewer_wait (is_closed, &pair));
    CHECK_EQUAL (pair.n_closed, 1);
    CHECK (has_problem (&pair));
    config = (struct spice_sink_config) {.display = pair.guest.display, .input = pair.guest.input};
    CHECK_EQUAL (spice_sink_create (&config, &pair.guest.sink, NULL), 0);
    pair.refuses = FALSE;
    posada_spice_display_reconnect (POSADA_SPICE_DISPLAY (pair.display));
    CHECK (spice_viewer_wait (same_picture, &pair));
    tear_down (&pair);
}

static gboolean
has_picture (void *data)
{
    SpiceViewer *viewer = data;

    return viewer->n_invalidated > 0 && viewer->inputs && viewer->cursor;
}

TEST (a_second_viewer_on_a_server_of_its_own_disturbs_nobody)
{
    struct spice_sink_config config;
    struct spice_sink *second;
    SpiceViewer *viewer;
    struct guest guest;
    Pair pair;

    set_up (&pair);
    config = (struct spice_sink_config) {.display = pair.guest.display, .input = pair.guest.input};
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL (spice_sink_create (&config, &second, NULL), 0);
        guest = (struct guest) {.sink = second};
        viewer = spice_viewer_new (guest_connect, &guest);
        for (int j = 0; j < 10; j++) {
            guest_fill (&pair.guest, 5, 5, 40, 40, (unsigned) (i * 10 + j));
            CHECK (spice_viewer_wait (same_picture, &pair));
            CHECK (!has_problem (&pair));
        }
        CHECK (spice_viewer_wait (has_picture, viewer));
        spice_viewer_free (viewer);
        spice_sink_destroy (second);
    }
    CHECK_EQUAL (pair.n_closed, 0);
    tear_down (&pair);
}

TAP_MAIN ()
