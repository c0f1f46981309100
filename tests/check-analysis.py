#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static analysis of everything in src/ by clang-tidy, with the checks of .clang-tidy.

  check-analysis.py BUILD [FILE...]  the files of a build directory, or those of them that are named
  check-analysis.py --self-test      whether faults of each kind are found

What was found good is remembered in the build directory by a hash of all that the finding could
depend on, so that a second run only looks at what has changed.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FINDING = re.compile(r"^(\S+?):(\d+):\d+: (?:warning|error): (.*) \[([^]\s]+)\]$")

# The analyzer does not know __attribute__ ((cleanup)), so to it whatever a variable marked AUTO_FREE
# or g_autofree holds at the end of its scope is lost. Real leaks are found by the address sanitizer.
LEAK = re.compile(r"(?:Potential leak of memory pointed to by '(?:\w+(?:\.|->))*(\w+)'"
                  r"|Potential memory leak|Opened stream never closed)")  # fmt: skip

CLEANED = r"AUTO_FREE|CLEANUP \(\w+\)|g_autofree|g_autoptr \(\w+\)"


def is_cleaned_up(message, path):
    leak = LEAK.match(message)
    if not leak:
        return False
    with open(path, encoding="utf-8") as file:
        text = file.read()
    # The variable that is named may only point at what another one holds.
    names = "|".join([leak[1], *re.findall(rf"\b{leak[1]} = (\w+);", text)]) if leak[1] else r"\w+"
    return bool(re.search(rf"\b(?:{CLEANED})[^;=]*\b(?:{names})\b", text))


def analyze(build, path, arguments=()):
    """The findings in one file, as lines to show."""
    shown = subprocess.run(
        ["clang-tidy", "--quiet", f"--config-file={TOP}/.clang-tidy",
         f"--header-filter={re.escape(TOP)}/src/.*", *arguments,
         *(["-p", build] if build else []), path, *([] if build else ["--"])],
        cwd=build or TOP, capture_output=True, text=True,
    )  # fmt: skip
    lines = {}
    for line in shown.stdout.splitlines():
        finding = FINDING.match(line)
        if not finding:
            continue
        where = os.path.normpath(os.path.join(build or TOP, finding[1]))
        if not is_cleaned_up(finding[3], where):
            name = os.path.relpath(where, TOP)
            lines[f"{name}:{finding[2]}: {finding[3]} [{finding[4]}]"] = None
    if shown.returncode != 0 and not lines:
        lines[f"{path}: clang-tidy failed: {shown.stderr[-2000:]}"] = None
    return list(lines)


def commands(build):
    """For each source file the command that compiles it, less what says where the output goes."""
    with open(f"{build}/compile_commands.json", encoding="utf-8") as file:
        entries = json.load(file)
    found = {}
    for entry in entries:
        path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        if path.startswith(f"{TOP}/src/") and path.endswith(".c"):
            found[path] = (entry["directory"], entry["command"])
    return found


def fingerprint(command):
    """A hash of the file after preprocessing and of the checks."""
    directory, line = command
    words = [word for word in shlex.split(line) if word != "ccache"]
    without = []
    skip = False
    for word in words:
        if skip or word in ("-c", "-MD"):
            skip = False
        elif word in ("-o", "-MF", "-MQ"):
            skip = True
        else:
            without.append(word)
    text = subprocess.run([*without, "-E"], cwd=directory, capture_output=True).stdout
    digest = hashlib.sha256(text)
    for name in ".clang-tidy", "tests/check-analysis.py":
        with open(f"{TOP}/{name}", "rb") as file:
            digest.update(file.read())
    return digest.hexdigest() if text else None


def check(build, wanted):
    todo = commands(build)
    if wanted:
        wanted = {os.path.realpath(name) for name in wanted}
        todo = {path: command for path, command in todo.items() if path in wanted}
    if not todo:
        sys.exit(f"check-analysis: {build} compiles none of that")
    memory = f"{build}/analysis.json"
    try:
        with open(memory, encoding="utf-8") as file:
            good = json.load(file)
    except (OSError, ValueError):
        good = {}

    def look(path):
        mark = fingerprint(todo[path])
        if mark and good.get(path) == mark:
            return path, mark, []
        return path, mark, analyze(build, path)

    found = {}
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for path, mark, lines in pool.map(look, sorted(todo)):
            good.pop(path, None)
            if mark and not lines:
                good[path] = mark
            for line in lines:
                if line not in found:
                    found[line] = None
                    print(line, flush=True)
    with open(f"{memory}.new", "w", encoding="utf-8") as file:
        json.dump(good, file)
    os.replace(f"{memory}.new", memory)
    print(f"{len(todo)} files analyzed, {len(found)} findings")
    return not found


FAULTS = {
    "core.NullDereference": "int f (int *p) { if (p) return 1; return *p; }",
    "core.uninitialized": "int f (int n) { int x; if (n) x = 1; return x; }",
    "unix.Malloc": "#include <stdlib.h>\nint f (void) { int *p = calloc (1, 4); int r;"
                   " if (!p) return 0; free (p); r = *p; return r; }",
    "bugprone-suspicious-memset-usage": "#include <string.h>\n"
                                        "void f (char *p) { memset (p, 'a', 0); }",
}  # fmt: skip
CLEAN = """#include "base/cleanup.h"
int f (void);
int f (void) { AUTO_FREE char *p = malloc (10); return p ? 1 : 0; }
"""


def self_test():
    include = f"--extra-arg=-I{TOP}/src"
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/fault.c"
        for name, text in {**FAULTS, None: CLEAN}.items():
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            lines = analyze(None, path, [include])
            if (name is None and lines) or (name and not any(name in line for line in lines)):
                print(f"{name}: {lines}", file=sys.stderr)
                return False
    return True


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(0 if self_test() else 1)
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(0 if check(os.path.realpath(sys.argv[1]), sys.argv[2:]) else 1)


if __name__ == "__main__":
    main()
