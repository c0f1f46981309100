/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest memory's lifetime and what only the machine may do with it. */
#pragma once

#include "base/error.h"
#include "engine/guest-memory.h"

struct kvm_vm;
struct vmm_bus;

/*
 * Maps @size bytes (multiple of 1 MiB) of anonymous memory, kept out of forks and core dumps, and
 * shows them to the guest. Low RAM ends at 2 GiB once it would reach 2.75 GiB, as on PCs of this
 * kind. @vm may be NULL. The bus gets a region for the BIOS shadow window.
 */
int vmm_memory_create (struct kvm_vm *vm, struct vmm_bus *bus, uint64_t size,
                       struct vmm_memory **ret_memory, struct vmm_error *error);
void vmm_memory_destroy (struct vmm_memory *memory);

/*
 * While held, changes of the shadow window's modes only gather, as every one takes and gives memory
 * slots; releasing carries out what is left of them. For when no vCPU runs.
 */
void vmm_memory_hold (struct vmm_memory *memory);
int vmm_memory_release (struct vmm_memory *memory);

/*
 * Shows @rom (copied; @size a multiple of 4 KiB, ≤ 16 MiB) read-only below 4 GiB, and its last
 * 128 KiB in the shadow window.
 */
int vmm_memory_set_rom (struct vmm_memory *memory, const void *rom, size_t size,
                        struct vmm_error *error);

/*
 * Copies a ROM of exactly 256 KiB into the RAM behind the shadow window; false for other sizes. The
 * modes of the window stay as they are.
 */
bool vmm_memory_shadow_rom (struct vmm_memory *memory);

/* All RAM reads as zeroes again, as after power-on. */
void vmm_memory_clear (struct vmm_memory *memory);

/*
 * Shows RAM to a child that is forked now, and hides it again from those to come. Returns its
 * address; @ret_base: the file that pages are of that nobody has touched, or −1.
 */
const void *vmm_memory_begin_fork (struct vmm_memory *memory, uint64_t *ret_size, int *ret_base);
void vmm_memory_end_fork (struct vmm_memory *memory);

/*
 * RAM becomes what is in the regular file @fd (as long as RAM, -EINVAL otherwise; not needed open
 * any more), whose pages are read when they are touched and copied when they are written: the file
 * may be unlinked but must not change. vCPUs are parked and devices idle. @ret_before: what RAM
 * was, for vmm_memory_put_back () or vmm_memory_forget (); NULL where the host cannot keep it.
 */
int vmm_memory_take_file (struct vmm_memory *memory, int fd, void **ret_before, int *ret_base,
                          struct vmm_error *error);
void vmm_memory_put_back (struct vmm_memory *memory, void *before, int base);
void vmm_memory_forget (struct vmm_memory *memory, void *before, int base);

/* What a load by the guest would find in RAM, ROM or a slot: NULL where only the bus answers. */
void *vmm_memory_guest_pointer (struct vmm_memory *memory, uint64_t address, size_t length,
                                bool for_write);
