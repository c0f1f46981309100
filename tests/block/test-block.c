/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The contract's front: what it refuses, when and where it completes, and what it counts. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "rig.h"

#define SIZE (4 * MIB)

/* A request with its own sector and what came of it. */
struct op {
    struct blk_request request;
    struct iovec iov;
    unsigned char bytes[512];
    unsigned completions;
    int result;
    unsigned again; /* submit that many times more from the completion */
    pthread_t thread;
    unsigned *left;
};

static void
complete_cb (struct blk_request *request, int result)
{
    struct op *op = request->data;

    op->completions++;
    op->result = result;
    op->thread = pthread_self ();
    if (op->left)
        --*op->left;
    if (op->again) {
        op->again--;
        blk_submit (request->blk, request);
        blk_kick (request->blk);
    }
}

static void
prepare (struct op *op, enum blk_operation operation, uint64_t offset)
{
    *op = (struct op) {.iov = {op->bytes, sizeof op->bytes}};
    op->request = (struct blk_request) {.operation = operation,
                                        .offset = offset,
                                        .length = sizeof op->bytes,
                                        .iov = &op->iov,
                                        .n_iov = 1,
                                        .complete = complete_cb,
                                        .data = op};
}

static void
wait_for (struct rig *rig, const struct op *op, unsigned completions)
{
    while (op->completions < completions)
        CHECK (vmm_loop_iterate (rig->loop, 10000) >= 0);
}

/* Submits @op, sees that it does not complete before the loop runs, and returns its result. */
static int
submit_and_wait (struct rig *rig, struct op *op)
{
    blk_submit (rig->blk, &op->request);
    blk_kick (rig->blk);
    usleep (1000);
    CHECK_EQUAL (op->completions, 0);
    wait_for (rig, op, 1);
    CHECK (vmm_loop_iterate (rig->loop, 5) >= 0);
    CHECK_EQUAL (op->completions, 1);
    return op->result;
}

static void
check_refusals (unsigned flags)
{
    static const struct {
        uint64_t offset, length;
        int writes, ranges; /* expected results */
    } cases[] = {
        {0, 512, 0, 0},
        {0, 0, 0, 0},
        {SIZE, 0, 0, 0},
        {SIZE - 512, 512, 0, 0},
        {SIZE, 512, -ERANGE, -ERANGE},
        {SIZE - 512, 1024, -ERANGE, -ERANGE},
        {SIZE + 512, 0, -ERANGE, -ERANGE},
        {UINT64_MAX - 511, 512, -ERANGE, -ERANGE},
        {UINT64_MAX - 511, 0, -ERANGE, -ERANGE},
        {512, UINT64_MAX - 511, -ERANGE, -ERANGE},
        {1, 512, -EINVAL, -EINVAL},
        {0, 511, -EINVAL, -EINVAL},
        {UINT64_MAX, UINT64_MAX, -EINVAL, -EINVAL},
        {0, SIZE, -EINVAL, 0}, /* more than the iovecs hold */
    };
    struct rig rig;
    struct op op;

    rig_init (&rig, SIZE);
    rig_open (&rig, flags);
    for (size_t i = 0; i < ARRAY_LENGTH (cases); i++) {
        for (enum blk_operation o = BLK_READ; o <= BLK_WRITE_ZEROES; o++) {
            int expected = o == BLK_READ || o == BLK_WRITE ? cases[i].writes : cases[i].ranges;

            if (o == BLK_FLUSH)
                continue;
            prepare (&op, o, cases[i].offset);
            op.request.length = cases[i].length;
            op.request.n_iov = cases[i].length > 0;
            CHECK_EQUAL (submit_and_wait (&rig, &op), expected);
        }
    }
    CHECK_STRING (rig.log, "");
    rig_fini (&rig);
}

TEST (ring_refuses_bad_ranges_later)
{
    check_refusals (0);
}

TEST (pool_refuses_bad_ranges_later)
{
    check_refusals (BLK_NO_RING);
}

