/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Thousands of random requests, hundreds at a time, against a model of the disk in memory. Requests
 * in flight never overlap, for the contract leaves their order open. At the end the whole image,
 * reopened, must equal the model.
 */
#include <inttypes.h>

#include "rig.h"

#define SIZE         (8 * MIB)
#define MAX_LENGTH   (128 * KIB)
#define MAX_IOV      40
#define N_IN_FLIGHT  300
#define N_OPERATIONS 6000

struct disk {
    struct rig rig;
    unsigned char *model;
    bool *busy; /* by sector */
    unsigned n_free;
    struct slot *slots;
    uint64_t seed;
    unsigned failures;
};

struct slot {
    struct disk *disk;
    struct blk_request request;
    struct iovec iov[MAX_IOV];
    unsigned char *buffer;
    bool in_flight;
};

/* xorshift64*: the same everywhere, so that a failure can be repeated. */
static uint64_t
random_below (struct disk *disk, uint64_t limit)
{
    disk->seed ^= disk->seed >> 12;
    disk->seed ^= disk->seed << 25;
    disk->seed ^= disk->seed >> 27;
    return (disk->seed * UINT64_C (2685821657736338717)) % limit;
}

static void
mark (struct disk *disk, const struct blk_request *request, bool busy)
{
    for (uint64_t i = 0; i < request->length / 512; i++)
        disk->busy[request->offset / 512 + i] = busy;
}

static bool
is_busy (struct disk *disk, uint64_t offset, uint64_t length)
{
    for (uint64_t i = 0; i < length / 512; i++) {
        if (disk->busy[offset / 512 + i])
            return true;
    }
    return false;
}

static void
fail_request (struct disk *disk, const struct blk_request *request, int result, uint64_t at)
{
    const struct slot *slot = request->data;

    if (disk->failures++ == 0)
        printf ("# operation %d at %#" PRIx64 " length %#" PRIx64 ": result %d, byte %#" PRIx64
                " is %#x, expected %#x\n",
                (int) request->operation, request->offset, request->length, result, at,
                slot->buffer[at], disk->model[request->offset + at]);
}

static void
complete_cb (struct blk_request *request, int result)
{
    struct slot *slot = request->data;
    struct disk *disk = slot->disk;

    if (result != 0)
        fail_request (disk, request, result, 0);
    if (request->operation == BLK_READ) {
        const unsigned char *expected = disk->model + request->offset;
        uint64_t i = 0;

        while (i < request->length && slot->buffer[i] == expected[i])
            i++;
        if (i < request->length)
            fail_request (disk, request, result, i);
    }
    if (request->operation != BLK_FLUSH)
        mark (disk, request, false);
    slot->in_flight = false;
    disk->n_free++;
}

/* Cuts the slot's buffer into random pieces, some of them empty. */
static void
cut (struct disk *disk, struct slot *slot)
{
    uint64_t done = 0, length = slot->request.length;
    unsigned n = 0;

    while (done < length && n < MAX_IOV - 1) {
        uint64_t part = random_below (disk, 4) == 0 ? random_below (disk, 600)
                                                    : random_below (disk, length - done + 1);

        part = MIN_OF (part, length - done);
        slot->iov[n++] = (struct iovec) {slot->buffer + done, part};
        done += part;
    }
    slot->iov[n++] = (struct iovec) {slot->buffer + done, length - done};
    slot->request.iov = slot->iov;
    slot->request.n_iov = n;
}

