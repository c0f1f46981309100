#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the built posada with everything that can be wrong with its input, and checks each time that
it ends with the promised status and one sentence that names the culprit, and that no file was
created or changed. TAP; usage: bad-input.py POSADA MAN_PAGE [PART_OF_A_NAME]"""

import fcntl
import glob
import hashlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys

import suite
from suite import POSADA, Skip, run, test

MAN_PAGE = os.path.abspath(sys.argv[2])
WANTED = sys.argv[3] if len(sys.argv) > 3 else ""
MIB = 1 << 20


def listing():
    """Everything about the files here that must not change."""
    found = {}
    for folder, _, names in os.walk("."):
        found[folder] = "folder"
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            digest = ""
            if os.path.isfile(path) and not os.path.islink(path) and status.st_size < 64 * MIB:
                with open(path, "rb") as file:
                    digest = hashlib.sha256(file.read()).hexdigest()
            found[path] = (status.st_mode, status.st_size, status.st_mtime_ns, digest)
    return found


def refused(arguments, *parts, status=2, prefix=()):
    before = listing()
    result = run(*arguments, prefix=prefix)
    what = f"posada {' '.join(arguments)}: status {result.returncode}, stderr {result.stderr!r}"
    assert result.returncode == status, what
    assert result.stdout == "", f"stdout {result.stdout!r}"
    assert result.stderr.startswith("posada: ") and result.stderr.count("\n") == 1, what
    for part in parts:
        assert part in result.stderr, f"{what} lacks {part!r}"
    changed = dict(set(listing().items()) ^ set(before.items()))
    assert not changed, f"posada {' '.join(arguments)} changed {changed}"


def write(path, data=b"", size=None):
    with open(path, "wb") as file:
        file.write(data)
        if size is not None:
            file.truncate(size)


def iso(volume_sectors):
    """As much of ISO 9660 as tells how long the image should be."""
    descriptor = bytearray(2048)
    descriptor[0:6] = b"\x01CD001"
    struct.pack_into("<I", descriptor, 80, volume_sectors)
    struct.pack_into("<H", descriptor, 128, 2048)
    end = bytearray(2048)
    end[0:6] = b"\xffCD001"
    return bytes(16 * 2048) + bytes(descriptor) + bytes(end)


def elf(machine, bits=2):
    return b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + struct.pack("<HHI", 2, machine, 1) + bytes(4000)


def need_kvm():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise Skip("no /dev/kvm")


def need_firmware():
    if not glob.glob("/usr/share/*/bios-256k.bin"):
        raise Skip("no SeaBIOS installed")


def a_kernel():
    for path in sorted(glob.glob("/boot/vmlinuz-*")):
        with open(path, "rb") as file:
            if file.read(0x206)[0x202:] == b"HdrS":
                return path
    raise Skip("no kernel in /boot")


@test
def no_verb_and_unknown_verbs_are_bad_use():
    assert run().returncode == 2
    refused(["frobnicate"], "'frobnicate'", "--help")


@test
def help_and_version_are_good_use():
    for arguments in ["--help"], ["--version"], ["run", "--help"], ["ctl", "--help"], ["host", "--help"]:
        result = run(*arguments)
        assert result.returncode == 0 and result.stdout and not result.stderr, arguments


@test
def every_option_is_in_the_man_page():
    with open(MAN_PAGE, encoding="utf-8") as file:
        documented = set(re.findall(r"^\.It Fl \\-([a-z-]+)", file.read(), re.M))
    offered = set(re.findall(r"^  --([a-z-]+)", run("run", "--help").stdout, re.M))
    assert offered and documented == offered, documented ^ offered


@test
def every_command_is_in_the_man_page():
    with open(MAN_PAGE, encoding="utf-8") as file:
        section = file.read().split(".Sh CONTROL SOCKET")[1].split("\n.Sh ")[0]
    documented = set(re.findall(r"^\.It Cm ([a-z]+)", section, re.M))
    offered = re.findall(r"^  ([a-z, ]+?)(?: [A-Z].*?)?  ", run("ctl", "--help").stdout, re.M)
    offered = {name for names in offered for name in names.split(", ")}
    assert offered and documented == offered, documented ^ offered


@test
def every_verb_is_in_the_man_page():
    with open(MAN_PAGE, encoding="utf-8") as file:
        page = file.read()
    offered = re.findall(r"^  ([a-z]+) ", run("--help").stdout, re.M)
    missing = [verb for verb in offered if not re.search(rf"^\.(It )?Cm .*\b{verb}\b", page, re.M)]
    assert "run" in offered and not missing, missing
    synopsis = page.split(".Sh SYNOPSIS")[1].split("\n.Sh ")[0]
    missing = [verb for verb in offered if not re.search(rf"^\.Cm .*\b{verb}\b", synopsis, re.M)]
    assert not missing, missing


@test
def unknown_options_and_values_are_named():
    refused(["run", "--nonsense"], "--nonsense")
    refused(["run", "file.iso"], "file.iso")
    refused(["run", "--firmware", "uefi"], "uefi")
    refused(["run", "--boot", "cdrom,floppy"], "floppy")
    refused(["run", "--serial", "tcp:1"], "tcp:1")
    refused(["run", "--control", "s"], "--control s")
    refused(["run", "--spice", "5900"], "--spice 5900", "unix:PATH")
    refused(["run", "--spice", "tls:70000,certificate=a,key=b,password-file=c"], "70000")
    refused(["run", "--spice", "tls:5900,certificate=a,key=b"], "password-file=")
    refused(["run", "--spice", "tls:5900,colour=red"], "colour=red")
    refused(["run", "--disk", "new.raw,size=12"], "12")
    refused(["run", "--disk", "new.raw,size=1G,colour=red"], "colour=red")
    refused(["host", "--xml"], "--xml")
    refused(["ctl", "socket"], "ctl")


@test
def what_viewers_need_is_there_or_named():
    need_kvm()
    need_firmware()
    new = ["--memory", "64M", "--disk", "new.raw,size=1M", "--control", "unix:control"]
    write("there", b"rubbish")
    write("long", b"x" * 61)
    spice = "tls:5999,certificate={},key={},password-file={}"
    refused(["run", "--spice", spice.format("gone.pem", "there", "there"), *new], "gone.pem")
    refused(["run", "--spice", spice.format("there", "gone.key", "there"), *new], "gone.key")
    refused(["run", "--spice", spice.format("there", "there", "gone"), *new], "gone cannot be read")
    refused(["run", "--spice", spice.format("there", "there", "long"), *new], "long", "60")
    refused(["run", "--spice", "unix:there", *new], "there is there already and is no socket")
    refused(["run", "--spice", spice.format("there", "there", "there"), *new], "certificate there")


@test
def networks_are_made_or_named():
    need_kvm()
    need_firmware()
    new = ["--memory", "64M", "--disk", "new.raw,size=1M", "--control", "unix:control"]
    refused(["run", "--network=colour=red", *new], "colour=red")
    refused(["run", "--network=forward=http:80", *new], "http:80")
    if not shutil.which("passt"):
        raise Skip("passt is not installed")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        port = busy.getsockname()[1]
        busy.listen()
        refused(["run", f"--network=forward={port}:22", *new], f"port {port}", "choose another one")


@test
def memory_out_of_range_is_refused():
    refused(["run", "--memory", "0M", "--disk", "new.raw,size=1M"], "0M")
    refused(["run", "--memory", "15M", "--disk", "new.raw,size=1M"], "15M")
    refused(["run", "--memory", "1000T", "--disk", "new.raw,size=1M"], "1000 TiB", "this host")
    refused(["run", "--uuid", "lots", "--disk", "new.raw,size=1M"], "lots", "xxxx-")
    refused(["run", "--uuid", "g" * 8 + "-0000-0000-0000-" + "0" * 12,
             "--disk", "new.raw,size=1M"], "--uuid")
    refused(["run", "--memory", "lots", "--disk", "new.raw,size=1M"], "lots")


@test
def cpus_out_of_range_are_refused():
    refused(["run", "--cpus", "0", "--disk", "new.raw,size=1M"], "0")
    refused(["run", "--cpus", "65", "--disk", "new.raw,size=1M"], "65")
    refused(["run", "--cpus", "4,sockets=3", "--disk", "new.raw,size=1M"], "sockets=3")


@test
def a_missing_file_is_named():
    new = ["--disk", "new.raw,size=1M"]
    refused(["run", "--iso", "gone.iso", *new], "gone.iso")
    refused(["run", "--disk", "gone.raw", *new], "gone.raw")
    refused(["run", "--kernel", "gone.bz", *new], "gone.bz")
    refused(["run", "--firmware-file", "gone.bin", *new], "gone.bin")
    write("kernel", elf(62))
    refused(["run", "--kernel", "kernel", "--initrd", "gone.gz", *new], "gone.gz")


@test
def an_empty_file_is_named():
    write("empty")
    for option in "--iso", "--disk", "--kernel", "--firmware-file":
        refused(["run", option, "empty", "--disk", "new.raw,size=1M"], "empty")


@test
def a_directory_is_named():
    os.mkdir("folder")
    for option in "--iso", "--disk", "--kernel", "--firmware-file", "--log":
        refused(["run", option, "folder", "--disk", "new.raw,size=1M"], "folder", "directory")
    refused(["run", "--serial", "file:folder", "--disk", "new.raw,size=1M"], "folder", "directory")


@test
def a_pipe_is_no_image():
    os.mkfifo("pipe")
    for option in "--iso", "--disk", "--kernel":
        refused(["run", option, "pipe"], "pipe")


@test
def an_unreadable_file_is_named():
    write("secret", bytes(4096))
    os.chmod("secret", 0)
    prefix = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            raise Skip("root reads everything, and there is no setpriv")
        os.chmod(".", 0o755)
        prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        if subprocess.run([*prefix, POSADA, "--version"], capture_output=True).returncode != 0:
            raise Skip("the build cannot be run by nobody")
    for option in "--iso", "--disk", "--kernel":
        refused(["run", option, "secret"], "secret", "ermission", prefix=prefix)


@test
def a_truncated_iso_is_named():
    write("whole.iso", iso(100), 100 * 2048)
    with open("whole.iso", "rb") as file:
        data = file.read()
    write("short.iso", data[: 90 * 2048])
    write("stub.iso", data[:1000])
    write("text.iso", b"<html>404</html>" * 10000)
    refused(["run", "--iso", "short.iso", "--disk", "new.raw,size=1M"], "short.iso", "cut short")
    refused(["run", "--iso", "stub.iso", "--disk", "new.raw,size=1M"], "stub.iso")
    refused(["run", "--iso", "text.iso", "--disk", "new.raw,size=1M"], "text.iso", "not a CD image")


@test
def a_truncated_disk_is_named():
    write("odd.raw", size=1000)
    refused(["run", "--disk", "odd.raw", "--disk", "new.raw,size=1M"], "odd.raw", "512")


def qcow2(path, size=1 << 20, backing="", backing_format="", features=0):
    """A version 3 image of nothing; its tables are where its header says, and empty."""
    extension = struct.pack(">II8s", 0xe2792aca, len(backing_format),
                            backing_format.encode()) if backing_format else b""
    name_at = 104 + len(extension) + 8
    header = struct.pack(">IIQIIQIIQQIIQQQQII", 0x514649fb, 3, name_at if backing else 0,
                         len(backing), 16, size, 0, 1, 0x20000, 0x10000, 1, 0, 0, features, 0, 0,
                         4, 104)
    write(path, header + extension + bytes(8) + backing.encode(), 0x30000)


@test
def what_is_wrong_with_a_qcow2_image_is_named():
    new = ["--disk", "new.raw,size=1M"]
    write("raw.img", size=MIB)
    refused(["run", "--disk", "raw.img,format=qcow2", *new], "raw.img", "not a qcow2")
    refused(["run", "--disk", "raw.img,format=vmdk", *new], "vmdk")
    refused(["run", "--disk", "raw.img,backing=raw.img", *new], "backing")
    refused(["run", "--disk", "new.img,format=qcow2,size=8M,backing=raw.img"], "backing")
    refused(["run", "--disk", "raw.img,format=qcow2,backing=", *new], "backing=")
    qcow2("odd.qcow2", size=1000)
    refused(["run", "--disk", "odd.qcow2,format=qcow2", *new], "odd.qcow2", "512")
    qcow2("strange.qcow2", features=4)
    refused(["run", "--disk", "strange.qcow2,format=qcow2", *new], "external data file")
    qcow2("future.qcow2", features=1 << 40)
    refused(["run", "--disk", "future.qcow2,format=qcow2", *new], "bit 40")


@test
def no_file_is_opened_because_an_image_names_it():
    new = ["--disk", "new.raw,size=1M"]
    write("secret", size=MIB)
    qcow2("based.qcow2", backing="secret", backing_format="raw")
    refused(["run", "--disk", "based.qcow2,format=qcow2", *new], "based.qcow2", "secret", "allowed")
    refused(["run", "--disk", "based.qcow2,format=qcow2,backing=other", *new], "secret", "allowed")
    qcow2("unsaid.qcow2", backing="secret")
    refused(["run", "--disk", "unsaid.qcow2,format=qcow2,backing=secret", *new], "does not say")
    qcow2("far.qcow2", backing="nbd://there/disk", backing_format="raw")
    refused(["run", "--disk", "far.qcow2,format=qcow2,backing=secret", *new], "nbd://there")
    qcow2("json.qcow2", backing='json:{"file":"secret"}', backing_format="raw")
    refused(["run", "--disk", "json.qcow2,format=qcow2,backing=secret", *new], "plain file name")
    qcow2("self.qcow2", backing="self.qcow2", backing_format="qcow2")
    refused(["run", "--disk", "self.qcow2,format=qcow2,backing=self.qcow2,readonly", *new],
            "self.qcow2", "based on")


@test
def a_disk_in_use_by_another_process_is_named():
    write("used.raw", size=MIB)
    with open("used.raw", "rb+") as file:
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)
        refused(["run", "--disk", "used.raw", "--disk", "new.raw,size=1M"], "used.raw", "in use")


@test
def a_disk_given_twice_is_named():
    write("disk.raw", size=MIB)
    os.link("disk.raw", "same.raw")
    refused(["run", "--disk", "disk.raw", "--disk", "disk.raw"], "disk.raw")
    refused(["run", "--disk", "disk.raw", "--disk", "same.raw"], "same.raw")
    refused(["run", "--disk", "new.raw,size=1M", "--disk", "new.raw,size=1M"], "new.raw")


@test
def a_new_disk_replaces_nothing():
    write("old.raw", b"precious", MIB)
    refused(["run", "--disk", "old.raw,size=2M"], "old.raw", "exists")
    os.symlink("nowhere", "link.raw")
    refused(["run", "--disk", "link.raw,size=2M"], "link.raw")


@test
def a_new_disk_needs_a_directory_and_room():
    need_kvm()
    need_firmware()
    refused(["run", "--disk", "gone/new.raw,size=1M"], "gone/new.raw")
    refused(["run", "--disk", "first.raw,size=1M", "--disk", "huge.raw,size=8000000T"], "huge.raw")


@test
def nothing_is_written_over_an_image():
    write("disk.raw", b"precious", MIB)
    write("cd.iso", iso(20), 20 * 2048)
    os.symlink("disk.raw", "link")
    images = ["--disk", "disk.raw", "--iso", "cd.iso"]
    refused(["run", *images, "--serial", "file:disk.raw"], "disk.raw")
    refused(["run", *images, "--console", "file:link"], "link")
    refused(["run", *images, "--log", "cd.iso"], "cd.iso")
    refused(["run", *images, "--control", "unix:disk.raw"], "disk.raw")
    refused(["run", "--disk", "new.raw,size=1M", "--log", "new.raw"], "new.raw")
    refused(["run", "--serial", "file:out", "--log", "out"], "out")


@test
def a_control_path_in_use_is_named_and_left_alone():
    need_kvm()
    need_firmware()
    server = socket.socket(socket.AF_UNIX)
    server.bind("control.sock")
    server.listen()
    refused(["run", "--control", "unix:control.sock", "--disk", "new.raw,size=1M"], "control.sock", "in use")
    write("file")
    refused(["run", "--control", "unix:file", "--disk", "new.raw,size=1M"], "file")
    refused(["run", "--control", "unix:gone/socket", "--disk", "new.raw,size=1M"], "gone/socket")
    refused(["run", "--control", f"unix:{'x' * 200}", "--disk", "new.raw,size=1M"], "xxx")
    client = socket.socket(socket.AF_UNIX)
    client.connect("control.sock")


@test
def a_serial_path_in_use_is_named():
    need_kvm()
    need_firmware()
    server = socket.socket(socket.AF_UNIX)
    server.bind("serial.sock")
    server.listen()
    refused(["run", "--serial", "unix:serial.sock", "--control", "unix:control.sock",
             "--disk", "new.raw,size=1M"], "serial.sock")


@test
def what_is_no_kernel_is_named():
    need_kvm()
    write("text", b"no kernel at all\n" * 1000)
    write("arm64", bytes(0x38) + b"ARM\x64" + bytes(4096))
    write("aarch64.elf", elf(183))
    write("i386.elf", elf(3, bits=1))
    write("stub", b"MZ" + bytes(100))
    write("serial.txt", b"what was there")
    for kernel in "text", "arm64", "aarch64.elf", "i386.elf", "stub":
        refused(["run", "--kernel", kernel, "--disk", "new.raw,size=1M", "--log", "log",
                 "--serial", "file:serial.txt", "--control", "unix:control.sock"], kernel)


@test
def a_truncated_kernel_is_named():
    need_kvm()
    with open(a_kernel(), "rb") as file:
        data = file.read()
    for size in 300, 1000, 20000, len(data) // 2:
        write("cut", data[:size])
        refused(["run", "--kernel", "cut", "--disk", "new.raw,size=1M"], "cut")


@test
def a_kernel_too_big_for_the_memory_is_named():
    need_kvm()
    kernel = a_kernel()
    refused(["run", "--memory", "16M", "--kernel", kernel, "--disk", "new.raw,size=1M"], kernel)


@test
def an_initrd_too_big_for_the_memory_is_named():
    need_kvm()
    write("initrd", size=200 * MIB)
    refused(["run", "--memory", "128M", "--kernel", a_kernel(), "--initrd", "initrd",
             "--disk", "new.raw,size=1M"], "initrd")


@test
def wrong_firmware_is_named():
    need_kvm()
    need_firmware()
    write("text.bin", b"no firmware\n" * 1000)
    refused(["run", "--firmware-file", "text.bin", "--disk", "new.raw,size=1M"], "text.bin")


@test
def absent_firmware_names_the_package_and_is_the_hosts_fault():
    need_kvm()
    mounts = "mount -t tmpfs none /usr/share/seabios 2>/dev/null; mount -t tmpfs none /usr/share/qemu; exec \"$@\""
    prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, "sh"]
    if not os.path.isdir("/usr/share/seabios") or not os.path.isdir("/usr/share/qemu"):
        raise Skip("firmware lies elsewhere here")
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        raise Skip("no mount name spaces")
    refused(["run", "--disk", "new.raw,size=1M"], "seabios", "install", status=3, prefix=prefix)


def in_other_dev(script):
    prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script + '; exec "$@"', "sh"]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        raise Skip("no mount name spaces")
    return prefix


@test
def a_missing_kvm_is_the_hosts_fault():
    prefix = in_other_dev("mount -t tmpfs none /dev")
    refused(["run", "--disk", "new.raw,size=1M", "--control", "unix:control.sock"], "/dev/kvm",
            status=3, prefix=prefix)
    result = run("host", prefix=prefix)
    assert result.returncode == 3 and "/dev/kvm" in result.stdout, result


@test
def a_forbidden_kvm_is_the_hosts_fault():
    need_kvm()
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skip("only root with setpriv can forbid it to somebody")
    prefix = in_other_dev("cp -a /dev/kvm kvm && mount --bind kvm /dev/kvm && rm kvm && chmod 600 /dev/kvm")
    os.chmod(".", 0o777)
    prefix += ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    if subprocess.run([*prefix, POSADA, "--version"], capture_output=True).returncode != 0:
        raise Skip("the build cannot be run by nobody")
    refused(["run", "--disk", "new.raw,size=1M"], "/dev/kvm", status=3, prefix=prefix)


@test
def what_is_no_kvm_is_the_hosts_fault():
    need_firmware()
    prefix = in_other_dev("touch fake && mount --bind /dev/null /dev/kvm && rm fake")
    refused(["run", "--disk", "new.raw,size=1M"], status=3, prefix=prefix)


@test
def ctl_without_a_machine_is_bad_input():
    refused(["ctl", "gone.sock", "status"], "gone.sock")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind("stale.sock")
    stale.close()
    refused(["ctl", "stale.sock", "status"], "stale.sock")
    refused(["ctl", "gone.sock", "type", "a\nb"], "one line")
    refused(["ctl", "gone.sock", "type", "x" * 5000], "4095")


sys.exit(suite.main(WANTED))
