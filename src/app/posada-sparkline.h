/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last minute of a machine as a small curve, drawn in the theme's accent colour from the
 * machine's own history. Main thread.
 */
#pragma once

#include <gtk/gtk.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

/* Property "measure": what the curve shows. Memory is shown in relation to what the machine has.
 * Rates have no end of their own: the highest one to be seen reaches the top, unless that is next
 * to nothing. */
typedef enum {
    POSADA_MEASURE_LOAD,    /* of the processors */
    POSADA_MEASURE_MEMORY,  /* in use */
    POSADA_MEASURE_DISKS,   /* bytes per second, read and written */
    POSADA_MEASURE_NETWORK, /* bytes per second, received and sent */
} PosadaMeasure;
#define POSADA_TYPE_MEASURE (posada_measure_get_type ())
GType posada_measure_get_type (void);

#define POSADA_TYPE_SPARKLINE (posada_sparkline_get_type ())
G_DECLARE_FINAL_TYPE (PosadaSparkline, posada_sparkline, POSADA, SPARKLINE, GtkWidget)

void posada_sparkline_set_machine (PosadaSparkline *self, PosadaMachine *machine);

G_END_DECLS
