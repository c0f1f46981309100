#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole installation of Debian through the window, which takes most of an hour and is no part of
any suite:

    ./dev shell tests/lab/make-installation.py build/installation.iso
    ./dev lab --memory 8192 --timeout 10800 tests/lab/install.py build/installation.iso

The machine is made by the wizard, installs from the CD without a question, restarts into what it
installed, and there root logs in and powers it off. What the screen showed on the way is kept as
install-*.png, beside the image.
"""

import os
import subprocess
import sys
import tempfile
import time

import desktop
import guest
from desktop import user

# Of the whole installation, in seconds.
LONG = 9000
# Of what was installed, until it is ready.
STARTING = 180


def keep(name):
    directory = os.path.dirname(os.path.abspath(sys.argv[2]))
    desktop.screen().save(f"{directory}/install-{name}.png")


def is_installer(shown):
    """Dialogs of all sizes on blue."""
    return desktop.share(shown, (0, 0, 170)) > 0.4


def is_terminal(shown):
    """White letters on black."""
    return desktop.share(shown, (0, 0, 0)) > 0.9


def watch(what, is_right, seconds):
    """Until that has been so for the time that starting takes; pictures are kept."""
    deadline, since, next_picture = guest.Deadline(seconds), None, 0
    while since is None or time.monotonic() - since < STARTING:
        if time.monotonic() >= next_picture:
            keep(time.strftime('%H%M%S'))
            next_picture = time.monotonic() + 120
        if not is_right(desktop.console()):
            since = None
        elif since is None:
            since = time.monotonic()
        guest.check(deadline.wait(5), f"the window does not show {what}")


def type_line(text):
    for character in text:
        desktop.type_key(character)
    desktop.type_key("Return")


def test(tap):
    with user.Application("--new-from", sys.argv[2]) as application:
        desktop.create(tap, application)
        with desktop.case(tap, "the installer runs"):
            desktop.wait_for_picture("the installer", is_installer, 600)
        with desktop.case(tap, "what was installed starts and asks who it is"):
            # Between two dialogs, the screen is blue.
            watch("a login prompt", is_terminal, LONG)
            keep("prompt")
        with desktop.case(tap, "root logs in and powers it off"):
            desktop.focus()
            type_line("root")
            time.sleep(20)
            type_line("posada")
            time.sleep(60)
            keep("shell")
            type_line("poweroff")
            user.PATIENCE = 600
            user.wait_for(application, "Start")


# In the lab's memory, which is faster than a file outside of it. Larger than that only in name, like
# the disk.
memory = tempfile.mkdtemp()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64G", "home", memory], check=True)
desktop.use(test, guest.Tap(5), folder=memory)
