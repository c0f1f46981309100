/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Back ends for fuzzed machines: images without a name and character devices with a socket at the
 * host's end. A failure to make one is not the target's, and ends the process.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/chardev.h"
#include "block/block.h"
#include "net/net.h"

static inline struct blk *
fuzz_open_image (uint64_t size)
{
    struct vmm_error error = {0};
    struct blk *blk;
    char path[64];

    snprintf (path, sizeof path, "/tmp/posada-fuzz-%d.img", (int) getpid ());
    unlink (path);
    if (blk_open_raw (path, BLK_CREATE | BLK_NO_RING, size, NULL, &blk, &error) < 0) {
        printf ("Bail out! %s\n", error.message);
        exit (1);
    }
    unlink (path);
    return blk;
}

/* @ret_fd: the host's end, non-blocking. */
static inline struct chardev *
fuzz_open_chardev (int *ret_fd)
{
    struct vmm_error error = {0};
    struct chardev *chardev;
    int fds[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0 ||
        chardev_open_fds (fds[1], fds[1], &chardev, &error) < 0) {
        printf ("Bail out! no character device\n");
        exit (1);
    }
    close (fds[1]);
    *ret_fd = fds[0];
    return chardev;
}

/* @ret_fd: the other end, non-blocking. */
static inline struct net *
fuzz_open_net (int *ret_fd)
{
    struct vmm_error error = {0};
    struct net *net;
    int fds[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0 ||
        net_open_fd (fds[1], &net, &error) < 0) {
        printf ("Bail out! no network\n");
        exit (1);
    }
    *ret_fd = fds[0];
    return net;
}
