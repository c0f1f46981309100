/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each wish of the user is a promise that waits for the engine to say so: its commands return at
 * once, and its events come through one source on the main context. So nothing here guesses what
 * state the engine is in; it follows.
 *
 * An instance (the engine's machine and its back ends) is opened and closed on a worker thread.
 * While that goes on there is none, and the machine is STARTING or STOPPING.
 */
#define G_LOG_DOMAIN "posada-machine"

#include "machine/posada-kvm-machine-internal.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <string.h>

#include "machine/posada-disk-image.h"
#include "machine/posada-disk-job.h"
#include "machine/posada-kvm-display.h"
#include "store/posada-store-error.h"

G_DEFINE_FINAL_TYPE (PosadaKvmMachine, posada_kvm_machine, POSADA_TYPE_MACHINE)

static PosadaMachineState
get_state (PosadaKvmMachine *self)
{
    return posada_machine_get_state (POSADA_MACHINE (self));
}

/* The one of its kind: whoever asks for the same again waits for the same. */
static DexFuture *
make_wish (PosadaKvmMachine *self, Wish wish)
{
    if (!self->wishes[wish])
        self->wishes[wish] = dex_promise_new ();
    return dex_ref (DEX_FUTURE (self->wishes[wish]));
}

static void
grant (PosadaKvmMachine *self, Wish wish)
{
    g_autoptr (DexPromise) promise = g_steal_pointer (&self->wishes[wish]);

    if (promise)
        dex_promise_resolve_boolean (promise, TRUE);
}

static void
deny (PosadaKvmMachine *self, Wish wish, int code, const char *sentence)
{
    g_autoptr (DexPromise) promise = g_steal_pointer (&self->wishes[wish]);

    if (promise)
        dex_promise_reject (promise, g_error_new_literal (POSADA_MACHINE_ERROR, code, sentence));
}

static void
deny_all_but (PosadaKvmMachine *self, Wish spared, const char *sentence)
{
    for (Wish wish = 0; wish < N_WISHES; wish++)
        if (wish != spared)
            deny (self, wish, POSADA_MACHINE_ERROR_FAILED, sentence);
}

static DexFuture *
refuse (PosadaKvmMachine *self)
{
    PosadaMachine *machine = POSADA_MACHINE (self);

    return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE,
                                  /* Translators: the name of a machine and its state */
                                  _ ("“%s” cannot do that in its state: %s."),
                                  posada_machine_get_name (machine),
                                  posada_machine_state_to_label (get_state (self)));
}

/* --- work for another thread ---
 *
 * References to the machine come and go on the main thread alone, which GTask does not promise. */

typedef struct _Job Job;
struct _Job {
    PosadaKvmMachine *self; /* NULL: nobody waits */
    void (*work) (Job *job);
    void (*done) (Job *job); /* on the main thread again */
    PosadaKvmConfig *config;
    PosadaStore *store; /* whose lock is to be taken, or NULL */
    PosadaLock *lock;
    PosadaKvmInstance *instance;
    GError *error;
    char *reason, *start_from;
    gpointer left; /* of a snapshot, once there is no instance */
    gboolean saved;
    guint64 size;
};

static gboolean
job_done_cb (gpointer data)
{
    Job *job = data;

    if (job->done)
        job->done (job);
    g_clear_object (&job->self);
    g_clear_object (&job->store);
    posada_kvm_config_free (job->config);
    g_clear_error (&job->error);
    g_free (job->reason);
    g_free (job->start_from);
    g_free (job);
    return G_SOURCE_REMOVE;
}

static gpointer
job_thread (gpointer data)
{
    Job *job = data;

    job->work (job);
    g_idle_add_full (G_PRIORITY_DEFAULT, job_done_cb, job, NULL);
    return NULL;
}

/* Takes what is in @job. */
static void
run_job (Job job)
{
    g_thread_unref (g_thread_new ("posada-machine", job_thread, g_memdup2 (&job, sizeof job)));
}

