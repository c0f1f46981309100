/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"
#include "block/block.h"
#include "block/fault.h"
#include "tap.h"
#include "testbed.h"
#include "virtio-driver.h"

#define TYPE_BLK 2
#define SECTORS  2048
#define SIZE     (SECTORS * 512u)

enum {
    IN = 0,
    OUT = 1,
    FLUSH = 4,
    GET_ID = 8,
    DISCARD = 11,
    WRITE_ZEROES = 13,
};
enum {
    OK = 0,
    IOERR = 1,
    UNSUPP = 2,
};

#define F_RO           (1u << 5)
#define F_FLUSH        (1u << 9)
#define F_DISCARD      (1u << 13)
#define F_WRITE_ZEROES (1u << 14)

struct disk {
    char path[64];
    struct blk *raw, *blk;
    struct testbed *bed;
    struct vd vd;
    uint64_t header, status;
};

static struct testbed *
new_bed (struct disk *disk, const char *serial, unsigned queues)
{
    struct vmm_value values[] = {
        VMM_POINTER ("blk", disk->blk),
        VMM_NUMBER ("queues", queues),
        VMM_STRING ("serial", serial),
    };
    struct vmm_device_config devices[] = {{"virtio-blk", "disk0", values, serial ? 3 : 2}};

    return testbed_new (devices, 1);
}

/* An image of SIZE bytes behind a fault layer, on a testbed. */
static void
open_disk (struct disk *disk, unsigned flags, const char *serial, unsigned queues)
{
    struct vmm_error error = {0};

    memset (disk, 0, sizeof *disk);
    snprintf (disk->path, sizeof disk->path, "/tmp/posada-virtio-blk-%d.img", (int) getpid ());
    unlink (disk->path);
    CHECK_EQUAL (blk_open_raw (disk->path, BLK_CREATE, SIZE, NULL, &disk->raw, &error), 0);
    if (flags) {
        blk_close (disk->raw);
        CHECK_EQUAL (blk_open_raw (disk->path, flags, 0, NULL, &disk->raw, &error), 0);
    }
    CHECK_EQUAL (blk_fault_create (disk->raw, NULL, &disk->blk), 0);
    disk->bed = new_bed (disk, serial, queues);
    vd_open (&disk->vd, disk->bed, TYPE_BLK);
}

static void
close_disk (struct disk *disk)
{
    testbed_free (disk->bed);
    blk_close (disk->blk);
    blk_close (disk->raw);
    unlink (disk->path);
}

static void
start_disk (struct disk *disk, uint64_t features, unsigned n_queues, bool msix)
{
    vd_start (&disk->vd, features, n_queues, 64, msix);
    disk->header = vd_alloc (&disk->vd, 16, 1);
    disk->status = vd_alloc (&disk->vd, 1, 1);
}

/* Posts a request with buffers of its own for header and status; returns where the status goes. */
static uint64_t
post (struct disk *disk, unsigned queue, uint32_t type, uint64_t sector, uint64_t data,
      uint32_t length, bool write)
{
    uint64_t header = vd_alloc (&disk->vd, 16, 1), status = vd_alloc (&disk->vd, 1, 1);
    struct vd_buffer buffers[] = {
        {header, 16, false}, {data, length, write}, {status, 1, true}, {status, 1, true}};
    uint8_t *raw = vd_ram (&disk->vd, header, 16);

    store_le32 (raw, type);
    store_le64 (raw + 8, sector);
    *(uint8_t *) vd_ram (&disk->vd, status, 1) = 0xAA;
    if (!length)
        buffers[1] = buffers[2];
    vd_add (&disk->vd, queue, buffers, length ? 3 : 2);
    return status;
}

static int
status_at (struct disk *disk, uint64_t status)
{
    return *(uint8_t *) vd_ram (&disk->vd, status, 1);
}

/* A whole request on queue 0: its status. */
static int
run (struct disk *disk, uint32_t type, uint64_t sector, uint64_t data, uint32_t length, bool write)
{
    uint64_t status = post (disk, 0, type, sector, data, length, write);

    vd_run (&disk->vd, 0);
    return status_at (disk, status);
}

