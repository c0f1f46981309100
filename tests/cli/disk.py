#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk images by posada disk, judged by qemu-img. TAP; usage: disk.py POSADA [PART_OF_A_NAME]"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import suite
from suite import POSADA, test

WANTED = sys.argv[2] if len(sys.argv) > 2 else ""
MIB = 1 << 20


def run(*arguments):
    return suite.run("disk", *arguments)


def good(*arguments):
    return suite.good("disk", *arguments)


def refused(*arguments, part, status=None):
    """Says why in one line that names @part, and leaves every file as it was."""
    before = {name: os.stat(name).st_mtime_ns for name in os.listdir()}
    result = run(*arguments)
    what = f"{arguments}: {result}"
    assert result.returncode in ([status] if status else [1, 2]) and not result.stdout, what
    assert result.stderr.startswith("posada: ") and result.stderr.count("\n") == 1, what
    assert part in result.stderr, f"{what} lacks {part!r}"
    assert before == {name: os.stat(name).st_mtime_ns for name in os.listdir()}, what


def qemu_img(*arguments):
    result = subprocess.run(["qemu-img", *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result
    return result.stdout


def make_raw(path, size=4 * MIB):
    """Data, zeroes and a hole."""
    with open(path, "wb") as file:
        file.write(random.Random(1).randbytes(MIB) + bytes(MIB) + b"again" * 10000)
        file.truncate(size)
    return path


def same(raw, image, form):
    return subprocess.run(["qemu-img", "compare", "-q", "-f", "raw", "-F", form, raw,
                           image]).returncode == 0


@test
def images_are_made_and_described():
    good("create", "a.qcow2", "--size", "8G", "--cluster-size", "128K")
    info = json.loads(good("info", "a.qcow2", "--json"))
    assert info["format"] == "qcow2" and info["size"] == 8 << 30 and info["snapshots"] == 0, info
    assert info["cluster-size"] == 128 << 10 and info["on-disk"] < MIB, info
    assert json.loads(qemu_img("info", "-f", "qcow2", "--output=json", "a.qcow2"))["virtual-size"] \
        == 8 << 30
    good("create", "b.img", "--size", "1M", "--format", "raw")
    assert os.path.getsize("b.img") == MIB and "raw" in good("info", "b.img")
    good("create", "c.qcow2", "--size", "2M", "--backing", "b.img", "--backing-format", "raw")
    assert "Based on  b.img (raw)" in good("info", "c.qcow2")
    assert good("check", "a.qcow2") == "No errors\n"


@test
def what_cannot_be_made_is_refused():
    make_raw("there.img")
    refused("create", "new.qcow2", part="--size")
    refused("create", "new.qcow2", "--size", "8", part="8")
    refused("create", "new.qcow2", "--size", "8G", "--cluster-size", "3K", part="power of two")
    refused("create", "new.qcow2", "--size", "8G", "--cluster-size", "4M", part="power of two")
    refused("create", "new.qcow2", "--size", "8G", "--format", "vmdk", part="vmdk")
    refused("create", "new.qcow2", "--size", "8G", "--backing", "there.img", part="--backing-format")
    refused("create", "new.img", "--size", "8G", "--format", "raw", "--cluster-size", "4K",
            part="clusters")
    refused("create", "there.img", "--size", "1M", part="there.img exists", status=2)
    refused("create", "gone/new.qcow2", "--size", "1M", part="gone/new.qcow2")
    refused("create", "new.qcow2", "--size", "7000000T", "--cluster-size", "4K", part="new.qcow2")
    refused("create", part="more")
    refused("melt", "there.img", part="compact")
    refused("info", "gone.qcow2", part="gone.qcow2")
    refused("info", "there.img", "--colour", part="--colour")


@test
def a_format_is_not_taken_from_what_is_inside():
    good("create", "a.qcow2", "--size", "1M")
    shutil.copy("a.qcow2", "disguised.img")
    shutil.copy("a.qcow2", "nameless")
    refused("info", "disguised.img", part="--format")
    refused("convert", "disguised.img", "b.qcow2", part="--format")
    refused("info", "nameless", part="--format")
    assert "raw" in good("info", "disguised.img", "--format", "raw")
    assert "qcow2" in good("info", "nameless", "--format", "qcow2")
    refused("info", "a.qcow2", "--format", "odd", part="odd")


@test
def disks_get_another_size():
    for form, name in ("qcow2", "a.qcow2"), ("raw", "a.img"):
        good("create", name, "--size", "4M", "--format", form)
        good("resize", name, "16M")
        assert json.loads(good("info", name, "--json"))["size"] == 16 * MIB
        good("resize", name, "8M")
        subprocess.run(["qemu-io", "-f", form, "-c", "write -P 1 7M 64k", name], check=True,
                       capture_output=True)
        refused("resize", name, "6M", part="data behind", status=1)
        refused("resize", name, "lots", part="lots")
        good("resize", name, "9M")
    qemu_img("check", "-f", "qcow2", "a.qcow2")


@test
def foreign_images_are_imported():
    raw = make_raw("source.raw")
    for form, name in ("vmdk", "a.vmdk"), ("vdi", "a.vdi"), ("vhdx", "a.vhdx"), ("vpc", "a.vhd"), \
            ("qcow", "a.qcow"):
        qemu_img("convert", "-f", "raw", "-O", form, raw, name)
        good("convert", name, "new.qcow2", "--format", form)
        virtual = json.loads(good("info", "new.qcow2", "--json"))["size"]
        assert virtual >= 4 * MIB and subprocess.run(
            ["qemu-img", "compare", "-q", "-f", form, "-F", "qcow2", name,
             "new.qcow2"]).returncode == 0, form
        os.remove("new.qcow2")
    good("convert", "a.vmdk", "new.img", "--to", "raw")
    assert same(raw, "new.img", "raw")
    assert sorted(name for name in os.listdir() if "part" in name) == []


@test
def copies_may_be_compressed():
    raw = make_raw("source.raw")
    good("convert", raw, "plain.qcow2")
    good("convert", raw, "small.qcow2", "--compress")
    assert same(raw, "small.qcow2", "qcow2") and same(raw, "plain.qcow2", "qcow2")
    assert os.path.getsize("small.qcow2") < os.path.getsize("plain.qcow2")
    refused("convert", raw, "small.img", "--compress", part="qcow2")
    refused("convert", raw, "small.img", "--zstd", part="qcow2")


def compression_of(name):
    told = json.loads(qemu_img("info", "-f", "qcow2", "--output=json", name))
    return told["format-specific"]["data"]["compression-type"]


@test
def images_are_compressed_by_zstd_if_wanted_and_stay_so():
    raw = make_raw("source.raw")
    good("convert", raw, "a.qcow2", "--zstd")
    assert same(raw, "a.qcow2", "qcow2") and compression_of("a.qcow2") == "zstd"
    before = os.path.getsize("a.qcow2")
    good("compact", "a.qcow2", "--compress")
    assert same(raw, "a.qcow2", "qcow2") and compression_of("a.qcow2") == "zstd"
    assert os.path.getsize("a.qcow2") <= before and "zstd" in good("info", "a.qcow2")
    good("convert", raw, "b.qcow2", "--compress")
    assert compression_of("b.qcow2") == "zlib"
    good("compact", "b.qcow2", "--zstd")
    assert same(raw, "b.qcow2", "qcow2") and compression_of("b.qcow2") == "zstd"


@test
def what_deleting_a_snapshot_frees_is_told():
    good("create", "a.qcow2", "--size", "8M")
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 1 0 2M", "a.qcow2"], check=True,
                   capture_output=True)
    qemu_img("snapshot", "-c", "one\x1b[1m", "a.qcow2")
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 2 0 1M", "a.qcow2"], check=True,
                   capture_output=True)
    snapshot, = json.loads(good("info", "a.qcow2", "--json"))["snapshot-list"]
    # Its tables are its own, too.
    assert MIB <= snapshot["own-bytes"] <= MIB + 256 * 1024, snapshot
    assert snapshot["size"] == 8 * MIB and snapshot["name"] == "one\x1b[1m", snapshot
    told = good("info", "a.qcow2")
    assert "one?[1m: deleting it frees 1." in told, told


