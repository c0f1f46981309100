/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host end of a serial line or console port: a byte stream to a terminal, a file or a UNIX
 * socket that one client at a time may connect to. Output that the host does not take is buffered
 * up to a limit and then dropped oldest first (an absent reader never stalls a guest). Attached to
 * one loop; functions may be called on any thread with the device's lock held; the callbacks run on
 * the loop's thread with the lock given at attach.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>

#include "base/error.h"
#include "base/loop.h"

struct chardev;

/* Borrowed descriptors (either may be -1), made non-blocking by their owner or not: both work. */
int chardev_open_fds (int in_fd, int out_fd, struct chardev **ret_chardev, struct vmm_error *error);
/* Creates or truncates @path; output only. */
int chardev_open_file (const char *path, struct chardev **ret_chardev, struct vmm_error *error);
/* Listens on @path (-EADDRINUSE if anything is there that is alive; a stale socket of a dead
 * process is replaced). */
int chardev_open_unix (const char *path, struct chardev **ret_chardev, struct vmm_error *error);
/* Flushes what it can without waiting, closes, and removes a listening socket. NULL is fine. */
void chardev_close (struct chardev *chardev);

struct chardev_user {
    /* Bytes from the host; returns how many were taken. The rest is offered again after
     * chardev_resume_input (). */
    size_t (*input) (void *data, const unsigned char *bytes, size_t length);
    /* Optional: a client came (true) or went (false). */
    void (*connected) (void *data, int connected);
};
/* A file or descriptors count as connected: @user's connected () is called before this returns. */
int chardev_attach (struct chardev *chardev, struct vmm_loop *loop, pthread_mutex_t *lock,
                    const struct chardev_user *user, void *data);
void chardev_detach (struct chardev *chardev);
void chardev_resume_input (struct chardev *chardev);
/* Queues @length bytes to the host. Never blocks. */
void chardev_write (struct chardev *chardev, const void *bytes, size_t length);