/* --- samples --- */

static void
begin_samples (PosadaKvmMachine *self)
{
    struct vmm_stats stats;

    vmm_get_stats (self->instance->engine, &stats);
    self->cpu_ns = stats.cpu_ns;
    posada_kvm_instance_get_disk_traffic (self->instance, &self->disk_read, &self->disk_written);
    posada_kvm_instance_get_network_traffic (self->instance, &self->net_received, &self->net_sent);
    self->sampled_at = g_get_monotonic_time ();
}

static gboolean
sample_cb (gpointer data)
{
    PosadaKvmMachine *self = data;
    guint64 cpu_ns = self->cpu_ns, read = self->disk_read, written = self->disk_written;
    guint64 received = self->net_received, sent = self->net_sent;
    gint64 before = self->sampled_at;
    PosadaMachineSample sample;
    double seconds;

    begin_samples (self);
    seconds = MAX (self->sampled_at - before, 1) / 1e6;
    sample = (PosadaMachineSample) {
        .cpu = CLAMP ((double) (self->cpu_ns - cpu_ns) / 1e9 / seconds / self->instance->plan.cpus,
                      0, 1),
        .memory = posada_kvm_instance_get_memory_in_use (self->instance),
        .disk_read = (guint64) ((double) (self->disk_read - read) / seconds),
        .disk_write = (guint64) ((double) (self->disk_written - written) / seconds),
        .net_received = (guint64) ((double) (self->net_received - received) / seconds),
        .net_sent = (guint64) ((double) (self->net_sent - sent) / seconds),
    };
    if (posada_kvm_instance_check_network (self->instance))
        posada_machine_set_network (POSADA_MACHINE (self), self->instance->network,
                                    self->instance->network_problem);
    posada_machine_add_sample (POSADA_MACHINE (self), &sample);
    return G_SOURCE_CONTINUE;
}

static void
enter (PosadaKvmMachine *self, PosadaMachineState state, const char *reason)
{
    gboolean runs =
        self->instance && (state == POSADA_MACHINE_RUNNING || state == POSADA_MACHINE_STOPPING);

    if (runs && self->sampler == 0) {
        begin_samples (self);
        self->sampler = g_timeout_add_seconds (1, sample_cb, self);
    } else if (!runs)
        g_clear_handle_id (&self->sampler, g_source_remove);
    posada_machine_set_state (POSADA_MACHINE (self), state, reason && *reason ? reason : NULL);
}

void
posada_kvm_machine_enter (PosadaKvmMachine *self, PosadaMachineState state, const char *reason)
{
    enter (self, state, reason);
}

/* --- the way to OFF --- */

static void
close_work (Job *job)
{
    posada_kvm_instance_close (job->instance);
    posada_kvm_snapshots_abandon (job->left);
    g_clear_pointer (&job->lock, posada_lock_free);
}

/* As it will be at the next start. */
static void
take_network (PosadaKvmMachine *self)
{
    const PosadaKvmNetwork *network = self->config->network;

    posada_machine_set_network (POSADA_MACHINE (self),
                                network ? posada_kvm_network_get_kind (network)
                                        : POSADA_NETWORK_NONE,
                                network ? network->problem : NULL);
}

static void
closed (Job *job)
{
    PosadaKvmMachine *self = job->self;

    self->busy = FALSE;
    posada_machine_take_remote (POSADA_MACHINE (self), self->config->remote);
    take_network (self);
    enter (self, POSADA_MACHINE_OFF, job->reason);
    grant (self, FORCE_OFF);
    grant (self, SHUT_DOWN);
    deny_all_but (self, N_WISHES, job->reason ? job->reason : _ ("The machine was switched off."));
    posada_kvm_snapshots_closed (self);
}

