/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KVM, and all of it: kvm.c, kvm-cpu.c and kvm-state.c alone know linux/kvm.h and issue its ioctls;
 * the plain structures here keep the rest of the engine free of them. Source of all facts: the
 * kernel's Documentation/virt/kvm/api.rst.
 *
 * Threads: VM functions on any thread. vCPU functions on the thread that runs the vCPU, or on
 * another one while it is certain not to be running.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/state.h"

#define KVM_REQUIRED_API_VERSION 12 /* kvm_vm_create () accepts no other */

struct kvm_vm;
struct kvm_cpu;

struct kvm_cpuid_leaf {
    uint32_t function, index;
    bool indexed; /* .index is significant */
    uint32_t eax, ebx, ecx, edx;
};
#define KVM_MAX_LEAVES 256

/*
 * Opens the device and creates a VM. The TSS and identity map pages live at 0xFEFFC000 (16 KiB),
 * which the memory map must call reserved. Errors say what to do: -ENOENT (no device), -EACCES (no
 * permission), -ENODEV (no hardware virtualization), -ENOTSUP.
 */
int kvm_vm_create (struct kvm_vm **ret_vm, struct vmm_error *error);
/*
 * Adds PIC, IOAPIC, LAPICs and PIT in the kernel: before the first vCPU, irqfd or interrupt, and
 * better after the first memory slots. Since Linux 6.18 each of these chips starts an RCU grace
 * period that nobody hurries (virt/kvm/kvm_main.c, kvm_io_bus_register_dev), and a change of slots
 * then waits for its end: some 5 ms.
 */
int kvm_vm_add_chips (struct kvm_vm *vm, struct vmm_error *error);
void kvm_vm_destroy (struct kvm_vm *vm);
unsigned kvm_vm_max_cpus (const struct kvm_vm *vm);
unsigned kvm_vm_max_slots (const struct kvm_vm *vm);

enum kvm_memory_flags {
    KVM_MEMORY_READ_ONLY = 1 << 0,
    KVM_MEMORY_LOG_DIRTY = 1 << 1,
};
/* @size 0 removes the slot. */
int kvm_vm_set_memory (struct kvm_vm *vm, unsigned slot, uint64_t address, void *host,
                       uint64_t size, unsigned flags);
/* Reads and clears the log: (pages + 63) / 64 words. */
int kvm_vm_get_dirty (struct kvm_vm *vm, unsigned slot, uint64_t *bitmap);

int kvm_vm_irq_line (struct kvm_vm *vm, unsigned gsi, bool level);
int kvm_vm_signal_msi (struct kvm_vm *vm, uint64_t address, uint32_t data);
int kvm_vm_irqfd (struct kvm_vm *vm, int fd, unsigned gsi, bool assign);

#define KVM_FIRST_MSI_GSI 24
struct kvm_msi_entry {
    unsigned gsi; /* ≥ KVM_FIRST_MSI_GSI */
    uint64_t address;
    uint32_t data;
};
/* Replaces the whole table; the standard routes of the PIC's and IOAPIC's pins are added. */
int kvm_vm_set_routes (struct kvm_vm *vm, const struct kvm_msi_entry *entries, size_t n_entries);

/* @size 0: any (MMIO only). -ENOSPC and others mean that the write will exit instead. */
int kvm_vm_ioeventfd (struct kvm_vm *vm, bool is_port, uint64_t address, unsigned size, int fd,
                      bool assign);

/* Remembers the power-on state of the interrupt controllers and the PIT; puts it back. */
int kvm_vm_remember_reset_state (struct kvm_vm *vm);
int kvm_vm_reset_state (struct kvm_vm *vm);

/* The leaves KVM can offer on this host; @n_leaves in: room, out: how many. */
int kvm_vm_supported_cpuid (struct kvm_vm *vm, struct kvm_cpuid_leaf *leaves, size_t *n_leaves);
bool kvm_vm_has_tsc_deadline (const struct kvm_vm *vm);

int
kvm_cpu_create (struct kvm_vm *vm, unsigned id, struct kvm_cpu **ret_cpu, struct vmm_error *error);
void kvm_cpu_destroy (struct kvm_cpu *cpu);
int kvm_cpu_set_cpuid (struct kvm_cpu *cpu, const struct kvm_cpuid_leaf *leaves, size_t n_leaves);

/* Remembers the power-on state of this vCPU (after CPUID is set); puts it back. */
int kvm_cpu_remember_reset_state (struct kvm_cpu *cpu);
int kvm_cpu_reset_state (struct kvm_cpu *cpu);

/*
 * What KVM keeps of a vCPU and of the machine, for saving and restoring: byte arrays are the
 * structures of its interface for x86, which never change. To be used as the objects of the state
 * tables below.
 */
