/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The queue core alone, on a piece of memory of this test's own: what a ring may and may not look
 * like.
 */
#include <errno.h>

#include "base/util.h"
#include "hw/virtio/virtqueue.h"
#include "tap.h"

#define RAM         (64 * KIB)
#define SIZE        8
#define DESCRIPTORS 0x1000
#define DRIVER      0x2000
#define DEVICE      0x3000
#define INDIRECT    0x4000
#define DATA        0x8000

enum {
    NEXT = 1,
    WRITE = 2,
    INDIRECT_FLAG = 4,
};

struct vmm_memory {
    uint8_t ram[RAM];
};

static struct vmm_memory memory __attribute__ ((aligned (4096)));
static struct virtqueue queue;
static struct virtq_chain chain;

/* Stands in for the engine's. */
void *
vmm_memory_pointer (struct vmm_memory *self, uint64_t address, size_t length)
{
    return range_fits (address, length, RAM) ? self->ram + address : NULL;
}

static void
set_up (bool event_index)
{
    memset (&memory, 0, sizeof memory);
    queue = (struct virtqueue) {.max_size = 16};
    virtqueue_reset (&queue);
    queue.size = SIZE;
    queue.descriptors = DESCRIPTORS;
    queue.driver = DRIVER;
    queue.device = DEVICE;
    queue.event_index = event_index;
    CHECK_EQUAL (virtqueue_enable (&queue, &memory), 0);
}

static void
put (uint64_t table, unsigned index, uint64_t address, uint32_t length, uint16_t flags,
     uint16_t next)
{
    uint8_t *raw = memory.ram + table + index * 16;

    store_le64 (raw, address);
    store_le32 (raw + 8, length);
    store_le16 (raw + 12, flags);
    store_le16 (raw + 14, next);
}

static void
offer (uint16_t head)
{
    uint16_t index = load_le16 (memory.ram + DRIVER + 2);

    store_le16 (memory.ram + DRIVER + 4 + 2 * (index % SIZE), head);
    store_le16 (memory.ram + DRIVER + 2, (uint16_t) (index + 1));
}

TEST (an_empty_queue_has_nothing_to_pop)
{
    set_up (false);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), 0);
}

TEST (a_chain_becomes_readable_and_writable_vectors)
{
    set_up (false);
    put (DESCRIPTORS, 2, DATA, 16, NEXT, 5);
    put (DESCRIPTORS, 5, DATA + 0x100, 512, NEXT | WRITE, 0);
    put (DESCRIPTORS, 0, DATA + 0x800, 1, WRITE, 0);
    offer (2);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), 1);
    CHECK_EQUAL (chain.head, 2);
    CHECK_EQUAL (chain.n_readable, 1);
    CHECK_EQUAL (chain.n_writable, 2);
    CHECK_EQUAL (chain.readable_size, 16);
    CHECK_EQUAL (chain.writable_size, 513);
    CHECK (chain.writable[1].iov_base == memory.ram + DATA + 0x800);
    CHECK_EQUAL (chain.address[1], DATA + 0x100);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), 0);

    virtqueue_push (&queue, 2, 513);
    CHECK_EQUAL (load_le16 (memory.ram + DEVICE + 2), 1);
    CHECK_EQUAL (load_le32 (memory.ram + DEVICE + 4), 2);
    CHECK_EQUAL (load_le32 (memory.ram + DEVICE + 8), 513);
    CHECK_EQUAL (queue.in_flight, 0);
}

TEST (an_indirect_table_may_end_a_direct_chain)
{
    set_up (false);
    put (DESCRIPTORS, 1, DATA, 4, NEXT, 3);
    put (DESCRIPTORS, 3, INDIRECT + 3, 3 * 16, INDIRECT_FLAG, 0);
    put (INDIRECT + 3, 0, DATA + 8, 4, NEXT, 2);
    put (INDIRECT + 3, 2, DATA + 16, 4, WRITE, 0);
    offer (1);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), 1);
    CHECK_EQUAL (chain.n_readable, 2);
    CHECK_EQUAL (chain.n_writable, 1);
}

TEST (an_indirect_table_may_be_as_long_as_the_queue_can_be)
{
    for (unsigned n = 16; n <= 17; n++) {
        set_up (false);
        put (DESCRIPTORS, 0, INDIRECT, 16 * n, INDIRECT_FLAG, 0);
        for (unsigned i = 0; i < n; i++)
            put (INDIRECT, i, DATA, 4, i + 1 < n ? NEXT : 0, (uint16_t) (i + 1));
        offer (0);
        CHECK_EQUAL (virtqueue_pop (&queue, &chain), n == 16 ? 1 : -ELOOP);
    }
}

TEST (empty_buffers_are_left_out)
{
    set_up (false);
    put (DESCRIPTORS, 0, UINT64_MAX, 0, NEXT, 1);
    put (DESCRIPTORS, 1, 0, 0, WRITE, 0);
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), 1);
    CHECK_EQUAL (chain.n_readable + chain.n_writable, 0);
}

