/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * passt is started with one end of a socket pair, which is all it shares with us: it ends when the
 * other end is closed, so that it outlives nobody, whichever way we go. That it is ready shows by
 * its process ID, which it writes to its standard output when everything else is done; why it is
 * not, by what it says on standard error.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "net/net-internal.h"

#define START_MS 20000
/* Above the descriptors that the new process gets. */
#define FIRST_FD 10
#define OUTPUT   4096
/* Where guests ask for names if the host's own resolver listens on a loopback address. A link-local
 * address collides with no network. */
#define RESOLVER "169.254.1.1"

struct ends {
    int socket, child_socket;
    int ready, child_ready;
    int messages, child_messages;
};

static const char *const fixed[] = {
    "passt", "--foreground", "--quiet",     "--fd",          "3",
    "--pid", "/dev/stdout",  "--no-map-gw", "--dns-forward", RESOLVER,
};

struct command {
    const char *arguments[ARRAY_LENGTH (fixed) + 2 * NET_MAX_FORWARDS + 4 + 1];
    size_t n;
    char ports[NET_MAX_FORWARDS][INET6_ADDRSTRLEN + 32];
};

/* What passt takes for address/first-last:to-last. Addresses are looked at, because what else could
 * stand there means something to passt. */
static int
describe_forward (const struct net_forward *forward, char *ports, size_t size,
                  struct vmm_error *error)
{
    const char *address = forward->address ? forward->address : "127.0.0.1";
    unsigned last_to = (unsigned) forward->to + (forward->last - forward->first);
    unsigned char binary[16];

    if (!forward->first || forward->last < forward->first || !forward->to || last_to > UINT16_MAX)
        return vmm_error_set (error, -EINVAL,
                              "ports %u to %u of this computer cannot be forwarded to those from "
                              "%u on of the machine: ports are 1 to 65535",
                              forward->first, forward->last, forward->to);
    if (inet_pton (AF_INET, address, binary) != 1 && inet_pton (AF_INET6, address, binary) != 1)
        return vmm_error_set (error, -EINVAL,
                              "ports of “%.64s” cannot be forwarded: that is neither an IPv4 nor "
                              "an IPv6 address",
                              address);
    snprintf (ports, size, "%s/%u-%u:%u-%u", address, forward->first, forward->last, forward->to,
              last_to);
    return 0;
}

static int
make_command (const struct net_passt *options, struct command *command, struct vmm_error *error)
{
    bool used[2] = {false, false};

    if (options->n_forwards > NET_MAX_FORWARDS)
        return vmm_error_set (error, -E2BIG, "%zu forwarded ports are too many, %d at most",
                              options->n_forwards, NET_MAX_FORWARDS);
    memcpy (command->arguments, fixed, sizeof fixed);
    command->n = ARRAY_LENGTH (fixed);
    for (size_t i = 0; i < options->n_forwards; i++) {
        const struct net_forward *forward = &options->forwards[i];
        int r = describe_forward (forward, command->ports[i], sizeof command->ports[i], error);

        if (r < 0)
            return r;
        command->arguments[command->n++] = forward->udp ? "-u" : "-t";
        command->arguments[command->n++] = command->ports[i];
        used[forward->udp] = true;
    }
    for (int udp = 0; udp < 2; udp++) {
        if (used[udp])
            continue;
        command->arguments[command->n++] = udp ? "-u" : "-t";
        command->arguments[command->n++] = "none";
    }
    command->arguments[command->n] = NULL;
    return 0;
}

/* Moves @fd out of the way of the new process's descriptors. */
static int
move_up (int *fd)
{
    int moved = fcntl (*fd, F_DUPFD_CLOEXEC, FIRST_FD);

    if (moved < 0)
        return -errno;
    close_fd (*fd);
    *fd = moved;
    return 0;
}

static void
close_child_ends (struct ends *ends)
{
    ends->child_socket = close_fd (ends->child_socket);
    ends->child_ready = close_fd (ends->child_ready);
    ends->child_messages = close_fd (ends->child_messages);
}

static void
close_ends (struct ends *ends)
{
    close_child_ends (ends);
    close_fd (ends->socket);
    close_fd (ends->ready);
    close_fd (ends->messages);
}

