/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of the raw driver: an image whose bytes are the disk's. raw.c opens it; raw-step.c
 * knows how a request becomes one or more host operations; raw-ring.c carries these out on
 * io_uring, raw-pool.c on threads where there is no io_uring. For raw*.c and their tests only.
 */
#pragma once

#include <stdatomic.h>

#include "block/driver.h"

struct raw {
    struct blk blk;
    int fd;
    bool container;            /* an image format's file: it grows, and behind its end are zeroes */
    atomic_bool no_punch;      /* the host has refused to punch holes */
    atomic_bool no_zero_range; /* … to zero ranges */
    atomic_bool flush_failed;  /* what the host has lost it will not report again */
    struct raw_ring *ring;     /* one of these two is there */
    struct raw_pool *pool;
};

enum raw_step_kind {
    RAW_PREADV,
    RAW_PWRITEV,
    RAW_FDATASYNC,
    RAW_FALLOCATE,
};

/* One host operation on behalf of a request. Zeroed when the request starts. */
struct raw_step {
    enum raw_step_kind kind;
    int mode; /* RAW_FALLOCATE */
    uint64_t offset;
    uint64_t length;         /* of the range, or the sum of the iovecs */
    const struct iovec *iov; /* RAW_PREADV, RAW_PWRITEV */
    unsigned n_iov;
    struct iovec piece; /* what .iov points to where the request's own iovecs do not do */
    bool punch_refused, zero_range_refused;
    unsigned retries; /* since something last moved */
};

#define RAW_MORE 1

/* Opens an existing file or block device at @path, checked for being one, without a lock. */
int raw_open_existing (const char *path, bool read_only, int *ret_fd, struct vmm_error *error);
/* Serves reads and writes anywhere in the open file @fd, which stays the caller's and must be open
 * for longer, for a driver of an image format. Takes no lock. -EMFILE, -ENOMEM, … */
int raw_create_container (int fd, const char *path, unsigned flags, const struct vmm_log *log,
                          struct blk **ret_blk);

/* The next operation for @request: RAW_MORE and @step is filled, or the request's result (≤ 0). Any
 * thread, but one at a time for a request. */
int raw_plan (struct raw *raw, const struct blk_request *request, struct raw_step *step);
/* Takes in what the host said to @step, a number of bytes or a negative errno: RAW_MORE for more to
 * do, or the request's result. */
int raw_advance (struct raw *raw, struct blk_request *request, struct raw_step *step, int host);

/* -ENOSYS, -EPERM, …: this host, or this container, has no io_uring for us. */
int raw_ring_create (struct raw *raw, struct raw_ring **ret_ring);
void raw_ring_destroy (struct raw_ring *ring);
void raw_ring_submit (struct raw_ring *ring, struct blk_request *request);
void raw_ring_kick (struct raw_ring *ring);
void raw_ring_poll (struct raw_ring *ring);
void raw_ring_attach (struct raw_ring *ring, struct vmm_loop *loop);
void raw_ring_detach (struct raw_ring *ring);

int raw_pool_create (struct raw *raw, struct raw_pool **ret_pool);
void raw_pool_destroy (struct raw_pool *pool);
void raw_pool_submit (struct raw_pool *pool, struct blk_request *request);

/* Takes the locks that a user of @fd needs. 0, 1 if the file system has no locks, -EBUSY. */
int raw_lock (int fd, bool read_only);
