/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Draws one picture (PICTURE, set by the build) on the VGA adapter: through the window that becomes
 * memory while the guest writes, or into the frame buffer.
 */
#include "../hw/vga-bios.h"
#include "guest.h"

#define FRAME 0xD0000000u

/* Takes long enough for somebody to look now and then. */
static void
dawdle (void)
{
    for (unsigned i = 0; i < 16; i++)
        in8 (0x3CC);
}

static void
draw_text (void)
{
    vga_guest_set_mode (NULL, MODE_03H);
    vga_guest_draw_text (NULL, 0xB8000, 80);
    vga_guest_print (NULL, 0xB8000 + 24 * 160, 0x07, "A-   ");
    vga_guest_set_cursor (NULL, 24 * 80 + 2);
    EXPECT (read16 (0xB8000), 0x0750);
}

static void
draw_planar (void)
{
    vga_guest_set_mode (NULL, MODE_0DH);
    vga_guest_draw_planar (NULL, 320, 200);
}

static void
draw_chain4 (void)
{
    vga_guest_set_mode (NULL, MODE_13H);
    vga_guest_set_gradient (NULL);
    for (unsigned y = 0; y < 200; y++)
        for (unsigned x = 0; x < 320; x++)
            write8 (0xA0000 + y * 320 + x, vga_guest_pattern (x, y));
}

static void
draw_linear (void)
{
    unsigned vga = (unsigned) pci_find (0x1234, 0x1111);

    pci_write (vga, 0x10, 4, FRAME);
    pci_write (vga, 4, 2, 3);
    vga_guest_set_linear (NULL, 320, 200, 32, 0);
    for (unsigned y = 0; y < 200; y++, dawdle ())
        for (unsigned x = 0; x < 320; x++)
            write32 (FRAME + (y * 320 + x) * 4, vga_guest_linear_color (x, y));
}

/* The same through the window, a bank for each 64 KiB. */
static void
draw_banked (void)
{
    vga_guest_set_linear (NULL, 320, 200, 32, 0);
    for (unsigned i = 0; i < 320 * 200; i++) {
        if (i % 0x4000 == 0)
            vga_guest_dispi (NULL, 5, (uint16_t) (i / 0x4000));
        if (i % 320 == 0)
            dawdle ();
        write32 (0xA0000 + i % 0x4000 * 4, vga_guest_linear_color (i % 320, i / 320));
    }
}

void
payload_main (void)
{
    PICTURE ();
    finish (0);
}
