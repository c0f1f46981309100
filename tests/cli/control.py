#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the built posada with a guest that talks on its serial port (tests/payload/talker.c), and
checks the control socket, the terminal and the exit status from outside. TAP; usage:
control.py POSADA TALKER_ROM [PART_OF_A_NAME]"""

import glob
import json
import os
import pty
import re
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import termios
import time

import suite
from suite import POSADA, test

ROM = os.path.abspath(sys.argv[2])
WANTED = sys.argv[3] if len(sys.argv) > 3 else ""
PATIENCE = 30  # seconds that anything may take


def read_until(descriptor, pattern, text=""):
    """What came up to where @pattern matched; fails when it does not come."""
    deadline = time.monotonic() + PATIENCE
    while not re.search(pattern, text):
        left = deadline - time.monotonic()
        assert left > 0 and select.select([descriptor], [], [], left)[0], f"no {pattern!r} in {text!r}"
        try:
            data = os.read(descriptor, 4096)
        except OSError:  # a terminal whose other end is closed
            data = b""
        assert data, f"no {pattern!r} in {text!r}, which is all"
        text += data.decode(errors="replace")
    return text


class Machine:
    """posada run with its serial port on a socket and a control socket."""

    def __init__(self, *arguments, stdio=None, more=()):
        serial = ["--serial", "stdio"] if stdio is not None else ["--serial", "unix:serial"]
        streams = {"stdin": stdio, "stdout": stdio} if stdio is not None else {"stdin": subprocess.DEVNULL}
        self.process = subprocess.Popen(
            [POSADA, "run", "--memory", "64M", "--firmware-file", ROM, "--control", "unix:control",
             *serial, *arguments], stderr=subprocess.PIPE, text=True, **streams, **dict(more))
        self.serial = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        suite.kill(self.process)
        if self.serial:
            self.serial.close()

    def connect(self, path):
        deadline = time.monotonic() + PATIENCE
        while True:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(PATIENCE)
            try:
                connection.connect(path)
                return connection
            except OSError:
                connection.close()
                assert self.process.poll() is None, self.process.stderr.read()
                assert time.monotonic() < deadline, f"nobody listens on {path}"
                time.sleep(0.02)

    def listen(self):
        self.serial = self.connect("serial")
        self.hear("ready")
        return self

    def hear(self, pattern):
        return read_until(self.serial.fileno(), pattern)

    def ctl(self, *command, status=0):
        result = subprocess.run([POSADA, "ctl", "control", *command], capture_output=True, text=True,
                                timeout=PATIENCE)
        assert result.returncode == status and not result.stderr, result
        assert result.stdout.count("\n") == 1, result
        answer = json.loads(result.stdout)
        assert answer["ok"] is (status == 0), answer
        return answer

    def ends(self, status, *parts):
        returned = self.process.wait(PATIENCE)
        complaint = self.process.stderr.read()
        assert returned == status, f"status {returned}, stderr {complaint!r}"
        for part in parts:
            assert part in complaint, f"{complaint!r} lacks {part!r}"
        assert parts or not complaint, complaint
        for path in "control", "serial":
            assert not os.path.lexists(path), f"{path} is left behind"


def can_connect(port):
    with socket.socket() as connection:
        connection.settimeout(PATIENCE)
        return connection.connect_ex(("127.0.0.1", port)) == 0


@test
def a_forwarded_port_is_open_as_long_as_the_machine_is_there():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Machine("--snapshots", "snapshots", f"--network=forward={port}:22", "--network") as machine:
        machine.listen()
        assert can_connect(port)
        networks = machine.ctl("stats")["networks"]
        assert [len(network["mac"]) for network in networks] == [17, 17], networks
        assert networks[0]["received-frames"] == 0, networks  # the guest has no driver
        assert [network["connected"] for network in networks] == [True, True], networks
        first = machine.ctl("snapshot", "take", "With a network")
        machine.ctl("snapshot", "restore", first["id"])
        machine.serial.sendall(b"x")
        machine.hear("byte 78")
        assert can_connect(port)
        machine.ctl("quit")
        machine.ends(0)
    assert not can_connect(port)


@test
def a_machine_runs_on_without_its_network():
    with Machine("--network") as machine:
        machine.listen()
        children = f"/proc/{machine.process.pid}/task/{machine.process.pid}/children"
        with open(children, encoding="ascii") as file:
            passt = int(file.read().split()[0])
        os.kill(passt, signal.SIGKILL)
        said = read_until(machine.process.stderr.fileno(), r"\n")
        assert "net0: passt has ended" in said and said.count("\n") == 1, said
        assert not machine.ctl("stats")["networks"][0]["connected"]
        machine.serial.sendall(b"y")
        machine.hear("byte 79")
        machine.ctl("quit")
        machine.ends(0)


@test
def a_snapshot_with_other_cards_is_for_another_start():
    with Machine("--snapshots", "snapshots") as machine:
        machine.listen()
        first = machine.ctl("snapshot", "take", "Without a card")
        machine.ctl("quit")
        machine.ends(0)
    with Machine("--snapshots", "snapshots", "--network=unplugged") as machine:
        machine.listen()
        answer = machine.ctl("snapshot", "restore", first["id"], status=1)
        assert "network cards" in answer["error"] and f"--restore {first['id']}" in answer["error"], answer
        networks = machine.ctl("stats")["networks"]
        assert [network["connected"] for network in networks] == [False], networks
        machine.serial.sendall(b"x")
        machine.hear("byte 78")
        machine.ctl("quit")
        machine.ends(0)


@test
def snapshots_bring_the_guest_back():
    with Machine("--snapshots", "snapshots") as machine:
        machine.listen()
        first = machine.ctl("snapshot", "take", "A first one")
        assert first["pause-ns"] > 0 and first["bytes"] > 0, first
        second = machine.ctl("snapshot", "take", "Zweiter")
        answer = machine.ctl("snapshot", "list")
        assert answer["current"] == second["id"], answer
        assert [s["name"] for s in answer["snapshots"] if "parent" in s] == ["Zweiter"], answer
        machine.ctl("snapshot", "restore", first["id"])
        machine.serial.sendall(b"x")
        machine.hear("byte 78")
        machine.ctl("snapshot", "rename", first["id"], "Der erste")
        machine.ctl("snapshot", "delete", second["id"])
        answer = machine.ctl("snapshot", "list")
        assert [s["name"] for s in answer["snapshots"]] == ["Der erste"], answer
        assert answer["current"] == first["id"]
        machine.ctl("snapshot", "restore", "0123456789abcdef", status=1)
        machine.ctl("snapshot", "restore", "../x", status=1)
        machine.ctl("snapshot", "take", status=1)
        machine.ctl("snapshot", "list", "x", status=1)
        machine.ctl("snapshot", "fly", status=1)
        machine.ctl("quit")
        machine.ends(0)
    with Machine("--restore", f"snapshots/{first['id']}") as machine:
        machine.serial = machine.connect("serial")
        machine.serial.sendall(b"y")
        machine.hear("byte 79")
        machine.ctl("snapshot", "list", status=1)
        machine.ctl("quit")
        machine.ends(0)


@test
def a_saved_machine_goes_on_once():
    with Machine("--snapshots", "kept") as machine:
        machine.listen()
        machine.ctl("save")
        machine.ends(0)
    assert os.listdir("kept") == ["saved"]
    with Machine("--snapshots", "kept", "--restore", "kept/saved", "--memory=65M") as machine:
        machine.process.wait(PATIENCE)
        assert "twice" in machine.process.stderr.read()
    with Machine("--snapshots", "kept", "--restore", "kept/saved", "--cpus", "2") as machine:
        machine.ends(2, "CPUs")
    with Machine("--snapshots", "kept", "--restore", "kept/saved") as machine:
        machine.serial = machine.connect("serial")
        machine.serial.sendall(b"z")
        machine.hear("byte 7a")
        # The guest goes on before anybody hears of it.
        deadline = time.monotonic() + PATIENCE
        while os.listdir("kept") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert os.listdir("kept") == []
        machine.ctl("quit")
        machine.ends(0)
    with Machine("--restore", "kept/saved") as machine:
        machine.ends(2, "kept/saved")


@test
def status_tells_what_was_asked_for():
    with Machine("--name", 'A "machine"', "--cpus", "2") as machine:
        answer = machine.connect("control") and machine.ctl("status")
        assert answer["name"] == 'A "machine"' and answer["state"] == "running", answer
        assert answer["memory"] == 64 << 20 and answer["cpus"] == 2 and answer["media"] == [], answer
        assert answer["pid"] == machine.process.pid
        assert stat.S_IMODE(os.stat("control").st_mode) == 0o600
        machine.ctl("quit")
        machine.ends(0)


@test
def pause_stops_the_guest_and_resume_lets_it_go_on():
    with Machine() as machine:
        machine.listen().serial.sendall(b"a")
        machine.hear(r"byte 61\n")
        assert machine.ctl("pause")["state"] == "paused"
        assert machine.ctl("pause")["state"] == "paused"
        assert machine.ctl("status")["state"] == "paused"
        ran = machine.ctl("stats")["run-ns"]
        machine.serial.sendall(b"b")
        assert not select.select([machine.serial], [], [], 0.3)[0], "a paused guest answers"
        assert machine.ctl("stats")["run-ns"] == ran
        assert machine.ctl("resume")["state"] == "running"
        machine.hear(r"byte 62\n")
        machine.ctl("quit")
        machine.ends(0)


@test
def reset_begins_anew():
    with Machine() as machine:
        machine.listen().serial.sendall(b"a")
        machine.hear(r"byte 61\n")
        machine.ctl("reset")
        machine.hear("ready")
        machine.serial.sendall(b"r")
        machine.hear("ready")
        machine.serial.sendall(b"t")
        machine.hear("ready")
        machine.ctl("quit")
        machine.ends(0)


@test
def a_reset_machine_stays_paused():
    with Machine() as machine:
        machine.connect("control").close()
        machine.ctl("pause")
        assert machine.ctl("reset")["state"] == "paused"
        machine.ctl("resume")
        machine.ctl("quit")
        machine.ends(0)


@test
def a_guest_that_powers_off_ends_with_status_0():
    with Machine() as machine:
        machine.listen().serial.sendall(b"o")
        machine.ends(0)


@test
def a_crash_ends_with_status_1_and_its_reason():
    with Machine("--log", "log") as machine:
        machine.listen().serial.sendall(b"c")
        machine.ends(1, "crashed", "RIP")
    with open("log", encoding="utf-8") as file:
        assert "RIP" in file.read()


@test
def the_power_button_reaches_a_running_guest_only():
    with Machine() as machine:
        machine.listen().serial.sendall(b"a")
        machine.hear(r"byte 61\n")
        machine.ctl("powerdown")
        machine.hear("button")
        machine.ctl("pause")
        assert "paused" in machine.ctl("powerdown", status=1)["error"]
        machine.ctl("quit")
        machine.ends(0)


@test
def keys_arrive_in_order_and_are_answered_at_the_end():
    with Machine() as machine:
        machine.listen().serial.sendall(b"a")
        machine.hear(r"byte 61\n")
        machine.ctl("type", r"aB\n")
        machine.ctl("sendkey", "ctrl-alt-del")
        # Scan codes, set 1: a, shift with b, Enter; then control, alt, delete.
        wanted = ["1e 9e", "2a 30 b0 aa", "1c 9c", "1d 38 (?:e0 )?53 (?:e0 )?d3 b8 9d"]
        machine.hear(" ".join(wanted).replace(" ", r"\s+key ").replace(r"(?:e0\s+key )?", r"(?:e0\s+key )?"))
        answer = machine.ctl("sendkey", "nonsense", status=1)
        assert "“nonsense” is no key" in answer["error"], answer
        answer = machine.ctl("type", "☃", status=1)
        assert "“☃” has characters" in answer["error"], answer
        assert "error" in machine.ctl("type", "x" * 4000 + "☃", status=1)
        machine.ctl("quit")
        machine.ends(0)


@test
def a_screenshot_is_a_png_or_a_reason():
    with Machine() as machine:
        machine.connect("control").close()
        os.mkdir("folder")
        result = subprocess.run([POSADA, "ctl", "../control", "screenshot", "shot.png"], cwd="folder",
                                capture_output=True, text=True, timeout=PATIENCE)
        answer = json.loads(result.stdout)
        if answer["ok"]:
            with open("folder/shot.png", "rb") as file:
                assert file.read(8) == b"\x89PNG\r\n\x1a\n"
        else:
            assert "screen is off" in answer["error"], answer
        assert "error" in machine.ctl("screenshot", "gone/shot.png", status=1)
        machine.ctl("quit")
        machine.ends(0)


def write_iso(path):
    descriptor = bytearray(2048)
    descriptor[0:6] = b"\x01CD001"
    struct.pack_into("<I", descriptor, 80, 20)
    struct.pack_into("<H", descriptor, 128, 2048)
    with open(path, "wb") as file:
        file.write(bytes(16 * 2048) + descriptor)
        file.truncate(20 * 2048)


@test
def media_come_and_go():
    write_iso("a.iso")
    write_iso("b c.iso")
    with Machine("--iso", "a.iso", "--iso", "none") as machine:
        machine.connect("control").close()
        assert machine.ctl("status")["media"] == ["a.iso", "none"]
        machine.ctl("media", "0", "none")
        machine.ctl("media", "1", "b c.iso")
        media = machine.ctl("status")["media"]
        assert media[0] == "none" and media[1].endswith("/b c.iso"), media
        for wrong in ["2", "a.iso"], ["x", "a.iso"], ["0"], ["0", "gone.iso"], ["0", "."], []:
            assert "error" in machine.ctl("media", *wrong, status=1)
        assert machine.ctl("status")["media"] == media
        os.unlink("b c.iso")
        machine.ctl("media", "1", "a.iso")
        machine.ctl("quit")
        machine.ends(0)


@test
def wrong_commands_are_named_and_harmless():
    with Machine() as machine:
        machine.connect("control").close()
        for wrong in (["nonsense"], ["status", "now"], ["screenshot"], ["mouse", "1", "2"], ["type"],
                      ["mouse", "1", "2", "left+middel"], ["mouse", "99999", "0", "none"],
                      ["resize", "640"], ["resize", "0", "480"], ["resize", "640", "99999"], [""]):
            assert "error" in machine.ctl(*wrong, status=1), wrong
        for right in (["mouse", "1", "-2", "left+right"], ["mouse", "0", "0", "none"],
                      ["resize", "640", "480"]):
            machine.ctl(*right)
        machine.ctl("quit")
        machine.ends(0)


@test
def many_clients_talk_at_once():
    with Machine() as machine:
        clients = [machine.connect("control") for _ in range(10)]
        for client in clients:
            client.sendall(b"status\nnonsense\nstats\n" * 5)
        for client in clients:
            answers = [json.loads(line) for _, line in zip(range(15), client.makefile())]
            assert [answer["ok"] for answer in answers] == [True, False, True] * 5
        clients[0].sendall(b"quit\nstatus\n")
        assert json.loads(clients[0].makefile().readline())["ok"]
        machine.ends(0)


@test
def signals_pull_the_plug():
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        with Machine() as machine:
            machine.connect("control").close()
            machine.process.send_signal(number)
            machine.ends(0)


@test
def a_new_disk_is_sparse_and_kept():
    with Machine("--disk", "new.raw,size=1G") as machine:
        machine.connect("control").close()
        assert machine.ctl("stats")["disks"][0]["file"] == "new.raw"
        second = subprocess.run([POSADA, "run", "--disk", "new.raw"], capture_output=True, text=True,
                                timeout=PATIENCE)
        assert second.returncode == 2 and "in use" in second.stderr, second
        machine.ctl("quit")
        machine.ends(0)
    status = os.stat("new.raw")
    assert status.st_size == 1 << 30 and status.st_blocks * 512 < 1 << 20


@test
def a_serial_file_is_emptied_and_filled():
    with open("out", "w", encoding="utf-8") as file:
        file.write("old " * 1000)
    machine = subprocess.Popen([POSADA, "run", "--memory", "64M", "--firmware-file", ROM, "--serial",
                                "file:out", "--control", "unix:control"], stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    text = ""
    while text != "ready\n" and time.monotonic() < deadline:
        time.sleep(0.02)
        with open("out", encoding="utf-8") as file:
            text = file.read()
    subprocess.run([POSADA, "ctl", "control", "quit"], stdout=subprocess.DEVNULL, check=True,
                   timeout=PATIENCE)
    assert machine.wait(PATIENCE) == 0 and text == "ready\n", text


@test
def input_from_a_pipe_ends_without_ending_the_machine():
    machine = subprocess.Popen([POSADA, "run", "--memory", "64M", "--firmware-file", ROM, "--serial",
                                "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    read_until(machine.stdout.fileno(), "ready")
    machine.stdin.write(b"a\x01a")
    machine.stdin.close()
    read_until(machine.stdout.fileno(), "byte 61\\s+byte 01")
    assert machine.poll() is None
    machine.terminate()
    assert machine.wait(PATIENCE) == 0
    machine.stdout.close()


@test
def input_from_a_file_is_read_to_its_end():
    with open("input", "wb") as file:
        file.write(b"x" * 300 + b"o")
    with open("input", "rb") as file:
        result = subprocess.run([POSADA, "run", "--memory", "64M", "--firmware-file", ROM, "--serial",
                                 "stdio"], stdin=file, capture_output=True, timeout=PATIENCE)
    assert result.returncode == 0 and result.stdout.count(b"byte 78") == 300, result


def with_terminal(end, status, *parts):
    """Runs a machine on a terminal of its own, ends it by @end, and compares the settings."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)

    def take_terminal():
        os.setsid()
        import fcntl
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    with Machine(stdio=theirs, more={"preexec_fn": take_terminal}) as machine:
        read_until(ours, "ready")
        raw = termios.tcgetattr(theirs)
        assert not raw[3] & (termios.ECHO | termios.ICANON | termios.ISIG), "the terminal is not raw"
        end(machine, ours)
        returned = machine.process.wait(PATIENCE)
        complaint = machine.process.stderr.read()
        assert returned == status, f"status {returned}, stderr {complaint!r}"
        for part in parts:
            assert part in complaint, complaint
        assert termios.tcgetattr(theirs) == before, "the terminal is not restored"
    os.close(ours)
    os.close(theirs)


