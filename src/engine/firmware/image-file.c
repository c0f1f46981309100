/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/image-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

/* One read () moves at most a little less than 2 GiB anyway. */
#define MAX_READ (UINT64_C (1) << 30)

int
image_file_open (struct image_file *self, const char *role, const char *path,
                 struct vmm_error *error)
{
    struct stat status;

    *self = (struct image_file) {.role = role};
    snprintf (self->path, sizeof self->path, "%s", path);
    /* Non-blocking, so that a FIFO is refused below instead of waited for. */
    self->fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (self->fd < 0)
        return vmm_error_set_errno (error, -errno, "the %s “%s” cannot be opened", role, path);
    if (fstat (self->fd, &status) < 0)
        return vmm_error_set_errno (error, -errno, "the %s “%s” cannot be read", role, path);
    if (S_ISDIR (status.st_mode))
        return vmm_error_set (error, -EISDIR, "the %s “%s” is a directory", role, path);
    if (!S_ISREG (status.st_mode))
        return vmm_error_set (error, -EINVAL, "the %s “%s” is not a regular file", role, path);
    if (status.st_size == 0)
        return vmm_error_set (error, -ENODATA, "the %s “%s” is empty", role, path);
    self->size = (uint64_t) status.st_size;
    return 0;
}

void
image_file_close (struct image_file *self)
{
    self->fd = close_fd (self->fd);
}

int
image_file_read (const struct image_file *self, uint64_t offset, void *buffer, uint64_t length,
                 struct vmm_error *error)
{
    uint8_t *to = buffer;

    while (length > 0) {
        ssize_t n = pread (self->fd, to, MIN_OF (length, MAX_READ), (off_t) offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vmm_error_set_errno (error, -errno, "the %s “%s” cannot be read", self->role,
                                        self->path);
        if (n == 0)
            return vmm_error_set (error, -ENODATA, "the %s “%s” is truncated", self->role,
                                  self->path);
        to += n;
        offset += (uint64_t) n;
        length -= (uint64_t) n;
    }
    return 0;
}
