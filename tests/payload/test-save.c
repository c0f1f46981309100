/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Saving a running machine and restoring it, on real KVM. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/machine-internal.h"
#include "engine/machine.h"
#include "hw/virtio/virtio-gpu.h"
#include "payload-host.h"
#include "snapshot/snapshot.h"
#include "tap.h"

#define ROUNDS 0x200000u
#define STOP   0x200008u

static const struct vmm_device_config devices[] = {
    {.class_name = "q35-host", .id = "host"},   {.class_name = "ich9-lpc", .id = "lpc"},
    {.class_name = "rtc", .id = "rtc"},         {.class_name = "i8042", .id = "i8042"},
    {.class_name = "serial", .id = "serial0"},  {.class_name = "virtio-rng", .id = "rng"},
    {.class_name = "virtio-vga", .id = "vga0"}, {.class_name = "virtio-balloon", .id = "balloon"},
};

static struct gpu *
gpu_of (struct vmm_device *device)
{
    return CONTAINER_OF (device, struct gpu, virtio.pci.device);
}

static const struct payload_options options = {
    .rom = "saved.rom", .devices = devices, .n_devices = ARRAY_LENGTH (devices), .cpus = 2};

struct files {
    int ram, state;
};

static struct files
make_files (void)
{
    struct files files = {memfd_create ("ram", MFD_CLOEXEC), memfd_create ("state", MFD_CLOEXEC)};

    CHECK (files.ram >= 0 && files.state >= 0);
    return files;
}

static void
close_files (struct files *files)
{
    close (files->ram);
    close (files->state);
}

static uint64_t
rounds (struct payload *payload)
{
    uint64_t value = 0;

    vmm_memory_read (vmm_machine_memory (payload->machine), ROUNDS, &value, sizeof value);
    return value;
}

static bool
goes_on (struct payload *payload)
{
    uint64_t before = rounds (payload);

    for (int i = 0; i < 500 && rounds (payload) < before + 3; i++)
        usleep (10000);
    return rounds (payload) >= before + 3;
}

static struct payload *
run_guest (void)
{
    struct payload *payload = payload_new (&options);

    vmm_start (payload->machine);
    CHECK (goes_on (payload));
    return payload;
}

static void
save (struct payload *payload, const struct files *files, bool stay_paused)
{
    unsigned before = payload->saves;

    vmm_save (payload->machine, &(struct vmm_save) {.ram_fd = files->ram,
                                                    .state_fd = files->state,
                                                    .stay_paused = stay_paused});
    CHECK (payload_wait_count (payload, &payload->saves, before + 1, 20000));
    CHECK_STRING (payload->last_saved.reason, "");
    CHECK (!payload->last_saved.failed);
    printf ("# the guest stood still for %.2f ms\n", (double) payload->last_saved.pause_ns / 1e6);
}

static void
restore (struct payload *payload, const struct files *files, bool paused)
{
    unsigned before = payload->restores;

    vmm_restore (
        payload->machine,
        &(struct vmm_restore) {.ram_fd = files->ram, .state_fd = files->state, .paused = paused});
    CHECK (payload_wait_count (payload, &payload->restores, before + 1, 20000));
    CHECK_STRING (payload->last_restored.reason, "");
    CHECK (!payload->last_restored.failed);
    CHECK_EQUAL (vmm_get_state (payload->machine), paused ? VMM_PAUSED : VMM_RUNNING);
}

/* The guest looks at itself a last time. */
static void
finish_well (struct payload *payload)
{
    uint64_t one = 1;
    char report[PAYLOAD_REPORT];

    CHECK (goes_on (payload));
    vmm_memory_write (vmm_machine_memory (payload->machine), STOP, &one, sizeof one);
    CHECK (payload_wait (payload, 20000));
    payload_copy_report (payload, report);
    CHECK_STRING (report, "");
    CHECK_EQUAL (atomic_load (&payload->code), 0);
}

static uint64_t
rounds_in_file (const struct files *files)
{
    uint64_t value = 0;

    CHECK_EQUAL (pread (files->ram, &value, sizeof value, ROUNDS), 8);
    return value;
}