/* The main thread's ends of the instance. */
static PosadaKvmInstance *
let_go (PosadaKvmMachine *self)
{
    PosadaDisplay *display = posada_machine_get_display (POSADA_MACHINE (self));
    g_autoptr (PosadaSerial) serial = NULL;

    g_set_object (&serial, posada_machine_get_serial (POSADA_MACHINE (self)));
    g_clear_handle_id (&self->events, g_source_remove);
    g_clear_handle_id (&self->sampler, g_source_remove);
    if (display) {
        g_object_ref (display);
        posada_machine_set_display (POSADA_MACHINE (self), NULL);
        posada_kvm_display_close (POSADA_KVM_DISPLAY (display));
        g_object_unref (display);
    }
    if (serial) {
        posada_machine_set_serial (POSADA_MACHINE (self), NULL);
        posada_serial_close (serial);
    }
    return g_steal_pointer (&self->instance);
}

/* @reason is NULL if somebody wanted that. Nothing is left when it is OFF. */
static void
take_apart (PosadaKvmMachine *self, const char *reason)
{
    gpointer left;

    if (posada_kvm_snapshots_hold (self, reason))
        return;
    left = posada_kvm_snapshots_let_go (self);
    self->busy = TRUE;
    run_job ((Job) {
        .self = g_object_ref (self),
        .work = close_work,
        .done = closed,
        .instance = let_go (self),
        .left = left,
        .lock = g_steal_pointer (&self->lock),
        .reason = reason && *reason ? g_strdup (reason) : NULL,
    });
    enter (self, POSADA_MACHINE_STOPPING, NULL);
}

void
posada_kvm_machine_take_apart (PosadaKvmMachine *self, const char *reason)
{
    take_apart (self, reason);
}

/* --- events --- */

static void
state_changed (PosadaKvmMachine *self, const struct vmm_event *event)
{
    switch (event->state) {
    case VMM_RUNNING:
        enter (self, self->wishes[SHUT_DOWN] ? POSADA_MACHINE_STOPPING : POSADA_MACHINE_RUNNING,
               event->reason);
        grant (self, START);
        grant (self, RESUME);
        break;
    case VMM_PAUSED:
        enter (self,
               posada_kvm_snapshots_is_saving (self) ? POSADA_MACHINE_SAVING
                                                     : POSADA_MACHINE_PAUSED,
               event->reason);
        grant (self, PAUSE);
        grant (self, START);
        break;
    case VMM_CRASHED:
        enter (self, POSADA_MACHINE_CRASHED, event->reason);
        deny_all_but (self, FORCE_OFF, event->reason);
        break;
    case VMM_OFF: take_apart (self, NULL); break;
    }
}

static void
was_reset (PosadaKvmMachine *self, const struct vmm_event *event)
{
    if (!event->by_guest) {
        grant (self, RESET);
        return;
    }
    if (!self->wishes[SHUT_DOWN])
        return;
    deny (self, SHUT_DOWN, POSADA_MACHINE_ERROR_FAILED,
          _ ("The machine restarted instead of shutting down."));
    if (get_state (self) == POSADA_MACHINE_STOPPING)
        enter (self, POSADA_MACHINE_RUNNING, NULL);
}

static void
was_refused (PosadaKvmMachine *self, const struct vmm_event *event)
{
    static const Wish wishes[] = {PAUSE, RESUME, RESET};

    for (gsize i = 0; i < G_N_ELEMENTS (wishes); i++)
        deny (self, wishes[i], POSADA_MACHINE_ERROR_FAILED, event->reason);
    if (get_state (self) == POSADA_MACHINE_STARTING)
        take_apart (self, event->reason);
}

static gboolean
events_cb (int fd, GIOCondition condition, gpointer data)
{
    g_autoptr (PosadaKvmMachine) self = g_object_ref (data);
    struct vmm_event event;

    /* Any of them may be the last of this instance. */
    while (self->instance && vmm_next_event (self->instance->engine, &event) > 0) {
        switch (event.type) {
        case VMM_EVENT_STATE: state_changed (self, &event); break;
        case VMM_EVENT_RESET: was_reset (self, &event); break;
        case VMM_EVENT_SAVED:
        case VMM_EVENT_RESTORED: posada_kvm_snapshots_handle (self, &event); break;
        case VMM_EVENT_REFUSED: was_refused (self, &event); break;
        }
    }
    return G_SOURCE_CONTINUE;
}

