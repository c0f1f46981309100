/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The I/O thread: iterates the machine's loop, and between two iterations carries out commands, one
 * at a time. That place matters: no callback is on the stack and no device lock is held there, so a
 * command may stop vCPUs (which may be waiting for a device lock) and iterate the loop itself while
 * it waits for work in flight.
 *
 * Pausing goes vCPUs, devices (no new work), drain, clock; resuming is the exact reverse.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "engine/firmware/boot.h"
#include "engine/machine-internal.h"
#include "engine/pci/pci.h"

enum vmm_state
vmm_lifecycle_state (struct vmm_machine *machine)
{
    return (enum vmm_state) atomic_load (&machine->state);
}

static void
enqueue (struct vmm_machine *machine, struct vmm_command *command)
{
    list_init (&command->link);
    pthread_mutex_lock (&machine->command_mutex);
    list_append (&machine->commands, &command->link);
    pthread_mutex_unlock (&machine->command_mutex);
    vmm_loop_wake (machine->loop);
}

/* Whether the guest has asked for @type already, and waits for it. */
static bool
guest_waits (struct vmm_machine *machine, enum vmm_command_type type)
{
    struct vmm_command *command;
    bool found = false;

    pthread_mutex_lock (&machine->command_mutex);
    list_for_each (command, &machine->commands, link)
        found = found || (command->by_guest && command->type == type);
    pthread_mutex_unlock (&machine->command_mutex);
    return found;
}

void
vmm_post (struct vmm_machine *machine, enum vmm_command_type type, bool by_guest,
          const char *reason)
{
    struct vmm_command *command;

    /* A guest can ask faster than it is answered, and everybody else would wait behind that. */
    if (by_guest && guest_waits (machine, type))
        return;
    command = calloc (1, sizeof *command);
    if (!command) {
        vmm_log (&machine->log, VMM_LOG_ERROR, "%s: out of memory for a command", machine->name);
        return;
    }
    command->type = type;
    command->by_guest = by_guest;
    snprintf (command->reason, sizeof command->reason, "%s", reason ? reason : "");
    enqueue (machine, command);
}

void
vmm_post_copy (struct vmm_machine *machine, const struct vmm_command *command)
{
    struct vmm_command *copy = malloc (sizeof *copy);

    if (!copy) {
        vmm_log (&machine->log, VMM_LOG_ERROR, "%s: out of memory for a command", machine->name);
        return;
    }
    *copy = *command;
    enqueue (machine, copy);
}

static void
report (struct vmm_machine *machine, enum vmm_event_type type, const struct vmm_command *command)
{
    struct vmm_event event = {
        .type = type,
        .state = vmm_lifecycle_state (machine),
        .by_guest = command->by_guest,
    };

    memcpy (event.reason, command->reason, sizeof event.reason);
    vmm_event_push (&machine->events, &event);
}

void
vmm_lifecycle_enter (struct vmm_machine *machine, enum vmm_state state,
                     const struct vmm_command *command)
{
    atomic_store (&machine->state, state);
    report (machine, VMM_EVENT_STATE, command);
}

void
vmm_lifecycle_refuse (struct vmm_machine *machine, const char *format, const char *detail)
{
    struct vmm_command command = {.by_guest = false};

    snprintf (command.reason, sizeof command.reason, format, detail);
    report (machine, VMM_EVENT_REFUSED, &command);
}

static void
drain (struct vmm_machine *machine)
{
    while (!vmm_devices_are_idle (machine))
        vmm_loop_iterate (machine->loop, 100);
}

void
vmm_lifecycle_stop (struct vmm_machine *machine)
{
    vmm_vcpus_stop (machine);
    vmm_devices_pause (machine);
    drain (machine);
    vmm_clock_stop (&machine->clock);
}

void
vmm_lifecycle_go (struct vmm_machine *machine)
{
    vmm_clock_start (&machine->clock);
    vmm_devices_resume (machine);
    vmm_loop_wake (machine->loop);
    vmm_vcpus_go (machine);
}