static void
fill (struct disk *disk, uint64_t address, uint32_t length, uint8_t seed)
{
    uint8_t *bytes = vd_ram (&disk->vd, address, length);

    for (uint32_t i = 0; i < length; i++)
        bytes[i] = (uint8_t) (seed + i * 7 + i / 512);
}

static bool
same (struct disk *disk, uint64_t a, uint64_t b, uint32_t length)
{
    return memcmp (vd_ram (&disk->vd, a, length), vd_ram (&disk->vd, b, length), length) == 0;
}

TEST (configuration_tells_what_the_image_is)
{
    struct disk disk;

    open_disk (&disk, 0, NULL, 3);
    CHECK_EQUAL (vd_read_config (&disk.vd, 0, 4), SECTORS);
    CHECK_EQUAL (vd_read_config (&disk.vd, 4, 4), 0);
    CHECK_EQUAL (vd_read_config (&disk.vd, 12, 4), 254);
    CHECK_EQUAL (vd_read_config (&disk.vd, 20, 4), 512);
    CHECK_EQUAL (vd_read_config (&disk.vd, 34, 2), 3);
    CHECK_EQUAL (vd_read (&disk.vd, VD_NUM_QUEUES, 2), 3);
    CHECK (!(vd_offered (&disk.vd) & F_RO));
    close_disk (&disk);

    open_disk (&disk, 0, NULL, 0);
    CHECK_EQUAL (vd_read_config (&disk.vd, 34, 2), 2); /* a testbed has two vCPUs */
    close_disk (&disk);
}

TEST (what_was_written_is_read_back_by_message_and_by_pin)
{
    for (int msix = 0; msix < 2; msix++) {
        struct disk disk;
        uint64_t out, in;

        open_disk (&disk, 0, NULL, 1);
        start_disk (&disk, F_FLUSH, 1, msix);
        out = vd_alloc (&disk.vd, 8192, 1);
        in = vd_alloc (&disk.vd, 8192, 1);
        fill (&disk, out, 8192, 3);
        CHECK_EQUAL (run (&disk, OUT, 100, out, 8192, false), OK);
        CHECK_EQUAL (run (&disk, FLUSH, 0, 0, 0, false), OK);
        testbed_settle (disk.bed);
        vd_count_msi (&disk.vd, 1);
        post (&disk, 0, IN, 100, in, 8192, true);
        CHECK_EQUAL (vd_run (&disk.vd, 0), 8193);
        CHECK (same (&disk, out, in, 8192));
        testbed_settle (disk.bed);
        CHECK_EQUAL (vd_count_msi (&disk.vd, 1), msix);
        CHECK_EQUAL (vd_pin (&disk.vd), !msix);
        close_disk (&disk);
    }
}

TEST (buffers_may_be_cut_anywhere)
{
    struct disk disk;
    uint64_t base, in;
    uint8_t *raw;

    open_disk (&disk, 0, NULL, 1);
    start_disk (&disk, F_FLUSH, 1, false);
    base = vd_alloc (&disk.vd, 4096, 1);
    in = vd_alloc (&disk.vd, 4096, 1);
    fill (&disk, base + 16, 1024, 9);
    raw = vd_ram (&disk.vd, base, 16);
    store_le32 (raw, OUT);
    store_le64 (raw + 8, 7);
    {
        /* Header and data in one buffer, odd pieces, then the status. */
        struct vd_buffer write[] = {{base, 3, false},
                                    {base + 3, 500, false},
                                    {base + 503, 16 + 1024 - 503, false},
                                    {disk.status, 1, true}};
        /* Data and status in one. */
        struct vd_buffer read[] = {
            {base, 16, false}, {in, 1, true}, {in + 1, 700, true}, {in + 701, 324, true}};

        vd_add_indirect (&disk.vd, 0, write, 4);
        vd_run (&disk.vd, 0);
        CHECK_EQUAL (status_at (&disk, disk.status), OK);
        store_le32 (raw, IN);
        vd_add (&disk.vd, 0, read, 4);
        CHECK_EQUAL (vd_run (&disk.vd, 0), 1025);
    }
    CHECK (same (&disk, base + 16, in, 1024));
    CHECK_EQUAL (status_at (&disk, in + 1024), OK);
    close_disk (&disk);
}

