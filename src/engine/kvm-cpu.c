/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/kvm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/kvm-internal.h"

#define MAX_MSRS     1024
#define MSRS_AT_ONCE 128 /* the kernel takes fewer than 256 */

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
    free (cpu->leaves);
    free (cpu);
}

int
kvm_cpu_set_cpuid (struct kvm_cpu *cpu, const struct kvm_cpuid_leaf *leaves, size_t n_leaves)
{
    AUTO_FREE struct kvm_cpuid2 *table = NULL;

    table = calloc (1, sizeof *table + n_leaves * sizeof table->entries[0]);
    free (cpu->leaves);
    cpu->leaves = calloc (MAX_OF (n_leaves, (size_t) 1), sizeof *leaves);
    if (!table || !cpu->leaves)
        return -ENOMEM;
    memcpy (cpu->leaves, leaves, n_leaves * sizeof *leaves);
    cpu->n_leaves = n_leaves;
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
    return kvm_ioctl (cpu->fd, KVM_SET_CPUID2, table);
}

bool
kvm_cpu_access_msr (struct kvm_cpu *cpu, unsigned long request, struct kvm_msr_entry *entry)
{
    _Alignas (struct kvm_msrs) uint8_t buffer[sizeof (struct kvm_msrs) + sizeof *entry] = {0};
    struct kvm_msrs *msrs = (struct kvm_msrs *) (void *) buffer;

    msrs->nmsrs = 1;
    msrs->entries[0] = *entry;
    if (kvm_ioctl (cpu->fd, request, msrs) != 1)
        return false;
    *entry = msrs->entries[0];
    return true;
}

int
kvm_cpu_access_msrs (struct kvm_cpu *cpu, unsigned long request, struct kvm_msrs *msrs)
{
    AUTO_FREE struct kvm_msrs *batch = NULL;
    uint32_t next = 0, kept = 0, n = msrs->nmsrs;

    batch = malloc (sizeof *batch + MSRS_AT_ONCE * sizeof batch->entries[0]);
    if (!batch)
        return -ENOMEM;
    while (next < n) {
        uint32_t length = MIN_OF (n - next, (uint32_t) MSRS_AT_ONCE), done;
        int r;

        *batch = (struct kvm_msrs) {.nmsrs = length};
        memcpy (batch->entries, msrs->entries + next, length * sizeof batch->entries[0]);
        r = kvm_ioctl (cpu->fd, request, batch);
        if (r < 0)
            return r;
        done = MIN_OF ((uint32_t) r, length);
        if (request == KVM_GET_MSRS)
            memcpy (msrs->entries + kept, batch->entries, done * sizeof batch->entries[0]);
        kept += done;
        next += done + (done < length);
    }
    if (request == KVM_GET_MSRS)
        msrs->nmsrs = kept;
    return 0;
}

/* The MSRs whose power-on value can be read, but for the TSC, which has none. */
static int
remember_msrs (struct kvm_cpu *cpu)
{
    struct kvm_msr_list probe = {.nmsrs = 0};
    AUTO_FREE struct kvm_msr_list *list = NULL;
    struct kvm_msrs *msrs;
    uint32_t n = 0;
    int r;

    r = kvm_ioctl (cpu->vm->device_fd, KVM_GET_MSR_INDEX_LIST, &probe);
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
    r = kvm_ioctl (cpu->vm->device_fd, KVM_GET_MSR_INDEX_LIST, list);
    for (uint32_t i = 0; r >= 0 && i < list->nmsrs; i++) {
        if (list->indices[i] != MSR_TSC)
            msrs->entries[n++].index = list->indices[i];
    }
    msrs->nmsrs = n;
    if (r >= 0)
        r = kvm_cpu_access_msrs (cpu, KVM_GET_MSRS, msrs);
    free (cpu->power_on.msrs);
    cpu->power_on.msrs = msrs;
    return r < 0 ? r : 0;
}

