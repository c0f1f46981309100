/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "spice-guest.h"
#include "spice-viewer.h"
#include "tap.h"

struct pair {
    struct guest *guest;
    SpiceViewer *viewer;
    const char *expected;
    guint n_invalidated;
    gint64 changed_at;
};

/* Whether the viewer has the guest's picture, pixel by pixel. */
static gboolean
same_picture (void *data)
{
    struct pair *pair = data;
    struct guest *guest = pair->guest;

    if (!pair->viewer->pixels || pair->viewer->width != (int) guest->width ||
        pair->viewer->height != (int) guest->height)
        return FALSE;
    for (unsigned y = 0; y < guest->height; y++)
        for (unsigned x = 0; x < guest->width; x++)
            if (spice_viewer_get_pixel (pair->viewer, (int) x, (int) y) !=
                (guest->pixels[y * guest->width + x] & 0xFFFFFF))
                return FALSE;
    return TRUE;
}

static gboolean
recorded (void *data)
{
    struct pair *pair = data;

    return guest_recorded (pair->guest, pair->expected);
}

/* Whether nothing came for a while, after something did. */
static gboolean
is_quiet (void *data)
{
    struct pair *pair = data;
    gint64 now = g_get_monotonic_time ();

    if (pair->n_invalidated != pair->viewer->n_invalidated)
        pair->changed_at = now;
    pair->n_invalidated = pair->viewer->n_invalidated;
    return pair->n_invalidated > 0 && now - pair->changed_at > 300000;
}

/* Waits until the guest got @expected, then forgets everything it got. */
static void
expect (struct guest *guest, SpiceViewer *viewer, const char *expected)
{
    struct pair pair = {guest, viewer, expected};

    if (!spice_viewer_wait (recorded, &pair))
        tap_fail (__FILE__, __LINE__, "got “%s”, not “%s”", guest->record, expected);
    guest_forget (guest);
}

static gboolean
has_inputs (void *data)
{
    struct pair *pair = data;

    return pair->viewer->inputs && pair->viewer->pixels && pair->viewer->cursor;
}

static gboolean
is_client_mode (void *data)
{
    return ((struct pair *) data)->viewer->mouse_mode == SPICE_MOUSE_MODE_CLIENT;
}

static gboolean
is_server_mode (void *data)
{
    return ((struct pair *) data)->viewer->mouse_mode == SPICE_MOUSE_MODE_SERVER;
}

static gboolean
is_closed (void *data)
{
    return ((struct pair *) data)->viewer->closed;
}

TEST (a_picture_arrives_pixel_by_pixel)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};

    guest_set_up (&guest, NULL);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (same_picture, &pair));
    CHECK (spice_sink_has_viewer (guest.sink));
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
}

TEST (damage_arrives_without_the_rest)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};
    guint before;

    guest_set_up (&guest, NULL);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (same_picture, &pair));
    CHECK (spice_viewer_wait (is_quiet, &pair));
    before = pair.viewer->n_invalidated;
    guest_fill (&guest, 10, 20, 30, 40, 0x123456);
    CHECK (spice_viewer_wait (same_picture, &pair));
    pair.changed_at = g_get_monotonic_time ();
    CHECK (spice_viewer_wait (is_quiet, &pair));
    CHECK_EQUAL (pair.viewer->n_invalidated - before, 1);
    CHECK_EQUAL (pair.viewer->x, 10);
    CHECK_EQUAL (pair.viewer->y, 20);
    CHECK_EQUAL (pair.viewer->area_width, 30);
    CHECK_EQUAL (pair.viewer->area_height, 40);
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
}

TEST (the_screen_changes_its_size_and_goes_off_and_on)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};

    guest_set_up (&guest, NULL);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (same_picture, &pair));
    guest_resize (&guest, 641, 3);
    CHECK (spice_viewer_wait (same_picture, &pair));
    guest_resize (&guest, 0, 0);
    guest_resize (&guest, 1, 1);
    CHECK (spice_viewer_wait (same_picture, &pair));
    CHECK (!pair.viewer->closed);
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
}

