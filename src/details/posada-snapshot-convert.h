/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Raw disks that no snapshot can be taken of: offers to convert them, and takes it then. */
#pragma once

#include <adwaita.h>

#include "machine/posada-machine.h"

G_BEGIN_DECLS

/* A snapshot called @name with @note (or NULL) was refused because of them, with @sentence. What
 * goes on is shown above @widget. Resolves to TRUE when the snapshot was taken; rejects as taking
 * does, with G_IO_ERROR_CANCELLED if nobody wants it any more. */
DexFuture *
posada_snapshot_offer_conversion (PosadaMachine *machine, GtkWidget *widget, const char *name,
                                  const char *note, const char *sentence);

G_END_DECLS
