/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counts in RAM at 2 MiB for ever, so that a host can see it run and stand still. */
#include "guest.h"

void
payload_main (void)
{
    say ("running");
    for (;;)
        (*(volatile uint64_t *) 0x200000)++;
}