/* --- the way to RUNNING --- */

static void
open_work (Job *job)
{
    g_autofree char *start = NULL;

    if (job->store) {
        job->lock = posada_store_lock (job->store, job->config->uuid, &job->error);
        if (!job->lock)
            return;
        posada_disk_remove_remains (job->config->folder);
    }
    job->saved = job->store && posada_kvm_snapshots_is_saved (job->store, job->config->uuid);
    start = posada_kvm_snapshots_find_start (job->store, job->config->uuid, job->saved,
                                             job->start_from);
    if (start && job->config->network)
        posada_kvm_network_fit (job->config->network, start);
    job->instance = posada_kvm_instance_open (job->config, &job->error);
    if (!job->instance)
        g_clear_pointer (&job->lock, posada_lock_free);
    else if (job->store)
        posada_kvm_snapshots_clean (job->store, job->config, job->instance);
}

/* The future's error is one of a machine, whatever it was before. */
static int
get_code (const GError *error)
{
    if (g_error_matches (error, POSADA_STORE_ERROR, POSADA_STORE_ERROR_BUSY))
        return POSADA_MACHINE_ERROR_BUSY;
    return error->domain == POSADA_MACHINE_ERROR ? error->code : POSADA_MACHINE_ERROR_FAILED;
}

static void
opened (Job *job)
{
    PosadaKvmMachine *self = job->self;
    g_autoptr (PosadaDisplay) display = NULL;

    self->busy = FALSE;
    self->instance = job->instance;
    self->lock = g_steal_pointer (&job->lock);
    if (!self->instance) {
        enter (self, POSADA_MACHINE_OFF, job->error->message);
        deny (self, START, get_code (job->error), job->error->message);
        grant (self, FORCE_OFF);
        posada_kvm_machine_look_outside (self);
        return;
    }
    if (self->wishes[FORCE_OFF]) {
        take_apart (self, NULL);
        return;
    }
    self->events = g_unix_fd_add (vmm_event_fd (self->instance->engine), G_IO_IN, events_cb, self);
    display = posada_kvm_display_new (self->instance->screen);
    posada_machine_set_display (POSADA_MACHINE (self), display);
    if (self->instance->remote_state)
        posada_machine_take_remote (POSADA_MACHINE (self), self->instance->remote_state);
    posada_machine_set_network (POSADA_MACHINE (self), self->instance->network,
                                self->instance->network_problem);
    if (self->instance->serial_fd >= 0) {
        g_autoptr (PosadaSerial) serial = posada_serial_new (self->instance->serial_fd);

        self->instance->serial_fd = -1;
        posada_machine_set_serial (POSADA_MACHINE (self), serial);
    }
    if (!posada_kvm_snapshots_start (self, job->saved))
        vmm_start (self->instance->engine);
}

static DexFuture *
kvm_machine_start (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    if (posada_machine_get_outside (machine) && !posada_outside_has_ended (self->outside))
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_BUSY, "%s.",
                                      posada_machine_get_reason (machine));
    switch (get_state (self)) {
    case POSADA_MACHINE_STARTING: return make_wish (self, START);
    case POSADA_MACHINE_RUNNING: return dex_future_new_true ();
    case POSADA_MACHINE_CRASHED: vmm_reset (self->instance->engine); return make_wish (self, START);
    case POSADA_MACHINE_OFF: break;
    default: return refuse (self);
    }
    if (posada_kvm_machine_cares_for_disks (self))
        return posada_kvm_machine_refuse_for_disks ();
    if (posada_machine_get_role (machine) == POSADA_ROLE_TEMPLATE)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_WRONG_STATE, "%s",
                                      _ ("A template does not start: make a machine of it."));
    if (self->config->obstacle)
        return dex_future_new_reject (POSADA_MACHINE_ERROR, POSADA_MACHINE_ERROR_NOT_SUPPORTED,
                                      "%s", self->config->obstacle);
    self->busy = TRUE;
    enter (self, POSADA_MACHINE_STARTING, NULL);
    run_job ((Job) {
        .self = g_object_ref (self),
        .work = open_work,
        .done = opened,
        .store = self->store ? g_object_ref (self->store) : NULL,
        .config = posada_kvm_config_copy (self->config),
        .start_from = g_strdup (posada_kvm_snapshots_get_start (self)),
    });
    return make_wish (self, START);
}

