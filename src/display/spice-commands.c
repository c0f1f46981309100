/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "display/spice-commands.h"

#include <spice/enums.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

struct copy_command {
    struct spice_command command;
    QXLDrawable drawable;
    QXLImage image;
    uint32_t pixels[];
};

struct cursor_command {
    struct spice_command command;
    QXLCursorCmd cursor_command;
    QXLCursor cursor; /* whose pixels follow */
    uint8_t bytes[];
};

static QXLPHYSICAL
address_of (const void *pointer)
{
    return (uintptr_t) pointer;
}

static void *
new_command (size_t bytes)
{
    struct spice_command *command = malloc (bytes);

    if (!command)
        return NULL;
    list_init (&command->link);
    command->bytes = bytes;
    return command;
}

static void
fill_image (struct copy_command *self, unsigned width, unsigned height, uint32_t number)
{
    self->image = (QXLImage) {
        .descriptor = {.type = SPICE_IMAGE_TYPE_BITMAP, .width = width, .height = height},
        .bitmap = {.format = SPICE_BITMAP_FMT_32BIT,
                   .flags = QXL_BITMAP_DIRECT | QXL_BITMAP_TOP_DOWN,
                   .x = width,
                   .y = height,
                   .stride = width * 4,
                   .data = address_of (self->pixels)},
    };
    QXL_SET_IMAGE_ID (&self->image, QXL_IMAGE_GROUP_DEVICE, number);
}

struct spice_command *
spice_command_copy (const uint32_t *pixels, unsigned stride, const struct display_rectangle *area,
                    uint32_t number, QXLCommandExt *ret_command)
{
    size_t row = (size_t) area->width * 4;
    struct copy_command *self = new_command (sizeof *self + row * area->height);

    if (!self)
        return NULL;
    for (unsigned y = 0; y < area->height; y++)
        memcpy (self->pixels + (size_t) y * area->width,
                pixels + (size_t) (area->y + y) * stride + area->x, row);
    fill_image (self, area->width, area->height, number);
    self->drawable = (QXLDrawable) {
        .release_info.id = address_of (&self->command),
        .effect = QXL_EFFECT_OPAQUE,
        .type = QXL_DRAW_COPY,
        .bbox = {.left = (int32_t) area->x,
                 .top = (int32_t) area->y,
                 .right = (int32_t) (area->x + area->width),
                 .bottom = (int32_t) (area->y + area->height)},
        .clip.type = SPICE_CLIP_TYPE_NONE,
        .surfaces_dest = {-1, -1, -1},
        .u.copy = {.src_bitmap = address_of (&self->image),
                   .src_area = {.right = (int32_t) area->width, .bottom = (int32_t) area->height},
                   .rop_descriptor = SPICE_ROPD_OP_PUT},
    };
    *ret_command = (QXLCommandExt) {
        .cmd = {.type = QXL_CMD_DRAW, .data = address_of (&self->drawable)},
    };
    return &self->command;
}

static struct cursor_command *
new_cursor_command (uint8_t type, size_t bytes, QXLCommandExt *ret_command)
{
    struct cursor_command *self = new_command (sizeof *self + bytes);

    if (!self)
        return NULL;
    self->cursor_command = (QXLCursorCmd) {
        .release_info.id = address_of (&self->command),
        .type = type,
    };
    *ret_command = (QXLCommandExt) {
        .cmd = {.type = QXL_CMD_CURSOR, .data = address_of (&self->cursor_command)},
    };
    return self;
}

static QXLPoint16
point (int x, int y)
{
    return (QXLPoint16) {
        .x = (int16_t) MAX_OF (INT16_MIN, MIN_OF (x, INT16_MAX)),
        .y = (int16_t) MAX_OF (INT16_MIN, MIN_OF (y, INT16_MAX)),
    };
}

/* Viewers expect colours that are not multiplied by their alpha. */
static uint32_t
divide_by_alpha (uint32_t pixel)
{
    unsigned alpha = pixel >> 24;
    uint32_t divided = pixel & 0xFF000000;

    if (alpha == 0xFF)
        return pixel;
    for (unsigned shift = 0; alpha && shift < 24; shift += 8) {
        unsigned value = (pixel >> shift & 0xFF) * 255 / alpha;

        divided |= (uint32_t) MIN_OF (value, 255u) << shift;
    }
    return divided;
}

struct spice_command *
spice_command_set_cursor (const struct display_cursor *cursor, int x, int y,
                          QXLCommandExt *ret_command)
{
    unsigned hot_x = (unsigned) MAX_OF (0, MIN_OF (cursor->hot_x, (int) cursor->width - 1));
    unsigned hot_y = (unsigned) MAX_OF (0, MIN_OF (cursor->hot_y, (int) cursor->height - 1));
    size_t n_pixels = (size_t) cursor->width * cursor->height;
    struct cursor_command *self = new_cursor_command (QXL_CURSOR_SET, n_pixels * 4, ret_command);

    if (!self)
        return NULL;
    self->cursor_command.u.set.position = point (x + (int) hot_x, y + (int) hot_y);
    self->cursor_command.u.set.visible = 1;
    self->cursor_command.u.set.shape = address_of (&self->cursor);
    self->cursor = (QXLCursor) {
        .header = {.type = SPICE_CURSOR_TYPE_ALPHA,
                   .width = (uint16_t) cursor->width,
                   .height = (uint16_t) cursor->height,
                   .hot_spot_x = (uint16_t) hot_x,
                   .hot_spot_y = (uint16_t) hot_y},
        .data_size = (uint32_t) (n_pixels * 4),
        .chunk.data_size = (uint32_t) (n_pixels * 4),
    };
    for (size_t i = 0; i < n_pixels; i++)
        store_le32 (self->bytes + 4 * i, divide_by_alpha (cursor->pixels[i]));
    return &self->command;
}

struct spice_command *
spice_command_move_cursor (int x, int y, QXLCommandExt *ret_command)
{
    struct cursor_command *self = new_cursor_command (QXL_CURSOR_MOVE, 0, ret_command);

    if (!self)
        return NULL;
    self->cursor_command.u.position = point (x, y);
    return &self->command;
}

struct spice_command *
spice_command_hide_cursor (QXLCommandExt *ret_command)
{
    struct cursor_command *self = new_cursor_command (QXL_CURSOR_HIDE, 0, ret_command);

    return self ? &self->command : NULL;
}

struct spice_command *
spice_command_released (struct QXLReleaseInfoExt info)
{
    return (struct spice_command *) (uintptr_t) info.info->id;
}
