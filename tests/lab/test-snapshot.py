#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of a stock guest that writes to its disk with checksums and runs timers."""

import subprocess
import time

import guest

DISK = "/tmp/disk.qcow2"
KEPT = "/tmp/snapshots"
OPTIONS = ("--kernel", guest.kernel(), "--initrd", guest.made("guest.cpio"),
           "--cmdline", "console=ttyS0 quiet", "--memory=256M", "--cpus=2",
           f"--disk={DISK},format=qcow2", f"--snapshots={KEPT}")  # fmt: skip

# Slot after slot of the disk is written, then its sum noted, until /tmp/stop appears.
WRITER = """
rm -f /tmp/stop; touch /tmp/n
( (n=0; while [ ! -e /tmp/stop ]; do
  n=$((n+1)); s=$((n%32))
  dd if=/dev/urandom of=/tmp/block bs=64k count=2 2>/dev/null
  dd if=/tmp/block of=/dev/vda bs=128k seek=$s conv=fsync,notrunc 2>/dev/null
  md5sum </tmp/block >/tmp/sum.$s; echo $n >/tmp/n.new; mv /tmp/n.new /tmp/n
done; touch /tmp/stopped) &)
"""
TICKER = """
( (while :; do sleep 0.2; date +%s%N >/tmp/tick.new; mv /tmp/tick.new /tmp/tick; done) &)
"""
CHECK = """
touch /tmp/stop; while [ ! -e /tmp/stopped ]; do sleep 0.1; done
echo 3 >/proc/sys/vm/drop_caches
for f in /tmp/sum.*; do s=${f##*.}
  [ "$(dd if=/dev/vda bs=128k skip=$s count=1 2>/dev/null | md5sum)" = "$(cat $f)" ] || echo bad $s
done
echo checked $(ls /tmp/sum.* | wc -l)
"""

# All of that in one go: how many were written when it began, how long two seconds were, what time
# it is, and, last, what CHECK says.
GOES_ON = """
n=$(cat /tmp/n); until [ "$(cat /tmp/n)" -ge $((n+2)) ]; do sleep 0.1; done
a=$(cut -d. -f1 /proc/uptime); c=$(cat /tmp/tick); sleep 2; b=$(cut -d. -f1 /proc/uptime)
[ "$(cat /tmp/tick)" = "$c" ] || echo $n $((b-a)) $(date +%s)
""" + CHECK + """
dmesg | grep -iE 'I/O error|lockup|stall|BUG:' || true
"""
RESTORES = 10
# What a few seconds become on a busy computer, at most.
BUSY = 15

tap = guest.Tap(8)
subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", DISK, "64M"], check=True)


def written(machine):
    return int(machine.run("cat /tmp/n") or 0)


def wait_for(machine, number):
    deadline = guest.Deadline(90)
    while written(machine) < number:
        guest.check(deadline.wait(1), f"the guest wrote less than {number} times")


def goes_on_well(machine):
    """The writer writes on, time goes on at its pace, and all that was written is there."""
    wait_for(machine, written(machine) + 3)
    said = machine.run(
        "a=$(cut -d. -f1 /proc/uptime); c=$(cat /tmp/tick); sleep 3; b=$(cut -d. -f1 /proc/uptime);"
        "[ \"$(cat /tmp/tick)\" != \"$c\" ] && echo $((b-a))", 60)  # fmt: skip
    guest.check(said.isdigit() and 3 <= int(said) < BUSY, f"three seconds were {said!r}")
    said = machine.run(CHECK, 90)
    guest.check_match(r"^checked \d+$", said)
    guest.check_equal(machine.run("dmesg | grep -ciE 'I/O error|lockup|stall|BUG:' || true"), "0")


def goes_on_quickly(machine, at_snapshot):
    """The same from where the snapshot was; the guest's clock is the host's."""
    match = guest.check_match(r"^(\d+) (\d+) (\d+)\nchecked \d+$", machine.run(GOES_ON, 90))
    begun_at, seconds, now = (int(group) for group in match.groups())
    guest.check(begun_at <= at_snapshot + 3, f"{begun_at} is far from {at_snapshot}")
    guest.check(2 <= seconds < BUSY, f"two seconds were {seconds}")
    guest.check(abs(time.time() - now) < 30, f"the guest's clock is off by {time.time() - now:.0f} s")


with guest.Machine(*OPTIONS) as machine:
    machine.boot()
    machine.run(TICKER + WRITER)
    wait_for(machine, 10)
    with tap.case("a snapshot is taken while the guest writes"):
        first = machine.ctl("snapshot take First")
        tap.note(f"it stood still for {first['pause-ns'] / 1e6:.1f} ms")
        at_first = written(machine)
    with tap.case("the guest goes on with right data and time"):
        goes_on_well(machine)
    with tap.case(f"restored {RESTORES} times, it does so each time"):
        begun = time.monotonic()
        for _ in range(RESTORES):
            machine.ctl(f"snapshot restore {first['id']}")
            goes_on_quickly(machine, at_first)
        tap.note(f"{RESTORES} times took {time.monotonic() - begun:.0f} s")
    with tap.case("the guest has noticed that it is another generation"):
        said = machine.run("dmesg | grep -c 'crng reseeded due to virtual machine fork'")
        guest.check_equal(said, "1")
    with tap.case("a branch keeps its own disk"):
        machine.ctl(f"snapshot restore {first['id']}")
        machine.run("echo mine >/tmp/mark; echo mine | dd of=/dev/vda seek=100000 conv=fsync 2>&1")
        second = machine.ctl("snapshot take Second")
        machine.ctl(f"snapshot restore {first['id']}")
        guest.check_equal(machine.run("cat /tmp/mark 2>/dev/null || echo none"), "none")
        said = machine.run("dd if=/dev/vda skip=100000 count=1 2>/dev/null | tr -d '\\0'")
        guest.check_equal(said, "")
        machine.ctl(f"snapshot delete {first['id']}")
        machine.ctl(f"snapshot restore {second['id']}")
        guest.check_equal(machine.run("cat /tmp/mark; echo 3 >/proc/sys/vm/drop_caches;"
                                      "dd if=/dev/vda skip=100000 count=1 2>/dev/null | tr -d '\\0'"),
                          "mine\nmine")  # fmt: skip
        goes_on_well(machine)
    machine.ctl("save")
    with tap.case("a machine that is saved ends well"):
        guest.check_equal(machine.wait(), 0)

with guest.Machine(*OPTIONS, f"--restore={KEPT}/saved") as machine:
    with tap.case("and goes on in another process"):
        machine.send("\n")
        guest.check_equal(machine.run("cat /tmp/mark"), "mine")
        machine.run("rm -f /tmp/stop /tmp/stopped;" + WRITER)
        goes_on_well(machine)
    machine.ctl("quit")
    machine.wait()

with tap.case("the image is sound"):
    subprocess.run(["qemu-img", "check", "-q", DISK], check=True)
