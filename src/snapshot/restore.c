/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/state.h"
#include "engine/posada-engine.h"
#include "snapshot/snapshot-internal.h"

struct snapshot_restoring {
    int place;
    char *path;
    struct snapshot_info info;
    struct snapshot_disks *disks; /* NULL: none to put back */
    bool noted;                   /* in the folder that several disks go back */
};

static int open_tree (const struct snapshot_restoring *self, const char **ret_id);

static void
restoring_free (struct snapshot_restoring *self)
{
    const char *id;
    AUTO_FD folder = self->noted ? open_tree (self, &id) : -1;

    if (folder >= 0)
        unlinkat (folder, SNAPSHOT_GOING_BACK, 0);
    snapshot_disks_free (self->disks);
    close_fd (self->place);
    free (self->path);
    free (self);
}

/* Everything that can be found wrong before the machine is touched. */
static int
look (const char *path, const struct snapshot_disk *disks, size_t n_disks,
      struct snapshot_restoring **ret_self, struct vmm_error *error)
{
    struct snapshot_restoring *self = calloc (1, sizeof *self);
    const char *slash = strrchr (path, '/');
    const char *name = slash ? slash + 1 : path;
    int r = 0;

    if (!self)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    self->path = strdup (path);
    self->place = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!self->path)
        r = vmm_error_set (error, -ENOMEM, "out of memory");
    else if (self->place < 0)
        r = vmm_error_set_errno (error, -errno, "the snapshot “%s” cannot be opened", path);
    else {
        snprintf (self->info.id, sizeof self->info.id, "%.*s", SNAPSHOT_ID_LENGTH, name);
        r = snapshot_read_metadata (self->place, &self->info, error);
    }
    if (r == 0 && n_disks > 0 && self->info.n_disks != n_disks)
        r = vmm_error_set (error, -EINVAL, "the machine had %u disks in the snapshot, and has %zu",
                           self->info.n_disks, n_disks);
    if (r == 0 && n_disks > 0)
        r = snapshot_disks_find (self->place, self->info.id, disks, n_disks, &self->disks, error);
    if (r < 0) {
        restoring_free (self);
        return r;
    }
    *ret_self = self;
    return 0;
}

/* The folder that the snapshot is in, with its name in @ret_id; -1: none of a tree, but what the
 * machine was suspended to. */
static int
open_tree (const struct snapshot_restoring *self, const char **ret_id)
{
    AUTO_FREE char *path = strdup (self->path);
    char *slash = path ? strrchr (path, '/') : NULL;

    if (!slash || !snapshot_id_is_valid (slash + 1))
        return -1;
    *slash = '\0';
    *ret_id = strrchr (self->path, '/') + 1;
    return snapshot_open_folder (path, false, NULL);
}

/* The snapshot is where the machine comes from now. */
static void
set_current (struct snapshot_restoring *self)
{
    const char *id;
    AUTO_FD folder = open_tree (self, &id);

    if (folder >= 0)
        snapshot_set_current (folder, id);
}

/* A guest that goes back in time is another from then on, and one that could not know that would
 * do things twice: better not to go. */
static int
renew (struct snapshot_restoring *self, uint8_t ret_generation[16], struct vmm_error *error)
{
    const char *id;
    AUTO_FD folder = open_tree (self, &id);
    int r = folder < 0 ? 0 : snapshot_renew_generation (folder, ret_generation);

    return r < 0 ? vmm_error_set_errno (error, r, "the tree of snapshots cannot be written") : 0;
}

/* One disk goes back or does not; of several, some may have when the power goes, and then the
 * others must follow. */
static int
note_begun (struct snapshot_restoring *self, size_t n_disks, struct vmm_error *error)
{
    char text[SNAPSHOT_ID_LENGTH + 2];
    const char *id;
    AUTO_FD folder = n_disks > 1 ? open_tree (self, &id) : -1;
    int r;

    if (folder < 0)
        return 0;
    snprintf (text, sizeof text, "%s\n", id);
    r = snapshot_write_text (folder, SNAPSHOT_GOING_BACK, text);
    self->noted = r == 0;
    return r < 0 ? vmm_error_set_errno (error, r, "the tree of snapshots cannot be written") : 0;
}

