/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/chardev.h"
#include "base/util.h"
#include "tap.h"
#include "testbed.h"
#include "virtio-driver.h"

#define TYPE_CONSOLE 3
#define F_SIZE       1u
#define F_MULTIPORT  2u

enum {
    RX0,
    TX0,
    CONTROL_RX,
    CONTROL_TX,
    RX1,
    TX1,
};
enum {
    DEVICE_READY,
    PORT_ADD,
    PORT_REMOVE,
    PORT_READY,
    CONSOLE_PORT,
    RESIZE,
    PORT_OPEN,
    PORT_NAME,
};

struct console {
    int host[2]; /* our ends of the two ports */
    struct chardev *chardevs[2];
    struct testbed *bed;
    struct vd vd;
};

static void
open_console (struct console *console)
{
    struct vmm_error error = {0};

    for (unsigned i = 0; i < 2; i++) {
        int fds[2];

        CHECK_EQUAL (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        console->host[i] = fds[0];
        CHECK_EQUAL (chardev_open_fds (fds[1], fds[1], &console->chardevs[i], &error), 0);
        close (fds[1]);
    }
    {
        struct vmm_value values[] = {
            VMM_POINTER ("chardev", console->chardevs[0]),
            VMM_STRING ("name", "org.example.console"),
            VMM_POINTER ("port1", console->chardevs[1]),
            VMM_STRING ("port1-name", "org.example.agent"),
            VMM_NUMBER ("columns", 132),
        };
        struct vmm_device_config devices[] = {{"virtio-console", "console0", values, 5}};

        console->bed = testbed_new (devices, 1);
    }
    vd_open (&console->vd, console->bed, TYPE_CONSOLE);
}

static void
close_console (struct console *console)
{
    testbed_free (console->bed);
    for (unsigned i = 0; i < 2; i++) {
        chardev_close (console->chardevs[i]);
        close (console->host[i]);
    }
}

/* Posts a buffer for the device to write into. */
static uint64_t
post_room (struct console *console, unsigned queue, uint32_t length)
{
    struct vd_buffer buffer = {vd_alloc (&console->vd, length, 1), length, true};

    vd_add (&console->vd, queue, &buffer, 1);
    vd_kick (&console->vd, queue);
    return buffer.address;
}

static void
post_out (struct console *console, unsigned queue, const void *bytes, uint32_t length)
{
    struct vd_buffer buffer = {vd_alloc (&console->vd, length, 1), length, false};

    memcpy (vd_ram (&console->vd, buffer.address, length), bytes, length);
    vd_add (&console->vd, queue, &buffer, 1);
    vd_run (&console->vd, queue);
}

static void
send_control (struct console *console, uint32_t port, uint16_t event, uint16_t value)
{
    uint8_t message[8];

    store_le32 (message, port);
    store_le16 (message + 4, event);
    store_le16 (message + 6, value);
    post_out (console, CONTROL_TX, message, sizeof message);
}

/* Reads the next control message; @text what follows it. */
static void
expect_control (struct console *console, uint64_t room, uint32_t port, uint16_t event,
                uint16_t value, const char *text)
{
    const uint8_t *message = vd_ram (&console->vd, room, 64);
    uint16_t head;
    uint32_t length;

    CHECK (vd_wait (&console->vd, CONTROL_RX, &head, &length));
    CHECK_EQUAL (length, 8 + (text ? strlen (text) : 0));
    CHECK_EQUAL (load_le32 (message), port);
    CHECK_EQUAL (load_le16 (message + 4), event);
    CHECK_EQUAL (load_le16 (message + 6), value);
    if (text)
        CHECK (memcmp (message + 8, text, strlen (text)) == 0);
}

static void
expect_host (struct console *console, unsigned port, const char *text)
{
    char buffer[200] = "";

    testbed_settle (console->bed);
    CHECK_EQUAL (read (console->host[port], buffer, sizeof buffer - 1), strlen (text));
    CHECK_STRING (buffer, text);
}

static void
type (struct console *console, unsigned port, const char *text)
{
    CHECK_EQUAL (write (console->host[port], text, strlen (text)), strlen (text));
}

static void
expect_guest (struct console *console, unsigned queue, uint64_t room, const char *text)
{
    uint16_t head;
    uint32_t length;

    CHECK (vd_wait (&console->vd, queue, &head, &length));
    CHECK_EQUAL (length, strlen (text));
    CHECK (memcmp (vd_ram (&console->vd, room, length), text, length) == 0);
}

TEST (configuration_tells_size_and_ports)
{
    struct console console;

    open_console (&console);
    CHECK_EQUAL (vd_offered (&console.vd) & (F_SIZE | F_MULTIPORT), F_SIZE | F_MULTIPORT);
    CHECK_EQUAL (vd_read_config (&console.vd, 0, 2), 132);
    CHECK_EQUAL (vd_read_config (&console.vd, 2, 2), 25);
    CHECK_EQUAL (vd_read_config (&console.vd, 4, 4), 2);
    CHECK_EQUAL (vd_read (&console.vd, VD_NUM_QUEUES, 2), 6);
    close_console (&console);
}

TEST (bytes_go_both_ways_without_multiport)
{
    struct console console;
    uint64_t room;

    open_console (&console);
    vd_start (&console.vd, 0, 2, 16, true);
    post_out (&console, TX0, "hello host", 10);
    expect_host (&console, 0, "hello host");
    room = post_room (&console, RX0, 100);
    type (&console, 0, "hello guest");
    expect_guest (&console, RX0, room, "hello guest");
    testbed_settle (console.bed);
    CHECK_EQUAL (vd_count_msi (&console.vd, RX0 + 1), 1);
    close_console (&console);
}

TEST (input_waits_for_buffers_and_fills_them_in_order)
{
    struct console console;
    uint64_t rooms[3];

    open_console (&console);
    vd_start (&console.vd, VD_F_EVENT_IDX, 2, 16, false);
    type (&console, 0, "abcdefghij");
    testbed_settle (console.bed);
    for (unsigned i = 0; i < 3; i++) {
        static const char *const parts[] = {"abcd", "efgh", "ij"};

        rooms[i] = post_room (&console, RX0, 4);
        expect_guest (&console, RX0, rooms[i], parts[i]);
    }
    close_console (&console);
}

TEST (ports_are_announced_named_and_opened)
{
    struct console console;
    uint64_t rooms[8];

    open_console (&console);
    vd_start (&console.vd, F_MULTIPORT, 6, 16, true);
    for (unsigned i = 0; i < 8; i++)
        rooms[i] = post_room (&console, CONTROL_RX, 64);
    send_control (&console, 0, DEVICE_READY, 1);
    expect_control (&console, rooms[0], 0, PORT_ADD, 1, NULL);
    expect_control (&console, rooms[1], 1, PORT_ADD, 1, NULL);
    send_control (&console, 0, PORT_READY, 1);
    expect_control (&console, rooms[2], 0, CONSOLE_PORT, 1, NULL);
    expect_control (&console, rooms[3], 0, PORT_NAME, 1, "org.example.console");
    expect_control (&console, rooms[4], 0, PORT_OPEN, 1, NULL);
    testbed_check_round_trip (console.bed);
    send_control (&console, 1, PORT_READY, 1);
    expect_control (&console, rooms[5], 1, PORT_NAME, 1, "org.example.agent");
    expect_control (&console, rooms[6], 1, PORT_OPEN, 1, NULL);

    post_out (&console, TX1, "to agent", 8);
    expect_host (&console, 1, "to agent");
    close_console (&console);
}

TEST (a_port_gets_input_once_the_guest_has_opened_it)
{
    struct console console;
    uint64_t room;
    uint16_t head;
    uint32_t length;

    open_console (&console);
    vd_start (&console.vd, F_MULTIPORT, 6, 16, true);
    room = post_room (&console, RX1, 64);
    type (&console, 1, "early");
    testbed_settle (console.bed);
    CHECK (!vd_pop (&console.vd, RX1, &head, &length));
    send_control (&console, 1, PORT_OPEN, 1);
    expect_guest (&console, RX1, room, "early");
    close_console (&console);
}

TEST (announcements_wait_for_buffers)
{
    struct console console;
    uint64_t room;

    open_console (&console);
    vd_start (&console.vd, F_MULTIPORT | VD_F_EVENT_IDX, 6, 16, false);
    send_control (&console, 0, DEVICE_READY, 1);
    room = post_room (&console, CONTROL_RX, 64);
    expect_control (&console, room, 0, PORT_ADD, 1, NULL);
    room = post_room (&console, CONTROL_RX, 64);
    expect_control (&console, room, 1, PORT_ADD, 1, NULL);
    close_console (&console);
}

TEST (odd_control_messages_do_no_harm)
{
    struct console console;
    struct vd_buffer writable = {2 * MIB, 64, true};

    open_console (&console);
    vd_start (&console.vd, F_MULTIPORT, 6, 16, false);
    post_out (&console, CONTROL_TX, "short", 5);
    send_control (&console, UINT32_MAX, PORT_OPEN, 1);
    send_control (&console, 2, PORT_READY, 1);
    send_control (&console, 3, PORT_OPEN, 1);
    send_control (&console, 0, 0xFFFF, 0xFFFF);
    vd_add (&console.vd, CONTROL_TX, &writable, 1);
    vd_run (&console.vd, CONTROL_TX);
    vd_add (&console.vd, TX0, &writable, 1);
    vd_run (&console.vd, TX0);
    CHECK (!(vd_status (&console.vd) & VD_NEEDS_RESET));
    testbed_check_round_trip (console.bed);
    close_console (&console);
}

TEST (a_huge_write_is_cut_and_the_console_goes_on)
{
    struct vd_buffer huge[] = {{1 * MIB, 60 * MIB, false}, {1 * MIB, 60 * MIB, false}};
    struct console console;
    char sink[4096];

    open_console (&console);
    vd_start (&console.vd, 0, 2, 16, false);
    vd_add (&console.vd, TX0, huge, 2);
    vd_run (&console.vd, TX0);
    for (int i = 0; i < 1000; i++) {
        testbed_settle (console.bed);
        if (read (console.host[0], sink, sizeof sink) <= 0)
            break;
    }
    post_out (&console, TX0, "still here", 10);
    expect_host (&console, 0, "still here");
    close_console (&console);
}

TAP_MAIN ()
