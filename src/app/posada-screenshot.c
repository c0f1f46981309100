/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "app/posada-screenshot.h"

#include <glib/gi18n.h>

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

/* --- asking --- */

typedef struct {
    DexPromise *promise;
    GdkTexture *texture; /* as it was when it was asked for */
} Ask;

static DexFuture *
written_cb (DexFuture *future, gpointer data)
{
    GError *error = NULL;

    if (dex_future_get_value (future, &error))
        dex_promise_resolve_boolean (data, TRUE);
    else
        dex_promise_reject (data, error);
    return dex_future_new_true ();
}

static void
chosen_cb (GObject *source, GAsyncResult *result, gpointer data)
{
    g_autofree Ask *ask = data;
    g_autoptr (GdkTexture) texture = ask->texture;
    g_autoptr (GFile) file = gtk_file_dialog_save_finish (GTK_FILE_DIALOG (source), result, NULL);

    if (file) {
        dex_future_disown (dex_future_finally (posada_screenshot_write (texture, file), written_cb,
                                               ask->promise, dex_unref));
        return;
    }
    dex_promise_resolve_boolean (ask->promise, FALSE);
    dex_unref (ask->promise);
}

DexFuture *
posada_screenshot_save (GdkTexture *texture, const char *machine_name, GtkWindow *window)
{
    g_autoptr (GtkFileDialog) dialog = gtk_file_dialog_new ();
    g_autofree char *name = posada_screenshot_make_name (machine_name);
    const char *folder = g_get_user_special_dir (G_USER_DIRECTORY_PICTURES);
    Ask *ask = g_new0 (Ask, 1);

    gtk_file_dialog_set_title (dialog, _ ("Save Screenshot"));
    gtk_file_dialog_set_initial_name (dialog, name);
    if (folder) {
        g_autoptr (GFile) file = g_file_new_for_path (folder);

        gtk_file_dialog_set_initial_folder (dialog, file);
    }
    ask->promise = dex_promise_new ();
    ask->texture = g_object_ref (texture);
    gtk_file_dialog_save (dialog, window, NULL, chosen_cb, ask);
    return DEX_FUTURE (dex_ref (ask->promise));
}
