/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vga-bios.h"

#if __STDC_HOSTED__

#include "vga-guest.h"

static uint64_t
guest_in (struct vga_guest *guest, uint16_t port, unsigned size)
{
    return testbed_in (guest->bed, port, size);
}

static void
guest_out (struct vga_guest *guest, uint16_t port, unsigned size, uint64_t value)
{
    testbed_out (guest->bed, port, size, value);
}

static uint64_t
guest_read (struct vga_guest *guest, uint64_t address, unsigned size)
{
    return testbed_read (guest->bed, address, size);
}

static void
guest_write (struct vga_guest *guest, uint64_t address, unsigned size, uint64_t value)
{
    testbed_write (guest->bed, address, size, value);
}

#else

#include "../payload/guest.h"

static uint64_t
guest_in (struct vga_guest *guest, uint16_t port, unsigned size)
{
    return size == 2 ? in16 (port) : in8 (port);
}

static void
guest_out (struct vga_guest *guest, uint16_t port, unsigned size, uint64_t value)
{
    if (size == 2)
        out16 (port, (uint16_t) value);
    else
        out8 (port, (uint8_t) value);
}

static uint64_t
guest_read (struct vga_guest *guest, uint64_t address, unsigned size)
{
    return read8 (address);
}

static void
guest_write (struct vga_guest *guest, uint64_t address, unsigned size, uint64_t value)
{
    switch (size) {
    case 1: write8 (address, (uint8_t) value); break;
    case 2: write16 (address, (uint16_t) value); break;
    default: write64 (address, value); break;
    }
}

#endif

struct mode_table {
    uint8_t misc, sequencer[5], crtc[25], graphics[9], attribute[20];
};

/* The registers as the IBM VGA's BIOS sets them. */
/* clang-format off */
static const struct mode_table mode_tables[] = {
    [MODE_01H] = {0x67, {0x03, 0x08, 0x03, 0x00, 0x02},
        {0x2D, 0x27, 0x28, 0x90, 0x2B, 0xA0, 0xBF, 0x1F, 0x00, 0x4F, 0x0D, 0x0E, 0, 0, 0, 0,
         0x9C, 0x8E, 0x8F, 0x14, 0x1F, 0x96, 0xB9, 0xA3, 0xFF},
        {0, 0, 0, 0, 0, 0x10, 0x0E, 0x00, 0xFF},
        {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F,
         0x0C, 0x00, 0x0F, 0x08}},
    [MODE_03H] = {0x67, {0x03, 0x00, 0x03, 0x00, 0x02},
        {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00, 0x4F, 0x0D, 0x0E, 0, 0, 0, 0,
         0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF},
        {0, 0, 0, 0, 0, 0x10, 0x0E, 0x00, 0xFF},
        {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F,
         0x0C, 0x00, 0x0F, 0x08}},
    [MODE_04H] = {0x63, {0x03, 0x09, 0x03, 0x00, 0x02},
        {0x2D, 0x27, 0x28, 0x90, 0x2B, 0x80, 0xBF, 0x1F, 0x00, 0xC1, 0, 0, 0, 0, 0, 0,
         0x9C, 0x8E, 0x8F, 0x14, 0x00, 0x96, 0xB9, 0xA2, 0xFF},
        {0, 0, 0, 0, 0, 0x30, 0x0F, 0x0F, 0xFF},
        {0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
         0x01, 0x00, 0x03, 0x00}},
    [MODE_06H] = {0x63, {0x03, 0x01, 0x01, 0x00, 0x06},
        {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0x00, 0xC1, 0, 0, 0, 0, 0, 0,
         0x9C, 0x8E, 0x8F, 0x28, 0x00, 0x96, 0xB9, 0xC2, 0xFF},
        {0, 0, 0, 0, 0, 0x00, 0x0D, 0x0F, 0xFF},
        {0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17,
         0x17, 0x01, 0x00, 0x01, 0x00}},
    [MODE_07H] = {0x66, {0x03, 0x00, 0x03, 0x00, 0x02},
        {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00, 0x4F, 0x0D, 0x0E, 0, 0, 0, 0,
         0x9C, 0x8E, 0x8F, 0x28, 0x0D, 0x96, 0xB9, 0xA3, 0xFF},
        {0, 0, 0, 0, 0, 0x10, 0x0A, 0x00, 0xFF},
        {0, 8, 8, 8, 8, 8, 8, 8, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18,
         0x0E, 0x00, 0x0F, 0x08}},
    [MODE_0DH] = {0x63, {0x03, 0x09, 0x0F, 0x00, 0x06},
        {0x2D, 0x27, 0x28, 0x90, 0x2B, 0x80, 0xBF, 0x1F, 0x00, 0xC0, 0, 0, 0, 0, 0, 0,
         0x9C, 0x8E, 0x8F, 0x14, 0x00, 0x96, 0xB9, 0xE3, 0xFF},
        {0, 0, 0, 0, 0, 0x00, 0x05, 0x0F, 0xFF},
        {0, 1, 2, 3, 4, 5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
         0x01, 0x00, 0x0F, 0x00}},
    [MODE_10H] = {0xA3, {0x03, 0x01, 0x0F, 0x00, 0x06},
        {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0x00, 0x40, 0, 0, 0, 0, 0, 0,
         0x83, 0x85, 0x5D, 0x28, 0x0F, 0x63, 0xBA, 0xE3, 0xFF},
        {0, 0, 0, 0, 0, 0x00, 0x05, 0x0F, 0xFF},
        {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F,
         0x01, 0x00, 0x0F, 0x00}},
    [MODE_12H] = {0xE3, {0x03, 0x01, 0x0F, 0x00, 0x06},
        {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0x0B, 0x3E, 0x00, 0x40, 0, 0, 0, 0, 0, 0,
         0xEA, 0x8C, 0xDF, 0x28, 0x00, 0xE7, 0x04, 0xE3, 0xFF},
        {0, 0, 0, 0, 0, 0x00, 0x05, 0x0F, 0xFF},
        {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F,
         0x01, 0x00, 0x0F, 0x00}},
    [MODE_13H] = {0x63, {0x03, 0x01, 0x0F, 0x00, 0x0E},
        {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0x00, 0x41, 0, 0, 0, 0, 0, 0,
         0x9C, 0x8E, 0x8F, 0x28, 0x40, 0x96, 0xB9, 0xA3, 0xFF},
        {0, 0, 0, 0, 0, 0x40, 0x05, 0x0F, 0xFF},
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0x00, 0x0F, 0x00}},
    [MODE_X] = {0x63, {0x03, 0x01, 0x0F, 0x00, 0x06},
        {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0x00, 0x41, 0, 0, 0, 0, 0, 0,
         0x9C, 0x8E, 0x8F, 0x28, 0x00, 0x96, 0xB9, 0xE3, 0xFF},
        {0, 0, 0, 0, 0, 0x40, 0x05, 0x0F, 0xFF},
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0x00, 0x0F, 0x00}},
};

