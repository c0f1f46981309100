/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The root bus: who sits where, the two ways to configuration space and the interrupt pins.
 *
 * Ports 0xCF8/0xCFC (PCI 3.0, 3.2.2.3.2) reach 256 bytes per function, the ECAM window (PCI Express
 * Base 3.0, 7.2.2) 4 KiB, of which ours use the first 256 bytes. Bus 0 is the only one.
 *
 * Interrupt pins end at eight PIRQ lines, shared by counting. Each line drives GSI 16 + n of the
 * IOAPIC always, and the ISA interrupt that the LPC bridge's route register names, for guests that
 * run on the PIC (Intel ICH9 datasheet, 5.8.6 and 13.1.17).
 *
 * Locks: the table of functions changes only while the machine is built and destroyed. bus->mutex
 * guards the interrupt lines and the window; it is taken inside devices' locks and around nothing
 * but interrupt and bus calls.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "engine/machine.h"
#include "engine/pci/pci-internal.h"

#define PORT_ADDRESS     0xCF8
#define PORT_RESET       0xCF9
#define PORT_DATA        0xCFC
#define ADDRESS_ENABLE   0x80000000u
#define ADDRESS_WRITABLE 0x80FFFFFCu

#define PIRQS            8
#define ISA_IRQS         16
#define SCI_IRQ          9
#define ROUTE_DISABLED   0x80u
/* 0–2, 8 and 13 belong to others: the route register's values for them are reserved. */
#define ROUTABLE_IRQS 0xDEF8u

/* The first and last slot that a device without a fixed place gets. */
#define FIRST_AUTO_SLOT 2
#define LAST_AUTO_SLOT  30

struct pci_bus {
    struct vmm_machine *machine;
    struct pci_device *devices[256];
    atomic_uint address;
    struct vmm_region address_region, data_region, ecam_region;
    struct vmm_region *reset_region;

    pthread_mutex_t mutex;
    uint64_t ecam_base; /* 0: disabled */
    bool levels[256];   /* by devfn, as last reported */
    unsigned counts[PIRQS];
    uint8_t routes[PIRQS];
    bool sci;
    bool isa_levels[ISA_IRQS];
};

static uint32_t
all_ones (unsigned size)
{
    return size >= 4 ? UINT32_MAX : (1u << 8 * size) - 1;
}

uint32_t
pci_bus_config_read (struct pci_bus *bus, uint16_t devfn, unsigned offset, unsigned size)
{
    struct pci_device *pci = pci_bus_device (bus, devfn);
    uint32_t value;

    if (!pci || !range_fits (offset, size, PCI_CONFIG_SIZE) || size > 4)
        return all_ones (size);
    pthread_mutex_lock (&pci->device.lock);
    value = pci_config_read (pci, offset, size);
    pthread_mutex_unlock (&pci->device.lock);
    return value;
}

void
pci_bus_config_write (struct pci_bus *bus, uint16_t devfn, unsigned offset, unsigned size,
                      uint32_t value)
{
    struct pci_device *pci = pci_bus_device (bus, devfn);

    if (!pci || !range_fits (offset, size, PCI_CONFIG_SIZE) || size > 4)
        return;
    pthread_mutex_lock (&pci->device.lock);
    pci_config_write (pci, offset, size, value);
    pthread_mutex_unlock (&pci->device.lock);
}

struct pci_device *
pci_bus_device (struct pci_bus *bus, uint16_t devfn)
{
    return devfn < ARRAY_LENGTH (bus->devices) ? bus->devices[devfn] : NULL;
}

struct vmm_machine *
pci_bus_machine (const struct pci_bus *bus)
{
    return bus->machine;
}

/* Only a whole dword is for the address register (3.2.2.3.2): narrower accesses are to ordinary
 * ports, of which the second is taken. */
static bool
is_reset_port (const struct pci_bus *bus, uint64_t offset, unsigned size)
{
    return bus->reset_region && offset == PORT_RESET - PORT_ADDRESS && size == 1;
}

static uint64_t
address_read (void *opaque, uint64_t offset, unsigned size)
{
    struct pci_bus *bus = opaque;
    uint64_t value;

    if (size == 4)
        return atomic_load (&bus->address);
    if (!is_reset_port (bus, offset, size))
        return all_ones (size);
    pthread_mutex_lock (bus->reset_region->lock);
    value = bus->reset_region->read (bus->reset_region->opaque, 0, 1);
    pthread_mutex_unlock (bus->reset_region->lock);
    return value;
}

