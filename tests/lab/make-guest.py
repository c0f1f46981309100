#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make what the lab's guests boot from, once per build: make-guest.py KIND OUTPUT

  initramfs   busybox, modules of the distribution's kernel and guest-init.sh
  installer   a bootable CD of the distribution's network installer, as its own CDs are made
  data        a CD with nothing but a file, to change to

Where something needed is not installed, OUTPUT becomes one line that says so, and the tests that
need it are skipped.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import lab

HERE = os.path.dirname(os.path.realpath(__file__))

MODULES = [
    "virtio_blk", "virtio-rng", "virtio_balloon", "virtio_net", "af_packet",
    "crc32c_generic", "ext4",
    "ahci", "sr_mod", "isofs",
    "button", "evdev", "virtio_input", "virtio-gpu",
]  # fmt: skip

INSTALLER = "/usr/lib/debian-installer/images/13/amd64/text"
ISOLINUX = "/usr/lib/ISOLINUX/isolinux.bin"


def program_with_libraries(program):
    """Entries for a dynamically linked program and all it needs, at their own places."""
    shown = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    paths = [program] + re.findall(r"(/\S+) \(0x", shown)
    entries = [(path.lstrip("/"), 0o100755, lab.read(path)) for path in paths]
    directories = set()
    for name, _, _ in entries:
        while "/" in name:
            name = os.path.dirname(name)
            directories.add(name)
    return [(name, 0o040755, b"") for name in sorted(directories)] + entries


def make_initramfs(output):
    _, version = lab.find_kernel()
    modules = lab.load_modules(version, MODULES)
    entries = [(name, 0o040755, b"") for name in ("bin", "lib")]
    # Busybox makes ext2 at most.
    entries += program_with_libraries(lab.find_program("mkfs.ext4", "/sbin/mkfs.ext4"))
    entries += [
        ("bin/busybox", 0o100755, lab.read(lab.find_program("busybox"))),
        ("init", 0o100755, lab.read(f"{HERE}/guest-init.sh")),
        ("modules", 0o100644, "".join(f"{name}\n" for name, _ in modules).encode()),
    ]
    entries += [(f"lib/{name}", 0o100644, data) for name, data in modules]
    with open(output, "wb") as file:
        file.write(lab.cpio(entries))


def make_iso(output, *arguments):
    xorriso = lab.find_program("xorriso")
    done = subprocess.run(
        [xorriso, "-as", "mkisofs", "-quiet", "-r", "-J", "-o", output, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise lab.LabError(f"xorriso failed: {done.stderr.strip()}")


def make_installer(output):
    for path, package in (
        (INSTALLER, "debian-installer-13-netboot-amd64"),
        (ISOLINUX, "isolinux"),
    ):
        if not os.path.exists(path):
            raise lab.LabError(f"{path} is missing (package {package})")
    with tempfile.TemporaryDirectory() as scratch:
        tree = f"{scratch}/tree"
        shutil.copytree(INSTALLER, tree)
        screens = f"{tree}/debian-installer/amd64/boot-screens"
        shutil.copy(ISOLINUX, f"{tree}/isolinux.bin")
        shutil.copy(f"{screens}/ldlinux.c32", tree)
        shutil.copy(f"{screens}/syslinux.cfg", f"{tree}/isolinux.cfg")
        make_iso(
            output, "-V", "Installer", "-b", "isolinux.bin", "-c", "boot.cat",
            "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", tree,
        )  # fmt: skip


def make_data(output):
    with tempfile.TemporaryDirectory() as scratch:
        with open(f"{scratch}/contents", "w", encoding="utf-8") as file:
            file.write("the second disc\n")
        make_iso(output, "-V", "Second", scratch)


def main():
    kind, output = sys.argv[1:]
    try:
        {"initramfs": make_initramfs, "installer": make_installer, "data": make_data}[kind](output)
    except lab.LabError as error:
        with open(output, "w", encoding="utf-8") as file:
            file.write(f"absent: {error}\n")
        print(f"not made: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
