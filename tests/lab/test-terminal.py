#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell of the guest in the terminal that posada run was started in."""

import os
import re
import subprocess
import termios

import guest

tap = guest.Tap(6)


class Terminal:
    def __init__(self):
        self.ours, self.theirs = os.openpty()
        self.output = ""
        self.seen = 0
        os.set_blocking(self.ours, False)

    def send(self, text):
        os.write(self.ours, text.encode())

    def expect(self, pattern, seconds=30):
        deadline = guest.Deadline(seconds)
        while True:
            try:
                self.output += os.read(self.ours, 65536).decode(errors="replace").replace("\r", "")
            except BlockingIOError:
                pass
            match = re.search(pattern, self.output[self.seen :], re.MULTILINE)
            if match:
                self.seen += match.end()
                return
            guest.check(deadline.wait(0.1), f"no {pattern!r} in {self.output[-2000:]!r}")


terminal = Terminal()
before = termios.tcgetattr(terminal.theirs)
process = subprocess.Popen(
    ["posada", "run", "--kernel", guest.kernel(), "--initrd", guest.made("guest.cpio"),
     "--cmdline", "console=ttyS0 quiet", "--memory=256M", "--serial=stdio"],
    # Its controlling terminal, as a shell would have it.
    preexec_fn=lambda: os.login_tty(terminal.theirs),
)  # fmt: skip
try:
    with tap.case("the guest's shell shows its prompt in the terminal"):
        terminal.expect("^guest# ", 90)
    with tap.case("the terminal is raw meanwhile"):
        guest.check(not termios.tcgetattr(terminal.theirs)[3] & termios.ECHO, "it echoes")
    with tap.case("a command that is typed is executed"):
        terminal.send("echo six times seven is $((6 * 7))\r")
        terminal.expect("^six times seven is 42$")
        terminal.expect("^guest# ")
    with tap.case("Ctrl-C goes to the guest"):
        terminal.send("sleep 1000\r")
        terminal.expect("sleep 1000\n")
        terminal.send("\x03")
        terminal.expect("^guest# ")
        guest.check(process.poll() is None, "it ended posada run")
    with tap.case("Ctrl-A X ends it with status 0"):
        terminal.send("\x01x")
        guest.check_equal(process.wait(30 * guest.PATIENCE), 0)
    with tap.case("the terminal is as it was"):
        guest.check_equal(termios.tcgetattr(terminal.theirs), before)
finally:
    process.kill()
