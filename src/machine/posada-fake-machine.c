/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-fake-machine.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>

#include "machine/posada-fake-display.h"
#include "machine/posada-fake-machine-disks.h"
#include "machine/posada-fake-machine-snapshots.h"
#include "store/posada-definition.h"

#define DELAY  60 /* ms that an operation takes */
#define CPUS   2
#define MEMORY (G_GUINT64_CONSTANT (4) << 30)
#define DISK   (G_GUINT64_CONSTANT (32) << 30)

struct _PosadaFakeMachine {
    PosadaMachine parent_instance;

    PosadaDisplay *display; /* while on */
    int serial_fd;          /* the guest's end of the serial line, while on; else -1 */
    guint serial_source;
    GString *input;
    char *failure; /* what the next operation rejects with */
    guint sampler;
    guint age; /* seconds */

    /* The operation under way, at most one. */
    DexPromise *promise;
    guint timeout;
    PosadaMachineState before, goal;
    char *promised_failure;

    PosadaFakeDisks *disks; /* NULL until somebody asks */
};

G_DEFINE_FINAL_TYPE (PosadaFakeMachine, posada_fake_machine, POSADA_TYPE_MACHINE)

static void
take_sample (PosadaFakeMachine *self)
{
    double t = self->age++;
    PosadaMachineSample sample = {
        .cpu = 0.32 + 0.2 * sin (t / 5) + 0.1 * sin (t / 1.7),
        .memory = (guint64) ((0.55 + 0.05 * sin (t / 11)) * MEMORY),
        .disk_read = (guint64) (fmax (0, sin (t / 4)) * 24e6),
        .disk_write = (guint64) (fmax (0, sin (t / 3 + 2)) * 9e6),
        .net_received = (guint64) (2e4 + fmax (0, sin (t / 7 + 1)) * 31e5),
        .net_sent = (guint64) (4e3 + fmax (0, sin (t / 7 + 1)) * 9e4),
    };

    posada_machine_add_sample (POSADA_MACHINE (self), &sample);
}

static gboolean
sample_cb (gpointer data)
{
    take_sample (data);
    return G_SOURCE_CONTINUE;
}

