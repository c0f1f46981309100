/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each mode drawn as programs draw it, compared with golden pictures.
 */
#include "tap.h"
#include "vga-guest.h"

TEST (text_80_by_25)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    vga_guest_draw_text (&guest, 0xB8000, 80);
    vga_guest_print (&guest, 0xB8000 + 24 * 160, 0x07, "A-   ");
    vga_guest_set_cursor (&guest, 24 * 80 + 2);
    vga_guest_check (&guest, "text-80x25");
    vga_guest_fini (&guest);
}

TEST (text_40_by_25)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_01H);
    vga_guest_draw_text (&guest, 0xB8000, 40);
    vga_guest_check (&guest, "text-40x25");
    vga_guest_fini (&guest);
}

TEST (text_80_by_50_with_a_font_of_8_lines_and_a_block_cursor)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    vga_guest_load_font (&guest, 0, 8, false);
    vga_guest_set (&guest, 0x3D4, 0x09, 0x47);
    vga_guest_set (&guest, 0x3D4, 0x0A, 0x00);
    vga_guest_set (&guest, 0x3D4, 0x0B, 0x07);
    vga_guest_draw_text (&guest, 0xB8000, 80);
    vga_guest_print (&guest, 0xB8000 + 49 * 160, 0x1F, "LAST LINE ");
    vga_guest_set_cursor (&guest, 49 * 80 + 9);
    vga_guest_check (&guest, "text-80x50");
    vga_guest_fini (&guest);
}

TEST (text_with_two_fonts_bright_backgrounds_and_8_dots)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    vga_guest_load_font (&guest, 5, 16, true);
    vga_guest_set (&guest, 0x3C4, 3, 0x24); /* A (attribute bit 3 set) is font 5, B font 0 */
    vga_guest_set (&guest, 0x3C4, 1, 0x01);
    vga_guest_set_attribute (&guest, 0x10, 0x04);
    vga_guest_set_attribute (&guest, 0x13, 0x00);
    vga_guest_set (&guest, 0x3D4, 0x0A, 0x20); /* no cursor */
    vga_guest_draw_text (&guest, 0xB8000, 80);
    vga_guest_check (&guest, "text-fonts");
    vga_guest_fini (&guest);
}

TEST (monochrome_text_underlines)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_07H);
    vga_guest_draw_text (&guest, 0xB0000, 80);
    vga_guest_check (&guest, "text-mono");
    vga_guest_fini (&guest);
}

TEST (text_that_scrolls_smoothly_above_a_fixed_line)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    vga_guest_print (&guest, 0xB8000, 0x70, "STATUS LINE AT ADDRESS ZERO");
    vga_guest_draw_text (&guest, 0xB8000 + 200, 80);
    vga_guest_set (&guest, 0x3D4, 0x0D, 100);  /* start at cell 100 */
    vga_guest_set (&guest, 0x3D4, 0x08, 0x05); /* five lines into the row */
    vga_guest_set_attribute (&guest, 0x13, 0x03);
    vga_guest_set_attribute (&guest, 0x10, 0x2C); /* the split does not pan */
    vga_guest_set (&guest, 0x3D4, 0x18, 0x7F);    /* split after line 0x17F */
    vga_guest_set (&guest, 0x3D4, 0x07, 0x1F);
    vga_guest_set (&guest, 0x3D4, 0x09, 0x0F);
    vga_guest_check (&guest, "text-split");
    vga_guest_fini (&guest);
}

TEST (planar_640_by_480_in_16_colors)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_12H);
    vga_guest_draw_planar (&guest, 640, 480);
    vga_guest_check (&guest, "planar-12h");
    vga_guest_fini (&guest);
}

TEST (planar_640_by_350_in_16_colors)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_10H);
    vga_guest_draw_planar (&guest, 640, 350);
    vga_guest_check (&guest, "planar-10h");
    vga_guest_fini (&guest);
}

TEST (planar_320_by_200_in_16_colors)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_0DH);
    vga_guest_draw_planar (&guest, 320, 200);
    vga_guest_check (&guest, "planar-0dh");
    vga_guest_fini (&guest);
}

TEST (planar_picture_panned_and_split)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_12H);
    vga_guest_draw_planar (&guest, 640, 480);
    vga_guest_set (&guest, 0x3D4, 0x0C, 0x08); /* start at 0x810 */
    vga_guest_set (&guest, 0x3D4, 0x0D, 0x10);
    vga_guest_set_attribute (&guest, 0x13, 0x05);
    vga_guest_set (&guest, 0x3D4, 0x11, 0x0C);
    vga_guest_set (&guest, 0x3D4, 0x18, 0x2C); /* split after line 0x12C */
    vga_guest_set (&guest, 0x3D4, 0x07, 0x3E);
    vga_guest_set (&guest, 0x3D4, 0x09, 0x00);
    vga_guest_check (&guest, "planar-split");
    vga_guest_fini (&guest);
}

TEST (cga_320_by_200_in_4_colors)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_04H);
    for (unsigned y = 0; y < 200; y++)
        for (unsigned x = 0; x < 80; x++)
            testbed_write (guest.bed, 0xB8000 + (y & 1) * 0x2000 + y / 2 * 80 + x, 1,
                           x < 20 ? 0x1B : (y / 50) * 0x55);
    vga_guest_check (&guest, "cga-04h");
    vga_guest_fini (&guest);
}

