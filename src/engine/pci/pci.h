/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PCI Express functions on one root bus: configuration space with write masks, BARs that map
 * regions and slots where the guest puts them, capabilities, INTx, MSI and MSI-X. Sources: PCI
 * Local Bus 3.0 (chapter 6: configuration space, 6.2.5 BARs, 6.8 MSI and MSI-X), PCI Express
 * Base 3.0 (7.2.2 ECAM).
 *
 * A PCI device's structure starts with struct pci_device; its class's hooks call pci_device_init ()
 * first in init, pci_device_reset () in reset, pci_device_fini () in fini, and its state table has
 * VMM_STATE_NESTED (struct foo, pci, pci_device_state) first. Configuration accesses run on vCPU
 * threads with the device's lock held.
 */
#pragma once

#include "engine/device.h"

#define PCI_CONFIG_SIZE           256
#define PCI_BAR_COUNT             6
#define PCI_DEVFN(slot, function) (((slot) << 3) | (function))
#define PCI_DEVFN_AUTO            0xFFFFu /* the next free slot from 00:02.0 on, or the "slot" key */

struct pci_bus;
struct pci_device;

struct pci_identity {
    uint16_t vendor, device;
    uint16_t subsystem_vendor, subsystem;
    uint32_t class_code; /* 24 bits: class, subclass, programming interface */
    uint8_t revision;
    uint8_t interrupt_pin; /* 0 none, 1 INTA … 4 INTD */
    bool multifunction;
};

enum pci_bar_flags {
    PCI_BAR_IO = 1 << 0,
    PCI_BAR_64BIT = 1 << 1, /* takes the next BAR register, too */
    PCI_BAR_PREFETCHABLE = 1 << 2,
};

/* A piece of a BAR: exactly one of region and slot. */
struct pci_bar_piece {
    uint64_t offset;
    struct vmm_region *region;
    struct vmm_slot *slot;
};

#define PCI_BAR_PIECES 8
struct pci_bar {
    uint64_t size; /* power of two; 0: no BAR */
    unsigned flags;
    struct pci_bar_piece pieces[PCI_BAR_PIECES];
    unsigned n_pieces;
    bool mapped;
    uint64_t address; /* while mapped */
};

#define PCI_MSIX_MAX_VECTORS 128
struct pci_msix {
    unsigned n_vectors;                       /* 0: none */
    unsigned capability;                      /* offset in configuration space */
    uint32_t table[PCI_MSIX_MAX_VECTORS * 4]; /* per vector: address, address high, data, control */
    uint64_t pending[PCI_MSIX_MAX_VECTORS / 64]; /* bit per vector */
    struct vmm_msi_route *routes;                /* n_vectors; initialised when first triggered */
    struct vmm_region table_region, pending_region;
};

struct pci_device {
    struct vmm_device device; /* first */
    struct pci_bus *bus;      /* NULL until added */
    uint16_t devfn;
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t write_mask[PCI_CONFIG_SIZE]; /* bits the guest may change */
    uint8_t clear_mask[PCI_CONFIG_SIZE]; /* bits the guest clears by writing 1 */
    uint8_t saved[PCI_CONFIG_SIZE];      /* configuration space on its way to or from a stream */
    struct pci_bar bars[PCI_BAR_COUNT];
    struct pci_msix msix;
    unsigned msi_capability; /* 0: none */
    bool irq_level;
    unsigned next_capability_offset;
    /* Optional: after a guest write to config space changed it; before a guest read. */
    void (*config_written) (struct pci_device *pci, unsigned offset, unsigned size);
    void (*config_read) (struct pci_device *pci, unsigned offset, unsigned size);
};

/* The key every PCI class lists: PCI slot number 1–31, 0 for the next free one. */
#define PCI_KEY_SLOT      \
    {.name = "slot",      \
     .type = VMM_KEY_U64, \
     .maximum = 31,       \
     .help = "PCI slot on bus 0; 0: the next free one"}

extern const struct vmm_state_table pci_device_state;

/*
 * Fills in configuration space and puts the function on the machine's root bus at @devfn. @config
 * may be NULL for a fixed
 * @devfn. -EBUSY (with a sentence) when the slot is taken or the bus is full.
 */
int pci_device_init (struct pci_device *pci, const struct pci_identity *identity, uint16_t devfn,
                     const struct vmm_device_config *config, struct vmm_error *error);
