/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Descriptors come from anywhere (a terminal the user's shell reads, too), so their O_NONBLOCK flag
 * is not ours to set. Sockets are told so call by call; the others are polled first and then given
 * no more than they take without blocking: PIPE_BUF bytes for a pipe, one byte for a terminal.
 *
 * Input that the device does not take stays in a small buffer and its descriptor leaves the loop,
 * so that a level-triggered end of file cannot spin. chardev_resume_input () may run on a vCPU
 * thread; it arms a timer, and the loop delivers.
 */
#include "base/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/util.h"

#define INPUT_SIZE   512
#define OUTPUT_LIMIT (64 * 1024)

enum stream_kind {
    STREAM_FILE, /* never blocks for long */
    STREAM_SOCKET,
    STREAM_PIPE,
    STREAM_OTHER, /* terminals and whatever else there is */
};

struct stream {
    int fd; /* owned; -1: none */
    enum stream_kind kind;
    struct vmm_source source;
};

struct chardev {
    struct stream in, out;
    bool in_ended;      /* nothing more to read; the descriptor is watched for hanging up at most */
    bool in_unpollable; /* a regular file: always readable */
    bool is_listener;
    bool connected;
    bool stalled; /* the user left some input; chardev_resume_input () is awaited */
    int listen_fd;
    struct vmm_source listen_source;
    char path[sizeof ((struct sockaddr_un *) NULL)->sun_path];
    dev_t path_device;
    ino_t path_inode;

    struct vmm_loop *loop; /* NULL while detached */
    pthread_mutex_t *lock;
    const struct chardev_user *user;
    void *data;
    struct vmm_timer deliver_timer;

    unsigned char input[INPUT_SIZE];
    size_t input_first, input_end;
    unsigned char output[OUTPUT_LIMIT]; /* a ring */
    size_t output_first, output_length;
};

static void in_cb (void *data, uint32_t events);

static enum stream_kind
kind_of (int fd)
{
    struct stat status;

    if (fstat (fd, &status) < 0)
        return STREAM_OTHER;
    switch (status.st_mode & S_IFMT) {
    case S_IFREG: return STREAM_FILE;
    case S_IFSOCK: return STREAM_SOCKET;
    case S_IFIFO: return STREAM_PIPE;
    default: return STREAM_OTHER;
    }
}

static struct chardev *
chardev_new (void)
{
    struct chardev *self = calloc (1, sizeof *self);

    if (self)
        self->in.fd = self->out.fd = self->listen_fd = -1;
    return self;
}

/* A private copy of @fd, so that in and out may be the same descriptor and the owner may close his.
 */
static int
stream_dup (struct stream *stream, int fd)
{
    if (fd < 0)
        return 0;
    stream->fd = fcntl (fd, F_DUPFD_CLOEXEC, 3);
    if (stream->fd < 0)
        return -errno;
    stream->kind = kind_of (stream->fd);
    return 0;
}

static void
stream_close (struct stream *stream)
{
    vmm_source_remove (&stream->source);
    stream->fd = close_fd (stream->fd);
}

static bool
is_ready (int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};

    return poll (&poll_fd, 1, 0) > 0;
}

static ssize_t
stream_read (struct stream *stream, void *buffer, size_t length)
{
    ssize_t r;

    if (stream->kind == STREAM_SOCKET)
        r = recv (stream->fd, buffer, length, MSG_DONTWAIT);
    else if (stream->kind == STREAM_FILE || is_ready (stream->fd, POLLIN))
        r = read (stream->fd, buffer, length);
    else
        return -EAGAIN;
    return r < 0 ? -errno : r;
}

/* Writes to a pipe whose reader is gone raise SIGPIPE: kept from the process, whose handlers are
 * not ours. One that was pending before stays so. */
