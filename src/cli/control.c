/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flow control: a client's bytes are read only while there is room for a line, a line is handed out
 * only when the answer to the one before has left for the client. So a client that never reads
 * holds at most one line, one answer and what the socket itself buffers, and stops nobody else.
 *
 * Clients live in slots that are never freed before the end, because the loop may still hold an
 * event of a client that was closed in the same turn.
 */
#include "cli/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/socket.h"
#include "base/util.h"
#include "cli/json.h"
#include "cli/text.h"

struct control_client {
    struct control *control;
    bool used;
    int fd;
    struct vmm_source source; /* not added once the connection is broken */
    char line[CONTROL_MAX_LINE];
    size_t n_line;
    bool overlong; /* dropping everything up to the next newline */
    bool busy;     /* a command is being carried out */
    bool ended;    /* no more bytes will come */
    bool pumping;  /* client_pump () is at work further up the stack */
    char *answer;  /* what of it is unsent */
    size_t n_answer, sent;
};

struct control {
    char *path;
    struct socket_place place;
    struct vmm_loop *loop;
    control_command_fn command;
    void *data;
    int fd;
    struct vmm_source source;
    struct control_client clients[CONTROL_MAX_CLIENTS];
};

static void
client_close (struct control_client *self)
{
    vmm_source_remove (&self->source);
    self->fd = close_fd (self->fd);
    free (self->answer);
    self->answer = NULL;
    self->used = false;
}

/* The peer is gone for good: commands that came before that are still carried out. */
static void
client_break (struct control_client *self)
{
    vmm_source_remove (&self->source);
    self->ended = true;
    free (self->answer);
    self->answer = NULL;
}

static bool
client_is_broken (const struct control_client *self)
{
    return !self->source.loop;
}

/* Sends what it can of the answer. */
static void
client_send (struct control_client *self)
{
    ssize_t n;

    if (!self->answer)
        return;
    if (client_is_broken (self)) {
        client_break (self);
        return;
    }
    n = send (self->fd, self->answer + self->sent, self->n_answer - self->sent, MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            client_break (self);
        return;
    }
    self->sent += (size_t) n;
    if (self->sent == self->n_answer) {
        free (self->answer);
        self->answer = NULL;
    }
}

/* Hands out the first line of @length bytes without its newline. */
static void
client_command (struct control_client *self, char *line, size_t length)
{
    line[length] = 0;
    if (length && line[length - 1] == '\r')
        line[--length] = 0;
    self->busy = true;
    if (strlen (line) != length || !text_is_clean (line))
        control_reply_error (self, "the command is not UTF-8 text");
    else
        self->control->command (self->control->data, self, line);
}

/* Takes one line out of the buffer and has it carried out; false if there is none. */
static bool
client_next_line (struct control_client *self)
{
    char line[CONTROL_MAX_LINE];
    char *newline = memchr (self->line, '\n', self->n_line);
    size_t length;
    bool overlong = self->overlong;

    if (!newline) {
        if (self->n_line == sizeof self->line) {
            self->overlong = true;
            self->n_line = 0;
        }
        return false;
    }
    length = (size_t) (newline - self->line);
    memcpy (line, self->line, length);
    self->n_line -= length + 1;
    memmove (self->line, newline + 1, self->n_line);
    self->overlong = false;
    if (overlong) {
        self->busy = true;
        control_reply_error (self, "the command is longer than %d bytes", CONTROL_MAX_LINE - 1);
    } else
        client_command (self, line, length);
    return true;
}

/* Does all that can be done now, and arranges to be called for the rest. */
static void
client_pump (struct control_client *self)
{
    uint32_t events = 0;

    if (self->pumping)
        return;
    self->pumping = true;
    client_send (self);
    while (!self->busy && !self->answer && client_next_line (self))
        ;
    self->pumping = false;

    if (self->ended && !self->busy && !self->answer) {
        client_close (self);
        return;
    }
    if (client_is_broken (self))
        return;
    if (self->answer)
        events |= EPOLLOUT;
    if (!self->ended && self->n_line < sizeof self->line)
        events |= EPOLLIN;
    vmm_source_modify (&self->source, events);
}

