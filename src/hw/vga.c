/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hw/vga.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "engine/firmware/fw-cfg.h"

#define BAR_VRAM      0
#define BAR_MMIO      2
#define MMIO_SIZE     0x1000
#define MMIO_EDID_END 0x100
#define MMIO_PORTS    0x400
#define MMIO_DISPI    0x500
#define PAGE          4096

#define MAX_ROM_SIZE  (256 * KIB)

/* Of an entry of /proc/self/pagemap. */
#define PAGE_PRESENT (UINT64_C (1) << 63)
#define PAGE_SWAPPED (UINT64_C (1) << 62)

static uint8_t
mmio_read_byte (struct vga *vga, uint64_t offset)
{
    if (offset < EDID_SIZE)
        return vga->edid[offset];
    if (offset >= MMIO_PORTS && offset < MMIO_PORTS + 0x20)
        return vga_port_read (vga, (uint16_t) (0x3C0 + offset - MMIO_PORTS));
    if (offset >= MMIO_DISPI && offset < MMIO_DISPI + 2 * DISPI_COUNT) {
        uint16_t value = vga_dispi_read (vga, (uint16_t) ((offset - MMIO_DISPI) / 2));

        return (uint8_t) (offset & 1 ? value >> 8 : value);
    }
    return 0; /* drivers take a zero at 0x600 as: no byte order register */
}

static uint64_t
mmio_read (void *opaque, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t) mmio_read_byte (opaque, offset + i) << (8 * i);
    return value;
}

static void
mmio_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct vga *vga = opaque;

    if (offset >= MMIO_PORTS && offset < MMIO_PORTS + 0x20) {
        for (unsigned i = 0; i < size; i++)
            vga_port_write (vga, (uint16_t) (0x3C0 + offset - MMIO_PORTS + i),
                            (uint8_t) (value >> (8 * i)));
    } else if (offset >= MMIO_DISPI && offset < MMIO_DISPI + 2 * DISPI_COUNT && size == 2 &&
               offset % 2 == 0) {
        vga_dispi_write (vga, (uint16_t) ((offset - MMIO_DISPI) / 2), (uint16_t) value);
    }
}

