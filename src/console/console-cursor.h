/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest's cursor. While the guest takes positions it becomes the host's cursor, made for each
 * scale, so that it is where the pointer is without waiting for the guest; while it takes motion it
 * is painted where the guest has it. Main thread.
 */
#pragma once

#include "console/console-geometry.h"
#include "machine/posada-display.h"

G_BEGIN_DECLS

typedef enum {
    CONSOLE_CURSOR_HOST,   /* the pointer is not the guest's, or not on the picture */
    CONSOLE_CURSOR_GUEST,  /* it is the guest's, which takes positions */
    CONSOLE_CURSOR_LOCKED, /* it is held in its place */
} ConsoleCursorMode;

typedef struct _ConsoleCursor ConsoleCursor;

/* @widget is borrowed; its cursor is set. */
ConsoleCursor *console_cursor_new (GtkWidget *widget);
void console_cursor_free (ConsoleCursor *self);

void console_cursor_set_display (ConsoleCursor *self, PosadaDisplay *display);
/* To be called whenever one of them is different; @geometry may be NULL without a picture. */
void console_cursor_update (ConsoleCursor *self, ConsoleCursorMode mode,
                            const ConsoleGeometry *geometry);
/* Paints it, if the guest takes motion and shows one. */
void console_cursor_snapshot (ConsoleCursor *self, GtkSnapshot *snapshot,
                              const ConsoleGeometry *geometry);

/* A cursor as it is handed to the window system, premultiplied 0xAARRGGBB. */
typedef struct {
    guint32 *pixels;   /* the caller's */
    int width, height; /* device pixels */
    int logical_width, logical_height;
    int logical_hot_x, logical_hot_y;
} ConsoleCursorPicture;

/*
 * @cursor with each of its pixels made @factor device pixels, for a surface of @scale. Window
 * systems know a cursor's size and hotspot in whole logical pixels only: transparent ones are added
 * at the sides until both are, so that the pixel that points does so exactly.
 */
void console_cursor_render (const PosadaCursor *cursor, double factor, double scale,
                            ConsoleCursorPicture *ret_picture);

G_END_DECLS
