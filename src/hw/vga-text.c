/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text: characters in plane 0, attributes in plane 1, two fonts in plane 2 (IBM VGA/XGA Technical
 * Reference, 2.4.1, 2.11). Remembers what each cell on the surface was drawn from and draws those
 * that differ. Blinking characters and the cursor are shown lit.
 */
#include "hw/vga.h"

#include <stdlib.h>

#define CELL_CURSOR      0x10000u
#define CELL_UNKNOWN     UINT32_MAX

#define CR_CURSOR_OFF    0x20
#define AR_MODE_LINES    0x04 /* line graphics run on into the ninth dot */
#define AR_MODE_BLINK    0x08

#define GLYPH_SIZE       32
#define FONT_OFFSET_MASK 0xFFFFu

/* Attribute bit 3 chooses the font: set "A", clear "B". The numbers' bits are not in order. */
static uint32_t
font_offset (uint8_t map_select, bool is_a)
{
    uint32_t low = is_a ? map_select >> 2 & 3 : map_select & 3;
    uint32_t high = is_a ? map_select >> 5 & 1 : map_select >> 4 & 1;

    return low * 0x4000 + high * 0x2000;
}

/* Reads a font from plane 2; true if it changed. */
static bool
load_font (const struct vga *vga, uint8_t font[256 * GLYPH_SIZE], uint32_t offset)
{
    bool changed = false;

    for (uint32_t i = 0; i < 256 * GLYPH_SIZE; i++) {
        uint8_t bits = vga->vram[((offset + i) & FONT_OFFSET_MASK) * 4 + 2];

        changed |= font[i] != bits;
        font[i] = bits;
    }
    return changed;
}

/* Brings everything but the cells up to date; true if every cell has to be drawn. */
static bool
load_look (struct vga *vga, const struct vga_mode *mode)
{
    struct vga_text *text = &vga->text;
    struct vga_mode layout = *mode;
    uint32_t pens[16];
    uint8_t look[sizeof text->look] = {
        vga->crtc[VGA_CR_CURSOR_START] & 0x1F,
        vga->crtc[VGA_CR_CURSOR_END] & 0x1F,
        vga->crtc[VGA_CR_UNDERLINE] & 0x1F,
        vga->attribute[VGA_AR_MODE] & (AR_MODE_LINES | AR_MODE_BLINK),
    };
    bool changed;

    layout.start = 0;
    vga_get_palette_pens (vga, pens);
    changed = memcmp (&layout, &text->mode, sizeof layout) != 0 ||
              memcmp (pens, text->pens, sizeof pens) != 0 ||
              memcmp (look, text->look, sizeof look) != 0;
    text->mode = layout;
    memcpy (text->pens, pens, sizeof pens);
    memcpy (text->look, look, sizeof look);
    changed |= load_font (vga, text->fonts[0], font_offset (vga->sequencer[VGA_SR_FONTS], false));
    changed |= load_font (vga, text->fonts[1], font_offset (vga->sequencer[VGA_SR_FONTS], true));
    return changed;
}

/* The dots of one scan line of a glyph, the leftmost in bit 8; @dots of them are shown. */
static unsigned
glyph_dots (const struct vga_text *text, uint32_t cell, uint32_t scan)
{
    uint8_t character = (uint8_t) cell, attribute = (uint8_t) (cell >> 8);
    unsigned dots = text->fonts[attribute >> 3 & 1][character * GLYPH_SIZE + scan] << 1;

    if ((character & 0xE0) == 0xC0 && (text->look[3] & AR_MODE_LINES))
        dots |= dots >> 1 & 1;
    if ((attribute & 0x77) == 0x01 && scan == text->look[2])
        dots = 0x1FF;
    if ((cell & CELL_CURSOR) && scan >= text->look[0] && scan <= text->look[1])
        dots = 0x1FF;
    return dots;
}

