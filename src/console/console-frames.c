/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-console"

#include "console/console-frames.h"

/* So long after the last damage or input frames are asked for with every tick. */
#define BUSY_US (G_USEC_PER_SEC / 2)
/* And so often afterwards. */
#define IDLE_MS 100

struct _ConsoleFrames {
    GtkWidget *widget;
    ConsolePainter *painter;
    void (*painted_cb) (GtkWidget *widget, gboolean resized);

    PosadaDisplay *display;
    gulong damaged_handler;
    guint tick_id, idle_source;
    gint64 last_activity;
};

static gboolean
idle_cb (gpointer data)
{
    ConsoleFrames *self = data;

    posada_display_request_frame (self->display);
    return G_SOURCE_CONTINUE;
}

static gboolean
tick_cb (GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
    ConsoleFrames *self = data;

    posada_display_request_frame (self->display);
    /* "damaged" may have come in the call, and even "closed". */
    if (self->tick_id == 0 || g_get_monotonic_time () - self->last_activity < BUSY_US)
        return G_SOURCE_CONTINUE;
    self->tick_id = 0;
    self->idle_source = g_timeout_add (IDLE_MS, idle_cb, self);
    return G_SOURCE_REMOVE;
}

static void
damaged_cb (PosadaDisplay *display, gpointer data)
{
    ConsoleFrames *self = data;
    guint width = posada_display_get_width (display), height = posada_display_get_height (display);
    guint old_width = console_painter_get_width (self->painter);
    guint old_height = console_painter_get_height (self->painter);
    PosadaRectangle damage;
    guint32 *pixels;
    guint stride;

    /* A screen that is off keeps its last picture, dimmed. */
    if (width == 0 || height == 0 || !console_painter_resize (self->painter, width, height))
        return;
    pixels = console_painter_get_pixels (self->painter, &stride);
    if (posada_display_read_damage (display, pixels, stride, &damage))
        console_painter_add_damage (self->painter, damage.x, damage.y, damage.width, damage.height);
    self->painted_cb (self->widget, old_width != width || old_height != height);
    console_frames_wake (self);
}

ConsoleFrames *
console_frames_new (GtkWidget *widget, ConsolePainter *painter,
                    void (*painted_cb) (GtkWidget *widget, gboolean resized))
{
    ConsoleFrames *self = g_new0 (ConsoleFrames, 1);

    self->widget = widget;
    self->painter = painter;
    self->painted_cb = painted_cb;
    return self;
}

void
console_frames_free (ConsoleFrames *self)
{
    if (!self)
        return;
    console_frames_set_display (self, NULL);
    g_free (self);
}

void
console_frames_set_display (ConsoleFrames *self, PosadaDisplay *display)
{
    if (self->display == display)
        return;
    console_frames_stop (self);
    if (self->display)
        g_clear_signal_handler (&self->damaged_handler, self->display);
    g_set_object (&self->display, display);
    if (!display)
        return;
    self->damaged_handler = g_signal_connect (display, "damaged", G_CALLBACK (damaged_cb), self);
    posada_display_damage_all (display);
    console_frames_wake (self);
}

void
console_frames_wake (ConsoleFrames *self)
{
    if (!self->display || !gtk_widget_get_mapped (self->widget))
        return;
    self->last_activity = g_get_monotonic_time ();
    g_clear_handle_id (&self->idle_source, g_source_remove);
    if (self->tick_id == 0)
        self->tick_id = gtk_widget_add_tick_callback (self->widget, tick_cb, self, NULL);
}

void
console_frames_stop (ConsoleFrames *self)
{
    g_clear_handle_id (&self->idle_source, g_source_remove);
    if (self->tick_id != 0)
        gtk_widget_remove_tick_callback (self->widget, self->tick_id);
    self->tick_id = 0;
}
