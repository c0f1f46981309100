#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network card behind passt under the distribution's kernel: addresses and names, data both ways
and through a forwarded port, pauses, snapshots, and the end of passt."""

import hashlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import urllib.request

import guest

MIB = 1 << 20
SIZE = 64 * MIB
HOST = "192.0.2.3"  # an address of the lab's (RFC 5737) that no guest gets
RESOLVER = "169.254.1.1"  # what guests ask instead of a loopback address
NAME, ADDRESS = "posada.example", "192.0.2.77"
FORWARDED = 2280
KEPT = "/tmp/snapshots"
OPTIONS = ("--kernel", guest.kernel(), "--initrd", guest.made("guest.cpio"),
           "--cmdline", "console=ttyS0 quiet", "--memory=512M", f"--snapshots={KEPT}",
           f"--network=forward=tcp:{FORWARDED}:80")  # fmt: skip

# Input that never comes. A guest that closes its half of a connection first loses the end of what
# comes, as passt 2025-05 then takes the other half for closed, too, while data is on its way.
NEVER = "/tmp/never"

# What udhcpc calls with what it was offered.
SET_UP = """
mkdir -p /etc /www; mkfifo /tmp/never; (sleep 1000000 >/tmp/never &); cat >/tmp/set-up <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
ip route add default via "$router" dev "$interface"
echo "nameserver $dns" >/etc/resolv.conf
END
chmod +x /tmp/set-up
ip link set lo up; ip link set eth0 up
udhcpc -i eth0 -n -q -t 10 -s /tmp/set-up >/dev/null && ip -4 -o addr show dev eth0
"""

CHANGES = "cat /sys/class/net/eth0/carrier_changes"


class Server:
    """Answers each connection in a thread of its own with HANDLE (connection)."""

    def __init__(self, address, handle):
        self.handle = handle
        self.socket = socket.create_server((address, 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                self.handle(connection)
            except OSError:
                pass  # the guest went


class Names:
    """A resolver on the lab's loopback address that knows one name (RFC 1035)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self):
        encoded = b"".join(bytes([len(part)]) + part.encode() for part in NAME.split(".")) + b"\0"
        while True:
            query, sender = self.socket.recvfrom(512)
            end = query.find(b"\0", 12) + 5
            known = query[12 : end - 4] == encoded
            reply = query[:2] + (b"\x81\x80" if known else b"\x81\x83")
            known = known and query[end - 4 : end] == b"\0\1\0\1"
            reply += struct.pack(">HHHH", 1, known, 0, 0) + query[12:end]
            if known:
                reply += struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton(ADDRESS)
            self.socket.sendto(reply, sender)


def digest(pieces):
    total = hashlib.md5()
    for piece in pieces:
        total.update(piece)
    return total.hexdigest()


def receive(connection):
    """All of SIZE bytes; says how many came, which ends the connection."""
    total, left = hashlib.md5(), SIZE
    while left:
        data = connection.recv(min(left, MIB))
        if not data:
            break
        total.update(data)
        left -= len(data)
    received.append((SIZE - left, total.hexdigest()))
    connection.sendall(b"thanks\n")


