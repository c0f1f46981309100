/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the engine's own parts share of a machine. Any thread; what is returned lives as long as the
 * machine.
 */
#pragma once

#include "base/log.h"
#include "base/loop.h"
#include "engine/bus.h"
#include "engine/guest-memory.h"

struct vmm_machine;

struct vmm_bus *vmm_machine_bus (struct vmm_machine *machine);
struct vmm_memory *vmm_machine_memory (struct vmm_machine *machine);
struct vmm_loop *vmm_machine_loop (struct vmm_machine *machine);
struct vmm_clock *vmm_machine_clock (struct vmm_machine *machine);
const struct vmm_log *vmm_machine_log (struct vmm_machine *machine);
