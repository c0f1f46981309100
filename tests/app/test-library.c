/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of machines while others work on the same store. */
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/posada-library.h"
#include "machine/posada-kvm-machine.h"
#include "store/posada-file.h"

#include "tap.h"

#define PATIENCE (20 * G_TIME_SPAN_SECOND)

typedef struct {
    char *folder;
    PosadaStore *mine, *theirs;
    PosadaLibrary *library;
    GListModel *machines;
} Rig;

static void
rig_init (Rig *rig)
{
    rig->folder = g_dir_make_tmp ("posada-test-XXXXXX", NULL);
    rig->mine = posada_store_new (rig->folder);
    rig->theirs = posada_store_new (rig->folder);
    rig->library = posada_library_new (rig->mine);
    rig->machines = G_LIST_MODEL (posada_library_get_machines (rig->library));
}

static void
settle (guint milliseconds)
{
    gint64 end = g_get_monotonic_time () + milliseconds * G_TIME_SPAN_MILLISECOND;

    while (g_get_monotonic_time () < end)
        if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (1000);
}

static void
rig_fini (Rig *rig)
{
    gpointer library = rig->library;

    g_object_add_weak_pointer (G_OBJECT (rig->library), &library);
    settle (100);
    g_object_unref (rig->library);
    settle (50);
    CHECK (library == NULL);
    g_object_unref (rig->mine);
    g_object_unref (rig->theirs);
    posada_file_remove_tree (rig->folder, NULL);
    g_free (rig->folder);
}

/* Consumes @future; the reason of its rejection, or NULL. */
static char *
await (DexFuture *future)
{
    g_autoptr (GError) error = NULL;

    /* Settled by another thread, which does not wake this one. */
    while (dex_future_is_pending (future))
        settle (2);
    dex_future_get_value (future, &error);
    dex_unref (future);
    return error ? g_strdup (error->message) : NULL;
}

static char *
create (Rig *rig, const char *name)
{
    g_autoptr (PosadaDefinition) definition = posada_definition_new (name, NULL);
    g_autoptr (GError) error = NULL;

    posada_store_create (rig->theirs, definition, NULL, NULL, &error);
    g_assert_no_error (error);
    return posada_definition_get_uuid (definition);
}

static PosadaMachine *
find (Rig *rig, const char *uuid)
{
    return posada_machine_list_find (posada_library_get_machines (rig->library), uuid);
}

#define WAIT(condition)                                       \
    do {                                                      \
        gint64 end = g_get_monotonic_time () + PATIENCE;      \
        while (!(condition) && g_get_monotonic_time () < end) \
            settle (10);                                      \
        CHECK (condition);                                    \
    } while (0)

TEST (follows_what_others_make_rename_and_delete)
{
    Rig rig;
    g_autofree char *uuid = NULL, *deleted = NULL;
    PosadaMachine *machine;

    rig_init (&rig);
    CHECK (await (posada_library_load (rig.library)) == NULL);
    uuid = create (&rig, "One");
    WAIT (find (&rig, uuid));
    machine = find (&rig, uuid);
    CHECK (posada_store_rename (rig.theirs, uuid, "Other", NULL));
    WAIT (strcmp (posada_machine_get_name (machine), "Other") == 0);
    CHECK (find (&rig, uuid) == machine);
    CHECK (posada_store_delete (rig.theirs, uuid, &deleted, NULL));
    WAIT (!find (&rig, uuid));
    CHECK (posada_store_restore (rig.theirs, deleted, NULL, NULL));
    WAIT (find (&rig, uuid));
    CHECK_EQUAL (g_list_model_get_n_items (rig.machines), 1);
    rig_fini (&rig);
}

TEST (brings_back_the_very_machine_that_was_deleted)
{
    Rig rig;
    g_autofree char *uuid = NULL;
    g_autoptr (PosadaMachine) machine = NULL;

    rig_init (&rig);
    uuid = create (&rig, "One");
    CHECK (await (posada_library_load (rig.library)) == NULL);
    machine = g_object_ref (find (&rig, uuid));
    CHECK (await (posada_library_delete (rig.library, machine)) == NULL);
    CHECK (!find (&rig, uuid));
    settle (200);
    CHECK (await (posada_library_restore (rig.library, machine)) == NULL);
    settle (200);
    CHECK (find (&rig, uuid) == machine);
    CHECK_EQUAL (g_list_model_get_n_items (rig.machines), 1);
    rig_fini (&rig);
}

