#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The builds under build/ and what is tested in each of them; ./dev calls this.

  builds.py build NAME       configure (if need be) and build build/NAME
  builds.py test [SUITE...]  build, test, and sum up

The last line of a test run reads "N passed, N failed, N skipped", over single assertions of tests
that speak TAP, over whole tests otherwise, and over checks and builds that failed.
"""

import collections
import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

Build = collections.namedtuple("Build", "compiler options slowness environment")

BUILDS = {
    "gcc": Build("gcc", ["-Dwerror=true"], 1, {}),
    "clang": Build("clang", ["-Dwerror=true", "-Dapp=disabled"], 1, {}),
    "asan": Build(
        "clang",
        ["-Dwerror=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"],
        4,
        {
            "ASAN_OPTIONS": "abort_on_error=1:detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
        },
    ),
    "tsan": Build(
        "clang",
        ["-Dwerror=true", "-Dapp=disabled", "-Db_sanitize=thread", "-Db_lundef=false"],
        4,
        {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"},
    ),
    "release": Build("gcc", ["--buildtype=release"], 1, {}),
}

SUITES = ["analysis", "unit", "widget", "ui", "payload", "golden", "fuzz", "lab"]

# Toolkits keep what they have made until the end of the process.
KEEPS_MEMORY = ["widget", "ui"]

# Not every build has tests of these.
OPTIONAL = ["golden", "widget", "ui"]

# Not tests of Meson's, but programs that are given the build directory.
PROGRAMS = {"analysis": ["tests/check-analysis.py"]}

# Each test of the lab has a computer of its own, of one processor and at times 2 GiB.
LABS = 4

# What runs by default, in order: (build, suites). The lab comes last, as it takes longest.
MATRIX = [
    ("gcc", ["analysis", "unit", "widget", "ui", "payload", "golden", "fuzz"]),
    ("clang", ["unit"]),
    ("asan", ["unit", "widget", "payload", "golden", "fuzz"]),
    ("tsan", ["unit", "payload"]),
    ("gcc", ["lab"]),
]


# --- building ------------------------------------------------------------------------------------


def say(text):
    print(f"\n=== {text}", flush=True)


def run(argv, **options):
    return subprocess.run(argv, cwd=TOP, **options).returncode == 0


def recipe(build):
    """What a build directory was configured with; another recipe makes it anew."""
    root = "the host"
    with contextlib.suppress(OSError), open("/.posada-root", encoding="utf-8") as file:
        root = file.read().strip()
    return "\n".join([root, build.compiler, *build.options]) + "\n"


def make(name):
    """Configure and build; True if that worked."""
    build = BUILDS[name]
    directory = f"{TOP}/build/{name}"
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = f"{directory}/recipe"
        wanted = recipe(build)
        with contextlib.suppress(OSError), open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return run(["ninja", "-C", directory])
        shutil.rmtree(directory)
        setup = ["meson", "setup", *build.options, directory]
        if not run(setup, env={**os.environ, "CC": build.compiler}):
            return False
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(wanted)
        return run(["ninja", "-C", directory])


# --- counting ------------------------------------------------------------------------------------


# Lines of the log that are shown for one failure.
MAX_REASONS = 40

KINDS = ("passed", "failed", "skipped")


class Tally:
    def __init__(self):
        self.rows = {}
        self.failures = []
        self.skips = []

    def count(self, where, kind, number=1):
        row = self.rows.setdefault(where, collections.Counter())
        row[kind] += number

    def fail(self, where, what, reasons=()):
        self.count(where, "failed")
        self.failures.append("\n    ".join([f"{where}: {what}", *reasons]))

    def skip(self, where, what, reason):
        self.count(where, "skipped")
        self.skips.append(f"{where}: {what}: {reason or 'no reason given'}")

    def total(self, kind):
        return sum(row[kind] for row in self.rows.values())

    def report(self):
        say("summary")
        for where, row in self.rows.items():
            print(f"  {where:<20}", ", ".join(f"{row[kind]} {kind}" for kind in KINDS if row[kind]))
        for title, lines in (("skipped", self.skips), ("failed", self.failures)):
            if lines:
                print(f"\n{title}:")
                print("\n".join(f"  {line}" for line in lines))
        print("\n" + ", ".join(f"{self.total(kind)} {kind}" for kind in KINDS), flush=True)
        return self.total("failed") == 0


POINT = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*(.*?)(?:\s*#\s*(skip|todo)\S*\s*(.*))?$", re.I)
NO_PLAN = re.compile(r"^1\.\.0\b\s*(?:#\s*skip\S*\s*(.*))?$", re.I)


def count_tap(tally, where, test, output):
    """Count the lines of a TAP stream; returns how many there were, and how many had failed.

    What it notes before a failure is the reason for it.
    """
    points = failed = 0
    notes = collections.deque(maxlen=MAX_REASONS)
    for line in output.splitlines():
        if line.startswith("#"):
            notes.append(line)
        whole = NO_PLAN.match(line)
        if whole:
            tally.skip(where, test, whole[1])
            points += 1
            continue
        point = POINT.match(line)
        if not point:
            continue
        points += 1
        directive = (point[3] or "").lower()
        if directive == "skip":
            tally.skip(where, f"{test}: {point[2]}" if point[2] else test, point[4])
        elif point[1] and directive != "todo":
            tally.fail(where, f"{test}: {point[2]}", notes)
            failed += 1
        else:
            tally.count(where, "passed")
        notes.clear()
    return points, failed


def last_line(text):
    lines = [line for line in (text or "").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def count_test(tally, where, entry):
    """Count one record of Meson's log of tests."""
    test = entry["name"].split(" / ")[-1]
    result = entry["result"]
    output = entry.get("stdout") or ""
    points, failed = count_tap(tally, where, test, output)
    if result in ("OK", "EXPECTEDFAIL"):
        if not points:
            tally.count(where, "passed")
    elif result == "SKIP":
        if not points:
            tally.skip(where, test, last_line(output) or last_line(entry.get("stderr")))
    elif not failed:
        words = (output + (entry.get("stderr") or "")).splitlines()
        tally.fail(where, f"{test} ({result.lower()})", words[-MAX_REASONS:])


