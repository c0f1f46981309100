/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/spice-damage.h"

#include <string.h>

#include "base/util.h"

/* What a drawing command costs beside its pixels, in pixels. */
#define COMMAND_COST 1024

static struct display_rectangle
unite (const struct display_rectangle *a, const struct display_rectangle *b)
{
    unsigned x = MIN_OF (a->x, b->x), y = MIN_OF (a->y, b->y);

    return (struct display_rectangle) {
        .x = x,
        .y = y,
        .width = MAX_OF (a->x + a->width, b->x + b->width) - x,
        .height = MAX_OF (a->y + a->height, b->y + b->height) - y,
    };
}

static int64_t
area_of (const struct display_rectangle *rectangle)
{
    return (int64_t) rectangle->width * rectangle->height;
}

static void
forget (struct spice_damage *self, unsigned index)
{
    self->n_rectangles--;
    memmove (&self->rectangles[index], &self->rectangles[index + 1],
             (self->n_rectangles - index) * sizeof self->rectangles[0]);
}

/* The rectangle that is cheapest to merge with @area, and how many pixels that wastes. */
static unsigned
find_partner (const struct spice_damage *self, const struct display_rectangle *area,
              int64_t *ret_waste)
{
    unsigned best = 0;

    *ret_waste = INT64_MAX;
    for (unsigned i = 0; i < self->n_rectangles; i++) {
        struct display_rectangle both = unite (&self->rectangles[i], area);
        int64_t waste = area_of (&both) - area_of (&self->rectangles[i]) - area_of (area);

        if (waste < *ret_waste) {
            *ret_waste = waste;
            best = i;
        }
    }
    return best;
}

void
spice_damage_add (struct spice_damage *self, const struct display_rectangle *area)
{
    struct display_rectangle merged = *area;
    int64_t waste;
    unsigned i;

    if (!area->width || !area->height)
        return;
    /* What was merged may meet yet another one. */
    while (self->n_rectangles) {
        i = find_partner (self, &merged, &waste);
        if (waste > COMMAND_COST && self->n_rectangles < SPICE_DAMAGE_RECTANGLES)
            break;
        merged = unite (&self->rectangles[i], &merged);
        forget (self, i);
    }
    self->rectangles[self->n_rectangles++] = merged;
}

bool
spice_damage_take (struct spice_damage *self, struct display_rectangle *ret_area)
{
    if (!self->n_rectangles)
        return false;
    *ret_area = self->rectangles[0];
    forget (self, 0);
    return true;
}