TEST (a_request_of_as_many_segments_as_offered_works)
{
    struct vd_buffer buffers[256];
    struct disk disk;
    uint32_t seg_max;
    uint64_t data;

    open_disk (&disk, 0, NULL, 1);
    vd_start (&disk.vd, F_FLUSH, 1, 256, false);
    seg_max = (uint32_t) vd_read_config (&disk.vd, 12, 4);
    CHECK (seg_max + 2 <= ARRAY_LENGTH (buffers));
    buffers[0] = (struct vd_buffer) {vd_alloc (&disk.vd, 16, 1), 16, false};
    data = vd_alloc (&disk.vd, seg_max * 512, 1);
    for (unsigned i = 0; i < seg_max; i++)
        buffers[1 + i] = (struct vd_buffer) {data + 512 * i, 512, true};
    buffers[1 + seg_max] = (struct vd_buffer) {vd_alloc (&disk.vd, 1, 1), 1, true};
    vd_add (&disk.vd, 0, buffers, seg_max + 2);
    CHECK_EQUAL (vd_run (&disk.vd, 0), seg_max * 512 + 1);
    vd_add_indirect (&disk.vd, 0, buffers, seg_max + 2);
    CHECK_EQUAL (vd_run (&disk.vd, 0), seg_max * 512 + 1);
    CHECK_EQUAL (status_at (&disk, buffers[1 + seg_max].address), OK);
    close_disk (&disk);
}

TEST (bad_requests_fail_and_the_disk_goes_on)
{
    static const struct {
        uint32_t type;
        uint64_t sector;
        uint32_t length;
        bool write;
        int status;
    } cases[] = {
        {IN, SECTORS, 512, true, IOERR},     {IN, SECTORS - 1, 1024, true, IOERR},
        {IN, UINT64_MAX, 512, true, IOERR},  {IN, UINT64_MAX / 512, 512, true, IOERR},
        {IN, 0, 511, true, IOERR},           {IN, 0, 0, true, IOERR},
        {IN, 0, 512, false, IOERR},          {OUT, 0, 512, true, IOERR},
        {OUT, 0, 513, false, IOERR},         {OUT, SECTORS, 512, false, IOERR},
        {3, 0, 512, true, UNSUPP},           {UINT32_MAX, 0, 512, true, UNSUPP},
        {DISCARD, 0, 0, false, IOERR},       {DISCARD, 0, 15, false, IOERR},
        {DISCARD, 0, 17 * 16, false, IOERR}, {WRITE_ZEROES, 0, 16, true, IOERR},
    };
    struct disk disk;
    uint64_t data;

    open_disk (&disk, 0, NULL, 1);
    start_disk (&disk, F_FLUSH, 1, false);
    data = vd_alloc (&disk.vd, 4096, 1);
    for (unsigned i = 0; i < ARRAY_LENGTH (cases); i++)
        CHECK_EQUAL (
            run (&disk, cases[i].type, cases[i].sector, data, cases[i].length, cases[i].write),
            cases[i].status);
    CHECK_EQUAL (run (&disk, IN, 0, data, 512, true), OK);
    close_disk (&disk);
}

TEST (a_request_without_header_or_status_byte_needs_a_reset)
{
    struct disk disk;

    open_disk (&disk, 0, NULL, 1);
    for (int i = 0; i < 4; i++) {
        struct vd_buffer cases[][2] = {
            {{1 * MIB, 16, false}, {1 * MIB, 512, false}},
            {{1 * MIB, 15, false}, {1 * MIB, 512, true}},
            {{1 * MIB, 512, true}, {1 * MIB, 512, true}},
            {{1 * MIB, 0, false}, {1 * MIB, 0, true}},
        };

        start_disk (&disk, F_FLUSH, 1, false);
        vd_add (&disk.vd, 0, cases[i], 2);
        vd_kick (&disk.vd, 0);
        testbed_settle (disk.bed);
        CHECK (vd_status (&disk.vd) & VD_NEEDS_RESET);
    }
    start_disk (&disk, F_FLUSH, 1, false);
    CHECK_EQUAL (run (&disk, IN, 0, 2 * MIB, 512, true), OK);
    close_disk (&disk);
}

