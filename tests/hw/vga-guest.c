/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "vga-guest.h"

#include "base/util.h"
#include "display/headless.h"
#include "golden.h"
#include "tap.h"

void
vga_guest_init (struct vga_guest *guest)
{
    vga_guest_init_with (guest, "vga", 16);
}

void
vga_guest_init_with (struct vga_guest *guest, const char *class_name, unsigned vram_mib)
{
    struct vmm_error error = {0};

    if (display_create (&guest->display) < 0)
        abort ();

    const struct vmm_value values[] = {VMM_POINTER ("display", guest->display),
                                       VMM_NUMBER ("vram", vram_mib)};
    const struct vmm_device_config devices[] = {
        {.class_name = "q35-host", .id = "host"},
        {.class_name = class_name,
         .id = "vga",
         .values = values,
         .n_values = ARRAY_LENGTH (values)},
    };

    guest->bed = testbed_try_new (devices, ARRAY_LENGTH (devices), &error);
    if (!guest->bed)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    testbed_pci_enable (guest->bed);
}

void
vga_guest_fini (struct vga_guest *guest)
{
    testbed_free (guest->bed);
    display_destroy (guest->display);
}

uint64_t
vga_guest_bar (struct vga_guest *guest, unsigned bar)
{
    int devfn = testbed_pci_find (guest->bed, 0x1234, 0x1111);

    CHECK (devfn >= 0);
    return testbed_pci_bar (guest->bed, (unsigned) devfn, bar);
}

void
vga_guest_check (struct vga_guest *guest, const char *name)
{
    struct vmm_error error = {0};
    unsigned width, height;
    uint32_t *pixels;
    char path[100];

    if (headless_grab (guest->display, &pixels, &width, &height, &error) < 0)
        tap_fail (__FILE__, __LINE__, "%s", error.message);
    snprintf (path, sizeof path, "vga/%s", name);
    golden_check_picture (path, pixels, width, height);
    free (pixels);
}
