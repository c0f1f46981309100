/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine draws when it is asked for a frame, so each turn has two halves: ask, and look a
 * moment later. A machine that has drawn nothing since is not written again.
 */
#include "app/posada-thumbnailer.h"

#include <glib/gi18n.h>

#define PERIOD_SECONDS 4
#define DRAW_MS        150 /* what a machine is given to draw after it was asked */

struct _PosadaThumbnailer {
    GObject parent_instance;

    PosadaLibrary *library;
    guint period, look;
};

#define STORED "posada-stored-thumbnail" /* which one a machine that is off shows, if any */

G_DEFINE_FINAL_TYPE (PosadaThumbnailer, posada_thumbnailer, G_TYPE_OBJECT)

typedef struct {
    GBytes *pixels; /* 0xFFRRGGBB */
    guint width, height;
    guint new_width, new_height; /* 0: as it is */
    char *path;                  /* where to keep it, or NULL */
} Picture;

static void
picture_free (gpointer data)
{
    Picture *picture = data;

    g_bytes_unref (picture->pixels);
    g_free (picture->path);
    g_free (picture);
}

/* --- on another thread --- */

/* The average of the pixels that fall into one. */
static guint32
average (const guint32 *pixels, guint stride, guint x, guint y, guint right, guint bottom)
{
    guint64 red = 0, green = 0, blue = 0, n = (guint64) (right - x) * (bottom - y);

    for (guint row = y; row < bottom; row++)
        for (guint column = x; column < right; column++) {
            guint32 pixel = pixels[(gsize) row * stride + column];

            red += pixel >> 16 & 0xff;
            green += pixel >> 8 & 0xff;
            blue += pixel & 0xff;
        }
    return 0xff000000u | (guint32) (red / n) << 16 | (guint32) (green / n) << 8 |
           (guint32) (blue / n);
}

static GBytes *
shrink (const Picture *picture)
{
    const guint32 *from = g_bytes_get_data (picture->pixels, NULL);
    guint width = picture->new_width, height = picture->new_height;
    guint32 *to = g_new (guint32, (gsize) width * height);

    for (guint y = 0; y < height; y++)
        for (guint x = 0; x < width; x++)
            to[(gsize) y * width + x] = average (
                from, picture->width, x * picture->width / width, y * picture->height / height,
                MAX ((x + 1) * picture->width / width, x * picture->width / width + 1),
                MAX ((y + 1) * picture->height / height, y * picture->height / height + 1));
    return g_bytes_new_take (to, (gsize) width * height * 4);
}

static GdkTexture *
make_texture (const Picture *picture)
{
    g_autoptr (GBytes) pixels =
        picture->new_width ? shrink (picture) : g_bytes_ref (picture->pixels);
    guint width = picture->new_width ? picture->new_width : picture->width;
    guint height = picture->new_width ? picture->new_height : picture->height;

    /* Words of the host, which is little-endian wherever KVM is. */
    return gdk_memory_texture_new ((int) width, (int) height, GDK_MEMORY_B8G8R8X8, pixels,
                                   (gsize) width * 4);
}

static DexFuture *
thumbnail_cb (gpointer data)
{
    const Picture *picture = data;
    g_autoptr (GdkTexture) texture = make_texture (picture);
    g_autoptr (GBytes) png = picture->path ? gdk_texture_save_to_png_bytes (texture) : NULL;

    /* A disk that is full costs the picture, and nothing else. */
    if (png)
        g_file_set_contents_full (picture->path, g_bytes_get_data (png, NULL),
                                  (gssize) g_bytes_get_size (png), G_FILE_SET_CONTENTS_CONSISTENT,
                                  0600, NULL);
    return dex_future_new_take_object (g_steal_pointer (&texture));
}

static DexFuture *
screenshot_cb (gpointer data)
{
    g_autoptr (GdkTexture) texture = make_texture (data);

    return dex_future_new_take_boxed (G_TYPE_BYTES, gdk_texture_save_to_png_bytes (texture));
}

/* --- on the main thread --- */

static Picture *
picture_new (PosadaMachine *machine)
{
    PosadaDisplay *display = posada_machine_get_display (machine);
    Picture *picture;
    guint width, height;
    GBytes *pixels = display ? posada_display_capture (display, &width, &height) : NULL;

    if (!pixels)
        return NULL;
    picture = g_new0 (Picture, 1);
    picture->pixels = pixels;
    picture->width = width;
    picture->height = height;
    return picture;
}