/* False if the range it came up with is busy. */
static bool
submit_random (struct disk *disk, struct slot *slot)
{
    uint64_t longest = random_below (disk, 2) ? MAX_LENGTH : 16 * 512;
    uint64_t length = 512 * (1 + random_below (disk, longest / 512));
    uint64_t offset = 512 * random_below (disk, (SIZE - length) / 512 + 1), what;
    unsigned char fill;

    what = random_below (disk, 100);
    slot->request = (struct blk_request) {
        .offset = offset, .length = length, .complete = complete_cb, .data = slot};
    if (what < 5)
        slot->request.operation = BLK_FLUSH;
    else if (is_busy (disk, offset, length))
        return false;
    else if (what < 50) {
        slot->request.operation = BLK_READ;
        memset (slot->buffer, 0xcc, length);
        cut (disk, slot);
    } else if (what < 85) {
        slot->request.operation = BLK_WRITE;
        fill = (unsigned char) random_below (disk, 256);
        for (uint64_t i = 0; i < length; i++)
            slot->buffer[i] = (unsigned char) (fill + i + i / 512);
        memcpy (disk->model + offset, slot->buffer, length);
        cut (disk, slot);
    } else {
        slot->request.operation = what < 92 ? BLK_DISCARD : BLK_WRITE_ZEROES;
        slot->request.may_unmap = random_below (disk, 2);
        memset (disk->model + offset, 0, length);
    }
    if (slot->request.operation != BLK_FLUSH)
        mark (disk, &slot->request, true);
    slot->in_flight = true;
    disk->n_free--;
    blk_submit (disk->rig.blk, &slot->request);
    return true;
}

static struct slot *
free_slot (struct disk *disk)
{
    for (unsigned i = 0; i < N_IN_FLIGHT; i++) {
        if (!disk->slots[i].in_flight)
            return &disk->slots[i];
    }
    return NULL;
}

static void
init_disk (struct disk *disk, unsigned flags, uint64_t seed)
{
    *disk = (struct disk) {.seed = seed, .n_free = N_IN_FLIGHT};
    rig_init (&disk->rig, SIZE);
    rig_open (&disk->rig, flags);
    disk->model = calloc (1, SIZE);
    disk->busy = calloc (SIZE / 512, sizeof *disk->busy);
    disk->slots = calloc (N_IN_FLIGHT, sizeof *disk->slots);
    CHECK (disk->model && disk->busy && disk->slots);
    for (unsigned i = 0; i < N_IN_FLIGHT; i++) {
        disk->slots[i].disk = disk;
        disk->slots[i].buffer = malloc (MAX_LENGTH);
        CHECK (disk->slots[i].buffer);
    }
}

static void
check_random (unsigned flags, uint64_t seed)
{
    struct disk disk;
    unsigned char *back = malloc (SIZE);

    CHECK (back);
    init_disk (&disk, flags, seed);
    if (!blk_get_info (disk.rig.blk)->can_discard)
        SKIP ("/tmp cannot punch holes, so the model does not know what discards do");
    for (unsigned n = 0; n < N_OPERATIONS;) {
        unsigned burst = 1 + (unsigned) random_below (&disk, 50);

        while (burst-- && disk.n_free)
            n += submit_random (&disk, free_slot (&disk));
        blk_kick (disk.rig.blk);
        CHECK (vmm_loop_iterate (disk.rig.loop, disk.n_free > N_IN_FLIGHT / 8 ? 0 : 10000) >= 0);
        CHECK_EQUAL (disk.failures, 0);
    }
    while (disk.n_free < N_IN_FLIGHT)
        CHECK (vmm_loop_iterate (disk.rig.loop, 10000) >= 0);
    CHECK_EQUAL (disk.failures, 0);

    blk_close (disk.rig.blk);
    rig_open (&disk.rig, BLK_READ_ONLY);
    CHECK_EQUAL (rig_do (&disk.rig, BLK_READ, 0, back, SIZE), 0);
    CHECK (memcmp (back, disk.model, SIZE) == 0);
    for (unsigned i = 0; i < N_IN_FLIGHT; i++)
        free (disk.slots[i].buffer);
    free (disk.slots);
    free (disk.busy);
    free (disk.model);
    free (back);
    rig_fini (&disk.rig);
}

TEST (ring_agrees_with_the_model)
{
    check_random (0, 1);
    check_random (0, 77);
}

TEST (pool_agrees_with_the_model)
{
    check_random (BLK_NO_RING, 2);
}

TAP_MAIN ()
