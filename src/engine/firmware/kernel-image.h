/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A kernel file that is booted without firmware, understood but not yet loaded. What it is made of
 * is found out once, when the machine is created; its parts are read into guest RAM at every start.
 * The files linux-boot.c and pvh.c know one format each; kernel-image.c tells them apart.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/firmware/image-file.h"
#include "engine/firmware/memory-map.h"
#include "engine/guest-memory.h"

/* Below 1 MiB we put what a kernel is handed; kernels themselves load above. */
#define KERNEL_FLOOR        UINT64_C (0x100000)
#define KERNEL_MAX_SEGMENTS 32

/* The first bytes of the file, enough to know what it is. */
#define KERNEL_HEAD_SIZE 4096

struct kernel_segment {
    uint64_t offset, file_size;    /* where in the file */
    uint64_t address, memory_size; /* where in RAM; zeroes behind what the file has */
};

enum kernel_kind {
    KERNEL_LINUX, /* bzImage, by the Linux boot protocol */
    KERNEL_PVH,   /* ELF with a PVH entry point */
};

/* The part of struct boot_params that comes from the image: offsets 0x1F1 to 0x28F. */
#define LINUX_HEADER_START 0x1F1
#define LINUX_HEADER_END   0x290

struct kernel_image {
    struct image_file file;
    enum kernel_kind kind;
    struct kernel_segment segments[KERNEL_MAX_SEGMENTS];
    size_t n_segments;
    bool long_mode; /* entered in 64-bit mode, else in 32-bit protected mode */
    uint64_t entry;
    uint64_t end;           /* RAM from here on is free while the kernel starts */
    uint64_t initrd_limit;  /* an initrd must end at or below */
    uint64_t cmdline_limit; /* longest command line, without its NUL */
    uint8_t header[LINUX_HEADER_END - LINUX_HEADER_START]; /* KERNEL_LINUX */
};

/*
 * Opens @path and understands it, for a machine with @low_memory bytes of RAM below 4 GiB. What is
 * no kernel, one for another processor, damaged, or needs more RAM is an error that says so.
 */
int kernel_image_open (struct kernel_image *self, const char *path, uint64_t low_memory,
                       struct vmm_error *error);
void kernel_image_close (struct kernel_image *self);

/* Reads all segments into RAM. */
int kernel_image_load (const struct kernel_image *self, struct vmm_memory *memory,
                       struct vmm_error *error);

/* Reads @length bytes of @file at @offset straight into guest RAM. */
int image_file_load (const struct image_file *file, uint64_t offset, uint64_t length,
                     struct vmm_memory *memory, uint64_t address, struct vmm_error *error);

/* What a kernel is handed. */
struct kernel_handover {
    uint64_t cmdline;             /* address of a NUL-terminated string */
    uint64_t initrd, initrd_size; /* size 0: none */
    uint64_t rsdp;
    struct memory_map map;
};

/* The two formats. @head has @head_size bytes of the file's beginning. */
int linux_inspect (struct kernel_image *self, const uint8_t *head, size_t head_size,
                   uint64_t low_memory, struct vmm_error *error);
/* Fills @params, one page, which the kernel finds in RSI. */
void linux_write_params (const struct kernel_image *self, const struct kernel_handover *handover,
                         uint8_t params[4096]);

int pvh_inspect (struct kernel_image *self, const uint8_t *head, size_t head_size,
                 uint64_t low_memory, struct vmm_error *error);
/* Fills @info, one page that will lie at @address, which the kernel finds in EBX. */
void pvh_write_info (const struct kernel_handover *handover, uint64_t address, uint8_t info[4096]);

/* Refuses a kernel that needs RAM up to @end. */
int kernel_check_room (const struct kernel_image *self, uint64_t end, uint64_t low_memory,
                       struct vmm_error *error);