static void
set_small_size (Picture *picture)
{
    double scale = MIN (1, MIN ((double) POSADA_THUMBNAIL_WIDTH / picture->width,
                                (double) POSADA_THUMBNAIL_HEIGHT / picture->height));

    picture->new_width = MAX (1, (guint) (picture->width * scale));
    picture->new_height = MAX (1, (guint) (picture->height * scale));
}

static DexFuture *
taken_cb (DexFuture *future, gpointer user_data)
{
    PosadaMachine *machine = user_data;

    if (posada_machine_get_display (machine))
        posada_machine_set_thumbnail (machine,
                                      g_value_get_object (dex_future_get_value (future, NULL)));
    return dex_future_new_true ();
}

static void
take (PosadaThumbnailer *self, PosadaMachine *machine)
{
    PosadaStore *store = posada_library_get_store (self->library);
    Picture *picture = picture_new (machine);

    if (!picture)
        return;
    set_small_size (picture);
    if (store) {
        g_autofree char *folder =
            posada_store_get_machine_folder (store, posada_machine_get_id (machine));

        picture->path = g_build_filename (folder, POSADA_THUMBNAIL_FILE, NULL);
    }
    dex_future_disown (
        dex_future_then (dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 0,
                                              thumbnail_cb, picture, picture_free),
                         taken_cb, g_object_ref (machine), g_object_unref));
}

static void
for_each (PosadaThumbnailer *self, void (*function) (PosadaThumbnailer *, PosadaMachine *))
{
    GListModel *machines = G_LIST_MODEL (posada_library_get_machines (self->library));

    for (guint i = 0; i < g_list_model_get_n_items (machines); i++) {
        g_autoptr (PosadaMachine) machine = g_list_model_get_item (machines, i);

        function (self, machine);
    }
}

/* --- of machines that are off --- */

static DexFuture *
read_cb (gpointer data)
{
    const char *const *paths = data;

    for (; *paths; paths++) {
        GdkTexture *texture = gdk_texture_new_from_filename (*paths, NULL);

        if (texture)
            return dex_future_new_take_object (texture);
    }
    return dex_future_new_reject (G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "there is none");
}

static DexFuture *
stored_cb (DexFuture *future, gpointer user_data)
{
    PosadaMachine *machine = user_data;
    const GValue *value = dex_future_get_value (future, NULL);

    if (!posada_machine_get_display (machine))
        posada_machine_set_thumbnail (machine, value ? g_value_get_object (value) : NULL);
    return dex_future_new_true ();
}

/* The screen it was saved with, or the last one there was. */
static void
show_stored (PosadaThumbnailer *self, PosadaMachine *machine)
{
    PosadaStore *store = posada_library_get_store (self->library);
    gboolean saved = posada_machine_get_saved (machine);
    gpointer which = GUINT_TO_POINTER (saved ? 2 : 1);
    g_autoptr (GStrvBuilder) paths = NULL;
    g_autofree char *folder = NULL;

    if (!store) {
        posada_machine_set_thumbnail (machine, NULL);
        return;
    }
    if (g_object_get_data (G_OBJECT (machine), STORED) == which)
        return;
    g_object_set_data (G_OBJECT (machine), STORED, which);
    paths = g_strv_builder_new ();
    folder = posada_store_get_machine_folder (store, posada_machine_get_id (machine));
    if (saved)
        g_strv_builder_take (paths,
                             g_build_filename (folder, "snapshots", "saved", "screen.png", NULL));
    g_strv_builder_take (paths, g_build_filename (folder, POSADA_THUMBNAIL_FILE, NULL));
    dex_future_disown (dex_future_finally (
        dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 0, read_cb,
                             g_strv_builder_end (paths), (GDestroyNotify) g_strfreev),
        stored_cb, g_object_ref (machine), g_object_unref));
}

static void
saved_changed_cb (PosadaThumbnailer *self, GParamSpec *pspec, PosadaMachine *machine)
{
    if (!posada_machine_get_display (machine))
        show_stored (self, machine);
}

