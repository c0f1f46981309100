/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "virtio.h"

#include "guest.h"

#define BAR_MODERN   0xd1000000u
#define STATUS_READY (1 | 2 | 8)

static uint8_t rings[3 * 4096] __attribute__ ((aligned (4096)));

/* The address of the structure that a vendor capability of kind @type describes (VIRTIO 1.3,
 * 4.1.4), whose BAR it places. */
static uint64_t
find_structure (unsigned devfn, uint8_t type, uint32_t *ret_multiplier)
{
    for (unsigned at = pci_read (devfn, 0x34, 1); at; at = pci_read (devfn, at + 1, 1)) {
        if (pci_read (devfn, at, 1) == 9 && pci_read (devfn, at + 3, 1) == type) {
            unsigned bar = pci_read (devfn, at + 4, 1);

            pci_write (devfn, 0x10 + 4 * bar, 4, BAR_MODERN);
            pci_write (devfn, 0x14 + 4 * bar, 4, 0);
            pci_write (devfn, 4, 2, 6);
            *ret_multiplier = pci_read (devfn, at + 16, 4);
            return BAR_MODERN + pci_read (devfn, at + 8, 4);
        }
    }
    return 0;
}

bool
virtio_start (uint16_t device, uint32_t features, struct virtio_queue *queue)
{
    int devfn = pci_find (0x1af4, device);
    uint32_t multiplier = 0;
    uint64_t common, notify;

    if (devfn < 0)
        return false;
    common = find_structure ((unsigned) devfn, 1, &multiplier);
    notify = find_structure ((unsigned) devfn, 2, &multiplier);
    queue->descriptors = (struct virtio_descriptor *) rings;
    queue->available = (struct virtio_available *) (rings + 4096);
    queue->used = (struct virtio_used *) (rings + 8192);

    write8 (common + 0x14, 0);
    write8 (common + 0x14, 1 | 2);
    write32 (common + 8, 0);
    write32 (common, 0);
    write32 (common + 12, read32 (common + 4) & features);
    write32 (common + 8, 1);
    write32 (common + 12, 1); /* VERSION_1 */
    write8 (common + 0x14, STATUS_READY);
    write16 (common + 0x16, 0);
    write16 (common + 0x18, VIRTIO_QUEUE_SIZE);
    write64 (common + 0x20, (uintptr_t) queue->descriptors);
    write64 (common + 0x28, (uintptr_t) queue->available);
    write64 (common + 0x30, (uintptr_t) queue->used);
    write16 (common + 0x1c, 1);
    write8 (common + 0x14, STATUS_READY | 4);
    queue->doorbell = notify + read16 (common + 0x1e) * multiplier;
    return read8 (common + 0x14) == (STATUS_READY | 4);
}
