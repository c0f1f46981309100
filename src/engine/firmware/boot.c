/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a kernel that boots without firmware finds in low memory. Kernels are loaded above 1 MiB;
 * below, the memory map gives them everything under the tables for free use, but by then they have
 * read it.
 *
 *   0x00400  BIOS data area: where the extended one is, how much memory there is below 640 KiB
 *   0x00500  GDT
 *   0x01000  PVH start information, or
 *   0x02000  struct boot_params
 *   0x03000  page tables (6 pages): the first 4 GiB, one to one
 *   0x09000  command line
 *   0x90000  ACPI tables
 *   0x9E000  page of the generation's identifier, which its device fills (ACPI_GENERATION_AT)
 *   0x9FC00  extended BIOS data area with the RSDP, where kernels that are not told search for it
 *   0xF0000  SMBIOS anchor, where they search for that one, and tables
 */
#include "engine/firmware/boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/acpi/acpi.h"
#include "engine/firmware/describe.h"
#include "engine/firmware/kernel-image.h"
#include "engine/firmware/locate.h"
#include "engine/machine.h"
#include "engine/memory-internal.h"
#include "engine/pci/pci.h"

#define BDA_EBDA_SEGMENT 0x40E
#define BDA_BASE_MEMORY  0x413 /* KiB */
#define GDT_ADDRESS      0x500
#define PVH_ADDRESS      0x1000
#define PARAMS_ADDRESS   0x2000
#define PAGES_ADDRESS    0x3000
#define CMDLINE_AT       0x9000
#define CMDLINE_MAX      0x10000
#define ACPI_AT          0x90000
#define EBDA_ADDRESS     0x9FC00
#define RSDP_ADDRESS     0x9FC20
#define BASE_MEMORY_END  0xA0000
#define SMBIOS_ADDRESS   0xF0000
#define SMBIOS_TABLES_AT 0xF0100
#define BIOS_END         0x100000

/* Selectors as the Linux boot protocol fixes them: 0x10 code, 0x18 data. PVH wants a task, too. */
#define CODE_SELECTOR     0x10
#define DATA_SELECTOR     0x18
#define TASK_SELECTOR     0x20
#define GDT_ENTRIES       6 /* a task takes two in long mode */

#define DESCRIPTOR_CODE32 UINT64_C (0x00CF9B000000FFFF)
#define DESCRIPTOR_CODE64 UINT64_C (0x00AF9B000000FFFF)
#define DESCRIPTOR_DATA   UINT64_C (0x00CF93000000FFFF)
#define DESCRIPTOR_TASK   UINT64_C (0x00008B0000000067)

#define PAGE_BYTES        4096
#define PAGE_TABLES       6 /* PML4, PDPT, four page directories */
#define PAGE_PRESENT_RW   3u
#define PAGE_LARGE        0x80u

#define ECAM_SIZE         (256 * MIB)
#define HOST_PAM0         0x90 /* of the host bridge, and six more behind it */

struct vmm_boot {
    struct vmm_machine *machine;
    struct firmware_platform platform;
    bool is_direct;
    struct kernel_image kernel;
    struct image_file initrd;
    char *cmdline;
    uint64_t initrd_address; /* while .initrd.size > 0 */
};

static int
load_rom (struct vmm_boot *self, const char *path, struct vmm_error *error)
{
    AUTO_FREE uint8_t *image = NULL;
    AUTO_FREE char *located = NULL;
    size_t size;
    int r = path ? 0 : firmware_locate (FIRMWARE_BIOS, NULL, &located, error);

    if (r == 0)
        r = firmware_read (FIRMWARE_BIOS, path ? path : located, &image, &size, error);
    if (r == 0)
        r = vmm_memory_set_rom (vmm_machine_memory (self->machine), image, size, error);
    return r;
}

