# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks share: starting posada and QEMU with the same guest, watching the guest's
serial port, and printing medians and ratios.

Both write the guest's serial port to their standard output, a pipe that we read: the time at which
a byte arrives is the time at which the guest sent it, the same way for both. Runs alternate, so
that whatever else the machine does hits both alike.
"""

import argparse
import collections
import glob
import json
import os
import resource
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
BUILD = os.environ.get("POSADA_BUILD") or f"{TOP}/build/release"
IN_LAB = os.environ.get("POSADA_LAB") == "1"
MEMORY = "512M"

sys.path.insert(0, f"{TOP}/tests/lab")
import lab  # noqa: E402

Run = collections.namedtuple("Run", "marks total cpu output")


class Broken(Exception):
    pass


def guest(name):
    path = f"{BUILD}/bench/{name}"
    if not os.path.exists(path):
        raise SystemExit(f"{path} is not built; run this by ./dev bench")
    return path


def posada(*arguments, memory=MEMORY):
    return [f"{BUILD}/src/cli/posada", "run", "--memory", memory, "--serial", "stdio", *arguments]


def qemu(machine, *arguments, memory=MEMORY):
    display = [] if machine.startswith("microvm") else ["-vga", "std"]
    # Setting up the host's own model fails on a KVM that only emulates.
    model = ["-cpu", "host"] if can_run_linux() else []
    return ["qemu-system-x86_64", "-accel", "kvm", *model, "-M", machine, "-m", memory,
            "-nodefaults", "-no-user-config", *display, "-display", "none", "-serial", "stdio",
            *arguments]  # fmt: skip


def run(argv, marks, timeout=300, each=None):
    """Start ARGV and wait for its end: at which second each of MARKS (strings that the guest says
    in that order) arrived, the whole time, the CPU time of all its threads.

    EACH, if given, is called with the process and the mark whenever one arrives. A process that is
    still there five seconds after the last mark is killed: not every machine can be turned off.
    """
    read_end, write_end = os.pipe()
    seen, output, times = 0, b"", []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=write_end, stderr=errors
        )
        os.close(write_end)
        while len(times) < len(marks):
            left = start + timeout - time.monotonic()
            data = b""
            if left > 0 and select.select([read_end], [], [], left)[0]:
                data = os.read(read_end, 65536)
            at = time.monotonic() - start
            if not data:
                process.kill()
                process.wait()
                errors.seek(0)
                said = (output + errors.read()).decode(errors="replace")
                raise Broken(f"{argv[0]} ended without {marks[len(times)]!r}: {said[-2000:]}")
            output += data
            while len(times) < len(marks):
                found = output.find(marks[len(times)].encode(), seen)
                if found < 0:
                    break
                seen = found + len(marks[len(times)])
                times.append(at)
                if each:
                    each(process, marks[len(times) - 1])
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        total = time.monotonic() - start
    os.close(read_end)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(times, total, cpu, output.decode(errors="replace"))


def alternate(subjects, runs, measure, warm_up=True):
    """MEASURE each of SUBJECTS, a dictionary, RUNS times in turn: its results by name. One run of
    each before that is not counted. A subject that fails is left out, with a word."""
    results = {name: [] for name in subjects}
    for number in range(-1 if warm_up else 0, runs):
        for name, subject in subjects.items():
            if name not in results:
                continue
            try:
                result = measure(subject)
            except Broken as broken:
                print(f"  {name}: {broken}", flush=True)
                del results[name]
                continue
            if number >= 0:
                results[name].append(result)
    return results


def median(values):
    return statistics.median(values)


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


def table(title, rows, unit=milliseconds, better="less"):
    """ROWS: {what is measured: {subject: [values]}}; the first subject is compared with the
    others. A ratio below 1 means less, so with BETTER "more" it is turned around."""
    print(f"\n{title}", flush=True)
    for what, subjects in rows.items():
        names = [name for name in subjects if subjects[name]]
        if not names:
            continue
        medians = {name: median(subjects[name]) for name in names}
        text = ", ".join(f"{name} {unit(medians[name])} (from {unit(min(subjects[name]))})"
                         for name in names)  # fmt: skip
        first = names[0]
        for name in names[1:]:
            ratio = medians[first] / medians[name] if medians[name] else float("nan")
            if better == "more":
                ratio = 1 / ratio if ratio else float("inf")
            text += f"; {ratio:.2f} × {name}"
        print(f"  {what}: {text}", flush=True)


# --- where we run ---------------------------------------------------------------------------------


def host_verdict():
    shown = subprocess.run(
        [f"{BUILD}/src/cli/posada", "host", "--json"], capture_output=True, text=True
    )
    try:
        return json.loads(shown.stdout)["verdict"]
    except (ValueError, KeyError):
        return "unknown"


def describe():
    """What a number from here is worth: machine and versions, without names."""
    version = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True)
    kind = "the lab (SVM emulated in software)" if IN_LAB else f"KVM: {host_verdict()}"
    load = " ".join(f"{n:.1f}" for n in os.getloadavg())
    print(
        f"{time.strftime('%Y-%m-%d')}: {os.cpu_count()} CPUs, Linux {os.uname().release}, {kind}, "
        f"{version.stdout.splitlines()[0] if version.stdout else 'no QEMU'}, load {load}",
        flush=True,
    )


def can_run_linux():
    return IN_LAB or host_verdict() == "usable"


def in_lab(*arguments, cpus=2, memory=2048, timeout=3000):
    """Run this very benchmark in the lab: its exit status."""
    return subprocess.run(
        [f"{TOP}/dev", "lab", "--build", BUILD, "--timeout", str(timeout), "--cpus", str(cpus),
         "--memory", str(memory),
         os.path.realpath(sys.argv[0]), *arguments]  # fmt: skip
    ).returncode


def options(description, runs):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--runs", type=int, default=runs, help="how often each [%(default)s]")
    parser.add_argument("--here", action="store_true", help="not in the lab as well")
    parser.add_argument("--lab", action="store_true", help="only in the lab")
    return parser


# --- Linux guests ---------------------------------------------------------------------------------


class Scratch:
    """A directory for one benchmark, on the file system of the checkout, or in memory in the lab."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="bench-", dir="/tmp" if IN_LAB else f"{TOP}/build")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def kernel():
    found = sorted(glob.glob("/boot/vmlinuz-*"))
    if not found:
        raise SystemExit("/boot/vmlinuz-* is missing (package linux-image-amd64)")
    return found[-1]


def make_initramfs(path, modules=()):
    """Nothing but our first process and what it inserts."""
    entries = [("lib", 0o040755, b""), ("init", 0o100755, lab.read(guest("bench-init")))]
    if modules:
        version = os.path.basename(kernel())[len("vmlinuz-") :]
        loaded = lab.load_modules(version, modules)
        entries += [("modules", 0o100644, "".join(f"{name}\n" for name, _ in loaded).encode())]
        entries += [(f"lib/{name}", 0o100644, data) for name, data in loaded]
    with open(path, "wb") as file:
        file.write(lab.cpio(entries))


def linux_posada(initramfs, *arguments, init="", memory=MEMORY):
    return posada("--kernel", kernel(), "--initrd", initramfs, "--cmdline", cmdline(init),
                  *arguments, memory=memory)  # fmt: skip


def linux_qemu(machine, initramfs, *arguments, init="", memory=MEMORY):
    return qemu(machine, "-kernel", kernel(), "-initrd", initramfs, "-append", cmdline(init),
                *arguments, memory=memory)  # fmt: skip


def cmdline(init):
    return f"console=ttyS0 quiet panic=-1 -- {init}" if init else "console=ttyS0 quiet panic=-1"
