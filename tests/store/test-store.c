/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tap.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/posada-store-async.h"
#include "store/posada-store-error.h"
#include "store/posada-store-internal.h"
#include "store/posada-store.h"

typedef struct {
    char *folder;
    PosadaStore *store;
} Rig;

static void
rig_clear (Rig *rig)
{
    if (rig->store)
        g_assert_finalize_object (rig->store);
    posada_file_remove_tree (rig->folder, NULL);
    g_free (rig->folder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Rig, rig_clear)

static void
rig_init (Rig *rig)
{
    rig->folder = g_dir_make_tmp ("posada-store-XXXXXX", NULL);
    rig->store = posada_store_new (rig->folder);
}

/* Makes a machine and returns its UUID. */
static char *
make (Rig *rig, const char *name)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new (name, NULL);
    g_autoptr (GError) error = NULL;

    if (!posada_store_create (rig->store, definition, NULL, NULL, &error))
        tap_fail (__FILE__, __LINE__, "%s", error->message);
    return posada_definition_get_uuid (definition);
}

static unsigned
count (GPtrArray *list)
{
    unsigned n;

    CHECK (list);
    n = list->len;
    g_ptr_array_unref (list);
    return n;
}

static void
put (Rig *rig, const char *uuid, const char *text)
{
    g_autofree char *folder = posada_store_get_machine_folder (rig->store, uuid);
    g_autofree char *path = g_build_filename (folder, "machine.xml", NULL);

    g_mkdir_with_parents (folder, 0700);
    CHECK (g_file_set_contents (path, text, -1, NULL));
}

TEST (what_is_made_is_found_again)
{
    g_auto (Rig) rig = {0};
    g_autofree char *uuid = NULL, *folder = NULL, *name = NULL;
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autoptr (PosadaStoreEntry) by_name = NULL, by_case = NULL, by_uuid = NULL;
    struct stat status;

    rig_init (&rig);
    CHECK_EQUAL (count (posada_store_list (rig.store, NULL)), 0);
    uuid = make (&rig, "One");
    definition = posada_store_load (rig.store, uuid, NULL);
    CHECK (definition);
    name = posada_definition_get_name (definition);
    CHECK_STRING (name, "One");
    CHECK (posada_definition_get_created (definition) > 0);
    by_name = posada_store_find (rig.store, "One", NULL);
    by_case = posada_store_find (rig.store, "oNE", NULL);
    by_uuid = posada_store_find (rig.store, uuid, NULL);
    CHECK (by_name && by_case && by_uuid);
    CHECK (!posada_store_find (rig.store, "Two", NULL));
    CHECK (!posada_store_load (rig.store, "../../etc", NULL));
    folder = posada_store_get_machine_folder (rig.store, uuid);
    CHECK_EQUAL (stat (folder, &status), 0);
    CHECK_EQUAL (status.st_mode & 0777, 0700);
    CHECK_EQUAL (stat (rig.folder, &status), 0);
    CHECK_EQUAL (status.st_mode & 0777, 0700);
}

TEST (names_differ_in_more_than_case)
{
    g_auto (Rig) rig = {0};
    g_autofree char *uuid = NULL, *other = NULL, *free_name = NULL;
    g_autoptr (PosadaDefinition) second = posada_definition_new ("GRÜN", NULL);
    g_autoptr (GError) error = NULL;

    rig_init (&rig);
    uuid = make (&rig, "Grün");
    CHECK (!posada_store_create (rig.store, second, NULL, NULL, &error));
    CHECK (g_error_matches (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_EXISTS));
    CHECK_CONTAINS (error->message, "Grün");
    free_name = posada_store_free_name (rig.store, "grün", NULL);
    CHECK_STRING (free_name, "grün 2");
    other = make (&rig, "Other");
    CHECK (!posada_store_rename (rig.store, other, "grün", NULL));
    CHECK (posada_store_rename (rig.store, uuid, "GRÜN", NULL));
    CHECK (posada_store_rename (rig.store, other, "Grün 2", NULL));
}

TEST (a_uuid_is_taken_once)
{
    g_auto (Rig) rig = {0};
    g_autofree char *uuid = NULL;
    g_autoptr (PosadaDefinition) second = posada_definition_new ("B", NULL);

    rig_init (&rig);
    uuid = make (&rig, "A");
    CHECK (posada_definition_set_uuid (second, uuid, NULL));
    CHECK (!posada_store_create (rig.store, second, NULL, NULL, NULL));
    CHECK_EQUAL (count (posada_store_list (rig.store, NULL)), 1);
}

