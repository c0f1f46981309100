/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resets itself in each of its lives. */
#include "guest.h"

void
payload_main (void)
{
    out8 (0xcf9, 2);
    out8 (0xcf9, 6);
    for (;;)
        __asm__ volatile ("pause");
}