TEST (keys_become_key_codes)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};
    SpiceInputsChannel *inputs;

    guest_set_up (&guest, NULL);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (has_inputs, &pair));
    inputs = pair.viewer->inputs;
    spice_inputs_channel_key_press (inputs, 0x1E);
    expect (&guest, pair.viewer, "+30 ");
    spice_inputs_channel_key_release (inputs, 0x1E);
    expect (&guest, pair.viewer, "-30 ");
    spice_inputs_channel_key_press (inputs, 0x148);
    spice_inputs_channel_key_release (inputs, 0x148);
    expect (&guest, pair.viewer, "+103 -103 ");
    spice_inputs_channel_key_press (inputs, 0x21D);
    spice_inputs_channel_key_press (inputs, 0x45);
    spice_inputs_channel_key_release (inputs, 0x21D);
    spice_inputs_channel_key_release (inputs, 0x45);
    expect (&guest, pair.viewer, "+119 -119 ");
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
}

TEST (what_a_viewer_holds_down_goes_up_when_it_leaves)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};

    guest_set_up (&guest, NULL);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (has_inputs, &pair));
    input_key (guest.input, KEY_A, true);
    spice_inputs_channel_key_press (pair.viewer->inputs, 0x2D);
    expect (&guest, pair.viewer, "+45 ");
    spice_viewer_free (pair.viewer);
    pair.viewer = NULL;
    expect (&guest, NULL, "-45 ");
    CHECK (!strstr (guest.record, "-30")); /* somebody else holds it */
    guest_tear_down (&guest);
}

TEST (the_pointer_has_positions_where_the_guest_takes_them)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};
    struct input_handler *tablet;

    guest_set_up (&guest, NULL);
    tablet = guest_add_tablet (&guest);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (has_inputs, &pair));
    CHECK (spice_viewer_wait (is_client_mode, &pair));
    spice_inputs_channel_position (pair.viewer->inputs, GUEST_WIDTH - 1, GUEST_HEIGHT - 1, 0, 0);
    expect (&guest, pair.viewer, "a32767,32767,0,0 ");
    spice_inputs_channel_button_press (pair.viewer->inputs, SPICE_MOUSE_BUTTON_RIGHT,
                                       SPICE_MOUSE_BUTTON_MASK_RIGHT);
    expect (&guest, pair.viewer, "a32767,32767,0,2 ");
    spice_inputs_channel_button_release (pair.viewer->inputs, SPICE_MOUSE_BUTTON_RIGHT, 0);
    expect (&guest, pair.viewer, "a32767,32767,0,0 ");
    spice_inputs_channel_button_press (pair.viewer->inputs, SPICE_MOUSE_BUTTON_UP, 0);
    spice_inputs_channel_button_release (pair.viewer->inputs, SPICE_MOUSE_BUTTON_UP, 0);
    expect (&guest, pair.viewer, "a32767,32767,1,0 ");
    spice_inputs_channel_button_press (pair.viewer->inputs, SPICE_MOUSE_BUTTON_SIDE,
                                       SPICE_MOUSE_BUTTON_MASK_SIDE);
    expect (&guest, pair.viewer, "a32767,32767,0,8 ");
    spice_inputs_channel_button_press (pair.viewer->inputs, SPICE_MOUSE_BUTTON_EXTRA,
                                       SPICE_MOUSE_BUTTON_MASK_SIDE |
                                           SPICE_MOUSE_BUTTON_MASK_EXTRA);
    expect (&guest, pair.viewer, "a32767,32767,0,18 ");
    spice_inputs_channel_button_release (pair.viewer->inputs, SPICE_MOUSE_BUTTON_SIDE, 0);
    expect (&guest, pair.viewer, "a32767,32767,0,0 ");
    spice_inputs_channel_position (pair.viewer->inputs, 0, 0, 0, 0);
    expect (&guest, pair.viewer, "a0,0,0,0 ");

    /* The driver stops, and motion is all there is. */
    atomic_store (&guest.takes_absolute, false);
    CHECK (spice_viewer_wait (is_server_mode, &pair));
    spice_inputs_channel_motion (pair.viewer->inputs, 5, -6, SPICE_MOUSE_BUTTON_MASK_LEFT);
    expect (&guest, pair.viewer, "r5,-6,0,1 ");
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
    free (tablet);
}