TEST (the_serial_number_is_told)
{
    struct disk disk;
    uint64_t data;

    open_disk (&disk, 0, "twelve-bytes", 1);
    start_disk (&disk, F_FLUSH, 1, false);
    data = vd_alloc (&disk.vd, 20, 1);
    memset (vd_ram (&disk.vd, data, 20), 'x', 20);
    CHECK_EQUAL (run (&disk, GET_ID, 0, data, 20, true), OK);
    CHECK (memcmp (vd_ram (&disk.vd, data, 20), "twelve-bytes\0\0\0\0\0\0\0\0", 20) == 0);
    CHECK_EQUAL (run (&disk, GET_ID, 0, data, 1, true), OK);
    close_disk (&disk);
}

TEST (a_serial_number_that_is_too_long_is_refused)
{
    struct vmm_error error = {0};
    struct disk disk;
    struct vmm_value values[] = {{0}, VMM_STRING ("serial", "123456789012345678901")};
    struct vmm_device_config devices[] = {{"virtio-blk", "disk0", values, 2}};

    open_disk (&disk, 0, NULL, 1);
    testbed_free (disk.bed);
    values[0] = (struct vmm_value) VMM_POINTER ("blk", disk.blk);
    CHECK (!testbed_try_new (devices, 1, &error));
    CHECK_CONTAINS (error.message, "serial");
    disk.bed = NULL;
    close_disk (&disk);
}

/* One range for discard or write-zeroes. */
static void
put_range (struct disk *disk, uint64_t at, uint64_t sector, uint32_t n, uint32_t flags)
{
    uint8_t *raw = vd_ram (&disk->vd, at, 16);

    store_le64 (raw, sector);
    store_le32 (raw + 8, n);
    store_le32 (raw + 12, flags);
}

TEST (ranges_are_zeroed_and_discarded)
{
    struct disk disk;
    uint64_t data, range, zeroes;

    open_disk (&disk, 0, NULL, 1);
    start_disk (&disk, F_FLUSH | F_DISCARD | F_WRITE_ZEROES, 1, false);
    data = vd_alloc (&disk.vd, 65536, 1);
    zeroes = vd_alloc (&disk.vd, 65536, 1);
    range = vd_alloc (&disk.vd, 64, 1);
    fill (&disk, data, 65536, 1);
    CHECK_EQUAL (run (&disk, OUT, 0, data, 65536, false), OK);
    put_range (&disk, range, 0, 8, 0);
    put_range (&disk, range + 16, 16, 8, 1);
    put_range (&disk, range + 32, 5, 0, 0);
    CHECK_EQUAL (run (&disk, WRITE_ZEROES, 0, range, 48, false), OK);
    CHECK_EQUAL (run (&disk, IN, 0, data, 4096, true), OK);
    CHECK (same (&disk, data, zeroes, 4096));
    CHECK_EQUAL (run (&disk, IN, 16, data, 4096, true), OK);
    CHECK (same (&disk, data, zeroes, 4096));
    CHECK_EQUAL (run (&disk, IN, 8, data, 4096, true), OK);
    CHECK (!same (&disk, data, zeroes, 4096));

    put_range (&disk, range, 64, 8, 0);
    CHECK_EQUAL (run (&disk, DISCARD, 0, range, 16, false), OK);
    put_range (&disk, range, 0, 8, 1);
    CHECK_EQUAL (run (&disk, DISCARD, 0, range, 16, false), UNSUPP);
    put_range (&disk, range, 0, 8, 2);
    CHECK_EQUAL (run (&disk, WRITE_ZEROES, 0, range, 16, false), UNSUPP);
    put_range (&disk, range, SECTORS - 1, 2, 0);
    CHECK_EQUAL (run (&disk, WRITE_ZEROES, 0, range, 16, false), IOERR);
    put_range (&disk, range, UINT64_MAX, UINT32_MAX, 0);
    CHECK_EQUAL (run (&disk, DISCARD, 0, range, 16, false), IOERR);
    close_disk (&disk);
}

