/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The picture of a SPICE server: a sink of a display, which is one only while a viewer looks, and
 * an imaginary QXL adapter that libspice-server fetches drawing commands from. Functions are called
 * on the server's thread.
 */
#pragma once

#include <spice.h>

#include "display/display.h"
#include "display/spice-damage.h"
#include "display/spice-loop.h"

struct spice_picture_cursor {
    struct display_cursor cursor; /* with pixels of its own */
    int x, y;
    bool visible, shown;
    bool changed, moved; /* since the last command */
};

struct spice_picture {
    QXLInstance instance;
    struct spice_loop *loop;
    struct display *display;
    struct display_sink sink;
    bool sink_added;
    struct spice_call wake, configure;

    pthread_mutex_t mutex; /* guards what follows; no call leaves with it held but to malloc () */
    bool present;          /* a viewer is */
    bool held;             /* the surface stays as it is */
    bool stopped;
    bool on;                        /* the screen is */
    struct display_scanout scanout; /* its pixels stand still during the sink's callbacks */
    uint32_t *shadow;               /* a copy of them; NULL: nobody looks */
    unsigned width, height;         /* that it has, and the surface should have */
    struct spice_damage damage;
    bool busy; /* there was damage since the last refresh */

    enum {
        PRIMARY_NONE,
        PRIMARY_CREATING,
        PRIMARY_THERE,
        PRIMARY_DESTROYING,
    } primary;
    uint32_t *primary_pixels; /* the library paints into it */
    unsigned primary_width, primary_height;

    struct spice_picture_cursor cursor;
    struct vmm_list commands; /* that the library has */
    size_t command_bytes;
    bool starved; /* until some of them are released */
    uint32_t n_images;
};

void
spice_picture_init (struct spice_picture *self, struct spice_loop *loop, struct display *display);
int spice_picture_start (struct spice_picture *self, SpiceServer *server);
/* A viewer came, or the last one went. */
void spice_picture_set_present (struct spice_picture *self, bool present);
/* Whether the surface keeps its size for now. */
void spice_picture_hold (struct spice_picture *self, bool hold);
/* Asks the display what is new. Returns whether anything was since the last time. */
bool spice_picture_refresh (struct spice_picture *self);
/* From here on the library gets no commands; it may be destroyed. */
void spice_picture_stop (struct spice_picture *self);
/* The library is gone, or was never there. */
void spice_picture_fini (struct spice_picture *self);