TEST (a_loop_is_found)
{
    set_up (false);
    put (DESCRIPTORS, 0, DATA, 1, NEXT, 1);
    put (DESCRIPTORS, 1, DATA, 1, NEXT, 0);
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -ELOOP);

    set_up (false);
    put (DESCRIPTORS, 0, INDIRECT, 16, INDIRECT_FLAG, 0);
    put (INDIRECT, 0, DATA, 1, NEXT, 0);
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -ELOOP);
}

TEST (an_indirect_table_in_an_indirect_one_is_refused)
{
    set_up (false);
    put (DESCRIPTORS, 0, INDIRECT, 16, INDIRECT_FLAG, 0);
    put (INDIRECT, 0, INDIRECT + 16, 16, INDIRECT_FLAG, 0);
    put (INDIRECT, 1, DATA, 16, 0, 0);
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -EPROTO);
}

TEST (an_indirect_table_of_odd_length_is_refused)
{
    static const uint32_t lengths[] = {0, 1, 15, 17, 40};

    for (unsigned i = 0; i < ARRAY_LENGTH (lengths); i++) {
        set_up (false);
        put (DESCRIPTORS, 0, INDIRECT, lengths[i], INDIRECT_FLAG, 0);
        put (INDIRECT, 0, DATA, 16, 0, 0);
        offer (0);
        CHECK_EQUAL (virtqueue_pop (&queue, &chain), -EPROTO);
    }
}

TEST (nothing_may_follow_an_indirect_table)
{
    set_up (false);
    put (DESCRIPTORS, 0, INDIRECT, 16, INDIRECT_FLAG | NEXT, 1);
    put (INDIRECT, 0, DATA, 16, 0, 0);
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -EPROTO);
}

TEST (a_table_outside_memory_is_refused)
{
    set_up (false);
    put (DESCRIPTORS, 0, RAM - 16, 32, INDIRECT_FLAG, 0);
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -EFAULT);
}

TEST (buffers_outside_memory_are_refused)
{
    static const struct {
        uint64_t address;
        uint32_t length;
    } cases[] = {{RAM - 1, 2}, {RAM, 1}, {UINT64_MAX, 1}, {UINT64_MAX - 1, 16}, {0, UINT32_MAX}};

    for (unsigned i = 0; i < ARRAY_LENGTH (cases); i++) {
        set_up (false);
        put (DESCRIPTORS, 0, cases[i].address, cases[i].length, 0, 0);
        offer (0);
        CHECK_EQUAL (virtqueue_pop (&queue, &chain), -EFAULT);
    }
}

TEST (a_readable_buffer_after_a_writable_one_is_refused)
{
    set_up (false);
    put (DESCRIPTORS, 0, DATA, 16, WRITE | NEXT, 1);
    put (DESCRIPTORS, 1, DATA, 16, 0, 0);
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -EPROTO);
}

TEST (heads_and_links_outside_the_table_are_refused)
{
    set_up (false);
    offer (SIZE);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -ERANGE);

    set_up (false);
    put (DESCRIPTORS, 0, DATA, 16, NEXT, SIZE);
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -ERANGE);

    set_up (false);
    put (DESCRIPTORS, 0, INDIRECT, 32, INDIRECT_FLAG, 0);
    put (INDIRECT, 0, DATA, 16, NEXT, 2);
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -ERANGE);
}

TEST (an_index_that_jumps_past_the_queue_is_refused)
{
    set_up (false);
    store_le16 (memory.ram + DRIVER + 2, SIZE + 1);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -EOVERFLOW);
    store_le16 (memory.ram + DRIVER + 2, 0xFFFF);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -EOVERFLOW);
}

TEST (one_head_offered_over_and_over_is_refused_once_the_queue_is_full)
{
    set_up (false);
    put (DESCRIPTORS, 0, DATA, 16, 0, 0);
    for (unsigned i = 0; i < SIZE; i++) {
        offer (0);
        CHECK_EQUAL (virtqueue_pop (&queue, &chain), 1);
    }
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -EOVERFLOW);
}

TEST (a_chain_of_more_than_4_gib_is_refused)
{
    set_up (false);
    put (DESCRIPTORS, 0, DATA, 0x1000, NEXT, 1);
    put (DESCRIPTORS, 1, 0, UINT32_MAX - 0xFFF, 0, 0);
    offer (0);
    CHECK_EQUAL (virtqueue_pop (&queue, &chain), -EMSGSIZE);
}