int
kvm_cpu_remember_reset_state (struct kvm_cpu *cpu)
{
    int r;

    if ((r = kvm_ioctl (cpu->fd, KVM_GET_REGS, &cpu->power_on.regs)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_SREGS, &cpu->power_on.sregs)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_FPU, &cpu->power_on.fpu)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_DEBUGREGS, &cpu->power_on.debug)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_VCPU_EVENTS, &cpu->power_on.events)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_LAPIC, &cpu->power_on.lapic)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_GET_MP_STATE, &cpu->power_on.mp)) < 0)
        return r;
    /* Absent on hosts without XSAVE. */
    if (kvm_ioctl (cpu->fd, KVM_GET_XCRS, &cpu->power_on.xcrs) < 0)
        cpu->power_on.xcrs.nr_xcrs = 0;
    return remember_msrs (cpu);
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

    kvm_cpu_access_msr (cpu, KVM_SET_MSRS, &entry);
}

int
kvm_cpu_reset_state (struct kvm_cpu *cpu)
{
    int r;

    if (!cpu->power_on.msrs)
        return -EINVAL;
    if ((r = kvm_ioctl (cpu->fd, KVM_SET_MP_STATE, &cpu->power_on.mp)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_SET_REGS, &cpu->power_on.regs)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_SET_SREGS, &cpu->power_on.sregs)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_SET_FPU, &cpu->power_on.fpu)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_SET_DEBUGREGS, &cpu->power_on.debug)) < 0 ||
        (r = kvm_ioctl (cpu->fd, KVM_SET_LAPIC, &cpu->power_on.lapic)) < 0)
        return r;
    if (cpu->power_on.xcrs.nr_xcrs > 0)
        kvm_ioctl (cpu->fd, KVM_SET_XCRS, &cpu->power_on.xcrs);
    /* Those the host refuses (some are read-only in effect) keep their value. */
    r = kvm_cpu_access_msrs (cpu, KVM_SET_MSRS, cpu->power_on.msrs);
    if (r < 0)
        return r;
    restart_tsc (cpu);
    return kvm_ioctl (cpu->fd, KVM_SET_VCPU_EVENTS, &cpu->power_on.events);
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

void
kvm_cpu_set_memory_type (struct kvm_cpu *cpu)
{
    struct kvm_msr_entry entry = {.index = 0x2ff, .data = 0x806};

    kvm_cpu_access_msr (cpu, KVM_SET_MSRS, &entry);
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
    r = kvm_ioctl (cpu->fd, KVM_SET_SREGS, &sregs);
    return r < 0 ? r : kvm_ioctl (cpu->fd, KVM_SET_REGS, &regs);
}

int
kvm_cpu_set_probe_entry (struct kvm_cpu *cpu, const struct kvm_probe_entry *entry)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs = {.rip = entry->rip, .rsp = entry->rsp, .rflags = RFLAGS_ONE};
    int r;

    r = kvm_ioctl (cpu->fd, KVM_GET_SREGS, &sregs);
    if (r < 0)
        return r;
    set_flat (&sregs, 0x08, 0x10, true);
    sregs.gdt = (struct kvm_dtable) {.base = entry->gdt_base, .limit = entry->gdt_limit};
    sregs.idt = (struct kvm_dtable) {.base = entry->idt_base, .limit = entry->idt_limit};
    sregs.cr3 = entry->cr3;
    r = kvm_ioctl (cpu->fd, KVM_SET_SREGS, &sregs);
    return r < 0 ? r : kvm_ioctl (cpu->fd, KVM_SET_REGS, &regs);
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
    struct kvm_regs regs = {0};

    return kvm_ioctl (cpu->fd, KVM_GET_REGS, &regs) < 0 ? 0 : regs.rip;
}

bool
kvm_cpu_translate_rip (struct kvm_cpu *cpu, uint64_t *ret_rip, uint64_t *ret_physical)
{
    struct kvm_regs regs = {0};
    struct kvm_sregs sregs = {0};
    struct kvm_translation translation = {0};

    if (kvm_ioctl (cpu->fd, KVM_GET_REGS, &regs) < 0 ||
        kvm_ioctl (cpu->fd, KVM_GET_SREGS, &sregs) < 0)
        return false;
    *ret_rip = regs.rip;
    translation.linear_address = sregs.cs.base + regs.rip;
    if (kvm_ioctl (cpu->fd, KVM_TRANSLATE, &translation) < 0 || !translation.valid)
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
