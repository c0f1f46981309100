/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bzImage by the Linux boot protocol (Documentation/arch/x86/boot.rst). The file begins with the
 * real-mode part, of which only the setup header at 0x1F1 matters here, and goes on with the
 * protected-mode part, which is entered at its beginning in 32-bit mode, or 0x200 further in 64-bit
 * mode. Both find a page of struct boot_params in RSI. The kernel decompresses itself: from where
 * it is loaded it needs init_size bytes.
 */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/firmware/kernel-image.h"

/* Offsets, the same in the file and in struct boot_params. */
#define ACPI_RSDP_ADDRESS 0x070
#define E820_COUNT        0x1E8
#define SETUP_SECTORS     0x1F1
#define SYSTEM_SIZE       0x1F4 /* of the protected-mode part in 16-byte paragraphs */
#define VIDEO_MODE        0x1FA
#define HEADER_JUMP       0x201 /* the header ends that many bytes after 0x202 */
#define VERSION           0x206
#define LOADER_TYPE       0x210
#define LOAD_FLAGS        0x211
#define CODE32_START      0x214
#define RAMDISK_ADDRESS   0x218
#define RAMDISK_SIZE      0x21C
#define CMDLINE_ADDRESS   0x228
#define INITRD_MAX        0x22C
#define RELOCATABLE       0x234
#define EXTENDED_FLAGS    0x236
#define CMDLINE_SIZE      0x238
#define PREFERRED_ADDRESS 0x258
#define INIT_SIZE         0x260
#define E820_TABLE        0x2D0

#define MINIMUM_SIZE      0x268
#define LOADED_HIGH       0x01u
#define KERNEL_64         0x0001u
#define ENTRY_64          0x200
#define OLDEST            0x0206
#define WITH_INIT_SIZE    0x020A
#define OTHER_LOADER      0xFF
#define NORMAL_VIDEO      0xFFFF
/* How much older kernels, which do not say, may grow while they decompress. */
#define GROWTH 6

static uint16_t
protocol_version (const uint8_t *head)
{
    return load_le16 (head + VERSION);
}

/* Where the protected-mode part goes, and up to where it needs RAM. */
static int
place (struct kernel_image *self, const uint8_t *head, uint64_t size, uint64_t low_memory,
       struct vmm_error *error)
{
    uint64_t address = KERNEL_FLOOR, needed = GROWTH * size;

    if (protocol_version (head) >= WITH_INIT_SIZE) {
        address = load_le64 (head + PREFERRED_ADDRESS);
        needed = load_le32 (head + INIT_SIZE);
    }
    if (address < KERNEL_FLOOR || address % 4096 != 0 || address >= 4 * GIB || needed < size)
        return vmm_error_set (error, -EINVAL, "the header of the kernel “%s” is damaged",
                              self->file.path);
    self->end = align_up (address + needed, 4096);
    self->segments[0].address = address;
    return kernel_check_room (self, self->end, low_memory, error);
}

int
linux_inspect (struct kernel_image *self, const uint8_t *head, size_t head_size,
               uint64_t low_memory, struct vmm_error *error)
{
    const char *path = self->file.path;
    uint64_t offset, size;
    size_t header_end;
    int r;

    if (head_size < MINIMUM_SIZE)
        return vmm_error_set (error, -ENODATA, "the kernel “%s” is truncated", path);
    if (protocol_version (head) < OLDEST)
        return vmm_error_set (error, -ENOTSUP,
                              "the kernel “%s” is too old: it speaks version %u.%02u of the Linux "
                              "boot protocol, and 2.06 is needed",
                              path, protocol_version (head) >> 8, protocol_version (head) & 0xFF);
    if (!(head[LOAD_FLAGS] & LOADED_HIGH))
        return vmm_error_set (error, -ENOTSUP,
                              "the kernel “%s” is a zImage, which loads low; a bzImage is needed",
                              path);
    offset = ((head[SETUP_SECTORS] ? head[SETUP_SECTORS] : 4u) + 1u) * 512u;
    size = UINT64_C (16) * load_le32 (head + SYSTEM_SIZE);
    if (size == 0)
        return vmm_error_set (error, -EINVAL, "the header of the kernel “%s” is damaged", path);
    if (!range_fits (offset, size, self->file.size))
        return vmm_error_set (error, -ENODATA, "the kernel “%s” is truncated", path);
    r = place (self, head, size, low_memory, error);
    if (r < 0)
        return r;

    self->kind = KERNEL_LINUX;
    self->n_segments = 1;
    self->segments[0].offset = offset;
    self->segments[0].file_size = self->segments[0].memory_size = size;
    self->long_mode = load_le16 (head + EXTENDED_FLAGS) & KERNEL_64;
    self->entry = self->segments[0].address + (self->long_mode ? ENTRY_64 : 0);
    self->initrd_limit = UINT64_C (1) + load_le32 (head + INITRD_MAX);
    self->cmdline_limit = load_le32 (head + CMDLINE_SIZE);
    header_end = MIN_OF (HEADER_JUMP + 1u + head[HEADER_JUMP], (size_t) LINUX_HEADER_END);
    memset (self->header, 0, sizeof self->header);
    memcpy (self->header, head + LINUX_HEADER_START, header_end - LINUX_HEADER_START);
    return 0;
}

void
linux_write_params (const struct kernel_image *self, const struct kernel_handover *handover,
                    uint8_t params[4096])
{
    memset (params, 0, 4096);
    memcpy (params + LINUX_HEADER_START, self->header, sizeof self->header);
    store_le64 (params + ACPI_RSDP_ADDRESS, handover->rsdp);
    params[E820_COUNT] = (uint8_t) handover->map.n_ranges;
    memory_map_write_e820 (&handover->map, params + E820_TABLE);
    store_le16 (params + VIDEO_MODE, NORMAL_VIDEO);
    params[LOADER_TYPE] = OTHER_LOADER;
    store_le32 (params + CODE32_START, (uint32_t) self->segments[0].address);
    store_le32 (params + RAMDISK_ADDRESS, (uint32_t) handover->initrd);
    store_le32 (params + RAMDISK_SIZE, (uint32_t) handover->initrd_size);
    store_le32 (params + CMDLINE_ADDRESS, (uint32_t) handover->cmdline);
}
