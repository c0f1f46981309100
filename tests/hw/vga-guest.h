/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine with a VGA adapter on which a test plays the guest, as a VGA BIOS would. */
#pragma once

#include "display/display.h"
#include "testbed.h"
#include "vga-bios.h"

struct vga_guest {
    struct display *display;
    struct testbed *bed;
};

void vga_guest_init (struct vga_guest *guest);
void vga_guest_init_with (struct vga_guest *guest, const char *class_name, unsigned vram_mib);
void vga_guest_fini (struct vga_guest *guest);

uint64_t vga_guest_bar (struct vga_guest *guest, unsigned bar);

/* Compares the picture with tests/golden/vga/@name.png. */
void vga_guest_check (struct vga_guest *guest, const char *name);
