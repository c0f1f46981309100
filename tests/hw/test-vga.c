/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <unistd.h>

#include "base/util.h"
#include "display/headless.h"
#include "engine/firmware/fw-cfg.h"
#include "hw/vga-pci.h"
#include "tap.h"
#include "vga-guest.h"

static struct vga *
vga_of (struct vga_guest *guest)
{
    return &CONTAINER_OF (testbed_device (guest->bed, "vga"), struct vga_pci, pci.device)->vga;
}

/* A sink that adds up what it was told. */
struct counter {
    struct display_sink sink;
    unsigned n_scanouts, n_damages;
    struct display_rectangle damage;
};

static void
count_scanout_cb (void *data, const struct display_scanout *scanout)
{
    ((struct counter *) data)->n_scanouts++;
}

static void
count_damage_cb (void *data, const struct display_rectangle *rectangle)
{
    struct counter *counter = data;

    counter->n_damages++;
    counter->damage = *rectangle;
}

static const struct display_sink_ops counter_ops = {count_scanout_cb, count_damage_cb, NULL, NULL};

static void
counter_init (struct counter *counter, struct display *display)
{
    *counter = (struct counter) {.sink = {.ops = &counter_ops, .data = counter}};
    display_refresh (display);
    display_add_sink (display, &counter->sink);
    counter->n_scanouts = counter->n_damages = 0;
}

static struct vmm_device_config
vga_config (const struct vmm_value *values, size_t n_values)
{
    return (struct vmm_device_config) {
        .class_name = "vga", .id = "vga", .values = values, .n_values = n_values};
}

TEST (is_the_pci_function_that_firmware_and_drivers_know)
{
    struct vga_guest guest;
    int devfn;

    vga_guest_init (&guest);
    devfn = testbed_pci_find (guest.bed, 0x1234, 0x1111);
    CHECK (devfn >= 0);
    CHECK_EQUAL (testbed_pci_read (guest.bed, (unsigned) devfn, 8, 4) >> 8, 0x030000);
    CHECK_EQUAL (testbed_pci_read (guest.bed, (unsigned) devfn, 0x10, 1) & 0x0F, 0x08);
    testbed_pci_write (guest.bed, (unsigned) devfn, 0x10, 4, 0xFFFFFFFF);
    CHECK_EQUAL (testbed_pci_read (guest.bed, (unsigned) devfn, 0x10, 4), 0xFF000008);
    testbed_pci_write (guest.bed, (unsigned) devfn, 0x18, 4, 0xFFFFFFFF);
    CHECK_EQUAL (testbed_pci_read (guest.bed, (unsigned) devfn, 0x18, 4), 0xFFFFF000);
    vga_guest_fini (&guest);
}

TEST (the_screen_is_off_until_a_mode_is_set_and_after_a_reset)
{
    struct vga_guest guest;
    unsigned width, height;
    uint32_t *pixels;

    vga_guest_init (&guest);
    CHECK_EQUAL (headless_grab (guest.display, &pixels, &width, &height, NULL), -ENODATA);
    vga_guest_set_mode (&guest, MODE_03H);
    CHECK_EQUAL (headless_grab (guest.display, &pixels, &width, &height, NULL), 0);
    CHECK_EQUAL (width, 720);
    CHECK_EQUAL (height, 400);
    free (pixels);
    testbed_reset (guest.bed);
    CHECK_EQUAL (headless_grab (guest.display, &pixels, &width, &height, NULL), -ENODATA);
    vga_guest_fini (&guest);
}

TEST (a_blanked_screen_is_black_and_keeps_its_size)
{
    struct vga_guest guest;
    unsigned width, height;
    uint32_t *pixels;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    vga_guest_print (&guest, 0xB8000, 0x1F, "HELLO");
    display_refresh (guest.display);
    testbed_in (guest.bed, 0x3DA, 1);
    testbed_out (guest.bed, 0x3C0, 1, 0x00);
    CHECK_EQUAL (headless_grab (guest.display, &pixels, &width, &height, NULL), 0);
    CHECK_EQUAL (width, 720);
    for (unsigned i = 0; i < width * height; i++)
        CHECK_EQUAL (pixels[i], 0);
    free (pixels);
    testbed_in (guest.bed, 0x3DA, 1);
    testbed_out (guest.bed, 0x3C0, 1, 0x20);
    CHECK_EQUAL (headless_grab (guest.display, &pixels, &width, &height, NULL), 0);
    CHECK_EQUAL (pixels[0], 0x0000AA);
    free (pixels);
    vga_guest_fini (&guest);
}

