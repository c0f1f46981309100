/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pulls pictures from a display into a painter: with every tick of the host's frame clock while
 * something happens, ten times a second otherwise, never while the widget is not mapped. Main
 * thread.
 */
#pragma once

#include "console/console-painter.h"
#include "machine/posada-display.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _ConsoleFrames ConsoleFrames;

/* Both are borrowed and outlive it. @painted_cb is called after the painter got something new;
 * @resized: a picture of another size. */
ConsoleFrames *console_frames_new (GtkWidget *widget, ConsolePainter *painter,
                                   void (*painted_cb) (GtkWidget *widget, gboolean resized));
void console_frames_free (ConsoleFrames *self);

/* NULL: nothing more comes. The painter keeps its picture. */
void console_frames_set_display (ConsoleFrames *self, PosadaDisplay *display);
/* Something happens: ask often for a while. */
void console_frames_wake (ConsoleFrames *self);
/* Until the next wake (). */
void console_frames_stop (ConsoleFrames *self);

G_END_DECLS
