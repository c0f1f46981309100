/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state of a machine but for its RAM, as one stream: what it is, its devices, its interrupt
 * controllers, its vCPUs. Devices come before the controllers: loading them sets their interrupt
 * lines, which must not look like edges to controllers that have seen them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/machine-internal.h"

struct identity {
    uint64_t memory_low, memory_high;
    uint64_t clock; /* of the guest, ns */
    uint32_t cpus, devices;
};

static const struct vmm_state_field identity_fields[] = {
    VMM_STATE (struct identity, memory_low), VMM_STATE (struct identity, memory_high),
    VMM_STATE (struct identity, clock),      VMM_STATE (struct identity, cpus),
    VMM_STATE (struct identity, devices),
};

static const struct vmm_state_table identity_table = {
    .name = "machine",
    .version = 1,
    .fields = identity_fields,
    .n_fields = ARRAY_LENGTH (identity_fields),
};

static struct identity
identity_of (struct vmm_machine *machine)
{
    struct identity identity = {
        .memory_low = vmm_memory_low_size (machine->memory),
        .memory_high = vmm_memory_high_size (machine->memory),
        .clock = vmm_clock_now (&machine->clock),
        .cpus = machine->n_vcpus,
    };
    struct vmm_device *device;

    list_for_each (device, &machine->devices, link)
        identity.devices++;
    return identity;
}

static int
save_kvm (struct vmm_machine *machine, struct vmm_state_writer *writer)
{
    AUTO_FREE struct kvm_cpu_state *cpu = malloc (sizeof *cpu);
    struct kvm_vm_state vm;
    int r;

    if (!cpu)
        return -ENOMEM;
    r = kvm_vm_get_state (machine->vm, &vm);
    if (r >= 0)
        r = vmm_state_save (writer, "kvm", &kvm_vm_state_table, &vm);
    for (unsigned i = 0; i < machine->n_vcpus && r >= 0; i++) {
        char name[16];

        snprintf (name, sizeof name, "cpu-%u", i);
        r = kvm_cpu_get_state (machine->vcpus[i].kvm, cpu);
        if (r >= 0)
            r = vmm_state_save (writer, name, &kvm_cpu_state_table, cpu);
    }
    return r < 0 ? r : 0;
}

int
vmm_machine_save_state (struct vmm_machine *machine, struct vmm_state_writer *writer,
                        struct vmm_error *error)
{
    struct identity identity = identity_of (machine);
    int r;

    r = vmm_state_save (writer, "machine", &identity_table, &identity);
    if (r >= 0)
        r = vmm_machine_save_devices (machine, writer);
    if (r >= 0 && machine->vm)
        r = save_kvm (machine, writer);
    return r < 0 ? vmm_error_set_errno (error, r, "the machine's state cannot be saved") : 0;
}

static int
check_identity (struct vmm_machine *machine, const struct identity *saved, struct vmm_error *error)
{
    struct identity present = identity_of (machine);

    if (saved->memory_low != present.memory_low || saved->memory_high != present.memory_high)
        return vmm_error_set (
            error, -EINVAL, "the saved machine has %llu MiB of memory, this one %llu",
            (unsigned long long) ((saved->memory_low + saved->memory_high) / MIB),
            (unsigned long long) ((present.memory_low + present.memory_high) / MIB));
    if (saved->cpus != present.cpus)
        return vmm_error_set (error, -EINVAL, "the saved machine has %u CPUs, this one %u",
                              saved->cpus, present.cpus);
    if (saved->devices != present.devices)
        return vmm_error_set (error, -EINVAL, "the saved machine has %u devices, this one %u",
                              saved->devices, present.devices);
    /* A century: sums with times of the host stay far from overflow. */
    if (saved->clock > UINT64_C (3155760000) * 1000000000)
        return vmm_error_set (error, -EPROTO, "the saved state is damaged: its clock");
    return 0;
}

static int
load_kvm (struct vmm_machine *machine, struct vmm_state_reader *reader, struct vmm_error *error)
{
    AUTO_FREE struct kvm_cpu_state *cpu = calloc (1, sizeof *cpu);
    struct kvm_vm_state vm = {0};
    int r;

    if (!cpu)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    r = vmm_state_load (reader, "kvm", &kvm_vm_state_table, &vm, error);
    for (unsigned i = 0; i < machine->n_vcpus && r >= 0; i++) {
        unsigned refused = 0;
        char name[16];

        snprintf (name, sizeof name, "cpu-%u", i);
        r = vmm_state_load (reader, name, &kvm_cpu_state_table, cpu, error);
        if (r >= 0)
            r = kvm_cpu_set_state (machine->vcpus[i].kvm, cpu, &refused, error);
        if (refused > 0)
            vmm_log (&machine->log, VMM_LOG_WARNING,
                     "%s: vCPU %u goes on without %u registers of its saved state", machine->name,
                     i, refused);
    }
    if (r < 0)
        return r;
    r = kvm_vm_set_state (machine->vm, &vm);
    if (r < 0)
        return vmm_error_set_errno (error, r, "the saved interrupt controllers are damaged");
    return 0;
}

int
vmm_machine_load_state (struct vmm_machine *machine, struct vmm_state_reader *reader,
                        struct vmm_error *error)
{
    struct identity saved;
    int r;

    r = vmm_state_load (reader, "machine", &identity_table, &saved, error);
    if (r >= 0)
        r = check_identity (machine, &saved, error);
    if (r < 0)
        return r;
    vmm_clock_set (&machine->clock, saved.clock);
    vmm_devices_reset (machine);
    r = vmm_machine_load_devices (machine, reader, error);
    if (r >= 0 && machine->vm)
        r = load_kvm (machine, reader, error);
    if (r < 0)
        return r;
    if (reader->offset != reader->length)
        return vmm_error_set (error, -EPROTO,
                              "the saved state is damaged: it goes on after its end");
    return 0;
}
