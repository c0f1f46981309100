/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a VGA BIOS does, and pictures drawn with it, for tests: the standard modes as register
 * values, a small font and colours. Built twice: for tests that play the guest on a testbed
 * (vga-guest.h says what struct vga_guest is), and freestanding into payloads, which pass NULL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vga_guest;

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

/* Pictures that several tests draw, each its own way. */
void vga_guest_set_gradient (struct vga_guest *guest);
void vga_guest_set_cursor (struct vga_guest *guest, unsigned cell);
/* All attributes in a 16 × 16 table, and what lines of graphics look like. */
void vga_guest_draw_text (struct vga_guest *guest, uint32_t base, unsigned columns);
void vga_guest_draw_planar (struct vga_guest *guest, unsigned width, unsigned height);
/* 256 colours; no two lines or columns are the same. */
uint8_t vga_guest_pattern (unsigned x, unsigned y);
/* Red, green and blue ramps and a white frame, 320 × 200. */
uint32_t vga_guest_linear_color (unsigned x, unsigned y);
