/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The EDID block by which a monitor tells what it is (VESA E-EDID Release A, Revision 2, structure
 * version 1.4). A pure function, any thread.
 */
#pragma once

#include <stdint.h>

#define EDID_SIZE       128
#define EDID_MAX_PIXELS 4095 /* on a side: what a detailed timing has bits for */

/* A digital monitor called Posada that likes @width × @height best; both 1 to EDID_MAX_PIXELS. */
void edid_build (uint8_t edid[EDID_SIZE], unsigned width, unsigned height);