/*
 * Clears every bit the guest could have changed, unmaps the BARs, masks and forgets messages,
 * lowers INTx. Registers whose power-on value is not 0 are then for the class to set.
 */
void pci_device_reset (struct pci_device *pci);
void pci_device_fini (struct pci_device *pci);

/* BARs are declared in init; @size a power of two, ≥ 16. pci_bar_add_* put pieces inside. */
void pci_bar_declare (struct pci_device *pci, unsigned bar, uint64_t size, unsigned flags);
void pci_bar_add_region (struct pci_device *pci, unsigned bar, uint64_t offset,
                         struct vmm_region *region);
void
pci_bar_add_slot (struct pci_device *pci, unsigned bar, uint64_t offset, struct vmm_slot *slot);

/* Adds a capability of @size bytes (with its 2-byte header); returns its offset. Contents are the
 * caller's to fill. */
unsigned pci_add_capability (struct pci_device *pci, uint8_t id, unsigned size);

/* One-vector, 64-bit MSI. */
void pci_add_msi (struct pci_device *pci);
/* MSI-X with table and pending bits inside @bar at @offset (needs 0x1000-aligned room of 0x1000 for
 * up to 128 vectors). */
int pci_add_msix (struct pci_device *pci, unsigned bar, uint64_t offset, unsigned n_vectors,
                  struct vmm_error *error);
bool pci_msix_is_enabled (const struct pci_device *pci);
/* Sends vector @vector, or marks it pending while masked. Out-of-range vectors (guest-chosen) are
 * ignored. */
void pci_msix_notify (struct pci_device *pci, unsigned vector);
bool pci_msi_is_enabled (const struct pci_device *pci);
void pci_msi_notify (struct pci_device *pci);
/* Level of the INTx pin; wired to the chipset's PIRQ lines, shared between functions. */
void pci_irq_set (struct pci_device *pci, bool level);

/* Root bus, for the host bridge, firmware tables and direct kernel boot. */
int pci_bus_create (struct vmm_machine *machine, struct pci_bus **ret_bus);
void pci_bus_destroy (struct pci_bus *bus);
uint32_t pci_bus_config_read (struct pci_bus *bus, uint16_t devfn, unsigned offset, unsigned size);
void pci_bus_config_write (struct pci_bus *bus, uint16_t devfn, unsigned offset, unsigned size,
                           uint32_t value);
struct pci_device *pci_bus_device (struct pci_bus *bus, uint16_t devfn); /* NULL if none */
/* The ECAM window, 0 while disabled. Set by the host bridge when the guest programs PCIEXBAR. */
void pci_bus_set_ecam (struct pci_bus *bus, uint64_t base, uint64_t size);
uint64_t pci_bus_ecam_base (struct pci_bus *bus);
/* Which ISA interrupt PIRQ 0–7 (A–H) reaches beside GSI 16 + pirq; 0x80 set: none. Set by the LPC
 * bridge. */
void pci_bus_set_pirq (struct pci_bus *bus, unsigned pirq, uint8_t route);
/* The system control interrupt: GSI 9, which PIRQs may be routed to as well. Set by the LPC bridge.
 */
void pci_bus_set_sci (struct pci_bus *bus, bool level);
/*
 * The PIRQ (0–7) that pin 1–4 of a function in @slot is wired to, for _PRT and interrupt lines:
 * slots 0–24 rotate over E–H, (slot + pin - 1) % 4 + 4; slots 25–31, the chipset's own, use A–D in
 * the order of their pins. SeaBIOS counts on exactly this (its mch_pci_slot_get_irq ()).
 */
unsigned pci_bus_pirq_of (unsigned slot, unsigned pin);
/*
 * The reset control register is the byte port 0xCF9, inside the dword of the address register, so
 * the bus passes its accesses on: @region (not mapped itself; NULL: none) gets offset 0, size 1.
 */
void pci_bus_set_reset_port (struct pci_bus *bus, struct vmm_region *region);
/* The address register at port 0xCF8, for the host bridge to reset, save and restore. */
uint32_t pci_bus_address (struct pci_bus *bus);
void pci_bus_set_address (struct pci_bus *bus, uint32_t address);
/* Assigns BARs, interrupt lines and decoding as a firmware would, for kernels that boot without
 * one. */
int pci_bus_assign (struct pci_bus *bus, struct vmm_error *error);