static int
set_power_on_values (struct vmm_machine *machine, struct vmm_error *error)
{
    struct kvm_entry entry;
    int r;

    vmm_devices_reset (machine);
    r = kvm_vm_reset_state (machine->vm);
    for (unsigned i = 0; i < machine->n_vcpus && r >= 0; i++)
        r = kvm_cpu_reset_state (machine->vcpus[i].kvm);
    if (r < 0)
        return vmm_error_set_errno (error, r, "KVM cannot reset the machine");
    r = vmm_boot_load (machine->boot, &entry, error);
    if (r == VMM_BOOT_DIRECT) {
        for (unsigned i = 0; i < machine->n_vcpus; i++)
            kvm_cpu_set_memory_type (machine->vcpus[i].kvm);
        r = kvm_cpu_set_entry (machine->vcpus[0].kvm, &entry);
        if (r < 0)
            return vmm_error_set_errno (error, r, "KVM cannot enter the kernel");
    }
    return r < 0 ? r : 0;
}

/* Power-on values everywhere; what boots is in place. vCPUs are parked and devices paused. */
static int
power_on_values (struct vmm_machine *machine, struct vmm_error *error)
{
    int r, released;

    vmm_memory_hold (machine->memory);
    r = set_power_on_values (machine, error);
    released = vmm_memory_release (machine->memory);
    if (r == 0 && released < 0)
        return vmm_error_set_errno (error, released, "KVM cannot map the firmware");
    return r;
}

static void
start (struct vmm_machine *machine, const struct vmm_command *command)
{
    struct vmm_error error = {0};

    vmm_memory_clear (machine->memory);
    vmm_clock_set (&machine->clock, 0);
    if (power_on_values (machine, &error) < 0) {
        vmm_lifecycle_refuse (machine, "the machine cannot start: %s", error.message);
        return;
    }
    vmm_lifecycle_enter (machine, VMM_RUNNING, command);
    vmm_lifecycle_go (machine);
}

static void
crash (struct vmm_machine *machine, const struct vmm_command *command)
{
    if (vmm_lifecycle_state (machine) != VMM_RUNNING)
        return;
    vmm_lifecycle_stop (machine);
    vmm_lifecycle_enter (machine, VMM_CRASHED, command);
}

static void
reset (struct vmm_machine *machine, const struct vmm_command *command)
{
    enum vmm_state before = vmm_lifecycle_state (machine);
    struct vmm_error error = {0};

    if (before == VMM_OFF) {
        vmm_lifecycle_refuse (machine, "%s", "a machine that is off cannot be reset: start it");
        return;
    }
    if (before == VMM_RUNNING)
        vmm_lifecycle_stop (machine);
    if (power_on_values (machine, &error) < 0) {
        struct vmm_command failed = {.by_guest = false};

        memcpy (failed.reason, error.message, sizeof error.message);
        vmm_lifecycle_enter (machine, VMM_CRASHED, &failed);
        return;
    }
    if (before == VMM_CRASHED)
        vmm_lifecycle_enter (machine, VMM_RUNNING, command);
    report (machine, VMM_EVENT_RESET, command);
    if (before != VMM_PAUSED)
        vmm_lifecycle_go (machine);
}

static void
power_off (struct vmm_machine *machine, const struct vmm_command *command)
{
    if (vmm_lifecycle_state (machine) == VMM_OFF)
        return;
    if (vmm_lifecycle_state (machine) == VMM_RUNNING)
        vmm_lifecycle_stop (machine);
    /* What the firmware sees matters again at the next start, which also releases it. */
    vmm_memory_hold (machine->memory);
    /* Devices let go of guest memory before it is given back. */
    vmm_devices_reset (machine);
    vmm_memory_clear (machine->memory);
    vmm_lifecycle_enter (machine, VMM_OFF, command);
}

static void
pause_machine (struct vmm_machine *machine, const struct vmm_command *command)
{
    if (vmm_lifecycle_state (machine) == VMM_RUNNING) {
        vmm_lifecycle_stop (machine);
        vmm_lifecycle_enter (machine, VMM_PAUSED, command);
    } else if (vmm_lifecycle_state (machine) != VMM_PAUSED)
        vmm_lifecycle_refuse (machine, "%s", "only a running machine can be paused");
}