TEST (registers_read_back_and_unused_bits_do_not)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_12H);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3CC, 1), 0xE3);
    CHECK_EQUAL (vga_guest_get (&guest, 0x3D4, 0x13), 0x28);
    CHECK_EQUAL (vga_guest_get (&guest, 0x3CE, 6), 0x05);
    vga_guest_set (&guest, 0x3CE, 4, 0xFF);
    CHECK_EQUAL (vga_guest_get (&guest, 0x3CE, 4), 0x03);
    CHECK_EQUAL (vga_guest_get (&guest, 0x3C4, 4), 0x06);
    CHECK_EQUAL (vga_guest_get (&guest, 0x3C4, 0x77), 0);
    vga_guest_set (&guest, 0x3D4, 0xFF, 0x55);
    CHECK_EQUAL (vga_guest_get (&guest, 0x3D4, 0xFF), 0);
    vga_guest_fini (&guest);
}

TEST (crtc_registers_0_to_7_are_protected_but_for_the_line_compare_bit)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_12H); /* its register 11h protects */
    vga_guest_set (&guest, 0x3D4, 0x01, 0x00);
    CHECK_EQUAL (vga_guest_get (&guest, 0x3D4, 0x01), 0x4F);
    vga_guest_set (&guest, 0x3D4, 0x07, 0x00);
    CHECK_EQUAL (vga_guest_get (&guest, 0x3D4, 0x07), 0x2E);
    vga_guest_fini (&guest);
}

TEST (the_crtc_answers_at_the_mono_ports_in_mono_modes_only)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_07H);
    CHECK_EQUAL (vga_guest_get (&guest, 0x3B4, 0x01), 0x4F);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3D4, 1), 0xFF);
    vga_guest_set_mode (&guest, MODE_03H);
    CHECK_EQUAL (vga_guest_get (&guest, 0x3D4, 0x01), 0x4F);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3B4, 1), 0xFF);
    vga_guest_fini (&guest);
}

TEST (the_attribute_flip_flop_starts_over_with_a_status_read)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    testbed_out (guest.bed, 0x3C0, 1, 0x21); /* an index; data would follow */
    testbed_in (guest.bed, 0x3DA, 1);
    testbed_out (guest.bed, 0x3C0, 1, 0x22);
    testbed_out (guest.bed, 0x3C0, 1, 0x3F);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3C1, 1), 0x3F);
    testbed_out (guest.bed, 0x3C0, 1, 0x21);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3C1, 1), 0x01);
    vga_guest_fini (&guest);
}

TEST (the_dac_takes_and_gives_colors_in_turn)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_color (&guest, 254, 1, 2, 0xFF);
    testbed_out (guest.bed, 0x3C9, 1, 4); /* goes on with 255 */
    testbed_out (guest.bed, 0x3C9, 1, 5);
    testbed_out (guest.bed, 0x3C9, 1, 6);
    testbed_out (guest.bed, 0x3C7, 1, 254);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3C7, 1), 3);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3C9, 1), 1);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3C9, 1), 2);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3C9, 1), 0x3F);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3C9, 1), 4);
    vga_guest_dispi (&guest, 4, 0x20);
    vga_guest_set_color (&guest, 1, 0xFF, 0x80, 0x7F);
    testbed_out (guest.bed, 0x3C7, 1, 1);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3C9, 1), 0xFF);
    vga_guest_fini (&guest);
}

TEST (vertical_retrace_comes_and_goes_on_guest_time)
{
    struct vga_guest guest;
    struct vmm_clock *clock;
    unsigned seen = 0;
    const uint64_t line = 31778, frame = 449 * 31778;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    clock = vmm_device_clock (testbed_device (guest.bed, "vga"));
    vmm_clock_stop (clock);
    for (unsigned i = 0; i < 449; i++) {
        vmm_clock_set (clock, 7 * frame + i * line + line / 2);
        seen += testbed_in (guest.bed, 0x3DA, 1) >> 3 & 1;
    }
    CHECK_EQUAL (seen, 49);
    vmm_clock_start (clock);
    vga_guest_fini (&guest);
}

