/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-grab.h"

struct _ConsoleGrab {
    GtkWidget *widget;
    ConsoleKeyboard *keyboard;
    void (*changed_cb) (GtkWidget *widget);
    void (*activity_cb) (GtkWidget *widget);

    GtkRoot *root; /* borrowed while attached */
    GtkEventController *keys;
    GdkToplevel *toplevel; /* whose shortcuts are inhibited; NULL: none */
    gulong state_handler, inhibited_handler;
    gboolean enabled;
    gboolean active;
    gboolean focused; /* as last seen */
    gboolean inside;  /* the pointer is */
};

static gboolean
has_focus (ConsoleGrab *self)
{
    return self->root && gtk_widget_get_mapped (self->widget) &&
           gtk_root_get_focus (self->root) == self->widget &&
           (!GTK_IS_WINDOW (self->root) || gtk_window_is_active (GTK_WINDOW (self->root)));
}

/* The X11 backend ignores this for a window that is not focused yet, hence again then. */
static void
toplevel_state_cb (GdkToplevel *toplevel, GParamSpec *pspec, gpointer data)
{
    if (gdk_toplevel_get_state (toplevel) & GDK_TOPLEVEL_STATE_FOCUSED)
        gdk_toplevel_inhibit_system_shortcuts (toplevel, NULL);
}

static void
inhibited_cb (GdkToplevel *toplevel, GParamSpec *pspec, gpointer data)
{
    ConsoleGrab *self = data;

    self->changed_cb (self->widget);
}

/*
 * On X11 the desktop's shortcuts are inhibited by a grab of the keyboard, which outlasts the focus:
 * somebody who clicks into another window would go on typing into this one. So there it is held
 * only while the pointer is here.
 */
static gboolean
may_inhibit (ConsoleGrab *self)
{
    GdkDisplay *display = gtk_widget_get_display (self->widget);

    /* By name, as the backend's own functions are deprecated and may be missing. */
    return self->inside || g_strcmp0 (G_OBJECT_TYPE_NAME (display), "GdkX11Display") != 0;
}

static void
inhibit (ConsoleGrab *self)
{
    GdkSurface *surface = gtk_native_get_surface (GTK_NATIVE (self->root));

    if (self->toplevel || !surface || !GDK_IS_TOPLEVEL (surface) || !may_inhibit (self))
        return;
    self->toplevel = g_object_ref (GDK_TOPLEVEL (surface));
    self->state_handler =
        g_signal_connect (surface, "notify::state", G_CALLBACK (toplevel_state_cb), self);
    self->inhibited_handler =
        g_signal_connect (surface, "notify::shortcuts-inhibited", G_CALLBACK (inhibited_cb), self);
    gdk_toplevel_inhibit_system_shortcuts (self->toplevel, NULL);
}

static void
uninhibit (ConsoleGrab *self)
{
    if (!self->toplevel)
        return;
    g_clear_signal_handler (&self->state_handler, self->toplevel);
    g_clear_signal_handler (&self->inhibited_handler, self->toplevel);
    if (!gdk_surface_is_destroyed (GDK_SURFACE (self->toplevel)))
        gdk_toplevel_restore_system_shortcuts (self->toplevel);
    g_clear_object (&self->toplevel);
}

void
console_grab_begin (ConsoleGrab *self)
{
    if (self->active || !self->enabled || !has_focus (self))
        return;
    self->active = TRUE;
    inhibit (self);
    self->changed_cb (self->widget);
}

void
console_grab_end (ConsoleGrab *self)
{
    if (!self->active)
        return;
    self->active = FALSE;
    console_keyboard_release_all (self->keyboard);
    uninhibit (self);
    self->changed_cb (self->widget);
}

/* Coming back to the console begins a grab; staying there after giving it up does not. */
static void
update (ConsoleGrab *self)
{
    gboolean focused = has_focus (self);

    if (focused == self->focused)
        return;
    self->focused = focused;
    if (focused)
        console_grab_begin (self);
    else
        console_grab_end (self);
}

static void
focus_cb (GObject *object, GParamSpec *pspec, gpointer data)
{
    update (data);
}

static void
map_cb (GtkWidget *widget, gpointer data)
{
    update (data);
}

