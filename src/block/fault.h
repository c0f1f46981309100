/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A layer for tests over any image: it fails, delays and holds chosen requests and passes the rest
 * on. Its functions may be called on any thread; requests flow as the block contract says. Delays
 * and holds are counted per request, in the order of submission.
 */
#pragma once

#include "block/block.h"

#define BLK_FAULT_FOR_EVER UINT64_MAX

struct blk_fault {
    enum blk_operation operation;
    uint64_t first; /* counted from blk_fault_inject (): 1 is the next request of that operation */
    uint64_t count; /* how many in a row; BLK_FAULT_FOR_EVER */
    int result;     /* negative errno; 0: the request goes on and only waits */
    bool carry_out; /* with a .result: do it all the same, as a host that lies */
    uint64_t delay_ns; /* before it goes on or fails */
};

/* The layer borrows @lower, which must be attached to nothing: attach, detach and submit through
 * *ret_blk only, and close that first. -ENOMEM, … */
int blk_fault_create (struct blk *lower, const struct vmm_log *log, struct blk **ret_blk);

/* Replaces the fault for that operation. */
void blk_fault_inject (struct blk *blk, const struct blk_fault *fault);
/* Forgets all faults; what waits out a delay still does. */
void blk_fault_clear (struct blk *blk);

/* Requests of @operation seen since the layer was made, for tests that fail each in turn. */
uint64_t blk_fault_count (struct blk *blk, enum blk_operation operation);

/* While held, requests stay here. Releasing passes them on in the order of submission. */
void blk_fault_hold (struct blk *blk, bool hold);
