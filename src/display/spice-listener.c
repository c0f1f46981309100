/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/spice-listener.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

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

int
spice_listener_start (struct spice_listener *self, struct vmm_loop *loop, const char *path,
                      void (*connected) (void *data, int fd), void *data, struct vmm_error *error)
{
    struct socket_place place;
    int fd, r = socket_listen (path, &fd, &place, error);

    if (r < 0)
        return r;
    *self =
        (struct spice_listener) {.fd = fd, .place = place, .connected = connected, .data = data};
    self->path = strdup (path);
    r = self->path ? vmm_loop_add (loop, &self->source, fd, EPOLLIN, NULL, accept_cb, self)
                   : -ENOMEM;
    if (r < 0) {
        close_fd (fd);
        socket_remove (path, &place);
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
    socket_remove (self->path, &self->place);
    free (self->path);
    self->path = NULL;
}