TEST (flush_ignores_its_range)
{
    struct rig rig;
    struct op op;

    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    prepare (&op, BLK_FLUSH, UINT64_MAX);
    CHECK_EQUAL (submit_and_wait (&rig, &op), 0);
    rig_fini (&rig);
}

TEST (unknown_operations_are_refused)
{
    struct rig rig;
    struct op op;

    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    prepare (&op, (enum blk_operation) 77, 0);
    CHECK_EQUAL (submit_and_wait (&rig, &op), -EINVAL);
    rig_fini (&rig);
}

TEST (read_only_images_refuse_all_that_writes)
{
    struct rig rig;
    struct op op;

    rig_init (&rig, SIZE);
    rig_open (&rig, BLK_READ_ONLY);
    for (enum blk_operation o = BLK_READ; o <= BLK_WRITE_ZEROES; o++) {
        prepare (&op, o, 0);
        CHECK_EQUAL (submit_and_wait (&rig, &op), o == BLK_READ || o == BLK_FLUSH ? 0 : -EROFS);
    }
    rig_fini (&rig);
}

TEST (iovecs_must_add_up)
{
    struct rig rig;
    unsigned char bytes[1024];
    struct iovec short_iov[] = {{bytes, 256}, {bytes, 255}};
    struct iovec long_iov[] = {{bytes, 512}, {bytes, 1}};
    struct iovec wrapping[] = {{bytes, SIZE_MAX - 511}, {bytes, 512}, {bytes, 512}};
    struct iovec odd[] = {{NULL, 0}, {bytes, 1}, {NULL, 0}, {bytes + 1, 511}, {NULL, 0}};
    struct op op;

    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    prepare (&op, BLK_READ, 0);
    op.request.iov = short_iov, op.request.n_iov = 2;
    CHECK_EQUAL (submit_and_wait (&rig, &op), -EINVAL);
    prepare (&op, BLK_READ, 0);
    op.request.iov = long_iov, op.request.n_iov = 2;
    CHECK_EQUAL (submit_and_wait (&rig, &op), -EINVAL);
    prepare (&op, BLK_READ, 0);
    op.request.iov = wrapping, op.request.n_iov = 3;
    CHECK_EQUAL (submit_and_wait (&rig, &op), -EINVAL);
    prepare (&op, BLK_READ, 0);
    op.request.iov = odd, op.request.n_iov = 5;
    CHECK_EQUAL (submit_and_wait (&rig, &op), 0);
    rig_fini (&rig);
}

TEST (iovecs_up_to_the_limit_work)
{
    struct rig rig;
    unsigned char *bytes = calloc (2048, 512);
    struct iovec *iov = calloc (2048, sizeof *iov);
    struct op op;
    unsigned max;

    CHECK (bytes && iov);
    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    max = blk_get_info (rig.blk)->max_iov;
    CHECK (max < 2048);
    memset (bytes, 9, 2048 * 512);
    for (unsigned i = 0; i < 2048; i++)
        iov[i] = (struct iovec) {bytes + i * 512, 512};
    prepare (&op, BLK_WRITE, 0);
    op.request.iov = iov, op.request.n_iov = max, op.request.length = max * 512;
    CHECK_EQUAL (submit_and_wait (&rig, &op), 0);
    op.completions = 0;
    op.request.n_iov = max + 1, op.request.length += 512;
    CHECK_EQUAL (submit_and_wait (&rig, &op), -EINVAL);
    memset (bytes, 0, 2048 * 512);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, max * 512), 0);
    CHECK (is_filled (bytes, max * 512, 9));
    free (iov);
    free (bytes);
    rig_fini (&rig);
}

TEST (statistics_count_what_was_done)
{
    struct rig rig;
    static unsigned char bytes[8192];
    struct blk_stats stats;

    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 0, bytes, 8192), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 0, bytes, 512), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, 4096), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_FLUSH, 0, NULL, 0), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_DISCARD, 0, NULL, 512), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, SIZE, bytes, 512), -ERANGE);
    blk_get_stats (rig.blk, &stats);
    CHECK_EQUAL (stats.write_requests, 2);
    CHECK_EQUAL (stats.write_bytes, 8704);
    CHECK_EQUAL (stats.read_requests, 1);
    CHECK_EQUAL (stats.read_bytes, 4096);
    CHECK_EQUAL (stats.flush_requests, 1);
    CHECK_EQUAL (stats.discard_requests, 1);
    CHECK_EQUAL (stats.errors, 1);
    CHECK (stats.read_ns > 0 && stats.write_ns > 0 && stats.flush_ns > 0);
    rig_fini (&rig);
}

