#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Works machines that are kept, as a person would on the command line, in a store of its own for
each test. TAP; usage: store.py POSADA [PART_OF_A_NAME]"""

import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

import suite
from suite import POSADA, Skip, good, run, test

WANTED = sys.argv[2] if len(sys.argv) > 2 else ""


def refused(*arguments, part, status=2):
    result = run(*arguments)
    what = f"{arguments}: {result}"
    assert result.returncode == status and not result.stdout, what
    assert result.stderr.startswith("posada: ") and result.stderr.count("\n") == 1, what
    assert part in result.stderr, f"{what} lacks {part!r}"


def machines():
    return json.loads(good("list", "--json"))


def make_iso(path="cd.iso"):
    descriptor = bytearray(2048)
    descriptor[0:6] = b"\x01CD001"
    struct.pack_into("<I", descriptor, 80, 18)
    struct.pack_into("<H", descriptor, 128, 2048)
    end = bytearray(2048)
    end[0:6] = b"\xffCD001"
    with open(path, "wb") as file:
        file.write(bytes(16 * 2048) + bytes(descriptor) + bytes(end))
    return path


def folder_of(uuid):
    return os.path.join(os.environ["XDG_DATA_HOME"], "posada", "machines", uuid)


@test
def an_empty_store_lists_nothing():
    assert good("list") == "" and machines() == []
    assert not os.path.exists(os.environ["XDG_DATA_HOME"])


@test
def a_machine_that_is_off_is_remembered():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "Idle", "--disk-size", "none")
    assert good("snapshot", "Idle", "list") == ""
    good("snapshot", "Idle", "take", "Fresh & empty")
    good("snapshot", "Idle", "take", "Later")
    first, second = good("snapshot", "Idle", "list").splitlines()
    assert "Fresh & empty" in first + second and "(now)" in first + second, (first, second)
    lines = {line.split("B  ")[1].replace("(now)", "").strip(): line[:16] for line in (first, second)}
    good("snapshot", "Idle", "restore", lines["Fresh & empty"])
    good("snapshot", "Idle", "rename", lines["Later"], "Much later")
    good("snapshot", "Idle", "delete", lines["Fresh & empty"])
    left = good("snapshot", "Idle", "list")
    assert "Much later" in left and left.count("\n") == 1 and "(now)" not in left, left
    refused("snapshot", "Idle", "restore", "../../x", part="no snapshot", status=1)
    refused("snapshot", "Idle", "take", part="use:")
    refused("snapshot", "Idle", "take", "two\nlines", part="one line", status=1)
    refused("start", "Idle", "--restore", lines["Later"], part="was off")


def qcow2_size(path):
    """Of the disk, as the image's header has it."""
    with open(path, "rb") as file:
        return int.from_bytes(file.read(32)[24:], "big")


@test
def raw_disks_are_converted_for_a_snapshot_if_that_is_wanted():
    if not shutil.which("qemu-img"):
        raise Skip("qemu-img is not here")
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "Raw", "--disk-size", "1G", "--format", "raw")
    (machine,) = (m for m in machines() if m["name"] == "Raw")
    disk = os.path.join(folder_of(machine["uuid"]), "disk.raw")
    with open(disk, "r+b") as file:
        file.write(b"boot" * 1024)
    if run("snapshot", "Raw", "take", "First").returncode == 0:
        raise Skip("files share blocks here, so that raw disks can be in snapshots")
    refused("snapshot", "Raw", "take", "First", part="--convert", status=1)
    good("snapshot", "Raw", "take", "First", "--convert")
    assert good("snapshot", "Raw", "list").count("\n") == 1
    assert not os.path.exists(disk)
    info = good("disk", "info", disk.replace(".raw", ".qcow2"))
    assert "qcow2" in info and "Snapshots 1" in info, info
    assert "disk.qcow2" in good("show", "Raw", "--xml")


def remote_of(name):
    return re.search(r"^Remote +(.*)$", good("show", name), re.M).group(1)


