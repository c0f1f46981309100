/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * On X11 the pointer is grabbed and confined to the window, where it cannot be seen; raw events of
 * the X Input Extension tell how the device moved, also when the pointer is at the window's edge
 * already. GDK's display hands on every event before it looks at it. Servers send raw events to who
 * selected them and to who has the grab: two of each for us.
 *
 * GDK deprecates its functions for X11 without offering others for this.
 */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-lock.h"

#include <X11/Xlib.h>
#include <X11/extensions/XInput2.h>
#include <gdk/x11/gdkx.h>

typedef struct {
    Time time;
    int device;
    double dx, dy;
} Motion;

typedef struct {
    GtkWidget *widget;
    ConsoleLockMotion motion_cb;
    gpointer data;

    GdkDisplay *display;
    int opcode; /* of the extension */
    Cursor cursor;
    gulong handler; /* while locked */
    Motion last;
    gboolean paired; /* the last was sent again already */
} X11Lock;

G_GNUC_BEGIN_IGNORE_DEPRECATIONS

static Display *
get_xdisplay (X11Lock *self)
{
    return gdk_x11_display_get_xdisplay (self->display);
}

/* Motion in the axes X and Y; of those that did not change there is nothing in the event. */
static Motion
read_motion (const XIRawEvent *raw)
{
    Motion motion = {.time = raw->time, .device = raw->sourceid};
    const double *value = raw->raw_values;

    for (int axis = 0; axis < raw->valuators.mask_len * 8 && axis < 2; axis++) {
        if (!XIMaskIsSet (raw->valuators.mask, axis))
            continue;
        *(axis == 0 ? &motion.dx : &motion.dy) = *value++;
    }
    return motion;
}

/* Fast mice move twice in a millisecond, and the same way: only one is the other's copy. */
static gboolean
is_copy (X11Lock *self, const Motion *motion)
{
    self->paired = !self->paired && motion->time == self->last.time &&
                   motion->device == self->last.device && motion->dx == self->last.dx &&
                   motion->dy == self->last.dy;
    self->last = *motion;
    return self->paired;
}

static gboolean
xevent_cb (GdkX11Display *display, gpointer event, gpointer data)
{
    X11Lock *self = data;
    XGenericEventCookie *cookie = &((XEvent *) event)->xcookie;
    Motion motion;

    if (cookie->type != GenericEvent || cookie->extension != self->opcode ||
        cookie->evtype != XI_RawMotion || !cookie->data)
        return GDK_EVENT_PROPAGATE;
    motion = read_motion (cookie->data);
    if (!is_copy (self, &motion) && (motion.dx != 0 || motion.dy != 0))
        self->motion_cb (self->data, motion.dx, motion.dy);
    return GDK_EVENT_PROPAGATE;
}

/* Raw events are the root window's, and told apart by device: those of the master pointers. */
static void
select_motion (X11Lock *self, gboolean selected)
{
    unsigned char bits[XIMaskLen (XI_LASTEVENT)] = {0};
    XIEventMask mask = {XIAllMasterDevices, sizeof (bits), bits};

    if (selected)
        XISetMask (bits, XI_RawMotion);
    XISelectEvents (get_xdisplay (self), DefaultRootWindow (get_xdisplay (self)), &mask, 1);
}

static Cursor
make_blank_cursor (Display *xdisplay)
{
    static const char bits[1];
    XColor black = {0};
    Pixmap pixmap = XCreateBitmapFromData (xdisplay, DefaultRootWindow (xdisplay), bits, 1, 1);
    Cursor cursor = XCreatePixmapCursor (xdisplay, pixmap, pixmap, &black, &black, 0, 0);

    XFreePixmap (xdisplay, pixmap);
    return cursor;
}

static gpointer
x11_open (GtkWidget *widget, ConsoleLockMotion motion_cb, gpointer data)
{
    GdkDisplay *display = gtk_widget_get_display (widget);
    int opcode, event, error, major = 2, minor = 2;
    X11Lock *self;

    if (!GDK_IS_X11_DISPLAY (display) ||
        !XQueryExtension (gdk_x11_display_get_xdisplay (display), "XInputExtension", &opcode,
                          &event, &error) ||
        XIQueryVersion (gdk_x11_display_get_xdisplay (display), &major, &minor) != Success)
        return NULL;
    self = g_new0 (X11Lock, 1);
    self->widget = widget;
    self->motion_cb = motion_cb;
    self->data = data;
    self->display = g_object_ref (display);
    self->opcode = opcode;
    self->cursor = make_blank_cursor (get_xdisplay (self));
    return self;
}

static void
x11_close (gpointer state)
{
    X11Lock *self = state;

    if (!gdk_display_is_closed (self->display))
        XFreeCursor (get_xdisplay (self), self->cursor);
    g_object_unref (self->display);
    g_free (self);
}

static gboolean
x11_begin (gpointer state)
{
    X11Lock *self = state;
    GtkNative *native = gtk_widget_get_native (self->widget);
    GdkSurface *surface = native ? gtk_native_get_surface (native) : NULL;
    Window window;

    if (!surface)
        return FALSE;
    window = gdk_x11_surface_get_xid (surface);
    if (XGrabPointer (get_xdisplay (self), window, True,
                      ButtonPressMask | ButtonReleaseMask | PointerMotionMask, GrabModeAsync,
                      GrabModeAsync, window, self->cursor, CurrentTime) != GrabSuccess)
        return FALSE;
    self->last = (Motion) {0};
    self->paired = FALSE;
    select_motion (self, TRUE);
    self->handler = g_signal_connect (self->display, "xevent", G_CALLBACK (xevent_cb), self);
    return TRUE;
}

static void
x11_end (gpointer state)
{
    X11Lock *self = state;

    g_clear_signal_handler (&self->handler, self->display);
    if (gdk_display_is_closed (self->display))
        return;
    select_motion (self, FALSE);
    XUngrabPointer (get_xdisplay (self), CurrentTime);
    XFlush (get_xdisplay (self));
}

const ConsoleLockBackend console_lock_x11 = {
    .open = x11_open,
    .close = x11_close,
    .begin = x11_begin,
    .end = x11_end,
};

G_GNUC_END_IGNORE_DEPRECATIONS
