#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that is killed (SIGKILL) while its stock guest writes and one thing or another is under
way, and started again: it boots, nothing that the guest had flushed is lost, what was complete is
there, and what was not has left nothing behind."""

import contextlib
import glob
import os
import subprocess
import time

import guest

DISK = "/tmp/disk.qcow2"
SLOTS = 32

# Slot after slot of the disk gets random data, and then, when they are on it, their number and sum.
WRITER = """
( (n=%d; while :; do n=$((n+1)); at=$((n%%%d*3))
  dd if=/dev/urandom of=/tmp/block bs=64k count=2
  dd if=/tmp/block of=/dev/vda bs=64k seek=$at conv=fsync,notrunc
  echo $n $(md5sum </tmp/block) | dd of=/dev/vda bs=64k seek=$((at+2)) conv=fsync,notrunc
  echo "[wrote $n]" >/dev/console
done 2>/dev/null) &)
"""
LOOK = """
for s in $(seq 0 %d); do
  set -- $(dd if=/dev/vda bs=64k skip=$((s*3+2)) count=1 2>/dev/null | head -n 1 | tr -d '\\0')
  [ -n "$1" ] || continue
  [ "$(dd if=/dev/vda bs=64k skip=$((s*3)) count=2 2>/dev/null | md5sum | cut -c-32)" = "$2" ] &&
    echo $1 good || echo $1 bad
done
""" % (SLOTS - 1)

tap = guest.Tap(7)


class Killed(guest.Kept):
    """Writes from @number on; .written is what the guest surely has on its disk."""

    def __init__(self):
        super().__init__("First")
        self.written = 0

    def write(self, number):
        self.run(WRITER % (number, SLOTS))
        self.wait_for_writes(3)

    def wait_for_writes(self, count):
        for _ in range(count):
            self.written = int(self.expect(r"\[wrote (\d+)\]", 60)[1])

    def begin_command(self, line):
        self.control.write(line.encode() + b"\n")
        self.control.flush()

    def wait_for_file(self, pattern):
        """In the machine's folder, made since it was started."""
        deadline = guest.Deadline(60)
        while not any(map(os.path.getsize, glob.glob(f"{self.folder}/{pattern}"))):
            guest.check(deadline.left(), f"there is no {pattern}")

    def kill(self):
        """The last of what the guest said counts, too."""
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            while data := self.serial.recv(65536):
                self.output += data.decode(errors="replace").replace("\r", "")
        with contextlib.suppress(guest.Failure):
            while True:
                self.written = int(self.expect(r"\[wrote (\d+)\]", 0)[1])


def look(machine, least):
    """The sums on the disk: all good but that of the slot that was being written; the last one."""
    said = machine.run(LOOK, 60).splitlines()
    bad = [line for line in said if not line.endswith(" good")]
    guest.check(len(bad) <= 1, f"bad: {bad}")
    last = max(int(line.split()[0]) for line in said)
    guest.check(last >= least, f"{least} was on the disk, the last now is {last}")
    return last


def names():
    return guest.posada_well("snapshot", "First", "list")


def check_leftovers(machine):
    """All that is there now belongs to snapshots that are complete."""
    for path in glob.glob(f"{machine.folder}/snapshots/*/"):
        guest.check(os.path.exists(f"{path}/metadata"), f"{path} is no snapshot")
    hidden = glob.glob(f"{machine.folder}/snapshots/.*")
    guest.check(not hidden, f"{hidden} were left")


def go_on(least):
    """Start it again; what there is is as it should be, and the number of the last write."""
    with Killed() as machine:
        machine.boot()
        last = look(machine, least)
        check_leftovers(machine)
        machine.ctl("quit")
        machine.wait()
    return last


subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", DISK, "64M"], check=True)
guest.use_store()
guest.posada_well("create", "--name", "First", "--kernel", guest.kernel(), "--initrd",
                  guest.made("guest.cpio"), "--cmdline", "console=ttyS0 quiet",
                  "--memory", "256M", "--disk", DISK)  # fmt: skip

with tap.case("killed while the guest writes"):
    with Killed() as machine:
        machine.boot()
        machine.write(0)
        machine.kill()
    last = go_on(machine.written)

with tap.case("killed while a snapshot is being taken"):
    with Killed() as machine:
        machine.boot()
        machine.write(last)
        first = machine.ctl("snapshot take Complete")["id"]
        at_first = machine.written
        machine.wait_for_writes(3)
        machine.begin_command("snapshot take Broken")
        machine.wait_for_file("snapshots/.*/ram")
        machine.kill()
    last = go_on(machine.written)
    guest.check("Complete" in names() and "Broken" not in names(), names())

with tap.case("killed while it goes back"):
    with Killed() as machine:
        machine.boot()
        machine.write(last)
        machine.begin_command(f"snapshot restore {first}")
        time.sleep(0.01)
        machine.kill()
    # It is one or the other, and nothing between them.
    last = go_on(at_first)

with tap.case("killed while a snapshot is deleted"):
    with Killed() as machine:
        machine.boot()
        second = machine.ctl("snapshot take Second")["id"]
        machine.write(last)
        machine.begin_command(f"snapshot delete {second}")
        time.sleep(0.01)
        machine.kill()
    last = go_on(machine.written)
    guest.check("Complete" in names(), names())

with tap.case("killed while it is saved to disk, it boots"):
    with Killed() as machine:
        machine.boot()
        machine.write(last)
        machine.begin_command("save")
        machine.wait_for_file("snapshots/.*/ram")
        machine.kill()
    last = go_on(machine.written)

with tap.case("the complete snapshot can still be gone back to, and the guest goes on from there"):
    with Killed() as machine:
        machine.boot()
        machine.ctl(f"snapshot restore {first}")
        machine.wait_for_writes(SLOTS)
        machine.run("killall sh; sync; echo 3 >/proc/sys/vm/drop_caches", 60)
        look(machine, at_first + SLOTS)
        machine.ctl("quit")
        machine.wait()

with tap.case("the image is sound"):
    subprocess.run(["qemu-img", "check", "-q", DISK], check=True)
