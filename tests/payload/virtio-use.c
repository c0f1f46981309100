/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a good driver asks of each type of device, and what must come of it. */
#include "virtio.h"

#define PAGE   4096
#define SECTOR 512
#define WORDS  (SECTOR / 4)

static uint32_t words[PAGE / 4], answer[PAGE / 4];
static uint8_t page[PAGE] __attribute__ ((aligned (PAGE)));
static uint32_t serial; /* never the same twice */

static uint32_t
next_serial (void)
{
    return ++serial;
}

/* Disk. */

static bool
disk_request (struct virtio *self, unsigned queue, uint32_t type, uint64_t sector,
              const volatile void *data, uint32_t length, bool read)
{
    static uint64_t header[2];
    static volatile uint8_t status;
    const struct buffer buffers[] = {{header, 16, false}, {data, length, read}, {&status, 1, true}};
    const struct buffer short_one[] = {buffers[0], buffers[2]};
    bool done;

    header[0] = type;
    header[1] = sector;
    status = 0xaa;
    done = length ? virtio_request (self, queue, buffers, 3, read ? length + 1 : 1)
                  : virtio_request (self, queue, short_one, 2, 1);
    if (!done)
        return false;
    return status == 0 || complain ("status of a disk request", status, 0);
}

static bool
check_words (uint32_t first)
{
    for (unsigned i = 0; i < WORDS; i++)
        if (((volatile uint32_t *) words)[i] != first)
            return complain ("word on disk", words[i], first);
    return true;
}

static bool
use_disk (struct virtio *self)
{
    for (unsigned i = 0; i < self->n_queues; i++) {
        uint32_t sector = 5 + next_serial () % 32, own = VIRTIO_PAYLOAD_WRITTEN + i;

        if (!disk_request (self, i, 0, sector, words, SECTOR, true) ||
            !check_words (VIRTIO_PAYLOAD_PATTERN + sector))
            return false;
        for (unsigned j = 0; j < WORDS; j++)
            words[j] = VIRTIO_PAYLOAD_MARK + i;
        if (!disk_request (self, i, 1, own, words, SECTOR, false) ||
            !disk_request (self, i, 4, 0, NULL, 0, false))
            return false;
        memset (words, 0, SECTOR);
        if (!disk_request (self, i, 0, own, words, SECTOR, true) ||
            !check_words (VIRTIO_PAYLOAD_MARK + i))
            return false;
    }
    return true;
}

/* Consoles. */

enum {
    CONTROL_IN = 2,
    CONTROL_OUT = 3,
    DEVICE_READY = 0,
    PORT_ADD = 1,
    PORT_READY = 3,
    PORT_OPEN = 6,
};

static unsigned
port_queue (unsigned port)
{
    return port ? 2 * port + 2 : 0;
}

static bool
send_control (struct virtio *self, uint32_t port, uint16_t event)
{
    uint64_t message = port | (uint64_t) event << 32 | UINT64_C (1) << 48;

    return virtio_request (self, CONTROL_OUT, &(struct buffer) {&message, 8, false}, 1, 0);
}

/* Both ports are added, in whatever order. The device has more to tell than is taken here, so that
 * its queue is never without use. */
static bool
shake_hands (struct virtio *self)
{
    unsigned added = 0;

    if (!send_control (self, 0, DEVICE_READY))
        return false;
    while (added != 3) {
        volatile uint64_t message = 0;
        unsigned port;

        if (!virtio_request (self, CONTROL_IN, &(struct buffer) {&message, 8, true}, 1, 8))
            return false;
        port = message & 1;
        if (message != (port | (uint64_t) PORT_ADD << 32 | UINT64_C (1) << 48) || added >> port & 1)
            return complain ("control message", message, (uint64_t) PORT_ADD << 32);
        added |= 1u << port;
    }
    for (unsigned port = 0; port < 2; port++)
        if (!send_control (self, port, PORT_READY))
            return false;
    return send_control (self, 1, PORT_OPEN);
}

/* Eight bytes that the host sends back. */
static bool
say_token (struct virtio *self, unsigned port, uint64_t *ret_token)
{
    static uint64_t token;

    token = (UINT64_C (0x4000000000000000) | (uint64_t) next_serial () << 8) + '<';
    *ret_token = token;
    return virtio_request (self, port_queue (port) + 1, &(struct buffer) {&token, 8, false}, 1, 0);
}

