/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "block/raw.h"

#define SECTOR          512
#define MAX_GRANULARITY (64 * KIB)
#define MIN_ROOM        MIB /* a file system with less left is full */
#define IOVECS_PER_CALL 1024

_Static_assert (IOVECS_PER_CALL <= IOV_MAX, "the host takes that many iovecs");

static void
raw_submit (struct blk *blk, struct blk_request *request)
{
    struct raw *raw = CONTAINER_OF (blk, struct raw, blk);

    if (raw->ring)
        raw_ring_submit (raw->ring, request);
    else
        raw_pool_submit (raw->pool, request);
}

static void
raw_kick (struct blk *blk)
{
    struct raw *raw = CONTAINER_OF (blk, struct raw, blk);

    if (raw->ring)
        raw_ring_kick (raw->ring);
}

static void
raw_poll (struct blk *blk)
{
    struct raw *raw = CONTAINER_OF (blk, struct raw, blk);

    if (raw->ring)
        raw_ring_poll (raw->ring);
}

static int
raw_attach (struct blk *blk, struct vmm_loop *loop)
{
    struct raw *raw = CONTAINER_OF (blk, struct raw, blk);

    if (raw->ring)
        raw_ring_attach (raw->ring, loop);
    return 0;
}

static void
raw_detach (struct blk *blk)
{
    struct raw *raw = CONTAINER_OF (blk, struct raw, blk);

    if (raw->ring)
        raw_ring_detach (raw->ring);
}

static void
raw_close (struct blk *blk)
{
    struct raw *raw = CONTAINER_OF (blk, struct raw, blk);

    raw_ring_destroy (raw->ring);
    raw_pool_destroy (raw->pool);
    close_fd (raw->fd);
    blk_fini (blk);
    free (raw);
}

static const struct blk_driver raw_driver = {
    .name = "raw",
    .submit = raw_submit,
    .kick = raw_kick,
    .poll = raw_poll,
    .attach = raw_attach,
    .detach = raw_detach,
    .close = raw_close,
};

