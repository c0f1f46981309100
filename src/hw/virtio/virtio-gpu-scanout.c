/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first screen belongs to the VGA until a driver shows something, and again after a reset. In
 * between a screen without a resource is dark, as a monitor is that a desktop has sent to sleep: it
 * does not fall back to what a boot loader wrote there.
 *
 * Sinks read a resource's pixels where they lie. Whatever frees them takes them off the screens
 * first.
 */
#include "base/util.h"
#include "hw/virtio/virtio-gpu.h"

#define MIN_WIDTH     320
#define MIN_HEIGHT    200
#define EVENT_DISPLAY 1u

static struct gpu_scanout *
find_scanout (struct gpu *gpu, uint32_t number)
{
    return number < gpu->n_scanouts ? &gpu->scanouts[number] : NULL;
}

static bool
shows_vga (const struct gpu_scanout *self)
{
    return self == self->gpu->scanouts && !self->gpu->has_taken_over;
}

/* Brings the display in line. */
static void
show (struct gpu_scanout *self)
{
    const struct gpu_resource *resource = gpu_find_resource (self->gpu, self->resource);

    if (!self->display || shows_vga (self))
        return;
    if (resource) {
        const struct display_scanout scanout = {
            .pixels = resource->pixels + (size_t) self->y * resource->width + self->x,
            .width = self->width,
            .height = self->height,
            .stride = resource->width * (unsigned) sizeof *resource->pixels,
        };

        display_set_scanout (self->display, &scanout);
        self->gpu->shows_resources = true;
    } else {
        display_set_scanout (self->display, NULL);
    }
    if (self == self->gpu->scanouts)
        vga_surface_forget (&self->gpu->vga);
}

static void
show_cursor (struct gpu_scanout *self)
{
    struct gpu_cursor *at = &self->cursor;
    const struct gpu_resource *resource = gpu_find_resource (self->gpu, at->resource);
    struct display_cursor cursor = {.hidden = at->seen && at->resource == 0};

    if (!self->display)
        return;
    if (resource && resource->width <= DISPLAY_MAX_CURSOR &&
        resource->height <= DISPLAY_MAX_CURSOR) {
        cursor.pixels = resource->pixels;
        cursor.width = resource->width;
        cursor.height = resource->height;
        cursor.hot_x = (int) MIN_OF (at->hot_x, resource->width - 1);
        cursor.hot_y = (int) MIN_OF (at->hot_y, resource->height - 1);
    }
    display_set_cursor (self->display, &cursor);
    display_move_cursor (self->display, (int32_t) at->x, (int32_t) at->y, cursor.pixels != NULL);
}

enum gpu_answer
gpu_set_scanout (struct gpu *gpu, uint32_t number, uint32_t resource,
                 const struct display_rectangle *rectangle)
{
    struct gpu_scanout *self = find_scanout (gpu, number);
    const struct gpu_resource *shown = gpu_find_resource (gpu, resource);

    if (!self)
        return GPU_NO_SUCH_SCANOUT;
    if (resource == 0) {
        self->resource = 0;
        show (self);
        return GPU_OK;
    }
    if (!shown)
        return GPU_NO_SUCH_RESOURCE;
    if (!rectangle->width || !rectangle->height || !gpu_rectangle_fits (shown, rectangle))
        return GPU_BAD_PARAMETER;
    self->resource = resource;
    self->x = rectangle->x;
    self->y = rectangle->y;
    self->width = rectangle->width;
    self->height = rectangle->height;
    gpu->has_taken_over = true;
    show (self);
    /* Another screen than the first may have been it. */
    if (self != gpu->scanouts && !gpu->scanouts[0].resource)
        show (gpu->scanouts);
    return GPU_OK;
}

/* Reports the part of @rectangle, in the resource, that is on the screen. */
static void
damage (const struct gpu_scanout *self, const struct display_rectangle *rectangle)
{
    uint32_t left = MAX_OF (rectangle->x, self->x), top = MAX_OF (rectangle->y, self->y);
    uint32_t right = MIN_OF (rectangle->x + rectangle->width, self->x + self->width);
    uint32_t bottom = MIN_OF (rectangle->y + rectangle->height, self->y + self->height);

    if (self->display && left < right && top < bottom)
        display_damage (self->display, left - self->x, top - self->y, right - left, bottom - top);
}

enum gpu_answer
gpu_flush (struct gpu *gpu, uint32_t resource, const struct display_rectangle *rectangle)
{
    const struct gpu_resource *flushed = gpu_find_resource (gpu, resource);

    if (!flushed)
        return GPU_NO_SUCH_RESOURCE;
    if (!gpu_rectangle_fits (flushed, rectangle))
        return GPU_BAD_PARAMETER;
    gpu->spent += (uint64_t) rectangle->width * rectangle->height * sizeof *flushed->pixels;
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        if (gpu->scanouts[i].resource == resource)
            damage (&gpu->scanouts[i], rectangle);
    return GPU_OK;
}

void
gpu_set_cursor (struct gpu *gpu, uint32_t number, const struct gpu_cursor *cursor)
{
    struct gpu_scanout *self = find_scanout (gpu, number);
    const struct gpu_resource *resource = gpu_find_resource (gpu, cursor->resource);

    bool seen;

    if (!self || (cursor->resource && !resource))
        return;
    if (resource)
        gpu->spent += resource->n_bytes;
    seen = self->cursor.seen || resource;
    self->cursor = *cursor;
    self->cursor.seen = seen;
    show_cursor (self);
}

