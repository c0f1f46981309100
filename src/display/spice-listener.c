/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/spice-listener.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"

/* The socket's mode says so already; this says it again, whatever happens to the file. */
static bool
is_ours (int fd)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return false;
    return peer.uid == geteuid () || peer.uid == 0;
}

static void
accept_cb (void *data, uint32_t events)
{
    struct spice_listener *self = data;
    AUTO_FD fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0 && is_ours (fd))
        self->connected (self->data, STEAL_FD (fd));
}

/* Makes way for a new socket, but removes nothing else. */
static void
remove_old (const char *path)
{
    struct stat status;

    if (lstat (path, &status) == 0 && S_ISSOCK (status.st_mode))
        unlink (path);
}

static int
bind_socket (const char *path, struct vmm_error *error)
{
    AUTO_FD fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen (path);

    if (length >= sizeof address.sun_path)
        return vmm_error_set (error, -ENAMETOOLONG,
                              "The path %s is too long for a socket, choose a shorter one.", path);
    memcpy (address.sun_path, path, length + 1);
    /* Before there is a file, so that there never is one that others can connect to. */
    if (fd < 0 || fchmod (fd, 0600) < 0)
        return vmm_error_set_errno (error, -errno, "cannot make the socket %s", path);
    remove_old (path);
    if (bind (fd, (struct sockaddr *) &address, sizeof address) < 0)
        return vmm_error_set_errno (error, -errno, "cannot make the socket %s", path);
    if (listen (fd, 16) < 0) {
        int r = vmm_error_set_errno (error, -errno, "cannot listen on the socket %s", path);

        unlink (path);
        return r;
    }
    return STEAL_FD (fd);
}

int
spice_listener_start (struct spice_listener *self, struct vmm_loop *loop, const char *path,
                      void (*connected) (void *data, int fd), void *data, struct vmm_error *error)
{
    int fd = bind_socket (path, error), r;

    if (fd < 0)
        return fd;
    *self = (struct spice_listener) {.fd = fd, .connected = connected, .data = data};
    self->path = strdup (path);
    r = self->path ? vmm_loop_add (loop, &self->source, fd, EPOLLIN, NULL, accept_cb, self)
                   : -ENOMEM;
    if (r < 0) {
        close_fd (fd);
        unlink (path);
        free (self->path);
        *self = (struct spice_listener) {0};
        return vmm_error_set_errno (error, r, "cannot watch the socket %s", path);
    }
    return 0;
}

void
spice_listener_stop (struct spice_listener *self)
{
    if (!self->path)
        return;
    vmm_source_remove (&self->source);
    close_fd (self->fd);
    remove_old (self->path);
    free (self->path);
    self->path = NULL;
}
