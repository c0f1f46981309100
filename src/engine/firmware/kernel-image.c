/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/firmware/kernel-image.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"

/* Other things that people take for kernels of this machine, by what stands where in them. */
static const struct {
    unsigned offset;
    const char *bytes;
    unsigned length;
    const char *what; /* "is …" */
} foreigners[] = {
    {0x38, "ARM\x64", 4, "for another architecture: 64-bit ARM"},
    {0x24, "\x18\x28\x6F\x01", 4, "for another architecture: 32-bit ARM"},
    {0x38, "RSC\x05", 4, "for another architecture: RISC-V"},
    {0x38, "\xCD\x23\x82\x81", 4, "for another architecture: LoongArch"},
    {0, "\x27\x05\x19\x56", 4, "a U-Boot image, not a kernel of this architecture"},
    {0, "\x1F\x8B", 2, "compressed with gzip, not a kernel that can be booted as it is"},
    {0,
     "\xFD"
     "7zXZ",
     5, "compressed with xz, not a kernel that can be booted as it is"},
    {0, "\x28\xB5\x2F\xFD", 4, "compressed with zstd, not a kernel that can be booted as it is"},
    {0, "070701", 6, "a cpio archive (an initrd?), not a kernel"},
};

static const struct {
    uint16_t machine;
    const char *name;
} elf_machines[] = {
    {EM_ARM, "32-bit ARM"}, {EM_AARCH64, "64-bit ARM"}, {EM_RISCV, "RISC-V"},
    {EM_PPC, "PowerPC"},    {EM_PPC64, "PowerPC"},      {EM_S390, "IBM Z"},
    {EM_MIPS, "MIPS"},      {EM_SPARCV9, "SPARC"},      {258, "LoongArch"},
};

static const struct {
    uint16_t machine;
    const char *name;
} pe_machines[] = {
    {0xAA64, "64-bit ARM"},
    {0x01C2, "32-bit ARM"},
    {0x5064, "RISC-V"},
    {0x6264, "LoongArch"},
};

static int
foreign (const struct kernel_image *self, const char *architecture, struct vmm_error *error)
{
    return vmm_error_set (error, -ENOEXEC, "the kernel “%s” is for another architecture: %s",
                          self->file.path, architecture);
}

static int
inspect_elf (struct kernel_image *self, const uint8_t *head, size_t size, uint64_t low_memory,
             struct vmm_error *error)
{
    bool is_big = size > EI_DATA && head[EI_DATA] == ELFDATA2MSB;
    uint16_t machine;

    if (size < sizeof (Elf32_Ehdr))
        return vmm_error_set (error, -ENODATA, "the kernel “%s” is truncated", self->file.path);
    machine = is_big ? load_be16 (head + offsetof (Elf32_Ehdr, e_machine))
                     : load_le16 (head + offsetof (Elf32_Ehdr, e_machine));
    for (size_t i = 0; i < ARRAY_LENGTH (elf_machines); i++)
        if (machine == elf_machines[i].machine)
            return foreign (self, elf_machines[i].name, error);
    if (is_big || (machine != EM_386 && machine != EM_X86_64))
        return foreign (self, "not x86", error);
    if (load_le16 (head + offsetof (Elf32_Ehdr, e_type)) != ET_EXEC)
        return vmm_error_set (error, -ENOEXEC, "“%s” is an ELF file, but not a kernel",
                              self->file.path);
    return pvh_inspect (self, head, size, low_memory, error);
}

