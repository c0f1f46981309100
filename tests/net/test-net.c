/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wire: framing, lies, the end, and back pressure, with the test at the other end. */
#include "net/net.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "tap.h"

struct card {
    struct vmm_loop *loop;
    struct net *net;
    pthread_mutex_t lock;
    int peer;
    size_t room; /* frames it takes */
    enum net_verdict refusal;
    unsigned frames, batches, writable, ended;
    size_t last_length;
    uint8_t last[NET_MAX_FRAME];
    char why[512];
};

static enum net_verdict
take_frame (void *data, const uint8_t *frame, size_t length)
{
    struct card *card = data;

    CHECK (length >= NET_MIN_FRAME && length <= NET_MAX_FRAME);
    if (!card->room)
        return card->refusal;
    card->room--;
    card->frames++;
    card->last_length = length;
    memcpy (card->last, frame, length);
    return NET_TAKEN;
}

static void
note_batch (void *data)
{
    ((struct card *) data)->batches++;
}

static void
note_writable (void *data)
{
    ((struct card *) data)->writable++;
}

static void
note_end (void *data, const char *why)
{
    struct card *card = data;

    card->ended++;
    snprintf (card->why, sizeof card->why, "%s", why);
}

static const struct net_user user = {take_frame, note_batch, note_writable, note_end};

