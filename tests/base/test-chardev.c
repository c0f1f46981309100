/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "tap.h"

/* What a device would be: takes input while it has room. */
struct sink {
    struct vmm_loop *loop;
    struct chardev *chardev;
    pthread_mutex_t lock;
    unsigned char bytes[4096];
    size_t length, room;
    int connected;
};

static size_t
take_input (void *data, const unsigned char *bytes, size_t length)
{
    struct sink *sink = data;
    size_t taken = MIN_OF (length, sink->room - sink->length);

    memcpy (sink->bytes + sink->length, bytes, taken);
    sink->length += taken;
    return taken;
}

static void
note_connected (void *data, int connected)
{
    ((struct sink *) data)->connected = connected;
}

static const struct chardev_user user = {take_input, note_connected};

static void
sink_init (struct sink *sink, struct chardev *chardev)
{
    *sink = (struct sink) {.chardev = chardev, .room = sizeof sink->bytes};
    pthread_mutex_init (&sink->lock, NULL);
    CHECK_EQUAL (vmm_loop_create (&sink->loop), 0);
    CHECK_EQUAL (chardev_attach (chardev, sink->loop, &sink->lock, &user, sink), 0);
}

static void
sink_fini (struct sink *sink)
{
    chardev_close (sink->chardev);
    vmm_loop_destroy (sink->loop);
    pthread_mutex_destroy (&sink->lock);
}

static void
settle (struct sink *sink)
{
    while (vmm_loop_iterate (sink->loop, 10) > 0)
        ;
}

static void
temporary_path (char path[64], const char *name)
{
    snprintf (path, 64, "/tmp/posada-test-%d-%s", (int) getpid (), name);
}

static int
connect_to (const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect (fd, (struct sockaddr *) &address, sizeof address) < 0) {
        close (fd);
        return -1;
    }
    return fd;
}

TEST (descriptors_carry_both_directions)
{
    struct chardev *chardev;
    struct sink sink;
    char buffer[16];
    int in[2], out[2];

    CHECK (pipe (in) == 0 && pipe (out) == 0);
    CHECK_EQUAL (chardev_open_fds (in[0], out[1], &chardev, NULL), 0);
    sink_init (&sink, chardev);
    CHECK (sink.connected);
    CHECK_EQUAL (write (in[1], "hello", 5), 5);
    settle (&sink);
    CHECK (sink.length == 5 && memcmp (sink.bytes, "hello", 5) == 0);
    chardev_write (chardev, "world", 5);
    CHECK_EQUAL (read (out[0], buffer, sizeof buffer), 5);
    CHECK (memcmp (buffer, "world", 5) == 0);
    sink_fini (&sink);
    for (int i = 0; i < 2; i++)
        CHECK (close (in[i]) == 0 && close (out[i]) == 0);
}

TEST (the_same_socket_serves_both_directions)
{
    struct chardev *chardev;
    struct sink sink;
    char buffer[16];
    int fds[2];

    CHECK_EQUAL (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), 0);
    CHECK_EQUAL (chardev_open_fds (fds[0], fds[0], &chardev, NULL), 0);
    sink_init (&sink, chardev);
    CHECK_EQUAL (write (fds[1], "x", 1), 1);
    settle (&sink);
    CHECK_EQUAL (sink.length, 1);
    chardev_write (chardev, "yz", 2);
    CHECK_EQUAL (read (fds[1], buffer, sizeof buffer), 2);
    sink_fini (&sink);
    close (fds[0]);
    close (fds[1]);
}

TEST (input_waits_until_it_is_wanted)
{
    struct chardev *chardev;
    struct sink sink;
    int in[2];

    CHECK_EQUAL (pipe (in), 0);
    CHECK_EQUAL (chardev_open_fds (in[0], -1, &chardev, NULL), 0);
    sink_init (&sink, chardev);
    sink.room = 2;
    CHECK_EQUAL (write (in[1], "abcde", 5), 5);
    close (in[1]);
    settle (&sink);
    CHECK_EQUAL (sink.length, 2);
    sink.room = 4;
    chardev_resume_input (chardev);
    settle (&sink);
    CHECK_EQUAL (sink.length, 4);
    sink.room = 10;
    chardev_resume_input (chardev);
    settle (&sink);
    CHECK (sink.length == 5 && memcmp (sink.bytes, "abcde", 5) == 0);
    sink_fini (&sink);
    close (in[0]);
}

