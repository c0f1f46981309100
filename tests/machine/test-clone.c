/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "machine/posada-clone.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "block/image.h"
#include "machine/posada-disk-job.h"
#include "snapshot/snapshot.h"
#include "store/posada-device.h"
#include "store/posada-store-error.h"
#include "tap.h"

#define SIZE (1 << 20)

struct rig {
    char *folder;
    PosadaStore *store;
    char *uuid;      /* of the machine “First” */
    char *snapshots; /* its folder of them */
};

static gboolean
fill_cb (const char *folder, gpointer data, GError **error)
{
    const struct blk_qcow2_options options = {.size = SIZE};
    g_autofree char *path = g_build_filename (folder, data, NULL);
    struct vmm_error from = {0};

    if (g_str_has_suffix (path, ".qcow2"))
        return blk_create_qcow2 (path, &options, &from) == 0;
    return g_file_set_contents (path, "", 0, error) && g_chmod (path, 0600) == 0 &&
           truncate (path, SIZE) == 0;
}

/* A machine with one disk, by that name in its folder. */
static void
begin (struct rig *rig, const char *file)
{
    const PosadaInterface interface = {.passt = TRUE, .model = (char *) "virtio"};
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autoptr (GError) error = NULL;
    g_autofree char *folder = NULL, *path = NULL;
    PosadaDisk disk = {0};

    rig->folder = g_dir_make_tmp ("posada-clone-XXXXXX", &error);
    g_assert_no_error (error);
    rig->store = posada_store_new (rig->folder);
    definition = posada_definition_new ("First", &error);
    rig->uuid = posada_definition_get_uuid (definition);
    folder = posada_store_get_machine_folder (rig->store, rig->uuid);
    path = g_build_filename (folder, file, NULL);
    rig->snapshots = g_build_filename (folder, "snapshots", NULL);
    disk.path = path;
    disk.format = g_str_has_suffix (file, ".qcow2") ? POSADA_FORMAT_QCOW2 : POSADA_FORMAT_RAW;
    CHECK (posada_definition_add_disk (definition, &disk, &error));
    CHECK (posada_definition_add_interface (definition, &interface, &error));
    CHECK (posada_store_create (rig->store, definition, fill_cb, (gpointer) file, &error));
    g_assert_no_error (error);
}

static void
end (struct rig *rig)
{
    char *argv[] = {(char *) "rm", (char *) "-rf", rig->folder, NULL};

    g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
    g_object_unref (rig->store);
    g_free (rig->folder);
    g_free (rig->uuid);
    g_free (rig->snapshots);
}

static PosadaDisk *
disk_of (struct rig *rig, const char *uuid)
{
    g_autoptr (PosadaDefinition) definition = posada_store_load (rig->store, uuid, NULL);

    CHECK (definition);
    return posada_definition_get_disk (definition, 0);
}

