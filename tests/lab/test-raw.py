#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of a guest with a raw disk: where files share blocks they work while it writes, and
elsewhere it is said what to do."""

import os
import shutil
import subprocess

import guest

PLACE = "/tmp/shared"
DISK = f"{PLACE}/disk.raw"
OPTIONS = ("--kernel", guest.kernel(), "--initrd", guest.made("guest.cpio"),
           "--cmdline", "console=ttyS0 quiet", "--memory=128M",
           f"--disk={DISK},size=64M", f"--snapshots={PLACE}/snapshots")  # fmt: skip

# Slot after slot is written, then the number noted, until /tmp/stop appears.
WRITER = """
rm -f /tmp/stop /tmp/stopped; touch /tmp/n
( (n=0; while [ ! -e /tmp/stop ]; do
  n=$((n+1))
  yes $n | dd of=/dev/vda bs=64k count=1 iflag=fullblock seek=$((n%16)) conv=fsync,notrunc 2>/dev/null
  echo $n >/tmp/n.new; mv /tmp/n.new /tmp/n
done; touch /tmp/stopped) &)
"""
# What it says it wrote is what is there: the last number, and no slot of another one.
CHECK = """
touch /tmp/stop; while [ ! -e /tmp/stopped ]; do sleep 0.1; done
echo 3 >/proc/sys/vm/drop_caches
last=$(cat /tmp/n); i=$((last>15 ? last-15 : 1))
while [ $i -le $last ]; do
  [ "$(dd if=/dev/vda bs=64k count=1 skip=$((i%16)) 2>/dev/null | head -c 64 | head -n 1)" = $i ] || echo bad $i
  i=$((i+1))
done; echo checked $last
"""


def make_place():
    """A small file system whose files share blocks."""
    for program in ("mkfs.btrfs", "modprobe"):
        if not shutil.which(program):
            guest.skip_all(f"{program} is missing (package btrfs-progs, kmod)")
    with open("/tmp/file-system", "wb") as file:
        file.truncate(512 << 20)
    subprocess.run(["mkfs.btrfs", "-q", "/tmp/file-system"], check=True)
    for module in ("loop", "btrfs"):
        subprocess.run(["modprobe", module], check=True)
    os.mkdir(PLACE)
    subprocess.run(["mount", "-o", "loop", "/tmp/file-system", PLACE], check=True)


def wait_for(machine, number):
    deadline = guest.Deadline(90)
    while int(machine.run("cat /tmp/n") or 0) < number:
        guest.check(deadline.wait(1), f"the guest wrote less than {number} times")


def check_disk(machine):
    said = machine.run(CHECK, 90)
    return int(guest.check_match(r"^checked (\d+)$", said)[1])


make_place()
tap = guest.Tap(5)
with guest.Machine(*OPTIONS) as machine:
    machine.boot()
    machine.run(WRITER)
    wait_for(machine, 20)
    with tap.case("a snapshot of a raw disk is taken while the guest writes"):
        taken = machine.ctl("snapshot take First")
        tap.note(f"it stood still for {taken['pause-ns'] / 1e6:.1f} ms")
    with tap.case("the guest goes on, and its disk is spoilt"):
        wait_for(machine, int(machine.run("cat /tmp/n")) + 5)
        then = check_disk(machine)
        machine.run("dd if=/dev/zero of=/dev/vda bs=1M conv=fsync 2>/dev/null; true", 90)
    with tap.case("restored, it has what was on it"):
        machine.ctl(f"snapshot restore {taken['id']}")
        guest.check(check_disk(machine) < then, "it is not as it was then")
    with tap.case("a deleted snapshot leaves the disk alone"):
        machine.ctl(f"snapshot delete {taken['id']}")
        guest.check(not os.listdir(f"{PLACE}/snapshots") or
                    not any(os.path.exists(f"{PLACE}/snapshots/{name}/disk-0")
                            for name in os.listdir(f"{PLACE}/snapshots")), "blocks are kept")  # fmt: skip
        machine.run(WRITER)
        wait_for(machine, 5)
        check_disk(machine)
    machine.ctl("quit")
    machine.wait()

with tap.case("where files share no blocks, it is said what to do"):
    os.mkdir("/tmp/alone")
    done = guest.posada("disk", "create", "/tmp/alone/disk.raw", "--format", "raw", "--size", "8M")
    guest.check_equal(done.returncode, 0)
    os.environ["XDG_DATA_HOME"] = "/tmp/alone"
    done = guest.posada("create", "--disk", "/tmp/alone/disk.raw", "--name", "Alone")
    guest.check_equal(done.returncode, 0)
    done = guest.posada("snapshot", "Alone", "take", "First")
    guest.check(done.returncode == 1 and "qcow2" in done.stderr, f"it says {done.stderr!r}")