@test
def remote_access_is_turned_on_and_off():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "M", "--disk-size", "none")
    (machine,) = machines()
    socket = good("remote", "M", "socket")
    assert socket == f"remote-viewer '{remote_of('M')}'\n" and machine["uuid"] in socket, socket
    certificate = folder_of(machine["uuid"]) + "/spice-certificate.pem"
    connect = (f"remote-viewer --spice-ca-file='{certificate}' "
               f"--spice-host-subject=CN={machine['uuid']} '")  # fmt: skip
    with open("password", "w", encoding="utf-8") as file:
        file.write("correct horse\nanother line\n")
    text = good("remote", "M", "tls", "--port", "5999", "--password-file", "password")
    assert text == f"{connect}{remote_of('M')}'\n" and "tls-port=5999" in text, text
    assert 'passwd="correct horse"' in good("show", "M", "--xml")
    text = good("remote", "M", "tls", "--viewer-file", "M.vv")
    assert "tls-port=5999" in text and "assword" not in text, text
    assert 'passwd="correct horse"' in good("show", "M", "--xml")
    assert os.stat("M.vv").st_mode & 0o777 == 0o600
    with open("M.vv", encoding="utf-8") as file, open(certificate, encoding="utf-8") as other:
        text = file.read()
        assert other.readline().strip() in text and "tls-port=5999" in text, text
        assert "horse" not in text
    assert good("remote", "M", "off") == "" and remote_of("M") == "off"
    assert "horse" not in good("show", "M", "--xml")


@test
def a_password_that_nobody_chose_is_printed_once():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "M", "--disk-size", "none")
    password = re.search("^Password: ([a-z2-9]{12})$", good("remote", "M", "tls"), re.M).group(1)
    assert f'passwd="{password}"' in good("show", "M", "--xml")
    assert password not in good("show", "M")
    assert password not in good("remote", "M", "tls", "--port", "5998")
    good("remote", "M", "off")
    assert password not in good("remote", "M", "tls")


@test
def what_is_wrong_with_remote_access_is_named():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "M", "--disk-size", "none")
    before = good("show", "M", "--xml")
    for name, content in ("empty", ""), ("long", "x" * 61), ("binary", "a\x07b"):
        with open(name, "w", encoding="utf-8") as file:
            file.write(content)
        refused("remote", "M", "tls", "--password-file", name, part=f"first line of {name}")
    refused("remote", "M", "tls", "--password-file", "nowhere", part="nowhere")
    refused("remote", "M", "tls", "--password-file", ".", part="from .:")
    refused("remote", "M", "tls", "--password-file", "-", part="standard input")
    refused("remote", "M", "tls", "--port", "0", part="--port 0")
    refused("remote", "M", "tls", "--port", "65536", part="--port 65536")
    refused("remote", "M", "socket", "--port", "5900", part="--port is for tls")
    refused("remote", "M", "off", "--password-file", "empty", part="--password-file is for tls")
    refused("remote", "M", "on", part="'on'")
    refused("remote", "M", part="use:")
    refused("remote", "N", "off", part="“N”")
    assert good("show", "M", "--xml") == before


class Terminal:
    """The command at a terminal of its own."""

    def __init__(self, *arguments):
        self.main, self.line = os.openpty()
        self.process = subprocess.Popen([POSADA, *arguments], stdin=self.line, stdout=self.line,
                                        stderr=self.line, start_new_session=True)  # fmt: skip
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.main)
        os.close(self.line)

    def expect(self, text):
        end = time.monotonic() + suite.TIMEOUT
        while text not in self.text:
            assert time.monotonic() < end, self.text
            if select.select([self.main], [], [], 1)[0]:
                self.text += os.read(self.main, 4096).decode()

    def shows(self):
        return bool(termios.tcgetattr(self.main)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.main, text.encode())


