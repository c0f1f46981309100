/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/fault.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "block/driver.h"

#define N_OPERATIONS (BLK_WRITE_ZEROES + 1)

/* A request on its way down. */
struct passage {
    struct blk_request lower; /* a copy of the upper one's wishes */
    struct blk_request *upper;
    struct vmm_list link; /* in .held or .delayed */
    int result;           /* to report instead of the lower one's; 0: none */
    bool carry_out;
    uint64_t deadline; /* 0: no delay */
};

struct fault {
    struct blk blk;
    struct blk *lower;
    struct vmm_timer timer;

    pthread_mutex_t mutex; /* guards the rest */
    struct blk_fault faults[N_OPERATIONS];
    uint64_t fault_base[N_OPERATIONS]; /* .seen at the time of injection */
    uint64_t seen[N_OPERATIONS];
    bool hold;
    struct vmm_list held;
    struct vmm_list delayed; /* sorted by deadline */
};

static void
lower_complete_cb (struct blk_request *request, int result)
{
    struct passage *passage = CONTAINER_OF (request, struct passage, lower);
    struct blk_request *upper = passage->upper;

    if (passage->result)
        result = passage->result;
    free (passage);
    blk_complete (upper, result);
}

/* Sends @passage down or ends it, without the mutex. */
static void
go_on (struct fault *fault, struct passage *passage)
{
    struct blk_request *upper = passage->upper;
    int result = passage->result;

    if (result && !passage->carry_out) {
        free (passage);
        blk_complete_later (upper, result);
        return;
    }
    blk_submit (fault->lower, &passage->lower);
}

/* With the mutex: what is due leaves .delayed for @ret_due; the timer waits for the next. */
static void
take_due (struct fault *fault, struct vmm_list *ret_due)
{
    uint64_t now = vmm_monotonic_now ();

    while (!list_is_empty (&fault->delayed)) {
        struct passage *passage = list_entry (fault->delayed.next, struct passage, link);

        if (passage->deadline > now) {
            if (fault->blk.loop)
                vmm_timer_arm (&fault->timer, passage->deadline);
            break;
        }
        list_remove (&passage->link);
        list_append (ret_due, &passage->link);
    }
}

static void
go_on_all (struct fault *fault, struct vmm_list *passages)
{
    struct passage *passage, *after;

    list_for_each_safe (passage, after, passages, link) {
        list_remove (&passage->link);
        go_on (fault, passage);
    }
    blk_kick (fault->lower);
}

static void
timer_cb (void *data)
{
    struct fault *fault = data;
    struct vmm_list due;

    list_init (&due);
    pthread_mutex_lock (&fault->mutex);
    take_due (fault, &due);
    pthread_mutex_unlock (&fault->mutex);
    go_on_all (fault, &due);
}

/* With the mutex: counts @passage and notes down what shall happen to it. */
static void
meet_fault (struct fault *fault, struct passage *passage)
{
    enum blk_operation operation = passage->upper->operation;
    const struct blk_fault *wanted = &fault->faults[operation];
    uint64_t number = ++fault->seen[operation] - fault->fault_base[operation];

    if (wanted->count == 0 || number < wanted->first || number - wanted->first >= wanted->count)
        return;
    passage->result = wanted->result;
    passage->carry_out = wanted->carry_out;
    if (wanted->delay_ns)
        passage->deadline = vmm_monotonic_now () + wanted->delay_ns;
}

static void
insert_delayed (struct fault *fault, struct passage *passage)
{
    struct passage *other;

    list_for_each (other, &fault->delayed, link) {
        if (other->deadline > passage->deadline)
            break;
    }
    list_insert_before (&other->link, &passage->link);
}

static void
fault_submit (struct blk *blk, struct blk_request *request)
{
    struct fault *fault = CONTAINER_OF (blk, struct fault, blk);
    struct passage *passage = calloc (1, sizeof *passage);
    bool stays = true;

    if (!passage) {
        blk_complete_later (request, -ENOMEM);
        return;
    }
    passage->upper = request;
    passage->lower = *request;
    passage->lower.complete = lower_complete_cb;
    list_init (&passage->link);

    pthread_mutex_lock (&fault->mutex);
    meet_fault (fault, passage);
    if (fault->hold) {
        list_append (&fault->held, &passage->link);
    } else if (passage->deadline) {
        insert_delayed (fault, passage);
        blk_signal (blk);
    } else {
        stays = false;
    }
    pthread_mutex_unlock (&fault->mutex);
    if (!stays)
        go_on (fault, passage);
}

