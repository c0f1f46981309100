/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files that make up PosadaStore share. Any thread.
 */
#pragma once

#include "store/posada-file.h"
#include "store/posada-store.h"

G_BEGIN_DECLS

#define POSADA_STORE_FILE "machine.xml"

/* For tests: has @step called before each step that reaches the disk. Before anything else. */
void posada_store_set_steps (PosadaStore *self, PosadaStep step, gpointer data);
const PosadaSteps *posada_store_get_steps (PosadaStore *self);

/* “machines”, “trash”, or a file in there. */
char *posada_store_path (PosadaStore *self, const char *place, const char *file);
/* The lock of everything that changes which machines there are and what they are called. Makes the
 * folders. */
PosadaLock *posada_store_lock_all (PosadaStore *self, GError **error);
/* A UUID in lower case; anything else might lead out of the folder. */
gboolean posada_store_check_uuid (const char *uuid, GError **error);
/* Reads @folder's definition, which has to be that of @uuid. */
PosadaDefinition *posada_store_read (const char *folder, const char *uuid, GError **error);
/* Whether another machine than @uuid (which may be NULL) is called @name, or so but for case. */
gboolean
posada_store_check_free (PosadaStore *self, const char *name, const char *uuid, GError **error);
/* Replaces the definition in @folder by way of a file .new-@uuid.xml beside it. */
gboolean posada_store_write (PosadaStore *self, const char *folder, const char *uuid,
                             PosadaDefinition *definition, GError **error);
/* The folders in “machines” or “trash”, as entries. */
GPtrArray *posada_store_scan (PosadaStore *self, const char *place, GError **error);

G_END_DECLS
