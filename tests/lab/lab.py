#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one command in the lab: a virtual machine with nested hardware virtualization.

The lab is QEMU's full emulation of a processor with SVM, running the distribution's kernel. Its
root is the very root we run in, served read-only by virtiofs with an overlay in memory on top;
the checkout is served read-write at its own path. The command's streams travel over virtio ports
and its exit status becomes ours.

The work is done by a second instance of this program, the first process of private mount and
process name spaces, so that whatever happens to it, no mount and no process is left behind. All
scratch files are on a tmpfs of that mount name space, so nothing is ever removed by hand.
"""

import argparse
import fcntl
import glob
import lzma
import os
import re
import resource
import selectors
import shlex
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import tty

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
HERE = os.path.dirname(os.path.realpath(__file__))

MODULES = ["overlay", "kvm-amd"]
BOOT_TIMEOUT = 300
STATUS_TIMEOUT = 124  # as timeout(1) has it
STATUS_BROKEN = 125  # the lab itself failed
STATUS_SKIP = 77
DETACH = b"\x1d"  # Ctrl-], for a terminal whose lab does not answer


class LabError(Exception):
    pass


class Ended(Exception):
    """A signal asked us to end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def is_terminal():
    return os.isatty(0) and os.isatty(1)


# --- what the host has ---------------------------------------------------------------------------


def find_kernel():
    """The newest readable kernel that has its modules: (path, version)."""

    def numbers(path):
        return [int(n) for n in re.findall(r"\d+", path)]

    for path in sorted(glob.glob("/boot/vmlinuz-*"), key=numbers, reverse=True):
        version = os.path.basename(path)[len("vmlinuz-") :]
        if os.path.isdir(f"/lib/modules/{version}") and os.access(path, os.R_OK):
            return path, version
    raise LabError("no readable kernel with its modules in /boot (package linux-image-amd64)")


def find_program(name, *places):
    for path in [f"{d}/{name}" for d in os.environ.get("PATH", "").split(":")] + list(places):
        if os.access(path, os.X_OK):
            return path
    raise LabError(f"{name} is not installed")


def find_virtiofsd():
    return find_program("virtiofsd", "/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd")


def read_module(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".xz"):
        return lzma.decompress(data)
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
    return data


def load_modules(version, names):
    """What to insert, in order, for the modules @names: a list of (file name, contents)."""
    modules = {}
    for name in names:
        shown = subprocess.run(
            ["modprobe", "-S", version, "--show-depends", name], capture_output=True, text=True
        )
        if shown.returncode:
            raise LabError(f"the kernel {version} has no module {name}")
        for line in shown.stdout.splitlines():
            kind, _, path = line.strip().partition(" ")
            if kind == "insmod":
                path = path.split()[0]
                modules.setdefault(os.path.basename(path).split(".")[0] + ".ko", path)
    return [(name, read_module(path)) for name, path in modules.items()]


# --- the initramfs -------------------------------------------------------------------------------


def cpio(entries):
    """A newc archive of (name, mode, data)."""
    archive = bytearray()
    for inode, (name, mode, data) in enumerate(entries + [("TRAILER!!!", 0, b"")], start=1):
        encoded = name.encode() + b"\0"
        fields = [inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
        archive += b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        archive += b"\0" * (-len(archive) % 4)
        archive += data
        archive += b"\0" * (-len(archive) % 4)
    return bytes(archive)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def make_initramfs(path, modules, shares, command, terminal):
    entries = [(name, 0o040755, b"") for name in ("bin", "lib")]
    entries += [
        ("bin/busybox", 0o100755, read(find_program("busybox"))),
        ("init", 0o100755, read(f"{HERE}/init.sh")),
        ("command", 0o100644, command.encode()),
        ("modules", 0o100644, "".join(f"{name}\n" for name, _ in modules).encode()),
        ("shares", 0o100644, "".join(f"{tag} {p}\n" for tag, p in shares).encode()),
    ]
    entries += [(f"lib/{name}", 0o100644, data) for name, data in modules]
    if terminal:
        rows, columns = struct.unpack("HHHH", fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8))[:2]
        entries += [("terminal", 0o100644, f"rows {rows} cols {columns}\n".encode())]
    with open(path, "wb") as file:
        file.write(cpio(entries))