/* The guest on the serial line greets and echoes. */
static gboolean
serial_cb (int fd, GIOCondition condition, gpointer data)
{
    PosadaFakeMachine *self = data;
    char text[256];
    ssize_t length = recv (fd, text, sizeof (text), MSG_DONTWAIT);

    for (ssize_t i = 0; i < length; i++) {
        const char *echo = text[i] == '\r' ? "\r\nLogin incorrect\r\ndebian login: " : NULL;

        send (fd, echo ? echo : &text[i], echo ? strlen (echo) : 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (length != 0)
        return G_SOURCE_CONTINUE;
    self->serial_source = 0;
    return G_SOURCE_REMOVE;
}

static void
open_serial (PosadaFakeMachine *self)
{
    static const char greeting[] =
        "Debian GNU/Linux 13 \033[1mdebian\033[0m ttyS0\r\n\r\ndebian login: ";
    g_autoptr (PosadaSerial) serial = NULL;
    int fds[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return;
    serial = posada_serial_new (fds[0]);
    self->serial_fd = fds[1];
    self->serial_source = g_unix_fd_add (fds[1], G_IO_IN | G_IO_HUP, serial_cb, self);
    send (fds[1], greeting, strlen (greeting), MSG_DONTWAIT | MSG_NOSIGNAL);
    posada_machine_set_serial (POSADA_MACHINE (self), serial);
}

static void
close_serial (PosadaFakeMachine *self)
{
    g_autoptr (PosadaSerial) serial = NULL;

    g_set_object (&serial, posada_machine_get_serial (POSADA_MACHINE (self)));
    posada_machine_set_serial (POSADA_MACHINE (self), NULL);
    if (serial)
        posada_serial_close (serial);
    g_clear_handle_id (&self->serial_source, g_source_remove);
    g_clear_fd (&self->serial_fd, NULL);
}

static void
close_display (PosadaFakeMachine *self)
{
    g_autoptr (PosadaDisplay) display = g_steal_pointer (&self->display);

    if (!display)
        return;
    posada_machine_set_display (POSADA_MACHINE (self), NULL);
    posada_fake_display_close (POSADA_FAKE_DISPLAY (display));
}

static void
enter (PosadaFakeMachine *self, PosadaMachineState state, const char *reason)
{
    gboolean runs = state == POSADA_MACHINE_RUNNING || state == POSADA_MACHINE_STOPPING;

    if (runs && self->sampler == 0)
        self->sampler = g_timeout_add_seconds (1, sample_cb, self);
    else if (!runs)
        g_clear_handle_id (&self->sampler, g_source_remove);
    if (state == POSADA_MACHINE_RUNNING && !self->display) {
        self->display = posada_fake_display_new (self->input);
        posada_machine_set_display (POSADA_MACHINE (self), self->display);
        open_serial (self);
    }
    if (self->display)
        posada_fake_display_set_still (POSADA_FAKE_DISPLAY (self->display), !runs);
    if (state == POSADA_MACHINE_OFF) {
        close_display (self);
        close_serial (self);
    }
    if (state != POSADA_MACHINE_OFF)
        posada_machine_set_saved (POSADA_MACHINE (self), FALSE);
    posada_machine_set_state (POSADA_MACHINE (self), state, reason);
}

void
posada_fake_machine_enter (PosadaFakeMachine *self, PosadaMachineState state)
{
    /* Through RUNNING, which has a display, as a machine that is restored does. */
    if (state == POSADA_MACHINE_PAUSED)
        enter (self, POSADA_MACHINE_RUNNING, NULL);
    enter (self, state, NULL);
}

char *
posada_fake_machine_steal_failure (PosadaFakeMachine *self)
{
    return g_steal_pointer (&self->failure);
}

static gboolean
finish_cb (gpointer data)
{
    g_autoptr (PosadaFakeMachine) self = g_object_ref (data);
    g_autoptr (DexPromise) promise = g_steal_pointer (&self->promise);
    g_autofree char *failure = g_steal_pointer (&self->promised_failure);

    self->timeout = 0;
    enter (self, failure ? self->before : self->goal, failure);
    if (failure)
        dex_promise_reject (promise, g_error_new_literal (POSADA_MACHINE_ERROR,
                                                          POSADA_MACHINE_ERROR_FAILED, failure));
    else
        dex_promise_resolve_boolean (promise, TRUE);
    return G_SOURCE_REMOVE;
}

/* Gives up the operation under way. */
static void
abandon (PosadaFakeMachine *self, const char *reason)
{
    g_autoptr (DexPromise) promise = g_steal_pointer (&self->promise);

    g_clear_handle_id (&self->timeout, g_source_remove);
    g_clear_pointer (&self->promised_failure, g_free);
    if (promise)
        dex_promise_reject (promise, g_error_new_literal (POSADA_MACHINE_ERROR,
                                                          POSADA_MACHINE_ERROR_FAILED, reason));
}

/* @meanwhile is the state until it is done. */
static DexFuture *
begin (PosadaFakeMachine *self, PosadaMachineState meanwhile, PosadaMachineState goal)
{
    DexFuture *future;

    self->promise = dex_promise_new ();
    self->timeout = g_timeout_add (DELAY, finish_cb, self);
    self->promised_failure = g_steal_pointer (&self->failure);
    self->before = posada_machine_get_state (POSADA_MACHINE (self));
    self->goal = goal;
    future = dex_ref (DEX_FUTURE (self->promise));
    enter (self, meanwhile, NULL);
    return future;
}

static DexFuture *
refuse (PosadaFakeMachine *self)
{
    PosadaMachine *machine = POSADA_MACHINE (self);

    return dex_future_new_reject (
        POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE,
        /* Translators: the name of a machine and its state */
        _ ("“%s” cannot do that in its state: %s."), posada_machine_get_name (machine),
        posada_machine_state_to_label (posada_machine_get_state (machine)));
}

/*
 * An operation that leads from @from to @goal: asked for again while it is under way it is the same
 * one, and in the goal it is done already.
 */
static DexFuture *
change (PosadaMachine *machine, PosadaMachineState from, PosadaMachineState meanwhile,
        PosadaMachineState goal)
{
    PosadaFakeMachine *self = POSADA_FAKE_MACHINE (machine);
    PosadaMachineState state = posada_machine_get_state (machine);

    if (self->promise && self->goal == goal && state == meanwhile && self->before == from)
        return dex_ref (DEX_FUTURE (self->promise));
    if (self->promise)
        return refuse (self);
    if (state == goal)
        return dex_future_new_true ();
    return state == from ? begin (self, meanwhile, goal) : refuse (self);
}

static DexFuture *
fake_machine_start (PosadaMachine *machine)
{
    PosadaMachineState state = posada_machine_get_state (machine);

    return change (machine, state == POSADA_MACHINE_CRASHED ? state : POSADA_MACHINE_OFF,
                   POSADA_MACHINE_STARTING, POSADA_MACHINE_RUNNING);
}

static DexFuture *
fake_machine_pause (PosadaMachine *machine)
{
    return change (machine, POSADA_MACHINE_RUNNING, POSADA_MACHINE_RUNNING, POSADA_MACHINE_PAUSED);
}

static DexFuture *
fake_machine_resume (PosadaMachine *machine)
{
    return change (machine, POSADA_MACHINE_PAUSED, POSADA_MACHINE_PAUSED, POSADA_MACHINE_RUNNING);
}

static DexFuture *
fake_machine_shut_down (PosadaMachine *machine)
{
    return change (machine, POSADA_MACHINE_RUNNING, POSADA_MACHINE_STOPPING, POSADA_MACHINE_OFF);
}

static DexFuture *
fake_machine_force_off (PosadaMachine *machine)
{
    PosadaFakeMachine *self = POSADA_FAKE_MACHINE (machine);

    abandon (self, _ ("The machine was switched off."));
    if (posada_machine_get_state (machine) == POSADA_MACHINE_OFF)
        return dex_future_new_true ();
    return begin (self, posada_machine_get_state (machine), POSADA_MACHINE_OFF);
}

static DexFuture *
fake_machine_reset (PosadaMachine *machine)
{
    PosadaFakeMachine *self = POSADA_FAKE_MACHINE (machine);
    PosadaMachineState state = posada_machine_get_state (machine);

    if (self->promise || (state != POSADA_MACHINE_RUNNING && state != POSADA_MACHINE_PAUSED))
        return refuse (self);
    return begin (self, state, state);
}

static DexFuture *
fake_machine_rename (PosadaMachine *machine, const char *name)
{
    PosadaFakeMachine *self = POSADA_FAKE_MACHINE (machine);
    g_autofree char *failure = g_steal_pointer (&self->failure);
    g_autofree char *stripped = NULL;

    if (failure)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, "%s",
                                      failure);
    stripped = g_strstrip (g_strdup (name));
    if (!posada_definition_check_name (stripped, NULL))
        return dex_future_new_reject (
            POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED,
            _ ("“%s” cannot be the name of a machine: that is one line without a slash."), name);
    posada_machine_set_name (machine, stripped);
    return dex_future_new_true ();
}

static DexFuture *
fake_machine_set_remote (PosadaMachine *machine, const PosadaRemote *wish)
{
    PosadaFakeMachine *self = POSADA_FAKE_MACHINE (machine);
    g_autofree char *failure = g_steal_pointer (&self->failure);
    PosadaRemote remote = *wish;

    if (failure)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, "%s",
                                      failure);
    if (remote.kind == POSADA_REMOTE_SOCKET)
        remote.socket = (char *) "/run/user/1000/posada/fake.spice";
    if (remote.kind == POSADA_REMOTE_NETWORK) {
        remote.port = remote.port ? remote.port : 5900;
        remote.certificate = (char *) "fake";
        remote.subject = (char *) "CN=fake";
    }
    posada_machine_take_remote (machine, &remote);
    return dex_future_new_true ();
}

static PosadaDiskCare *
fake_machine_get_disk_care (PosadaMachine *machine)
{
    PosadaFakeMachine *self = POSADA_FAKE_MACHINE (machine);

    if (!self->disks) {
        self->disks = posada_fake_disks_new (machine, DISK);
        if (self->disks)
            posada_disk_care_look (posada_fake_disks_get_care (self->disks));
    }
    return self->disks ? posada_fake_disks_get_care (self->disks) : NULL;
}

static DexFuture *
fake_machine_set_medium (PosadaMachine *machine, const char *target, const char *path)
{
    g_autofree char *failure = g_steal_pointer (&POSADA_FAKE_MACHINE (machine)->failure);

    return failure ? dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, "%s",
                                            failure)
                   : dex_future_new_true ();
}

