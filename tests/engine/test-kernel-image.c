/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/kernel-image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "kernel-maker.h"
#include "tap.h"

#define RAM        (256 * MIB)
#define IMAGE_SIZE 0x4000

static char path[] = "/tmp/posada-kernel-XXXXXX";

__attribute__ ((constructor (101))) static void
make_path (void)
{
    int fd = mkstemp (path);

    if (fd < 0)
        abort ();
    close (fd);
}

__attribute__ ((destructor)) static void
remove_path (void)
{
    unlink (path);
}

static void
store (const void *data, size_t size)
{
    int fd = open (path, O_WRONLY | O_TRUNC);

    if (fd < 0 || write (fd, data, size) != (ssize_t) size)
        abort ();
    close (fd);
}

static int
try_open (const void *data, size_t size, uint64_t ram, struct kernel_image *image,
          struct vmm_error *error)
{
    int r;

    store (data, size);
    *error = (struct vmm_error) {0};
    r = kernel_image_open (image, path, ram, error);
    if (r < 0 && !strstr (error->message, path))
        tap_fail (__FILE__, __LINE__, "the error does not name the file: %s", error->message);
    return r;
}

#define CHECK_REFUSED(data, size, ram, part)                              \
    do {                                                                  \
        struct kernel_image refused_;                                     \
        struct vmm_error error_;                                          \
        CHECK (try_open ((data), (size), (ram), &refused_, &error_) < 0); \
        CHECK_CONTAINS (error_.message, part);                            \
    } while (0)

TEST (bzimage_is_understood)
{
    uint8_t data[IMAGE_SIZE], params[4096];
    struct kernel_handover handover = {
        .cmdline = 0x9000, .initrd = 0x5000000, .initrd_size = 0x1234, .rsdp = 0x9FC20};
    struct kernel_image image;
    struct vmm_error error;

    make_linux_kernel (data, sizeof data);
    CHECK_EQUAL (try_open (data, sizeof data, RAM, &image, &error), 0);
    CHECK (image.kind == KERNEL_LINUX && image.long_mode);
    CHECK_EQUAL (image.n_segments, 1);
    CHECK_EQUAL (image.segments[0].offset, 0x400);
    CHECK_EQUAL (image.segments[0].file_size, IMAGE_SIZE - 0x400);
    CHECK_EQUAL (image.segments[0].address, 16 * MIB);
    CHECK_EQUAL (image.entry, 16 * MIB + 0x200);
    CHECK_EQUAL (image.end, 17 * MIB);
    CHECK_EQUAL (image.initrd_limit, 0x80000000);
    CHECK_EQUAL (image.cmdline_limit, 255);

    memory_map_add (&handover.map, 0, 0x90000, MEMORY_RAM);
    memory_map_add (&handover.map, MIB, RAM - MIB, MEMORY_RAM);
    linux_write_params (&image, &handover, params);
    CHECK_EQUAL (load_le64 (params + 0x70), 0x9FC20);
    CHECK_EQUAL (params[0x1E8], 2);
    CHECK (memcmp (params + 0x202, "HdrS", 4) == 0);
    CHECK_EQUAL (params[0x210], 0xFF);
    CHECK_EQUAL (load_le32 (params + 0x214), 16 * MIB);
    CHECK_EQUAL (load_le32 (params + 0x218), 0x5000000);
    CHECK_EQUAL (load_le32 (params + 0x21C), 0x1234);
    CHECK_EQUAL (load_le32 (params + 0x228), 0x9000);
    CHECK_EQUAL (load_le32 (params + 0x260), MIB);
    CHECK_EQUAL (load_le64 (params + 0x2D0 + 20), MIB);
    CHECK_EQUAL (load_le32 (params + 0x2D0 + 36), 1);
    kernel_image_close (&image);
}

TEST (header_ends_where_its_jump_says)
{
    uint8_t data[IMAGE_SIZE], params[4096];
    struct kernel_handover handover = {.cmdline = 0x9000};
    struct kernel_image image;
    struct vmm_error error;

    make_linux_kernel (data, sizeof data);
    memset (data + 0x268, 0xAA, 0x100);
    CHECK_EQUAL (try_open (data, sizeof data, RAM, &image, &error), 0);
    linux_write_params (&image, &handover, params);
    CHECK_EQUAL (params[0x267], 0);
    CHECK_EQUAL (params[0x268], 0);
    kernel_image_close (&image);
    data[0x201] = 0xFF;
    CHECK_EQUAL (try_open (data, sizeof data, RAM, &image, &error), 0);
    linux_write_params (&image, &handover, params);
    CHECK_EQUAL (params[0x28F], 0xAA);
    CHECK_EQUAL (params[0x290], 0);
    kernel_image_close (&image);
}