void
gpu_move_cursor (struct gpu *gpu, uint32_t number, uint32_t x, uint32_t y)
{
    struct gpu_scanout *self = find_scanout (gpu, number);

    if (!self)
        return;
    self->cursor.x = x;
    self->cursor.y = y;
    if (self->display)
        display_move_cursor (self->display, (int32_t) x, (int32_t) y, self->cursor.resource != 0);
}

void
gpu_forget_resource (struct gpu *gpu, uint32_t resource)
{
    for (unsigned i = 0; i < gpu->n_scanouts; i++) {
        struct gpu_scanout *self = &gpu->scanouts[i];

        if (self->resource == resource) {
            self->resource = 0;
            show (self);
        }
        if (self->cursor.resource == resource) {
            self->cursor.resource = 0;
            show_cursor (self);
        }
    }
}

void
gpu_blank (struct gpu *gpu)
{
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        if (gpu->scanouts[i].display)
            display_set_scanout (gpu->scanouts[i].display, NULL);
    vga_surface_forget (&gpu->vga);
    gpu->shows_resources = false;
}

/* What a driver can be told to use, next to that. */
static void
set_wanted (struct gpu_scanout *self, unsigned width, unsigned height)
{
    self->wanted_width = MIN_OF (MAX_OF (width, (unsigned) MIN_WIDTH), (unsigned) EDID_MAX_PIXELS);
    self->wanted_height =
        MIN_OF (MAX_OF (height, (unsigned) MIN_HEIGHT), (unsigned) EDID_MAX_PIXELS);
}

void
gpu_reset_scanouts (struct gpu *gpu)
{
    if (gpu->has_taken_over || gpu->shows_resources) {
        gpu_blank (gpu);
        gpu->vga.redraw = true;
    }
    gpu->has_taken_over = false;
    for (unsigned i = 0; i < gpu->n_scanouts; i++) {
        struct gpu_scanout *self = &gpu->scanouts[i];

        self->resource = self->x = self->y = self->width = self->height = 0;
        self->cursor = (struct gpu_cursor) {0};
        /* A saved state that was refused may have left anything there. */
        set_wanted (self, self->wanted_width, self->wanted_height);
        show_cursor (self);
    }
}

/* The watchers' side. */

static void
refresh_cb (void *data)
{
    struct gpu_scanout *self = data;

    /* A driver says itself what it changed. */
    if (shows_vga (self))
        vga_refresh (&self->gpu->vga);
}

static void
suggest_size_cb (void *data, unsigned width, unsigned height)
{
    struct gpu_scanout *self = data;
    struct gpu *gpu = self->gpu;
    uint32_t width_before = self->wanted_width, height_before = self->wanted_height;

    set_wanted (self, width, height);
    if (self->wanted_width == width_before && self->wanted_height == height_before)
        return;
    if (self == gpu->scanouts)
        edid_build (gpu->vga.edid, self->wanted_width, self->wanted_height);
    gpu->events |= EVENT_DISPLAY;
    gpu_update_config (gpu);
    virtio_config_changed (&gpu->virtio);
}

const struct display_source_ops gpu_source_ops = {
    .refresh = refresh_cb,
    .suggest_size = suggest_size_cb,
};

/* State. */

static bool
check_scanout (struct gpu_scanout *self)
{
    const struct gpu_resource *resource = gpu_find_resource (self->gpu, self->resource);
    const struct display_rectangle rectangle = {self->x, self->y, self->width, self->height};

    if (self->wanted_width < MIN_WIDTH || self->wanted_width > EDID_MAX_PIXELS ||
        self->wanted_height < MIN_HEIGHT || self->wanted_height > EDID_MAX_PIXELS)
        return false;
    if (self->cursor.resource && !gpu_find_resource (self->gpu, self->cursor.resource))
        return false;
    if (!self->resource)
        return true;
    return resource && self->width && self->height && self->gpu->has_taken_over &&
           gpu_rectangle_fits (resource, &rectangle);
}

bool
gpu_check_scanouts (struct gpu *gpu)
{
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        if (!check_scanout (&gpu->scanouts[i]))
            return false;
    return true;
}

void
gpu_show_all (struct gpu *gpu)
{
    gpu_blank (gpu);
    for (unsigned i = 0; i < gpu->n_scanouts; i++) {
        show (&gpu->scanouts[i]);
        show_cursor (&gpu->scanouts[i]);
    }
    edid_build (gpu->vga.edid, gpu->scanouts[0].wanted_width, gpu->scanouts[0].wanted_height);
}

static const struct vmm_state_field scanout_fields[] = {
    VMM_STATE (struct gpu_scanout, wanted_width),
    VMM_STATE (struct gpu_scanout, wanted_height),
    VMM_STATE (struct gpu_scanout, resource),
    VMM_STATE (struct gpu_scanout, x),
    VMM_STATE (struct gpu_scanout, y),
    VMM_STATE (struct gpu_scanout, width),
    VMM_STATE (struct gpu_scanout, height),
    VMM_STATE (struct gpu_scanout, cursor.resource),
    VMM_STATE (struct gpu_scanout, cursor.hot_x),
    VMM_STATE (struct gpu_scanout, cursor.hot_y),
    VMM_STATE (struct gpu_scanout, cursor.x),
    VMM_STATE (struct gpu_scanout, cursor.y),
    {.name = "cursor.seen",
     .type = VMM_FIELD_BOOL,
     .offset = offsetof (struct gpu_scanout, cursor.seen),
     .count = 1,
     .size = sizeof (bool),
     .since = 2},
};

const struct vmm_state_table gpu_scanout_state = {
    .name = "scanout",
    .version = 2,
    .fields = scanout_fields,
    .n_fields = ARRAY_LENGTH (scanout_fields),
};
