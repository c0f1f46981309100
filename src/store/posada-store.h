/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the machines of this user live: a folder with a folder for each,
 *
 *   machines/<uuid>/machine.xml   the definition
 *   machines/<uuid>/lock          held by the process that runs the machine
 *   machines/<uuid>/…             its disks and whatever else is its own
 *   trash/<uuid>-<time>/          what was deleted and can still be restored
 *
 * All of it may be shared by any number of processes. Functions block for the disk and may be
 * called on any thread at the same time; the futures of posada-store-async.h do the same on
 * another thread. “changed” is emitted on the main context that the store was made on.
 */
#pragma once

#include <gio/gio.h>

#include "store/posada-definition.h"
#include "store/posada-lock.h"

G_BEGIN_DECLS

#define POSADA_TYPE_STORE (posada_store_get_type ())
G_DECLARE_FINAL_TYPE (PosadaStore, posada_store, POSADA, STORE, GObject)

/* A machine as it was when looked at, or what is in the trash. */
typedef struct {
    char *id;   /* name of the folder: the UUID, in the trash with the time behind it */
    char *name; /* NULL if it cannot be read */
    PosadaDefinition *definition; /* NULL if it cannot be read */
    GError *error;                /* why not */
    gint64 deleted;               /* seconds since 1970; 0 outside of the trash */
    pid_t holder;                 /* as posada_store_get_holder () */
    gint64 used;                  /* seconds since 1970 when it was last locked; 0: never */
} PosadaStoreEntry;

#define POSADA_TYPE_STORE_ENTRY (posada_store_entry_get_type ())
GType posada_store_entry_get_type (void);
PosadaStoreEntry *posada_store_entry_copy (const PosadaStoreEntry *self);
void posada_store_entry_free (PosadaStoreEntry *self);

/* @folder is made when first needed; NULL is posada in the user's data folder. */
PosadaStore *posada_store_new (const char *folder);
const char *posada_store_get_folder (PosadaStore *self);
/* Where that machine is, or would be. Owned by the caller. */
char *posada_store_get_machine_folder (PosadaStore *self, const char *uuid);

/*
 * Signal “changed” (store, uuid): somebody, perhaps this process, has made, saved, deleted or
 * restored that machine; load it to see what came of it. Between posada_store_watch () and the
 * end of the store. Edits made by hand are not seen before the next load.
 */
gboolean posada_store_watch (PosadaStore *self, GError **error);

/* All machines (PosadaStoreEntry), by name; the broken ones last, with their errors. Fails only if
 * the folder itself cannot be read. */
GPtrArray *posada_store_list (PosadaStore *self, GError **error);
PosadaDefinition *posada_store_load (PosadaStore *self, const char *uuid, GError **error);
/* @name is a UUID, or a name as it is written, or in other case if no other machine fits. The entry
 * may be a broken one. */
PosadaStoreEntry *posada_store_find (PosadaStore *self, const char *name, GError **error);
/* @wish if no machine is called so, otherwise with a number. */
char *posada_store_free_name (PosadaStore *self, const char *wish, GError **error);

/* Puts files into a machine's folder before anybody sees it. On failure everything is removed. */
typedef gboolean (*PosadaStoreFill) (const char *folder, gpointer data, GError **error);

/*
 * Makes the machine's folder, complete or not at all. A definition without a UUID is given one, and
 * one without a time of creation that. No two machines have one UUID, or names that differ only in
 * case. @fill may be NULL; paths in @definition may lie in posada_store_get_machine_folder (),
 * though the folder that @fill gets has another name still.
 */
gboolean posada_store_create (PosadaStore *self, PosadaDefinition *definition, PosadaStoreFill fill,
                              gpointer data, GError **error);
/* The machine has to be there. A change of its name is subject to the same rule. */
gboolean posada_store_save (PosadaStore *self, PosadaDefinition *definition, GError **error);
gboolean
posada_store_rename (PosadaStore *self, const char *uuid, const char *name, GError **error);

/* Moves the machine, running in no process, to the trash; files outside of its folder stay where
 * they are. POSADA_STORE_ERROR_BUSY also if another's disks are based on its snapshots. @ret_id
 * (which may be NULL) is for posada_store_restore (). */
gboolean posada_store_delete (PosadaStore *self, const char *uuid, char **ret_id, GError **error);
/* Back from the trash. If its name was taken meanwhile, POSADA_STORE_ERROR_EXISTS, unless there is
 * a @new_name. */
gboolean
posada_store_restore (PosadaStore *self, const char *id, const char *new_name, GError **error);
/* What is in the trash, the latest first. */
GPtrArray *posada_store_list_trash (PosadaStore *self, GError **error);
/* Removes what was deleted more than @days ago, for good; 0: everything. */
gboolean
posada_store_purge (PosadaStore *self, unsigned days, unsigned *ret_n_purged, GError **error);

/* For whoever runs the machine. */
PosadaLock *posada_store_lock (PosadaStore *self, const char *uuid, GError **error);
/* As posada_lock_get_holder (). */
pid_t posada_store_get_holder (PosadaStore *self, const char *uuid);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PosadaStoreEntry, posada_store_entry_free)

G_END_DECLS
