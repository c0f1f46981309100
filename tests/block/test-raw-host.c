/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Raw images on unusual hosts: a full file system, one that cannot zero ranges, a block device, a
 * container without io_uring. What needs a mount or a filter happens in a child process of its own.
 */
#include <linux/filter.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "rig.h"

#define SKIPPED 77

/* Runs @body in a child; it reports through its exit status: 0 good, SKIPPED, else a line. */
static void
in_child (void (*body) (const char *), const char *argument, const char *skip_reason)
{
    int status;
    pid_t child;

    fflush (stdout);
    child = fork ();
    if (child == 0) {
        body (argument);
        _exit (0);
    }
    CHECK_EQUAL (waitpid (child, &status, 0), child);
    CHECK (WIFEXITED (status));
    if (WEXITSTATUS (status) == SKIPPED)
        SKIP (skip_reason);
    CHECK_EQUAL (WEXITSTATUS (status), 0);
}

/* For children, where a longjmp to the harness would go astray. */
#define EXPECT(condition)                                             \
    do {                                                              \
        if (!(condition)) {                                           \
            printf ("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            fflush (stdout);                                          \
            _exit (1);                                                \
        }                                                             \
    } while (0)

/* A file system in memory over /tmp that only this process sees. */
static void
mount_small (const char *options)
{
    if (unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount ("tmpfs", "/tmp", "tmpfs", 0, options) < 0)
        _exit (SKIPPED);
}

static int
create (struct rig *rig, const char *path, uint64_t size, unsigned flags)
{
    *rig = (struct rig) {0};
    snprintf (rig->path, sizeof rig->path, "%s", path);
    rig->log_hook = (struct vmm_log) {rig_log_cb, rig, VMM_LOG_DEBUG};
    return blk_open_raw (rig->path, flags | BLK_CREATE, size, &rig->log_hook, &rig->blk,
                         &rig->error);
}

static void
fill_up (const char *argument)
{
    static unsigned char bytes[MIB];
    struct rig rig;
    uint64_t offset = 0;
    int fd, r;

    mount_small ("size=4m");
    EXPECT (create (&rig, "/tmp/disk", 4 * MIB, argument ? BLK_NO_RING : 0) == 0);
    EXPECT (vmm_loop_create (&rig.loop) == 0 && blk_attach (rig.blk, rig.loop) == 0);
    memset (bytes, 1, sizeof bytes);
    fd = open ("/tmp/other", O_CREAT | O_WRONLY, 0600);
    EXPECT (fd >= 0 && write (fd, bytes, sizeof bytes) == (ssize_t) sizeof bytes);
    close (fd);
    while ((r = rig_do (&rig, BLK_WRITE, offset, bytes, sizeof bytes)) == 0)
        offset += sizeof bytes;
    EXPECT (r == -ENOSPC);
    EXPECT (offset >= 2 * MIB);
    EXPECT (strstr (rig.log, "No space left"));

    /* Nothing is lost: the same request works once there is room, and so do those beside it. */
    EXPECT (rig_do (&rig, BLK_FLUSH, 0, NULL, 0) == 0);
    EXPECT (unlink ("/tmp/other") == 0);
    EXPECT (rig_do (&rig, BLK_WRITE, offset, bytes, sizeof bytes) == 0);
    EXPECT (rig_do (&rig, BLK_READ, offset, bytes, sizeof bytes) == 0);
    EXPECT (is_filled (bytes, sizeof bytes, 1));
    rig_fini (&rig);
}

TEST (ring_reports_a_full_file_system_and_recovers)
{
    in_child (fill_up, NULL, "cannot mount a tmpfs");
}

TEST (pool_reports_a_full_file_system_and_recovers)
{
    in_child (fill_up, "pool", "cannot mount a tmpfs");
}

static void
create_where_there_is_no_room (const char *argument)
{
    static unsigned char bytes[MIB];
    struct rig rig;
    int fd;

    mount_small ("size=8m");
    EXPECT (create (&rig, "/tmp/disk", 9 * MIB, 0) == -ENOSPC);
    EXPECT (strstr (rig.error.message, "no room for /tmp/disk"));
    EXPECT (access ("/tmp/disk", F_OK) < 0);
    EXPECT (create (&rig, "/tmp/disk", 8 * MIB, 0) == 0);
    blk_close (rig.blk);
    unlink ("/tmp/disk");

    fd = open ("/tmp/other", O_CREAT | O_WRONLY, 0600);
    for (int i = 0; i < 4; i++)
        EXPECT (write (fd, bytes, sizeof bytes) == (ssize_t) sizeof bytes);
    EXPECT (create (&rig, "/tmp/disk", 8 * MIB, 0) == 0);
    EXPECT (strstr (rig.log, "has 4 MiB left"));
    blk_close (rig.blk);
    unlink ("/tmp/disk");

    while (write (fd, bytes, sizeof bytes) > 0)
        continue;
    EXPECT (create (&rig, "/tmp/disk", 4 * MIB, 0) == -ENOSPC);
    EXPECT (strstr (rig.error.message, "is full"));
    EXPECT (access ("/tmp/disk", F_OK) < 0);
    EXPECT (create (&rig, "/tmp/disk", 512, 0) == -ENOSPC);
    EXPECT (access ("/tmp/disk", F_OK) < 0);
    close (fd);
}

TEST (no_image_is_created_without_room)
{
    in_child (create_where_there_is_no_room, NULL, "cannot mount a tmpfs");
}

/* tmpfs punches holes but cannot zero ranges. */
static void
zero_without_zero_range (const char *argument)
{
    static unsigned char bytes[MIB];
    struct blk_request zeroes = {.operation = BLK_WRITE_ZEROES, .offset = 512, .length = 300 * KIB};
    struct rig rig;

    mount_small ("size=8m");
    EXPECT (create (&rig, "/tmp/disk", 4 * MIB, argument ? BLK_NO_RING : 0) == 0);
    EXPECT (vmm_loop_create (&rig.loop) == 0 && blk_attach (rig.blk, rig.loop) == 0);
    memset (bytes, 1, sizeof bytes);
    EXPECT (rig_do (&rig, BLK_WRITE, 0, bytes, sizeof bytes) == 0);
    EXPECT (blk_run (rig.blk, rig.loop, &zeroes) == 0);
    EXPECT (blk_run (rig.blk, rig.loop, &zeroes) == 0);
    EXPECT (rig_do (&rig, BLK_READ, 0, bytes, sizeof bytes) == 0);
    EXPECT (is_filled (bytes, 512, 1));
    EXPECT (is_filled (bytes + 512, 300 * KIB, 0));
    EXPECT (is_filled (bytes + 512 + 300 * KIB, MIB - 512 - 300 * KIB, 1));
    EXPECT (strstr (rig.log, "cannot zero ranges"));
    EXPECT (strchr (rig.log, '\n') == strrchr (rig.log, '\n'));
    EXPECT (rig_allocated (&rig) >= MIB);
    EXPECT (rig_do (&rig, BLK_DISCARD, 0, NULL, MIB) == 0);
    EXPECT (rig_allocated (&rig) == 0);
    rig_fini (&rig);
}

TEST (zeroes_are_written_where_ranges_cannot_be_zeroed)
{
    in_child (zero_without_zero_range, NULL, "cannot mount a tmpfs");
    in_child (zero_without_zero_range, "pool", "cannot mount a tmpfs");
}

/* Has the kernel answer io_uring_setup () with @code, as containers do. */
static void
forbid_rings (int code)
{
    struct sock_filter filter[] = {
        BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
        BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned) code),
        BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {ARRAY_LENGTH (filter), filter};

    if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        _exit (SKIPPED);
}

static void
work_without_rings (const char *argument)
{
    char path[64];
    unsigned char bytes[512];
    struct rig rig;

    forbid_rings (argument ? EPERM : ENOSYS);
    snprintf (path, sizeof path, "/tmp/posada-block-%d", (int) getpid ());
    EXPECT (create (&rig, path, MIB, 0) == 0);
    EXPECT (strstr (rig.log, "no io_uring"));
    EXPECT (vmm_loop_create (&rig.loop) == 0 && blk_attach (rig.blk, rig.loop) == 0);
    memset (bytes, 1, sizeof bytes);
    EXPECT (rig_do (&rig, BLK_WRITE, 1024, bytes, sizeof bytes) == 0);
    EXPECT (rig_do (&rig, BLK_FLUSH, 0, NULL, 0) == 0);
    memset (bytes, 0, sizeof bytes);
    EXPECT (rig_do (&rig, BLK_READ, 1024, bytes, sizeof bytes) == 0);
    EXPECT (is_filled (bytes, sizeof bytes, 1));
    rig_fini (&rig);
}

TEST (threads_serve_where_rings_are_forbidden)
{
    in_child (work_without_rings, NULL, "cannot install a filter");
    in_child (work_without_rings, "EPERM", "cannot install a filter");
}

/* Makes a loop device of @file; its path in @ret_path, its descriptor returned. */
static int
make_loop_device (const char *file, char *ret_path, size_t size)
{
    struct loop_config config = {.info.lo_flags = LO_FLAGS_AUTOCLEAR};
    int control = open ("/dev/loop-control", O_RDWR | O_CLOEXEC), number, fd;

    if (control < 0)
        return -1;
    number = ioctl (control, LOOP_CTL_GET_FREE);
    close (control);
    if (number < 0)
        return -1;
    snprintf (ret_path, size, "/dev/loop%d", number);
    fd = open (ret_path, O_RDWR | O_CLOEXEC);
    config.fd = (unsigned) open (file, O_RDWR | O_CLOEXEC);
    if (fd >= 0 && ioctl (fd, LOOP_CONFIGURE, &config) < 0)
        fd = close (fd) - 1;
    close ((int) config.fd);
    return fd;
}

TEST (block_devices_work)
{
    static unsigned char bytes[MIB];
    struct rig rig;
    struct blk *blk = NULL;
    struct vmm_error error;
    char file[64], device[64];
    int fd;

    rig_init (&rig, 4 * MIB);
    memcpy (file, rig.path, sizeof file);
    fd = make_loop_device (file, device, sizeof device);
    if (fd < 0) {
        rig_fini (&rig);
        SKIP ("no loop device to be had");
    }
    snprintf (rig.path, sizeof rig.path, "%s", device);
    rig_open (&rig, 0);
    CHECK_EQUAL (blk_get_info (rig.blk)->size, 4 * MIB);
    memset (bytes, 1, sizeof bytes);
    CHECK_EQUAL (rig_do (&rig, BLK_WRITE, MIB, bytes, MIB), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_FLUSH, 0, NULL, 0), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_DISCARD, MIB, NULL, MIB / 2), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_WRITE_ZEROES, MIB + MIB / 2, NULL, 512), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, MIB, bytes, MIB), 0);
    CHECK (is_filled (bytes, MIB / 2 + 512, 0));
    CHECK (is_filled (bytes + MIB / 2 + 512, MIB / 2 - 512, 1));
    CHECK_EQUAL (blk_open_raw (device, 0, 0, NULL, &blk, &error), -EBUSY);
    CHECK_CONTAINS (error.message, "in use by another machine");
    close (fd);
    memcpy (rig.path, file, sizeof file);
    rig_fini (&rig);
}

TAP_MAIN ()