/* Five columns, seven rows, the leftmost column in bit 4. */
static const struct {
    char character;
    uint8_t rows[7];
} glyphs[] = {
    {'0', {0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E}}, {'1', {0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E}},
    {'2', {0x0E, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1F}}, {'3', {0x1F, 0x02, 0x04, 0x06, 0x01, 0x11, 0x0E}},
    {'4', {0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02}}, {'5', {0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E}},
    {'6', {0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E}}, {'7', {0x1F, 0x01, 0x02, 0x04, 0x04, 0x04, 0x04}},
    {'8', {0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E}}, {'9', {0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C}},
    {'A', {0x0E, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11}}, {'B', {0x1E, 0x11, 0x11, 0x1E, 0x11, 0x11, 0x1E}},
    {'C', {0x0E, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0E}}, {'D', {0x1E, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1E}},
    {'E', {0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x1F}}, {'F', {0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x10}},
    {'G', {0x0E, 0x11, 0x10, 0x17, 0x11, 0x11, 0x0F}}, {'H', {0x11, 0x11, 0x11, 0x1F, 0x11, 0x11, 0x11}},
    {'I', {0x0E, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0E}}, {'J', {0x07, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0C}},
    {'K', {0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11}}, {'L', {0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1F}},
    {'M', {0x11, 0x1B, 0x15, 0x15, 0x11, 0x11, 0x11}}, {'N', {0x11, 0x19, 0x15, 0x13, 0x11, 0x11, 0x11}},
    {'O', {0x0E, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E}}, {'P', {0x1E, 0x11, 0x11, 0x1E, 0x10, 0x10, 0x10}},
    {'Q', {0x0E, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0D}}, {'R', {0x1E, 0x11, 0x11, 0x1E, 0x14, 0x12, 0x11}},
    {'S', {0x0F, 0x10, 0x10, 0x0E, 0x01, 0x01, 0x1E}}, {'T', {0x1F, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04}},
    {'U', {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0E}}, {'V', {0x11, 0x11, 0x11, 0x11, 0x11, 0x0A, 0x04}},
    {'W', {0x11, 0x11, 0x11, 0x15, 0x15, 0x15, 0x0A}}, {'X', {0x11, 0x11, 0x0A, 0x04, 0x0A, 0x11, 0x11}},
    {'Y', {0x11, 0x11, 0x0A, 0x04, 0x04, 0x04, 0x04}}, {'Z', {0x1F, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1F}},
    {'.', {0x00, 0x00, 0x00, 0x00, 0x00, 0x0C, 0x0C}}, {'-', {0x00, 0x00, 0x00, 0x1F, 0x00, 0x00, 0x00}},
    {'!', {0x04, 0x04, 0x04, 0x04, 0x04, 0x00, 0x04}},
};
/* clang-format on */

