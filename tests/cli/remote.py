#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks from outside at a machine that posada start runs on its own, with a SPICE viewer. TAP; usage:
remote.py POSADA VIEW_SPICE ROM [PART_OF_A_NAME]"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import suite
from suite import POSADA, Skip, good, run, test

VIEW, ROM = (os.path.abspath(path) for path in sys.argv[2:4])
WANTED = sys.argv[4] if len(sys.argv) > 4 else ""
PATIENCE = 60 * float(os.environ.get("POSADA_TEST_PATIENCE", "1"))
MUCH = 15000  # bytes of a picture of what the guest draws, 20,000 in the end
PASSWORD = "correct horse"


def free_port():
    with socket.socket(socket.AF_INET6) as there:
        there.bind(("::", 0))
        return there.getsockname()[1]


def make(graphics):
    """A machine M with a guest that draws; its folder."""
    open("a.raw", "wb").close()
    os.truncate("a.raw", 1 << 20)
    good("create", "--disk", "a.raw", "--name", "M", "--memory", "64M")
    (machine,) = json.loads(good("list", "--json"))
    folder = os.path.join(os.environ["XDG_DATA_HOME"], "posada", "machines", machine["uuid"])
    with open(f"{folder}/machine.xml", encoding="utf-8") as file:
        text = file.read()
    changed = text.replace("</os>", f'<loader readonly="yes" type="rom">{ROM}</loader></os>')
    changed = re.sub(r"<interface.*?</interface>", "", changed, flags=re.DOTALL)
    changed = re.sub(r"<graphics.*?</graphics>", graphics, changed, flags=re.DOTALL)
    assert graphics in changed and ROM in changed, text
    with open(f"{folder}/machine.xml", "w", encoding="utf-8") as file:
        file.write(changed)
    return folder, machine["uuid"]


def network(port, password=PASSWORD):
    return (f'<graphics type="spice" tlsPort="{port}" autoport="no" passwd="{password}">'
            '<listen type="address" address="0.0.0.0"/></graphics>')  # fmt: skip


SOCKET = '<graphics type="spice"><listen type="socket"/></graphics>'


class Machine:
    """posada start, until it shows something."""

    def __init__(self):
        self.process = subprocess.Popen([POSADA, "start", "M"], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)  # fmt: skip

    def __enter__(self):
        end = time.monotonic() + PATIENCE
        while not self.draws():
            if self.process.poll() is not None:
                complaint = self.process.stderr.read()
                if self.process.returncode == 3:
                    raise Skip(complaint.splitlines()[-1])
                raise AssertionError(complaint)
            assert time.monotonic() < end, "it shows nothing"
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        suite.kill(self.process)

    @staticmethod
    def draws():
        """Whether the guest has drawn all that it draws: much, and the same twice."""
        pictures = []
        for name in "screen.png", "again.png":
            if run("screenshot", "M", name).returncode != 0:
                return False
            with open(name, "rb") as file:
                pictures.append(file.read())
            time.sleep(0.2)
        return pictures[0] == pictures[1] and len(pictures[0]) > MUCH

    def end(self):
        good("kill", "M")
        assert self.process.wait(PATIENCE) == 0
        return self.process.stderr.read()


def view(address, *more):
    result = run(address, "screen.png", *more, program=VIEW)
    assert result.returncode == 0, result
    return result.stdout.strip()


def shown():
    return re.search(r"^Remote +(.*)$", good("show", "M"), re.M).group(1)


@test
def a_viewer_sees_a_machine_by_its_socket():
    _, uuid = make(SOCKET)
    path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "posada", f"{uuid}.spice")
    assert shown() == f"spice+unix://{path}", shown()
    with Machine() as machine:
        assert shown() == f"spice+unix://{path}", shown()
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert view(f"spice+unix://{path}") == "same"
        assert view(f"spice+unix://{path}") == "same", "a second viewer"
        machine.end()
    assert not os.path.exists(path)
    assert os.listdir(os.path.dirname(path)) == []


@test
def the_network_needs_the_password():
    port = free_port()
    folder, uuid = make(network(port))
    with Machine() as machine:
        assert shown().endswith(f"?tls-port={port}"), shown()
        address = f"spice://localhost?tls-port={port}"
        trust = (f"{folder}/spice-certificate.pem", f"CN={uuid}")
        assert view(address, "wrong horse", *trust) == "refused"
        assert view(address, PASSWORD, *trust) == "same"
        assert view(f"spice://localhost:{port}", PASSWORD, *trust) == "closed", "without TLS"
        with open(f"/proc/{machine.process.pid}/cmdline", encoding="utf-8") as file:
            assert PASSWORD not in file.read()
        machine.end()


@test
def what_the_command_turns_on_viewers_find():
    _, uuid = make('<graphics type="spice"><listen type="none"/></graphics>')
    with open("password", "w", encoding="utf-8") as file:
        file.write(PASSWORD + "\n")
    port = str(free_port())
    text = good("remote", "M", "tls", "--port", port, "--password-file", "password")
    certificate = re.search("--spice-ca-file='(.*?)'", text).group(1)
    subject = re.search("--spice-host-subject=([^ ]*)", text).group(1)
    with Machine() as machine:
        assert view(f"spice://localhost?tls-port={port}", PASSWORD, certificate, subject) == "same"
        result = run("remote", "M", "socket")
        assert result.returncode == 0 and "started next" in result.stderr, result
        assert shown().endswith(f"?tls-port={port}"), shown()
        machine.end()
    with Machine() as machine:
        assert shown() in result.stdout and uuid in shown(), shown()
        assert view(shown()) == "same"
        machine.end()


@test
def a_port_in_use_is_named_and_nothing_starts():
    with socket.socket(socket.AF_INET6) as other:
        other.bind(("::", 0))
        other.listen()
        port = other.getsockname()[1]
        make(network(port))
        refused(f"Port {port} is in use", "choose another")


@test
def a_socket_in_use_is_named_and_nothing_starts():
    _, uuid = make(SOCKET)
    path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "posada", f"{uuid}.spice")
    os.makedirs(os.path.dirname(path))
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        refused(path, "in use")
        assert os.path.exists(path)


def refused(*parts):
    result = run("start", "M")
    if result.returncode == 3:
        raise Skip(result.stderr.splitlines()[-1])
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result
    for part in parts:
        assert part in result.stderr, result
    assert json.loads(good("list", "--json"))[0]["state"] == "off"


@test
def what_was_killed_leaves_no_trace_to_the_next():
    _, uuid = make(SOCKET)
    with Machine() as machine:
        machine.process.send_signal(signal.SIGKILL)
        machine.process.wait()
    with Machine() as machine:
        assert view(shown()) == "same"
        machine.end()


@test
def without_remote_access_there_is_no_spice():
    make('<graphics type="spice"><listen type="none"/></graphics>')
    assert shown() == "off"
    with Machine() as machine:
        assert shown() == "off"
        with open(f"/proc/{machine.process.pid}/maps", encoding="utf-8") as file:
            libraries = file.read()
        assert "libspice" not in libraries and "libglib" not in libraries
        assert machine.end() == ""


@test
def an_open_port_without_a_password_is_not_opened():
    make('<graphics type="spice" port="5999" autoport="no"><listen type="address"/></graphics>')
    with Machine() as machine:
        assert shown() == "off"
        assert "without remote access" in machine.end()


sys.exit(suite.main(WANTED, suite.in_own_session))