TEST (write_modes_and_read_modes_of_planes)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_12H);
    /* Mode 0, rotated by 4, then and-ed with what is latched, into planes 0 and 1. */
    testbed_write (guest.bed, 0xA0000, 1, 0xF3);
    testbed_read (guest.bed, 0xA0000, 1);
    vga_guest_set (&guest, 0x3CE, 3, 0x0C);
    vga_guest_set (&guest, 0x3C4, 2, 0x03);
    testbed_write (guest.bed, 0xA0000, 1, 0x5A);
    vga_guest_set (&guest, 0x3CE, 3, 0x00);
    vga_guest_set (&guest, 0x3C4, 2, 0x0F);
    vga_guest_set (&guest, 0x3CE, 4, 0);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0000, 1), 0xA5 & 0xF3);
    vga_guest_set (&guest, 0x3CE, 4, 2);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0000, 1), 0xF3);

    /* Mode 1 copies all planes by the latch. */
    vga_guest_set (&guest, 0x3CE, 5, 1);
    testbed_write (guest.bed, 0xA1234, 1, 0);
    vga_guest_set (&guest, 0x3CE, 4, 1);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA1234, 1), 0xA5 & 0xF3);

    /* Mode 3: set/reset where both the byte and the mask are set. */
    vga_guest_set (&guest, 0x3CE, 5, 3);
    vga_guest_set (&guest, 0x3CE, 0, 0x05);
    vga_guest_set (&guest, 0x3CE, 8, 0xF0);
    testbed_read (guest.bed, 0xA0100, 1);
    testbed_write (guest.bed, 0xA0100, 1, 0x3C);
    vga_guest_set (&guest, 0x3CE, 8, 0xFF);
    vga_guest_set (&guest, 0x3CE, 4, 2);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0100, 1), 0x30);
    vga_guest_set (&guest, 0x3CE, 4, 1);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0100, 1), 0x00);

    /* Read mode 1: which pixels have colour 5, all planes or only planes 0 and 1. */
    vga_guest_set (&guest, 0x3CE, 5, 0x08);
    vga_guest_set (&guest, 0x3CE, 2, 0x05);
    vga_guest_set (&guest, 0x3CE, 7, 0x0F);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0100, 1), 0x30);
    vga_guest_set (&guest, 0x3CE, 2, 0x00);
    vga_guest_set (&guest, 0x3CE, 7, 0x02);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0100, 1), 0xFF);
    vga_guest_fini (&guest);
}

TEST (the_window_is_only_where_the_registers_put_it)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    testbed_write (guest.bed, 0xA0000, 1, 0x12);
    testbed_write (guest.bed, 0xB0000, 1, 0x12);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0000, 1), 0xFF);
    CHECK_EQUAL (testbed_read (guest.bed, 0xB0000, 4), 0xFFFFFFFF);
    testbed_write (guest.bed, 0xB8000, 4, 0x07420741);
    CHECK_EQUAL (testbed_read (guest.bed, 0xB8000, 4), 0x07420741);
    testbed_out (guest.bed, 0x3C2, 1, 0x65); /* memory disabled */
    CHECK_EQUAL (testbed_read (guest.bed, 0xB8000, 4), 0xFFFFFFFF);
    vga_guest_fini (&guest);
}