#define KVM_MAX_SAVED_MSRS 1024
#define KVM_MAX_NESTED     (64 << 10)
#define KVM_N_FEATURES     40
struct kvm_cpu_state {
    uint32_t features[KVM_N_FEATURES]; /* of CPUID: what guests look at once and rely on */
    uint8_t regs[144], sregs[312], xsave[4096], xcrs[392], debug[128], events[64], lapic[1024];
    uint32_t mp_state;
    uint32_t tsc_khz;
    uint32_t n_indices, n_values;
    uint32_t msr_indices[KVM_MAX_SAVED_MSRS];
    uint64_t msr_values[KVM_MAX_SAVED_MSRS];
    uint32_t n_nested;
    uint8_t nested[KVM_MAX_NESTED]; /* what a guest hypervisor's vCPU is in the middle of */
};
struct kvm_vm_state {
    uint8_t pic[2][512], ioapic[512];
    uint8_t pit[112];
    uint64_t clock;    /* the paravirtual clock, ns */
    uint64_t realtime; /* the host's at that moment, ns since 1970; 0: not known */
};
extern const struct vmm_state_table kvm_cpu_state_table, kvm_vm_state_table;

int kvm_vm_get_state (struct kvm_vm *vm, struct kvm_vm_state *ret_state);
int kvm_vm_set_state (struct kvm_vm *vm, const struct kvm_vm_state *state);
int kvm_cpu_get_state (struct kvm_cpu *cpu, struct kvm_cpu_state *ret_state);
/*
 * The kernel judges what it is given. -ENOTSUP: the state is that of another kind of processor.
 * @ret_refused: how many registers the host would not set to another value than they have.
 */
int kvm_cpu_set_state (struct kvm_cpu *cpu, const struct kvm_cpu_state *state,
                       unsigned *ret_refused, struct vmm_error *error);

/* What a direct boot starts with instead of the reset vector; flat segments from the guest's GDT.
 */
struct kvm_entry {
    bool long_mode; /* 64-bit with paging, else 32-bit protected mode without */
    uint64_t rip, rsi, rbx;
    uint64_t cr3; /* long mode */
    uint64_t gdt_base;
    uint16_t gdt_limit;
    uint16_t code_selector, data_selector, task_selector; /* task_selector 0: none */
};
int kvm_cpu_set_entry (struct kvm_cpu *cpu, const struct kvm_entry *entry);
/* MTRRs as a firmware leaves them on every processor: on, all write-back (AMD64 APM 2, 7.7). */
void kvm_cpu_set_memory_type (struct kvm_cpu *cpu);

enum kvm_exit_type {
    KVM_DID_PORT, /* .io: @count items of @size bytes at @data */
    KVM_DID_MMIO, /* .io with one item */
    KVM_DID_HALT,
    KVM_DID_SHUTDOWN, /* triple fault */
    KVM_DID_STOP,     /* immediate exit or a signal */
    KVM_DID_FAIL,     /* internal error or failed entry: .detail says which */
    KVM_DID_OTHER,    /* .detail; harmless */
};

struct kvm_exit {
    enum kvm_exit_type type;
    struct {
        uint64_t address;
        unsigned size;
        unsigned count;
        bool is_write;
        uint8_t *data;
    } io;
    char detail[200];
};

/* Enters the guest until something happens. Never fails for reasons of the guest's. */
void kvm_cpu_run (struct kvm_cpu *cpu, struct kvm_exit *ret_exit);
/* Any thread: makes the next kvm_cpu_run () (or with a signal the present one) return at once. */
void kvm_cpu_set_immediate_exit (struct kvm_cpu *cpu, bool immediate);
/* Finishes a pending port or memory access without entering the guest. */
void kvm_cpu_complete_io (struct kvm_cpu *cpu);

uint64_t kvm_cpu_rip (struct kvm_cpu *cpu);
/* The guest-physical address of the next instruction; false if it is not mapped. */
bool kvm_cpu_translate_rip (struct kvm_cpu *cpu, uint64_t *ret_rip, uint64_t *ret_physical);
/* Tells a paravirtual clock that the guest was stopped, so that its watchdogs hold still. */
void kvm_cpu_clock_was_stopped (struct kvm_cpu *cpu);

/* For the host probe: 64-bit user-style set-up of one vCPU with its own tables in guest memory. */
struct kvm_probe_entry {
    uint64_t rip, rsp, cr3, gdt_base, idt_base;
    uint16_t gdt_limit, idt_limit;
};
int kvm_cpu_set_probe_entry (struct kvm_cpu *cpu, const struct kvm_probe_entry *entry);