# --- testing -------------------------------------------------------------------------------------


def suites_of(build):
    """The names of the suites that have tests."""
    shown = subprocess.run(
        ["meson", "introspect", "--tests", f"{TOP}/build/{build}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {s.split(":")[-1] for test in json.loads(shown.stdout) for s in test["suite"]}


def test_suite(tally, name, suite):
    where = f"{name} {suite}"
    say(where)
    build = BUILDS[name]
    log = f"{TOP}/build/{name}/meson-logs/{suite}.json"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(log)
    environment = {**os.environ, **build.environment, "POSADA_BUILD": f"build/{name}"}
    if suite in KEEPS_MEMORY and "ASAN_OPTIONS" in environment:
        environment["ASAN_OPTIONS"] += ":detect_leaks=0"
    if suite == "lab":
        environment["MESON_TESTTHREADS"] = str(min(LABS, len(os.sched_getaffinity(0))))
    factor = build.slowness * float(os.environ.get("POSADA_TEST_PATIENCE", "1"))
    run(
        ["meson", "test", "-C", f"build/{name}", "--print-errorlogs",
         "--suite", suite, "--logbase", suite, "-t", str(factor)],
        env=environment,
    )  # fmt: skip
    before = sum(map(tally.total, KINDS))
    with contextlib.suppress(FileNotFoundError), open(log, encoding="utf-8") as file:
        for line in file:
            count_test(tally, where, json.loads(line))
    if sum(map(tally.total, KINDS)) == before:
        tally.fail(where, "no test has run")


def test_program(tally, name, suite):
    where = f"{name} {suite}"
    say(where)
    if run([*PROGRAMS[suite], f"build/{name}"]):
        tally.count(where, "passed")
    else:
        tally.fail(where, "see above")


def test_build(tally, name, suites, optional):
    """Build one configuration and run suites of it; an optional suite may have no tests."""
    say(f"build/{name}")
    if not make(name):
        tally.fail(f"{name} build", "did not build")
        return
    tally.rows[f"{name} build"] = collections.Counter(passed=1)
    there = suites_of(name)
    for suite in suites:
        if suite in PROGRAMS:
            test_program(tally, name, suite)
        elif suite in there or suite not in optional:
            test_suite(tally, name, suite)


def sources(*patterns):
    """Files that git knows or would know; all of them in a tree that is no checkout."""
    shown = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--deduplicate", "--", *patterns],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in shown.stdout.splitlines() if os.path.exists(f"{TOP}/{path}")]


def test_checks(tally):
    checks = {
        "format": ["clang-format", "--dry-run", "-Werror", *sources("*.c", "*.h")],
        "rooms": ["tests/check-rooms.py"],
        "rooms self-test": ["tests/check-rooms.py", "--self-test"],
        "analysis self-test": ["tests/check-analysis.py", "--self-test"],
        "flatpak manifest": ["tests/check-flatpak.py"],
        "translations": ["tests/check-translations.py"],
        "counting self-test": ["tools/builds.py", "self-test"],
        "shell syntax": ["bash", "-n", "dev", ".ci/run", *sources("*.sh")],
    }
    pages = sources("*.1", "*.5", "*.7")
    if pages:
        checks["man pages"] = ["mandoc", "-T", "lint", "-W", "warning,stop", *pages]
    for name, argv in checks.items():
        say(f"check: {name}")
        if run(argv):
            tally.count("checks", "passed")
        else:
            tally.fail("checks", name)


def test(names):
    known = ["checks", *SUITES, *BUILDS]
    for name in names:
        if name not in known:
            sys.exit(f"dev: no suite '{name}'; there are: {' '.join(known)}")
    tally = Tally()
    if not names or "checks" in names:
        test_checks(tally)
    if not names:
        for build, suites in MATRIX:
            test_build(tally, build, suites, optional=OPTIONAL)
        return tally.report()
    wanted = [suite for suite in SUITES if suite in names]
    if wanted:
        test_build(tally, "gcc", wanted, optional=[])
    for name in BUILDS:
        if name in names:
            suites = [s for build, some in MATRIX if build == name for s in some]
            test_build(tally, name, suites, optional=OPTIONAL)
    return tally.report()


def self_test():
    cases = [
        ("ok 1 - a\n# why\nnot ok 2 - b\nok 3 # SKIP no kvm\n1..3\n", "FAIL", (1, 1, 1)),
        ("1..0 # SKIP no lab\n", "SKIP", (0, 0, 1)),
        ("ok 1\nok 2\n", "ERROR", (2, 1, 0)),
        ("not ok 1 - later # TODO\n", "OK", (1, 0, 0)),
        ("all is well, ok\n", "OK", (1, 0, 0)),
        ("", "TIMEOUT", (0, 1, 0)),
        ("no such device\n", "SKIP", (0, 0, 1)),
    ]
    for output, result, wanted in cases:
        tally = Tally()
        count_test(tally, "x", {"name": "p:unit / t", "result": result, "stdout": output})
        found = tuple(map(tally.total, KINDS))
        told = any("# why" in failure for failure in tally.failures)
        if found != wanted or told != ("# why" in output):
            print(f"{output!r}, {result}: counted {found} instead of {wanted}", file=sys.stderr)
            return False
    return True


def main():
    verb, *names = sys.argv[1:] or [""]
    if verb == "build" and len(names) == 1 and names[0] in BUILDS:
        done = make(names[0])
    elif verb == "test":
        done = test(names)
    elif verb == "self-test":
        done = self_test()
    else:
        sys.exit(__doc__)
    sys.exit(0 if done else 1)


if __name__ == "__main__":
    main()