static ssize_t
write_without_signal (int fd, const void *bytes, size_t length)
{
    const struct timespec at_once = {0};
    sigset_t pipe_set, old_set, pending;
    bool was_pending;
    ssize_t r;

    sigemptyset (&pipe_set);
    sigaddset (&pipe_set, SIGPIPE);
    sigpending (&pending);
    was_pending = sigismember (&pending, SIGPIPE) == 1;
    pthread_sigmask (SIG_BLOCK, &pipe_set, &old_set);
    r = write (fd, bytes, length);
    if (r < 0)
        r = -errno;
    if (r == -EPIPE && !was_pending)
        while (sigtimedwait (&pipe_set, NULL, &at_once) < 0 && errno == EINTR)
            ;
    pthread_sigmask (SIG_SETMASK, &old_set, NULL);
    return r;
}

static ssize_t
stream_write (struct stream *stream, const void *bytes, size_t length)
{
    ssize_t r;

    switch (stream->kind) {
    case STREAM_SOCKET: r = send (stream->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL); break;
    case STREAM_FILE: r = write (stream->fd, bytes, length); break;
    case STREAM_PIPE:
        if (!is_ready (stream->fd, POLLOUT))
            return -EAGAIN;
        return write_without_signal (stream->fd, bytes, MIN_OF (length, (size_t) PIPE_BUF));
    default:
        if (!is_ready (stream->fd, POLLOUT))
            return -EAGAIN;
        r = write (stream->fd, bytes, 1);
        break;
    }
    return r < 0 ? -errno : r;
}

static bool
is_transient (ssize_t error)
{
    return error == -EAGAIN || error == -EINTR;
}

/* Writes from the ring as long as the host takes it; what a dead host will never take is dropped.
 */
static void
flush_output (struct chardev *self)
{
    while (self->output_length > 0 && self->out.fd >= 0) {
        size_t run = MIN_OF (self->output_length, OUTPUT_LIMIT - self->output_first);
        ssize_t r = stream_write (&self->out, self->output + self->output_first, run);

        if (is_transient (r))
            return;
        if (r <= 0) {
            self->output_length = 0;
            return;
        }
        self->output_first = (self->output_first + (size_t) r) % OUTPUT_LIMIT;
        self->output_length -= (size_t) r;
    }
}

static void
queue_output (struct chardev *self, const unsigned char *bytes, size_t length)
{
    if (length > OUTPUT_LIMIT) {
        bytes += length - OUTPUT_LIMIT;
        length = OUTPUT_LIMIT;
    }
    if (length > OUTPUT_LIMIT - self->output_length) {
        size_t excess = length - (OUTPUT_LIMIT - self->output_length);

        self->output_first = (self->output_first + excess) % OUTPUT_LIMIT;
        self->output_length -= excess;
    }
    for (size_t i = 0; i < length; i++)
        self->output[(self->output_first + self->output_length + i) % OUTPUT_LIMIT] = bytes[i];
    self->output_length += length;
}

static void
out_cb (void *data, uint32_t events)
{
    struct chardev *self = data;

    flush_output (self);
    if (self->output_length == 0 || (events & (EPOLLERR | EPOLLHUP)))
        vmm_source_remove (&self->out.source);
}

static void
watch_output (struct chardev *self)
{
    if (self->output_length > 0 && self->out.fd >= 0 && self->loop && !self->out.source.loop)
        vmm_loop_add (self->loop, &self->out.source, self->out.fd, EPOLLOUT, self->lock, out_cb,
                      self);
}

void
chardev_write (struct chardev *self, const void *bytes, size_t length)
{
    queue_output (self, bytes, length);
    flush_output (self);
    watch_output (self);
}

static void
set_connected (struct chardev *self, bool connected)
{
    if (self->connected == connected)
        return;
    self->connected = connected;
    if (self->user && self->user->connected)
        self->user->connected (self->data, connected);
}

static void
deliver_soon (struct chardev *self)
{
    vmm_timer_arm (&self->deliver_timer, 0);
}

static void
watch_input (struct chardev *self)
{
    /* Ended, only its hanging up is of interest, which needs no asking for. */
    uint32_t events = self->in_ended ? 0 : EPOLLIN;

    if (self->in.fd < 0 || !self->loop || self->in.source.loop)
        return;
    if (self->in_unpollable) {
        if (!self->in_ended)
            deliver_soon (self);
        return;
    }
    if (vmm_loop_add (self->loop, &self->in.source, self->in.fd, events, self->lock, in_cb, self) ==
        -EPERM) {
        self->in_unpollable = true;
        deliver_soon (self);
    }
}

