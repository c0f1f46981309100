/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The card between a guest's driver and the wire, both played by the test. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "net/net.h"
#include "tap.h"
#include "testbed.h"
#include "virtio-driver.h"

#define TYPE_NET 1
#define F_MTU    (UINT64_C (1) << 3)
#define F_MAC    (UINT64_C (1) << 5)
#define F_MRG    (UINT64_C (1) << 15)
#define F_STATUS (UINT64_C (1) << 16)
#define ALL      (F_MTU | F_MAC | F_MRG | F_STATUS)
#define HEADER   12

enum {
    RX,
    TX,
};

struct card {
    int wire;
    struct net *net;
    struct testbed *bed;
    struct vd vd;
};

static void
open_card (struct card *card, uint64_t features)
{
    struct vmm_error error = {0};
    int fds[2];

    CHECK_EQUAL (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    card->wire = fds[0];
    CHECK_EQUAL (net_open_fd (fds[1], &card->net, &error), 0);
    {
        struct vmm_value values[] = {
            VMM_POINTER ("net", card->net),
            VMM_STRING ("mac", "52:54:00:aB:cD:01"),
        };
        struct vmm_device_config devices[] = {{"virtio-net", "net0", values, 2}};

        card->bed = testbed_new (devices, 1);
    }
    vd_open (&card->vd, card->bed, TYPE_NET);
    vd_start (&card->vd, features, 2, 16, true);
}

static void
close_card (struct card *card)
{
    testbed_free (card->bed);
    net_close (card->net);
    if (card->wire >= 0)
        close (card->wire);
}

static uint8_t
pattern (size_t i)
{
    return (uint8_t) (i * 13 + i / 256);
}

static void
wire_sends (struct card *card, size_t length)
{
    static uint8_t wire[4 + NET_MAX_FRAME];

    store_be32 (wire, (uint32_t) length);
    for (size_t i = 0; i < length; i++)
        wire[4 + i] = pattern (i);
    CHECK_EQUAL (send (card->wire, wire, length + 4, MSG_NOSIGNAL), length + 4);
    testbed_settle (card->bed);
}

static void
wire_expects (struct card *card, size_t length)
{
    static uint8_t wire[4 + NET_MAX_FRAME];

    testbed_settle (card->bed);
    CHECK_EQUAL (recv (card->wire, wire, length + 4, 0), length + 4);
    CHECK_EQUAL (load_be32 (wire), length);
    for (size_t i = 0; i < length; i++)
        CHECK (wire[4 + i] == pattern (i));
}

static bool
wire_is_silent (struct card *card)
{
    uint8_t byte;

    testbed_settle (card->bed);
    return recv (card->wire, &byte, 1, 0) < 0 && errno == EAGAIN;
}

static uint64_t
post_room (struct card *card, uint32_t length)
{
    struct vd_buffer buffer = {vd_alloc (&card->vd, length, 1), length, true};

    vd_add (&card->vd, RX, &buffer, 1);
    return buffer.address;
}

static void
kick (struct card *card, unsigned queue)
{
    vd_kick (&card->vd, queue);
    testbed_settle (card->bed);
}

static void
guest_sends (struct card *card, size_t length)
{
    struct vd_buffer buffers[] = {
        {vd_alloc (&card->vd, HEADER, 1), HEADER, false},
        {vd_alloc (&card->vd, length, 1), (uint32_t) length, false},
    };
    uint8_t *frame = vd_ram (&card->vd, buffers[1].address, length);

    for (size_t i = 0; i < length; i++)
        frame[i] = pattern (i);
    vd_add (&card->vd, TX, buffers, 2);
    vd_kick (&card->vd, TX);
}

static bool
check_bytes (struct card *card, uint64_t address, size_t from, size_t n)
{
    const uint8_t *bytes = vd_ram (&card->vd, address, n);

    for (size_t i = 0; i < n; i++)
        if (bytes[i] != pattern (from + i))
            return false;
    return true;
}

/* The next buffer comes back with a whole frame of @length bytes. */
static void
guest_expects (struct card *card, uint64_t address, size_t length)
{
    const uint8_t *header = vd_ram (&card->vd, address, HEADER);
    uint16_t head;
    uint32_t used;

    CHECK (vd_wait (&card->vd, RX, &head, &used));
    CHECK_EQUAL (used, HEADER + length);
    for (unsigned i = 0; i < 10; i++)
        CHECK_EQUAL (header[i], 0);
    CHECK_EQUAL (load_le16 (header + 10), 1);
    CHECK (check_bytes (card, address + HEADER, 0, length));
}

static bool
guest_got_nothing (struct card *card)
{
    uint16_t head;
    uint32_t length;

    return !vd_pop (&card->vd, RX, &head, &length);
}

static struct net_stats
stats_of (struct card *card)
{
    struct net_stats stats;

    net_get_stats (card->net, &stats);
    return stats;
}

TEST (the_configuration_tells_address_link_and_mtu)
{
    static const uint8_t mac[] = {0x52, 0x54, 0, 0xAB, 0xCD, 1};
    struct card card;

    open_card (&card, ALL);
    CHECK ((vd_offered (&card.vd) & ALL) == ALL);
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQUAL (vd_read_config (&card.vd, i, 1), mac[i]);
    CHECK_EQUAL (vd_read_config (&card.vd, 6, 2), 1);
    CHECK_EQUAL (vd_read_config (&card.vd, 10, 2), NET_MTU);
    CHECK_EQUAL (testbed_pci_read (card.bed, card.vd.devfn, 8, 4) >> 8, 0x020000);
    close_card (&card);
}

TEST (frames_go_both_ways)
{
    struct card card;
    uint16_t head;
    uint32_t length;
    uint64_t room;

    open_card (&card, ALL);
    room = post_room (&card, 2000);
    kick (&card, RX);
    wire_sends (&card, 1514);
    guest_expects (&card, room, 1514);
    CHECK (vd_count_msi (&card.vd, RX + 1) > 0);
    guest_sends (&card, 60);
    wire_expects (&card, 60);
    CHECK (vd_wait (&card.vd, TX, &head, &length));
    CHECK_EQUAL (length, 0);
    CHECK_EQUAL (stats_of (&card).received_bytes, 1514);
    CHECK_EQUAL (stats_of (&card).sent_bytes, 60);
    close_card (&card);
}

TEST (the_header_may_lie_in_one_buffer_with_the_frame_or_in_pieces)
{
    struct vd_buffer pieces[15];
    struct card card;
    uint64_t at;
    uint8_t *raw;

    open_card (&card, ALL);
    at = vd_alloc (&card.vd, HEADER + 100, 1);
    raw = vd_ram (&card.vd, at, HEADER + 100);
    for (size_t i = 0; i < 100; i++)
        raw[HEADER + i] = pattern (i);
    for (unsigned i = 0; i < 14; i++)
        pieces[i] = (struct vd_buffer) {at + i, 1, false};
    pieces[14] = (struct vd_buffer) {at + 14, HEADER + 100 - 14, false};
    vd_add (&card.vd, TX, pieces, 15);
    vd_kick (&card.vd, TX);
    wire_expects (&card, 100);
    for (unsigned i = 0; i < 15; i++)
        pieces[i].write = true;
    memset (raw, 0xEE, HEADER + 100);
    vd_add (&card.vd, RX, pieces, 15);
    kick (&card, RX);
    wire_sends (&card, 100);
    guest_expects (&card, at, 100);
    close_card (&card);
}

TEST (a_long_frame_is_merged_from_buffers_that_come_back_together)
{
    struct card card;
    uint64_t rooms[3];
    uint16_t head;
    uint32_t length;
    size_t done = 0;

    open_card (&card, ALL);
    rooms[0] = post_room (&card, 100);
    rooms[1] = post_room (&card, 200);
    kick (&card, RX);
    wire_sends (&card, 400);
    /* 112 bytes more are needed: nothing comes back half. */
    CHECK (guest_got_nothing (&card));
    rooms[2] = post_room (&card, 200);
    kick (&card, RX);
    for (unsigned i = 0; i < 3; i++) {
        size_t skip = i ? 0 : HEADER, expected = i == 0 ? 100 : i == 1 ? 200 : 112;

        CHECK (vd_wait (&card.vd, RX, &head, &length));
        CHECK_EQUAL (length, expected);
        CHECK (check_bytes (&card, rooms[i] + skip, done, expected - skip));
        done += expected - skip;
    }
    CHECK_EQUAL (done, 400);
    CHECK_EQUAL (load_le16 (vd_ram (&card.vd, rooms[0] + 10, 2)), 3);
    CHECK_EQUAL (stats_of (&card).dropped_frames, 0);
    close_card (&card);
}

TEST (a_driver_that_does_not_merge_gets_what_fits_one_buffer)
{
    struct card card;
    uint64_t room;

    open_card (&card, F_MAC);
    room = post_room (&card, HEADER + 1514);
    kick (&card, RX);
    wire_sends (&card, 1515);
    CHECK (guest_got_nothing (&card));
    CHECK_EQUAL (stats_of (&card).dropped_frames, 1);
    wire_sends (&card, 1514);
    guest_expects (&card, room, 1514);
    close_card (&card);
}

TEST (a_frame_that_the_whole_queue_cannot_take_is_dropped)
{
    struct card card;
    uint64_t room;

    open_card (&card, ALL);
    room = post_room (&card, 100);
    for (unsigned i = 0; i < 15; i++)
        post_room (&card, 100);
    kick (&card, RX);
    wire_sends (&card, 1600);
    CHECK (guest_got_nothing (&card));
    CHECK_EQUAL (stats_of (&card).dropped_frames, 1);
    wire_sends (&card, 50);
    guest_expects (&card, room, 50);
    close_card (&card);
}

TEST (frames_wait_for_buffers_and_nothing_is_lost)
{
    struct card card;

    open_card (&card, ALL | VD_F_EVENT_IDX);
    kick (&card, RX);
    for (unsigned i = 0; i < 20; i++)
        wire_sends (&card, 60 + i);
    CHECK_EQUAL (stats_of (&card).received_frames, 0);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t room = post_room (&card, 2000);

        kick (&card, RX);
        guest_expects (&card, room, 60 + i);
    }
    CHECK_EQUAL (stats_of (&card).dropped_frames, 0);
    close_card (&card);
}

