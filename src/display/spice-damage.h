/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Damage on its way to a viewer: a few rectangles that together cover everything that changed.
 * Plain values; whoever owns them locks.
 */
#pragma once

#include "display/display.h"

#define SPICE_DAMAGE_RECTANGLES 8

struct spice_damage {
    struct display_rectangle rectangles[SPICE_DAMAGE_RECTANGLES];
    unsigned n_rectangles;
};

/* Adds @area, merging it with others where that costs few pixels, or where there is no room. */
void spice_damage_add (struct spice_damage *self, const struct display_rectangle *area);
/* Takes out the rectangle that has waited longest; false if there is none. */
bool spice_damage_take (struct spice_damage *self, struct display_rectangle *ret_area);
