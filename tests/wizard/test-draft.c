/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every source, every refusal, and what is in the store at the end. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/block.h"
#include "tap.h"
#include "wizard-test.h"

#define RESCUE "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"

static void
check_refused (PosadaDraft *draft, PosadaField field, const char *part)
{
    CHECK_CONTAINS (posada_draft_get_problem (draft, field), part);
    CHECK (!posada_draft_is_ready (draft));
}

static char *
create (PosadaDraft *draft, GCancellable *cancellable, GError **error)
{
    DexFuture *future = posada_draft_create (draft, cancellable);
    const GValue *value;
    char *uuid;

    while (dex_future_is_pending (future))
        if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (1000);
    value = dex_future_get_value (future, error);
    uuid = value ? g_value_dup_string (value) : NULL;
    dex_unref (future);
    settle (20);
    return uuid;
}

static PosadaDisk *
created_disk (const struct place *place, const char *uuid, PosadaDiskKind kind)
{
    g_autoptr (PosadaDefinition) definition = posada_store_load (place->store, uuid, NULL);

    CHECK (definition != NULL);
    for (unsigned i = 0; i < posada_definition_get_n_disks (definition); i++) {
        g_autoptr (PosadaDisk) disk = posada_definition_get_disk (definition, i);

        if (disk->kind == kind)
            return g_steal_pointer (&disk);
    }
    return NULL;
}

/* --- installation images --- */

TEST (real_rescue_cd_makes_a_machine)
{
    struct place place = place_new ();
    g_autoptr (PosadaDraft) draft = NULL;
    g_autoptr (PosadaDisk) disk = NULL;
    g_autoptr (PosadaDisk) cd = NULL;
    g_autofree char *uuid = NULL;
    struct stat buffer;

    if (g_access (RESCUE, R_OK) < 0)
        SKIP ("no grub-rescue-cdrom.iso here");
    draft = place_draft (&place, NULL);
    draft_choose (draft, RESCUE, POSADA_MEDIUM_UNKNOWN);
    CHECK_EQUAL (posada_draft_get_kind (draft), POSADA_MEDIUM_ISO);
    CHECK_STRING (posada_draft_get_name (draft), "grub-rescue-cdrom");
    CHECK (posada_draft_is_ready (draft));
    uuid = create (draft, NULL, NULL);
    CHECK (uuid != NULL);
    cd = created_disk (&place, uuid, POSADA_DISK_CDROM);
    CHECK_STRING (cd->path, RESCUE);
    disk = created_disk (&place, uuid, POSADA_DISK_DISK);
    CHECK_EQUAL (disk->format, POSADA_FORMAT_QCOW2);
    CHECK (g_str_has_prefix (disk->path, posada_store_get_folder (place.store)));
    CHECK_EQUAL (stat (disk->path, &buffer), 0);
    CHECK (buffer.st_blocks * 512 < 4 << 20);
    place_free (&place);
}

TEST (system_is_recognized_and_its_wishes_are_defaults)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_iso (&place, "a.iso", "Fedora-S-dvd-x86_64-41", TRUE);
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    const PosadaMedium *medium;

    draft_choose (draft, path, POSADA_MEDIUM_ISO);
    medium = posada_draft_get_medium (draft);
    CHECK (medium != NULL);
    if (g_access ("/usr/share/osinfo/os", R_OK) < 0)
        SKIP ("no osinfo-db here");
    CHECK_STRING (medium->os_name, "Fedora Linux 41");
    CHECK_STRING (posada_draft_get_name (draft), "Fedora Linux 41");
    CHECK_EQUAL (posada_draft_get_memory (draft), MIN (medium->memory, UINT64_C (3) << 30));
    CHECK_EQUAL (posada_draft_get_disk_size (draft), medium->storage >> 30 << 30);
    CHECK (posada_draft_is_ready (draft));
    place_free (&place);
}