void
vga_guest_set (struct vga_guest *guest, uint16_t port, uint8_t index, uint8_t value)
{
    guest_out (guest, port, 2, (uint64_t) value << 8 | index);
}

uint8_t
vga_guest_get (struct vga_guest *guest, uint16_t port, uint8_t index)
{
    guest_out (guest, port, 1, index);
    return (uint8_t) guest_in (guest, (uint16_t) (port + 1), 1);
}

static uint16_t
status_port (struct vga_guest *guest)
{
    return guest_in (guest, 0x3CC, 1) & 1 ? 0x3DA : 0x3BA;
}

void
vga_guest_set_attribute (struct vga_guest *guest, uint8_t index, uint8_t value)
{
    guest_in (guest, status_port (guest), 1);
    guest_out (guest, 0x3C0, 1, index);
    guest_out (guest, 0x3C0, 1, value);
    guest_out (guest, 0x3C0, 1, 0x20);
}

void
vga_guest_set_color (struct vga_guest *guest, uint8_t index, uint8_t red, uint8_t green,
                     uint8_t blue)
{
    guest_out (guest, 0x3C8, 1, index);
    guest_out (guest, 0x3C9, 1, red);
    guest_out (guest, 0x3C9, 1, green);
    guest_out (guest, 0x3C9, 1, blue);
}

void
vga_guest_dispi (struct vga_guest *guest, uint16_t index, uint16_t value)
{
    guest_out (guest, 0x1CE, 2, index);
    guest_out (guest, 0x1CF, 2, value);
}

uint16_t
vga_guest_get_dispi (struct vga_guest *guest, uint16_t index)
{
    guest_out (guest, 0x1CE, 2, index);
    return (uint16_t) guest_in (guest, 0x1CF, 2);
}

void
vga_guest_set_linear (struct vga_guest *guest, uint16_t width, uint16_t height, uint16_t bits,
                      uint16_t flags)
{
    vga_guest_dispi (guest, 4, 0);
    vga_guest_dispi (guest, 1, width);
    vga_guest_dispi (guest, 2, height);
    vga_guest_dispi (guest, 3, bits);
    vga_guest_dispi (guest, 4, 0x41 | flags);
    guest_out (guest, 0x3C2, 1, 0x03);
    guest_in (guest, 0x3DA, 1);
    guest_out (guest, 0x3C0, 1, 0x20);
}

static void
set_ega_colors (struct vga_guest *guest)
{
    for (unsigned i = 0; i < 64; i++)
        vga_guest_set_color (guest, (uint8_t) i,
                             (uint8_t) ((i >> 2 & 1) * 0x2A + (i >> 5 & 1) * 0x15),
                             (uint8_t) ((i >> 1 & 1) * 0x2A + (i >> 4 & 1) * 0x15),
                             (uint8_t) ((i & 1) * 0x2A + (i >> 3 & 1) * 0x15));
}

/* Bit 4 is the intensity of all; dark yellow is brown. */
static void
set_cga_colors (struct vga_guest *guest)
{
    for (unsigned i = 0; i < 64; i++) {
        unsigned bright = (i >> 4 & 1) * 0x15;

        vga_guest_set_color (guest, (uint8_t) i, (uint8_t) ((i >> 2 & 1) * 0x2A + bright),
                             (uint8_t) (i % 32 == 6 ? 0x15 : (i >> 1 & 1) * 0x2A + bright),
                             (uint8_t) ((i & 1) * 0x2A + bright));
    }
}

