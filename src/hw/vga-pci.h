/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The class "vga": a PCI function 1234:1111 that is a VGA and nothing else. Here for tests that
 * look inside; with the device's lock held.
 */
#pragma once

#include "hw/vga.h"

struct vga_pci {
    struct pci_device pci; /* first */
    struct vga vga;
};