TEST (defaults_are_bounded_by_the_host)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_iso (&place, "a.iso", "Fedora-S-dvd-x86_64-41", TRUE);
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    const PosadaCapacity small = {
        .memory = UINT64_C (4) << 30,
        .free_memory = UINT64_C (3) << 30,
        .free_space = UINT64_C (9) << 30,
        .cpus = 1,
    };

    posada_draft_set_capacity (draft, &small);
    draft_choose (draft, path, POSADA_MEDIUM_ISO);
    CHECK_EQUAL (posada_draft_get_cpus (draft), 1);
    CHECK_EQUAL (posada_draft_get_disk_size (draft), UINT64_C (8) << 30);
    CHECK (posada_draft_get_memory (draft) <= UINT64_C (3) << 29);
    place_free (&place);
}

TEST (own_values_survive_another_choice)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_iso (&place, "a.iso", "SOMETHING", TRUE);
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);

    draft_choose (draft, NULL, POSADA_MEDIUM_UNKNOWN);
    posada_draft_set_memory (draft, UINT64_C (1) << 30);
    draft_choose (draft, path, POSADA_MEDIUM_ISO);
    CHECK_EQUAL (posada_draft_get_memory (draft), UINT64_C (1) << 30);
    CHECK_STRING (posada_draft_get_name (draft), "a");
    place_free (&place);
}

TEST (iso_without_boot_record_is_refused)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_iso (&place, "data.iso", "DATA", FALSE);
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);

    draft_choose (draft, path, POSADA_MEDIUM_ISO);
    check_refused (draft, POSADA_FIELD_SOURCE, "No machine can start from this image");
    place_free (&place);
}

TEST (truncated_iso_is_refused)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_iso (&place, "cut.iso", "CUT", TRUE);
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);

    CHECK_EQUAL (truncate (path, 300 << 10), 0);
    draft_choose (draft, path, POSADA_MEDIUM_ISO);
    check_refused (draft, POSADA_FIELD_SOURCE, "not complete");
    place_free (&place);
}

TEST (empty_missing_foreign_and_odd_files_are_refused)
{
    struct place place = place_new ();
    g_autofree char *empty = place_write (&place, "empty.iso", "", 0);
    g_autofree char *text = place_write (&place, "text.iso", "Hello\n", 6);
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    g_autoptr (GFile) far = g_file_new_for_uri ("https://example.org/some.iso");

    draft_choose (draft, empty, POSADA_MEDIUM_ISO);
    check_refused (draft, POSADA_FIELD_SOURCE, "empty");
    draft_choose (draft, text, POSADA_MEDIUM_ISO);
    check_refused (draft, POSADA_FIELD_SOURCE, "no installation image");
    draft_choose (draft, text, POSADA_MEDIUM_UNKNOWN);
    check_refused (draft, POSADA_FIELD_SOURCE, "neither");
    draft_choose (draft, place.folder, POSADA_MEDIUM_ISO);
    check_refused (draft, POSADA_FIELD_SOURCE, "folder");
    draft_choose (draft, "/nowhere/at-all.iso", POSADA_MEDIUM_ISO);
    check_refused (draft, POSADA_FIELD_SOURCE, "cannot be read");
    draft_choose (draft, "/dev/null", POSADA_MEDIUM_ISO);
    check_refused (draft, POSADA_FIELD_SOURCE, "not a file with data");
    posada_draft_set_source (draft, far, POSADA_MEDIUM_ISO);
    while (posada_draft_is_looking (draft))
        settle (10);
    check_refused (draft, POSADA_FIELD_SOURCE, "not on this computer");
    place_free (&place);
}

TEST (unreadable_iso_is_refused)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_iso (&place, "secret.iso", "SECRET", TRUE);
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    gboolean is_root = geteuid () == 0;

    CHECK_EQUAL (g_chmod (path, 0), 0);
    CHECK (!is_root || seteuid (65534) == 0);
    draft_choose (draft, path, POSADA_MEDIUM_ISO);
    CHECK (!is_root || seteuid (0) == 0);
    check_refused (draft, POSADA_FIELD_SOURCE, "cannot be read: Permission denied");
    place_free (&place);
}

TEST (system_for_another_processor_is_refused)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_iso (&place, "arm.iso", "Fedora-S-dvd-aarch64-41", TRUE);
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);

    draft_choose (draft, path, POSADA_MEDIUM_ISO);
    if (g_access ("/usr/share/osinfo/os", R_OK) < 0)
        SKIP ("no osinfo-db here");
    check_refused (draft, POSADA_FIELD_SOURCE, "aarch64");
    place_free (&place);
}

