/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bus's lifetime, for the machine that owns it. */
#pragma once

#include "engine/bus.h"

struct kvm_vm;

/* @vm may be NULL: then doorbells are rung by the bus itself. */
int vmm_bus_create (struct kvm_vm *vm, struct vmm_bus **ret_bus);
void vmm_bus_destroy (struct vmm_bus *bus);
