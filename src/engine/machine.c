/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/machine-internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/util.h"
#include "engine/firmware/boot.h"
#include "engine/firmware/fw-cfg.h"
#include "engine/pci/pci.h"

/* More than any host has; keeps sums of addresses inside 46 bits. */
#define MAX_MEMORY (UINT64_C (16) << 40)

/* What QEMU's I/O threads do too. */
#define IO_SPIN_NS UINT64_C (32000)

static int
check_topology (const struct vmm_config *config, struct vmm_error *error)
{
    uint64_t product;

    if (config->cpus < 1 || config->cpus > VMM_MAX_CPUS)
        return vmm_error_set (error, -ERANGE, "a machine has 1 to %d CPUs, not %u", VMM_MAX_CPUS,
                              config->cpus);
    if (!config->sockets && !config->cores && !config->threads)
        return 0;
    product = (uint64_t) config->sockets * config->cores;
    if (product > VMM_MAX_CPUS || product * config->threads != config->cpus)
        return vmm_error_set (error, -EINVAL,
                              "%u sockets × %u cores × %u threads do not make %u CPUs",
                              config->sockets, config->cores, config->threads, config->cpus);
    /* APIC ids are dense, so the levels above another must be told apart by whole bits. */
    if (!is_power_of_two (config->threads) ||
        (config->sockets > 1 && !is_power_of_two (config->cores)))
        return vmm_error_set (error, -EINVAL,
                              "threads, and with several sockets cores, come in powers of two");
    return 0;
}

static int
check_config (const struct vmm_config *config, struct vmm_error *error)
{
    if (config->memory < VMM_MIN_MEMORY || config->memory > MAX_MEMORY || config->memory % MIB != 0)
        return vmm_error_set (
            error, -ERANGE, "memory must be a whole number of MiB from %llu on, not %llu bytes",
            (unsigned long long) (VMM_MIN_MEMORY / MIB), (unsigned long long) config->memory);
    return check_topology (config, error);
}

static int
start_io_thread (struct vmm_machine *machine, struct vmm_error *error)
{
    sigset_t all, before;
    int r;

    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    r = -pthread_create (&machine->io_thread, NULL, vmm_io_thread, machine);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (r < 0)
        return vmm_error_set_errno (error, r, "the machine's I/O thread cannot be started");
    machine->has_io_thread = true;
    return 0;
}

static int
build (struct vmm_machine *machine, const struct vmm_config *config, struct vmm_error *error)
{
    bool with_kvm = config->accelerator == VMM_ACCELERATOR_KVM;
    int r;

    if (with_kvm) {
        r = kvm_vm_create (&machine->vm, error);
        if (r < 0)
            return r;
    }
    if ((r = vmm_event_queue_init (&machine->events)) < 0 ||
        (r = vmm_loop_create (&machine->loop)) < 0 ||
        (r = vmm_bus_create (machine->vm, &machine->bus)) < 0 ||
        (r = vmm_irq_create (machine->vm, &machine->irq)) < 0 ||
        (r = fw_cfg_store_create (&machine->fw_cfg)) < 0)
        return vmm_error_set_errno (error, r, "the machine cannot be built");
    vmm_loop_set_spin (machine->loop, IO_SPIN_NS);
    r = vmm_memory_create (machine->vm, machine->bus, config->memory, &machine->memory, error);
    if (r < 0)
        return r;
    vmm_memory_hold (machine->memory);
    r = pci_bus_create (machine, &machine->pci);
    if (r < 0)
        return vmm_error_set_errno (error, r, "the PCI bus cannot be built");
    for (size_t i = 0; i < config->n_devices; i++) {
        r = vmm_device_create (machine, config->classes, &config->devices[i], error);
        if (r < 0)
            return r;
    }
    vmm_devices_reset (machine);
    if (with_kvm)
        r = vmm_boot_prepare (machine, config, &machine->boot, error);
    if (r < 0)
        return r;
    r = vmm_memory_release (machine->memory);
    if (r < 0)
        return vmm_error_set_errno (error, r, "KVM cannot map the firmware");
    if (!with_kvm)
        return 0;
    r = kvm_vm_add_chips (machine->vm, error);
    if (r >= 0)
        r = vmm_vcpus_create (machine, config, error);
    if (r >= 0)
        r = start_io_thread (machine, error);
    return r;
}

void
vmm_random_generation (uint8_t ret_generation[16])
{
    struct timespec now;

    /* So few bytes come whole, unless something forbids the call: the time is not used twice. */
    if (getrandom (ret_generation, 16, 0) == 16)
        return;
    clock_gettime (CLOCK_REALTIME, &now);
    store_le64 (ret_generation, (uint64_t) now.tv_sec);
    store_le64 (ret_generation + 8, (uint64_t) now.tv_nsec);
}

int
vmm_create (const struct vmm_config *config, struct vmm_machine **ret_machine,
            struct vmm_error *error)
{
    static const uint8_t none[16];
    struct vmm_machine *machine;
    int r;