@test
def a_password_is_asked_for_without_showing_it():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "M", "--disk-size", "none")
    for again, status in ("correct mule", 2), ("correct horse", 0):
        with Terminal("remote", "M", "tls", "--password-file", "-") as terminal:
            terminal.expect("Password: ")
            assert not terminal.shows()
            terminal.type("correct horse\n")
            terminal.expect("Once more: ")
            terminal.type(f"{again}\n")
            terminal.expect("remote-viewer" if status == 0 else "not the same")
            assert terminal.process.wait(suite.TIMEOUT) == status
            assert terminal.shows() and "correct" not in terminal.text, terminal.text
    assert 'passwd="correct horse"' in good("show", "M", "--xml")


@test
def a_question_for_a_password_that_is_interrupted_leaves_the_terminal_as_it_was():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "M", "--disk-size", "none")
    with Terminal("remote", "M", "tls", "--password-file", "-") as terminal:
        terminal.expect("Password: ")
        assert not terminal.shows()
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(suite.TIMEOUT) == 2
        assert terminal.shows()
    assert remote_of("M") == "off"


@test
def clones_are_machines_of_their_own():
    make_iso()
    assert good("create", "--iso", "cd.iso", "--name", "First", "--disk-size", "8M")
    assert good("clone", "First") == "Clone of First\n"
    assert good("clone", "First", "--name", "Other") == "Other\n"
    found = {machine["name"]: machine["uuid"] for machine in machines()}
    assert sorted(found) == ["Clone of First", "First", "Other"] and len(set(found.values())) == 3
    assert qcow2_size(os.path.join(folder_of(found["Other"]), "disk-0.qcow2")) == 8 << 20
    refused("clone", "First", "--name", "other", part="“Other” already")
    refused("clone", "Nobody", part="Nobody")
    refused("clone", "First", "Second", part="one too many")
    refused("snapshot", "First", "copy", "0" * 16, part="no snapshot", status=1)
    refused("snapshot", "First", "copy", "0" * 16, "--name", part="use:")
    assert len(machines()) == 3


@test
def a_copy_keeps_the_snapshot_it_comes_from():
    subprocess.run([POSADA, "disk", "create", "own.qcow2", "--size", "4M"], check=True)
    good("create", "--disk", "own.qcow2", "--name", "First")
    good("snapshot", "First", "take", "Point")
    id = good("snapshot", "First", "list")[:16]
    assert good("snapshot", "First", "copy", id, "--name", "Second") == "Second\n"
    refused("snapshot", "First", "delete", id, part="“Second” is based on", status=1)
    refused("delete", "First", part="“Second” is based on", status=1)
    assert good("clone", "First", "--linked", "--name", "Third") == "Third\n"
    assert "Base of “Third”" in good("snapshot", "First", "list")
    good("delete", "Second")
    refused("snapshot", "First", "delete", id, part="trash", status=1)
    good("purge")
    good("snapshot", "First", "delete", id)


@test
def snapshots_go_by_their_titles_too():
    subprocess.run([POSADA, "disk", "create", "own.qcow2", "--size", "4M"], check=True)
    good("create", "--disk", "own.qcow2", "--name", "First")
    for title in ("One", "Two", "Two"):
        good("snapshot", "First", "take", title)
    good("snapshot", "First", "restore", "One")
    refused("snapshot", "First", "delete", "Two", part="2 snapshots")
    refused("snapshot", "First", "delete", "Three", part="“Three”", status=1)
    refused("start", "First", "--restore", "Two", part="2 snapshots")
    assert good("snapshot", "First", "copy", "One", "--name", "Second") == "Second\n"
    good("snapshot", "First", "rename", "One", "Three")
    good("delete", "Second")
    good("purge")
    good("snapshot", "First", "delete", "Three")
    assert "Three" not in good("snapshot", "First", "list")


@test
def a_linked_clone_becomes_independent():
    subprocess.run([POSADA, "disk", "create", "own.qcow2", "--size", "4M"], check=True)
    good("create", "--disk", "own.qcow2", "--name", "First")
    good("clone", "First", "--linked", "--name", "Second")
    refused("delete", "First", part="make its disks independent", status=1)
    refused("disk", "flatten", "Nobody", part="Nobody")
    assert good("disk", "flatten", "Second") == ""
    id = good("snapshot", "First", "list")[:16]
    good("snapshot", "First", "delete", id)
    good("delete", "First")
    good("disk", "flatten", "Second")


