/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Bochs display interface: sixteen-bit registers behind an index and a data port, or side by
 * side in BAR 2, that set a linear mode of any size (Bochs, VBE display API documentation).
 */
#include "hw/vga.h"

#define PORT_INDEX 0
#define PORT_DATA  1 /* 0x1CF: unaligned, as PCs have it */
#define PORT_DATA2 2 /* 0x1D0: as others do */

static unsigned
bits_in_memory (const struct vga *vga)
{
    unsigned bits = vga->dispi[DISPI_BPP];

    return bits == 15 ? 16 : bits;
}

uint32_t
vga_dispi_pitch (const struct vga *vga)
{
    uint32_t width = vga->dispi[DISPI_VIRTUAL_WIDTH];

    return bits_in_memory (vga) == 4 ? width / 8 : width * bits_in_memory (vga) / 8;
}

/* Registers may hold anything until a mode is on; from then on they describe one that fits. */
void
vga_dispi_fix (struct vga *vga)
{
    uint16_t *dispi = vga->dispi;
    uint32_t width, height, lines, virtual_width;

    if (!vga_dispi_is_enabled (vga))
        return;
    switch (dispi[DISPI_BPP]) {
    case 4:
    case 8:
    case 15:
    case 16:
    case 24:
    case 32: break;
    default: dispi[DISPI_BPP] = 8; break;
    }
    width = MIN_OF (dispi[DISPI_XRES] & ~7u, (unsigned) DISPLAY_MAX_WIDTH);
    width = MAX_OF (width, 8u);
    virtual_width = MAX_OF (dispi[DISPI_VIRTUAL_WIDTH] & ~7u, width);
    dispi[DISPI_XRES] = (uint16_t) width;
    dispi[DISPI_VIRTUAL_WIDTH] = (uint16_t) virtual_width;

    /* At most 256 KiB a line, of at least 4 MiB. */
    lines = vga->vram_size / (vga_dispi_pitch (vga) * (dispi[DISPI_BPP] == 4 ? 4 : 1));
    lines = MIN_OF (lines, (uint32_t) UINT16_MAX);
    height = MIN_OF (dispi[DISPI_YRES], MIN_OF (lines, (unsigned) DISPLAY_MAX_HEIGHT));
    height = MAX_OF (height, 1u);
    dispi[DISPI_YRES] = (uint16_t) height;
    dispi[DISPI_VIRTUAL_HEIGHT] = (uint16_t) lines;
    dispi[DISPI_X_OFFSET] = (uint16_t) MIN_OF (dispi[DISPI_X_OFFSET], virtual_width - width);
    dispi[DISPI_Y_OFFSET] = (uint16_t) MIN_OF (dispi[DISPI_Y_OFFSET], lines - height);
}

static void
enable_write (struct vga *vga, uint16_t value)
{
    uint16_t *dispi = vga->dispi;
    bool was_enabled = vga_dispi_is_enabled (vga);

    dispi[DISPI_ENABLE] =
        value & (DISPI_ENABLED | DISPI_GET_CAPS | DISPI_8BIT_DAC | DISPI_LINEAR | DISPI_NO_CLEAR);
    if (!was_enabled || !vga_dispi_is_enabled (vga))
        dispi[DISPI_BANK] = 0;
    if (!was_enabled && vga_dispi_is_enabled (vga)) {
        dispi[DISPI_VIRTUAL_WIDTH] = 0;
        dispi[DISPI_X_OFFSET] = 0;
        dispi[DISPI_Y_OFFSET] = 0;
        vga_dispi_fix (vga);
        vga_window_update (vga);
        if (!(value & DISPI_NO_CLEAR)) {
            uint32_t size = vga_dispi_pitch (vga) * dispi[DISPI_YRES];

            vga_clear_vram (vga, dispi[DISPI_BPP] == 4 ? size * 4 : size);
        }
        vga->redraw = true;
    }
    vga_window_update (vga);
}

uint16_t
vga_dispi_read (struct vga *vga, uint16_t index)
{
    bool caps = vga->dispi[DISPI_ENABLE] & DISPI_GET_CAPS;

    if (index >= DISPI_COUNT)
        return 0;
    if (caps && index == DISPI_XRES)
        return DISPLAY_MAX_WIDTH;
    if (caps && index == DISPI_YRES)
        return DISPLAY_MAX_HEIGHT;
    if (caps && index == DISPI_BPP)
        return 32;
    if (index == DISPI_MEMORY_64K)
        return (uint16_t) (vga->vram_size / (64 * KIB));
    return vga->dispi[index];
}

void
vga_dispi_write (struct vga *vga, uint16_t index, uint16_t value)
{
    switch (index) {
    case DISPI_ID:
        if (value >= DISPI_OLDEST_ID && value <= DISPI_LATEST_ID)
            vga->dispi[DISPI_ID] = value;
        break;
    case DISPI_XRES:
    case DISPI_YRES:
    case DISPI_BPP:
    case DISPI_VIRTUAL_WIDTH:
    case DISPI_X_OFFSET:
    case DISPI_Y_OFFSET:
        vga->dispi[index] = value;
        vga_dispi_fix (vga);
        vga_window_update (vga);
        break;
    case DISPI_BANK:
        vga->dispi[DISPI_BANK] = (uint16_t) (value & (vga->vram_size / (64 * KIB) - 1));
        vga_window_update (vga);
        break;
    case DISPI_ENABLE: enable_write (vga, value); break;
    default: break;
    }
}

static uint64_t
dispi_ports_read (void *opaque, uint64_t offset, unsigned size)
{
    struct vga *vga = opaque;

    if (offset == PORT_INDEX)
        return vga->dispi_index;
    if (offset == PORT_DATA || offset == PORT_DATA2)
        return vga_dispi_read (vga, vga->dispi_index);
    return 0xFFFF;
}

static void
dispi_ports_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct vga *vga = opaque;

    if (size != 2)
        return;
    if (offset == PORT_INDEX)
        vga->dispi_index = (uint16_t) value;
    else if (offset == PORT_DATA || offset == PORT_DATA2)
        vga_dispi_write (vga, vga->dispi_index, (uint16_t) value);
}

void
vga_dispi_init (struct vga *vga)
{
    vga->dispi_ports = (struct vmm_region) {
        .name = "vga-dispi",
        .space = VMM_SPACE_PIO,
        .size = 4,
        .max_size = 2,
        .min_size = 2,
        .read = dispi_ports_read,
        .write = dispi_ports_write,
        .opaque = vga,
        .lock = &vga->pci->device.lock,
    };
}

void
vga_dispi_reset (struct vga *vga)
{
    memset (vga->dispi, 0, sizeof vga->dispi);
    vga->dispi[DISPI_ID] = DISPI_LATEST_ID;
    vga->dispi_index = 0;
}
