/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-geometry.h"

#include <math.h>

#include "machine/posada-display.h"

#define HAIR (1.0 / 64)

GType
posada_console_scaling_get_type (void)
{
    static gsize type;
    static const GEnumValue values[] = {
        {POSADA_CONSOLE_FIT, "POSADA_CONSOLE_FIT", "fit"},
        {POSADA_CONSOLE_ONE_TO_ONE, "POSADA_CONSOLE_ONE_TO_ONE", "one-to-one"},
        {POSADA_CONSOLE_RESIZE_GUEST, "POSADA_CONSOLE_RESIZE_GUEST", "resize-guest"},
        {0, NULL, NULL},
    };

    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("PosadaConsoleScaling", values));
    return type;
}

void
console_place_to_area (const ConsolePlace *place, GdkRectangle *ret_area)
{
    /* Inwards, for what lies around may clip at the widget's own edges, which would blend a pixel
     * that is only partly inside. Products that should be whole are off by a hair. */
    int left = (int) ceil (place->x * place->scale - HAIR);
    int top = (int) ceil (place->y * place->scale - HAIR);
    int right = (int) floor ((place->x + place->width) * place->scale + HAIR);
    int bottom = (int) floor ((place->y + place->height) * place->scale + HAIR);

    *ret_area = (GdkRectangle) {left, top, MAX (right - left, 1), MAX (bottom - top, 1)};
}

static void
fit (ConsoleGeometry *self)
{
    const GdkRectangle *area = &self->area;
    double scale =
        MIN ((double) area->width / self->guest_width, (double) area->height / self->guest_height);
    int width = MAX ((int) round (self->guest_width * scale), 1);
    int height = MAX ((int) round (self->guest_height * scale), 1);

    /* One pixel more or less is rounding somewhere on the way; sharpness is worth more. */
    if (abs (width - (int) self->guest_width) <= 1 &&
        abs (height - (int) self->guest_height) <= 1) {
        width = (int) self->guest_width;
        height = (int) self->guest_height;
    }
    self->picture.width = width;
    self->picture.height = height;
}

/* Centred where there is room, else moved by @pan; never so that a missing pixel moves it. */
static int
place_picture (int start, int room, int size, double pan)
{
    if (size <= room + 1)
        return start + MAX (room - size, 0) / 2;
    return start - (int) round ((size - room) * CLAMP (pan, 0.0, 1.0));
}

void
console_geometry_init (ConsoleGeometry *self, const ConsolePlace *place,
                       PosadaConsoleScaling scaling, guint guest_width, guint guest_height,
                       double pan_x, double pan_y)
{
    self->place = *place;
    if (!(self->place.scale > 0.0))
        self->place.scale = 1.0;
    self->guest_width = MAX (guest_width, 1);
    self->guest_height = MAX (guest_height, 1);
    console_place_to_area (&self->place, &self->area);

    if (scaling == POSADA_CONSOLE_ONE_TO_ONE) {
        self->picture.width = (int) self->guest_width;
        self->picture.height = (int) self->guest_height;
    } else {
        fit (self);
    }
    self->picture.x = place_picture (self->area.x, self->area.width, self->picture.width, pan_x);
    self->picture.y = place_picture (self->area.y, self->area.height, self->picture.height, pan_y);
}

void
console_geometry_to_widget (const ConsoleGeometry *self, const GdkRectangle *device,
                            graphene_rect_t *ret_rect)
{
    double scale = self->place.scale;

    graphene_rect_init (ret_rect, (float) (device->x / scale - self->place.x),
                        (float) (device->y / scale - self->place.y),
                        (float) (device->width / scale), (float) (device->height / scale));
}

int
console_geometry_row (const ConsoleGeometry *self, guint y)
{
    return self->picture.y +
           (int) round ((double) y * self->picture.height / (double) self->guest_height);
}

/*
 * The guest pixel painted at @position device pixels into @size. Where several guest pixels share a
 * device pixel, first and last of all have to be among those that can be pointed at, so there the
 * ends are matched.
 */
static int
to_guest (double position, int size, guint guest_size)
{
    /* Logical coordinates of device pixels are rounded on their way here: a hair left of a pixel
     * is that pixel. */
    position += HAIR;
    if (size >= (int) guest_size || size < 2 || position < 0 || position >= size)
        return (int) CLAMP (floor (position * guest_size / size), -1.0, (double) guest_size);
    return (int) round (floor (position) * (guest_size - 1) / (size - 1));
}

gboolean
console_geometry_to_guest (const ConsoleGeometry *self, double x, double y, int *ret_x, int *ret_y)
{
    const GdkRectangle *picture = &self->picture;
    double scale = self->place.scale;
    int guest_x = to_guest (x * scale - picture->x, picture->width, self->guest_width);
    int guest_y = to_guest (y * scale - picture->y, picture->height, self->guest_height);

    *ret_x = CLAMP (guest_x, 0, (int) self->guest_width - 1);
    *ret_y = CLAMP (guest_y, 0, (int) self->guest_height - 1);
    return *ret_x == guest_x && *ret_y == guest_y;
}

static double
to_pan (double position, int start, int room)
{
    return room > 1 ? CLAMP ((position - start) / (room - 1), 0.0, 1.0) : 0.0;
}

void
console_geometry_to_pan (const ConsoleGeometry *self, double x, double y, double *ret_x,
                         double *ret_y)
{
    *ret_x = to_pan (x * self->place.scale, self->area.x, self->area.width);
    *ret_y = to_pan (y * self->place.scale, self->area.y, self->area.height);
}

guint
console_position_to_absolute (int pixel, guint extent)
{
    const double range = POSADA_DISPLAY_ABSOLUTE_MAX + 1.0;
    double position = floor ((pixel + 0.5) * range / MAX (extent, 1));

    return (guint) CLAMP (position, 0.0, (double) POSADA_DISPLAY_ABSOLUTE_MAX);
}