TEST (hostile_descriptors_do_no_harm)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_iso (&place, "odd.iso", "ODD", TRUE);
    g_autofree char *image = NULL;
    gsize length;
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);

    CHECK (g_file_get_contents (path, &image, &length, NULL));
    /* A catalog far behind the end, then descriptors without an end. */
    memset (image + 17 * 2048 + 0x47, 0xff, 4);
    CHECK (g_file_set_contents (path, image, (gssize) length, NULL));
    draft_choose (draft, path, POSADA_MEDIUM_ISO);
    check_refused (draft, POSADA_FIELD_SOURCE, "No machine can start");
    for (gsize at = 16 * 2048; at + 2048 <= length; at += 2048)
        memcpy (image + at, image + 16 * 2048, 2048);
    CHECK (g_file_set_contents (path, image, (gssize) length, NULL));
    draft_choose (draft, path, POSADA_MEDIUM_ISO);
    check_refused (draft, POSADA_FIELD_SOURCE, "No machine can start");
    place_free (&place);
}

/* --- name and hardware --- */

TEST (names_in_use_are_refused_in_any_case)
{
    struct place place = place_new ();
    const char *const names[] = {"Débian", NULL};
    g_autoptr (PosadaDraft) draft = place_draft (&place, names);

    draft_choose (draft, NULL, POSADA_MEDIUM_UNKNOWN);
    CHECK (posada_draft_is_ready (draft));
    posada_draft_set_name (draft, "DÉBIAN");
    check_refused (draft, POSADA_FIELD_NAME, "has this name");
    posada_draft_set_name (draft, "  ");
    check_refused (draft, POSADA_FIELD_NAME, "needs a name");
    posada_draft_set_name (draft, "a/b");
    check_refused (draft, POSADA_FIELD_NAME, "slashes");
    posada_draft_set_name (draft, "Débian 2");
    CHECK (posada_draft_is_ready (draft));
    place_free (&place);
}

TEST (suggested_names_are_free)
{
    struct place place = place_new ();
    const char *const names[] = {"new machine", "New Machine 2", NULL};
    g_autoptr (PosadaDraft) draft = place_draft (&place, names);

    draft_choose (draft, NULL, POSADA_MEDIUM_UNKNOWN);
    CHECK_STRING (posada_draft_get_name (draft), "New Machine 3");
    place_free (&place);
}

TEST (more_than_the_host_has_is_refused)
{
    struct place place = place_new ();
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);

    draft_choose (draft, NULL, POSADA_MEDIUM_UNKNOWN);
    posada_draft_set_memory (draft, UINT64_C (7) << 30);
    check_refused (draft, POSADA_FIELD_MEMORY, "free: give it less");
    posada_draft_set_memory (draft, UINT64_C (1) << 30);
    posada_draft_set_disk_size (draft, UINT64_C (101) << 30);
    check_refused (draft, POSADA_FIELD_DISK_SIZE, "where machines are kept");
    posada_draft_set_disk_size (draft, UINT64_C (10) << 30);
    posada_draft_set_cpus (draft, 5);
    check_refused (draft, POSADA_FIELD_CPUS, "only 4");
    posada_draft_set_cpus (draft, 4);
    CHECK (posada_draft_is_ready (draft));
    place_free (&place);
}

TEST (space_is_measured_where_the_store_will_be)
{
    struct place place = place_new ();
    g_autoptr (PosadaDraft) draft = posada_draft_new (place.store, NULL);

    CHECK (!posada_draft_is_ready (draft));
    posada_draft_refresh (draft);
    while (!posada_draft_get_capacity (draft))
        settle (10);
    CHECK (posada_draft_get_capacity (draft)->free_space < G_MAXUINT64);
    CHECK (posada_draft_get_capacity (draft)->free_memory > 0);
    CHECK (posada_draft_get_capacity (draft)->free_memory <=
           posada_draft_get_capacity (draft)->memory);
    CHECK_EQUAL (posada_draft_get_capacity (draft)->cpus, g_get_num_processors ());
    place_free (&place);
}

/* --- other sources --- */

