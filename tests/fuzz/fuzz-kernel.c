/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel files with damaged headers. The input's first byte chooses a whole file to begin with, the
 * next how much of it to keep; then come places and what to write there. What is accepted must lie
 * inside the file and inside RAM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "engine/firmware/kernel-image.h"
#include "fuzz.h"
#include "kernel-maker.h"

#define RAM        (64 * MIB)
#define IMAGE_SIZE 0x1000
/* All headers lie in here. */
#define HEAD_SIZE 0x290

static void
check (const struct kernel_image *image, size_t size)
{
    if (image->n_segments > KERNEL_MAX_SEGMENTS || image->end > RAM || image->entry >= RAM)
        abort ();
    for (size_t i = 0; i < image->n_segments; i++) {
        const struct kernel_segment *segment = &image->segments[i];

        if (!range_fits (segment->offset, segment->file_size, size) ||
            segment->address < KERNEL_FLOOR || segment->file_size > segment->memory_size ||
            !range_fits (segment->address, segment->memory_size, RAM))
            abort ();
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct vmm_error error = {0};
    struct kernel_handover handover = {.cmdline = 0x9000};
    struct kernel_image image;
    uint8_t file[IMAGE_SIZE], page[4096];
    size_t kept = IMAGE_SIZE;
    char path[64];
    int fd;

    switch (fuzz_take (&input, 1) % 4) {
    case 0: make_pvh_kernel (file, sizeof file, true); break;
    case 1: make_pvh_kernel (file, sizeof file, false); break;
    default: make_linux_kernel (file, sizeof file); break;
    }
    if (fuzz_take (&input, 1) >= 0xC0)
        kept = fuzz_take (&input, 2) % (IMAGE_SIZE + 1);
    while (input.size > 0) {
        size_t at = fuzz_take (&input, 2) % HEAD_SIZE;
        unsigned width = 1u << fuzz_take (&input, 1) % 4;
        uint64_t value = fuzz_take (&input, width);

        for (unsigned i = 0; i < width; i++)
            file[at + i] = (uint8_t) (value >> (8 * i));
    }

    fd = memfd_create ("kernel", MFD_CLOEXEC);
    if (fd < 0 || write (fd, file, kept) != (ssize_t) kept)
        abort ();
    snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
    if (kernel_image_open (&image, path, RAM, &error) == 0) {
        check (&image, kept);
        if (image.kind == KERNEL_LINUX)
            linux_write_params (&image, &handover, page);
        kernel_image_close (&image);
    } else if (!error.message[0]) {
        abort ();
    }
    close (fd);
    return 0;
}