static gboolean
is_on (PosadaKvmMachine *self)
{
    PosadaMachineState state = get_state (self);

    return self->instance && !posada_kvm_snapshots_is_saving (self) &&
           (state == POSADA_MACHINE_RUNNING || state == POSADA_MACHINE_STOPPING ||
            state == POSADA_MACHINE_PAUSED);
}

static DexFuture *
kvm_machine_pause (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    if (posada_machine_get_outside (machine))
        return posada_outside_order (self->outside, "pause");
    if (!is_on (self))
        return refuse (self);
    if (get_state (self) == POSADA_MACHINE_PAUSED && !self->wishes[RESUME])
        return dex_future_new_true ();
    vmm_pause (self->instance->engine);
    return make_wish (self, PAUSE);
}

static DexFuture *
kvm_machine_resume (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    if (posada_machine_get_outside (machine))
        return posada_outside_order (self->outside, "resume");
    if (!is_on (self))
        return refuse (self);
    if (get_state (self) != POSADA_MACHINE_PAUSED && !self->wishes[PAUSE])
        return dex_future_new_true ();
    vmm_resume (self->instance->engine);
    return make_wish (self, RESUME);
}

static DexFuture *
kvm_machine_shut_down (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    if (get_state (self) == POSADA_MACHINE_OFF)
        return dex_future_new_true ();
    if (posada_machine_get_outside (machine))
        return posada_outside_order (self->outside, "powerdown");
    if (!self->instance ||
        (get_state (self) != POSADA_MACHINE_RUNNING && get_state (self) != POSADA_MACHINE_STOPPING))
        return refuse (self);
    /* Each time again: a guest may have had no driver for the button yet. */
    vmm_press_power_button (self->instance->engine);
    enter (self, POSADA_MACHINE_STOPPING, NULL);
    return make_wish (self, SHUT_DOWN);
}

static DexFuture *
kvm_machine_force_off (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    if (posada_machine_get_outside (machine))
        return posada_outside_order (self->outside, "quit");
    if (self->instance)
        vmm_power_off (self->instance->engine);
    else if (!self->busy)
        return dex_future_new_true ();
    return make_wish (self, FORCE_OFF);
}

static DexFuture *
kvm_machine_reset (PosadaMachine *machine)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (machine);

    if (posada_machine_get_outside (machine))
        return posada_outside_order (self->outside, "reset");
    if (!is_on (self) && get_state (self) != POSADA_MACHINE_CRASHED)
        return refuse (self);
    vmm_reset (self->instance->engine);
    return make_wish (self, RESET);
}

/* --- what it is made of --- */

static void
size_work (Job *job)
{
    for (guint i = 0; i < job->config->n_disks; i++)
        job->size += posada_disk_image_get_size (job->config->disks[i].path,
                                                 job->config->disks[i].qcow2 ? POSADA_FORMAT_QCOW2
                                                                             : POSADA_FORMAT_RAW);
}

static void
sized (Job *job)
{
    PosadaMachine *machine = POSADA_MACHINE (job->self);

    posada_machine_set_hardware (machine, posada_machine_get_cpus (machine),
                                 posada_machine_get_memory (machine), job->size);
}

