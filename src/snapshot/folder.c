/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/posada-engine.h"
#include "snapshot/snapshot-internal.h"

#define CURRENT     "current"
#define MAX_ENTRIES 10000 /* of a folder that are looked at */

int
snapshot_open_folder (const char *folder, bool create, struct vmm_error *error)
{
    int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && create && (mkdir (folder, 0700) == 0 || errno == EEXIST))
        fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return vmm_error_set_errno (error, -errno, "the folder of snapshots “%s” cannot be opened",
                                    folder);
    return fd;
}

int
snapshot_open_place (int folder, const char *name)
{
    int fd = openat (folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

int
snapshot_read_text (int folder, const char *name, char *ret_text, size_t size)
{
    AUTO_FD fd = openat (folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    size_t length = 0;

    if (fd < 0)
        return -errno;
    while (length < size) {
        ssize_t n = read (fd, ret_text + length, size - length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        length += (size_t) n;
    }
    if (length == size)
        return -EFBIG;
    ret_text[length] = '\0';
    return strlen (ret_text) == length ? 0 : -EPROTO;
}

int
snapshot_write_text (int folder, const char *name, const char *text)
{
    size_t length = strlen (text), done = 0;
    AUTO_FD fd = -1;
    char part[64];
    int r = 0;

    snprintf (part, sizeof part, ".%s" SNAPSHOT_PART, name);
    fd = openat (folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    while (done < length && r == 0) {
        ssize_t n = write (fd, text + done, length - done);

        if (n >= 0)
            done += (size_t) n;
        else if (errno != EINTR)
            r = -errno;
    }
    if (r == 0 && fsync (fd) < 0)
        r = -errno;
    if (r == 0 && renameat (folder, part, folder, name) < 0)
        r = -errno;
    if (r < 0)
        unlinkat (folder, part, 0);
    else if (fsync (folder) < 0)
        r = -errno;
    return r;
}

/* Calls @each with every name but “.” and “..”, until it returns other than 0. */
static int
for_each (int folder, int (*each) (int folder, const char *name, void *data), void *data)
{
    int fd = openat (folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    struct dirent *entry;
    DIR *dir = fd < 0 ? NULL : fdopendir (fd);

    if (!dir) {
        r = -errno;
        close_fd (fd);
        return r;
    }
    for (unsigned n = 0; r == 0 && n < MAX_ENTRIES && (entry = readdir (dir)); n++) {
        if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
            r = each (folder, entry->d_name, data);
    }
    closedir (dir);
    return r;
}

static int
remove_file (int folder, const char *name, void *data)
{
    unlinkat (folder, name, 0);
    return 0;
}

int
snapshot_remove_place (int folder, const char *name)
{
    AUTO_FD place = snapshot_open_place (folder, name);

    if (place < 0)
        return place;
    for_each (place, remove_file, NULL);
    return unlinkat (folder, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static bool
ends_with (const char *text, const char *end)
{
    size_t a = strlen (text), b = strlen (end);

    return a >= b && strcmp (text + a - b, end) == 0;
}

static int
clean_one (int folder, const char *name, void *data)
{
    char id[SNAPSHOT_ID_LENGTH + 1];

    if (name[0] != '.' || !(ends_with (name, SNAPSHOT_PART) || ends_with (name, SNAPSHOT_GONE)))
        return 0;
    /* Whoever was about to delete it did not come to see that it must stay. */
    snprintf (id, sizeof id, "%s", name + 1);
    if (ends_with (name, SNAPSHOT_GONE) && snapshot_id_is_valid (id) &&
        snapshot_check_pins (folder, name, id, NULL) < 0 &&
        renameat2 (folder, name, folder, id, RENAME_NOREPLACE) == 0)
        return 0;
    if (snapshot_remove_place (folder, name) < 0)
        unlinkat (folder, name, 0);
    return 0;
}

void
snapshot_clean_folder (const char *folder)
{
    AUTO_FD fd = snapshot_open_folder (folder, false, NULL);

    if (fd >= 0)
        for_each (fd, clean_one, NULL);
}

int
snapshot_set_current (int folder, const char *id)
{
    char text[SNAPSHOT_ID_LENGTH + 2];

    if (!*id)
        return unlinkat (folder, CURRENT, 0) < 0 && errno != ENOENT ? -errno : 0;
    snprintf (text, sizeof text, "%s\n", id);
    return snapshot_write_text (folder, CURRENT, text);
}

void
snapshot_get_current (int folder, char ret_id[SNAPSHOT_ID_LENGTH + 1])
{
    char text[SNAPSHOT_ID_LENGTH + 3];

    ret_id[0] = '\0';
    if (snapshot_read_text (folder, CURRENT, text, sizeof text) < 0)
        return;
    text[strcspn (text, "\n")] = '\0';
    if (snapshot_id_is_valid (text))
        memcpy (ret_id, text, SNAPSHOT_ID_LENGTH + 1);
}

static int
add_bytes (int folder, const char *name, void *data)
{
    struct stat status;

    if (fstatat (folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0)
        *(uint64_t *) data += (uint64_t) status.st_blocks * 512;
    return 0;
}

uint64_t
snapshot_bytes_of (int place)
{
    uint64_t bytes = 0;

    for_each (place, add_bytes, &bytes);
    return bytes;
}

static int
read_info (int folder, const char *id, struct snapshot_info *info, struct vmm_error *error)
{
    AUTO_FD place = snapshot_open_place (folder, id);
    struct stat status;

    if (place < 0)
        return vmm_error_set (error, -ENOENT, "there is no snapshot “%s”", id);
    *info = (struct snapshot_info) {.kind = SNAPSHOT_OFF};
    memcpy (info->id, id, SNAPSHOT_ID_LENGTH + 1);
    if (snapshot_read_metadata (place, info, error) < 0) {
        *info = (struct snapshot_info) {.damaged = true};
        memcpy (info->id, id, SNAPSHOT_ID_LENGTH + 1);
        memcpy (info->name, id, SNAPSHOT_ID_LENGTH + 1);
        info->time = fstat (place, &status) == 0 ? (uint64_t) status.st_mtime : 0;
    }
    info->bytes = snapshot_bytes_of (place);
    info->has_picture = fstatat (place, "screen.png", &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                        S_ISREG (status.st_mode);
    return 0;
}

struct listing {
    struct snapshot_info *infos;
    size_t n, room;
};

static int
list_one (int folder, const char *name, void *data)
{
    struct listing *listing = data;

    if (!snapshot_id_is_valid (name) || listing->n == SNAPSHOTS_MAX)
        return 0;
    if (listing->n == listing->room) {
        size_t room = listing->room ? listing->room * 2 : 8;
        struct snapshot_info *infos = realloc (listing->infos, room * sizeof *infos);

        if (!infos)
            return -ENOMEM;
        listing->infos = infos;
        listing->room = room;
    }
    if (read_info (folder, name, &listing->infos[listing->n], NULL) == 0)
        listing->n++;
    return 0;
}

static int
compare (const void *a, const void *b)
{
    const struct snapshot_info *x = a, *y = b;

    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return strcmp (x->id, y->id);
}

static const struct snapshot_info *
find (const struct listing *listing, const char *id)
{
    for (size_t i = 0; i < listing->n; i++) {
        if (strcmp (listing->infos[i].id, id) == 0)
            return &listing->infos[i];
    }
    return NULL;
}

/* Parents that are not there, and circles, which only somebody's hand can have made. */
static void
make_tree (struct listing *listing)
{
    for (size_t i = 0; i < listing->n; i++) {
        const struct snapshot_info *at = &listing->infos[i];
        size_t steps = 0;

        while (at && at->parent[0] && steps++ <= listing->n)
            at = find (listing, at->parent);
        if (!at || steps > listing->n)
            listing->infos[i].parent[0] = '\0';
    }
}

int
snapshot_list (const char *folder, struct snapshot_info **ret_infos, size_t *ret_n,
               char ret_current[SNAPSHOT_ID_LENGTH + 1], struct vmm_error *error)
{
    struct listing listing = {0};
    AUTO_FD fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = 0;

    ret_current[0] = '\0';
    if (fd < 0 && errno != ENOENT)
        return vmm_error_set_errno (error, -errno, "the folder of snapshots “%s” cannot be opened",
                                    folder);
    if (fd >= 0) {
        r = for_each (fd, list_one, &listing);
        snapshot_get_current (fd, ret_current);
    }
    if (r < 0) {
        free (listing.infos);
        return vmm_error_set_errno (error, r, "the folder of snapshots “%s” cannot be read",
                                    folder);
    }
    if (listing.n > 0)
        qsort (listing.infos, listing.n, sizeof *listing.infos, compare);
    make_tree (&listing);
    if (ret_current[0] && !find (&listing, ret_current))
        ret_current[0] = '\0';
    *ret_infos = listing.infos;
    *ret_n = listing.n;
    return 0;
}

int
snapshot_find (const char *folder, const char *id, struct snapshot_info *ret_info,
               struct vmm_error *error)
{
    AUTO_FD fd = -1;

    if (!snapshot_id_is_valid (id))
        return vmm_error_set (error, -ENOENT, "there is no snapshot “%s”", id);
    fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return read_info (fd, id, ret_info, error);
}

/* Reads, has changed and writes. */
static int
edit (const char *folder, const char *id, const char *name, const char *note, const char *parent,
      struct vmm_error *error)
{
    struct snapshot_info info;
    AUTO_FD fd = -1, place = -1;
    int r;

    r = snapshot_find (folder, id, &info, error);
    if (r < 0)
        return r;
    if (info.damaged)
        return vmm_error_set (error, -EPROTO, "the snapshot “%s” is damaged: delete it", id);
    if (name)
        snprintf (info.name, sizeof info.name, "%s", name);
    if (note)
        snprintf (info.note, sizeof info.note, "%s", note);
    if (parent)
        memmove (info.parent, parent, strlen (parent) + 1);
    fd = snapshot_open_folder (folder, false, error);
    if (fd < 0)
        return fd;
    place = snapshot_open_place (fd, id);
    return snapshot_write_metadata (place, &info, error);
}

int
snapshot_rename (const char *folder, const char *id, const char *name, struct vmm_error *error)
{
    int r = snapshot_check_text (name, NULL, error);

    return r < 0 ? r : edit (folder, id, name, NULL, NULL, error);
}

int
snapshot_set_note (const char *folder, const char *id, const char *note, struct vmm_error *error)
{
    int r = snapshot_check_text ("-", note, error);

    return r < 0 ? r : edit (folder, id, NULL, note, NULL, error);
}

/* Whoever came from @info comes from where it came. */
static int
adopt_children (const char *folder, int fd, const struct snapshot_info *info,
                struct vmm_error *error)
{
    AUTO_FREE struct snapshot_info *infos = NULL;
    char current[SNAPSHOT_ID_LENGTH + 1];
    size_t n;
    int r;

    r = snapshot_list (folder, &infos, &n, current, error);
    for (size_t i = 0; i < n && r == 0; i++) {
        if (strcmp (infos[i].parent, info->id) == 0)
            r = edit (folder, infos[i].id, NULL, NULL, info->parent, error);
    }
    if (r == 0 && strcmp (current, info->id) == 0)
        r = snapshot_set_current (fd, info->parent);
    return r;
}

struct deletion {
    const char *id;
    const struct snapshot_disk *disks;
    size_t n_disks;
};

static int
delete_disks_cb (void *data, struct vmm_error *error)
{
    const struct deletion *deletion = data;

    return snapshot_disks_delete (deletion->id, deletion->disks, deletion->n_disks, error);
}

int
snapshot_delete (const char *folder, const char *id, struct vmm_machine *machine,
                 const struct snapshot_disk *disks, size_t n_disks, struct vmm_error *error)
{
    struct deletion deletion = {id, disks, n_disks};
    char gone[SNAPSHOT_ID_LENGTH + 16];
    struct snapshot_info info;
    AUTO_FD fd = -1;
    int r;

    r = snapshot_find (folder, id, &info, error);
    if (r < 0)
        return r;
    fd = snapshot_open_folder (folder, false, error);
    if (fd < 0)
        return fd;
    r = snapshot_check_pins (fd, id, info.name, error);
    if (r == 0)
        r = adopt_children (folder, fd, &info, error);
    if (r < 0)
        return r;
    /* First what makes it one: whatever happens then, there is none that is half there. */
    snprintf (gone, sizeof gone, ".%s" SNAPSHOT_GONE, id);
    if (renameat (fd, id, fd, gone) < 0 || fsync (fd) < 0)
        return vmm_error_set_errno (error, -errno, "the snapshot “%s” cannot be deleted",
                                    info.name);
    /* Somebody may have been faster; nobody is from now on. */
    r = snapshot_check_pins (fd, gone, info.name, error);
    if (r < 0) {
        renameat (fd, gone, fd, id);
        return r;
    }
    if (machine)
        snapshot_disks_calm (disks, n_disks);
    if (machine && n_disks > 0)
        r = vmm_stand_still (machine, delete_disks_cb, &deletion, error);
    else
        r = delete_disks_cb (&deletion, error);
    snapshot_remove_place (fd, gone);
    return r;
}

void
snapshot_remove_suspended (const char *path)
{
    AUTO_FREE char *copy = strdup (path);
    AUTO_FD parent = -1;
    char gone[300], *slash;

    slash = copy ? strrchr (copy, '/') : NULL;
    if (!slash || strlen (slash + 1) > 255)
        return;
    *slash = '\0';
    parent = open (*copy ? copy : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf (gone, sizeof gone, ".%s" SNAPSHOT_GONE, slash + 1);
    if (parent >= 0 && renameat (parent, slash + 1, parent, gone) == 0) {
        fsync (parent);
        snapshot_remove_place (parent, gone);
    }
}

void
snapshot_get_generation (const char *path, const uint8_t uuid[16], uint8_t ret_generation[16])
{
    AUTO_FD folder = path ? snapshot_open_folder (path, false, NULL) : -1;
    uint8_t generation[16];
    char text[40];

    memcpy (ret_generation, uuid, 16);
    if (folder < 0 || snapshot_read_text (folder, "generation", text, sizeof text) < 0 ||
        strlen (text) < 32)
        return;
    for (unsigned i = 0; i < 16; i++)
        if (sscanf (text + 2 * i, "%2hhx", &generation[i]) != 1)
            return;
    memcpy (ret_generation, generation, 16);
}

int
snapshot_renew_generation (int folder, uint8_t ret_generation[16])
{
    char text[40];

    vmm_random_generation (ret_generation);
    for (unsigned i = 0; i < 16; i++)
        snprintf (text + 2 * i, sizeof text - 2 * i, "%02x", ret_generation[i]);
    memcpy (text + 32, "\n", 2);
    return snapshot_write_text (folder, "generation", text);
}
