/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The control socket under clients that behave and clients that do not. The owner's part is played
 * by command_cb (): "later" is answered by the test, everything else is echoed.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/socket.h"
#include "cli/control.h"

struct fixture {
    char directory[64], path[96];
    struct vmm_loop *loop;
    struct control *control;
    struct control_client *waiting;
    unsigned commands;
};

static void
command_cb (void *data, struct control_client *client, char *line)
{
    struct fixture *self = data;

    self->commands++;
    if (strcmp (line, "later") == 0)
        self->waiting = client;
    else
        control_reply_error (client, "echo %s", line);
}

static void
fixture_init (struct fixture *self)
{
    *self = (struct fixture) {.directory = "/tmp/posada-test-XXXXXX"};
    CHECK (mkdtemp (self->directory));
    snprintf (self->path, sizeof self->path, "%s/socket", self->directory);
    CHECK_EQUAL (vmm_loop_create (&self->loop), 0);
    CHECK_EQUAL (control_create (self->path, self->loop, command_cb, self, &self->control, NULL),
                 0);
}

static void
fixture_fini (struct fixture *self)
{
    control_destroy (self->control);
    vmm_loop_destroy (self->loop);
    CHECK (access (self->path, F_OK) < 0);
    CHECK_EQUAL (rmdir (self->directory), 0);
}

static void
settle (struct fixture *self)
{
    while (vmm_loop_iterate (self->loop, 20) > 0)
        ;
}