int
raw_open_existing (const char *path, bool read_only, int *ret_fd, struct vmm_error *error)
{
    int flags = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY;
    struct stat status;
    AUTO_FD fd = -1;

    if (stat (path, &status) < 0) {
        if (errno == ENOENT)
            return vmm_error_set (error, -ENOENT, "%s does not exist", path);
        return vmm_error_set_errno (error, -errno, "%s cannot be opened", path);
    }
    if (S_ISDIR (status.st_mode))
        return vmm_error_set (error, -EISDIR, "%s is a folder, not a disk image", path);
    if (!S_ISREG (status.st_mode) && !S_ISBLK (status.st_mode))
        return vmm_error_set (error, -EINVAL, "%s is neither a file nor a block device", path);

    /* On a block device O_EXCL keeps off mounted ones, and mounts off ours. */
    if (S_ISBLK (status.st_mode) && !read_only)
        flags |= O_EXCL;
    /* Something else may be at @path by now; at least do not wait for it. */
    fd = open (path, flags | O_NONBLOCK);
    if (fd < 0 && errno == EBUSY)
        return vmm_error_set (error, -EBUSY, "%s is in use by another machine or mounted", path);
    if (fd < 0)
        return vmm_error_set_errno (error, -errno,
                                    read_only ? "%s cannot be read" : "%s cannot be written", path);
    if (fstat (fd, &status) < 0 || (!S_ISREG (status.st_mode) && !S_ISBLK (status.st_mode)))
        return vmm_error_set (error, -EINVAL, "%s is neither a file nor a block device", path);
    /* On some file systems io_uring takes O_NONBLOCK to mean that reads may not wait. */
    if (fcntl (fd, F_SETFL, 0) < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be opened", path);
    *ret_fd = STEAL_FD (fd);
    return 0;
}

/* Makes the new, empty file @fd @size long if the file system can ever hold that. */
static int
reserve (int fd, const char *path, uint64_t size, const struct vmm_log *log,
         struct vmm_error *error)
{
    struct statvfs room;
    uint64_t total, left;

    /* Some file systems do not tell; then writing will. */
    if (fstatvfs (fd, &room) == 0 && room.f_blocks > 0) {
        total = room.f_blocks * (uint64_t) room.f_frsize;
        left = room.f_bavail * (uint64_t) room.f_frsize;
        if (left < MIN_OF (size, MIN_ROOM))
            return vmm_error_set (error, -ENOSPC,
                                  "there is no room for %s: its file system is full", path);
        if (size > total)
            return vmm_error_set (error, -ENOSPC,
                                  "there is no room for %s: %" PRIu64
                                  " MiB are more than its whole file system of %" PRIu64 " MiB",
                                  path, size / MIB, total / MIB);
        if (size > left)
            vmm_log (log, VMM_LOG_WARNING,
                     "%s may grow to %" PRIu64 " MiB, but its file system has %" PRIu64 " MiB left",
                     path, size / MIB, left / MIB);
    }
    if (ftruncate (fd, (off_t) size) < 0) {
        if (errno == EFBIG || errno == EINVAL)
            return vmm_error_set (error, -EFBIG,
                                  "the file system of %s has no files as large as %" PRIu64 " MiB",
                                  path, size / MIB);
        return vmm_error_set_errno (error, -errno, "%s cannot be made %" PRIu64 " MiB large", path,
                                    size / MIB);
    }
    return 0;
}

static int
create_new (const char *path, uint64_t size, const struct vmm_log *log, int *ret_fd,
            struct vmm_error *error)
{
    AUTO_FD fd = -1;
    int r;

    if (size == 0 || size % SECTOR)
        return vmm_error_set (error, -EINVAL,
                              "%s cannot be %" PRIu64
                              " bytes large: a disk's size is a multiple of 512, and not 0",
                              path, size);
    if (size > INT64_MAX)
        return vmm_error_set (error, -EFBIG, "%s cannot be %" PRIu64 " MiB large: no file can",
                              path, size / MIB);
    fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0 && errno == EEXIST)
        return vmm_error_set (error, -EEXIST, "%s exists already", path);
    if (fd < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be created", path);
    r = reserve (fd, path, size, log, error);
    if (r < 0) {
        unlink (path);
        return r;
    }
    *ret_fd = STEAL_FD (fd);
    return 0;
}

/* Whether the file system gives space back. Asked with a range behind the end, which changes
 * nothing but the time of modification; that is put back, as an image that is only opened was not
 * modified. */
static bool
can_punch (const struct raw *raw, uint64_t granularity)
{
    uint64_t behind = align_up (raw->blk.info.size, granularity);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
    struct stat before;

    if (behind > INT64_MAX - granularity || fstat (raw->fd, &before) < 0)
        return false;
    if (fallocate (raw->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) behind,
                   (off_t) granularity) < 0)
        return false;
    times[1] = before.st_mtim;
    futimens (raw->fd, times);
    return true;
}