static gboolean
has_cursor (void *data)
{
    SpiceCursorShape *shape = spice_viewer_get_cursor (((struct pair *) data)->viewer);
    gboolean has = shape && shape->data && shape->width == 3;

    if (shape)
        g_boxed_free (SPICE_TYPE_CURSOR_SHAPE, shape);
    return has;
}

static gboolean
is_hidden (void *data)
{
    return ((struct pair *) data)->viewer->n_cursor_hides > 0;
}

TEST (the_cursor_comes_with_its_hot_spot_and_hides)
{
    static const uint32_t pixels[6] = {0xFFFF0000, 0x80400000, 0, 0xFF00FF00, 0xFF0000FF, 0};
    struct display_cursor cursor = {
        .pixels = pixels, .width = 3, .height = 2, .hot_x = 2, .hot_y = 1};
    struct guest guest;
    struct pair pair = {.guest = &guest};
    SpiceCursorShape *shape;
    const guint8 *bytes;

    guest_set_up (&guest, NULL);
    display_set_cursor (guest.display, &cursor);
    display_move_cursor (guest.display, 7, 8, true);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (has_cursor, &pair));
    shape = spice_viewer_get_cursor (pair.viewer);
    CHECK_EQUAL (shape->height, 2);
    CHECK_EQUAL (shape->hot_spot_x, 2);
    CHECK_EQUAL (shape->hot_spot_y, 1);
    bytes = shape->data;
    CHECK (memcmp (bytes, "\xFF\x00\x00\xFF\x7F\x00\x00\x80\x00\x00\x00\x00\x00\xFF\x00\xFF", 16) ==
           0);
    g_boxed_free (SPICE_TYPE_CURSOR_SHAPE, shape);
    CHECK (!is_hidden (&pair));
    display_move_cursor (guest.display, 7, 8, false);
    CHECK (spice_viewer_wait (is_hidden, &pair));
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
}

static gboolean
is_refreshed (void *data)
{
    return atomic_load (&((struct pair *) data)->guest->refreshes) > 0;
}

TEST (nobody_looking_costs_nothing)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};
    unsigned before;

    guest_set_up (&guest, NULL);
    g_usleep (200000);
    CHECK_EQUAL (atomic_load (&guest.refreshes), 0);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (same_picture, &pair));
    CHECK (spice_viewer_wait (is_refreshed, &pair));
    spice_viewer_free (pair.viewer);
    for (int i = 0; i < 500 && spice_sink_has_viewer (guest.sink); i++)
        g_usleep (10000);
    CHECK (!spice_sink_has_viewer (guest.sink));
    before = atomic_load (&guest.refreshes);
    g_usleep (200000);
    CHECK_EQUAL (atomic_load (&guest.refreshes), before);
    guest_tear_down (&guest);
}

TEST (a_viewer_that_comes_again_gets_the_picture_of_now)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};

    guest_set_up (&guest, NULL);
    for (int i = 0; i < 3; i++) {
        guest_fill (&guest, 0, 0, 50, 50, 0x111111u * (unsigned) i);
        pair.viewer = spice_viewer_new (guest_connect, &guest);
        CHECK (spice_viewer_wait (same_picture, &pair));
        spice_viewer_free (pair.viewer);
    }
    guest_tear_down (&guest);
}

TEST (a_server_goes_away_under_its_viewer)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};

    guest_set_up (&guest, NULL);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (same_picture, &pair));
    guest_fill (&guest, 0, 0, GUEST_WIDTH, GUEST_HEIGHT, 0xABCDEF);
    spice_sink_destroy (guest.sink);
    guest.sink = NULL;
    CHECK (spice_viewer_wait (is_closed, &pair));
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
}

