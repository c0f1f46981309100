/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys, pointer and wheel on their way to a SPICE server, and what of them is down. A plain value
 * of the SPICE display; main thread.
 */
#pragma once

#include <linux/input-event-codes.h>
#include <spice-client.h>

#include "machine/posada-display.h"

G_BEGIN_DECLS

/* Zeroed at first: nothing is down. */
typedef struct {
    SpiceInputsChannel *channel; /* borrowed; NULL: not connected, nothing is sent */
    gboolean keys[KEY_CNT];
    PosadaButtons buttons;
    int scroll; /* less than a click */
    gboolean placed;
    int x, y; /* sent last, if it was placed */
} PosadaSpiceInput;

/* As their namesakes of PosadaDisplay; @area is the screen on the surface. */
void posada_spice_input_send_key (PosadaSpiceInput *self, guint code, gboolean down);
void posada_spice_input_send_absolute (PosadaSpiceInput *self, const PosadaRectangle *area, guint x,
                                       guint y, PosadaButtons buttons);
void
posada_spice_input_send_relative (PosadaSpiceInput *self, int dx, int dy, PosadaButtons buttons);
/* The protocol has clicks of a wheel, up and down. */
void posada_spice_input_send_scroll (PosadaSpiceInput *self, int dy);
void posada_spice_input_release_all (PosadaSpiceInput *self);

G_END_DECLS
