/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread per vCPU. A thread either runs its vCPU or is parked on a condition; vmm_vcpus_stop ()
 * clears the flag that lets them run, makes every KVM_RUN return (immediate_exit, and a signal with
 * an empty handler for those inside the guest) and waits until all are parked. A vCPU that was
 * kicked in the middle of a port or memory access has it completed before it parks, so that a
 * parked vCPU's registers are whole.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "engine/machine-internal.h"

/* The one signal the engine claims. Real-time, so that no library is likely to want it. */
static int
kick_signal (void)
{
    return SIGRTMIN + 5;
}

static void
ignore_kick (int signal_number)
{
}

static int
install_kick_handler (struct vmm_error *error)
{
    struct sigaction action = {.sa_handler = ignore_kick}, present;

    if (sigaction (kick_signal (), NULL, &present) == 0 && present.sa_handler == ignore_kick)
        return 0;
    sigemptyset (&action.sa_mask);
    if (sigaction (kick_signal (), &action, NULL) < 0)
        return vmm_error_set_errno (error, -errno, "the signal that stops vCPUs cannot be set up");
    return 0;
}

static uint64_t
load_item (const uint8_t *data, unsigned size)
{
    uint64_t value = 0;

    memcpy (&value, data, MIN_OF (size, 8u));
    return value;
}

/* Carries out the access that made the vCPU exit; string instructions come as several items. */
static void
do_access (struct vmm_vcpu *vcpu, const struct kvm_exit *exit, enum vmm_space space)
{
    struct vmm_bus *bus = vcpu->machine->bus;

    for (unsigned i = 0; i < exit->io.count; i++) {
        uint8_t *data = exit->io.data + (size_t) i * exit->io.size;

        if (exit->io.is_write)
            vmm_bus_write (bus, space, exit->io.address, exit->io.size,
                           load_item (data, exit->io.size));
        else {
            uint64_t value = vmm_bus_read (bus, space, exit->io.address, exit->io.size);

            memcpy (data, &value, MIN_OF (exit->io.size, 8u));
        }
    }
}

static void
report_crash (struct vmm_vcpu *vcpu, const char *what)
{
    struct vmm_machine *machine = vcpu->machine;
    char reason[512], bytes[3 * 15 + 1] = "unreadable";
    uint64_t rip = kvm_cpu_rip (vcpu->kvm), physical;

    if (kvm_cpu_translate_rip (vcpu->kvm, &rip, &physical)) {
        size_t length = MIN_OF (15u, 4096 - physical % 4096);
        const uint8_t *code = vmm_memory_guest_pointer (machine->memory, physical, length, false);

        for (size_t i = 0; code && i < length; i++)
            snprintf (bytes + 3 * i, 4, "%02x%s", code[i], i + 1 < length ? " " : "");
    }
    snprintf (reason, sizeof reason, "vCPU %u: %s at RIP %#llx, instruction bytes %s", vcpu->index,
              what, (unsigned long long) rip, bytes);
    /* Not an error to the log's reader: the event carries it to who owns the machine. */
    vmm_log (&machine->log, VMM_LOG_INFO, "%s crashed: %s", machine->name, reason);
    vmm_post (machine, VMM_COMMAND_CRASH, true, reason);
}

/* Waits until the machine lets this vCPU run; false when the thread should end. */
static bool
wait_for_go (struct vmm_vcpu *vcpu)
{
    struct vmm_machine *machine = vcpu->machine;
    bool go;

    pthread_mutex_lock (&machine->vcpu_mutex);
    if (!machine->vcpus_go || machine->vcpus_quit) {
        vcpu->parked = true;
        pthread_cond_broadcast (&machine->vcpu_changed);
        while (!machine->vcpus_go && !machine->vcpus_quit)
            pthread_cond_wait (&machine->vcpu_changed, &machine->vcpu_mutex);
        vcpu->parked = false;
    }
    go = !machine->vcpus_quit;
    pthread_mutex_unlock (&machine->vcpu_mutex);
    return go;
}

/* After something final: sleeps until the machine has been stopped and is let go again. */
static void
wait_for_stop (struct vmm_vcpu *vcpu)
{
    struct vmm_machine *machine = vcpu->machine;

    pthread_mutex_lock (&machine->vcpu_mutex);
    while (machine->vcpus_go && !machine->vcpus_quit)
        pthread_cond_wait (&machine->vcpu_changed, &machine->vcpu_mutex);
    pthread_mutex_unlock (&machine->vcpu_mutex);
}

