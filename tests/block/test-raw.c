/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Raw images: opening, creating, and what each operation does to the file, on both engines. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "rig.h"

#define SIZE (4 * MIB)

static void
check_reads_what_was_written (unsigned flags)
{
    static unsigned char in[64 * KIB], out[64 * KIB];
    struct rig rig;

    rig_init (&rig, SIZE);
    rig_open (&rig, flags);
    memset (in, 0x5a, sizeof in);
    CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 8192, in, sizeof in), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_FLUSH, 0, NULL, 0), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 8192, out, sizeof out), 0);
    CHECK (is_filled (out, sizeof out, 0x5a));
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, out, 8192), 0);
    CHECK (is_filled (out, 8192, 0));
    rig_fini (&rig);
}

TEST (ring_reads_what_was_written)
{
    check_reads_what_was_written (0);
}

TEST (pool_reads_what_was_written)
{
    check_reads_what_was_written (BLK_NO_RING);
}

static void
check_discard (unsigned flags)
{
    static unsigned char bytes[MIB];
    struct rig rig;
    uint64_t before;

    rig_init (&rig, SIZE);
    rig_open (&rig, flags);
    if (!blk_get_info (rig.blk)->can_discard)
        SKIP ("/tmp cannot punch holes");
    memset (bytes, 1, sizeof bytes);
    CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 0, bytes, sizeof bytes), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_FLUSH, 0, NULL, 0), 0);
    before = rig_allocated (&rig);
    CHECK (before >= MIB);
    CHECK_EQUAL (rig_do (&rig, BLK_DISCARD, 0, NULL, MIB / 2), 0);
    CHECK (rig_allocated (&rig) <= before - MIB / 2);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, sizeof bytes), 0);
    CHECK (is_filled (bytes, MIB / 2, 0));
    CHECK (is_filled (bytes + MIB / 2, MIB / 2, 1));
    rig_fini (&rig);
}

TEST (ring_discard_gives_space_back)
{
    check_discard (0);
}

TEST (pool_discard_gives_space_back)
{
    check_discard (BLK_NO_RING);
}

TEST (no_discard_keeps_the_bytes)
{
    unsigned char bytes[4096];
    struct rig rig;

    rig_init (&rig, SIZE);
    rig_open (&rig, BLK_NO_DISCARD);
    CHECK (!blk_get_info (rig.blk)->can_discard);
    memset (bytes, 7, sizeof bytes);
    CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 0, bytes, sizeof bytes), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_DISCARD, 0, NULL, 4096), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, sizeof bytes), 0);
    CHECK (is_filled (bytes, sizeof bytes, 7));
    rig_fini (&rig);
}

static void
check_write_zeroes (unsigned flags, bool may_unmap, bool expect_space_back)
{
    static unsigned char bytes[MIB];
    struct rig rig;
    struct blk_request request = {
        .operation = BLK_WRITE_ZEROES, .offset = 512, .length = MIB - 1024, .may_unmap = may_unmap};

    rig_init (&rig, SIZE);
    rig_open (&rig, flags);
    memset (bytes, 1, sizeof bytes);
    CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 0, bytes, sizeof bytes), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_FLUSH, 0, NULL, 0), 0);
    CHECK_EQUAL (blk_run (rig.blk, rig.loop, &request), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, sizeof bytes), 0);
    CHECK (is_filled (bytes, 512, 1));
    CHECK (is_filled (bytes + 512, MIB - 1024, 0));
    CHECK (is_filled (bytes + MIB - 512, 512, 1));
    CHECK ((rig_allocated (&rig) < MIB / 2) == expect_space_back);
    rig_fini (&rig);
}

TEST (write_zeroes_keeps_space)
{
    check_write_zeroes (0, false, false);
    check_write_zeroes (BLK_NO_RING, false, false);
    check_write_zeroes (BLK_NO_DISCARD, true, false);
}

TEST (write_zeroes_with_unmap_gives_space_back)
{
    check_write_zeroes (0, true, true);
    check_write_zeroes (BLK_NO_RING, true, true);
}

TEST (info_tells_size_and_limits)
{
    struct rig rig;
    const struct blk_info *info;

    rig_init (&rig, SIZE);
    rig_open (&rig, BLK_READ_ONLY);
    info = blk_get_info (rig.blk);
    CHECK_EQUAL (info->size, SIZE);
    CHECK_EQUAL (info->logical_block, 512);
    CHECK (info->read_only);
    CHECK (!info->can_discard);
    CHECK (info->max_iov >= 254);
    CHECK_STRING (blk_get_path (rig.blk), rig.path);
    rig_fini (&rig);
}

static void
check_refused (struct rig *rig, unsigned flags, int code, const char *part)
{
    CHECK_EQUAL (rig_try_open (rig, flags), code);
    CHECK_EQUAL (rig->error.code, code);
    CHECK_CONTAINS (rig->error.message, rig->path);
    CHECK_CONTAINS (rig->error.message, part);
    CHECK (!rig->blk);
}

TEST (bad_files_are_refused_by_name)
{
    struct rig rig;

    rig_init (&rig, 0);
    check_refused (&rig, 0, -EINVAL, "is empty");
    check_refused (&rig, BLK_READ_ONLY, -EINVAL, "is empty");
    CHECK_EQUAL (truncate (rig.path, 1000), 0);
    check_refused (&rig, 0, -EINVAL, "multiple of 512");
    check_refused (&rig, BLK_READ_ONLY, -EINVAL, "1000 bytes");
    unlink (rig.path);
    check_refused (&rig, 0, -ENOENT, "does not exist");
    CHECK_EQUAL (mkdir (rig.path, 0700), 0);
    check_refused (&rig, BLK_READ_ONLY, -EISDIR, "is a folder");
    rmdir (rig.path);
    CHECK_EQUAL (mkfifo (rig.path, 0600), 0);
    check_refused (&rig, BLK_READ_ONLY, -EINVAL, "neither a file nor a block device");
    rig_fini (&rig);
}