static int
add_rom (struct vga *vga, const char *name, const char *path, struct vmm_error *error)
{
    AUTO_FREE uint8_t *rom = NULL;
    AUTO_FD fd = open (path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    ssize_t n;

    if (fd < 0 || fstat (fd, &status) < 0)
        return vmm_error_set_errno (error, -errno, "cannot open the VGA BIOS %s", path);
    if (!S_ISREG (status.st_mode) || status.st_size < 512 || status.st_size > (off_t) MAX_ROM_SIZE)
        return vmm_error_set (error, -EINVAL, "%s is no VGA BIOS", path);
    rom = malloc ((size_t) status.st_size);
    if (!rom)
        return vmm_error_set_errno (error, -ENOMEM, "cannot read the VGA BIOS %s", path);
    n = read (fd, rom, (size_t) status.st_size);
    if (n < 0)
        return vmm_error_set_errno (error, -errno, "cannot read the VGA BIOS %s", path);
    if (n != status.st_size || rom[0] != 0x55 || rom[1] != 0xAA)
        return vmm_error_set (error, -EINVAL, "%s is no VGA BIOS", path);
    return fw_cfg_add_file (vmm_device_fw_cfg (&vga->pci->device), name, rom, (size_t) n, error);
}

static int
allocate (struct vga *vga, struct vmm_error *error)
{
    size_t words = (vga->vram_size / PAGE + 63) / 64;
    void *memory;

    /* Address space for the largest size, so that a damaged saved state cannot be longer than what
     * it is read into. Pages never touched cost nothing. */
    memory = mmap (NULL, VGA_VRAM_MAX, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return vmm_error_set_errno (error, -errno, "cannot get video memory for “%s”",
                                    vga->pci->device.id);
    vga->vram = memory;
    /* Hints that a kernel may not know. */
    (void) madvise (memory, VGA_VRAM_MAX, MADV_DONTFORK);
    (void) madvise (memory, VGA_VRAM_MAX, MADV_DONTDUMP);
    vga->dirty = calloc (words, sizeof *vga->dirty);
    vga->fetched = calloc (words, sizeof *vga->fetched);
    if (!vga->dirty || !vga->fetched)
        return vmm_error_set_errno (error, -ENOMEM, "cannot get video memory for “%s”",
                                    vga->pci->device.id);
    vmm_slot_init (&vga->vram_slot, vmm_device_memory (&vga->pci->device), vga->vram,
                   vga->vram_size, VMM_SLOT_LOG_DIRTY);
    return 0;
}

static int
map_regions (struct vga *vga, struct vmm_error *error)
{
    struct vmm_bus *bus = vmm_device_bus (&vga->pci->device);
    int r;

    r = vmm_bus_map (bus, &vga->ports, 0x3C0);
    if (r == 0)
        r = vmm_bus_map (bus, &vga->mono_ports, 0x3B0);
    if (r == 0)
        r = vmm_bus_map (bus, &vga->dispi_ports, 0x1CE);
    if (r == 0)
        r = vmm_bus_map (bus, &vga->window.region, VGA_WINDOW_BASE);
    if (r < 0)
        return vmm_error_set_errno (error, r, "cannot map the registers of “%s”",
                                    vga->pci->device.id);
    return 0;
}

int
vga_init (struct vga *vga, struct pci_device *pci, const struct vmm_device_config *config,
          const char *rom_name, struct vmm_error *error)
{
    struct vmm_device *device = &pci->device;
    uint64_t megabytes = vmm_config_number (device, config, "vram");
    const char *rom = vmm_config_string (config, "vgabios");
    int r;

    vga->pci = pci;
    if (!is_power_of_two (megabytes))
        return vmm_error_set (error, -EINVAL, "the video memory of “%s” must be a power of two MiB",
                              device->id);
    vga->vram_size = (uint32_t) (megabytes * MIB);
    vga->display = vmm_config_pointer (config, "display");
    edid_build (vga->edid, (unsigned) vmm_config_number (device, config, "xres"),
                (unsigned) vmm_config_number (device, config, "yres"));
    r = allocate (vga, error);
    if (r < 0)
        return r;

    vga->mmio = (struct vmm_region) {
        .name = "vga-mmio",
        .space = VMM_SPACE_MMIO,
        .size = MMIO_SIZE,
        .max_size = 2,
        .read = mmio_read,
        .write = mmio_write,
        .opaque = vga,
        .lock = &device->lock,
    };
    vga_registers_init (vga);
    vga_dispi_init (vga);
    vga_window_init (vga);
    pci_bar_declare (pci, BAR_VRAM, vga->vram_size, PCI_BAR_PREFETCHABLE);
    pci_bar_add_slot (pci, BAR_VRAM, 0, &vga->vram_slot);
    pci_bar_declare (pci, BAR_MMIO, MMIO_SIZE, 0);
    pci_bar_add_region (pci, BAR_MMIO, 0, &vga->mmio);
    r = map_regions (vga, error);
    if (r < 0 || !rom)
        return r;
    return add_rom (vga, rom_name, rom, error);
}

void
vga_reset (struct vga *vga)
{
    vga_window_withdraw (vga);
    vga_registers_reset (vga);
    vga_dispi_reset (vga);
    vga_window_update (vga);
    vga_clear_vram (vga, vga->vram_size);
    vga_surface_drop (vga);
}

void
vga_config_written (struct vga *vga, unsigned offset)
{
    /* What was written through a BAR that moves or closes is not in the log any more. */
    if (offset < 0x28)
        vga->redraw = true;
}

void
vga_fini (struct vga *vga)
{
    struct vmm_bus *bus;

    if (!vga->pci)
        return;
    bus = vmm_device_bus (&vga->pci->device);
    if (vga->vram) {
        vmm_bus_unmap (bus, &vga->ports);
        vmm_bus_unmap (bus, &vga->mono_ports);
        vmm_bus_unmap (bus, &vga->dispi_ports);
    }
    vga_window_fini (vga);
    vmm_slot_unmap (&vga->vram_slot);
    vga_surface_forget (vga);
    vga_text_drop (vga);
    free (vga->dirty);
    free (vga->fetched);
    if (vga->vram)
        munmap (vga->vram, VGA_VRAM_MAX);
    vga->vram = NULL;
}

/* Where the video memory ends that anybody has touched. Looking at the rest would touch it, and
 * take its time while a guest waits. */
static uint32_t
find_touched_end (const struct vga *vga)
{
    AUTO_FD map = open ("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    uint32_t n = vga->vram_size / PAGE;
    size_t length = n * sizeof (uint64_t);
    AUTO_FREE uint64_t *entries = malloc (length);
    off_t offset = (off_t) ((uintptr_t) vga->vram / PAGE * sizeof (uint64_t));

    if (map < 0 || !entries || pread (map, entries, length, offset) != (ssize_t) length)
        return vga->vram_size;
    while (n > 0 && !(entries[n - 1] & (PAGE_PRESENT | PAGE_SWAPPED)))
        n--;
    return n * PAGE;
}

static bool
is_zero_page (const uint8_t *page)
{
    const uint64_t *words = (const uint64_t *) (const void *) page;
    uint64_t any = 0;

    for (size_t i = 0; i < PAGE / sizeof any; i++)
        any |= words[i];
    return any == 0;
}

static void
state_pre_save (void *object)
{
    struct vga *vga = object;
    uint32_t used;

    vga_window_sync (vga);
    used = find_touched_end (vga);
    while (used > 0 && is_zero_page (vga->vram + used - PAGE))
        used -= PAGE;
    vga->vram_used = used;
}

static int
state_post_load (void *object, struct vmm_error *error)
{
    struct vga *vga = object;
    uint32_t used = vga->vram_used;

    /* The text window's copy is older than what was loaded: forget it. */
    if (vga->window.mapped) {
        vmm_slot_unmap (&vga->window.slot);
        vga->window.mapped = false;
    }
    vga->redraw = true;
    vga_dispi_fix (vga);
    vga_window_update (vga);
    if (used > vga->vram_size) {
        madvise (vga->vram, VGA_VRAM_MAX, MADV_DONTNEED);
        return vmm_error_set (error, -EPROTO, "the saved state of “%s” has more video memory",
                              vga->pci->device.id);
    }
    if (used < vga->vram_size) {
        uint32_t edge = (uint32_t) MIN_OF (align_up (used, PAGE), (uint64_t) vga->vram_size);

        memset (vga->vram + used, 0, edge - used);
        if (edge < vga->vram_size)
            madvise (vga->vram + edge, vga->vram_size - edge, MADV_DONTNEED);
    }
    return 0;
}

static const struct vmm_state_field state_fields[] = {
    VMM_STATE (struct vga, misc),
    VMM_STATE (struct vga, feature),
    VMM_STATE (struct vga, sequencer_index),
    VMM_STATE_ARRAY (struct vga, sequencer),
    VMM_STATE (struct vga, crtc_index),
    VMM_STATE_ARRAY (struct vga, crtc),
    VMM_STATE (struct vga, graphics_index),
    VMM_STATE_ARRAY (struct vga, graphics),
    VMM_STATE (struct vga, attribute_index),
    VMM_STATE (struct vga, attribute_is_data),
    VMM_STATE_ARRAY (struct vga, attribute),
    VMM_STATE (struct vga, dac_mask),
    VMM_STATE (struct vga, dac_read_index),
    VMM_STATE (struct vga, dac_write_index),
    VMM_STATE (struct vga, dac_step),
    VMM_STATE (struct vga, dac_is_reading),
    VMM_STATE_ARRAY (struct vga, dac_written),
    VMM_STATE_ARRAY (struct vga, dac),
    VMM_STATE (struct vga, latch),
    VMM_STATE (struct vga, dispi_index),
    VMM_STATE_ARRAY (struct vga, dispi),
    {
        .name = "vram",
        .type = VMM_FIELD_U8,
        .offset = offsetof (struct vga, vram),
        .count = VGA_VRAM_MAX,
        .size = 1,
        .pointer = true,
        .variable = true,
        .count_offset = offsetof (struct vga, vram_used),
        .hidden = true,
    },
};

const struct vmm_state_table vga_state = {
    .name = "vga",
    .version = 1,
    .fields = state_fields,
    .n_fields = ARRAY_LENGTH (state_fields),
    .pre_save = state_pre_save,
    .post_load = state_post_load,
};