@test
def templates_do_not_start():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "First", "--disk-size", "8M")
    good("template", "First")
    refused("start", "First", part="template")
    assert good("clone", "First", "--name", "Second") == "Second\n"
    good("template", "First", "--off")
    assert "template" not in good("show", "First", "--xml") + good("show", "Second", "--xml")
    refused("start", "First", "--disposable", "--restore", "0" * 16, part="exclude")
    refused("run", "--disposable", "--disk", "new.raw,size=1M", part="new.raw")
    refused("run", "--disposable", "--snapshots", "x", "--iso", "cd.iso", part="excludes")


@test
def every_verb_has_help():
    for verb in ("create", "list", "show", "start", "pause", "resume", "shutdown", "kill",
                 "screenshot", "console", "snapshot", "clone", "template", "save", "rename", "delete", "restore", "purge"):
        assert good(verb, "--help").startswith(f"Usage: posada {verb}"), verb
        assert f"  {verb} " in good("--help"), verb


@test
def an_iso_makes_a_machine_with_a_disk_of_its_own():
    make_iso("Some Linux 1.0.iso")
    assert good("create", "--iso", "Some Linux 1.0.iso", "--memory", "512M", "--cpus", "2",
                "--disk-size", "3G") == "Some Linux 1.0\n"
    (machine,) = machines()
    assert machine["state"] == "off" and machine["memory"] == 512 << 20 and machine["cpus"] == 2
    disk = os.path.join(folder_of(machine["uuid"]), "disk.qcow2")
    assert qcow2_size(disk) == 3 << 30
    assert os.stat(disk).st_mode & 0o777 == 0o600
    xml = good("show", "some linux 1.0", "--xml")
    assert f"<source file=\"{os.path.abspath('Some Linux 1.0.iso')}\"/>" in xml and disk in xml
    assert "512 MiB" in good("show", machine["uuid"])
    # A name that was not asked for gives way, one that was does not.
    assert good("create", "--iso", "Some Linux 1.0.iso") == "Some Linux 1.0 2\n"
    refused("create", "--iso", "Some Linux 1.0.iso", "--name", "SOME linux 1.0", part="already")


def field(text, name):
    return [line[13:] for line in text.splitlines() if line.startswith(f"{name:<13}")]


@test
def network_cards_are_shown_with_where_they_lead():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "Alone", "--network", "none")
    assert "<interface" not in good("show", "Alone", "--xml")
    assert field(good("show", "Alone"), "Network") == ["no network card"]
    good("create", "--iso", "cd.iso", "--name", "Net", "--network", "user")
    (line,) = field(good("show", "Net"), "Network")
    assert line.startswith("through this computer, 52:54:00:"), line
    (uuid,) = [machine["uuid"] for machine in machines() if machine["name"] == "Net"]
    path = os.path.join(folder_of(uuid), "machine.xml")
    with open(path, encoding="utf-8") as file:
        xml = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(xml.replace("</interface>", """
          <portForward proto='tcp'><range start='2222' to='22'/></portForward>
          <portForward proto='udp' address='::1'><range start='50' end='59' to='60'/></portForward>
          </interface>
          <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/>
          </interface>
          <interface type='user'><link state='down'/></interface>"""))
    shown = good("show", "Net")
    network = field(shown, "Network")
    assert network[:2] == [line, "not connected, 52:54:00:00:00:01"], shown
    assert network[2].startswith("not connected, 52:54:00:") and len(network) == 3, shown
    # The last one has no address of its own, and always the same.
    assert network == field(good("show", "Net"), "Network")
    assert field(shown, "Forward") == ["tcp 127.0.0.1:2222 to 22", "udp [::1]:50-59 to 60-69"]
    (problem,) = field(shown, "Problem")
    assert "bridges" in problem and "“user”" in problem, problem


