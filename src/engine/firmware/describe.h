/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What firmware and kernels are told about a machine, gathered from the machine itself. Called when
 * the machine is created (the creating thread) and when the guest selects the ACPI files (vCPU
 * threads, with the fw-cfg device's lock held).
 */
#pragma once

#include "engine/acpi/acpi.h"
#include "engine/firmware/smbios.h"
#include "engine/posada-engine.h"

struct pci_device;

/* What is the same at every start, kept by the owner as long as the machine. */
struct firmware_platform {
    struct vmm_machine *machine;
    uint8_t uuid[16];
    struct acpi_platform acpi; /* .ecam is refreshed by firmware_refresh () */
    struct smbios_platform smbios;
};

/* Fills @platform, devices of the machine being there. */
void firmware_platform_init (struct firmware_platform *platform, struct vmm_machine *machine,
                             const struct vmm_config *config);
/* Follows what the guest may have moved. */
void firmware_refresh (struct firmware_platform *platform);

/*
 * Fills the machine's fw_cfg store for a start through firmware: counts, memory map, boot order,
 * SMBIOS and, rebuilt when they are selected, ACPI tables. Errors name the device or file.
 */
int firmware_describe (struct firmware_platform *platform, const struct vmm_config *config,
                       struct vmm_error *error);

/*
 * The Open Firmware paths, one a line, of the devices of a boot order; an id may end in ":N" for
 * drive N of a controller. *ret_text is to be freed. -ENOENT, -EINVAL name the id.
 */
int firmware_boot_order (struct vmm_machine *machine, const char *const *ids, size_t n_ids,
                         char **ret_text, struct vmm_error *error);
