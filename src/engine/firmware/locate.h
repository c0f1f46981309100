/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds and reads firmware images. Distributions put the same files into different places; which
 * ones are known is in locate.c. Any thread; the caller owns what is returned.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum firmware_file {
    FIRMWARE_BIOS,           /* SeaBIOS */
    FIRMWARE_VGABIOS,        /* its VGA BIOS for the standard VGA */
    FIRMWARE_VGABIOS_VIRTIO, /* and for the VGA in a virtio graphics adapter */
};

/*
 * @search_path: directories separated by colons that are searched instead of the distribution's
 * (what a user's POSADA_FIRMWARE_PATH says; the engine reads no environment); NULL or empty: the
 * distribution's. *ret_path is to be freed. -ENOENT with a sentence that names the package.
 */
int firmware_locate (enum firmware_file file, const char *search_path, char **ret_path,
                     struct vmm_error *error);

/* Limits of an image of each kind: what cannot be one is refused before anything is read. */
#define FIRMWARE_BIOS_STEP    0x10000u   /* a BIOS is a whole number of these */
#define FIRMWARE_BIOS_MAX     0x1000000u /* it ends at 4 GiB and must not reach KVM's own pages */
#define FIRMWARE_VGABIOS_MAX  0x10000u
#define FIRMWARE_VGABIOS_STEP 0x200u

/*
 * Reads a whole image, checking that its size is possible and that a VGA BIOS begins as one does.
 * *ret_data is to be freed. Errors name @path.
 */
int firmware_read (enum firmware_file file, const char *path, uint8_t **ret_data, size_t *ret_size,
                   struct vmm_error *error);
