/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function: its configuration space, capabilities, INTx pin and state.
 *
 * Configuration space is 256 bytes beside two masks of the same size. A guest's write changes the
 * bits of write_mask and clears those bits of clear_mask that it writes as 1; all others stand as
 * init left them. That makes BAR sizing work by itself: the address bits below a BAR's size are
 * never writable.
 */
#include "engine/pci/pci.h"

#include <errno.h>

#include "engine/pci/pci-internal.h"

static bool
intx_level (const struct pci_device *pci)
{
    return pci->irq_level && !(pci_command (pci) & COMMAND_NO_INTX);
}

static void
intx_update (struct pci_device *pci)
{
    if (!pci->bus)
        return;
    if (pci->irq_level)
        pci->config[PCI_STATUS] |= STATUS_INTERRUPT;
    else
        pci->config[PCI_STATUS] &= (uint8_t) ~STATUS_INTERRUPT;
    pci_bus_set_level (pci->bus, pci, intx_level (pci));
}

static void
saved_pre_save (void *object)
{
    struct pci_device *pci = object;

    memcpy (pci->saved, pci->config, sizeof pci->saved);
}

/* Only what a guest could have written is taken over: the rest belongs to the device as it is. */
static int
saved_post_load (void *object, struct vmm_error *error)
{
    struct pci_device *pci = object;

    if (memcmp (pci->saved, pci->config, 4) != 0)
        return vmm_error_set (error, -EINVAL, "%s: the saved PCI function is another device",
                              pci->device.id);
    for (unsigned i = 0; i < PCI_CONFIG_SIZE; i++) {
        uint8_t mask = pci->write_mask[i] | pci->clear_mask[i];

        pci->config[i] = (uint8_t) ((pci->config[i] & ~mask) | (pci->saved[i] & mask));
    }
    pci_bars_update (pci);
    intx_update (pci);
    return 0;
}

static const struct vmm_state_field msix_fields[] = {
    VMM_STATE_ARRAY (struct pci_msix, table),
    VMM_STATE_ARRAY (struct pci_msix, pending),
};

static const struct vmm_state_table msix_state = {
    .name = "msix",
    .version = 1,
    .fields = msix_fields,
    .n_fields = ARRAY_LENGTH (msix_fields),
};

static const struct vmm_state_field pci_device_fields[] = {
    VMM_STATE_ARRAY (struct pci_device, saved),
    VMM_STATE (struct pci_device, irq_level),
    VMM_STATE_NESTED (struct pci_device, msix, msix_state),
};

const struct vmm_state_table pci_device_state = {
    .name = "pci",
    .version = 1,
    .fields = pci_device_fields,
    .n_fields = ARRAY_LENGTH (pci_device_fields),
    .pre_save = saved_pre_save,
    .post_load = saved_post_load,
};

uint32_t
pci_config_read (struct pci_device *pci, unsigned offset, unsigned size)
{
    uint32_t value = 0;

    if (pci->config_read)
        pci->config_read (pci, offset, size);
    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t) pci->config[offset + i] << (8 * i);
    return value;
}

void
pci_config_write (struct pci_device *pci, unsigned offset, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t) (value >> (8 * i)), mask = pci->write_mask[offset + i];
        uint8_t *config = &pci->config[offset + i];

        *config = (uint8_t) ((*config & ~mask) | (byte & mask));
        *config &= (uint8_t) ~(byte & pci->clear_mask[offset + i]);
    }
    if (config_touches (offset, size, PCI_COMMAND, 2)) {
        pci_bars_update (pci);
        intx_update (pci);
    } else if (config_touches (offset, size, PCI_BAR_0, 4 * PCI_BAR_COUNT)) {
        pci_bars_update (pci);
    }
    if (pci->msix.n_vectors && config_touches (offset, size, pci->msix.capability, 4))
        pci_msix_deliver (pci);
    if (pci->config_written)
        pci->config_written (pci, offset, size);
}

static void
fill_config (struct pci_device *pci, const struct pci_identity *identity)
{
    store_le16 (pci->config + PCI_VENDOR_ID, identity->vendor);
    store_le16 (pci->config + PCI_DEVICE_ID, identity->device);
    store_le32 (pci->config + PCI_REVISION, identity->class_code << 8 | identity->revision);
    store_le16 (pci->config + PCI_SUBSYSTEM, identity->subsystem_vendor);
    store_le16 (pci->config + PCI_SUBSYSTEM + 2, identity->subsystem);
    pci->config[PCI_HEADER_TYPE] = identity->multifunction ? 0x80 : 0;
    pci->config[PCI_INTERRUPT_PIN] = identity->interrupt_pin;

    store_le16 (pci->write_mask + PCI_COMMAND, COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER |
                                                   COMMAND_PARITY | COMMAND_SERR | COMMAND_NO_INTX);
    pci->clear_mask[PCI_STATUS + 1] = 0xF9;
    pci->write_mask[PCI_CACHE_LINE] = 0xFF;
    pci->write_mask[PCI_INTERRUPT_LINE] = 0xFF;
    pci->next_capability_offset = 0x40;
}

int
pci_device_init (struct pci_device *pci, const struct pci_identity *identity, uint16_t devfn,
                 const struct vmm_device_config *config, struct vmm_error *error)
{
    fill_config (pci, identity);
    if (devfn == PCI_DEVFN_AUTO && config) {
        uint64_t slot = vmm_config_number (&pci->device, config, "slot");

        if (slot)
            devfn = (uint16_t) PCI_DEVFN (slot, 0);
    }
    return pci_bus_add (vmm_device_pci (&pci->device), pci, devfn, error);
}

void
pci_device_reset (struct pci_device *pci)
{
    pci_bars_unmap (pci);
    for (unsigned i = 0; i < PCI_CONFIG_SIZE; i++)
        pci->config[i] &= (uint8_t) ~(pci->write_mask[i] | pci->clear_mask[i]);
    pci->irq_level = false;
    intx_update (pci);
    pci_msix_reset (pci);
}

void
pci_device_fini (struct pci_device *pci)
{
    if (!pci->bus)
        return;
    pci_bars_unmap (pci);
    pci_bus_set_level (pci->bus, pci, false);
    pci_msix_fini (pci);
    pci_bus_remove (pci->bus, pci);
}

/* Capabilities are packed from 0x40 on, each at a multiple of 4, and chained newest first. */
unsigned
pci_add_capability (struct pci_device *pci, uint8_t id, unsigned size)
{
    unsigned offset = pci->next_capability_offset;

    if (size < 2 || offset + size > PCI_CONFIG_SIZE)
        return 0;
    pci->config[offset] = id;
    pci->config[offset + 1] = pci->config[PCI_CAPABILITIES];
    pci->config[PCI_CAPABILITIES] = (uint8_t) offset;
    pci->config[PCI_STATUS] |= STATUS_CAPABILITIES;
    pci->next_capability_offset = (unsigned) align_up (offset + size, 4);
    return offset;
}

void
pci_irq_set (struct pci_device *pci, bool level)
{
    if (pci->irq_level == level)
        return;
    pci->irq_level = level;
    intx_update (pci);
}
