#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a user with a real installation medium and a real machine, by accessible names: from
the empty window through the wizard to a console, and back to an empty list, twice: with a pointer's
means and with the keyboard alone. Arguments: posada-app, a folder for pictures."""

import os
import shutil
import subprocess
import sys
import tempfile

from user import (BUTTONS, Application, Atspi, Skip, WindowManager, find, names, press, run_tests,
                  skip_all, take_picture, type_keys, type_text, wait, wait_for, wait_for_text,
                  wait_until_gone, walk)  # fmt: skip

ISO = "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"
ITEMS = (*BUTTONS, "menu item", "toggle button")


def choose(application, menu, item):
    press(application, menu)
    press(application, item, ITEMS)


def row_count(application, name):
    return sum(node.get_role_name() == "list item" and node.get_name() == name
               for node in walk(application))


def make_from_iso(application):
    """A second start of the program hands its file to the one that runs."""
    second = subprocess.run([sys.argv[1], "--new-from", ISO], timeout=60, check=False)
    assert second.returncode == 0, second
    wait("a sound draft", lambda: (button := find(application, "Create"))
         and button.get_state_set().contains(Atspi.StateType.SENSITIVE))
    take_picture("wizard")


def wait_for_picture(application):
    wait("a running machine", lambda: find(application, "Pause")
         or find(application, "Close", ("button", "push button"))
         and any("Did Not Start" in (name or "") for name in names(application)))
    if any("Did Not Start" in (name or "") for name in names(application)):
        raise Skip("no machine starts here: "
                   + " ".join(name for name in names(application) if name and "KVM" in name))


def fresh_folders():
    folder = tempfile.mkdtemp(prefix="posada-")
    os.environ["XDG_DATA_HOME"] = os.path.join(folder, "data")
    return folder


def from_an_iso_to_a_console_and_back():
    fresh_folders()
    with Application() as application:
        wait_for_text(application, "No Virtual Machines")
        make_from_iso(application)
        press(application, "Create")
        wait_for_picture(application)
        name = next(n[len("Console of "):] for n in names(application)
                    if n and n.startswith("Console of "))
        take_picture("console-real")
        press(application, "Pause")
        press(application, "Resume")
        wait_for(application, "Pause")
        press(application, "Power Menu")
        press(application, "Force Off")
        wait_for(application, "Start")
        press(application, "Back")
        wait_until_gone(application, "Full Screen")
        assert row_count(application, name) == 1
        choose(application, "Machine Menu", "Delete")
        wait_for_text(application, "was deleted")
        take_picture("deleted")
        press(application, "Undo")
        wait("the machine again", lambda: row_count(application, name) == 1)
        press(application, "Start")
        wait_for(application, "Pause")
        press(application, "Console")
        wait_for_text(application, f"Console of {name}")


def with_the_keyboard_alone():
    fresh_folders()
    with WindowManager(), Application() as application:
        wait_for_text(application, "No Virtual Machines")
        make_from_iso(application)
        # Enter creates, once the name has the keyboard.
        wait("the name to have the focus", lambda: any(
            node.get_role_name() in ("text", "entry")
            and node.get_state_set().contains(Atspi.StateType.FOCUSED)
            for node in walk(application)))  # fmt: skip
        type_keys("Return")
        wait_for_picture(application)
        # The console has the keyboard: the application's keys are the guest's.
        type_keys("F2")
        assert not find(application, "Rename")
        # Out of the console, and back to the page.
        type_keys("ctrl+alt")
        type_keys("Escape", "alt+Left")
        wait_until_gone(application, "Full Screen")
        type_keys("F2")
        wait_for(application, "Rename")
        type_keys("ctrl+a")
        type_text("a/b")
        type_keys("Return")
        wait_for_text(application, "cannot be the name of a machine")
        take_picture("rename-refused")
        type_keys("ctrl+a")
        type_text("By Hand")
        type_keys("Return")
        wait("the new name", lambda: row_count(application, "By Hand") == 1)
        type_keys("ctrl+comma")
        wait_for_text(application, "Release Keys")
        type_keys("Escape")
        type_keys("ctrl+question")
        wait_for_text(application, "Show or hide the list")
        type_keys("Escape")
        type_keys("ctrl+f")
        type_text("nothing like it")
        wait_for_text(application, "No Results")
        take_picture("no-results")
        type_keys("Escape")
        # Quitting asks, and forcing off is one of its answers.
        type_keys("ctrl+q")
        wait_for(application, "Force Off and Quit")
        take_picture("quit")
        type_keys("alt+f")
        wait("the end", lambda: Application.running.poll() is not None)


def light_and_dark():
    for scheme in ("light", "dark"):
        os.environ["ADW_DEBUG_COLOR_SCHEME"] = f"prefer-{scheme}" if scheme == "dark" else "default"
        with Application("--fake", "6") as application:
            wait_for(application, "Start")
            take_picture(f"{scheme}-list")
            press(application, "Start")
            wait_for(application, "Pause")
            wait_for_text(application, "%")
            take_picture(f"{scheme}-running")
            press(application, "Console")
            wait_for_text(application, "Console of ")
            take_picture(f"{scheme}-console")
    del os.environ["ADW_DEBUG_COLOR_SCHEME"]


for needed in ("xdotool", "openbox"):
    if not shutil.which(needed):
        skip_all(f"{needed} is not here")
if not os.path.exists(ISO):
    skip_all(f"{ISO} is not here")
run_tests([from_an_iso_to_a_console_and_back, with_the_keyboard_alone, light_and_dark])
