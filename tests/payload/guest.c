/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest.h"

#define APIC UINT64_C (0xfee00000)

void
say (const char *text)
{
    for (; *text; text++)
        out8 (PAYLOAD_TEXT_PORT, (uint8_t) *text);
}

void
say_hex (uint64_t value)
{
    for (int shift = 60; shift >= 0; shift -= 4) {
        if (shift == 0 || value >> shift)
            out8 (PAYLOAD_TEXT_PORT, (uint8_t) "0123456789abcdef"[value >> shift & 15]);
    }
}

void
finish (uint32_t code)
{
    for (;;)
        out32 (PAYLOAD_EXIT_PORT, code);
}

void
fail (const char *what, uint64_t actual, uint64_t expected)
{
    say (what);
    say (" is 0x");
    say_hex (actual);
    say (", expected 0x");
    say_hex (expected);
    say ("\n");
    finish (1);
}

uint32_t
pci_read (unsigned devfn, unsigned offset, unsigned size)
{
    out32 (0xcf8, 0x80000000u | devfn << 8 | (offset & 0xfc));
    switch (size) {
    case 1: return in8 ((uint16_t) (0xcfc + offset % 4));
    case 2: return in16 ((uint16_t) (0xcfc + offset % 4));
    default: return in32 (0xcfc);
    }
}

void
pci_write (unsigned devfn, unsigned offset, unsigned size, uint32_t value)
{
    out32 (0xcf8, 0x80000000u | devfn << 8 | (offset & 0xfc));
    switch (size) {
    case 1: out8 ((uint16_t) (0xcfc + offset % 4), (uint8_t) value); break;
    case 2: out16 ((uint16_t) (0xcfc + offset % 4), (uint16_t) value); break;
    default: out32 (0xcfc, value);
    }
}

int
pci_find (uint16_t vendor, uint16_t device)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (pci_read (devfn, 0, 4) == ((uint32_t) device << 16 | vendor))
            return (int) devfn;
    }
    return -1;
}

bool
apic_is_requested (uint8_t vector)
{
    return read32 (APIC + 0x200 + vector / 32 * 0x10) >> vector % 32 & 1;
}

void
apic_enable (void)
{
    write32 (APIC + 0xf0, 0x1ff);
}

void *
memset (void *to, int value, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((volatile uint8_t *) to)[i] = (uint8_t) value;
    return to;
}

void *
memcpy (void *to, const void *from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((volatile uint8_t *) to)[i] = ((const uint8_t *) from)[i];
    return to;
}