TEST (four_servers_live_in_one_process)
{
    struct guest guests[4];
    struct pair pairs[4];

    for (int i = 0; i < 4; i++) {
        guest_set_up (&guests[i], NULL);
        guest_fill (&guests[i], 0, 0, 100, 100, 0x222222u * (unsigned) i);
        pairs[i] = (struct pair) {.guest = &guests[i]};
        pairs[i].viewer = spice_viewer_new (guest_connect, &guests[i]);
    }
    for (int i = 0; i < 4; i++)
        CHECK (spice_viewer_wait (same_picture, &pairs[i]));
    for (int i = 0; i < 4; i++) {
        spice_viewer_free (pairs[i].viewer);
        guest_tear_down (&guests[i]);
    }
}

struct storm {
    struct guest *guest;
    atomic_bool stop;
    unsigned n_frames;
};

static void *
storm_thread (void *data)
{
    struct storm *storm = data;

    while (!atomic_load (&storm->stop)) {
        if (storm->n_frames % 3 == 0)
            guest_resize (storm->guest, 640 + storm->n_frames % 7 * 100,
                          480 + storm->n_frames % 5 * 80);
        else
            guest_fill (storm->guest, 0, 0, storm->guest->width, storm->guest->height,
                        storm->n_frames);
        storm->n_frames++;
        g_usleep (16000);
    }
    return NULL;
}

TEST (a_storm_of_sizes_stalls_nobody)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};
    struct storm storm = {.guest = &guest};
    gint64 last, end, longest = 0;
    pthread_t thread;

    guest_set_up (&guest, NULL);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (same_picture, &pair));
    CHECK_EQUAL (pthread_create (&thread, NULL, storm_thread, &storm), 0);
    end = g_get_monotonic_time () + 3 * G_USEC_PER_SEC;
    for (last = g_get_monotonic_time (); last < end;) {
        gint64 now;

        for (int i = 0; i < 10 && g_main_context_iteration (NULL, FALSE); i++)
            ;
        g_usleep (1000);
        now = g_get_monotonic_time ();
        longest = MAX (longest, now - last);
        last = now;
    }
    atomic_store (&storm.stop, true);
    pthread_join (thread, NULL);
    printf ("# %u frames, the main loop's longest turn %" G_GINT64_FORMAT " ms\n", storm.n_frames,
            longest / 1000);
    /* The device is not kept waiting by a viewer, either. */
    CHECK (storm.n_frames > 3000 / 16 / 4);
    CHECK (longest < 1000000);
    CHECK (!pair.viewer->closed);
    CHECK (spice_viewer_wait (same_picture, &pair));
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
}

TEST (a_viewer_that_does_not_read_holds_nothing_up)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};

    guest_set_up (&guest, NULL);
    guest_resize (&guest, 1024, 768);
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (same_picture, &pair));
    /* Nobody runs the viewer's main loop; small scattered damage is what the library keeps. */
    for (unsigned i = 0; i < 5000; i++)
        guest_fill (&guest, i * 61 % 1000, i * 37 % 740, 20, 20, i);
    for (unsigned i = 0; i < 100; i++)
        guest_fill (&guest, 0, 0, 1024, 768, i);
    guest_resize (&guest, 800, 600);
    CHECK (spice_viewer_wait (same_picture, &pair));
    CHECK (!pair.viewer->closed);
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
}

TEST (a_socket_is_for_its_user_alone_and_goes_with_the_server)
{
    char directory[] = "/tmp/posada-spice-XXXXXX";
    g_autofree char *path = NULL, *uri = NULL;
    struct spice_sink_config config = {0};
    struct guest guest;
    struct pair pair = {.guest = &guest};
    struct stat status;

    CHECK (mkdtemp (directory));
    path = g_strdup_printf ("%s/console", directory);
    uri = g_strdup_printf ("spice+unix://%s", path);
    config.socket = path;
    guest_set_up (&guest, &config);
    CHECK_EQUAL (stat (path, &status), 0);
    CHECK_EQUAL (status.st_mode & 0777, 0600);
    pair.viewer = spice_viewer_new_for_uri (uri, NULL, NULL, NULL);
    CHECK (spice_viewer_wait (same_picture, &pair));
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
    CHECK (stat (path, &status) < 0);
    CHECK_EQUAL (rmdir (directory), 0);
}

