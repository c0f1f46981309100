/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "display/headless.h"
#include "engine/posada-engine.h"
#include "snapshot/snapshot-internal.h"

#define PICTURE_WIDTH  640
#define PICTURE_HEIGHT 480

/* What devices, disks and pictures may take beside the RAM. */
#define SPARE (UINT64_C (64) << 20)

struct snapshot_take {
    struct snapshot_info info;
    int folder, place;
    char part[300];  /* the name of .place while it is being filled */
    char final[260]; /* and when it is complete */
    bool suspend;
    struct snapshot_disks *disks; /* NULL: none to take */
    struct vmm_machine *machine;
};

static int
make_id (char ret_id[SNAPSHOT_ID_LENGTH + 1])
{
    uint64_t number;

    if (getrandom (&number, sizeof number, 0) != sizeof number)
        return -EIO;
    snprintf (ret_id, SNAPSHOT_ID_LENGTH + 1, "%016" PRIx64, number);
    return 0;
}

/* As RAM may be full of anything, there must be room for all of it. */
static int
check_room (int folder, uint64_t wanted, struct vmm_error *error)
{
    struct statvfs status;
    uint64_t free_bytes;

    if (fstatvfs (folder, &status) < 0)
        return 0; /* the writing will tell */
    free_bytes = (uint64_t) status.f_bavail * status.f_frsize;
    if (free_bytes >= wanted)
        return 0;
    return vmm_error_set (error, -ENOSPC,
                          "a snapshot may take %" PRIu64 " MiB, but only %" PRIu64
                          " MiB are free: make room first",
                          wanted / MIB, free_bytes / MIB);
}

static int
check_count (const char *folder, struct vmm_error *error)
{
    AUTO_FREE struct snapshot_info *infos = NULL;
    char current[SNAPSHOT_ID_LENGTH + 1];
    size_t n;
    int r = snapshot_list (folder, &infos, &n, current, error);

    if (r == 0 && n >= SNAPSHOTS_MAX)
        return vmm_error_set (error, -E2BIG, "there are %zu snapshots already: delete some", n);
    return r;
}

/* Fills what is known before the moment itself, and makes the folder. */
static int
prepare (struct snapshot_take *self, const struct snapshot_wish *wish, struct vmm_error *error)
{
    struct timespec now;
    int r;

    r = snapshot_check_text (wish->name, wish->note, error);
    if (r == 0 && !wish->suspend)
        r = check_count (wish->folder, error);
    if (r < 0)
        return r;
    self->folder = snapshot_open_folder (wish->folder, true, error);
    if (self->folder < 0)
        return self->folder;
    r = check_room (self->folder, wish->machine ? wish->memory + SPARE : SPARE, error);
    if (r < 0)
        return r;
    r = make_id (self->info.id);
    if (r < 0)
        return vmm_error_set_errno (error, r, "there is no random number for the snapshot");
    clock_gettime (CLOCK_REALTIME, &now);
    snprintf (self->info.name, sizeof self->info.name, "%s", wish->name);
    snprintf (self->info.note, sizeof self->info.note, "%s", wish->note ? wish->note : "");
    self->info.time = (uint64_t) now.tv_sec;
    self->info.memory = wish->memory;
    self->info.n_disks = wish->suspend ? 0 : (unsigned) wish->n_disks;
    self->suspend = wish->suspend;
    if (!self->suspend)
        snapshot_get_current (self->folder, self->info.parent);
    snprintf (self->final, sizeof self->final, "%s", wish->suspend ? wish->suspend : self->info.id);
    snprintf (self->part, sizeof self->part, ".%s" SNAPSHOT_PART, self->final);
    snapshot_remove_place (self->folder, self->part);
    if (mkdirat (self->folder, self->part, 0700) < 0)
        return vmm_error_set_errno (error, -errno, "a snapshot cannot be made in “%s”",
                                    wish->folder);
    self->place = snapshot_open_place (self->folder, self->part);
    if (self->place < 0)
        return vmm_error_set_errno (error, self->place, "a snapshot cannot be made in “%s”",
                                    wish->folder);
    if (self->suspend)
        return 0;
    return snapshot_disks_prepare (self->place, self->info.id, self->info.name, wish->disks,
                                   wish->n_disks, &self->disks, error);
}

static void
close_all (struct snapshot_take *self)
{
    snapshot_disks_free (self->disks);
    close_fd (self->place);
    close_fd (self->folder);
    free (self);
}

static int
undo_cb (void *data, struct vmm_error *error)
{
    snapshot_disks_undo (data);
    return 0;
}

/* Removes every trace. */
static void
give_up (struct snapshot_take *self)
{
    if (self->disks && snapshot_disks_are_taken (self->disks)) {
        if (self->machine)
            vmm_stand_still (self->machine, undo_cb, self->disks, NULL);
        else
            snapshot_disks_undo (self->disks);
    }
    if (self->folder >= 0 && self->part[0])
        snapshot_remove_place (self->folder, self->part);
    close_all (self);
}

