/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/console-cursor.h"

#include <X11/extensions/Xfixes.h>
#include <gdk/x11/gdkx.h>
#include <math.h>

#include "fixture.h"

#define MARK 0xff00ff00

/* White, with the pixel that points marked. */
static PosadaCursor *
make_cursor (int width, int height, int hot_x, int hot_y)
{
    g_autofree guint32 *pixels = g_new (guint32, (gsize) (width * height));

    for (int i = 0; i < width * height; i++)
        pixels[i] = i == hot_y * width + hot_x ? MARK : 0xffffffff;
    return posada_cursor_new (pixels, (guint) width, (guint) height, hot_x, hot_y);
}

/* At every scale and for every hotspot the pixel that points lies where the window system has it.
 */
static void
hotspots_are_exact (void)
{
    static const double scales[] = {1, 1.25, 4.0 / 3, 1.5, 1.75, 2, 3};
    static const double factors[] = {1, 2, 3, 0.5, 1.25, 0.7};

    for (gsize s = 0; s < G_N_ELEMENTS (scales); s++)
        for (gsize i = 0; i < G_N_ELEMENTS (factors); i++)
            for (int hot = 0; hot < 24; hot++) {
                g_autoptr (PosadaCursor) cursor = make_cursor (24, 30, hot, hot + 3);
                ConsoleCursorPicture picture;
                int x, y;
                guint32 pixel;

                console_cursor_render (cursor, factors[i], scales[s], &picture);
                x = (int) round (picture.logical_hot_x * scales[s]);
                y = (int) round (picture.logical_hot_y * scales[s]);
                g_assert_cmpfloat (fabs (picture.logical_hot_x * scales[s] - x), <, 0.02);
                g_assert_cmpint (picture.width, ==,
                                 (int) round (picture.logical_width * scales[s]));
                g_assert_cmpfloat (fabs (picture.logical_width * scales[s] - picture.width), <,
                                   0.02);
                g_assert_cmpint (x, <, picture.width);
                g_assert_cmpint (y, <, picture.height);
                pixel = picture.pixels[y * picture.width + x];
                if (factors[i] >= 1 && factors[i] == floor (factors[i]))
                    g_assert_cmphex (pixel, ==, MARK);
                else /* some of the mark, at least */
                    g_assert_cmpuint (pixel & 0xff, <, 0xff);
                g_free (picture.pixels);
            }
}

static void
odd_cursors_are_bounded (void)
{
    g_autoptr (PosadaCursor) large = make_cursor (512, 512, 511, 511);
    g_autoptr (PosadaCursor) small = make_cursor (1, 1, 0, 0);
    ConsoleCursorPicture picture;

    console_cursor_render (large, 40, 1.25, &picture);
    g_assert_cmpint (picture.width, <=, 512 + 32);
    g_free (picture.pixels);
    console_cursor_render (small, 0.01, 1.75, &picture);
    g_assert_cmpint (picture.width, >=, 1);
    g_free (picture.pixels);
}

G_GNUC_BEGIN_IGNORE_DEPRECATIONS
static XFixesCursorImage *
look (Fixture *f)
{
    run_ms (150);
    return XFixesGetCursorImage (
        gdk_x11_display_get_xdisplay (gtk_widget_get_display (f->console)));
}
G_GNUC_END_IGNORE_DEPRECATIONS

static gboolean
is_blank (const XFixesCursorImage *image)
{
    for (int i = 0; i < image->width * image->height; i++)
        if (image->pixels[i] & 0xff000000)
            return FALSE;
    return TRUE;
}

static void
assert_guest_cursor (Fixture *f, int width, int height, int hot_x, int hot_y)
{
    XFixesCursorImage *image = look (f);

    g_assert_cmpint (image->width, ==, width);
    g_assert_cmpint (image->height, ==, height);
    g_assert_cmpint (image->xhot, ==, hot_x);
    g_assert_cmpint (image->yhot, ==, hot_y);
    g_assert_cmphex (image->pixels[hot_y * width + hot_x] & 0xffffffff, ==, MARK);
    XFree (image);
}

