/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three locks, always taken in this order. source_mutex pins the source: while it is held the
 * device cannot go away, so its lock may be taken. The device's lock makes the pixels stand still.
 * mutex guards what is shown and the list of sinks.
 */
#include "display/display.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

struct display {
    pthread_mutex_t source_mutex;
    const struct display_source_ops *source_ops; /* NULL: none */
    void *source_data;
    pthread_mutex_t *source_lock;

    pthread_mutex_t mutex;
    struct vmm_list sinks;
    struct display_scanout scanout;
    struct display_cursor cursor;
    uint32_t *cursor_pixels; /* owned; what cursor.pixels points at */
    int cursor_x, cursor_y;
    bool cursor_visible;
};

int
display_create (struct display **ret_display)
{
    struct display *display = calloc (1, sizeof *display);

    if (!display)
        return -ENOMEM;
    pthread_mutex_init (&display->source_mutex, NULL);
    pthread_mutex_init (&display->mutex, NULL);
    list_init (&display->sinks);
    *ret_display = display;
    return 0;
}

void
display_destroy (struct display *display)
{
    if (!display)
        return;
    free (display->cursor_pixels);
    pthread_mutex_destroy (&display->mutex);
    pthread_mutex_destroy (&display->source_mutex);
    free (display);
}

void
display_set_source (struct display *display, const struct display_source_ops *ops, void *data,
                    pthread_mutex_t *lock)
{
    pthread_mutex_lock (&display->source_mutex);
    display->source_ops = ops;
    display->source_data = data;
    display->source_lock = lock;
    pthread_mutex_unlock (&display->source_mutex);
}

void
display_clear_source (struct display *display, const void *data)
{
    pthread_mutex_lock (&display->source_mutex);
    if (display->source_ops && display->source_data == data) {
        display->source_ops = NULL;
        display->source_data = NULL;
        display->source_lock = NULL;
        display_set_scanout (display, NULL);
        display_set_cursor (display, NULL);
    }
    pthread_mutex_unlock (&display->source_mutex);
}

void
display_set_scanout (struct display *display, const struct display_scanout *scanout)
{
    struct display_sink *sink, *after;

    pthread_mutex_lock (&display->mutex);
    display->scanout = scanout ? *scanout : (struct display_scanout) {0};
    if (display->scanout.width > DISPLAY_MAX_WIDTH || display->scanout.height > DISPLAY_MAX_HEIGHT)
        display->scanout = (struct display_scanout) {0};
    list_for_each_safe (sink, after, &display->sinks, link)
        sink->ops->scanout_changed (sink->data, &display->scanout);
    pthread_mutex_unlock (&display->mutex);
}

void
display_damage (struct display *display, unsigned x, unsigned y, unsigned width, unsigned height)
{
    struct display_sink *sink, *after;

    pthread_mutex_lock (&display->mutex);
    if (display->scanout.pixels && x < display->scanout.width && y < display->scanout.height) {
        struct display_rectangle rectangle = {
            .x = x,
            .y = y,
            .width = MIN_OF (width, display->scanout.width - x),
            .height = MIN_OF (height, display->scanout.height - y),
        };

        if (rectangle.width && rectangle.height)
            list_for_each_safe (sink, after, &display->sinks, link)
                sink->ops->damaged (sink->data, &rectangle);
    }
    pthread_mutex_unlock (&display->mutex);
}

void
display_set_cursor (struct display *display, const struct display_cursor *cursor)
{
    struct display_cursor shown = {.hidden = cursor && cursor->hidden};
    struct display_sink *sink, *after;
    uint32_t *pixels = NULL;

    if (cursor && cursor->pixels && cursor->width && cursor->height &&
        cursor->width <= DISPLAY_MAX_CURSOR && cursor->height <= DISPLAY_MAX_CURSOR) {
        size_t size = (size_t) cursor->width * cursor->height * sizeof *pixels;

        pixels = malloc (size);
        if (pixels) {
            memcpy (pixels, cursor->pixels, size);
            shown = *cursor;
            shown.pixels = pixels;
            shown.hidden = false;
        }
    }

    pthread_mutex_lock (&display->mutex);
    free (display->cursor_pixels);
    display->cursor_pixels = pixels;
    display->cursor = shown;
    list_for_each_safe (sink, after, &display->sinks, link)
        if (sink->ops->cursor_changed)
            sink->ops->cursor_changed (sink->data, &display->cursor);
    pthread_mutex_unlock (&display->mutex);
}

void
display_move_cursor (struct display *display, int x, int y, bool visible)
{
    struct display_sink *sink, *after;

    pthread_mutex_lock (&display->mutex);
    display->cursor_x = x;
    display->cursor_y = y;
    display->cursor_visible = visible;
    list_for_each_safe (sink, after, &display->sinks, link)
        if (sink->ops->cursor_moved)
            sink->ops->cursor_moved (sink->data, x, y, visible);
    pthread_mutex_unlock (&display->mutex);
}

/* Pins the source and takes its lock, if there is one. */
static void
lock_source (struct display *display)
{
    pthread_mutex_lock (&display->source_mutex);
    if (display->source_lock)
        pthread_mutex_lock (display->source_lock);
}

static void
unlock_source (struct display *display)
{
    if (display->source_lock)
        pthread_mutex_unlock (display->source_lock);
    pthread_mutex_unlock (&display->source_mutex);
}

void
display_add_sink (struct display *display, struct display_sink *sink)
{
    lock_source (display);
    pthread_mutex_lock (&display->mutex);
    list_append (&display->sinks, &sink->link);
    sink->ops->scanout_changed (sink->data, &display->scanout);
    if (sink->ops->cursor_changed && (display->cursor.pixels || display->cursor.hidden))
        sink->ops->cursor_changed (sink->data, &display->cursor);
    if (sink->ops->cursor_moved && display->cursor_visible)
        sink->ops->cursor_moved (sink->data, display->cursor_x, display->cursor_y, true);
    pthread_mutex_unlock (&display->mutex);
    unlock_source (display);
}

void
display_remove_sink (struct display *display, struct display_sink *sink)
{
    pthread_mutex_lock (&display->mutex);
    list_remove (&sink->link);
    pthread_mutex_unlock (&display->mutex);
}

void
display_refresh (struct display *display)
{
    lock_source (display);
    if (display->source_ops)
        display->source_ops->refresh (display->source_data);
    unlock_source (display);
}

void
display_suggest_size (struct display *display, unsigned width, unsigned height)
{
    lock_source (display);
    if (display->source_ops && display->source_ops->suggest_size)
        display->source_ops->suggest_size (display->source_data, width, height);
    unlock_source (display);
}
