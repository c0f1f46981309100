/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SPICE carries keys as bytes of scan code set 1, the oldest of the PC's. These turn them into
 * Linux key codes and back. Pure functions and plain values.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Zeroed at first. */
struct spice_key_decoder {
    uint8_t prefix;      /* 0xE0 or 0xE1, 0 while none came */
    uint8_t pause_bytes; /* of the two that follow 0xE1 */
};

/* Takes one byte, any; true when it completes a key (KEY_*) that we know. */
bool
spice_key_decode (struct spice_key_decoder *self, uint8_t byte, unsigned *ret_key, bool *ret_down);

/* The scan code of a key, with 0x100 for the prefix 0xE0; 0 for keys that have none. KEY_PAUSE has
 * none either: it is the sequence 0xE1 0x1D 0x45, which clients treat apart. */
unsigned spice_key_encode (unsigned key);