TEST (a_read_only_image_refuses_to_change)
{
    struct disk disk;
    uint64_t data;

    open_disk (&disk, BLK_READ_ONLY, NULL, 1);
    CHECK (vd_offered (&disk.vd) & F_RO);
    start_disk (&disk, F_RO | F_FLUSH, 1, false);
    data = vd_alloc (&disk.vd, 512, 1);
    CHECK_EQUAL (run (&disk, OUT, 0, data, 512, false), IOERR);
    CHECK_EQUAL (run (&disk, DISCARD, 0, data, 16, false), IOERR);
    CHECK_EQUAL (run (&disk, IN, 0, data, 512, true), OK);
    close_disk (&disk);
}

TEST (writes_are_flushed_for_a_driver_that_cannot)
{
    struct disk disk;

    open_disk (&disk, 0, NULL, 1);
    start_disk (&disk, 0, 1, false);
    CHECK_EQUAL (run (&disk, OUT, 0, 2 * MIB, 512, false), OK);
    CHECK_EQUAL (blk_fault_count (disk.blk, BLK_FLUSH), 1);
    CHECK_EQUAL (run (&disk, IN, 0, 2 * MIB, 512, true), OK);
    CHECK_EQUAL (blk_fault_count (disk.blk, BLK_FLUSH), 1);
    close_disk (&disk);
}

TEST (host_errors_reach_the_guest_as_such)
{
    static const struct {
        enum blk_operation operation;
        uint32_t type;
        uint32_t length;
    } cases[] = {{BLK_READ, IN, 512}, {BLK_WRITE, OUT, 512}, {BLK_FLUSH, FLUSH, 0}};
    struct disk disk;

    open_disk (&disk, 0, NULL, 1);
    start_disk (&disk, F_FLUSH, 1, false);
    for (unsigned i = 0; i < ARRAY_LENGTH (cases); i++) {
        struct blk_fault fault = {
            .operation = cases[i].operation, .first = 1, .count = 1, .result = -EIO};

        blk_fault_inject (disk.blk, &fault);
        CHECK_EQUAL (run (&disk, cases[i].type, 0, 2 * MIB, cases[i].length, cases[i].type == IN),
                     IOERR);
        CHECK_EQUAL (run (&disk, IN, 0, 2 * MIB, 512, true), OK);
    }
    CHECK (!testbed_took_pause (disk.bed));
    close_disk (&disk);
}

TEST (a_full_host_pauses_the_machine_and_loses_nothing)
{
    struct blk_fault fault = {
        .operation = BLK_WRITE, .first = 1, .count = BLK_FAULT_FOR_EVER, .result = -ENOSPC};
    struct vmm_device *device;
    struct disk disk;
    uint64_t out, in, status;
    uint16_t head;
    uint32_t length;

    open_disk (&disk, 0, NULL, 1);
    start_disk (&disk, F_FLUSH, 1, true);
    device = testbed_device (disk.bed, "disk0");
    out = vd_alloc (&disk.vd, 512, 1);
    in = vd_alloc (&disk.vd, 512, 1);
    fill (&disk, out, 512, 77);
    blk_fault_inject (disk.blk, &fault);
    status = post (&disk, 0, OUT, 9, out, 512, false);
    vd_kick (&disk.vd, 0);
    testbed_settle (disk.bed);
    CHECK (!vd_pop (&disk.vd, 0, &head, &length));
    CHECK (testbed_took_pause (disk.bed));

    /* Still full after a resume; then a round trip while the request waits; then room. */
    device->device_class->pause (device);
    device->device_class->resume (device);
    testbed_settle (disk.bed);
    CHECK (testbed_took_pause (disk.bed));
    device->device_class->pause (device);
    blk_fault_clear (disk.blk);
    testbed_check_round_trip (disk.bed);
    CHECK (vd_wait (&disk.vd, 0, &head, &length));
    CHECK_EQUAL (status_at (&disk, status), OK);
    testbed_settle (disk.bed);
    CHECK_EQUAL (vd_count_msi (&disk.vd, 1), 1);
    CHECK_EQUAL (run (&disk, IN, 9, in, 512, true), OK);
    CHECK (same (&disk, out, in, 512));
    close_disk (&disk);
}

