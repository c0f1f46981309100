/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/kvm-internal.h"

#define IDENTITY_MAP_ADDRESS 0xfeffc000u
#define TSS_ADDRESS          0xfeffd000u
#define IOAPIC_PINS          24

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

    r = kvm_ioctl (vm->device_fd, KVM_GET_API_VERSION, NULL);
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
    r = kvm_ioctl (vm->device_fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
    if (r < (int) sizeof (struct kvm_run))
        return vmm_error_set (error, -ENOTSUP, "/dev/kvm has no room for a vCPU's exits");
    vm->run_size = (size_t) r;
    return 0;
}

static int
build_vm (struct kvm_vm *vm, struct vmm_error *error)
{
    uint64_t identity = IDENTITY_MAP_ADDRESS;
    int r;

    vm->fd = kvm_ioctl (vm->device_fd, KVM_CREATE_VM, NULL);
    if (vm->fd == -EOPNOTSUPP || vm->fd == -ENODEV)
        return vmm_error_set (error, -ENODEV,
                              "the processor's virtualization is off: turn AMD-V or VT-x on in the "
                              "firmware setup");
    if (vm->fd < 0)
        return vmm_error_set_errno (error, vm->fd, "KVM cannot create a virtual machine");
    r = kvm_ioctl (vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
    if (r >= 0)
        r = ioctl (vm->fd, KVM_SET_TSS_ADDR, (unsigned long) TSS_ADDRESS) < 0 ? -errno : 0;
    if (r < 0)
        return vmm_error_set_errno (error, r, "KVM cannot prepare the virtual machine");
    return 0;
}

int
kvm_vm_add_chips (struct kvm_vm *vm, struct vmm_error *error)
{
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    int r = kvm_ioctl (vm->fd, KVM_CREATE_IRQCHIP, NULL);

    if (r >= 0)
        r = kvm_ioctl (vm->fd, KVM_CREATE_PIT2, &pit);
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

    return kvm_ioctl (vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

int
kvm_vm_get_dirty (struct kvm_vm *vm, unsigned slot, uint64_t *bitmap)
{
    struct kvm_dirty_log log = {.slot = slot, .dirty_bitmap = bitmap};

    return kvm_ioctl (vm->fd, KVM_GET_DIRTY_LOG, &log);
}

int
kvm_vm_irq_line (struct kvm_vm *vm, unsigned gsi, bool level)
{
    struct kvm_irq_level line = {.irq = gsi, .level = level};

    return kvm_ioctl (vm->fd, KVM_IRQ_LINE, &line);
}

int
kvm_vm_signal_msi (struct kvm_vm *vm, uint64_t address, uint32_t data)
{
    struct kvm_msi msi = {
        .address_lo = (uint32_t) address,
        .address_hi = (uint32_t) (address >> 32),
        .data = data,
    };

    return kvm_ioctl (vm->fd, KVM_SIGNAL_MSI, &msi);
}

int
kvm_vm_irqfd (struct kvm_vm *vm, int fd, unsigned gsi, bool assign)
{
    struct kvm_irqfd irqfd = {
        .fd = (uint32_t) fd,
        .gsi = gsi,
        .flags = assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
    };

    return kvm_ioctl (vm->fd, KVM_IRQFD, &irqfd);
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
    return kvm_ioctl (vm->fd, KVM_SET_GSI_ROUTING, table);
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

    return kvm_ioctl (vm->fd, KVM_IOEVENTFD, &ioeventfd);
}

int
kvm_vm_remember_reset_state (struct kvm_vm *vm)
{
    int r = 0;

    for (unsigned i = 0; i < 3 && r >= 0; i++) {
        vm->chips[i].chip_id = i;
        r = kvm_ioctl (vm->fd, KVM_GET_IRQCHIP, &vm->chips[i]);
    }
    if (r >= 0)
        r = kvm_ioctl (vm->fd, KVM_GET_PIT2, &vm->pit);
    vm->remembered = r >= 0;
    return r;
}

int
kvm_vm_reset_state (struct kvm_vm *vm)
{
    int r = vm->remembered ? 0 : -EINVAL;

    for (unsigned i = 0; i < 3 && r >= 0; i++)
        r = kvm_ioctl (vm->fd, KVM_SET_IRQCHIP, &vm->chips[i]);
    if (r >= 0)
        r = kvm_ioctl (vm->fd, KVM_SET_PIT2, &vm->pit);
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
    r = kvm_ioctl (vm->device_fd, KVM_GET_SUPPORTED_CPUID, table);
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
