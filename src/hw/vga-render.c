/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The surface: what the display's watchers see. It exists from the first picture somebody asks for
 * until the next reset. Every refresh works the picture out anew and compares: what did not change
 * is neither written nor reported.
 */
#include "hw/vga.h"

#include <stdlib.h>

void
vga_surface_drop (struct vga *vga)
{
    struct vga_surface *surface = &vga->surface;

    if (vga->display && surface->pixels)
        display_set_scanout (vga->display, NULL);
    vga_surface_forget (vga);
}

void
vga_surface_forget (struct vga *vga)
{
    struct vga_surface *surface = &vga->surface;

    free (surface->pixels);
    free (surface->line);
    free (surface->pens);
    *surface = (struct vga_surface) {0};
}

/* Makes the surface @width × @height. True if it is a new one, black. */
static int
surface_resize (struct vga *vga, uint32_t width, uint32_t height, bool *ret_is_new)
{
    struct vga_surface *surface = &vga->surface;
    struct display_scanout scanout = {
        .width = width,
        .height = height,
        .stride = width * (uint32_t) sizeof *surface->pixels,
    };
    uint32_t *pixels, *line, *pens;

    *ret_is_new = false;
    if (surface->pixels && surface->width == width && surface->height == height)
        return 0;
    pixels = calloc ((size_t) width * height, sizeof *pixels);
    /* A line with panning has up to one character more, of at most 36 dots. */
    line = malloc ((width + 64) * sizeof *line);
    pens = malloc ((width + 64) * sizeof *pens);
    if (!pixels || !line || !pens) {
        free (pixels);
        free (line);
        free (pens);
        return -1;
    }
    scanout.pixels = pixels;
    display_set_scanout (vga->display, &scanout);
    free (surface->pixels);
    free (surface->line);
    free (surface->pens);
    *surface = (struct vga_surface) {
        .pixels = pixels, .width = width, .height = height, .line = line, .pens = pens};
    *ret_is_new = true;
    return 0;
}

static void
flush_damage (struct vga *vga)
{
    struct display_rectangle *band = &vga->surface.band;

    if (band->height)
        display_damage (vga->display, band->x, band->y, band->width, band->height);
    band->height = 0;
}

/* Neighbouring lines are reported as one rectangle. */
void
vga_damage (struct vga *vga, uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
    struct display_rectangle *band = &vga->surface.band;
    uint32_t right = x + width;

    if (band->height && band->y + band->height != y)
        flush_damage (vga);
    if (!band->height) {
        *band = (struct display_rectangle) {.x = x, .y = y, .width = width, .height = height};
        return;
    }
    right = MAX_OF (right, band->x + band->width);
    band->x = MIN_OF (band->x, x);
    band->width = right - band->x;
    band->height += height;
}

void
vga_put_line (struct vga *vga, uint32_t y, const uint32_t *line)
{
    struct vga_surface *surface = &vga->surface;
    uint32_t *at = surface->pixels + (size_t) y * surface->width;
    uint32_t first = 0, end = surface->width;

    if (memcmp (at, line, end * sizeof *at) == 0)
        return;
    while (at[first] == line[first])
        first++;
    while (at[end - 1] == line[end - 1])
        end--;
    memcpy (at + first, line + first, (end - first) * sizeof *at);
    vga_damage (vga, first, y, end - first, 1);
}

static void
draw_blank (struct vga *vga)
{
    struct vga_surface *surface = &vga->surface;

    if (!surface->pixels)
        return;
    memset (surface->line, 0, surface->width * sizeof *surface->line);
    for (uint32_t y = 0; y < surface->height; y++)
        vga_put_line (vga, y, surface->line);
}

void
vga_refresh (struct vga *vga)
{
    struct vga_mode mode;
    bool is_new;

    vga_window_sync (vga);
    vga_get_mode (vga, &mode);
    if (mode.kind == VGA_BLANK) {
        draw_blank (vga);
        vga->redraw = true;
        vga->text.mode.kind = VGA_BLANK;
        flush_damage (vga);
        return;
    }
    if (surface_resize (vga, mode.width, mode.height, &is_new) < 0)
        return;
    if (mode.kind == VGA_LINEAR)
        vga_draw_linear (vga, &mode, is_new);
    else if (mode.kind == VGA_TEXT)
        vga_draw_text (vga, &mode, is_new);
    else
        vga_draw_graphics (vga, &mode);
    if (mode.kind != VGA_LINEAR)
        vga->redraw = true;
    if (mode.kind != VGA_TEXT)
        vga->text.mode.kind = VGA_BLANK;
    flush_damage (vga);
}
