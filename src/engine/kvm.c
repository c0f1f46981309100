/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/util.h"

#define IDENTITY_MAP_ADDRESS 0xfeffc000u
#define TSS_ADDRESS          0xfeffd000u
#define IOAPIC_PINS          24
#define MAX_MSRS             1024

struct kvm_vm {
    int device_fd;
    int fd;
    unsigned max_cpus, max_slots;
    size_t run_size;
    bool has_tsc_deadline;
    struct kvm_irqchip chips[3];
    struct kvm_pit_state2 pit;
    bool remembered;
};

struct kvm_cpu {
    struct kvm_vm *vm;
    int fd;
    unsigned id;
    struct kvm_run *run;
    struct {
        struct kvm_regs regs;
        struct kvm_sregs sregs;
        struct kvm_fpu fpu;
        struct kvm_xcrs xcrs;
        struct kvm_debugregs debug;
        struct kvm_vcpu_events events;
        struct kvm_lapic_state lapic;
        struct kvm_mp_state mp;
        struct kvm_msrs *msrs;
    } power_on;
};

static int
vm_ioctl (int fd, unsigned long request, const void *argument)
{
    int r;

    do
        r = ioctl (fd, request, argument);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

static int
open_device (struct vmm_error *error)
{
    int fd = open ("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (fd >= 0)
        return fd;
    switch (errno) {
    case ENOENT:
        return vmm_error_set (
            error, -ENOENT,
            "/dev/kvm does not exist: load the kernel module kvm-amd or kvm-intel "
            "and turn virtualization on in the firmware setup");
    case EACCES:
    case EPERM:
        return vmm_error_set (error, -EACCES,
                              "/dev/kvm may not be opened: add your user to its group (usually "
                              "“kvm”) and log in again");
    case ENODEV:
    case ENXIO:
        return vmm_error_set (error, -ENODEV,
                              "/dev/kvm has no hardware behind it: turn virtualization (AMD-V or "
                              "VT-x) on in the firmware setup");
    default: return vmm_error_set_errno (error, -errno, "/dev/kvm cannot be opened");
    }
}

static int
check_capabilities (struct kvm_vm *vm, struct vmm_error *error)
{
    static const struct {
        int capability;
        const char *name;
    } required[] = {
        {KVM_CAP_IRQCHIP, "an in-kernel interrupt controller"},
        {KVM_CAP_PIT2, "an in-kernel timer"},
        {KVM_CAP_USER_MEMORY, "user memory"},
        {KVM_CAP_READONLY_MEM, "read-only memory"},
        {KVM_CAP_IRQ_ROUTING, "interrupt routing"},
        {KVM_CAP_IRQFD, "irqfd"},
        {KVM_CAP_IOEVENTFD, "ioeventfd"},
        {KVM_CAP_SIGNAL_MSI, "message-signalled interrupts"},
        {KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
    };
    int r;

    r = vm_ioctl (vm->device_fd, KVM_GET_API_VERSION, NULL);
    if (r != KVM_REQUIRED_API_VERSION)
        return vmm_error_set (error, -ENOTSUP, "/dev/kvm speaks version %d instead of %d", r,
                              KVM_REQUIRED_API_VERSION);
    for (size_t i = 0; i < ARRAY_LENGTH (required); i++) {
        if (ioctl (vm->device_fd, KVM_CHECK_EXTENSION, (long) required[i].capability) <= 0)
            return vmm_error_set (error, -ENOTSUP,
                                  "/dev/kvm of this kernel lacks %s: use a newer kernel",
                                  required[i].name);
    }
    r = ioctl (vm->device_fd, KVM_CHECK_EXTENSION, (long) KVM_CAP_MAX_VCPUS);
    vm->max_cpus = r > 0 ? (unsigned) r : 4;
    r = ioctl (vm->device_fd, KVM_CHECK_EXTENSION, (long) KVM_CAP_NR_MEMSLOTS);
    vm->max_slots = r > 0 ? (unsigned) r : 32;
    vm->has_tsc_deadline =
        ioctl (vm->device_fd, KVM_CHECK_EXTENSION, (long) KVM_CAP_TSC_DEADLINE_TIMER) > 0;
    r = vm_ioctl (vm->device_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
    if (r < (int) sizeof (struct kvm_run))
        return vmm_error_set (error, -ENOTSUP, "/dev/kvm has no room for a vCPU's exits");
    vm->run_size = (size_t) r;
    return 0;
}

static int
build_vm (struct kvm_vm *vm, struct vmm_error *error)
{
    uint64_t identity = IDENTITY_MAP_ADDRESS;
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    int r;

    vm->fd = vm_ioctl (vm->device_fd, KVM_CREATE_VM, NULL);
    if (vm->fd == -EOPNOTSUPP || vm->fd == -ENODEV)
        return vmm_error_set (error, -ENODEV,
                              "the processor's virtualization is off: turn AMD-V or VT-x on in the "
                              "firmware setup");
    if (vm->fd < 0)
        return vmm_error_set_errno (error, vm->fd, "KVM cannot create a virtual machine");
    r = vm_ioctl (vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
    if (r >= 0)
        r = ioctl (vm->fd, KVM_SET_TSS_ADDR, (unsigned long) TSS_ADDRESS) < 0 ? -errno : 0;
    if (r >= 0)
        r = vm_ioctl (vm->fd, KVM_CREATE_IRQCHIP, NULL);
    if (r >= 0)
        r = vm_ioctl (vm->fd, KVM_CREATE_PIT2, &pit);
    if (r < 0)
        return vmm_error_set_errno (error, r, "KVM cannot build the interrupt controllers");
    return 0;
}

int
kvm_vm_create (struct kvm_vm **ret_vm, struct vmm_error *error)
{
    struct kvm_vm *vm = calloc (1, sizeof *vm);
    int r;

    if (!vm)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    vm->fd = -1;
    vm->device_fd = r = open_device (error);
    if (r >= 0)
        r = check_capabilities (vm, error);
    if (r >= 0)
        r = build_vm (vm, error);
    if (r < 0) {
        kvm_vm_destroy (vm);
        return r;
    }
    *ret_vm = vm;
    return 0;
}

void
kvm_vm_destroy (struct kvm_vm *vm)
{
    if (!vm)
        return;
    close_fd (vm->fd);
    close_fd (vm->device_fd);
    free (vm);
}

unsigned
kvm_vm_max_cpus (const struct kvm_vm *vm)
{
    return vm->max_cpus;
}

unsigned
kvm_vm_max_slots (const struct kvm_vm *vm)
{
    return vm->max_slots;
}

bool
kvm_vm_has_tsc_deadline (const struct kvm_vm *vm)
{
    return vm->has_tsc_deadline;
}

int
kvm_vm_set_memory (struct kvm_vm *vm, unsigned slot, uint64_t address, void *host, uint64_t size,
                   unsigned flags)
{
    struct kvm_userspace_memory_region region = {
        .slot = slot,
        .flags = (flags & KVM_MEMORY_READ_ONLY ? KVM_MEM_READONLY : 0) |
                 (flags & KVM_MEMORY_LOG_DIRTY ? KVM_MEM_LOG_DIRTY_PAGES : 0),
        .guest_phys_addr = address,
        .memory_size = size,
        .userspace_addr = (uintptr_t) host,
    };

    return vm_ioctl (vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

int
kvm_vm_get_dirty (struct kvm_vm *vm, unsigned slot, uint64_t *bitmap)
{
    struct kvm_dirty_log log = {.slot = slot, .dirty_bitmap = bitmap};

    return vm_ioctl (vm->fd, KVM_GET_DIRTY_LOG, &log);
}

int
kvm_vm_irq_line (struct kvm_vm *vm, unsigned gsi, bool level)
{
    struct kvm_irq_level line = {.irq = gsi, .level = level};

    return vm_ioctl (vm->fd, KVM_IRQ_LINE, &line);
}

int
kvm_vm_signal_msi (struct kvm_vm *vm, uint64_t address, uint32_t data)
{
    struct kvm_msi msi = {
        .address_lo = (uint32_t) address,
        .address_hi = (uint32_t) (address >> 32),
        .data = data,
    };

    return vm_ioctl (vm->fd, KVM_SIGNAL_MSI, &msi);
}

int
kvm_vm_irqfd (struct kvm_vm *vm, int fd, unsigned gsi, bool assign)
{
    struct kvm_irqfd irqfd = {
        .fd = (uint32_t) fd,
        .gsi = gsi,
        .flags = assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
    };

    return vm_ioctl (vm->fd, KVM_IRQFD, &irqfd);
}

static struct kvm_irq_routing_entry
pin_route (unsigned gsi, unsigned chip, unsigned pin)
{
    return (struct kvm_irq_routing_entry) {
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = {.irqchip = chip, .pin = pin},
    };
}

int
kvm_vm_set_routes (struct kvm_vm *vm, const struct kvm_msi_entry *entries, size_t n_entries)
{
    AUTO_FREE struct kvm_irq_routing *table = NULL;
    size_t n = 0;

    table = calloc (1, sizeof *table + (16 + IOAPIC_PINS + n_entries) * sizeof table->entries[0]);
    if (!table)
        return -ENOMEM;
    for (unsigned gsi = 0; gsi < 16; gsi++) {
        if (gsi != 2) /* the cascade */
            table->entries[n++] =
                pin_route (gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi % 8);
    }
    for (unsigned gsi = 0; gsi < IOAPIC_PINS; gsi++) {
        if (gsi != 2)
            table->entries[n++] = pin_route (gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? 2 : gsi);
    }
    for (size_t i = 0; i < n_entries; i++) {
        table->entries[n++] = (struct kvm_irq_routing_entry) {
            .gsi = entries[i].gsi,
            .type = KVM_IRQ_ROUTING_MSI,
            .u.msi = {.address_lo = (uint32_t) entries[i].address,
                      .address_hi = (uint32_t) (entries[i].address >> 32),
                      .data = entries[i].data},
        };
    }
    table->nr = (uint32_t) n;
    return vm_ioctl (vm->fd, KVM_SET_GSI_ROUTING, table);
}

int
kvm_vm_ioeventfd (struct kvm_vm *vm, bool is_port, uint64_t address, unsigned size, int fd,
                  bool assign)
{
    struct kvm_ioeventfd ioeventfd = {
        .addr = address,
        .len = size,
        .fd = fd,
        .flags =
            (is_port ? KVM_IOEVENTFD_FLAG_PIO : 0) | (assign ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
    };

    return vm_ioctl (vm->fd, KVM_IOEVENTFD, &ioeventfd);
}

int
kvm_vm_remember_reset_state (struct kvm_vm *vm)
{
    int r = 0;

    for (unsigned i = 0; i < 3 && r >= 0; i++) {
        vm->chips[i].chip_id = i;
        r = vm_ioctl (vm->fd, KVM_GET_IRQCHIP, &vm->chips[i]);
    }
    if (r >= 0)
        r = vm_ioctl (vm->fd, KVM_GET_PIT2, &vm->pit);
    vm->remembered = r >= 0;
    return r;
}

int
kvm_vm_reset_state (struct kvm_vm *vm)
{
    int r = vm->remembered ? 0 : -EINVAL;

    for (unsigned i = 0; i < 3 && r >= 0; i++)
        r = vm_ioctl (vm->fd, KVM_SET_IRQCHIP, &vm->chips[i]);
    if (r >= 0)
        r = vm_ioctl (vm->fd, KVM_SET_PIT2, &vm->pit);
    return r;
}

int
kvm_vm_supported_cpuid (struct kvm_vm *vm, struct kvm_cpuid_leaf *leaves, size_t *n_leaves)
{
    AUTO_FREE struct kvm_cpuid2 *table = NULL;
    int r;

    table = calloc (1, sizeof *table + KVM_MAX_LEAVES * sizeof table->entries[0]);
    if (!table)
        return -ENOMEM;
    table->nent = KVM_MAX_LEAVES;
    r = vm_ioctl (vm->device_fd, KVM_GET_SUPPORTED_CPUID, table);
    if (r < 0)
        return r;
    if (table->nent > *n_leaves)
        return -E2BIG;
    for (uint32_t i = 0; i < table->nent; i++) {
        const struct kvm_cpuid_entry2 *entry = &table->entries[i];

        leaves[i] = (struct kvm_cpuid_leaf) {
            .function = entry->function,
            .index = entry->index,
            .indexed = entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
            .eax = entry->eax,
            .ebx = entry->ebx,
            .ecx = entry->ecx,
            .edx = entry->edx,
        };
    }
    *n_leaves = table->nent;
    return 0;
}

int
kvm_cpu_create (struct kvm_vm *vm, unsigned id, struct kvm_cpu **ret_cpu, struct vmm_error *error)
{
    struct kvm_cpu *cpu = calloc (1, sizeof *cpu);
    void *run;

    if (!cpu)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    cpu->vm = vm;
    cpu->id = id;
    cpu->fd = ioctl (vm->fd, KVM_CREATE_VCPU, (unsigned long) id);
    if (cpu->fd < 0) {
        int r = -errno;

        kvm_cpu_destroy (cpu);
        return vmm_error_set_errno (error, r, "KVM cannot create vCPU %u", id);
    }
    run = mmap (NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
    if (run == MAP_FAILED) {
        int r = -errno;

        kvm_cpu_destroy (cpu);
        return vmm_error_set_errno (error, r, "the exits of vCPU %u cannot be mapped", id);
    }
    cpu->run = run;
    *ret_cpu = cpu;
    return 0;
}

void
kvm_cpu_destroy (struct kvm_cpu *cpu)
{
    if (!cpu)
        return;
    if (cpu->run)
        munmap (cpu->run, cpu->vm->run_size);
    close_fd (cpu->fd);
    free (cpu->power_on.msrs);
    free (cpu);
}

int
kvm_cpu_set_cpuid (struct kvm_cpu *cpu, const struct kvm_cpuid_leaf *leaves, size_t n_leaves)
{
    AUTO_FREE struct kvm_cpuid2 *table = NULL;

    table = calloc (1, sizeof *table + n_leaves * sizeof table->entries[0]);
    if (!table)
        return -ENOMEM;
    table->nent = (uint32_t) n_leaves;
    for (size_t i = 0; i < n_leaves; i++) {
        table->entries[i] = (struct kvm_cpuid_entry2) {
            .function = leaves[i].function,
            .index = leaves[i].index,
            .flags = leaves[i].indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = leaves[i].eax,
            .ebx = leaves[i].ebx,
            .ecx = leaves[i].ecx,
            .edx = leaves[i].edx,
        };
    }
    return vm_ioctl (cpu->fd, KVM_SET_CPUID2, table);
}

/* KVM_GET_MSRS or KVM_SET_MSRS of one register; false if the host refuses. */
static bool
access_msr (struct kvm_cpu *cpu, unsigned long request, struct kvm_msr_entry *entry)
{
    _Alignas (struct kvm_msrs) uint8_t buffer[sizeof (struct kvm_msrs) + sizeof *entry] = {0};
    struct kvm_msrs *msrs = (struct kvm_msrs *) (void *) buffer;

    msrs->nmsrs = 1;
    msrs->entries[0] = *entry;
    if (vm_ioctl (cpu->fd, request, msrs) != 1)
        return false;
    *entry = msrs->entries[0];
    return true;
}

#define MSR_TSC 0x10

/* The MSRs whose power-on value can be read, but for the TSC, which has none. */
static int
remember_msrs (struct kvm_cpu *cpu)
{
    struct kvm_msr_list probe = {.nmsrs = 0};
    AUTO_FREE struct kvm_msr_list *list = NULL;
    struct kvm_msrs *msrs;
    uint32_t n = 0;
    int r;

    r = vm_ioctl (cpu->vm->device_fd, KVM_GET_MSR_INDEX_LIST, &probe);
    if (r < 0 && r != -E2BIG)
        return r;
    if (probe.nmsrs > MAX_MSRS)
        return -E2BIG;
    list = calloc (1, sizeof *list + probe.nmsrs * sizeof list->indices[0]);
    msrs = calloc (1, sizeof *msrs + probe.nmsrs * sizeof msrs->entries[0]);
    if (!list || !msrs) {
        free (msrs);
        return -ENOMEM;
    }
    list->nmsrs = probe.nmsrs;
    r = vm_ioctl (cpu->vm->device_fd, KVM_GET_MSR_INDEX_LIST, list);
    for (uint32_t i = 0; r >= 0 && i < list->nmsrs; i++) {
        struct kvm_msr_entry entry = {.index = list->indices[i]};

        if (entry.index != MSR_TSC && access_msr (cpu, KVM_GET_MSRS, &entry))
            msrs->entries[n++] = entry;
    }
    msrs->nmsrs = n;
    free (cpu->power_on.msrs);
    cpu->power_on.msrs = msrs;
    return r < 0 ? r : 0;
}

int
kvm_cpu_remember_reset_state (struct kvm_cpu *cpu)
{
    int r;

    if ((r = vm_ioctl (cpu->fd, KVM_GET_REGS, &cpu->power_on.regs)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_GET_SREGS, &cpu->power_on.sregs)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_GET_FPU, &cpu->power_on.fpu)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_GET_DEBUGREGS, &cpu->power_on.debug)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_GET_VCPU_EVENTS, &cpu->power_on.events)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_GET_LAPIC, &cpu->power_on.lapic)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_GET_MP_STATE, &cpu->power_on.mp)) < 0)
        return r;
    /* Absent on hosts without XSAVE. */
    if (vm_ioctl (cpu->fd, KVM_GET_XCRS, &cpu->power_on.xcrs) < 0)
        cpu->power_on.xcrs.nr_xcrs = 0;
    return remember_msrs (cpu);
}

/* Writes them all; those the host refuses (some are read-only in effect) keep their value. */
static void
restore_msrs (struct kvm_cpu *cpu)
{
    struct kvm_msrs *all = cpu->power_on.msrs;

    for (uint32_t i = 0; i < all->nmsrs; i++) {
        struct kvm_msr_entry entry = all->entries[i];

        access_msr (cpu, KVM_SET_MSRS, &entry);
    }
}

/*
 * To write a zero means to KVM that the TSC shall be in step with those of the other vCPUs, which
 * run on over a reset (arch/x86/kvm/x86.c, kvm_synchronize_tsc). It has to be asked for: on AMD
 * processors a triple fault loses the guest's TSC offset, but KVM goes on to reckon with it, so
 * that clocks would stand still and timers be late by the machine's age until somebody sets it.
 */
static void
restart_tsc (struct kvm_cpu *cpu)
{
    struct kvm_msr_entry entry = {.index = MSR_TSC};

    access_msr (cpu, KVM_SET_MSRS, &entry);
}

int
kvm_cpu_reset_state (struct kvm_cpu *cpu)
{
    int r;

    if (!cpu->power_on.msrs)
        return -EINVAL;
    if ((r = vm_ioctl (cpu->fd, KVM_SET_MP_STATE, &cpu->power_on.mp)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_SET_REGS, &cpu->power_on.regs)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_SET_SREGS, &cpu->power_on.sregs)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_SET_FPU, &cpu->power_on.fpu)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_SET_DEBUGREGS, &cpu->power_on.debug)) < 0 ||
        (r = vm_ioctl (cpu->fd, KVM_SET_LAPIC, &cpu->power_on.lapic)) < 0)
        return r;
    if (cpu->power_on.xcrs.nr_xcrs > 0)
        vm_ioctl (cpu->fd, KVM_SET_XCRS, &cpu->power_on.xcrs);
    restore_msrs (cpu);
    restart_tsc (cpu);
    return vm_ioctl (cpu->fd, KVM_SET_VCPU_EVENTS, &cpu->power_on.events);
}