TEST (cga_640_by_200_in_2_colors)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_06H);
    for (unsigned y = 0; y < 200; y++)
        for (unsigned x = 0; x < 80; x++)
            testbed_write (guest.bed, 0xB8000 + (y & 1) * 0x2000 + y / 2 * 80 + x, 1,
                           (x / 8 + y / 16) & 1 ? 0xFF : 0x80 >> y % 8);
    vga_guest_check (&guest, "cga-06h");
    vga_guest_fini (&guest);
}

TEST (chain_4_320_by_200_in_256_colors)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_13H);
    vga_guest_set_gradient (&guest);
    for (unsigned y = 0; y < 200; y++)
        for (unsigned x = 0; x < 320; x++)
            testbed_write (guest.bed, 0xA0000 + y * 320 + x, 1, vga_guest_pattern (x, y));
    vga_guest_check (&guest, "chain4-13h");
    vga_guest_fini (&guest);
}

TEST (unchained_320_by_200_shows_the_same)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_X);
    vga_guest_set_gradient (&guest);
    for (unsigned plane = 0; plane < 4; plane++) {
        vga_guest_set (&guest, 0x3C4, 2, (uint8_t) (1 << plane));
        for (unsigned y = 0; y < 200; y++)
            for (unsigned x = plane; x < 320; x += 4)
                testbed_write (guest.bed, 0xA0000 + y * 80 + x / 4, 1, vga_guest_pattern (x, y));
    }
    vga_guest_check (&guest, "chain4-13h");
    vga_guest_fini (&guest);
}

TEST (unchained_360_by_480)
{
    static const uint8_t crtc[][2] = {{0x11, 0x2C}, {0x00, 0x6B}, {0x01, 0x59}, {0x02, 0x5A},
                                      {0x03, 0x8E}, {0x04, 0x5E}, {0x05, 0x8A}, {0x06, 0x0D},
                                      {0x07, 0x3E}, {0x09, 0x40}, {0x10, 0xEA}, {0x12, 0xDF},
                                      {0x13, 0x2D}, {0x15, 0xE7}, {0x16, 0x06}};
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_X);
    testbed_out (guest.bed, 0x3C2, 1, 0xE7);
    for (unsigned i = 0; i < sizeof crtc / sizeof crtc[0]; i++)
        vga_guest_set (&guest, 0x3D4, crtc[i][0], crtc[i][1]);
    vga_guest_set_gradient (&guest);
    for (unsigned plane = 0; plane < 4; plane++) {
        vga_guest_set (&guest, 0x3C4, 2, (uint8_t) (1 << plane));
        for (unsigned y = 0; y < 480; y++)
            for (unsigned x = plane; x < 360; x += 4)
                testbed_write (guest.bed, 0xA0000 + y * 90 + x / 4, 1, vga_guest_pattern (x, y));
    }
    vga_guest_check (&guest, "mode-x-360x480");
    vga_guest_fini (&guest);
}

static uint32_t
encode (uint32_t color, unsigned bits)
{
    uint32_t red = color >> 16, green = color >> 8 & 0xFF, blue = color & 0xFF;

    if (bits == 15)
        return (red >> 3) << 10 | (green >> 3) << 5 | blue >> 3;
    if (bits == 16)
        return (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3;
    return bits == 32 ? color | 0xAA000000 : color;
}

static void
check_linear (uint16_t bits, const char *name)
{
    struct vga_guest guest;
    unsigned bytes = (bits + 7u) / 8;
    uint64_t frame;

    vga_guest_init (&guest);
    frame = vga_guest_bar (&guest, 0);
    vga_guest_set_linear (&guest, 320, 200, bits, 0);
    for (unsigned y = 0; y < 200; y++)
        for (unsigned x = 0; x < 320; x++)
            for (unsigned i = 0; i < bytes; i++)
                testbed_write (guest.bed, frame + (y * 320 + x) * bytes + i, 1,
                               encode (vga_guest_linear_color (x, y), bits) >> (8 * i) & 0xFF);
    vga_guest_check (&guest, name);
    vga_guest_fini (&guest);
}

TEST (linear_15_bits)
{
    check_linear (15, "linear-15");
}

TEST (linear_16_bits)
{
    check_linear (16, "linear-16");
}

TEST (linear_24_bits)
{
    check_linear (24, "linear-32");
}

TEST (linear_32_bits)
{
    check_linear (32, "linear-32");
}

TEST (linear_8_bits_in_a_wider_and_higher_picture_with_an_8_bit_dac)
{
    struct vga_guest guest;
    uint64_t frame;

    vga_guest_init (&guest);
    frame = vga_guest_bar (&guest, 0);
    vga_guest_set_linear (&guest, 320, 200, 8, 0x20);
    vga_guest_dispi (&guest, 6, 512);
    vga_guest_dispi (&guest, 8, 100);
    vga_guest_dispi (&guest, 9, 50);
    for (unsigned i = 0; i < 256; i++)
        vga_guest_set_color (&guest, (uint8_t) i, (uint8_t) i, (uint8_t) (i * 3),
                             (uint8_t) (255 - i));
    for (unsigned y = 0; y < 300; y++)
        for (unsigned x = 0; x < 512; x++)
            testbed_write (guest.bed, frame + y * 512 + x, 1,
                           x == 100 || y == 50 ? 0 : vga_guest_pattern (x, y));
    vga_guest_check (&guest, "linear-8");
    vga_guest_fini (&guest);
}

TEST (planar_800_by_600_by_dispi)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_12H);
    vga_guest_set_linear (&guest, 800, 600, 4, 0);
    vga_guest_draw_planar (&guest, 800, 600);
    vga_guest_check (&guest, "planar-800x600");
    vga_guest_fini (&guest);
}

TAP_MAIN ()