static void
card_init (struct card *card)
{
    int fds[2];

    *card = (struct card) {.room = SIZE_MAX, .refusal = NET_LATER};
    CHECK_EQUAL (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    card->peer = fds[1];
    pthread_mutex_init (&card->lock, NULL);
    CHECK_EQUAL (vmm_loop_create (&card->loop), 0);
    CHECK_EQUAL (net_open_fd (fds[0], &card->net, NULL), 0);
    CHECK_EQUAL (net_attach (card->net, card->loop, &card->lock, &user, card), 0);
}

static void
card_fini (struct card *card)
{
    net_close (card->net);
    vmm_loop_destroy (card->loop);
    pthread_mutex_destroy (&card->lock);
    if (card->peer >= 0)
        close (card->peer);
}

static void
settle (struct card *card)
{
    while (vmm_loop_iterate (card->loop, 0) > 0)
        ;
}

static void
peer_writes (struct card *card, const void *bytes, size_t length)
{
    CHECK_EQUAL (send (card->peer, bytes, length, MSG_NOSIGNAL), length);
}

static uint8_t
pattern (size_t i)
{
    return (uint8_t) (i * 7 + i / 256);
}

static size_t
make_frame (uint8_t *to, size_t length)
{
    store_be32 (to, (uint32_t) length);
    for (size_t i = 0; i < length; i++)
        to[4 + i] = pattern (i);
    return length + 4;
}

static void
send_frame (struct card *card, size_t length)
{
    static uint8_t wire[4 + NET_MAX_FRAME];
    struct iovec iov[2] = {{wire + 4, length / 3}, {wire + 4 + length / 3, length - length / 3}};

    make_frame (wire, length);
    net_send (card->net, iov, 2);
}

/* Reads one frame at the other end, whole or the test fails. */
static void
peer_expects (struct card *card, size_t length)
{
    static uint8_t wire[4 + NET_MAX_FRAME], expected[4 + NET_MAX_FRAME];

    CHECK_EQUAL (recv (card->peer, wire, length + 4, MSG_WAITALL | MSG_DONTWAIT), length + 4);
    make_frame (expected, length);
    CHECK (memcmp (wire, expected, length + 4) == 0);
}

TEST (frames_come_one_by_one_and_in_batches)
{
    struct card card;
    uint8_t wire[512];
    size_t n = 0;

    card_init (&card);
    for (size_t i = 0; i < 3; i++)
        n += make_frame (wire + n, 14 + 50 * i);
    peer_writes (&card, wire, n);
    settle (&card);
    CHECK_EQUAL (card.frames, 3);
    CHECK_EQUAL (card.batches, 1);
    CHECK_EQUAL (card.last_length, 114);
    CHECK (memcmp (card.last, wire + n - 114, 114) == 0);
    card_fini (&card);
}

TEST (a_frame_may_come_byte_by_byte)
{
    struct card card;
    uint8_t wire[128];
    size_t n = make_frame (wire, 60);

    card_init (&card);
    for (size_t i = 0; i < n; i++) {
        CHECK_EQUAL (card.frames, 0);
        peer_writes (&card, wire + i, 1);
        settle (&card);
    }
    CHECK_EQUAL (card.frames, 1);
    CHECK (card.last_length == 60 && memcmp (card.last, wire + 4, 60) == 0);
    card_fini (&card);
}

/* More than the buffer holds, so that frames lie across its end. */
TEST (long_frames_stay_whole_again_and_again)
{
    static uint8_t wire[4 + NET_MAX_FRAME];
    struct card card;

    card_init (&card);
    for (size_t i = 0; i < 50; i++) {
        size_t length = i % 3 ? NET_MAX_FRAME - i : 14 + i, n = make_frame (wire, length);

        peer_writes (&card, wire, n - 9);
        settle (&card);
        CHECK_EQUAL (card.frames, i);
        peer_writes (&card, wire + n - 9, 9);
        settle (&card);
        CHECK_EQUAL (card.frames, i + 1);
        CHECK (card.last_length == length && memcmp (card.last, wire + 4, length) == 0);
    }
    card_fini (&card);
}

TEST (a_length_that_cannot_be_ends_the_link_with_a_sentence)
{
    static const uint32_t lies[] = {0, 13, NET_MAX_FRAME + 1, 0x7FFFFFFF, UINT32_MAX};

    for (size_t i = 0; i < ARRAY_LENGTH (lies); i++) {
        struct net_stats stats;
        struct card card;
        uint8_t wire[64];
        size_t n;

        card_init (&card);
        n = make_frame (wire, 20);
        store_be32 (wire + n, lies[i]);
        peer_writes (&card, wire, n + 4);
        settle (&card);
        CHECK_EQUAL (card.frames, 1);
        CHECK_EQUAL (card.ended, 1);
        CHECK_CONTAINS (card.why, "which cannot be");
        CHECK (!net_is_up (card.net));
        net_get_stats (card.net, &stats);
        CHECK (stats.ended);
        CHECK_EQUAL (recv (card.peer, wire, 1, MSG_DONTWAIT), 0);
        card_fini (&card);
    }
}

TEST (the_other_end_may_go_and_is_missed_once)
{
    struct card card;
    uint8_t wire[64];
    struct net_stats stats;

    card_init (&card);
    peer_writes (&card, wire, make_frame (wire, 20));
    peer_writes (&card, wire, 10);
    close (card.peer);
    card.peer = -1;
    settle (&card);
    CHECK_EQUAL (card.frames, 1);
    CHECK_EQUAL (card.ended, 1);
    CHECK_STRING (card.why, "the other end is gone");
    /* What is sent from here on goes nowhere, and nobody waits for it. */
    CHECK (net_can_send (card.net));
    send_frame (&card, 100);
    net_flush (card.net);
    net_resume (card.net);
    settle (&card);
    CHECK_EQUAL (card.ended, 1);
    net_get_stats (card.net, &stats);
    CHECK (stats.received_frames == 1 && stats.sent_frames == 0 && stats.dropped_frames == 1);
    /* The next one to attach is told, too. */
    net_detach (card.net);
    CHECK_EQUAL (net_attach (card.net, card.loop, &card.lock, &user, &card), 0);
    settle (&card);
    CHECK_EQUAL (card.ended, 2);
    card_fini (&card);
}

TEST (an_end_is_noticed_while_nothing_is_taken)
{
    struct card card;
    uint8_t wire[64];

    card_init (&card);
    card.room = 0;
    peer_writes (&card, wire, make_frame (wire, 20));
    settle (&card);
    close (card.peer);
    card.peer = -1;
    settle (&card);
    CHECK_EQUAL (card.frames, 0);
    CHECK_EQUAL (card.ended, 1);
    card_fini (&card);
}

TEST (what_the_card_has_no_room_for_waits_and_is_felt_outside)
{
    struct card card;
    uint8_t wire[1024];
    size_t n = make_frame (wire, 1000);
    unsigned sent = 0;

    card_init (&card);
    card.room = 2;
    while (send (card.peer, wire, n, MSG_DONTWAIT) == (ssize_t) n) {
        sent++;
        settle (&card);
        CHECK (sent < 50000);
    }
    CHECK_EQUAL (card.frames, 2);
    /* Some TCP windows went into the buffer before. */
    CHECK (sent > 15000);
    /* Nothing spins meanwhile. */
    CHECK_EQUAL (vmm_loop_iterate (card.loop, 0), 0);
    card.room = 1;
    net_resume (card.net);
    CHECK_EQUAL (card.frames, 3);
    card.room = SIZE_MAX;
    net_resume (card.net);
    settle (&card);
    CHECK (card.frames >= sent);
    CHECK (card.last_length == 1000);
    card_fini (&card);
}

TEST (frames_that_nobody_wants_are_dropped_and_counted)
{
    struct card card;
    struct net_stats stats;
    uint8_t wire[64];

    card_init (&card);
    card.room = 0;
    card.refusal = NET_DROPPED;
    for (unsigned i = 0; i < 5; i++)
        peer_writes (&card, wire, make_frame (wire, 20));
    settle (&card);
    net_get_stats (card.net, &stats);
    CHECK (stats.received_frames == 0 && stats.dropped_frames == 5);
    card_fini (&card);
}

TEST (frames_go_out_together_when_flushed)
{
    struct card card;
    struct net_stats stats;
    uint8_t byte;

    card_init (&card);
    send_frame (&card, 14);
    send_frame (&card, 1500);
    CHECK_EQUAL (recv (card.peer, &byte, 1, MSG_DONTWAIT), -1);
    net_flush (card.net);
    peer_expects (&card, 14);
    peer_expects (&card, 1500);
    net_get_stats (card.net, &stats);
    CHECK (stats.sent_frames == 2 && stats.sent_bytes == 1514);
    card_fini (&card);
}

/* passt would hang up on them. */
TEST (frames_of_impossible_lengths_never_go_out)
{
    static uint8_t bytes[NET_MAX_FRAME + 1];
    struct iovec iov = {bytes, 13};
    struct net_stats stats;
    struct card card;

    card_init (&card);
    net_send (card.net, &iov, 1);
    net_send (card.net, NULL, 0);
    iov.iov_len = sizeof bytes;
    net_send (card.net, &iov, 1);
    net_flush (card.net);
    CHECK_EQUAL (recv (card.peer, bytes, 1, MSG_DONTWAIT), -1);
    net_get_stats (card.net, &stats);
    CHECK (stats.sent_frames == 0 && stats.dropped_frames == 3);
    card_fini (&card);
}

TEST (a_full_socket_stops_the_sender_until_it_drains)
{
    struct card card;
    unsigned sent = 0, got = 0;

    card_init (&card);
    while (net_can_send (card.net)) {
        send_frame (&card, NET_MAX_FRAME);
        CHECK (++sent < 1000);
    }
    CHECK_EQUAL (vmm_loop_iterate (card.loop, 0), 0);
    CHECK_EQUAL (card.writable, 0);
    while (got < sent) {
        static uint8_t wire[4 + NET_MAX_FRAME];
        size_t n = 0;

        while (n < sizeof wire) {
            ssize_t part = recv (card.peer, wire + n, sizeof wire - n, MSG_DONTWAIT);

            n += part > 0 ? (size_t) part : 0;
            settle (&card);
        }
        CHECK_EQUAL (load_be32 (wire), NET_MAX_FRAME);
        for (size_t i = 0; i < NET_MAX_FRAME; i++)
            CHECK (wire[4 + i] == pattern (i));
        got++;
    }
    CHECK_EQUAL (card.writable, 1);
    CHECK (net_can_send (card.net));
    card_fini (&card);
}

TAP_MAIN ()
