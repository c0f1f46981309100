/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks at the moment of a snapshot. A qcow2 image has snapshots of its own, which go by the id of
 * ours. A raw image is taken by sharing its blocks with a file of the snapshot's (FICLONE), where
 * the file system can: that writes back what is dirty first, so it is done once while the machine
 * runs, and again, with little left to do, when it stands still.
 *
 * Of an image in use the instant is fixed while the machine stands still, and what takes time is
 * done by a worker of the image when it goes on (see image.h).
 *
 * Before any disk is put back, all qcow2 images but the last disk, after which nothing can fail,
 * take their present state as BEFORE, so that a failure in the middle changes none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "block/image.h"
#include "snapshot/snapshot-internal.h"

#define BEFORE "posada-before"

struct taken {
    struct snapshot_disk disk;
    int disk_fd, copy_fd; /* raw images */
    bool begun, done;     /* qcow2 images: being taken by a worker, taken */
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
        self->taken[i] = (struct taken) {.disk = disks[i], .disk_fd = -1, .copy_fd = -1};
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

/* The image, which is opened for the purpose if the machine has not; @ret_own is to be closed. */
static int
open_image (const struct snapshot_disk *disk, struct blk **ret_blk, struct blk **ret_own,
            struct vmm_error *error)
{
    static const char *const none[] = {NULL};
    struct blk_source source = {
        .path = disk->path,
        .format = BLK_FORMAT_QCOW2,
        .allow_backing = blk_allow_listed,
        .data = (void *) (disk->backing ? disk->backing : none),
    };
    int r = 0;

    *ret_own = NULL;
    if (!disk->blk)
        r = blk_open (&source, NULL, ret_own, error);
    *ret_blk = disk->blk ? disk->blk : *ret_own;
    return r;
}

static struct blk_snapshot
make_wish (const char *id, const char *name)
{
    struct blk_snapshot wish = {0};
    struct timespec now;

    clock_gettime (CLOCK_REALTIME, &now);
    wish.seconds = (uint64_t) now.tv_sec;
    wish.nanoseconds = (uint32_t) now.tv_nsec;
    snprintf (wish.id, sizeof wish.id, "%s", id);
    snprintf (wish.name, sizeof wish.name, "%s", name);
    return wish;
}

static int
take_image (const struct snapshot_disk *disk, const char *id, const char *name,
            struct vmm_error *error)
{
    struct blk_snapshot wish = make_wish (id, name);
    struct blk *blk, *own;
    int r;

    r = open_image (disk, &blk, &own, error);
    if (r == 0)
        r = blk_snapshot_take (blk, &wish, error);
    blk_close (own);
    return r;
}

static int
work_image (const struct snapshot_disk *disk, const char *id,
            int (*work) (struct blk *blk, const char *id, struct vmm_error *error),
            struct vmm_error *error)
{
    struct blk *blk, *own;
    int r = open_image (disk, &blk, &own, error);

    if (r == 0)
        r = work (blk, id, error);
    blk_close (own);
    return r;
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
                              taken->disk.path);
    return vmm_error_set_errno (error, code, "“%s” cannot be taken into a snapshot",
                                taken->disk.path);
}

static int
open_both (int place, struct taken *taken, size_t number, int disk_flags, int copy_flags,
           struct vmm_error *error)
{
    char name[32];