/* What an earlier case left on its way may come first. */
static bool
hear_token (struct virtio *self, unsigned port, uint64_t token)
{
    static volatile uint8_t bytes[64];
    uint64_t last = 0;

    for (unsigned tries = 0; tries < 64; tries++) {
        uint32_t length;

        virtio_submit (self, port_queue (port), &(struct buffer) {bytes, sizeof bytes, true}, 1);
        if (!virtio_wait (self, port_queue (port), &length))
            return false;
        if (length == 0 || length > sizeof bytes)
            return complain ("length of input", length, 8);
        for (unsigned i = 0; i < length; i++)
            last = last >> 8 | (uint64_t) bytes[i] << 56;
        if (last == token)
            return true;
    }
    return complain ("what the host sends back", last, token);
}

static bool
use_console (struct virtio *self)
{
    if (self->fresh && !shake_hands (self))
        return false;
    for (unsigned port = 0; port < 2; port++) {
        uint64_t token;

        if (!say_token (self, port, &token) || !hear_token (self, port, token))
            return false;
    }
    return true;
}

/* Entropy. */

static bool
use_rng (struct virtio *self)
{
    uint32_t any = 0;

    memset (answer, 0, 64);
    if (!virtio_request (self, 0, &(struct buffer) {answer, 64, true}, 1, 64))
        return false;
    for (unsigned i = 0; i < 16; i++)
        any |= ((volatile uint32_t *) answer)[i];
    return any || complain ("entropy", 0, 1);
}

/* Balloon: queues 0 inflate, 1 deflate, 2 statistics, 3 and 4 reports. */

static bool
check_given_back (void)
{
    for (unsigned i = 0; i < PAGE; i += 64)
        if (((volatile uint8_t *) page)[i])
            return complain ("byte of a page that was given back", page[i], 0);
    return true;
}

static bool
use_balloon (struct virtio *self)
{
    uint32_t number = (uint32_t) ((uintptr_t) page / PAGE);
    uint64_t value = next_serial ();
    uint8_t statistic[10] = {4}; /* free memory */
    uint32_t length;

    for (unsigned queue = 0; queue < 2; queue++) {
        memset (page, 0xaa, sizeof page);
        if (!virtio_request (self, queue, &(struct buffer) {&number, 4, false}, 1, 0))
            return false;
        if (queue == 0 && !check_given_back ())
            return false;
    }
    memcpy (statistic + 2, &value, 8);
    virtio_submit (self, 2, &(struct buffer) {statistic, sizeof statistic, false}, 1);
    ask ("statistics", (uint32_t) value);
    if (!virtio_wait (self, 2, &length))
        return false;
    for (unsigned queue = 3; queue < 5; queue++) {
        memset (page, 0xaa, sizeof page);
        if (!virtio_request (self, queue, &(struct buffer) {page, PAGE, true}, 1, 0) ||
            !check_given_back ())
            return false;
    }
    return true;
}

/* Graphics: one picture of 64 × 64, on the screen and as the cursor. */

static bool
command (struct virtio *self, unsigned n, uint32_t type, const uint32_t *values)
{
    memset (words, 0, 24);
    words[0] = type;
    for (unsigned i = 0; i < n; i++)
        words[6 + i] = values[i];
    memset (answer, 0, 24);
    return virtio_request (self, 0,
                           (struct buffer[]) {{words, 24 + 4 * n, false}, {answer, 408, true}}, 2,
                           type == 0x100 ? 408 : 24);
}

static bool
use_gpu (struct virtio *self)
{
    static uint32_t picture[64 * 64];
    const struct {
        uint32_t type, n, values[8];
    } commands[] = {
        {0x101, 4, {1, 1, 64, 64}},                                 /* create */
        {0x106, 6, {1, 1, (uintptr_t) picture, 0, sizeof picture}}, /* attach backing */
        {0x105, 8, {0, 0, 64, 64, 0, 0, 1}},                        /* transfer */
        {0x103, 6, {0, 0, 64, 64, 0, 1}},                           /* set scanout */
        {0x104, 6, {0, 0, 64, 64, 1}},                              /* flush */
        {0, 0, {0}},
        {0x102, 2, {1}}, /* unreference */
    };

    if (!command (self, 0, 0x100, NULL))
        return false;
    if (answer[0] != 0x1101)
        return complain ("display info", answer[0], 0x1101);
    if (answer[8] < 320)
        return complain ("width", answer[8], 1280);
    for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (!commands[i].type) {
            memset (words, 0, 56);
            words[0] = 0x300; /* update cursor */
            words[10] = 1;
            if (!virtio_request (self, 1, &(struct buffer) {words, 56, false}, 1, 0))
                return false;
        } else if (!command (self, commands[i].n, commands[i].type, commands[i].values)) {
            return false;
        } else if (answer[0] != 0x1100) {
            return complain ("answer to a command", answer[0], 0x1100);
        }
    }
    return true;
}