static void
check_more_than_the_ring_holds (unsigned flags)
{
    enum {
        N = 2000
    };
    struct op *ops = calloc (N, sizeof *ops);
    unsigned left = N;
    struct rig rig;

    CHECK (ops);
    rig_init (&rig, SIZE);
    rig_open (&rig, flags);
    for (unsigned i = 0; i < N; i++) {
        prepare (&ops[i], BLK_WRITE, i * 512);
        memset (ops[i].bytes, (int) i % 251, 512);
        ops[i].left = &left;
        blk_submit (rig.blk, &ops[i].request);
    }
    blk_kick (rig.blk);
    while (left)
        CHECK (vmm_loop_iterate (rig.loop, 10000) >= 0);
    for (unsigned i = 0; i < N; i++) {
        CHECK_EQUAL (ops[i].completions, 1);
        CHECK_EQUAL (ops[i].result, 0);
        CHECK_EQUAL (rig_do (&rig, BLK_READ, i * 512, ops[i].bytes, 512), 0);
        CHECK (is_filled (ops[i].bytes, 512, i % 251));
    }
    free (ops);
    rig_fini (&rig);
}

TEST (ring_queues_more_than_it_holds)
{
    check_more_than_the_ring_holds (0);
}

TEST (pool_queues_any_number)
{
    check_more_than_the_ring_holds (BLK_NO_RING);
}

TEST (completions_may_submit)
{
    struct rig rig;
    struct op op;

    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    prepare (&op, BLK_READ, 0);
    op.again = 1000;
    blk_submit (rig.blk, &op.request);
    blk_kick (rig.blk);
    wait_for (&rig, &op, 1001);
    CHECK_EQUAL (op.result, 0);
    rig_fini (&rig);
}

TEST (requests_before_attach_complete_after)
{
    struct rig rig;
    struct op op;

    for (unsigned flags = 0; flags <= BLK_NO_RING; flags += BLK_NO_RING) {
        rig_init (&rig, SIZE);
        CHECK_EQUAL (rig_try_open (&rig, flags), 0);
        prepare (&op, BLK_READ, 0);
        blk_submit (rig.blk, &op.request);
        blk_kick (rig.blk);
        CHECK_EQUAL (blk_attach (rig.blk, rig.loop), 0);
        CHECK_EQUAL (blk_attach (rig.blk, rig.loop), -EBUSY);
        wait_for (&rig, &op, 1);
        CHECK_EQUAL (op.result, 0);
        rig_fini (&rig);
    }
}

TEST (moves_from_loop_to_loop)
{
    struct rig rig;
    struct vmm_loop *other;
    unsigned char bytes[512];

    rig_init (&rig, SIZE);
    rig_open (&rig, 0);
    other = rig.loop;
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, 512), 0);
        blk_detach (rig.blk);
        blk_detach (rig.blk);
        vmm_loop_destroy (rig.loop);
        CHECK_EQUAL (vmm_loop_create (&other), 0);
        rig.loop = other;
        CHECK_EQUAL (blk_attach (rig.blk, rig.loop), 0);
    }
    rig_fini (&rig);
}

TEST (closing_nothing_is_fine)
{
    blk_close (NULL);
}

/* A loop on a thread of its own, as a machine has it. */
struct io_thread {
    struct vmm_loop *loop;
    atomic_bool stop;
    pthread_t thread;
};

static void *
io_thread (void *data)
{
    struct io_thread *io = data;

    while (!atomic_load (&io->stop))
        vmm_loop_iterate (io->loop, 1000);
    return NULL;
}

