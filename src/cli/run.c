/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posada run from its first to its last moment. SIGINT, SIGTERM and SIGHUP pull the plug, as Ctrl-A
 * X and the quit command do: the machine is off and the exit status is 0. A guest is asked politely
 * with the powerdown command.
 */
#include "cli/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/companion.h"
#include "cli/control.h"
#include "cli/snapshots.h"
#include "cli/terminal.h"
#include "cli/viewing.h"

void
run_quit (struct run *self)
{
    self->done = true;
}

static void
state_changed (struct run *self, const struct vmm_event *event)
{
    snprintf (self->reason, sizeof self->reason, "%s", event->reason);
    switch (event->state) {
    case VMM_RUNNING: self->started = true; break;
    case VMM_PAUSED:
        if (event->reason[0])
            cli_complain ("the machine is paused: %s", event->reason);
        break;
    case VMM_OFF:
        if (self->started)
            self->done = true;
        break;
    case VMM_CRASHED:
        self->status = CLI_FAILED;
        self->done = true;
        break;
    }
}

void
run_drain_events (struct run *self)
{
    struct vmm_event event;

    while (!self->done && vmm_next_event (self->machine, &event) > 0) {
        switch (event.type) {
        case VMM_EVENT_STATE: state_changed (self, &event); break;
        case VMM_EVENT_REFUSED:
            snprintf (self->refused, sizeof self->refused, "%s", event.reason);
            if (!self->started) {
                cli_complain ("the machine does not start: %s", event.reason);
                self->status = CLI_BAD_HOST;
                self->done = true;
            }
            break;
        case VMM_EVENT_SAVED:
        case VMM_EVENT_RESTORED: snapshots_handle_event (self, &event); break;
        case VMM_EVENT_RESET:
            vmm_log (&self->log, VMM_LOG_INFO, "reset%s%s", event.reason[0] ? ": " : "",
                     event.reason);
            break;
        }
    }
}

static void
events_cb (void *data, uint32_t events)
{
    run_drain_events (data);
}

static void
signals_cb (void *data, uint32_t events)
{
    struct run *self = data;
    struct signalfd_siginfo signal;

    while (read (self->signal_fd, &signal, sizeof signal) == (ssize_t) sizeof signal) {
        if (signal.ssi_signo != SIGCONT)
            run_quit (self);
        else if (self->terminal)
            terminal_continued (self->terminal);
    }
}

/* Before any thread exists, so that all of them inherit the mask. */
static int
catch_signals (struct run *self, sigset_t *ret_mask, struct vmm_error *error)
{
    sigset_t mask;

    signal (SIGPIPE, SIG_IGN);
    sigemptyset (&mask);
    sigaddset (&mask, SIGINT);
    sigaddset (&mask, SIGTERM);
    sigaddset (&mask, SIGHUP);
    sigaddset (&mask, SIGCONT);
    sigprocmask (SIG_BLOCK, &mask, NULL);
    *ret_mask = mask;
    self->signal_fd = signalfd (-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signal_fd < 0)
        return vmm_error_set_errno (error, -errno, "signals cannot be caught");
    return vmm_loop_add (self->loop, &self->signals, self->signal_fd, EPOLLIN, NULL, signals_cb,
                         self);
}

static int
run_machine (struct run *self, struct vmm_error *error)
{
    int r = 0;

    if (self->terminal) {
        r = terminal_start (self->terminal, error);
        if (r < 0) {
            self->status = CLI_BAD_USE;
            return r;
        }
    }
    r = vmm_loop_add (self->loop, &self->events, vmm_event_fd (self->machine), EPOLLIN, NULL,
                      events_cb, self);
    if (r < 0)
        return vmm_error_set_errno (error, r, "the machine cannot be watched");
    /* Nobody gets to see a machine that is not on yet. */
    snapshots_clean (self);
    if (self->options.restore_path)
        r = snapshots_restore_first (self, self->options.restore_path, error);
    else
        vmm_start (self->machine);
    if (r < 0) {
        self->status = CLI_BAD_USE;
        return r;
    }
    vmm_sync (self->machine);
    while (!self->done && r >= 0)
        r = vmm_loop_iterate (self->loop, -1);
    return r < 0 ? vmm_error_set_errno (error, r, "the event loop failed") : 0;
}

/* What a crash was, and the likeliest cause if this host is one that cannot do better. */
static void
explain_crash (const struct run *self)
{
    struct vmm_host host;

    cli_complain ("the machine crashed: %s", self->reason);
    vmm_probe_host (&host);
    if (host.verdict != VMM_HOST_USABLE)
        cli_complain ("%s %s", host.summary, host.advice);
}

/* Viewers are let in by another program. */
static bool
is_elsewhere (const struct run *run)
{
    const struct viewing_option *viewing = &run->options.viewing;

    return !run->viewing && (viewing->socket || viewing->port);
}

enum cli_status
viewing_run (int argc, char **argv, const struct viewing_class *viewing)
{
    struct run run = {
        .status = CLI_BAD_HOST,
        .signal_fd = -1,
        .log_fd = -1,
        .serial_fd = -1,
        .console_fd = -1,
        .viewing = viewing,
    };
    struct vmm_error error = {0};
    sigset_t mask;
    int r = options_parse (argc, argv, &run.options, &error);

    if (r == OPTIONS_HELP) {
        options_print_help (stdout);
        options_clear (&run.options);
        return CLI_OK;
    }
    if (r == 0 && is_elsewhere (&run)) {
        companion_execute ("posada-run-spice", POSADA_LIBEXECDIR, argv);
        options_clear (&run.options);
        return CLI_BAD_HOST;
    }
    companion_adopt ();
    sigemptyset (&mask);
    if (r < 0)
        run.status = CLI_BAD_USE;
    else {
        r = vmm_loop_create (&run.loop);
        if (r < 0)
            vmm_error_set_errno (&error, r, "no event loop");
    }
    if (r == 0)
        r = catch_signals (&run, &mask, &error);
    if (r == 0)
        r = run_open (&run, &error);
    if (r == 0) {
        run.status = CLI_OK;
        r = run_machine (&run, &error);
        if (r < 0 && run.status == CLI_OK)
            run.status = CLI_BAD_HOST;
    }

    /* From here on the terminal is its owner's again and the control socket gone, so that a second
     * signal may end a machine that cannot be taken apart. */
    if (run.terminal)
        terminal_stop (run.terminal);
    control_destroy (STEAL_PTR (run.control));
    sigprocmask (SIG_UNBLOCK, &mask, NULL);
    if (r < 0)
        cli_complain ("%s", error.message);
    else if (run.status == CLI_FAILED)
        explain_crash (&run);
    run_close (&run);
    return run.status;
}

enum cli_status
cli_run (int argc, char **argv)
{
    return viewing_run (argc, argv, NULL);
}
