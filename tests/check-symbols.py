#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails if a library below the border has writable state at file scope.

Everything hangs from one machine, so that any number of them live in one process: the only data a
library may hold is constant. Usage: check-symbols.py LIBRARY…
"""
import subprocess
import sys

WRITABLE = (".data", ".bss", ".tdata", ".tbss", "*COM*")


def writable_symbols(library):
    listing = subprocess.run(["nm", "--format=sysv", library], check=True, capture_output=True,
                             text=True).stdout
    found = []
    member = library
    for line in listing.splitlines():
        if line.startswith("Symbols from "):
            member = line[len("Symbols from "):].rstrip(":")
        columns = [column.strip() for column in line.split("|")]
        if len(columns) != 7 or columns[3] in ("FILE", "SECTION"):
            continue
        name, section = columns[0], columns[6]
        if section.startswith(WRITABLE) and not section.startswith(".data.rel.ro"):
            found.append(f"{member}: {name} in {section}")
    return found


def main():
    found = [symbol for library in sys.argv[1:] for symbol in writable_symbols(library)]
    for symbol in found:
        print(f"writable at file scope: {symbol}", file=sys.stderr)
    return 1 if found or len(sys.argv) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