TEST (broken_machines_hide_no_others_and_can_be_deleted)
{
    static const char *const uuids[] = {
        "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002",
        "00000000-0000-4000-8000-000000000003", "00000000-0000-4000-8000-000000000004"};
    g_auto (Rig) rig = {0};
    g_autofree char *uuid = NULL, *loose = NULL, *empty = NULL, *link = NULL;
    g_autoptr (GPtrArray) list = NULL;

    rig_init (&rig);
    uuid = make (&rig, "Good");
    put (&rig, uuids[0], "<domain");
    put (&rig, uuids[1], "<!DOCTYPE d><domain/>");
    put (&rig, uuids[2],
         "<domain type='kvm'><name>Wrong UUID</name><memory>65536</memory>"
         "<os><type>hvm</type></os></domain>");
    empty = posada_store_get_machine_folder (rig.store, uuids[3]);
    g_mkdir (empty, 0700);
    loose = posada_store_get_machine_folder (rig.store, "notes.txt");
    CHECK (g_file_set_contents (loose, "x", 1, NULL));
    link = g_build_filename (empty, "machine.xml", NULL);
    CHECK_EQUAL (mkfifo (link, 0600), 0);

    list = posada_store_list (rig.store, NULL);
    CHECK_EQUAL (list->len, 5);
    for (unsigned i = 0; i < list->len; i++) {
        const PosadaStoreEntry *entry = g_ptr_array_index (list, i);

        CHECK (i == 0 ? !entry->error && entry->definition : entry->error && !entry->definition);
        if (i > 0)
            CHECK (posada_store_delete (rig.store, entry->id, NULL, NULL));
    }
    CHECK_EQUAL (count (posada_store_list (rig.store, NULL)), 1);
    CHECK_EQUAL (count (posada_store_list_trash (rig.store, NULL)), 4);
}

TEST (delete_can_be_undone)
{
    g_auto (Rig) rig = {0};
    g_autofree char *uuid = NULL, *id = NULL, *disk = NULL, *folder = NULL;
    g_autoptr (PosadaDefinition) definition = NULL;

    rig_init (&rig);
    uuid = make (&rig, "Gone");
    folder = posada_store_get_machine_folder (rig.store, uuid);
    disk = g_build_filename (folder, "disk.raw", NULL);
    CHECK (g_file_set_contents (disk, "data", 4, NULL));
    CHECK (posada_store_delete (rig.store, uuid, &id, NULL));
    CHECK_EQUAL (count (posada_store_list (rig.store, NULL)), 0);
    CHECK (!posada_store_load (rig.store, uuid, NULL));
    CHECK (!posada_store_delete (rig.store, uuid, NULL, NULL));
    CHECK (posada_store_restore (rig.store, id, NULL, NULL));
    definition = posada_store_load (rig.store, uuid, NULL);
    CHECK (definition);
    CHECK (g_file_test (disk, G_FILE_TEST_EXISTS));
    CHECK (!posada_store_restore (rig.store, id, NULL, NULL));
}

TEST (restoring_minds_names_taken_meanwhile)
{
    g_auto (Rig) rig = {0};
    g_autofree char *first = NULL, *second = NULL, *id = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaStoreEntry) entry = NULL;

    rig_init (&rig);
    first = make (&rig, "Name");
    CHECK (posada_store_delete (rig.store, first, &id, NULL));
    second = make (&rig, "name");
    CHECK (!posada_store_restore (rig.store, id, NULL, &error));
    CHECK (g_error_matches (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_EXISTS));
    CHECK (posada_store_restore (rig.store, id, "Name 2", NULL));
    entry = posada_store_find (rig.store, "Name 2", NULL);
    CHECK_STRING (entry->id, first);
}

