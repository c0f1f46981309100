/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PCI as firmware uses it: enumeration, BAR sizing and moving, decoding on and off, ECAM. */
#include "guest.h"

#define BAR5        0x24
#define AHCI_VS     0x10
#define AHCI_VS_131 0x10301

static void
check_identity (void)
{
    EXPECT (pci_read (0, 0, 4), 0x29c08086);
    EXPECT (pci_read (0, 0x2c, 4), 0x11001af4);
    EXPECT (pci_read (0xf8, 0, 4), 0x29188086);
    EXPECT (pci_read (0xf8, 0xe, 1) & 0x80, 0x80); /* several functions */
    EXPECT (pci_read (0x08, 0, 4), 0xffffffff);    /* nobody in slot 1 */
    EXPECT (pci_read (0, 1, 1), 0x80);
    EXPECT (pci_read (0, 2, 2), 0x29c0);
}

static void
check_bar (unsigned ahci)
{
    /* Sizing by writing ones, as PCI 3.0, 6.2.5.1 has it. */
    pci_write (ahci, BAR5, 4, 0xffffffff);
    EXPECT (pci_read (ahci, BAR5, 4), 0xfffff000);
    pci_write (ahci, BAR5, 4, 0xd0000000);
    EXPECT (pci_read (ahci, BAR5, 4), 0xd0000000);
    EXPECT (read32 (0xd0000000 + AHCI_VS), 0xffffffff); /* not decoding yet */
    pci_write (ahci, 4, 2, 2);
    EXPECT (read32 (0xd0000000 + AHCI_VS), AHCI_VS_131);
    /* Moves, and is gone from where it was. */
    pci_write (ahci, BAR5, 4, 0xe8000000);
    EXPECT (read32 (0xe8000000 + AHCI_VS), AHCI_VS_131);
    EXPECT (read32 (0xd0000000 + AHCI_VS), 0xffffffff);
    pci_write (ahci, 4, 2, 0);
    EXPECT (read32 (0xe8000000 + AHCI_VS), 0xffffffff);
    pci_write (ahci, 4, 2, 2);
    EXPECT (read32 (0xe8000000 + AHCI_VS), AHCI_VS_131);
}

static void
check_ecam (unsigned ahci)
{
    pci_write (0, 0x64, 4, 0);
    pci_write (0, 0x60, 4, 0xb0000001);
    EXPECT (read32 (0xb0000000), 0x29c08086);
    EXPECT (read16 (0xb0000000 + (ahci << 12)), 0x8086);
    EXPECT (read32 (0xb0000000 + (ahci << 12) + BAR5), 0xe8000000);
    write32 (0xb0000000 + (ahci << 12) + BAR5, 0xd8000000);
    EXPECT (pci_read (ahci, BAR5, 4), 0xd8000000);
    EXPECT (read32 (0xd8000000 + AHCI_VS), AHCI_VS_131);
    EXPECT (read32 (0xb0000000 + (0x08 << 12)), 0xffffffff);
    /* Moved, as newer UEFI firmware does. */
    pci_write (0, 0x60, 4, 0xe0000001);
    EXPECT (read32 (0xe0000000), 0x29c08086);
    EXPECT (read32 (0xb0000000), 0xffffffff);
}

void
payload_main (void)
{
    int ahci;

    check_identity ();
    ahci = pci_find (0x8086, 0x2922);
    EXPECT (ahci, 0xfa);
    check_bar ((unsigned) ahci);
    check_ecam ((unsigned) ahci);
    finish (0);
}