/* What the X server shows, from a guest without a cursor to one that hides it. */
static void
the_host_shows_the_guests_cursor (Fixture *f, gconstpointer data)
{
    PosadaDisplay *display = POSADA_DISPLAY (f->display);
    g_autoptr (PosadaCursor) cursor = make_cursor (19, 25, 7, 11);
    g_autoptr (PosadaCursor) hidden = posada_cursor_new (NULL, 0, 0, 0, 0);
    g_autofree char *inside = NULL, *beside = NULL;
    XFixesCursorImage *image;
    int width, height;

    if (!run_xdotool ("version")) {
        g_test_skip ("no xdotool");
        return;
    }
    posada_console_set_scaling (POSADA_CONSOLE (f->console), POSADA_CONSOLE_ONE_TO_ONE);
    run_ms (100);
    width = gtk_widget_get_width (f->console);
    height = gtk_widget_get_height (f->console);
    inside = move_to (f, width / 2, height / 2);
    beside = move_to (f, 3, height / 2);

    g_assert_true (run_xdotool (inside));
    image = look (f);
    g_assert_false (is_blank (image));
    g_assert_cmpint (image->width * 100 + image->height, !=, 1925);
    XFree (image);

    posada_display_set_cursor (display, cursor);
    posada_display_move_cursor (display, 0, 0, TRUE);
    assert_guest_cursor (f, 19, 25, 7, 11);
    g_assert_true (run_xdotool (beside));
    image = look (f);
    g_assert_cmpint (image->width * 100 + image->height, !=, 1925);
    XFree (image);
    g_assert_true (run_xdotool (inside));
    assert_guest_cursor (f, 19, 25, 7, 11);

    posada_display_set_cursor (display, hidden);
    image = look (f);
    g_assert_true (is_blank (image));
    XFree (image);
    posada_display_set_cursor (display, cursor);
    posada_display_move_cursor (display, 0, 0, FALSE);
    image = look (f);
    g_assert_true (is_blank (image));
    XFree (image);
    posada_display_set_cursor (display, NULL);
    image = look (f);
    g_assert_false (is_blank (image));
    XFree (image);
}

/* A guest pixel is two device pixels here: so are the cursor's. */
static void
the_cursor_grows_with_the_picture (Fixture *f, gconstpointer data)
{
    PosadaDisplay *display = POSADA_DISPLAY (f->display);
    g_autoptr (PosadaCursor) cursor = make_cursor (10, 12, 3, 5);
    g_autofree char *inside = move_to (f, 100, 100);

    if (!run_xdotool ("version")) {
        g_test_skip ("no xdotool");
        return;
    }
    mock_display_resize (f->display, (guint) gtk_widget_get_width (f->console) / 2,
                         (guint) gtk_widget_get_height (f->console) / 2);
    posada_display_set_cursor (display, cursor);
    posada_display_move_cursor (display, 0, 0, TRUE);
    run_ms (200);
    g_assert_true (run_xdotool (inside));
    assert_guest_cursor (f, 20, 24, 6, 10);
}

/* In relative mode it is part of the picture, where the guest has it. */
static void
the_cursor_is_painted_for_guests_that_take_motion (Fixture *f, gconstpointer data)
{
    PosadaDisplay *display = POSADA_DISPLAY (f->display);
    g_autoptr (PosadaCursor) cursor = make_cursor (8, 8, 2, 2);
    g_autoptr (GdkPaintable) paintable = gtk_widget_paintable_new (f->console);
    g_autoptr (GtkSnapshot) snapshot = NULL;
    g_autoptr (GskRenderNode) node = NULL;
    g_autoptr (GdkTexture) texture = NULL;
    g_autofree guint32 *pixels = NULL;
    GskRenderer *renderer = gtk_native_get_renderer (GTK_NATIVE (f->window));
    int width, height, left, top;

    posada_console_set_scaling (POSADA_CONSOLE (f->console), POSADA_CONSOLE_ONE_TO_ONE);
    posada_display_set_absolute (display, FALSE);
    posada_display_set_cursor (display, cursor);
    posada_display_move_cursor (display, 40, 50, TRUE);
    run_ms (300);
    width = gtk_widget_get_width (f->console);
    height = gtk_widget_get_height (f->console);
    snapshot = gtk_snapshot_new ();
    gdk_paintable_snapshot (paintable, snapshot, width, height);
    node = gtk_snapshot_to_node (snapshot);
    texture = gsk_renderer_render_texture (
        renderer, node, &GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height));
    pixels = g_new (guint32, (gsize) (width * height));
    gdk_texture_download (texture, (guchar *) pixels, (gsize) width * 4);
    left = (width - 320) / 2 + 40;
    top = (height - 300) / 2 + 50;
    g_assert_cmphex (pixels[(top + 2) * width + left + 2], ==, MARK);
    g_assert_cmphex (pixels[top * width + left], ==, 0xffffffff);
    g_assert_cmphex (pixels[(top + 7) * width + left + 7], ==, 0xffffffff);
    g_assert_cmphex (pixels[(top + 8) * width + left + 8], ==, 0xff336699);
    g_assert_cmphex (pixels[(top - 1) * width + left], ==, 0xff336699);
}

#define ADD(name_, function_)                                                       \
    g_test_add ("/console-cursor/" name_, Fixture, NULL, fixture_set_up, function_, \
                fixture_tear_down)

int
main (int argc, char **argv)
{
    gtk_test_init (&argc, &argv, NULL);
    g_test_add_func ("/console-cursor/hotspots-are-exact", hotspots_are_exact);
    g_test_add_func ("/console-cursor/odd-cursors-are-bounded", odd_cursors_are_bounded);
    ADD ("the-host-shows-the-guests-cursor", the_host_shows_the_guests_cursor);
    ADD ("the-cursor-grows-with-the-picture", the_cursor_grows_with_the_picture);
    ADD ("the-cursor-is-painted-for-guests-that-take-motion",
         the_cursor_is_painted_for_guests_that_take_motion);
    return g_test_run ();
}
