/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ELF kernels with a PVH entry point (Xen, docs/misc/pvh.pandoc and
 * xen/include/public/arch-x86/hvm/start_info.h): program headers say what goes where by physical
 * address, and the Xen note number 18 holds the address to enter at, in 32-bit protected mode
 * without paging, with EBX pointing at struct hvm_start_info.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/firmware/kernel-image.h"

#define XEN_NOTE_PHYS32_ENTRY 18
#define MAX_HEADERS           128
#define MAX_NOTES             MIB

#define START_MAGIC           0x336EC578
#define START_MODULE          0x40 /* where in the page the list of modules stands, */
#define START_MAP             0x80 /* and the memory map */
#define MAP_ENTRY             24

/* A program header of either class. */
struct program_header {
    uint32_t type;
    uint64_t offset, address, file_size, memory_size, alignment;
};

static int
damaged (const struct kernel_image *self, struct vmm_error *error)
{
    return vmm_error_set (error, -EINVAL, "the ELF headers of the kernel “%s” are damaged",
                          self->file.path);
}

static void
parse_header (const uint8_t *raw, bool is_64, struct program_header *ret_header)
{
    ret_header->type = load_le32 (raw);
    if (is_64) {
        ret_header->offset = load_le64 (raw + offsetof (Elf64_Phdr, p_offset));
        ret_header->address = load_le64 (raw + offsetof (Elf64_Phdr, p_paddr));
        ret_header->file_size = load_le64 (raw + offsetof (Elf64_Phdr, p_filesz));
        ret_header->memory_size = load_le64 (raw + offsetof (Elf64_Phdr, p_memsz));
        ret_header->alignment = load_le64 (raw + offsetof (Elf64_Phdr, p_align));
    } else {
        ret_header->offset = load_le32 (raw + offsetof (Elf32_Phdr, p_offset));
        ret_header->address = load_le32 (raw + offsetof (Elf32_Phdr, p_paddr));
        ret_header->file_size = load_le32 (raw + offsetof (Elf32_Phdr, p_filesz));
        ret_header->memory_size = load_le32 (raw + offsetof (Elf32_Phdr, p_memsz));
        ret_header->alignment = load_le32 (raw + offsetof (Elf32_Phdr, p_align));
    }
}

static int
add_segment (struct kernel_image *self, const struct program_header *header, uint64_t low_memory,
             struct vmm_error *error)
{
    uint64_t end = header->address + header->memory_size;

    if (header->memory_size == 0)
        return 0;
    if (header->file_size > header->memory_size || end < header->address)
        return damaged (self, error);
    if (!range_fits (header->offset, header->file_size, self->file.size))
        return vmm_error_set (error, -ENODATA, "the kernel “%s” is truncated", self->file.path);
    if (header->address < KERNEL_FLOOR)
        return vmm_error_set (error, -ENOTSUP,
                              "the kernel “%s” wants to be loaded below 1 MiB, at %#llx",
                              self->file.path, (unsigned long long) header->address);
    if (self->n_segments == KERNEL_MAX_SEGMENTS)
        return vmm_error_set (error, -ENOTSUP, "the kernel “%s” has more than %d segments",
                              self->file.path, KERNEL_MAX_SEGMENTS);
    self->segments[self->n_segments++] = (struct kernel_segment) {
        .offset = header->offset,
        .file_size = header->file_size,
        .address = header->address,
        .memory_size = header->memory_size,
    };
    self->end = MAX_OF (self->end, align_up (end, 4096));
    return kernel_check_room (self, end, low_memory, error);
}

/*
 * Looks for the entry point in a piece of notes: u32 length of the name, u32 length of the value,
 * u32 type, name, value, both padded to the segment's alignment of 4 or 8.
 */
static void
search_notes (struct kernel_image *self, const uint8_t *notes, size_t size, uint64_t alignment)
{
    size_t at = 0;

    while (size - at >= 12) {
        uint32_t name_size = load_le32 (notes + at), value_size = load_le32 (notes + at + 4);
        uint32_t type = load_le32 (notes + at + 8);
        uint64_t value = 12 + align_up ((uint64_t) name_size, alignment);
        uint64_t next = value + align_up ((uint64_t) value_size, alignment);

        if (value + value_size > size - at)
            return;
        if (type == XEN_NOTE_PHYS32_ENTRY && name_size == 4 &&
            memcmp (notes + at + 12, "Xen", 4) == 0 && value_size >= 4)
            self->entry =
                value_size >= 8 ? load_le64 (notes + at + value) : load_le32 (notes + at + value);
        if (next > size - at)
            return;
        at += next;
    }
}

