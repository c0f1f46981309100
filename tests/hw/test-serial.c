/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <unistd.h>

#include "base/chardev.h"
#include "test-chipset.h"

#define COM1 0x3F8
#define IRQ  4

struct line {
    struct testbed *bed;
    struct chardev *chardev;
    int fd; /* the host's end */
};

static void
line_init (struct line *line)
{
    struct vmm_value values[1];
    struct vmm_device_config config = {
        .class_name = "serial", .id = "com1", .values = values, .n_values = 1};
    int fds[2];

    CHECK_EQUAL (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    CHECK_EQUAL (chardev_open_fds (fds[0], fds[0], &line->chardev, NULL), 0);
    close (fds[0]);
    line->fd = fds[1];
    values[0] = (struct vmm_value) VMM_POINTER ("chardev", line->chardev);
    line->bed = testbed_new (&config, 1);
}

static void
line_fini (struct line *line)
{
    testbed_free (line->bed);
    chardev_close (line->chardev);
    close (line->fd);
}

static void
out (struct line *line, unsigned offset, uint8_t value)
{
    testbed_out (line->bed, (uint16_t) (COM1 + offset), 1, value);
}

static uint8_t
in (struct line *line, unsigned offset)
{
    return (uint8_t) testbed_in (line->bed, (uint16_t) (COM1 + offset), 1);
}

static void
send_input (struct line *line, const char *text)
{
    CHECK_EQUAL (write (line->fd, text, strlen (text)), strlen (text));
    testbed_settle (line->bed);
}

TEST (output_reaches_the_host_at_once)
{
    struct line line;
    char buffer[8];

    line_init (&line);
    CHECK_EQUAL (in (&line, 5), 0x60);
    out (&line, 0, 'h');
    out (&line, 0, 'i');
    CHECK_EQUAL (recv (line.fd, buffer, sizeof buffer, MSG_DONTWAIT), 2);
    CHECK (memcmp (buffer, "hi", 2) == 0);
    line_fini (&line);
}

TEST (enabling_the_transmitter_interrupt_raises_it)
{
    struct line line;

    line_init (&line);
    out (&line, 4, 0x0B);
    CHECK_EQUAL (in (&line, 2), 0x01);
    out (&line, 1, 0x02);
    CHECK (testbed_irq_level (line.bed, IRQ));
    CHECK_EQUAL (in (&line, 2), 0x02);
    CHECK (!testbed_irq_level (line.bed, IRQ));
    CHECK_EQUAL (in (&line, 2), 0x01);
    out (&line, 0, 'x');
    CHECK_EQUAL (in (&line, 2), 0x02);
    out (&line, 1, 0x00);
    out (&line, 1, 0x02);
    CHECK_EQUAL (in (&line, 2), 0x02);
    line_fini (&line);
}

TEST (out2_gates_the_interrupt)
{
    struct line line;

    line_init (&line);
    out (&line, 1, 0x02);
    CHECK (!testbed_irq_level (line.bed, IRQ));
    out (&line, 4, 0x08);
    CHECK (testbed_irq_level (line.bed, IRQ));
    out (&line, 4, 0x00);
    CHECK (!testbed_irq_level (line.bed, IRQ));
    line_fini (&line);
}

TEST (input_raises_trigger_and_timeout_interrupts)
{
    struct line line;

    line_init (&line);
    out (&line, 4, 0x0B);
    out (&line, 2, 0x41); /* FIFO, trigger at 4 */
    out (&line, 1, 0x01);
    send_input (&line, "abc");
    CHECK (testbed_irq_level (line.bed, IRQ));
    CHECK_EQUAL (in (&line, 2), 0xCC);
    send_input (&line, "d");
    CHECK_EQUAL (in (&line, 2), 0xC4);
    CHECK_EQUAL (in (&line, 5), 0x61);
    CHECK_EQUAL (in (&line, 0), 'a');
    CHECK_EQUAL (in (&line, 2), 0xCC);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQUAL (in (&line, 0), 'b' + i);
    CHECK_EQUAL (in (&line, 5), 0x60);
    CHECK (!testbed_irq_level (line.bed, IRQ));
    line_fini (&line);
}

TEST (input_is_never_lost_for_want_of_room)
{
    struct line line;
    char text[301];

    line_init (&line);
    for (unsigned i = 0; i < 300; i++)
        text[i] = (char) ('a' + i % 26);
    text[300] = '\0';
    send_input (&line, text);
    for (unsigned i = 0; i < 300; i++) {
        /* Without a FIFO first; switching it on empties a receiver that is empty already. */
        if (i == 100)
            out (&line, 2, 0x01);
        testbed_settle (line.bed);
        CHECK_EQUAL (in (&line, 5), 0x61);
        CHECK_EQUAL (in (&line, 0), text[i]);
    }
    testbed_settle (line.bed);
    CHECK_EQUAL (in (&line, 5), 0x60);
    line_fini (&line);
}

TEST (loopback_returns_bytes_and_modem_lines)
{
    struct line line;
    char buffer[8];

    line_init (&line);
    CHECK_EQUAL (in (&line, 6) & 0xF0, 0xB0);
    out (&line, 4, 0x10);
    CHECK_EQUAL (in (&line, 6) & 0xF0, 0x00);
    out (&line, 4, 0x1A);
    CHECK_EQUAL (in (&line, 6) & 0xF0, 0x90);
    out (&line, 4, 0x15);
    CHECK_EQUAL (in (&line, 6) & 0xF0, 0x60);
    out (&line, 2, 0x01);
    out (&line, 0, 0x42);
    CHECK_EQUAL (in (&line, 5), 0x61);
    CHECK_EQUAL (in (&line, 0), 0x42);
    CHECK_EQUAL (recv (line.fd, buffer, sizeof buffer, MSG_DONTWAIT), -1);
    for (unsigned i = 0; i < 17; i++)
        out (&line, 0, (uint8_t) i);
    CHECK_EQUAL (in (&line, 5), 0x63);
    CHECK_EQUAL (in (&line, 5), 0x61);
    line_fini (&line);
}

TEST (divisor_and_scratch_are_registers)
{
    struct line line;

    line_init (&line);
    out (&line, 3, 0x83);
    out (&line, 0, 0x01);
    out (&line, 1, 0x02);
    CHECK_EQUAL (in (&line, 0), 0x01);
    CHECK_EQUAL (in (&line, 1), 0x02);
    out (&line, 3, 0x03);
    CHECK_EQUAL (in (&line, 1), 0x00);
    CHECK_EQUAL (in (&line, 3), 0x03);
    out (&line, 7, 0xA5);
    CHECK_EQUAL (in (&line, 7), 0xA5);
    line_fini (&line);
}

TEST (modem_status_interrupt_on_a_change)
{
    struct line line;

    line_init (&line);
    in (&line, 6);
    out (&line, 4, 0x18);
    in (&line, 6);
    out (&line, 1, 0x08);
    CHECK_EQUAL (in (&line, 2), 0x01);
    out (&line, 4, 0x1A); /* RTS, seen as CTS */
    CHECK_EQUAL (in (&line, 2), 0x00);
    CHECK_EQUAL (in (&line, 6) & 0x0F, 0x01);
    CHECK_EQUAL (in (&line, 2), 0x01);
    line_fini (&line);
}

TEST (a_port_without_host_end_is_a_port)
{
    static const struct vmm_value values[] = {VMM_NUMBER ("port", 0x2F8), VMM_NUMBER ("irq", 3)};
    static const struct vmm_device_config config = {
        .class_name = "serial", .id = "com2", .values = values, .n_values = 2};
    struct testbed *bed = testbed_new (&config, 1);

    testbed_out (bed, 0x2F8, 1, 'x');
    CHECK_EQUAL (testbed_in (bed, 0x2FD, 1), 0x60);
    CHECK_EQUAL (testbed_in (bed, 0x2FE, 1) & 0xA0, 0);
    testbed_out (bed, 0x2FC, 1, 8);
    testbed_out (bed, 0x2F9, 1, 2);
    CHECK (testbed_irq_level (bed, 3));
    testbed_reset (bed);
    CHECK (!testbed_irq_level (bed, 3));
    testbed_free (bed);
}

TEST (survives_random_accesses)
{
    struct line line;
    char buffer[4096];

    line_init (&line);
    for (unsigned i = 0; i < 50; i++) {
        hammer_ports (line.bed, COM1, 8, 400, 7 + i);
        CHECK_EQUAL (write (line.fd, "0123456789012345678901234567890", 31), 31);
        vmm_loop_iterate (vmm_device_loop (testbed_device (line.bed, "com1")), 0);
        while (recv (line.fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0)
            ;
    }
    line_fini (&line);
}

TEST (saves_and_restores)
{
    struct line line;

    line_init (&line);
    out (&line, 4, 0x0B);
    out (&line, 2, 0x81);
    out (&line, 1, 0x01);
    send_input (&line, "state");
    testbed_check_round_trip (line.bed);
    CHECK (testbed_irq_level (line.bed, IRQ));
    CHECK_EQUAL (in (&line, 2), 0xCC);
    CHECK_EQUAL (in (&line, 0), 's');
    line_fini (&line);
}

TAP_MAIN ()