TEST (a_full_wire_keeps_requests_in_the_queue)
{
    struct card card;
    unsigned sent = 0, back = 0, got = 0;
    uint16_t head;
    uint32_t length;

    open_card (&card, ALL);
    /* Until one stays, which the queue has room for. */
    while (sent == back) {
        guest_sends (&card, NET_MAX_FRAME);
        testbed_settle (card.bed);
        sent++;
        CHECK (sent < 200);
        while (vd_pop (&card.vd, TX, &head, &length))
            back++;
    }
    guest_sends (&card, 14);
    sent++;
    testbed_settle (card.bed);
    CHECK_EQUAL (back, sent - 2);
    while (got < sent) {
        static uint8_t wire[4 + NET_MAX_FRAME];
        size_t n = 0, expected = got + 1 == sent ? 14 : NET_MAX_FRAME;

        while (n < expected + 4) {
            ssize_t part = recv (card.wire, wire + n, expected + 4 - n, 0);

            n += part > 0 ? (size_t) part : 0;
            if (part < 0)
                testbed_settle (card.bed);
        }
        CHECK_EQUAL (load_be32 (wire), expected);
        got++;
    }
    testbed_settle (card.bed);
    while (vd_pop (&card.vd, TX, &head, &length))
        back++;
    CHECK_EQUAL (back, sent);
    close_card (&card);
}

