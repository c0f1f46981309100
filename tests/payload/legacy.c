/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What firmware asks of old devices: fw_cfg by port and DMA, clock and CMOS, UART, PM timer. */
#include "guest.h"

static struct {
    uint32_t control, length; /* big-endian */
    uint64_t address;
} dma;

static uint8_t directory[64];

static void
check_fw_cfg (void)
{
    out16 (0x510, 0);
    EXPECT (in8 (0x511), 'Q');
    EXPECT (in8 (0x511), 'E');
    EXPECT (in8 (0x511), 'M');
    EXPECT (in8 (0x511), 'U');
    out16 (0x510, 1);
    EXPECT (in8 (0x511), 3);

    /* Select 0x19 and read its first 64 bytes in one go. */
    dma.control = __builtin_bswap32 (0x19u << 16 | 8 | 2);
    dma.length = __builtin_bswap32 (sizeof directory);
    dma.address = __builtin_bswap64 ((uintptr_t) directory);
    __asm__ volatile ("" : : : "memory");
    out32 (0x518, __builtin_bswap32 ((uint32_t) (uintptr_t) &dma));
    EXPECT (*(volatile uint32_t *) &dma.control, 0);
    EXPECT (directory[0], 0);
    EXPECT (directory[3] > 0, 1); /* number of files */
}

static void
check_clock (void)
{
    uint8_t second;

    out8 (0x70, 0x0d);
    EXPECT (in8 (0x71) & 0x80, 0x80); /* valid RAM and time */
    out8 (0x70, 0x34);
    EXPECT (in8 (0x71), 0x00); /* 32 MiB: 16 MiB above 16 MiB, in units of 64 KiB */
    out8 (0x70, 0x35);
    EXPECT (in8 (0x71), 0x01);
    out8 (0x70, 0x00);
    second = in8 (0x71);
    EXPECT ((second >> 4) < 6 && (second & 15) < 10, 1); /* BCD */
    out8 (0x70, 0x50);
    out8 (0x71, 0xa5);
    out8 (0x70, 0x50);
    EXPECT (in8 (0x71), 0xa5);
}

static void
check_uart (void)
{
    out8 (0x3f8 + 7, 0x5a);
    EXPECT (in8 (0x3f8 + 7), 0x5a);
    out8 (0x3f8 + 4, 0x10); /* loopback */
    out8 (0x3f8, 'L');
    EXPECT (in8 (0x3f8 + 5) & 1, 1);
    EXPECT (in8 (0x3f8), 'L');
    out8 (0x3f8 + 4, 0);
    EXPECT (in8 (0x3f8 + 5) & 0x60, 0x60);
}

/* The PM timer advances, and no faster than time does: 3.58 counts per microsecond. */
static void
check_pm_timer (void)
{
    uint32_t before, after;

    pci_write (0xf8, 0x40, 4, 0x601);
    pci_write (0xf8, 0x44, 1, 0x80);
    before = in32 (0x608);
    for (unsigned i = 0; i < 100; i++)
        after = in32 (0x608);
    EXPECT (((after - before) & 0xffffff) > 0, 1);
    EXPECT (after >> 24, 0);
}

void
payload_main (void)
{
    check_fw_cfg ();
    check_clock ();
    check_uart ();
    check_pm_timer ();
    finish (0);
}