TEST (the_text_window_becomes_memory_after_some_writes_and_ends_with_the_mode)
{
    struct vga_guest guest;
    struct vga *vga;

    vga_guest_init (&guest);
    vga = vga_of (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    vga_guest_print (&guest, 0xB8000, 0x07, "FIRST");
    CHECK (!vga->window.mapped);
    vga_guest_print (&guest, 0xB8000 + 160, 0x07, "AND MANY MORE CHARACTERS");
    CHECK (vga->window.mapped);
    CHECK_EQUAL (testbed_read (guest.bed, 0xB8000, 2), 0x0746);

    /* Cursor moves do not disturb it; a font loads beside it and it comes back unchanged. */
    vga_guest_set (&guest, 0x3D4, 0x0F, 5);
    CHECK (vga->window.mapped);
    vga_guest_load_font (&guest, 0, 16, false);
    CHECK (!vga->window.mapped);
    CHECK_EQUAL (testbed_read (guest.bed, 0xB8000 + 160, 2), 0x0741);
    vga_guest_print (&guest, 0xB8000 + 320, 0x07, "MORE THAN SIXTEEN CHARACTERS");
    CHECK (vga->window.mapped);
    CHECK_EQUAL (testbed_read (guest.bed, 0xB8000 + 160, 2), 0x0741);

    /* Planes see what was written to memory: character 0 lies at offset 0 of plane 0. */
    vga_guest_set (&guest, 0x3C4, 4, 0x06);
    vga_guest_set (&guest, 0x3CE, 5, 0x00);
    vga_guest_set (&guest, 0x3CE, 6, 0x05);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0000 + 320, 1), 'M');
    vga_guest_set (&guest, 0x3CE, 4, 1);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0000 + 320, 1), 0x07);
    vga_guest_fini (&guest);
}

TEST (fonts_are_loaded_without_an_exit_for_every_byte)
{
    struct vga_guest guest;
    struct vga *vga;

    vga_guest_init (&guest);
    vga = vga_of (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    vga_guest_set (&guest, 0x3C4, 2, 4);
    vga_guest_set (&guest, 0x3C4, 4, 7);
    vga_guest_set (&guest, 0x3CE, 4, 2);
    vga_guest_set (&guest, 0x3CE, 5, 0);
    vga_guest_set (&guest, 0x3CE, 6, 4);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0000 + 'A' * 32, 1), 0x0E << 2);
    for (unsigned i = 0; i < 32; i++)
        testbed_write (guest.bed, 0xA4000 + i, 1, 0x80 + i);
    CHECK (vga->window.mapped);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0000 + 'A' * 32, 1), 0x0E << 2);
    vga_guest_set (&guest, 0x3CE, 6, 0x0E);
    CHECK (!vga->window.mapped);
    CHECK_EQUAL (vga->vram[0x4000 * 4 + 2], 0x80);
    CHECK_EQUAL (vga->vram[0x401F * 4 + 2], 0x9F);
    CHECK_EQUAL (vga->vram[0x401F * 4 + 1], 0);
    vga_guest_fini (&guest);
}

TEST (chain_4_and_banks_become_video_memory)
{
    struct vga_guest guest;
    struct vga *vga;

    vga_guest_init (&guest);
    vga = vga_of (&guest);
    vga_guest_set_mode (&guest, MODE_13H);
    for (unsigned i = 0; i < 64; i++)
        testbed_write (guest.bed, 0xA0000 + i, 1, i);
    CHECK (vga->window.mapped);
    CHECK_EQUAL (vga->vram[63], 63);

    vga_guest_set_linear (&guest, 640, 480, 32, 0x80);
    vga_guest_dispi (&guest, 5, 3);
    CHECK (!vga->window.mapped);
    for (unsigned i = 0; i < 64; i++)
        testbed_write (guest.bed, 0xA0000 + 4 * i, 4, 0x01020300 + i);
    CHECK (vga->window.mapped);
    CHECK_EQUAL (load_le32 (vga->vram + 3 * 0x10000 + 4 * 63), 0x0102033F);
    CHECK_EQUAL (testbed_read (guest.bed, vga_guest_bar (&guest, 0) + 3 * 0x10000, 4), 0x01020300);
    vga_guest_dispi (&guest, 5, 0xFFFF); /* cut to what there is */
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 5), 255);
    CHECK_EQUAL (testbed_read (guest.bed, 0xA0000, 4), 0);
    vga_guest_fini (&guest);
}

TEST (dispi_registers_identify_and_describe)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 0), 0xB0C5);
    vga_guest_dispi (&guest, 0, 0xB0C2);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 0), 0xB0C2);
    vga_guest_dispi (&guest, 0, 0x1234);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 0), 0xB0C2);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 10), 256);
    vga_guest_dispi (&guest, 4, 2);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 1), DISPLAY_MAX_WIDTH);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 3), 32);
    vga_guest_dispi (&guest, 4, 0);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 99), 0);
    vga_guest_fini (&guest);
}

