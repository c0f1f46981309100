/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of the block room share: a scratch file, a loop, and requests that wait.
 * Everything below runs on the test's one thread.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "block/block.h"
#include "tap.h"

struct rig {
    char path[64];
    struct vmm_loop *loop;
    struct blk *blk;
    char log[4096]; /* every message, one a line */
    struct vmm_log log_hook;
    struct vmm_error error;
};

static inline void
rig_log_cb (void *data, enum vmm_log_level level, const char *message)
{
    struct rig *rig = data;
    size_t length = strlen (rig->log);

    snprintf (rig->log + length, sizeof rig->log - length, "%s\n", message);
}

/* A file of @size bytes (holes) in /tmp, removed by rig_fini (); nothing is open yet. */
static inline void
rig_init (struct rig *rig, uint64_t size)
{
    int fd;

    *rig = (struct rig) {.path = "/tmp/posada-block-XXXXXX"};
    rig->log_hook = (struct vmm_log) {rig_log_cb, rig, VMM_LOG_DEBUG};
    fd = mkstemp (rig->path);
    CHECK (fd >= 0);
    CHECK_EQUAL (ftruncate (fd, (off_t) size), 0);
    close (fd);
    CHECK_EQUAL (vmm_loop_create (&rig->loop), 0);
}

static inline int
rig_try_open (struct rig *rig, unsigned flags)
{
    return blk_open_raw (rig->path, flags, 0, &rig->log_hook, &rig->blk, &rig->error);
}

static inline void
rig_open (struct rig *rig, unsigned flags)
{
    int r = rig_try_open (rig, flags);

    if (r < 0)
        tap_fail (__FILE__, __LINE__, "open: %s", rig->error.message);
    CHECK_EQUAL (blk_attach (rig->blk, rig->loop), 0);
}

static inline void
rig_fini (struct rig *rig)
{
    blk_close (rig->blk);
    vmm_loop_destroy (rig->loop);
    unlink (rig->path);
}

/* One request with one buffer, waited for. */
static inline int
rig_do (struct rig *rig, enum blk_operation operation, uint64_t offset, void *buffer,
        uint64_t length)
{
    struct iovec iov = {buffer, length};
    struct blk_request request = {
        .operation = operation,
        .offset = offset,
        .length = length,
        .iov = &iov,
        .n_iov = buffer ? 1 : 0,
    };

    return blk_run (rig->blk, rig->loop, &request);
}

static inline uint64_t
rig_allocated (const struct rig *rig)
{
    struct stat status;

    CHECK_EQUAL (stat (rig->path, &status), 0);
    return (uint64_t) status.st_blocks * 512;
}

static inline bool
is_filled (const void *bytes, size_t length, unsigned char value)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < length; i++) {
        if (b[i] != value)
            return false;
    }
    return true;
}