TEST (kernels_without_a_64_bit_entry_start_in_32_bit_mode)
{
    uint8_t data[IMAGE_SIZE];
    struct kernel_image image;
    struct vmm_error error;

    make_linux_kernel (data, sizeof data);
    store_le16 (data + 0x236, 0);
    CHECK_EQUAL (try_open (data, sizeof data, RAM, &image, &error), 0);
    CHECK (!image.long_mode);
    CHECK_EQUAL (image.entry, 16 * MIB);
    kernel_image_close (&image);
    /* Before 2.10 nothing says where the kernel wants to be. */
    store_le16 (data + 0x206, 0x0206);
    CHECK_EQUAL (try_open (data, sizeof data, RAM, &image, &error), 0);
    CHECK_EQUAL (image.entry, MIB);
    kernel_image_close (&image);
}

TEST (bad_bzimages_are_refused_with_the_reason)
{
    uint8_t data[IMAGE_SIZE];

    make_linux_kernel (data, sizeof data);
    CHECK_REFUSED (data, IMAGE_SIZE - 16, RAM, "is truncated");
    CHECK_REFUSED (data, 0x400, RAM, "is truncated");
    CHECK_REFUSED (data, 0x220, RAM, "is truncated");
    CHECK_REFUSED (data, 0x200, RAM, "is not a kernel");
    CHECK_REFUSED (data, IMAGE_SIZE, 16 * MIB, "too big for the memory: it needs 17 MiB");
    store_le16 (data + 0x206, 0x0205);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "version 2.05");
    make_linux_kernel (data, sizeof data);
    data[0x211] = 0;
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "zImage");
    make_linux_kernel (data, sizeof data);
    store_le32 (data + 0x1F4, 0);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "is damaged");
    make_linux_kernel (data, sizeof data);
    store_le64 (data + 0x258, 0x1000);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "is damaged");
    store_le64 (data + 0x258, UINT64_MAX - 4095);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "is damaged");
    make_linux_kernel (data, sizeof data);
    store_le32 (data + 0x260, 16);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "is damaged");
}

TEST (pvh_kernels_of_both_classes_are_understood)
{
    for (int is_64 = 0; is_64 < 2; is_64++) {
        uint8_t data[IMAGE_SIZE];
        struct kernel_image image;
        struct vmm_error error;

        make_pvh_kernel (data, sizeof data, is_64);
        CHECK_EQUAL (try_open (data, sizeof data, RAM, &image, &error), 0);
        CHECK (image.kind == KERNEL_PVH && !image.long_mode);
        CHECK_EQUAL (image.entry, MIB + 0x10);
        CHECK_EQUAL (image.n_segments, 1);
        CHECK_EQUAL (image.segments[0].offset, KERNEL_CODE);
        CHECK_EQUAL (image.segments[0].memory_size, IMAGE_SIZE - KERNEL_CODE + 0x1000);
        CHECK_EQUAL (image.end, MIB + 0x5000);
        kernel_image_close (&image);
    }
}

TEST (start_info_lists_module_and_memory)
{
    struct kernel_handover handover = {
        .cmdline = 0x9000, .initrd = 0x5000000, .initrd_size = 0x1234, .rsdp = 0x9FC20};
    uint8_t info[4096];

    memory_map_add (&handover.map, 0, 0x90000, MEMORY_RAM);
    memory_map_add (&handover.map, 0x90000, 0x1000, MEMORY_ACPI);
    pvh_write_info (&handover, 0x1000, info);
    CHECK_EQUAL (load_le32 (info), 0x336EC578);
    CHECK_EQUAL (load_le32 (info + 4), 1);
    CHECK_EQUAL (load_le32 (info + 12), 1);
    CHECK_EQUAL (load_le64 (info + (load_le64 (info + 16) - 0x1000)), 0x5000000);
    CHECK_EQUAL (load_le64 (info + 24), 0x9000);
    CHECK_EQUAL (load_le64 (info + 32), 0x9FC20);
    CHECK_EQUAL (load_le32 (info + 48), 2);
    CHECK_EQUAL (load_le64 (info + (load_le64 (info + 40) - 0x1000) + 24), 0x90000);
    CHECK_EQUAL (load_le32 (info + (load_le64 (info + 40) - 0x1000) + 24 + 16), 3);
    handover.initrd_size = 0;
    pvh_write_info (&handover, 0x1000, info);
    CHECK_EQUAL (load_le32 (info + 12), 0);
}

