/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scope cleanup: a variable marked with one of these releases what it holds when it goes out of
 * scope. Hand the value on with STEAL_FD () or STEAL_PTR (). Usable on any thread.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__ ((cleanup (function)))

/* Closes @fd if it is one, keeping errno; returns -1 to assign back. */
static inline int
close_fd (int fd)
{
    int saved = errno;

    if (fd >= 0)
        close (fd);
    errno = saved;
    return -1;
}

static inline void
cleanup_fd (int *fd)
{
    *fd = close_fd (*fd);
}

static inline void
cleanup_free (void *pointer)
{
    free (*(void **) pointer);
}

#define AUTO_FD   CLEANUP (cleanup_fd) int
#define AUTO_FREE CLEANUP (cleanup_free)

static inline void
cleanup_file (FILE **file)
{
    if (*file)
        fclose (*file);
}

static inline int
steal_fd (int *fd)
{
    int stolen = *fd;

    *fd = -1;
    return stolen;
}

static inline void *
steal_pointer (void *pointer)
{
    void *stolen = *(void **) pointer;

    *(void **) pointer = NULL;
    return stolen;
}

#define STEAL_FD(fd)       steal_fd (&(fd))
#define STEAL_PTR(pointer) ((__typeof__ (pointer)) steal_pointer (&(pointer)))
