/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"

#define ESCAPE_KEY 0x01 /* Ctrl-A */

/* For the signal and exit handlers, which are given nothing else. */
static struct {
    struct termios saved; /* valid while raw */
    atomic_bool raw;
    bool hooked; /* the handlers are in place */
} process_terminal;

struct terminal {
    struct vmm_source input;  /* standard input */
    struct vmm_source output; /* the pipe, watched while it holds up the input */
    int pipe_in, pipe_out;    /* the chardev's end, ours */
    bool escaped;             /* Ctrl-A came last */
    bool started;
    bool unpollable;            /* standard input is, being a regular file or /dev/null */
    unsigned char pending[256]; /* read, and not yet in the pipe */
    size_t n_pending;
    struct vmm_loop *loop;
    void (*quit) (void *data);
    void *data;
};

/* Async-signal-safe. */
static void
restore (void)
{
    if (atomic_exchange (&process_terminal.raw, false))
        tcsetattr (STDIN_FILENO, TCSADRAIN, &process_terminal.saved);
}

static void
fatal_signal_cb (int number)
{
    restore ();
    /* SA_RESETHAND put the default action back: now it happens. */
    raise (number);
}

/* Crashes of our own must not leave the user with a terminal that does not echo. */
static void
hook_exits (void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT, SIGSYS};
    struct sigaction action = {.sa_handler = fatal_signal_cb, .sa_flags = (int) SA_RESETHAND};

    if (process_terminal.hooked)
        return;
    process_terminal.hooked = true;
    atexit (restore);
    for (size_t i = 0; i < ARRAY_LENGTH (fatal); i++)
        sigaction (fatal[i], &action, NULL);
}

/* Only a process in the foreground may do this; another would be stopped by it. */
static bool
make_raw (void)
{
    struct termios raw;

    if (tcgetpgrp (STDIN_FILENO) != getpgrp ())
        return true;
    if (!atomic_load (&process_terminal.raw) &&
        tcgetattr (STDIN_FILENO, &process_terminal.saved) < 0)
        return false;
    raw = process_terminal.saved;
    cfmakeraw (&raw);
    atomic_store (&process_terminal.raw, true);
    if (tcsetattr (STDIN_FILENO, TCSADRAIN, &raw) < 0) {
        atomic_store (&process_terminal.raw, false);
        return false;
    }
    return true;
}

bool
terminal_is_raw (void)
{
    return atomic_load (&process_terminal.raw);
}

/* Takes the Ctrl-A commands out of @bytes and puts the rest into the pending ones, which have room
 * for it. */
static void
take_input (struct terminal *self, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = bytes[i];

        if (!self->escaped) {
            self->escaped = byte == ESCAPE_KEY;
            if (!self->escaped)
                self->pending[self->n_pending++] = byte;
            continue;
        }
        self->escaped = false;
        if (byte == 'x' || byte == 'X' || byte == ('X' & 0x1f))
            self->quit (self->data);
        else if (byte == 'a' || byte == 'A' || byte == ESCAPE_KEY)
            self->pending[self->n_pending++] = ESCAPE_KEY;
    }
}

/* Moves pending bytes on; true if all went. */
static bool
flush_pending (struct terminal *self)
{
    ssize_t n;

    if (self->n_pending == 0)
        return true;
    n = write (self->pipe_out, self->pending, self->n_pending);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        n = (ssize_t) self->n_pending; /* nobody will ever read it */
    if (n > 0) {
        self->n_pending -= (size_t) n;
        memmove (self->pending, self->pending + n, self->n_pending);
    }
    return self->n_pending == 0;
}

/* Nothing is pending. False when the input has ended, which is not the end of the machine. */
static bool
read_input (struct terminal *self)
{
    unsigned char bytes[sizeof self->pending];
    ssize_t n = read (STDIN_FILENO, bytes, sizeof bytes);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    take_input (self, bytes, (size_t) n);
    return n > 0;
}

static void output_cb (void *data, uint32_t events);

static void
wait_for_room (struct terminal *self)
{
    vmm_source_remove (&self->input);
    vmm_loop_add (self->loop, &self->output, self->pipe_out, EPOLLOUT, NULL, output_cb, self);
}

/*
 * A guest that does not read holds up a file or pipe, but not a person: typed keys go on to be
 * looked at for Ctrl-A X and are dropped.
 */
static void
input_cb (void *data, uint32_t events)
{
    struct terminal *self = data;

    if (!flush_pending (self)) {
        if (!isatty (STDIN_FILENO)) {
            wait_for_room (self);
            return;
        }
        self->n_pending = 0;
    }
    if (read_input (self))
        flush_pending (self);
    else
        vmm_source_remove (&self->input);
}

/* What cannot be polled is always readable: the pipe sets the pace instead. */
static void
watch_input (struct terminal *self)
{
    self->unpollable = vmm_loop_add (self->loop, &self->input, STDIN_FILENO, EPOLLIN, NULL,
                                     input_cb, self) == -EPERM;
    if (self->unpollable)
        wait_for_room (self);
}

/* The pipe has room. */
static void
output_cb (void *data, uint32_t events)
{
    struct terminal *self = data;

    if (!flush_pending (self))
        return;
    if (self->unpollable) {
        if (!read_input (self))
            vmm_source_remove (&self->output);
        return;
    }
    vmm_source_remove (&self->output);
    watch_input (self);
}

int
terminal_create (struct vmm_loop *loop, void (*quit) (void *data), void *data,
                 struct terminal **ret_terminal, struct vmm_error *error)
{
    struct terminal *self = calloc (1, sizeof *self);
    int fds[2];

    if (!self)
        return vmm_error_set_errno (error, -ENOMEM, "standard input cannot be used");
    if (pipe2 (fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        free (self);
        return vmm_error_set_errno (error, -errno, "standard input cannot be used");
    }
    self->pipe_in = fds[0];
    self->pipe_out = fds[1];
    self->loop = loop;
    self->quit = quit;
    self->data = data;
    *ret_terminal = self;
    return 0;
}

void
terminal_destroy (struct terminal *self)
{
    if (!self)
        return;
    terminal_stop (self);
    close_fd (self->pipe_in);
    close_fd (self->pipe_out);
    free (self);
}

int
terminal_input_fd (const struct terminal *self)
{
    return self->pipe_in;
}

int
terminal_start (struct terminal *self, struct vmm_error *error)
{
    if (isatty (STDIN_FILENO)) {
        hook_exits ();
        if (!make_raw ())
            return vmm_error_set_errno (error, -errno, "the terminal cannot be made raw");
    }
    self->started = true;
    watch_input (self);
    return 0;
}

void
terminal_stop (struct terminal *self)
{
    if (!self->started)
        return;
    self->started = false;
    vmm_source_remove (&self->input);
    vmm_source_remove (&self->output);
    restore ();
}

void
terminal_continued (struct terminal *self)
{
    if (self->started && isatty (STDIN_FILENO))
        make_raw ();
}