@test
def what_is_based_on_a_file_needs_leave_to_read_it():
    good("create", "base.qcow2", "--size", "4M")
    good("create", "top.qcow2", "--size", "4M", "--backing", "base.qcow2", "--backing-format",
         "qcow2")
    refused("convert", "top.qcow2", "new.qcow2", part="--backing allows that file")
    good("convert", "top.qcow2", "new.qcow2", "--backing", "base.qcow2")


@test
def each_file_of_a_longer_chain_needs_leave():
    make_raw("bottom.img")
    good("create", "middle.qcow2", "--size", "4M", "--backing", "bottom.img", "--backing-format", "raw")
    good("create", "top.qcow2", "--size", "4M", "--backing", "middle.qcow2", "--backing-format",
         "qcow2")
    allow = ["--backing", "middle.qcow2", "--backing=bottom.img"]
    for verb in ["convert", "top.qcow2", "new.qcow2"], ["compact", "top.qcow2"]:
        refused(*verb, *allow[:2], part="--backing allows that file")
        refused(*verb, allow[2], part="--backing allows that file")
        good(*verb, *allow)
    with open("bottom.img", "rb") as bottom:
        qemu_img("convert", "-O", "raw", "new.qcow2", "new.img")
        with open("new.img", "rb") as new:
            assert new.read() == bottom.read()
    refused("create", "more.qcow2", "--size", "1M", *allow, "--backing-format", "raw",
            part="bottom.img is one too many")
    refused("convert", "top.qcow2", "more.qcow2", *["--backing=middle.qcow2"] * 32,
            part="more than 31 times")


