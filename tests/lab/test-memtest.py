#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""SeaBIOS boots Memtest86+ from its CD, which finds the memory it should and no fault."""

import guest

# Cells are 9 × 16. What depends on the version, the host's processor and the progress is left out.
MASK = [
    (162, 0, 252, 16), (81, 16, 252, 80),  # version, clock and caches
    (270, 0, 720, 96),  # progress
    (54, 128, 378, 144), (450, 112, 540, 128), (612, 112, 720, 128),  # core, time, status
    (540, 384, 720, 400),  # version
]  # fmt: skip
PROGRESS = (360, 16, 720, 32)  # of the pass
ERRORS = (540, 128, 720, 144)

iso = guest.installed("/usr/lib/memtest86+/memtest86+x64.iso", "memtest86+")
guest.need_pictures()
tap = guest.Tap(2)

with guest.Machine("--iso", iso, "--memory=64M", serial=False) as machine:
    with tap.case("it starts and finds 64 MiB"):
        machine.expect_screen("memtest", mask=MASK)
    with tap.case("the first pass gets on without errors"):
        first = machine.screenshot()
        # A digit more and a bar of several characters.
        enough = guest.bright(first.crop(PROGRESS)) + 200
        guest.check(
            machine.wait_for_picture(lambda now: guest.bright(now.crop(PROGRESS)) > enough, 90),
            "there is no progress",
        )
        guest.check(guest.same(machine.screenshot().crop(ERRORS), first.crop(ERRORS)), "errors")