static void
posada_kvm_machine_dispose (GObject *object)
{
    PosadaKvmMachine *self = POSADA_KVM_MACHINE (object);
    gpointer left = posada_kvm_snapshots_let_go (self);
    PosadaKvmInstance *instance = let_go (self);

    posada_kvm_disks_free (self);
    deny_all_but (self, N_WISHES, _ ("The machine is gone."));
    g_clear_pointer (&self->outside, posada_outside_free);
    g_clear_object (&self->definition);
    g_clear_object (&self->store);
    if (instance)
        run_job ((Job) {
            .work = close_work,
            .instance = instance,
            .left = left,
            .lock = g_steal_pointer (&self->lock),
        });

    G_OBJECT_CLASS (posada_kvm_machine_parent_class)->dispose (object);
}

static void
posada_kvm_machine_finalize (GObject *object)
{
    posada_kvm_config_free (POSADA_KVM_MACHINE (object)->config);
    posada_kvm_snapshots_free (POSADA_KVM_MACHINE (object)->snapshots);

    G_OBJECT_CLASS (posada_kvm_machine_parent_class)->finalize (object);
}

static void
posada_kvm_machine_class_init (PosadaKvmMachineClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS (klass);
    PosadaMachineClass *machine_class = POSADA_MACHINE_CLASS (klass);

    object_class->dispose = posada_kvm_machine_dispose;
    object_class->finalize = posada_kvm_machine_finalize;

    machine_class->start = kvm_machine_start;
    machine_class->pause = kvm_machine_pause;
    machine_class->resume = kvm_machine_resume;
    machine_class->shut_down = kvm_machine_shut_down;
    machine_class->force_off = kvm_machine_force_off;
    machine_class->reset = kvm_machine_reset;
    machine_class->rename = posada_kvm_machine_rename;
    posada_kvm_snapshots_class_init (machine_class);
    posada_kvm_disks_class_init (machine_class);
    posada_kvm_clones_class_init (machine_class);
    machine_class->set_remote = posada_kvm_machine_set_remote;
}

static void
posada_kvm_machine_init (PosadaKvmMachine *self)
{
    posada_machine_set_capabilities (POSADA_MACHINE (self), CAPABILITIES);
    posada_kvm_snapshots_init (self);
}

PosadaMachine *
posada_kvm_machine_new (const PosadaKvmConfig *config)
{
    PosadaKvmMachine *self;

    g_return_val_if_fail (config, NULL);
    self = g_object_new (POSADA_TYPE_KVM_MACHINE, NULL);
    posada_kvm_machine_set_config (self, config);
    return POSADA_MACHINE (self);
}

void
posada_kvm_machine_set_config (PosadaKvmMachine *self, const PosadaKvmConfig *config)
{
    PosadaMachine *machine = POSADA_MACHINE (self);

    g_return_if_fail (POSADA_IS_KVM_MACHINE (self));
    g_clear_pointer (&self->config, posada_kvm_config_free);
    self->config = posada_kvm_config_copy (config);
    if (!self->config->uuid) {
        const char *id = posada_machine_get_id (machine);

        self->config->uuid = id ? g_strdup (id) : g_uuid_string_random ();
    }
    if (!self->config->remote)
        self->config->remote = g_new0 (PosadaRemote, 1);
    /* What runs goes on as it was made. */
    if (!self->busy && !self->instance) {
        posada_machine_take_remote (machine, self->config->remote);
        take_network (self);
    }
    posada_machine_set_id (machine, self->config->uuid);
    posada_machine_set_name (machine, config->name);
    posada_machine_set_os_name (machine, config->os_name);
    posada_machine_set_hardware (machine, config->cpus, config->memory,
                                 posada_machine_get_disk_size (machine));
    run_job ((Job) {
        .self = g_object_ref (self),
        .work = size_work,
        .done = sized,
        .config = posada_kvm_config_copy (config),
    });
}
