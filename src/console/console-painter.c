/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-painter.h"

#include <string.h>

/* The format GTK paints without conversion; the same bytes as 0xAARRGGBB words of the host. */
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define PIXEL_FORMAT GDK_MEMORY_B8G8R8A8_PREMULTIPLIED
#else
#define PIXEL_FORMAT GDK_MEMORY_A8R8G8B8_PREMULTIPLIED
#endif

#define MAX_BYTES (1u << 28)
#define BLACK     0xff000000u

typedef struct {
    GdkTexture *texture;    /* NULL until first painted */
    cairo_region_t *damage; /* in the strip's rows; NULL: none */
} Strip;

struct _ConsolePainter {
    guint32 *pixels; /* an atomic reference-counted box: textures keep it alive */
    guint width, height;
    Strip *strips;
    guint n_strips;
    guint uploads;
};

ConsolePainter *
console_painter_new (void)
{
    return g_new0 (ConsolePainter, 1);
}

static void
clear (ConsolePainter *self)
{
    for (guint i = 0; i < self->n_strips; i++) {
        g_clear_object (&self->strips[i].texture);
        g_clear_pointer (&self->strips[i].damage, cairo_region_destroy);
    }
    g_clear_pointer (&self->strips, g_free);
    g_clear_pointer (&self->pixels, g_atomic_rc_box_release);
    self->n_strips = self->width = self->height = 0;
}

void
console_painter_free (ConsolePainter *self)
{
    if (!self)
        return;
    clear (self);
    g_free (self);
}

gboolean
console_painter_resize (ConsolePainter *self, guint width, guint height)
{
    gsize count;

    if (self->pixels && self->width == width && self->height == height)
        return TRUE;
    clear (self);
    if (width == 0 || height == 0 || width > CONSOLE_PAINTER_MAX_SIZE ||
        height > CONSOLE_PAINTER_MAX_SIZE || (gsize) width * height > MAX_BYTES / 4)
        return FALSE;

    count = (gsize) width * height;
    self->pixels = g_atomic_rc_box_alloc (count * 4);
    for (gsize i = 0; i < count; i++)
        self->pixels[i] = BLACK;
    self->width = width;
    self->height = height;
    self->n_strips = (height + CONSOLE_PAINTER_STRIP_ROWS - 1) / CONSOLE_PAINTER_STRIP_ROWS;
    self->strips = g_new0 (Strip, self->n_strips);
    return TRUE;
}

guint
console_painter_get_width (ConsolePainter *self)
{
    return self->width;
}

guint
console_painter_get_height (ConsolePainter *self)
{
    return self->height;
}

guint32 *
console_painter_get_pixels (ConsolePainter *self, guint *ret_stride)
{
    *ret_stride = self->width * 4;
    return self->pixels;
}

static int
strip_rows (ConsolePainter *self, guint i)
{
    return (int) MIN (CONSOLE_PAINTER_STRIP_ROWS, self->height - i * CONSOLE_PAINTER_STRIP_ROWS);
}

void
console_painter_add_damage (ConsolePainter *self, int x, int y, int width, int height)
{
    GdkRectangle whole = {0, 0, (int) self->width, (int) self->height};
    GdkRectangle damage = {x, y, width, height};

    if (!self->pixels || width <= 0 || height <= 0 ||
        !gdk_rectangle_intersect (&damage, &whole, &damage))
        return;
    for (guint i = (guint) damage.y / CONSOLE_PAINTER_STRIP_ROWS; i < self->n_strips; i++) {
        int top = (int) i * CONSOLE_PAINTER_STRIP_ROWS;
        GdkRectangle part = {0, top, whole.width, strip_rows (self, i)};
        Strip *strip = &self->strips[i];

        if (!gdk_rectangle_intersect (&part, &damage, &part))
            break;
        part.y -= top;
        /* A strip never painted needs no region: all of it is new. */
        if (!strip->texture)
            continue;
        if (!strip->damage)
            strip->damage = cairo_region_create ();
        cairo_region_union_rectangle (strip->damage, &part);
    }
}

static void
update_strip (ConsolePainter *self, guint i)
{
    Strip *strip = &self->strips[i];
    gsize stride = (gsize) self->width * 4, size = stride * (gsize) strip_rows (self, i);
    const guint32 *pixels =
        self->pixels + (gsize) i * CONSOLE_PAINTER_STRIP_ROWS * (gsize) self->width;
    g_autoptr (GdkMemoryTextureBuilder) builder = NULL;
    g_autoptr (GBytes) bytes = NULL;
    GdkTexture *texture;

    if (strip->texture && !strip->damage)
        return;
    g_atomic_rc_box_acquire (self->pixels);
    bytes = g_bytes_new_with_free_func (pixels, size, g_atomic_rc_box_release, self->pixels);
    builder = gdk_memory_texture_builder_new ();
    gdk_memory_texture_builder_set_bytes (builder, bytes);
    gdk_memory_texture_builder_set_stride (builder, stride);
    gdk_memory_texture_builder_set_width (builder, (int) self->width);
    gdk_memory_texture_builder_set_height (builder, strip_rows (self, i));
    gdk_memory_texture_builder_set_format (builder, PIXEL_FORMAT);
    if (strip->texture) {
        gdk_memory_texture_builder_set_update_texture (builder, strip->texture);
        gdk_memory_texture_builder_set_update_region (builder, strip->damage);
    }
    texture = gdk_memory_texture_builder_build (builder);
    g_clear_object (&strip->texture);
    strip->texture = texture;
    g_clear_pointer (&strip->damage, cairo_region_destroy);
    self->uploads++;
}

void
console_painter_snapshot (ConsolePainter *self, GtkSnapshot *snapshot,
                          const ConsoleGeometry *geometry)
{
    for (guint i = 0; i < self->n_strips; i++) {
        guint first = i * CONSOLE_PAINTER_STRIP_ROWS;
        int top = console_geometry_row (geometry, first);
        int bottom = console_geometry_row (geometry, first + (guint) strip_rows (self, i));
        GdkRectangle device = {geometry->picture.x, top, geometry->picture.width, bottom - top};
        graphene_rect_t bounds;

        /* A strip less than half a device pixel high has rounded away. */
        if (device.height <= 0)
            continue;
        update_strip (self, i);
        console_geometry_to_widget (geometry, &device, &bounds);
        /* Never append_scaled_texture: its node is rendered in logical pixels and scaled again. */
        gtk_snapshot_append_texture (snapshot, self->strips[i].texture, &bounds);
    }
}

GdkTexture *
console_painter_grab (ConsolePainter *self)
{
    g_autoptr (GBytes) bytes = NULL;
    gsize stride = (gsize) self->width * 4;

    if (!self->pixels)
        return NULL;
    bytes = g_bytes_new (self->pixels, stride * self->height);
    return gdk_memory_texture_new ((int) self->width, (int) self->height, PIXEL_FORMAT, bytes,
                                   stride);
}

guint
console_painter_get_uploads (ConsolePainter *self)
{
    return self->uploads;
}