TEST (a_running_machine_goes_on_while_it_is_saved)
{
    struct payload *payload = run_guest ();
    struct files files = make_files ();
    struct stat status;

    save (payload, &files, false);
    CHECK_EQUAL (vmm_get_state (payload->machine), VMM_RUNNING);
    CHECK (goes_on (payload));
    CHECK (rounds (payload) > rounds_in_file (&files));
    CHECK (fstat (files.ram, &status) == 0);
    CHECK_EQUAL (status.st_size, 32 * MIB);
    CHECK (status.st_blocks * 512 < 20 * (long) MIB); /* zeroes are holes */
    finish_well (payload);
    payload_free (payload);
    close_files (&files);
}

/* Whether both ends of video memory, 16 MiB, are in the file. */
static bool
has_picture (const struct files *files, const char *first, const char *last)
{
    size_t size = (size_t) lseek (files->state, 0, SEEK_END);
    uint8_t *data = malloc (size);
    const uint8_t *vram;
    bool has;

    CHECK (data);
    CHECK_EQUAL (pread (files->state, data, size, 0), size);
    vram = memmem (data, size, "vram", 4);
    CHECK (vram && load_le32 (vram + 4) == 16 * MIB);
    has = memcmp (vram + 8, first, 8) == 0 && memcmp (vram + 16 * MIB, last, 8) == 0;
    free (data);
    return has;
}

TEST (video_memory_is_saved_as_it_was_though_it_is_not_copied)
{
    struct payload *payload = run_guest ();
    struct files files = make_files (), again = make_files ();
    struct vga *vga = &gpu_of (vmm_machine_find_device (payload->machine, "vga0"))->vga;

    memcpy (vga->vram, "first...", 8);
    memcpy (vga->vram + 16 * MIB - 8, "...last.", 8);
    save (payload, &files, false);
    CHECK (has_picture (&files, "first...", "...last."));
    memcpy (vga->vram, "painted.", 8);
    restore (payload, &files, false);
    CHECK (memcmp (vga->vram, "first...", 8) == 0);
    save (payload, &again, false);
    CHECK (has_picture (&again, "first...", "...last."));
    finish_well (payload);
    payload_free (payload);
    close_files (&files);
    close_files (&again);
}

TEST (it_is_restored_in_its_own_process_several_times)
{
    struct payload *payload = run_guest ();
    struct files files = make_files ();

    save (payload, &files, false);
    for (int i = 0; i < 3; i++) {
        CHECK (goes_on (payload));
        restore (payload, &files, true);
        CHECK_EQUAL (rounds (payload), rounds_in_file (&files));
        vmm_resume (payload->machine);
        CHECK (goes_on (payload));
    }
    finish_well (payload);
    payload_free (payload);
    close_files (&files);
}

TEST (it_is_restored_in_another_process)
{
    struct payload *payload = run_guest ();
    struct files files = make_files ();
    int status = -1;
    pid_t pid;

    save (payload, &files, true);
    CHECK (payload_wait_state (payload, VMM_PAUSED, 5000));
    payload_free (payload);
    pid = fork ();
    if (pid == 0) {
        payload = payload_new (&options);
        restore (payload, &files, false);
        finish_well (payload);
        payload_free (payload);
        _exit (42);
    }
    CHECK (waitpid (pid, &status, 0) == pid);
    CHECK (WIFEXITED (status));
    CHECK_EQUAL (WEXITSTATUS (status), 42);
    close_files (&files);
}

TEST (a_restored_machine_is_saved_again)
{
    struct files first = make_files (), second = make_files ();
    struct payload *payload = run_guest ();

    save (payload, &first, true);
    restore (payload, &first, false);
    CHECK (goes_on (payload));
    save (payload, &second, false);
    payload_free (payload);
    CHECK (rounds_in_file (&second) > rounds_in_file (&first));
    payload = payload_new (&options);
    restore (payload, &second, false);
    finish_well (payload);
    payload_free (payload);
    close_files (&first);
    close_files (&second);
}

