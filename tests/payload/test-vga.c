/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pictures that a guest draws on real KVM, where the window and the frame buffer are memory of its
 * own, compared with the golden ones of the unit tests.
 */
#include "base/util.h"
#include "display/headless.h"
#include "golden.h"
#include "payload-host.h"
#include "tap.h"

#define REFRESH_MS 5
#define TIMEOUT_MS 30000

/* Looks on while the guest draws, so that the picture comes together from many refreshes. */
static void
check_picture (const char *rom, const char *golden)
{
    struct display *display;
    struct vmm_stats stats;
    struct vmm_error error = {0};
    struct payload *payload;
    unsigned width, height;
    uint32_t *pixels;
    bool finished = false;

    CHECK_EQUAL (display_create (&display), 0);

    struct vmm_value value = VMM_POINTER ("display", display);
    const struct vmm_device_config devices[] = {
        {.class_name = "q35-host", .id = "host"},
        {.class_name = "vga", .id = "vga", .values = &value, .n_values = 1},
    };

    payload = payload_new (&(struct payload_options) {
        .rom = rom, .devices = devices, .n_devices = ARRAY_LENGTH (devices)});
    vmm_start (payload->machine);
    for (int waited = 0; !finished && waited < TIMEOUT_MS; waited += REFRESH_MS) {
        finished = payload_wait (payload, REFRESH_MS);
        display_refresh (display);
    }
    vmm_get_stats (payload->machine, &stats);
    printf ("# %s: %llu exits to memory\n", rom, (unsigned long long) stats.exits_mmio);
    if (!finished || atomic_load (&payload->code) != 0)
        tap_fail (__FILE__, __LINE__, "%s: %s", rom, payload->report);
    if (headless_grab (display, &pixels, &width, &height, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    payload_free (payload);
    display_destroy (display);
    golden_check_picture (golden, pixels, width, height);
    free (pixels);
}

TEST (text_through_the_window)
{
    check_picture ("vga-text.rom", "vga/text-80x25");
}

TEST (sixteen_colors_in_planes)
{
    check_picture ("vga-planar.rom", "vga/planar-0dh");
}

TEST (chain_4_through_the_window)
{
    check_picture ("vga-chain4.rom", "vga/chain4-13h");
}

TEST (linear_frame_buffer)
{
    check_picture ("vga-linear.rom", "vga/linear-32");
}

TEST (linear_mode_through_banks)
{
    check_picture ("vga-banked.rom", "vga/linear-32");
}

TAP_MAIN ()
