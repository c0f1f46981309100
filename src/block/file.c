/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "block/raw.h"

#define ZEROES_BYTES (64 * KIB)

static const unsigned char zeroes[ZEROES_BYTES];

struct host_file {
    struct blk_file file;
    atomic_bool no_punch;
    atomic_bool no_zero_range;
    atomic_bool flush_failed;
};

static int
host_error (void)
{
    return errno == EDQUOT ? -ENOSPC : -errno;
}

/* Moves @iov to or from @offset. The iovecs are the caller's, so a half-done one is cut in a copy.
 * Positive: how many bytes are missing because the file ends. */
static ssize_t
transfer (int fd, bool write, uint64_t offset, const struct iovec *iov, unsigned n_iov)
{
    size_t skip = 0;

    while (n_iov) {
        struct iovec piece = {(char *) iov->iov_base + skip, iov->iov_len - skip};
        const struct iovec *from = skip ? &piece : iov;
        int n = skip ? 1 : (int) MIN_OF (n_iov, IOV_MAX);
        ssize_t moved =
            write ? pwritev (fd, from, n, (off_t) offset) : preadv (fd, from, n, (off_t) offset);

        if (moved < 0 && errno == EINTR)
            continue;
        if (moved < 0)
            return host_error ();
        offset += (uint64_t) moved;
        skip += (size_t) moved;
        if (moved == 0 && piece.iov_len > 0) {
            size_t missing = piece.iov_len;

            for (unsigned i = 1; i < n_iov; i++)
                missing += iov[i].iov_len;
            return write ? -EIO : (ssize_t) missing;
        }
        while (n_iov && skip >= iov->iov_len) {
            skip -= iov->iov_len;
            iov++;
            n_iov--;
        }
    }
    return 0;
}

static int
host_read (struct blk_file *file, uint64_t offset, const struct iovec *iov, unsigned n_iov)
{
    ssize_t missing = transfer (file->fd, false, offset, iov, n_iov);

    for (unsigned i = n_iov; missing > 0 && i-- > 0;) {
        size_t part = MIN_OF ((size_t) missing, iov[i].iov_len);

        memset ((char *) iov[i].iov_base + iov[i].iov_len - part, 0, part);
        missing -= (ssize_t) part;
    }
    return (int) missing;
}

static int
host_write (struct blk_file *file, uint64_t offset, const struct iovec *iov, unsigned n_iov)
{
    return (int) transfer (file->fd, true, offset, iov, n_iov);
}

static int
host_flush (struct blk_file *file)
{
    struct host_file *self = CONTAINER_OF (file, struct host_file, file);
    int r;

    if (atomic_load (&self->flush_failed))
        return -EIO;
    do
        r = fdatasync (file->fd);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return 0;
    atomic_store (&self->flush_failed, true);
    return -EIO;
}

/* Positive: this file system cannot. */
static int
try_fallocate (int fd, atomic_bool *cannot, int mode, uint64_t offset, uint64_t length)
{
    int r;

    if (atomic_load (cannot))
        return 1;
    do
        r = fallocate (fd, mode, (off_t) offset, (off_t) length);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        return 0;
    if (errno == EIO || errno == ENOSPC || errno == EDQUOT)
        return host_error ();
    atomic_store (cannot, true);
    return 1;
}

static int
host_zero (struct blk_file *file, uint64_t offset, uint64_t length)
{
    struct host_file *self = CONTAINER_OF (file, struct host_file, file);
    int r = try_fallocate (file->fd, &self->no_zero_range, FALLOC_FL_ZERO_RANGE, offset, length);

    if (r <= 0)
        return r;
    for (r = 0; r == 0 && length > 0;) {
        struct iovec iov = {(void *) zeroes, MIN_OF (length, ZEROES_BYTES)};

        r = host_write (file, offset, &iov, 1);
        offset += iov.iov_len;
        length -= iov.iov_len;
    }
    return r;
}

static void
host_discard (struct blk_file *file, uint64_t offset, uint64_t length)
{
    struct host_file *self = CONTAINER_OF (file, struct host_file, file);

    try_fallocate (file->fd, &self->no_punch, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
                   length);
}

static int
host_get_size (struct blk_file *file, uint64_t *ret_size)
{
    struct stat status;

    if (fstat (file->fd, &status) < 0)
        return -errno;
    *ret_size = (uint64_t) status.st_size;
    return 0;
}

static int
host_set_size (struct blk_file *file, uint64_t size)
{
    return ftruncate (file->fd, (off_t) size) < 0 ? host_error () : 0;
}

static void
host_close (struct blk_file *file)
{
    close_fd (file->fd);
    free (CONTAINER_OF (file, struct host_file, file));
}

static const struct blk_file_ops host_ops = {
    .read = host_read,
    .write = host_write,
    .flush = host_flush,
    .zero = host_zero,
    .discard = host_discard,
    .get_size = host_get_size,
    .set_size = host_set_size,
    .close = host_close,
};

/* Takes over @fd. */
static int
wrap (int fd, const char *path, struct blk_file **ret_file, struct vmm_error *error)
{
    struct host_file *self = calloc (1, sizeof *self);

    if (!self) {
        close_fd (fd);
        return vmm_error_set_errno (error, -ENOMEM, "%s cannot be opened", path);
    }
    self->file = (struct blk_file) {&host_ops, fd};
    *ret_file = &self->file;
    return 0;
}

int
blk_file_open (const char *path, unsigned flags, const struct vmm_log *log,
               struct blk_file **ret_file, struct vmm_error *error)
{
    AUTO_FD fd = -1;
    struct stat status;
    bool read_only = flags & BLK_READ_ONLY;
    int r = raw_open_existing (path, read_only, &fd, error);

    if (r < 0)
        return r;
    if (fstat (fd, &status) < 0 || !S_ISREG (status.st_mode))
        return vmm_error_set (error, -EINVAL,
                              "%s is not a file, and images with a format of their own have to be",
                              path);
    r = (flags & BLK_UNLOCKED) && read_only ? 0 : raw_lock (fd, read_only);
    if (r == -EBUSY)
        return vmm_error_set (error, r, "%s is in use by another machine", path);
    if (r > 0)
        vmm_log (log, VMM_LOG_WARNING,
                 "the file system of %s has no locks: use it for one machine at a time", path);
    return wrap (STEAL_FD (fd), path, ret_file, error);
}

int
blk_file_create (const char *path, struct blk_file **ret_file, struct vmm_error *error)
{
    int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    int r;

    if (fd < 0 && errno == EEXIST)
        return vmm_error_set (error, -EEXIST, "%s exists already", path);
    if (fd < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be created", path);
    /* Where there are no locks, nobody knows of it yet anyway. */
    r = raw_lock (fd, false);
    if (r == -EBUSY) {
        close_fd (fd);
        return vmm_error_set (error, r, "%s is in use by another machine", path);
    }
    r = wrap (fd, path, ret_file, error);
    if (r < 0)
        unlink (path);
    return r;
}

void
blk_file_close (struct blk_file *file)
{
    if (file)
        file->ops->close (file);
}

int
blk_file_read (struct blk_file *file, uint64_t offset, void *buffer, size_t length)
{
    struct iovec iov = {buffer, length};

    return file->ops->read (file, offset, &iov, 1);
}

int
blk_file_write (struct blk_file *file, uint64_t offset, const void *buffer, size_t length)
{
    struct iovec iov = {(void *) buffer, length};

    return file->ops->write (file, offset, &iov, 1);
}

int
blk_file_flush (struct blk_file *file)
{
    return file->ops->flush (file);
}