TEST (an_ended_input_does_not_spin)
{
    struct chardev *chardev;
    struct sink sink;
    int in[2];

    CHECK_EQUAL (pipe (in), 0);
    CHECK_EQUAL (chardev_open_fds (in[0], -1, &chardev, NULL), 0);
    sink_init (&sink, chardev);
    close (in[1]);
    settle (&sink);
    CHECK_EQUAL (vmm_loop_iterate (sink.loop, 5), 0);
    sink_fini (&sink);
    close (in[0]);
}

TEST (a_regular_file_can_be_the_input)
{
    char path[64];
    struct chardev *chardev;
    struct sink sink;
    int fd;

    temporary_path (path, "input");
    fd = open (path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK (fd >= 0 && write (fd, "file", 4) == 4 && lseek (fd, 0, SEEK_SET) == 0);
    CHECK_EQUAL (chardev_open_fds (fd, -1, &chardev, NULL), 0);
    sink_init (&sink, chardev);
    settle (&sink);
    CHECK_EQUAL (sink.length, 4);
    sink_fini (&sink);
    close (fd);
    unlink (path);
}

TEST (a_stuck_reader_never_blocks_and_gets_the_newest)
{
    static unsigned char block[4096], last[4096];
    struct chardev *chardev;
    struct sink sink;
    ssize_t r, total = 0;
    int out[2];

    CHECK_EQUAL (pipe (out), 0);
    CHECK_EQUAL (chardev_open_fds (-1, out[1], &chardev, NULL), 0);
    sink_init (&sink, chardev);
    for (unsigned i = 0; i < 100; i++) {
        memset (block, (int) i, sizeof block);
        chardev_write (chardev, block, sizeof block);
    }
    settle (&sink);
    fcntl (out[0], F_SETFL, O_NONBLOCK);
    while ((r = read (out[0], last, sizeof last)) > 0) {
        total += r;
        settle (&sink);
    }
    CHECK_EQUAL (last[0], 99);
    CHECK (total >= 64 * 1024 && total < 100 * 4096);
    sink_fini (&sink);
    close (out[0]);
    close (out[1]);
}

TEST (a_reader_that_is_gone_is_no_signal)
{
    struct chardev *chardev;
    struct sink sink;
    int out[2];

    CHECK_EQUAL (pipe (out), 0);
    CHECK_EQUAL (chardev_open_fds (-1, out[1], &chardev, NULL), 0);
    sink_init (&sink, chardev);
    close (out[0]);
    for (unsigned i = 0; i < 10; i++)
        chardev_write (chardev, "x", 1);
    settle (&sink);
    sink_fini (&sink);
    close (out[1]);
}

TEST (a_file_takes_output)
{
    char path[64], buffer[16];
    struct chardev *chardev;
    struct sink sink;
    int fd;

    temporary_path (path, "output");
    CHECK_EQUAL (chardev_open_file (path, &chardev, NULL), 0);
    sink_init (&sink, chardev);
    CHECK (sink.connected);
    chardev_write (chardev, "one", 3);
    chardev_write (chardev, "two", 3);
    sink_fini (&sink);
    fd = open (path, O_RDONLY);
    CHECK_EQUAL (read (fd, buffer, sizeof buffer), 6);
    CHECK (memcmp (buffer, "onetwo", 6) == 0);
    close (fd);
    unlink (path);
}

TEST (a_file_that_cannot_be_made_is_named)
{
    struct chardev *chardev;
    struct vmm_error error;

    CHECK (chardev_open_file ("/nonexistent/line", &chardev, &error) < 0);
    CHECK_CONTAINS (error.message, "/nonexistent/line");
}

TEST (a_socket_serves_one_client_after_the_other)
{
    char path[64], buffer[16];
    struct chardev *chardev;
    struct stat status;
    struct sink sink;
    int first, second;

    temporary_path (path, "socket");
    CHECK_EQUAL (chardev_open_unix (path, &chardev, NULL), 0);
    CHECK (stat (path, &status) == 0 && (status.st_mode & 0777) == 0600);
    sink_init (&sink, chardev);
    CHECK (!sink.connected);
    chardev_write (chardev, "early", 5);

    first = connect_to (path);
    settle (&sink);
    CHECK (sink.connected);
    CHECK_EQUAL (read (first, buffer, sizeof buffer), 5);
    second = connect_to (path);
    settle (&sink);
    CHECK_EQUAL (read (second, buffer, sizeof buffer), 0);
    close (second);
    CHECK_EQUAL (write (first, "hi", 2), 2);
    settle (&sink);
    CHECK_EQUAL (sink.length, 2);

    close (first);
    settle (&sink);
    CHECK (!sink.connected);
    second = connect_to (path);
    settle (&sink);
    CHECK (sink.connected);
    close (second);
    sink_fini (&sink);
    CHECK (stat (path, &status) < 0 && errno == ENOENT);
}

TEST (a_client_that_left_unread_input_behind_is_replaced)
{
    char path[64];
    struct chardev *chardev;
    struct sink sink;
    int client;

    temporary_path (path, "replaced");
    CHECK_EQUAL (chardev_open_unix (path, &chardev, NULL), 0);
    sink_init (&sink, chardev);
    sink.room = 0;
    client = connect_to (path);
    settle (&sink);
    CHECK_EQUAL (write (client, "abc", 3), 3);
    settle (&sink);
    close (client);
    settle (&sink);
    client = connect_to (path);
    settle (&sink);
    sink.room = 10;
    CHECK_EQUAL (write (client, "d", 1), 1);
    chardev_resume_input (chardev);
    settle (&sink);
    CHECK (sink.length == 1 && sink.bytes[0] == 'd');
    close (client);
    sink_fini (&sink);
}

TEST (a_client_that_only_listens_keeps_listening)
{
    char path[64], buffer[16];
    struct chardev *chardev;
    struct sink sink;
    int client;

    temporary_path (path, "half");
    CHECK_EQUAL (chardev_open_unix (path, &chardev, NULL), 0);
    sink_init (&sink, chardev);
    client = connect_to (path);
    CHECK_EQUAL (shutdown (client, SHUT_WR), 0);
    settle (&sink);
    CHECK (sink.connected);
    chardev_write (chardev, "still", 5);
    CHECK_EQUAL (read (client, buffer, sizeof buffer), 5);
    close (client);
    settle (&sink);
    CHECK (!sink.connected);
    sink_fini (&sink);
}

TEST (a_live_socket_is_refused_and_a_stale_one_replaced)
{
    char path[64];
    struct chardev *chardev, *other;
    struct vmm_error error;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    temporary_path (path, "stale");
    CHECK_EQUAL (chardev_open_unix (path, &chardev, NULL), 0);
    CHECK_EQUAL (chardev_open_unix (path, &other, &error), -EADDRINUSE);
    CHECK_CONTAINS (error.message, path);
    chardev_close (chardev);

    fd = socket (AF_UNIX, SOCK_STREAM, 0);
    snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
    CHECK_EQUAL (bind (fd, (struct sockaddr *) &address, sizeof address), 0);
    close (fd);
    CHECK_EQUAL (chardev_open_unix (path, &chardev, NULL), 0);
    chardev_close (chardev);

    fd = open (path, O_CREAT | O_WRONLY, 0600);
    close (fd);
    CHECK_EQUAL (chardev_open_unix (path, &chardev, &error), -EADDRINUSE);
    CHECK_EQUAL (access (path, F_OK), 0);
    unlink (path);
}

TAP_MAIN ()
