/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A display that does just what a test says: shows the test's own pixels, follows wishes for a size
 * only if told to, and records its input as text, as PosadaFakeDisplay does.
 */
#pragma once

#include "machine/posada-display.h"

#define MOCK_TYPE_DISPLAY (mock_display_get_type ())
G_DECLARE_FINAL_TYPE (MockDisplay, mock_display, MOCK, DISPLAY, PosadaDisplay)

struct _MockDisplay {
    PosadaDisplay parent_instance;

    guint32 *pixels; /* of the size that was set last */
    PosadaRectangle damage;
    GString *record;
    gboolean follows; /* wishes for a size */
    guint requests;   /* for frames, so far */
    gboolean stays_closed;
};

MockDisplay *mock_display_new (guint width, guint height);
/* Black, all damaged. */
void mock_display_resize (MockDisplay *self, guint width, guint height);
void mock_display_fill (MockDisplay *self, int x, int y, int width, int height, guint32 color);
/* Alternating pixels of two colours. */
void mock_display_fill_chequers (MockDisplay *self, guint32 even, guint32 odd);
/* What was recorded since the last call; compare it at once. */
char *mock_display_take (MockDisplay *self);