TEST (forbidden_files_are_refused_by_name)
{
    struct rig rig;
    int status;
    pid_t child;

    if (geteuid () != 0)
        SKIP ("needs root, to become somebody else");
    rig_init (&rig, SIZE);
    child = fork ();
    if (child == 0) {
        bool good = setuid (65534) == 0 && rig_try_open (&rig, BLK_READ_ONLY) == -EACCES &&
                    strstr (rig.error.message, "cannot be read") &&
                    rig_try_open (&rig, 0) == -EACCES &&
                    strstr (rig.error.message, "cannot be written");
        _exit (good ? 0 : 1);
    }
    CHECK_EQUAL (waitpid (child, &status, 0), child);
    CHECK_EQUAL (status, 0);
    rig_fini (&rig);
}

static int
try_create (struct rig *rig, uint64_t size)
{
    return blk_open_raw (rig->path, BLK_CREATE, size, &rig->log_hook, &rig->blk, &rig->error);
}

TEST (creates_a_sparse_private_image)
{
    struct rig rig;
    struct stat status;

    rig_init (&rig, 0);
    CHECK_EQUAL (try_create (&rig, MIB), -EEXIST);
    CHECK_CONTAINS (rig.error.message, "exists already");
    CHECK_EQUAL (access (rig.path, F_OK), 0);
    unlink (rig.path);
    CHECK_EQUAL (try_create (&rig, 512 * MIB), 0);
    CHECK_EQUAL (blk_get_info (rig.blk)->size, 512 * MIB);
    CHECK_EQUAL (stat (rig.path, &status), 0);
    CHECK_EQUAL (status.st_mode & 0777, 0600);
    CHECK (rig_allocated (&rig) < MIB);
    rig_fini (&rig);
}

static void
check_not_created (struct rig *rig, uint64_t size, int code, const char *part)
{
    CHECK_EQUAL (try_create (rig, size), code);
    CHECK_CONTAINS (rig->error.message, rig->path);
    CHECK_CONTAINS (rig->error.message, part);
    CHECK (access (rig->path, F_OK) < 0);
    CHECK (!rig->blk);
}

TEST (bad_sizes_create_nothing)
{
    struct rig rig;

    rig_init (&rig, 0);
    unlink (rig.path);
    check_not_created (&rig, 0, -EINVAL, "multiple of 512");
    check_not_created (&rig, 1000, -EINVAL, "1000 bytes");
    check_not_created (&rig, UINT64_MAX & ~UINT64_C (511), -EFBIG, "no file can");
    check_not_created (&rig, INT64_MAX & ~UINT64_C (511), -ENOSPC, "no room");
    snprintf (rig.path, sizeof rig.path, "/tmp/posada-no-such-folder/disk");
    check_not_created (&rig, MIB, -ENOENT, "cannot be created");
    rig_fini (&rig);
}

TEST (no_file_larger_than_the_limit_is_left_behind)
{
    struct rlimit before, limit;
    struct rig rig;

    rig_init (&rig, 0);
    unlink (rig.path);
    signal (SIGXFSZ, SIG_IGN);
    CHECK_EQUAL (getrlimit (RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit) {MIB, before.rlim_max};
    CHECK_EQUAL (setrlimit (RLIMIT_FSIZE, &limit), 0);
    check_not_created (&rig, 2 * MIB, -EFBIG, "no files as large as 2 MiB");
    CHECK_EQUAL (setrlimit (RLIMIT_FSIZE, &before), 0);
    rig_fini (&rig);
}

TEST (a_file_cut_short_fails_reads)
{
    unsigned char bytes[8192];
    struct rig rig;

    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    CHECK_EQUAL (truncate (rig.path, 4096), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, 4096), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, 8192), -EIO);
    CHECK_CONTAINS (rig.log, "cannot read 8192 bytes at 0 of");
    rig_fini (&rig);
}

/* Not from the page cache, so that the host has to wait for its disk. */
static void
check_cold_reads (unsigned flags)
{
    static unsigned char bytes[4 * MIB];
    struct rig rig;
    int fd;

    rig_init (&rig, SIZE);
    fd = open (rig.path, O_RDWR | O_CLOEXEC);
    memset (bytes, 4, sizeof bytes);
    CHECK_EQUAL (write (fd, bytes, sizeof bytes), sizeof bytes);
    CHECK_EQUAL (fsync (fd), 0);
    CHECK_EQUAL (posix_fadvise (fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    close (fd);
    memset (bytes, 0, sizeof bytes);
    rig_open (&rig, flags);
    for (uint64_t offset = 3 * MIB; offset < SIZE; offset += 256 * KIB)
        CHECK_EQUAL (rig_do (&rig, BLK_READ, offset, bytes + offset, 512), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, sizeof bytes), 0);
    CHECK (is_filled (bytes, sizeof bytes, 4));
    rig_fini (&rig);
}

TEST (ring_reads_what_is_not_cached)
{
    check_cold_reads (0);
}

TEST (pool_reads_what_is_not_cached)
{
    check_cold_reads (BLK_NO_RING);
}

TAP_MAIN ()
