/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both directions have one buffer in which frames stand as on the wire, used from its start and
 * moved there when it gets short, so that an idle network touches few pages. A frame of the longest
 * kind always fits into an empty one.
 *
 * Receiving: one read per turn of the loop, and everything whole in it is offered. A user that has
 * no room ends that until net_resume (). Meanwhile the buffer grows, to a limit, beyond which the
 * socket is left alone and the other end feels it. The limit is a few TCP windows: passt, seen with
 * that of May 2025, drops what its socket does not take, and sends the end of a connection once,
 * for which a guest that was paused at the wrong moment would wait for ever.
 *
 * Sending: frames gather until net_flush (), or until there is enough for a system call to be worth
 * it. What the socket does not take waits for EPOLLOUT.
 *
 * The lengths on the wire are the other end's word. One that cannot be ends the connection, as
 * there is no way to find the next frame.
 */
#include "net/net.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "net/net-internal.h"

#define HEADER      4
#define BUFFER_SIZE (256 * KIB)
#define IN_LIMIT    (32 * MIB) /* filled to the half */
/* Sent before net_flush () asks for it. */
#define ENOUGH (64 * KIB)

struct buffer {
    uint8_t *bytes;
    size_t size, start, end;
};

struct net {
    int fd; /* -1: ended */
    struct buffer in, out;
    bool stalled;             /* the user has no room; net_resume () is awaited */
    bool wanted;              /* the user was told that there is no room */
    bool blocked;             /* the socket took no more */
    bool full;                /* the limit of .in is reached: it is not read any more */
    char why[NET_LINE + 128]; /* it ended */
    uint32_t watched;
    struct vmm_source source;
    struct vmm_timer end_timer;

    struct vmm_loop *loop; /* NULL while detached */
    pthread_mutex_t *lock;
    const struct net_user *user;
    void *data;

    pid_t pid; /* 0: none */
    int messages_fd;
    struct vmm_source messages;
    char said[NET_LINE];

    _Atomic uint64_t received_bytes, received_frames, sent_bytes, sent_frames, dropped_frames;
    atomic_bool ended;
};

static void
count (_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit (counter, n, memory_order_relaxed);
}

/* Buffers. */

