/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How changes are noticed: every change of a machine renames something in, into or out of the one
 * folder machines/, a save by way of a temporary file there. So one watch is enough for any number
 * of machines, and a name like .new-<uuid>.xml that goes away says whose change it was.
 */
#include "store/posada-store.h"

#include <glib/gstdio.h>
#include <string.h>

#include "store/posada-store-error.h"
#include "store/posada-store-internal.h"
#include "store/posada-xml.h"

struct _PosadaStore {
    GObject parent_instance;

    char *folder;
    PosadaSteps steps;
    GFileMonitor *monitor; /* NULL before posada_store_watch () */
};

G_DEFINE_FINAL_TYPE (PosadaStore, posada_store, G_TYPE_OBJECT)
G_DEFINE_BOXED_TYPE (PosadaStoreEntry, posada_store_entry, posada_store_entry_copy,
                     posada_store_entry_free)

enum {
    CHANGED,
    N_SIGNALS
};
static guint signals[N_SIGNALS];

#define UUID_LENGTH 36

PosadaStoreEntry *
posada_store_entry_copy (const PosadaStoreEntry *self)
{
    PosadaStoreEntry *copy = g_new (PosadaStoreEntry, 1);

    *copy = *self;
    copy->id = g_strdup (self->id);
    copy->name = g_strdup (self->name);
    copy->definition = self->definition ? posada_definition_copy (self->definition) : NULL;
    copy->error = self->error ? g_error_copy (self->error) : NULL;
    return copy;
}

void
posada_store_entry_free (PosadaStoreEntry *self)
{
    if (!self)
        return;
    g_free (self->id);
    g_free (self->name);
    g_clear_object (&self->definition);
    g_clear_error (&self->error);
    g_free (self);
}

static void
posada_store_dispose (GObject *object)
{
    PosadaStore *self = POSADA_STORE (object);

    if (self->monitor)
        g_file_monitor_cancel (self->monitor);
    g_clear_object (&self->monitor);
    G_OBJECT_CLASS (posada_store_parent_class)->dispose (object);
}

static void
posada_store_finalize (GObject *object)
{
    PosadaStore *self = POSADA_STORE (object);

    g_clear_pointer (&self->folder, g_free);
    G_OBJECT_CLASS (posada_store_parent_class)->finalize (object);
}

static void
posada_store_class_init (PosadaStoreClass *klass)
{
    G_OBJECT_CLASS (klass)->dispose = posada_store_dispose;
    G_OBJECT_CLASS (klass)->finalize = posada_store_finalize;
    signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                     NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
posada_store_init (PosadaStore *self)
{
}

PosadaStore *
posada_store_new (const char *folder)
{
    PosadaStore *self = g_object_new (POSADA_TYPE_STORE, NULL);

    self->folder = folder ? g_canonicalize_filename (folder, NULL)
                          : g_build_filename (g_get_user_data_dir (), "posada", NULL);
    return self;
}

const char *
posada_store_get_folder (PosadaStore *self)
{
    return self->folder;
}

void
posada_store_set_steps (PosadaStore *self, PosadaStep step, gpointer data)
{
    self->steps = (PosadaSteps) {step, data};
}

const PosadaSteps *
posada_store_get_steps (PosadaStore *self)
{
    return &self->steps;
}

char *
posada_store_path (PosadaStore *self, const char *place, const char *file)
{
    return g_build_filename (self->folder, place, file, NULL);
}

char *
posada_store_get_machine_folder (PosadaStore *self, const char *uuid)
{
    return posada_store_path (self, "machines", uuid);
}

PosadaLock *
posada_store_lock_all (PosadaStore *self, GError **error)
{
    g_autofree char *machines = posada_store_path (self, "machines", NULL);
    g_autofree char *trash = posada_store_path (self, "trash", NULL);
    g_autofree char *lock = posada_store_path (self, "lock", NULL);

    if (!posada_file_make_folder (machines, error) || !posada_file_make_folder (trash, error))
        return NULL;
    return posada_lock_wait (lock, error);
}

gboolean
posada_store_check_uuid (const char *uuid, GError **error)
{
    gboolean lower = TRUE;

    for (const char *at = uuid; *at; at++)
        lower = lower && !g_ascii_isupper (*at);
    if (lower && g_uuid_string_is_valid (uuid))
        return TRUE;
    g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_NOT_FOUND,
                 "There is no machine “%.64s”", uuid);
    return FALSE;
}

PosadaDefinition *
posada_store_read (const char *folder, const char *uuid, GError **error)
{
    g_autofree char *path = g_build_filename (folder, POSADA_STORE_FILE, NULL);
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autofree char *text = NULL, *own = NULL;
    gsize length;

    text = posada_file_read (path, POSADA_XML_MAX_BYTES, &length, error);
    if (!text)
        return NULL;
    definition = posada_definition_new_from_xml (text, (gssize) length, error);
    if (!definition) {
        g_prefix_error (error, "%s: ", path);
        return NULL;
    }
    own = posada_definition_get_uuid (definition);
    if (g_strcmp0 (own, uuid) != 0) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_INVALID,
                     "%s: The <uuid> is not that of its folder", path);
        return NULL;
    }
    return g_steal_pointer (&definition);
}