/* Says what the file is instead of a kernel, as well as that can be told. */
static int
refuse (const struct kernel_image *self, const uint8_t *head, size_t size, struct vmm_error *error)
{
    for (size_t i = 0; i < ARRAY_LENGTH (foreigners); i++)
        if (range_fits (foreigners[i].offset, foreigners[i].length, size) &&
            memcmp (head + foreigners[i].offset, foreigners[i].bytes, foreigners[i].length) == 0)
            return vmm_error_set (error, -ENOEXEC, "the kernel “%s” is %s", self->file.path,
                                  foreigners[i].what);
    /* EFI applications of other architectures: the PE header is where 0x3C says. */
    if (size >= 0x40 && load_le16 (head) == 0x5A4D &&
        range_fits (load_le32 (head + 0x3C), 6, size)) {
        const uint8_t *pe = head + load_le32 (head + 0x3C);

        for (size_t i = 0; i < ARRAY_LENGTH (pe_machines); i++)
            if (memcmp (pe, "PE\0", 4) == 0 && load_le16 (pe + 4) == pe_machines[i].machine)
                return foreign (self, pe_machines[i].name, error);
    }
    return vmm_error_set (error, -ENOEXEC,
                          "“%s” is not a kernel: neither a bzImage nor an ELF file",
                          self->file.path);
}

static int
inspect (struct kernel_image *self, uint64_t low_memory, struct vmm_error *error)
{
    uint8_t head[KERNEL_HEAD_SIZE];
    size_t size = (size_t) MIN_OF (self->file.size, (uint64_t) sizeof head);
    int r = image_file_read (&self->file, 0, head, size, error);

    if (r < 0)
        return r;
    if (size >= SELFMAG && memcmp (head, ELFMAG, SELFMAG) == 0)
        return inspect_elf (self, head, size, low_memory, error);
    if (size >= 0x206 && load_le16 (head + 0x1FE) == 0xAA55 &&
        memcmp (head + 0x202, "HdrS", 4) == 0)
        return linux_inspect (self, head, size, low_memory, error);
    return refuse (self, head, size, error);
}

int
kernel_image_open (struct kernel_image *self, const char *path, uint64_t low_memory,
                   struct vmm_error *error)
{
    int r;

    *self = (struct kernel_image) {.n_segments = 0};
    r = image_file_open (&self->file, "kernel", path, error);
    if (r == 0)
        r = inspect (self, low_memory, error);
    if (r < 0)
        kernel_image_close (self);
    return r;
}

void
kernel_image_close (struct kernel_image *self)
{
    image_file_close (&self->file);
}

int
kernel_check_room (const struct kernel_image *self, uint64_t end, uint64_t low_memory,
                   struct vmm_error *error)
{
    if (end <= low_memory)
        return 0;
    return vmm_error_set (error, -E2BIG,
                          "the kernel “%s” is too big for the memory: it needs %llu MiB to start, "
                          "and there are %llu MiB below 4 GiB",
                          self->file.path, (unsigned long long) (align_up (end, MIB) / MIB),
                          (unsigned long long) (low_memory / MIB));
}

int
image_file_load (const struct image_file *file, uint64_t offset, uint64_t length,
                 struct vmm_memory *memory, uint64_t address, struct vmm_error *error)
{
    void *target;

    if (length == 0)
        return 0;
    target = vmm_memory_pointer (memory, address, length);
    if (!target)
        return vmm_error_set (error, -E2BIG, "the %s “%s” does not fit into the memory", file->role,
                              file->path);
    return image_file_read (file, offset, target, length, error);
}

int
kernel_image_load (const struct kernel_image *self, struct vmm_memory *memory,
                   struct vmm_error *error)
{
    for (size_t i = 0; i < self->n_segments; i++) {
        const struct kernel_segment *segment = &self->segments[i];
        uint64_t rest = segment->memory_size - segment->file_size;
        int r = image_file_load (&self->file, segment->offset, segment->file_size, memory,
                                 segment->address, error);
        void *zeroes;

        if (r < 0)
            return r;
        if (rest == 0)
            continue;
        zeroes = vmm_memory_pointer (memory, segment->address + segment->file_size, rest);
        if (!zeroes)
            return vmm_error_set (error, -E2BIG, "the kernel “%s” does not fit into the memory",
                                  self->file.path);
        memset (zeroes, 0, rest);
    }
    return 0;
}