TEST (a_restored_machine_is_reset_and_started_anew)
{
    struct files files = make_files ();
    struct payload *payload = run_guest ();

    save (payload, &files, false);
    restore (payload, &files, false);
    vmm_power_off (payload->machine);
    CHECK (payload_wait_state (payload, VMM_OFF, 5000));
    CHECK_EQUAL (rounds (payload), 0);
    vmm_start (payload->machine);
    finish_well (payload);
    payload_free (payload);
    close_files (&files);
}

TEST (a_cancelled_save_leaves_the_machine_alone)
{
    struct files files = make_files ();
    struct payload *payload = run_guest ();

    vmm_save (payload->machine, &(struct vmm_save) {.ram_fd = files.ram, .state_fd = files.state});
    vmm_cancel_save (payload->machine);
    CHECK (payload_wait_count (payload, &payload->saves, 1, 20000));
    CHECK (payload->last_saved.failed);
    CHECK_STRING (payload->last_saved.reason, "it was cancelled");
    finish_well (payload);
    payload_free (payload);
    close_files (&files);
}

TEST (a_save_that_fails_says_why_and_harms_nothing)
{
    struct files files = make_files ();
    struct payload *payload = run_guest ();

    /* What is no file, then what has no room. */
    close (files.ram);
    files.ram = open ("/dev/full", O_RDWR | O_CLOEXEC);
    vmm_save (payload->machine, &(struct vmm_save) {.ram_fd = files.ram, .state_fd = files.state});
    CHECK (payload_wait_count (payload, &payload->saves, 1, 20000));
    CHECK (payload->last_saved.failed);
    CHECK_CONTAINS (payload->last_saved.reason, "the guest's memory");
    close (files.state);
    files.state = open ("/dev/full", O_RDWR | O_CLOEXEC);
    vmm_save (payload->machine, &(struct vmm_save) {.ram_fd = files.ram, .state_fd = files.state});
    CHECK (payload_wait_count (payload, &payload->saves, 2, 20000));
    CHECK (payload->last_saved.failed);
    CHECK_CONTAINS (payload->last_saved.reason, "no room left");
    finish_well (payload);
    payload_free (payload);
    close_files (&files);
}

static int
fail_disks (void *data, struct vmm_error *error)
{
    ++*(unsigned *) data;
    return vmm_error_set (error, -EIO, "the disks do not want to");
}

TEST (disks_that_fail_fail_the_save_and_the_restore)
{
    struct files files = make_files (), good = make_files ();
    struct payload *payload = run_guest ();
    unsigned calls = 0;

    vmm_save (payload->machine, &(struct vmm_save) {.ram_fd = files.ram,
                                                    .state_fd = files.state,
                                                    .instant = fail_disks,
                                                    .data = &calls});
    CHECK (payload_wait_count (payload, &payload->saves, 1, 20000));
    CHECK_STRING (payload->last_saved.reason, "the disks do not want to");
    CHECK (goes_on (payload));
    save (payload, &good, false);
    CHECK (goes_on (payload));
    vmm_restore (payload->machine, &(struct vmm_restore) {.ram_fd = good.ram,
                                                          .state_fd = good.state,
                                                          .instant = fail_disks,
                                                          .data = &calls});
    CHECK (payload_wait_count (payload, &payload->restores, 1, 20000));
    CHECK_STRING (payload->last_restored.reason, "the disks do not want to");
    CHECK_EQUAL (calls, 2);
    CHECK_EQUAL (vmm_get_state (payload->machine), VMM_RUNNING);
    CHECK (rounds (payload) > rounds_in_file (&good));
    finish_well (payload);
    payload_free (payload);
    close_files (&files);
    close_files (&good);
}

/* A copy of @good's state: cut to @length or, if that is all, with one bit of it changed. */
static struct files
damage (const struct files *good, size_t length, size_t at)
{
    struct files bad = {good->ram, memfd_create ("bad", MFD_CLOEXEC)};
    uint8_t *data = malloc (length);

    CHECK (bad.state >= 0 && data);
    CHECK_EQUAL (pread (good->state, data, length, 0), length);
    if (at < length)
        data[at] ^= (uint8_t) (1u << at % 8);
    CHECK_EQUAL (pwrite (bad.state, data, length, 0), length);
    free (data);
    return bad;
}

