/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What kvm.c (the machine), kvm-cpu.c (its processors) and kvm-state.c share, and nobody else. */
#pragma once

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "engine/kvm.h"

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

#define MSR_TSC 0x10

struct kvm_cpu {
    struct kvm_vm *vm;
    int fd;
    unsigned id;
    struct kvm_run *run;
    struct kvm_cpuid_leaf *leaves; /* what the guest sees */
    size_t n_leaves;
    struct {
        struct kvm_regs regs;
        struct kvm_sregs sregs;
        struct kvm_fpu fpu;
        struct kvm_xcrs xcrs;
        struct kvm_debugregs debug;
        struct kvm_vcpu_events events;
        struct kvm_lapic_state lapic;
        struct kvm_mp_state mp;
        struct kvm_msrs *msrs; /* all but the TSC */
    } power_on;
};

/* KVM_GET_MSRS or KVM_SET_MSRS of one register; false if the host refuses. */
bool kvm_cpu_access_msr (struct kvm_cpu *cpu, unsigned long request, struct kvm_msr_entry *entry);
/*
 * The same with all of @msrs. The kernel stops at the first that it refuses; those are left out,
 * and after KVM_GET_MSRS they are gone from @msrs.
 */
int kvm_cpu_access_msrs (struct kvm_cpu *cpu, unsigned long request, struct kvm_msrs *msrs);

/* 0 or positive as the kernel answers, or a negative errno. */
static inline int
kvm_ioctl (int fd, unsigned long request, const void *argument)
{
    int r;

    do
        r = ioctl (fd, request, argument);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}
