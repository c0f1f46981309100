/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-input.h"

#include "console/console-lock.h"
#include "console/console-pointer.h"
#include "console/console-touch.h"

/* What touchpads send for one click of a wheel, logical pixels. */
#define SURFACE_CLICK 15.0

struct _ConsoleInput {
    GtkWidget *widget;
    ConsoleView *view;
    ConsoleGrab *grab;
    const ConsoleInputHooks *hooks;

    PosadaDisplay *display;
    ConsoleLock *lock; /* NULL until first mapped */
    ConsolePointer pointer;
    ConsoleTouch touch;
    gboolean over_picture; /* the pointer is */
};

static gboolean
is_absolute (ConsoleInput *self)
{
    return self->display && posada_display_get_absolute (self->display);
}

static gboolean
is_locked (ConsoleInput *self)
{
    return self->lock && console_lock_is_active (self->lock);
}

static void
end_lock (ConsoleInput *self)
{
    if (!is_locked (self))
        return;
    console_lock_end (self->lock);
    self->hooks->hovered (self->widget);
}

/* Relative motion belongs to the guest only while it has the grab. */
static gboolean
takes_motion (ConsoleInput *self)
{
    return self->display && self->view->picture &&
           (is_absolute (self) || console_grab_is_active (self->grab));
}

static void
set_over_picture (ConsoleInput *self, gboolean over)
{
    if (self->over_picture == over)
        return;
    self->over_picture = over;
    self->hooks->hovered (self->widget);
}

static void
locked_motion_cb (gpointer data, double dx, double dy)
{
    ConsoleInput *self = data;

    console_pointer_move_by (&self->pointer, dx, dy);
    self->hooks->active (self->widget);
}

static void
move_to (ConsoleInput *self, double x, double y)
{
    int guest_x, guest_y;

    self->hooks->look (self->widget);
    if (!takes_motion (self) || is_locked (self))
        return;
    if (console_view_pan_to (self->view, x, y))
        self->hooks->look (self->widget);
    set_over_picture (self,
                      console_geometry_to_guest (&self->view->geometry, x, y, &guest_x, &guest_y));
    console_pointer_move (&self->pointer, &self->view->geometry, x, y);
    self->hooks->active (self->widget);
}

static void
take_keyboard (ConsoleInput *self)
{
    gtk_widget_grab_focus (self->widget);
    console_grab_begin (self->grab);
}

static gboolean
press (ConsoleInput *self, PosadaButtons button, double x, double y)
{
    gboolean had_grab = console_grab_is_active (self->grab);

    if (!self->display)
        return FALSE;
    take_keyboard (self);
    move_to (self, x, y);
    if (!takes_motion (self))
        return TRUE;
    if (is_absolute (self)) {
        int guest_x, guest_y;

        if (!console_geometry_to_guest (&self->view->geometry, x, y, &guest_x, &guest_y))
            return TRUE;
    } else {
        gboolean had_lock = is_locked (self);
        gboolean locks = self->lock && console_lock_begin (self->lock) && !had_lock;

        /* A click that takes the pointer is not the guest's: it points at nothing there. */
        if (locks)
            self->hooks->hovered (self->widget);
        if (locks || !had_grab)
            return TRUE;
    }
    console_pointer_press (&self->pointer, button, TRUE);
    return TRUE;
}

static gboolean
release (ConsoleInput *self, PosadaButtons button, double x, double y)
{
    if (!(self->pointer.buttons & button))
        return FALSE;
    move_to (self, x, y);
    console_pointer_press (&self->pointer, button, FALSE);
    return TRUE;
}

static gboolean
scroll (ConsoleInput *self, GdkEvent *event)
{
    double dx = 0, dy = 0;

    if (!takes_motion (self))
        return FALSE;
    switch (gdk_scroll_event_get_direction (event)) {
    case GDK_SCROLL_UP: dy = -1; break;
    case GDK_SCROLL_DOWN: dy = 1; break;
    case GDK_SCROLL_LEFT: dx = -1; break;
    case GDK_SCROLL_RIGHT: dx = 1; break;
    case GDK_SCROLL_SMOOTH:
        gdk_scroll_event_get_deltas (event, &dx, &dy);
        if (gdk_scroll_event_get_unit (event) == GDK_SCROLL_UNIT_SURFACE) {
            dx /= SURFACE_CLICK;
            dy /= SURFACE_CLICK;
        }
        break;
    default: return TRUE;
    }
    console_pointer_scroll (&self->pointer, dx, dy);
    self->hooks->active (self->widget);
    return TRUE;
}

static gboolean
touch_begin (ConsoleInput *self, GdkEvent *event, double x, double y)
{
    if (!self->display)
        return FALSE;
    if (!posada_display_get_touch (self->display))
        return gdk_touch_event_get_emulating_pointer (event) &&
               press (self, POSADA_BUTTON_LEFT, x, y);
    take_keyboard (self);
    self->hooks->look (self->widget);
    if (self->view->picture)
        console_touch_begin (&self->touch, gdk_event_get_event_sequence (event),
                             &self->view->geometry, x, y);
    self->hooks->active (self->widget);
    return TRUE;
}

