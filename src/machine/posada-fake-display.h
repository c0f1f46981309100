/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen of a fake machine: a desktop with a window that moves a little with every frame asked
 * for. Takes any size that is suggested. Main thread.
 */
#pragma once

#include "machine/posada-display.h"

G_BEGIN_DECLS

#define POSADA_TYPE_FAKE_DISPLAY (posada_fake_display_get_type ())
G_DECLARE_FINAL_TYPE (PosadaFakeDisplay, posada_fake_display, POSADA, FAKE_DISPLAY, PosadaDisplay)

/* What is typed and clicked is appended to @record, which is the caller's and stays until
 * posada_fake_display_close (). */
PosadaDisplay *posada_fake_display_new (GString *record);
/* A picture that is still looks the same in every frame from now on. */
void posada_fake_display_set_still (PosadaFakeDisplay *self, gboolean still);
/* Turns the screen off for good and emits "closed". */
void posada_fake_display_close (PosadaFakeDisplay *self);

G_END_DECLS