static void
resume (struct vmm_machine *machine, const struct vmm_command *command)
{
    if (vmm_lifecycle_state (machine) == VMM_PAUSED) {
        for (unsigned i = 0; i < machine->n_vcpus; i++)
            kvm_cpu_clock_was_stopped (machine->vcpus[i].kvm);
        vmm_lifecycle_enter (machine, VMM_RUNNING, command);
        vmm_lifecycle_go (machine);
    } else if (vmm_lifecycle_state (machine) != VMM_RUNNING)
        vmm_lifecycle_refuse (machine, "%s", "only a paused machine can be resumed");
}

static void
press_button (struct vmm_machine *machine)
{
    struct vmm_device *device = machine->power_button_device;

    if (!device || vmm_lifecycle_state (machine) != VMM_RUNNING)
        return;
    pthread_mutex_lock (&device->lock);
    machine->power_button_press (device);
    pthread_mutex_unlock (&device->lock);
}

/* Levels, not moments: what a paused machine is told it finds when it goes on. */
static void
raise_event (struct vmm_machine *machine, unsigned event)
{
    enum vmm_state state = vmm_lifecycle_state (machine);
    struct vmm_device *device = machine->event_device;

    if (!device || (state != VMM_RUNNING && state != VMM_PAUSED))
        return;
    pthread_mutex_lock (&device->lock);
    machine->event_raise (device, event);
    pthread_mutex_unlock (&device->lock);
}

/* The rest of the machine goes on while requests on the old medium end. */
static void
change_medium (struct vmm_machine *machine, struct vmm_command *command)
{
    struct vmm_device *device = command->device;

    for (;;) {
        pthread_mutex_lock (&device->lock);
        *command->result = device->device_class->set_medium (device, command->index,
                                                             command->medium, command->error);
        pthread_mutex_unlock (&device->lock);
        if (*command->result != -EAGAIN)
            return;
        vmm_loop_iterate (machine->loop, 100);
    }
}

static void
stand_still (struct vmm_machine *machine, struct vmm_command *command)
{
    bool running = vmm_lifecycle_state (machine) == VMM_RUNNING;

    if (running)
        vmm_lifecycle_stop (machine);
    *command->result = command->call.function (command->call.data, command->error);
    if (running)
        vmm_lifecycle_go (machine);
}

static void
carry_out (struct vmm_machine *machine, struct vmm_command *command)
{
    switch (command->type) {
    case VMM_COMMAND_START:
        if (vmm_lifecycle_state (machine) == VMM_OFF)
            start (machine, command);
        else if (vmm_lifecycle_state (machine) != VMM_RUNNING)
            vmm_lifecycle_refuse (machine, "%s", "only a machine that is off can be started");
        break;
    case VMM_COMMAND_PAUSE: pause_machine (machine, command); break;
    case VMM_COMMAND_RESUME: resume (machine, command); break;
    case VMM_COMMAND_RESET:
        /* A guest that was stopped meanwhile asks for nothing any more. */
        if (!command->by_guest || vmm_lifecycle_state (machine) == VMM_RUNNING)
            reset (machine, command);
        break;
    case VMM_COMMAND_POWER_OFF:
        if (!command->by_guest || vmm_lifecycle_state (machine) == VMM_RUNNING)
            power_off (machine, command);
        break;
    case VMM_COMMAND_POWER_BUTTON: press_button (machine); break;
    case VMM_COMMAND_EVENT: raise_event (machine, command->index); break;
    case VMM_COMMAND_CRASH: crash (machine, command); break;
    case VMM_COMMAND_MEDIUM: change_medium (machine, command); break;
    case VMM_COMMAND_SAVE: vmm_save_begin (machine, &command->save); break;
    case VMM_COMMAND_CANCEL_SAVE: vmm_save_cancel (machine); break;
    case VMM_COMMAND_RESTORE: vmm_restore_now (machine, command); break;
    case VMM_COMMAND_CALL: stand_still (machine, command); break;
    case VMM_COMMAND_SYNC: break;
    case VMM_COMMAND_QUIT:
        vmm_save_fini (machine);
        if (vmm_lifecycle_state (machine) == VMM_RUNNING)
            vmm_lifecycle_stop (machine);
        machine->quit = true;
        break;
    }
}

static struct vmm_command *
next_command (struct vmm_machine *machine)
{
    struct vmm_command *command = NULL;

    pthread_mutex_lock (&machine->command_mutex);
    if (!list_is_empty (&machine->commands)) {
        command = list_entry (machine->commands.next, struct vmm_command, link);
        list_remove (&command->link);
    }
    pthread_mutex_unlock (&machine->command_mutex);
    return command;
}