static void
draw_cell (struct vga *vga, const struct vga_mode *mode, const struct vga_row *row, uint32_t column,
           uint32_t cell)
{
    const struct vga_text *text = &vga->text;
    struct vga_surface *surface = &vga->surface;
    uint8_t attribute = (uint8_t) (cell >> 8);
    uint32_t front = text->pens[attribute & 0x0F];
    uint32_t back = text->pens[attribute >> 4 & (text->look[3] & AR_MODE_BLINK ? 7 : 15)];
    uint32_t pan = row->split && mode->split_stops_pan ? 0 : mode->pan;
    uint32_t width = mode->dots * mode->scale;
    uint32_t left = column * width; /* on a surface that begins @pan dots further left */
    uint32_t first = left < pan ? MIN_OF (pan - left, width) : 0;
    uint32_t end = left + width > pan + mode->width
                       ? width - MIN_OF (left + width - pan - mode->width, width)
                       : width;

    for (uint32_t line = 0; line < row->lines; line++) {
        unsigned dots = glyph_dots (text, cell, row->scan + line / mode->lines_per_scan);
        uint32_t *at = surface->pixels + (size_t) (row->y + line) * surface->width;

        for (uint32_t x = first; x < end; x++)
            at[left + x - pan] = dots >> (8 - x / mode->scale) & 1 ? front : back;
    }
}

/* Returns a cell's character, attribute and cursor as one number. */
static uint32_t
fetch_cell (const struct vga *vga, const struct vga_mode *mode, uint32_t address, uint32_t cursor)
{
    const uint8_t *at = vga->vram + (size_t) vga_plane_offset (mode, address, 0) * 4;
    uint32_t cell = at[0] | (uint32_t) at[1] << 8;

    return (address & 0xFFFF) == cursor ? cell | CELL_CURSOR : cell;
}

static void
draw_row (struct vga *vga, const struct vga_mode *mode, const struct vga_row *row, uint32_t *known,
          uint32_t cursor)
{
    uint32_t width = mode->dots * mode->scale;
    uint32_t first = UINT32_MAX, end = 0, left, right;

    for (uint32_t column = 0; column <= mode->columns; column++) {
        uint32_t cell = fetch_cell (vga, mode, row->address + column, cursor);

        if (known[column] == cell)
            continue;
        known[column] = cell;
        draw_cell (vga, mode, row, column, cell);
        first = MIN_OF (first, column);
        end = column + 1;
    }
    if (end == 0)
        return;
    left = first * width > mode->pan ? first * width - mode->pan : 0;
    right = MIN_OF (end * width, mode->width);
    if (left < right)
        vga_damage (vga, left, row->y, right - left, row->lines);
}

/* Room for all cells of @mode, unknown if it is new. */
static bool
prepare_cells (struct vga_text *text, const struct vga_mode *mode, size_t n_cells, bool forget)
{
    if (text->n_cells != n_cells) {
        uint32_t *cells = calloc (MAX_OF (n_cells, (size_t) 1), sizeof *cells);

        if (!cells)
            return false;
        free (text->cells);
        text->cells = cells;
        text->n_cells = n_cells;
        forget = true;
    }
    for (size_t i = 0; forget && i < n_cells; i++)
        text->cells[i] = CELL_UNKNOWN;
    return true;
}

void
vga_draw_text (struct vga *vga, const struct vga_mode *mode, bool whole)
{
    uint32_t cursor = (uint32_t) vga->crtc[VGA_CR_CURSOR_HIGH] << 8 | vga->crtc[VGA_CR_CURSOR_LOW];
    size_t n_rows = 0;
    struct vga_row row;
    uint32_t *known;

    whole |= load_look (vga, mode);
    if ((vga->crtc[VGA_CR_CURSOR_START] & CR_CURSOR_OFF))
        cursor = UINT32_MAX;

    for (vga_first_row (mode, &row); vga_row_is_visible (mode, &row); vga_next_row (mode, &row))
        n_rows++;
    if (!prepare_cells (&vga->text, mode, n_rows * (mode->columns + 1), whole))
        return;
    known = vga->text.cells;
    for (vga_first_row (mode, &row); vga_row_is_visible (mode, &row); vga_next_row (mode, &row)) {
        draw_row (vga, mode, &row, known, cursor);
        known += mode->columns + 1;
    }
}

void
vga_text_drop (struct vga *vga)
{
    free (vga->text.cells);
    vga->text.cells = NULL;
    vga->text.n_cells = 0;
}