static struct kvm_segment
flat_segment (uint16_t selector, bool is_code, bool is_long)
{
    return (struct kvm_segment) {
        .base = 0,
        .limit = 0xffffffff,
        .selector = selector,
        .type = is_code ? 11 : 3, /* execute/read or read/write, accessed */
        .present = 1,
        .s = 1,
        .g = 1,
        .l = is_code && is_long,
        .db = !(is_code && is_long),
    };
}

#define CR0_PE     (1u << 0)
#define CR0_ET     (1u << 4)
#define CR0_WP     (1u << 16)
#define CR0_PG     (1u << 31)
#define CR4_PAE    (1u << 5)
#define EFER_LME   (1u << 8)
#define EFER_LMA   (1u << 10)
#define RFLAGS_ONE (1u << 1)

static void
set_flat (struct kvm_sregs *sregs, uint16_t code, uint16_t data, bool is_long)
{
    sregs->cs = flat_segment (code, true, is_long);
    sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = flat_segment (data, false, is_long);
    sregs->cr0 = CR0_PE | CR0_ET;
    if (is_long) {
        sregs->cr0 |= CR0_PG | CR0_WP;
        sregs->cr4 = CR4_PAE;
        sregs->efer = EFER_LME | EFER_LMA;
    }
}

/* MTRRs as a firmware leaves them: on, everything write-back (AMD64 APM 2, 7.7). */
static void
set_default_memory_type (struct kvm_cpu *cpu)
{
    struct kvm_msr_entry entry = {.index = 0x2ff, .data = 0x806};

    access_msr (cpu, KVM_SET_MSRS, &entry);
}

