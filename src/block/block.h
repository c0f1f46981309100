/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The block contract: an image is opened once, attached to one loop, and serves asynchronous
 * requests in bytes. Devices never see formats; the format comes from the caller, never from the
 * contents.
 *
 * Threads: open and close on the owner's thread; blk_submit () and blk_kick () on any thread;
 * completions run on the thread that iterates the loop, without locks held, exactly once for each
 * request, also for requests refused at once (never from inside blk_submit ()). Requests in flight
 * are unordered among each other; a flush covers the writes that completed before it was submitted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"

struct blk;

enum blk_operation {
    BLK_READ,
    BLK_WRITE,
    BLK_FLUSH,        /* everything completed so far is on stable storage */
    BLK_DISCARD,      /* contents become undefined (we: zeroes), space is given back */
    BLK_WRITE_ZEROES, /* contents become zeroes; space is given back if .may_unmap */
};

struct blk_request {
    /* Set by the submitter, who owns the memory until completion. */
    enum blk_operation operation;
    uint64_t offset;         /* bytes; multiple of the logical block size */
    uint64_t length;         /* bytes; for reads and writes the sum of the iovecs */
    const struct iovec *iov; /* reads and writes; stays valid until completion */
    unsigned n_iov;
    bool may_unmap;
    /* 0, or a negative errno: -ENOSPC the host is full (nothing is lost: submit again later), -EIO
     * …, -EROFS, -ERANGE. */
    void (*complete) (struct blk_request *request, int result);
    void *data;

    /* The block layer's own. */
    struct vmm_list link;
    struct blk *blk;
    uint64_t done;
    uint64_t submitted_at;
    int result;
};

struct blk_info {
    uint64_t size;           /* bytes, multiple of logical_block */
    uint32_t logical_block;  /* 512 */
    uint32_t physical_block; /* 512 or 4096 */
    bool read_only;
    bool can_discard;             /* discard and unmapping write-zeroes give space back */
    uint32_t discard_granularity; /* bytes */
    unsigned max_iov;             /* longest iovec of a request */
};

struct blk_stats {
    uint64_t read_bytes, read_requests, write_bytes, write_requests, flush_requests,
        discard_requests, errors;
    uint64_t read_ns, write_ns, flush_ns; /* summed latencies */
};

/* What a driver implements. Documented per function; instances are const. */
struct blk_driver {
    const char *name; /* "raw" */
    /* Starts @request; calls blk_complete () later, on the loop's thread. */
    void (*submit) (struct blk *blk, struct blk_request *request);
    void (*kick) (struct blk *blk); /* optional: hand everything submitted so far to the host */
    int (*attach) (struct blk *blk, struct vmm_loop *loop);
    void (*detach) (struct blk *blk); /* nothing is in flight */
    void (*close) (struct blk *blk);
};

enum blk_open_flags {
    BLK_READ_ONLY = 1 << 0, /* shared lock; otherwise exclusive */
    BLK_CREATE = 1 << 1,    /* with the given size; fails if the file exists */
    BLK_NO_DISCARD = 1 << 2,
};

/*
 * Opens a raw image or ISO. Takes an OFD lock so that a second writer, in this process or another,
 * is refused. Names the file in every error: missing, a directory, unreadable, empty, size not a
 * multiple of 512 (-EINVAL), in use (-EBUSY), no room (-ENOSPC, when creating). @create_size is
 * used with BLK_CREATE only, and on failure no file is left behind.
 */
int blk_open_raw (const char *path, unsigned flags, uint64_t create_size, const struct vmm_log *log,
                  struct blk **ret_blk, struct vmm_error *error);
/* Waits for nothing: detach first. NULL is fine. */
void blk_close (struct blk *blk);

/* One loop at a time. Detach only when nothing is in flight. */
int blk_attach (struct blk *blk, struct vmm_loop *loop);
void blk_detach (struct blk *blk);

const struct blk_info *blk_get_info (const struct blk *blk);
const char *blk_get_path (const struct blk *blk);
void blk_get_stats (struct blk *blk, struct blk_stats *ret_stats);

/* Checks bounds, alignment, iovec count and read-only, then queues. Nothing may move until blk_kick
 * (). */
void blk_submit (struct blk *blk, struct blk_request *request);
void blk_kick (struct blk *blk);
/* For synchronous users (tests, metadata): iterates @loop until @request, prepared but not
 * submitted, is complete. */
int blk_run (struct blk *blk, struct vmm_loop *loop, struct blk_request *request);

/* For drivers: ends @request with @result, on the loop's thread. */
void blk_complete (struct blk_request *request, int result);
