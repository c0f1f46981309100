#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CD-ROM drive whose media change while the distribution's kernel runs."""

import hashlib

import guest


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


first = guest.installed("/usr/lib/grub-rescue/grub-rescue-cdrom.iso", "grub-rescue-pc")
second = guest.made("second.iso")
tap = guest.Tap(9)

with guest.Machine("--kernel", guest.kernel(), "--initrd", guest.made("guest.cpio"),
                   "--cmdline", "console=ttyS0 quiet", "--memory=256M",
                   "--iso", first, "--iso", "none") as machine:  # fmt: skip
    machine.boot()
    with tap.case("both drives are there"):
        # The kernel finds them in its own time.
        machine.run("i=0; until [ -e /dev/sr1 ] || [ $i = 100 ]; do sleep 0.1; i=$((i+1)); done")
        machine.run("ls /dev/sr0 /dev/sr1")
    with tap.case("the medium is read to its last byte"):
        guest.check_equal(machine.run("sha256sum </dev/sr0", 60).split()[0], digest(first))
    with tap.case("its file system can be mounted"):
        machine.run("mount -t iso9660 -o ro /dev/sr0 /mnt && ls /mnt/boot/grub; umount /mnt")
    with tap.case("an empty drive says so"):
        guest.check_match("No medium", machine.run("dd if=/dev/sr1 of=/dev/null count=1 2>&1 || :"))
    with tap.case("after a change the guest reads the new medium"):
        machine.ctl(f"media 0 {second}")
        guest.check_equal(machine.ctl("status")["media"], [second, "none"])
        guest.check_equal(machine.run("sha256sum </dev/sr0").split()[0], digest(second))
        machine.run("mount -t iso9660 -o ro /dev/sr0 /mnt")
        guest.check_equal(machine.run("cat /mnt/contents"), "the second disc")
        machine.run("umount /mnt")
    with tap.case("without a medium nothing is read"):
        machine.ctl("media 0 none")
        guest.check_equal(machine.ctl("status")["media"], ["none", "none"])
        guest.check_match("No medium", machine.run("dd if=/dev/sr0 of=/dev/null count=1 2>&1 || :"))
    with tap.case("and then the first one again, in the other drive"):
        machine.ctl(f"media 1 {first}")
        guest.check_equal(machine.run("sha256sum </dev/sr1", 60).split()[0], digest(first))
    with tap.case("a file that is no CD is refused"):
        try:
            machine.ctl("media 0 /etc/passwd")
        except guest.Failure as refusal:
            guest.check_match("/etc/passwd is not a CD image", str(refusal))
        else:
            raise guest.Failure("it is taken")
    with tap.case("powers off with status 0"):
        machine.send("poweroff -f\n")
        guest.check_equal(machine.wait(), 0)