/* Puts the initrd as high as kernel and RAM allow. */
static int
place_initrd (struct vmm_boot *self, const char *path, uint64_t low_memory, struct vmm_error *error)
{
    uint64_t limit = MIN_OF (self->kernel.initrd_limit, low_memory);
    int r = image_file_open (&self->initrd, "initrd", path, error);

    if (r < 0)
        return r;
    if (self->initrd.size > limit ||
        align_down (limit - self->initrd.size, PAGE_BYTES) < self->kernel.end)
        return vmm_error_set (
            error, -E2BIG,
            "the initrd “%s” of %llu MiB does not fit beside the kernel into %llu MiB of memory",
            self->initrd.path, (unsigned long long) (align_up (self->initrd.size, MIB) / MIB),
            (unsigned long long) (limit / MIB));
    self->initrd_address = align_down (limit - self->initrd.size, PAGE_BYTES);
    return 0;
}

static int
prepare_direct (struct vmm_boot *self, const struct vmm_config *config, struct vmm_error *error)
{
    uint64_t low_memory = vmm_memory_low_size (vmm_machine_memory (self->machine));
    const char *cmdline = config->cmdline ? config->cmdline : "";
    uint64_t limit;
    int r = kernel_image_open (&self->kernel, config->kernel, low_memory, error);

    if (r < 0)
        return r;
    limit = MIN_OF (self->kernel.cmdline_limit, UINT64_C (CMDLINE_MAX - 1));
    if (strlen (cmdline) > limit)
        return vmm_error_set (error, -E2BIG,
                              "the command line of %zu bytes is longer than the %llu that the "
                              "kernel “%s” takes",
                              strlen (cmdline), (unsigned long long) limit, config->kernel);
    self->cmdline = strdup (cmdline);
    if (!self->cmdline)
        return vmm_error_set (error, -ENOMEM, "out of memory for the command line");
    if (config->initrd)
        r = place_initrd (self, config->initrd, low_memory, error);
    self->is_direct = true;
    self->platform.smbios.without_firmware = true;
    return r;
}

/*
 * Puts the BIOS where it runs, with the PAM registers saying so. It would copy itself there first
 * thing; finding RAM behind its segment (PAM0, bit 4) it takes for granted that somebody did, which
 * spares a host that emulates the copying tens of thousands of instructions.
 */
static void
shadow_bios (struct vmm_boot *self)
{
    struct pci_bus *bus = vmm_machine_pci (self->machine);
    struct vmm_memory *memory = vmm_machine_memory (self->machine);

    if (!pci_bus_device (bus, PCI_DEVFN (0, 0)) || !vmm_memory_shadow_rom (memory))
        return;
    pci_bus_config_write (bus, PCI_DEVFN (0, 0), HOST_PAM0, 1, 0x30);
    for (unsigned i = 1; i <= 6; i++)
        pci_bus_config_write (bus, PCI_DEVFN (0, 0), HOST_PAM0 + i, 1, 0x33);
}

int
vmm_boot_prepare (struct vmm_machine *machine, const struct vmm_config *config,
                  struct vmm_boot **ret_boot, struct vmm_error *error)
{
    struct vmm_boot *self = calloc (1, sizeof *self);
    int r;

    if (!self)
        return vmm_error_set (error, -ENOMEM, "out of memory");
    self->machine = machine;
    self->kernel.file.fd = self->initrd.fd = -1;
    firmware_platform_init (&self->platform, machine, config);
    if (config->kernel) {
        r = prepare_direct (self, config, error);
    } else if (config->firmware == VMM_FIRMWARE_BIOS) {
        r = load_rom (self, config->firmware_path, error);
        if (r == 0)
            r = firmware_describe (&self->platform, config, error);
        /* Once more at every start; now already, so that no slot will have to change then. */
        if (r == 0)
            shadow_bios (self);
    } else {
        r = vmm_error_set (error, -EINVAL, "there is neither a firmware nor a kernel to boot");
    }
    if (r < 0) {
        vmm_boot_destroy (self);
        return r;
    }
    *ret_boot = self;
    return 0;
}

void
vmm_boot_destroy (struct vmm_boot *self)
{
    if (!self)
        return;
    kernel_image_close (&self->kernel);
    image_file_close (&self->initrd);
    free (self->cmdline);
    free (self);
}