static bool
is_stopping (struct vmm_vcpu *vcpu)
{
    struct vmm_machine *machine = vcpu->machine;
    bool stopping;

    pthread_mutex_lock (&machine->vcpu_mutex);
    stopping = !machine->vcpus_go || machine->vcpus_quit;
    pthread_mutex_unlock (&machine->vcpu_mutex);
    return stopping;
}

/* Runs the guest until the machine stops. */
static void
run (struct vmm_vcpu *vcpu)
{
    struct vmm_machine *machine = vcpu->machine;
    struct kvm_exit exit;

    for (;;) {
        kvm_cpu_run (vcpu->kvm, &exit);
        switch (exit.type) {
        case KVM_DID_PORT:
            atomic_fetch_add_explicit (&vcpu->exits_io, 1, memory_order_relaxed);
            do_access (vcpu, &exit, VMM_SPACE_PIO);
            break;
        case KVM_DID_MMIO:
            atomic_fetch_add_explicit (&vcpu->exits_mmio, 1, memory_order_relaxed);
            do_access (vcpu, &exit, VMM_SPACE_MMIO);
            break;
        case KVM_DID_STOP:
            atomic_fetch_add_explicit (&vcpu->exits_signal, 1, memory_order_relaxed);
            if (is_stopping (vcpu))
                return;
            break;
        case KVM_DID_HALT: /* only without an in-kernel LAPIC */
            atomic_fetch_add_explicit (&vcpu->exits_halt, 1, memory_order_relaxed);
            break;
        case KVM_DID_SHUTDOWN:
            if (machine->triple_fault == VMM_TRIPLE_FAULT_CRASHES)
                report_crash (vcpu, "triple fault");
            else
                vmm_post (machine, VMM_COMMAND_RESET, true, "the guest's processor shut down");
            wait_for_stop (vcpu);
            return;
        case KVM_DID_FAIL:
            report_crash (vcpu, exit.detail);
            wait_for_stop (vcpu);
            return;
        case KVM_DID_OTHER:
            atomic_fetch_add_explicit (&vcpu->exits_other, 1, memory_order_relaxed);
            break;
        }
    }
}

static void *
vcpu_thread (void *data)
{
    struct vmm_vcpu *vcpu = data;
    char name[16];

    snprintf (name, sizeof name, "vcpu-%u", vcpu->index);
    pthread_setname_np (pthread_self (), name);
    while (wait_for_go (vcpu)) {
        run (vcpu);
        kvm_cpu_complete_io (vcpu->kvm);
    }
    return NULL;
}

static int
start_thread (struct vmm_vcpu *vcpu)
{
    sigset_t blocked, before;
    int r;

    /* Engine threads take no signals of the process but the kick. */
    sigfillset (&blocked);
    sigdelset (&blocked, kick_signal ());
    pthread_sigmask (SIG_SETMASK, &blocked, &before);
    r = -pthread_create (&vcpu->thread, NULL, vcpu_thread, vcpu);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (r < 0)
        return r;
    vcpu->has_thread = true;
    return 0;
}

static struct vmm_topology
topology_of (const struct vmm_config *config)
{
    if (config->sockets)
        return (struct vmm_topology) {config->sockets, config->cores, config->threads};
    return (struct vmm_topology) {1, config->cpus, 1};
}

/* @supported: what the host has to offer, once for all vCPUs as it takes a while to collect. */
static int
create_one (struct vmm_machine *machine, unsigned index, const struct vmm_topology *topology,
            const struct kvm_cpuid_leaf *supported, size_t n_leaves, struct vmm_error *error)
{
    struct vmm_vcpu *vcpu = &machine->vcpus[index];
    struct kvm_cpuid_leaf leaves[KVM_MAX_LEAVES + 8];
    int r;

    r = kvm_cpu_create (machine->vm, index, &vcpu->kvm, error);
    if (r < 0)
        return r;
    memcpy (leaves, supported, n_leaves * sizeof leaves[0]);
    vmm_cpuid_adapt (leaves, &n_leaves, ARRAY_LENGTH (leaves), index, topology,
                     kvm_vm_has_tsc_deadline (machine->vm));
    r = kvm_cpu_set_cpuid (vcpu->kvm, leaves, n_leaves);
    if (r >= 0)
        r = kvm_cpu_remember_reset_state (vcpu->kvm);
    if (r < 0)
        return vmm_error_set_errno (error, r, "vCPU %u cannot be set up", index);
    return 0;
}

