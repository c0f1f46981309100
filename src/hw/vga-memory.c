/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The window at 0xA0000–0xBFFFF: how an access becomes reads and writes of the four planes (IBM
 * VGA/XGA Technical Reference, 2.7 to 2.9), and when it can be plain memory instead.
 *
 * An access that we work out costs an exit: four thousand for a font, two thousand to clear a
 * screen. So where the registers make the window behave like memory, a slot is put there: for
 * odd/even text and for fonts a private copy of the window, which then is the truth and goes back
 * to its planes when the slot goes; for chain-4 and the banks of linear modes video memory itself.
 * As a slot costs about as much as ten exits to put there or take away, it comes only after some
 * writes under the same registers, and goes as soon as they change their meaning. Latches are not
 * loaded by what we do not see; no program reads them in these modes.
 */
#include "hw/vga.h"

#include <errno.h>
#include <sys/mman.h>

#define PAGE                 4096
#define WRITES_BEFORE_DIRECT 16

#define MISC_MEMORY_ENABLED  0x02
#define SR_MEMORY_NOT_ODD    0x04 /* sequential: A0 does not choose planes */
#define SR_MEMORY_CHAIN4     0x08
#define GR_MODE_READ         0x08
#define GR_MODE_ODD_EVEN     0x10
#define GR_MISC_CHAIN_ODD    0x02

enum window_map {
    MAP_A0000_128K,
    MAP_A0000_64K,
    MAP_B0000_32K,
    MAP_B8000_32K,
};

static enum window_map
window_map (const struct vga *vga)
{
    return (enum window_map) (vga->graphics[VGA_GR_MISC] >> 2 & 3);
}

/* A bit for each plane becomes a byte for each. */
static uint32_t
lanes (unsigned planes)
{
    return ((planes & 0x0F) * 0x00204081u & 0x01010101u) * 0xFF;
}

/* Whether accesses go to the linear modes' memory and not to planes. */
static bool
is_linear (const struct vga *vga)
{
    return vga_dispi_is_enabled (vga) && vga->dispi[DISPI_BPP] != 4;
}

static uint32_t
bank_offset (const struct vga *vga)
{
    return vga_dispi_is_enabled (vga) ? (uint32_t) vga->dispi[DISPI_BANK] << 16 : 0;
}

/* Whether the guest's write is what lands in memory, in all planes of @map_mask. */
static bool
writes_plainly (const struct vga *vga, uint8_t map_mask)
{
    const uint8_t *gr = vga->graphics;

    return vga->sequencer[VGA_SR_MAP_MASK] == map_mask && (gr[VGA_GR_MODE] & 3) == 0 &&
           gr[VGA_GR_ROTATE] == 0 && gr[VGA_GR_ENABLE_SET_RESET] == 0 &&
           gr[VGA_GR_BIT_MASK] == 0xFF && !(gr[VGA_GR_MODE] & GR_MODE_READ);
}

static enum vga_direct
wanted_direct (const struct vga *vga, uint32_t *ret_offset)
{
    uint8_t memory = vga->sequencer[VGA_SR_MEMORY];

    *ret_offset = 0;
    if (!(vga->misc & MISC_MEMORY_ENABLED))
        return VGA_DIRECT_NONE;
    if (is_linear (vga)) {
        *ret_offset = bank_offset (vga) & (vga->vram_size - 1);
        return window_map (vga) <= MAP_A0000_64K ? VGA_DIRECT_LINEAR : VGA_DIRECT_NONE;
    }
    if (vga_dispi_is_enabled (vga))
        return VGA_DIRECT_NONE;
    if (memory & SR_MEMORY_CHAIN4)
        return writes_plainly (vga, 0x0F) && window_map (vga) == MAP_A0000_64K ? VGA_DIRECT_LINEAR
                                                                               : VGA_DIRECT_NONE;
    if ((memory & SR_MEMORY_NOT_ODD) && vga->graphics[VGA_GR_MISC] == MAP_A0000_64K << 2 &&
        !(vga->graphics[VGA_GR_MODE] & GR_MODE_ODD_EVEN) && vga->graphics[VGA_GR_READ_MAP] == 2 &&
        writes_plainly (vga, 1 << 2))
        return VGA_DIRECT_FONT;
    if (!(memory & SR_MEMORY_NOT_ODD) && (vga->graphics[VGA_GR_MODE] & GR_MODE_ODD_EVEN) &&
        (vga->graphics[VGA_GR_MISC] & GR_MISC_CHAIN_ODD) && !(vga->graphics[VGA_GR_READ_MAP] & 2) &&
        window_map (vga) == MAP_B8000_32K && writes_plainly (vga, 0x03))
        return VGA_DIRECT_TEXT;
    return VGA_DIRECT_NONE;
}

