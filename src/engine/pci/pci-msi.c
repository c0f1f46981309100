/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Message-signalled interrupts. MSI (PCI 3.0, 6.8.1) is one 64-bit vector; MSI-X (6.8.2) a table of
 * 16-byte entries (address, upper address, data, vector control with its mask bit) and a bitmap of
 * what waits for unmasking, both inside a BAR. An eventfd is bound to a vector when it is first
 * triggered, so vectors that a driver never uses cost nothing.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/pci/pci-internal.h"

#define MSI_SIZE             14
#define MSI_CONTROL          2
#define MSI_ADDRESS          4
#define MSI_DATA             12
#define MSI_CONTROL_ENABLE   0x0001u
#define MSI_CONTROL_64BIT    0x0080u

#define MSIX_SIZE            12
#define MSIX_CONTROL         2
#define MSIX_TABLE           4
#define MSIX_PENDING         8
#define MSIX_CONTROL_MASK    0x4000u
#define MSIX_CONTROL_ENABLE  0x8000u

#define MSIX_TABLE_ROOM      (PCI_MSIX_MAX_VECTORS * 16)
#define MSIX_ROOM            0x1000
#define ENTRY_ADDRESS        0
#define ENTRY_ADDRESS_HIGH   1
#define ENTRY_DATA           2
#define ENTRY_CONTROL        3
#define ENTRY_CONTROL_MASKED 1u

void
pci_add_msi (struct pci_device *pci)
{
    unsigned offset = pci_add_capability (pci, CAPABILITY_MSI, MSI_SIZE);

    if (!offset)
        return;
    pci->msi_capability = offset;
    store_le16 (pci->config + offset + MSI_CONTROL, MSI_CONTROL_64BIT);
    store_le16 (pci->write_mask + offset + MSI_CONTROL, MSI_CONTROL_ENABLE);
    store_le64 (pci->write_mask + offset + MSI_ADDRESS, ~UINT64_C (3));
    store_le16 (pci->write_mask + offset + MSI_DATA, 0xFFFF);
}

bool
pci_msi_is_enabled (const struct pci_device *pci)
{
    return pci->msi_capability &&
           (load_le16 (pci->config + pci->msi_capability + MSI_CONTROL) & MSI_CONTROL_ENABLE);
}

void
pci_msi_notify (struct pci_device *pci)
{
    const uint8_t *capability = pci->config + pci->msi_capability;

    if (pci_msi_is_enabled (pci))
        vmm_msi_send (pci->device.machine, load_le64 (capability + MSI_ADDRESS),
                      load_le16 (capability + MSI_DATA));
}

static uint16_t
msix_control (const struct pci_device *pci)
{
    return load_le16 (pci->config + pci->msix.capability + MSIX_CONTROL);
}

bool
pci_msix_is_enabled (const struct pci_device *pci)
{
    return pci->msix.n_vectors && (msix_control (pci) & MSIX_CONTROL_ENABLE);
}

static void
msix_send (struct pci_device *pci, unsigned vector)
{
    const uint32_t *entry = &pci->msix.table[4 * vector];
    struct vmm_msi_route *route = &pci->msix.routes[vector];
    uint64_t address = (uint64_t) entry[ENTRY_ADDRESS_HIGH] << 32 | entry[ENTRY_ADDRESS];
    int r = 0;

    if (!route->machine) {
        r = vmm_msi_route_init (pci->device.machine, route);
        if (r < 0)
            *route = (struct vmm_msi_route) {.fd = -1};
    }
    if (r >= 0)
        r = vmm_msi_route_update (route, address, entry[ENTRY_DATA]);
    /* Out of descriptors or routes is no reason to lose an interrupt. */
    if (r < 0)
        vmm_msi_send (pci->device.machine, address, entry[ENTRY_DATA]);
    else
        vmm_msi_route_trigger (route);
}

static bool
msix_is_masked (const struct pci_device *pci, unsigned vector)
{
    return (msix_control (pci) & MSIX_CONTROL_MASK) ||
           (pci->msix.table[4 * vector + ENTRY_CONTROL] & ENTRY_CONTROL_MASKED);
}

void
pci_msix_notify (struct pci_device *pci, unsigned vector)
{
    struct pci_msix *msix = &pci->msix;

    if (vector >= msix->n_vectors || !pci_msix_is_enabled (pci))
        return;
    if (msix_is_masked (pci, vector))
        msix->pending[vector / 64] |= UINT64_C (1) << vector % 64;
    else
        msix_send (pci, vector);
}

static void
deliver_vector (struct pci_device *pci, unsigned vector)
{
    uint64_t *word = &pci->msix.pending[vector / 64], bit = UINT64_C (1) << vector % 64;

    if ((*word & bit) && !msix_is_masked (pci, vector)) {
        *word &= ~bit;
        msix_send (pci, vector);
    }
}