static gboolean
key_pressed_cb (GtkEventControllerKey *controller, guint keyval, guint keycode,
                GdkModifierType state, gpointer data)
{
    ConsoleGrab *self = data;
    GdkDisplay *display = gtk_widget_get_display (self->widget);

    if (!has_focus (self))
        return FALSE;
    if (!self->active) {
        /* Back in without a pointer. */
        if (!self->enabled || (keyval != GDK_KEY_Return && keyval != GDK_KEY_KP_Enter))
            return FALSE;
        console_grab_begin (self);
        return TRUE;
    }
    console_keyboard_press (self->keyboard, keycode, keyval, state,
                            !console_keyboard_is_hardware (display));
    self->activity_cb (self->widget);
    return TRUE;
}

static void
key_released_cb (GtkEventControllerKey *controller, guint keyval, guint keycode,
                 GdkModifierType state, gpointer data)
{
    ConsoleGrab *self = data;

    if (!self->active)
        return;
    self->activity_cb (self->widget);
    if (console_keyboard_release (self->keyboard, keycode))
        console_grab_end (self);
}

ConsoleGrab *
console_grab_new (GtkWidget *widget, ConsoleKeyboard *keyboard,
                  void (*changed_cb) (GtkWidget *widget), void (*activity_cb) (GtkWidget *widget))
{
    ConsoleGrab *self = g_new0 (ConsoleGrab, 1);

    self->widget = widget;
    self->keyboard = keyboard;
    self->changed_cb = changed_cb;
    self->activity_cb = activity_cb;
    g_signal_connect (widget, "map", G_CALLBACK (map_cb), self);
    g_signal_connect (widget, "unmap", G_CALLBACK (map_cb), self);
    return self;
}

void
console_grab_attach (ConsoleGrab *self, GtkRoot *root)
{
    self->root = root;
    /* At the root, in the capture phase, and added after those that the window has for itself and
     * for the application: the newest is asked first. */
    self->keys = gtk_event_controller_key_new ();
    gtk_event_controller_set_propagation_phase (self->keys, GTK_PHASE_CAPTURE);
    g_signal_connect (self->keys, "key-pressed", G_CALLBACK (key_pressed_cb), self);
    g_signal_connect (self->keys, "key-released", G_CALLBACK (key_released_cb), self);
    gtk_widget_add_controller (GTK_WIDGET (root), self->keys);
    if (GTK_IS_WINDOW (root)) {
        g_signal_connect (root, "notify::is-active", G_CALLBACK (focus_cb), self);
        g_signal_connect (root, "notify::focus-widget", G_CALLBACK (focus_cb), self);
    }
    update (self);
}

void
console_grab_detach (ConsoleGrab *self)
{
    if (!self->root)
        return;
    console_grab_end (self);
    g_signal_handlers_disconnect_by_data (self->root, self);
    gtk_widget_remove_controller (GTK_WIDGET (self->root), self->keys);
    self->keys = NULL;
    self->root = NULL;
    self->focused = FALSE;
}

void
console_grab_free (ConsoleGrab *self)
{
    if (!self)
        return;
    console_grab_detach (self);
    g_signal_handlers_disconnect_by_data (self->widget, self);
    g_free (self);
}

void
console_grab_set_enabled (ConsoleGrab *self, gboolean enabled)
{
    if (self->enabled == enabled)
        return;
    self->enabled = enabled;
    if (enabled)
        console_grab_begin (self);
    else
        console_grab_end (self);
}

void
console_grab_set_pointer_inside (ConsoleGrab *self, gboolean inside)
{
    self->inside = inside;
    if (!self->active)
        return;
    if (may_inhibit (self))
        inhibit (self);
    else
        uninhibit (self);
    self->changed_cb (self->widget);
}

gboolean
console_grab_is_active (ConsoleGrab *self)
{
    return self->active;
}

gboolean
console_grab_is_inhibiting (ConsoleGrab *self)
{
    gboolean inhibited = FALSE;

    if (self->toplevel && !gdk_surface_is_destroyed (GDK_SURFACE (self->toplevel)))
        g_object_get (self->toplevel, "shortcuts-inhibited", &inhibited, NULL);
    return inhibited;
}