static void
mark_dirty (struct vga *vga, uint32_t offset)
{
    vga->dirty[offset / PAGE / 64] |= UINT64_C (1) << (offset / PAGE % 64);
}

/* Where a byte of the copy lies in video memory. */
static uint32_t
copy_offset (const struct vga_window *window, uint32_t address)
{
    if (window->direct == VGA_DIRECT_FONT)
        return address * 4 + 2;
    return (address & ~1u) * 4 + (address & 1);
}

static uint32_t
copy_size (const struct vga_window *window)
{
    return window->direct == VGA_DIRECT_FONT ? VGA_PLANE_SIZE : VGA_TEXT_SIZE;
}

static bool
has_copy (const struct vga_window *window)
{
    return window->mapped &&
           (window->direct == VGA_DIRECT_TEXT || window->direct == VGA_DIRECT_FONT);
}

void
vga_window_sync (struct vga *vga)
{
    const struct vga_window *window = &vga->window;

    if (!has_copy (window))
        return;
    for (uint32_t a = 0; a < copy_size (window); a++) {
        uint8_t *at = vga->vram + copy_offset (window, a);

        /* Pages that nothing was written to shall not come into being. */
        if (*at != window->copy[a])
            *at = window->copy[a];
    }
}

void
vga_window_withdraw (struct vga *vga)
{
    struct vga_window *window = &vga->window;

    if (!window->mapped)
        return;
    vmm_slot_unmap (&window->slot);
    vga_window_sync (vga);
    if (window->direct == VGA_DIRECT_LINEAR)
        for (uint32_t a = 0; a < 0x10000; a += PAGE)
            mark_dirty (vga, window->offset + a);
    window->mapped = false;
}

void
vga_window_update (struct vga *vga)
{
    struct vga_window *window = &vga->window;
    uint32_t offset;
    enum vga_direct direct = wanted_direct (vga, &offset);

    if (direct == window->direct && offset == window->offset)
        return;
    vga_window_withdraw (vga);
    window->direct = direct;
    window->offset = offset;
    window->writes = 0;
}

