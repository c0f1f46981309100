/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The VGA adapter against a guest that does anything: an input is a program of register writes (by
 * index, by port, by the mirror in BAR 2), accesses to the window and the frame buffer, mode sets
 * that are right but for what follows, pictures taken at any time and saved states. Nothing may
 * leave video memory, and pictures stay within their limits.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../hw/vga-guest.h"
#include "display/headless.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Most pictures that a dispi mode may ask for are big: only so many are drawn for one input. */
#define MAX_PICTURES 4

struct program {
    const uint8_t *data;
    size_t size, at;
};

struct run {
    struct vga_guest guest;
    struct program program;
    uint64_t frame, mmio;
    unsigned n_pictures;
};

static uint8_t
take8 (struct program *program)
{
    return program->at < program->size ? program->data[program->at++] : 0;
}

static uint16_t
take16 (struct program *program)
{
    uint8_t high = take8 (program);

    return (uint16_t) (high << 8 | take8 (program));
}

static void
write_indexed (struct run *run)
{
    static const uint16_t ports[] = {0x3C4, 0x3CE, 0x3D4, 0x3B4};
    static const uint8_t counts[] = {5, 9, 25, 25};
    uint8_t which = take8 (&run->program), value = take8 (&run->program);
    uint8_t index = (uint8_t) (which / 4 % (counts[which % 4] + 1));

    vga_guest_set (&run->guest, ports[which % 4], index, value);
}

static void
access_port (struct run *run)
{
    uint8_t which = take8 (&run->program);
    uint16_t port = (uint16_t) (0x3B0 + which % 0x30);
    unsigned size = which >= 0xF0 ? 4 : which >= 0xC0 ? 2 : 1;

    if (which % 0x30 >= 0x0C && which % 0x30 < 0x10)
        port = 0x1CE + which % 4;
    if (which & 0x40)
        testbed_in (run->guest.bed, port, size);
    else
        testbed_out (run->guest.bed, port, size,
                     (uint64_t) take16 (&run->program) << 16 | take16 (&run->program));
}

static void
access_mmio (struct run *run)
{
    uint16_t where = take16 (&run->program);
    unsigned size = 1u << (where >> 12 & 3);
    uint64_t address = run->mmio + (where & 0x0FFF & ~(size - 1));

    if (where & 0x8000)
        testbed_read (run->guest.bed, address, size);
    else
        testbed_write (run->guest.bed, address, size,
                       (uint64_t) take16 (&run->program) * UINT64_C (0x0001000100010001));
}

/* A run of accesses, enough to have the window mapped. */
static void
access_window (struct run *run)
{
    uint8_t how = take8 (&run->program);
    uint16_t where = take16 (&run->program), value = take16 (&run->program);
    unsigned size = 1u << (how & 3), n = how >> 4 & 1 ? 24 : 1;
    uint64_t base = how & 4 ? 0xB8000 + where % 0x7F00 : 0xA0000 + (where << 1) % 0x1FF00;

    base &= ~(uint64_t) (size - 1);
    for (unsigned i = 0; i < n; i++) {
        if (how & 8)
            testbed_read (run->guest.bed, base + i * size, size);
        else
            testbed_write (run->guest.bed, base + i * size, size, value * UINT64_C (0x100000001));
    }
}

static void
access_frame (struct run *run)
{
    uint64_t offset = (uint64_t) take16 (&run->program) * 4;

    testbed_write (run->guest.bed, run->frame + offset, 4, take16 (&run->program));
}

static void
set_linear (struct run *run)
{
    static const uint16_t depths[] = {4, 8, 15, 16, 24, 32, 0, 1};
    uint8_t how = take8 (&run->program);
    uint16_t width = take16 (&run->program), height = take16 (&run->program);

    if (!(how & 0xC0)) {
        vga_guest_set_linear (&run->guest, width, height, depths[how & 7], 0x80);
        return;
    }
    vga_guest_set_linear (&run->guest, width & 0x3FF, height & 0x1FF, depths[how & 7],
                          how & 0x20 ? 0x80 : 0);
}

static void
set_registers (struct run *run)
{
    uint8_t what = take8 (&run->program);

    switch (what % 4) {
    case 0: vga_guest_dispi (&run->guest, what / 4 % 12, take16 (&run->program)); break;
    case 1: vga_guest_set_attribute (&run->guest, what / 4 % 24, take8 (&run->program)); break;
    case 2: vga_guest_set_color (&run->guest, take8 (&run->program), what, 0x55, 0xAA); break;
    default: testbed_out (run->guest.bed, 0x3C2, 1, take8 (&run->program)); break;
    }
}

static void
take_picture (struct run *run)
{
    unsigned width, height;
    uint32_t *pixels;

    if (run->n_pictures++ >= MAX_PICTURES)
        return;
    if (headless_grab (run->guest.display, &pixels, &width, &height, NULL) < 0)
        return;
    if (width > DISPLAY_MAX_WIDTH || height > DISPLAY_MAX_HEIGHT)
        abort ();
    for (size_t i = 0; i < (size_t) width * height; i += 97)
        if (pixels[i] & 0xFF000000)
            abort ();
    free (pixels);
}

static void
do_rare_thing (struct run *run)
{
    uint8_t dice = take8 (&run->program);

    if (dice < 8) {
        testbed_reset (run->guest.bed);
        testbed_pci_enable (run->guest.bed);
    } else if (dice == 0xF7) {
        testbed_check_round_trip (run->guest.bed);
    } else if (dice < 24) {
        vga_guest_load_font (&run->guest, dice & 7, 16, false);
    }
}

static void
step (struct run *run)
{
    uint8_t what = take8 (&run->program);

    switch (what % 16) {
    case 0:
        vga_guest_set_mode (&run->guest, (enum vga_guest_mode) (what / 16 % (MODE_X + 1)));
        break;
    case 1: set_linear (run); break;
    case 2: take_picture (run); break;
    case 3: do_rare_thing (run); break;
    case 4: access_mmio (run); break;
    case 5: access_port (run); break;
    case 6: access_frame (run); break;
    case 7:
    case 8: set_registers (run); break;
    case 9:
    case 10:
    case 11: access_window (run); break;
    default: write_indexed (run); break;
    }
}

/* Whatever was before, a BIOS gets its text mode. */
static void
check_alive (struct run *run)
{
    unsigned width, height;
    uint32_t *pixels;

    testbed_reset (run->guest.bed);
    vga_guest_set_registers (&run->guest, MODE_03H);
    vga_guest_set_color (&run->guest, 1, 0, 0, 0x2A);
    vga_guest_print (&run->guest, 0xB8000, 0x1F, "A");
    if (headless_grab (run->guest.display, &pixels, &width, &height, NULL) < 0 || width != 720 ||
        height != 400 || pixels[0] != 0x0000AA)
        abort ();
    free (pixels);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct run run = {.program = {data, size, 0}};

    vga_guest_init_with (&run.guest, "vga", 4);
    run.frame = vga_guest_bar (&run.guest, 0);
    run.mmio = vga_guest_bar (&run.guest, 2);
    while (run.program.at < run.program.size)
        step (&run);
    check_alive (&run);
    vga_guest_fini (&run.guest);
    return 0;
}
