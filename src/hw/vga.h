/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A complete VGA core (IBM VGA/XGA Technical Reference) with the Bochs display interface ("dispi")
 * beside it, as QEMU's "VGA" device documents it in docs/specs/standard-vga, to be embedded in a
 * PCI function: vga-pci.c is the class of one that is nothing else (1234:1111). The parts of the
 * core see each other here, too. vga.c puts it together, vga-registers.c has the ports, vga-dispi.c
 * the linear modes, vga-memory.c the window at 0xA0000, vga-mode.c reads the registers as a
 * picture's geometry, vga-render.c keeps the surface, vga-text.c and vga-graphics.c draw.
 * Everything runs with the device's lock held.
 *
 * Video memory is one array. The four planes of the VGA lie interleaved in its first 256 KiB: byte
 * offset × 4 + plane. In chain-4 addressing this makes the CPU's address the array's index, so that
 * the window can show the array to the guest directly, and a double-word CRTC address the plane
 * offset (the hardware spreads chain-4 over every fourth offset instead, and only programs that
 * unchain planes and keep the picture could tell).
 */
#pragma once

#include "display/display.h"
#include "engine/pci/pci.h"
#include "hw/edid.h"

#define VGA_VRAM_MAX    (256 * MIB)
#define VGA_PLANE_SIZE  0x10000u /* bytes in each of the four planes of a VGA */

#define VGA_WINDOW_BASE 0xA0000u
#define VGA_WINDOW_SIZE 0x20000u
#define VGA_TEXT_BASE   0xB8000u
#define VGA_TEXT_SIZE   0x8000u

enum {
    VGA_SR_CLOCKING = 1,
    VGA_SR_MAP_MASK = 2,
    VGA_SR_FONTS = 3,
    VGA_SR_MEMORY = 4,
    VGA_SR_COUNT = 5,

    VGA_CR_H_END = 0x01,
    VGA_CR_V_TOTAL = 0x06,
    VGA_CR_OVERFLOW = 0x07,
    VGA_CR_PRESET_ROW = 0x08,
    VGA_CR_MAX_SCAN = 0x09,
    VGA_CR_CURSOR_START = 0x0A,
    VGA_CR_CURSOR_END = 0x0B,
    VGA_CR_START_HIGH = 0x0C,
    VGA_CR_START_LOW = 0x0D,
    VGA_CR_CURSOR_HIGH = 0x0E,
    VGA_CR_CURSOR_LOW = 0x0F,
    VGA_CR_V_SYNC_END = 0x11,
    VGA_CR_V_END = 0x12,
    VGA_CR_OFFSET = 0x13,
    VGA_CR_UNDERLINE = 0x14,
    VGA_CR_MODE = 0x17,
    VGA_CR_LINE_COMPARE = 0x18,
    VGA_CR_COUNT = 0x19,

    VGA_GR_SET_RESET = 0,
    VGA_GR_ENABLE_SET_RESET = 1,
    VGA_GR_COLOR_COMPARE = 2,
    VGA_GR_ROTATE = 3,
    VGA_GR_READ_MAP = 4,
    VGA_GR_MODE = 5,
    VGA_GR_MISC = 6,
    VGA_GR_COLOR_CARE = 7,
    VGA_GR_BIT_MASK = 8,
    VGA_GR_COUNT = 9,

    VGA_AR_MODE = 0x10,
    VGA_AR_PLANES = 0x12,
    VGA_AR_PANNING = 0x13,
    VGA_AR_COLOR_SELECT = 0x14,
    VGA_AR_COUNT = 0x15,
};

enum vga_dispi_register {
    DISPI_ID,
    DISPI_XRES,
    DISPI_YRES,
    DISPI_BPP,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRTUAL_WIDTH,
    DISPI_VIRTUAL_HEIGHT,
    DISPI_X_OFFSET,
    DISPI_Y_OFFSET,
    DISPI_MEMORY_64K,
    DISPI_COUNT,
};

#define DISPI_ENABLED   0x01
#define DISPI_GET_CAPS  0x02
#define DISPI_8BIT_DAC  0x20
#define DISPI_LINEAR    0x40
#define DISPI_NO_CLEAR  0x80
#define DISPI_LATEST_ID 0xB0C5
#define DISPI_OLDEST_ID 0xB0C0

/* What the guest's accesses to the window come down to, when they come down to plain memory. */
enum vga_direct {
    VGA_DIRECT_NONE,   /* every access is worked out byte by byte */
    VGA_DIRECT_TEXT,   /* 0xB8000, characters and attributes in turn */
    VGA_DIRECT_FONT,   /* 0xA0000, plane 2 alone */
    VGA_DIRECT_LINEAR, /* 0xA0000, 64 KiB of video memory as it lies */
};