static int
describe (struct raw *raw, unsigned flags, struct vmm_error *error)
{
    struct blk_info *info = &raw->blk.info;
    const char *path = raw->blk.path;
    uint64_t granularity = 4096;
    unsigned sector = 4096;
    struct stat status;

    if (fstat (raw->fd, &status) < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be examined", path);
    info->size = (uint64_t) status.st_size;
    if (S_ISBLK (status.st_mode)) {
        if (ioctl (raw->fd, BLKGETSIZE64, &info->size) < 0)
            return vmm_error_set_errno (error, -errno, "%s does not tell its size", path);
        if (ioctl (raw->fd, BLKPBSZGET, &sector) < 0)
            sector = SECTOR;
    } else if (status.st_blksize > 0) {
        granularity = (uint64_t) status.st_blksize;
    }
    if (info->size == 0)
        return vmm_error_set (error, -EINVAL, "%s is empty", path);
    if (info->size % SECTOR)
        return vmm_error_set (error, -EINVAL,
                              "%s is %" PRIu64
                              " bytes large, not a multiple of 512; it may be incomplete",
                              path, info->size);
    if (!is_power_of_two (granularity) || granularity < SECTOR || granularity > MAX_GRANULARITY)
        granularity = 4096;

    info->logical_block = SECTOR;
    info->physical_block = sector > SECTOR ? 4096 : SECTOR;
    info->read_only = flags & BLK_READ_ONLY;
    info->discard_granularity = (uint32_t) granularity;
    info->max_iov = IOVECS_PER_CALL;
    /* A block device only tells by trying. */
    info->can_discard = !info->read_only && !(flags & BLK_NO_DISCARD) &&
                        (S_ISBLK (status.st_mode) || can_punch (raw, granularity));
    return 0;
}

/* By what host operations are done: -ENOMEM, … */
static int
choose_host (struct raw *raw, unsigned flags)
{
    const struct blk *blk = &raw->blk;
    int r;

    if (!(flags & BLK_NO_RING)) {
        r = raw_ring_create (raw, &raw->ring);
        if (r == 0)
            return 0;
        vmm_log (blk->log, VMM_LOG_INFO, "no io_uring for %s (error %d), using threads", blk->path,
                 -r);
    }
    return raw_pool_create (raw, &raw->pool);
}

/* Everything but the opening; @raw->fd is open. */
static int
set_up (struct raw *raw, unsigned flags, struct vmm_error *error)
{
    const struct blk *blk = &raw->blk;
    bool unlocked = (flags & BLK_UNLOCKED) && (flags & BLK_READ_ONLY);
    int r;

    r = unlocked ? 0 : raw_lock (raw->fd, flags & BLK_READ_ONLY);
    if (r == -EBUSY)
        return vmm_error_set (error, r, "%s is in use by another machine", blk->path);
    if (r > 0)
        vmm_log (blk->log, VMM_LOG_WARNING,
                 "the file system of %s has no locks: use it for one machine at a time", blk->path);
    r = describe (raw, flags, error);
    if (r < 0)
        return r;

    r = choose_host (raw, flags);
    if (r < 0)
        return vmm_error_set_errno (error, r, "no threads can be started for %s", blk->path);
    return 0;
}

int
raw_create_container (int fd, const char *path, unsigned flags, const struct vmm_log *log,
                      struct blk **ret_blk)
{
    struct raw *raw = calloc (1, sizeof *raw);
    int r;

    if (!raw)
        return -ENOMEM;
    r = blk_init (&raw->blk, &raw_driver, path, log);
    if (r < 0) {
        free (raw);
        return r;
    }
    raw->container = true;
    raw->blk.info = (struct blk_info) {
        .size = align_down (INT64_MAX, SECTOR),
        .logical_block = SECTOR,
        .physical_block = SECTOR,
        .read_only = flags & BLK_READ_ONLY,
        .discard_granularity = SECTOR,
        .max_iov = IOVECS_PER_CALL,
    };
    raw->fd = fcntl (fd, F_DUPFD_CLOEXEC, 0);
    r = raw->fd < 0 ? -errno : choose_host (raw, flags);
    if (r < 0) {
        raw_close (&raw->blk);
        return r;
    }
    *ret_blk = &raw->blk;
    return 0;
}

int
blk_open_raw (const char *path, unsigned flags, uint64_t create_size, const struct vmm_log *log,
              struct blk **ret_blk, struct vmm_error *error)
{
    struct raw *raw;
    int r;

    if ((flags & BLK_CREATE) && (flags & BLK_READ_ONLY))
        return vmm_error_set (error, -EINVAL, "%s cannot be new and read-only", path);
    raw = calloc (1, sizeof *raw);
    if (!raw)
        return vmm_error_set_errno (error, -ENOMEM, "%s cannot be opened", path);
    r = blk_init (&raw->blk, &raw_driver, path, log);
    if (r < 0) {
        free (raw);
        return vmm_error_set_errno (error, r, "%s cannot be opened", path);
    }
    raw->fd = -1;
    if (flags & BLK_CREATE)
        r = create_new (path, create_size, log, &raw->fd, error);
    else
        r = raw_open_existing (path, flags & BLK_READ_ONLY, &raw->fd, error);
    if (r == 0) {
        r = set_up (raw, flags, error);
        if (r < 0 && (flags & BLK_CREATE))
            unlink (path);
    }
    if (r < 0) {
        raw_close (&raw->blk);
        return r;
    }
    *ret_blk = &raw->blk;
    return 0;
}