/* Segments over all of memory, for the mode that the kernel begins in. */
static int
write_gdt (struct vmm_memory *memory, bool long_mode)
{
    uint8_t gdt[GDT_ENTRIES * 8] = {0};

    store_le64 (gdt + CODE_SELECTOR, long_mode ? DESCRIPTOR_CODE64 : DESCRIPTOR_CODE32);
    store_le64 (gdt + DATA_SELECTOR, DESCRIPTOR_DATA);
    store_le64 (gdt + TASK_SELECTOR, DESCRIPTOR_TASK);
    return vmm_memory_write (memory, GDT_ADDRESS, gdt, sizeof gdt);
}

/* The first 4 GiB in pages of 2 MiB, one to one. */
static int
write_page_tables (struct vmm_memory *memory)
{
    uint8_t *pages = vmm_memory_pointer (memory, PAGES_ADDRESS, PAGE_TABLES * PAGE_BYTES);
    uint8_t *pdpt, *directories;

    if (!pages)
        return -EFAULT;
    pdpt = pages + PAGE_BYTES;
    directories = pdpt + PAGE_BYTES;
    memset (pages, 0, PAGE_TABLES * PAGE_BYTES);
    store_le64 (pages, (PAGES_ADDRESS + PAGE_BYTES) | PAGE_PRESENT_RW);
    for (uint64_t i = 0; i < 4; i++)
        store_le64 (pdpt + 8 * i, (PAGES_ADDRESS + (2 + i) * PAGE_BYTES) | PAGE_PRESENT_RW);
    for (uint64_t i = 0; i < 4 * 512; i++)
        store_le64 (directories + 8 * i, i * 2 * MIB | PAGE_LARGE | PAGE_PRESENT_RW);
    return 0;
}

static void
fill_map (struct vmm_boot *self, struct memory_map *map)
{
    const struct vmm_memory *memory = vmm_machine_memory (self->machine);
    uint64_t low = vmm_memory_low_size (memory);

    *map = (struct memory_map) {.n_ranges = 0};
    memory_map_add (map, 0, ACPI_AT, MEMORY_RAM);
    memory_map_add (map, ACPI_AT, ACPI_GENERATION_AT - ACPI_AT, MEMORY_ACPI);
    memory_map_add (map, ACPI_GENERATION_AT, BASE_MEMORY_END - ACPI_GENERATION_AT, MEMORY_RESERVED);
    memory_map_add (map, SMBIOS_ADDRESS, BIOS_END - SMBIOS_ADDRESS, MEMORY_RESERVED);
    memory_map_add (map, BIOS_END, low - BIOS_END, MEMORY_RAM);
    if (self->platform.acpi.ecam)
        memory_map_add (map, self->platform.acpi.ecam, ECAM_SIZE, MEMORY_RESERVED);
    memory_map_add (map, MEMORY_KVM_PAGES, MEMORY_KVM_PAGES_SIZE, MEMORY_RESERVED);
    memory_map_add (map, 4 * GIB, vmm_memory_high_size (memory), MEMORY_RAM);
}

static int
write_acpi (struct vmm_boot *self, struct vmm_memory *memory)
{
    struct acpi_tables tables;
    uint8_t word[2];
    int r = acpi_build (&self->platform.acpi, &tables);

    if (r < 0)
        return r;
    acpi_place (&tables, ACPI_AT);
    if (tables.size > ACPI_GENERATION_AT - ACPI_AT)
        r = -ENOSPC;
    if (r == 0)
        r = vmm_memory_write (memory, ACPI_AT, tables.data, tables.size);
    if (r == 0)
        r = vmm_memory_write (memory, RSDP_ADDRESS, tables.rsdp, sizeof tables.rsdp);
    acpi_tables_fini (&tables);

    store_le16 (word, EBDA_ADDRESS >> 4);
    if (r == 0)
        r = vmm_memory_write (memory, BDA_EBDA_SEGMENT, word, sizeof word);
    store_le16 (word, EBDA_ADDRESS / KIB);
    if (r == 0)
        r = vmm_memory_write (memory, BDA_BASE_MEMORY, word, sizeof word);
    /* The extended area begins with its own size in KiB. */
    store_le16 (word, (BASE_MEMORY_END - EBDA_ADDRESS) / KIB);
    if (r == 0)
        r = vmm_memory_write (memory, EBDA_ADDRESS, word, sizeof word);
    return r;
}

