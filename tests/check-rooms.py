#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds every include under src/ against the law of the rooms, which is the table of src/DESIGN.md.

  check-rooms.py [TREE]       check a tree, by default the one this file is in
  check-rooms.py --self-test  see that each kind of breach is caught

Also: GLib and GTK stay above the border, KVM stays in one file, and every source file says its
license in an SPDX line.
"""

import fnmatch
import os
import re
import sys
import tempfile

# What a device model needs of the engine.
DEVICE_HEADERS = [
    "engine/device.h",
    "engine/bus.h",
    "engine/clock.h",
    "engine/guest-memory.h",
    "engine/irq.h",
    "engine/state.h",
    "engine/firmware/fw-cfg.h",
    "engine/pci/*.h",
]

# room: what it may include beside itself. A bare name is a whole room, a path with .h is single
# headers of one. No header called *-internal.h is ever included from another room.
ROOMS = {
    "base": [],
    "block": ["base"],
    "net": ["base"],
    "display": ["base"],
    "engine": ["base"],
    "snapshot": ["base", "block", "display", "engine/posada-engine.h"],
    "hw": ["base", "block", "net", "display", *DEVICE_HEADERS],
    "store": ["base"],
    "machine": ["base", "block", "display", "net", "engine/posada-engine.h", "engine/device.h",
                "engine/firmware/locate.h", "hw/device-table.h", "hw/platform.h",
                "hw/virtio/virtio-balloon.h", "snapshot", "store"],
    "libvirt": ["machine", "store"],
    "console": ["machine"],
    "details": ["machine", "store"],
    "wizard": ["machine", "store"],
    "app": ["console", "details", "wizard", "machine", "store", "libvirt"],
    # `posada run` is the engine in a process of its own, hence more than the models.
    "cli": ["machine", "store", "libvirt",
            "base", "block", "net", "display", "snapshot", "engine/posada-engine.h",
            "engine/device.h", "engine/firmware/locate.h", "hw/device-table.h", "hw/platform.h"],
}  # fmt: skip

GTK = re.compile(r"^(gtk|gdk|gsk|adwaita|libadwaita|vte|libpanel|gtksourceview)\b")
GTK_ROOMS = ["console", "details", "wizard", "app"]
GLIB = re.compile(r"^(glib|gio|gobject|gmodule|libdex|libvirt-glib|libvirt-gobject|libvirt-gconfig)\b")
GLIB_ROOMS = ["store", "machine", "libvirt", "cli", *GTK_ROOMS]

KVM_FILES = ["src/engine/kvm.c", "src/engine/kvm-*.c", "src/engine/kvm-internal.h"]
KVM_IOCTL = re.compile(r"\bioctl\s*\([^;]*?\bKVM_[A-Z0-9_]+")

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
GENERATED = ["config.h"]  # made by the build, of no room

SPDX = "SPDX-License-Identifier: GPL-3.0-or-later"
SPDX_NAMES = ["*.c", "*.h", "*.S", "*.s", "*.asm", "*.ld", "*.py", "*.sh", "*.blp", "*.ui", "*.css",
              "meson.build", "meson_options.txt", "meson.options"]  # fmt: skip
SPDX_FOLDERS = ["src", "tests", "tools", "bench", "data"]
SPDX_FILES = ["dev", ".ci/run", "meson.build"]


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def walk(tree, folder):
    for place, folders, files in os.walk(os.path.join(tree, folder)):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__")))
        for name in sorted(files):
            yield os.path.relpath(os.path.join(place, name), tree)


def read(tree, path):
    with open(os.path.join(tree, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def check_own_include(room, target):
    """What is wrong with a room including "target"; None if nothing is."""
    if target in GENERATED:
        return None
    if "/" not in target:
        return "is written without its room"
    if ".." in target.split("/"):
        return "climbs out of its room"
    other = target.split("/")[0]
    if other not in ROOMS:
        return "names no room"
    if other == room:
        return None
    if fnmatch.fnmatchcase(target, "*-internal.h"):
        return f"is internal to {other}"
    for allowed in ROOMS[room]:
        if other == allowed or (allowed.endswith(".h") and fnmatch.fnmatchcase(target, allowed)):
            return None
    return f"is not {room}'s to use"


def check_foreign_include(room, path, target):
    if GTK.match(target) and room not in GTK_ROOMS:
        return "brings GTK below its border"
    if GLIB.match(target) and room not in GLIB_ROOMS:
        return "brings GLib below the border"
    if target == "linux/kvm.h" and not matches(path, KVM_FILES):
        return "belongs to src/engine/kvm.c alone"
    return None


def check_source(tree, path):
    """Breaches in one C file of a room, as (line, text)."""
    parts = path.split("/")
    room = parts[1]
    if len(parts) < 3 or room not in ROOMS:
        yield 1, "is in no room"
        return
    text = read(tree, path)
    for number, line in enumerate(text.splitlines(), start=1):
        found = INCLUDE.match(line)
        if not found:
            continue
        quote, target = found.groups()
        if quote == '"':
            wrong = check_own_include(room, target)
        else:
            wrong = check_foreign_include(room, path, target)
        if wrong:
            yield number, f"include of {target} {wrong}"
    if not matches(path, KVM_FILES):
        for found in KVM_IOCTL.finditer(text):
            yield text.count("\n", 0, found.start()) + 1, "KVM's ioctls belong to src/engine/kvm.c alone"


def check_license(tree, path):
    if SPDX not in "\n".join(read(tree, path).splitlines()[:5]):
        yield 1, f"no line with {SPDX}"


def check(tree):
    """All breaches in a tree, as printable lines."""
    found = []
    for path in walk(tree, "src"):
        if path.endswith((".c", ".h")):
            found += [f"{path}:{line}: {text}" for line, text in check_source(tree, path)]
    licensed = [path for path in SPDX_FILES if os.path.exists(os.path.join(tree, path))]
    for folder in SPDX_FOLDERS:
        licensed += [p for p in walk(tree, folder) if matches(os.path.basename(p), SPDX_NAMES)]
    for path in licensed:
        found += [f"{path}:{line}: {text}" for line, text in check_license(tree, path)]
    return found


# --- the test of the test ------------------------------------------------------------------------

GOOD = {
    "src/base/list.h": "#include <stddef.h>",
    "src/base/list.c": '#include "config.h"\n#include "base/list.h"',
    "src/engine/kvm.c": '#include <linux/kvm.h>\nint r = ioctl (fd, KVM_RUN, 0);',
    "src/engine/kvm-x86.c": '#include "base/list.h"\n#include <linux/kvm.h>',
    "src/engine/acpi/dsdt.c": '#include "engine/bus-internal.h"',
    "src/hw/rtc.c": '#include "engine/device.h"\n#include "engine/pci/pci.h"\n#include "block/block.h"',
    "src/cli/run.c": '#include "engine/posada-engine.h"\n#include "store/posada-store.h"',
    "src/machine/posada-machine.c": "#include <glib-object.h>",
    "src/app/posada-window.c": '#include <adwaita.h>\n#include "wizard/posada-wizard.h"',
}

BAD = {
    "a neighbour's header": ("src/block/raw.c", '#include "net/net.h"', 2),
    "a device in the engine": ("src/engine/bus.c", '# include "hw/rtc.h"', 2),
    "the engine's inside in a device": ("src/hw/rtc.c", '#include "engine/machine.h"', 2),
    "an internal header": ("src/hw/rtc.c", '#include "engine/pci/pci-internal.h"', 2),
    "a GTK room in another": ("src/wizard/page.c", '#include "details/panel.h"', 2),
    "an include without a room": ("src/base/list.c", '#include "list.h"', 2),
    "an include of no room": ("src/base/list.c", '#include "attic/list.h"', 2),
    "a way around": ("src/base/list.c", '#include "base/../hw/rtc.h"', 2),
    "a file in no room": ("src/attic/list.c", "", 1),
    "a file above the rooms": ("src/list.c", "", 1),
    "GLib below the border": ("src/engine/bus.c", "#include <glib.h>", 2),
    "GTK in the command": ("src/cli/run.c", "#include <gtk/gtk.h>", 2),
    "GTK in the model": ("src/machine/posada-machine.c", "#include <adwaita.h>", 2),
    "KVM in another file": ("src/engine/machine.c", "#include <linux/kvm.h>", 2),
    "an ioctl of KVM": ("src/engine/vcpu.c", "int r;\nr = ioctl (\n  fd, KVM_RUN);", 3),
}


def write(tree, path, text):
    os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
    with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
        file.write(text)


def check_files(files):
    with tempfile.TemporaryDirectory() as tree:
        for path, text in files.items():
            write(tree, path, text)
        return check(tree)


def self_test():
    head = f"/* {SPDX} */\n"
    found = check_files({path: head + text for path, text in GOOD.items()})
    wrong = [f"a good tree is refused: {line}" for line in found]
    for name, (path, text, line) in BAD.items():
        found = check_files({path: head + text})
        if len(found) != 1 or not found[0].startswith(f"{path}:{line}:"):
            wrong.append(f"{name} should be one breach in {path}:{line}, found: {found}")
    for path in ("src/base/a.c", "tests/a.py", "dev", "src/base/meson.build"):
        if len(check_files({path: "\n"})) != 1:
            wrong.append(f"{path} without a license passes")
    return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        found = self_test()
    else:
        here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
        found = check(sys.argv[1] if sys.argv[1:] else here)
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
