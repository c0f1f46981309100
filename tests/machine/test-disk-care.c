/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done to the disks of a machine, on real images and in a real store. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "block/convert.h"
#include "machine/posada-disk-care.h"
#include "machine/posada-disk-image.h"
#include "machine/posada-disk-job.h"
#include "machine/posada-kvm-machine.h"
#include "machine/posada-work.h"
#include "store/posada-file.h"

#include "tap.h"

#define LITTLE   "--in-little-room"
#define NO_ROOM  77
#define PATIENCE (60 * G_TIME_SPAN_SECOND)

struct place {
    char *top, *folder, *outside; /* of the machine, and one beside it */
    PosadaStore *store;
    PosadaMachine *machine;
    PosadaDiskCare *care;
};

static void
iterate (void)
{
    if (!g_main_context_iteration (NULL, FALSE))
        g_usleep (1000);
}

/* Consumes @future; its error or NULL. */
static GError *
finish (DexFuture *future)
{
    gint64 end = g_get_monotonic_time () + PATIENCE;
    GError *error = NULL;

    while (dex_future_is_pending (future) && g_get_monotonic_time () < end)
        iterate ();
    CHECK (!dex_future_is_pending (future));
    dex_future_get_value (future, &error);
    dex_unref (future);
    return error;
}

static void
finish_well (DexFuture *future)
{
    g_autoptr (GError) error = finish (future);

    if (error)
        tap_fail (__FILE__, __LINE__, "%s", error->message);
}

static void
finish_badly (DexFuture *future, const char *part)
{
    g_autoptr (GError) error = finish (future);

    CHECK (error && error->domain == POSADA_MACHINE_ERROR);
    CHECK_CONTAINS (error->message, part);
    CHECK (g_str_has_suffix (error->message, "."));
}

static guint
finish_with_number (DexFuture *future)
{
    guint number;

    while (dex_future_is_pending (future))
        iterate ();
    number = g_value_get_uint (dex_future_get_value (future, NULL));
    dex_unref (future);
    return number;
}

static void
settle (void)
{
    gint64 end = g_get_monotonic_time () + 200 * G_TIME_SPAN_MILLISECOND;

    while (g_get_monotonic_time () < end)
        iterate ();
}

static struct place
place_in (char *top)
{
    struct place self = {.top = top};
    g_autofree char *uuid = NULL, *stores = g_build_filename (top, "store", NULL);
    g_autoptr (PosadaDefinition) definition = posada_definition_new ("Alpha", NULL);
    PosadaDisk cd = {.kind = POSADA_DISK_CDROM, .bus = POSADA_BUS_SATA};

    CHECK (posada_definition_add_disk (definition, &cd, NULL));
    self.store = posada_store_new (stores);
    self.outside = g_build_filename (top, "outside", NULL);
    g_mkdir (self.outside, 0700);
    CHECK (posada_store_create (self.store, definition, NULL, NULL, NULL));
    uuid = posada_definition_get_uuid (definition);
    self.folder = posada_store_get_machine_folder (self.store, uuid);
    self.machine = posada_kvm_machine_new_for_definition (definition, self.store);
    self.care = posada_machine_get_disk_care (self.machine);
    settle ();
    return self;
}

static struct place
place_new (void)
{
    return place_in (g_dir_make_tmp ("posada-care-XXXXXX", NULL));
}

static void
place_free (struct place *self)
{
    g_object_unref (self->machine);
    g_object_unref (self->store);
    settle ();
    CHECK (posada_file_remove_tree (self->top, NULL));
    g_free (self->top);
    g_free (self->folder);
    g_free (self->outside);
}

static guint
count_files (const char *folder)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    guint n = 0;

    while (g_dir_read_name (dir))
        n++;
    return n;
}

