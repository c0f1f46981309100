/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel files for tests, small and whole; what a test wants otherwise it changes afterwards. The
 * code begins at KERNEL_CODE in both formats, for the test to fill in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_CODE      0x400
#define KERNEL_PVH_BASE  0x100000
#define KERNEL_PVH_NOTE  0x200                /* a foreign note, then ours */
#define KERNEL_PVH_ENTRY 0x228                /* where the file has the entry's address */
#define KERNEL_LOAD      UINT64_C (0x1000000) /* where a bzImage wants to be */

/* A bzImage of @size bytes (a multiple of 16) that needs 1 MiB at KERNEL_LOAD, with both entries.
 */
void make_linux_kernel (uint8_t *image, size_t size);
/*
 * An ELF file of @size bytes whose code goes to KERNEL_PVH_BASE, with 0x1000 zeroes behind it; the
 * entry is 0x10 bytes further.
 */
void make_pvh_kernel (uint8_t *image, size_t size, bool is_64);
