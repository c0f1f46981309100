/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A UNIX socket that only its user can connect to. For one loop's thread.
 */
#pragma once

#include "base/error.h"
#include "base/loop.h"
#include "base/socket.h"

struct spice_listener {
    struct vmm_source source;
    char *path; /* NULL: nothing listens */
    struct socket_place place;
    int fd;
    void (*connected) (void *data, int fd); /* who takes the descriptor over */
    void *data;
};

/* As socket_listen (). */
int
spice_listener_start (struct spice_listener *self, struct vmm_loop *loop, const char *path,
                      void (*connected) (void *data, int fd), void *data, struct vmm_error *error);
/* Zeroed memory is fine. */
void spice_listener_stop (struct spice_listener *self);
