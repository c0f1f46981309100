/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A virtio device driven to the end: capabilities, feature negotiation, a queue, a doorbell through
 * KVM, and completions told by MSI-X messages that arrive at the local APIC.
 */
#include "guest.h"

#define BAR_MODERN 0xd0000000u
#define BAR_MSIX   0xd1000000u
#define VECTOR     0x51
#define QUEUE_SIZE 8

static struct {
    struct {
        uint64_t address;
        uint32_t length;
        uint16_t flags, next;
    } descriptors[QUEUE_SIZE];
    struct {
        uint16_t flags, index, ring[QUEUE_SIZE];
    } available;
    uint8_t gap[64];
    struct {
        uint16_t flags, index;
        struct {
            uint32_t id, length;
        } ring[QUEUE_SIZE];
    } used;
} queue __attribute__ ((aligned (4096)));

static uint8_t buffer[64];

/* The address of the structure that a vendor capability of kind @type describes. */
static uint64_t
find_structure (unsigned devfn, uint8_t type)
{
    for (unsigned at = pci_read (devfn, 0x34, 1); at; at = pci_read (devfn, at + 1, 1)) {
        if (pci_read (devfn, at, 1) == 9 && pci_read (devfn, at + 3, 1) == type) {
            EXPECT (pci_read (devfn, at + 4, 1), 4); /* the BAR this test placed */
            return BAR_MODERN + pci_read (devfn, at + 8, 4);
        }
    }
    fail ("virtio structure", 0, type);
}

static void
place (unsigned devfn)
{
    pci_write (devfn, 0x14, 4, BAR_MSIX);
    pci_write (devfn, 0x20, 4, BAR_MODERN);
    pci_write (devfn, 0x24, 4, 0);
    pci_write (devfn, 4, 2, 6);
}

static void
enable_msix (unsigned devfn)
{
    for (unsigned at = pci_read (devfn, 0x34, 1); at; at = pci_read (devfn, at + 1, 1)) {
        if (pci_read (devfn, at, 1) == 0x11) {
            EXPECT (pci_read (devfn, at + 4, 4) & 7, 1);
            pci_write (devfn, at + 2, 2, 0x8000);
        }
    }
    /* Vector 0: fixed delivery to APIC 0. */
    write32 (BAR_MSIX, 0xfee00000);
    write32 (BAR_MSIX + 4, 0);
    write32 (BAR_MSIX + 8, VECTOR);
    write32 (BAR_MSIX + 12, 0);
}

static void
set_up_queue (uint64_t common)
{
    write8 (common + 0x14, 0);
    EXPECT (read8 (common + 0x14), 0);
    write8 (common + 0x14, 1 | 2);
    write32 (common + 0, 1);
    EXPECT (read32 (common + 4) & 1, 1); /* VERSION_1 */
    write32 (common + 8, 0);
    write32 (common + 12, 0);
    write32 (common + 8, 1);
    write32 (common + 12, 1);
    write8 (common + 0x14, 1 | 2 | 8);
    EXPECT (read8 (common + 0x14), 11);
    write16 (common + 0x16, 0);
    write16 (common + 0x18, QUEUE_SIZE);
    write16 (common + 0x1a, 0);
    EXPECT (read16 (common + 0x1a), 0);
    write64 (common + 0x20, (uintptr_t) queue.descriptors);
    write64 (common + 0x28, (uintptr_t) &queue.available);
    write64 (common + 0x30, (uintptr_t) &queue.used);
    write16 (common + 0x1c, 1);
    write8 (common + 0x14, 1 | 2 | 8 | 4);
}

void
payload_main (void)
{
    volatile uint16_t *used = &queue.used.index;
    unsigned devfn;
    uint64_t notify;
    int found = pci_find (0x1af4, 0x1044);

    EXPECT (found >= 0, 1);
    devfn = (unsigned) found;
    apic_enable ();
    place (devfn);
    notify = find_structure (devfn, 2);
    enable_msix (devfn);
    set_up_queue (find_structure (devfn, 1));
    EXPECT (apic_is_requested (VECTOR), 0);

    queue.descriptors[0].address = (uintptr_t) buffer;
    queue.descriptors[0].length = sizeof buffer;
    queue.descriptors[0].flags = 2;
    queue.available.ring[0] = 0;
    __asm__ volatile ("" : : : "memory");
    *(volatile uint16_t *) &queue.available.index = 1;
    write16 (notify, 0);

    while (*used == 0)
        __asm__ volatile ("pause");
    EXPECT (queue.used.ring[0].length > 0, 1);
    while (!apic_is_requested (VECTOR))
        __asm__ volatile ("pause");
    finish (0);
}