def make_command(args):
    """The shell script that the lab runs: environment, directory, command."""
    build = os.path.join(TOP, args.build or os.environ.get("POSADA_BUILD") or "build/gcc")
    keep = ("POSADA_", "G_", "LC_", "MESON_", "ASAN_", "UBSAN_", "TSAN_", "LSAN_")
    environment = {k: v for k, v in os.environ.items() if k.startswith(keep)}
    environment |= {
        "PATH": f"{build}/src/cli:{build}/src/app:{build}:"
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LANG": "C.UTF-8",
        "TERM": os.environ.get("TERM", "dumb"),
        "POSADA_LAB": "1",
        "POSADA_BUILD": build,
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    lines += [f"cd {shlex.quote(os.getcwd())} 2>/dev/null || cd {shlex.quote(TOP)}"]
    lines += ["exec " + shlex.join(args.command)]
    return "\n".join(lines) + "\n"


# --- the machine ---------------------------------------------------------------------------------


def mount(*args):
    return subprocess.run(["mount", *args], capture_output=True, text=True)


def make_scratch():
    """A tmpfs that only we see, in a directory that every system has."""
    path = "/media" if TOP.startswith("/mnt/") or os.getcwd().startswith("/mnt/") else "/mnt"
    done = mount("-t", "tmpfs", "tmpfs", path)
    if done.returncode:
        raise LabError(f"no private tmpfs for the lab: {done.stderr.strip()}")
    return path


def bind_root(scratch):
    """Our root without what is mounted below it, which the lab has its own of."""
    served = f"{scratch}/root"
    os.mkdir(served)
    if mount("--bind", "/", served).returncode:
        # A user name space may not part a mount from what is below it.
        return "/"
    mount("-o", "remount,bind,ro", served)
    return served


class Machine:
    """QEMU and its file servers. Streams are our ends of socket pairs, by name."""

    def __init__(self, args, scratch, terminal):
        self.scratch = scratch
        self.streams = {}
        self.log = args.kernel_log or f"{scratch}/kernel.log"
        self.terminal = terminal
        kernel, version = find_kernel()
        shares = [("checkout", TOP)]
        make_initramfs(
            f"{scratch}/initramfs",
            load_modules(version, MODULES),
            shares,
            make_command(args),
            terminal,
        )
        self.start(args, kernel, [("root", bind_root(scratch))] + shares)

    def spawn(self, argv, **options):
        # A session of its own, so that a terminal's signals come to us alone.
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, start_new_session=True, **options
        )

    def start_server(self, tag, directory):
        # Announced submounts would be automount points, below which nothing can be an overlay.
        path = f"{self.scratch}/{tag}.sock"
        cache = "always" if tag == "root" else "auto"
        with open(f"{self.scratch}/{tag}.log", "wb") as log:
            server = self.spawn(
                [find_virtiofsd(), f"--socket-path={path}", f"--shared-dir={directory}",
                 "--sandbox=none", f"--cache={cache}", "--rlimit-nofile=0",
                 "--no-announce-submounts"],
                stdout=log, stderr=log)  # fmt: skip
        deadline = time.monotonic() + 30
        while not os.path.exists(path):
            if server.poll() is not None or time.monotonic() > deadline:
                said = read(f"{self.scratch}/{tag}.log").decode(errors="replace").strip()
                raise LabError(f"virtiofsd did not start: {said}")
            time.sleep(0.02)
        return ["-chardev", f"socket,id=fs-{tag},path={path}",
                "-device", f"vhost-user-fs-pci,chardev=fs-{tag},tag={tag}"]  # fmt: skip

    def start(self, args, kernel, shares):
        qemu = find_program("qemu-system-x86_64")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        argv = [
            qemu, "-accel", "tcg,thread=multi", "-cpu", "max,la57=off", "-M", "q35",
            "-smp", str(args.cpus), "-m", str(args.memory),
            "-object", f"memory-backend-memfd,id=ram,size={args.memory}M,share=on",
            "-numa", "node,memdev=ram",
            "-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{self.log}",
            "-kernel", kernel, "-initrd", f"{self.scratch}/initramfs",
            "-append", "console=ttyS0 quiet panic=-1 mitigations=off audit=0 nokaslr"
            " random.trust_cpu=on no_timer_check cryptomgr.notests",
            "-device", "virtio-serial-pci,max_ports=8",
        ]  # fmt: skip
        for tag, directory in shares:
            argv += self.start_server(tag, directory)
        names = ["tty", "control"] if self.terminal else ["in", "out", "err", "control"]
        theirs = []
        # Port 0 can only be a console.
        for number, name in enumerate(names, start=0 if self.terminal else 1):
            ours, their = socket.socketpair()
            self.streams[name] = ours
            theirs.append(their)
            device = "virtconsole" if name == "tty" else "virtserialport"
            argv += ["-chardev", f"socket,id={name},fd={their.fileno()}",
                     "-device", f"{device},chardev={name},name=lab.{name},nr={number}"]  # fmt: skip
        with open(f"{self.scratch}/qemu.log", "wb") as log:
            self.spawn(
                argv, stdout=log, stderr=log, pass_fds=[s.fileno() for s in theirs]
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for their in theirs:
            their.close()

    def last_words(self):
        words = ""
        for path in (f"{self.scratch}/qemu.log", self.log):
            if os.path.exists(path):
                words += read(path).decode(errors="replace")
        return "\n".join(words.splitlines()[-25:])


# --- the conversation ----------------------------------------------------------------------------


class Session:
    """Moves bytes between our streams and the lab's until the lab has ended."""

    def __init__(self, machine, timeout):
        self.machine = machine
        self.timeout = timeout
        self.deadline = time.monotonic() + BOOT_TIMEOUT
        self.begun = False
        self.status = None
        self.failure = None
        self.control = b""
        self.input = b""
        self.selector = selectors.PollSelector()
        for name, stream in machine.streams.items():
            stream.setblocking(False)
            if name != "in":
                self.selector.register(stream, selectors.EVENT_READ, name)
        self.sink = machine.streams["tty" if machine.terminal else "in"]
        self.watch_input(True)

    def watch_input(self, on):
        try:
            if on:
                self.selector.register(0, selectors.EVENT_READ, "stdin")
            else:
                self.selector.unregister(0)
        except (OSError, KeyError, ValueError):
            pass

    def want_to_send(self, on):
        """Wait until the lab takes input. Its terminal is read from the same socket."""
        if self.machine.terminal:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if on else 0)
            self.selector.modify(self.sink, events, "tty")
        elif on:
            self.selector.register(self.sink, selectors.EVENT_WRITE, "in")
        else:
            self.selector.unregister(self.sink)

    def read_input(self):
        data = os.read(0, 65536)
        if self.machine.terminal and DETACH in data:
            raise KeyboardInterrupt
        self.watch_input(False)
        if data:
            self.input = data
            self.want_to_send(True)
        elif not self.machine.terminal:
            # Only this direction: a full close would drop what QEMU has not read yet.
            self.sink.shutdown(socket.SHUT_WR)

    def send_input(self):
        try:
            self.input = self.input[self.sink.send(self.input) :]
        except BlockingIOError:
            return
        except OSError:
            self.input = b""
        if not self.input:
            self.want_to_send(False)
            self.watch_input(True)

    def read_control(self, data):
        *lines, self.control = (self.control + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word == "begin":
                self.begun = True
                self.deadline = time.monotonic() + self.timeout if self.timeout else None
            elif word == "status":
                self.status = int(rest)
                self.deadline = time.monotonic() + 10
            elif word == "failed":
                self.failure = rest

    def read_stream(self, name, stream):
        try:
            data = stream.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(stream)
        elif name == "control":
            self.read_control(data)
        else:
            write_all(2 if name == "err" else 1, data)

    def is_open(self):
        return any(key.data not in ("stdin", "in") for key in self.selector.get_map().values())

    def run(self):
        while self.is_open():
            left = None if self.deadline is None else self.deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            for key, events in self.selector.select(left):
                if key.data == "stdin":
                    self.read_input()
                    continue
                if events & selectors.EVENT_WRITE:
                    self.send_input()
                if events & selectors.EVENT_READ:
                    self.read_stream(key.data, key.fileobj)
        if self.status is not None:
            return self.status
        if self.begun and self.is_open():
            print(f"lab: {self.timeout:g} s are over", file=sys.stderr)
            return STATUS_TIMEOUT
        raise LabError(self.explain())

    def explain(self):
        if self.failure:
            what = f"the lab did not come up: {self.failure}"
        elif self.begun:
            what = "the lab ended before its command did"
        elif self.is_open():
            what = f"the lab did not come up in {BOOT_TIMEOUT} s"
        else:
            what = "the lab did not come up"
        words = self.machine.last_words()
        return f"{what}; last words:\n{words}" if words else what


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data) :]