/* Data at the start of a raw image of @size bytes. */
static char *
make_raw (const char *folder, const char *name, guint64 size, guint64 data)
{
    char *path = g_build_filename (folder, name, NULL);
    g_autofree char *bytes = g_malloc (MIB);
    int fd = g_open (path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    for (gsize i = 0; i < MIB; i++)
        bytes[i] = (char) (i * 7 + i / 4096);
    for (guint64 at = 0; at < data; at += MIB)
        CHECK_EQUAL (pwrite (fd, bytes, MIB, (off_t) at), MIB);
    CHECK_EQUAL (ftruncate (fd, (off_t) size), 0);
    close (fd);
    return path;
}

static PosadaDisk *
saved_disk (struct place *place, const char *target)
{
    g_autoptr (PosadaDefinition) definition =
        posada_store_load (place->store, posada_machine_get_id (place->machine), NULL);

    for (unsigned i = 0; i < posada_definition_get_n_disks (definition); i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (definition, i);

        if (g_str_equal (disk->target, target))
            return g_steal_pointer (&disk);
    }
    return NULL;
}

static void
count_cb (guint *count)
{
    ++*count;
}

static const PosadaDiskData *
look (struct place *place, const char *target)
{
    GListModel *disks = posada_disk_care_get_disks (place->care);
    guint count = 0;
    gulong id = g_signal_connect_swapped (disks, "items-changed", G_CALLBACK (count_cb), &count);
    PosadaDiskInfo *info;

    /* The first may be what one sees who began to look earlier. */
    for (guint i = 0; i < 2; i++) {
        guint before = count;

        posada_disk_care_look (place->care);
        while (count == before)
            iterate ();
    }
    g_signal_handler_disconnect (disks, id);
    info = posada_disk_care_find (place->care, target);
    return info ? posada_disk_info_get (info) : NULL;
}

static gboolean
has_qemu_img (void)
{
    g_autofree char *path = g_find_program_in_path ("qemu-img");

    return path != NULL;
}

/* The machine sees its disks by itself. */
static void
wait_for_size (PosadaMachine *machine, guint64 size)
{
    while (posada_machine_get_disk_size (machine) != size)
        iterate ();
}

TEST (a_disk_is_made_grown_and_removed_and_its_file_stays)
{
    struct place place = place_new ();
    g_autoptr (PosadaDisk) disk = NULL, none = NULL;

    finish_well (posada_disk_care_create (place.care, 64 * MIB));
    CHECK_EQUAL (look (&place, "vda")->size, 64 * MIB);
    CHECK (look (&place, "vda")->own);
    wait_for_size (place.machine, 64 * MIB);
    disk = saved_disk (&place, "vda");
    CHECK (disk && disk->format == POSADA_FORMAT_QCOW2 && disk->bus == POSADA_BUS_VIRTIO);
    finish_well (posada_disk_care_resize (place.care, "vda", 256 * MIB));
    CHECK_EQUAL (look (&place, "vda")->size, 256 * MIB);
    wait_for_size (place.machine, 256 * MIB);
    finish_well (posada_disk_care_resize (place.care, "vda", 128 * MIB));
    CHECK_EQUAL (look (&place, "vda")->size, 128 * MIB);
    finish_well (posada_disk_care_remove (place.care, "vda", FALSE));
    none = saved_disk (&place, "vda");
    CHECK (!none && !look (&place, "vda"));
    CHECK (g_file_test (disk->path, G_FILE_TEST_EXISTS));
    place_free (&place);
}

TEST (shrinking_that_would_lose_data_is_refused)
{
    struct place place = place_new ();
    g_autofree char *path = make_raw (place.outside, "mine.img", 8 * MIB, 6 * MIB);

    finish_well (posada_disk_care_attach (place.care, path, POSADA_FORMAT_RAW));
    finish_badly (posada_disk_care_resize (place.care, "vda", 4 * MIB), "data");
    CHECK_EQUAL (look (&place, "vda")->size, 8 * MIB);
    place_free (&place);
}

TEST (a_file_belongs_to_one_disk)
{
    struct place place = place_new ();
    g_autofree char *path = make_raw (place.outside, "mine.img", 8 * MIB, MIB);
    g_autoptr (PosadaDefinition) other = posada_definition_new ("Beta", NULL);
    g_autoptr (PosadaDisk) disk = NULL;

    finish_well (posada_disk_care_attach (place.care, path, POSADA_FORMAT_RAW));
    finish_badly (posada_disk_care_attach (place.care, path, POSADA_FORMAT_RAW), "another disk");
    disk = saved_disk (&place, "vda");
    CHECK (posada_definition_add_disk (other, disk, NULL));
    CHECK (posada_store_create (place.store, other, NULL, NULL, NULL));
    finish_badly (posada_disk_care_remove (place.care, "vda", TRUE), "Beta");
    finish_badly (posada_disk_care_resize (place.care, "vda", 16 * MIB), "Beta");
    CHECK (g_file_test (path, G_FILE_TEST_EXISTS));
    place_free (&place);
}

TEST (formats_are_asked_for_where_name_and_content_disagree)
{
    struct place place = place_new ();
    g_autofree char *raw = make_raw (place.outside, "disk.img", MIB, MIB);
    g_autofree char *odd = make_raw (place.outside, "disk.qcow2", MIB, MIB);
    g_autofree char *named = g_build_filename (place.outside, "hidden.img", NULL);
    DexFuture *future = posada_disk_care_recognize (place.care, raw);

    while (dex_future_is_pending (future))
        iterate ();
    CHECK_STRING (g_value_get_string (dex_future_get_value (future, NULL)), "raw");
    dex_unref (future);
    finish_badly (posada_disk_care_recognize (place.care, odd), "choose it");
    CHECK (posada_disk_image_create (named, POSADA_FORMAT_QCOW2, MIB, NULL));
    finish_badly (posada_disk_care_recognize (place.care, named), "choose it");
    place_free (&place);
}

/* The first @n bytes of a disk. */
static char *
read_disk (const PosadaDisk *disk, gsize n)
{
    g_autofree char *copy = g_strconcat (disk->path, ".read.img", NULL);
    const struct blk_conversion conversion = {
        .from = disk->path,
        .from_format = disk->format == POSADA_FORMAT_QCOW2 ? "qcow2" : "raw",
        .to = copy,
        .to_format = BLK_FORMAT_RAW,
    };
    char *bytes = g_malloc0 (n);
    int fd;

    CHECK_EQUAL (blk_convert (&conversion, NULL), 0);
    fd = g_open (copy, O_RDONLY, 0);
    CHECK_EQUAL (read (fd, bytes, n), n);
    close (fd);
    g_unlink (copy);
    return bytes;
}

TEST (a_converted_disk_has_the_same_bytes_and_only_the_machines_own_file_goes)
{
    struct place place = place_new ();
    g_autofree char *own = make_raw (place.folder, "own.img", 8 * MIB, 3 * MIB);
    g_autofree char *foreign = make_raw (place.outside, "foreign.img", 8 * MIB, 3 * MIB);
    g_autofree char *before = NULL, *after = NULL;
    g_autoptr (PosadaDisk) raw = NULL, converted = NULL, other = NULL;

    if (!has_qemu_img ())
        tap_skip ("qemu-img is not here");
    finish_well (posada_disk_care_attach (place.care, own, POSADA_FORMAT_RAW));
    finish_well (posada_disk_care_attach (place.care, foreign, POSADA_FORMAT_RAW));
    raw = saved_disk (&place, "vda");
    before = read_disk (raw, 8 * MIB);
    CHECK (posada_disk_care_has_raw (place.care));
    finish_well (posada_disk_care_convert_raw (place.care));
    CHECK (!posada_disk_care_has_raw (place.care));
    converted = saved_disk (&place, "vda");
    other = saved_disk (&place, "vdb");
    CHECK (converted->format == POSADA_FORMAT_QCOW2 &&
           g_str_has_suffix (converted->path, "own.qcow2"));
    after = read_disk (converted, 8 * MIB);
    CHECK (memcmp (before, after, 8 * MIB) == 0);
    CHECK (!g_file_test (own, G_FILE_TEST_EXISTS));
    CHECK (g_file_test (foreign, G_FILE_TEST_EXISTS));
    CHECK (g_str_has_prefix (other->path, place.outside));
    finish_well (posada_disk_care_convert (place.care, "vda", POSADA_FORMAT_RAW));
    CHECK (look (&place, "vda")->format == POSADA_FORMAT_RAW);
    place_free (&place);
}

TEST (a_cancelled_conversion_leaves_no_trace_and_the_machine_does_not_start_meanwhile)
{
    struct place place = place_new ();
    g_autofree char *own = make_raw (place.folder, "own.img", 256 * MIB, 128 * MIB);
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaDisk) disk = NULL;
    guint n = count_files (place.folder);
    guint64 done, total;
    DexFuture *future;

    if (!has_qemu_img ())
        tap_skip ("qemu-img is not here");
    finish_well (posada_disk_care_attach (place.care, own, POSADA_FORMAT_RAW));
    CHECK (look (&place, "vda"));
    n = count_files (place.folder); /* with the lock */
    future = posada_disk_care_convert (place.care, "vda", POSADA_FORMAT_QCOW2);
    CHECK_CONTAINS (posada_disk_care_get_task (place.care), "own.img");
    CHECK_EQUAL (g_list_model_get_n_items (posada_work_get_list ()), 1);
    finish_badly (posada_machine_start (place.machine), "being worked on");
    finish_badly (posada_disk_care_create (place.care, MIB), "being worked on");
    while (!posada_disk_care_get_progress (place.care, &done, &total))
        g_usleep (500);
    CHECK (total >= 128 * MIB);
    CHECK (posada_disk_care_can_cancel (place.care));
    posada_disk_care_cancel (place.care);
    error = finish (future);
    CHECK (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    CHECK (!posada_disk_care_get_task (place.care));
    CHECK_EQUAL (g_list_model_get_n_items (posada_work_get_list ()), 0);
    CHECK_EQUAL (count_files (place.folder), n);
    disk = saved_disk (&place, "vda");
    CHECK_STRING (disk->path, own);
    CHECK (disk->format == POSADA_FORMAT_RAW);
    place_free (&place);
}

TEST (what_a_process_that_died_left_is_removed)
{
    struct place place = place_new ();
    g_autofree char *remains = g_build_filename (place.folder, "disk.qcow2.part-a1B2c3", NULL);
    g_autofree char *mine = g_build_filename (place.folder, "my.part-of-it", NULL);

    CHECK (g_file_set_contents (remains, "half", -1, NULL));
    CHECK (g_file_set_contents (mine, "whole", -1, NULL));
    finish_well (posada_disk_care_create (place.care, MIB));
    CHECK (!g_file_test (remains, G_FILE_TEST_EXISTS));
    CHECK (g_file_test (mine, G_FILE_TEST_EXISTS));
    place_free (&place);
}

static gboolean
run_qemu_img (const char *const *arguments)
{
    int status = -1;

    return g_spawn_sync (NULL, (char **) arguments, NULL,
                         G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                         &status, NULL) &&
           status == 0;
}

TEST (a_foreign_image_is_imported_and_stays_as_it_is)
{
    struct place place = place_new ();
    g_autofree char *raw = make_raw (place.outside, "source.img", 8 * MIB, 3 * MIB);
    g_autofree char *vmdk = g_build_filename (place.outside, "appliance.vmdk", NULL);
    g_autoptr (PosadaDisk) disk = NULL;
    g_autofree char *bytes = NULL, *expected = NULL;

    if (!has_qemu_img ())
        tap_skip ("qemu-img is not here");
    CHECK (run_qemu_img ((const char *[]) {"qemu-img", "convert", "-O", "vmdk", raw, vmdk, NULL}));
    finish_well (posada_disk_care_import (place.care, vmdk, "vmdk"));
    disk = saved_disk (&place, "vda");
    CHECK (g_str_has_suffix (disk->path, "appliance.qcow2") && look (&place, "vda")->own);
    CHECK (g_file_test (vmdk, G_FILE_TEST_EXISTS));
    bytes = read_disk (disk, 8 * MIB);
    CHECK (g_file_get_contents (raw, &expected, NULL, NULL));
    CHECK (memcmp (bytes, expected, 8 * MIB) == 0);
    finish_badly (posada_disk_care_import (place.care, raw, "vmdk"), "source.img");
    place_free (&place);
}

/* Counts a cluster behind the end of an image that nobody has. */
static void
leak (const char *path)
{
    int fd = g_open (path, O_RDWR, 0);
    struct stat status;
    guint64 table, block;
    guint16 one = GUINT16_TO_BE (1);

    CHECK_EQUAL (fstat (fd, &status), 0);
    CHECK_EQUAL (pread (fd, &table, 8, 48), 8);
    CHECK_EQUAL (pread (fd, &block, 8, (off_t) GUINT64_FROM_BE (table)), 8);
    CHECK_EQUAL (ftruncate (fd, (status.st_size + 65535) / 65536 * 65536 + 65536), 0);
    CHECK_EQUAL (pwrite (fd, &one, 2,
                         (off_t) GUINT64_FROM_BE (block) + (status.st_size + 65535) / 65536 * 2),
                 2);
    close (fd);
}

TEST (leaks_are_found_and_repaired)
{
    struct place place = place_new ();
    g_autoptr (PosadaDisk) disk = NULL;

    finish_well (posada_disk_care_create (place.care, 64 * MIB));
    disk = saved_disk (&place, "vda");
    CHECK_EQUAL (finish_with_number (posada_disk_care_check (place.care, "vda")), 0);
    leak (disk->path);
    CHECK_EQUAL (finish_with_number (posada_disk_care_check (place.care, "vda")),
                 POSADA_DISK_HAS_LEAKS);
    finish_with_number (posada_disk_care_repair (place.care, "vda"));
    CHECK_EQUAL (finish_with_number (posada_disk_care_check (place.care, "vda")), 0);
    place_free (&place);
}

/* However fast it is: cancelled before it begins. */
TEST (checking_and_repairing_can_be_cancelled)
{
    struct place place = place_new ();
    g_autofree char *uuid = g_path_get_basename (place.folder);
    g_autoptr (PosadaDisk) disk = NULL;

    finish_well (posada_disk_care_create (place.care, 64 * MIB));
    disk = saved_disk (&place, "vda");
    leak (disk->path);
    for (unsigned i = 0; i < 2; i++) {
        PosadaDiskJob *job = g_atomic_rc_box_new0 (PosadaDiskJob);

        job->work = posada_disk_job_check;
        job->is_task = job->needs_lock = TRUE;
        job->store = g_object_ref (place.store);
        job->folder = g_strdup (place.folder);
        job->definition = posada_store_load (place.store, uuid, NULL);
        job->target = g_strdup ("vda");
        job->flag = i == 1;
        atomic_store (&job->cancelled, true);
        posada_disk_job_run (job);
        CHECK (g_error_matches (job->error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
        g_atomic_rc_box_release_full (job, posada_disk_job_clear);
    }
    CHECK_EQUAL (finish_with_number (posada_disk_care_check (place.care, "vda")),
                 POSADA_DISK_HAS_LEAKS);
    place_free (&place);
}

TEST (a_disk_with_snapshots_is_told_of_and_keeps_its_format_and_size)
{
    struct place place = place_new ();

    finish_well (posada_disk_care_create (place.care, 64 * MIB));
    finish_well (posada_machine_take_snapshot (place.machine, "Before", NULL));
    CHECK_EQUAL (look (&place, "vda")->n_shares, 1);
    CHECK_STRING (look (&place, "vda")->shares[0].name, "Before");
    CHECK (look (&place, "vda")->fixed != NULL);
    finish_badly (posada_disk_care_convert (place.care, "vda", POSADA_FORMAT_RAW), "Snapshots");
    finish_badly (posada_disk_care_compact (place.care, "vda", FALSE), "Snapshots");
    finish_badly (posada_disk_care_resize (place.care, "vda", 128 * MIB), "Snapshots");
    place_free (&place);
}

TEST (discs_are_changed_and_ejected)
{
    struct place place = place_new ();
    g_autofree char *iso = make_raw (place.outside, "some.iso", MIB, MIB);
    g_autoptr (PosadaDisk) full = NULL, empty = NULL;

    finish_well (posada_disk_care_set_medium (place.care, "sda", iso));
    full = saved_disk (&place, "sda");
    CHECK_STRING (full->path, iso);
    finish_well (posada_disk_care_set_medium (place.care, "sda", NULL));
    empty = saved_disk (&place, "sda");
    CHECK (!empty->path);
    place_free (&place);
}

TEST (a_removed_file_goes_to_the_trash_if_that_is_wanted)
{
    struct place place = place_new ();
    g_autoptr (GError) error = NULL;
    g_autoptr (PosadaDisk) disk = NULL, none = NULL;

    finish_well (posada_disk_care_create (place.care, MIB));
    disk = saved_disk (&place, "vda");
    error = finish (posada_disk_care_remove (place.care, "vda", TRUE));
    none = saved_disk (&place, "vda");
    CHECK (!none);
    /* Some file systems have no trash: then it says so and the file is where it was. */
    if (error)
        CHECK_CONTAINS (error->message, "stays where it is");
    CHECK_EQUAL (g_file_test (disk->path, G_FILE_TEST_EXISTS), error != NULL);
    place_free (&place);
}

/* --- where there is little room, in a process of its own --- */

static void
fill_room (const char *folder)
{
    struct place place;
    g_autofree char *own = NULL, *small = NULL, *packed = NULL, *large = NULL;
    g_autoptr (PosadaDisk) disk = NULL;
    guint n;

    if (unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount ("tmpfs", folder, "tmpfs", 0, "size=48m") < 0)
        exit (NO_ROOM);
    place = place_in (g_strdup (folder));
    own = make_raw (place.folder, "own.img", 32 * MIB, 24 * MIB);
    finish_well (posada_disk_care_attach (place.care, own, POSADA_FORMAT_RAW));
    n = count_files (place.folder);
    finish_badly (posada_disk_care_convert (place.care, "vda", POSADA_FORMAT_QCOW2), "are free in");
    CHECK_EQUAL (count_files (place.folder), n);

    /* What fits by its size on the disk, and does not by what is in it. */
    small = g_build_filename (place.folder, "packed.qcow2", NULL);
    large = g_dir_make_tmp ("posada-large-XXXXXX", NULL);
    packed = make_raw (large, "large.img", 64 * MIB, 64 * MIB);
    CHECK (run_qemu_img (
        (const char *[]) {"qemu-img", "convert", "-c", "-O", "qcow2", packed, small, NULL}));
    CHECK (posada_file_remove_tree (large, NULL));
    g_unlink (own);
    finish_well (posada_disk_care_attach (place.care, small, POSADA_FORMAT_QCOW2));
    n = count_files (place.folder);
    /* Of the same format it would stay packed. */
    finish_badly (posada_disk_care_convert (place.care, "vdb", POSADA_FORMAT_RAW), "room");
    CHECK_EQUAL (count_files (place.folder), n);
    disk = saved_disk (&place, "vdb");
    CHECK_STRING (disk->path, small);
    CHECK_EQUAL (finish_with_number (posada_disk_care_check (place.care, "vdb")), 0);
    g_object_unref (place.machine);
    g_object_unref (place.store);
    settle ();
    g_free (place.top);
    g_free (place.folder);
    g_free (place.outside);
}

TEST (a_full_file_system_leaves_the_old_image)
{
    g_autofree char *folder = g_dir_make_tmp ("posada-little-XXXXXX", NULL);
    int status = 0;

    if (!has_qemu_img ())
        tap_skip ("qemu-img is not here");
    CHECK (g_spawn_sync (NULL,
                         (char *[]) {(char *) "/proc/self/exe", (char *) LITTLE, folder, NULL},
                         NULL, 0, NULL, NULL, NULL, NULL, &status, NULL));
    g_rmdir (folder);
    if (WIFEXITED (status) && WEXITSTATUS (status) == NO_ROOM)
        tap_skip ("file systems cannot be mounted here");
    CHECK_EQUAL (status, 0);
}

int
main (int argc, char **argv)
{
    g_autofree char *data = g_dir_make_tmp ("posada-data-XXXXXX", NULL);

    g_setenv ("XDG_DATA_HOME", data, TRUE);
    dex_init ();
    if (argc == 3 && g_str_equal (argv[1], LITTLE)) {
        if (setjmp (tap_escape))
            return 1;
        fill_room (argv[2]);
        return 0;
    }
    argc = tap_main (argc, argv);
    posada_file_remove_tree (data, NULL);
    return argc;
}
