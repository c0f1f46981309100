/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "cli/text.h"

/* ECMA-119 (ISO 9660), 6.2.1 and 8.4: volume descriptors from sector 16 on. */
#define CD_SECTOR            2048
#define CD_DESCRIPTORS       (16 * CD_SECTOR)
#define CD_MAX_DESCRIPTORS   32
#define CD_TYPE_PRIMARY      1
#define CD_OFFSET_ID         1
#define CD_OFFSET_SPACE_SIZE 80
#define CD_OFFSET_BLOCK_SIZE 128

/* Opens @path, which serves as @what, for reading, unless it is nothing that can be read like a
 * file. */
static int
open_input (const char *path, const char *what, int *ret_fd, uint64_t *ret_size,
            struct vmm_error *error)
{
    AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    off_t size;

    if (fd < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be opened as %s", path, what);
    if (fstat (fd, &status) < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be opened as %s", path, what);
    if (S_ISDIR (status.st_mode))
        return vmm_error_set (error, -EISDIR, "%s is a directory and cannot serve as %s", path,
                              what);
    if (!S_ISREG (status.st_mode) && !S_ISBLK (status.st_mode))
        return vmm_error_set (error, -EINVAL, "%s is not a file and cannot serve as %s", path,
                              what);
    size = lseek (fd, 0, SEEK_END);
    if (size < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be opened as %s", path, what);
    if (size == 0)
        return vmm_error_set (error, -EINVAL, "%s is empty and cannot serve as %s", path, what);
    *ret_size = (uint64_t) size;
    *ret_fd = STEAL_FD (fd);
    return 0;
}

static int
check_file (const char *path, const char *what, struct vmm_error *error)
{
    AUTO_FD fd = -1;
    uint64_t size;

    return path ? open_input (path, what, &fd, &size, error) : 0;
}

int
inputs_check_boot_files (const struct run_options *options, struct vmm_error *error)
{
    int r = check_file (options->kernel, "a kernel", error);

    if (r == 0)
        r = check_file (options->initrd, "an initial RAM disk", error);
    if (r == 0)
        r = check_file (options->firmware_file, "firmware", error);
    return r;
}

/* Looks for a volume descriptor that people would call a CD or DVD; @ret_volume is the size in
 * bytes that it claims, 0 if it does not say. */
static bool
find_volume (int fd, uint64_t *ret_volume)
{
    unsigned char sector[CD_SECTOR];
    bool found = false;

    *ret_volume = 0;
    for (unsigned i = 0; i < CD_MAX_DESCRIPTORS; i++) {
        if (pread (fd, sector, sizeof sector, CD_DESCRIPTORS + (off_t) i * CD_SECTOR) !=
            (ssize_t) sizeof sector)
            break;
        if (memcmp (sector + CD_OFFSET_ID, "CD001", 5) == 0) {
            found = true;
            if (sector[0] == CD_TYPE_PRIMARY)
                *ret_volume = (uint64_t) load_le32 (sector + CD_OFFSET_SPACE_SIZE) *
                              load_le16 (sector + CD_OFFSET_BLOCK_SIZE);
        } else if (memcmp (sector + CD_OFFSET_ID, "BEA01", 5) == 0)
            /* ECMA-167 (UDF), part 2, 9.2 */
            found = true;
        else
            break;
    }
    return found;
}

int
inputs_check_cd (const char *path, struct vmm_error *error)
{
    AUTO_FD fd = -1;
    uint64_t size, volume;
    int r = open_input (path, "a CD image", &fd, &size, error);

    if (r < 0)
        return r;
    if (!find_volume (fd, &volume))
        return vmm_error_set (error, -EINVAL, "%s is not a CD image, or is cut short", path);
    if (volume > size)
        return vmm_error_set (error, -EINVAL,
                              "%s is cut short: it should have %" PRIu64 " bytes and has %" PRIu64,
                              path, volume, size);
    return 0;
}

/* Whether a file could be made at @path, as far as its directory tells. */
static int
check_directory_of (const char *path, const char *what, struct vmm_error *error)
{
    AUTO_FREE char *copy = strdup (path);
    const char *directory;
    struct stat status;

    if (!copy)
        return vmm_error_set_errno (error, -ENOMEM, "%s", path);
    directory = dirname (copy);
    if (stat (directory, &status) < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be made for %s", path, what);
    if (!S_ISDIR (status.st_mode))
        return vmm_error_set_errno (error, -ENOTDIR, "%s cannot be made for %s", path, what);
    if (access (directory, W_OK | X_OK) < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be made for %s", path, what);
    return 0;
}

int
inputs_check_disk (const struct disk_option *disk, struct vmm_error *error)
{
    struct stat status;

    if (stat (disk->path, &status) < 0) {
        if (errno != ENOENT)
            return vmm_error_set_errno (error, -errno, "%s cannot be opened as a disk", disk->path);
        if (!disk->create_size)
            return vmm_error_set (error, -ENOENT,
                                  "%s does not exist; --disk FILE,size=8G would make a new disk",
                                  disk->path);
        /* A link that leads nowhere is something to be left alone as well. */
        if (lstat (disk->path, &status) == 0)
            return vmm_error_set (error, -EEXIST, "%s is a link that leads nowhere", disk->path);
        return check_directory_of (disk->path, "a new disk", error);
    }
    if (disk->create_size)
        return vmm_error_set (error, -EEXIST,
                              "%s exists already; leave out size= to use it as it is", disk->path);
    return check_file (disk->path, "a disk", error);
}

bool
inputs_are_same_file (const char *path, const char *other)
{
    struct stat first, second;

    if (strcmp (path, other) == 0)
        return true;
    return stat (path, &first) == 0 && stat (other, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

int
inputs_check_output (const char *path, const char *what, struct vmm_error *error)
{
    struct stat status;

    if (stat (path, &status) < 0)
        return errno == ENOENT
                   ? check_directory_of (path, what, error)
                   : vmm_error_set_errno (error, -errno, "%s cannot be made for %s", path, what);
    if (S_ISDIR (status.st_mode))
        return vmm_error_set (error, -EISDIR, "%s is a directory and cannot be written for %s",
                              path, what);
    if (access (path, W_OK) < 0)
        return vmm_error_set_errno (error, -errno, "%s cannot be written for %s", path, what);
    return 0;
}

int
inputs_check_memory (uint64_t memory, struct vmm_error *error)
{
    long pages = sysconf (_SC_PHYS_PAGES), page = sysconf (_SC_PAGESIZE);
    char asked[32];

    /* A host that does not say is not asked. */
    if (pages <= 0 || page <= 0)
        return 0;
    if (memory > (uint64_t) pages * (uint64_t) page) {
        text_format_size (memory, asked, sizeof asked);
        return vmm_error_set (error, -ENOMEM,
                              "--memory of %s is more than the %" PRIu64 " MiB that this host has",
                              asked, (uint64_t) pages * (uint64_t) page / MIB);
    }
    return 0;
}