static void
hang_up (struct chardev *self)
{
    stream_close (&self->in);
    if (!self->is_listener)
        return;
    stream_close (&self->out);
    self->input_first = self->input_end = 0;
    self->stalled = false;
    set_connected (self, false);
}

static void
end_input (struct chardev *self)
{
    self->in_ended = true;
    if (self->is_listener)
        vmm_source_modify (&self->in.source, 0);
    else
        hang_up (self);
}

/* Offers what is buffered, and reads more as long as all of it was taken; one buffer at a time, so
 * that a flood leaves room for others in the loop. */
static void
pump_input (struct chardev *self)
{
    size_t length;

    if (self->input_first == self->input_end && self->in.fd >= 0 && !self->in_ended) {
        ssize_t r = stream_read (&self->in, self->input, INPUT_SIZE);

        if (r > 0) {
            self->input_first = 0;
            self->input_end = (size_t) r;
        } else if (!is_transient (r)) {
            end_input (self);
        }
    }
    length = self->input_end - self->input_first;
    if (length > 0) {
        size_t taken = self->user->input (self->data, self->input + self->input_first, length);

        self->input_first += MIN_OF (taken, length);
    }
    self->stalled = self->input_first < self->input_end;
    if (self->stalled)
        vmm_source_remove (&self->in.source);
    else
        watch_input (self);
}

static void
in_cb (void *data, uint32_t events)
{
    struct chardev *self = data;

    if (!(events & EPOLLIN) || self->in_ended) {
        if (events & (EPOLLERR | EPOLLHUP))
            hang_up (self);
        return;
    }
    pump_input (self);
}

static void
deliver_cb (void *data)
{
    pump_input (data);
}

void
chardev_resume_input (struct chardev *self)
{
    if (!self->loop || !self->stalled)
        return;
    self->stalled = false;
    deliver_soon (self);
}

