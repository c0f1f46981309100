/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of this room share: register offsets (PCI 3.0, 6.1 and 6.8) and the seams between
 * configuration space, BARs, messages and the bus. All with the device's lock held unless said
 * otherwise.
 */
#pragma once

#include "base/util.h"
#include "engine/pci/pci.h"

#define PCI_VENDOR_ID       0x00
#define PCI_DEVICE_ID       0x02
#define PCI_COMMAND         0x04
#define PCI_STATUS          0x06
#define PCI_REVISION        0x08
#define PCI_CACHE_LINE      0x0C
#define PCI_HEADER_TYPE     0x0E
#define PCI_BAR_0           0x10
#define PCI_SUBSYSTEM       0x2C
#define PCI_CAPABILITIES    0x34
#define PCI_INTERRUPT_LINE  0x3C
#define PCI_INTERRUPT_PIN   0x3D

#define COMMAND_IO          0x0001u
#define COMMAND_MEMORY      0x0002u
#define COMMAND_MASTER      0x0004u
#define COMMAND_PARITY      0x0040u
#define COMMAND_SERR        0x0100u
#define COMMAND_NO_INTX     0x0400u
#define STATUS_INTERRUPT    0x0008u
#define STATUS_CAPABILITIES 0x0010u

#define CAPABILITY_MSI      0x05
#define CAPABILITY_MSIX     0x11

/* Whether the @size bytes at @offset touch any of [@first, @first + @length). */
static inline bool
config_touches (unsigned offset, unsigned size, unsigned first, unsigned length)
{
    return offset < first + length && first < offset + size;
}

static inline uint16_t
pci_command (const struct pci_device *pci)
{
    return load_le16 (pci->config + PCI_COMMAND);
}

/* Accesses by the guest; they lie inside configuration space. */
uint32_t pci_config_read (struct pci_device *pci, unsigned offset, unsigned size);
void pci_config_write (struct pci_device *pci, unsigned offset, unsigned size, uint32_t value);

/* Maps and unmaps pieces so that they agree with command register and BARs. */
void pci_bars_update (struct pci_device *pci);
void pci_bars_unmap (struct pci_device *pci);

/* Sends what became deliverable after a write to configuration space or a restore. */
void pci_msix_deliver (struct pci_device *pci);
void pci_msix_reset (struct pci_device *pci);
void pci_msix_fini (struct pci_device *pci);

/* The bus: no locks needed. Adding and removing only while the machine is built and destroyed. */
int
pci_bus_add (struct pci_bus *bus, struct pci_device *pci, uint16_t devfn, struct vmm_error *error);
void pci_bus_remove (struct pci_bus *bus, struct pci_device *pci);
void pci_bus_set_level (struct pci_bus *bus, const struct pci_device *pci, bool level);
struct vmm_machine *pci_bus_machine (const struct pci_bus *bus);
