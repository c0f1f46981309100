/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request front of the block room over a small image, with the fault layer in between: any
 * operation, range and iovecs, in any number at a time, kicked or not, failed, delayed and held.
 * Each request must complete once, on the loop, with the result that an independent reading of the
 * contract expects.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "block/block.h"
#include "block/fault.h"

#define IMAGE_SIZE (192 * KIB)
#define N_REQUESTS 200
#define MAX_IOV    1100

#define FUZZ_CHECK(condition)                                                               \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf (stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort ();                                                                       \
        }                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *bytes;
    size_t left;
};

struct state;

struct one {
    struct blk_request request;
    struct iovec *iov;
    int expected; /* 1: the host decides, so 0 or an injected error */
    bool in_flight;
    struct state *state;
};

struct state {
    struct vmm_loop *loop;
    struct blk *raw;
    struct blk *blk;
    struct one requests[N_REQUESTS];
    unsigned in_flight;
    bool iterating;
    bool read_only;
};

/* Zeroes follow the end. */
static uint64_t
fuzz_take (struct fuzz_input *input, unsigned n_bytes)
{
    uint64_t value = 0;

    while (n_bytes--) {
        value = value << 8 | (input->left ? *input->bytes : 0);
        if (input->left) {
            input->bytes++;
            input->left--;
        }
    }
    return value;
}

static void
complete_cb (struct blk_request *request, int result)
{
    struct one *one = request->data;
    struct state *state = one->state;

    FUZZ_CHECK (state->iterating);
    FUZZ_CHECK (one->in_flight);
    if (one->expected <= 0)
        FUZZ_CHECK (result == one->expected);
    else
        FUZZ_CHECK (result == 0 || result == -EIO || result == -ENOSPC);
    one->in_flight = false;
    state->in_flight--;
    free (one->iov);
    one->iov = NULL;
}

/* Block.h, read once more and written down differently: all in wide arithmetic. */
static int
expect (const struct state *state, const struct blk_request *request)
{
    unsigned __int128 end = (unsigned __int128) request->offset + request->length, sum = 0;

    if ((unsigned) request->operation > BLK_WRITE_ZEROES)
        return -EINVAL;
    if (request->operation == BLK_FLUSH)
        return state->read_only ? 0 : 1;
    if (request->operation != BLK_READ && state->read_only)
        return -EROFS;
    if (request->offset % 512 || request->length % 512)
        return -EINVAL;
    if (end > IMAGE_SIZE)
        return -ERANGE;
    if (request->operation == BLK_READ || request->operation == BLK_WRITE) {
        for (unsigned i = 0; i < request->n_iov; i++)
            sum += request->iov[i].iov_len;
        if (sum != request->length || request->n_iov > blk_get_info (state->blk)->max_iov)
            return -EINVAL;
    }
    return request->length ? 1 : 0;
}

/* A number that is often a good one: sectors, else bytes, else anything. */
static uint64_t
take_number (struct fuzz_input *input)
{
    uint64_t kind = fuzz_take (input, 1);

    if (kind < 0xd0)
        return fuzz_take (input, 2) % (IMAGE_SIZE / 512 + 4) * 512;
    return kind < 0xe8 ? fuzz_take (input, 3) : fuzz_take (input, 8);
}

/* Where all of a request's iovecs start: whatever the front lets through fits there. Each has its
 * own, for the host's threads must not seem to race; mapped when it is touched. */
static unsigned char *
buffer_of (const struct state *state, const struct one *one)
{
    static unsigned char buffers[N_REQUESTS][IMAGE_SIZE];

    return buffers[one - state->requests];
}

static void
make_iovecs (struct state *state, struct fuzz_input *input, struct one *one)
{
    uint64_t left = one->request.length, kind = fuzz_take (input, 1);
    unsigned n = 1 + (unsigned) fuzz_take (input, 2) % (kind < 0xf0 ? 8 : MAX_IOV);

    one->iov = calloc (n, sizeof *one->iov);
    FUZZ_CHECK (one->iov);
    for (unsigned i = 0; i < n; i++) {
        uint64_t part = kind & 1 ? fuzz_take (input, 2) : left / n;

        if (i == n - 1 && kind < 0xf8)
            part = left;
        if (kind < 0xf8)
            part = MIN_OF (part, left);
        one->iov[i] = (struct iovec) {buffer_of (state, one), part};
        left -= part;
    }
    one->request.iov = one->iov;
    one->request.n_iov = n;
}

