/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-cursor.h"

#include <math.h>

/* Window systems cannot be relied upon for more, device pixels. */
#define MAX_PICTURE 512
/* How far padding looks for a whole logical pixel; twelfths cover the scales there are. */
#define MAX_PADDING 12
#define HAIR        (1.0 / 64)

struct _ConsoleCursor {
    GtkWidget *widget;
    PosadaDisplay *display;

    ConsoleCursorMode mode;
    double zoom; /* logical pixels in one of the guest's; 0: no picture */

    /* What the widget's cursor was made of. */
    gboolean made;
    ConsoleCursorMode made_mode;
    PosadaCursor *made_cursor;
    gboolean made_visible;
    double made_zoom;

    PosadaCursor *painted; /* what @texture was made of */
    GdkTexture *texture;
};

/* What the callback of a GdkCursor has. */
typedef struct {
    PosadaCursor *cursor;
    double zoom;
} Recipe;

static void
recipe_free (gpointer data)
{
    Recipe *self = data;

    posada_cursor_unref (self->cursor);
    g_free (self);
}

/* The least whole number of logical pixels, at least @least device pixels, that is a whole number
 * of device pixels, too. */
static int
to_logical (double least, double scale)
{
    int first = (int) ceil (least / scale - HAIR);

    for (int logical = first; logical < first + MAX_PADDING; logical++)
        if (fabs (logical * scale - round (logical * scale)) < HAIR)
            return logical;
    return first;
}

/* The mean of the source's area under one pixel of the result: exact where pixels match. */
static guint32
sample (const PosadaCursor *cursor, double x, double y, double size)
{
    double sums[4] = {0}, area = size * size;
    guint32 pixel = 0;
    int left = MAX ((int) floor (x), 0), right = MIN ((int) ceil (x + size), (int) cursor->width);
    int top = MAX ((int) floor (y), 0), bottom = MIN ((int) ceil (y + size), (int) cursor->height);

    for (int row = top; row < bottom; row++) {
        double high = MIN (row + 1, y + size) - MAX (row, y);

        for (int column = left; column < right; column++) {
            double share = high * (MIN (column + 1, x + size) - MAX (column, x));
            guint32 source = cursor->pixels[(gsize) row * cursor->width + (gsize) column];

            if (share <= 0)
                continue;
            for (int i = 0; i < 4; i++)
                sums[i] += share * (source >> 8 * i & 0xff);
        }
    }
    for (int i = 0; i < 4; i++)
        pixel |= (guint32) CLAMP (sums[i] / area + 0.5, 0.0, 255.0) << 8 * i;
    return pixel;
}

void
console_cursor_render (const PosadaCursor *cursor, double factor, double scale,
                       ConsoleCursorPicture *ret_picture)
{
    ConsoleCursorPicture *picture = ret_picture;
    double largest = MAX_PICTURE / (double) MAX (cursor->width, cursor->height);
    int pad_x, pad_y, hot_x, hot_y;

    factor = MIN (factor, largest);
    /* The middle of the pixel that points, or its corner where pixels are no larger. */
    hot_x = (int) floor (cursor->hot_x * factor + HAIR);
    hot_y = (int) floor (cursor->hot_y * factor + HAIR);
    picture->logical_hot_x = to_logical (hot_x, scale);
    picture->logical_hot_y = to_logical (hot_y, scale);
    pad_x = (int) round (picture->logical_hot_x * scale) - hot_x;
    pad_y = (int) round (picture->logical_hot_y * scale) - hot_y;
    picture->logical_width =
        to_logical (pad_x + MAX (ceil (cursor->width * factor - HAIR), 1), scale);
    picture->logical_height =
        to_logical (pad_y + MAX (ceil (cursor->height * factor - HAIR), 1), scale);
    picture->width = (int) round (picture->logical_width * scale);
    picture->height = (int) round (picture->logical_height * scale);
    picture->pixels = g_new0 (guint32, (gsize) picture->width * (gsize) picture->height);
    for (int y = pad_y; y < picture->height; y++)
        for (int x = pad_x; x < picture->width; x++)
            picture->pixels[(gsize) y * (gsize) picture->width + (gsize) x] =
                sample (cursor, (x - pad_x) / factor, (y - pad_y) / factor, 1 / factor);
}

static GdkTexture *
make_texture (guint32 *pixels, int width, int height)
{
    gsize stride = (gsize) width * 4;
    g_autoptr (GBytes) bytes = g_bytes_new_take (pixels, stride * (gsize) height);

    return gdk_memory_texture_new (width, height, GDK_MEMORY_DEFAULT, bytes, stride);
}

static GdkTexture *
texture_cb (GdkCursor *gdk_cursor, int cursor_size, double scale, int *width, int *height,
            int *hotspot_x, int *hotspot_y, gpointer data)
{
    const Recipe *recipe = data;
    ConsoleCursorPicture picture;

    console_cursor_render (recipe->cursor, recipe->zoom * scale, scale, &picture);
    *width = picture.logical_width;
    *height = picture.logical_height;
    *hotspot_x = picture.logical_hot_x;
    *hotspot_y = picture.logical_hot_y;
    return make_texture (picture.pixels, picture.width, picture.height);
}

