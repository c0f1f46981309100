#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell of a stock guest in the serial console of the window, as a person has it: what is typed is
executed, Ctrl+C interrupts, and the terminal is as large as the window."""

import os
import re
import subprocess
import time

import desktop
import guest
import lab
from desktop import user

# What xterm's program of that purpose does: a serial line does not tell how large its terminal is,
# which is asked how far its cursor goes.
SIZE = rb"""#!/bin/busybox sh
stty -icanon -echo min 32 time 20
printf '\0337\033[999;999H\033[6n'
answer=$(dd bs=32 count=1 2>/dev/null | tr -c '0-9;' ' ')
printf '\0338'
stty sane
echo "it is" $answer
"""


def make_machine():
    initrd = os.path.join(os.environ["XDG_DATA_HOME"], "initrd")
    with open(initrd, "wb") as file:
        file.write(lab.read(guest.made("guest.cpio")) + lab.cpio([("bin/size", 0o100755, SIZE)]))
    done = guest.posada("create", "--name", "Serial", "--kernel", guest.kernel(), "--initrd", initrd,
                        "--cmdline", "console=ttyS0 quiet", "--memory", "256M")  # fmt: skip
    guest.check(done.returncode == 0, done.stderr)


class Terminal:
    def __init__(self, application):
        self.node = user.wait_for(application, "Serial console of Serial", ("terminal",))
        user.wait("the keyboard in the terminal", lambda: self.node.get_state_set().contains(
            user.Atspi.StateType.FOCUSED))  # fmt: skip

    def text(self):
        return user.Atspi.Text.get_text(self.node, 0, user.Atspi.Text.get_character_count(self.node))

    def expect(self, pattern, seconds=60, times=1):
        deadline = guest.Deadline(seconds)
        while len(found := re.findall(pattern, self.text(), re.MULTILINE)) < times:
            guest.check(deadline.wait(1), f"no {pattern!r} in {self.text()[-1000:]!r}")
        return found[-1]

    def count(self, pattern):
        return len(re.findall(pattern, self.text(), re.MULTILINE))

    def enter(self, line):
        subprocess.run(["xdotool", "type", "--delay", "150", line], check=True)
        desktop.type_key("Return")

    def ask_size(self):
        """In rows and columns."""
        before = self.count("^it is")
        self.enter("size")
        return tuple(map(int, self.expect(r"^it is (\d+);(\d+)", times=before + 1)))


def test(tap):
    make_machine()
    with user.Application() as application:
        with desktop.case(tap, "a guest on the serial line shows its prompt in the window"):
            user.press(application, "Start")
            user.wait_for(application, "Pause")
            user.press(application, "Console")
            user.press(application, "Serial Console")
            terminal = Terminal(application)
            terminal.expect("^guest# ", 120)
        with desktop.case(tap, "a command that is typed is executed"):
            terminal.enter("echo six times seven is $((6 * 7))")
            terminal.expect("^six times seven is 42$")
        with desktop.case(tap, "Ctrl+C interrupts what runs"):
            terminal.enter("sleep 1000")
            terminal.expect("sleep 1000$")
            prompts = terminal.count("guest# ")
            time.sleep(3)
            guest.check(terminal.count("guest# ") == prompts, "it does not run")
            desktop.type_key("ctrl+c")
            terminal.expect(r"\^C\s*guest# ")
            terminal.enter("echo status $?")
            terminal.expect("^status 130$")
        with desktop.case(tap, "the terminal is as large as the window"):
            size = terminal.ask_size()
            guest.check(size[0] > 30 and size[1] > 90, f"{size} in a window over all the screen")


desktop.use(test, guest.Tap(4))