TEST (frames_of_impossible_lengths_are_taken_and_dropped)
{
    struct card card;
    struct vd_buffer huge = {1 * MIB, 16 * MIB, false}, header = {1 * MIB, 5, false};

    open_card (&card, ALL);
    guest_sends (&card, 13);
    vd_add (&card.vd, TX, &huge, 1);
    vd_add (&card.vd, TX, &header, 1);
    guest_sends (&card, NET_MAX_FRAME + 1);
    for (unsigned i = 0; i < 4; i++)
        vd_run (&card.vd, TX);
    CHECK (wire_is_silent (&card));
    CHECK_EQUAL (stats_of (&card).dropped_frames, 4);
    CHECK (!(vd_status (&card.vd) & VD_NEEDS_RESET));
    close_card (&card);
}

TEST (a_buffer_without_room_for_the_header_breaks_the_device_until_a_reset)
{
    struct card card;
    uint64_t room;

    open_card (&card, ALL);
    post_room (&card, HEADER - 1);
    kick (&card, RX);
    wire_sends (&card, 60);
    CHECK (vd_status (&card.vd) & VD_NEEDS_RESET);
    wire_sends (&card, 60);
    CHECK_EQUAL (stats_of (&card).dropped_frames, 2);
    vd_start (&card.vd, ALL, 2, 16, true);
    room = post_room (&card, 100);
    kick (&card, RX);
    wire_sends (&card, 70);
    guest_expects (&card, room, 70);
    close_card (&card);
}

