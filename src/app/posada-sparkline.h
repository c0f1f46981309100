/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The processor load of the last minute as a small curve, drawn in the theme's accent colour from
 * the machine's own history. Main thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

#define POSADA_TYPE_SPARKLINE (posada_sparkline_get_type ())
G_DECLARE_FINAL_TYPE (PosadaSparkline, posada_sparkline, POSADA, SPARKLINE, GtkWidget)

void posada_sparkline_set_machine (PosadaSparkline *self, PosadaMachine *machine);

G_END_DECLS
