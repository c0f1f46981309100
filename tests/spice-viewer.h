/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A SPICE viewer on spice-client-glib, as plain as can be, that keeps what a server sent.
 * Everything is on the thread of the default main context, which wait functions run.
 */
#pragma once

#include <spice-client.h>

typedef struct {
    SpiceSession *session;
    SpiceMainChannel *main;
    SpiceDisplayChannel *display;
    SpiceInputsChannel *inputs;
    SpiceCursorChannel *cursor;

    int (*connect) (void *data); /* gives a descriptor for each channel, -1: none */
    void *data;

    const guint32 *pixels; /* the library's; NULL: no screen */
    int width, height, stride;
    gboolean marked;
    guint n_invalidated;
    int x, y, area_width, area_height; /* invalidated last */
    guint n_cursor_sets, n_cursor_hides, n_cursor_moves;
    int cursor_x, cursor_y;
    int mouse_mode;
    gboolean main_opened, closed, auth_failed;
} SpiceViewer;

/* Connects over descriptors. */
SpiceViewer *spice_viewer_new (int (*connect) (void *data), void *data);
/* Connects to an address; @password and @ca_file may be NULL. */
SpiceViewer *spice_viewer_new_for_uri (const char *uri, const char *password, const char *ca_file,
                                       const char *subject);
void spice_viewer_free (SpiceViewer *self);

guint32 spice_viewer_get_pixel (SpiceViewer *self, int x, int y);
/* The cursor's picture as it is now, NULL without one. */
SpiceCursorShape *spice_viewer_get_cursor (SpiceViewer *self);

/* Runs the main context until @is_done says so; FALSE after seconds. */
gboolean spice_viewer_wait (gboolean (*is_done) (void *data), void *data);