TEST (a_file_in_a_sockets_place_is_kept)
{
    char path[] = "/tmp/posada-spice-XXXXXX";
    struct spice_sink_config config = {.socket = path};
    struct vmm_error error = {0};
    struct spice_sink *sink;
    struct guest guest;
    int fd = mkstemp (path);

    CHECK (fd >= 0);
    close (fd);
    guest_set_up (&guest, NULL);
    config.display = guest.display;
    config.input = guest.input;
    CHECK_EQUAL (spice_sink_create (&config, &sink, &error), -EEXIST);
    CHECK_CONTAINS (error.message, path);
    CHECK_EQUAL (unlink (path), 0);
    guest_tear_down (&guest);
}

TEST (a_socket_in_use_is_left_to_its_owner)
{
    char directory[] = "/tmp/posada-spice-XXXXXX";
    g_autofree char *path = NULL, *uri = NULL;
    struct spice_sink_config config = {0};
    struct vmm_error error = {0};
    struct spice_sink *sink;
    struct guest guest;
    struct pair pair = {.guest = &guest};

    CHECK (mkdtemp (directory));
    path = g_strdup_printf ("%s/console", directory);
    uri = g_strdup_printf ("spice+unix://%s", path);
    config.socket = path;
    guest_set_up (&guest, &config);
    config.display = guest.display;
    config.input = guest.input;
    pair.viewer = spice_viewer_new_for_uri (uri, NULL, NULL, NULL);
    CHECK (spice_viewer_wait (same_picture, &pair));
    CHECK_EQUAL (spice_sink_create (&config, &sink, &error), -EADDRINUSE);
    CHECK_CONTAINS (error.message, path);
    CHECK (!pair.viewer->closed);
    spice_viewer_free (pair.viewer);
    pair.viewer = spice_viewer_new_for_uri (uri, NULL, NULL, NULL);
    CHECK (spice_viewer_wait (same_picture, &pair));
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
    CHECK_EQUAL (rmdir (directory), 0);
}

TEST (rubbish_on_a_connection_hurts_nobody)
{
    struct guest guest;
    struct pair pair = {.guest = &guest};
    uint32_t seed = 1;

    guest_set_up (&guest, NULL);
    for (int i = 0; i < 50; i++) {
        uint8_t bytes[600];
        int fd;

        CHECK_EQUAL (spice_sink_connect (guest.sink, &fd), 0);
        for (size_t j = 0; j < sizeof bytes; j++)
            bytes[j] = (uint8_t) (seed = seed * 1664525 + 1013904223) >> 24;
        if (i % 2)
            memcpy (bytes, "REDQ\x02\0\0\0\x02\0\0\0\x12\0\0\0\0\0\0\0\x02", 21);
        CHECK (send (fd, bytes, (size_t) (i * 12), MSG_NOSIGNAL) >= 0 || errno == EPIPE);
        close (fd);
    }
    pair.viewer = spice_viewer_new (guest_connect, &guest);
    CHECK (spice_viewer_wait (same_picture, &pair));
    CHECK (spice_viewer_wait (has_inputs, &pair));
    for (unsigned code = 0; code < 0x300; code++)
        spice_inputs_channel_key_press (pair.viewer->inputs, code);
    spice_inputs_channel_motion (pair.viewer->inputs, INT_MAX, INT_MIN, 0xFFFF);
    guest_fill (&guest, 0, 0, 9, 9, 0x777777);
    CHECK (spice_viewer_wait (same_picture, &pair));
    spice_viewer_free (pair.viewer);
    guest_tear_down (&guest);
}

TAP_MAIN ()
