#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Works machines by the command while the application runs, which operates them: what either does
is seen by the other. TAP; usage: instance.py POSADA POSADA-APP, on a screen and a session bus."""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

import suite
from suite import POSADA, Skip, good, run, test

APP = os.path.abspath(sys.argv[2])
PATIENCE = 30 * float(os.environ.get("POSADA_TEST_PATIENCE", "1"))


def refused(*arguments, part):
    result = run(*arguments)
    what = f"{arguments}: {result}"
    assert result.returncode == 1 and result.stderr.count("\n") == 1, what
    assert part in result.stderr, f"{what} lacks {part!r}"


def machine(name):
    return next((m for m in json.loads(good("list", "--json")) if m.get("name") == name), None)


def wait(what, check):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if check():
            return
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come")


def bus(method, *arguments):
    return subprocess.run(
        ["gdbus", "call", "--session", "--dest", "io.posada.Posada", "--object-path",
         "/io/posada/Posada", "--method", method, *arguments],
        capture_output=True, text=True, timeout=60)  # fmt: skip


def create(name, disk="1M"):
    descriptor, end = bytearray(2048), bytearray(2048)
    descriptor[0:6], end[0:6] = b"\x01CD001", b"\xffCD001"
    struct.pack_into("<I", descriptor, 80, 18)
    struct.pack_into("<H", descriptor, 128, 2048)
    with open("cd.iso", "wb") as file:
        file.write(bytes(16 * 2048) + descriptor + end)
    good("create", "--iso", "cd.iso", "--name", name, "--memory", "64M", "--disk-size", disk)


class Application:
    def __enter__(self):
        self.process = subprocess.Popen([APP])
        wait("the application", lambda: bus("io.posada.Posada.Machines.GetStates").returncode == 0)
        return self.process

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


def start(name, *options):
    result = run("start", name, *options)
    if result.returncode and "/dev/kvm" in result.stderr:
        raise Skip(result.stderr.splitlines()[-1])
    assert result.returncode == 0, result


@test
def the_application_runs_what_is_started_beside_it():
    create("M")
    with Application() as application:
        start("M")
        entry = machine("M")
        assert entry["state"] == "running" and entry["pid"] == application.pid, entry
        good("pause", "M")
        assert machine("M")["state"] == "paused" and "paused" in good("show", "M")
        refused("shutdown", "M", part="Paused")
        good("resume", "M")
        good("shutdown", "M")
        wait("a picture", lambda: run("screenshot", "M", "screen.png").returncode == 0)
        with open("screen.png", "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"
        good("rename", "M", "N")
        assert machine("N")["pid"] == application.pid
        refused("delete", "N", part=f"process {application.pid}")
        refused("start", "N", "--here", part=f"process {application.pid}")
        good("kill", "N")
        assert machine("N")["state"] == "off"
        good("delete", "N")
        answer = bus("io.posada.Posada.Machines.Operate", entry["uuid"], "start")
        assert answer.returncode and "There is no machine" in answer.stderr, answer


@test
def the_application_operates_what_runs_in_another_process():
    create("M")
    with Application():
        with subprocess.Popen([POSADA, "start", "M", "--here"], stderr=subprocess.PIPE,
                              text=True) as other:
            try:
                wait("a running machine", lambda: other.poll() is not None
                     or machine("M")["state"] == "running")
                if other.poll() == 3:
                    raise Skip(other.stderr.read().splitlines()[-1])
                assert machine("M")["pid"] == other.pid
                uuid = machine("M")["uuid"]
                refused("start", "M", part=f"process {other.pid}")

                # The window knows by its watch; until then the machine is off for it.
                def pause():
                    return bus("io.posada.Posada.Machines.Operate", uuid, "pause").returncode == 0

                wait("a pause by the application", pause)
                assert machine("M")["state"] == "paused"
                assert bus("io.posada.Posada.Machines.Operate", uuid, "kill").returncode == 0
                other.wait(30)
                assert machine("M")["state"] == "off"
            finally:
                other.kill()
        start("M")
        good("kill", "M")


@test
def the_application_lets_viewers_in_when_the_command_says_so():
    create("M")
    with Application():
        start("M")
        path = re.search("spice[+]unix://(.*)'", good("remote", "M", "socket")).group(1)
        try:
            assert os.stat(path).st_mode & 0o777 == 0o600
            assert f"spice+unix://{path}" in good("show", "M")
            with socket.socket() as other:
                other.bind(("", 0))
                other.listen()
                taken = str(other.getsockname()[1])
                refused("remote", "M", "tls", "--port", taken, part=f"Port {taken} is in use")
            answer = bus("io.posada.Posada.Machines.SetRemote", machine("M")["uuid"], "radio", "0", "")
            assert answer.returncode and "no such kind" in answer.stderr, answer
            good("remote", "M", "socket")
            assert os.path.exists(path)
        finally:
            good("remote", "M", "off")
        assert not os.path.exists(path) and re.search("^Remote +off$", good("show", "M"), re.M)
        good("kill", "M")
        good("remote", "M", "socket")
        start("M")
        wait("the socket of a machine that was off meanwhile", lambda: os.path.exists(path))
        good("kill", "M")
        assert not os.path.exists(path)


@test
def the_application_takes_snapshots_and_saves_what_it_runs():
    create("M", "none")
    with Application():
        good("snapshot", "M", "take", "While it was off")
        (line,) = good("snapshot", "M", "list").splitlines()
        words = f"['rename', '{line.split()[0]}', 'Seen']"
        uuid = machine("M")["uuid"]
        wait("the snapshot in the application", lambda: bus(
            "io.posada.Posada.Machines.Snapshot", uuid, words).returncode == 0)
        good("snapshot", "M", "delete", line.split()[0])
        start("M")
        good("snapshot", "M", "take", "While it ran")
        (line,) = good("snapshot", "M", "list").splitlines()
        assert "While it ran" in line and "running" in line, line
        snapshot = line.split()[0]
        good("snapshot", "M", "rename", snapshot, "Another name")
        good("snapshot", "M", "restore", snapshot)
        assert machine("M")["state"] == "running"
        refused("snapshot", "M", "restore", "0123456789abcdef", part="no such snapshot")
        assert "Another name" in good("snapshot", "M", "list")
        good("snapshot", "M", "delete", snapshot)
        assert good("snapshot", "M", "list") == ""
        good("save", "M")
        assert machine("M")["state"] == "off"
        start("M")
        assert machine("M")["state"] == "running"
        uuid = machine("M")["uuid"]
        for words in ("['fly']", "['restore']", "[]", "['rename', 'x']"):
            answer = bus("io.posada.Posada.Machines.Snapshot", uuid, words)
            assert answer.returncode and "Error.Failed" in answer.stderr, answer
        good("kill", "M")


@test
def a_signal_to_the_application_saves_what_it_runs():
    create("M", "none")
    with Application() as application:
        start("M")
        application.terminate()
        assert application.wait(PATIENCE) == 0, application.returncode
        saved = os.path.join(os.environ["XDG_DATA_HOME"], "posada", "machines",
                             machine("M")["uuid"], "snapshots", "saved")  # fmt: skip
        assert os.path.isdir(saved), os.listdir(os.path.dirname(os.path.dirname(saved)))
    with Application():
        start("M")
        assert machine("M")["state"] == "running"
        assert not os.path.exists(saved)
        good("kill", "M")


@test
def a_console_is_opened_in_the_window_that_is_there():
    create("M")
    with Application() as application:
        assert run("console", "M").returncode == 0
        assert application.poll() is None
        answer = bus("io.posada.Posada.Machines.OpenConsole", machine("M")["uuid"])
        assert answer.returncode == 0, answer


@test
def what_is_asked_wrongly_is_refused():
    create("M")
    with Application() as application:
        uuid = machine("M")["uuid"]
        for arguments in ((uuid, "explode"), ("no-uuid", "start"), ("../../etc", "start")):
            answer = bus("io.posada.Posada.Machines.Operate", *arguments)
            assert answer.returncode and "Error.Failed" in answer.stderr, answer
        answer = bus("io.posada.Posada.Machines.Screenshot", uuid)
        assert answer.returncode and "“M”" in answer.stderr, answer
        assert application.poll() is None


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return suite.main(prepare=suite.in_own_store)


sys.exit(main())
