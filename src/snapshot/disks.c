/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks at the moment of a snapshot. A raw image is taken by sharing its blocks with a file of the
 * snapshot's (FICLONE), where the file system can: that writes back what is dirty first, so it is
 * done once while the machine runs, and again, with little left to do, when it stands still.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "snapshot/snapshot-internal.h"

struct taken {
    const struct snapshot_disk *disk;
    int disk_fd, copy_fd; /* raw images */
};

struct snapshot_disks {
    char id[SNAPSHOT_ID_LENGTH + 1];
    char name[SNAPSHOT_NAME_MAX + 1];
    struct taken *taken;
    size_t n;
};

static int
new_disks (const char *id, const char *name, const struct snapshot_disk *disks, size_t n,
           struct snapshot_disks **ret_self, struct vmm_error *error)
{
    struct snapshot_disks *self;

    *ret_self = NULL;
    if (n > SNAPSHOT_DISKS_MAX)
        return vmm_error_set (error, -E2BIG, "a snapshot has up to %d disks", SNAPSHOT_DISKS_MAX);
    self = calloc (1, sizeof *self);
    if (self)
        self->taken = calloc (n ? n : 1, sizeof *self->taken);
    if (!self || !self->taken) {
        free (self);
        return vmm_error_set (error, -ENOMEM, "out of memory");
    }
    snprintf (self->id, sizeof self->id, "%s", id);
    snprintf (self->name, sizeof self->name, "%s", name);
    self->n = n;
    for (size_t i = 0; i < n; i++)
        self->taken[i] = (struct taken) {.disk = &disks[i], .disk_fd = -1, .copy_fd = -1};
    *ret_self = self;
    return 0;
}

void
snapshot_disks_free (struct snapshot_disks *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->n; i++) {
        close_fd (self->taken[i].disk_fd);
        close_fd (self->taken[i].copy_fd);
    }
    free (self->taken);
    free (self);
}

static int
share (int to, int from)
{
    return ioctl (to, FICLONE, from) < 0 ? -errno : 0;
}

static int
cannot_share (const struct taken *taken, int code, struct vmm_error *error)
{
    if (code == -EOPNOTSUPP || code == -EXDEV || code == -EINVAL || code == -ENOTTY)
        return vmm_error_set (error, -EOPNOTSUPP,
                              "“%s” is a raw image where files cannot share blocks, so that it "
                              "cannot be in a snapshot: convert it to qcow2 first",
                              taken->disk->path);
    return vmm_error_set_errno (error, code, "“%s” cannot be taken into a snapshot",
                                taken->disk->path);
}

static int
open_both (int place, struct taken *taken, size_t number, int disk_flags, int copy_flags,
           struct vmm_error *error)
{
    char name[32];

    snprintf (name, sizeof name, "disk-%zu", number);
    taken->disk_fd = open (taken->disk->path, disk_flags | O_CLOEXEC | O_NONBLOCK);
    if (taken->disk_fd < 0)
        return vmm_error_set_errno (error, -errno, "“%s” cannot be opened", taken->disk->path);
    taken->copy_fd = openat (place, name, copy_flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (taken->copy_fd < 0)
        return vmm_error_set_errno (error, -errno, "the snapshot's disk %zu cannot be opened",
                                    number + 1);
    return 0;
}

int
snapshot_disks_prepare (int place, const char *id, const char *name,
                        const struct snapshot_disk *disks, size_t n,
                        struct snapshot_disks **ret_self, struct vmm_error *error)
{
    struct snapshot_disks *self = NULL;
    int r;

    r = new_disks (id, name, disks, n, &self, error);
    for (size_t i = 0; i < n && r >= 0; i++) {
        struct taken *taken = &self->taken[i];

        if (!disks[i].is_raw) {
            r = vmm_error_set (error, -EOPNOTSUPP, "“%s” cannot be in a snapshot", disks[i].path);
            break;
        }
        r = open_both (place, taken, i, O_RDONLY, O_RDWR | O_CREAT | O_EXCL, error);
        if (r < 0)
            break;
        r = share (taken->copy_fd, taken->disk_fd);
        if (r < 0)
            r = cannot_share (taken, r, error);
    }
    if (r < 0) {
        snapshot_disks_free (self);
        return r;
    }
    *ret_self = self;
    return 0;
}

int
snapshot_disks_take (struct snapshot_disks *self, struct vmm_error *error)
{
    for (size_t i = 0; i < self->n; i++) {
        struct taken *taken = &self->taken[i];
        int r = share (taken->copy_fd, taken->disk_fd);

        if (r < 0)
            return cannot_share (taken, r, error);
    }
    return 0;
}

int
snapshot_disks_sync (struct snapshot_disks *self, struct vmm_error *error)
{
    for (size_t i = 0; i < self->n; i++) {
        if (fsync (self->taken[i].copy_fd) < 0)
            return vmm_error_set_errno (error, -errno, "the snapshot's disk %zu cannot be written",
                                        i + 1);
    }
    return 0;
}

/* The files go with their folder. */
void
snapshot_disks_undo (struct snapshot_disks *self)
{
}

int
snapshot_disks_find (int place, const char *id, const struct snapshot_disk *disks, size_t n,
                     struct snapshot_disks **ret_self, struct vmm_error *error)
{
    struct snapshot_disks *self = NULL;
    int r;

    r = new_disks (id, "", disks, n, &self, error);
    for (size_t i = 0; i < n && r >= 0; i++) {
        struct taken *taken = &self->taken[i];
        struct stat disk, copy;

        r = open_both (place, taken, i, O_RDWR, O_RDONLY, error);
        if (r < 0)
            break;
        if (fstat (taken->disk_fd, &disk) < 0 || fstat (taken->copy_fd, &copy) < 0 ||
            !S_ISREG (disk.st_mode) || !S_ISREG (copy.st_mode) || disk.st_size != copy.st_size)
            r = vmm_error_set (error, -EINVAL,
                               "“%s” had another size in the snapshot: give it that size first",
                               disks[i].path);
    }
    if (r < 0) {
        snapshot_disks_free (self);
        return r;
    }
    *ret_self = self;
    return 0;
}

int
snapshot_disks_apply (struct snapshot_disks *self, struct vmm_error *error)
{
    for (size_t i = 0; i < self->n; i++) {
        struct taken *taken = &self->taken[i];
        int r = share (taken->disk_fd, taken->copy_fd);

        if (r == 0 && fsync (taken->disk_fd) < 0)
            r = -errno;
        if (r < 0)
            return vmm_error_set_errno (error, r, "“%s” cannot be put back", taken->disk->path);
    }
    return 0;
}

int
snapshot_disks_delete (const char *id, const struct snapshot_disk *disks, size_t n,
                       struct vmm_error *error)
{
    return 0;
}