TEST (a_damaged_state_leaves_the_machine_as_it_was)
{
    struct payload *payload = run_guest ();
    struct files good = make_files ();
    unsigned n = 0, taken = 0;
    size_t size;

    save (payload, &good, false);
    size = (size_t) lseek (good.state, 0, SEEK_END);
    for (size_t i = 1; i <= 90; i++) {
        bool cut = i % 3 == 0;
        size_t at = size - i * 131; /* the end is what KVM keeps */
        struct files bad = damage (&good, cut ? at : size, cut ? size : at);

        vmm_restore (payload->machine,
                     &(struct vmm_restore) {.ram_fd = bad.ram, .state_fd = bad.state});
        CHECK (payload_wait_count (payload, &payload->restores, ++n, 20000));
        CHECK (!cut || payload->last_restored.failed);
        if (!payload->last_restored.failed) {
            taken++;
            restore (payload, &good, false);
            n++;
        }
        CHECK_EQUAL (vmm_get_state (payload->machine), VMM_RUNNING);
        close (bad.state);
    }
    printf ("# %u of 60 single changes were values that a machine may have\n", taken);
    finish_well (payload);
    payload_free (payload);
    close_files (&good);
}

TEST (files_of_another_machine_are_refused)
{
    struct payload_options other = options;
    struct payload *payload = run_guest ();
    struct files files = make_files ();

    save (payload, &files, true);
    payload_free (payload);
    other.memory = 64 * MIB;
    payload = payload_new (&other);
    vmm_restore (payload->machine,
                 &(struct vmm_restore) {.ram_fd = files.ram, .state_fd = files.state});
    CHECK (payload_wait_count (payload, &payload->restores, 1, 20000));
    CHECK_CONTAINS (payload->last_restored.reason, "is not 64 MiB long");
    payload_free (payload);
    other.memory = 0;
    other.cpus = 1;
    payload = payload_new (&other);
    vmm_restore (payload->machine,
                 &(struct vmm_restore) {.ram_fd = files.ram, .state_fd = files.state});
    CHECK (payload_wait_count (payload, &payload->restores, 1, 20000));
    CHECK_STRING (payload->last_restored.reason, "the saved machine has 2 CPUs, this one 1");
    CHECK_EQUAL (vmm_get_state (payload->machine), VMM_OFF);
    /* As good as new. */
    vmm_start (payload->machine);
    finish_well (payload);
    payload_free (payload);
    close_files (&files);
}

/* The same through the room that keeps snapshots in folders. */

static void
wait_for_count (struct payload *payload, const unsigned *count, unsigned wanted)
{
    CHECK (payload_wait_count (payload, count, wanted, 20000));
}

