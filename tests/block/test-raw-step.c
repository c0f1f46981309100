/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How requests become host operations, driven by a pretended host that stops short wherever it
 * likes, refuses, and fails.
 */
#include "block/raw.h"
#include "rig.h"

static void
init_raw (struct raw *raw)
{
    memset (raw, 0, sizeof *raw);
    raw->blk.path = (char *) "image";
    raw->blk.info.can_discard = true;
}

/* Moves the first @n bytes of @step between its iovecs and @disk. */
static void
move (const struct raw_step *step, unsigned char *disk, size_t n)
{
    uint64_t offset = step->offset;

    for (unsigned i = 0; i < step->n_iov && n; i++) {
        size_t part = MIN_OF (n, step->iov[i].iov_len);

        if (part && step->kind == RAW_PREADV)
            memcpy (step->iov[i].iov_base, disk + offset, part);
        else if (part)
            memcpy (disk + offset, step->iov[i].iov_base, part);
        offset += part;
        n -= part;
    }
}

/* Carries @request out with a host that moves at most @limit bytes at a time. */
static int
run_short (struct raw *raw, struct blk_request *request, unsigned char *disk, size_t limit)
{
    struct raw_step step = {0};
    int r;

    request->done = 0;
    do {
        r = raw_plan (raw, request, &step);
        if (r == RAW_MORE) {
            size_t n = MIN_OF (step.length, limit);

            move (&step, disk, n);
            r = raw_advance (raw, request, &step, (int) n);
        }
    } while (r == RAW_MORE);
    return r;
}

static void
check_short (enum blk_operation operation)
{
    unsigned char disk[4096], buffer[2048], expected[2048];
    struct iovec iov[] = {
        {NULL, 0},         {buffer, 1},         {buffer + 1, 511},     {NULL, 0},
        {buffer + 512, 7}, {buffer + 519, 505}, {buffer + 1024, 1024}, {NULL, 0},
    };
    struct blk_request request = {.operation = operation,
                                  .offset = 512,
                                  .length = sizeof buffer,
                                  .iov = iov,
                                  .n_iov = ARRAY_LENGTH (iov)};
    struct raw raw;

    init_raw (&raw);
    for (size_t i = 0; i < sizeof expected; i++)
        expected[i] = (unsigned char) (i * 7 + i / 256);
    for (size_t limit = 1; limit <= sizeof buffer; limit++) {
        memset (disk, 0xee, sizeof disk);
        memset (buffer, 0xee, sizeof buffer);
        memcpy (operation == BLK_READ ? disk + 512 : buffer, expected, sizeof expected);
        CHECK_EQUAL (run_short (&raw, &request, disk, limit), 0);
        CHECK_EQUAL (request.done, sizeof buffer);
        CHECK (memcmp (operation == BLK_READ ? buffer : disk + 512, expected, sizeof expected) ==
               0);
        if (operation == BLK_WRITE) {
            CHECK (is_filled (disk, 512, 0xee));
            CHECK (is_filled (disk + 2560, 1536, 0xee));
        }
    }
}

TEST (reads_go_on_wherever_the_host_stops)
{
    check_short (BLK_READ);
}

TEST (writes_go_on_wherever_the_host_stops)
{
    check_short (BLK_WRITE);
}

static struct blk_request
range_request (enum blk_operation operation, bool may_unmap)
{
    return (struct blk_request) {
        .operation = operation, .offset = 512, .length = 300 * KIB, .may_unmap = may_unmap};
}

TEST (transfers_that_do_not_move_fail)
{
    unsigned char bytes[512];
    struct iovec iov = {bytes, 512};
    struct blk_request request = {.operation = BLK_READ, .length = 512, .iov = &iov, .n_iov = 1};
    struct raw_step step = {0};
    struct raw raw;

    init_raw (&raw);
    CHECK_EQUAL (raw_plan (&raw, &request, &step), RAW_MORE);
    CHECK_EQUAL (raw_advance (&raw, &request, &step, 0), -EIO);
}

TEST (interruptions_are_tried_again_but_not_for_ever)
{
    static const int codes[] = {-EINTR, -EAGAIN, -ECANCELED};
    unsigned char bytes[512];
    struct iovec iov = {bytes, 512};

    for (size_t i = 0; i < ARRAY_LENGTH (codes); i++) {
        struct blk_request request = {
            .operation = BLK_READ, .length = 512, .iov = &iov, .n_iov = 1};
        struct raw_step step = {0};
        struct raw raw;
        unsigned n = 0;
        int r;

        init_raw (&raw);
        do {
            CHECK_EQUAL (raw_plan (&raw, &request, &step), RAW_MORE);
            CHECK_EQUAL (step.length, 512);
            r = raw_advance (&raw, &request, &step, codes[i]);
        } while (r == RAW_MORE && ++n < 100000);
        CHECK_EQUAL (r, -EIO);
        CHECK (n > 10);
    }
}

