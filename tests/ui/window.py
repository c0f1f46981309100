#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uses the application as somebody who cannot see it: by accessible names. The first argument is
posada-app; screenshots go to the second."""

import subprocess

from user import (BUTTONS, Application, WindowManager, children, click, press, run_tests,
                  take_picture, wait, wait_for, wait_for_text, wait_until_gone)  # fmt: skip


def empty_window_offers_a_new_machine():
    with Application("--fake", "0") as application:
        wait_for(application, "New Virtual Machine")
        wait_for(application, "Main Menu")
        wait_for_text(application, "No Virtual Machines")
        take_picture("empty")


def machines_are_listed_by_name():
    with Application("--fake", "3") as application:
        rows = wait_for(application, "Virtual Machines", ("list", "list box"))
        wait("three rows", lambda: rows.get_child_count() == 3)
        found = [row.get_name() for row in children(rows)]
        assert found == sorted(found) and "Debian Trixie" in found, found


def a_machine_is_operated_by_its_buttons():
    with Application("--fake", "3") as application:
        press(application, "Start")
        wait_for(application, "Pause")
        take_picture("running")
        press(application, "Pause")
        press(application, "Resume")
        wait_for(application, "Pause")
        press(application, "Shut Down")
        wait_for(application, "Start")


def the_console_has_its_name():
    with Application("--fake", "3") as application:
        press(application, "Start")
        wait_for(application, "Pause")
        press(application, "Console")
        wait_for(application, "Full Screen")
        wait_for(application, "Send Keys", (*BUTTONS, "menu button"))
        wait_for_text(application, "Console of Debian Trixie")
        take_picture("console")


def force_off_and_reset_are_found_by_their_names():
    with Application("--fake", "3") as application:
        press(application, "Start")
        wait_for(application, "Pause")
        press(application, "Power Menu")
        wait_for(application, "Reset")
        press(application, "Force Off")
        wait_for(application, "Start")


def a_click_opens_a_machine_in_a_narrow_window():
    """Where the list has the window to itself, there is nothing else that a click could be for."""
    with WindowManager(), Application("--fake", "3") as application:
        press(application, "Start")
        wait_for(application, "Pause")
        subprocess.run(["xdotool", "search", "--onlyvisible", "--class", "posada",
                        "windowsize", "360", "640"], check=True)  # fmt: skip
        wait_until_gone(application, "Pause")
        # The one that is selected, and another one.
        for name, button in ("Debian Trixie", "Pause"), ("Fedora Workstation", "Start"):
            click(wait_for(application, name, ("list item", "table cell")))
            wait_for(application, button)
            take_picture(f"narrow-{button.lower()}")
            press(application, "Back")
            wait_for(application, "New Virtual Machine")


run_tests([
    empty_window_offers_a_new_machine,
    machines_are_listed_by_name,
    a_machine_is_operated_by_its_buttons,
    the_console_has_its_name,
    force_off_and_reset_are_found_by_their_names,
    a_click_opens_a_machine_in_a_narrow_window,
])  # fmt: skip
