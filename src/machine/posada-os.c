/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cache is a key file with the identifiers as keys, “=” and “[” in them written as %3D and
 * %5B. It is only ever replaced as a whole, so that two processes at most lose a name to each
 * other.
 */
#include "machine/posada-os.h"

#include <gio/gio.h>
#include <osinfo/osinfo.h>

#define GROUP     "names"
#define MAX_NAMES 1000

static char *
get_cache_path (void)
{
    return g_build_filename (g_get_user_cache_dir (), "posada", "os-names", NULL);
}

static char *
read_cache (const char *key)
{
    g_autofree char *path = get_cache_path ();
    g_autoptr (GKeyFile) file = g_key_file_new ();

    if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL))
        return NULL;
    return g_key_file_get_string (file, GROUP, key, NULL);
}

static void
write_cache (const char *key, const char *name)
{
    g_autofree char *path = get_cache_path ();
    g_autofree char *folder = g_path_get_dirname (path);
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_auto (GStrv) keys = NULL;
    gsize n = 0;

    g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, NULL);
    keys = g_key_file_get_keys (file, GROUP, &n, NULL);
    if (keys && n >= MAX_NAMES)
        g_key_file_remove_group (file, GROUP, NULL);
    g_key_file_set_string (file, GROUP, key, name);
    /* Without a cache it only takes longer. */
    g_mkdir_with_parents (folder, 0700);
    g_key_file_save_to_file (file, path, NULL);
}

static char *
ask_libosinfo (const char *os_id)
{
    g_autoptr (OsinfoLoader) loader = osinfo_loader_new ();
    OsinfoOs *os;

    osinfo_loader_process_default_path (loader, NULL);
    os = osinfo_db_get_os (osinfo_loader_get_db (loader), os_id);
    return os ? g_strdup (osinfo_product_get_name (OSINFO_PRODUCT (os))) : NULL;
}

static DexFuture *
find_cb (gpointer data)
{
    /* One at a time: who comes second finds what the first has put into the cache. */
    static GMutex mutex;
    static GHashTable *known;
    const char *os_id = data;
    g_autofree char *key = g_uri_escape_string (os_id, "/:", TRUE);
    g_autofree char *name = NULL;

    g_mutex_lock (&mutex);
    if (!known)
        known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    name = g_strdup (g_hash_table_lookup (known, key));
    if (!name && (name = read_cache (key)) == NULL && (name = ask_libosinfo (os_id)))
        write_cache (key, name);
    if (name && g_hash_table_size (known) < MAX_NAMES)
        g_hash_table_replace (known, g_strdup (key), g_strdup (name));
    g_mutex_unlock (&mutex);
    if (!name)
        return dex_future_new_reject (G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                                      "Nobody knows the system %s", os_id);
    return dex_future_new_take_string (g_steal_pointer (&name));
}

DexFuture *
posada_os_find_name (const char *os_id)
{
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 0, find_cb,
                                g_strdup (os_id), g_free);
}
