#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""SeaBIOS boots a CD: GRUB's rescue disc, to its menu and its prompt, by order and by boot menu."""

import os
import tempfile

import guest

VERSION = (360, 16, 540, 32)
COUNTDOWN = (0, 352, 720, 368)
BIOS_VERSION = (0, 0, 720, 16)
BIOS_CURSOR = (0, 128, 9, 160)
HINT_CURSOR = (0, 64, 9, 80)

iso = guest.installed("/usr/lib/grub-rescue/grub-rescue-cdrom.iso", "grub-rescue-pc")
guest.need_pictures()
tap = guest.Tap(7)

with guest.Machine("--iso", iso, "--memory=128M", serial=False) as machine:
    with tap.case("the menu shows"):
        machine.expect_screen("grub-menu", mask=[VERSION, COUNTDOWN])
    with tap.case("a key leads to the prompt"):
        machine.keys("c")
        machine.expect_screen("grub-prompt", mask=[VERSION])
    with tap.case("a command that is typed is executed"):
        machine.ctl(r"""type echo 'Posada: "~{}|<>?" `@#$%^&*()_+-=[]\\;,./ 0123456789!'\n""")
        machine.expect_screen("grub-typed", mask=[VERSION])
    with tap.case("its reboot leads to the menu again"):
        machine.ctl("type reboot\\n")
        machine.expect_screen("grub-menu", mask=[VERSION, COUNTDOWN])

with tempfile.TemporaryDirectory() as directory, \
     guest.Machine("--iso", iso, "--disk", os.path.join(directory, "empty.raw,size=16M"),
                   "--boot=disk,cdrom", "--boot-menu", "--memory=128M",
                   serial=False) as machine:  # fmt: skip
    with tap.case("the firmware offers its boot menu"):
        machine.expect_screen("bios-hint", mask=[BIOS_VERSION, HINT_CURSOR])
    with tap.case("its key leads to the list of devices"):
        machine.keys("esc")
        machine.expect_screen("bios-menu", mask=[BIOS_VERSION, BIOS_CURSOR])
    with tap.case("the CD is booted when it is chosen"):
        machine.keys("2")
        machine.expect_screen("grub-menu", mask=[VERSION, COUNTDOWN])
