#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtio disk under the distribution's kernel: data, file systems, discard, pauses."""

import hashlib
import os
import random
import subprocess

import guest

MIB = 1 << 20
DISK = "/tmp/disk.raw"
FIXED = "/tmp/fixed.raw"
PAUSES = 6


def used(path):
    """What a file takes of the host's space."""
    return os.stat(path).st_blocks * 512


tap = guest.Tap(12)
with open(FIXED, "wb") as file:
    file.write(random.Random(1).randbytes(MIB))

with guest.Machine("--kernel", guest.kernel(), "--initrd", guest.made("guest.cpio"),
                   "--cmdline", "console=ttyS0 quiet", "--memory=256M",
                   f"--disk={DISK},size=192M", f"--disk={FIXED},readonly") as machine:  # fmt: skip
    machine.boot()
    with tap.case("a new disk has its size and takes no space"):
        guest.check_equal(machine.run("blockdev --getsize64 /dev/vda"), str(192 * MIB))
        guest.check_equal(used(DISK), 0)
    with tap.case("what the guest writes is in the file"):
        said = machine.run(
            "dd if=/dev/urandom of=/tmp/data bs=1M count=8 2>/dev/null;"
            "dd if=/tmp/data of=/dev/vda bs=1M seek=100 conv=fsync 2>/dev/null &&"
            "sha256sum </tmp/data",
            60,
        )
        with open(DISK, "rb") as file:
            file.seek(100 * MIB)
            guest.check_equal(said.split()[0], hashlib.sha256(file.read(8 * MIB)).hexdigest())
    with tap.case("and is read back"):
        machine.run(
            "echo 3 >/proc/sys/vm/drop_caches;"
            "dd if=/dev/vda bs=1M skip=100 count=8 2>/dev/null | cmp - /tmp/data"
        )
    with tap.case("a read-only disk is read and not written"):
        with open(FIXED, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        guest.check_equal(machine.run("sha256sum </dev/vdb").split()[0], digest)
        guest.check_equal(machine.run("cat /sys/block/vdb/ro"), "1")
        machine.run("! dd if=/dev/zero of=/dev/vdb bs=4k count=1 conv=fsync")
        with open(FIXED, "rb") as file:
            guest.check_equal(hashlib.sha256(file.read()).hexdigest(), digest)
    with tap.case("blkdiscard gives the space back"):
        guest.check(used(DISK) >= 8 * MIB, f"{used(DISK)} bytes are used")
        machine.run("blkdiscard /dev/vda")
        guest.check_equal(used(DISK), 0)
        guest.check_equal(machine.run("hexdump -n 4096 -s 100m /dev/vda | wc -l"), "3")
    with tap.case("a file system holds files over a remount"):
        machine.run("mkfs.ext4 -q /dev/vda && mount -t ext4 /dev/vda /mnt", 60)
        machine.run("for i in 1 2 3 4; do cp /tmp/data /mnt/$i; done; umount /mnt", 60)
        machine.run("mount -t ext4 /dev/vda /mnt; for i in 1 2 3 4; do cmp /mnt/$i /tmp/data; done")
    with tap.case("fstrim gives the space of removed files back"):
        before = used(DISK)
        machine.run("rm /mnt/[1-4]; sync; fstrim /mnt")
        freed = before - used(DISK)
        guest.check(freed >= 30 * MIB, f"only {freed} bytes were freed")
    with tap.case("a pause stops the disk's requests"):
        machine.begin(
            "for i in 1 2 3 4 5 6 7 8; do"
            " dd if=/tmp/data of=/mnt/direct bs=64k oflag=direct 2>/dev/null &&"
            " dd if=/mnt/direct bs=64k iflag=direct 2>/dev/null | cmp - /tmp/data || exit 1;"
            " done"
        )
        machine.pump(1)
        guest.check_equal(machine.ctl("pause")["state"], "paused")
        before = machine.ctl("stats")["disks"][0]
        machine.pump(1)
        guest.check_equal(machine.ctl("stats")["disks"][0], before)
        guest.check_equal(machine.ctl("status")["state"], "paused")
        guest.check_equal(machine.ctl("resume")["state"], "running")
    with tap.case("pauses amid requests harm nothing"):
        counts = []
        for _ in range(PAUSES):
            machine.pump(0.5)
            machine.ctl("pause")
            disk = machine.ctl("stats")["disks"][0]
            counts.append(disk["read-requests"] + disk["write-requests"])
            machine.pump(0.1)
            machine.ctl("resume")
        guest.check(counts[-1] > counts[0], f"no requests between pauses: {counts}")
        machine.end(120)
        machine.run("echo 3 >/proc/sys/vm/drop_caches; cmp /mnt/direct /tmp/data")
    with tap.case("the guest saw no error"):
        guest.check_equal(machine.run("dmesg -r | grep -E '^<[0-3]>|I/O error' || :"), "")
        guest.check_equal(machine.ctl("stats")["disks"][0]["errors"], 0)
    guest.Tap.note(f"stats: {machine.ctl('stats')}")
    with tap.case("powers off with status 0"):
        machine.send("umount /mnt; poweroff -f\n")
        guest.check_equal(machine.wait(), 0)

with tap.case("e2fsck finds nothing to repair"):
    done = subprocess.run(["e2fsck", "-f", "-n", DISK], capture_output=True, text=True)
    guest.check(done.returncode == 0, done.stdout + done.stderr)
