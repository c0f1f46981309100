/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-recent.h"

#include <gtk/gtk.h>
#include <string.h>

#define MAX_SHOWN  8
#define MAX_LOOKED 2000 /* of the files in a folder */
#define ATTRIBUTES "standard::name,standard::type,standard::size,time::modified"

/* Recently used files of the right name. GTK's list belongs to the main thread. */
static GPtrArray *
list_used (void)
{
    GPtrArray *uris = g_ptr_array_new_with_free_func (g_free);
    GList *items = gtk_recent_manager_get_items (gtk_recent_manager_get_default ());

    for (GList *item = items; item; item = item->next) {
        const char *uri = gtk_recent_info_get_uri (item->data);
        gsize length = strlen (uri);

        if (length > 4 && g_ascii_strcasecmp (uri + length - 4, ".iso") == 0 &&
            gtk_recent_info_is_local (item->data))
            g_ptr_array_add (uris, g_strdup (uri));
    }
    g_list_free_full (items, (GDestroyNotify) gtk_recent_info_unref);
    return uris;
}

static gint64
get_time (GFileInfo *info)
{
    return (gint64) g_file_info_get_attribute_uint64 (info, G_FILE_ATTRIBUTE_TIME_MODIFIED);
}

static gint
compare (gconstpointer a, gconstpointer b)
{
    gint64 x = get_time (*(GFileInfo *const *) a), y = get_time (*(GFileInfo *const *) b);

    return x < y ? 1 : x > y ? -1 : 0;
}

static gboolean
has (GPtrArray *found, GFile *file)
{
    for (guint i = 0; i < found->len; i++)
        if (g_file_equal (
                G_FILE (g_file_info_get_attribute_object (found->pdata[i], POSADA_RECENT_FILE)),
                file))
            return TRUE;
    return FALSE;
}

static void
take (GPtrArray *found, GFile *file, GFileInfo *info)
{
    const char *name = g_file_info_get_name (info);
    const char *dot = strrchr (name, '.');

    if (g_file_info_get_file_type (info) != G_FILE_TYPE_REGULAR || name[0] == '.' || !dot ||
        g_ascii_strcasecmp (dot, ".iso") != 0 || has (found, file))
        return;
    g_file_info_set_attribute_object (info, POSADA_RECENT_FILE, G_OBJECT (file));
    g_ptr_array_add (found, g_object_ref (info));
}

static void
look_in_downloads (GPtrArray *found)
{
    const char *known = g_get_user_special_dir (G_USER_DIRECTORY_DOWNLOAD);
    g_autofree char *usual = g_build_filename (g_get_home_dir (), "Downloads", NULL);
    g_autoptr (GFile) folder = g_file_new_for_path (known ? known : usual);
    g_autoptr (GFileEnumerator) files =
        g_file_enumerate_children (folder, ATTRIBUTES, G_FILE_QUERY_INFO_NONE, NULL, NULL);
    GFileInfo *info;
    GFile *file;

    for (guint i = 0; files && i < MAX_LOOKED; i++) {
        if (!g_file_enumerator_iterate (files, &info, &file, NULL, NULL) || !info)
            break;
        take (found, file, info);
    }
}

static DexFuture *
find_cb (gpointer data)
{
    GPtrArray *uris = data;
    g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_object_unref);

    look_in_downloads (found);
    for (guint i = 0; i < uris->len; i++) {
        g_autoptr (GFile) file = g_file_new_for_uri (uris->pdata[i]);
        g_autoptr (GFileInfo) info =
            g_file_query_info (file, ATTRIBUTES, G_FILE_QUERY_INFO_NONE, NULL, NULL);

        if (info)
            take (found, file, info);
    }
    g_ptr_array_sort (found, compare);
    if (found->len > MAX_SHOWN)
        g_ptr_array_set_size (found, MAX_SHOWN);
    return dex_future_new_take_boxed (G_TYPE_PTR_ARRAY, g_steal_pointer (&found));
}

DexFuture *
posada_recent_find (void)
{
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 256 << 10, find_cb,
                                list_used (), (GDestroyNotify) g_ptr_array_unref);
}
