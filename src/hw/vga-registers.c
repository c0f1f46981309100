/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ports of the VGA (IBM VGA/XGA Technical Reference, section 2). The CRTC, the input status and
 * the feature control are at 3Bx or 3Dx as bit 0 of the miscellaneous output register says; the
 * ones at the other place answer nothing.
 */
#include "hw/vga.h"

#define NOTHING          0xFF

#define MISC_COLOR       0x01

#define STATUS_BLANKED   0x01
#define STATUS_V_RETRACE 0x08

#define LINE_NS          31778 /* 31.469 kHz, which all modes of a VGA have */

/*
 * The beam, on guest time. The whole vertical blanking counts as retrace: guests that wait for it
 * poll, and where each poll is an exit of some microseconds, two lines would be missed for many
 * frames.
 */
static uint8_t
input_status (struct vga *vga)
{
    const uint8_t *crtc = vga->crtc;
    unsigned total = crtc[VGA_CR_V_TOTAL] | (crtc[VGA_CR_OVERFLOW] & 0x01) << 8 |
                     (crtc[VGA_CR_OVERFLOW] & 0x20) << 4;
    unsigned shown = crtc[VGA_CR_V_END] | (crtc[VGA_CR_OVERFLOW] & 0x02) << 7 |
                     (crtc[VGA_CR_OVERFLOW] & 0x40) << 3;
    uint64_t now = vmm_clock_now (vmm_device_clock (&vga->pci->device));
    uint64_t line;

    total += 2;
    shown += 1;
    if (total < 100 || shown + 4 > total) {
        total = 449;
        shown = 400;
    }
    line = now / LINE_NS % total;
    if (line >= shown)
        return STATUS_V_RETRACE | STATUS_BLANKED;
    return now % LINE_NS >= LINE_NS * 4 / 5 ? STATUS_BLANKED : 0;
}

static uint8_t
dac_read (struct vga *vga)
{
    uint8_t value = vga->dac[vga->dac_read_index * 3 + vga->dac_step % 3];

    vga->dac_step = (uint8_t) ((vga->dac_step + 1) % 3);
    if (vga->dac_step == 0)
        vga->dac_read_index++;
    return value;
}

/* A colour takes effect with its third component. */
static void
dac_write (struct vga *vga, uint8_t value)
{
    if (!(vga->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC))
        value &= 0x3F;
    vga->dac_written[vga->dac_step % 3] = value;
    vga->dac_step = (uint8_t) ((vga->dac_step + 1) % 3);
    if (vga->dac_step == 0) {
        memcpy (vga->dac + vga->dac_write_index * 3, vga->dac_written, 3);
        vga->dac_write_index++;
    }
}

static void
attribute_write (struct vga *vga, uint8_t value)
{
    vga->attribute_is_data = !vga->attribute_is_data;
    if (vga->attribute_is_data) {
        vga->attribute_index = value & 0x3F;
        return;
    }
    switch (vga->attribute_index & 0x1F) {
    case VGA_AR_MODE: value &= 0xEF; break;
    case 0x11: break;
    case VGA_AR_PANNING:
    case VGA_AR_COLOR_SELECT: value &= 0x0F; break;
    default: value &= 0x3F; break;
    }
    if ((vga->attribute_index & 0x1F) < VGA_AR_COUNT)
        vga->attribute[vga->attribute_index & 0x1F] = value;
}

static void
crtc_write (struct vga *vga, uint8_t value)
{
    uint8_t index = vga->crtc_index;

    if (index >= VGA_CR_COUNT)
        return;
    /* Bit 7 of the vertical retrace end register protects 0 to 7, but for the line compare bit. */
    if (index <= VGA_CR_OVERFLOW && (vga->crtc[VGA_CR_V_SYNC_END] & 0x80)) {
        if (index == VGA_CR_OVERFLOW)
            vga->crtc[index] = (uint8_t) ((vga->crtc[index] & ~0x10) | (value & 0x10));
        return;
    }
    vga->crtc[index] = value;
}

static void
sequencer_write (struct vga *vga, uint8_t value)
{
    static const uint8_t masks[VGA_SR_COUNT] = {0x03, 0x3D, 0x0F, 0x3F, 0x0E};

    if (vga->sequencer_index >= VGA_SR_COUNT)
        return;
    vga->sequencer[vga->sequencer_index] = value & masks[vga->sequencer_index];
    vga_window_update (vga);
}

static void
graphics_write (struct vga *vga, uint8_t value)
{
    static const uint8_t masks[VGA_GR_COUNT] = {0x0F, 0x0F, 0x0F, 0x1F, 0x03,
                                                0x7B, 0x0F, 0x0F, 0xFF};

    if (vga->graphics_index >= VGA_GR_COUNT)
        return;
    vga->graphics[vga->graphics_index] = value & masks[vga->graphics_index];
    vga_window_update (vga);
}

/* Whether @port is of the group that moves, and not where it is now. */
static bool
is_elsewhere (const struct vga *vga, uint16_t port)
{
    if (port >= 0x3B0 && port <= 0x3BF)
        return vga->misc & MISC_COLOR;
    if (port >= 0x3D0 && port <= 0x3DF)
        return !(vga->misc & MISC_COLOR);
    return false;
}