    snprintf (name, sizeof name, "disk-%zu", number);
    taken->disk_fd = open (taken->disk.path, disk_flags | O_CLOEXEC | O_NONBLOCK);
    if (taken->disk_fd < 0)
        return vmm_error_set_errno (error, -errno, "“%s” cannot be opened", taken->disk.path);
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
            r = disks[i].blk ? blk_snapshot_prepare (disks[i].blk, error) : 0;
            continue;
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

/* Of a disk in use only the instant is fixed here. */
static int
take_one (struct snapshot_disks *self, struct taken *taken, struct vmm_error *error)
{
    struct blk_snapshot wish = make_wish (self->id, self->name);
    int r;

    if (taken->disk.blk) {
        r = blk_snapshot_begin (taken->disk.blk, &wish, error);
        taken->begun = r == 0;
    } else {
        r = take_image (&taken->disk, self->id, self->name, error);
        taken->done = r == 0;
    }
    return r;
}

/* Waits for what was begun; the first thing that went wrong. */
static int
finish_all (struct snapshot_disks *self, struct vmm_error *error)
{
    int result = 0;

    for (size_t i = 0; i < self->n; i++) {
        struct taken *taken = &self->taken[i];
        int r;

        if (!taken->begun)
            continue;
        r = blk_snapshot_finish (taken->disk.blk, result < 0 ? NULL : error);
        taken->begun = false;
        taken->done = r == 0;
        if (result == 0)
            result = r;
    }
    return result;
}

int
snapshot_disks_take (struct snapshot_disks *self, struct vmm_error *error)
{
    int r = 0;

    for (size_t i = 0; i < self->n && r == 0; i++) {
        struct taken *taken = &self->taken[i];

        if (taken->disk.is_raw) {
            r = share (taken->copy_fd, taken->disk_fd);
            if (r < 0)
                r = cannot_share (taken, r, error);
        } else {
            r = take_one (self, taken, error);
        }
    }
    if (r < 0)
        snapshot_disks_undo (self);
    return r;
}

int
snapshot_disks_sync (struct snapshot_disks *self, struct vmm_error *error)
{
    int r = finish_all (self, error);

    if (r < 0)
        return r;
    for (size_t i = 0; i < self->n; i++) {
        if (self->taken[i].copy_fd >= 0 && fsync (self->taken[i].copy_fd) < 0)
            return vmm_error_set_errno (error, -errno, "the snapshot's disk %zu cannot be written",
                                        i + 1);
    }
    return 0;
}

/* Files of raw disks go with their folder. */
void
snapshot_disks_undo (struct snapshot_disks *self)
{
    finish_all (self, NULL);
    for (size_t i = 0; i < self->n; i++) {
        if (self->taken[i].done)
            work_image (&self->taken[i].disk, self->id, blk_snapshot_delete, NULL);
        self->taken[i].done = false;
    }
}

void
snapshot_disks_were_closed (struct snapshot_disks *self)
{
    for (size_t i = 0; i < self->n; i++) {
        struct taken *taken = &self->taken[i];

        /* A worker may have come to its end before. */
        taken->done = taken->done || taken->begun;
        taken->begun = false;
        taken->disk.blk = NULL;
    }
}

bool
snapshot_disks_are_taken (const struct snapshot_disks *self)
{
    for (size_t i = 0; i < self->n; i++) {
        if (self->taken[i].done || self->taken[i].begun)
            return true;
    }
    return false;
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

        if (!disks[i].is_raw) {
            /* The image itself knows when it comes to that. */
            if (disks[i].blk)
                blk_snapshot_prepare (disks[i].blk, NULL);
            continue;
        }
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

static int
apply_raw (struct taken *taken, struct vmm_error *error)
{
    int r = share (taken->disk_fd, taken->copy_fd);

    if (r == 0 && fsync (taken->disk_fd) < 0)
        r = -errno;
    return r < 0 ? vmm_error_set_errno (error, r, "“%s” cannot be put back", taken->disk.path) : 0;
}

int
snapshot_disks_apply (struct snapshot_disks *self, struct vmm_error *error)
{
    size_t kept = 0, applied = 0;
    int r = 0;

    for (; kept + 1 < self->n && r == 0; kept++) {
        if (!self->taken[kept].disk.is_raw)
            r = take_image (&self->taken[kept].disk, BEFORE, BEFORE, error);
    }
    if (r < 0)
        kept--;
    for (; applied < self->n && r == 0; applied++) {
        struct taken *taken = &self->taken[applied];

        r = taken->disk.is_raw ? apply_raw (taken, error)
                               : work_image (&taken->disk, self->id, blk_snapshot_apply, error);
    }
    for (size_t i = 0; i < kept; i++) {
        const struct snapshot_disk *disk = &self->taken[i].disk;

        if (disk->is_raw)
            continue;
        if (r < 0 && i + 1 < applied)
            work_image (disk, BEFORE, blk_snapshot_apply, NULL);
        work_image (disk, BEFORE, blk_snapshot_delete, NULL);
    }
    return r;
}

void
snapshot_disks_calm (const struct snapshot_disk *disks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!disks[i].is_raw && disks[i].blk)
            blk_snapshot_prepare (disks[i].blk, NULL);
    }
}

int
snapshot_disks_delete (const char *id, const struct snapshot_disk *disks, size_t n,
                       struct vmm_error *error)
{
    int result = 0;

    for (size_t i = 0; i < n; i++) {
        int r = disks[i].is_raw ? 0 : work_image (&disks[i], id, blk_snapshot_delete, error);

        /* A disk that came later was never in it. */
        if (r < 0 && r != -ENOENT)
            result = r;
    }
    return result;
}

/* Deletes what is named as ours are but belongs to none in @folder. */
static int
clean_image (struct blk *blk, const char *folder, struct vmm_error *error)
{
    AUTO_FREE struct blk_snapshot *list = NULL;
    size_t n;
    int r = blk_snapshot_list (blk, false, &list, &n, error);

    for (size_t i = 0; i < n && r == 0; i++) {
        struct snapshot_info info;

        if (strcmp (list[i].id, BEFORE) == 0 ||
            (snapshot_id_is_valid (list[i].id) &&
             snapshot_find (folder, list[i].id, &info, NULL) == -ENOENT))
            r = blk_snapshot_delete (blk, list[i].id, error);
    }
    return r;
}

void
snapshot_clean (const char *folder, const struct snapshot_disk *disks, size_t n_disks)
{
    snapshot_clean_folder (folder);
    for (size_t i = 0; i < n_disks; i++)
        if (!disks[i].is_raw)
            work_image (&disks[i], folder, clean_image, NULL);
    snapshot_go_on_going_back (folder, disks, n_disks);
}