@test
def what_cannot_be_made_leaves_nothing():
    make_iso()
    refused("create", part="--iso")
    refused("create", "--iso", "gone.iso", part="gone.iso")
    refused("create", "--iso", "/etc/passwd", part="/etc/passwd")
    refused("create", "--iso", "cd.iso", "--memory", "1", part="--memory 1")
    refused("create", "--iso", "cd.iso", "--memory", "1M", part="<memory>")
    refused("create", "--iso", "cd.iso", "--cpus", "0", part="--cpus 0")
    refused("create", "--iso", "cd.iso", "--name", "a/b", part="<name>")
    refused("create", "--iso", "cd.iso", "--disk-size", "big", part="big")
    refused("create", "--iso", "cd.iso", "--disk-size", "8388608T", part="disk")
    refused("create", "--iso", "cd.iso", "--initrd", "cd.iso", part="--kernel")
    refused("create", "--iso", "cd.iso", "--iso", "cd.iso", part="twice")
    refused("create", "--iso", "cd.iso", "--network", "bridge", part="--network bridge")
    refused("create", "--iso", "cd.iso", "--nonsense", part="--nonsense")
    refused("create", "--iso", "cd.iso", "more", part="'more'")
    assert machines() == []


@test
def a_disk_is_what_its_name_and_its_head_agree_on():
    with open("raw.img", "wb") as file:
        file.write(bytes(4096))
    with open("disguised.img", "wb") as file:
        file.write(b"QFI\xfb" + bytes(4092))
    good("create", "--disk", "raw.img", "--name", "raw")
    assert 'type="raw"' in good("show", "raw", "--xml")
    refused("create", "--disk", "disguised.img", part="--format")
    good("create", "--disk", "disguised.img", "--format", "raw", "--name", "chosen")
    assert 'type="raw"' in good("show", "chosen", "--xml")
    good("create", "--disk", "disguised.img", "--format", "qcow2", "--name", "other")
    result = run("start", "other")
    assert result.returncode == 2 and "disguised.img cannot be used" in result.stderr, result


@test
def deleted_machines_come_back_until_they_are_purged():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "M")
    (machine,) = machines()
    good("delete", "m")
    assert machines() == [] and not os.path.exists(folder_of(machine["uuid"]))
    refused("delete", "M", part="“M”")
    good("restore", "M")
    assert machines() == [machine]
    good("delete", "M")
    assert good("purge", "--days", "1") == "0 removed\n"
    assert good("purge") == "1 removed\n"
    refused("restore", "M", part="“M”")


@test
def a_machine_gets_another_name():
    make_iso()
    for name in ("one", "two"):
        good("create", "--iso", "cd.iso", "--name", name)
    good("rename", "one", "three")
    assert sorted(machine["name"] for machine in machines()) == ["three", "two"]
    refused("rename", "three", "TWO", part="“two”")
    refused("rename", "three", "a/b", part="<name>")
    refused("rename", "three", part="NEW-NAME")
    refused("rename", "one", "four", part="“one”")
    refused("console", "one", part="“one”")


@test
def a_broken_machine_is_listed_and_can_be_deleted():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "good")
    uuid = "00000000-0000-4000-8000-000000000001"
    os.makedirs(folder_of(uuid))
    with open(os.path.join(folder_of(uuid), "machine.xml"), "w", encoding="utf-8") as file:
        file.write("<!DOCTYPE x><domain/>")
    first, second = machines()
    assert first["name"] == "good" and second["state"] == "broken", (first, second)
    assert "document type" in second["error"] and "broken: " in good("list")
    refused("show", uuid, part="document type")
    refused("start", uuid, part="document type")
    good("delete", uuid)
    assert len(machines()) == 1