static size_t
buffer_length (const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

static size_t
buffer_room (const struct buffer *buffer)
{
    return buffer->size - buffer_length (buffer);
}

static void
buffer_consume (struct buffer *buffer, size_t length)
{
    buffer->start += length;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

/* Moves what there is to the start if less than @length bytes are free behind it. */
static void
buffer_make_room (struct buffer *buffer, size_t length)
{
    if (buffer->size - buffer->end >= length)
        return;
    memmove (buffer->bytes, buffer->bytes + buffer->start, buffer_length (buffer));
    buffer->end = buffer_length (buffer);
    buffer->start = 0;
}

/* The end. */

static void
take_messages (struct net *self)
{
    char text[4096];
    ssize_t n;

    /* Not more than a pipe holds. */
    for (unsigned i = 0; i < 16 && self->messages_fd >= 0; i++) {
        n = read (self->messages_fd, text, sizeof text);
        if (n <= 0)
            break;
        net_last_line (text, (size_t) n, self->said);
    }
}

/* Nothing goes either way any more. The user is told from the loop, because it may be in the middle
 * of something. */
static void
end (struct net *self, const char *why)
{
    if (self->fd < 0)
        return;
    take_messages (self);
    snprintf (self->why, sizeof self->why, "%s%s%s", why, *self->said ? ": " : "", self->said);
    vmm_source_remove (&self->source);
    self->fd = close_fd (self->fd);
    atomic_store_explicit (&self->ended, true, memory_order_relaxed);
    self->in.start = self->in.end = self->out.start = self->out.end = 0;
    if (self->loop)
        vmm_timer_arm (&self->end_timer, 0);
}

static void
end_cb (void *data)
{
    struct net *self = data;

    self->user->ended (self->data, self->why);
}

static void
end_by_peer (struct net *self)
{
    end (self, self->pid ? "passt has ended" : "the other end is gone");
}

static void
end_by_lie (struct net *self, uint32_t length)
{
    char why[128];

    snprintf (why, sizeof why, "%s announced a frame of %u bytes, which cannot be",
              self->pid ? "passt" : "the other end", length);
    end (self, why);
}

/* Events. */

static void socket_cb (void *data, uint32_t events);

static void
watch (struct net *self)
{
    uint32_t events = (self->full ? 0 : EPOLLIN) | (self->blocked ? EPOLLOUT : 0);

    if (self->fd < 0 || !self->loop || (self->source.loop && events == self->watched))
        return;
    self->watched = events;
    if (self->source.loop)
        vmm_source_modify (&self->source, events);
    else if (vmm_loop_add (self->loop, &self->source, self->fd, events, self->lock, socket_cb,
                           self) < 0)
        end (self, "the network's socket cannot be watched");
}

/* Receiving. */

/* Offers the first frame of the buffer; false if it is not whole, not wanted yet, or a lie. */
static bool
offer_one (struct net *self)
{
    const uint8_t *bytes = self->in.bytes + self->in.start;
    size_t there = buffer_length (&self->in);
    enum net_verdict verdict;
    uint32_t length;

    if (there < HEADER)
        return false;
    length = load_be32 (bytes);
    if (length < NET_MIN_FRAME || length > NET_MAX_FRAME) {
        end_by_lie (self, length);
        return false;
    }
    if (there - HEADER < length)
        return false;
    verdict = self->user->receive (self->data, bytes + HEADER, length);
    if (verdict == NET_LATER) {
        self->stalled = true;
        return false;
    }
    if (verdict == NET_TAKEN) {
        count (&self->received_bytes, length);
        count (&self->received_frames, 1);
    } else {
        count (&self->dropped_frames, 1);
    }
    buffer_consume (&self->in, HEADER + length);
    return true;
}

static void
offer (struct net *self)
{
    unsigned n = 0;

    while (offer_one (self))
        n++;
    if (n)
        self->user->received (self->data);
}

static bool
resize_in (struct net *self, size_t size)
{
    uint8_t *bytes = realloc (self->in.bytes, size);

    if (!bytes)
        return false;
    self->in.bytes = bytes;
    self->in.size = size;
    return true;
}

/* One read, and what it brings. */
static void
receive (struct net *self)
{
    ssize_t n;

    /* Half is free, so that little is moved. */
    if (buffer_room (&self->in) < self->in.size / 2 &&
        (self->in.size >= IN_LIMIT || !resize_in (self, 2 * self->in.size))) {
        self->full = true;
        return;
    }
    buffer_make_room (&self->in, HEADER + NET_MAX_FRAME);
    n = recv (self->fd, self->in.bytes + self->in.end, self->in.size - self->in.end, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end_by_peer (self);
        return;
    }
    self->in.end += (size_t) n;
    if (!self->stalled)
        offer (self);
}

void
net_resume (struct net *self)
{
    if (self->fd < 0 || !self->stalled || !self->loop)
        return;
    self->stalled = self->full = false;
    offer (self);
    if (self->in.end == 0 && self->in.size > BUFFER_SIZE)
        resize_in (self, BUFFER_SIZE);
    watch (self);
}

/* Sending. */

static void
write_out (struct net *self)
{
    while (self->fd >= 0 && buffer_length (&self->out) && !self->blocked) {
        ssize_t n = send (self->fd, self->out.bytes + self->out.start, buffer_length (&self->out),
                          MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0)
            buffer_consume (&self->out, (size_t) n);
        else if (n < 0 && errno == EAGAIN)
            self->blocked = true;
        else if (n == 0 || errno != EINTR)
            end_by_peer (self);
    }
}

bool
net_can_send (struct net *self)
{
    if (self->fd < 0 || buffer_room (&self->out) >= HEADER + NET_MAX_FRAME)
        return true;
    net_flush (self);
    if (self->fd < 0 || buffer_room (&self->out) >= HEADER + NET_MAX_FRAME)
        return true;
    self->wanted = true;
    return false;
}

void
net_send (struct net *self, const struct iovec *iov, unsigned n_iov)
{
    uint64_t length = 0;
    uint8_t *to;

    for (unsigned i = 0; i < n_iov; i++)
        length += iov[i].iov_len;
    if (self->fd < 0 || length < NET_MIN_FRAME || length > NET_MAX_FRAME ||
        buffer_room (&self->out) < HEADER + length) {
        count (&self->dropped_frames, 1);
        return;
    }
    buffer_make_room (&self->out, HEADER + (size_t) length);
    to = self->out.bytes + self->out.end;
    store_be32 (to, (uint32_t) length);
    to += HEADER;
    for (unsigned i = 0; i < n_iov; i++) {
        memcpy (to, iov[i].iov_base, iov[i].iov_len);
        to += iov[i].iov_len;
    }
    self->out.end += HEADER + (size_t) length;
    count (&self->sent_bytes, length);
    count (&self->sent_frames, 1);
    if (buffer_length (&self->out) >= ENOUGH)
        net_flush (self);
}

void
net_flush (struct net *self)
{
    write_out (self);
    watch (self);
}

static void
socket_cb (void *data, uint32_t events)
{
    struct net *self = data;

    if (events & EPOLLOUT) {
        self->blocked = false;
        write_out (self);
    }
    if (self->fd >= 0 && events & EPOLLIN && !self->full)
        receive (self);
    else if (self->fd >= 0 && events & (EPOLLHUP | EPOLLERR))
        end_by_peer (self);
    /* Not before a good part is gone, so that the user has something to do. */
    if (self->wanted && (self->fd < 0 || buffer_room (&self->out) >= BUFFER_SIZE / 2)) {
        self->wanted = false;
        self->user->writable (self->data);
    }
    watch (self);
}

static void
messages_cb (void *data, uint32_t events)
{
    struct net *self = data;

    take_messages (self);
    if (events & (EPOLLHUP | EPOLLERR))
        vmm_source_remove (&self->messages);
}

/* Being there. */

int
net_attach (struct net *self, struct vmm_loop *loop, pthread_mutex_t *lock,
            const struct net_user *user, void *data)
{
    int r = 0;

    self->loop = loop;
    self->lock = lock;
    self->user = user;
    self->data = data;
    self->stalled = self->full = self->wanted = false;
    vmm_timer_init (&self->end_timer, loop, NULL, lock, end_cb, self);
    if (self->fd < 0) {
        vmm_timer_arm (&self->end_timer, 0);
        return 0;
    }
    self->watched = EPOLLIN | (self->blocked ? EPOLLOUT : 0);
    r = vmm_loop_add (loop, &self->source, self->fd, self->watched, lock, socket_cb, self);
    if (r == 0 && self->messages_fd >= 0)
        r = vmm_loop_add (loop, &self->messages, self->messages_fd, EPOLLIN, lock, messages_cb,
                          self);
    if (r < 0)
        net_detach (self);
    return r;
}

void
net_detach (struct net *self)
{
    if (!self->loop)
        return;
    vmm_source_remove (&self->source);
    vmm_source_remove (&self->messages);
    vmm_timer_disarm (&self->end_timer);
    self->loop = NULL;
    self->lock = NULL;
    self->user = NULL;
}

bool
net_is_up (const struct net *self)
{
    return self->fd >= 0;
}

void
net_get_stats (struct net *self, struct net_stats *ret_stats)
{
    *ret_stats = (struct net_stats) {
        .received_bytes = atomic_load_explicit (&self->received_bytes, memory_order_relaxed),
        .received_frames = atomic_load_explicit (&self->received_frames, memory_order_relaxed),
        .sent_bytes = atomic_load_explicit (&self->sent_bytes, memory_order_relaxed),
        .sent_frames = atomic_load_explicit (&self->sent_frames, memory_order_relaxed),
        .dropped_frames = atomic_load_explicit (&self->dropped_frames, memory_order_relaxed),
        .ended = atomic_load_explicit (&self->ended, memory_order_relaxed),
    };
}

int
net_open_fd (int fd, struct net **ret_net, struct vmm_error *error)
{
    struct net *self = calloc (1, sizeof *self);

    if (!self) {
        close_fd (fd);
        return vmm_error_set (error, -ENOMEM, "out of memory for a network");
    }
    self->fd = fd;
    self->messages_fd = -1;
    self->in.size = self->out.size = BUFFER_SIZE;
    self->in.bytes = malloc (BUFFER_SIZE);
    self->out.bytes = malloc (BUFFER_SIZE);
    if (!self->in.bytes || !self->out.bytes) {
        net_close (self);
        return vmm_error_set (error, -ENOMEM, "out of memory for a network");
    }
    *ret_net = self;
    return 0;
}

void
net_set_process (struct net *self, pid_t pid, int messages_fd)
{
    self->pid = pid;
    self->messages_fd = messages_fd;
}

void
net_end_process (pid_t pid)
{
    int status;

    assert (pid > 0);
    /* Not reaped yet, so the number is still its own. */
    kill (pid, SIGKILL);
    while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
        ;
}

void
net_close (struct net *self)
{
    if (!self)
        return;
    net_detach (self);
    close_fd (self->fd);
    close_fd (self->messages_fd);
    if (self->pid)
        net_end_process (self->pid);
    free (self->in.bytes);
    free (self->out.bytes);
    free (self);
}
