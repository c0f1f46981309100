/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The block contract: an image is opened once, attached to one loop, and serves asynchronous
 * requests in bytes. Devices never see formats; the format comes from the caller, never from the
 * contents.
 *
 * Threads: open and close on the owner's thread; blk_submit () and blk_kick () on any thread;
 * completions run on the thread that iterates the loop, without locks held, exactly once for each
 * request, also for requests refused at once (never from inside blk_submit () or blk_kick ()).
 * Requests in flight are unordered among each other; a flush covers the writes that completed
 * before it was submitted. A completion may submit more; it must not detach or close the image.
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
    BLK_DISCARD,      /* contents become zeroes and space is given back, or nothing happens */
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
    /*
     * 0, or a negative errno: -ENOSPC the host is full or over quota (nothing is lost: submit again
     * later); -EROFS, -ERANGE, -EINVAL (misaligned, iovecs that do not add up) for requests that
     * were refused; else what the host said, mostly -EIO. A flush that failed once fails ever after
     * with -EIO, because the host forgets pages that it could not write.
     */
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

enum blk_open_flags {
    BLK_READ_ONLY = 1 << 0,  /* shared lock; otherwise exclusive */
    BLK_CREATE = 1 << 1,     /* with the given size; fails if the file exists */
    BLK_NO_DISCARD = 1 << 2, /* discards do nothing, write-zeroes keep their space */
    BLK_FOR_REPAIR = 1 << 4, /* an image may be written whatever it says of its state */
    BLK_NO_BACKING = 1 << 5, /* what an image is based on is left out and reads as zeroes: for a
                              * look at the image itself; with BLK_READ_ONLY or BLK_FOR_REPAIR */
    BLK_UNLOCKED = 1 << 6, /* with BLK_READ_ONLY: whoever has the image keeps it, so that a look at
                            * it is in nobody's way; what is read may be half written */
    BLK_NO_RING = 1 << 3,  /* threads instead of io_uring, which they replace by themselves on
                            * hosts without it */
};

/*
 * Opens a raw image, an ISO or a block device, through the host's page cache. Takes a lock so that
 * a writer excludes everybody else, in this process and others; QEMU's locks are honoured and QEMU
 * honours ours. Where the file system cannot lock, a warning is logged instead.
 *
 * @error names the file: missing, a directory, unreadable, empty, size not a multiple of 512
 * (-EINVAL), in use (-EBUSY). When creating: exists already (-EEXIST), a bad size (-EINVAL), larger
 * than a file can be there (-EFBIG) or than the whole file system (-ENOSPC), no room at all
 * (-ENOSPC); no file is left behind then. New images are sparse and only their owner may read them.
 *
 * @create_size is used with BLK_CREATE only. @log may be NULL and must outlive the image.
 */
int blk_open_raw (const char *path, unsigned flags, uint64_t create_size, const struct vmm_log *log,
                  struct blk **ret_blk, struct vmm_error *error);
/* Waits for nothing: nothing may be in flight. Detaches. NULL is fine. */
void blk_close (struct blk *blk);

/*
 * One loop at a time. Detach only when nothing is in flight: all completions have been called. Off
 * the loop's thread, detaching waits for the last of them to return, so hold no lock that it takes
 * again.
 */
int blk_attach (struct blk *blk, struct vmm_loop *loop);
void blk_detach (struct blk *blk);

const struct blk_info *blk_get_info (const struct blk *blk);
const char *blk_get_path (const struct blk *blk);
void blk_get_stats (struct blk *blk, struct blk_stats *ret_stats);

/*
 * Checks bounds, alignment, iovecs and read-only, then queues. Nothing may move until blk_kick ().
 * A length of 0 completes with 0; a flush's range is ignored.
 */
void blk_submit (struct blk *blk, struct blk_request *request);
void blk_kick (struct blk *blk);
/* For synchronous users (tests, metadata): iterates @loop until @request, prepared but not
 * submitted, is complete. */
int blk_run (struct blk *blk, struct vmm_loop *loop, struct blk_request *request);