int
kvm_cpu_set_entry (struct kvm_cpu *cpu, const struct kvm_entry *entry)
{
    struct kvm_sregs sregs = cpu->power_on.sregs;
    struct kvm_regs regs = {
        .rip = entry->rip,
        .rsi = entry->rsi,
        .rbx = entry->rbx,
        .rflags = RFLAGS_ONE,
    };
    int r;

    set_flat (&sregs, entry->code_selector, entry->data_selector, entry->long_mode);
    if (entry->task_selector)
        sregs.tr = (struct kvm_segment) {
            .limit = 0x67, .selector = entry->task_selector, .type = 11, .present = 1};
    sregs.gdt = (struct kvm_dtable) {.base = entry->gdt_base, .limit = entry->gdt_limit};
    if (entry->long_mode)
        sregs.cr3 = entry->cr3;
    set_default_memory_type (cpu);
    r = vm_ioctl (cpu->fd, KVM_SET_SREGS, &sregs);
    return r < 0 ? r : vm_ioctl (cpu->fd, KVM_SET_REGS, &regs);
}

int
kvm_cpu_set_probe_entry (struct kvm_cpu *cpu, const struct kvm_probe_entry *entry)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rip = entry->rip, .rsp = entry->rsp, .rflags = RFLAGS_ONE};
    int r;

    r = vm_ioctl (cpu->fd, KVM_GET_SREGS, &sregs);
    if (r < 0)
        return r;
    set_flat (&sregs, 0x08, 0x10, true);
    sregs.gdt = (struct kvm_dtable) {.base = entry->gdt_base, .limit = entry->gdt_limit};
    sregs.idt = (struct kvm_dtable) {.base = entry->idt_base, .limit = entry->idt_limit};
    sregs.cr3 = entry->cr3;
    r = vm_ioctl (cpu->fd, KVM_SET_SREGS, &sregs);
    return r < 0 ? r : vm_ioctl (cpu->fd, KVM_SET_REGS, &regs);
}