TEST (failures_are_passed_on)
{
    static const struct {
        enum blk_operation operation;
        int host, result;
    } cases[] = {
        {BLK_READ, -EIO, -EIO},         {BLK_WRITE, -EIO, -EIO},
        {BLK_WRITE, -ENOSPC, -ENOSPC},  {BLK_WRITE, -EDQUOT, -ENOSPC},
        {BLK_DISCARD, -EIO, -EIO},      {BLK_DISCARD, -ENOSPC, 0},
        {BLK_WRITE_ZEROES, -EIO, -EIO}, {BLK_WRITE_ZEROES, -ENOSPC, -ENOSPC},
        {BLK_FLUSH, -EIO, -EIO},        {BLK_FLUSH, -ENOSPC, -EIO},
    };
    unsigned char bytes[512];
    struct iovec iov = {bytes, 512};

    for (size_t i = 0; i < ARRAY_LENGTH (cases); i++) {
        struct blk_request request = {
            .operation = cases[i].operation, .length = 512, .iov = &iov, .n_iov = 1};
        struct raw_step step = {0};
        struct raw raw;

        init_raw (&raw);
        CHECK_EQUAL (raw_plan (&raw, &request, &step), RAW_MORE);
        CHECK_EQUAL (raw_advance (&raw, &request, &step, cases[i].host), cases[i].result);
    }
}

TEST (a_failed_flush_fails_all_later_ones)
{
    struct blk_request request = {.operation = BLK_FLUSH};
    struct raw_step step = {0};
    struct raw raw;

    init_raw (&raw);
    CHECK_EQUAL (raw_plan (&raw, &request, &step), RAW_MORE);
    CHECK_EQUAL (raw_advance (&raw, &request, &step, 0), 0);
    CHECK_EQUAL (raw_plan (&raw, &request, &step), RAW_MORE);
    CHECK_EQUAL (raw_advance (&raw, &request, &step, -EIO), -EIO);
    CHECK_EQUAL (raw_plan (&raw, &request, &step), -EIO);
}

static void
expect_fallocate (struct raw *raw, struct blk_request *request, struct raw_step *step, int mode)
{
    CHECK_EQUAL (raw_plan (raw, request, step), RAW_MORE);
    CHECK_EQUAL (step->kind, RAW_FALLOCATE);
    CHECK_EQUAL (step->mode, mode | FALLOC_FL_KEEP_SIZE);
    CHECK_EQUAL (step->offset, request->offset);
    CHECK_EQUAL (step->length, request->length);
}

TEST (a_refused_discard_does_nothing_ever_after)
{
    struct blk_request request = range_request (BLK_DISCARD, false);
    struct raw_step step = {0};
    struct raw raw;

    init_raw (&raw);
    expect_fallocate (&raw, &request, &step, FALLOC_FL_PUNCH_HOLE);
    CHECK_EQUAL (raw_advance (&raw, &request, &step, -EOPNOTSUPP), RAW_MORE);
    CHECK_EQUAL (raw_plan (&raw, &request, &step), 0);
    step = (struct raw_step) {0};
    CHECK_EQUAL (raw_plan (&raw, &request, &step), 0);
}

TEST (write_zeroes_falls_back_to_writing)
{
    struct blk_request request = range_request (BLK_WRITE_ZEROES, true);
    unsigned char *disk = malloc (MIB);
    struct raw_step step = {0};
    struct raw raw;

    CHECK (disk);
    init_raw (&raw);
    expect_fallocate (&raw, &request, &step, FALLOC_FL_PUNCH_HOLE);
    CHECK_EQUAL (raw_advance (&raw, &request, &step, -EOPNOTSUPP), RAW_MORE);
    expect_fallocate (&raw, &request, &step, FALLOC_FL_ZERO_RANGE);
    CHECK_EQUAL (raw_advance (&raw, &request, &step, -EOPNOTSUPP), RAW_MORE);
    for (size_t limit = 1000; limit < MIB; limit *= 7) {
        memset (disk, 0xee, MIB);
        CHECK_EQUAL (run_short (&raw, &request, disk, limit), 0);
        CHECK (is_filled (disk, 512, 0xee));
        CHECK (is_filled (disk + 512, 300 * KIB, 0));
        CHECK_EQUAL (disk[512 + 300 * KIB], 0xee);
    }
    free (disk);
}

TEST (a_misaligned_range_spoils_only_itself)
{
    struct blk_request request = range_request (BLK_WRITE_ZEROES, true);
    struct raw_step step = {0};
    struct raw raw;

    init_raw (&raw);
    expect_fallocate (&raw, &request, &step, FALLOC_FL_PUNCH_HOLE);
    CHECK_EQUAL (raw_advance (&raw, &request, &step, -EINVAL), RAW_MORE);
    expect_fallocate (&raw, &request, &step, FALLOC_FL_ZERO_RANGE);
    step = (struct raw_step) {0};
    expect_fallocate (&raw, &request, &step, FALLOC_FL_PUNCH_HOLE);
}

TEST (zeroes_keep_their_space_unless_unmapping_is_allowed)
{
    struct blk_request request = range_request (BLK_WRITE_ZEROES, false);
    struct raw_step step = {0};
    struct raw raw;

    init_raw (&raw);
    expect_fallocate (&raw, &request, &step, FALLOC_FL_ZERO_RANGE);
    request.may_unmap = true;
    raw.blk.info.can_discard = false;
    expect_fallocate (&raw, &request, &step, FALLOC_FL_ZERO_RANGE);
}

TAP_MAIN ()
