/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kernel-maker.h"

#include <elf.h>
#include <string.h>

#include "base/util.h"

#define NOTES_SIZE 44
#define HEADERS    0x40

void
make_linux_kernel (uint8_t *image, size_t size)
{
    memset (image, 0, size);
    image[0x1F1] = 1;
    store_le32 (image + 0x1F4, (uint32_t) (size - KERNEL_CODE) / 16);
    store_le16 (image + 0x1FE, 0xAA55);
    image[0x200] = 0xEB;
    image[0x201] = 0x66;
    memcpy (image + 0x202, "HdrS", 4);
    store_le16 (image + 0x206, 0x020F);
    image[0x211] = 1;
    store_le32 (image + 0x22C, 0x7FFFFFFF);
    store_le32 (image + 0x230, 0x200000);
    image[0x234] = 1;
    store_le16 (image + 0x236, 1);
    store_le32 (image + 0x238, 255);
    store_le64 (image + 0x258, KERNEL_LOAD);
    store_le32 (image + 0x260, MIB);
}

static void
write_headers64 (uint8_t *image, size_t size)
{
    const Elf64_Ehdr head = {.e_type = ET_EXEC,
                             .e_machine = EM_X86_64,
                             .e_version = EV_CURRENT,
                             .e_phoff = HEADERS,
                             .e_ehsize = sizeof (Elf64_Ehdr),
                             .e_phentsize = sizeof (Elf64_Phdr),
                             .e_phnum = 2};
    const Elf64_Phdr headers[2] = {
        {.p_type = PT_LOAD,
         .p_offset = KERNEL_CODE,
         .p_paddr = KERNEL_PVH_BASE,
         .p_filesz = size - KERNEL_CODE,
         .p_memsz = size - KERNEL_CODE + 0x1000},
        {.p_type = PT_NOTE, .p_offset = KERNEL_PVH_NOTE, .p_filesz = NOTES_SIZE, .p_align = 4}};

    memcpy (image, &head, sizeof head);
    memcpy (image + HEADERS, headers, sizeof headers);
}

static void
write_headers32 (uint8_t *image, size_t size)
{
    const Elf32_Ehdr head = {.e_type = ET_EXEC,
                             .e_machine = EM_386,
                             .e_version = EV_CURRENT,
                             .e_phoff = HEADERS,
                             .e_ehsize = sizeof (Elf32_Ehdr),
                             .e_phentsize = sizeof (Elf32_Phdr),
                             .e_phnum = 2};
    const Elf32_Phdr headers[2] = {
        {.p_type = PT_LOAD,
         .p_offset = KERNEL_CODE,
         .p_paddr = KERNEL_PVH_BASE,
         .p_filesz = (Elf32_Word) (size - KERNEL_CODE),
         .p_memsz = (Elf32_Word) (size - KERNEL_CODE + 0x1000)},
        {.p_type = PT_NOTE, .p_offset = KERNEL_PVH_NOTE, .p_filesz = NOTES_SIZE, .p_align = 4}};

    memcpy (image, &head, sizeof head);
    memcpy (image + HEADERS, headers, sizeof headers);
}

void
make_pvh_kernel (uint8_t *image, size_t size, bool is_64)
{
    uint8_t *note = image + KERNEL_PVH_NOTE;

    memset (image, 0, size);
    if (is_64)
        write_headers64 (image, size);
    else
        write_headers32 (image, size);
    memcpy (image, ELFMAG, SELFMAG);
    image[EI_CLASS] = is_64 ? ELFCLASS64 : ELFCLASS32;
    image[EI_DATA] = ELFDATA2LSB;
    image[EI_VERSION] = EV_CURRENT;
    /* Somebody else's note of the same number, with a name that needs padding, then ours. */
    store_le32 (note, 5);
    store_le32 (note + 4, 4);
    store_le32 (note + 8, 18);
    memcpy (note + 12, "Abcd", 5);
    store_le32 (note + 24, 4);
    store_le32 (note + 28, 4);
    store_le32 (note + 32, 18);
    memcpy (note + 36, "Xen", 4);
    store_le32 (note + 40, KERNEL_PVH_BASE + 0x10);
}
