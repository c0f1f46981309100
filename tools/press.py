#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""press.py PID NAME: presses the button NAME of a program that is on show."""

import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402


def walk(node):
    yield node
    for i in range(node.get_child_count()):
        child = node.get_child_at_index(i)
        if child:
            yield from walk(child)


def press(pid, name):
    desktop = Atspi.get_desktop(0)
    for i in range(desktop.get_child_count()):
        application = desktop.get_child_at_index(i)
        if not application or application.get_process_id() != pid:
            continue
        for node in walk(application):
            shown = node.get_state_set().contains(Atspi.StateType.SHOWING)
            if shown and node.get_name() == name and node.get_n_actions() > 0:
                return node.do_action(0)
    return False


def main():
    for _ in range(100):
        try:
            if press(int(sys.argv[1]), sys.argv[2]):
                return 0
        except GLib.Error:
            pass
        time.sleep(0.1)
    print(f"{sys.argv[2]} is not there", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
