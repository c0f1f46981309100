/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the picture of a guest lies on the host's screen: pure functions, in device pixels of the
 * surface, so that one transform serves painting and pointer alike. Everything is rounded to device
 * pixels, because a picture that starts or ends between two of them is blurred throughout.
 */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef enum {
    POSADA_CONSOLE_FIT,          /* as large as the room allows, shape kept */
    POSADA_CONSOLE_ONE_TO_ONE,   /* a guest pixel is a device pixel */
    POSADA_CONSOLE_RESIZE_GUEST, /* as FIT, and the guest is asked for the room's size */
} PosadaConsoleScaling;

#define POSADA_TYPE_CONSOLE_SCALING (posada_console_scaling_get_type ())
GType posada_console_scaling_get_type (void);

/* Where a widget lies on its surface: logical pixels, but for @scale, device pixels in each. */
typedef struct {
    double scale;
    double x, y; /* of its origin, the surface's transform included */
    int width, height;
} ConsolePlace;

typedef struct {
    ConsolePlace place;
    guint guest_width, guest_height; /* never 0 */
    GdkRectangle area;               /* the widget, in device pixels of the surface */
    GdkRectangle picture;            /* the guest's picture, the same */
} ConsoleGeometry;

/*
 * @pan_x and @pan_y, 0–1, say which part of a picture larger than the area is seen in ONE_TO_ONE; 0
 * is left and top.
 */
void console_geometry_init (ConsoleGeometry *self, const ConsolePlace *place,
                            PosadaConsoleScaling scaling, guint guest_width, guint guest_height,
                            double pan_x, double pan_y);
/* The area of a widget in device pixels, which is also the guest size that would fill it. */
void console_place_to_area (const ConsolePlace *place, GdkRectangle *ret_area);

/* Device pixels of the surface to the widget's own coordinates. */
void console_geometry_to_widget (const ConsoleGeometry *self, const GdkRectangle *device,
                                 graphene_rect_t *ret_rect);
/* The device row at which the guest's row @y begins; @y may be one past the last. */
int console_geometry_row (const ConsoleGeometry *self, guint y);

/*
 * A point of the surface, logical, to the guest pixel under it, or to the nearest at the picture's
 * edge. TRUE if it is on the picture.
 */
gboolean
console_geometry_to_guest (const ConsoleGeometry *self, double x, double y, int *ret_x, int *ret_y);
/* The panning at which the pointer sees the same fraction of the picture as of the area. */
void console_geometry_to_pan (const ConsoleGeometry *self, double x, double y, double *ret_x,
                              double *ret_y);

/* Guest pixel @pixel of @extent to the position a tablet reports for its middle. */
guint console_position_to_absolute (int pixel, guint extent);

G_END_DECLS
