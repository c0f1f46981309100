/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Base address registers (PCI 3.0, 6.2.5): where the guest put them, the device's regions and slots
 * appear. A BAR whose address makes no sense, or that the bus or memory refuses, is simply not
 * mapped until its next change: guests park BARs at odd places while they size them.
 */
#include <assert.h>

#include "engine/pci/pci-internal.h"

/* Addresses above are beyond what any x86 guest can reach (52 bits). */
#define ADDRESS_LIMIT (UINT64_C (1) << 52)

void
pci_bar_declare (struct pci_device *pci, unsigned bar, uint64_t size, unsigned flags)
{
    unsigned offset = PCI_BAR_0 + 4 * bar;
    uint64_t mask = ~(size - 1);

    assert (bar < PCI_BAR_COUNT && is_power_of_two (size) && size >= 16);
    assert (!(flags & PCI_BAR_64BIT) || bar + 1 < PCI_BAR_COUNT);
    pci->bars[bar].size = size;
    pci->bars[bar].flags = flags;
    if (flags & PCI_BAR_IO)
        pci->config[offset] = 0x01;
    else
        pci->config[offset] = (uint8_t) ((flags & PCI_BAR_64BIT ? 0x04 : 0) |
                                         (flags & PCI_BAR_PREFETCHABLE ? 0x08 : 0));
    store_le32 (pci->write_mask + offset, (uint32_t) mask);
    if (flags & PCI_BAR_64BIT)
        store_le32 (pci->write_mask + offset + 4, (uint32_t) (mask >> 32));
}

static void
add_piece (struct pci_device *pci, unsigned number, struct pci_bar_piece piece, uint64_t size)
{
    struct pci_bar *bar = &pci->bars[number];

    assert (number < PCI_BAR_COUNT && bar->n_pieces < PCI_BAR_PIECES);
    assert (range_fits (piece.offset, size, bar->size));
    bar->pieces[bar->n_pieces++] = piece;
}

void
pci_bar_add_region (struct pci_device *pci, unsigned bar, uint64_t offset,
                    struct vmm_region *region)
{
    add_piece (pci, bar, (struct pci_bar_piece) {.offset = offset, .region = region}, region->size);
}

void
pci_bar_add_slot (struct pci_device *pci, unsigned bar, uint64_t offset, struct vmm_slot *slot)
{
    add_piece (pci, bar, (struct pci_bar_piece) {.offset = offset, .slot = slot}, slot->size);
}

/* Address 0 is where every BAR starts, and nothing may be found there before it was placed. */
static bool
wanted_address (const struct pci_device *pci, unsigned number, uint64_t *ret_address)
{
    const struct pci_bar *bar = &pci->bars[number];
    unsigned offset = PCI_BAR_0 + 4 * number;
    uint64_t address = load_le32 (pci->config + offset), last, limit;

    if (bar->flags & PCI_BAR_IO) {
        if (!(pci_command (pci) & COMMAND_IO))
            return false;
        limit = 0xFFFF;
    } else {
        if (!(pci_command (pci) & COMMAND_MEMORY))
            return false;
        if (bar->flags & PCI_BAR_64BIT)
            address |= (uint64_t) load_le32 (pci->config + offset + 4) << 32;
        /* A 32-bit BAR that ends at 4 GiB is one that is being sized. */
        limit = bar->flags & PCI_BAR_64BIT ? ADDRESS_LIMIT - 1 : UINT32_MAX - 1;
    }
    address &= ~(bar->size - 1);
    last = address + bar->size - 1;
    if (address == 0 || last < address || last > limit)
        return false;
    *ret_address = address;
    return true;
}

static void
bar_unmap (struct pci_device *pci, struct pci_bar *bar)
{
    if (!bar->mapped)
        return;
    for (unsigned i = 0; i < bar->n_pieces; i++) {
        if (bar->pieces[i].region)
            vmm_bus_unmap (vmm_device_bus (&pci->device), bar->pieces[i].region);
        else
            vmm_slot_unmap (bar->pieces[i].slot);
    }
    bar->mapped = false;
    bar->address = 0;
}

static void
bar_map (struct pci_device *pci, struct pci_bar *bar, uint64_t address)
{
    int r = 0;

    bar->mapped = true;
    bar->address = address;
    for (unsigned i = 0; i < bar->n_pieces && r >= 0; i++) {
        uint64_t base = address + bar->pieces[i].offset;

        if (bar->pieces[i].region)
            r = vmm_bus_map (vmm_device_bus (&pci->device), bar->pieces[i].region, base);
        else
            r = vmm_slot_map (bar->pieces[i].slot, base);
    }
    if (r < 0)
        bar_unmap (pci, bar);
}

/* All that leave go before any that come, so that BARs may trade places. */
void
pci_bars_update (struct pci_device *pci)
{
    uint64_t wanted[PCI_BAR_COUNT] = {0};
    bool wants[PCI_BAR_COUNT] = {false};

    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        struct pci_bar *bar = &pci->bars[i];

        if (!bar->size)
            continue;
        wants[i] = wanted_address (pci, i, &wanted[i]);
        if (bar->mapped && (!wants[i] || wanted[i] != bar->address))
            bar_unmap (pci, bar);
    }
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++)
        if (wants[i] && !pci->bars[i].mapped)
            bar_map (pci, &pci->bars[i], wanted[i]);
}

void
pci_bars_unmap (struct pci_device *pci)
{
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++)
        bar_unmap (pci, &pci->bars[i]);
}
