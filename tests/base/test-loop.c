/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/loop.h"
#include "tap.h"

static void
count (void *data)
{
    ++*(int *) data;
}

static void
count_events (void *data, uint32_t events)
{
    ++*(int *) data;
}

struct chain {
    struct vmm_source first, second;
    int second_ran;
};

static void
remove_second (void *data, uint32_t events)
{
    struct chain *chain = data;

    vmm_source_remove (&chain->second);
}

static void
run_for (struct vmm_loop *loop, int ms)
{
    uint64_t end = vmm_monotonic_now () + (uint64_t) ms * 1000000u;

    while (vmm_monotonic_now () < end)
        vmm_loop_iterate (loop, 1);
}

TEST (timer_fires_once_when_it_is_due)
{
    struct vmm_loop *loop;
    struct vmm_timer timer;
    int fired = 0;

    CHECK_EQUAL (vmm_loop_create (&loop), 0);
    vmm_timer_init (&timer, loop, NULL, NULL, count, &fired);
    vmm_timer_arm (&timer, vmm_monotonic_now () + 5000000);
    CHECK (vmm_timer_is_armed (&timer));
    vmm_loop_iterate (loop, 0);
    CHECK_EQUAL (fired, 0);
    run_for (loop, 20);
    CHECK_EQUAL (fired, 1);
    CHECK (!vmm_timer_is_armed (&timer));
    vmm_loop_destroy (loop);
}

TEST (timer_waits_while_its_clock_stands_still)
{
    struct vmm_loop *loop;
    struct vmm_clock clock;
    struct vmm_timer timer;
    uint64_t stopped;
    int fired = 0;

    CHECK_EQUAL (vmm_loop_create (&loop), 0);
    vmm_clock_init (&clock);
    vmm_timer_init (&timer, loop, &clock, NULL, count, &fired);
    vmm_clock_start (&clock);
    vmm_timer_arm (&timer, vmm_clock_now (&clock) + 5000000);
    vmm_clock_stop (&clock);
    stopped = vmm_clock_now (&clock);
    run_for (loop, 20);
    CHECK_EQUAL (fired, 0);
    CHECK_EQUAL (vmm_clock_now (&clock), stopped);
    vmm_clock_start (&clock);
    run_for (loop, 20);
    CHECK_EQUAL (fired, 1);
    vmm_clock_fini (&clock);
    vmm_loop_destroy (loop);
}

TEST (disarmed_timer_stays_silent)
{
    struct vmm_loop *loop;
    struct vmm_timer timer, never = {0};
    int fired = 0;

    CHECK_EQUAL (vmm_loop_create (&loop), 0);
    vmm_timer_init (&timer, loop, NULL, NULL, count, &fired);
    vmm_timer_arm (&timer, vmm_monotonic_now ());
    vmm_timer_disarm (&timer);
    vmm_timer_disarm (&never);
    run_for (loop, 5);
    CHECK_EQUAL (fired, 0);
    vmm_loop_destroy (loop);
}

TEST (source_runs_while_readable_and_not_after_removal)
{
    struct vmm_loop *loop;
    struct vmm_source source = {0};
    int fds[2], ran = 0;

    CHECK_EQUAL (vmm_loop_create (&loop), 0);
    CHECK_EQUAL (pipe (fds), 0);
    CHECK_EQUAL (vmm_loop_add (loop, &source, fds[0], EPOLLIN, NULL, count_events, &ran), 0);
    CHECK_EQUAL (vmm_loop_iterate (loop, 0), 0);
    CHECK_EQUAL (write (fds[1], "x", 1), 1);
    CHECK_EQUAL (vmm_loop_iterate (loop, 0), 1);
    CHECK_EQUAL (ran, 1);
    vmm_source_remove (&source);
    vmm_source_remove (&source);
    CHECK_EQUAL (vmm_loop_iterate (loop, 0), 0);
    close (fds[0]);
    close (fds[1]);
    vmm_loop_destroy (loop);
}

TEST (source_removed_by_another_callback_does_not_run)
{
    struct vmm_loop *loop;
    struct chain chain = {0};
    int fds[2], again;

    CHECK_EQUAL (vmm_loop_create (&loop), 0);
    CHECK_EQUAL (pipe (fds), 0);
    again = dup (fds[0]);
    CHECK_EQUAL (vmm_loop_add (loop, &chain.first, fds[0], EPOLLIN, NULL, remove_second, &chain),
                 0);
    CHECK_EQUAL (
        vmm_loop_add (loop, &chain.second, again, EPOLLIN, NULL, count_events, &chain.second_ran),
        0);
    CHECK_EQUAL (write (fds[1], "x", 1), 1);
    vmm_loop_iterate (loop, 0);
    vmm_loop_iterate (loop, 0);
    CHECK (chain.second_ran <= 1); /* epoll may report it first, but never after the removal */
    CHECK (!chain.second.loop);
    close (fds[0]);
    close (fds[1]);
    close (again);
    vmm_loop_destroy (loop);
}

TEST (wake_ends_the_wait)
{
    struct vmm_loop *loop;
    uint64_t before = vmm_monotonic_now ();

    CHECK_EQUAL (vmm_loop_create (&loop), 0);
    vmm_loop_wake (loop);
    CHECK_EQUAL (vmm_loop_iterate (loop, 10000), 0);
    CHECK (vmm_monotonic_now () - before < 5000000000u);
    vmm_loop_destroy (loop);
}

struct later {
    struct vmm_loop *loop;
    struct vmm_timer timer;
    int fired;
};

static void
arm_and_wake (void *data)
{
    struct later *later = data;

    vmm_timer_arm (&later->timer, vmm_monotonic_now () + 20000000);
    vmm_loop_wake (later->loop);
}

TEST (wake_and_timer_below_a_callback_cost_no_turn)
{
    struct later later = {.fired = 0};
    struct vmm_timer now;

    CHECK_EQUAL (vmm_loop_create (&later.loop), 0);
    vmm_timer_init (&now, later.loop, NULL, NULL, arm_and_wake, &later);
    vmm_timer_init (&later.timer, later.loop, NULL, NULL, count, &later.fired);
    vmm_timer_arm (&now, 0);
    while (!vmm_timer_is_armed (&later.timer) && !later.fired)
        vmm_loop_iterate (later.loop, 10000);
    /* The next turn is the one that the timer ends, unless it was due before that. */
    if (!later.fired)
        CHECK_EQUAL (vmm_loop_iterate (later.loop, 10000), 1);
    CHECK_EQUAL (later.fired, 1);
    vmm_loop_destroy (later.loop);
}

TAP_MAIN ()
