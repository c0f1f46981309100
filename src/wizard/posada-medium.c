/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard/posada-medium.h"

#include <glib/gi18n.h>
#include <osinfo/osinfo.h>

G_DEFINE_BOXED_TYPE (PosadaMedium, posada_medium, posada_medium_copy, posada_medium_free)

/* libosinfo says -1 for what it does not know. */
static guint64
known (gint64 value)
{
    return value > 0 ? (guint64) value : 0;
}

static void
take_resources (PosadaMedium *self, OsinfoOs *os)
{
    g_autoptr (OsinfoResourcesList) list = osinfo_os_get_recommended_resources (os);

    for (int i = 0; i < osinfo_list_get_length (OSINFO_LIST (list)); i++) {
        OsinfoResources *resources = OSINFO_RESOURCES (osinfo_list_get_nth (OSINFO_LIST (list), i));
        const char *arch = osinfo_resources_get_architecture (resources);

        if (!g_str_equal (arch, "x86_64") && !g_str_equal (arch, "all"))
            continue;
        self->memory = MAX (self->memory, known (osinfo_resources_get_ram (resources)));
        self->storage = MAX (self->storage, known (osinfo_resources_get_storage (resources)));
        self->cpus = MAX (self->cpus, (guint) known (osinfo_resources_get_n_cpus (resources)));
    }
}

/* Whether there is an El Torito boot record (ISO 9660, sector 17). */
static gboolean
has_boot_record (GFile *file, GError **error)
{
    g_autoptr (GFileInputStream) stream = g_file_read (file, NULL, error);
    char sector[2048];
    gsize n;

    if (!stream)
        return FALSE;
    if (!g_seekable_seek (G_SEEKABLE (stream), 17 * sizeof sector, G_SEEK_SET, NULL, error) ||
        !g_input_stream_read_all (G_INPUT_STREAM (stream), sector, sizeof sector, &n, NULL, error))
        return FALSE;
    if (n == sizeof sector && memcmp (sector + 1, "CD001", 5) == 0 &&
        memcmp (sector + 7, "EL TORITO SPECIFICATION", 23) == 0)
        return TRUE;
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                         _ ("No machine can start from this file: it is not a bootable ISO."));
    return FALSE;
}

static DexFuture *
recognize_cb (gpointer user_data)
{
    GFile *file = user_data;
    g_autofree char *uri = g_file_get_uri (file);
    g_autoptr (OsinfoLoader) loader = osinfo_loader_new ();
    g_autoptr (PosadaMedium) self = g_new0 (PosadaMedium, 1);
    g_autoptr (OsinfoMedia) media = NULL;
    g_autoptr (OsinfoOs) os = NULL;
    GError *error = NULL;

    if (!has_boot_record (file, &error))
        return dex_future_new_for_error (error);
    /* What libosinfo cannot tell is no reason not to install it. */
    media = osinfo_media_create_from_location (uri, NULL, NULL);
    osinfo_loader_process_default_path (loader, NULL);
    if (media && osinfo_db_identify_media (osinfo_loader_get_db (loader), media))
        g_object_get (media, "os", &os, NULL);
    if (os) {
        self->os_name = g_strdup (osinfo_product_get_name (OSINFO_PRODUCT (os)));
        self->os_id = g_strdup (osinfo_entity_get_id (OSINFO_ENTITY (os)));
        take_resources (self, os);
    }
    return dex_future_new_take_boxed (POSADA_TYPE_MEDIUM, g_steal_pointer (&self));
}

PosadaMedium *
posada_medium_copy (const PosadaMedium *self)
{
    PosadaMedium *copy = g_memdup2 (self, sizeof *self);

    copy->os_name = g_strdup (self->os_name);
    copy->os_id = g_strdup (self->os_id);
    return copy;
}

void
posada_medium_free (PosadaMedium *self)
{
    g_free (self->os_name);
    g_free (self->os_id);
    g_free (self);
}

DexFuture *
posada_medium_recognize (GFile *file)
{
    /* A fiber's stack is too small for parsers of XML. */
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 1 << 20, recognize_cb,
                                g_object_ref (file), g_object_unref);
}
