/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "machine-test.h"
#include "machine/posada-fake-machine.h"
#include "machine/posada-serial.h"

typedef struct {
    int fd; /* the guest's end */
    PosadaSerial *serial;
    GString *received;
    guint closed;
} Rig;

static void
received_cb (PosadaSerial *serial, GBytes *bytes, Rig *rig)
{
    gsize length;
    const char *text = g_bytes_get_data (bytes, &length);

    g_string_append_len (rig->received, text, (gssize) length);
}

static void
closed_cb (PosadaSerial *serial, Rig *rig)
{
    rig->closed++;
}

static Rig *
rig_new (void)
{
    Rig *rig = g_new0 (Rig, 1);
    int fds[2];

    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    rig->fd = fds[1];
    rig->received = g_string_new (NULL);
    rig->serial = posada_serial_new (fds[0]);
    g_signal_connect (rig->serial, "received", G_CALLBACK (received_cb), rig);
    g_signal_connect (rig->serial, "closed", G_CALLBACK (closed_cb), rig);
    return rig;
}

static void
rig_free (Rig *rig)
{
    g_clear_fd (&rig->fd, NULL);
    assert_gone (rig->serial);
    g_string_free (rig->received, TRUE);
    g_free (rig);
}

static void
iterate (void)
{
    for (int i = 0; i < 200; i++)
        g_main_context_iteration (NULL, FALSE);
}

static void
carries_bytes_both_ways (void)
{
    Rig *rig = rig_new ();
    char text[8] = "";

    g_assert_cmpint (write (rig->fd, "a\0b", 3), ==, 3);
    iterate ();
    g_assert_cmpuint (rig->received->len, ==, 3);
    g_assert_true (posada_serial_send (rig->serial, "xyz", 3));
    g_assert_cmpint (read (rig->fd, text, sizeof (text)), ==, 3);
    g_assert_cmpstr (text, ==, "xyz");
    rig_free (rig);
}

static void
keeps_the_latest_for_who_comes_late (void)
{
    Rig *rig = rig_new ();
    g_autoptr (GBytes) backlog = NULL;
    g_autofree char *line = g_strnfill (9999, '.');
    const char *text;
    gsize length;

    for (int i = 0; i < 100; i++) {
        g_assert_cmpint (write (rig->fd, line, 9999), ==, 9999);
        g_assert_cmpint (write (rig->fd, "!", 1), ==, 1);
        iterate ();
    }
    g_assert_cmpuint (rig->received->len, ==, 1000000);
    backlog = posada_serial_get_backlog (rig->serial);
    text = g_bytes_get_data (backlog, &length);
    g_assert_cmpuint (length, ==, POSADA_SERIAL_BACKLOG);
    g_assert_true (text[length - 1] == '!');
    rig_free (rig);
}

/* A guest that does not read must not hold anybody up, nor memory without end. */
static void
waits_for_a_slow_guest (void)
{
    Rig *rig = rig_new ();
    g_autofree char *much = g_strnfill (700000, 'm');
    g_autofree char *piece = g_malloc (65536);
    gsize got = 0;
    ssize_t length;

    g_assert_true (posada_serial_send (rig->serial, much, 700000));
    while (posada_serial_send (rig->serial, much, 100000))
        got += 100000;
    g_assert_cmpuint (got, <=, 800000);
    got += 700000;
    while (got > 0) {
        iterate ();
        length = read (rig->fd, piece, 65536);
        g_assert_cmpint (length, >, 0);
        got -= (gsize) length;
    }
    g_assert_true (posada_serial_send (rig->serial, much, 1));
    rig_free (rig);
}

static void
closes_once_whoever_goes_first (void)
{
    Rig *rig = rig_new ();

    g_assert_cmpint (write (rig->fd, "bye", 3), ==, 3);
    g_clear_fd (&rig->fd, NULL);
    iterate ();
    g_assert_cmpstr (rig->received->str, ==, "bye");
    g_assert_cmpuint (rig->closed, ==, 1);
    g_assert_true (posada_serial_is_closed (rig->serial));
    g_assert_false (posada_serial_send (rig->serial, "x", 1));
    posada_serial_close (rig->serial);
    g_assert_cmpuint (rig->closed, ==, 1);
    rig_free (rig);
}

static void
is_there_while_the_machine_is_on (void)
{
    g_autoptr (PosadaMachine) machine = posada_fake_machine_new ("Debian", NULL);
    g_autoptr (PosadaSerial) serial = NULL;
    g_autoptr (GBytes) backlog = NULL;
    g_autofree char *text = NULL;

    g_assert_null (posada_machine_get_serial (machine));
    expect_done (posada_machine_start (machine));
    serial = g_object_ref (posada_machine_get_serial (machine));
    posada_serial_send (serial, "x", 1);
    iterate ();
    backlog = posada_serial_get_backlog (serial);
    text = g_strndup (g_bytes_get_data (backlog, NULL), g_bytes_get_size (backlog));
    g_assert_true (g_str_has_suffix (text, "login: x"));
    expect_done (posada_machine_force_off (machine));
    g_assert_null (posada_machine_get_serial (machine));
    g_assert_true (posada_serial_is_closed (serial));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    dex_init ();
#define ADD(name) g_test_add_func ("/machine-serial/" #name, name)
    ADD (carries_bytes_both_ways);
    ADD (keeps_the_latest_for_who_comes_late);
    ADD (waits_for_a_slow_guest);
    ADD (closes_once_whoever_goes_first);
    ADD (is_there_while_the_machine_is_on);
    return g_test_run ();
}