static void
follow (PosadaThumbnailer *self, PosadaMachine *machine)
{
    if (g_signal_handler_find (machine, G_SIGNAL_MATCH_DATA, 0, 0, NULL, NULL, self) == 0)
        g_signal_connect_object (machine, "notify::saved", G_CALLBACK (saved_changed_cb), self,
                                 G_CONNECT_SWAPPED);
    if (!posada_machine_get_display (machine))
        show_stored (self, machine);
}

static void
machines_changed_cb (PosadaThumbnailer *self, guint position, guint removed, guint added,
                     GListModel *machines)
{
    for (guint i = 0; i < added; i++) {
        g_autoptr (PosadaMachine) machine = g_list_model_get_item (machines, position + i);

        follow (self, machine);
    }
}

/* --- of those that are on --- */

static void
ask_or_forget (PosadaThumbnailer *self, PosadaMachine *machine)
{
    PosadaDisplay *display = posada_machine_get_display (machine);

    if (!display) {
        show_stored (self, machine);
        return;
    }
    g_object_set_data (G_OBJECT (machine), STORED, NULL);
    posada_display_request_frame (display);
}

static gboolean
look_cb (gpointer data)
{
    PosadaThumbnailer *self = data;

    self->look = 0;
    for_each (self, take);
    return G_SOURCE_REMOVE;
}

static gboolean
period_cb (gpointer data)
{
    posada_thumbnailer_take (data);
    return G_SOURCE_CONTINUE;
}

/* Nothing is looked at while nothing runs. */
static void
running_changed_cb (PosadaThumbnailer *self)
{
    gboolean running = posada_library_count_running (self->library) > 0;

    if (running && self->period == 0)
        self->period = g_timeout_add_seconds (PERIOD_SECONDS, period_cb, self);
    else if (!running)
        g_clear_handle_id (&self->period, g_source_remove);
    posada_thumbnailer_take (self);
}

static void
posada_thumbnailer_dispose (GObject *object)
{
    PosadaThumbnailer *self = POSADA_THUMBNAILER (object);

    g_clear_handle_id (&self->period, g_source_remove);
    g_clear_handle_id (&self->look, g_source_remove);
    g_clear_object (&self->library);
    G_OBJECT_CLASS (posada_thumbnailer_parent_class)->dispose (object);
}

static void
posada_thumbnailer_class_init (PosadaThumbnailerClass *klass)
{
    G_OBJECT_CLASS (klass)->dispose = posada_thumbnailer_dispose;
}

static void
posada_thumbnailer_init (PosadaThumbnailer *self)
{
}

PosadaThumbnailer *
posada_thumbnailer_new (PosadaLibrary *library)
{
    PosadaThumbnailer *self = g_object_new (POSADA_TYPE_THUMBNAILER, NULL);

    g_return_val_if_fail (POSADA_IS_LIBRARY (library), NULL);

    self->library = g_object_ref (library);
    g_signal_connect_object (library, "running-changed", G_CALLBACK (running_changed_cb), self,
                             G_CONNECT_SWAPPED);
    g_signal_connect_object (posada_library_get_machines (library), "items-changed",
                             G_CALLBACK (machines_changed_cb), self, G_CONNECT_SWAPPED);
    for_each (self, follow);
    return self;
}

void
posada_thumbnailer_take (PosadaThumbnailer *self)
{
    g_return_if_fail (POSADA_IS_THUMBNAILER (self));

    for_each (self, ask_or_forget);
    if (self->look == 0)
        self->look = g_timeout_add (DRAW_MS, look_cb, self);
}

static DexFuture *
drawn_cb (DexFuture *future, gpointer user_data)
{
    PosadaMachine *machine = user_data;
    Picture *picture = picture_new (machine);

    if (!picture)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE,
                                      _ ("“%s” shows nothing now."),
                                      posada_machine_get_name (machine));
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), 0, screenshot_cb, picture,
                                picture_free);
}

DexFuture *
posada_screenshot_take (PosadaMachine *machine)
{
    PosadaDisplay *display = posada_machine_get_display (machine);

    if (display)
        posada_display_request_frame (display);
    return dex_future_finally (dex_timeout_new_msec (DRAW_MS), drawn_cb, g_object_ref (machine),
                               g_object_unref);
}