struct vga_window {
    struct vmm_region region;
    struct vmm_slot slot;   /* mapped while the guest reaches memory without us */
    enum vga_direct direct; /* what the registers allow */
    uint32_t offset;        /* VGA_DIRECT_LINEAR: into video memory */
    bool mapped;
    bool refused;    /* the host has no room for slots; do not ask for every write */
    unsigned writes; /* since the registers changed */
    /* VGA_PLANE_SIZE bytes, which hold the window while VGA_DIRECT_TEXT (even bytes plane 0, odd
     * ones plane 1) or VGA_DIRECT_FONT (plane 2) is mapped: then video memory is behind the times.
     */
    uint8_t *copy;
};

enum vga_kind {
    VGA_BLANK,
    VGA_TEXT,
    VGA_PLANAR,      /* a bit in each plane */
    VGA_INTERLEAVED, /* CGA's: two bits from planes 0/2, then 1/3 */
    VGA_PACKED,      /* a byte in each plane in turn */
    VGA_LINEAR,      /* dispi with 8 bits and more */
};

/* A picture's geometry as the registers ask for it. No padding may differ: compared as bytes. */
struct vga_mode {
    uint32_t kind;
    uint32_t width, height; /* of the picture as a monitor shows it */
    uint32_t columns;       /* character clocks in a line */
    uint32_t dots;          /* in a character clock: 8 or 9 */
    uint32_t scale;         /* picture dots for each dot (each pixel of packed modes) */
    uint32_t lines_per_scan;
    uint32_t row_scans;    /* scan lines in a row */
    uint32_t first_scan;   /* of the first row */
    uint32_t start, pitch; /* CRTC addresses; bytes in video memory for VGA_LINEAR */
    uint32_t byte_pan;
    uint32_t pan;   /* dots */
    uint32_t split; /* the line after this one starts at address 0 */
    uint32_t split_stops_pan;
    uint32_t address_mask; /* of plane offsets */
    uint32_t address_mode; /* CRTC mode control and underline registers */
    uint32_t bits;         /* VGA_LINEAR */
};

/* A row of the picture: @lines lines from @y on, starting with scan line @scan at @address. */
struct vga_row {
    uint32_t y, lines, scan, address;
    bool split;
};

/* What the text on the surface was drawn from. */
struct vga_text {
    struct vga_mode mode; /* without start, which moves cells but changes none */
    uint32_t pens[16];
    uint8_t look[8]; /* registers that change every cell's look */
    uint8_t fonts[2][256 * 32];
    uint32_t *cells; /* rows × columns */
    size_t n_cells;
};

struct vga_surface {
    uint32_t *pixels; /* NULL: the screen is off */
    uint32_t width, height;
    uint32_t *line;                /* room for a line with panning */
    uint32_t *pens;                /* room for as many pixels before scaling */
    struct display_rectangle band; /* damage not yet reported; height 0: none */
};

struct vga {
    struct pci_device *pci;  /* the function this is a part of; NULL before vga_init () */
    struct display *display; /* may be NULL */
    uint8_t edid[EDID_SIZE];

    uint8_t *vram;      /* VGA_VRAM_MAX bytes of address space, of which vram_size are used */
    uint32_t vram_size; /* power of two */
    struct vmm_slot vram_slot;
    struct vmm_region ports, mono_ports, dispi_ports, mmio;
    struct vga_window window;

    /* Registers. */
    uint8_t misc, feature;
    uint8_t sequencer_index, sequencer[VGA_SR_COUNT];
    uint8_t crtc_index, crtc[VGA_CR_COUNT];
    uint8_t graphics_index, graphics[VGA_GR_COUNT];
    uint8_t attribute_index, attribute[VGA_AR_COUNT]; /* index with its bit 5 */
    bool attribute_is_data;                           /* the flip-flop */
    uint8_t dac_mask, dac_read_index, dac_write_index, dac_step;
    bool dac_is_reading;
    uint8_t dac_written[3];
    uint8_t dac[256 * 3];
    uint32_t latch; /* byte n: plane n */
    uint16_t dispi_index;
    uint16_t dispi[DISPI_COUNT];
    uint32_t vram_used; /* leading bytes of video memory that are saved; set for saving only */

    /* Picture. */
    struct vga_surface surface;
    struct vga_text text;
    struct vga_mode drawn; /* VGA_LINEAR: what is on the surface */
    uint32_t drawn_pens[256];
    bool redraw;       /* VGA_LINEAR: the log of written pages is not the whole truth */
    uint64_t *dirty;   /* pages of video memory written since */
    uint64_t *fetched; /* as large */
};

