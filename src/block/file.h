/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file below an image format: blocking access in bytes, for metadata and for whatever a worker
 * does. Every function may be called on any thread, several at once. Tests put their own
 * implementation there, which records, fails and forgets writes as a power cut would.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/log.h"

struct blk_file;

struct blk_file_ops {
    /* All of it: 0 or a negative errno. What is behind the end reads as zeroes. */
    int (*read) (struct blk_file *file, uint64_t offset, const struct iovec *iov, unsigned n_iov);
    /* All of it, making the file longer where it must be. -ENOSPC also for a quota. */
    int (*write) (struct blk_file *file, uint64_t offset, const struct iovec *iov, unsigned n_iov);
    /* Everything written so far is on stable storage. A failure is for ever: -EIO. */
    int (*flush) (struct blk_file *file);
    /* Makes the range zeroes; it may be behind the end, and makes the file longer then. */
    int (*zero) (struct blk_file *file, uint64_t offset, uint64_t length);
    /* Nobody needs these bytes any more: they are zeroes or what they were. */
    void (*discard) (struct blk_file *file, uint64_t offset, uint64_t length);
    int (*get_size) (struct blk_file *file, uint64_t *ret_size);
    int (*set_size) (struct blk_file *file, uint64_t size);
    void (*close) (struct blk_file *file);
};

struct blk_file {
    const struct blk_file_ops *ops;
    int fd; /* for a fast path beside these functions; -1: there is none */
};

/* A regular file, with the locks of raw images; of @flags BLK_READ_ONLY and BLK_UNLOCKED count.
 * @error names the file. */
int blk_file_open (const char *path, unsigned flags, const struct vmm_log *log,
                   struct blk_file **ret_file, struct vmm_error *error);
/* A new file of length 0 that only its owner may read, locked for writing. -EEXIST, … */
int blk_file_create (const char *path, struct blk_file **ret_file, struct vmm_error *error);
/* NULL is fine. */
void blk_file_close (struct blk_file *file);

int blk_file_read (struct blk_file *file, uint64_t offset, void *buffer, size_t length);
int blk_file_write (struct blk_file *file, uint64_t offset, const void *buffer, size_t length);
int blk_file_flush (struct blk_file *file);
