/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machines of this user: loads them from the store, adds new ones to it and takes them out. A
 * library without a store holds whatever is added and forgets it. Main thread.
 */
#pragma once

#include "machine/posada-machine-list.h"
#include "store/posada-store.h"

G_BEGIN_DECLS

#define POSADA_TYPE_LIBRARY (posada_library_get_type ())
G_DECLARE_FINAL_TYPE (PosadaLibrary, posada_library, POSADA, LIBRARY, GObject)

PosadaLibrary *posada_library_new (PosadaStore *store);
PosadaLibrary *posada_library_new_fake (guint n_machines);

/* NULL if there is none. */
PosadaStore *posada_library_get_store (PosadaLibrary *self);
/* Reads what is in the store, and from then on follows whatever other processes do to it and with
 * its machines. A definition that cannot be read is a machine with a reason. Resolves to TRUE. */
DexFuture *posada_library_load (PosadaLibrary *self);
/* Reads one that is new in the store at once. Resolves to the PosadaMachine. */
DexFuture *posada_library_open (PosadaLibrary *self, const char *uuid);

PosadaMachineList *posada_library_get_machines (PosadaLibrary *self);
/* How many run here and have something to lose. */
guint posada_library_count_running (PosadaLibrary *self);

/*
 * Takes a machine that is off out of the list and into the trash. restore () brings it back until
 * the trash is emptied. Both resolve to TRUE.
 */
DexFuture *posada_library_delete (PosadaLibrary *self, PosadaMachine *machine);
DexFuture *posada_library_restore (PosadaLibrary *self, PosadaMachine *machine);

/* Signal "running-changed" (no arguments): count_running () may be another than before. */

G_END_DECLS