static int
write_smbios (struct vmm_boot *self, struct vmm_memory *memory)
{
    AUTO_FREE struct smbios_tables *tables = malloc (sizeof *tables);
    int r;

    if (!tables)
        return -ENOMEM;
    smbios_build (&self->platform.smbios, SMBIOS_TABLES_AT, tables);
    r = vmm_memory_write (memory, SMBIOS_ADDRESS, tables->anchor, sizeof tables->anchor);
    if (r == 0)
        r = vmm_memory_write (memory, SMBIOS_TABLES_AT, tables->data, tables->size);
    return r;
}

/* Writes the page that the kernel looks for everything else in. */
static int
write_handover (struct vmm_boot *self, struct vmm_memory *memory)
{
    struct kernel_handover handover = {
        .cmdline = CMDLINE_AT,
        .initrd = self->initrd.size > 0 ? self->initrd_address : 0,
        .initrd_size = self->initrd.size,
        .rsdp = RSDP_ADDRESS,
    };
    uint8_t page[PAGE_BYTES];
    int r;

    fill_map (self, &handover.map);
    r = vmm_memory_write (memory, CMDLINE_AT, self->cmdline, strlen (self->cmdline) + 1);
    if (r < 0)
        return r;
    if (self->kernel.kind == KERNEL_PVH) {
        pvh_write_info (&handover, PVH_ADDRESS, page);
        return vmm_memory_write (memory, PVH_ADDRESS, page, sizeof page);
    }
    linux_write_params (&self->kernel, &handover, page);
    return vmm_memory_write (memory, PARAMS_ADDRESS, page, sizeof page);
}

static int
write_low_memory (struct vmm_boot *self, struct vmm_memory *memory)
{
    int r;

    firmware_refresh (&self->platform);
    r = write_acpi (self, memory);
    if (r == 0)
        r = write_smbios (self, memory);
    if (r == 0)
        r = write_gdt (memory, self->kernel.long_mode);
    if (r == 0)
        r = write_page_tables (memory);
    if (r == 0)
        r = write_handover (self, memory);
    return r;
}

int
vmm_boot_load (struct vmm_boot *self, struct kvm_entry *ret_entry, struct vmm_error *error)
{
    struct vmm_memory *memory = vmm_machine_memory (self->machine);
    int r;

    if (!self->is_direct) {
        shadow_bios (self);
        return 0;
    }
    r = pci_bus_assign (vmm_machine_pci (self->machine), error);
    if (r == 0)
        r = kernel_image_load (&self->kernel, memory, error);
    if (r == 0 && self->initrd.size > 0)
        r = image_file_load (&self->initrd, 0, self->initrd.size, memory, self->initrd_address,
                             error);
    if (r < 0)
        return r;
    r = write_low_memory (self, memory);
    if (r < 0)
        return vmm_error_set_errno (error, r, "what the kernel “%s” needs cannot be written",
                                    self->kernel.file.path);

    *ret_entry = (struct kvm_entry) {
        .long_mode = self->kernel.long_mode,
        .rip = self->kernel.entry,
        .rsi = self->kernel.kind == KERNEL_LINUX ? PARAMS_ADDRESS : 0,
        .rbx = self->kernel.kind == KERNEL_PVH ? PVH_ADDRESS : 0,
        .cr3 = self->kernel.long_mode ? PAGES_ADDRESS : 0,
        .gdt_base = GDT_ADDRESS,
        .gdt_limit = GDT_ENTRIES * 8 - 1,
        .code_selector = CODE_SELECTOR,
        .data_selector = DATA_SELECTOR,
        .task_selector = TASK_SELECTOR,
    };
    return VMM_BOOT_DIRECT;
}