uint8_t
vga_port_read (struct vga *vga, uint16_t port)
{
    if (is_elsewhere (vga, port))
        return NOTHING;
    switch (port) {
    case 0x3C0: return vga->attribute_is_data ? 0 : vga->attribute_index;
    case 0x3C1:
        return (vga->attribute_index & 0x1F) < VGA_AR_COUNT
                   ? vga->attribute[vga->attribute_index & 0x1F]
                   : 0;
    case 0x3C2: return 0x10; /* a colour monitor is connected */
    case 0x3C3: return 0x01;
    case 0x3C4: return vga->sequencer_index;
    case 0x3C5:
        return vga->sequencer_index < VGA_SR_COUNT ? vga->sequencer[vga->sequencer_index] : 0;
    case 0x3C6: return vga->dac_mask;
    case 0x3C7: return vga->dac_is_reading ? 3 : 0;
    case 0x3C8: return vga->dac_write_index;
    case 0x3C9: return dac_read (vga);
    case 0x3CA: return vga->feature;
    case 0x3CC: return vga->misc;
    case 0x3CE: return vga->graphics_index;
    case 0x3CF: return vga->graphics_index < VGA_GR_COUNT ? vga->graphics[vga->graphics_index] : 0;
    case 0x3B4:
    case 0x3D4: return vga->crtc_index;
    case 0x3B5:
    case 0x3D5: return vga->crtc_index < VGA_CR_COUNT ? vga->crtc[vga->crtc_index] : 0;
    case 0x3BA:
    case 0x3DA: vga->attribute_is_data = false; return input_status (vga);
    default: return NOTHING;
    }
}

void
vga_port_write (struct vga *vga, uint16_t port, uint8_t value)
{
    if (is_elsewhere (vga, port))
        return;
    switch (port) {
    case 0x3C0: attribute_write (vga, value); break;
    case 0x3C2:
        vga->misc = value;
        vga_window_update (vga);
        break;
    case 0x3C4: vga->sequencer_index = value; break;
    case 0x3C5: sequencer_write (vga, value); break;
    case 0x3C6: vga->dac_mask = value; break;
    case 0x3C7:
        vga->dac_read_index = value;
        vga->dac_step = 0;
        vga->dac_is_reading = true;
        break;
    case 0x3C8:
        vga->dac_write_index = value;
        vga->dac_step = 0;
        vga->dac_is_reading = false;
        break;
    case 0x3C9: dac_write (vga, value); break;
    case 0x3CE: vga->graphics_index = value; break;
    case 0x3CF: graphics_write (vga, value); break;
    case 0x3B4:
    case 0x3D4: vga->crtc_index = value; break;
    case 0x3B5:
    case 0x3D5: crtc_write (vga, value); break;
    case 0x3BA:
    case 0x3DA: vga->feature = value; break;
    default: break;
    }
}

static uint64_t
ports_read (void *opaque, uint64_t offset, unsigned size)
{
    return vga_port_read (opaque, (uint16_t) (0x3C0 + offset));
}

static void
ports_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    vga_port_write (opaque, (uint16_t) (0x3C0 + offset), (uint8_t) value);
}

static uint64_t
mono_ports_read (void *opaque, uint64_t offset, unsigned size)
{
    return vga_port_read (opaque, (uint16_t) (0x3B0 + offset));
}

static void
mono_ports_write (void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    vga_port_write (opaque, (uint16_t) (0x3B0 + offset), (uint8_t) value);
}

void
vga_registers_init (struct vga *vga)
{
    vga->ports = (struct vmm_region) {
        .name = "vga-ports",
        .space = VMM_SPACE_PIO,
        .size = 0x20,
        .max_size = 1,
        .read = ports_read,
        .write = ports_write,
        .opaque = vga,
        .lock = &vga->pci->device.lock,
    };
    /* Up to 3BB: a parallel port may follow. */
    vga->mono_ports = vga->ports;
    vga->mono_ports.name = "vga-mono-ports";
    vga->mono_ports.size = 0x0C;
    vga->mono_ports.read = mono_ports_read;
    vga->mono_ports.write = mono_ports_write;
}

void
vga_registers_reset (struct vga *vga)
{
    vga->misc = vga->feature = 0;
    vga->sequencer_index = vga->crtc_index = vga->graphics_index = vga->attribute_index = 0;
    memset (vga->sequencer, 0, sizeof vga->sequencer);
    memset (vga->crtc, 0, sizeof vga->crtc);
    memset (vga->graphics, 0, sizeof vga->graphics);
    memset (vga->attribute, 0, sizeof vga->attribute);
    vga->attribute_is_data = false;
    vga->dac_mask = 0xFF;
    vga->dac_read_index = vga->dac_write_index = vga->dac_step = 0;
    vga->dac_is_reading = false;
    memset (vga->dac_written, 0, sizeof vga->dac_written);
    memset (vga->dac, 0, sizeof vga->dac);
    vga->latch = 0;
}
