/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file that is booted from: opened once, so that what happens to its name later does not matter,
 * and read at any time. Any thread. Errors are one sentence with @role ("kernel") and path.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct image_file {
    int fd; /* owned; -1: none */
    uint64_t size;
    const char *role; /* static */
    char path[256];   /* for errors; long ones are cut */
};

/* Refuses what is missing, unreadable, no regular file, or empty. */
int image_file_open (struct image_file *self, const char *role, const char *path,
                     struct vmm_error *error);
void image_file_close (struct image_file *self);

/* Reads exactly @length bytes at @offset; a file that ends earlier is an error. */
int image_file_read (const struct image_file *self, uint64_t offset, void *buffer, uint64_t length,
                     struct vmm_error *error);
