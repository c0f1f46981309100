/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Paints as a widget would, on a surface of each scale, and looks at the device pixels. GTK scales
 * everything it draws by the surface's scale; so does a transform around the node.
 */
#include "console/console-painter.h"

#include <math.h>

#define BLACK 0xff000000u
#define WHITE 0xffffffffu
#define GREEN 0xff00ff00u /* where nothing is painted */

static const double scales[] = {1.0, 1.25, 4.0 / 3, 1.5, 1.75, 2.0};
static GskRenderer *renderer;

typedef struct {
    guint32 *pixels;
    int width, height;
} Picture;

static guint32
pixel_at (const Picture *picture, int x, int y)
{
    g_assert_true (x >= 0 && x < picture->width && y >= 0 && y < picture->height);
    return picture->pixels[(gsize) y * (gsize) picture->width + (gsize) x];
}

/* Everything from the surface's origin to a little beyond the widget. */
static void
paint (ConsolePainter *painter, const ConsoleGeometry *geometry, Picture *ret_picture)
{
    g_autoptr (GtkSnapshot) snapshot = gtk_snapshot_new ();
    g_autoptr (GskRenderNode) node = NULL;
    g_autoptr (GdkTexture) texture = NULL;
    const GdkRectangle *area = &geometry->area;
    int width = area->x + area->width + 3, height = area->y + area->height + 3;
    graphene_rect_t viewport;

    graphene_rect_init (&viewport, 0, 0, (float) width, (float) height);
    gtk_snapshot_append_color (snapshot, &(GdkRGBA) {0, 1, 0, 1}, &viewport);
    gtk_snapshot_scale (snapshot, (float) geometry->place.scale, (float) geometry->place.scale);
    gtk_snapshot_translate (
        snapshot, &GRAPHENE_POINT_INIT ((float) geometry->place.x, (float) geometry->place.y));
    console_painter_snapshot (painter, snapshot, geometry);
    node = gtk_snapshot_to_node (snapshot);
    texture = gsk_renderer_render_texture (renderer, node, &viewport);
    ret_picture->width = width;
    ret_picture->height = height;
    g_free (ret_picture->pixels);
    ret_picture->pixels = g_new (guint32, (gsize) width * (gsize) height);
    gdk_texture_download (texture, (guchar *) ret_picture->pixels, (gsize) width * 4);
}

static void
fill_chequers (ConsolePainter *painter)
{
    guint width = console_painter_get_width (painter),
          height = console_painter_get_height (painter);
    guint stride;
    guint32 *pixels = console_painter_get_pixels (painter, &stride);

    for (guint y = 0; y < height; y++)
        for (guint x = 0; x < width; x++)
            pixels[y * stride / 4 + x] = (x + y) % 2 ? WHITE : BLACK;
    console_painter_add_damage (painter, 0, 0, (int) width, (int) height);
}

/* A picture of the widget's size comes out pixel by pixel, and nothing beside it. */
static void
chequers_are_exact_at_every_scale (void)
{
    for (gsize s = 0; s < G_N_ELEMENTS (scales); s++) {
        g_autoptr (ConsolePainter) painter = console_painter_new ();
        ConsolePlace place = {scales[s], 13, 47, 401, 299};
        ConsoleGeometry geometry;
        Picture picture = {0};
        GdkRectangle area;

        console_place_to_area (&place, &area);
        g_assert_true (console_painter_resize (painter, (guint) area.width, (guint) area.height));
        fill_chequers (painter);
        console_geometry_init (&geometry, &place, POSADA_CONSOLE_RESIZE_GUEST, (guint) area.width,
                               (guint) area.height, 0, 0);
        paint (painter, &geometry, &picture);
        for (int y = 0; y < picture.height; y++) {
            for (int x = 0; x < picture.width; x++) {
                guint32 expected = (x - area.x + y - area.y) % 2 ? WHITE : BLACK;

                if (x < area.x || y < area.y || x >= area.x + area.width ||
                    y >= area.y + area.height)
                    expected = GREEN;
                if (pixel_at (&picture, x, y) == expected)
                    continue;
                g_test_message ("scale %g: pixel %d, %d is %08x, not %08x", scales[s], x, y,
                                pixel_at (&picture, x, y), expected);
                g_test_fail ();
                return;
            }
        }
        g_free (picture.pixels);
    }
}

/* However it is scaled, one colour stays one colour: strips leave no seam and no gap. */
static void
strips_leave_no_seams (void)
{
    for (gsize s = 0; s < G_N_ELEMENTS (scales); s++) {
        g_autoptr (ConsolePainter) painter = console_painter_new ();
        ConsolePlace place = {scales[s], 7, 31, 333, 277};
        ConsoleGeometry geometry;
        Picture picture = {0};
        guint32 *pixels;
        guint stride;

        g_assert_true (console_painter_resize (painter, 1023, 767));
        pixels = console_painter_get_pixels (painter, &stride);
        for (guint i = 0; i < 1023 * 767; i++)
            pixels[i] = 0xff8040c0;
        console_painter_add_damage (painter, 0, 0, 1023, 767);
        console_geometry_init (&geometry, &place, POSADA_CONSOLE_FIT, 1023, 767, 0, 0);
        paint (painter, &geometry, &picture);
        for (int y = 0; y < geometry.picture.height; y++)
            for (int x = 0; x < geometry.picture.width; x++)
                g_assert_cmphex (
                    pixel_at (&picture, geometry.picture.x + x, geometry.picture.y + y), ==,
                    0xff8040c0);
        g_assert_cmphex (pixel_at (&picture, geometry.picture.x - 1, geometry.picture.y), ==,
                         GREEN);
        g_free (picture.pixels);
    }
}

