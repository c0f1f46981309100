/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands for libspice-server's QXL interface: pictures of a rectangle, and cursors, as an
 * imaginary graphics adapter would put them in its memory. The library holds each until it releases
 * it. Plain memory; the QXL side locks.
 */
#pragma once

#include <spice.h>

#include "base/list.h"
#include "display/display.h"

struct spice_command {
    struct vmm_list link; /* its owner's */
    size_t bytes;         /* allocated */
};

/* @area of a picture whose rows are @stride words apart; NULL for lack of memory. @number: of the
 * image, never twice the same. */
struct spice_command *
spice_command_copy (const uint32_t *pixels, unsigned stride, const struct display_rectangle *area,
                    uint32_t number, QXLCommandExt *ret_command);
/* The cursor's picture, with its corner at @x, @y. */
struct spice_command *spice_command_set_cursor (const struct display_cursor *cursor, int x, int y,
                                                QXLCommandExt *ret_command);
/* @x, @y: of the hot spot. */
struct spice_command *spice_command_move_cursor (int x, int y, QXLCommandExt *ret_command);
struct spice_command *spice_command_hide_cursor (QXLCommandExt *ret_command);

/* The command that the library gives back. Free it with free (). */
struct spice_command *spice_command_released (struct QXLReleaseInfoExt info);
