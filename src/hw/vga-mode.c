/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From registers to a picture's geometry and colours (IBM VGA/XGA Technical Reference, 2.3 to 2.6,
 * 2.10, 2.11). The picture is what a monitor shows: modes with halved dot clock or doubled scan
 * lines come out at full size, so that all have the aspect they were drawn for.
 */
#include "hw/vga.h"

#define SR_CLOCKING_8_DOTS    0x01
#define SR_CLOCKING_HALF      0x08
#define SR_CLOCKING_OFF       0x20

#define CR_MODE_KEEP_13       0x01 /* address bit 13 is not taken from the scan line */
#define CR_MODE_KEEP_14       0x02
#define CR_MODE_LINES_DOUBLED 0x04
#define CR_MODE_WRAP_15       0x20
#define CR_MODE_BYTES         0x40
#define CR_UNDERLINE_DWORDS   0x40

#define GR_MISC_GRAPHICS      0x01
#define GR_MODE_INTERLEAVED   0x20
#define GR_MODE_PACKED        0x40

#define AR_MODE_SPLIT_NO_PAN  0x20
#define AR_MODE_SELECT_45     0x80
#define ATTRIBUTE_ENABLED     0x20

static void
get_dispi_mode (const struct vga *vga, struct vga_mode *mode)
{
    const uint16_t *dispi = vga->dispi;
    uint32_t pitch = vga_dispi_pitch (vga);

    mode->width = dispi[DISPI_XRES];
    mode->height = dispi[DISPI_YRES];
    mode->pitch = pitch;
    if (dispi[DISPI_BPP] == 4) {
        mode->kind = VGA_PLANAR;
        mode->columns = mode->width / 8;
        mode->dots = 8;
        mode->scale = 1;
        mode->lines_per_scan = mode->row_scans = 1;
        mode->start = dispi[DISPI_Y_OFFSET] * pitch + dispi[DISPI_X_OFFSET] / 8;
        mode->pan = dispi[DISPI_X_OFFSET] % 8;
        mode->split = UINT32_MAX;
        mode->address_mask = vga->vram_size / 4 - 1;
        mode->address_mode = CR_MODE_KEEP_13 | CR_MODE_KEEP_14 | CR_MODE_BYTES;
        return;
    }
    mode->kind = VGA_LINEAR;
    mode->bits = dispi[DISPI_BPP];
    mode->start =
        dispi[DISPI_Y_OFFSET] * pitch + dispi[DISPI_X_OFFSET] * ((dispi[DISPI_BPP] + 1u) / 8);
}

static uint32_t
picture_lines (const struct vga *vga)
{
    const uint8_t *crtc = vga->crtc;
    uint32_t lines = crtc[VGA_CR_V_END] | (crtc[VGA_CR_OVERFLOW] & 0x02u) << 7 |
                     (crtc[VGA_CR_OVERFLOW] & 0x40u) << 3;

    return lines + 1;
}

static uint32_t
split_line (const struct vga *vga)
{
    const uint8_t *crtc = vga->crtc;

    return crtc[VGA_CR_LINE_COMPARE] | (crtc[VGA_CR_OVERFLOW] & 0x10u) << 4 |
           (crtc[VGA_CR_MAX_SCAN] & 0x40u) << 3;
}

static enum vga_kind
picture_kind (const struct vga *vga)
{
    if (!(vga->graphics[VGA_GR_MISC] & GR_MISC_GRAPHICS))
        return VGA_TEXT;
    if (vga->graphics[VGA_GR_MODE] & GR_MODE_PACKED)
        return VGA_PACKED;
    if (vga->graphics[VGA_GR_MODE] & GR_MODE_INTERLEAVED)
        return VGA_INTERLEAVED;
    return VGA_PLANAR;
}

/* Panning counts dots; nine-dot text has 8 as its zero, packed modes half dots. */
static uint32_t
panning (const struct vga *vga, const struct vga_mode *mode)
{
    uint32_t pan = vga->attribute[VGA_AR_PANNING] & 0x0F;

    if (mode->kind == VGA_PACKED)
        return (pan & 7) / 2 * mode->scale;
    if (mode->kind == VGA_TEXT && mode->dots == 9)
        return pan >= 8 ? 0 : (pan + 1) * mode->scale;
    return (pan & 7) * mode->scale;
}

