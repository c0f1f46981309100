/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A KVM machine and viewers outside of this application. What they may do stands in the definition,
 * as libvirt has it; what it says that libvirt would do but we do not, such as a port without TLS,
 * is kept there and means nothing here.
 */
#define G_LOG_DOMAIN "posada-machine"

#include <glib/gi18n.h>
#include <string.h>

#include "machine/posada-certificate.h"
#include "machine/posada-kvm-machine-internal.h"
#include "store/posada-store-async.h"

#define FIRST_PORT 5900
#define STACK_SIZE (512 * 1024)

typedef struct {
    PosadaKvmRemote *live; /* NULL: the machine is off */
    PosadaRemote *wish;
    char *folder, *uuid;
} Call;

static void
call_free (gpointer data)
{
    Call *call = data;

    posada_kvm_remote_unref (call->live);
    posada_remote_free (call->wish);
    g_free (call->folder);
    g_free (call->uuid);
    g_free (call);
}

static DexFuture *
spawn (PosadaKvmMachine *self, DexFiberFunc work, const PosadaRemote *wish)
{
    Call *call = g_new0 (Call, 1);

    if (self->instance)
        call->live = posada_kvm_remote_ref (self->instance->remote);
    if (wish)
        call->wish = posada_remote_copy (wish);
    call->folder = g_strdup (self->config->folder);
    call->uuid = g_strdup (self->config->uuid);
    return dex_scheduler_spawn (dex_thread_pool_scheduler_get_default (), STACK_SIZE, work, call,
                                call_free);
}

/* --- turning it on and off --- */

static DexFuture *
apply_work (gpointer data)
{
    Call *call = data;
    PosadaRemote *wish = call->wish;
    g_autoptr (PosadaCertificate) certificate = NULL;
    GError *error = NULL;

    if (wish->kind == POSADA_REMOTE_NETWORK && !wish->port) {
        wish->port = posada_kvm_remote_find_port (FIRST_PORT);
        if (!wish->port)
            return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, "%s",
                                          _ ("No port is free, choose one."));
    }
    if (wish->kind == POSADA_REMOTE_NETWORK) {
        /* For the viewer's file, whether the machine is on or not. */
        certificate = posada_certificate_open (call->folder, call->uuid, &error);
        if (!certificate)
            return dex_future_new_for_error (error);
        g_set_str (&wish->certificate, certificate->pem);
        g_set_str (&wish->subject, certificate->subject);
    }
    if (call->live && !posada_kvm_remote_apply (call->live, wish, call->folder, &error))
        return dex_future_new_for_error (error);
    return dex_future_new_take_boxed (POSADA_TYPE_REMOTE, g_steal_pointer (&call->wish));
}

static DexFuture *
applied_cb (DexFuture *future, gpointer data)
{
    PosadaKvmMachine *self = data;
    PosadaMachine *machine = POSADA_MACHINE (self);
    GError *error = NULL;
    const GValue *value = dex_future_get_value (future, &error);
    const PosadaRemote *remote = value ? g_value_get_boxed (value) : NULL;

    if (!remote) {
        g_autoptr (PosadaRemote) broken = posada_remote_copy (posada_machine_get_remote (machine));

        g_set_str (&broken->problem, error->message);
        posada_machine_take_remote (machine, broken);
        return dex_future_new_for_error (error);
    }
    if (self->definition && !posada_kvm_remote_write (self->definition, remote, &error))
        return dex_future_new_for_error (error);
    posada_remote_free (self->config->remote);
    self->config->remote = posada_remote_copy (remote);
    posada_machine_take_remote (machine, remote);
    /* Another process goes on as it began, which is told there. */
    if (posada_machine_get_outside (machine))
        posada_kvm_machine_look_outside (self);
    if (self->definition && self->store)
        return posada_store_save_async (self->store, self->definition);
    return dex_future_new_true ();
}

static DexFuture *
refuse (const char *sentence)
{
    return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_FAILED, "%s",
                                  sentence);
}

DexFuture *
posada_kvm_machine_set_remote (PosadaMachine *machine, const PosadaRemote *wish)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);
    g_autoptr (PosadaRemote) remote = g_new0 (PosadaRemote, 1);

    if (self->busy || posada_machine_get_state (machine) == POSADA_MACHINE_MISSING)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE, "%s",
                                      _ ("Try again when the machine has started or is off."));
    remote->kind = wish->kind;
    if (wish->kind == POSADA_REMOTE_SOCKET)
        remote->socket = posada_kvm_remote_get_socket (self->config->uuid);
    if (wish->kind == POSADA_REMOTE_NETWORK) {
        if (!wish->password || !*wish->password ||
            strlen (wish->password) > POSADA_REMOTE_MAX_PASSWORD)
            return refuse (_ ("Choose a password of 1 to 60 characters."));
        if (wish->port > G_MAXUINT16)
            return refuse (_ ("Choose a port from 1 to 65535."));
        remote->port = wish->port;
        remote->password = g_strdup (wish->password);
    }
    return dex_future_finally (spawn (self, apply_work, remote), applied_cb, g_object_ref (self),
                               g_object_unref);
}

/* --- sessions over descriptors --- */

static DexFuture *
connect_work (gpointer data)
{
    Call *call = data;
    GError *error = NULL;
    int fd = posada_kvm_remote_connect (call->live, &error);

    return fd < 0 ? dex_future_new_for_error (error) : dex_future_new_for_int (fd);
}

DexFuture *
posada_kvm_machine_connect_spice (PosadaKvmMachine *self)
{
    g_return_val_if_fail (POSADA_IS_KVM_MACHINE (self), NULL);

    if (!self->instance)
        return refuse (_ ("The machine is off."));
    return spawn (self, connect_work, NULL);
}
