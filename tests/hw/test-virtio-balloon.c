/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/virtio/virtio-balloon.h"

#include <errno.h>

#include "base/util.h"
#include "tap.h"
#include "testbed.h"
#include "virtio-driver.h"

#define TYPE_BALLOON 5
#define F_STATS      (1u << 1)
#define F_REPORTING  (1u << 5)
#define PAGE         4096u
#define PAGES_AT     (32 * MIB)

enum {
    INFLATE,
    DEFLATE,
    STATS,
};

static const struct vmm_device_config devices[] = {{"virtio-balloon", "balloon0", NULL, 0},
                                                   {"virtio-rng", "rng0", NULL, 0}};

static struct testbed *
start_balloon (struct vd *vd, uint64_t features)
{
    struct testbed *bed = testbed_new (devices, ARRAY_LENGTH (devices));

    vd_open (vd, bed, TYPE_BALLOON);
    vd_start (vd, features, 5, 16, true);
    return bed;
}

/* Writes into every page of @n from PAGES_AT on. */
static void
dirty (struct vd *vd, unsigned n)
{
    memset (vd_ram (vd, PAGES_AT, (size_t) n * PAGE), 0xEE, (size_t) n * PAGE);
}

static bool
is_given_back (struct vd *vd, unsigned page)
{
    return *(uint8_t *) vd_ram (vd, PAGES_AT + (uint64_t) page * PAGE, 1) == 0;
}

static void
post_pfns (struct vd *vd, unsigned queue, const uint32_t *pfns, unsigned n)
{
    struct vd_buffer buffer = {vd_alloc (vd, 4 * n, 4), 4 * n, false};

    for (unsigned i = 0; i < n; i++)
        store_le32 (vd_ram (vd, buffer.address + 4 * i, 4), pfns[i]);
    vd_add (vd, queue, &buffer, 1);
    CHECK_EQUAL (vd_run (vd, queue), 0);
}

TEST (pages_put_into_the_balloon_are_given_back)
{
    static const uint32_t first = PAGES_AT / PAGE;
    const uint32_t pfns[] = {first, first + 1, first + 3, first + 7, first + 6};
    const bool expected[] = {true, true, false, true, false, false, true, true};
    struct vd vd;
    struct testbed *bed = start_balloon (&vd, 0);

    dirty (&vd, 8);
    post_pfns (&vd, INFLATE, pfns, 5);
    for (unsigned i = 0; i < 8; i++)
        CHECK_EQUAL (is_given_back (&vd, i), expected[i]);
    post_pfns (&vd, DEFLATE, pfns, 5);
    testbed_free (bed);
}

TEST (a_page_outside_memory_or_an_odd_list_does_no_harm)
{
    const uint32_t pfns[] = {UINT32_MAX, TESTBED_RAM / PAGE, 0xB0000000 / PAGE};
    struct vd_buffer odd = {1 * MIB, 7, false}, none = {1 * MIB, 4, true};
    struct vd vd;
    struct testbed *bed = start_balloon (&vd, 0);

    post_pfns (&vd, INFLATE, pfns, 3);
    memset (vd_ram (&vd, 1 * MIB, 8), 0xFF, 8);
    vd_add (&vd, INFLATE, &odd, 1);
    vd_run (&vd, INFLATE);
    vd_add (&vd, INFLATE, &none, 1);
    vd_run (&vd, INFLATE);
    CHECK (!(vd_status (&vd) & VD_NEEDS_RESET));
    testbed_free (bed);
}

TEST (a_huge_list_needs_a_reset)
{
    struct vd_buffer huge = {1 * MIB, 32 * MIB, false};
    struct vd vd;
    struct testbed *bed = start_balloon (&vd, 0);

    vd_add (&vd, INFLATE, &huge, 1);
    vd_kick (&vd, INFLATE);
    testbed_settle (bed);
    CHECK (vd_status (&vd) & VD_NEEDS_RESET);
    testbed_free (bed);
}