void
vga_get_mode (const struct vga *vga, struct vga_mode *mode)
{
    const uint8_t *crtc = vga->crtc;
    uint32_t doubled = vga->sequencer[VGA_SR_CLOCKING] & SR_CLOCKING_HALF ? 2 : 1;
    uint32_t tall = crtc[VGA_CR_MODE] & CR_MODE_LINES_DOUBLED ? 2 : 1;

    memset (mode, 0, sizeof *mode);
    mode->kind = VGA_BLANK;
    if (!(vga->attribute_index & ATTRIBUTE_ENABLED))
        return;
    if (vga_dispi_is_enabled (vga)) {
        get_dispi_mode (vga, mode);
        return;
    }
    if (vga->sequencer[VGA_SR_CLOCKING] & SR_CLOCKING_OFF)
        return;
    mode->kind = picture_kind (vga);
    mode->columns = crtc[VGA_CR_H_END] + 1u;
    mode->dots =
        mode->kind != VGA_TEXT || (vga->sequencer[VGA_SR_CLOCKING] & SR_CLOCKING_8_DOTS) ? 8 : 9;
    mode->width = mode->columns * mode->dots * doubled;
    mode->scale = mode->kind == VGA_PACKED ? doubled * 2 : doubled;
    mode->height = picture_lines (vga) * tall;
    mode->lines_per_scan = (crtc[VGA_CR_MAX_SCAN] & 0x80 ? 2 : 1) * tall;
    mode->row_scans = (crtc[VGA_CR_MAX_SCAN] & 0x1F) + 1u;
    mode->first_scan = (crtc[VGA_CR_PRESET_ROW] & 0x1F) % mode->row_scans;
    mode->start = crtc[VGA_CR_START_HIGH] << 8 | crtc[VGA_CR_START_LOW];
    mode->byte_pan = crtc[VGA_CR_PRESET_ROW] >> 5 & 3;
    mode->pitch = crtc[VGA_CR_OFFSET] * 2u;
    mode->pan = panning (vga, mode);
    mode->split = split_line (vga) * tall;
    mode->split_stops_pan = vga->attribute[VGA_AR_MODE] & AR_MODE_SPLIT_NO_PAN ? 1 : 0;
    mode->address_mask = VGA_PLANE_SIZE - 1;
    mode->address_mode = crtc[VGA_CR_MODE] | (crtc[VGA_CR_UNDERLINE] & CR_UNDERLINE_DWORDS) << 8;
}

uint32_t
vga_plane_offset (const struct vga_mode *mode, uint32_t address, uint32_t scan)
{
    uint32_t offset = address;

    if (mode->address_mode & CR_UNDERLINE_DWORDS << 8)
        return address & mode->address_mask; /* see vga.h on chain-4 */
    if (!(mode->address_mode & CR_MODE_BYTES))
        offset = address << 1 | (address >> (mode->address_mode & CR_MODE_WRAP_15 ? 15 : 13) & 1);
    if (!(mode->address_mode & CR_MODE_KEEP_13))
        offset = (offset & ~0x2000u) | (scan & 1) << 13;
    if (!(mode->address_mode & CR_MODE_KEEP_14))
        offset = (offset & ~0x4000u) | (scan & 2) << 13;
    return offset & mode->address_mask;
}

/* Sets the row's height: what is left of it from its first scan line on, but not past the split. */
static void
measure_row (const struct vga_mode *mode, struct vga_row *row)
{
    row->lines = (mode->row_scans - row->scan) * mode->lines_per_scan;
    if (!row->split && mode->split >= row->y && mode->split - row->y < row->lines)
        row->lines = mode->split - row->y + 1;
    row->lines = MIN_OF (row->lines, mode->height - row->y);
}

void
vga_first_row (const struct vga_mode *mode, struct vga_row *row)
{
    *row = (struct vga_row) {
        .scan = mode->first_scan,
        .address = mode->start + mode->byte_pan,
    };
    measure_row (mode, row);
}

bool
vga_row_is_visible (const struct vga_mode *mode, const struct vga_row *row)
{
    return row->y < mode->height;
}

void
vga_next_row (const struct vga_mode *mode, struct vga_row *row)
{
    row->y += row->lines;
    row->scan = 0;
    row->address += mode->pitch;
    if (!row->split && row->y == mode->split + 1) {
        row->split = true;
        row->address = mode->split_stops_pan ? 0 : mode->byte_pan;
    }
    if (row->y < mode->height)
        measure_row (mode, row);
}

static uint32_t
dac_color (const struct vga *vga, uint8_t index)
{
    const uint8_t *dac = vga->dac + (index & vga->dac_mask) * 3;
    uint32_t color = (uint32_t) dac[0] << 16 | (uint32_t) dac[1] << 8 | dac[2];

    if (vga->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC)
        return color;
    color &= 0x3F3F3F;
    return color << 2 | (color >> 4 & 0x030303);
}

void
vga_get_pens (const struct vga *vga, uint32_t pens[256])
{
    for (unsigned i = 0; i < 256; i++)
        pens[i] = dac_color (vga, (uint8_t) i);
}

void
vga_get_palette_pens (const struct vga *vga, uint32_t pens[16])
{
    const uint8_t *attribute = vga->attribute;
    unsigned select = attribute[VGA_AR_COLOR_SELECT];

    for (unsigned i = 0; i < 16; i++) {
        unsigned index = attribute[i & attribute[VGA_AR_PLANES] & 0x0F] & 0x3F;

        if (attribute[VGA_AR_MODE] & AR_MODE_SELECT_45)
            index = (index & 0x0F) | (select & 3) << 4;
        pens[i] = dac_color (vga, (uint8_t) (index | (select & 0x0C) << 4));
    }
}
