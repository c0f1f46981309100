/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Deleting in two steps: into the trash at once, out of it later.
 */
#include <string.h>

#include "store/posada-store-error.h"
#include "store/posada-store-internal.h"

#define SECONDS_A_DAY (24 * 60 * 60)

/* Machines whose disks are based on a snapshot of this one find it only in its place. */
static gboolean
check_nobody_needs (PosadaStore *self, const char *uuid, GError **error)
{
    g_autoptr (GPtrArray) entries = posada_store_scan (self, "machines", error);

    for (unsigned i = 0; entries && i < entries->len; i++) {
        const PosadaStoreEntry *entry = g_ptr_array_index (entries, i);
        g_autofree char *origin =
            entry->definition ? posada_definition_get_origin (entry->definition, NULL) : NULL;

        if (g_strcmp0 (origin, uuid) == 0) {
            g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_BUSY,
                         "“%s” is based on a snapshot of this machine: make its disks independent, "
                         "or delete it, first",
                         entry->name);
            return FALSE;
        }
    }
    return entries != NULL;
}

/* And not in the trash. */
static gboolean
check_has_origin (PosadaStore *self, PosadaDefinition *definition, GError **error)
{
    g_autofree char *origin = posada_definition_get_origin (definition, NULL);
    g_autofree char *folder = origin ? posada_store_get_machine_folder (self, origin) : NULL;

    if (!folder || g_file_test (folder, G_FILE_TEST_IS_DIR))
        return TRUE;
    g_set_error (
        error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_NOT_FOUND,
        "It is based on a snapshot of a machine that is not there: restore that one first");
    return FALSE;
}

gboolean
posada_store_delete (PosadaStore *self, const char *uuid, char **ret_id, GError **error)
{
    g_autoptr (PosadaLock) all = posada_store_lock_all (self, error);
    g_autoptr (PosadaLock) own = NULL;
    g_autofree char *folder = NULL, *id = NULL, *place = NULL;

    if (!all)
        return FALSE;
    own = posada_store_lock (self, uuid, error);
    if (!own || !check_nobody_needs (self, uuid, error))
        return FALSE;
    folder = posada_store_get_machine_folder (self, uuid);
    id = g_strdup_printf ("%s-%" G_GINT64_FORMAT, uuid, g_get_real_time () / G_USEC_PER_SEC);
    place = posada_store_path (self, "trash", id);
    if (!posada_file_rename (folder, place, posada_store_get_steps (self), error))
        return FALSE;
    if (ret_id)
        *ret_id = g_steal_pointer (&id);
    return TRUE;
}

static PosadaStoreEntry *
find_deleted (PosadaStore *self, const char *id, GError **error)
{
    g_autoptr (GPtrArray) entries = posada_store_scan (self, "trash", error);

    if (!entries)
        return NULL;
    for (unsigned i = 0; i < entries->len; i++) {
        const PosadaStoreEntry *entry = g_ptr_array_index (entries, i);

        if (entry->deleted && g_str_equal (entry->id, id))
            return posada_store_entry_copy (entry);
    }
    g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_NOT_FOUND,
                 "“%.128s” is not in the trash", id);
    return NULL;
}

gboolean
posada_store_restore (PosadaStore *self, const char *id, const char *new_name, GError **error)
{
    g_autoptr (PosadaLock) lock = posada_store_lock_all (self, error);
    g_autoptr (PosadaStoreEntry) entry = lock ? find_deleted (self, id, error) : NULL;
    g_autofree char *place = NULL, *uuid = NULL, *folder = NULL;

    if (!entry)
        return FALSE;
    uuid = g_strndup (id, (gsize) (strrchr (id, '-') - id));
    place = posada_store_path (self, "trash", id);
    folder = posada_store_get_machine_folder (self, uuid);
    if (g_file_test (folder, G_FILE_TEST_EXISTS)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_EXISTS,
                     "There is a machine with the UUID %s already", uuid);
        return FALSE;
    }
    if (entry->definition) {
        if (!check_has_origin (self, entry->definition, error) ||
            !posada_store_check_free (self, new_name ? new_name : entry->name, uuid, error))
            return FALSE;
        if (new_name && (!posada_definition_set_name (entry->definition, new_name, error) ||
                         !posada_store_write (self, place, uuid, entry->definition, error)))
            return FALSE;
    }
    return posada_file_rename (place, folder, posada_store_get_steps (self), error);
}

static int
compare_times (gconstpointer a, gconstpointer b)
{
    const PosadaStoreEntry *first = *(PosadaStoreEntry *const *) a;
    const PosadaStoreEntry *second = *(PosadaStoreEntry *const *) b;

    return (first->deleted < second->deleted) - (first->deleted > second->deleted);
}

GPtrArray *
posada_store_list_trash (PosadaStore *self, GError **error)
{
    GPtrArray *entries = posada_store_scan (self, "trash", error);

    if (entries)
        g_ptr_array_sort (entries, compare_times);
    return entries;
}

gboolean
posada_store_purge (PosadaStore *self, unsigned days, unsigned *ret_n_purged, GError **error)
{
    gint64 before = g_get_real_time () / G_USEC_PER_SEC - (gint64) days * SECONDS_A_DAY;
    g_autoptr (PosadaLock) lock = posada_store_lock_all (self, error);
    g_autoptr (GPtrArray) entries = lock ? posada_store_scan (self, "trash", error) : NULL;
    unsigned n = 0;

    if (!entries)
        return FALSE;
    for (unsigned i = 0; i < entries->len; i++) {
        const PosadaStoreEntry *entry = g_ptr_array_index (entries, i);
        g_autofree char *path = posada_store_path (self, "trash", entry->id);

        if (!entry->deleted || (days && entry->deleted > before))
            continue;
        if (!posada_file_remove_tree (path, error))
            return FALSE;
        n++;
    }
    if (ret_n_purged)
        *ret_n_purged = n;
    return TRUE;
}
