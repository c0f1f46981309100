/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt routing's lifetime; and where interrupts go when there is no KVM. */
#pragma once

#include "engine/irq.h"

struct kvm_vm;
struct vmm_irq;

/* Receives what would have gone to the interrupt controllers. Any thread. */
struct vmm_irq_observer {
    void (*line) (void *data, unsigned gsi, bool level);
    void (*message) (void *data, uint64_t address, uint32_t message);
    void *data;
};

/* @vm may be NULL; then @observer, which may have NULL members, hears of everything. */
int vmm_irq_create (struct kvm_vm *vm, struct vmm_irq **ret_irq);
void vmm_irq_destroy (struct vmm_irq *irq);
void vmm_irq_observe (struct vmm_irq *irq, const struct vmm_irq_observer *observer);
