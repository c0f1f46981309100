/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a machine begins: through firmware, or with a kernel put into RAM. Images are opened and
 * checked once, when the machine is created, and loaded anew at every start and reset. I/O thread,
 * vCPUs parked; vmm_boot_prepare () on the creating thread.
 */
#pragma once

#include "engine/kvm.h"
#include "engine/posada-engine.h"

struct vmm_boot;

/*
 * Opens and validates what @config boots from (firmware image, kernel, initrd, command line), puts
 * the firmware into ROM, and describes the machine to it (fw_cfg items, tables). Every error is one
 * sentence that names the file or value.
 */
int vmm_boot_prepare (struct vmm_machine *machine, const struct vmm_config *config,
                      struct vmm_boot **ret_boot, struct vmm_error *error);
void vmm_boot_destroy (struct vmm_boot *boot);

/*
 * Fills RAM for a start. Positive (VMM_BOOT_DIRECT): vCPU 0 begins at @ret_entry, the others wait
 * for a start-up interrupt; 0: all begin at the reset vector.
 */
enum {
    VMM_BOOT_DIRECT = 1
};
int vmm_boot_load (struct vmm_boot *boot, struct kvm_entry *ret_entry, struct vmm_error *error);
