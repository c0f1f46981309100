/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a console shows of a picture, and where: follows its widget over the surface, so that paint,
 * pointer, fingers and cursor agree on one geometry. Main thread; the widget owns it.
 */
#pragma once

#include "console/console-geometry.h"

G_BEGIN_DECLS

typedef struct {
    GtkWidget *widget; /* borrowed */
    PosadaConsoleScaling scaling;
    double pan_x, pan_y; /* 0–1, in ONE_TO_ONE */
    gboolean known;      /* the geometry is: the widget has a place on a surface */
    gboolean picture;    /* there is one in it */
    ConsoleGeometry geometry;
} ConsoleView;

void console_view_init (ConsoleView *self, GtkWidget *widget);
/* Looks where the widget is now. TRUE if the picture lies elsewhere than before. Size 0: there is
 * no picture. */
gboolean console_view_update (ConsoleView *self, guint guest_width, guint guest_height);
/* Moves a picture that is too large under the pointer, a point of the surface. TRUE if the pan is
 * another; the geometry is to be updated then. */
gboolean console_view_pan_to (ConsoleView *self, double x, double y);

G_END_DECLS
