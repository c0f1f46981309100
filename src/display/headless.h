/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The headless sink: pictures of a display on demand. Any thread but the device's.
 */
#pragma once

#include "display/display.h"

/*
 * Copies the current picture; the caller frees @ret_pixels (width × height words, 0x00RRGGBB).
 * -ENODATA (with a sentence) while the screen is off.
 */
int headless_grab (struct display *display, uint32_t **ret_pixels, unsigned *ret_width,
                   unsigned *ret_height, struct vmm_error *error);
/* Writes the current picture as a PNG file, atomically (temporary file, rename). It replaces a
 * picture, but no other file. */
int headless_screenshot (struct display *display, const char *path, struct vmm_error *error);
/* The same, scaled down to fit @width × @height, with its proportions. */
int headless_thumbnail (struct display *display, const char *path, unsigned width, unsigned height,
                        struct vmm_error *error);
