/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The protocols' managers are bound on GDK's own connection and default queue, which GDK
 * dispatches, so nothing here waits. They are asked for when a console is made, long before the
 * first click.
 */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-lock.h"

#include <gdk/wayland/gdkwayland.h>
#include <string.h>

#include <pointer-constraints-unstable-v1-client-protocol.h>
#include <relative-pointer-unstable-v1-client-protocol.h>

struct _ConsoleLock {
    GtkWidget *widget;
    void (*motion_cb) (GtkWidget *widget, double dx, double dy);

    struct wl_registry *registry; /* NULL: not on Wayland */
    struct zwp_pointer_constraints_v1 *constraints;
    struct zwp_relative_pointer_manager_v1 *manager;
    struct zwp_locked_pointer_v1 *locked; /* while active, with relative */
    struct zwp_relative_pointer_v1 *relative;
};

static void
global_cb (void *data, struct wl_registry *registry, uint32_t name, const char *interface,
           uint32_t version)
{
    ConsoleLock *self = data;

    if (!self->constraints && strcmp (interface, zwp_pointer_constraints_v1_interface.name) == 0)
        self->constraints =
            wl_registry_bind (registry, name, &zwp_pointer_constraints_v1_interface, 1);
    else if (!self->manager &&
             strcmp (interface, zwp_relative_pointer_manager_v1_interface.name) == 0)
        self->manager =
            wl_registry_bind (registry, name, &zwp_relative_pointer_manager_v1_interface, 1);
}

static void
global_remove_cb (void *data, struct wl_registry *registry, uint32_t name)
{
}

static const struct wl_registry_listener registry_listener = {global_cb, global_remove_cb};

static void
relative_motion_cb (void *data, struct zwp_relative_pointer_v1 *relative, uint32_t time_high,
                    uint32_t time_low, wl_fixed_t dx, wl_fixed_t dy, wl_fixed_t raw_dx,
                    wl_fixed_t raw_dy)
{
    ConsoleLock *self = data;

    self->motion_cb (self->widget, wl_fixed_to_double (raw_dx), wl_fixed_to_double (raw_dy));
}

static const struct zwp_relative_pointer_v1_listener relative_listener = {relative_motion_cb};

ConsoleLock *
console_lock_new (GtkWidget *widget, void (*motion_cb) (GtkWidget *widget, double dx, double dy))
{
    ConsoleLock *self = g_new0 (ConsoleLock, 1);
    GdkDisplay *display = gtk_widget_get_display (widget);

    self->widget = widget;
    self->motion_cb = motion_cb;
    if (GDK_IS_WAYLAND_DISPLAY (display)) {
        struct wl_display *connection = gdk_wayland_display_get_wl_display (display);

        self->registry = wl_display_get_registry (connection);
        wl_registry_add_listener (self->registry, &registry_listener, self);
    }
    return self;
}

void
console_lock_free (ConsoleLock *self)
{
    if (!self)
        return;
    console_lock_end (self);
    g_clear_pointer (&self->constraints, zwp_pointer_constraints_v1_destroy);
    g_clear_pointer (&self->manager, zwp_relative_pointer_manager_v1_destroy);
    g_clear_pointer (&self->registry, wl_registry_destroy);
    g_free (self);
}

gboolean
console_lock_begin (ConsoleLock *self)
{
    GtkNative *native = gtk_widget_get_native (self->widget);
    GdkSurface *surface = native ? gtk_native_get_surface (native) : NULL;
    GdkSeat *seat;
    struct wl_pointer *pointer;

    if (self->locked)
        return TRUE;
    if (!self->constraints || !self->manager || !surface)
        return FALSE;
    seat = gdk_display_get_default_seat (gdk_surface_get_display (surface));
    pointer = seat ? gdk_wayland_device_get_wl_pointer (gdk_seat_get_pointer (seat)) : NULL;
    if (!pointer)
        return FALSE;
    self->relative = zwp_relative_pointer_manager_v1_get_relative_pointer (self->manager, pointer);
    zwp_relative_pointer_v1_add_listener (self->relative, &relative_listener, self);
    self->locked = zwp_pointer_constraints_v1_lock_pointer (
        self->constraints, gdk_wayland_surface_get_wl_surface (surface), pointer, NULL,
        ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_PERSISTENT);
    gtk_widget_set_cursor_from_name (self->widget, "none");
    return TRUE;
}

void
console_lock_end (ConsoleLock *self)
{
    if (!self->locked)
        return;
    g_clear_pointer (&self->locked, zwp_locked_pointer_v1_destroy);
    g_clear_pointer (&self->relative, zwp_relative_pointer_v1_destroy);
    gtk_widget_set_cursor (self->widget, NULL);
}

gboolean
console_lock_is_active (ConsoleLock *self)
{
    return self->locked != NULL;
}
