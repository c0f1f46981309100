/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making and changing machines. Whatever is half done has a name that starts with .new- in
 * machines/, and is made only by the holder of the store's lock: who has the lock and finds such a
 * thing may remove it, its maker is dead.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "store/posada-store-error.h"
#include "store/posada-store-internal.h"

static void
remove_remains (PosadaStore *self)
{
    g_autofree char *machines = posada_store_path (self, "machines", NULL);
    g_autoptr (GDir) dir = g_dir_open (machines, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name (dir)))
        if (g_str_has_prefix (name, ".new-")) {
            g_autofree char *path = g_build_filename (machines, name, NULL);

            posada_file_remove_tree (path, NULL);
        }
}

gboolean
posada_store_write (PosadaStore *self, const char *folder, const char *uuid,
                    PosadaDefinition *definition, GError **error)
{
    g_autofree char *parent = g_path_get_dirname (folder);
    g_autofree char *file = g_strdup_printf (".new-%s.xml", uuid);
    g_autofree char *temporary = g_build_filename (parent, file, NULL);
    g_autofree char *path = g_build_filename (folder, POSADA_STORE_FILE, NULL);
    g_autofree char *xml = posada_definition_to_xml (definition);

    if (posada_file_write (temporary, xml, posada_store_get_steps (self), error) &&
        posada_file_rename (temporary, path, posada_store_get_steps (self), error))
        return TRUE;
    g_unlink (temporary);
    return FALSE;
}

static gboolean
fill_folder (PosadaStore *self, const char *folder, PosadaDefinition *definition,
             PosadaStoreFill fill, gpointer data, GError **error)
{
    g_autofree char *path = g_build_filename (folder, POSADA_STORE_FILE, NULL);
    g_autofree char *xml = posada_definition_to_xml (definition);

    posada_steps_take (posada_store_get_steps (self), "make folder");
    if (g_mkdir (folder, 0700) < 0)
        return posada_file_fail (error, errno, folder, "made");
    if (fill && !fill (folder, data, error))
        return FALSE;
    return posada_file_write (path, xml, posada_store_get_steps (self), error) &&
           posada_file_sync_folder (folder, error);
}

gboolean
posada_store_create (PosadaStore *self, PosadaDefinition *definition, PosadaStoreFill fill,
                     gpointer data, GError **error)
{
    g_autofree char *name = posada_definition_get_name (definition);
    g_autofree char *uuid = posada_definition_get_uuid (definition);
    g_autofree char *folder = NULL, *temporary = NULL, *file = NULL;
    g_autoptr (PosadaLock) lock = posada_store_lock_all (self, error);

    if (!lock || !posada_store_check_free (self, name, NULL, error))
        return FALSE;
    remove_remains (self);
    if (!uuid) {
        uuid = g_uuid_string_random ();
        posada_definition_set_uuid (definition, uuid, NULL);
    }
    if (posada_definition_get_created (definition) == 0)
        posada_definition_set_created (definition, g_get_real_time () / G_USEC_PER_SEC, NULL);
    folder = posada_store_get_machine_folder (self, uuid);
    if (g_file_test (folder, G_FILE_TEST_EXISTS)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_EXISTS,
                     "There is a machine with the UUID %s already", uuid);
        return FALSE;
    }
    file = g_strdup_printf (".new-%s", uuid);
    temporary = posada_store_path (self, "machines", file);
    if (fill_folder (self, temporary, definition, fill, data, error) &&
        posada_file_rename (temporary, folder, posada_store_get_steps (self), error))
        return TRUE;
    posada_file_remove_tree (temporary, NULL);
    return FALSE;
}

/* With the store's lock held. */
static gboolean
save (PosadaStore *self, PosadaDefinition *definition, GError **error)
{
    g_autofree char *name = posada_definition_get_name (definition), *old_name = NULL;
    g_autofree char *uuid = posada_definition_get_uuid (definition), *folder = NULL;
    g_autoptr (PosadaDefinition) old = NULL;

    if (!uuid || !posada_store_check_uuid (uuid, NULL)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_NOT_FOUND,
                     "The machine “%s” has no UUID", name);
        return FALSE;
    }
    folder = posada_store_get_machine_folder (self, uuid);
    if (!g_file_test (folder, G_FILE_TEST_IS_DIR)) {
        g_set_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_NOT_FOUND,
                     "There is no machine “%s” any more", name);
        return FALSE;
    }
    /* Two that always had one name, by somebody's hand, may be saved all the same. */
    old = posada_store_read (folder, uuid, NULL);
    old_name = old ? posada_definition_get_name (old) : NULL;
    if (g_strcmp0 (name, old_name) != 0 && !posada_store_check_free (self, name, uuid, error))
        return FALSE;
    remove_remains (self);
    return posada_store_write (self, folder, uuid, definition, error);
}

gboolean
posada_store_save (PosadaStore *self, PosadaDefinition *definition, GError **error)
{
    g_autoptr (PosadaLock) lock = posada_store_lock_all (self, error);

    return lock && save (self, definition, error);
}

gboolean
posada_store_rename (PosadaStore *self, const char *uuid, const char *name, GError **error)
{
    g_autoptr (PosadaLock) lock = posada_store_lock_all (self, error);
    g_autoptr (PosadaDefinition) definition = NULL;

    if (!lock)
        return FALSE;
    definition = posada_store_load (self, uuid, error);
    return definition && posada_definition_set_name (definition, name, error) &&
           save (self, definition, error);
}
