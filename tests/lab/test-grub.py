#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""SeaBIOS boots a CD: GRUB's rescue disc, to its menu and its prompt."""

import guest

VERSION = (360, 16, 540, 32)
COUNTDOWN = (0, 352, 720, 368)

iso = guest.installed("/usr/lib/grub-rescue/grub-rescue-cdrom.iso", "grub-rescue-pc")
guest.need_pictures()
tap = guest.Tap(4)

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