TEST (dispi_modes_are_cut_to_the_video_memory)
{
    struct vga_guest guest;
    unsigned width, height;
    uint32_t *pixels;

    vga_guest_init (&guest);
    vga_guest_set_linear (&guest, 0xFFFF, 0xFFFF, 32, 0x80);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 1), 8192);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 2), 512);
    vga_guest_dispi (&guest, 9, 0xFFFF);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 9), 0);
    CHECK_EQUAL (headless_grab (guest.display, &pixels, &width, &height, NULL), 0);
    CHECK_EQUAL (height, 512);
    free (pixels);

    vga_guest_set_linear (&guest, 0, 0, 0, 0);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 1), 8);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 2), 1);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 3), 8);

    vga_guest_set_linear (&guest, 1024, 768, 32, 0x80);
    vga_guest_dispi (&guest, 6, 0xFFFF);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 6), 0xFFF8);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 7), 64);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 2), 64);
    vga_guest_fini (&guest);
}

TEST (enabling_dispi_clears_the_picture_unless_told_not_to)
{
    struct vga_guest guest;
    uint64_t frame;

    vga_guest_init (&guest);
    frame = vga_guest_bar (&guest, 0);
    testbed_write (guest.bed, frame + 0x100, 4, 0x12345678);
    vga_guest_set_linear (&guest, 640, 480, 32, 0x80);
    CHECK_EQUAL (testbed_read (guest.bed, frame + 0x100, 4), 0x12345678);
    testbed_write (guest.bed, frame + 640 * 480 * 4, 4, 0x9ABCDEF0);
    vga_guest_set_linear (&guest, 640, 480, 32, 0);
    CHECK_EQUAL (testbed_read (guest.bed, frame + 0x100, 4), 0);
    CHECK_EQUAL (testbed_read (guest.bed, frame + 640 * 480 * 4, 4), 0x9ABCDEF0);
    vga_guest_fini (&guest);
}

TEST (bar_2_has_edid_ports_and_dispi_registers)
{
    struct vga_guest guest;
    uint64_t mmio;
    uint8_t edid[128], sum = 0;

    vga_guest_init (&guest);
    mmio = vga_guest_bar (&guest, 2);
    for (unsigned i = 0; i < 128; i++) {
        edid[i] = (uint8_t) testbed_read (guest.bed, mmio + i, 1);
        sum = (uint8_t) (sum + edid[i]);
    }
    CHECK_EQUAL (sum, 0);
    CHECK (memcmp (edid, "\x00\xFF\xFF\xFF\xFF\xFF\xFF\x00", 8) == 0);
    CHECK_EQUAL (edid[56] | (edid[58] & 0xF0) << 4, 1280);
    CHECK_EQUAL (edid[59] | (edid[61] & 0xF0) << 4, 800);
    CHECK (memcmp (edid + 72, "\x00\x00\x00\xFC\x00Posada\n      ", 18) == 0);
    CHECK_EQUAL (testbed_read (guest.bed, mmio + 0x80, 8), 0); /* no extension block */

    testbed_write (guest.bed, mmio + 0x402, 1, 0x67);
    CHECK_EQUAL (testbed_in (guest.bed, 0x3CC, 1), 0x67);
    testbed_write (guest.bed, mmio + 0x414, 2, 0x340C); /* index and data in one */
    CHECK_EQUAL (vga_guest_get (&guest, 0x3D4, 0x0C), 0x34);
    CHECK_EQUAL (testbed_read (guest.bed, mmio + 0x414, 2), 0x340C);
    testbed_write (guest.bed, mmio + 0x502, 2, 1024);
    CHECK_EQUAL (vga_guest_get_dispi (&guest, 1), 1024);
    CHECK_EQUAL (testbed_read (guest.bed, mmio + 0x500, 4), 1024u << 16 | 0xB0C5);
    CHECK_EQUAL (testbed_read (guest.bed, mmio + 0x600, 4), 0);
    vga_guest_fini (&guest);
}