void
vga_guest_set_registers (struct vga_guest *guest, enum vga_guest_mode mode)
{
    const struct mode_table *table = &mode_tables[mode];
    uint16_t crtc = table->misc & 1 ? 0x3D4 : 0x3B4;

    vga_guest_dispi (guest, 4, 0);
    guest_out (guest, 0x3C2, 1, table->misc);
    for (uint8_t i = 0; i < 5; i++)
        vga_guest_set (guest, 0x3C4, i, table->sequencer[i]);
    vga_guest_set (guest, crtc, 0x11, 0x0E); /* unlock */
    for (uint8_t i = 0; i < 25; i++)
        vga_guest_set (guest, crtc, i, table->crtc[i]);
    for (uint8_t i = 0; i < 9; i++)
        vga_guest_set (guest, 0x3CE, i, table->graphics[i]);
    for (uint8_t i = 0; i < 20; i++)
        vga_guest_set_attribute (guest, i, table->attribute[i]);
    vga_guest_set_attribute (guest, 0x14, 0);
}

void
vga_guest_set_mode (struct vga_guest *guest, enum vga_guest_mode mode)
{
    const struct mode_table *table = &mode_tables[mode];

    vga_guest_set_registers (guest, mode);
    set_ega_colors (guest);
    if (mode == MODE_04H || mode == MODE_06H || mode == MODE_0DH)
        set_cga_colors (guest);
    if (mode == MODE_07H)
        for (unsigned i = 0; i < 64; i++) {
            uint8_t gray = i & 0x10 ? 0x3F : i & 0x08 ? 0x2A : 0;

            vga_guest_set_color (guest, (uint8_t) i, gray, gray, gray);
        }

    /* All planes, whatever the mode. */
    vga_guest_set (guest, 0x3C4, 2, 0x0F);
    vga_guest_set (guest, 0x3C4, 4, 0x06);
    vga_guest_set (guest, 0x3CE, 6, 0x05);
    for (uint32_t a = 0; a < 0x10000; a += 8)
        guest_write (guest, 0xA0000 + a, 8, 0);
    vga_guest_set (guest, 0x3C4, 2, table->sequencer[2]);
    vga_guest_set (guest, 0x3C4, 4, table->sequencer[4]);
    vga_guest_set (guest, 0x3CE, 6, table->graphics[6]);
    if (mode == MODE_01H || mode == MODE_03H || mode == MODE_07H)
        vga_guest_load_font (guest, 0, 16, false);
}

static uint8_t
glyph_row (unsigned character, unsigned height, unsigned row)
{
    unsigned stretch = height / 8;

    if (character == 0xDB) /* full block */
        return 0xFF;
    if (character == 0xC4) /* horizontal line */
        return row == height / 2 ? 0xFF : 0;
    if (character == 0xB3) /* vertical line */
        return 0x18;
    if (character == 0xB0) /* shade */
        return row & 1 ? 0x44 : 0x11;
    if (row >= 7 * stretch)
        return 0;
    for (size_t i = 0; i < sizeof glyphs / sizeof glyphs[0]; i++)
        if ((unsigned char) glyphs[i].character == character)
            return (uint8_t) (glyphs[i].rows[row / stretch] << 2);
    return 0;
}

void
vga_guest_load_font (struct vga_guest *guest, unsigned number, unsigned height, bool upside_down)
{
    uint8_t map_mask = vga_guest_get (guest, 0x3C4, 2), memory = vga_guest_get (guest, 0x3C4, 4);
    uint8_t mode = vga_guest_get (guest, 0x3CE, 5), misc = vga_guest_get (guest, 0x3CE, 6);
    uint32_t base = 0xA0000 + (number & 3) * 0x4000 + (number >> 2 & 1) * 0x2000;

    vga_guest_set (guest, 0x3C4, 0, 1);
    vga_guest_set (guest, 0x3C4, 2, 4);
    vga_guest_set (guest, 0x3C4, 4, 7);
    vga_guest_set (guest, 0x3C4, 0, 3);
    vga_guest_set (guest, 0x3CE, 4, 2);
    vga_guest_set (guest, 0x3CE, 5, 0);
    vga_guest_set (guest, 0x3CE, 6, 4);
    for (unsigned c = 0; c < 256; c++)
        for (unsigned row = 0; row < height; row++)
            guest_write (guest, base + c * 32 + row, 1,
                         glyph_row (c, height, upside_down ? height - 1 - row : row));
    vga_guest_set (guest, 0x3C4, 0, 1);
    vga_guest_set (guest, 0x3C4, 2, map_mask);
    vga_guest_set (guest, 0x3C4, 4, memory);
    vga_guest_set (guest, 0x3C4, 0, 3);
    vga_guest_set (guest, 0x3CE, 4, 0);
    vga_guest_set (guest, 0x3CE, 5, mode);
    vga_guest_set (guest, 0x3CE, 6, misc);
}

