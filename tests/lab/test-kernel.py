#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The distribution's kernel, booted directly."""

import json

import guest

COMMAND_LINE = "console=ttyS0 quiet"

tap = guest.Tap(15)

with tap.case("the host probe calls this host usable"):
    done = guest.posada("host")
    guest.check_equal(done.returncode, 0)
    guest.check_equal(json.loads(guest.posada("host", "--json").stdout)["verdict"], "usable")


def memory_end(machine):
    """Where RAM ends below 4 GiB, as the guest was told."""
    entries = machine.run("dmesg | grep 'BIOS-e820: .*usable'").splitlines()
    ends = [int(line.split("-")[-1].split("]")[0], 16) for line in entries]
    return max(ends) + 1


def check_memory(machine, mebibytes):
    """A few pages at the end may be kept for tables."""
    end = memory_end(machine)
    guest.check(0 <= (mebibytes << 20) - end <= 1 << 20, f"RAM ends at {end:#x}")
    total = int(machine.run("awk '/MemTotal/ { print $2 }' /proc/meminfo")) // 1024
    guest.check(mebibytes * 3 // 4 <= total <= mebibytes, f"{total} of {mebibytes} MiB")


options = ["--kernel", guest.kernel(), "--initrd", guest.made("guest.cpio")]
with guest.Machine(*options, "--cmdline", COMMAND_LINE, "--memory=256M",
                   "--disk=/tmp/disk.raw,size=16M") as machine:  # fmt: skip
    with tap.case("reaches init"):
        machine.boot()
    with tap.case("is given its command line"):
        guest.check_equal(machine.run("cat /proc/cmdline"), COMMAND_LINE)
    with tap.case("one CPU and 256 MiB of RAM"):
        guest.check_equal(machine.run("nproc"), "1")
        check_memory(machine, 256)
    with tap.case("every virtio device has its driver"):
        drivers = machine.run(
            "cd /sys/bus/virtio/devices; for d in *; do readlink $d/driver || echo none $d; done"
        )
        guest.check_equal(
            sorted(line.split("/")[-1] for line in drivers.splitlines()),
            ["virtio_balloon", "virtio_blk", *["virtio_input"] * 3, "virtio_rng"],
        )
    with tap.case("the random number device gives bytes"):
        machine.run("dd if=/dev/hwrng of=/dev/null bs=16 count=4")
    with tap.case("the clock is the host's, kvm-clock by choice"):
        guest.check_equal(
            machine.run("cat /sys/devices/system/clocksource/clocksource0/current_clocksource"),
            "kvm-clock",
        )
        host, theirs = guest.time.time(), int(machine.run("date +%s"))
        guest.check(abs(host - theirs) <= 5, f"{theirs} instead of {host}")
    with tap.case("no error in the kernel's log"):
        guest.check_equal(machine.run("dmesg -r | grep '^<[0-3]>' || :"), "")
    guest.Tap.note(f"stats: {machine.ctl('stats')}")
    with tap.case("powers off with status 0"):
        machine.send("poweroff -f\n")
        guest.check_equal(machine.wait(), 0)

with guest.Machine(*options, "--cmdline", COMMAND_LINE, "--memory=512M", "--cpus=4") as machine:
    with tap.case("reaches init on four CPUs"):
        machine.boot(120)
    with tap.case("four CPUs and 512 MiB of RAM"):
        guest.check_equal(machine.run("nproc"), "4")
        check_memory(machine, 512)
    with tap.case("four CPUs power off with status 0"):
        machine.send("poweroff -f\n")
        guest.check_equal(machine.wait(), 0)

with guest.Machine(*options, "--cmdline", COMMAND_LINE, "--memory=5G") as machine:
    with tap.case("reaches init with more RAM than fits below the hole"):
        machine.boot()
    with tap.case("5 GiB of RAM, continued at 4 GiB"):
        guest.check(memory_end(machine) > 4 << 30, "no RAM above 4 GiB")
        total = int(machine.run("awk '/MemTotal/ { print $2 }' /proc/meminfo")) >> 10
        guest.check(4800 <= total <= 5120, f"{total} MiB")
    with tap.case("RAM above 4 GiB keeps what is written to it"):
        machine.run("mount -t tmpfs tmpfs /mnt; head -c 48M /dev/urandom >/mnt/a; cp /mnt/a /mnt/b;"
                    "echo 3 >/proc/sys/vm/drop_caches; cmp /mnt/a /mnt/b", 120)  # fmt: skip
