/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UNIX sockets by path. Any thread.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* What a socket's path led to when it was made, so that only that is removed. */
struct socket_place {
    dev_t device;
    ino_t inode;
};

/*
 * A listening, non-blocking socket at @path with mode 0600. -EADDRINUSE when a living process
 * listens there, -EEXIST when something else than a socket is there; what a dead process left
 * behind is replaced. Every error names @path.
 */
int socket_listen (const char *path, int *ret_fd, struct socket_place *ret_place,
                   struct vmm_error *error);
/* Removes @path if it still is the socket made there. */
void socket_remove (const char *path, const struct socket_place *place);

/* A blocking connection to @path. */
int socket_connect (const char *path, int *ret_fd, struct vmm_error *error);