struct submitter {
    struct rig *rig;
    pthread_t io;
    pthread_t thread;
    unsigned index;
    bool good;
    sem_t done;
    int result;
};

static void
submitter_complete_cb (struct blk_request *request, int result)
{
    struct submitter *self = request->data;

    self->result = result;
    self->good = self->good && pthread_equal (pthread_self (), self->io);
    sem_post (&self->done);
}

static void *
submitter (void *data)
{
    struct submitter *self = data;
    unsigned char bytes[512], back[512];

    self->good = true;
    sem_init (&self->done, 0, 0);
    for (unsigned i = 0; i < 100 && self->good; i++) {
        struct iovec iov = {bytes, 512};
        struct blk_request request = {.operation = BLK_WRITE,
                                      .offset = self->index * 512,
                                      .length = 512,
                                      .iov = &iov,
                                      .n_iov = 1,
                                      .complete = submitter_complete_cb,
                                      .data = self};

        memset (bytes, (int) (i + self->index), 512);
        blk_submit (self->rig->blk, &request);
        blk_kick (self->rig->blk);
        sem_wait (&self->done);
        self->good = self->good && self->result == 0;
        request.operation = BLK_READ;
        iov.iov_base = back;
        blk_submit (self->rig->blk, &request);
        blk_kick (self->rig->blk);
        sem_wait (&self->done);
        self->good = self->good && self->result == 0 && memcmp (bytes, back, 512) == 0;
    }
    sem_destroy (&self->done);
    return NULL;
}

static void
check_any_thread_submits (unsigned flags)
{
    struct submitter submitters[6];
    struct io_thread io = {0};
    struct rig rig;

    rig_init (&rig, SIZE);
    rig_open (&rig, flags);
    io.loop = rig.loop;
    CHECK_EQUAL (pthread_create (&io.thread, NULL, io_thread, &io), 0);
    for (unsigned i = 0; i < ARRAY_LENGTH (submitters); i++) {
        submitters[i] = (struct submitter) {.rig = &rig, .io = io.thread, .index = i};
        CHECK_EQUAL (pthread_create (&submitters[i].thread, NULL, submitter, &submitters[i]), 0);
    }
    for (unsigned i = 0; i < ARRAY_LENGTH (submitters); i++) {
        pthread_join (submitters[i].thread, NULL);
        CHECK (submitters[i].good);
    }
    atomic_store (&io.stop, true);
    vmm_loop_wake (rig.loop);
    pthread_join (io.thread, NULL);
    rig_fini (&rig);
}

TEST (any_thread_submits_to_the_ring)
{
    check_any_thread_submits (0);
}

TEST (any_thread_submits_to_the_pool)
{
    check_any_thread_submits (BLK_NO_RING);
}

/* What changing a CD does: the owner closes while the I/O thread iterates. */
TEST (closes_beside_a_running_loop)
{
    struct io_thread io = {0};
    struct submitter self;
    unsigned char bytes[512];
    struct iovec iov = {bytes, 512};
    struct rig rig;

    rig_init (&rig, SIZE);
    io.loop = rig.loop;
    CHECK_EQUAL (pthread_create (&io.thread, NULL, io_thread, &io), 0);
    self = (struct submitter) {.io = io.thread, .good = true};
    sem_init (&self.done, 0, 0);
    for (unsigned i = 0; i < 300; i++) {
        struct blk_request request = {.operation = BLK_READ,
                                      .length = 512,
                                      .iov = &iov,
                                      .n_iov = 1,
                                      .complete = submitter_complete_cb,
                                      .data = &self};

        rig_open (&rig, i % 2 ? BLK_NO_RING : 0);
        blk_submit (rig.blk, &request);
        blk_kick (rig.blk);
        sem_wait (&self.done);
        blk_close (rig.blk);
        rig.blk = NULL;
    }
    CHECK (self.good);
    atomic_store (&io.stop, true);
    vmm_loop_wake (rig.loop);
    pthread_join (io.thread, NULL);
    sem_destroy (&self.done);
    rig_fini (&rig);
}

TAP_MAIN ()