/* Puts a copy of the window, made of its planes, at guest address @base. */
static int
map_copy (struct vga *vga, uint64_t base)
{
    struct vga_window *window = &vga->window;

    if (!window->copy) {
        void *copy =
            mmap (NULL, VGA_PLANE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (copy == MAP_FAILED)
            return -errno;
        window->copy = copy;
    }
    for (uint32_t a = 0; a < copy_size (window); a++)
        window->copy[a] = vga->vram[copy_offset (window, a)];
    vmm_slot_init (&window->slot, vmm_device_memory (&vga->pci->device), window->copy,
                   copy_size (window), 0);
    return vmm_slot_map (&window->slot, base);
}

/* The guest has written often enough: give it the memory. */
static void
go_direct (struct vga *vga)
{
    struct vga_window *window = &vga->window;
    int r;

    if (window->refused)
        return;
    if (window->direct == VGA_DIRECT_LINEAR) {
        vmm_slot_init (&window->slot, vmm_device_memory (&vga->pci->device),
                       vga->vram + window->offset, 0x10000, 0);
        r = vmm_slot_map (&window->slot, VGA_WINDOW_BASE);
    } else {
        r = map_copy (vga, window->direct == VGA_DIRECT_TEXT ? VGA_TEXT_BASE : VGA_WINDOW_BASE);
    }
    if (r < 0) {
        window->refused = true;
        vmm_device_warn (&vga->pci->device,
                         "cannot map the VGA window, screen output will be slow");
        return;
    }
    window->mapped = true;
}

void
vga_clear_vram (struct vga *vga, uint32_t length)
{
    uint32_t whole;

    length = MIN_OF (length, vga->vram_size);
    whole = (uint32_t) align_down (length, PAGE);
    if (whole && madvise (vga->vram, whole, MADV_DONTNEED) < 0)
        whole = 0;
    memset (vga->vram + whole, 0, length - whole);
    vga->redraw = true;
}

/* Where in the planes' address space an access at @offset of the window lands; false: nowhere. */
static bool
window_address (const struct vga *vga, uint64_t offset, uint32_t *ret_address)
{
    uint32_t start = 0, size = 0x8000;

    if (!(vga->misc & MISC_MEMORY_ENABLED))
        return false;
    switch (window_map (vga)) {
    case MAP_A0000_128K: size = 0x20000; break;
    case MAP_A0000_64K: size = 0x10000; break;
    case MAP_B0000_32K: start = 0x10000; break;
    case MAP_B8000_32K: start = 0x18000; break;
    }
    if (offset < start || offset - start >= size)
        return false;
    *ret_address = (uint32_t) offset - start;
    return true;
}

/* The plane offset of @address outside chain-4. */
static uint32_t
plane_offset (const struct vga *vga, uint32_t address)
{
    if (vga->graphics[VGA_GR_MISC] & GR_MISC_CHAIN_ODD)
        address = (address & ~1u) | (address >> 16 & 1);
    if (vga_dispi_is_enabled (vga))
        return (bank_offset (vga) | (address & 0xFFFF)) & (vga->vram_size / 4 - 1);
    return address & (VGA_PLANE_SIZE - 1);
}

/* Write modes, set/reset, rotation, logic and bit mask, on the planes in @planes. */
static void
write_planes (struct vga *vga, uint8_t *at, unsigned planes, uint8_t value)
{
    const uint8_t *gr = vga->graphics;
    unsigned rotate = gr[VGA_GR_ROTATE] & 7;
    uint8_t rotated = (uint8_t) (value >> rotate | value << (8 - rotate));
    uint32_t bits = gr[VGA_GR_BIT_MASK] * 0x01010101u;
    uint32_t set_reset = lanes (gr[VGA_GR_SET_RESET]);
    uint32_t enabled, data = 0, selected = lanes (planes);

    switch (gr[VGA_GR_MODE] & 3) {
    case 0:
        enabled = lanes (gr[VGA_GR_ENABLE_SET_RESET]);
        data = (rotated * 0x01010101u & ~enabled) | (set_reset & enabled);
        break;
    case 1: store_le32 (at, (load_le32 (at) & ~selected) | (vga->latch & selected)); return;
    case 2: data = lanes (value); break;
    case 3:
        bits &= rotated * 0x01010101u;
        data = set_reset;
        break;
    }
    switch (gr[VGA_GR_ROTATE] >> 3 & 3) {
    case 0: break;
    case 1: data &= vga->latch; break;
    case 2: data |= vga->latch; break;
    case 3: data ^= vga->latch; break;
    }
    data = (data & bits) | (vga->latch & ~bits);
    store_le32 (at, (load_le32 (at) & ~selected) | (data & selected));
}

static void
write_byte (struct vga *vga, uint64_t offset, uint8_t value)
{
    unsigned planes = vga->sequencer[VGA_SR_MAP_MASK];
    uint32_t address;

    if (!window_address (vga, offset, &address))
        return;
    if (has_copy (&vga->window)) {
        vga->window.copy[address] = value;
        return;
    }
    if (is_linear (vga)) {
        if (address < 0x10000) {
            address = (bank_offset (vga) | address) & (vga->vram_size - 1);
            vga->vram[address] = value;
            mark_dirty (vga, address);
        }
        return;
    }
    if (vga->sequencer[VGA_SR_MEMORY] & SR_MEMORY_CHAIN4) {
        write_planes (vga, vga->vram + (address & 0xFFFC), planes & 1u << (address & 3), value);
        return;
    }
    if (!(vga->sequencer[VGA_SR_MEMORY] & SR_MEMORY_NOT_ODD))
        planes &= address & 1 ? 0x0A : 0x05;
    write_planes (vga, vga->vram + (size_t) plane_offset (vga, address) * 4, planes, value);
}

static uint8_t
read_byte (struct vga *vga, uint64_t offset)
{
    const uint8_t *gr = vga->graphics;
    unsigned plane = gr[VGA_GR_READ_MAP];
    uint32_t address, differs;

    if (!window_address (vga, offset, &address))
        return 0xFF;
    if (has_copy (&vga->window))
        return vga->window.copy[address];
    if (is_linear (vga)) {
        if (address >= 0x10000)
            return 0xFF;
        return vga->vram[(bank_offset (vga) | address) & (vga->vram_size - 1)];
    }
    if (vga->sequencer[VGA_SR_MEMORY] & SR_MEMORY_CHAIN4) {
        vga->latch = load_le32 (vga->vram + (address & 0xFFFC));
        plane = address & 3;
    } else {
        vga->latch = load_le32 (vga->vram + (size_t) plane_offset (vga, address) * 4);
        if (gr[VGA_GR_MODE] & GR_MODE_ODD_EVEN)
            plane = (plane & 2) | (address & 1);
    }
    if (!(gr[VGA_GR_MODE] & GR_MODE_READ))
        return (uint8_t) (vga->latch >> (8 * (plane & 3)));
    /* Read mode 1: a bit for each pixel that has the compared colour in the planes we care for. */
    differs = (vga->latch ^ lanes (gr[VGA_GR_COLOR_COMPARE])) & lanes (gr[VGA_GR_COLOR_CARE]);
    differs |= differs >> 16;
    differs |= differs >> 8;
    return (uint8_t) ~differs;
}

static uint64_t
window_read (void *opaque, uint64_t offset, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t) read_byte (opaque, offset + i) << (8 * i);
    return value;
}

static void
window_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct vga *vga = opaque;
    uint32_t address;

    for (unsigned i = 0; i < size; i++)
        write_byte (vga, offset + i, (uint8_t) (value >> (8 * i)));
    if (vga->window.direct != VGA_DIRECT_NONE && !vga->window.mapped &&
        window_address (vga, offset, &address) && ++vga->window.writes >= WRITES_BEFORE_DIRECT)
        go_direct (vga);
}

void
vga_window_init (struct vga *vga)
{
    vga->window.region = (struct vmm_region) {
        .name = "vga-window",
        .space = VMM_SPACE_MMIO,
        .size = VGA_WINDOW_SIZE,
        .read = window_read,
        .write = window_write,
        .opaque = vga,
        .lock = &vga->pci->device.lock,
    };
}

void
vga_window_fini (struct vga *vga)
{
    if (vga->window.region.opaque)
        vmm_bus_unmap (vmm_device_bus (&vga->pci->device), &vga->window.region);
    vmm_slot_unmap (&vga->window.slot);
    vga->window.mapped = false;
    if (vga->window.copy)
        munmap (vga->window.copy, VGA_PLANE_SIZE);
    vga->window.copy = NULL;
}
