#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uses consoles by accessible names: serial line, text, full screen, windows of their own. The
first argument is posada-app; screenshots go to the second. Needs a window manager."""

import os
import shutil
import subprocess
import sys
import time

from user import (Atspi, BUTTONS, Application, children, find, is_shown, press, take_picture, wait, wait_for,
                    wait_for_text, walk)  # fmt: skip

TOGGLES = (*BUTTONS, "menu button", "check box")
CONSOLES = ("application", "frame")
ROWS = ("list item", "table cell")


def key(*keys):
    subprocess.run(["xdotool", "key", "--delay", "60", *keys], check=True)
    time.sleep(0.5)


def open_console(application, machine=None):
    if machine:
        row = wait_for(application, machine, ("list item", "table cell"))
        row.do_action(0)
    press(application, "Start")
    wait_for(application, "Pause")
    press(application, "Console")
    time.sleep(0.5)
    return wait_for(application, f"Console of {machine or 'Debian Trixie'}", CONSOLES)


def choose(application, menu, place):
    """By keys: the item @place below the first."""
    press_any(application, menu)
    time.sleep(0.7)
    key(*["Down"] * place, "Return")


def press_any(application, name):
    node = wait_for(application, name, TOGGLES)
    if node.get_n_actions() == 0:  # a menu button has its action inside
        node = next(n for n in walk(node) if n.get_n_actions() and n != node)
    node.do_action(0)


def the_way_out_is_always_seen():
    with Application("--fake", "3") as application:
        open_console(application)
        wait_for_text(application, "Ctrl+Alt releases")
        take_picture("console-grabbed")
        press(application, "Full Screen")
        wait_for_text(application, "Ctrl+Alt releases the keyboard")
        time.sleep(1)
        take_picture("console-full-screen-hint")
        time.sleep(5)
        take_picture("console-full-screen")
        key("ctrl+alt")
        wait("the header bar", lambda: find(application, "Full Screen"))
        time.sleep(0.5)
        take_picture("console-full-screen-released")
        key("F11")
        time.sleep(0.5)


def menus_are_complete():
    with Application("--fake", "3") as application:
        open_console(application)
        press_any(application, "Machine Menu")
        time.sleep(0.7)
        take_picture("console-menu")
        key("Escape")
        press_any(application, "Send Keys")
        time.sleep(0.7)
        take_picture("console-keys")
        key("Escape")


def the_serial_line_has_a_terminal():
    with Application("--fake", "3") as application:
        open_console(application)
        press_any(application, "Serial Console")
        terminal = wait_for(application, "Serial console of Debian Trixie", ("terminal",))
        wait("the focus", lambda: terminal.get_state_set().contains(Atspi.StateType.FOCUSED))
        time.sleep(0.5)
        subprocess.run(["xdotool", "type", "--delay", "60", "root"], check=True)
        key("Return")
        time.sleep(0.5)
        take_picture("console-serial")
        said = Atspi.Text.get_text(terminal, 0, Atspi.Text.get_character_count(terminal))
        assert "login: root" in said and "Login incorrect" in said, said
        press_any(application, "Serial Console")
        wait_for(application, "Console of Debian Trixie", CONSOLES)


def long_text_can_be_stopped():
    with Application("--fake", "3") as application:
        press_any(application, "Search")
        time.sleep(0.5)
        subprocess.run(["xdotool", "type", "--delay", "30", "long text "], check=True)
        for _ in range(5):
            key("ctrl+a", "ctrl+c", "End", "ctrl+v")
        key("ctrl+a", "ctrl+c", "Escape")
        open_console(application)
        choose(application, "Machine Menu", 4)
        wait_for(application, "Cancel")
        time.sleep(1)
        take_picture("console-typing")
        press(application, "Cancel")
        wait("the end", lambda: not find(application, "Cancel"))


def consoles_have_windows_of_their_own():
    with Application("--fake", "3") as application:
        open_console(application)
        choose(application, "Machine Menu", 0)
        wait("a second window", lambda: len(windows(application)) == 2)
        time.sleep(1)
        take_picture("console-window")
        press(application, "Pause")
        wait_for_text(application, "Paused")
        key("ctrl+alt", "ctrl+w")
        wait("one window", lambda: len(windows(application)) == 1)
        wait_for(application, "Console of Debian Trixie", CONSOLES)


def windows_give_consoles_back():
    with Application("--fake", "3") as application:
        open_console(application)
        choose(application, "Machine Menu", 0)
        wait("a second window", lambda: len(windows(application)) == 2)
        wait_for(application, "Show Window")
        key("alt+Tab")
        take_picture("console-elsewhere")
        press(application, "Show Window")
        press(application, "Bring Back")
        wait("one window", lambda: len(windows(application)) == 1)
        wait_for(application, "Console of Debian Trixie", CONSOLES)
        wait_for_text(application, "Ctrl+Alt releases")
        # And by the menu of the window, wherever the main one is.
        choose(application, "Machine Menu", 0)
        wait("a second window", lambda: len(windows(application)) == 2)
        own = wait("it", lambda: next(node for node in windows(application)
                                      if node.get_name() == "Console of Debian Trixie"))  # fmt: skip
        choose(own, "Machine Menu", 0)
        wait("one window", lambda: len(windows(application)) == 1)
        wait_for(application, "Console of Debian Trixie", CONSOLES)


def resize(width, height):
    subprocess.run(["xdotool", "getactivewindow", "windowsize", str(width), str(height)],
                   check=True)  # fmt: skip


def narrow_windows_keep_console_and_keyboard():
    """What does not fit would be told by a warning, which ends the application."""
    with Application("--fake", "3") as application:
        open_console(application)
        for width, height in (900, 600), (500, 400), (360, 294):
            resize(width, height)
            time.sleep(0.5)
            wait_for(application, "Console of Debian Trixie", CONSOLES)
            wait_for_text(application, "Ctrl+Alt releases the keyboard")
            take_picture(f"console-narrow-{width}")
        key("ctrl+alt")
        wait_for_text(application, "Running")
        press_any(application, "Machine Menu")
        time.sleep(0.5)
        take_picture("console-narrow-menu")
        key("Escape", "F11")
        wait_for_text(application, "Ctrl+Alt releases the keyboard")
        wait_for(application, "Console of Debian Trixie", CONSOLES)
        key("ctrl+alt")
        wait_for(application, "Full Screen")
        assert not find(application, "Fedora Workstation", ROWS), "the list is on the screen"
        key("F11")
        wait_for(application, "Full Screen")


def windows(application):
    return [node for node in children(application) if is_shown(node)]


def main():
    for tool in ("openbox", "xdotool"):
        if not shutil.which(tool):
            print(f"1..0 # SKIP no {tool}")
            return
    os.environ["G_DEBUG"] = "fatal-warnings"
    manager = subprocess.Popen(["openbox"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    tests = [the_way_out_is_always_seen, menus_are_complete, the_serial_line_has_a_terminal,
             narrow_windows_keep_console_and_keyboard, consoles_have_windows_of_their_own,
             windows_give_consoles_back, long_text_can_be_stopped]  # fmt: skip
    failed = False
    for count, test in enumerate(tests, start=1):
        try:
            test()
            print(f"ok {count} - {test.__name__}", flush=True)
        except Exception as error:
            failed = True
            take_picture(f"failed-{test.__name__}")
            print(f"# {error}\nnot ok {count} - {test.__name__}", flush=True)
    print(f"1..{len(tests)}")
    manager.terminate()
    sys.exit(failed)


if __name__ == "__main__":
    main()
