/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest that counts its lives in CMOS: resets itself by port 0xCF9, then by port 0x92, waits for
 * the power button, and turns the machine off by ACPI.
 */
#include "guest.h"

#define PM1_STATUS  0x600
#define PM1_CONTROL 0x604

static uint8_t
next_life (void)
{
    uint8_t life;

    out8 (0x70, 0x50);
    life = in8 (0x71);
    out8 (0x70, 0x50);
    out8 (0x71, (uint8_t) (life + 1));
    return life;
}

void
payload_main (void)
{
    switch (next_life ()) {
    case 0:
        say ("first ");
        out8 (0xcf9, 2);
        out8 (0xcf9, 6);
        break;
    case 1:
        say ("second ");
        out8 (0x92, 1);
        break;
    default:
        /* A reset took the PM block away again. */
        EXPECT (in16 (PM1_STATUS), 0xffff);
        pci_write (0xf8, 0x40, 4, 0x601);
        pci_write (0xf8, 0x44, 1, 0x80);
        EXPECT (in16 (PM1_STATUS) & 0x100, 0);
        say ("third ");
        while (!(in16 (PM1_STATUS) & 0x100))
            __asm__ volatile ("pause");
        say ("pressed ");
        out16 (PM1_CONTROL, 1 << 13); /* S5: SLP_EN, SLP_TYP 0 */
    }
    for (;;)
        __asm__ volatile ("pause");
}