static void
client_cb (void *data, uint32_t events)
{
    struct control_client *self = data;
    ssize_t n;

    if (!self->ended && self->n_line < sizeof self->line && (events & (EPOLLIN | EPOLLHUP))) {
        n = recv (self->fd, self->line + self->n_line, sizeof self->line - self->n_line, 0);
        if (n > 0)
            self->n_line += (size_t) n;
        else if (n == 0)
            self->ended = true;
        else if (errno != EAGAIN && errno != EINTR)
            client_break (self);
    } else if (events & (EPOLLHUP | EPOLLERR))
        /* Nothing left to read, or no room for it: such a client is told nothing, either. */
        client_break (self);
    client_pump (self);
}

void
control_reply (struct control_client *client, char *json)
{
    static const char no_memory[] = "{\"ok\":false,\"error\":\"out of memory\"}";
    AUTO_FREE char *text = json;
    int length;

    client->busy = false;
    length = asprintf (&client->answer, "%s\n", text ? text : no_memory);
    if (length < 0) {
        client->answer = NULL;
        client_break (client);
    } else {
        client->n_answer = (size_t) length;
        client->sent = 0;
        client_send (client);
    }
    client_pump (client);
}

void
control_reply_ok (struct control_client *client)
{
    control_reply (client, strdup ("{\"ok\":true}"));
}

void
control_reply_error (struct control_client *client, const char *format, ...)
{
    va_list arguments;
    char message[600];
    struct json json;

    va_start (arguments, format);
    vsnprintf (message, sizeof message, format, arguments);
    va_end (arguments);
    json_init (&json);
    json_begin_object (&json, NULL);
    json_bool (&json, "ok", false);
    json_string (&json, "error", message);
    json_end_object (&json);
    control_reply (client, json_finish (&json));
}

static void
accept_cb (void *data, uint32_t events)
{
    static const char full[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";
    struct control *self = data;
    struct control_client *client = NULL;
    AUTO_FD fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    for (size_t i = 0; i < CONTROL_MAX_CLIENTS && !client; i++)
        if (!self->clients[i].used)
            client = &self->clients[i];
    if (!client) {
        send (fd, full, sizeof full - 1, MSG_NOSIGNAL);
        return;
    }
    *client = (struct control_client) {.control = self, .used = true};
    if (vmm_loop_add (self->loop, &client->source, fd, EPOLLIN, NULL, client_cb, client) < 0) {
        client->used = false;
        return;
    }
    client->fd = STEAL_FD (fd);
}

int
control_create (const char *path, struct vmm_loop *loop, control_command_fn command, void *data,
                struct control **ret_control, struct vmm_error *error)
{
    struct control *self = calloc (1, sizeof *self);
    int r;

    if (!self)
        return vmm_error_set_errno (error, -ENOMEM, "%s", path);
    self->fd = -1;
    self->loop = loop;
    self->command = command;
    self->data = data;
    self->path = strdup (path);
    if (!self->path) {
        r = vmm_error_set_errno (error, -ENOMEM, "%s", path);
        goto failed;
    }
    r = socket_listen (path, &self->fd, &self->place, error);
    if (r < 0)
        goto failed;
    r = vmm_loop_add (loop, &self->source, self->fd, EPOLLIN, NULL, accept_cb, self);
    if (r < 0) {
        vmm_error_set_errno (error, r, "%s", path);
        goto failed;
    }
    *ret_control = self;
    return 0;

failed:
    control_destroy (self);
    return r;
}

void
control_destroy (struct control *self)
{
    if (!self)
        return;
    vmm_source_remove (&self->source);
    for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
        if (self->clients[i].used)
            client_close (&self->clients[i]);
    if (self->fd >= 0)
        socket_remove (self->path, &self->place);
    close_fd (self->fd);
    free (self->path);
    free (self);
}
