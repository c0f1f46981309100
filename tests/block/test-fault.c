/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fault layer: it does what it is told to, and nothing else. */
#include "base/loop.h"
#include "block/fault.h"
#include "rig.h"

#define SIZE (1 * MIB)

/* A rig whose image is wrapped: rig->blk is the layer. */
static struct blk *
wrap (struct rig *rig)
{
    struct blk *lower;

    rig_init (rig, SIZE);
    CHECK_EQUAL (rig_try_open (rig, 0), 0);
    lower = rig->blk;
    CHECK_EQUAL (blk_fault_create (lower, &rig->log_hook, &rig->blk), 0);
    CHECK_EQUAL (blk_attach (rig->blk, rig->loop), 0);
    return lower;
}

static void
unwrap (struct rig *rig, struct blk *lower)
{
    blk_close (rig->blk);
    rig->blk = lower;
    rig_fini (rig);
}

TEST (without_faults_everything_passes)
{
    unsigned char bytes[4096];
    struct rig rig;
    struct blk *lower = wrap (&rig);

    CHECK_EQUAL (blk_get_info (rig.blk)->size, SIZE);
    CHECK_STRING (blk_get_path (rig.blk), rig.path);
    memset (bytes, 3, sizeof bytes);
    CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 512, bytes, sizeof bytes), 0);
    CHECK_EQUAL (rig_do (&rig, BLK_FLUSH, 0, NULL, 0), 0);
    memset (bytes, 0, sizeof bytes);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 512, bytes, sizeof bytes), 0);
    CHECK (is_filled (bytes, sizeof bytes, 3));
    CHECK_EQUAL (rig_do (&rig, BLK_READ, SIZE, bytes, 512), -ERANGE);
    unwrap (&rig, lower);
}

TEST (every_operation_fails_at_each_turn)
{
    unsigned char bytes[512] = {0};
    struct rig rig;
    struct blk *lower = wrap (&rig);

    for (enum blk_operation o = BLK_READ; o <= BLK_WRITE_ZEROES; o++) {
        for (unsigned n = 1; n <= 10; n++) {
            blk_fault_inject (rig.blk, &(struct blk_fault) {o, .first = n, .count = 1, -EIO});
            for (unsigned i = 1; i <= 12; i++)
                CHECK_EQUAL (rig_do (&rig, o, 0, bytes, 512), i == n ? -EIO : 0);
        }
        CHECK_EQUAL (blk_fault_count (rig.blk, o), 120);
    }
    CHECK_CONTAINS (rig.log, "Input/output error");
    unwrap (&rig, lower);
}

TEST (faults_last_as_long_as_told)
{
    unsigned char bytes[512] = {0};
    struct rig rig;
    struct blk *lower = wrap (&rig);

    blk_fault_inject (rig.blk, &(struct blk_fault) {BLK_WRITE, 2, 3, -ENOSPC});
    for (unsigned i = 1; i <= 8; i++)
        CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 0, bytes, 512), i >= 2 && i < 5 ? -ENOSPC : 0);
    blk_fault_inject (rig.blk, &(struct blk_fault) {BLK_WRITE, 1, BLK_FAULT_FOR_EVER, -ENOSPC});
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 0, bytes, 512), -ENOSPC);
    CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, 512), 0);
    blk_fault_clear (rig.blk);
    CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 0, bytes, 512), 0);
    unwrap (&rig, lower);
}

TEST (failed_writes_are_written_only_on_demand)
{
    unsigned char bytes[512];
    struct rig rig;
    struct blk *lower = wrap (&rig);

    for (int carry_out = 0; carry_out <= 1; carry_out++) {
        blk_fault_inject (rig.blk, &(struct blk_fault) {BLK_WRITE, 1, 1, -EIO, carry_out});
        memset (bytes, 8, sizeof bytes);
        CHECK_EQUAL (rig_do (&rig, BLK_WRITE, 0, bytes, 512), -EIO);
        CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, 512), 0);
        CHECK (is_filled (bytes, 512, carry_out ? 8 : 0));
    }
    unwrap (&rig, lower);
}

struct counter {
    unsigned done;
    unsigned order[8];
};

struct numbered {
    struct blk_request request;
    unsigned number;
};

static void
count_cb (struct blk_request *request, int result)
{
    struct counter *counter = request->data;

    counter->order[counter->done++] = CONTAINER_OF (request, struct numbered, request)->number;
}

static void
submit_numbered (struct rig *rig, struct numbered *request, unsigned number,
                 enum blk_operation operation, struct counter *counter)
{
    *request = (struct numbered) {
        .request = {.operation = operation, .complete = count_cb, .data = counter},
        .number = number};
    blk_submit (rig->blk, &request->request);
    blk_kick (rig->blk);
}

TEST (delays_hold_up_only_their_request)
{
    uint64_t start = vmm_monotonic_now ();
    struct numbered late, early;
    struct counter counter = {0};
    struct rig rig;
    struct blk *lower = wrap (&rig);

    blk_fault_inject (rig.blk, &(struct blk_fault) {BLK_FLUSH, 1, 1, .delay_ns = 50000000});
    submit_numbered (&rig, &late, 1, BLK_FLUSH, &counter);
    submit_numbered (&rig, &early, 2, BLK_FLUSH, &counter);
    while (counter.done < 2)
        CHECK (vmm_loop_iterate (rig.loop, 10000) >= 0);
    CHECK_EQUAL (counter.order[0], 2);
    CHECK_EQUAL (counter.order[1], 1);
    CHECK (vmm_monotonic_now () - start >= 50000000);
    unwrap (&rig, lower);
}

TEST (held_requests_stay_until_released)
{
    struct numbered requests[4];
    struct counter counter = {0};
    struct rig rig;
    struct blk *lower = wrap (&rig);

    blk_fault_inject (rig.blk, &(struct blk_fault) {BLK_FLUSH, 2, 1, -EIO});
    blk_fault_inject (rig.blk, &(struct blk_fault) {BLK_READ, 1, 1, .delay_ns = 1000000});
    blk_fault_hold (rig.blk, true);
    for (unsigned i = 0; i < 3; i++)
        submit_numbered (&rig, &requests[i], i, BLK_FLUSH, &counter);
    submit_numbered (&rig, &requests[3], 3, BLK_READ, &counter);
    /* A read of nothing never gets as far as the layer. */
    while (counter.done < 1)
        CHECK (vmm_loop_iterate (rig.loop, 10000) >= 0);
    CHECK_EQUAL (counter.order[0], 3);
    CHECK (vmm_loop_iterate (rig.loop, 20) >= 0);
    CHECK_EQUAL (counter.done, 1);
    blk_fault_hold (rig.blk, false);
    while (counter.done < 4)
        CHECK (vmm_loop_iterate (rig.loop, 10000) >= 0);
    CHECK_EQUAL (blk_fault_count (rig.blk, BLK_FLUSH), 3);
    unwrap (&rig, lower);
}

TEST (errors_are_logged_once_in_a_while)
{
    unsigned char bytes[512] = {0};
    struct rig rig;
    struct blk *lower = wrap (&rig);

    blk_fault_inject (rig.blk, &(struct blk_fault) {BLK_READ, 1, BLK_FAULT_FOR_EVER, -EIO});
    for (unsigned i = 0; i < 1000; i++)
        CHECK_EQUAL (rig_do (&rig, BLK_READ, 0, bytes, 512), -EIO);
    CHECK_CONTAINS (rig.log, "cannot read 512 bytes at 0 of ");
    CHECK (strchr (rig.log, '\n') == strrchr (rig.log, '\n'));
    unwrap (&rig, lower);
}

TAP_MAIN ()