void
vga_guest_print (struct vga_guest *guest, uint32_t address, uint8_t attribute, const char *text)
{
    for (; *text; text++, address += 2)
        guest_write (guest, address, 2, (uint64_t) attribute << 8 | (unsigned char) *text);
}

void
vga_guest_plot (struct vga_guest *guest, unsigned pitch, unsigned x, unsigned y, uint8_t color)
{
    uint32_t address = 0xA0000 + y * pitch + x / 8;

    /* Write mode 2: the byte written is a colour, the bit mask says which pixels. */
    vga_guest_set (guest, 0x3CE, 5, 2);
    vga_guest_set (guest, 0x3CE, 8, (uint8_t) (0x80 >> x % 8));
    guest_read (guest, address, 1);
    guest_write (guest, address, 1, color);
    vga_guest_set (guest, 0x3CE, 5, 0);
    vga_guest_set (guest, 0x3CE, 8, 0xFF);
}

uint8_t
vga_guest_pattern (unsigned x, unsigned y)
{
    return (uint8_t) ((x ^ y) + x / 64);
}

void
vga_guest_set_gradient (struct vga_guest *guest)
{
    for (unsigned i = 0; i < 256; i++)
        vga_guest_set_color (guest, (uint8_t) i, (uint8_t) (i >> 2), (uint8_t) ((255 - i) >> 2),
                             (uint8_t) (i * 5 & 0x3F));
}

void
vga_guest_draw_text (struct vga_guest *guest, uint32_t base, unsigned columns)
{
    vga_guest_print (guest, base, 0x07, "POSADA TEXT MODE 0123456789 - THE QUICK BROWN FOX!");
    for (unsigned i = 0; i < 256; i++) {
        uint32_t at = base + (2 + i / 16) * columns * 2 + (i % 16) * 4;

        vga_guest_print (guest, at, (uint8_t) i, "AZ");
    }
    for (unsigned i = 0; i < 36; i++) {
        guest_write (guest, base + (20 * columns + i) * 2, 2, 0x0EC4);
        guest_write (guest, base + (21 * columns + i) * 2, 2, 0x0AB3);
        guest_write (guest, base + (22 * columns + i) * 2, 2, 0x4FDB);
        guest_write (guest, base + (23 * columns + i) * 2, 2, 0x19B0);
    }
}

void
vga_guest_set_cursor (struct vga_guest *guest, unsigned cell)
{
    vga_guest_set (guest, 0x3D4, 0x0E, (uint8_t) (cell >> 8));
    vga_guest_set (guest, 0x3D4, 0x0F, (uint8_t) cell);
}

void
vga_guest_draw_planar (struct vga_guest *guest, unsigned width, unsigned height)
{
    for (unsigned i = 0; i < 16; i++) {
        /* A bar by set/reset with the bit mask, as BIOSes and drivers fill. */
        vga_guest_set (guest, 0x3CE, 0, (uint8_t) i);
        vga_guest_set (guest, 0x3CE, 1, 0x0F);
        for (unsigned y = i * 8; y < i * 8 + 8; y++)
            for (unsigned x = 2; x < width / 16; x++)
                guest_write (guest, 0xA0000 + y * width / 8 + x, 1, 0);
        vga_guest_set (guest, 0x3CE, 1, 0x00);
    }
    for (unsigned i = 0; i < height; i++)
        vga_guest_plot (guest, width / 8, i * width / height, i, (uint8_t) (i / 10));
    for (unsigned x = 0; x < width; x++) {
        vga_guest_plot (guest, width / 8, x, 0, 15);
        vga_guest_plot (guest, width / 8, x, height - 1, 12);
    }
}

uint32_t
vga_guest_linear_color (unsigned x, unsigned y)
{
    if (x == 0 || y == 0 || x == 319 || y == 199)
        return 0xFFFFFF;
    return (x * 255 / 319) << 16 | (y * 255 / 199) << 8 | ((x + y) & 0xFF);
}