static int
connect_client (struct fixture *self)
{
    int fd = -1;

    CHECK_EQUAL (socket_connect (self->path, &fd, NULL), 0);
    CHECK_EQUAL (fcntl (fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void
say (int fd, const char *text)
{
    CHECK_EQUAL (send (fd, text, strlen (text), MSG_NOSIGNAL), strlen (text));
}

/* All that came, as text. */
static const char *
heard (int fd, char *buffer, size_t length)
{
    ssize_t n = recv (fd, buffer, length - 1, 0);

    buffer[n < 0 ? 0 : n] = 0;
    return buffer;
}

TEST (each_line_is_answered_in_order)
{
    struct fixture fixture;
    char text[500];
    int fd;

    fixture_init (&fixture);
    fd = connect_client (&fixture);
    say (fd, "one\ntwo\r\n\nthr");
    settle (&fixture);
    CHECK_STRING (heard (fd, text, sizeof text), "{\"ok\":false,\"error\":\"echo one\"}\n"
                                                 "{\"ok\":false,\"error\":\"echo two\"}\n"
                                                 "{\"ok\":false,\"error\":\"echo \"}\n");
    say (fd, "ee\n");
    settle (&fixture);
    CHECK_STRING (heard (fd, text, sizeof text), "{\"ok\":false,\"error\":\"echo three\"}\n");
    close (fd);
    fixture_fini (&fixture);
}

TEST (an_answer_given_later_holds_up_only_its_client)
{
    struct fixture fixture;
    char text[500];
    int first, second;

    fixture_init (&fixture);
    first = connect_client (&fixture);
    second = connect_client (&fixture);
    say (first, "later\nafter\n");
    say (second, "now\n");
    settle (&fixture);
    CHECK_STRING (heard (first, text, sizeof text), "");
    CHECK_STRING (heard (second, text, sizeof text), "{\"ok\":false,\"error\":\"echo now\"}\n");
    CHECK (fixture.waiting);
    control_reply_ok (fixture.waiting);
    settle (&fixture);
    CHECK_STRING (heard (first, text, sizeof text),
                  "{\"ok\":true}\n{\"ok\":false,\"error\":\"echo after\"}\n");
    close (first);
    close (second);
    fixture_fini (&fixture);
}

TEST (a_client_may_be_gone_before_its_answer)
{
    struct fixture fixture;
    int fd;

    fixture_init (&fixture);
    fd = connect_client (&fixture);
    say (fd, "later\nafter\n");
    settle (&fixture);
    close (fd);
    settle (&fixture);
    CHECK_EQUAL (fixture.commands, 1);
    control_reply_ok (fixture.waiting);
    settle (&fixture);
    CHECK_EQUAL (fixture.commands, 2);
    fixture_fini (&fixture);
}

TEST (a_client_that_closes_at_once_is_still_heard)
{
    struct fixture fixture;
    int fd;

    fixture_init (&fixture);
    fd = connect_client (&fixture);
    say (fd, "one\ntwo\nunfinished");
    close (fd);
    settle (&fixture);
    CHECK_EQUAL (fixture.commands, 2);
    fixture_fini (&fixture);
}

TEST (overlong_and_binary_lines_are_refused_and_the_next_is_not)
{
    struct fixture fixture;
    char text[1000], line[3 * CONTROL_MAX_LINE];
    int fd;

    fixture_init (&fixture);
    fd = connect_client (&fixture);
    memset (line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    CHECK_EQUAL (send (fd, line, sizeof line, MSG_NOSIGNAL), sizeof line);
    CHECK_EQUAL (send (fd, "a\0b\n\xff\n\x01\nfine\n", 13, MSG_NOSIGNAL), 13);
    settle (&fixture);
    CHECK_STRING (heard (fd, text, sizeof text),
                  "{\"ok\":false,\"error\":\"the command is longer than 4095 bytes\"}\n"
                  "{\"ok\":false,\"error\":\"the command is not UTF-8 text\"}\n"
                  "{\"ok\":false,\"error\":\"the command is not UTF-8 text\"}\n"
                  "{\"ok\":false,\"error\":\"the command is not UTF-8 text\"}\n"
                  "{\"ok\":false,\"error\":\"echo fine\"}\n");
    CHECK_EQUAL (fixture.commands, 1);
    close (fd);
    fixture_fini (&fixture);
}

TEST (a_line_of_exactly_the_limit_is_taken)
{
    struct fixture fixture;
    char line[CONTROL_MAX_LINE], text[2 * CONTROL_MAX_LINE];
    int fd;

    fixture_init (&fixture);
    fd = connect_client (&fixture);
    memset (line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    CHECK_EQUAL (send (fd, line, sizeof line, MSG_NOSIGNAL), sizeof line);
    settle (&fixture);
    CHECK_EQUAL (fixture.commands, 1);
    CHECK_CONTAINS (heard (fd, text, sizeof text), "echo xxx");
    close (fd);
    fixture_fini (&fixture);
}

TEST (a_client_that_never_reads_is_held_up_and_nobody_else)
{
    static const char line[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
    struct fixture fixture;
    char text[200];
    int fd, other;
    unsigned sent = 0, before;

    fixture_init (&fixture);
    fd = connect_client (&fixture);
    /* Until the socket takes no more, however often the loop runs. */
    do {
        before = sent;
        while (send (fd, line, sizeof line - 1, MSG_NOSIGNAL) == (ssize_t) sizeof line - 1)
            sent++;
        settle (&fixture);
    } while (sent != before && sent < 100000);
    CHECK (sent < 100000);
    CHECK (fixture.commands < sent);
    other = connect_client (&fixture);
    say (other, "hello\n");
    settle (&fixture);
    CHECK_CONTAINS (heard (other, text, sizeof text), "echo hello");
    close (other);
    close (fd);
    settle (&fixture);
    fixture_fini (&fixture);
}

TEST (random_bytes_from_clients_that_come_and_go_are_survived)
{
    struct fixture fixture;
    unsigned seed = 1;

    fixture_init (&fixture);
    for (unsigned round = 0; round < 300; round++) {
        char bytes[6000], answer[500];
        size_t length = (size_t) rand_r (&seed) % sizeof bytes;
        int fd = connect_client (&fixture);

        for (size_t i = 0; i < length; i++)
            bytes[i] = rand_r (&seed) % 8 ? (char) rand_r (&seed) : '\n';
        if (send (fd, bytes, length, MSG_NOSIGNAL) < 0)
            CHECK_EQUAL (errno, EAGAIN);
        if (round % 2)
            vmm_loop_iterate (fixture.loop, 0);
        heard (fd, answer, sizeof answer);
        close (fd);
        vmm_loop_iterate (fixture.loop, 0);
    }
    settle (&fixture);
    fixture_fini (&fixture);
}

TEST (one_client_too_many_is_told_so_and_slots_come_free)
{
    struct fixture fixture;
    int fds[CONTROL_MAX_CLIENTS], extra;
    char text[200];

    fixture_init (&fixture);
    for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
        fds[i] = connect_client (&fixture);
        settle (&fixture);
    }
    extra = connect_client (&fixture);
    settle (&fixture);
    CHECK_STRING (heard (extra, text, sizeof text),
                  "{\"ok\":false,\"error\":\"too many clients\"}\n");
    close (extra);
    for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
        close (fds[i]);
    settle (&fixture);
    extra = connect_client (&fixture);
    say (extra, "hello\n");
    settle (&fixture);
    CHECK_CONTAINS (heard (extra, text, sizeof text), "echo hello");
    close (extra);
    fixture_fini (&fixture);
}

TEST (the_socket_is_for_its_owner_alone)
{
    struct fixture fixture;
    struct stat status;

    fixture_init (&fixture);
    CHECK_EQUAL (stat (fixture.path, &status), 0);
    CHECK_EQUAL (status.st_mode & 07777, 0600);
    fixture_fini (&fixture);
}

TEST (a_path_in_use_is_refused_and_left_alone)
{
    struct fixture fixture;
    struct vmm_error error = {0};
    struct control *second = NULL;

    fixture_init (&fixture);
    CHECK_EQUAL (control_create (fixture.path, fixture.loop, command_cb, &fixture, &second, &error),
                 -EADDRINUSE);
    CHECK_CONTAINS (error.message, fixture.path);
    CHECK (!second);
    close (connect_client (&fixture));
    fixture_fini (&fixture);
}

TEST (the_socket_of_a_dead_process_is_replaced)
{
    struct fixture fixture;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int stale;

    fixture_init (&fixture);
    control_destroy (fixture.control);
    snprintf (address.sun_path, sizeof address.sun_path, "%s", fixture.path);
    stale = socket (AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQUAL (bind (stale, (struct sockaddr *) &address, sizeof address), 0);
    close (stale);
    CHECK_EQUAL (
        control_create (fixture.path, fixture.loop, command_cb, &fixture, &fixture.control, NULL),
        0);
    close (connect_client (&fixture));
    fixture_fini (&fixture);
}

TEST (what_is_no_socket_is_left_alone)
{
    struct fixture fixture;
    struct vmm_error error = {0};
    struct control *second = NULL;
    char path[120];

    fixture_init (&fixture);
    snprintf (path, sizeof path, "%s/file", fixture.directory);
    close (open (path, O_CREAT | O_WRONLY, 0600));
    CHECK_EQUAL (control_create (path, fixture.loop, command_cb, &fixture, &second, &error),
                 -EEXIST);
    CHECK_CONTAINS (error.message, "is no socket");
    CHECK_EQUAL (unlink (path), 0);
    fixture_fini (&fixture);
}

TAP_MAIN ()