static int
read_notes (struct kernel_image *self, const struct program_header *header, struct vmm_error *error)
{
    AUTO_FREE uint8_t *notes = NULL;
    int r;

    if (header->file_size == 0 || header->file_size > MAX_NOTES)
        return 0;
    if (!range_fits (header->offset, header->file_size, self->file.size))
        return vmm_error_set (error, -ENODATA, "the kernel “%s” is truncated", self->file.path);
    notes = malloc (header->file_size);
    if (!notes)
        return vmm_error_set (error, -ENOMEM, "out of memory for the kernel “%s”", self->file.path);
    r = image_file_read (&self->file, header->offset, notes, header->file_size, error);
    if (r == 0)
        search_notes (self, notes, header->file_size, header->alignment == 8 ? 8 : 4);
    return r;
}

static int
read_program_headers (struct kernel_image *self, uint64_t offset, unsigned count, bool is_64,
                      uint64_t low_memory, struct vmm_error *error)
{
    uint8_t raw[MAX_HEADERS * sizeof (Elf64_Phdr)];
    size_t size = is_64 ? sizeof (Elf64_Phdr) : sizeof (Elf32_Phdr);
    int r;

    if (count == 0 || count > MAX_HEADERS)
        return damaged (self, error);
    if (!range_fits (offset, count * size, self->file.size))
        return vmm_error_set (error, -ENODATA, "the kernel “%s” is truncated", self->file.path);
    r = image_file_read (&self->file, offset, raw, count * size, error);
    for (unsigned i = 0; i < count && r == 0; i++) {
        struct program_header header;

        parse_header (raw + i * size, is_64, &header);
        if (header.type == PT_LOAD)
            r = add_segment (self, &header, low_memory, error);
        else if (header.type == PT_NOTE)
            r = read_notes (self, &header, error);
    }
    return r;
}

/* The entry must be code that we load. */
static bool
is_loaded (const struct kernel_image *self, uint64_t address)
{
    for (size_t i = 0; i < self->n_segments; i++)
        if (address >= self->segments[i].address &&
            address - self->segments[i].address < self->segments[i].memory_size)
            return true;
    return false;
}

int
pvh_inspect (struct kernel_image *self, const uint8_t *head, size_t head_size, uint64_t low_memory,
             struct vmm_error *error)
{
    bool is_64 = head_size >= sizeof (Elf64_Ehdr) && head[EI_CLASS] == ELFCLASS64;
    unsigned count, entry_size;
    uint64_t offset;
    int r;

    if (head_size < sizeof (Elf32_Ehdr))
        return vmm_error_set (error, -ENODATA, "the kernel “%s” is truncated", self->file.path);
    if (is_64) {
        offset = load_le64 (head + offsetof (Elf64_Ehdr, e_phoff));
        entry_size = load_le16 (head + offsetof (Elf64_Ehdr, e_phentsize));
        count = load_le16 (head + offsetof (Elf64_Ehdr, e_phnum));
    } else {
        offset = load_le32 (head + offsetof (Elf32_Ehdr, e_phoff));
        entry_size = load_le16 (head + offsetof (Elf32_Ehdr, e_phentsize));
        count = load_le16 (head + offsetof (Elf32_Ehdr, e_phnum));
    }
    if (entry_size != (is_64 ? sizeof (Elf64_Phdr) : sizeof (Elf32_Phdr)))
        return damaged (self, error);

    self->kind = KERNEL_PVH;
    self->long_mode = false;
    self->entry = 0;
    self->end = KERNEL_FLOOR;
    self->initrd_limit = 4 * GIB;
    self->cmdline_limit = UINT64_MAX;
    r = read_program_headers (self, offset, count, is_64, low_memory, error);
    if (r < 0)
        return r;
    if (self->entry == 0)
        return vmm_error_set (error, -ENOTSUP,
                              "the kernel “%s” is an ELF file without a PVH entry point; use the "
                              "bzImage instead",
                              self->file.path);
    if (!is_loaded (self, self->entry))
        return damaged (self, error);
    return 0;
}

void
pvh_write_info (const struct kernel_handover *handover, uint64_t address, uint8_t info[4096])
{
    memset (info, 0, 4096);
    store_le32 (info, START_MAGIC);
    store_le32 (info + 4, 1); /* version: with a memory map */
    if (handover->initrd_size > 0) {
        store_le32 (info + 12, 1);
        store_le64 (info + 16, address + START_MODULE);
        store_le64 (info + START_MODULE, handover->initrd);
        store_le64 (info + START_MODULE + 8, handover->initrd_size);
    }
    store_le64 (info + 24, handover->cmdline);
    store_le64 (info + 32, handover->rsdp);
    store_le64 (info + 40, address + START_MAP);
    store_le32 (info + 48, (uint32_t) handover->map.n_ranges);
    for (size_t i = 0; i < handover->map.n_ranges; i++) {
        const struct memory_range *range = &handover->map.ranges[i];
        uint8_t *entry = info + START_MAP + i * MAP_ENTRY;

        store_le64 (entry, range->start);
        store_le64 (entry + 8, range->length);
        store_le32 (entry + 16, range->type);
    }
}
