/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a firmware does before it hands over: gives every BAR a place, switches decoding on and
 * writes down the interrupt lines. For kernels that boot without a firmware.
 *
 * Memory BARs go from 0xC0000000 (right above the ECAM window) up to the IOAPIC, the largest first
 * so that alignment leaves no holes; a 64-bit BAR that finds no room there goes above all RAM. I/O
 * BARs go from 0xC000 up.
 */
#include <errno.h>

#include "engine/machine.h"
#include "engine/pci/pci-internal.h"

#define MEMORY_FIRST UINT64_C (0xC0000000)
#define MEMORY_END   UINT64_C (0xFEC00000)
#define IO_FIRST     UINT64_C (0xC000)
#define IO_END       UINT64_C (0x10000)

struct window {
    uint64_t next, end;
};

struct windows {
    struct window memory, high, io;
};

static bool
take (struct window *window, uint64_t size, uint64_t *ret_address)
{
    uint64_t address = align_up (window->next, size);

    if (address < window->next || !range_fits (address, size, window->end))
        return false;
    window->next = address + size;
    *ret_address = address;
    return true;
}

static int
place_bar (struct pci_bus *bus, struct pci_device *pci, unsigned number, struct windows *windows,
           struct vmm_error *error)
{
    const struct pci_bar *bar = &pci->bars[number];
    unsigned offset = PCI_BAR_0 + 4 * number;
    bool is_wide = bar->flags & PCI_BAR_64BIT, placed;
    uint64_t address = 0;

    if (bar->flags & PCI_BAR_IO)
        placed = take (&windows->io, bar->size, &address);
    else
        placed = take (&windows->memory, bar->size, &address) ||
                 (is_wide && take (&windows->high, bar->size, &address));
    if (!placed)
        return vmm_error_set (error, -ENOSPC, "%s: no room for PCI BAR %u of %llu bytes",
                              pci->device.id, number, (unsigned long long) bar->size);
    pci_bus_config_write (bus, pci->devfn, offset, 4, (uint32_t) address);
    if (is_wide)
        pci_bus_config_write (bus, pci->devfn, offset + 4, 4, (uint32_t) (address >> 32));
    return 0;
}

/* Places all BARs of exactly @size bytes. */
static int
place_size (struct pci_bus *bus, uint64_t size, struct windows *windows, struct vmm_error *error)
{
    for (uint16_t devfn = 0; devfn < 256; devfn++) {
        struct pci_device *pci = pci_bus_device (bus, devfn);

        for (unsigned i = 0; pci && i < PCI_BAR_COUNT; i++) {
            int r = 0;

            if (pci->bars[i].size == size)
                r = place_bar (bus, pci, i, windows, error);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* The interrupts that SeaBIOS routes PIRQs A–H to, too. */
static uint8_t
interrupt_line (const struct pci_device *pci)
{
    unsigned pin = pci->config[PCI_INTERRUPT_PIN];

    if (pin == 0)
        return 0;
    return pci_bus_pirq_of (pci->devfn >> 3, pin) % 4 < 2 ? 10 : 11;
}

int
pci_bus_assign (struct pci_bus *bus, struct vmm_error *error)
{
    uint64_t above_ram =
        4 * GIB + vmm_memory_high_size (vmm_machine_memory (pci_bus_machine (bus)));
    struct windows windows = {
        .memory = {MEMORY_FIRST, MEMORY_END},
        .high = {above_ram, above_ram + 64 * GIB},
        .io = {IO_FIRST, IO_END},
    };

    for (uint64_t size = 32 * GIB; size >= 16; size /= 2) {
        int r = place_size (bus, size, &windows, error);

        if (r < 0)
            return r;
    }
    for (uint16_t devfn = 0; devfn < 256; devfn++) {
        struct pci_device *pci = pci_bus_device (bus, devfn);

        if (!pci)
            continue;
        pci_bus_config_write (bus, devfn, PCI_INTERRUPT_LINE, 1, interrupt_line (pci));
        pci_bus_config_write (bus, devfn, PCI_COMMAND, 2, COMMAND_IO | COMMAND_MEMORY);
    }
    return 0;
}