TEST (purging_is_final_and_follows_no_links)
{
    g_auto (Rig) rig = {0};
    g_autofree char *uuid = NULL, *id = NULL, *folder = NULL, *outside = NULL, *inside = NULL;
    unsigned n = 7;

    rig_init (&rig);
    outside = g_build_filename (rig.folder, "outside", NULL);
    g_mkdir (outside, 0700);
    uuid = make (&rig, "Gone");
    folder = posada_store_get_machine_folder (rig.store, uuid);
    inside = g_build_filename (folder, "link", NULL);
    CHECK_EQUAL (symlink (outside, inside), 0);
    CHECK (posada_store_delete (rig.store, uuid, &id, NULL));
    CHECK (posada_store_purge (rig.store, 30, &n, NULL));
    CHECK_EQUAL (n, 0);
    CHECK (posada_store_purge (rig.store, 0, &n, NULL));
    CHECK_EQUAL (n, 1);
    CHECK (g_file_test (outside, G_FILE_TEST_IS_DIR));
    CHECK (!posada_store_restore (rig.store, id, NULL, NULL));
    CHECK (!posada_store_restore (rig.store, "../machines", NULL, NULL));
}

static gboolean
fill_cb (const char *folder, gpointer data, GError **error)
{
    g_autofree char *path = g_build_filename (folder, "disk.raw", NULL);

    g_file_set_contents (path, "disk", 4, NULL);
    if (data)
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "no space for it");
    return data == NULL;
}

TEST (a_machine_that_cannot_be_filled_leaves_nothing)
{
    g_auto (Rig) rig = {0};
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("Full", NULL);
    g_autoptr (GError) error = NULL;
    g_autofree char *machines = NULL, *uuid = NULL, *folder = NULL, *disk = NULL;
    g_autoptr (GDir) dir = NULL;

    rig_init (&rig);
    CHECK (!posada_store_create (rig.store, definition, fill_cb, &rig, &error));
    CHECK_STRING (error->message, "no space for it");
    machines = posada_store_get_machine_folder (rig.store, NULL);
    dir = g_dir_open (machines, 0, NULL);
    CHECK (dir && !g_dir_read_name (dir));
    CHECK (posada_store_create (rig.store, definition, fill_cb, NULL, NULL));
    uuid = posada_definition_get_uuid (definition);
    folder = posada_store_get_machine_folder (rig.store, uuid);
    disk = g_build_filename (folder, "disk.raw", NULL);
    CHECK (g_file_test (disk, G_FILE_TEST_EXISTS));
}

/* --- crashes --- */

static void
crash_cb (const char *step, gpointer data)
{
    unsigned *left = data;

    if ((*left)-- == 0)
        _exit (42);
}

/* Runs @work in another process that dies before its step number @n. FALSE: it came through. */
static gboolean
dies_at (const char *folder, unsigned n, void (*work) (PosadaStore *store, const char *uuid),
         const char *uuid)
{
    pid_t child;
    int status;

    fflush (stdout);
    child = fork ();
    if (child == 0) {
        PosadaStore *store = posada_store_new (folder);

        posada_store_set_steps (store, crash_cb, &n);
        work (store, uuid);
        _exit (0);
    }
    CHECK (waitpid (child, &status, 0) == child && WIFEXITED (status));
    CHECK (WEXITSTATUS (status) == 0 || WEXITSTATUS (status) == 42);
    return WEXITSTATUS (status) == 42;
}

static void
save_work (PosadaStore *store, const char *uuid)
{
    g_autoptr (PosadaDefinition) definition = posada_store_load (store, uuid, NULL);

    posada_definition_set_title (definition, "new", NULL);
    if (!posada_store_save (store, definition, NULL))
        _exit (1);
}

TEST (a_save_that_dies_leaves_the_old_or_the_new)
{
    g_auto (Rig) rig = {0};
    g_autofree char *uuid = NULL;
    gboolean seen_old = FALSE, seen_new = FALSE;
    unsigned n = 0;

    rig_init (&rig);
    uuid = make (&rig, "M");
    for (gboolean died = TRUE; died; n++) {
        g_autoptr (PosadaDefinition) definition = NULL;
        g_autofree char *title = NULL;

        died = dies_at (rig.folder, n, save_work, uuid);
        definition = posada_store_load (rig.store, uuid, NULL);
        CHECK (definition);
        title = posada_definition_get_title (definition);
        CHECK (!title || strcmp (title, "new") == 0);
        seen_old = seen_old || !title;
        seen_new = seen_new || title;
        CHECK_EQUAL (count (posada_store_list (rig.store, NULL)), 1);
    }
    CHECK (seen_old && seen_new);
    CHECK (n > 5);
}

static void
create_work (PosadaStore *store, const char *uuid)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("M", NULL);

    if (!posada_store_create (store, definition, fill_cb, NULL, NULL))
        _exit (1);
}

