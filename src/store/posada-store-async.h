/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What posada-store.h does, without blocking the caller: each function returns a future that is
 * settled by another thread and rejects with the error that the other would set. Fibers that await
 * it, and what dex_future_then () adds, go on on their own thread as ever. The definition given is
 * copied at once, and may be changed or used on.
 */
#pragma once

#include <libdex.h>

#include "store/posada-store.h"

G_BEGIN_DECLS

/* GPtrArray of PosadaStoreEntry, boxed. */
DexFuture *posada_store_list_async (PosadaStore *self);
DexFuture *posada_store_list_trash_async (PosadaStore *self);
/* PosadaDefinition. */
DexFuture *posada_store_load_async (PosadaStore *self, const char *uuid);
/* String: the UUID. @notify frees @data. @fill is called on another thread. */
DexFuture *posada_store_create_async (PosadaStore *self, PosadaDefinition *definition,
                                      PosadaStoreFill fill, gpointer data, GDestroyNotify notify);
/* TRUE. */
DexFuture *posada_store_save_async (PosadaStore *self, PosadaDefinition *definition);
DexFuture *posada_store_rename_async (PosadaStore *self, const char *uuid, const char *name);
/* String: the identifier for restoring. */
DexFuture *posada_store_delete_async (PosadaStore *self, const char *uuid);
/* TRUE. */
DexFuture *posada_store_restore_async (PosadaStore *self, const char *id, const char *new_name);
/* Unsigned: how many. */
DexFuture *posada_store_purge_async (PosadaStore *self, unsigned days);

G_END_DECLS