static int
do_disk (struct rig *rig, const char *uuid, enum blk_operation operation, char *byte)
{
    static const char *const none[] = {NULL};
    g_autoptr (PosadaDisk) disk = disk_of (rig, uuid);
    const struct blk_source source = {
        .path = disk->path,
        .format = disk->format == POSADA_FORMAT_QCOW2 ? BLK_FORMAT_QCOW2 : BLK_FORMAT_RAW,
        .allow_backing = blk_allow_listed,
        .data = disk->backing ? (void *) disk->backing : (void *) none,
    };
    g_autofree char *buffer = g_malloc (SIZE);
    struct iovec iov = {buffer, SIZE};
    struct blk_request request = {.operation = operation, .length = SIZE, .iov = &iov, .n_iov = 1};
    struct vmm_error error = {0};
    struct vmm_loop *loop;
    struct blk *blk;
    int r = blk_open (&source, NULL, &blk, &error);

    if (r < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    memset (buffer, *byte, SIZE);
    CHECK_EQUAL (vmm_loop_create (&loop), 0);
    CHECK_EQUAL (blk_attach (blk, loop), 0);
    r = blk_run (blk, loop, &request);
    *byte = buffer[SIZE / 2];
    for (unsigned i = 0; i < SIZE; i++)
        CHECK_EQUAL (buffer[i], *byte);
    blk_close (blk);
    vmm_loop_destroy (loop);
    return r;
}

static void
write_disk (struct rig *rig, const char *uuid, char byte)
{
    CHECK_EQUAL (do_disk (rig, uuid, BLK_WRITE, &byte), 0);
}

static char
read_disk (struct rig *rig, const char *uuid)
{
    char byte = 0;

    CHECK_EQUAL (do_disk (rig, uuid, BLK_READ, &byte), 0);
    return byte;
}

static struct snapshot_info
take (struct rig *rig, const char *name)
{
    g_autoptr (PosadaDisk) disk = disk_of (rig, rig->uuid);
    const struct snapshot_disk taken = {.path = disk->path};
    struct snapshot_info info;
    struct vmm_error error = {0};

    if (snapshot_take_off (
            &(struct snapshot_wish) {
                .folder = rig->snapshots, .name = name, .disks = &taken, .n_disks = 1},
            &info, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    return info;
}

static int
forget (struct rig *rig, const char *id, struct vmm_error *error)
{
    g_autoptr (PosadaDisk) disk = disk_of (rig, rig->uuid);
    const struct snapshot_disk taken = {.path = disk->path};

    return snapshot_delete (rig->snapshots, id, NULL, &taken, 1, error);
}

static char *
make (struct rig *rig, const char *uuid, PosadaCloneKind kind, const char *snapshot,
      const char *name)
{
    g_autoptr (PosadaClone) clone = posada_clone_new (rig->store, uuid, kind, snapshot, name);
    g_autoptr (GError) error = NULL;
    char *made = posada_clone_run_now (clone, NULL, &error);

    if (!made)
        tap_fail (__FILE__, __LINE__, "%s", error->message);
    return made;
}

static void
check_is_another (struct rig *rig, const char *uuid, const char *name)
{
    g_autoptr (PosadaDefinition) first = posada_store_load (rig->store, rig->uuid, NULL);
    g_autoptr (PosadaDefinition) second = posada_store_load (rig->store, uuid, NULL);
    g_autoptr (PosadaInterface) a = posada_definition_get_interface (first, 0);
    g_autoptr (PosadaInterface) b = posada_definition_get_interface (second, 0);
    g_autofree char *own = posada_definition_get_uuid (second);
    g_autofree char *called = posada_definition_get_name (second);

    CHECK_STRING (own, uuid);
    CHECK (strcmp (own, rig->uuid) != 0);
    CHECK_STRING (called, name);
    CHECK (a->mac && b->mac && strcmp (a->mac, b->mac) != 0);
}

TEST (a_full_clone_needs_nothing_of_the_original)
{
    static const char *const files[] = {"d.qcow2", "d.raw"};

    for (unsigned i = 0; i < 2; i++) {
        g_autofree char *uuid = NULL, *snapshots = NULL;
        g_autoptr (PosadaDisk) disk = NULL;
        g_autoptr (GError) error = NULL;
        struct rig rig;

        begin (&rig, files[i]);
        write_disk (&rig, rig.uuid, 'a');
        if (i == 0)
            take (&rig, "One");
        uuid = make (&rig, rig.uuid, POSADA_CLONE_FULL, NULL, NULL);
        check_is_another (&rig, uuid, "Clone of First");
        disk = disk_of (&rig, uuid);
        CHECK (!disk->backing);
        write_disk (&rig, rig.uuid, 'b');
        CHECK_EQUAL (read_disk (&rig, uuid), 'a');
        CHECK (posada_store_delete (rig.store, rig.uuid, NULL, &error));
        CHECK (posada_store_purge (rig.store, 0, NULL, &error));
        CHECK_EQUAL (read_disk (&rig, uuid), 'a');
        if (i == 0) {
            const struct blk_source source = {.path = disk->path, .format = BLK_FORMAT_QCOW2};
            struct blk_description description;
            struct blk *blk;

            CHECK_EQUAL (blk_open (&source, NULL, &blk, NULL), 0);
            blk_describe (blk, &description);
            CHECK_EQUAL (description.n_snapshots, 0);
            blk_close (blk);
        }
        end (&rig);
    }
}

TEST (a_linked_clone_and_its_original_go_ways_of_their_own)
{
    g_autofree char *uuid = NULL, *again = NULL;
    struct rig rig;

    begin (&rig, "d.qcow2");
    write_disk (&rig, rig.uuid, 'a');
    uuid = make (&rig, rig.uuid, POSADA_CLONE_LINKED, NULL, "Second");
    check_is_another (&rig, uuid, "Second");
    CHECK_EQUAL (read_disk (&rig, uuid), 'a');
    write_disk (&rig, rig.uuid, 'b');
    CHECK_EQUAL (read_disk (&rig, uuid), 'a');
    write_disk (&rig, uuid, 'c');
    CHECK_EQUAL (read_disk (&rig, rig.uuid), 'b');
    CHECK_EQUAL (read_disk (&rig, uuid), 'c');
    /* And one of that one. */
    again = make (&rig, uuid, POSADA_CLONE_LINKED, NULL, NULL);
    check_is_another (&rig, again, "Clone of Second");
    write_disk (&rig, uuid, 'd');
    CHECK_EQUAL (read_disk (&rig, again), 'c');
    end (&rig);
}

TEST (what_is_based_on_a_snapshot_keeps_it)
{
    g_autofree char *uuid = NULL, *trashed = NULL;
    g_autoptr (GError) error = NULL;
    struct vmm_error from = {0};
    struct snapshot_info info;
    struct rig rig;

    begin (&rig, "d.qcow2");
    write_disk (&rig, rig.uuid, 'a');
    info = take (&rig, "One");
    write_disk (&rig, rig.uuid, 'b');
    uuid = make (&rig, rig.uuid, POSADA_CLONE_COPY, info.id, "Second");
    CHECK_EQUAL (read_disk (&rig, uuid), 'a');
    CHECK (forget (&rig, info.id, &from) < 0);
    CHECK_CONTAINS (from.message, "Second");
    CHECK (!posada_store_delete (rig.store, rig.uuid, NULL, &error));
    g_assert_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_BUSY);
    CHECK_CONTAINS (error->message, "Second");
    g_clear_error (&error);
    CHECK_EQUAL (read_disk (&rig, uuid), 'a');

    CHECK (posada_store_delete (rig.store, uuid, &trashed, &error));
    CHECK (forget (&rig, info.id, &from) < 0);
    CHECK_CONTAINS (from.message, "trash");
    CHECK (posada_store_restore (rig.store, trashed, NULL, &error));
    CHECK_EQUAL (read_disk (&rig, uuid), 'a');
    CHECK (posada_store_delete (rig.store, uuid, NULL, &error));
    CHECK (posada_store_purge (rig.store, 0, NULL, &error));
    CHECK_EQUAL (forget (&rig, info.id, &from), 0);
    CHECK_EQUAL (read_disk (&rig, rig.uuid), 'b');
    CHECK (posada_store_delete (rig.store, rig.uuid, NULL, &error));
    end (&rig);
}

/* Somebody was about to delete it, and died before looking who needs it. */
TEST (a_deletion_that_was_cut_off_takes_nothing_from_a_copy)
{
    g_autofree char *uuid = NULL, *place = NULL, *gone = NULL, *name = NULL;
    g_autoptr (PosadaDisk) disk = NULL;
    struct snapshot_disk taken;
    struct snapshot_info info;
    struct rig rig;

    begin (&rig, "d.qcow2");
    write_disk (&rig, rig.uuid, 'a');
    info = take (&rig, "One");
    uuid = make (&rig, rig.uuid, POSADA_CLONE_COPY, info.id, NULL);
    write_disk (&rig, rig.uuid, 'b');
    place = g_build_filename (rig.snapshots, info.id, NULL);
    name = g_strdup_printf (".%s.gone", info.id);
    gone = g_build_filename (rig.snapshots, name, NULL);
    CHECK_EQUAL (g_rename (place, gone), 0);
    disk = disk_of (&rig, rig.uuid);
    taken = (struct snapshot_disk) {.path = disk->path};
    snapshot_clean (rig.snapshots, &taken, 1);
    CHECK (g_file_test (place, G_FILE_TEST_IS_DIR));
    CHECK_EQUAL (read_disk (&rig, uuid), 'a');
    end (&rig);
}

TEST (a_copy_is_marked_and_in_its_snapshots_generation)
{
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autofree char *uuid = NULL, *origin = NULL, *id = NULL;
    struct snapshot_info info;
    struct rig rig;

    begin (&rig, "d.qcow2");
    info = take (&rig, "One");
    uuid = make (&rig, rig.uuid, POSADA_CLONE_COPY, info.id, NULL);
    definition = posada_store_load (rig.store, uuid, NULL);
    CHECK_EQUAL (posada_definition_get_role (definition), POSADA_ROLE_COPY);
    origin = posada_definition_get_origin (definition, &id);
    CHECK_STRING (origin, rig.uuid);
    CHECK_STRING (id, info.id);
    end (&rig);
}

TEST (a_copy_of_a_machine_that_ran_goes_on_from_the_same_memory)
{
    static const char metadata[] = "posada-snapshot 1\nname One\ntime 1\nmachine running\n"
                                   "memory 1048576\ndisks 0\nend\n";
    static const char *const files[] = {"metadata", "ram", "state"};
    const char *id = "00000000000000aa";
    g_autofree char *uuid = NULL, *folder = NULL, *ram = NULL, *own = NULL;
    struct rig rig;
    GStatBuf a, b;

    begin (&rig, "d.qcow2");
    write_disk (&rig, rig.uuid, 'a');
    {
        g_autoptr (PosadaDisk) disk = disk_of (&rig, rig.uuid);
        const struct blk_source source = {.path = disk->path, .format = BLK_FORMAT_QCOW2};
        struct blk_snapshot wish = {.id = "00000000000000aa", .name = "One"};
        struct blk *blk;

        CHECK_EQUAL (blk_open (&source, NULL, &blk, NULL), 0);
        CHECK_EQUAL (blk_snapshot_take (blk, &wish, NULL), 0);
        blk_close (blk);
    }
    folder = g_build_filename (rig.snapshots, id, NULL);
    CHECK_EQUAL (g_mkdir_with_parents (folder, 0700), 0);
    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *path = g_build_filename (folder, files[i], NULL);

        CHECK (g_file_set_contents (path, i ? "bytes" : metadata, -1, NULL));
    }
    uuid = make (&rig, rig.uuid, POSADA_CLONE_COPY, id, NULL);
    g_clear_pointer (&folder, g_free);
    folder = posada_store_get_machine_folder (rig.store, uuid);
    own = g_build_filename (folder, "snapshots", "saved", "ram", NULL);
    ram = g_build_filename (rig.snapshots, id, "ram", NULL);
    CHECK (g_stat (ram, &a) == 0 && g_stat (own, &b) == 0);
    CHECK_EQUAL (a.st_ino, b.st_ino);
    end (&rig);
}

/* What fails leaves neither a machine, nor a snapshot, nor a file. */
TEST (failures_leave_nothing)
{
    g_autoptr (GCancellable) cancelled = g_cancellable_new ();
    g_autofree char *machines = NULL;
    char current[SNAPSHOT_ID_LENGTH + 1];
    struct snapshot_info *infos;
    struct rig rig;
    size_t n;

    begin (&rig, "d.qcow2");
    write_disk (&rig, rig.uuid, 'a');
    g_cancellable_cancel (cancelled);
    for (unsigned i = 0; i < 6; i++) {
        static const PosadaCloneKind kinds[] = {POSADA_CLONE_FULL, POSADA_CLONE_LINKED,
                                                POSADA_CLONE_COPY};
        g_autoptr (PosadaClone) clone =
            posada_clone_new (rig.store, rig.uuid, kinds[i % 3],
                              i % 3 == 2 ? "00000000000000aa" : NULL, i < 3 ? "FIRST" : NULL);
        g_autoptr (GError) error = NULL;
        g_autofree char *uuid = posada_clone_run_now (clone, i < 3 ? NULL : cancelled, &error);

        CHECK (!uuid && error);
    }
    {
        g_autoptr (GPtrArray) entries = posada_store_list (rig.store, NULL);

        CHECK_EQUAL (entries->len, 1);
    }
    CHECK_EQUAL (snapshot_list (rig.snapshots, &infos, &n, current, NULL), 0);
    CHECK_EQUAL (n, 0);
    free (infos);
    CHECK_EQUAL (read_disk (&rig, rig.uuid), 'a');
    end (&rig);
}

TEST (a_machine_that_runs_is_not_cloned)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaClone) clone = NULL;
    g_autoptr (PosadaLock) lock = NULL;
    struct rig rig;

    begin (&rig, "d.qcow2");
    lock = posada_store_lock (rig.store, rig.uuid, &error);
    clone = posada_clone_new (rig.store, rig.uuid, POSADA_CLONE_FULL, NULL, NULL);
    CHECK (!posada_clone_run_now (clone, NULL, &error));
    g_assert_error (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_BUSY);
    end (&rig);
}

