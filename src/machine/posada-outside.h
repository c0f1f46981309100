/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Follows a machine of the store while another process runs it: says so in its state, and gives
 * orders by way of its control socket, if it has one. Main thread; looking and ordering happen on
 * other threads.
 */
#pragma once

#include "machine/posada-machine.h"
#include "store/posada-store.h"

G_BEGIN_DECLS

typedef struct _PosadaOutside PosadaOutside;

/* Whether the machine runs here, or is not to be followed for another reason. */
typedef gboolean (*PosadaOutsideBusy) (PosadaMachine *machine);

/* @machine is borrowed, and frees it. */
PosadaOutside *
posada_outside_new (PosadaMachine *machine, PosadaStore *store, PosadaOutsideBusy is_busy);
void posada_outside_free (PosadaOutside *self); /* NULL is fine */

/* Sets state, capabilities, “outside” and the remote access's problem to what is there; again and
 * again while another process runs it, until it is OFF with @capabilities. */
void posada_outside_look (PosadaOutside *self, PosadaMachineCapabilities capabilities);
/* Looks at once, which takes no longer than opening a file: whether nobody runs it any more. If so
 * it is OFF. */
gboolean posada_outside_has_ended (PosadaOutside *self);
/* Resolves to TRUE when the machine has done it; rejects with its sentence. */
DexFuture *posada_outside_order (PosadaOutside *self, const char *command);

G_END_DECLS
