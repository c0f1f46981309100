/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random operations through our driver, many at a time, each held against the model in memory.
 * Requests in flight never overlap, for their order is open.
 */
#pragma once

#include "qcow2-rig.h"

#define N_SLOTS 40
#define MAX_IOV 12

struct storm;

struct slot {
    struct storm *storm;
    struct blk_request request;
    struct iovec iov[MAX_IOV];
    unsigned char *buffer;
    bool in_flight;
};

struct storm {
    struct qrig *rig;
    struct slot slots[N_SLOTS];
    unsigned n_in_flight;
    uint64_t max_length;
    bool *busy; /* by sector */
};

static inline void
complete_cb (struct blk_request *request, int result)
{
    struct slot *slot = request->data;
    const unsigned char *model = slot->storm->rig->model + request->offset;

    if (result < 0)
        tap_fail (__FILE__, __LINE__, "operation %d at %#" PRIx64 " length %#" PRIx64 ": %d",
                  (int) request->operation, request->offset, request->length, result);
    for (uint64_t i = 0; request->operation == BLK_READ && i < request->length; i++)
        if (slot->buffer[i] != model[i])
            tap_fail (__FILE__, __LINE__, "read %#x, not %#x, at %#" PRIx64, slot->buffer[i],
                      model[i], request->offset + i);
    if (request->operation != BLK_FLUSH)
        memset (slot->storm->busy + request->offset / 512, 0, request->length / 512);
    slot->in_flight = false;
    slot->storm->n_in_flight--;
}

static inline void
cut (struct slot *slot)
{
    struct qrig *rig = slot->storm->rig;
    uint64_t done = 0, length = slot->request.length;
    unsigned n = 0;

    while (done < length && n < MAX_IOV - 1 && qrig_random (rig, 3)) {
        uint64_t part = qrig_random (rig, length - done + 1);

        slot->iov[n++] = (struct iovec) {slot->buffer + done, part};
        done += part;
    }
    slot->iov[n++] = (struct iovec) {slot->buffer + done, length - done};
    slot->request.iov = slot->iov;
    slot->request.n_iov = n;
}

/* What discards leave is either; the model is told afterwards, so they are for themselves. */
static inline void
submit (struct storm *storm, struct slot *slot)
{
    struct qrig *rig = storm->rig;
    uint64_t sectors = rig->size / 512, first = qrig_random (rig, sectors), kind, n;
    unsigned char *model = rig->model + first * 512;

    n = 1 + qrig_random (rig, qrig_random (rig, 4) ? 16 : storm->max_length / 512);
    n = MIN_OF (n, sectors - first);
    if (qrig_random (rig, 8) == 0) { /* whole megabytes */
        first = align_down (first, 2048);
        n = MIN_OF (2048, sectors - first);
        model = rig->model + first * 512;
    }
    for (uint64_t i = first; i < first + n; i++)
        if (storm->busy[i])
            return;
    kind = qrig_random (rig, 20);
    slot->request = (struct blk_request) {
        .operation = kind < 7    ? BLK_READ
                     : kind < 16 ? BLK_WRITE
                     : kind < 19 ? BLK_WRITE_ZEROES
                                 : BLK_FLUSH,
        .offset = first * 512,
        .length = n * 512,
        .may_unmap = kind & 1,
        .complete = complete_cb,
        .data = slot,
    };
    if (slot->request.operation == BLK_WRITE) {
        /* Bytes that tell where and when they are from. */
        for (uint64_t i = 0; i < n * 512; i += 8)
            store_le64 (slot->buffer + i, rig->seed + i);
        memcpy (model, slot->buffer, n * 512);
    } else if (slot->request.operation == BLK_WRITE_ZEROES) {
        memset (model, 0, n * 512);
    }
    if (kind < 16)
        cut (slot);
    if (slot->request.operation != BLK_FLUSH)
        memset (storm->busy + first, 1, n);
    slot->in_flight = true;
    storm->n_in_flight++;
    blk_submit (rig->blk, &slot->request);
}

static inline void
drain (struct storm *storm)
{
    blk_kick (storm->rig->blk);
    while (storm->n_in_flight)
        CHECK (vmm_loop_iterate (storm->rig->loop, -1) >= 0);
}

static inline void
discard_some (struct storm *storm)
{
    struct qrig *rig = storm->rig;
    uint64_t first = qrig_random (rig, rig->size / 512), n = 1 + qrig_random (rig, 4096);
    unsigned char *after;

    drain (storm);
    n = MIN_OF (n, rig->size / 512 - first);
    CHECK_EQUAL (qrig_do (rig, BLK_DISCARD, first * 512, NULL, n * 512, false), 0);
    after = malloc (n * 512);
    CHECK (after);
    CHECK_EQUAL (qrig_do (rig, BLK_READ, first * 512, after, n * 512, false), 0);
    for (uint64_t i = 0; i < n * 512; i += 512)
        CHECK (is_filled (after + i, 512, 0) ||
               memcmp (after + i, rig->model + first * 512 + i, 512) == 0);
    memcpy (rig->model + first * 512, after, n * 512);
    free (after);
}

/* @n operations; the image is open and the model true before and after. */
static inline void
run_storm (struct qrig *rig, unsigned n)
{
    struct storm *storm = calloc (1, sizeof *storm);

    CHECK (storm);
    storm->rig = rig;
    storm->max_length = MIN_OF (rig->size, 512 * KIB);
    storm->busy = calloc (1, rig->size / 512);
    for (unsigned i = 0; i < N_SLOTS; i++) {
        storm->slots[i].storm = storm;
        storm->slots[i].buffer = malloc (MAX_OF (storm->max_length, MIB));
        CHECK (storm->slots[i].buffer && storm->busy);
    }
    while (n--) {
        struct slot *slot = &storm->slots[qrig_random (rig, N_SLOTS)];

        if (slot->in_flight) {
            blk_kick (rig->blk);
            CHECK (vmm_loop_iterate (rig->loop, -1) >= 0);
        } else if (qrig_random (rig, 40) == 0) {
            discard_some (storm);
        } else {
            submit (storm, slot);
        }
    }
    drain (storm);
    for (unsigned i = 0; i < N_SLOTS; i++)
        free (storm->slots[i].buffer);
    free (storm->busy);
    free (storm);
}

static inline void
new_model (struct qrig *rig, uint64_t size)
{
    rig->size = size;
    rig->model = calloc (1, size);
    CHECK (rig->model);
}

static inline void
reopen_and_judge (struct qrig *rig, unsigned flags)
{
    qrig_compare (rig);
    qrig_close (rig);
    qrig_judge (rig, false);
    qrig_compare_with_qemu (rig);
    qrig_open (rig, flags);
    qrig_compare (rig);
}