static int
open_ends (struct ends *ends)
{
    int pair[2];
    int r;

    *ends = (struct ends) {-1, -1, -1, -1, -1, -1};
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    ends->socket = pair[0];
    ends->child_socket = pair[1];
    if (pipe2 (pair, O_CLOEXEC) < 0)
        return -errno;
    ends->ready = pair[0];
    ends->child_ready = pair[1];
    /* Non-blocking both ways: nobody waits for a reader of messages. */
    if (pipe2 (pair, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    ends->messages = pair[0];
    ends->child_messages = pair[1];
    r = move_up (&ends->child_socket);
    if (r == 0)
        r = move_up (&ends->child_ready);
    return r == 0 ? move_up (&ends->child_messages) : r;
}

/* A session of its own: keys pressed in our terminal are not for it. */
static int
set_up_child (posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
              const struct ends *ends)
{
    sigset_t none, all;
    int r;

    sigemptyset (&none);
    sigfillset (&all);
    r = posix_spawnattr_setflags (attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETSIGDEF);
    if (r == 0)
        r = posix_spawnattr_setsigmask (attributes, &none);
    if (r == 0)
        r = posix_spawnattr_setsigdefault (attributes, &all);
    if (r == 0)
        r = posix_spawn_file_actions_addopen (actions, 0, "/dev/null", O_RDWR, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2 (actions, ends->child_ready, 1);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2 (actions, ends->child_messages, 2);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2 (actions, ends->child_socket, 3);
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np (actions, 4);
    return r;
}

/* 0 or a negative errno. */
static int
spawn (const struct command *command, const struct ends *ends, pid_t *ret_pid)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int r = posix_spawn_file_actions_init (&actions);

    if (r)
        return -r;
    r = posix_spawnattr_init (&attributes);
    if (r == 0) {
        r = set_up_child (&actions, &attributes, ends);
        if (r == 0)
            r = posix_spawnp (ret_pid, command->arguments[0], &actions, &attributes,
                              (char *const *) command->arguments, (char *const *) environment);
        posix_spawnattr_destroy (&attributes);
    }
    posix_spawn_file_actions_destroy (&actions);
    return -r;
}

void
net_last_line (const char *text, size_t length, char line[NET_LINE])
{
    const char *end = text + length, *found = NULL;
    size_t found_length = 0;

    for (const char *start = text; start < end;) {
        const char *newline = memchr (start, '\n', (size_t) (end - start));
        size_t n = (size_t) ((newline ? newline : end) - start);

        if (n > 0) {
            found = start;
            found_length = n;
        }
        /* Nothing but instructions follows what is wrong with an option. */
        if (n > 7 && memcmp (start, "passt: ", 7) == 0) {
            found += 7;
            found_length -= 7;
            break;
        }
        start += n + 1;
    }
    if (!found)
        return;
    found_length = MIN_OF (found_length, (size_t) NET_LINE - 1);
    for (size_t i = 0; i < found_length; i++)
        line[i] = (char) (isprint ((unsigned char) found[i]) ? found[i] : ' ');
    line[found_length] = 0;
}

/* 1 when it is ready, 0 when it has given up, or a negative errno. */
static int
await (int ready_fd)
{
    struct pollfd poll_fd = {.fd = ready_fd, .events = POLLIN};
    uint64_t deadline = vmm_monotonic_now () + START_MS * UINT64_C (1000000);
    char byte;

    for (;;) {
        uint64_t now = vmm_monotonic_now ();
        ssize_t n;
        int r = now < deadline ? poll (&poll_fd, 1, (int) ((deadline - now) / 1000000) + 1) : 0;

        if (r == 0)
            return -ETIMEDOUT;
        if (r > 0) {
            n = read (ready_fd, &byte, 1);
            if (n >= 0)
                return n > 0;
        }
        if (errno != EINTR)
            return -errno;
    }
}

/* Why passt did not start, as it says itself. */
static int
explain (int result, int messages_fd, struct vmm_error *error)
{
    char text[OUTPUT], line[NET_LINE] = "", reason[64];
    ssize_t n = read (messages_fd, text, sizeof text);
    unsigned port;

    if (result == -ETIMEDOUT)
        return vmm_error_set (error, result,
                              "the machine has no network: passt was not ready within %d seconds; "
                              "try again, or start the machine without a network",
                              START_MS / 1000);
    if (n > 0)
        net_last_line (text, (size_t) n, line);
    if (sscanf (line, "Failed to bind port %u (%63[^)])", &port, reason) == 2)
        return vmm_error_set (error, -EADDRINUSE,
                              "port %u of this computer cannot be forwarded to the machine (%s); "
                              "choose another one, or end what uses it",
                              port, reason);
    return vmm_error_set (error, -EIO,
                          "the machine has no network: passt ended at once%s%s; start the machine "
                          "without a network, or mend that",
                          *line ? ", saying: " : " without saying why", line);
}

/* What it says on the way up is no reason for anything later. */
static void
drop_messages (int messages_fd)
{
    char text[OUTPUT];

    if (read (messages_fd, text, sizeof text) < 0)
        return;
}

static int
start (const struct command *command, struct ends *ends, pid_t *ret_pid, struct vmm_error *error)
{
    pid_t pid = 0;
    int r = spawn (command, ends, &pid);

    close_child_ends (ends);
    if (r == -ENOENT)
        return vmm_error_set (error, r,
                              "the machine's network needs the program passt, which is not "
                              "installed; install the package passt");
    if (r < 0)
        return vmm_error_set_errno (error, r, "passt, the machine's network, cannot be started");
    r = await (ends->ready);
    if (r <= 0) {
        net_end_process (pid);
        return explain (r, ends->messages, error);
    }
    drop_messages (ends->messages);
    *ret_pid = pid;
    return 0;
}

int
net_open_passt (const struct net_passt *options, struct net **ret_net, struct vmm_error *error)
{
    struct command command;
    struct ends ends;
    struct net *net;
    pid_t pid = 0;
    int r = make_command (options, &command, error);

    if (r < 0)
        return r;
    r = open_ends (&ends);
    if (r < 0)
        vmm_error_set_errno (error, r, "passt, the machine's network, cannot be started");
    else
        r = start (&command, &ends, &pid, error);
    if (r == 0) {
        r = net_open_fd (STEAL_FD (ends.socket), &net, error);
        if (r < 0)
            net_end_process (pid);
    }
    if (r == 0) {
        net_set_process (net, pid, STEAL_FD (ends.messages));
        *ret_net = net;
    }
    close_ends (&ends);
    return r;
}