TEST (without_a_driver_frames_are_dropped)
{
    struct card card;
    uint64_t room;

    open_card (&card, ALL);
    kick (&card, RX);
    wire_sends (&card, 60);
    CHECK_EQUAL (stats_of (&card).dropped_frames, 0);
    vd_set_status (&card.vd, 0);
    CHECK_EQUAL (stats_of (&card).dropped_frames, 1);
    wire_sends (&card, 61);
    CHECK_EQUAL (stats_of (&card).dropped_frames, 2);
    vd_start (&card.vd, ALL, 2, 16, true);
    room = post_room (&card, 100);
    kick (&card, RX);
    wire_sends (&card, 62);
    guest_expects (&card, room, 62);
    close_card (&card);
}

TEST (when_the_other_end_goes_the_link_goes_down)
{
    struct card card;
    uint16_t head;
    uint32_t length;

    open_card (&card, ALL);
    vd_count_msi (&card.vd, 0);
    close (card.wire);
    card.wire = -1;
    testbed_settle (card.bed);
    CHECK_EQUAL (vd_read_config (&card.vd, 6, 2), 0);
    CHECK_EQUAL (vd_count_msi (&card.vd, 0), 1);
    /* What is sent goes nowhere, at once. */
    guest_sends (&card, 60);
    CHECK (vd_wait (&card.vd, TX, &head, &length));
    close_card (&card);
}

/* As the machine does it. */
static void
pause_card (struct vmm_device *device, bool pause)
{
    pthread_mutex_lock (&device->lock);
    if (pause)
        device->device_class->pause (device);
    else
        device->device_class->resume (device);
    pthread_mutex_unlock (&device->lock);
}

TEST (frames_that_come_during_a_pause_wait)
{
    struct card card;
    struct vmm_device *device;
    uint64_t room;

    open_card (&card, ALL);
    device = testbed_device (card.bed, "net0");
    room = post_room (&card, 100);
    kick (&card, RX);
    pause_card (device, true);
    wire_sends (&card, 60);
    guest_sends (&card, 61);
    CHECK (guest_got_nothing (&card));
    CHECK (wire_is_silent (&card));
    pause_card (device, false);
    guest_expects (&card, room, 60);
    wire_expects (&card, 61);
    close_card (&card);
}

TEST (a_link_that_went_down_during_a_pause_is_told_of_afterwards)
{
    struct card card;
    struct vmm_device *device;

    open_card (&card, ALL);
    device = testbed_device (card.bed, "net0");
    vd_count_msi (&card.vd, 0);
    pause_card (device, true);
    close (card.wire);
    card.wire = -1;
    testbed_settle (card.bed);
    CHECK_EQUAL (vd_count_msi (&card.vd, 0), 0);
    pause_card (device, false);
    CHECK_EQUAL (vd_read_config (&card.vd, 6, 2), 0);
    CHECK_EQUAL (vd_count_msi (&card.vd, 0), 1);
    close_card (&card);
}

static void
save (struct card *card, struct vmm_state_writer *writer)
{
    struct vmm_device *device = testbed_device (card->bed, "net0");

    CHECK_EQUAL (vmm_state_save (writer, "net0", device->device_class->state, device), 0);
}

static void
load (struct card *card, struct vmm_state_writer *writer)
{
    struct vmm_device *device = testbed_device (card->bed, "net0");
    struct vmm_state_reader reader = {.data = writer->data, .length = writer->length};
    struct vmm_error error = {0};

    pthread_mutex_lock (&device->lock);
    device->device_class->reset (device);
    CHECK_EQUAL (vmm_state_load (&reader, "net0", device->device_class->state, device, &error), 0);
    pthread_mutex_unlock (&device->lock);
    vmm_state_writer_fini (writer);
    vd_count_msi (&card->vd, 0);
}

static bool
link_is_up (void *data)
{
    return vd_read_config (&((struct card *) data)->vd, 6, 2) == 1;
}

TEST (a_saved_card_goes_on_where_the_link_is_another)
{
    struct vmm_state_writer writer = {0};
    struct card card;
    struct vmm_device *device;

    open_card (&card, ALL);
    device = testbed_device (card.bed, "net0");
    post_room (&card, 100);
    kick (&card, RX);
    testbed_check_round_trip (card.bed);
    CHECK (testbed_wait (card.bed, link_is_up, &card, 60000));
    pause_card (device, true);
    save (&card, &writer);
    close (card.wire);
    card.wire = -1;
    testbed_settle (card.bed);
    load (&card, &writer);
    pause_card (device, false);
    CHECK_EQUAL (vd_read_config (&card.vd, 6, 2), 0);
    CHECK_EQUAL (vd_count_msi (&card.vd, 0), 1);
    close_card (&card);
}