# --- ./dev lab -----------------------------------------------------------------------------------


def parse():
    parser = argparse.ArgumentParser(
        prog="./dev lab",
        usage="./dev lab [OPTIONS] COMMAND [ARGUMENTS]",
        description="Run COMMAND in the lab, a machine with nested hardware KVM. The checkout is "
        "there at its own path, to be read and written; all else that is written goes with the "
        "lab. The posada of build/gcc is in PATH. With a terminal, Ctrl-] ends a lab that hangs.",
        epilog=f"Exit status: COMMAND's, {STATUS_TIMEOUT} after a timeout, {STATUS_BROKEN} when "
        "the lab itself failed.",
    )
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="for COMMAND, once it runs")
    parser.add_argument("--memory", type=int, default=2048, metavar="MIB", help="default 2048")
    parser.add_argument(
        "--cpus",
        type=int,
        default=1,
        metavar="N",
        help="default 1; with more, guests or the lab itself die now and then, "
        "whatever runs them: tests/lab/control.py",
    )
    parser.add_argument("--build", metavar="DIR", help="whose programs are in PATH")
    parser.add_argument("--kernel-log", metavar="FILE", help="what the lab's own kernel says")
    parser.add_argument(
        "--check", action="store_true", help=f"only see whether a lab can be made; {STATUS_SKIP} if not"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.command[:1] == ["--"]:
        del args.command[0]
    if not args.command and not args.check:
        parser.error("what should run in the lab?")
    return args


def check():
    """Everything that may be missing, without making anything."""
    load_modules(find_kernel()[1], MODULES)
    find_program("qemu-system-x86_64")
    find_program("busybox")
    find_virtiofsd()


def inside(args):
    """Within the name spaces; whatever starts here ends with us."""
    try:
        machine = Machine(args, make_scratch(), is_terminal())
        return Session(machine, args.timeout).run()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return STATUS_BROKEN
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        return 128 + signal.SIGPIPE


def outside():
    """Start ourselves in name spaces, pass on the end, and give the terminal back."""
    argv = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork",
            "--kill-child", "--propagation", "private", "--mount-proc"]  # fmt: skip
    if os.getuid():
        argv += ["--user", "--map-root-user"]
    argv += ["--", sys.executable, os.path.realpath(__file__), "--inside", *sys.argv[1:]]

    def end(number, _frame):
        raise Ended(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    saved = termios.tcgetattr(0) if is_terminal() else None
    process = None
    try:
        if saved:
            tty.setraw(0)
        process = subprocess.Popen(argv)
        return process.wait()
    except Ended as error:
        if process:
            # The first process of the name spaces would not hear anything gentler.
            process.kill()
            process.wait()
        return 128 + error.number
    finally:
        if saved:
            termios.tcsetattr(0, termios.TCSADRAIN, saved)


def main():
    args = parse()
    if args.inside:
        return inside(args)
    if args.check:
        try:
            check()
        except LabError as error:
            print(error)
            return STATUS_SKIP
        return 0
    return outside()


if __name__ == "__main__":
    sys.exit(main())
