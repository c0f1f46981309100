#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control to the lab's tests: the same guest on the same KVM, but under QEMU.

On several processors the lab loses a guest now and then, as if its page tables were empty, or goes
itself. This boots a stock guest under QEMU, lets it start processes and copy
memory, otherwise leaves it alone, and counts how often it goes; Posada has no part in it. With "drop"
the host takes the mappings of its memory away five times a second, which brings it about sooner:

    ./dev lab --timeout 2400 --cpus 2 tests/lab/control.py 1800 drop
    ./dev lab --timeout 2400 --cpus 1 tests/lab/control.py 1800

It ends with 0 in any case: it measures the lab, and judges nothing.
"""

import os
import select
import subprocess
import sys
import time

import guest

# A kernel that panics stands still; who ends without a word was shut down.
ARGV = ("qemu-system-x86_64", "-accel", "kvm", "-cpu", "host", "-smp", "2", "-m", "256",
        "-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio",
        "-kernel", guest.kernel(), "-initrd", guest.made("guest.cpio"),
        "-append", "console=ttyS0 quiet panic=0")  # fmt: skip
WORK = b"""dd if=/dev/urandom of=/tmp/data bs=1M count=10 2>/dev/null
((while :; do md5sum /tmp/data >/dev/null; echo tick; done) &)
((while :; do md5sum /tmp/data >/tmp/sum; rm /tmp/sum; done) &)
"""
SILENCE = 60
INTERVAL = 0.2


class Guest:
    def __init__(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(ARGV, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT)
        self.said = b""

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.process.kill()
        self.process.wait()

    def listen(self, seconds):
        """Whether it said anything in that time; None when it is gone."""
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return False
        data = os.read(self.process.stdout.fileno(), 65536)
        self.said = (self.said + data)[-4000:]
        return True if data else None

    def boot(self):
        deadline = time.monotonic() + 150
        while b"guest is up" not in self.said:
            if self.listen(1) is None or time.monotonic() > deadline:
                return False
        time.sleep(2)
        self.process.stdin.write(WORK)
        self.process.stdin.flush()
        return True

    def drop_mappings(self):
        """Kernel, Documentation/admin-guide/mm/soft-dirty.rst: KVM has to map all of it anew."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="utf-8") as file:
            file.write("4")

    def live(self, until, drop):
        """How it ended, or nothing."""
        heard = dropped = time.monotonic()
        while time.monotonic() < until:
            said = self.listen(INTERVAL)
            if said is None:
                return "shut down"
            if drop and time.monotonic() > dropped + INTERVAL:
                self.drop_mappings()
                dropped = time.monotonic()
            if said:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE:
                return "fell silent"
        return None


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1200
    drop = sys.argv[2:] == ["drop"]
    begun = time.monotonic()
    ends = boots = 0
    while time.monotonic() - begun < seconds:
        with Guest() as machine:
            boots += 1
            how = machine.live(begun + seconds, drop) if machine.boot() else "did not boot"
            if how:
                ends += 1
                last = machine.said.decode(errors="replace").split("\n")[-8:]
                print(f"after {time.monotonic() - begun:.0f} s: {how}", *last, sep="\n  ", flush=True)
    print(f"{ends} of {boots} guests went in {seconds:g} s", flush=True)


main()
