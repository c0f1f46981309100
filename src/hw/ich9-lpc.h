/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the two halves of the LPC bridge share: ich9-lpc.c (configuration space, ports) and
 * ich9-pm.c (ACPI's fixed hardware). Everything with the device's lock held.
 */
#pragma once

#include "engine/device.h"
#include "engine/pci/pci.h"

struct ich9_pm {
    uint16_t pm1_status, pm1_enable, pm1_control;
    uint8_t gpe_status[8], gpe_enable[8];
    uint32_t smi_enable;
    uint64_t timer_half; /* half periods of the timer counted when its status bit was last judged */
    struct vmm_timer overflow;
};

struct ich9_lpc {
    struct pci_device pci;
    struct ich9_pm pm;
    struct vmm_region pm_region, rcba_region, port_92_region, apm_region, reset_region;
    uint8_t port_92;
    uint8_t apm[2]; /* ports 0xB2, 0xB3 */
    uint8_t reset_control;
    bool preset;
};

extern const struct vmm_state_table ich9_pm_state; /* of struct ich9_pm */

/* Prepares lpc->pm_region; the bridge maps it where PMBASE says. */
void ich9_pm_init (struct ich9_lpc *lpc);
void ich9_pm_reset (struct ich9_lpc *lpc);
/* After a state was loaded: brings interrupt and timer in line. */
void ich9_pm_loaded (struct ich9_lpc *lpc);
void ich9_pm_fini (struct ich9_lpc *lpc);
/* Switches between SMI (legacy) and SCI (ACPI) mode. */
void ich9_pm_set_acpi (struct ich9_lpc *lpc, bool enabled);