int
vmm_vcpus_create (struct vmm_machine *machine, const struct vmm_config *config,
                  struct vmm_error *error)
{
    struct vmm_topology topology = topology_of (config);
    struct kvm_cpuid_leaf supported[KVM_MAX_LEAVES];
    size_t n_leaves = KVM_MAX_LEAVES;
    int r;

    r = install_kick_handler (error);
    if (r < 0)
        return r;
    if (config->cpus > kvm_vm_max_cpus (machine->vm))
        return vmm_error_set (error, -ERANGE, "%u CPUs are more than this host's KVM can run (%u)",
                              config->cpus, kvm_vm_max_cpus (machine->vm));
    machine->vcpus = calloc (config->cpus, sizeof *machine->vcpus);
    if (!machine->vcpus)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    r = kvm_vm_supported_cpuid (machine->vm, supported, &n_leaves);
    if (r < 0)
        return vmm_error_set_errno (error, r, "KVM does not tell what its CPUs can do");
    for (unsigned i = 0; i < config->cpus; i++) {
        machine->vcpus[i].machine = machine;
        machine->vcpus[i].index = i;
        r = create_one (machine, i, &topology, supported, n_leaves, error);
        if (r < 0)
            return r;
    }
    r = kvm_vm_remember_reset_state (machine->vm);
    if (r < 0)
        return vmm_error_set_errno (error, r, "the interrupt controllers cannot be read");
    for (unsigned i = 0; i < config->cpus; i++) {
        r = start_thread (&machine->vcpus[i]);
        if (r < 0)
            return vmm_error_set_errno (error, r, "the thread of vCPU %u cannot be started", i);
    }
    return 0;
}

void
vmm_vcpus_destroy (struct vmm_machine *machine)
{
    if (!machine->vcpus)
        return;
    vmm_vcpus_stop (machine);
    pthread_mutex_lock (&machine->vcpu_mutex);
    machine->vcpus_quit = true;
    pthread_cond_broadcast (&machine->vcpu_changed);
    pthread_mutex_unlock (&machine->vcpu_mutex);
    for (unsigned i = 0; i < machine->n_vcpus; i++) {
        if (machine->vcpus[i].has_thread)
            pthread_join (machine->vcpus[i].thread, NULL);
        kvm_cpu_destroy (machine->vcpus[i].kvm);
    }
    free (machine->vcpus);
    machine->vcpus = NULL;
}

void
vmm_vcpus_go (struct vmm_machine *machine)
{
    pthread_mutex_lock (&machine->vcpu_mutex);
    for (unsigned i = 0; i < machine->n_vcpus; i++)
        kvm_cpu_set_immediate_exit (machine->vcpus[i].kvm, false);
    machine->vcpus_go = true;
    pthread_cond_broadcast (&machine->vcpu_changed);
    pthread_mutex_unlock (&machine->vcpu_mutex);
}

static bool
all_parked (const struct vmm_machine *machine)
{
    for (unsigned i = 0; i < machine->n_vcpus; i++) {
        if (machine->vcpus[i].has_thread && !machine->vcpus[i].parked)
            return false;
    }
    return true;
}

void
vmm_vcpus_stop (struct vmm_machine *machine)
{
    pthread_mutex_lock (&machine->vcpu_mutex);
    machine->vcpus_go = false;
    for (unsigned i = 0; i < machine->n_vcpus; i++) {
        struct vmm_vcpu *vcpu = &machine->vcpus[i];

        if (!vcpu->has_thread)
            continue;
        kvm_cpu_set_immediate_exit (vcpu->kvm, true);
        if (!vcpu->parked)
            pthread_kill (vcpu->thread, kick_signal ());
    }
    pthread_cond_broadcast (&machine->vcpu_changed);
    while (!all_parked (machine))
        pthread_cond_wait (&machine->vcpu_changed, &machine->vcpu_mutex);
    pthread_mutex_unlock (&machine->vcpu_mutex);
}
