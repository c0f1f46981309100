/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/console-geometry.h"

#include <math.h>

#include "machine/posada-display.h"

static const double scales[] = {1.0, 1.25, 4.0 / 3, 1.5, 1.75, 2.0};

static const struct {
    double x, y;
    int width, height;
} places[] = {
    {0, 0, 1024, 768}, {26, 47, 801, 599}, {14.4, 3.2, 333, 777},
    {1, 1, 100, 100},  {7, 46, 1919, 1},
};

/* A guest of the size its room has is seen pixel by pixel, inside the room, at every scale. */
static void
room_sized_guest_is_exact (void)
{
    for (gsize s = 0; s < G_N_ELEMENTS (scales); s++) {
        for (gsize p = 0; p < G_N_ELEMENTS (places); p++) {
            ConsolePlace place = {scales[s], places[p].x, places[p].y, places[p].width,
                                  places[p].height};
            ConsoleGeometry geometry;
            GdkRectangle area;

            console_place_to_area (&place, &area);
            console_geometry_init (&geometry, &place, POSADA_CONSOLE_RESIZE_GUEST,
                                   (guint) area.width, (guint) area.height, 0, 0);
            g_assert_true (gdk_rectangle_equal (&geometry.picture, &area));
            g_assert_cmpfloat (area.x, >=, place.x * place.scale - 0.02);
            g_assert_cmpfloat (area.x + area.width, <=,
                               (place.x + place.width) * place.scale + 0.02);
            g_assert_cmpfloat (area.width, >, place.width * place.scale - 2);
        }
    }
}

static void
full_screen_is_whole (void)
{
    for (gsize s = 0; s < G_N_ELEMENTS (scales); s++) {
        int width = (int) round (1920 / scales[s]), height = (int) round (1080 / scales[s]);
        ConsolePlace place = {scales[s], 0, 0, width, height};
        GdkRectangle area;

        console_place_to_area (&place, &area);
        g_assert_cmpint (abs (area.width - 1920), <=, 1);
        g_assert_cmpint (abs (area.height - 1080), <=, 1);
        if (fabs (width * scales[s] - 1920) < 1e-9)
            g_assert_cmpint (area.width, ==, 1920);
    }
}

static void
keeps_the_shape (void)
{
    ConsolePlace place = {1.5, 10, 10, 800, 800};
    ConsoleGeometry geometry;

    console_geometry_init (&geometry, &place, POSADA_CONSOLE_FIT, 640, 480, 0, 0);
    g_assert_cmpint (geometry.picture.width, ==, 1200);
    g_assert_cmpint (geometry.picture.height, ==, 900);
    g_assert_cmpint (geometry.picture.x, ==, 15);
    g_assert_cmpint (geometry.picture.y, ==, 15 + 150);
}

/* A room one pixel too small or too large is no reason to blur. */
static void
snaps_within_a_pixel (void)
{
    for (int off = -1; off <= 1; off++) {
        ConsolePlace place = {1, 0, 0, 1024 + off, 768 + off};
        ConsoleGeometry geometry;

        console_geometry_init (&geometry, &place, POSADA_CONSOLE_FIT, 1024, 768, 0, 0);
        g_assert_cmpint (geometry.picture.width, ==, 1024);
        g_assert_cmpint (geometry.picture.height, ==, 768);
        g_assert_cmpint (geometry.picture.x, ==, 0);
        g_assert_cmpint (geometry.picture.y, ==, 0);
    }
}

static void
one_to_one_is_never_scaled (void)
{
    ConsolePlace place = {1.25, 3, 5, 400, 300};
    ConsoleGeometry geometry;

    console_geometry_init (&geometry, &place, POSADA_CONSOLE_ONE_TO_ONE, 320, 200, 0, 0);
    g_assert_cmpint (geometry.picture.width, ==, 320);
    g_assert_cmpint (geometry.picture.x, ==, geometry.area.x + (geometry.area.width - 320) / 2);

    console_geometry_init (&geometry, &place, POSADA_CONSOLE_ONE_TO_ONE, 1920, 1080, 0, 0);
    g_assert_cmpint (geometry.picture.width, ==, 1920);
    g_assert_cmpint (geometry.picture.x, ==, geometry.area.x);
    console_geometry_init (&geometry, &place, POSADA_CONSOLE_ONE_TO_ONE, 1920, 1080, 1, 1);
    g_assert_cmpint (geometry.picture.x + 1920, ==, geometry.area.x + geometry.area.width);
    g_assert_cmpint (geometry.picture.y + 1080, ==, geometry.area.y + geometry.area.height);
}

/* Strips share their boundaries, and together they are the picture. */
static void
rows_tile_the_picture (void)
{
    for (gsize s = 0; s < G_N_ELEMENTS (scales); s++) {
        ConsolePlace place = {scales[s], 11, 33, 777, 555};
        ConsoleGeometry geometry;

        console_geometry_init (&geometry, &place, POSADA_CONSOLE_FIT, 1920, 1080, 0, 0);
        g_assert_cmpint (console_geometry_row (&geometry, 0), ==, geometry.picture.y);
        g_assert_cmpint (console_geometry_row (&geometry, 1080), ==,
                         geometry.picture.y + geometry.picture.height);
    }
}