@test
def the_size_of_what_has_snapshots_stays():
    qemu_img("create", "-f", "qcow2", "disk.qcow2", "4M")
    qemu_img("snapshot", "-c", "one", "disk.qcow2")
    refused("resize", "disk.qcow2", "8M", part="delete them first")
    refused("compact", "disk.qcow2", part="delete them first")


@test
def what_cannot_be_converted_is_refused_and_leaves_nothing():
    make_raw("source.raw")
    make_raw("there.qcow2")
    with open("broken.vmdk", "wb") as file:
        file.write(b"KDMV" + bytes(2000))
    refused("convert", "source.raw", "there.qcow2", part="exists")
    refused("convert", "gone.raw", "new.qcow2", part="gone.raw")
    refused("convert", "broken.vmdk", "new.qcow2", part="broken.vmdk cannot be converted")
    refused("convert", "source.raw", "new.vmdk", part="--to")
    refused("convert", "source.raw", "new.qcow2", "--format", "qcow2", part="not a qcow2")
    refused("convert", "source.raw", "gone/new.qcow2", part="gone/new.qcow2")


@test
def no_file_is_read_because_an_image_names_it():
    with open("secret", "wb") as file:
        file.write(b"secret" * 100000)
    with open("flat.vmdk", "w") as file:
        file.write('# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n'
                   'createType="monolithicFlat"\nRW 1024 FLAT "secret" 0\n'
                   'ddb.adapterType = "ide"\nddb.geometry.cylinders = "1"\n'
                   'ddb.geometry.heads = "16"\nddb.geometry.sectors = "63"\n')
    refused("convert", "flat.vmdk", "new.qcow2", part="flat.vmdk")
    qemu_img("create", "-f", "qcow2", "-b", "secret", "-F", "raw", "based.qcow2")
    refused("convert", "based.qcow2", "new.qcow2", part="nobody has allowed")
    refused("compact", "based.qcow2", part="nobody has allowed")
    qemu_img("create", "-f", "qcow", "-o", "backing_file=secret,backing_fmt=raw", "based.qcow", "1M")
    refused("convert", "based.qcow", "new.qcow2", part="based.qcow")
    good("convert", "based.qcow2", "new.qcow2", "--backing", "secret")
    assert b"secret" in open("new.qcow2", "rb").read()