static void
address_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_bus *bus = opaque;

    if (size == 4) {
        atomic_store (&bus->address, (uint32_t) value & ADDRESS_WRITABLE);
    } else if (is_reset_port (bus, offset, size)) {
        pthread_mutex_lock (bus->reset_region->lock);
        bus->reset_region->write (bus->reset_region->opaque, 0, 1, value);
        pthread_mutex_unlock (bus->reset_region->lock);
    }
}

static bool
address_selects (uint32_t address, uint16_t *ret_devfn)
{
    if (!(address & ADDRESS_ENABLE) || (address >> 16 & 0xFF) != 0)
        return false;
    *ret_devfn = address >> 8 & 0xFF;
    return true;
}

static uint64_t
data_read (void *opaque, uint64_t offset, unsigned size)
{
    struct pci_bus *bus = opaque;
    uint32_t address = atomic_load (&bus->address);
    uint16_t devfn;

    if (!address_selects (address, &devfn))
        return all_ones (size);
    return pci_bus_config_read (bus, devfn, (address & 0xFC) + (unsigned) offset, size);
}

static void
data_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_bus *bus = opaque;
    uint32_t address = atomic_load (&bus->address);
    uint16_t devfn;

    if (address_selects (address, &devfn))
        pci_bus_config_write (bus, devfn, (address & 0xFC) + (unsigned) offset, size,
                              (uint32_t) value);
}

/* ECAM: bits 27–20 bus, 19–12 function, 11–0 register. */
static uint64_t
ecam_read (void *opaque, uint64_t offset, unsigned size)
{
    struct pci_bus *bus = opaque;
    uint16_t devfn = offset >> 12 & 0xFF;

    if (offset >> 20 != 0 || !pci_bus_device (bus, devfn))
        return all_ones (size);
    if ((offset & 0xFFF) + size > PCI_CONFIG_SIZE)
        return 0;
    return pci_bus_config_read (bus, devfn, offset & 0xFFF, size);
}

static void
ecam_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_bus *bus = opaque;

    if (offset >> 20 == 0 && (offset & 0xFFF) + size <= PCI_CONFIG_SIZE)
        pci_bus_config_write (bus, offset >> 12 & 0xFF, offset & 0xFFF, size, (uint32_t) value);
}

static void
init_regions (struct pci_bus *bus)
{
    bus->address_region = (struct vmm_region) {
        .name = "pci-address",
        .space = VMM_SPACE_PIO,
        .size = 4,
        .max_size = 4,
        .read = address_read,
        .write = address_write,
        .opaque = bus,
    };
    bus->data_region = (struct vmm_region) {
        .name = "pci-data",
        .space = VMM_SPACE_PIO,
        .size = 4,
        .max_size = 4,
        .read = data_read,
        .write = data_write,
        .opaque = bus,
    };
    bus->ecam_region = (struct vmm_region) {
        .name = "pci-ecam",
        .space = VMM_SPACE_MMIO,
        .max_size = 4,
        .read = ecam_read,
        .write = ecam_write,
        .opaque = bus,
    };
}

int
pci_bus_create (struct vmm_machine *machine, struct pci_bus **ret_bus)
{
    struct pci_bus *bus = calloc (1, sizeof *bus);
    int r;

    if (!bus)
        return -ENOMEM;
    bus->machine = machine;
    pthread_mutex_init (&bus->mutex, NULL);
    for (unsigned i = 0; i < PIRQS; i++)
        bus->routes[i] = ROUTE_DISABLED;
    init_regions (bus);
    r = vmm_bus_map (vmm_machine_bus (machine), &bus->address_region, PORT_ADDRESS);
    if (r >= 0)
        r = vmm_bus_map (vmm_machine_bus (machine), &bus->data_region, PORT_DATA);
    if (r < 0) {
        pci_bus_destroy (bus);
        return r;
    }
    *ret_bus = bus;
    return 0;
}

void
pci_bus_destroy (struct pci_bus *bus)
{
    if (!bus)
        return;
    vmm_bus_unmap (vmm_machine_bus (bus->machine), &bus->ecam_region);
    vmm_bus_unmap (vmm_machine_bus (bus->machine), &bus->data_region);
    vmm_bus_unmap (vmm_machine_bus (bus->machine), &bus->address_region);
    pthread_mutex_destroy (&bus->mutex);
    free (bus);
}

static bool
slot_is_free (const struct pci_bus *bus, unsigned slot)
{
    for (unsigned function = 0; function < 8; function++)
        if (bus->devices[PCI_DEVFN (slot, function)])
            return false;
    return true;
}