/* The keys of a class that embeds a VGA, beside those of PCI. */
/* clang-format off */
#define VGA_KEYS                                                                     \
    {.name = "vram",                                                                 \
     .type = VMM_KEY_U64,                                                            \
     .fallback = 16,                                                                 \
     .minimum = 4,                                                                   \
     .maximum = VGA_VRAM_MAX / MIB,                                                  \
     .help = "video memory in MiB, a power of two"},                                 \
    {.name = "xres",                                                                 \
     .type = VMM_KEY_U64,                                                            \
     .fallback = 1280,                                                               \
     .minimum = 320,                                                                 \
     .maximum = EDID_MAX_PIXELS,                                                     \
     .help = "width that the monitor likes best, in pixels"},                        \
    {.name = "yres",                                                                 \
     .type = VMM_KEY_U64,                                                            \
     .fallback = 800,                                                                \
     .minimum = 200,                                                                 \
     .maximum = EDID_MAX_PIXELS,                                                     \
     .help = "height that the monitor likes best, in pixels"},                       \
    {.name = "display", .type = VMM_KEY_POINTER,                                     \
     .help = "struct display to show pictures on"},                                  \
    {.name = "vgabios", .type = VMM_KEY_STRING, .help = "file with the VGA BIOS"}
/* clang-format on */

/* vga.c */
extern const struct vmm_state_table vga_state;

/*
 * Makes @pci, which is on its bus, a VGA: BARs 0 (video memory) and 2 (registers), the legacy ports
 * and the window; the VGA BIOS goes to fw_cfg as @rom_name. The display's source stays the class's
 * to set.
 */
int vga_init (struct vga *vga, struct pci_device *pci, const struct vmm_device_config *config,
              const char *rom_name, struct vmm_error *error);
void vga_reset (struct vga *vga);
/* After pci_device_fini (), and after the display has lost its source. */
void vga_fini (struct vga *vga);
/* For the function's config_written. */
void vga_config_written (struct vga *vga, unsigned offset);

/* vga-registers.c */
uint8_t vga_port_read (struct vga *vga, uint16_t port);
void vga_port_write (struct vga *vga, uint16_t port, uint8_t value);
void vga_registers_reset (struct vga *vga);
void vga_registers_init (struct vga *vga);

/* vga-dispi.c */
static inline bool
vga_dispi_is_enabled (const struct vga *vga)
{
    return vga->dispi[DISPI_ENABLE] & DISPI_ENABLED;
}

void vga_dispi_init (struct vga *vga);
void vga_dispi_reset (struct vga *vga);
uint16_t vga_dispi_read (struct vga *vga, uint16_t index);
void vga_dispi_write (struct vga *vga, uint16_t index, uint16_t value);
/* Brings register values that may be anything into range. */
void vga_dispi_fix (struct vga *vga);
/* Bytes from one line to the next, in one plane at 4 bits. */
uint32_t vga_dispi_pitch (const struct vga *vga);

/* vga-memory.c */
void vga_window_init (struct vga *vga);
void vga_window_fini (struct vga *vga);
/* Call after a change of any register that decides what the window means. */
void vga_window_update (struct vga *vga);
/* Takes the window back from the guest, with what it wrote there. */
void vga_window_withdraw (struct vga *vga);
/* Brings video memory up to date with what the guest wrote into a mapped window. */
void vga_window_sync (struct vga *vga);
/* Zeroes the first @length bytes of video memory, giving pages back to the host. */
void vga_clear_vram (struct vga *vga, uint32_t length);

/* vga-mode.c */
void vga_get_mode (const struct vga *vga, struct vga_mode *mode);
/* The plane offset that the CRTC fetches for an address in scan line @scan of a row. */
uint32_t vga_plane_offset (const struct vga_mode *mode, uint32_t address, uint32_t scan);
void vga_first_row (const struct vga_mode *mode, struct vga_row *row);
bool vga_row_is_visible (const struct vga_mode *mode, const struct vga_row *row);
void vga_next_row (const struct vga_mode *mode, struct vga_row *row);
/* Colours 0x00RRGGBB of all pixel values with 8 bits, and of those that pass the palette. */
void vga_get_pens (const struct vga *vga, uint32_t pens[256]);
void vga_get_palette_pens (const struct vga *vga, uint32_t pens[16]);

/* vga-render.c */
/* Brings the picture up to date and shows it. */
void vga_refresh (struct vga *vga);
/* Turns the screen off, if the surface is on it, and forgets the surface. */
void vga_surface_drop (struct vga *vga);
/* Forgets the surface, which is not on the screen any more; the next refresh shows a new one. */
void vga_surface_forget (struct vga *vga);
/* Makes line @y of the surface equal to @line, damaging what differs. */
void vga_put_line (struct vga *vga, uint32_t y, const uint32_t *line);
void vga_damage (struct vga *vga, uint32_t x, uint32_t y, uint32_t width, uint32_t height);

/* vga-text.c, vga-graphics.c: draw the mode onto the surface, which has its size. */
void vga_draw_text (struct vga *vga, const struct vga_mode *mode, bool whole);
void vga_text_drop (struct vga *vga);
void vga_draw_graphics (struct vga *vga, const struct vga_mode *mode);
void vga_draw_linear (struct vga *vga, const struct vga_mode *mode, bool whole);