@test
def compacting_drops_what_is_free():
    raw = make_raw("source.raw", 8 * MIB)
    good("convert", raw, "a.qcow2")
    io = "write -P 5 4M 2M", "discard 4M 2M", "write -P 0 6M 1M"
    subprocess.run(["qemu-io", "-f", "qcow2", *[word for command in io for word in ("-c", command)],
                    "a.qcow2"], check=True, capture_output=True)
    before = os.path.getsize("a.qcow2")
    good("compact", "a.qcow2")
    assert os.path.getsize("a.qcow2") < before and same(raw, "a.qcow2", "qcow2")
    before = os.path.getsize("a.qcow2")
    good("compact", "a.qcow2", "--compress")
    assert os.path.getsize("a.qcow2") < before and same(raw, "a.qcow2", "qcow2")
    blocks = os.stat(raw).st_blocks
    good("compact", raw)
    assert os.stat(raw).st_blocks < blocks and same(raw, "a.qcow2", "qcow2")
    qemu_img("snapshot", "-c", "one", "a.qcow2")
    refused("compact", "a.qcow2", part="snapshots")


@test
def compacting_keeps_what_an_image_is_based_on():
    raw = make_raw("base.raw")
    good("create", "a.qcow2", "--size", "4M", "--backing", "base.raw", "--backing-format", "raw")
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 5 1M 1M", "a.qcow2"], check=True,
                   capture_output=True)
    qemu_img("convert", "-f", "qcow2", "-O", "raw", "a.qcow2", "wanted.raw")
    good("compact", "a.qcow2", "--backing", raw)
    assert "Based on  base.raw (raw)" in good("info", "a.qcow2")
    assert same("wanted.raw", "a.qcow2", "qcow2") and os.path.getsize("a.qcow2") < 2 * MIB


@test
def an_image_in_use_is_left_alone():
    good("create", "a.qcow2", "--size", "64M")
    with subprocess.Popen(["qemu-io", "-f", "qcow2", "a.qcow2"], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as user:
        time.sleep(1)
        refused("resize", "a.qcow2", "128M", part="in use")
        refused("compact", "a.qcow2", part="in use")
        refused("convert", "a.qcow2", "b.qcow2", part="in use")
        refused("check", "a.qcow2", "--repair", part="in use")
        user.stdin.close()


@test
def leaks_are_told_and_repaired():
    good("create", "a.qcow2", "--size", "64M")
    with open("a.qcow2", "r+b") as file:
        file.seek(48)
        table = int.from_bytes(file.read(8), "big")
        file.seek(table)
        block = int.from_bytes(file.read(8), "big")
        file.seek(block + 2 * 100)
        file.write(b"\0\1")
    assert "1 leaked" in good("check", "a.qcow2")
    assert "repaired" in good("check", "a.qcow2", "--repair")
    assert good("check", "a.qcow2") == "No errors\n"
    qemu_img("check", "-f", "qcow2", "a.qcow2")


@test
def a_copy_that_is_interrupted_leaves_nothing():
    with open("big.raw", "wb") as file:
        for _ in range(192):
            file.write(random.randbytes(MIB))
    with subprocess.Popen([POSADA, "disk", "convert", "big.raw", "new.qcow2", "--compress"],
                          stderr=subprocess.PIPE, text=True) as process:
        for _ in range(100):
            if any("part" in name for name in os.listdir()):
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert "cancelled" in process.stderr.read()
        assert process.wait() == 1
    assert os.listdir() == ["big.raw"], os.listdir()


def main():
    if not shutil.which("qemu-img"):
        print("1..0 # SKIP there is no qemu-img")
        return 0
    return suite.main(WANTED)


sys.exit(main())
