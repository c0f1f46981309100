/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What fuzz targets share. A target is one file with LLVMFuzzerTestOneInput (), linked with
 * driver.c, or with libFuzzer instead. It reads its input as a little program, and every input
 * starts from nothing, so that a failing one fails again.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* The rest of an input. Past the end it is all zeroes. */
struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

static inline uint64_t
fuzz_take (struct fuzz_input *input, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && input->size; i++) {
        value |= (uint64_t) *input->data++ << (8 * i);
        input->size--;
    }
    return value;
}