/* Every device pixel of an unscaled picture leads to the guest pixel that is painted there. */
static void
pointer_is_where_it_points (void)
{
    for (gsize s = 0; s < G_N_ELEMENTS (scales); s++) {
        ConsolePlace place = {scales[s], 26.4, 47, 801, 599};
        ConsoleGeometry geometry;
        GdkRectangle area;
        int x, y;

        console_place_to_area (&place, &area);
        console_geometry_init (&geometry, &place, POSADA_CONSOLE_FIT, (guint) area.width,
                               (guint) area.height, 0, 0);
        for (int i = 0; i < area.width; i++) {
            double at = (area.x + i) / scales[s], middle = (area.x + i + 0.5) / scales[s];

            g_assert_true (console_geometry_to_guest (&geometry, at, area.y / scales[s], &x, &y));
            g_assert_cmpint (x, ==, i);
            g_assert_cmpint (y, ==, 0);
            console_geometry_to_guest (&geometry, (double) (float) middle, area.y / scales[s], &x,
                                       &y);
            g_assert_cmpint (x, ==, i);
        }
    }
}

/* Scaled up or down, first and last pixel can be pointed at, and beyond is the nearest. */
static void
last_pixel_is_reachable (void)
{
    for (gsize s = 0; s < G_N_ELEMENTS (scales); s++) {
        for (gsize p = 0; p < G_N_ELEMENTS (places); p++) {
            ConsolePlace place = {scales[s], places[p].x, places[p].y, places[p].width,
                                  places[p].height};
            ConsoleGeometry geometry;
            GdkRectangle *picture = &geometry.picture;
            int x, y;

            console_geometry_init (&geometry, &place, POSADA_CONSOLE_FIT, 1920, 1080, 0, 0);
            /* As X11 reports it: the left top corner of the last device pixel. */
            g_assert_true (
                console_geometry_to_guest (&geometry, (picture->x + picture->width - 1) / scales[s],
                                           (picture->y + picture->height - 1) / scales[s], &x, &y));
            /* A line is too little to point at its end. */
            if (picture->height < 2)
                continue;
            g_assert_cmpint (x, ==, 1919);
            g_assert_cmpint (y, ==, 1079);
            g_assert_false (console_geometry_to_guest (
                &geometry, (picture->x + picture->width + 2) / scales[s], -1000, &x, &y));
            g_assert_cmpint (x, ==, 1919);
            g_assert_cmpint (y, ==, 0);
        }
    }
}

/* However a guest turns positions into pixels, it arrives at the one that was meant. */
static void
absolute_position_survives_the_guest (void)
{
    static const guint extents[] = {1, 320, 720, 1080, 1366, 1920, 3840, 8192};

    for (gsize i = 0; i < G_N_ELEMENTS (extents); i++) {
        for (guint pixel = 0; pixel < extents[i]; pixel++) {
            guint at = console_position_to_absolute ((int) pixel, extents[i]);

            g_assert_cmpuint (at, <=, POSADA_DISPLAY_ABSOLUTE_MAX);
            g_assert_cmpuint ((guint) ((guint64) at * extents[i] / 32768), ==, pixel);
        }
    }
}

static void
panning_reaches_all_corners (void)
{
    ConsolePlace place = {1.25, 16, 8, 400, 300};
    ConsoleGeometry geometry;
    double x, y;

    console_geometry_init (&geometry, &place, POSADA_CONSOLE_ONE_TO_ONE, 1920, 1080, 0, 0);
    console_geometry_to_pan (&geometry, 16, 8, &x, &y);
    g_assert_cmpfloat (x, ==, 0);
    g_assert_cmpfloat (y, ==, 0);
    console_geometry_to_pan (&geometry, 416, 308, &x, &y);
    g_assert_cmpfloat (x, ==, 1);
    g_assert_cmpfloat (y, ==, 1);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/geometry/room-sized-guest-is-exact", room_sized_guest_is_exact);
    g_test_add_func ("/geometry/full-screen-is-whole", full_screen_is_whole);
    g_test_add_func ("/geometry/keeps-the-shape", keeps_the_shape);
    g_test_add_func ("/geometry/snaps-within-a-pixel", snaps_within_a_pixel);
    g_test_add_func ("/geometry/one-to-one-is-never-scaled", one_to_one_is_never_scaled);
    g_test_add_func ("/geometry/rows-tile-the-picture", rows_tile_the_picture);
    g_test_add_func ("/geometry/pointer-is-where-it-points", pointer_is_where_it_points);
    g_test_add_func ("/geometry/last-pixel-is-reachable", last_pixel_is_reachable);
    g_test_add_func ("/geometry/absolute-position-survives-the-guest",
                     absolute_position_survives_the_guest);
    g_test_add_func ("/geometry/panning-reaches-all-corners", panning_reaches_all_corners);
    return g_test_run ();
}