static void
describe_internal_error (const struct kvm_run *run, struct kvm_exit *exit)
{
    static const char *const names[] = {
        [KVM_INTERNAL_ERROR_EMULATION] = "an instruction could not be emulated",
        [KVM_INTERNAL_ERROR_SIMUL_EX] = "an exception came during the delivery of another",
        [KVM_INTERNAL_ERROR_DELIVERY_EV] = "an event could not be delivered",
        [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "an exit of unknown kind",
    };
    uint32_t suberror = run->internal.suberror;

    snprintf (exit->detail, sizeof exit->detail, "KVM internal error %u (%s)", suberror,
              suberror < ARRAY_LENGTH (names) && names[suberror] ? names[suberror] : "unknown");
}

static void
translate_exit (struct kvm_cpu *cpu, struct kvm_exit *exit)
{
    struct kvm_run *run = cpu->run;

    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        exit->type = KVM_DID_PORT;
        exit->io.address = run->io.port;
        exit->io.size = run->io.size;
        exit->io.count = run->io.count;
        exit->io.is_write = run->io.direction == KVM_EXIT_IO_OUT;
        exit->io.data = (uint8_t *) run + run->io.data_offset;
        break;
    case KVM_EXIT_MMIO:
        exit->type = KVM_DID_MMIO;
        exit->io.address = run->mmio.phys_addr;
        exit->io.size = run->mmio.len;
        exit->io.count = 1;
        exit->io.is_write = run->mmio.is_write;
        exit->io.data = run->mmio.data;
        break;
    case KVM_EXIT_HLT: exit->type = KVM_DID_HALT; break;
    case KVM_EXIT_SHUTDOWN: exit->type = KVM_DID_SHUTDOWN; break;
    case KVM_EXIT_SYSTEM_EVENT:
        exit->type =
            run->system_event.type == KVM_SYSTEM_EVENT_CRASH ? KVM_DID_FAIL : KVM_DID_SHUTDOWN;
        snprintf (exit->detail, sizeof exit->detail, "KVM system event %u", run->system_event.type);
        break;
    case KVM_EXIT_INTR: exit->type = KVM_DID_STOP; break;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR:
    case KVM_EXIT_DEBUG: exit->type = KVM_DID_OTHER; break;
    case KVM_EXIT_INTERNAL_ERROR:
        exit->type = KVM_DID_FAIL;
        describe_internal_error (run, exit);
        break;
    case KVM_EXIT_FAIL_ENTRY:
        exit->type = KVM_DID_FAIL;
        snprintf (exit->detail, sizeof exit->detail,
                  "the processor refused to enter the guest (hardware reason %#llx)",
                  (unsigned long long) run->fail_entry.hardware_entry_failure_reason);
        break;
    default:
        exit->type = KVM_DID_FAIL;
        snprintf (exit->detail, sizeof exit->detail, "unexpected KVM exit %u", run->exit_reason);
    }
}