static void
only_damage_is_made_anew (void)
{
    g_autoptr (ConsolePainter) painter = console_painter_new ();
    ConsolePlace place = {1, 0, 0, 640, 480};
    ConsoleGeometry geometry;
    Picture picture = {0};
    guint32 *pixels;
    guint stride, uploads;

    g_assert_true (console_painter_resize (painter, 640, 480));
    console_geometry_init (&geometry, &place, POSADA_CONSOLE_FIT, 640, 480, 0, 0);
    paint (painter, &geometry, &picture);
    g_assert_cmpuint (console_painter_get_uploads (painter), ==, 4);
    g_assert_cmphex (pixel_at (&picture, 320, 240), ==, BLACK);

    /* Nothing for nothing. */
    paint (painter, &geometry, &picture);
    g_assert_cmpuint (console_painter_get_uploads (painter), ==, 4);

    pixels = console_painter_get_pixels (painter, &stride);
    pixels[240 * stride / 4 + 320] = WHITE;
    console_painter_add_damage (painter, 320, 240, 1, 1);
    paint (painter, &geometry, &picture);
    g_assert_cmpuint (console_painter_get_uploads (painter), ==, 5);
    g_assert_cmphex (pixel_at (&picture, 320, 240), ==, WHITE);
    g_assert_cmphex (pixel_at (&picture, 321, 240), ==, BLACK);

    /* Across a boundary: two. */
    pixels[127 * stride / 4] = pixels[128 * stride / 4] = WHITE;
    console_painter_add_damage (painter, 0, 127, 1, 2);
    paint (painter, &geometry, &picture);
    uploads = console_painter_get_uploads (painter);
    g_assert_cmpuint (uploads, ==, 7);
    g_assert_cmphex (pixel_at (&picture, 0, 127), ==, WHITE);
    g_assert_cmphex (pixel_at (&picture, 0, 128), ==, WHITE);

    /* Outside: none. */
    console_painter_add_damage (painter, 640, 0, 10, 10);
    console_painter_add_damage (painter, 0, -5, 640, 5);
    console_painter_add_damage (painter, 0, 0, 0, 10);
    paint (painter, &geometry, &picture);
    g_assert_cmpuint (console_painter_get_uploads (painter), ==, uploads);
    console_painter_add_damage (painter, -100, -100, G_MAXINT, G_MAXINT);
    paint (painter, &geometry, &picture);
    g_assert_cmpuint (console_painter_get_uploads (painter), ==, uploads + 4);
    g_free (picture.pixels);
}

static void
refuses_what_no_screen_is (void)
{
    g_autoptr (ConsolePainter) painter = console_painter_new ();

    g_assert_true (console_painter_resize (painter, 64, 64));
    g_assert_false (console_painter_resize (painter, G_MAXUINT, G_MAXUINT));
    g_assert_cmpuint (console_painter_get_width (painter), ==, 0);
    g_assert_null (console_painter_grab (painter));
    g_assert_false (console_painter_resize (painter, 16384, 16384));
    g_assert_false (console_painter_resize (painter, 16385, 1));
    g_assert_false (console_painter_resize (painter, 0, 10));
    g_assert_true (console_painter_resize (painter, 16384, 1));
}

/* A screenshot does not change with the screen. */
static void
grabs_are_copies (void)
{
    g_autoptr (ConsolePainter) painter = console_painter_new ();
    g_autoptr (GdkTexture) texture = NULL;
    guint32 pixel = 0;
    guint stride;

    g_assert_true (console_painter_resize (painter, 1, 1));
    texture = console_painter_grab (painter);
    *console_painter_get_pixels (painter, &stride) = WHITE;
    gdk_texture_download (texture, (guchar *) &pixel, 4);
    g_assert_cmphex (pixel, ==, BLACK);
}

/* Textures outlive the picture they were cut from. */
static void
nodes_outlive_the_painter (void)
{
    g_autoptr (GtkSnapshot) snapshot = gtk_snapshot_new ();
    g_autoptr (GskRenderNode) node = NULL;
    g_autoptr (GdkTexture) texture = NULL;
    ConsolePainter *painter = console_painter_new ();
    ConsolePlace place = {1, 0, 0, 300, 300};
    ConsoleGeometry geometry;

    g_assert_true (console_painter_resize (painter, 300, 300));
    fill_chequers (painter);
    console_geometry_init (&geometry, &place, POSADA_CONSOLE_FIT, 300, 300, 0, 0);
    console_painter_snapshot (painter, snapshot, &geometry);
    node = gtk_snapshot_to_node (snapshot);
    console_painter_free (painter);
    texture = gsk_renderer_render_texture (renderer, node, NULL);
    g_assert_cmpint (gdk_texture_get_width (texture), ==, 300);
}

int
main (int argc, char **argv)
{
    int result;

    gtk_test_init (&argc, &argv, NULL);
    renderer = gsk_cairo_renderer_new ();
    g_assert_true (gsk_renderer_realize_for_display (renderer, gdk_display_get_default (), NULL));
    g_test_add_func ("/painter/chequers-are-exact-at-every-scale",
                     chequers_are_exact_at_every_scale);
    g_test_add_func ("/painter/strips-leave-no-seams", strips_leave_no_seams);
    g_test_add_func ("/painter/only-damage-is-made-anew", only_damage_is_made_anew);
    g_test_add_func ("/painter/refuses-what-no-screen-is", refuses_what_no_screen_is);
    g_test_add_func ("/painter/grabs-are-copies", grabs_are_copies);
    g_test_add_func ("/painter/nodes-outlive-the-painter", nodes_outlive_the_painter);
    result = g_test_run ();
    gsk_renderer_unrealize (renderer);
    g_object_unref (renderer);
    return result;
}
