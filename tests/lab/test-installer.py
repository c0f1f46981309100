#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's installer boots from a CD through its boot menu, on the screen and on a serial line."""

import os
import tempfile

import guest

iso = guest.made("installer.iso")
guest.need_pictures()
tap = guest.Tap(7)

# The file system below /tmp is too small for this disk.
with tempfile.TemporaryDirectory(dir=os.getcwd()) as directory, \
     guest.Machine("--iso", iso, "--disk", f"{directory}/new.raw,size=4G", "--memory=512M",
                   serial=False) as machine:  # fmt: skip
    with tap.case("the boot menu shows"):
        machine.expect_screen("installer-menu", 60)
    with tap.case("Enter boots the installer to its first screen"):
        machine.keys("ret")
        machine.expect_screen("installer-first", 120)
    with tap.case("Enter leads to its first question"):
        machine.keys("ret")
        machine.expect_screen("installer-question", 60)
    guest.Tap.note(f"stats: {machine.ctl('stats')}")

with guest.Machine("--iso", iso, "--memory=1G") as machine:
    with tap.case("the menu's command line can be edited"):
        machine.expect_screen("installer-menu", 60)
        machine.keys("tab")
        machine.ctl("type console=ttyS0")
        machine.expect_screen("installer-edited", 60)
    with tap.case("the installer asks for the language on the serial line"):
        machine.keys("ret")
        machine.expect(r"\[!!\] Select a language", 120)
        machine.expect("English")
    with tap.case("and goes on when it is answered"):
        machine.send("\r")
        machine.expect("Select your location", 60)
    with tap.case("the quit command ends it with status 0"):
        machine.ctl("quit")
        guest.check_equal(machine.wait(), 0)