/* Splits a name of a folder in the trash. */
static gboolean
parse_trash_id (const char *id, char **ret_uuid, gint64 *ret_time)
{
    g_autofree char *uuid = g_strndup (id, UUID_LENGTH);
    guint64 time;

    if (!posada_store_check_uuid (uuid, NULL) || id[UUID_LENGTH] != '-' ||
        !g_ascii_string_to_unsigned (id + UUID_LENGTH + 1, 10, 0, G_MAXINT64, &time, NULL))
        return FALSE;
    *ret_uuid = g_steal_pointer (&uuid);
    *ret_time = (gint64) time;
    return TRUE;
}

static PosadaStoreEntry *
make_entry (PosadaStore *self, const char *place, const char *id)
{
    g_autofree char *folder = posada_store_path (self, place, id), *uuid = NULL;
    g_autoptr (PosadaStoreEntry) entry = g_new0 (PosadaStoreEntry, 1);

    if (posada_store_check_uuid (id, NULL))
        uuid = g_strdup (id);
    else if (!g_str_equal (place, "trash") || !parse_trash_id (id, &uuid, &entry->deleted))
        return NULL;
    entry->id = g_strdup (id);
    entry->definition = posada_store_read (folder, uuid, &entry->error);
    if (entry->definition)
        entry->name = posada_definition_get_name (entry->definition);
    if (!entry->deleted) {
        g_autofree char *lock = g_build_filename (folder, "lock", NULL);
        GStatBuf status;

        entry->holder = posada_store_get_holder (self, id);
        /* Whoever takes the lock writes its number into it. */
        entry->used = g_stat (lock, &status) == 0 ? (gint64) status.st_mtime : 0;
    }
    return g_steal_pointer (&entry);
}

GPtrArray *
posada_store_scan (PosadaStore *self, const char *place, GError **error)
{
    g_autofree char *folder = posada_store_path (self, place, NULL);
    g_autoptr (GPtrArray) entries =
        g_ptr_array_new_with_free_func ((GDestroyNotify) posada_store_entry_free);
    g_autoptr (GError) local_error = NULL;
    g_autoptr (GDir) dir = g_dir_open (folder, 0, &local_error);
    const char *id;

    if (!dir) {
        if (!g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
            g_propagate_error (error, g_steal_pointer (&local_error));
            return NULL;
        }
        return g_steal_pointer (&entries);
    }
    while ((id = g_dir_read_name (dir))) {
        PosadaStoreEntry *entry = make_entry (self, place, id);

        /* Not those that were deleted while we looked. */
        if (entry && g_error_matches (entry->error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) {
            g_autofree char *there = g_build_filename (folder, id, NULL);

            if (!g_file_test (there, G_FILE_TEST_EXISTS))
                g_clear_pointer (&entry, posada_store_entry_free);
        }
        if (entry)
            g_ptr_array_add (entries, entry);
    }
    return g_steal_pointer (&entries);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
    const PosadaStoreEntry *first = *(PosadaStoreEntry *const *) a;
    const PosadaStoreEntry *second = *(PosadaStoreEntry *const *) b;
    int order = !first->name - !second->name;

    if (order == 0 && first->name)
        order = g_utf8_collate (first->name, second->name);
    return order ? order : strcmp (first->id, second->id);
}

GPtrArray *
posada_store_list (PosadaStore *self, GError **error)
{
    GPtrArray *entries = posada_store_scan (self, "machines", error);

    if (entries)
        g_ptr_array_sort (entries, compare_names);
    return entries;
}

PosadaDefinition *
posada_store_load (PosadaStore *self, const char *uuid, GError **error)
{
    g_autofree char *folder = NULL;

    if (!posada_store_check_uuid (uuid, error))
        return NULL;
    folder = posada_store_get_machine_folder (self, uuid);
    if (!g_file_test (folder, G_FILE_TEST_IS_DIR)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_NOT_FOUND,
                     "There is no machine “%s”", uuid);
        return NULL;
    }
    return posada_store_read (folder, uuid, error);
}

/* What two names have in common that cannot be told apart. */
static char *
fold (const char *name)
{
    g_autofree char *normal = g_utf8_normalize (name, -1, G_NORMALIZE_NFKC);
    g_autofree char *folded = g_utf8_casefold (normal ? normal : name, -1);

    return g_strstrip (g_steal_pointer (&folded));
}

