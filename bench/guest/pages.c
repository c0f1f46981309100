/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Touches all of its RAM, says T on the serial port, then a dot for every half a million cycles,
 * so that whoever listens sees how long it stands still. How much there is it reads from CMOS, as
 * firmware does.
 */
#include "guest.h"

#define SERIAL 0x3f8
#define GIB    (UINT64_C (1) << 30)
#define BEAT   500000

static void
say_byte (char c)
{
    while (!(in8 (SERIAL + 5) & 0x20))
        continue;
    out8 (SERIAL, (uint8_t) c);
}

static uint64_t
cmos (uint8_t index)
{
    out8 (0x70, index);
    return in8 (0x71);
}

/* Tables for what lies above 4 GiB, of which start.S knows nothing: 2 MiB pages for ring 3. */
static void
map_high (uint64_t size)
{
    for (uint64_t i = 0; i * GIB < size; i++) {
        volatile uint64_t *directory = (volatile uint64_t *) (uintptr_t) (0x10000 + i * 0x1000);

        for (uint64_t page = 0; page < 512; page++)
            directory[page] = (4 * GIB + i * GIB + (page << 21)) | 0x87;
        ((volatile uint64_t *) 0x2000)[4 + i] = (uintptr_t) directory | 7;
    }
}

static void
touch (uint64_t from, uint64_t to)
{
    for (uint64_t at = from; at < to; at += 4096)
        *(volatile uint64_t *) (uintptr_t) at = at ^ UINT64_C (0x123456789);
}

void
payload_main (void)
{
    uint64_t low = 16 * (UINT64_C (1) << 20) + ((cmos (0x34) | cmos (0x35) << 8) << 16);
    uint64_t high = (cmos (0x5b) | cmos (0x5c) << 8 | cmos (0x5d) << 16) << 16;
    uint64_t next;

    map_high (high);
    touch (UINT64_C (2) << 20, low);
    touch (4 * GIB, 4 * GIB + high);
    say_byte ('T');
    next = read_tsc ();
    for (;;) {
        while (read_tsc () < next)
            continue;
        next = read_tsc () + BEAT;
        say_byte ('.');
    }
}