void
pci_msix_deliver (struct pci_device *pci)
{
    if (!pci_msix_is_enabled (pci))
        return;
    for (unsigned i = 0; i < pci->msix.n_vectors; i++)
        deliver_vector (pci, i);
}

static uint64_t
table_read (void *opaque, uint64_t offset, unsigned size)
{
    struct pci_device *pci = opaque;

    return pci->msix.table[offset / 4] >> (8 * (offset % 4));
}

/* Software must write whole dwords (6.8.2); what narrower writes do is undefined, so they merge. */
static void
table_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_device *pci = opaque;
    uint32_t *word = &pci->msix.table[offset / 4];
    uint8_t bytes[4];

    if (offset % 4 + size > 4)
        return;
    store_le32 (bytes, *word);
    for (unsigned i = 0; i < size; i++)
        bytes[offset % 4 + i] = (uint8_t) (value >> (8 * i));
    *word = load_le32 (bytes);
    if (offset / 4 % 4 == ENTRY_ADDRESS)
        *word &= ~3u;
    else if (offset / 4 % 4 == ENTRY_CONTROL)
        *word &= ENTRY_CONTROL_MASKED;
    if (pci_msix_is_enabled (pci))
        deliver_vector (pci, (unsigned) (offset / 16));
}

static uint64_t
pending_read (void *opaque, uint64_t offset, unsigned size)
{
    struct pci_device *pci = opaque;

    return pci->msix.pending[offset / 8] >> (8 * (offset % 8));
}

static void
add_msix_regions (struct pci_device *pci, unsigned bar, uint64_t offset)
{
    struct pci_msix *msix = &pci->msix;

    msix->table_region = (struct vmm_region) {
        .name = "msix-table",
        .space = VMM_SPACE_MMIO,
        .size = 16 * (uint64_t) msix->n_vectors,
        .max_size = 4,
        .read = table_read,
        .write = table_write,
        .opaque = pci,
        .lock = &pci->device.lock,
    };
    msix->pending_region = (struct vmm_region) {
        .name = "msix-pending",
        .space = VMM_SPACE_MMIO,
        .size = align_up (msix->n_vectors, 64) / 8,
        .read = pending_read,
        .opaque = pci,
        .lock = &pci->device.lock,
    };
    pci_bar_add_region (pci, bar, offset, &msix->table_region);
    pci_bar_add_region (pci, bar, offset + MSIX_TABLE_ROOM, &msix->pending_region);
}

int
pci_add_msix (struct pci_device *pci, unsigned bar, uint64_t offset, unsigned n_vectors,
              struct vmm_error *error)
{
    struct pci_msix *msix = &pci->msix;
    uint8_t *capability;

    if (n_vectors == 0 || n_vectors > PCI_MSIX_MAX_VECTORS)
        return vmm_error_set (error, -EINVAL, "%s: %u interrupt vectors are out of range",
                              pci->device.id, n_vectors);
    if (offset % MSIX_ROOM || !range_fits (offset, MSIX_ROOM, pci->bars[bar].size))
        return vmm_error_set (error, -EINVAL, "%s: no room for interrupt vectors in BAR %u",
                              pci->device.id, bar);
    msix->capability = pci_add_capability (pci, CAPABILITY_MSIX, MSIX_SIZE);
    if (!msix->capability)
        return vmm_error_set (error, -ENOSPC, "%s: configuration space is full", pci->device.id);
    msix->routes = calloc (n_vectors, sizeof *msix->routes);
    if (!msix->routes)
        return vmm_error_set (error, -ENOMEM, "%s: out of memory", pci->device.id);
    msix->n_vectors = n_vectors;

    capability = pci->config + msix->capability;
    store_le16 (capability + MSIX_CONTROL, (uint16_t) (n_vectors - 1));
    store_le32 (capability + MSIX_TABLE, (uint32_t) offset | bar);
    store_le32 (capability + MSIX_PENDING, (uint32_t) (offset + MSIX_TABLE_ROOM) | bar);
    store_le16 (pci->write_mask + msix->capability + MSIX_CONTROL,
                MSIX_CONTROL_MASK | MSIX_CONTROL_ENABLE);
    add_msix_regions (pci, bar, offset);
    return 0;
}

void
pci_msix_reset (struct pci_device *pci)
{
    struct pci_msix *msix = &pci->msix;

    memset (msix->table, 0, sizeof msix->table);
    memset (msix->pending, 0, sizeof msix->pending);
    for (unsigned i = 0; i < msix->n_vectors; i++)
        msix->table[4 * i + ENTRY_CONTROL] = ENTRY_CONTROL_MASKED;
}

void
pci_msix_fini (struct pci_device *pci)
{
    for (unsigned i = 0; i < pci->msix.n_vectors; i++)
        if (pci->msix.routes[i].machine)
            vmm_msi_route_fini (&pci->msix.routes[i]);
    free (pci->msix.routes);
    pci->msix.routes = NULL;
    pci->msix.n_vectors = 0;
}