TEST (empty_machine_has_a_disk_and_an_empty_drive)
{
    struct place place = place_new ();
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    g_autoptr (PosadaDisk) cd = NULL;
    g_autoptr (PosadaDisk) disk = NULL;
    g_autofree char *uuid = NULL;

    draft_choose (draft, NULL, POSADA_MEDIUM_UNKNOWN);
    posada_draft_set_name (draft, "Nothing");
    uuid = create (draft, NULL, NULL);
    CHECK (uuid != NULL);
    cd = created_disk (&place, uuid, POSADA_DISK_CDROM);
    CHECK (cd && !cd->path);
    disk = created_disk (&place, uuid, POSADA_DISK_DISK);
    CHECK (disk && g_access (disk->path, W_OK) == 0);
    place_free (&place);
}

TEST (a_network_card_is_there_unless_it_is_not_wanted)
{
    struct place place = place_new ();

    for (unsigned wanted = 0; wanted < 2; wanted++) {
        g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
        g_autoptr (PosadaDefinition) definition = NULL;
        g_autofree char *uuid = NULL;

        draft_choose (draft, NULL, POSADA_MEDIUM_UNKNOWN);
        posada_draft_set_name (draft, wanted ? "With" : "Without");
        CHECK (posada_draft_get_network (draft));
        if (!wanted)
            posada_draft_set_network (draft, FALSE);
        uuid = create (draft, NULL, NULL);
        definition = posada_store_load (place.store, uuid, NULL);
        CHECK_EQUAL (posada_definition_get_n_interfaces (definition), wanted);
    }
    place_free (&place);
}

TEST (disk_is_used_in_place)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_image (&place, "old.img", "raw");
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    g_autoptr (PosadaDisk) disk = NULL;
    g_autofree char *uuid = NULL;

    draft_choose (draft, path, POSADA_MEDIUM_DISK);
    CHECK_EQUAL (posada_draft_get_format (draft), POSADA_FORMAT_RAW);
    CHECK (!posada_draft_get_copy (draft) && !posada_draft_takes_long (draft));
    CHECK (posada_draft_is_ready (draft));
    uuid = create (draft, NULL, NULL);
    CHECK (uuid != NULL);
    disk = created_disk (&place, uuid, POSADA_DISK_DISK);
    CHECK_STRING (disk->path, path);
    place_free (&place);
}

TEST (disk_is_copied)
{
    struct place place = place_new ();
    g_autofree char *data = g_strnfill (3 << 20, 'x');
    g_autofree char *path = place_write (&place, "old.img", data, 3 << 20);
    g_autofree char *copy = NULL;
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    g_autoptr (PosadaDisk) disk = NULL;
    g_autofree char *uuid = NULL;
    gsize length;

    draft_choose (draft, path, POSADA_MEDIUM_DISK);
    posada_draft_set_copy (draft, TRUE);
    CHECK (posada_draft_takes_long (draft) && posada_draft_is_ready (draft));
    uuid = create (draft, NULL, NULL);
    CHECK (uuid != NULL);
    disk = created_disk (&place, uuid, POSADA_DISK_DISK);
    CHECK (strcmp (disk->path, path) != 0);
    CHECK (g_file_get_contents (disk->path, &copy, &length, NULL));
    CHECK_EQUAL (length, 3 << 20);
    CHECK (memcmp (copy, data, length) == 0);
    place_free (&place);
}

TEST (cancelled_copy_leaves_no_machine)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_image (&place, "old.img", "raw");
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    g_autoptr (GCancellable) cancellable = g_cancellable_new ();
    g_autoptr (GPtrArray) machines = NULL;
    g_autoptr (GError) error = NULL;
    int fd = g_open (path, O_WRONLY, 0);

    CHECK_EQUAL (pwrite (fd, "data", 4, 0), 4);
    close (fd);
    draft_choose (draft, path, POSADA_MEDIUM_DISK);
    posada_draft_set_copy (draft, TRUE);
    g_cancellable_cancel (cancellable);
    CHECK (!create (draft, cancellable, &error));
    CHECK (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED));
    machines = posada_store_list (place.store, NULL);
    CHECK (!machines || machines->len == 0);
    CHECK (g_access (path, R_OK) == 0);
    place_free (&place);
}