TEST (a_machine_half_made_is_none_and_is_cleared_away)
{
    g_auto (Rig) rig = {0};
    unsigned n = 0;

    rig_init (&rig);
    for (; dies_at (rig.folder, n, create_work, NULL); n++) {
        g_autoptr (GPtrArray) list = posada_store_list (rig.store, NULL);

        CHECK (list && list->len <= 1);
        for (unsigned i = 0; i < list->len; i++) {
            const PosadaStoreEntry *entry = g_ptr_array_index (list, i);

            CHECK (entry->definition);
            CHECK (posada_store_delete (rig.store, entry->id, NULL, NULL));
        }
    }
    CHECK (n > 5);
    {
        g_autofree char *machines = posada_store_get_machine_folder (rig.store, NULL);
        g_autoptr (GDir) dir = g_dir_open (machines, 0, NULL);
        const char *name = g_dir_read_name (dir);

        CHECK (name && !g_str_has_prefix (name, "."));
        CHECK (!g_dir_read_name (dir));
    }
}

static void
delete_work (PosadaStore *store, const char *uuid)
{
    if (!posada_store_delete (store, uuid, NULL, NULL))
        _exit (1);
}

TEST (a_delete_that_dies_is_done_or_not)
{
    g_auto (Rig) rig = {0};
    g_autofree char *uuid = NULL;

    rig_init (&rig);
    uuid = make (&rig, "M");
    for (unsigned n = 0; dies_at (rig.folder, n, delete_work, uuid); n++) {
        g_autoptr (GPtrArray) trash = posada_store_list_trash (rig.store, NULL);

        CHECK_EQUAL (count (posada_store_list (rig.store, NULL)) + trash->len, 1);
        for (unsigned i = 0; i < trash->len; i++) {
            const PosadaStoreEntry *entry = g_ptr_array_index (trash, i);

            CHECK (posada_store_restore (rig.store, entry->id, NULL, NULL));
        }
    }
    CHECK_EQUAL (count (posada_store_list_trash (rig.store, NULL)), 1);
}

/* --- several at once --- */

TEST (a_machine_in_use_says_by_whom)
{
    g_auto (Rig) rig = {0};
    g_autofree char *uuid = NULL, *expected = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaLock) lock = NULL;
    int ready[2], status;
    pid_t child;
    char byte;

    rig_init (&rig);
    uuid = make (&rig, "Busy");
    CHECK_EQUAL (posada_store_get_holder (rig.store, uuid), 0);
    CHECK_EQUAL (pipe (ready), 0);
    fflush (stdout);
    child = fork ();
    if (child == 0) {
        PosadaLock *own = posada_store_lock (rig.store, uuid, NULL);

        if (!own || write (ready[1], "x", 1) != 1)
            _exit (1);
        for (;;)
            pause ();
    }
    CHECK_EQUAL (read (ready[0], &byte, 1), 1);
    CHECK (!posada_store_lock (rig.store, uuid, &error));
    CHECK (g_error_matches (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_BUSY));
    expected = g_strdup_printf ("“Busy” is in use by process %d (", (int) child);
    CHECK_CONTAINS (error->message, expected);
    CHECK_EQUAL (posada_store_get_holder (rig.store, uuid), child);
    CHECK (!posada_store_delete (rig.store, uuid, NULL, NULL));
    /* Killed, it holds nothing any more. */
    kill (child, SIGKILL);
    CHECK_EQUAL (waitpid (child, &status, 0), child);
    lock = posada_store_lock (rig.store, uuid, NULL);
    CHECK (lock);
    close (ready[0]);
    close (ready[1]);
}

TEST (locks_exclude_within_a_process_too)
{
    g_auto (Rig) rig = {0};
    g_autofree char *uuid = NULL;
    g_autoptr (PosadaLock) lock = NULL;

    rig_init (&rig);
    uuid = make (&rig, "M");
    lock = posada_store_lock (rig.store, uuid, NULL);
    CHECK (lock);
    CHECK (!posada_store_lock (rig.store, uuid, NULL));
    g_clear_pointer (&lock, posada_lock_free);
    lock = posada_store_lock (rig.store, uuid, NULL);
    CHECK (lock);
}

