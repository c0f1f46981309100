/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each look and each order has a thread of its own: a machine may take half a minute to answer, or
 * never do. What comes back finds the one who asked by way of a reference count, for the machine
 * may be gone by then.
 */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-outside.h"

#include <glib/gi18n.h>
#include <unistd.h>

#include "store/posada-control.h"

/* How often another process that runs the machine is looked at. */
#define LOOK_MS 1500

#define CAPABILITIES                                                                      \
    (POSADA_MACHINE_CAN_PAUSE | POSADA_MACHINE_CAN_SHUT_DOWN | POSADA_MACHINE_CAN_RESET | \
     POSADA_MACHINE_CAN_REMOTE)
/* If the machine has them anyway. */
#define OWN_CAPABILITIES (POSADA_MACHINE_CAN_SNAPSHOT | POSADA_MACHINE_CAN_SAVE)

struct _PosadaOutside {
    PosadaMachine *machine; /* NULL once freed */
    PosadaStore *store;
    PosadaOutsideBusy is_busy;
    PosadaMachineCapabilities capabilities; /* when nobody runs it */
    gboolean looking;
    guint timeout;
};

typedef struct {
    PosadaOutside *outside; /* rc */
    PosadaStore *store;
    char *uuid, *command;
    DexPromise *promise; /* of an order; NULL for a look */

    pid_t holder;
    gboolean answers, paused;
    char *viewers; /* the address for them; NULL: there is none */
    GError *error;
} Call;

static void
outside_clear (gpointer data)
{
    PosadaOutside *self = data;

    g_clear_object (&self->store);
}

static gboolean
timeout_cb (gpointer data)
{
    PosadaOutside *self = data;

    self->timeout = 0;
    posada_outside_look (self, self->capabilities);
    return G_SOURCE_REMOVE;
}

static void
set_remote_problem (PosadaOutside *self, const char *problem)
{
    g_autoptr (PosadaRemote) remote =
        posada_remote_copy (posada_machine_get_remote (self->machine));

    g_set_str (&remote->problem, problem);
    posada_machine_take_remote (self->machine, remote);
}

/* Its process has the remote access that was chosen before it started. */
static void
compare_remote (PosadaOutside *self, const char *viewers)
{
    g_autofree char *address =
        posada_remote_get_address (posada_machine_get_remote (self->machine));

    set_remote_problem (self, g_strcmp0 (address, viewers) == 0
                                  ? NULL
                                  : _ ("This was changed after the machine was started, and "
                                       "counts when it is started next."));
}

static void
enter (PosadaOutside *self, const Call *call)
{
    PosadaMachineCapabilities capabilities = CAPABILITIES | (self->capabilities & OWN_CAPABILITIES);
    g_autofree char *reason = NULL;

    reason = call->holder > 0 ? g_strdup_printf (_ ("Running outside this window, in process %d"),
                                                 (int) call->holder)
                              : g_strdup (_ ("Running outside this window"));
    posada_machine_set_outside (self->machine, TRUE);
    posada_machine_set_capabilities (self->machine, call->answers ? capabilities : 0);
    posada_machine_set_state (
        self->machine, call->paused ? POSADA_MACHINE_PAUSED : POSADA_MACHINE_RUNNING, reason);
    if (call->answers)
        compare_remote (self, call->viewers);
    if (self->timeout == 0)
        self->timeout = g_timeout_add (LOOK_MS, timeout_cb, self);
}

static void
leave (PosadaOutside *self)
{
    if (!posada_machine_get_outside (self->machine))
        return;
    posada_machine_set_outside (self->machine, FALSE);
    set_remote_problem (self, NULL);
    posada_machine_set_capabilities (self->machine, self->capabilities);
    posada_machine_set_state (self->machine, POSADA_MACHINE_OFF, NULL);
}

static void
looked (PosadaOutside *self, const Call *call)
{
    self->looking = FALSE;
    /* It may have been started here in the meantime. */
    if (!self->machine || self->is_busy (self->machine))
        return;
    if (call->holder != 0 && call->holder != getpid ())
        enter (self, call);
    else
        leave (self);
}

static gboolean
done_cb (gpointer data)
{
    Call *call = data;
    PosadaOutside *self = call->outside;

    if (!call->promise) {
        looked (self, call);
    } else {
        if (self->machine)
            posada_outside_look (self, self->capabilities);
        if (call->error)
            dex_promise_reject (call->promise, g_steal_pointer (&call->error));
        else
            dex_promise_resolve_boolean (call->promise, TRUE);
        dex_unref (call->promise);
    }
    g_rc_box_release_full (self, outside_clear);
    g_clear_object (&call->store);
    g_free (call->uuid);
    g_free (call->command);
    g_free (call->viewers);
    g_free (call);
    return G_SOURCE_REMOVE;
}

static void
look (Call *call)
{
    g_autofree char *answer = NULL, *state = NULL;

    call->holder = posada_store_get_holder (call->store, call->uuid);
    if (call->holder == 0)
        return;
    answer = posada_control_talk (call->uuid, "status", NULL);
    state = answer ? posada_control_get_string (answer, "state") : NULL;
    call->answers = answer != NULL;
    call->paused = g_strcmp0 (state, "paused") == 0;
    call->viewers = answer ? posada_control_get_string (answer, "spice") : NULL;
}

static gpointer
call_thread (gpointer data)
{
    Call *call = data;
    g_autoptr (GError) error = NULL;

    if (!call->promise)
        look (call);
    else if (!posada_control_order (call->uuid, call->command, &error))
        call->error =
            g_error_new_literal (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, error->message);
    g_idle_add_full (G_PRIORITY_DEFAULT, done_cb, call, NULL);
    return NULL;
}

static void
begin (PosadaOutside *self, const char *command, DexPromise *promise)
{
    Call *call = g_new0 (Call, 1);

    call->outside = g_rc_box_acquire (self);
    call->store = g_object_ref (self->store);
    call->uuid = g_strdup (posada_machine_get_id (self->machine));
    call->command = g_strdup (command);
    call->promise = promise ? dex_ref (promise) : NULL;
    g_thread_unref (g_thread_new ("posada-outside", call_thread, call));
}

PosadaOutside *
posada_outside_new (PosadaMachine *machine, PosadaStore *store, PosadaOutsideBusy is_busy)
{
    PosadaOutside *self = g_rc_box_new0 (PosadaOutside);

    self->machine = machine;
    self->store = g_object_ref (store);
    self->is_busy = is_busy;
    return self;
}

void
posada_outside_free (PosadaOutside *self)
{
    if (!self)
        return;
    self->machine = NULL;
    g_clear_handle_id (&self->timeout, g_source_remove);
    g_rc_box_release_full (self, outside_clear);
}

void
posada_outside_look (PosadaOutside *self, PosadaMachineCapabilities capabilities)
{
    self->capabilities = capabilities;
    if (self->looking || self->is_busy (self->machine))
        return;
    self->looking = TRUE;
    begin (self, NULL, NULL);
}

DexFuture *
posada_outside_order (PosadaOutside *self, const char *command)
{
    DexPromise *promise = dex_promise_new ();

    begin (self, command, promise);
    return DEX_FUTURE (promise);
}

gboolean
posada_outside_has_ended (PosadaOutside *self)
{
    if (posada_store_get_holder (self->store, posada_machine_get_id (self->machine)) != 0)
        return FALSE;
    leave (self);
    return TRUE;
}
