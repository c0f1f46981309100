/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-view.h"

void
console_view_init (ConsoleView *self, GtkWidget *widget)
{
    *self = (ConsoleView) {.widget = widget};
}

static gboolean
get_place (GtkWidget *widget, ConsolePlace *ret_place)
{
    GtkNative *native = gtk_widget_get_native (widget);
    GdkSurface *surface = native ? gtk_native_get_surface (native) : NULL;
    graphene_point_t origin;
    double x, y;

    if (!surface || !gtk_widget_compute_point (widget, GTK_WIDGET (native),
                                               &GRAPHENE_POINT_INIT (0, 0), &origin))
        return FALSE;
    gtk_native_get_surface_transform (native, &x, &y);
    ret_place->scale = gdk_surface_get_scale (surface);
    ret_place->x = x + (double) origin.x;
    ret_place->y = y + (double) origin.y;
    ret_place->width = gtk_widget_get_width (widget);
    ret_place->height = gtk_widget_get_height (widget);
    return ret_place->width > 0 && ret_place->height > 0;
}

gboolean
console_view_update (ConsoleView *self, guint guest_width, guint guest_height)
{
    ConsoleGeometry old = self->geometry;
    gboolean was_known = self->known, had_picture = self->picture;
    ConsolePlace place;

    self->known = get_place (self->widget, &place);
    self->picture = self->known && guest_width > 0 && guest_height > 0;
    if (!self->known)
        return was_known;
    console_geometry_init (&self->geometry, &place, self->scaling, guest_width, guest_height,
                           self->pan_x, self->pan_y);
    return !was_known || self->picture != had_picture ||
           !gdk_rectangle_equal (&old.picture, &self->geometry.picture) ||
           !gdk_rectangle_equal (&old.area, &self->geometry.area) ||
           old.place.scale != place.scale || old.place.x != place.x || old.place.y != place.y;
}

gboolean
console_view_pan_to (ConsoleView *self, double x, double y)
{
    double pan_x, pan_y;

    if (self->scaling != POSADA_CONSOLE_ONE_TO_ONE || !self->known)
        return FALSE;
    console_geometry_to_pan (&self->geometry, x, y, &pan_x, &pan_y);
    if (pan_x == self->pan_x && pan_y == self->pan_y)
        return FALSE;
    self->pan_x = pan_x;
    self->pan_y = pan_y;
    return TRUE;
}