static gboolean
touch_update (ConsoleInput *self, GdkEvent *event, double x, double y)
{
    if (self->view->picture &&
        console_touch_move (&self->touch, gdk_event_get_event_sequence (event),
                            &self->view->geometry, x, y)) {
        self->hooks->active (self->widget);
        return TRUE;
    }
    if (self->pointer.buttons && gdk_touch_event_get_emulating_pointer (event))
        move_to (self, x, y);
    return FALSE;
}

static gboolean
touch_end (ConsoleInput *self, GdkEvent *event, double x, double y)
{
    if (console_touch_end (&self->touch, gdk_event_get_event_sequence (event))) {
        self->hooks->active (self->widget);
        return TRUE;
    }
    return gdk_touch_event_get_emulating_pointer (event) &&
           release (self, POSADA_BUTTON_LEFT, x, y);
}

static gboolean
event_cb (GtkEventControllerLegacy *controller, GdkEvent *event, gpointer data)
{
    ConsoleInput *self = data;
    double x = 0, y = 0;

    gdk_event_get_position (event, &x, &y);
    switch (gdk_event_get_event_type (event)) {
    case GDK_MOTION_NOTIFY: move_to (self, x, y); return FALSE;
    case GDK_BUTTON_PRESS:
        return press (self, console_pointer_button (gdk_button_event_get_button (event)), x, y);
    case GDK_BUTTON_RELEASE:
        return release (self, console_pointer_button (gdk_button_event_get_button (event)), x, y);
    case GDK_SCROLL: return scroll (self, event);
    case GDK_TOUCH_BEGIN: return touch_begin (self, event, x, y);
    case GDK_TOUCH_UPDATE: return touch_update (self, event, x, y);
    case GDK_TOUCH_END:
    case GDK_TOUCH_CANCEL: return touch_end (self, event, x, y);
    default: return FALSE;
    }
}

static void
enter_cb (GtkEventControllerMotion *controller, double x, double y, gpointer data)
{
    console_grab_set_pointer_inside (((ConsoleInput *) data)->grab, TRUE);
}

static void
leave_cb (GtkEventControllerMotion *controller, gpointer data)
{
    ConsoleInput *self = data;

    console_grab_set_pointer_inside (self->grab, FALSE);
    console_pointer_leave (&self->pointer);
    set_over_picture (self, FALSE);
}

ConsoleInput *
console_input_new (GtkWidget *widget, ConsoleView *view, ConsoleGrab *grab,
                   const ConsoleInputHooks *hooks)
{
    ConsoleInput *self = g_new0 (ConsoleInput, 1);
    GtkEventController *events = gtk_event_controller_legacy_new ();
    GtkEventController *motion = gtk_event_controller_motion_new ();

    self->widget = widget;
    self->view = view;
    self->grab = grab;
    self->hooks = hooks;
    console_pointer_init (&self->pointer);
    console_touch_init (&self->touch);
    g_signal_connect (events, "event", G_CALLBACK (event_cb), self);
    gtk_widget_add_controller (widget, events);
    g_signal_connect (motion, "enter", G_CALLBACK (enter_cb), self);
    g_signal_connect (motion, "leave", G_CALLBACK (leave_cb), self);
    gtk_widget_add_controller (widget, motion);
    return self;
}

void
console_input_free (ConsoleInput *self)
{
    if (!self)
        return;
    g_clear_object (&self->display);
    console_lock_free (self->lock);
    console_pointer_fini (&self->pointer);
    console_touch_fini (&self->touch);
    g_free (self);
}

void
console_input_set_display (ConsoleInput *self, PosadaDisplay *display)
{
    if (self->display == display)
        return;
    end_lock (self);
    console_pointer_set_display (&self->pointer, display);
    console_touch_set_display (&self->touch, display);
    g_set_object (&self->display, display);
    self->hooks->hovered (self->widget);
}

void
console_input_map (ConsoleInput *self)
{
    if (!self->lock)
        self->lock = console_lock_new (self->widget, locked_motion_cb, self);
}

void
console_input_release (ConsoleInput *self)
{
    end_lock (self);
    console_pointer_release_all (&self->pointer);
    console_touch_release_all (&self->touch);
}

void
console_input_mode_changed (ConsoleInput *self)
{
    end_lock (self);
    console_pointer_leave (&self->pointer);
    self->hooks->hovered (self->widget);
}

ConsoleCursorMode
console_input_get_cursor_mode (ConsoleInput *self)
{
    if (is_locked (self))
        return CONSOLE_CURSOR_LOCKED;
    return self->over_picture && is_absolute (self) ? CONSOLE_CURSOR_GUEST : CONSOLE_CURSOR_HOST;
}