void
kvm_cpu_run (struct kvm_cpu *cpu, struct kvm_exit *exit)
{
    exit->detail[0] = '\0';
    if (ioctl (cpu->fd, KVM_RUN, NULL) == 0) {
        translate_exit (cpu, exit);
        return;
    }
    if (errno == EINTR || errno == EAGAIN)
        exit->type = KVM_DID_STOP;
    else {
        exit->type = KVM_DID_FAIL;
        snprintf (exit->detail, sizeof exit->detail, "KVM_RUN failed: %s", strerrordesc_np (errno));
    }
}

void
kvm_cpu_set_immediate_exit (struct kvm_cpu *cpu, bool immediate)
{
    __atomic_store_n (&cpu->run->immediate_exit, immediate, __ATOMIC_SEQ_CST);
}

void
kvm_cpu_complete_io (struct kvm_cpu *cpu)
{
    bool before = __atomic_exchange_n (&cpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);

    ioctl (cpu->fd, KVM_RUN, NULL); /* EINTR, having done only what was left of the access */
    __atomic_store_n (&cpu->run->immediate_exit, before, __ATOMIC_SEQ_CST);
}

uint64_t
kvm_cpu_rip (struct kvm_cpu *cpu)
{
    struct kvm_regs regs;

    return vm_ioctl (cpu->fd, KVM_GET_REGS, &regs) < 0 ? 0 : regs.rip;
}

uint64_t
kvm_cpu_rax (struct kvm_cpu *cpu)
{
    struct kvm_regs regs;

    return vm_ioctl (cpu->fd, KVM_GET_REGS, &regs) < 0 ? 0 : regs.rax;
}

bool
kvm_cpu_translate_rip (struct kvm_cpu *cpu, uint64_t *ret_rip, uint64_t *ret_physical)
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_translation translation = {0};

    if (vm_ioctl (cpu->fd, KVM_GET_REGS, &regs) < 0 ||
        vm_ioctl (cpu->fd, KVM_GET_SREGS, &sregs) < 0)
        return false;
    *ret_rip = regs.rip;
    translation.linear_address = sregs.cs.base + regs.rip;
    if (vm_ioctl (cpu->fd, KVM_TRANSLATE, &translation) < 0 || !translation.valid)
        return false;
    *ret_physical = translation.physical_address;
    return true;
}

void
kvm_cpu_clock_was_stopped (struct kvm_cpu *cpu)
{
    /* EINVAL when the guest uses no such clock. */
    ioctl (cpu->fd, KVM_KVMCLOCK_CTRL, NULL);
}
