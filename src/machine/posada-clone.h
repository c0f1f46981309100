/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Machines made of machines, which have another name, UUID and addresses, and therefore another
 * generation. What blocks belongs on a thread that may wait.
 *
 * A full clone has all data twice, or shares blocks where the file system can. A linked clone's
 * disks are overlays on a snapshot that the original is given for it, and a copy's on one that the
 * original has: neither ever changes, and while something is based on it it cannot be deleted, so
 * the original goes on as if there were none. A copy goes on from where its snapshot was taken; the
 * file of its RAM is the snapshot's own, so that all machines that come from it share what they do
 * not write.
 */
#pragma once

#include <gio/gio.h>
#include <libdex.h>

#include "store/posada-store.h"

G_BEGIN_DECLS

typedef enum {
    POSADA_CLONE_FULL,   /* of a machine that is off, or was saved: its clone was, too */
    POSADA_CLONE_LINKED, /* the same */
    POSADA_CLONE_COPY,   /* of a snapshot; the machine may run meanwhile */
} PosadaCloneKind;

#define POSADA_TYPE_CLONE (posada_clone_get_type ())
G_DECLARE_FINAL_TYPE (PosadaClone, posada_clone, POSADA, CLONE, GObject)

/* @snapshot: its id, for a copy; NULL: the one that the machine's present state comes from. @name:
 * NULL for one made of the original's. */
PosadaClone *posada_clone_new (PosadaStore *store, const char *uuid, PosadaCloneKind kind,
                               const char *snapshot, const char *name);
/* Makes it, complete or not at all; its UUID. Once. Blocks. */
char *posada_clone_run_now (PosadaClone *self, GCancellable *cancellable, GError **error);
/* The same on a thread of its own; a string. */
DexFuture *posada_clone_run (PosadaClone *self, GCancellable *cancellable);
/* From 0 to 1. Any thread. */
double posada_clone_get_progress (PosadaClone *self);

G_END_DECLS
