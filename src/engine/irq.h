/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Interrupts of one machine: the pins of the in-kernel PIC and IOAPIC, and message-signalled ones.
 * All may be called on any thread, with a device's lock held.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vmm_machine;

/*
 * Sets the level of global system interrupt @gsi: 0–15 reach the PIC and the IOAPIC (0 as IOAPIC
 * pin 2), 16–23 the IOAPIC. An edge is a raise and a lower. Lines shared by several devices are the
 * caller's to combine.
 */
void vmm_irq_set (struct vmm_machine *machine, unsigned gsi, bool level);

/* Sends one message at once (PCI 3.0, 6.8.1). */
void vmm_msi_send (struct vmm_machine *machine, uint64_t address, uint32_t data);

/*
 * A prepared message: an eventfd bound to an address and data, so that triggering is one write (or
 * something that a kernel helper does by itself).
 */
struct vmm_msi_route {
    struct vmm_machine *machine;
    int fd; /* eventfd, owned; -1 while not initialised */
    int gsi;
    uint64_t address;
    uint32_t data;
};

int vmm_msi_route_init (struct vmm_machine *machine, struct vmm_msi_route *route);
/* Cheap when nothing changes, otherwise a slow system call. */
int vmm_msi_route_update (struct vmm_msi_route *route, uint64_t address, uint32_t data);
void vmm_msi_route_trigger (struct vmm_msi_route *route);
/* Accepts a route that was never initialised, if its machine member is NULL. */
void vmm_msi_route_fini (struct vmm_msi_route *route);