PosadaDefinition *
posada_fake_machine_get_definition (PosadaMachine *machine)
{
    PosadaFakeMachine *self = POSADA_FAKE_MACHINE (machine);

    return self->disks ? posada_fake_disks_get_definition (self->disks) : NULL;
}

void
posada_fake_machine_take_definition (PosadaMachine *machine, PosadaDefinition *definition)
{
    posada_fake_disks_take_definition (POSADA_FAKE_MACHINE (machine)->disks, definition);
}

static void
posada_fake_machine_dispose (GObject *object)
{
    PosadaFakeMachine *self = POSADA_FAKE_MACHINE (object);

    g_clear_pointer (&self->disks, posada_fake_disks_free);

    abandon (self, _ ("The machine is gone."));
    g_clear_handle_id (&self->sampler, g_source_remove);
    close_display (self);
    close_serial (self);

    G_OBJECT_CLASS (posada_fake_machine_parent_class)->dispose (object);
}

static void
posada_fake_machine_finalize (GObject *object)
{
    PosadaFakeMachine *self = POSADA_FAKE_MACHINE (object);

    g_string_free (self->input, TRUE);
    g_free (self->failure);

    G_OBJECT_CLASS (posada_fake_machine_parent_class)->finalize (object);
}

static void
posada_fake_machine_class_init (PosadaFakeMachineClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    PosadaMachineClass *machine_class = POSADA_MACHINE_CLASS (klass);

    object_class->dispose = posada_fake_machine_dispose;
    object_class->finalize = posada_fake_machine_finalize;

    machine_class->start = fake_machine_start;
    machine_class->pause = fake_machine_pause;
    machine_class->resume = fake_machine_resume;
    machine_class->shut_down = fake_machine_shut_down;
    machine_class->force_off = fake_machine_force_off;
    machine_class->reset = fake_machine_reset;
    machine_class->rename = fake_machine_rename;
    posada_fake_snapshots_class_init (machine_class);
    machine_class->set_remote = fake_machine_set_remote;
    machine_class->get_disk_care = fake_machine_get_disk_care;
    machine_class->set_medium = fake_machine_set_medium;
}