    r = check_config (config, error);
    if (r < 0)
        return r;
    machine = calloc (1, sizeof *machine);
    if (!machine)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    snprintf (machine->name, sizeof machine->name, "%s", config->name ? config->name : "machine");
    machine->log = config->log;
    machine->triple_fault = config->triple_fault;
    machine->n_vcpus = config->cpus;
    memcpy (machine->generation, config->generation, sizeof machine->generation);
    if (memcmp (machine->generation, none, sizeof none) == 0)
        vmm_random_generation (machine->generation);
    list_init (&machine->devices);
    list_init (&machine->commands);
    pthread_mutex_init (&machine->command_mutex, NULL);
    pthread_mutex_init (&machine->vcpu_mutex, NULL);
    pthread_cond_init (&machine->vcpu_changed, NULL);
    pthread_mutex_init (&machine->writer_mutex, NULL);
    vmm_clock_init (&machine->clock);
    atomic_init (&machine->state, VMM_OFF);

    r = build (machine, config, error);
    if (r < 0) {
        vmm_destroy (machine);
        return r;
    }
    *ret_machine = machine;
    return 0;
}

static void
free_commands (struct vmm_machine *machine)
{
    struct vmm_command *command, *after;

    list_for_each_safe (command, after, &machine->commands, link) {
        vmm_save_drop (command);
        free (command);
    }
}

void
vmm_destroy (struct vmm_machine *machine)
{
    if (!machine)
        return;
    if (machine->has_io_thread) {
        vmm_post (machine, VMM_COMMAND_QUIT, false, NULL);
        pthread_join (machine->io_thread, NULL);
    }
    vmm_vcpus_destroy (machine);
    vmm_devices_destroy (machine);
    vmm_boot_destroy (machine->boot);
    pci_bus_destroy (machine->pci);
    fw_cfg_store_destroy (machine->fw_cfg);
    vmm_irq_destroy (machine->irq);
    vmm_memory_destroy (machine->memory);
    vmm_bus_destroy (machine->bus);
    vmm_loop_destroy (machine->loop);
    vmm_event_queue_fini (&machine->events);
    kvm_vm_destroy (machine->vm);
    free_commands (machine);
    vmm_clock_fini (&machine->clock);
    pthread_mutex_destroy (&machine->writer_mutex);
    pthread_cond_destroy (&machine->vcpu_changed);
    pthread_mutex_destroy (&machine->vcpu_mutex);
    pthread_mutex_destroy (&machine->command_mutex);
    free (machine);
}

void
vmm_get_stats (struct vmm_machine *machine, struct vmm_stats *ret_stats)
{
    *ret_stats = (struct vmm_stats) {.run_ns = vmm_clock_now (&machine->clock)};
    for (unsigned i = 0; machine->vcpus && i < machine->n_vcpus; i++) {
        struct vmm_vcpu *vcpu = &machine->vcpus[i];
        struct timespec used;
        clockid_t clock;

        ret_stats->exits_io += atomic_load (&vcpu->exits_io);
        ret_stats->exits_mmio += atomic_load (&vcpu->exits_mmio);
        ret_stats->exits_halt += atomic_load (&vcpu->exits_halt);
        ret_stats->exits_signal += atomic_load (&vcpu->exits_signal);
        ret_stats->exits_other += atomic_load (&vcpu->exits_other);
        if (pthread_getcpuclockid (vcpu->thread, &clock) == 0 && clock_gettime (clock, &used) == 0)
            ret_stats->cpu_ns += (uint64_t) used.tv_sec * 1000000000u + (uint64_t) used.tv_nsec;
    }
}

struct vmm_bus *
vmm_machine_bus (struct vmm_machine *machine)
{
    return machine->bus;
}

struct vmm_memory *
vmm_machine_memory (struct vmm_machine *machine)
{
    return machine->memory;
}

struct vmm_irq *
vmm_machine_irq (struct vmm_machine *machine)
{
    return machine->irq;
}

struct vmm_loop *
vmm_machine_loop (struct vmm_machine *machine)
{
    return machine->loop;
}

struct vmm_clock *
vmm_machine_clock (struct vmm_machine *machine)
{
    return &machine->clock;
}

struct pci_bus *
vmm_machine_pci (struct vmm_machine *machine)
{
    return machine->pci;
}

struct fw_cfg_store *
vmm_machine_fw_cfg (struct vmm_machine *machine)
{
    return machine->fw_cfg;
}

const struct vmm_log *
vmm_machine_log (struct vmm_machine *machine)
{
    return &machine->log;
}

unsigned
vmm_machine_cpu_count (struct vmm_machine *machine)
{
    return machine->n_vcpus;
}

struct vmm_list *
vmm_machine_devices (struct vmm_machine *machine)
{
    return &machine->devices;
}

struct vmm_device *
vmm_machine_find_device (struct vmm_machine *machine, const char *id)
{
    struct vmm_device *device;

    list_for_each (device, &machine->devices, link) {
        if (strcmp (device->id, id) == 0)
            return device;
    }
    return NULL;
}
