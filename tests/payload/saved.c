/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest that notices if time, memory or a device is not what it was when it left them. Each round
 * it rewrites an array that must be as the last round left it, asks the entropy source for bytes,
 * and holds clocks against what it saw before. Rounds are counted at 2 MiB; the host stops it by a
 * word behind that.
 */
#include "guest.h"

#define APIC        UINT64_C (0xfee00000)
#define ROUNDS      ((volatile uint64_t *) 0x200000)
#define STOP        ((volatile uint64_t *) 0x200008)
#define ARRAY       ((volatile uint64_t *) 0x400000)
#define ARRAY_PAGES 2048
#define PERIOD      0x10000000u
#define BAR_MODERN  0xd0000000u
#define BAR_MSIX    0xd1000000u
#define VECTOR      0x51
#define QUEUE_SIZE  8

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
static uint64_t notify;

static uint64_t
find_structure (unsigned devfn, uint8_t type)
{
    for (unsigned at = pci_read (devfn, 0x34, 1); at; at = pci_read (devfn, at + 1, 1)) {
        if (pci_read (devfn, at, 1) == 9 && pci_read (devfn, at + 3, 1) == type)
            return BAR_MODERN + pci_read (devfn, at + 8, 4);
    }
    fail ("virtio structure", 0, type);
}

static void
set_up_device (void)
{
    int found = pci_find (0x1af4, 0x1044);
    unsigned devfn = (unsigned) found;
    uint64_t common;

    EXPECT (found >= 0, 1);
    pci_write (devfn, 0x14, 4, BAR_MSIX);
    pci_write (devfn, 0x20, 4, BAR_MODERN);
    pci_write (devfn, 0x24, 4, 0);
    pci_write (devfn, 4, 2, 6);
    for (unsigned at = pci_read (devfn, 0x34, 1); at; at = pci_read (devfn, at + 1, 1)) {
        if (pci_read (devfn, at, 1) == 0x11)
            pci_write (devfn, at + 2, 2, 0x8000);
    }
    write32 (BAR_MSIX, 0xfee00000);
    write32 (BAR_MSIX + 4, 0);
    write32 (BAR_MSIX + 8, VECTOR);
    write32 (BAR_MSIX + 12, 0);
    common = find_structure (devfn, 1);
    notify = find_structure (devfn, 2);
    write8 (common + 0x14, 0);
    write8 (common + 0x14, 1 | 2);
    write32 (common + 8, 1);
    write32 (common + 12, 1);
    write8 (common + 0x14, 1 | 2 | 8);
    write16 (common + 0x16, 0);
    write16 (common + 0x18, QUEUE_SIZE);
    write16 (common + 0x1a, 0);
    write64 (common + 0x20, (uintptr_t) queue.descriptors);
    write64 (common + 0x28, (uintptr_t) &queue.available);
    write64 (common + 0x30, (uintptr_t) &queue.used);
    write16 (common + 0x1c, 1);
    write8 (common + 0x14, 1 | 2 | 8 | 4);
    queue.descriptors[0].address = (uintptr_t) buffer;
    queue.descriptors[0].length = sizeof buffer;
    queue.descriptors[0].flags = 2;
}

static void
ask_device (void)
{
    uint16_t before = *(volatile uint16_t *) &queue.used.index;

    queue.available.ring[queue.available.index % QUEUE_SIZE] = 0;
    __asm__ volatile ("" : : : "memory");
    *(volatile uint16_t *) &queue.available.index = (uint16_t) (queue.available.index + 1);
    write16 (notify, 0);
    while (*(volatile uint16_t *) &queue.used.index == before)
        __asm__ volatile ("pause");
    EXPECT (*(volatile uint16_t *) &queue.used.index, (uint16_t) (before + 1));
}

/* Fixed registers that only a restore could have lost; a vector register, too. */
static void
check_processor (uint64_t round)
{
    uint64_t seen;

    EXPECT (read32 (APIC + 0xf0), 0x1ff);
    EXPECT (read32 (APIC + 0x380), PERIOD);
    EXPECT (read32 (APIC + 0x390) <= PERIOD, 1);
    __asm__ volatile ("movq %%xmm7, %0" : "=r"(seen));
    EXPECT (seen, round);
    __asm__ volatile ("movq %0, %%xmm7" : : "r"(round + 1));
}

void
payload_main (void)
{
    uint64_t tsc = read_tsc ();

    apic_enable ();
    write32 (APIC + 0x3e0, 3);       /* one count in sixteen */
    write32 (APIC + 0x320, 0x20060); /* periodic */
    write32 (APIC + 0x380, PERIOD);
    set_up_device ();
    __asm__ volatile ("movq %0, %%xmm7" : : "r"(UINT64_C (0)));
    for (uint64_t round = 0; !*STOP; round++) {
        uint64_t now = read_tsc ();

        EXPECT (*ROUNDS, round);
        EXPECT (now > tsc, 1);
        EXPECT (now - tsc < UINT64_C (100000000000), 1); /* half a minute, at most */
        tsc = now;
        check_processor (round);
        for (unsigned i = 0; i < ARRAY_PAGES; i++) {
            if (ARRAY[i * 512] != round)
                fail ("array", ARRAY[i * 512], round);
            ARRAY[i * 512] = round + 1;
        }
        ask_device ();
        *ROUNDS = round + 1;
    }
    EXPECT (apic_is_requested (VECTOR), 1);
    finish (0);
}
