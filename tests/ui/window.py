#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uses the application as somebody who cannot see it: by accessible names. The first argument is
posada-app; screenshots go to the second."""

import os
import shutil
import subprocess
import sys
import time

try:
    import gi

    gi.require_version("Atspi", "2.0")
    from gi.repository import Atspi
except (ImportError, ValueError):
    print("1..0 # SKIP python3-gi or Atspi is not here")
    sys.exit(0)

PATIENCE = 15 * float(os.environ.get("POSADA_TEST_PATIENCE", "1"))
BUTTONS = ("button", "push button", "toggle button")


def children(node):
    for i in range(node.get_child_count()):
        child = node.get_child_at_index(i)
        if child:
            yield child


def walk(node):
    yield node
    for child in children(node):
        yield from walk(child)


def is_shown(node):
    return node.get_state_set().contains(Atspi.StateType.SHOWING)


def find(application, name, roles=BUTTONS):
    for node in walk(application):
        try:
            if node.get_name() == name and node.get_role_name() in roles and is_shown(node):
                return node
        except gi.repository.GLib.Error:
            continue
    return None


def wait(what, check):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            found = check()
        except gi.repository.GLib.Error:
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come")


def wait_for(application, name, roles=BUTTONS):
    return wait(f"“{name}”", lambda: find(application, name, roles))


def press(application, name):
    """A menu button is pressed by the toggle button inside of it."""
    for node in walk(wait_for(application, name, (*BUTTONS, "menu button"))):
        if node.get_n_actions() > 0:
            node.do_action(0)
            return
    raise AssertionError(f"“{name}” cannot be pressed")


def names(application):
    return [node.get_name() for node in walk(application) if is_shown(node)]


def wait_for_text(application, text):
    wait(f"“{text}”", lambda: any(text in (name or "") for name in names(application)))


class Application:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([sys.argv[1], *arguments])

    def __enter__(self):
        def look():
            for node in children(Atspi.get_desktop(0)):
                if node.get_process_id() == self.process.pid:
                    return node
            return None

        return wait("the application", look)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def take_picture(name):
    if len(sys.argv) > 2 and shutil.which("import"):
        os.makedirs(sys.argv[2], exist_ok=True)
        path = os.path.join(sys.argv[2], f"{name}.png")
        subprocess.run(["import", "-window", "root", path], check=False)


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


def main():
    tests = [
        empty_window_offers_a_new_machine,
        machines_are_listed_by_name,
        a_machine_is_operated_by_its_buttons,
        the_console_has_its_name,
    ]
    failed = False
    for count, test in enumerate(tests, start=1):
        try:
            test()
            print(f"ok {count} - {test.__name__}", flush=True)
        except AssertionError as error:
            failed = True
            print(f"# {error}\nnot ok {count} - {test.__name__}", flush=True)
    print(f"1..{len(tests)}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