int
pci_bus_add (struct pci_bus *bus, struct pci_device *pci, uint16_t devfn, struct vmm_error *error)
{
    if (devfn == PCI_DEVFN_AUTO) {
        unsigned slot = FIRST_AUTO_SLOT;

        while (slot <= LAST_AUTO_SLOT && !slot_is_free (bus, slot))
            slot++;
        if (slot > LAST_AUTO_SLOT)
            return vmm_error_set (error, -EBUSY, "%s: no PCI slot is free", pci->device.id);
        devfn = (uint16_t) PCI_DEVFN (slot, 0);
    }
    if (devfn >= ARRAY_LENGTH (bus->devices) || bus->devices[devfn])
        return vmm_error_set (error, -EBUSY, "%s: PCI slot %u is taken", pci->device.id,
                              devfn >> 3);
    bus->devices[devfn] = pci;
    pci->bus = bus;
    pci->devfn = devfn;
    return 0;
}

void
pci_bus_remove (struct pci_bus *bus, struct pci_device *pci)
{
    bus->devices[pci->devfn] = NULL;
    pci->bus = NULL;
}

void
pci_bus_set_ecam (struct pci_bus *bus, uint64_t base, uint64_t size)
{
    struct vmm_bus *io = vmm_machine_bus (bus->machine);

    pthread_mutex_lock (&bus->mutex);
    if (base != bus->ecam_base || size != bus->ecam_region.size) {
        vmm_bus_unmap (io, &bus->ecam_region);
        bus->ecam_region.size = size;
        bus->ecam_base = base;
        if (base && vmm_bus_map (io, &bus->ecam_region, base) < 0)
            bus->ecam_base = 0;
    }
    pthread_mutex_unlock (&bus->mutex);
}

uint64_t
pci_bus_ecam_base (struct pci_bus *bus)
{
    uint64_t base;

    pthread_mutex_lock (&bus->mutex);
    base = bus->ecam_base;
    pthread_mutex_unlock (&bus->mutex);
    return base;
}

void
pci_bus_set_reset_port (struct pci_bus *bus, struct vmm_region *region)
{
    bus->reset_region = region;
}

uint32_t
pci_bus_address (struct pci_bus *bus)
{
    return atomic_load (&bus->address);
}

void
pci_bus_set_address (struct pci_bus *bus, uint32_t address)
{
    atomic_store (&bus->address, address & ADDRESS_WRITABLE);
}

unsigned
pci_bus_pirq_of (unsigned slot, unsigned pin)
{
    return slot < 25 ? (slot + pin - 1) % 4 + 4 : (pin - 1) % 4;
}

static void
update_isa (struct pci_bus *bus)
{
    bool levels[ISA_IRQS] = {false};

    levels[SCI_IRQ] = bus->sci;
    for (unsigned i = 0; i < PIRQS; i++) {
        unsigned irq = bus->routes[i] & 0x0F;

        if (!(bus->routes[i] & ROUTE_DISABLED) && (ROUTABLE_IRQS >> irq & 1) && bus->counts[i])
            levels[irq] = true;
    }
    for (unsigned i = 0; i < ISA_IRQS; i++) {
        if (levels[i] == bus->isa_levels[i])
            continue;
        bus->isa_levels[i] = levels[i];
        vmm_irq_set (bus->machine, i, levels[i]);
    }
}

void
pci_bus_set_level (struct pci_bus *bus, const struct pci_device *pci, bool level)
{
    unsigned pin = pci->config[PCI_INTERRUPT_PIN], pirq;

    if (pin < 1 || pin > 4)
        return;
    pirq = pci_bus_pirq_of (pci->devfn >> 3, pin);
    pthread_mutex_lock (&bus->mutex);
    if (bus->levels[pci->devfn] != level) {
        bus->levels[pci->devfn] = level;
        if (level)
            bus->counts[pirq]++;
        else
            bus->counts[pirq]--;
        if (bus->counts[pirq] == (level ? 1 : 0))
            vmm_irq_set (bus->machine, 16 + pirq, level);
        update_isa (bus);
    }
    pthread_mutex_unlock (&bus->mutex);
}

void
pci_bus_set_pirq (struct pci_bus *bus, unsigned pirq, uint8_t route)
{
    pthread_mutex_lock (&bus->mutex);
    if (pirq < PIRQS && bus->routes[pirq] != route) {
        bus->routes[pirq] = route;
        update_isa (bus);
    }
    pthread_mutex_unlock (&bus->mutex);
}

void
pci_bus_set_sci (struct pci_bus *bus, bool level)
{
    pthread_mutex_lock (&bus->mutex);
    bus->sci = level;
    update_isa (bus);
    pthread_mutex_unlock (&bus->mutex);
}
