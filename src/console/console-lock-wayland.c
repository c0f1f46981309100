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

typedef struct {
    GtkWidget *widget;
    ConsoleLockMotion motion_cb;
    gpointer data;

    struct wl_registry *registry;
    struct zwp_pointer_constraints_v1 *constraints;
    struct zwp_relative_pointer_manager_v1 *manager;
    struct zwp_locked_pointer_v1 *locked; /* while active, with relative */
    struct zwp_relative_pointer_v1 *relative;
} WaylandLock;

static void
global_cb (void *data, struct wl_registry *registry, uint32_t name, const char *interface,
           uint32_t version)
{
    WaylandLock *self = data;

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
    WaylandLock *self = data;

    self->motion_cb (self->data, wl_fixed_to_double (raw_dx), wl_fixed_to_double (raw_dy));
}

static const struct zwp_relative_pointer_v1_listener relative_listener = {relative_motion_cb};

static gpointer
wayland_open (GtkWidget *widget, ConsoleLockMotion motion_cb, gpointer data)
{
    GdkDisplay *display = gtk_widget_get_display (widget);
    WaylandLock *self;

    if (!GDK_IS_WAYLAND_DISPLAY (display))
        return NULL;
    self = g_new0 (WaylandLock, 1);
    self->widget = widget;
    self->motion_cb = motion_cb;
    self->data = data;
    self->registry = wl_display_get_registry (gdk_wayland_display_get_wl_display (display));
    wl_registry_add_listener (self->registry, &registry_listener, self);
    return self;
}

static void
wayland_close (gpointer state)
{
    WaylandLock *self = state;

    g_clear_pointer (&self->constraints, zwp_pointer_constraints_v1_destroy);
    g_clear_pointer (&self->manager, zwp_relative_pointer_manager_v1_destroy);
    g_clear_pointer (&self->registry, wl_registry_destroy);
    g_free (self);
}

static gboolean
wayland_begin (gpointer state)
{
    WaylandLock *self = state;
    GtkNative *native = gtk_widget_get_native (self->widget);
    GdkSurface *surface = native ? gtk_native_get_surface (native) : NULL;
    GdkSeat *seat;
    struct wl_pointer *pointer;

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
    return TRUE;
}

static void
wayland_end (gpointer state)
{
    WaylandLock *self = state;

    g_clear_pointer (&self->locked, zwp_locked_pointer_v1_destroy);
    g_clear_pointer (&self->relative, zwp_relative_pointer_v1_destroy);
}

const ConsoleLockBackend console_lock_wayland = {
    .open = wayland_open,
    .close = wayland_close,
    .begin = wayland_begin,
    .end = wayland_end,
};