static struct snapshot_info
take (struct payload *payload, const char *folder, const char *name, const char *suspend)
{
    struct snapshot_wish wish = {
        .folder = folder,
        .name = name,
        .machine = payload->machine,
        .memory = 32 * MIB,
        .suspend = suspend,
    };
    struct snapshot_info info = {0};
    struct snapshot_take *under_way;
    struct vmm_error error = {0};

    if (snapshot_take_begin (&wish, &under_way, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    wait_for_count (payload, &payload->saves, payload->saves + 1);
    if (snapshot_take_end (under_way, &payload->last_saved, &info, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    return info;
}

static void
go_back (struct payload *payload, const char *folder, const char *id, bool paused)
{
    struct snapshot_restoring *restoring;
    struct vmm_error error = {0};
    char path[128];

    snprintf (path, sizeof path, "%s/%s", folder, id);
    if (snapshot_restore_begin (path, payload->machine, paused, NULL, 0, &restoring, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    wait_for_count (payload, &payload->restores, payload->restores + 1);
    if (snapshot_restore_end (restoring, &payload->last_restored, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
}

static void
make_folder (char folder[64])
{
    snprintf (folder, 64, "/tmp/test-save-XXXXXX");
    CHECK (mkdtemp (folder));
}

static void
remove_folder (const char *folder)
{
    char command[128];

    snprintf (command, sizeof command, "rm -r %s", folder);
    CHECK_EQUAL (system (command), 0);
}

TEST (snapshots_make_a_tree_and_survive_each_others_deletion)
{
    struct payload *payload = run_guest ();
    struct snapshot_info first, second, third, *infos;
    char folder[64], current[SNAPSHOT_ID_LENGTH + 1];
    struct vmm_error error = {0};
    size_t n;

    make_folder (folder);
    first = take (payload, folder, "First", NULL);
    CHECK (goes_on (payload));
    second = take (payload, folder, "Second", NULL);
    go_back (payload, folder, first.id, false);
    CHECK (goes_on (payload));
    third = take (payload, folder, "Third", NULL);
    CHECK_STRING (second.parent, first.id);
    CHECK_STRING (third.parent, first.id);
    CHECK_EQUAL (third.kind, SNAPSHOT_RUNNING);
    /* The machine runs from what is deleted now. */
    CHECK_EQUAL (snapshot_delete (folder, first.id, NULL, NULL, 0, &error), 0);
    CHECK (goes_on (payload));
    go_back (payload, folder, second.id, false);
    CHECK (goes_on (payload));
    go_back (payload, folder, third.id, true);
    CHECK_EQUAL (vmm_get_state (payload->machine), VMM_PAUSED);
    CHECK_EQUAL (snapshot_list (folder, &infos, &n, current, &error), 0);
    CHECK_EQUAL (n, 2);
    CHECK_STRING (current, third.id);
    free (infos);
    vmm_resume (payload->machine);
    finish_well (payload);
    payload_free (payload);
    remove_folder (folder);
}

TEST (a_machine_is_suspended_and_resumed_in_another_life)
{
    struct payload *payload = run_guest ();
    char folder[64], path[128];

    make_folder (folder);
    take (payload, folder, "Saved", "saved");
    CHECK_EQUAL (vmm_get_state (payload->machine), VMM_PAUSED);
    payload_free (payload);
    payload = payload_new (&options);
    go_back (payload, folder, "saved", false);
    snprintf (path, sizeof path, "%s/saved", folder);
    snapshot_remove_suspended (path);
    CHECK (rmdir (folder) == 0); /* nothing is left */
    finish_well (payload);
    payload_free (payload);
}

TEST (a_cancelled_snapshot_leaves_no_trace)
{
    struct payload *payload = run_guest ();
    struct snapshot_wish wish = {.name = "Never", .machine = payload->machine, .memory = 32 * MIB};
    struct snapshot_take *under_way;
    struct snapshot_info info;
    struct vmm_error error = {0};
    char folder[64];

    make_folder (folder);
    wish.folder = folder;
    CHECK_EQUAL (snapshot_take_begin (&wish, &under_way, &error), 0);
    vmm_cancel_save (payload->machine);
    wait_for_count (payload, &payload->saves, 1);
    if (payload->last_saved.failed) {
        CHECK (snapshot_take_end (under_way, &payload->last_saved, &info, &error) < 0);
        CHECK (rmdir (folder) == 0);
    } else {
        CHECK_EQUAL (snapshot_take_end (under_way, &payload->last_saved, &info, &error), 0);
        remove_folder (folder);
    }
    /* The machine goes while one is under way. */
    make_folder (folder);
    CHECK_EQUAL (snapshot_take_begin (&wish, &under_way, &error), 0);
    payload_free (payload);
    snapshot_take_abandon (under_way);
    CHECK (rmdir (folder) == 0);
}

TEST (a_snapshot_that_finds_no_room_is_not_begun)
{
    struct payload *payload = run_guest ();
    struct snapshot_wish wish = {
        .name = "Large", .machine = payload->machine, .memory = UINT64_C (1) << 60};
    struct snapshot_take *under_way;
    struct vmm_error error = {0};
    char folder[64];

    make_folder (folder);
    wish.folder = folder;
    CHECK_EQUAL (snapshot_take_begin (&wish, &under_way, &error), -ENOSPC);
    CHECK_CONTAINS (error.message, "make room first");
    CHECK (rmdir (folder) == 0);
    payload_free (payload);
}

TAP_MAIN ()
