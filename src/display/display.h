/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sink contract: one struct display is one screen of a machine. A device (the source) shows a
 * scanout on it and reports damage; any number of sinks (headless, SPICE, shared frames) watch it.
 * Pictures are pulled: a sink that wants a current one calls display_refresh (), upon which the
 * source scans for what changed; a machine nobody looks at costs nothing.
 *
 * Threads: created by the machine's owner. Source functions are called with the device's lock held;
 * sink callbacks run on that same thread, inside the display's lock, and must be short. Sinks come
 * and go on any thread. Lock order: device, then display. display_refresh () takes the source's
 * device lock, so it is never called from a sink callback.
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

struct display;

/* Pixels are 32-bit words 0x00RRGGBB in host order, rows @stride bytes apart. */
struct display_scanout {
    const uint32_t *pixels; /* NULL: the screen is off */
    unsigned width, height; /* ≤ DISPLAY_MAX_* */
    unsigned stride;        /* bytes */
};

struct display_rectangle {
    unsigned x, y, width, height;
};

struct display_cursor {
    uint32_t *pixels; /* 0xAARRGGBB, premultiplied; NULL: hidden */
    unsigned width, height;
    int hot_x, hot_y;
};

struct display_source_ops {
    /* Brings the scanout's pixels up to date and reports damage. Called on any thread; takes the
     * device's lock itself. */
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

/* For the device. The pixels stay valid until the next call or display_clear_source (). */
void display_set_source (struct display *display, const struct display_source_ops *ops, void *data);
void display_clear_source (struct display *display);
void display_set_scanout (struct display *display, const struct display_scanout *scanout);
void
display_damage (struct display *display, unsigned x, unsigned y, unsigned width, unsigned height);

/* For watchers. */
void display_add_sink (struct display *display, struct display_sink *sink);
void display_remove_sink (struct display *display, struct display_sink *sink);
void display_refresh (struct display *display);