@test
def ctrl_a_x_quits_and_restores_the_terminal():
    def end(_, ours):
        os.write(ours, b"\x01z\x01a\x03")
        read_until(ours, r"byte 01\s+byte 03")
        os.write(ours, b"\x01x")

    with_terminal(end, 0)


@test
def power_off_and_crash_restore_the_terminal():
    with_terminal(lambda _, ours: os.write(ours, b"o"), 0)
    with_terminal(lambda _, ours: os.write(ours, b"c"), 1, "crashed")


@test
def signals_restore_the_terminal():
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        with_terminal(lambda machine, _, number=number: machine.process.send_signal(number), 0)


@test
def crashes_of_our_own_restore_the_terminal():
    for number in signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT:
        with_terminal(lambda machine, _, number=number: machine.process.send_signal(number), -number)


@test
def a_stale_control_socket_is_replaced():
    with Machine() as machine:
        machine.connect("control").close()
        machine.process.kill()
        machine.process.wait()
    assert os.path.exists("control")
    os.unlink("serial")
    with Machine() as machine:
        deadline = time.monotonic() + PATIENCE
        machine.listen()
        assert time.monotonic() < deadline
        machine.ctl("quit")
        machine.ends(0)


def main():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("1..0 # SKIP no /dev/kvm")
        return 0
    if not glob.glob("/usr/share/*/vgabios-stdvga.bin"):
        print("1..0 # SKIP no VGA BIOS installed")
        return 0
    return suite.main(WANTED)


sys.exit(main())