static void
submit (struct state *state, struct fuzz_input *input)
{
    struct one *one = &state->requests[fuzz_take (input, 1) % N_REQUESTS];
    uint64_t operation = fuzz_take (input, 1);

    if (one->in_flight)
        return;
    *one = (struct one) {.state = state, .in_flight = true};
    one->request.operation =
        (enum blk_operation) (operation < 0xf0 ? operation % (BLK_WRITE_ZEROES + 1) : operation);
    one->request.offset = take_number (input);
    one->request.length = take_number (input);
    one->request.may_unmap = operation & 0x40;
    one->request.complete = complete_cb;
    one->request.data = one;
    make_iovecs (state, input, one);
    one->expected = expect (state, &one->request);
    state->in_flight++;
    blk_submit (state->blk, &one->request);
}

static void
iterate (struct state *state, int timeout_ms)
{
    state->iterating = true;
    FUZZ_CHECK (vmm_loop_iterate (state->loop, timeout_ms) >= 0);
    state->iterating = false;
}

static void
inject (struct state *state, struct fuzz_input *input)
{
    struct blk_fault fault = {
        .operation = (enum blk_operation) (fuzz_take (input, 1) % (BLK_WRITE_ZEROES + 1)),
        .first = fuzz_take (input, 1) % 4,
        .count = fuzz_take (input, 1) % 4,
        .result = fuzz_take (input, 1) % 2 ? -EIO : -ENOSPC,
        .carry_out = fuzz_take (input, 1) % 2,
        .delay_ns = fuzz_take (input, 1) % 4 * 1000,
    };

    if (fault.delay_ns && fuzz_take (input, 1) % 2)
        fault.result = 0;
    blk_fault_inject (state->blk, &fault);
}

static void
drain (struct state *state)
{
    blk_fault_hold (state->blk, false);
    blk_kick (state->blk);
    while (state->in_flight)
        iterate (state, -1);
}

static void
act (struct state *state, struct fuzz_input *input)
{
    uint64_t what = fuzz_take (input, 1) % 32;

    if (what < 20)
        submit (state, input);
    else if (what < 24)
        blk_kick (state->blk);
    else if (what < 26)
        iterate (state, 0);
    else if (what < 28)
        inject (state, input);
    else if (what < 30)
        blk_fault_hold (state->blk, what & 1);
    else if (what == 30)
        drain (state);
    else {
        drain (state);
        blk_detach (state->blk);
        FUZZ_CHECK (blk_attach (state->blk, state->loop) == 0);
    }
}

static void
check_statistics (struct state *state)
{
    struct blk_stats upper, lower;

    blk_get_stats (state->blk, &upper);
    blk_get_stats (state->raw, &lower);
    FUZZ_CHECK (lower.errors == 0);
    FUZZ_CHECK (upper.read_bytes <= lower.read_bytes && upper.write_bytes <= lower.write_bytes);
}

static void
fuzz_one (struct fuzz_input *input)
{
    static int image = -1;
    struct state *state = calloc (1, sizeof *state);
    struct vmm_error error = {0};
    unsigned flags = (unsigned) fuzz_take (input, 1) & (BLK_READ_ONLY | BLK_NO_DISCARD);
    char path[64];

    if (image < 0) {
        image = memfd_create ("fuzz-block", MFD_CLOEXEC);
        FUZZ_CHECK (image >= 0 && ftruncate (image, IMAGE_SIZE) == 0);
    }
    snprintf (path, sizeof path, "/proc/self/fd/%d", image);
    FUZZ_CHECK (state);
    if (fuzz_take (input, 1) % 4 == 0)
        flags |= BLK_NO_RING;
    if (fuzz_take (input, 1) % 8)
        flags &= ~(unsigned) BLK_READ_ONLY;
    state->read_only = flags & BLK_READ_ONLY;

    FUZZ_CHECK (vmm_loop_create (&state->loop) == 0);
    FUZZ_CHECK (blk_open_raw (path, flags, 0, NULL, &state->raw, &error) == 0);
    FUZZ_CHECK (blk_fault_create (state->raw, NULL, &state->blk) == 0);
    FUZZ_CHECK (blk_attach (state->blk, state->loop) == 0);
    while (input->left)
        act (state, input);
    drain (state);
    iterate (state, 0);
    check_statistics (state);
    blk_close (state->blk);
    blk_close (state->raw);
    vmm_loop_destroy (state->loop);
    free (state);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};

    fuzz_one (&input);
    return 0;
}