static void
run_commands (struct vmm_machine *machine)
{
    struct vmm_command *command;

    while ((command = next_command (machine))) {
        carry_out (machine, command);
        if (command->done)
            sem_post (command->done); /* its memory is the waiter's */
        else
            free (command);
    }
}

void *
vmm_io_thread (void *data)
{
    struct vmm_machine *machine = data;

    pthread_setname_np (pthread_self (), "machine-io");
    while (!machine->quit) {
        vmm_loop_iterate (machine->loop, -1);
        run_commands (machine);
    }
    return NULL;
}

void
vmm_start (struct vmm_machine *machine)
{
    vmm_post (machine, VMM_COMMAND_START, false, NULL);
}

void
vmm_pause (struct vmm_machine *machine)
{
    vmm_post (machine, VMM_COMMAND_PAUSE, false, NULL);
}

void
vmm_resume (struct vmm_machine *machine)
{
    vmm_post (machine, VMM_COMMAND_RESUME, false, NULL);
}

void
vmm_reset (struct vmm_machine *machine)
{
    vmm_post (machine, VMM_COMMAND_RESET, false, NULL);
}

void
vmm_power_off (struct vmm_machine *machine)
{
    vmm_post (machine, VMM_COMMAND_POWER_OFF, false, NULL);
}

void
vmm_press_power_button (struct vmm_machine *machine)
{
    vmm_post (machine, VMM_COMMAND_POWER_BUTTON, false, NULL);
}

enum vmm_state
vmm_get_state (struct vmm_machine *machine)
{
    return vmm_lifecycle_state (machine);
}

void
vmm_save (struct vmm_machine *machine, const struct vmm_save *save)
{
    vmm_post_copy (machine, &(struct vmm_command) {.type = VMM_COMMAND_SAVE, .save = *save});
}

void
vmm_cancel_save (struct vmm_machine *machine)
{
    vmm_post (machine, VMM_COMMAND_CANCEL_SAVE, false, NULL);
}

void
vmm_restore (struct vmm_machine *machine, const struct vmm_restore *restore)
{
    vmm_post_copy (machine,
                   &(struct vmm_command) {.type = VMM_COMMAND_RESTORE, .restore = *restore});
}

/* Posts @command, whose memory is the caller's, and waits for the I/O thread to be done with it. */
static void
run_and_wait (struct vmm_machine *machine, struct vmm_command *command)
{
    sem_t done;

    sem_init (&done, 0, 0);
    command->done = &done;
    enqueue (machine, command);
    while (sem_wait (&done) < 0)
        continue;
    sem_destroy (&done);
}

void
vmm_sync (struct vmm_machine *machine)
{
    struct vmm_command command = {.type = VMM_COMMAND_SYNC};

    if (machine->has_io_thread)
        run_and_wait (machine, &command);
}

int
vmm_stand_still (struct vmm_machine *machine, int (*call) (void *data, struct vmm_error *error),
                 void *data, struct vmm_error *error)
{
    int result = 0;
    struct vmm_command command = {
        .type = VMM_COMMAND_CALL, .call = {call, data}, .error = error, .result = &result};

    if (machine->has_io_thread)
        run_and_wait (machine, &command);
    else
        stand_still (machine, &command);
    return result;
}

int
vmm_set_medium (struct vmm_machine *machine, const char *id, unsigned index, struct blk *medium,
                struct vmm_error *error)
{
    struct vmm_device *device = vmm_machine_find_device (machine, id);
    struct vmm_command command = {.type = VMM_COMMAND_MEDIUM};
    int result = 0;

    if (!device)
        return vmm_error_set (error, -ENOENT, "there is no device “%s”", id);
    if (!device->device_class->set_medium)
        return vmm_error_set (error, -EOPNOTSUPP, "the medium of “%s” cannot be changed", id);
    command.device = device;
    command.index = index;
    command.medium = medium;
    command.error = error;
    command.result = &result;
    if (machine->has_io_thread)
        run_and_wait (machine, &command);
    else
        change_medium (machine, &command);
    return result;
}
