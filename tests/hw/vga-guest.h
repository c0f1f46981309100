/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a VGA BIOS does, for tests: a machine with a VGA adapter, the standard modes as register
 * values, a small font and colours.
 */
#pragma once

#include "display/display.h"
#include "testbed.h"

struct vga_guest {
    struct display *display;
    struct testbed *bed;
};

enum vga_guest_mode {
    MODE_01H, /* text 40 × 25 */
    MODE_03H, /* text 80 × 25 */
    MODE_04H, /* CGA 320 × 200 in 4 colours */
    MODE_06H, /* CGA 640 × 200 in 2 */
    MODE_07H, /* monochrome text */
    MODE_0DH, /* 320 × 200 in 16 */
    MODE_10H, /* 640 × 350 in 16 */
    MODE_12H, /* 640 × 480 in 16 */
    MODE_13H, /* 320 × 200 in 256 */
    MODE_X,   /* the same with the planes unchained */
};

void vga_guest_init (struct vga_guest *guest);
void vga_guest_init_with (struct vga_guest *guest, unsigned vram_mib);
void vga_guest_fini (struct vga_guest *guest);

/* Index and data registers: 3C4 sequencer, 3CE graphics, 3D4 or 3B4 CRTC. */
void vga_guest_set (struct vga_guest *guest, uint16_t port, uint8_t index, uint8_t value);
uint8_t vga_guest_get (struct vga_guest *guest, uint16_t port, uint8_t index);
void vga_guest_set_attribute (struct vga_guest *guest, uint8_t index, uint8_t value);
void vga_guest_set_color (struct vga_guest *guest, uint8_t index, uint8_t red, uint8_t green,
                          uint8_t blue);
void vga_guest_dispi (struct vga_guest *guest, uint16_t index, uint16_t value);
uint16_t vga_guest_get_dispi (struct vga_guest *guest, uint16_t index);
/* Sets a linear mode by the dispi registers; @flags beside the enable bit. */
void vga_guest_set_linear (struct vga_guest *guest, uint16_t width, uint16_t height, uint16_t bits,
                           uint16_t flags);

void vga_guest_set_registers (struct vga_guest *guest, enum vga_guest_mode mode);
/* Registers, EGA colours, memory cleared; text modes get the font (16 lines high). */
void vga_guest_set_mode (struct vga_guest *guest, enum vga_guest_mode mode);
/* Loads the font as number @number; @height 8 or 16; @upside_down to tell it from the other one. */
void
vga_guest_load_font (struct vga_guest *guest, unsigned number, unsigned height, bool upside_down);
void
vga_guest_print (struct vga_guest *guest, uint32_t address, uint8_t attribute, const char *text);
/* Writes one pixel in 16-colour planar modes with @pitch bytes a line. */
void
vga_guest_plot (struct vga_guest *guest, unsigned pitch, unsigned x, unsigned y, uint8_t color);
uint64_t vga_guest_bar (struct vga_guest *guest, unsigned bar);

/* Compares the picture with tests/golden/vga/@name.png. */
void vga_guest_check (struct vga_guest *guest, const char *name);