TEST (refresh_reports_only_what_changed)
{
    struct vga_guest guest;
    struct counter counter;

    vga_guest_init (&guest);
    vga_guest_set_mode (&guest, MODE_03H);
    counter_init (&counter, guest.display);
    display_refresh (guest.display);
    CHECK_EQUAL (counter.n_damages, 0);
    vga_guest_print (&guest, 0xB8000 + (3 * 80 + 10) * 2, 0x07, "ABC");
    display_refresh (guest.display);
    CHECK_EQUAL (counter.n_damages, 1);
    CHECK_EQUAL (counter.damage.x, 90);
    CHECK_EQUAL (counter.damage.y, 48);
    CHECK_EQUAL (counter.damage.width, 27);
    CHECK_EQUAL (counter.damage.height, 16);

    vga_guest_set_linear (&guest, 640, 480, 32, 0);
    display_refresh (guest.display);
    CHECK_EQUAL (counter.n_scanouts, 1);
    counter.n_damages = 0;
    testbed_write (guest.bed, vga_guest_bar (&guest, 0) + (100 * 640 + 50) * 4, 4, 0xFFFFFFFF);
    display_refresh (guest.display);
    CHECK_EQUAL (counter.n_damages, 1);
    CHECK_EQUAL (counter.damage.x, 50);
    CHECK_EQUAL (counter.damage.y, 100);
    CHECK_EQUAL (counter.damage.width, 1);
    display_remove_sink (guest.display, &counter.sink);
    vga_guest_fini (&guest);
}

TEST (the_vga_bios_is_handed_to_the_firmware)
{
    char path[] = "/tmp/posada-vgabios-XXXXXX";
    const struct vmm_value values[] = {VMM_STRING ("vgabios", path)};
    const struct vmm_device_config config = vga_config (values, 1);
    uint8_t rom[512] = {0x55, 0xAA, 0x01};
    const uint8_t *directory;
    struct testbed *bed;
    size_t length;
    int fd = mkstemp (path);

    CHECK (fd >= 0);
    CHECK_EQUAL (write (fd, rom, sizeof rom), sizeof rom);
    close (fd);
    bed = testbed_new (&config, 1);
    CHECK_EQUAL (fw_cfg_select (vmm_device_fw_cfg (testbed_device (bed, "vga")), FW_CFG_FILE_DIR,
                                &directory, &length),
                 0);
    CHECK (memmem (directory, length, "pci1234,1111.rom", 17));
    testbed_free (bed);
    unlink (path);
}

TEST (a_vga_bios_that_is_missing_or_none_is_an_error_that_names_it)
{
    const struct vmm_value missing[] = {VMM_STRING ("vgabios", "/nonexistent/vgabios.bin")};
    const struct vmm_value wrong[] = {VMM_STRING ("vgabios", "/dev/zero")};
    struct vmm_device_config config = vga_config (missing, 1);
    struct vmm_error error = {0};

    CHECK (!testbed_try_new (&config, 1, &error));
    CHECK_EQUAL (error.code, -ENOENT);
    CHECK_CONTAINS (error.message, "/nonexistent/vgabios.bin");
    config = vga_config (wrong, 1);
    CHECK (!testbed_try_new (&config, 1, &error));
    CHECK_CONTAINS (error.message, "/dev/zero");
}

TEST (video_memory_must_be_a_power_of_two)
{
    const struct vmm_value values[] = {VMM_NUMBER ("vram", 24)};
    const struct vmm_device_config config = vga_config (values, 1);
    struct vmm_error error = {0};

    CHECK (!testbed_try_new (&config, 1, &error));
    CHECK_CONTAINS (error.message, "power of two");
}

TEST (state_survives_a_round_trip)
{
    struct vga_guest guest;

    vga_guest_init (&guest);
    testbed_check_round_trip (guest.bed);
    vga_guest_set_mode (&guest, MODE_03H);
    vga_guest_print (&guest, 0xB8000, 0x1F, "TEXT THAT LIES IN A MAPPED WINDOW");
    vga_guest_check (&guest, "round-trip");
    testbed_check_round_trip (guest.bed);
    vga_guest_check (&guest, "round-trip");
    vga_guest_set_linear (&guest, 64, 64, 32, 0);
    testbed_write (guest.bed, vga_guest_bar (&guest, 0), 4, 0x00FF00);
    testbed_check_round_trip (guest.bed);
    vga_guest_fini (&guest);
}

TAP_MAIN ()