static void
racer (const char *folder)
{
    g_autoptr (PosadaStore) store = posada_store_new (folder);

    for (unsigned i = 0; i < 10; i++) {
        g_autofree char *name = g_strdup_printf ("Machine %u", i);
        g_autoptr (PosadaDefinition) definition = posada_definition_new (name, NULL);
        g_autoptr (GError) error = NULL;

        if (!posada_store_create (store, definition, NULL, NULL, &error) &&
            !g_error_matches (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_EXISTS))
            _exit (1);
    }
}

TEST (processes_that_make_the_same_machines_make_each_once)
{
    g_auto (Rig) rig = {0};
    pid_t children[3];
    int status;

    rig_init (&rig);
    fflush (stdout);
    for (unsigned i = 0; i < 3; i++) {
        children[i] = fork ();
        if (children[i] == 0) {
            racer (rig.folder);
            _exit (0);
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQUAL (waitpid (children[i], &status, 0), children[i]);
        CHECK_EQUAL (status, 0);
    }
    CHECK_EQUAL (count (posada_store_list (rig.store, NULL)), 10);
}

static void
changed_cb (PosadaStore *store, const char *uuid, char **ret_uuid)
{
    g_free (*ret_uuid);
    *ret_uuid = g_strdup (uuid);
}

static void
wait_for (char **uuid, const char *expected)
{
    gint64 end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

    while (g_strcmp0 (*uuid, expected) != 0 && g_get_monotonic_time () < end) {
        g_main_context_iteration (NULL, FALSE);
        g_usleep (1000);
    }
    CHECK_STRING (*uuid, expected);
    /* Whatever else comes of the same change. */
    for (unsigned i = 0; i < 50; i++) {
        g_main_context_iteration (NULL, FALSE);
        g_usleep (1000);
    }
    g_clear_pointer (uuid, g_free);
}

TEST (another_store_sees_each_change)
{
    g_auto (Rig) rig = {0};
    g_autoptr (PosadaStore) other = NULL;
    g_autofree char *uuid = NULL, *seen = NULL, *id = NULL;

    rig_init (&rig);
    other = posada_store_new (rig.folder);
    g_signal_connect (other, "changed", G_CALLBACK (changed_cb), &seen);
    CHECK (posada_store_watch (other, NULL));
    uuid = make (&rig, "Watched");
    wait_for (&seen, uuid);
    CHECK (posada_store_rename (rig.store, uuid, "Renamed", NULL));
    wait_for (&seen, uuid);
    CHECK (posada_store_delete (rig.store, uuid, &id, NULL));
    wait_for (&seen, uuid);
    CHECK (posada_store_restore (rig.store, id, NULL, NULL));
    wait_for (&seen, uuid);
    g_assert_finalize_object (g_steal_pointer (&other));
}

static gboolean
settle (DexFuture *future)
{
    gint64 end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

    /* Settled on another thread, which wakes nobody who has asked for nothing. */
    while (dex_future_is_pending (future) && g_get_monotonic_time () < end) {
        g_main_context_iteration (NULL, FALSE);
        g_usleep (1000);
    }
    return dex_future_is_resolved (future);
}

TEST (futures_do_the_same)
{
    g_auto (Rig) rig = {0};
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("Future", NULL);
    g_autofree char *uuid = posada_definition_get_uuid (definition);
    g_autoptr (DexFuture) made = NULL, again = NULL, list = NULL, gone = NULL;
    g_autoptr (GError) error = NULL;

    rig_init (&rig);
    made = posada_store_create_async (rig.store, definition, NULL, NULL, NULL);
    CHECK (settle (made));
    again = posada_store_create_async (rig.store, definition, NULL, NULL, NULL);
    CHECK (!settle (again));
    CHECK (!dex_future_get_value (again, &error));
    CHECK (g_error_matches (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_EXISTS));
    list = posada_store_list_async (rig.store);
    CHECK (settle (list));
    CHECK_EQUAL (((GPtrArray *) g_value_get_boxed (dex_future_get_value (list, NULL)))->len, 1);
    gone = posada_store_delete_async (rig.store, uuid);
    CHECK (settle (gone));
    CHECK_EQUAL (count (posada_store_list (rig.store, NULL)), 0);
    /* The pool lets go of the store in its own time. */
    for (unsigned i = 0; i < 2000 && G_OBJECT (rig.store)->ref_count > 1; i++) {
        g_main_context_iteration (NULL, FALSE);
        g_usleep (1000);
    }
}

int
main (int argc, char **argv)
{
    dex_init ();
    return tap_main (argc, argv);
}
