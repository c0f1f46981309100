/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ports and memory that nobody claims read as all ones in every size, and RAM is there. */
#include "guest.h"

static volatile uint64_t in_bss[4];

void
payload_main (void)
{
    EXPECT (in8 (0xcd8), 0xff);
    EXPECT (in16 (0xcd8), 0xffff);
    EXPECT (in32 (0xcd8), 0xffffffff);
    out32 (0xcd8, 0);
    EXPECT (read8 (0xd0000001), 0xff);
    EXPECT (read16 (0xd0000002), 0xffff);
    EXPECT (read32 (0xd0000004), 0xffffffff);
    EXPECT (read64 (0xd0000008), UINT64_MAX);
    write64 (0xd0000008, 0);

    EXPECT (in_bss[1], 0);
    in_bss[1] = 0x1122334455667788;
    EXPECT (read32 ((uintptr_t) &in_bss[1]), 0x55667788);
    write32 (0x1fffffc, 0xabcdef01); /* the last word of 32 MiB */
    EXPECT (read32 (0x1fffffc), 0xabcdef01);
    EXPECT (read32 (0x2000000), 0xffffffff);

    /* ROM: writes vanish. The reset vector's jump, also seen below 1 MiB. */
    EXPECT (read8 (0xfffffff0), read8 (0xffff0));
    write8 (0xfffffff0, 0);
    EXPECT (read8 (0xfffffff0), 0xe9);
    finish (0);
}
