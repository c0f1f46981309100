#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stock guest with a tree of snapshots in three branches, and copies of two of them that run side
by side while the guest goes on in the third."""

import subprocess
import time

import guest

DISK = "/tmp/disk.qcow2"
MARK = "echo {0} >/tmp/mark; echo {0} | dd of=/dev/vda seek=4096 conv=fsync,notrunc 2>/dev/null"
LOOK = ("cat /tmp/mark; echo 3 >/proc/sys/vm/drop_caches;"
        "dd if=/dev/vda skip=4096 count=1 2>/dev/null | tr -d '\\0'")  # fmt: skip

tap = guest.Tap(7)


subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", DISK, "64M"], check=True)
guest.use_store()
guest.posada_well("create", "--name", "First", "--kernel", guest.kernel(), "--initrd",
       guest.made("guest.cpio"), "--cmdline", "console=ttyS0 quiet", "--memory", "256M",
       "--disk", DISK)  # fmt: skip

with guest.Kept("First") as first:
    first.boot()
    branches = {}
    with tap.case("a tree of three branches is made"):
        first.run(MARK.format("root"))
        root = first.ctl("snapshot take Root")["id"]
        for name in ("one", "two", "three"):
            first.ctl(f"snapshot restore {root}")
            guest.check_equal(first.run(LOOK), "root\nroot")
            first.run(MARK.format(name))
            branches[name] = first.ctl(f"snapshot take {name}")["id"]
    with tap.case("two copies are made while the machine runs"):
        for name in ("one", "two"):
            guest.posada_well("snapshot", "First", "copy", branches[name], "--name", f"Copy {name}")
    # For clocks that stood still to be behind.
    time.sleep(5)
    with guest.Kept("Copy one") as one, guest.Kept("Copy two") as two:
        with tap.case("they run side by side, each with the data of its branch"):
            for name, copy in (("one", one), ("two", two), ("three", first)):
                copy.send("\n")
                guest.check_equal(copy.run(LOOK, 60), f"{name}\n{name}")
        with tap.case("what one writes is in no other"):
            for name, copy in (("one", one), ("two", two), ("three", first)):
                copy.run(MARK.format(f"after-{name}"), 60)
            for name, copy in (("one", one), ("two", two), ("three", first)):
                guest.check_equal(copy.run(LOOK, 60), f"after-{name}\nafter-{name}")
        with tap.case("their clocks are the host's"):
            for copy in (one, two):
                before = time.time()
                now = int(copy.run("date +%s", 60))
                guest.check(before - 2 <= now <= time.time() + 1, f"{now} is not {before:.0f}")
        with tap.case("they know that they are others"):
            for copy in (one, two):
                said = copy.run("dmesg | grep -c 'crng reseeded due to virtual machine fork'", 60)
                guest.check(int(said) >= 1, said)
        with tap.case("what they are based on stays"):
            refused = guest.posada("snapshot", "First", "delete", branches["one"])
            guest.check(refused.returncode == 1 and "Copy one" in refused.stderr, refused.stderr)
        one.ctl("quit")
        two.ctl("quit")
    first.ctl("quit")