TEST (the_target_is_told_and_the_answer_seen)
{
    struct virtio_balloon_stats stats;
    struct vd vd;
    struct testbed *bed = start_balloon (&vd, 0);
    struct vmm_device *device = testbed_device (bed, "balloon0");
    uint64_t generation = vd_read (&vd, VD_GENERATION, 1);

    CHECK_EQUAL (virtio_balloon_set_target (device, 10 * MIB + 5), 0);
    testbed_settle (bed);
    CHECK_EQUAL (vd_count_msi (&vd, 0), 1);
    CHECK (vd_read (&vd, VD_GENERATION, 1) != generation);
    CHECK_EQUAL (vd_read_config (&vd, 0, 4), 10 * MIB / PAGE);
    vd_write_config (&vd, 4, 4, 100);
    vd_write_config (&vd, 0, 4, 100);
    CHECK_EQUAL (vd_read_config (&vd, 0, 4), 10 * MIB / PAGE);
    CHECK_EQUAL (virtio_balloon_get_stats (device, &stats), 0);
    CHECK_EQUAL (stats.target, 10 * MIB);
    CHECK_EQUAL (stats.actual, 100 * PAGE);
    CHECK_EQUAL (virtio_balloon_set_target (device, UINT64_MAX), 0);
    CHECK_EQUAL (vd_read_config (&vd, 0, 4), TESTBED_RAM / PAGE);
    CHECK_EQUAL (virtio_balloon_set_target (testbed_device (bed, "rng0"), 0), -EINVAL);
    testbed_check_round_trip (bed);
    CHECK_EQUAL (vd_read_config (&vd, 4, 4), 100);
    testbed_free (bed);
}

TEST (statistics_are_read_and_asked_for_again)
{
    struct virtio_balloon_stats stats;
    struct vd vd;
    struct testbed *bed = start_balloon (&vd, F_STATS);
    struct vmm_device *device = testbed_device (bed, "balloon0");
    struct vd_buffer buffer = {vd_alloc (&vd, 30, 1), 30, false};
    uint8_t *raw = vd_ram (&vd, buffer.address, 30);
    uint16_t head;
    uint32_t length;

    store_le16 (raw, 4);
    store_le64 (raw + 2, 12345);
    store_le16 (raw + 10, 0xFFFF);
    store_le64 (raw + 12, 1);
    store_le16 (raw + 20, 5);
    store_le64 (raw + 22, 67890);
    vd_add (&vd, STATS, &buffer, 1);
    vd_kick (&vd, STATS);
    testbed_settle (bed);
    CHECK (!vd_pop (&vd, STATS, &head, &length));
    testbed_check_round_trip (bed);
    vd_add (&vd, STATS, &buffer, 1); /* the state does not keep what the guest says anew anyway */
    vd_kick (&vd, STATS);
    testbed_settle (bed);
    CHECK (vd_pop (&vd, STATS, &head, &length));
    CHECK_EQUAL (virtio_balloon_get_stats (device, &stats), 0);
    CHECK_EQUAL (stats.free, 12345);
    CHECK_EQUAL (stats.total, 67890);
    CHECK_EQUAL (stats.swap_in, UINT64_MAX);
    CHECK (stats.updated_at);
    CHECK (vd_pop (&vd, STATS, &head, &length));
    testbed_free (bed);
}

TEST (reported_pages_are_given_back_on_either_queue)
{
    struct vd vd;
    struct testbed *bed = start_balloon (&vd, F_STATS | F_REPORTING);
    struct vd_buffer buffers[] = {{PAGES_AT, 2 * PAGE, true},
                                  {PAGES_AT + 3 * PAGE + 1, PAGE, true}};

    for (unsigned queue = 3; queue < 5; queue++) {
        dirty (&vd, 8);
        vd_add (&vd, queue, buffers, 2);
        vd_run (&vd, queue);
        CHECK (is_given_back (&vd, 0));
        CHECK (is_given_back (&vd, 1));
        CHECK (!is_given_back (&vd, 2));
        CHECK (!is_given_back (&vd, 3));
        CHECK (!is_given_back (&vd, 4));
    }
    testbed_free (bed);
}

TEST (reports_need_the_feature)
{
    struct vd vd;
    struct testbed *bed = start_balloon (&vd, F_STATS);
    struct vd_buffer buffer = {PAGES_AT, PAGE, true};

    dirty (&vd, 1);
    vd_add (&vd, 3, &buffer, 1);
    vd_kick (&vd, 3);
    testbed_settle (bed);
    CHECK (!is_given_back (&vd, 0));
    testbed_free (bed);
}

TAP_MAIN ()