TEST (bad_elf_files_are_refused_with_the_reason)
{
    uint8_t data[IMAGE_SIZE];

    make_pvh_kernel (data, sizeof data, true);
    CHECK_REFUSED (data, 20, RAM, "is truncated");
    CHECK_REFUSED (data, 0x1080, RAM, "is truncated");
    CHECK_REFUSED (data, 0x60, RAM, "is truncated");
    store_le32 (data + 0x220, 19);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "without a PVH entry point");
    make_pvh_kernel (data, sizeof data, true);
    store_le32 (data + KERNEL_PVH_ENTRY, 4 * MIB);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "are damaged");
    make_pvh_kernel (data, sizeof data, true);
    store_le64 (data + 0x40 + offsetof (Elf64_Phdr, p_paddr), 0x1000);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "below 1 MiB");
    store_le64 (data + 0x40 + offsetof (Elf64_Phdr, p_paddr), 2 * GIB);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "too big for the memory");
    store_le64 (data + 0x40 + offsetof (Elf64_Phdr, p_paddr), UINT64_MAX - 8);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "are damaged");
    make_pvh_kernel (data, sizeof data, true);
    store_le16 (data + offsetof (Elf64_Ehdr, e_phnum), 0xFFFF);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "are damaged");
    make_pvh_kernel (data, sizeof data, true);
    store_le16 (data + offsetof (Elf64_Ehdr, e_machine), EM_AARCH64);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "another architecture: 64-bit ARM");
    store_le16 (data + offsetof (Elf64_Ehdr, e_machine), EM_68K);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "another architecture");
    make_pvh_kernel (data, sizeof data, true);
    store_le16 (data + offsetof (Elf64_Ehdr, e_type), ET_DYN);
    CHECK_REFUSED (data, IMAGE_SIZE, RAM, "but not a kernel");
}

TEST (what_is_no_kernel_is_called_by_its_name)
{
    uint8_t data[1024] = {0};

    CHECK_REFUSED (data, 0, RAM, "is empty");
    CHECK_REFUSED (data, 1, RAM, "is not a kernel");
    CHECK_REFUSED (data, sizeof data, RAM, "is not a kernel");
    memcpy (data + 0x38, "ARM\x64", 4);
    CHECK_REFUSED (data, sizeof data, RAM, "another architecture: 64-bit ARM");
    memset (data, 0, sizeof data);
    memcpy (data, "MZ", 2);
    store_le32 (data + 0x3C, 0x80);
    memcpy (data + 0x80, "PE\0", 4);
    store_le16 (data + 0x84, 0xAA64);
    CHECK_REFUSED (data, sizeof data, RAM, "another architecture: 64-bit ARM");
    store_le32 (data + 0x3C, 0xFFFFFFF0);
    CHECK_REFUSED (data, sizeof data, RAM, "is not a kernel");
    memcpy (data, "\x1F\x8B", 2);
    CHECK_REFUSED (data, sizeof data, RAM, "gzip");
    memcpy (data, "070701", 6);
    CHECK_REFUSED (data, sizeof data, RAM, "cpio");
}

TEST (directories_and_absent_files_are_refused)
{
    struct vmm_error error = {0};
    struct kernel_image image;

    CHECK_EQUAL (kernel_image_open (&image, "/tmp", RAM, &error), -EISDIR);
    CHECK_STRING (error.message, "the kernel “/tmp” is a directory");
    CHECK_EQUAL (kernel_image_open (&image, "/nonexistent", RAM, &error), -ENOENT);
    CHECK_CONTAINS (error.message, "the kernel “/nonexistent” cannot be opened");
}

/* Every byte of the headers changed in several ways: an answer each time, never a crash. */
static void
mutate (const uint8_t *original, size_t from, size_t to)
{
    static const uint8_t changes[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    uint8_t data[IMAGE_SIZE];

    memcpy (data, original, sizeof data);
    for (size_t i = from; i < to; i++) {
        for (size_t j = 0; j < ARRAY_LENGTH (changes); j++) {
            struct kernel_image image;
            struct vmm_error error;

            data[i] = changes[j];
            if (try_open (data, sizeof data, RAM, &image, &error) == 0) {
                CHECK (image.end <= RAM);
                for (size_t k = 0; k < image.n_segments; k++) {
                    const struct kernel_segment *segment = &image.segments[k];

                    CHECK (range_fits (segment->offset, segment->file_size, sizeof data));
                    CHECK (segment->address >= MIB && segment->file_size <= segment->memory_size);
                    CHECK (range_fits (segment->address, segment->memory_size, RAM));
                }
                kernel_image_close (&image);
            }
        }
        data[i] = original[i];
    }
}

TEST (changed_headers_never_lead_outside)
{
    uint8_t data[IMAGE_SIZE];

    make_linux_kernel (data, sizeof data);
    mutate (data, 0x1F0, 0x270);
    make_pvh_kernel (data, sizeof data, true);
    mutate (data, 0, 0x22C);
    make_pvh_kernel (data, sizeof data, false);
    mutate (data, 0, 0x22C);
}

TEST (the_distributions_kernel_is_understood)
{
    struct kernel_image image;
    struct vmm_error error = {0};
    glob_t found;

    if (glob ("/boot/vmlinuz-*", 0, NULL, &found) != 0)
        SKIP ("no kernel in /boot");
    CHECK_EQUAL (kernel_image_open (&image, found.gl_pathv[0], GIB, &error), 0);
    CHECK (image.kind == KERNEL_LINUX && image.long_mode);
    CHECK (image.cmdline_limit >= 2047);
    kernel_image_close (&image);
    CHECK (kernel_image_open (&image, found.gl_pathv[0], 16 * MIB, &error) < 0);
    CHECK_CONTAINS (error.message, "too big for the memory");
    globfree (&found);
}

TAP_MAIN ()