TEST (format_is_of_name_and_header_once)
{
    struct place place = place_new ();
    g_autofree char *qcow2 = place_make_image (&place, "a.qcow2", "qcow2");
    g_autofree char *hidden = place_make_image (&place, "b.img", "qcow2");
    g_autofree char *named = place_make_image (&place, "c.qcow2", "raw");
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);

    draft_choose (draft, qcow2, POSADA_MEDIUM_UNKNOWN);
    CHECK_EQUAL (posada_draft_get_kind (draft), POSADA_MEDIUM_DISK);
    CHECK_EQUAL (posada_draft_get_format (draft), POSADA_FORMAT_QCOW2);
    draft_choose (draft, hidden, POSADA_MEDIUM_DISK);
    CHECK_EQUAL (posada_draft_get_format (draft), POSADA_FORMAT_UNKNOWN);
    check_refused (draft, POSADA_FIELD_FORMAT, "choose");
    draft_choose (draft, named, POSADA_MEDIUM_DISK);
    check_refused (draft, POSADA_FIELD_FORMAT, "choose");
    posada_draft_set_format (draft, POSADA_FORMAT_RAW);
    CHECK (posada_draft_is_ready (draft));
    place_free (&place);
}

TEST (format_is_kept_in_the_definition)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_image (&place, "a.qcow2", "qcow2");
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    g_autoptr (PosadaDisk) disk = NULL;
    g_autofree char *uuid = NULL;

    draft_choose (draft, path, POSADA_MEDIUM_DISK);
    uuid = create (draft, NULL, NULL);
    CHECK (uuid != NULL);
    disk = created_disk (&place, uuid, POSADA_DISK_DISK);
    CHECK_EQUAL (disk->format, POSADA_FORMAT_QCOW2);
    place_free (&place);
}

TEST (foreign_images_are_refused_by_name)
{
    static const struct {
        const char *file, *format, *name;
    } images[] = {{"a.vmdk", "vmdk", "VMDK"},
                  {"a.vdi", "vdi", "VDI"},
                  {"a.vhdx", "vhdx", "VHDX"},
                  {"a.qcow", "qcow", "qcow"}};

    for (guint i = 0; i < G_N_ELEMENTS (images); i++) {
        struct place place = place_new ();
        g_autofree char *path = place_make_image (&place, images[i].file, images[i].format);
        g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);

        draft_choose (draft, path, POSADA_MEDIUM_DISK);
        check_refused (draft, POSADA_FIELD_SOURCE, images[i].name);
        place_free (&place);
    }
}

TEST (image_that_runs_is_refused)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_image (&place, "old.img", "raw");
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    struct blk *user;

    CHECK_EQUAL (blk_open_raw (path, 0, 0, NULL, &user, NULL), 0);
    draft_choose (draft, path, POSADA_MEDIUM_DISK);
    check_refused (draft, POSADA_FIELD_USE, "running");
    blk_close (user);
    draft_choose (draft, path, POSADA_MEDIUM_DISK);
    CHECK (posada_draft_is_ready (draft));
    place_free (&place);
}

TEST (copy_without_space_or_of_an_overlay_is_refused)
{
    struct place place = place_new ();
    g_autofree char *data = g_strnfill (3 << 20, 'x');
    g_autofree char *path = place_write (&place, "old.img", data, 3 << 20);
    g_autofree char *overlay = place_make_image (&place, "over.qcow2", "qcow2");
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    PosadaCapacity full = some_host;
    int fd;

    full.free_space = 1 << 20;
    draft_choose (draft, path, POSADA_MEDIUM_DISK);
    posada_draft_set_capacity (draft, &full);
    CHECK (!posada_draft_get_problem (draft, POSADA_FIELD_USE));
    posada_draft_set_copy (draft, TRUE);
    check_refused (draft, POSADA_FIELD_USE, "are free");
    /* The header's offset of another image's name. */
    fd = g_open (overlay, O_WRONLY, 0);
    CHECK_EQUAL (pwrite (fd, "\0\0\0\0\0\0\2\0", 8, 8), 8);
    close (fd);
    posada_draft_set_capacity (draft, &some_host);
    draft_choose (draft, overlay, POSADA_MEDIUM_DISK);
    posada_draft_set_copy (draft, TRUE);
    check_refused (draft, POSADA_FIELD_USE, "differs from another");
    posada_draft_set_copy (draft, FALSE);
    check_refused (draft, POSADA_FIELD_USE, "differs from another");
    place_free (&place);
}