TEST (queues_at_impossible_places_are_not_enabled)
{
    static const struct {
        uint16_t size;
        uint64_t descriptors, driver, device;
        int result;
    } cases[] = {
        {0, DESCRIPTORS, DRIVER, DEVICE, -EINVAL},
        {3, DESCRIPTORS, DRIVER, DEVICE, -EINVAL},
        {32, DESCRIPTORS, DRIVER, DEVICE, -EINVAL},
        {8, DESCRIPTORS + 8, DRIVER, DEVICE, -EINVAL},
        {8, DESCRIPTORS, DRIVER + 1, DEVICE, -EINVAL},
        {8, DESCRIPTORS, DRIVER, DEVICE + 2, -EINVAL},
        {8, RAM - 16, DRIVER, DEVICE, -EFAULT},
        {8, DESCRIPTORS, RAM - 4, DEVICE, -EFAULT},
        {8, DESCRIPTORS, DRIVER, RAM - 8, -EFAULT},
        {8, ~UINT64_C (15), DRIVER, DEVICE, -EFAULT},
    };

    for (unsigned i = 0; i < ARRAY_LENGTH (cases); i++) {
        queue = (struct virtqueue) {
            .max_size = 16,
            .size = cases[i].size,
            .descriptors = cases[i].descriptors,
            .driver = cases[i].driver,
            .device = cases[i].device,
        };
        CHECK_EQUAL (virtqueue_enable (&queue, &memory), cases[i].result);
        CHECK (!queue.enabled);
        CHECK_EQUAL (virtqueue_pop (&queue, &chain), 0);
        virtqueue_push (&queue, 0, 0);
        CHECK (!virtqueue_should_signal (&queue));
    }
}

TEST (flags_suppress_interrupts_and_kicks)
{
    set_up (false);
    put (DESCRIPTORS, 0, DATA, 16, 0, 0);
    CHECK_EQUAL (virtqueue_allow_kicks (&queue), false);
    CHECK_EQUAL (load_le16 (memory.ram + DEVICE), 0);
    virtqueue_suppress_kicks (&queue);
    CHECK_EQUAL (load_le16 (memory.ram + DEVICE), 1);
    offer (0);
    CHECK_EQUAL (virtqueue_allow_kicks (&queue), true);
    CHECK_EQUAL (load_le16 (memory.ram + DEVICE), 0);

    CHECK_EQUAL (virtqueue_pop (&queue, &chain), 1);
    virtqueue_push (&queue, 0, 0);
    CHECK (virtqueue_should_signal (&queue));
    CHECK (!virtqueue_should_signal (&queue));
    store_le16 (memory.ram + DRIVER, 1);
    virtqueue_push (&queue, 0, 0);
    CHECK (!virtqueue_should_signal (&queue));
}

/* Pushes one and tells whether that interrupts with @event in used_event. */
static bool
push_signals (uint16_t event)
{
    store_le16 (memory.ram + DRIVER + 4 + 2 * SIZE, event);
    virtqueue_push (&queue, 0, 0);
    return virtqueue_should_signal (&queue);
}

TEST (nothing_pushed_does_not_interrupt)
{
    for (int event_index = 0; event_index < 2; event_index++) {
        set_up (event_index);
        CHECK (!virtqueue_should_signal (&queue));
    }
}

TEST (event_indices_decide_also_when_they_wrap)
{
    set_up (true);
    queue.next_used = queue.last_signalled = 0xFFFD;
    CHECK (push_signals (0xFFFD));
    CHECK (push_signals (0xFFFE));
    CHECK (!push_signals (0));
    CHECK (push_signals (0));
    CHECK (!push_signals (5));
    CHECK_EQUAL (queue.next_used, 2);

    virtqueue_push (&queue, 0, 0);
    virtqueue_push (&queue, 0, 0);
    CHECK (push_signals (3)); /* crossed, not met */

    queue.next_available = 0x1234;
    CHECK (virtqueue_allow_kicks (&queue));
    CHECK_EQUAL (load_le16 (memory.ram + DEVICE + 4 + 8 * SIZE), 0x1234);
}

TEST (indices_wrap_around)
{
    set_up (false);
    put (DESCRIPTORS, 3, DATA, 16, 0, 0);
    for (unsigned i = 0; i < 70000; i++) {
        offer (3);
        CHECK_EQUAL (virtqueue_pop (&queue, &chain), 1);
        virtqueue_push (&queue, 3, i);
    }
    CHECK_EQUAL (load_le16 (memory.ram + DEVICE + 2), (uint16_t) 70000);
}

TEST (vectors_are_copied_and_trimmed_across_boundaries)
{
    char a[3] = "abc", b[2] = "de", c[4] = "fghi", out[16] = "";
    struct iovec iov[] = {{a, 3}, {b, 2}, {c, 4}}, *first = iov;
    unsigned n = 3;

    CHECK_EQUAL (virtq_copy_from (iov, 3, 2, out, 5), 5);
    CHECK_STRING (out, "cdefg");
    CHECK_EQUAL (virtq_copy_from (iov, 3, 8, out, 5), 1);
    CHECK_EQUAL (virtq_copy_from (iov, 3, 9, out, 5), 0);
    CHECK_EQUAL (virtq_copy_to (iov, 3, 4, "XYZ", 3), 3);
    CHECK (memcmp (b, "dX", 2) == 0 && memcmp (c, "YZhi", 4) == 0);

    virtq_trim_front (&first, &n, 4);
    CHECK_EQUAL (n, 2);
    CHECK (first->iov_base == b + 1 && first->iov_len == 1);
    virtq_trim_back (first, &n, 1);
    CHECK_EQUAL (first[1].iov_len, 3);
    virtq_trim_back (first, &n, 3);
    CHECK_EQUAL (n, 1);
    virtq_trim_front (&first, &n, 100);
    CHECK_EQUAL (n, 0);
}

TAP_MAIN ()
