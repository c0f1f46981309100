/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest for tests of the posada command, which reach it only from outside: it tells on the first
 * serial port what it sees and does what single bytes ask for.
 *
 * Says: "ready", "button" when the power button is pressed, "key XX" for each byte of the i8042,
 * and what it is asked. Does: 'o' powers off, 'c' runs code where nothing is, 't' shuts the
 * processor down, 'r' resets.
 */
#include "guest.h"

#define SERIAL     0x3f8
#define LPC        0xf8 /* 00:1f.0 */
#define PM         0x600
#define NOTHING_IS 0xfd000000

static void
tell (const char *text)
{
    for (; *text; text++) {
        while (!(in8 (SERIAL + 5) & 0x20))
            ;
        out8 (SERIAL, (uint8_t) *text);
    }
}

static void
tell_byte (const char *what, uint8_t value)
{
    char digits[] = {"0123456789abcdef"[value >> 4], "0123456789abcdef"[value & 15], '\n', 0};

    tell (what);
    tell (digits);
}

static void
carry_out (uint8_t command)
{
    static uint8_t count; /* what tells one copy of this guest from another */

    switch (command) {
    case '+': tell_byte ("count ", ++count); break;
    case 'o': out16 (PM + 4, 0x2000); break; /* SLP_EN, SLP_TYP 0 */
    case 'c': ((void (*) (void)) (uintptr_t) NOTHING_IS) (); break;
    case 't': __asm__ volatile ("ud2"); break;
    case 'r': out8 (0xcf9, 6); break;
    default: tell_byte ("byte ", command); break;
    }
}

void
payload_main (void)
{
    pci_write (LPC, 0x40, 4, PM | 1);
    pci_write (LPC, 0x44, 1, 0x80);
    out8 (SERIAL + 1, 0);
    /* No FIFOs: turning them on would lose what has come already. */
    out8 (SERIAL + 3, 3); /* 8 bits, one stop bit */
    out8 (0x64, 0x60);
    out8 (0x60, 0x44); /* i8042: translated scan codes, mouse off, no interrupts */
    out8 (0x64, 0xae);
    tell ("ready\n");
    for (;;) {
        uint8_t status = in8 (0x64);

        if (in8 (SERIAL + 5) & 1)
            carry_out (in8 (SERIAL));
        if ((status & 1) && status != 0xff) /* nobody there */
            tell_byte ("key ", in8 (0x60));
        if (in16 (PM) & 0x100) {
            out16 (PM, 0x100);
            tell ("button\n");
        }
    }
}