PosadaStoreEntry *
posada_store_find (PosadaStore *self, const char *name, GError **error)
{
    g_autoptr (GPtrArray) entries = posada_store_list (self, error);
    g_autofree char *folded = NULL;
    PosadaStoreEntry *found = NULL;
    unsigned matches = 0;

    if (!entries)
        return NULL;
    if (!g_utf8_validate (name, -1, NULL))
        name = "";
    folded = fold (name);
    for (unsigned i = 0; i < entries->len; i++) {
        PosadaStoreEntry *entry = g_ptr_array_index (entries, i);
        g_autofree char *other = entry->name ? fold (entry->name) : NULL;

        if (g_ascii_strcasecmp (entry->id, name) == 0 || g_strcmp0 (entry->name, name) == 0) {
            found = entry;
            matches = 1;
            break;
        }
        if (g_strcmp0 (other, folded) == 0) {
            found = entry;
            matches++;
        }
    }
    if (matches != 1) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_NOT_FOUND,
                     matches ? "More than one machine is called “%.255s”, but for case"
                             : "There is no machine “%.255s”",
                     name);
        return NULL;
    }
    return posada_store_entry_copy (found);
}

gboolean
posada_store_check_free (PosadaStore *self, const char *name, const char *uuid, GError **error)
{
    g_autoptr (GPtrArray) entries = posada_store_scan (self, "machines", error);
    g_autofree char *folded = fold (name);

    if (!entries)
        return FALSE;
    for (unsigned i = 0; i < entries->len; i++) {
        PosadaStoreEntry *entry = g_ptr_array_index (entries, i);
        g_autofree char *other = entry->name ? fold (entry->name) : NULL;

        if (g_strcmp0 (entry->id, uuid) != 0 && g_strcmp0 (other, folded) == 0) {
            g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_EXISTS,
                         "There is a machine “%s” already", entry->name);
            return FALSE;
        }
    }
    return TRUE;
}

char *
posada_store_free_name (PosadaStore *self, const char *wish, GError **error)
{
    g_autoptr (GPtrArray) entries = posada_store_scan (self, "machines", error);
    g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

    if (!entries || !posada_definition_check_name (wish, error))
        return NULL;
    for (unsigned i = 0; i < entries->len; i++) {
        PosadaStoreEntry *entry = g_ptr_array_index (entries, i);

        if (entry->name)
            g_hash_table_add (taken, fold (entry->name));
    }
    for (unsigned i = 1;; i++) {
        g_autofree char *name = i > 1 ? g_strdup_printf ("%s %u", wish, i) : g_strdup (wish);
        g_autofree char *folded = fold (name);

        if (!g_hash_table_contains (taken, folded))
            return posada_definition_check_name (name, error) ? g_steal_pointer (&name) : NULL;
    }
}

/* The machine that a name in machines/ is about. */
static char *
uuid_in (GFile *file)
{
    g_autofree char *name = file ? g_file_get_basename (file) : NULL;
    g_autofree char *uuid = NULL;

    if (!name)
        return NULL;
    uuid = g_strndup (g_str_has_prefix (name, ".new-") ? name + 5 : name, UUID_LENGTH);
    return posada_store_check_uuid (uuid, NULL) ? g_steal_pointer (&uuid) : NULL;
}

static void
monitor_cb (GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
            PosadaStore *self)
{
    g_autofree char *uuid = uuid_in (file);

    /* A file is complete when it is moved; a folder that appears or goes was moved, too. */
    if (event != G_FILE_MONITOR_EVENT_RENAMED && event != G_FILE_MONITOR_EVENT_MOVED_IN &&
        event != G_FILE_MONITOR_EVENT_MOVED_OUT && event != G_FILE_MONITOR_EVENT_DELETED)
        return;
    if (!uuid)
        uuid = uuid_in (other);
    if (uuid)
        g_signal_emit (self, signals[CHANGED], 0, uuid);
}

gboolean
posada_store_watch (PosadaStore *self, GError **error)
{
    g_autofree char *machines = posada_store_path (self, "machines", NULL);
    g_autoptr (GFile) file = g_file_new_for_path (machines);

    if (self->monitor)
        return TRUE;
    if (!posada_file_make_folder (machines, error))
        return FALSE;
    self->monitor = g_file_monitor_directory (file, G_FILE_MONITOR_WATCH_MOVES, NULL, error);
    if (!self->monitor)
        return FALSE;
    g_signal_connect_object (self->monitor, "changed", G_CALLBACK (monitor_cb), self,
                             G_CONNECT_DEFAULT);
    return TRUE;
}

PosadaLock *
posada_store_lock (PosadaStore *self, const char *uuid, GError **error)
{
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autofree char *folder = NULL, *path = NULL, *name = NULL, *what = NULL;

    if (!posada_store_check_uuid (uuid, error))
        return NULL;
    folder = posada_store_get_machine_folder (self, uuid);
    if (!g_file_test (folder, G_FILE_TEST_IS_DIR)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_NOT_FOUND,
                     "There is no machine “%s”", uuid);
        return NULL;
    }
    definition = posada_store_read (folder, uuid, NULL);
    name = definition ? posada_definition_get_name (definition) : g_strdup (uuid);
    what = g_strdup_printf ("The machine “%s”", name);
    path = g_build_filename (folder, "lock", NULL);
    return posada_lock_try (path, what, error);
}

pid_t
posada_store_get_holder (PosadaStore *self, const char *uuid)
{
    g_autofree char *folder = posada_store_get_machine_folder (self, uuid);
    g_autofree char *path = g_build_filename (folder, "lock", NULL);

    return posada_lock_get_holder (path);
}
