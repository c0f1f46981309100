/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a request becomes host operations. A read or write goes on where the host stopped short:
 * request->done says how far it is, the rest of a half-done iovec is a piece of its own, and the
 * iovecs after it follow as they are. Discards and write-zeroes try the cheapest operation first
 * and remember what this file system cannot do:
 *
 *   discard                  punch a hole; else nothing
 *   write zeroes, may unmap  punch a hole; else as the next
 *   write zeroes             zero the range; else write zeroes
 *
 * Holes and zeroed ranges read as zeroes to the byte also where they do not start or end on a block
 * of the file system (fallocate(2)), on block devices as well.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/util.h"
#include "block/raw.h"

#define MAX_RETRIES  1000
#define ZEROES_BYTES (64 * KIB)

static const unsigned char zeroes[ZEROES_BYTES];

static void
plan_transfer (const struct blk_request *request, struct raw_step *step)
{
    const struct iovec *iov = request->iov;
    unsigned n_iov = request->n_iov;
    uint64_t skip = request->done;

    step->offset = request->offset + request->done;
    /* There is a byte left somewhere, for the iovecs add up to the length. */
    while (skip >= iov->iov_len) {
        skip -= iov->iov_len;
        iov++;
        n_iov--;
    }
    if (skip) {
        step->piece.iov_base = (char *) iov->iov_base + skip;
        step->piece.iov_len = iov->iov_len - skip;
        step->iov = &step->piece;
        step->n_iov = 1;
        step->length = step->piece.iov_len;
    } else {
        step->iov = iov;
        step->n_iov = n_iov;
        step->length = request->length - request->done;
    }
}

static int
plan_fallocate (const struct blk_request *request, struct raw_step *step, int mode)
{
    step->kind = RAW_FALLOCATE;
    step->mode = mode | FALLOC_FL_KEEP_SIZE;
    step->offset = request->offset;
    step->length = request->length;
    return RAW_MORE;
}

static int
plan_zeroes (struct raw *raw, const struct blk_request *request, struct raw_step *step)
{
    bool discard = request->operation == BLK_DISCARD;

    if ((discard || request->may_unmap) && raw->blk.info.can_discard &&
        !atomic_load (&raw->no_punch) && !step->punch_refused)
        return plan_fallocate (request, step, FALLOC_FL_PUNCH_HOLE);
    if (discard)
        return 0;
    if (!atomic_load (&raw->no_zero_range) && !step->zero_range_refused)
        return plan_fallocate (request, step, FALLOC_FL_ZERO_RANGE);

    step->kind = RAW_PWRITEV;
    step->piece.iov_base = (void *) zeroes;
    step->piece.iov_len = MIN_OF (request->length - request->done, ZEROES_BYTES);
    step->iov = &step->piece;
    step->n_iov = 1;
    step->offset = request->offset + request->done;
    step->length = step->piece.iov_len;
    return RAW_MORE;
}

int
raw_plan (struct raw *raw, const struct blk_request *request, struct raw_step *step)
{
    switch (request->operation) {
    case BLK_READ:
        step->kind = RAW_PREADV;
        plan_transfer (request, step);
        return RAW_MORE;
    case BLK_WRITE:
        step->kind = RAW_PWRITEV;
        plan_transfer (request, step);
        return RAW_MORE;
    case BLK_FLUSH:
        if (atomic_load (&raw->flush_failed))
            return -EIO;
        step->kind = RAW_FDATASYNC;
        return RAW_MORE;
    case BLK_DISCARD:
    case BLK_WRITE_ZEROES: return plan_zeroes (raw, request, step);
    }
    return -EINVAL;
}

/* Whether the host says that it cannot do this, as opposed to having failed at it. A block device
 * with large sectors says EINVAL to ranges that it could do if they were aligned. */
static bool
means_cannot (int host)
{
    return host == -EOPNOTSUPP || host == -ENOSYS || host == -ENODEV || host == -EPERM ||
           host == -ENOTTY || host == -EINVAL;
}

static int
refuse (struct raw *raw, struct raw_step *step, int host)
{
    bool punch = step->mode & FALLOC_FL_PUNCH_HOLE;

    if (punch)
        step->punch_refused = true;
    else
        step->zero_range_refused = true;
    if (host != -EINVAL && !atomic_exchange (punch ? &raw->no_punch : &raw->no_zero_range, true))
        vmm_log (raw->blk.log, VMM_LOG_INFO, "the file system of %s cannot %s", raw->blk.path,
                 punch ? "give space back" : "zero ranges, so zeroes are written");
    return RAW_MORE;
}

static int
fail (struct raw *raw, const struct blk_request *request, struct raw_step *step, int host)
{
    /* ECANCELED comes when the thread that submitted it exits. */
    if (host == -EINTR || host == -EAGAIN || host == -ECANCELED)
        return ++step->retries < MAX_RETRIES ? RAW_MORE : -EIO;
    if (step->kind == RAW_FDATASYNC) {
        atomic_store (&raw->flush_failed, true);
        return -EIO;
    }
    if (step->kind == RAW_FALLOCATE && means_cannot (host))
        return refuse (raw, step, host);
    if (host == -EDQUOT)
        host = -ENOSPC;
    /* A hole may need room for its bookkeeping; no guest should stop over that. */
    return host == -ENOSPC && request->operation == BLK_DISCARD ? 0 : host;
}

/* What a file that grows does not have yet. */
static void
read_zeroes (const struct raw_step *step)
{
    for (unsigned i = 0; i < step->n_iov; i++)
        memset (step->iov[i].iov_base, 0, step->iov[i].iov_len);
}

int
raw_advance (struct raw *raw, struct blk_request *request, struct raw_step *step, int host)
{
    uint64_t moved;

    if (host < 0)
        return fail (raw, request, step, host);
    if (step->kind == RAW_FDATASYNC || step->kind == RAW_FALLOCATE)
        return 0;
    moved = MIN_OF ((uint64_t) host, step->length);
    if (host == 0 && raw->container && step->kind == RAW_PREADV) {
        read_zeroes (step);
        moved = step->length;
    } else if (host == 0) {
        /* The end of the file where the disk goes on: somebody cut the file. */
        return -EIO;
    }
    step->retries = 0;
    request->done += moved;
    return request->done < request->length ? RAW_MORE : 0;
}
