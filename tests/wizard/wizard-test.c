/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wizard-test.h"

#include <glib/gstdio.h>
#include <string.h>

#include "tap.h"

const PosadaCapacity some_host = {
    .memory = UINT64_C (8) << 30,
    .free_memory = UINT64_C (6) << 30,
    .free_space = UINT64_C (100) << 30,
    .cpus = 4,
};

struct place
place_new (void)
{
    struct place self = {.folder = g_dir_make_tmp ("posada-wizard-XXXXXX", NULL)};
    g_autofree char *store = g_build_filename (self.folder, "store", NULL);

    CHECK (self.folder != NULL);
    self.store = posada_store_new (store);
    return self;
}

static void
remove_tree (const char *path)
{
    g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name (dir))) {
        g_autofree char *inner = g_build_filename (path, name, NULL);

        if (g_file_test (inner, G_FILE_TEST_IS_DIR) && !g_file_test (inner, G_FILE_TEST_IS_SYMLINK))
            remove_tree (inner);
        else
            g_unlink (inner);
    }
    g_rmdir (path);
}

guint
place_count_remains (const struct place *self)
{
    g_autofree char *machines =
        g_build_filename (posada_store_get_folder (self->store), "machines", NULL);
    const char *const folders[] = {posada_store_get_folder (self->store), machines};
    guint n = 0;

    for (guint i = 0; i < G_N_ELEMENTS (folders); i++) {
        g_autoptr (GDir) dir = g_dir_open (folders[i], 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name (dir)))
            n += name[0] == '.';
    }
    return n;
}

void
place_free (struct place *self)
{
    CHECK_EQUAL (place_count_remains (self), 0);
    g_clear_object (&self->store);
    remove_tree (self->folder);
    g_free (self->folder);
}

char *
place_write (const struct place *self, const char *name, const void *data, gsize length)
{
    char *path = g_build_filename (self->folder, name, NULL);

    CHECK (g_file_set_contents (path, data, (gssize) length, NULL));
    return path;
}

static void
run (const char *const *argv)
{
    g_autofree char *program = g_find_program_in_path (argv[0]);
    g_autofree char *complaints = NULL;
    int status;

    if (!program)
        SKIP ("a tool that makes the image is not here");
    CHECK (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                         &complaints, &status, NULL));
    if (status)
        tap_fail (__FILE__, __LINE__, "%s: %s", argv[0], complaints);
}

char *
place_make_iso (const struct place *self, const char *name, const char *volume, gboolean boot)
{
    char *path = g_build_filename (self->folder, name, NULL);
    g_autofree char *tree = g_build_filename (self->folder, "tree", NULL);
    g_autofree char *image = g_build_filename (tree, "boot.img", NULL);
    g_autofree char *filler = g_malloc0 (1 << 20);
    g_autofree char *file = g_build_filename (tree, "filler", NULL);
    const char *plain[] = {"xorriso", "-as", "mkisofs", "-quiet", "-V",
                           volume,    "-o",  path,      tree,     NULL};
    const char *bootable[] = {"xorriso", "-as",      "mkisofs",
                              "-quiet",  "-V",       volume,
                              "-b",      "boot.img", "-no-emul-boot",
                              "-c",      "catalog",  "-boot-load-size",
                              "4",       "-o",       path,
                              tree,      NULL};

    g_mkdir (tree, 0700);
    CHECK (g_file_set_contents (image, filler, 2048, NULL));
    CHECK (g_file_set_contents (file, filler, 1 << 20, NULL));
    run (boot ? bootable : plain);
    return path;
}

char *
place_make_kernel (const struct place *self, const char *name)
{
    g_autofree char *image = g_malloc0 (4096);

    memcpy (image + 0x1fe, "\x55\xaa", 2);
    memcpy (image + 0x202, "HdrS", 4);
    return place_write (self, name, image, 4096);
}

char *
place_make_image (const struct place *self, const char *name, const char *format)
{
    char *path = g_build_filename (self->folder, name, NULL);
    const char *argv[] = {"qemu-img", "create", "-q", "-f", format, path, "8M", NULL};

    run (argv);
    return path;
}

PosadaDraft *
place_draft (const struct place *self, const char *const *names)
{
    PosadaDraft *draft = posada_draft_new (self->store, names);

    posada_draft_set_capacity (draft, &some_host);
    return draft;
}

static gboolean
has_looked (gpointer data)
{
    return !posada_draft_is_looking (data);
}

void
draft_choose (PosadaDraft *draft, const char *path, PosadaMediumKind kind)
{
    g_autoptr (GFile) file = path ? g_file_new_for_path (path) : NULL;

    posada_draft_set_source (draft, file, kind);
    wait_until (has_looked, draft);
}

void
wait_until (gboolean (*check) (gpointer data), gpointer data)
{
    gint64 end = g_get_monotonic_time () + 30 * G_TIME_SPAN_SECOND;

    while (!check (data)) {
        CHECK (g_get_monotonic_time () < end);
        if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (1000);
    }
}

void
settle (guint ms)
{
    gint64 end = g_get_monotonic_time () + ms * G_TIME_SPAN_MILLISECOND;

    while (g_get_monotonic_time () < end)
        if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (1000);
}