void
snapshot_go_on_going_back (const char *folder, const struct snapshot_disk *disks, size_t n_disks)
{
    AUTO_FD fd = snapshot_open_folder (folder, false, NULL), place = -1;
    struct snapshot_disks *taken = NULL;
    char id[SNAPSHOT_ID_LENGTH + 3];
    int r;

    if (fd < 0 || snapshot_read_text (fd, SNAPSHOT_GOING_BACK, id, sizeof id) < 0)
        return;
    id[strcspn (id, "\n")] = '\0';
    place = snapshot_id_is_valid (id) ? snapshot_open_place (fd, id) : -ENOENT;
    r = place < 0 ? 0 : snapshot_disks_find (place, id, disks, n_disks, &taken, NULL);
    if (r == 0 && taken)
        r = snapshot_disks_apply (taken, NULL);
    if (r == 0 && taken)
        snapshot_set_current (fd, id);
    snapshot_disks_free (taken);
    if (r == 0 || r == -ENOENT)
        unlinkat (fd, SNAPSHOT_GOING_BACK, 0);
}

static int
restore_instant_cb (void *data, struct vmm_error *error)
{
    struct snapshot_restoring *self = data;

    return self->disks ? snapshot_disks_apply (self->disks, error) : 0;
}

int
snapshot_restore_begin (const char *path, struct vmm_machine *machine, bool paused,
                        const struct snapshot_disk *disks, size_t n_disks,
                        struct snapshot_restoring **ret_restoring, struct vmm_error *error)
{
    struct vmm_restore restore = {.ram_fd = -1, .state_fd = -1, .paused = paused, .close = true};
    struct snapshot_restoring *self;
    int r;

    r = look (path, disks, n_disks, &self, error);
    if (r < 0)
        return r;
    if (self->info.kind == SNAPSHOT_OFF)
        r = vmm_error_set (error, -EINVAL, "the machine was off in “%s”: switch it off first",
                           self->info.name);
    else {
        restore.ram_fd =
            openat (self->place, "ram", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        restore.state_fd =
            openat (self->place, "state", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (restore.ram_fd < 0 || restore.state_fd < 0)
            r = vmm_error_set (error, -EPROTO, "the snapshot “%s” is damaged: delete it",
                               self->info.name);
    }
    if (r == 0)
        r = renew (self, restore.generation, error);
    if (r == 0)
        r = note_begun (self, n_disks, error);
    if (r < 0) {
        close_fd (restore.ram_fd);
        close_fd (restore.state_fd);
        restoring_free (self);
        return r;
    }
    restore.instant = restore_instant_cb;
    restore.data = self;
    *ret_restoring = self;
    vmm_restore (machine, &restore);
    return 0;
}

int
snapshot_count_devices (const char *path, const char *prefix, unsigned max)
{
    AUTO_FD place = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    AUTO_FD state =
        place < 0 ? -1 : openat (place, "state", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    unsigned n = 0;
    int r = state < 0 ? -errno : 1;

    while (r > 0 && n < max) {
        char id[64];

        snprintf (id, sizeof id, "%s%u", prefix, n);
        r = vmm_state_find (state, id);
        n += r > 0;
    }
    return r < 0 ? r : (int) n;
}

int
snapshot_restore_end (struct snapshot_restoring *self, const struct vmm_event *event,
                      struct vmm_error *error)
{
    int r = 0;

    if (!event || event->failed)
        r = vmm_error_set (error, -EIO, "%s", event ? event->reason : "the machine is gone");
    else
        set_current (self);
    restoring_free (self);
    return r;
}

int
snapshot_restore_off (const char *path, const struct snapshot_disk *disks, size_t n_disks,
                      struct vmm_error *error)
{
    struct snapshot_restoring *self;
    uint8_t generation[16];
    int r = look (path, disks, n_disks, &self, error);

    if (r < 0)
        return r;
    r = renew (self, generation, error);
    if (r == 0)
        r = note_begun (self, n_disks, error);
    if (r == 0 && self->disks)
        r = snapshot_disks_apply (self->disks, error);
    if (r == 0)
        set_current (self);
    restoring_free (self);
    return r;
}