static void
fault_kick (struct blk *blk)
{
    blk_kick (CONTAINER_OF (blk, struct fault, blk)->lower);
}

static void
fault_poll (struct blk *blk)
{
    timer_cb (CONTAINER_OF (blk, struct fault, blk));
}

static int
fault_attach (struct blk *blk, struct vmm_loop *loop)
{
    struct fault *fault = CONTAINER_OF (blk, struct fault, blk);

    vmm_timer_init (&fault->timer, loop, NULL, NULL, timer_cb, fault);
    return blk_attach (fault->lower, loop);
}

static void
fault_detach (struct blk *blk)
{
    struct fault *fault = CONTAINER_OF (blk, struct fault, blk);

    vmm_timer_disarm (&fault->timer);
    blk_detach (fault->lower);
}

static void
fault_close (struct blk *blk)
{
    struct fault *fault = CONTAINER_OF (blk, struct fault, blk);

    pthread_mutex_destroy (&fault->mutex);
    blk_fini (blk);
    free (fault);
}

static const struct blk_driver fault_driver = {
    .name = "fault",
    .submit = fault_submit,
    .kick = fault_kick,
    .poll = fault_poll,
    .attach = fault_attach,
    .detach = fault_detach,
    .close = fault_close,
};

int
blk_fault_create (struct blk *lower, const struct vmm_log *log, struct blk **ret_blk)
{
    struct fault *fault = calloc (1, sizeof *fault);
    int r;

    if (!fault)
        return -ENOMEM;
    r = blk_init (&fault->blk, &fault_driver, blk_get_path (lower), log);
    if (r < 0) {
        free (fault);
        return r;
    }
    fault->blk.info = *blk_get_info (lower);
    fault->lower = lower;
    pthread_mutex_init (&fault->mutex, NULL);
    list_init (&fault->held);
    list_init (&fault->delayed);
    *ret_blk = &fault->blk;
    return 0;
}

void
blk_fault_inject (struct blk *blk, const struct blk_fault *wanted)
{
    struct fault *fault = CONTAINER_OF (blk, struct fault, blk);

    pthread_mutex_lock (&fault->mutex);
    fault->faults[wanted->operation] = *wanted;
    fault->fault_base[wanted->operation] = fault->seen[wanted->operation];
    pthread_mutex_unlock (&fault->mutex);
}

void
blk_fault_clear (struct blk *blk)
{
    struct fault *fault = CONTAINER_OF (blk, struct fault, blk);

    pthread_mutex_lock (&fault->mutex);
    memset (fault->faults, 0, sizeof fault->faults);
    pthread_mutex_unlock (&fault->mutex);
}

uint64_t
blk_fault_count (struct blk *blk, enum blk_operation operation)
{
    struct fault *fault = CONTAINER_OF (blk, struct fault, blk);
    uint64_t seen;

    pthread_mutex_lock (&fault->mutex);
    seen = fault->seen[operation];
    pthread_mutex_unlock (&fault->mutex);
    return seen;
}

void
blk_fault_hold (struct blk *blk, bool hold)
{
    struct fault *fault = CONTAINER_OF (blk, struct fault, blk);
    struct passage *passage, *after;
    struct vmm_list released;

    list_init (&released);
    pthread_mutex_lock (&fault->mutex);
    fault->hold = hold;
    if (!hold) {
        list_for_each_safe (passage, after, &fault->held, link) {
            list_remove (&passage->link);
            if (passage->deadline)
                insert_delayed (fault, passage);
            else
                list_append (&released, &passage->link);
        }
        blk_signal (blk);
    }
    pthread_mutex_unlock (&fault->mutex);
    go_on_all (fault, &released);
}
