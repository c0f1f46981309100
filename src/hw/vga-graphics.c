/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Graphics: the planar, interleaved and packed serialisations of the VGA (IBM VGA/XGA Technical
 * Reference, 2.4.2, 2.9.6), and the linear modes.
 */
#include "hw/vga.h"

#define PAGE 4096

/* Appends what one character clock fetched: 8 or 4 pixels. */
static uint32_t *
expand_planar (uint32_t *to, const uint8_t *planes, const uint32_t *pens)
{
    for (int bit = 7; bit >= 0; bit--)
        *to++ = pens[(planes[0] >> bit & 1) | (planes[1] >> bit & 1) << 1 |
                     (planes[2] >> bit & 1) << 2 | (planes[3] >> bit & 1) << 3];
    return to;
}

static uint32_t *
expand_interleaved (uint32_t *to, const uint8_t *planes, const uint32_t *pens)
{
    for (unsigned plane = 0; plane < 2; plane++)
        for (int shift = 6; shift >= 0; shift -= 2)
            *to++ = pens[(planes[plane] >> shift & 3) | (planes[plane + 2] >> shift & 3) << 2];
    return to;
}

static uint32_t *
expand_packed (uint32_t *to, const uint8_t *planes, const uint32_t *pens)
{
    for (unsigned plane = 0; plane < 4; plane++)
        *to++ = pens[planes[plane]];
    return to;
}

/* Draws one scan line into surface.line, with a column more than is seen where it pans. */
static void
draw_scan (struct vga *vga, const struct vga_mode *mode, const struct vga_row *row, uint32_t scan,
           const uint32_t *pens)
{
    struct vga_surface *surface = &vga->surface;
    uint32_t pan = row->split && mode->split_stops_pan ? 0 : mode->pan;
    uint32_t *to = surface->pens;

    for (uint32_t column = 0; column < mode->columns + (pan ? 1 : 0); column++) {
        const uint8_t *planes =
            vga->vram + (size_t) vga_plane_offset (mode, row->address + column, scan) * 4;

        switch ((enum vga_kind) mode->kind) {
        case VGA_PACKED: to = expand_packed (to, planes, pens); break;
        case VGA_INTERLEAVED: to = expand_interleaved (to, planes, pens); break;
        default: to = expand_planar (to, planes, pens); break;
        }
    }
    for (uint32_t x = 0; x < mode->width; x++)
        surface->line[x] = surface->pens[(x + pan) / mode->scale];
}

void
vga_draw_graphics (struct vga *vga, const struct vga_mode *mode)
{
    uint32_t pens[256];
    struct vga_row row;

    if (mode->kind == VGA_PACKED)
        vga_get_pens (vga, pens);
    else
        vga_get_palette_pens (vga, pens);
    for (vga_first_row (mode, &row); vga_row_is_visible (mode, &row); vga_next_row (mode, &row)) {
        bool scans_differ = (mode->address_mode & 3) != 3;

        for (uint32_t line = 0; line < row.lines; line++) {
            if (line == 0 || (scans_differ && line % mode->lines_per_scan == 0))
                draw_scan (vga, mode, &row, row.scan + line / mode->lines_per_scan, pens);
            vga_put_line (vga, row.y + line, vga->surface.line);
        }
    }
}

/* Each component takes the upper bits of a byte, the highest ones again the lower. */
static uint32_t
color_565 (uint32_t pixel)
{
    uint32_t red = pixel >> 11 & 0x1F, green = pixel >> 5 & 0x3F, blue = pixel & 0x1F;

    return (red << 3 | red >> 2) << 16 | (green << 2 | green >> 4) << 8 | (blue << 3 | blue >> 2);
}

static uint32_t
color_555 (uint32_t pixel)
{
    uint32_t red = pixel >> 10 & 0x1F, green = pixel >> 5 & 0x1F, blue = pixel & 0x1F;

    return (red << 3 | red >> 2) << 16 | (green << 3 | green >> 2) << 8 | (blue << 3 | blue >> 2);
}

static void
convert_line (const struct vga_mode *mode, const uint8_t *from, uint32_t *to, const uint32_t *pens)
{
    uint32_t width = mode->width;

    switch (mode->bits) {
    case 8:
        for (uint32_t x = 0; x < width; x++)
            to[x] = pens[from[x]];
        break;
    case 15:
        for (uint32_t x = 0; x < width; x++)
            to[x] = color_555 (load_le16 (from + 2 * x));
        break;
    case 16:
        for (uint32_t x = 0; x < width; x++)
            to[x] = color_565 (load_le16 (from + 2 * x));
        break;
    case 24:
        for (uint32_t x = 0; x < width; x++)
            to[x] =
                from[3 * x] | (uint32_t) from[3 * x + 1] << 8 | (uint32_t) from[3 * x + 2] << 16;
        break;
    default:
        for (uint32_t x = 0; x < width; x++)
            to[x] = load_le32 (from + 4 * x) & 0xFFFFFF;
        break;
    }
}

/* Collects what was written since the last picture, by whatever way, into vga->dirty. */
static void
collect_dirty (struct vga *vga)
{
    size_t words = (vga->vram_size / PAGE + 63) / 64;

    if (vmm_slot_fetch_dirty (&vga->vram_slot, vga->fetched) != 0)
        for (size_t i = 0; i < words; i++)
            vga->dirty[i] |= vga->fetched[i];
    if (vga->window.mapped && vga->window.direct == VGA_DIRECT_LINEAR)
        for (uint32_t page = 0; page < 16; page++) {
            uint32_t at = vga->window.offset / PAGE + page;

            vga->dirty[at / 64] |= UINT64_C (1) << (at % 64);
        }
}

static bool
is_dirty (const struct vga *vga, uint32_t offset, uint32_t length)
{
    for (uint32_t page = offset / PAGE; page <= (offset + length - 1) / PAGE; page++)
        if (vga->dirty[page / 64] >> (page % 64) & 1)
            return true;
    return false;
}

void
vga_draw_linear (struct vga *vga, const struct vga_mode *mode, bool whole)
{
    uint32_t bytes = mode->width * ((mode->bits + 7) / 8);
    uint32_t pens[256];

    collect_dirty (vga);
    if (mode->bits == 8) {
        vga_get_pens (vga, pens);
        whole |= memcmp (pens, vga->drawn_pens, sizeof pens) != 0;
        memcpy (vga->drawn_pens, pens, sizeof pens);
    }
    whole |= vga->redraw || memcmp (mode, &vga->drawn, sizeof *mode) != 0;
    vga->drawn = *mode;
    vga->redraw = false;

    for (uint32_t y = 0; y < mode->height; y++) {
        uint64_t offset = mode->start + (uint64_t) y * mode->pitch;

        /* The mode was made to fit; this is for one that a wrong formula lets through. */
        if (!range_fits (offset, bytes, vga->vram_size))
            break;
        if (!whole && !is_dirty (vga, (uint32_t) offset, bytes))
            continue;
        convert_line (mode, vga->vram + offset, vga->surface.line, pens);
        vga_put_line (vga, y, vga->surface.line);
    }
    memset (vga->dirty, 0, (vga->vram_size / PAGE + 63) / 64 * sizeof *vga->dirty);
}
