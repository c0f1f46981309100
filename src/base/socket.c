/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

static int
fill_address (const char *path, struct sockaddr_un *ret_address, struct vmm_error *error)
{
    size_t length = strlen (path);

    *ret_address = (struct sockaddr_un) {.sun_family = AF_UNIX};
    if (length >= sizeof ret_address->sun_path)
        return vmm_error_set (error, -ENAMETOOLONG,
                              "the socket path %s is longer than the %zu bytes the system takes",
                              path, sizeof ret_address->sun_path - 1);
    memcpy (ret_address->sun_path, path, length + 1);
    return 0;
}

int
socket_connect (const char *path, int *ret_fd, struct vmm_error *error)
{
    struct sockaddr_un address;
    AUTO_FD fd = -1;
    int r = fill_address (path, &address, error);

    if (r < 0)
        return r;
    fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return vmm_error_set_errno (error, -errno, "%s", path);
    if (connect (fd, (const struct sockaddr *) &address, sizeof address) < 0) {
        if (errno == ECONNREFUSED || errno == ENOENT)
            return vmm_error_set (error, -errno, "no machine listens on %s", path);
        return vmm_error_set_errno (error, -errno, "%s", path);
    }
    *ret_fd = STEAL_FD (fd);
    return 0;
}

/* Makes room at @path for a new socket, if that may be. */
static int
clear_path (const char *path, struct vmm_error *error)
{
    struct sockaddr_un address;
    AUTO_FD fd = -1;
    struct stat status;
    int r;

    if (lstat (path, &status) < 0)
        return errno == ENOENT ? 0 : vmm_error_set_errno (error, -errno, "%s", path);
    if (!S_ISSOCK (status.st_mode))
        return vmm_error_set (error, -EEXIST, "%s is there already and is no socket", path);
    r = fill_address (path, &address, error);
    if (r < 0)
        return r;
    fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return vmm_error_set_errno (error, -errno, "%s", path);
    /* Only a socket that nobody holds refuses connections; a full queue (EAGAIN) is a living one.
     */
    if (connect (fd, (const struct sockaddr *) &address, sizeof address) < 0) {
        if (errno == ENOENT)
            return 0;
        if (errno == ECONNREFUSED) {
            if (unlink (path) < 0 && errno != ENOENT)
                return vmm_error_set_errno (error, -errno, "%s cannot be replaced", path);
            return 0;
        }
    }
    return vmm_error_set (error, -EADDRINUSE, "%s is in use by another process", path);
}

int
socket_listen (const char *path, int *ret_fd, struct socket_place *ret_place,
               struct vmm_error *error)
{
    struct sockaddr_un address;
    AUTO_FD fd = -1;
    struct stat status;
    int r = fill_address (path, &address, error);

    if (r < 0)
        return r;
    r = clear_path (path, error);
    if (r < 0)
        return r;
    fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return vmm_error_set_errno (error, -errno, "%s", path);
    /* Linux gives the file the mode of the socket: it is never there with another one. */
    if (fchmod (fd, 0600) < 0 ||
        bind (fd, (const struct sockaddr *) &address, sizeof address) < 0) {
        if (errno == EADDRINUSE)
            return vmm_error_set (error, -errno, "%s is in use by another process", path);
        return vmm_error_set_errno (error, -errno, "%s cannot be listened on", path);
    }
    if (listen (fd, 16) < 0 || lstat (path, &status) < 0) {
        r = vmm_error_set_errno (error, -errno, "%s cannot be listened on", path);
        unlink (path);
        return r;
    }
    *ret_place = (struct socket_place) {.device = status.st_dev, .inode = status.st_ino};
    *ret_fd = STEAL_FD (fd);
    return 0;
}

void
socket_remove (const char *path, const struct socket_place *place)
{
    struct stat status;

    if (lstat (path, &status) == 0 && status.st_dev == place->device &&
        status.st_ino == place->inode)
        unlink (path);
}
