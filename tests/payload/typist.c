/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Turns the machine off when the key A or the power button is pressed. */
#include "guest.h"

#define LPC   0xf8 /* 00:1f.0 */
#define PM    0x600
#define KEY_A 0x1e

void
payload_main (void)
{
    pci_write (LPC, 0x40, 4, PM | 1);
    pci_write (LPC, 0x44, 1, 0x80);
    out8 (0x64, 0x60);
    out8 (0x60, 0x44); /* i8042: translated scan codes, mouse off, no interrupts */
    out8 (0x64, 0xae);
    for (;;) {
        uint8_t status = in8 (0x64), key = status & 1 && status != 0xff ? in8 (0x60) : 0;

        if (key == KEY_A || in16 (PM) & 0x100)
            out16 (PM + 4, 0x2000); /* SLP_EN, SLP_TYP 0 */
    }
}