/* Does that to the machine's disk “vda”. */
static void
care (struct rig *rig, const char *uuid, PosadaDiskWork work, PosadaFormat format)
{
    PosadaDiskJob *job = g_atomic_rc_box_new0 (PosadaDiskJob);

    job->work = work;
    job->is_task = job->needs_lock = TRUE;
    job->store = g_object_ref (rig->store);
    job->folder = posada_store_get_machine_folder (rig->store, uuid);
    job->definition = posada_store_load (rig->store, uuid, NULL);
    job->target = g_strdup ("vda");
    job->format = format;
    posada_disk_job_run (job);
    if (job->error)
        tap_fail (__FILE__, __LINE__, "%s", job->error->message);
    g_atomic_rc_box_release_full (job, posada_disk_job_clear);
}

static void
check_independent (PosadaDiskWork work, PosadaFormat format)
{
    g_autofree char *uuid = NULL, *origin = NULL, *base = NULL;
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autoptr (PosadaDisk) disk = NULL;
    g_autoptr (GError) error = NULL;
    struct vmm_error from = {0};
    struct rig rig;

    begin (&rig, "d.qcow2");
    write_disk (&rig, rig.uuid, 'a');
    uuid = make (&rig, rig.uuid, POSADA_CLONE_LINKED, NULL, "Second");
    write_disk (&rig, rig.uuid, 'b');
    definition = posada_store_load (rig.store, uuid, NULL);
    origin = posada_definition_get_origin (definition, &base);
    CHECK_STRING (origin, rig.uuid);
    CHECK (forget (&rig, base, &from) < 0);
    CHECK (!posada_store_delete (rig.store, rig.uuid, NULL, NULL));

    g_clear_pointer (&origin, g_free);
    care (&rig, uuid, work, format);
    g_set_object (&definition, NULL);
    definition = posada_store_load (rig.store, uuid, NULL);
    CHECK (!posada_definition_get_origin (definition, NULL));
    disk = disk_of (&rig, uuid);
    CHECK (!disk->backing || !*disk->backing);
    CHECK_EQUAL (disk->format, format);
    CHECK_EQUAL (forget (&rig, base, &from), 0);
    CHECK (posada_store_delete (rig.store, rig.uuid, NULL, &error));
    CHECK_EQUAL (read_disk (&rig, uuid), 'a');
    end (&rig);
}

