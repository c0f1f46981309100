/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is based on a snapshot. Its folder has a file “copy-UUID” for each, with the name that people
 * know it by. A copy that is nowhere any more, neither beside the original nor in the trash of the
 * same store, keeps nothing: so nobody has to clean up after it.
 *
 * Against one that is made while the snapshot is deleted: who makes one writes the file first and
 * then looks whether the snapshot is still in its place; who deletes moves it away first and then
 * looks for such files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "snapshot/snapshot-internal.h"

#define PREFIX      "copy-"
#define UUID_LENGTH 36
#define COPY_BUFFER (1 << 20)

static bool
is_uuid (const char *text)
{
    return strlen (text) == UUID_LENGTH &&
           strspn (text, "0123456789abcdef-") == (size_t) UUID_LENGTH;
}

static bool
is_in_trash (int folder, const char *uuid)
{
    int fd = openat (folder, "../../../trash", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir (fd);
    const struct dirent *entry;
    bool found = false;

    if (!dir) {
        close_fd (fd);
        return false;
    }
    while (!found && (entry = readdir (dir)))
        found = strncmp (entry->d_name, uuid, UUID_LENGTH) == 0;
    closedir (dir);
    return found;
}

enum whereabouts {
    NOWHERE,
    BESIDE,
    IN_TRASH,
};

/* @folder: …/machines/UUID/snapshots. */
static enum whereabouts
find_copy (int folder, const char *uuid)
{
    char path[64];

    snprintf (path, sizeof path, "../../%s", uuid);
    if (faccessat (folder, path, F_OK, 0) == 0)
        return BESIDE;
    snprintf (path, sizeof path, "../../.new-%s", uuid);
    if (faccessat (folder, path, F_OK, 0) == 0)
        return BESIDE;
    return is_in_trash (folder, uuid) ? IN_TRASH : NOWHERE;
}

int
snapshot_check_pins (int folder, const char *name, const char *title, struct vmm_error *error)
{
    int place = snapshot_open_place (folder, name), r = 0;
    DIR *dir = place < 0 ? NULL : fdopendir (place);
    const struct dirent *entry;

    if (!dir) {
        close_fd (place);
        return 0;
    }
    while (r == 0 && (entry = readdir (dir))) {
        const char *uuid = entry->d_name + strlen (PREFIX);
        char text[SNAPSHOT_NAME_MAX + 100];
        enum whereabouts where;

        if (strncmp (entry->d_name, PREFIX, strlen (PREFIX)) != 0 || !is_uuid (uuid))
            continue;
        where = find_copy (folder, uuid);
        if (where == NOWHERE)
            continue;
        if (snapshot_read_text (place, entry->d_name, text, sizeof text) < 0)
            snprintf (text, sizeof text, "%s", uuid);
        text[strcspn (text, "\n")] = '\0';
        r = vmm_error_set (error, -EBUSY, "“%s” is based on the snapshot “%s”: %s", text, title,
                           where == BESIDE ? "make its disks independent, or delete it, first"
                                           : "empty the trash, in which it is, first");
    }
    closedir (dir);
    return r;
}

int
snapshot_pin (const char *path, const char *id, const char *copy, const char *name,
              struct vmm_error *error)
{
    AUTO_FD folder = snapshot_open_folder (path, false, error);
    AUTO_FD place =
        folder < 0 || !snapshot_id_is_valid (id) ? -1 : snapshot_open_place (folder, id);
    char file[64], text[SNAPSHOT_NAME_MAX + 100];
    int r;

    if (folder < 0)
        return folder;
    if (place < 0)
        return vmm_error_set (error, -ENOENT, "there is no snapshot “%s”", id);
    if (!is_uuid (copy))
        return vmm_error_set (error, -EINVAL, "“%s” is not the UUID of a machine", copy);
    snprintf (file, sizeof file, PREFIX "%s", copy);
    snprintf (text, sizeof text, "%.*s\n", SNAPSHOT_NAME_MAX, name);
    r = snapshot_write_text (place, file, text);
    if (r < 0)
        return vmm_error_set_errno (error, r, "the snapshot “%s” cannot be kept for a copy", id);
    if (faccessat (folder, id, F_OK, 0) < 0) {
        unlinkat (place, file, 0);
        return vmm_error_set (error, -ENOENT, "the snapshot “%s” was just deleted", id);
    }
    return 0;
}

void
snapshot_unpin (const char *path, const char *id, const char *copy)
{
    AUTO_FD folder = snapshot_open_folder (path, false, NULL);
    AUTO_FD place = folder < 0 ? -1 : snapshot_open_place (folder, id);
    char file[64];

    snprintf (file, sizeof file, PREFIX "%.*s", UUID_LENGTH, copy);
    if (place >= 0)
        unlinkat (place, file, 0);
}

static int
copy_bytes (int to, int from)
{
    AUTO_FREE char *buffer = malloc (COPY_BUFFER);
    ssize_t n;

    if (ioctl (to, FICLONE, from) == 0)
        return 0;
    if (!buffer)
        return -ENOMEM;
    while ((n = read (from, buffer, COPY_BUFFER)) != 0) {
        ssize_t done = 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        while (done < n) {
            ssize_t written = write (to, buffer + done, (size_t) (n - done));

            if (written < 0 && errno != EINTR)
                return -errno;
            done += MAX_OF (written, (ssize_t) 0);
        }
    }
    return 0;
}

/* A second name where the file system lets us, else a copy. */
static int
link_file (int from, int to, const char *name)
{
    AUTO_FD source = -1, target = -1;
    int r;

    if (linkat (from, name, to, name, 0) == 0)
        return 0;
    if (errno == ENOENT)
        return -ENOENT;
    source = openat (from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    target = source < 0
                 ? -1
                 : openat (to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (target < 0)
        return -errno;
    r = copy_bytes (target, source);
    return r == 0 && fsync (target) < 0 ? -errno : r;
}

int
snapshot_link (const char *from, const char *to, struct vmm_error *error)
{
    static const char *const files[] = {"ram", "state", "screen.png", "metadata"};
    AUTO_FD source = open (from, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), target = -1;
    int r;

    if (source < 0)
        return vmm_error_set_errno (error, -errno, "the snapshot “%s” cannot be opened", from);
    if (mkdir (to, 0700) == 0)
        target = open (to, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    r = target < 0 ? -errno : 0;
    for (size_t i = 0; i < ARRAY_LENGTH (files) && r == 0; i++) {
        r = link_file (source, target, files[i]);
        /* A screen may have been dark. */
        if (r == -ENOENT && i == 2)
            r = 0;
    }
    if (r == 0 && fsync (target) < 0)
        r = -errno;
    return r < 0 ? vmm_error_set_errno (error, r, "the snapshot “%s” cannot be copied", from) : 0;
}
