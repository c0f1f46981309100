/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks of the files and of the host that a machine is to be made of. They look and change
 * nothing. Every function returns 0 or a negative errno with one sentence that names the file or
 * value.
 */
#pragma once

#include "base/error.h"
#include "cli/options.h"

/* The kernel, its RAM disk, a firmware file: there, readable, no directory and not empty. */
int inputs_check_boot_files (const struct run_options *options, struct vmm_error *error);
/* As blk_open_raw () for a CD image, and that it is whole as far as its volume descriptor tells. */
int inputs_check_cd (const char *path, struct vmm_error *error);
/* An image that is to be there is there; one that is to be made is not, and can be. */
int inputs_check_disk (const struct disk_option *disk, struct vmm_error *error);
/* Two names of one file, there or not. */
bool inputs_are_same_file (const char *path, const char *other);
/* Something can be written at @path, which @what is for. */
int inputs_check_output (const char *path, const char *what, struct vmm_error *error);
/* This host has that much memory. */
int inputs_check_memory (uint64_t memory, struct vmm_error *error);
