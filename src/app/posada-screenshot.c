/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-screenshot.h"

typedef struct {
    GdkTexture *texture;
    GFile *file;
} Write;

static void
write_free (gpointer data)
{
    Write *self = data;

    g_object_unref (self->texture);
    g_object_unref (self->file);
    g_free (self);
}

static DexFuture *
write_cb (gpointer data)
{
    Write *self = data;
    g_autoptr (GBytes) bytes = gdk_texture_save_to_png_bytes (self->texture);
    GError *error = NULL;
    gsize length;
    const char *png = g_bytes_get_data (bytes, &length);

    if (!g_file_replace_contents (self->file, png, length, NULL, FALSE, G_FILE_CREATE_NONE, NULL,
                                  NULL, &error))
        return dex_future_new_for_error (error);
    return dex_future_new_true ();
}

char *
posada_screenshot_make_name (const char *machine_name)
{
    g_autoptr (GDateTime) now = g_date_time_new_now_local ();
    g_autofree char *time = g_date_time_format (now, "%Y-%m-%d %H-%M-%S");
    g_autofree char *name = g_strdup (machine_name);

    g_strdelimit (name, "/\\:*?\"<>|", '-');
    return g_strdup_printf ("%s %s.png", name, time);
}

DexFuture *
posada_screenshot_write (GdkTexture *texture, GFile *file)
{
    Write *self = g_new0 (Write, 1);

    self->texture = g_object_ref (texture);
    self->file = g_object_ref (file);
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 0, write_cb, self,
                                write_free);
}