TEST (a_guest_that_was_saved_sees_its_cable_out_and_in_again)
{
    struct vmm_state_writer writer = {0};
    struct card card;
    struct vmm_device *device;
    uint64_t room;

    open_card (&card, ALL);
    device = testbed_device (card.bed, "net0");
    room = post_room (&card, 100);
    kick (&card, RX);
    pause_card (device, true);
    save (&card, &writer);
    load (&card, &writer);
    pause_card (device, false);
    CHECK_EQUAL (vd_read_config (&card.vd, 6, 2), 0);
    CHECK_EQUAL (vd_count_msi (&card.vd, 0), 1);
    /* Whoever does not care is not disturbed. */
    wire_sends (&card, 60);
    guest_expects (&card, room, 60);
    guest_sends (&card, 61);
    wire_expects (&card, 61);
    CHECK (testbed_wait (card.bed, link_is_up, &card, 60000));
    CHECK_EQUAL (vd_count_msi (&card.vd, 0), 1);
    /* A pause alone is nothing of that kind. */
    pause_card (device, true);
    pause_card (device, false);
    CHECK_EQUAL (vd_read_config (&card.vd, 6, 2), 1);
    CHECK_EQUAL (vd_count_msi (&card.vd, 0), 0);
    close_card (&card);
}

TEST (without_a_cable_the_link_is_down_and_frames_go_nowhere)
{
    struct vmm_value values[] = {VMM_STRING ("mac", "52:54:00:12:34:56")};
    struct vmm_device_config devices[] = {{"virtio-net", "net0", values, 1}};
    struct card card = {.bed = testbed_new (devices, 1)};
    uint16_t head;
    uint32_t length;

    vd_open (&card.vd, card.bed, TYPE_NET);
    vd_start (&card.vd, ALL, 2, 16, true);
    CHECK_EQUAL (vd_read_config (&card.vd, 6, 2), 0);
    post_room (&card, 100);
    kick (&card, RX);
    guest_sends (&card, 60);
    CHECK (vd_wait (&card.vd, TX, &head, &length));
    testbed_check_round_trip (card.bed);
    testbed_free (card.bed);
}

TEST (a_cable_that_is_out_carries_nothing)
{
    struct card card;
    int fds[2];
    uint16_t head;
    uint32_t length;

    CHECK_EQUAL (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    card.wire = fds[0];
    CHECK_EQUAL (net_open_fd (fds[1], &card.net, NULL), 0);
    {
        struct vmm_value values[] = {
            VMM_POINTER ("net", card.net),
            VMM_STRING ("mac", "52:54:00:12:34:56"),
            VMM_BOOL ("connected", false),
        };
        struct vmm_device_config devices[] = {{"virtio-net", "net0", values, 3}};

        card.bed = testbed_new (devices, 1);
    }
    vd_open (&card.vd, card.bed, TYPE_NET);
    vd_start (&card.vd, ALL, 2, 16, true);
    CHECK_EQUAL (vd_read_config (&card.vd, 6, 2), 0);
    post_room (&card, 100);
    kick (&card, RX);
    wire_sends (&card, 60);
    CHECK (guest_got_nothing (&card));
    CHECK_EQUAL (stats_of (&card).dropped_frames, 1);
    guest_sends (&card, 60);
    CHECK (vd_wait (&card.vd, TX, &head, &length));
    CHECK (wire_is_silent (&card));
    close_card (&card);
}

TEST (an_address_that_no_card_has_is_refused)
{
    static const char *const bad[] = {
        "",
        "52:54:00:12:34",
        "52:54:00:12:34:56:78",
        "52-54-00-12-34-56",
        "52:54:00:12:34:5g",
        "52:54:00:12:34: 6",
        "00:00:00:00:00:00",
        "01:00:5e:00:00:01",
        "ff:ff:ff:ff:ff:ff",
    };

    for (size_t i = 0; i < ARRAY_LENGTH (bad); i++) {
        struct vmm_value values[] = {VMM_STRING ("mac", bad[i])};
        struct vmm_device_config devices[] = {{"virtio-net", "net0", values, 1}};
        struct vmm_error error = {0};

        CHECK (!testbed_try_new (devices, 1, &error));
        CHECK_EQUAL (error.code, -EINVAL);
        CHECK_CONTAINS (error.message, "is not the MAC address");
    }
}

TAP_MAIN ()