static GdkCursor *
make_cursor (PosadaCursor *cursor, gboolean visible, double zoom)
{
    g_autoptr (GdkCursor) fallback = gdk_cursor_new_from_name ("default", NULL);
    Recipe *recipe;

    if (!visible || cursor->width == 0)
        return gdk_cursor_new_from_name ("none", NULL);
    recipe = g_new (Recipe, 1);
    recipe->cursor = posada_cursor_ref (cursor);
    recipe->zoom = zoom;
    return gdk_cursor_new_from_callback (texture_cb, recipe, recipe_free, fallback);
}

static void
forget_made (ConsoleCursor *self)
{
    g_clear_pointer (&self->made_cursor, posada_cursor_unref);
    self->made = FALSE;
}

static void
apply (ConsoleCursor *self)
{
    PosadaCursor *cursor = self->display ? posada_display_get_cursor (self->display) : NULL;
    g_autoptr (GdkCursor) gdk_cursor = NULL;
    gboolean visible;
    int x, y;

    visible = self->display && posada_display_get_cursor_position (self->display, &x, &y);
    if (self->mode != CONSOLE_CURSOR_GUEST || self->zoom <= 0)
        cursor = NULL;
    if (self->made && self->made_mode == self->mode && self->made_cursor == cursor &&
        (!cursor || (self->made_visible == visible && self->made_zoom == self->zoom)))
        return;
    forget_made (self);
    self->made = TRUE;
    self->made_mode = self->mode;
    self->made_cursor = cursor ? posada_cursor_ref (cursor) : NULL;
    self->made_visible = visible;
    self->made_zoom = self->zoom;
    if (self->mode == CONSOLE_CURSOR_LOCKED)
        gdk_cursor = gdk_cursor_new_from_name ("none", NULL);
    else if (cursor)
        gdk_cursor = make_cursor (cursor, visible, self->zoom);
    gtk_widget_set_cursor (self->widget, gdk_cursor);
}

static gboolean
is_painted (ConsoleCursor *self)
{
    return self->display && !posada_display_get_absolute (self->display);
}

static void
changed_cb (PosadaDisplay *display, gpointer data)
{
    ConsoleCursor *self = data;

    apply (self);
    if (is_painted (self))
        gtk_widget_queue_draw (self->widget);
}

ConsoleCursor *
console_cursor_new (GtkWidget *widget)
{
    ConsoleCursor *self = g_new0 (ConsoleCursor, 1);

    self->widget = widget;
    return self;
}

static void
forget_texture (ConsoleCursor *self)
{
    g_clear_object (&self->texture);
    g_clear_pointer (&self->painted, posada_cursor_unref);
}

static void
forget_display (ConsoleCursor *self)
{
    if (self->display)
        g_signal_handlers_disconnect_by_data (self->display, self);
    g_clear_object (&self->display);
    forget_texture (self);
}

void
console_cursor_free (ConsoleCursor *self)
{
    if (!self)
        return;
    forget_display (self);
    forget_made (self);
    g_free (self);
}

void
console_cursor_set_display (ConsoleCursor *self, PosadaDisplay *display)
{
    if (self->display == display)
        return;
    forget_display (self);
    if (display) {
        self->display = g_object_ref (display);
        g_signal_connect (display, "cursor-changed", G_CALLBACK (changed_cb), self);
        g_signal_connect (display, "cursor-moved", G_CALLBACK (changed_cb), self);
    }
    apply (self);
}

void
console_cursor_update (ConsoleCursor *self, ConsoleCursorMode mode, const ConsoleGeometry *geometry)
{
    self->mode = mode;
    self->zoom =
        geometry ? (double) geometry->picture.width / geometry->guest_width / geometry->place.scale
                 : 0;
    apply (self);
}

void
console_cursor_snapshot (ConsoleCursor *self, GtkSnapshot *snapshot,
                         const ConsoleGeometry *geometry)
{
    PosadaCursor *cursor;
    graphene_rect_t bounds;
    GdkRectangle area;
    double across, down;
    int x, y;

    if (!is_painted (self))
        return;
    cursor = posada_display_get_cursor (self->display);
    if (!cursor || cursor->width == 0 ||
        !posada_display_get_cursor_position (self->display, &x, &y))
        return;
    if (self->painted != cursor) {
        forget_texture (self);
        self->painted = posada_cursor_ref (cursor);
        self->texture =
            make_texture (g_memdup2 (cursor->pixels, (gsize) cursor->width * cursor->height * 4),
                          (int) cursor->width, (int) cursor->height);
    }
    across = (double) geometry->picture.width / geometry->guest_width;
    down = (double) geometry->picture.height / geometry->guest_height;
    area = (GdkRectangle) {
        .x = geometry->picture.x + (int) round (x * across),
        .y = geometry->picture.y + (int) round (y * down),
        .width = MAX ((int) round (cursor->width * across), 1),
        .height = MAX ((int) round (cursor->height * down), 1),
    };
    console_geometry_to_widget (geometry, &area, &bounds);
    gtk_snapshot_append_texture (snapshot, self->texture, &bounds);
}
