/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Golden pictures: PNG files under tests/golden/ that a test's picture must equal pixel by pixel.
 * With POSADA_UPDATE_GOLDEN=1 in the environment they are written instead, to be looked at and
 * reviewed as a change. A picture that differs is left in the working directory as NAME.actual.png.
 */
#pragma once

#include <stdint.h>

/* @name without ".png", e.g. "vga/text-80x25"; pixels 0x00RRGGBB, rows back to back. Fails the
 * test. */
void
golden_check_picture (const char *name, const uint32_t *pixels, unsigned width, unsigned height);