@test
def machines_that_cannot_run_here_say_why():
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "M")
    (machine,) = machines()
    path = os.path.join(folder_of(machine["uuid"]), "machine.xml")
    with open(path, encoding="utf-8") as file:
        original = file.read()
    for old, new, part in (("<os>", "<os firmware='efi'>", "EFI"), ('"q35"', '"pc"', "pc"),
                           ('bus="virtio"', 'bus="ide"', "vda"), ('"x86_64"', '"riscv64"', "riscv64"),
                           ('type="kvm"', 'type="xen"', "xen")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(original.replace(old, new, 1))
        refused("start", "M", part=part)
    refused("pause", "M", part="not running")
    refused("start", "nobody", part="nobody")


@test
def a_running_machine_is_worked_by_name():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise Skip("no /dev/kvm")
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "M", "--memory", "64M", "--disk-size", "1M")
    with subprocess.Popen([POSADA, "start", "M"], stdin=subprocess.DEVNULL, text=True,
                          stderr=subprocess.PIPE) as machine:
        try:
            end = time.monotonic() + 60
            while run("screenshot", "M", "screen.png").returncode != 0:
                if machine.poll() is not None:
                    complaint = machine.stderr.read()
                    if machine.returncode == 3:
                        raise Skip(complaint.splitlines()[-1])
                    raise AssertionError(complaint)
                assert time.monotonic() < end, "it shows nothing"
                time.sleep(0.1)
            good("pause", "M")
            (entry,) = machines()
            assert entry["state"] == "paused" and entry["pid"] == machine.pid, entry
            refused("start", "M", part=f"process {machine.pid}", status=1)
            refused("delete", "M", part=f"process {machine.pid}", status=1)
            with open("screen.png", "rb") as file:
                assert file.read(4) == b"\x89PNG"
            refused("screenshot", "M", "no/such/folder.png", part="no/such/folder.png", status=1)
            refused("shutdown", "M", part="paused", status=1)
            good("resume", "M")
            good("shutdown", "M")
            good("kill", "M")
            machine.wait(60)
            assert machine.returncode == 0, machine.returncode
            assert machines()[0]["state"] == "off"
            assert os.listdir(os.path.join(os.environ["XDG_RUNTIME_DIR"], "posada")) == []
        finally:
            machine.kill()


def start_and_kill(name, **environment):
    """What posada start says on the way."""
    with subprocess.Popen([POSADA, "start", name], stdin=subprocess.DEVNULL, text=True,
                          stderr=subprocess.PIPE, env={**os.environ, **environment}) as machine:
        try:
            end = time.monotonic() + suite.TIMEOUT
            while run("kill", name).returncode != 0:
                assert machine.poll() is None and time.monotonic() < end, machine.stderr.read()
                time.sleep(0.1)
            assert machine.wait(suite.TIMEOUT) == 0
            return machine.stderr.read()
        finally:
            machine.kill()


@test
def a_machine_starts_without_its_network_too():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or not shutil.which("passt"):
        raise Skip("no /dev/kvm, or no passt")
    make_iso()
    good("create", "--iso", "cd.iso", "--name", "M", "--memory", "64M", "--disk-size", "none")
    assert start_and_kill("M") == ""
    said = start_and_kill("M", PATH="/nowhere")
    assert "install the package passt" in said and said.count("\n") == 1, said
    (machine,) = machines()
    path = os.path.join(folder_of(machine["uuid"]), "machine.xml")
    with open(path, encoding="utf-8") as file:
        xml = file.read()
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with open(path, "w", encoding="utf-8") as file:
            file.write(xml.replace("</interface>", f"""<portForward proto='tcp'>
              <range start='{port}' to='22'/></portForward></interface>
              <interface type='user'><link state='down'/></interface>"""))
        said = start_and_kill("M")
        assert f"port {port} of this computer" in said and said.count("\n") == 1, said
    assert start_and_kill("M") == ""
    # What is unplugged needs nothing.
    with open(path, "w", encoding="utf-8") as file:
        file.write(xml.replace("</interface>", "<link state='down'/></interface>"))
    assert start_and_kill("M", PATH="/nowhere") == ""


sys.exit(suite.main(WANTED, suite.in_own_session))