TEST (kernel_with_its_words_makes_a_machine)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_kernel (&place, "vmlinuz");
    g_autofree char *initrd = place_write (&place, "initrd", "cpio", 4);
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    g_autoptr (PosadaDefinition) definition = NULL;
    g_autoptr (GFile) file = g_file_new_for_path (initrd);
    g_autofree char *uuid = NULL;
    g_autofree char *kernel = NULL, *disk = NULL, *words = NULL;

    draft_choose (draft, path, POSADA_MEDIUM_UNKNOWN);
    CHECK_EQUAL (posada_draft_get_kind (draft), POSADA_MEDIUM_KERNEL);
    posada_draft_set_initrd (draft, file);
    while (!posada_draft_is_ready (draft))
        settle (10);
    posada_draft_set_cmdline (draft, "quiet root=/dev/vda");
    uuid = create (draft, NULL, NULL);
    CHECK (uuid != NULL);
    definition = posada_store_load (place.store, uuid, NULL);
    kernel = posada_definition_get_kernel (definition);
    disk = posada_definition_get_initrd (definition);
    words = posada_definition_get_cmdline (definition);
    CHECK_STRING (kernel, path);
    CHECK_STRING (disk, initrd);
    CHECK_STRING (words, "quiet root=/dev/vda");
    CHECK_EQUAL (posada_definition_get_n_disks (definition), 0);
    place_free (&place);
}

TEST (bad_kernels_initrds_and_command_lines_are_refused)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_kernel (&place, "vmlinuz");
    g_autofree char *text = place_write (&place, "text", "Hello\n", 6);
    g_autofree char *empty = place_write (&place, "empty", "", 0);
    g_autofree char *words = g_strnfill (3000, 'x');
    g_autoptr (PosadaDraft) draft = place_draft (&place, NULL);
    g_autoptr (GFile) file = g_file_new_for_path (empty);

    draft_choose (draft, text, POSADA_MEDIUM_KERNEL);
    check_refused (draft, POSADA_FIELD_SOURCE, "not a Linux kernel");
    draft_choose (draft, path, POSADA_MEDIUM_KERNEL);
    CHECK (posada_draft_is_ready (draft));
    posada_draft_set_cmdline (draft, words);
    check_refused (draft, POSADA_FIELD_CMDLINE, "at most 2047");
    posada_draft_set_cmdline (draft, "");
    posada_draft_set_initrd (draft, file);
    CHECK (!posada_draft_is_ready (draft));
    while (!posada_draft_get_problem (draft, POSADA_FIELD_INITRD))
        settle (10);
    check_refused (draft, POSADA_FIELD_INITRD, "empty");
    posada_draft_set_initrd (draft, NULL);
    CHECK (posada_draft_is_ready (draft));
    place_free (&place);
}

TEST (draft_in_the_middle_of_a_look_is_finalized)
{
    struct place place = place_new ();
    g_autofree char *path = place_make_iso (&place, "a.iso", "A", TRUE);
    g_autoptr (GFile) file = g_file_new_for_path (path);
    PosadaDraft *draft = place_draft (&place, NULL);
    gpointer gone = draft;

    g_object_add_weak_pointer (G_OBJECT (draft), &gone);
    posada_draft_set_source (draft, file, POSADA_MEDIUM_ISO);
    posada_draft_set_source (draft, NULL, POSADA_MEDIUM_UNKNOWN);
    posada_draft_set_source (draft, file, POSADA_MEDIUM_ISO);
    posada_draft_refresh (draft);
    g_object_unref (draft);
    for (guint i = 0; gone && i < 6000; i++)
        settle (10);
    CHECK (gone == NULL);
    place_free (&place);
}

int
main (int argc, char **argv)
{
    dex_init ();
    g_log_set_always_fatal (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    return tap_main (argc, argv);
}