TEST (a_linked_clone_becomes_independent)
{
    check_independent (posada_disk_job_make_independent, POSADA_FORMAT_QCOW2);
}

TEST (a_linked_clone_that_becomes_raw_is_independent)
{
    check_independent (posada_disk_job_convert, POSADA_FORMAT_RAW);
}

TEST (a_linked_clone_is_compacted_and_stays_one)
{
    g_autofree char *uuid = NULL, *origin = NULL;
    g_autoptr (PosadaDefinition) definition = NULL;
    struct rig rig;

    begin (&rig, "d.qcow2");
    write_disk (&rig, rig.uuid, 'a');
    uuid = make (&rig, rig.uuid, POSADA_CLONE_LINKED, NULL, "Second");
    care (&rig, uuid, posada_disk_job_compact, POSADA_FORMAT_QCOW2);
    CHECK_EQUAL (read_disk (&rig, uuid), 'a');
    write_disk (&rig, uuid, 'c');
    care (&rig, uuid, posada_disk_job_compact, POSADA_FORMAT_QCOW2);
    CHECK_EQUAL (read_disk (&rig, uuid), 'c');
    CHECK_EQUAL (read_disk (&rig, rig.uuid), 'a');
    definition = posada_store_load (rig.store, uuid, NULL);
    origin = posada_definition_get_origin (definition, NULL);
    CHECK_STRING (origin, rig.uuid);
    end (&rig);
}

TAP_MAIN ()