TEST (a_name_that_is_taken_is_refused_and_not_shown)
{
    Rig rig;
    g_autofree char *one = NULL, *two = NULL, *reason = NULL;

    rig_init (&rig);
    one = create (&rig, "One");
    two = create (&rig, "Two");
    CHECK (await (posada_library_load (rig.library)) == NULL);
    reason = await (posada_machine_rename (find (&rig, two), "one"));
    CHECK (reason && strstr (reason, "“One”"));
    CHECK (strcmp (posada_machine_get_name (find (&rig, two)), "Two") == 0);
    CHECK (await (posada_machine_rename (find (&rig, two), "Three")) == NULL);
    CHECK (strcmp (posada_machine_get_name (find (&rig, two)), "Three") == 0);
    rig_fini (&rig);
}

TEST (a_broken_definition_hides_no_other_and_can_be_mended)
{
    Rig rig;
    g_autofree char *one = NULL, *two = NULL, *folder = NULL, *path = NULL, *xml = NULL;
    PosadaMachine *machine;

    rig_init (&rig);
    one = create (&rig, "One");
    two = create (&rig, "Two");
    folder = posada_store_get_machine_folder (rig.theirs, one);
    path = g_build_filename (folder, "machine.xml", NULL);
    CHECK (g_file_get_contents (path, &xml, NULL, NULL));
    CHECK (g_file_set_contents (path, "<domain", -1, NULL));
    CHECK (await (posada_library_load (rig.library)) == NULL);
    CHECK_EQUAL (g_list_model_get_n_items (rig.machines), 2);
    machine = find (&rig, one);
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_MISSING);
    CHECK (strstr (posada_machine_get_reason (machine), "machine.xml"));
    CHECK (posada_machine_get_capabilities (machine) == POSADA_MACHINE_CAN_DELETE);
    CHECK (g_file_set_contents (path, xml, -1, NULL));
    CHECK (await (posada_library_open (rig.library, one)) == NULL);
    CHECK (find (&rig, one) == machine);
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_OFF);
    CHECK (strcmp (posada_machine_get_name (machine), "One") == 0);
    rig_fini (&rig);
}

/* Another process that has the machine, without a socket. */
static pid_t
hold (Rig *rig, const char *uuid)
{
    int ready[2];
    char byte;
    pid_t child;

    CHECK_EQUAL (pipe (ready), 0);
    child = fork ();
    if (child == 0) {
        PosadaLock *lock = posada_store_lock (rig->theirs, uuid, NULL);

        if (!lock || write (ready[1], "x", 1) != 1)
            _exit (1);
        for (;;)
            pause ();
    }
    CHECK_EQUAL (read (ready[0], &byte, 1), 1);
    close (ready[0]);
    close (ready[1]);
    return child;
}

TEST (a_machine_of_another_process_is_shown_as_that)
{
    Rig rig;
    g_autofree char *uuid = NULL, *reason = NULL, *number = NULL;
    PosadaMachine *machine;
    int status;
    pid_t child;

    rig_init (&rig);
    uuid = create (&rig, "One");
    child = hold (&rig, uuid);
    number = g_strdup_printf ("%d", (int) child);
    CHECK (await (posada_library_load (rig.library)) == NULL);
    machine = find (&rig, uuid);
    WAIT (posada_machine_get_outside (machine));
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_RUNNING);
    CHECK (strstr (posada_machine_get_reason (machine), number));
    CHECK (posada_machine_get_capabilities (machine) == 0);
    CHECK_EQUAL (posada_library_count_running (rig.library), 0);
    reason = await (posada_machine_start (machine));
    CHECK (reason && strstr (reason, number));
    kill (child, SIGKILL);
    waitpid (child, &status, 0);
    WAIT (!posada_machine_get_outside (machine));
    CHECK (posada_machine_get_state (machine) == POSADA_MACHINE_OFF);
    CHECK (posada_machine_get_capabilities (machine) & POSADA_MACHINE_CAN_START);
    rig_fini (&rig);
}

TEST (a_start_that_comes_second_says_who_was_first)
{
    Rig rig;
    g_autofree char *uuid = NULL, *reason = NULL, *number = NULL;
    PosadaMachine *machine;
    int status;
    pid_t child;

    rig_init (&rig);
    uuid = create (&rig, "One");
    CHECK (await (posada_library_load (rig.library)) == NULL);
    machine = find (&rig, uuid);
    child = hold (&rig, uuid);
    number = g_strdup_printf ("process %d", (int) child);
    reason = await (posada_machine_start (machine));
    CHECK (reason && strstr (reason, "“One”") && strstr (reason, number));
    WAIT (posada_machine_get_outside (machine));
    kill (child, SIGKILL);
    waitpid (child, &status, 0);
    WAIT (posada_machine_get_state (machine) == POSADA_MACHINE_OFF);
    rig_fini (&rig);
}

int
main (int argc, char **argv)
{
    dex_init ();
    g_log_set_always_fatal (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    return tap_main (argc, argv);
}