static void
listen_cb (void *data, uint32_t events)
{
    struct chardev *self = data;
    AUTO_FD fd = accept4 (self->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    /* A client whose input nobody takes is not watched: see whether he is still there. */
    if (self->in.fd >= 0 && self->stalled && is_ready (self->in.fd, 0))
        hang_up (self);
    /* One at a time: a second one is turned away at once. */
    if (self->in.fd >= 0)
        return;
    if (stream_dup (&self->out, fd) < 0)
        return;
    self->in.fd = STEAL_FD (fd);
    self->in.kind = STREAM_SOCKET;
    self->in_ended = false;
    set_connected (self, true);
    watch_input (self);
    flush_output (self);
    watch_output (self);
}

int
chardev_attach (struct chardev *self, struct vmm_loop *loop, pthread_mutex_t *lock,
                const struct chardev_user *user, void *data)
{
    self->loop = loop;
    self->lock = lock;
    self->user = user;
    self->data = data;
    vmm_timer_init (&self->deliver_timer, loop, NULL, lock, deliver_cb, self);
    if (self->is_listener) {
        int r = vmm_loop_add (loop, &self->listen_source, self->listen_fd, EPOLLIN, lock, listen_cb,
                              self);

        if (r < 0) {
            chardev_detach (self);
            return r;
        }
    } else {
        set_connected (self, true);
    }
    watch_input (self);
    watch_output (self);
    return 0;
}

void
chardev_detach (struct chardev *self)
{
    if (!self->loop)
        return;
    vmm_source_remove (&self->listen_source);
    vmm_source_remove (&self->in.source);
    vmm_source_remove (&self->out.source);
    vmm_timer_disarm (&self->deliver_timer);
    self->loop = NULL;
    self->lock = NULL;
    self->user = NULL;
    /* Whoever attaches next hears about a client that stayed. */
    self->connected = false;
}

int
chardev_open_fds (int in_fd, int out_fd, struct chardev **ret_chardev, struct vmm_error *error)
{
    struct chardev *self = chardev_new ();
    int r;

    if (!self)
        return vmm_error_set (error, -ENOMEM, "out of memory for a serial line");
    r = stream_dup (&self->in, in_fd);
    if (r >= 0)
        r = stream_dup (&self->out, out_fd);
    if (r < 0) {
        chardev_close (self);
        return vmm_error_set_errno (error, r, "a descriptor for a serial line cannot be used");
    }
    *ret_chardev = self;
    return 0;
}

int
chardev_open_file (const char *path, struct chardev **ret_chardev, struct vmm_error *error)
{
    struct chardev *self = chardev_new ();

    if (!self)
        return vmm_error_set (error, -ENOMEM, "out of memory for a serial line");
    /* O_NONBLOCK: a FIFO without a reader is an error instead of a wait. */
    self->out.fd =
        open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (self->out.fd < 0) {
        int r = vmm_error_set_errno (error, -errno, "“%s” cannot be written", path);

        chardev_close (self);
        return r;
    }
    self->out.kind = kind_of (self->out.fd);
    *ret_chardev = self;
    return 0;
}

/* Makes room for a socket at @address: removes one that nobody listens on any more. */
static int
clear_path (const struct sockaddr_un *address, struct vmm_error *error)
{
    AUTO_FD fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat status;

    if (fd < 0)
        return vmm_error_set_errno (error, -errno, "no socket can be made");
    if (lstat (address->sun_path, &status) < 0)
        return 0;
    if (S_ISSOCK (status.st_mode) &&
        connect (fd, (const struct sockaddr *) address, sizeof *address) < 0 &&
        errno == ECONNREFUSED && unlink (address->sun_path) == 0)
        return 0;
    return vmm_error_set (error, -EADDRINUSE, "“%s” is in use", address->sun_path);
}

static int
listen_at (struct chardev *self, const char *path, struct vmm_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    int r;

    if (strlen (path) >= sizeof address.sun_path)
        return vmm_error_set (error, -ENAMETOOLONG,
                              "“%s” is too long a path for a socket (at most %zu bytes)", path,
                              sizeof address.sun_path - 1);
    memcpy (address.sun_path, path, strlen (path) + 1);
    r = clear_path (&address, error);
    if (r < 0)
        return r;
    self->listen_fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The mode a socket has before it is bound limits that of its file: the user's alone. */
    if (self->listen_fd < 0 || fchmod (self->listen_fd, 0600) < 0 ||
        bind (self->listen_fd, (const struct sockaddr *) &address, sizeof address) < 0)
        return vmm_error_set_errno (error, -errno, "“%s” cannot be made a socket", path);
    memcpy (self->path, path, strlen (path) + 1);
    if (lstat (path, &status) == 0) {
        self->path_device = status.st_dev;
        self->path_inode = status.st_ino;
    }
    if (listen (self->listen_fd, 1) < 0)
        return vmm_error_set_errno (error, -errno, "“%s” cannot be listened on", path);
    return 0;
}

int
chardev_open_unix (const char *path, struct chardev **ret_chardev, struct vmm_error *error)
{
    struct chardev *self = chardev_new ();
    int r;

    if (!self)
        return vmm_error_set (error, -ENOMEM, "out of memory for a serial line");
    self->is_listener = true;
    r = listen_at (self, path, error);
    if (r < 0) {
        chardev_close (self);
        return r;
    }
    *ret_chardev = self;
    return 0;
}

void
chardev_close (struct chardev *self)
{
    struct stat status;

    if (!self)
        return;
    chardev_detach (self);
    flush_output (self);
    stream_close (&self->in);
    stream_close (&self->out);
    close_fd (self->listen_fd);
    /* Only if it is still ours: somebody may have put his own there. */
    if (self->path[0] && lstat (self->path, &status) == 0 && status.st_dev == self->path_device &&
        status.st_ino == self->path_inode)
        unlink (self->path);
    free (self);
}