def send(connection):
    for _ in range(SIZE // MIB):
        connection.sendall(BLOCK)


BLOCK = os.urandom(MIB)
SUM = digest(BLOCK for _ in range(SIZE // MIB))
received = []
tap = guest.Tap(13)
if not shutil.which("passt"):
    guest.skip_all("passt is not installed")
subprocess.run(["ip", "addr", "add", f"{HOST}/32", "dev", "lo"], check=True)
with open("/etc/resolv.conf", "w", encoding="utf-8") as file:
    file.write("nameserver 127.0.0.1\n")
names = Names()
sender, sink = Server(HOST, send), Server(HOST, receive)
hello = Server(HOST, lambda connection: connection.sendall(b"hello\n"))
private = Server("127.0.0.1", lambda connection: connection.sendall(b"private\n"))


def says_hello(machine):
    guest.check_equal(machine.run(f"nc {HOST} {hello.port} <{NEVER}", 60), "hello")


def page():
    """What the guest's server has, through the forwarded port."""
    url = f"http://127.0.0.1:{FORWARDED}/page"
    with urllib.request.urlopen(url, timeout=60 * guest.PATIENCE) as answer:
        return answer.read()


def download(machine):
    guest.check_equal(machine.run(f"nc {HOST} {sender.port} <{NEVER} | md5sum", 300).split()[0], SUM)


def upload(machine):
    """The guest has SIZE bytes of its own."""
    received.clear()
    machine.run(f"nc {HOST} {sink.port} </www/data", 300)
    guest.check_equal(received, [(SIZE, machine.run("cat /tmp/sum"))])


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return [int(child) for child in children.read().split()]


with guest.Machine(*OPTIONS) as machine:
    machine.boot()
    with tap.case("the guest finds a card with its link up and the host's MTU"):
        said = machine.run("ip link set eth0 up; cd /sys/class/net/eth0; cat address carrier mtu; cd /")
        guest.check_match(r"^52:54:00:(..):(..):(..)\n1\n65520$", said)
    with tap.case("it gets an address by DHCP"):
        said = machine.run(SET_UP, 60)
        guest.check_match(r"inet \d+\.\d+\.\d+\.\d+/", said)
        tap.note(said)
    with tap.case("it reaches a server"):
        says_hello(machine)
    with tap.case("names are resolved as the host does, which it does by a loopback address"):
        guest.check_equal(machine.run("cat /etc/resolv.conf"), f"nameserver {RESOLVER}")
        guest.check_match(ADDRESS.replace(".", r"\."), machine.run(f"nslookup {NAME}", 60))
    with tap.case("it does not reach what listens on the host's loopback addresses only"):
        said = machine.run("for a in $(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p') "
                           f"{RESOLVER}; do nc -w 3 $a {private.port} <{NEVER}; done; :", 60)
        guest.check("private" not in said, said)
    with tap.case("64 MiB come in with the right sum"):
        download(machine)
    with tap.case("64 MiB go out with the right sum"):
        machine.run("for i in 1 2 3 4 5 6 7 8; do dd if=/dev/urandom bs=1M count=8 2>/dev/null; done"
                    " >/www/data; md5sum </www/data | cut -d' ' -f1 >/tmp/sum", 300)
        upload(machine)
    with tap.case("the guest is reached through a forwarded port"):
        machine.run("echo page of the guest >/www/page; httpd -h /www -p 80")
        guest.check_equal(page(), b"page of the guest\n")
    with tap.case("pauses amid a transfer harm nothing"):
        machine.begin(f"nc {HOST} {sender.port} <{NEVER} | md5sum")
        for _ in range(4):
            machine.pump(1)
            machine.ctl("pause")
            machine.pump(1)
            machine.ctl("resume")
        guest.check_equal(machine.end(300).split()[0], SUM)
    with tap.case("the network goes on when the guest returns to a snapshot"):
        first = machine.ctl("snapshot take First")
        changes = int(machine.run(CHANGES))
        machine.run("echo another page >/www/page")
        for _ in range(3):
            machine.ctl(f"snapshot restore {first['id']}")
            says_hello(machine)
            guest.check_equal(page(), b"page of the guest\n")
            guest.check_equal(int(machine.run(CHANGES)), changes + 2)  # out and in again
        upload(machine)
    with tap.case("the guest saw no error"):
        said = machine.run("dmesg -r | grep -E '^<[0-3]>' || :; cat /sys/class/net/eth0/statistics/*_errors")
        guest.check_equal(set(said.split()), {"0"})
    guest.Tap.note(f"stats: {machine.ctl('stats')}")
    machine.ctl("save")
    guest.check_equal(machine.wait(), 0)

with guest.Machine(*OPTIONS, f"--restore={KEPT}/saved") as machine:
    with tap.case("and when it goes on in another process"):
        machine.send("\n")
        says_hello(machine)
        guest.check_equal(page(), b"page of the guest\n")
        download(machine)
    with tap.case("without passt the link is down and the guest runs on"):
        for child in children_of(machine.process.pid):
            os.kill(child, signal.SIGKILL)
        machine.run("while [ \"$(cat /sys/class/net/eth0/carrier)\" = 1 ]; do sleep 0.1; done", 60)
        with open(machine.errors_path, encoding="utf-8") as file:
            guest.check_match(r"^posada: net0: passt has ended; .*\n$", file.read())
        machine.ctl("quit")
        guest.check_equal(machine.wait(), 0)