/* Input: queue 0 has events, 1 lights. The host moves to places that differ each time. */

static bool
use_input (struct virtio *self)
{
    static const struct {
        uint32_t n_events, type, code;
    } expected[] = {{4, 1, 30}, {2, 2, 0}, {3, 3, 0}, {12, 3, 0}}; /* KEY_A, REL_X, ABS_X */
    unsigned product = self->product - 1;
    uint32_t place = 1 + next_serial () % 30000;
    uint64_t light = UINT64_C (0x0000000100010011); /* EV_LED, caps lock, on */
    uint64_t first = expected[product].type | expected[product].code << 16 |
                     (uint64_t) (product ? place : 1) << 32;

    ask (self->name, place);
    for (unsigned i = 0; i < expected[product].n_events; i++) {
        volatile uint64_t event = 0;

        if (!virtio_request (self, 0, &(struct buffer) {&event, 8, true}, 1, 8))
            return false;
        if (i == 0 && event != first)
            return complain ("event", event, first);
        if (i == expected[product].n_events - 1 && event != 0)
            return complain ("event instead of a report", event, 0);
    }
    return virtio_request (self, 1, &(struct buffer) {&light, 8, false}, 1, 0);
}

/* Network: queue 0 has frames for us, 1 those from us. passt, at the other end, answers for every
 * address but one (RFC 826); each time another one is asked for. */

#define NET_HEADER 12
#define ARP_LENGTH 42

static uint32_t
load_big (const volatile uint8_t *bytes)
{
    return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 |
           bytes[3];
}

/* Does not wait: a device that is broken does not answer. */
static uint32_t
ask_for_address (struct virtio *self)
{
    static uint8_t frame[NET_HEADER + ARP_LENGTH];
    static const uint8_t fixed[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 6, /* Ethernet */
        0,    1,    8,    0,    6,    4,    0,    1,                               /* request */
        0x52, 0x54, 0,    0x12, 0x34, 0x56, 10,   98,   0, 1,                      /* we */
    };
    uint32_t address = 10u << 24 | 97u << 16 | (next_serial () & 0xffff);
    uint8_t *wanted = frame + NET_HEADER + 38;

    memset (frame, 0, sizeof frame);
    memcpy (frame + NET_HEADER, fixed, sizeof fixed);
    for (unsigned i = 0; i < 4; i++)
        wanted[i] = (uint8_t) (address >> (24 - 8 * i));
    virtio_submit (self, 1, &(struct buffer) {frame, sizeof frame, false}, 1);
    return address;
}

/* What an earlier case asked for, and what passt tells on its own, may come first. */
static bool
use_net (struct virtio *self)
{
    static volatile uint8_t frame[2048];
    uint32_t address = ask_for_address (self), length;

    if (!virtio_wait (self, 1, &length))
        return false;
    if (length)
        return complain ("length of an answer", length, 0);
    for (unsigned tries = 0; tries < 64; tries++) {
        virtio_submit (self, 0, &(struct buffer) {frame, sizeof frame, true}, 1);
        if (!virtio_wait (self, 0, &length))
            return false;
        if (frame[10] != 1 || frame[11])
            return complain ("buffers of a frame", frame[10], 1);
        if (length >= NET_HEADER + ARP_LENGTH && frame[NET_HEADER + 12] == 8 &&
            frame[NET_HEADER + 13] == 6 && frame[NET_HEADER + 21] == 2 &&
            load_big (frame + NET_HEADER + 28) == address)
            return true;
    }
    return complain ("address that was answered for", load_big (frame + NET_HEADER + 28), address);
}

bool
virtio_use (struct virtio *self)
{
    bool done;

    switch (self->type) {
    case TYPE_NET: done = use_net (self); break;
    case TYPE_BLK: done = use_disk (self); break;
    case TYPE_CONSOLE: done = use_console (self); break;
    case TYPE_RNG: done = use_rng (self); break;
    case TYPE_BALLOON: done = use_balloon (self); break;
    case TYPE_GPU: done = use_gpu (self); break;
    default: done = use_input (self); break;
    }
    self->fresh = false;
    return done;
}

bool
virtio_provoke (struct virtio *self, unsigned queue)
{
    uint64_t token;

    virtio_kick (self, queue);
    if (self->type == TYPE_INPUT && queue == 0)
        ask (self->name, 1 + next_serial () % 30000);
    if (self->type == TYPE_NET && queue == 0)
        ask_for_address (self);
    if (self->type == TYPE_CONSOLE && (queue == 0 || queue == 4))
        return say_token (self, queue == 4, &token);
    return true;
}
