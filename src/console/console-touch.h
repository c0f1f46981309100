/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fingers on the host's screen on their way to a guest that takes them: each keeps one of the
 * guest's slots from the moment it touches the picture until it leaves. Main thread.
 */
#pragma once

#include "console/console-geometry.h"
#include "machine/posada-display.h"

G_BEGIN_DECLS

typedef struct {
    PosadaDisplay *display; /* NULL: nothing is sent */
    struct {
        gconstpointer sequence; /* NULL: free */
        guint x, y;             /* where it was last, as a tablet has it */
    } fingers[POSADA_DISPLAY_MAX_FINGERS];
} ConsoleTouch;

void console_touch_init (ConsoleTouch *self);
void console_touch_fini (ConsoleTouch *self);
/* Fingers leave the display that was set before. */
void console_touch_set_display (ConsoleTouch *self, PosadaDisplay *display);

/*
 * A finger, known by its @sequence (only compared), touches at a point of the surface, moves or
 * leaves. FALSE if it is not the guest's: it touched beside the picture, or there were ten.
 */
gboolean console_touch_begin (ConsoleTouch *self, gconstpointer sequence,
                              const ConsoleGeometry *geometry, double x, double y);
gboolean console_touch_move (ConsoleTouch *self, gconstpointer sequence,
                             const ConsoleGeometry *geometry, double x, double y);
gboolean console_touch_end (ConsoleTouch *self, gconstpointer sequence);
/* All leave. */
void console_touch_release_all (ConsoleTouch *self);

G_END_DECLS
