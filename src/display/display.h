/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sink contract: one struct display is one screen of a machine. A device (the source) shows a
 * scanout on it and reports damage; any number of sinks (headless, SPICE, shared frames) watch it.
 * Pictures are pulled: a sink that wants a current one calls display_refresh (), upon which the
 * source scans for what changed; a machine nobody looks at costs nothing.
 *
 * Threads: created by the machine's owner. What a source calls to show something is called with the
 * device's lock held; sink callbacks run on that same thread, inside the display's lock, and must
 * be short. The display takes the device's lock also when it adds a sink, so that the pixels stand
 * still during every sink callback. Sinks come and go on any thread. Lock order: device, then
 * display. display_refresh () and display_add_sink () take the device's lock, so they are never
 * called from a sink callback or a device.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"

#define DISPLAY_MAX_WIDTH  8192
#define DISPLAY_MAX_HEIGHT 8192
#define DISPLAY_MAX_CURSOR 512

struct display;

/* Pixels are 32-bit words 0xXXRRGGBB in host order, where XX means nothing; rows @stride bytes
 * apart. */
struct display_scanout {
    const uint32_t *pixels; /* NULL: the screen is off */
    unsigned width, height; /* ≤ DISPLAY_MAX_* */
    unsigned stride;        /* bytes */
};

struct display_rectangle {
    unsigned x, y, width, height;
};

struct display_cursor {
    const uint32_t *pixels; /* 0xAARRGGBB, premultiplied, rows back to back; NULL: no picture */
    unsigned width, height;
    int hot_x, hot_y;
    /* Without a picture: the guest hides its cursor. Else it has none on this plane: it draws one
     * into the scanout, or has no use for one. */
    bool hidden;
};

/* Called on any thread with the lock held that display_set_source () was given. */
struct display_source_ops {
    /* Brings the scanout's pixels up to date and reports damage. */
    void (*refresh) (void *data);
    /* Optional: somebody would like the guest to use this size. */
    void (*suggest_size) (void *data, unsigned width, unsigned height);
};

struct display_sink_ops {
    void (*scanout_changed) (void *data,
                             const struct display_scanout *scanout); /* also once when added */
    void (*damaged) (void *data,
                     const struct display_rectangle *rectangle); /* inside the scanout */
    void (*cursor_changed) (void *data, const struct display_cursor *cursor); /* optional */
    void (*cursor_moved) (void *data, int x, int y, bool visible);            /* optional */
};

struct display_sink {
    const struct display_sink_ops *ops;
    void *data;
    struct vmm_list link;
};

int display_create (struct display **ret_display);
void display_destroy (struct display *display);

/*
 * For the device, in init and fini: without its lock. @lock is the device's. Once
 * display_clear_source () has returned no source function runs and the screen is off. With several
 * sources the last one set is the one that is asked for pictures; clearing one that is not set does
 * nothing.
 */
void display_set_source (struct display *display, const struct display_source_ops *ops, void *data,
                         pthread_mutex_t *lock);
void display_clear_source (struct display *display, const void *data);

/*
 * For the device, with its lock held. The pixels stay valid until the next display_set_scanout ()
 * or display_clear_source (); NULL turns the screen off. A changed scanout is damaged as a whole
 * without saying so. Damage is cut to the scanout.
 */
void display_set_scanout (struct display *display, const struct display_scanout *scanout);
void
display_damage (struct display *display, unsigned x, unsigned y, unsigned width, unsigned height);
/* Copies the picture (at most DISPLAY_MAX_CURSOR on a side, else none); NULL: none. */
void display_set_cursor (struct display *display, const struct display_cursor *cursor);
/* @x, @y: where the picture's top left corner is on the scanout. */
void display_move_cursor (struct display *display, int x, int y, bool visible);

/* For watchers. */
void display_add_sink (struct display *display, struct display_sink *sink);
void display_remove_sink (struct display *display, struct display_sink *sink);
void display_refresh (struct display *display);
/* Passes a wished-for size on to the device; ignored where it does not care. */
void display_suggest_size (struct display *display, unsigned width, unsigned height);