static void
posada_fake_machine_init (PosadaFakeMachine *self)
{
    PosadaMachine *machine = POSADA_MACHINE (self);
    g_autofree char *id = g_uuid_string_random ();

    self->input = g_string_new (NULL);
    self->serial_fd = -1;
    posada_machine_set_id (machine, id);
    posada_machine_set_hardware (machine, CPUS, MEMORY, DISK);
    posada_machine_set_network (machine, POSADA_NETWORK_HOST, NULL);
    posada_machine_set_capabilities (
        machine,
        POSADA_MACHINE_CAN_START | POSADA_MACHINE_CAN_PAUSE | POSADA_MACHINE_CAN_SHUT_DOWN |
            POSADA_MACHINE_CAN_RESET | POSADA_MACHINE_CAN_DELETE | POSADA_MACHINE_CAN_DISPLAY |
            POSADA_MACHINE_CAN_SNAPSHOT | POSADA_MACHINE_CAN_SAVE | POSADA_MACHINE_CAN_REMOTE);
}

PosadaMachine *
posada_fake_machine_new (const char *name, const char *os_name)
{
    PosadaMachine *self = g_object_new (POSADA_TYPE_FAKE_MACHINE, NULL);

    posada_machine_set_name (self, name);
    posada_machine_set_os_name (self, os_name);
    return self;
}

void
posada_fake_machine_fail_next (PosadaFakeMachine *self, const char *message)
{
    g_return_if_fail (POSADA_IS_FAKE_MACHINE (self));
    g_set_str (&self->failure, message);
}

const char *
posada_fake_machine_get_input (PosadaFakeMachine *self)
{
    g_return_val_if_fail (POSADA_IS_FAKE_MACHINE (self), NULL);
    return self->input->str;
}

void
posada_fake_machine_age (PosadaFakeMachine *self, guint seconds)
{
    g_return_if_fail (POSADA_IS_FAKE_MACHINE (self));
    while (seconds--)
        take_sample (self);
}
