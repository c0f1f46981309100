/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps a copy of the guest's picture and paints it. Damage is copied into the copy by whoever has
 * it (console_painter_get_pixels, console_painter_add_damage); painting makes new textures only of
 * what was touched. Main thread.
 *
 * GTK uploads a texture as a whole and redraws what its update region names, so the picture is cut
 * into strips of rows: small damage uploads one strip. Strips refer to the copy's memory and do not
 * own pixels; that is sound because both change on the thread that paints.
 */
#pragma once

#include "console/console-geometry.h"

G_BEGIN_DECLS

#define CONSOLE_PAINTER_STRIP_ROWS 128
#define CONSOLE_PAINTER_MAX_SIZE   16384u /* each way; and never more than 2²⁸ bytes */

typedef struct _ConsolePainter ConsolePainter;

ConsolePainter *console_painter_new (void);
void console_painter_free (ConsolePainter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ConsolePainter, console_painter_free)

/*
 * Makes the copy @width × @height, black, and drops the strips; nothing happens if it has that size
 * already. FALSE if that is more than a screen can be: then there is no picture any more.
 */
gboolean console_painter_resize (ConsolePainter *self, guint width, guint height);
guint console_painter_get_width (ConsolePainter *self);  /* 0 without a picture */
guint console_painter_get_height (ConsolePainter *self); /* 0 without a picture */

/* 0xFFRRGGBB words, to be written through, then reported with add_damage (). */
guint32 *console_painter_get_pixels (ConsolePainter *self, guint *ret_stride);
/* Cut to the picture. */
void console_painter_add_damage (ConsolePainter *self, int x, int y, int width, int height);

/* Appends the picture, in the coordinates of the widget @geometry was made for. */
void console_painter_snapshot (ConsolePainter *self, GtkSnapshot *snapshot,
                               const ConsoleGeometry *geometry);
/* A copy of its own; NULL without a picture. */
GdkTexture *console_painter_grab (ConsolePainter *self);
/* How many strips were made so far: the cost of painting, for tests. */
guint console_painter_get_uploads (ConsolePainter *self);

G_END_DECLS