void
snapshot_take_abandon (struct snapshot_take *self)
{
    if (!self)
        return;
    self->machine = NULL;
    if (self->disks)
        snapshot_disks_were_closed (self->disks);
    give_up (self);
}

static int
commit (struct snapshot_take *self, struct vmm_error *error)
{
    char before[320];
    int r;

    r = self->disks ? snapshot_disks_sync (self->disks, error) : 0;
    if (r == 0)
        r = snapshot_write_metadata (self->place, &self->info, error);
    if (r < 0)
        return r;
    /* What a machine was suspended to before gives way. */
    snprintf (before, sizeof before, ".%s" SNAPSHOT_GONE, self->final);
    if (self->suspend && renameat (self->folder, self->final, self->folder, before) == 0)
        snapshot_remove_place (self->folder, before);
    if (renameat (self->folder, self->part, self->folder, self->final) < 0 ||
        fsync (self->folder) < 0)
        return vmm_error_set_errno (error, -errno, "the snapshot “%s” cannot be put into place",
                                    self->info.name);
    self->part[0] = '\0';
    if (!self->suspend)
        r = snapshot_set_current (self->folder, self->info.id);
    return r < 0 ? vmm_error_set_errno (error, r, "the tree of snapshots cannot be written") : 0;
}

/* A screen that is off has no picture, and a snapshot without one is good, too. */
static void
take_picture (struct snapshot_take *self, struct display *display)
{
    char path[64];

    if (!display)
        return;
    snprintf (path, sizeof path, "/proc/self/fd/%d/screen.png", self->place);
    headless_thumbnail (display, path, PICTURE_WIDTH, PICTURE_HEIGHT, NULL);
}

static int
open_new (int place, const char *name)
{
    return openat (place, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* The machine stands still. */
static int
instant_cb (void *data, struct vmm_error *error)
{
    struct snapshot_take *self = data;

    return self->disks ? snapshot_disks_take (self->disks, error) : 0;
}

static int
begin_machine (struct snapshot_take *self, const struct snapshot_wish *wish,
               struct vmm_error *error)
{
    struct vmm_save save = {.ram_fd = -1, .state_fd = -1};
    int r = 0;

    self->machine = wish->machine;
    self->info.kind =
        vmm_get_state (wish->machine) == VMM_PAUSED ? SNAPSHOT_PAUSED : SNAPSHOT_RUNNING;
    save.ram_fd = open_new (self->place, "ram");
    save.state_fd = save.ram_fd < 0 ? -1 : open_new (self->place, "state");
    if (save.state_fd < 0) {
        r = vmm_error_set_errno (error, -errno, "the snapshot's files cannot be made");
        close_fd (save.ram_fd);
        return r;
    }
    save.close = true;
    save.stay_paused = self->suspend;
    save.instant = instant_cb;
    save.data = self;
    take_picture (self, wish->display);
    vmm_save (wish->machine, &save);
    return 0;
}

int
snapshot_take_begin (const struct snapshot_wish *wish, struct snapshot_take **ret_take,
                     struct vmm_error *error)
{
    struct snapshot_take *self = calloc (1, sizeof *self);
    int r;

    if (!self)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    self->folder = self->place = -1;
    r = prepare (self, wish, error);
    if (r == 0)
        r = begin_machine (self, wish, error);
    if (r < 0) {
        give_up (self);
        return r;
    }
    *ret_take = self;
    return 0;
}

static int
end (struct snapshot_take *self, struct snapshot_info *ret_info, struct vmm_error *error)
{
    int r = commit (self, error);

    if (r < 0) {
        give_up (self);
        return r;
    }
    self->info.bytes = snapshot_bytes_of (self->place);
    self->info.has_picture = faccessat (self->place, "screen.png", F_OK, 0) == 0;
    *ret_info = self->info;
    close_all (self);
    return 0;
}

int
snapshot_take_end (struct snapshot_take *self, const struct vmm_event *event,
                   struct snapshot_info *ret_info, struct vmm_error *error)
{
    if (event->failed) {
        give_up (self);
        return vmm_error_set (error, -ECANCELED, "%s", event->reason);
    }
    return end (self, ret_info, error);
}

int
snapshot_take_off (const struct snapshot_wish *wish, struct snapshot_info *ret_info,
                   struct vmm_error *error)
{
    struct snapshot_take *self = calloc (1, sizeof *self);
    int r;

    if (!self)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    self->folder = self->place = -1;
    self->info.kind = SNAPSHOT_OFF;
    r = prepare (self, wish, error);
    if (r == 0)
        r = snapshot_disks_take (self->disks, error);
    if (r < 0) {
        give_up (self);
        return r;
    }
    return end (self, ret_info, error);
}
