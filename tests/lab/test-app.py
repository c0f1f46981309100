#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The application, used by accessible names and the keyboard: the wizard makes a machine of Debian's
installer, its console shows what the guest shows, keys that are typed there arrive, pausing freezes
and resuming goes on. What counts is what the X server shows."""

import time

import desktop
import guest
from desktop import user

# The mean difference of two pictures of the same screen, at most.
LIKE = 6
SAME = 0.05


def is_boot_menu(shown):
    """Its two main colours and that of the entry that is chosen, as in the picture from another
    test, scaled to the window."""
    with guest.Image.open(f"{guest.GOLDEN}/installer-menu.png") as image:
        golden = image.convert("RGB")
    common = sorted(golden.getcolors(golden.size[0] * golden.size[1]), reverse=True)[:2]
    return all(desktop.share(shown, colour) > 0.7 * desktop.share(golden, colour)
               for colour in (*(colour for _, colour in common), golden.getpixel((400, 192))))  # fmt: skip


def test(tap):
    with user.Application("--new-from", guest.made("installer.iso")) as application:
        desktop.create(tap, application)
        with desktop.case(tap, "the boot menu shows in the window"):
            desktop.wait_for_picture("the boot menu", is_boot_menu, 120)
        with desktop.case(tap, "a key typed in the console reaches the guest"):
            desktop.type_key("Return")
            desktop.wait_for_picture("the installer", desktop.is_installer, 200)
        time.sleep(10)
        with desktop.case(tap, "a paused guest does not react"):
            user.press(application, "Pause")
            user.wait_for(application, "Resume")
            before = desktop.console()
            time.sleep(10)
            change = desktop.difference(before, desktop.console())
            guest.check(change < SAME, f"the picture changes by {change:.2f} while it is paused")
        with desktop.case(tap, "it goes on when it is resumed, and takes keys"):
            user.press(application, "Resume")
            user.wait_for(application, "Pause")
            desktop.focus()
            desktop.type_key("Return")
            desktop.wait_for_picture("the next question", lambda shown: desktop.is_installer(shown)
                             and desktop.difference(before, shown) > LIKE, 120)  # fmt: skip
        with desktop.case(tap, "it is forced off"):
            user.press(application, "Power Menu")
            user.press(application, "Force Off")
            user.wait_for(application, "Start")


desktop.use(test, guest.Tap(7))
