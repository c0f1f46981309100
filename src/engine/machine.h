/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the engine's own parts share of a machine. Any thread; what is returned lives as long as the
 * machine.
 */
#pragma once

#include "base/log.h"
#include "base/loop.h"
#include "engine/bus.h"
#include "engine/device.h"
#include "engine/guest-memory.h"
#include "engine/posada-engine.h"

struct fw_cfg_store;
struct pci_bus;
struct vmm_boot;
struct vmm_irq;

struct vmm_bus *vmm_machine_bus (struct vmm_machine *machine);
struct vmm_memory *vmm_machine_memory (struct vmm_machine *machine);
struct vmm_irq *vmm_machine_irq (struct vmm_machine *machine);
struct vmm_loop *vmm_machine_loop (struct vmm_machine *machine);
struct vmm_clock *vmm_machine_clock (struct vmm_machine *machine);
struct pci_bus *vmm_machine_pci (struct vmm_machine *machine);
struct fw_cfg_store *vmm_machine_fw_cfg (struct vmm_machine *machine);
const struct vmm_log *vmm_machine_log (struct vmm_machine *machine);
unsigned vmm_machine_cpu_count (struct vmm_machine *machine);

/* Devices in creation order, linked by struct vmm_device.link. */
struct vmm_list *vmm_machine_devices (struct vmm_machine *machine);

/*
 * Saves every device's state in creation order, and loads it again into a machine built from the
 * same configuration. The machine must stand still. Loading is all or nothing for the caller: after
 * a failure, reset.
 */
int vmm_machine_save_devices (struct vmm_machine *machine, struct vmm_state_writer *writer);
int vmm_machine_load_devices (struct vmm_machine *machine, struct vmm_state_reader *reader,
                              struct vmm_error *error);

/*
 * The same with everything but RAM: what machine it is, guest time, devices, interrupt controllers
 * and vCPUs. After a failure the machine's state is a mixture: load another, or reset.
 */
int vmm_machine_save_state (struct vmm_machine *machine, struct vmm_state_writer *writer,
                            struct vmm_error *error);
int vmm_machine_load_state (struct vmm_machine *machine, struct vmm_state_reader *reader,
                            struct vmm_error *error);
