/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Says "x" and shuts the processor down by a fault that no handler takes. */
#include "guest.h"

void
payload_main (void)
{
    say ("x");
    __asm__ volatile ("ud2");
    finish (1);
}
