/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ways out of a guest, many times each. A byte on the serial port begins every run; whoever listens
 * takes the time between two of them. Ring 3, as in all payloads (tests/payload/start.S).
 */
#include "guest.h"
#include "virtio.h"

#define RUNS     20000 /* bench/exits knows */
#define SERIAL   0x3f8
#define BAR_VGA  0xd0000000u
#define DISPI_ID 0x500 /* in the VGA's register BAR */

static void
mark (char name)
{
    out8 (SERIAL, (uint8_t) name);
}

static void
write_ports (void)
{
    mark ('w');
    for (unsigned i = 0; i < RUNS; i++)
        out8 (0x80, 0);
}

static void
read_ports (void)
{
    mark ('r');
    for (unsigned i = 0; i < RUNS; i++)
        in32 (0xcf8);
}

static void
read_memory (void)
{
    int vga = pci_find (0x1234, 0x1111);

    if (vga >= 0) {
        pci_write ((unsigned) vga, 0x18, 4, BAR_VGA);
        pci_write ((unsigned) vga, 4, 2, 2);
    }
    mark (vga >= 0 && read16 (BAR_VGA + DISPI_ID) >> 8 == 0xb0 ? 'm' : '-');
    for (unsigned i = 0; vga >= 0 && i < RUNS; i++)
        read16 (BAR_VGA + DISPI_ID);
}

static void
ring_doorbells (void)
{
    struct virtio_queue queue;
    bool started = virtio_start (0x1042, 0, &queue);

    mark (started ? 'd' : '-');
    for (unsigned i = 0; started && i < RUNS; i++)
        write16 (queue.doorbell, 0);
}

void
payload_main (void)
{
    write_ports ();
    read_ports ();
    read_memory ();
    ring_doorbells ();
    mark ('.');
    /* Off: PMBASE, ACPI_CNTL, then S5. */
    pci_write (0xf8, 0x40, 4, 0x601);
    pci_write (0xf8, 0x44, 1, 0x80);
    out16 (0x604, 1 << 13);
    for (;;)
        __asm__ volatile ("pause");
}