TEST (a_reset_waits_for_requests_in_flight)
{
    struct disk disk;
    uint16_t head;
    uint32_t length;

    open_disk (&disk, 0, NULL, 1);
    start_disk (&disk, F_FLUSH, 1, true);
    blk_fault_hold (disk.blk, true);
    post (&disk, 0, IN, 0, 2 * MIB, 512, true);
    vd_kick (&disk.vd, 0);
    for (int i = 0; i < 3; i++)
        vmm_loop_iterate (vmm_device_loop (testbed_device (disk.bed, "disk0")), 5);
    vd_set_status (&disk.vd, 0);
    CHECK (vd_status (&disk.vd) != 0);
    vd_set_status (&disk.vd, VD_ACKNOWLEDGE);
    vd_kick (&disk.vd, 0);
    CHECK (vd_status (&disk.vd) != 0);

    vd_count_msi (&disk.vd, 1);
    blk_fault_hold (disk.blk, false);
    testbed_settle (disk.bed);
    CHECK_EQUAL (vd_status (&disk.vd), 0);
    CHECK (!vd_pop (&disk.vd, 0, &head, &length));
    CHECK_EQUAL (vd_count_msi (&disk.vd, 1), 0);
    CHECK_EQUAL (load_le16 (vd_ram (&disk.vd, disk.vd.queues[0].used + 2, 2)), 0);

    start_disk (&disk, F_FLUSH, 1, true);
    CHECK_EQUAL (run (&disk, IN, 0, 2 * MIB, 512, true), OK);
    close_disk (&disk);
}

TEST (the_machine_drains_requests_before_it_resets)
{
    struct blk_fault slow = {.operation = BLK_READ, .first = 1, .count = 1, .delay_ns = 20000000};
    struct disk disk;

    open_disk (&disk, 0, NULL, 1);
    start_disk (&disk, F_FLUSH, 1, true);
    blk_fault_inject (disk.blk, &slow);
    post (&disk, 0, IN, 0, 2 * MIB, 512, true);
    vd_kick (&disk.vd, 0);
    vmm_loop_iterate (vmm_device_loop (testbed_device (disk.bed, "disk0")), 5);
    testbed_reset (disk.bed);
    vd_open (&disk.vd, disk.bed, TYPE_BLK);
    start_disk (&disk, F_FLUSH, 1, true);
    CHECK_EQUAL (run (&disk, IN, 0, 2 * MIB, 512, true), OK);
    close_disk (&disk);
}

TEST (queues_work_beside_each_other_in_batches)
{
    struct disk disk;
    uint64_t statuses[4][20];

    open_disk (&disk, 0, NULL, 4);
    start_disk (&disk, F_FLUSH | VD_F_EVENT_IDX, 4, true);
    for (unsigned queue = 0; queue < 4; queue++) {
        for (unsigned i = 0; i < 20; i++)
            statuses[queue][i] =
                post (&disk, queue, IN, queue * 20 + i, (8 + queue) * MIB + i * 512, 512, true);
        vd_kick (&disk.vd, queue);
    }
    testbed_settle (disk.bed);
    for (unsigned queue = 0; queue < 4; queue++) {
        CHECK_EQUAL (load_le16 (vd_ram (&disk.vd, disk.vd.queues[queue].used + 2, 2)), 20);
        for (unsigned i = 0; i < 20; i++)
            CHECK_EQUAL (status_at (&disk, statuses[queue][i]), OK);
    }
    testbed_check_round_trip (disk.bed);
    close_disk (&disk);
}

TAP_MAIN ()
