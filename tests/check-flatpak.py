#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what can be checked of flatpak/io.posada.Posada.json without building it: it is JSON, asks
for no more than it should, pins every source, and brings what the build needs beside the runtime.
The pictures of the metainfo are looked for, too."""

import json
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
MANIFEST = os.path.join(TOP, "flatpak", "io.posada.Posada.json")

# What the sandbox has to be opened for, and nothing else.
PERMISSIONS = {
    "--device=dri",
    "--device=kvm",
    "--share=ipc",
    "--share=network",
    "--socket=wayland",
    "--socket=fallback-x11",
    "--socket=pulseaudio",
    "--filesystem=xdg-download:ro",
}
# Where a dependency of the build comes from: a module of the manifest, or the runtime.
PROVIDERS = {
    "libdex-1": "libdex",
    "libosinfo-1.0": "libosinfo",
    "libportal": "libportal",
    "liburing": "liburing",
    "spice-client-glib-2.0": "spice-gtk",
    "spice-server": "spice",
    "vte-2.91-gtk4": "vte",
}
RUNTIME = {
    "gio-2.0", "gio-unix-2.0", "glib-2.0", "gnutls", "gtk4", "gtk4-wayland", "gtk4-x11",
    "libadwaita-1", "libpng", "libxml-2.0", "libzstd", "threads", "wayland-client", "wayland-protocols", "x11",
    "xfixes", "xi", "zlib",
}  # fmt: skip


def check_source(source, module):
    kind = source["type"]
    if kind == "git":
        return re.fullmatch("[0-9a-f]{40}", source.get("commit", "")) is not None
    if kind in ("archive", "file"):
        return re.fullmatch("[0-9a-f]{64}", source.get("sha256", "")) is not None
    return kind == "dir" and module == "posada"


def find_dependencies():
    found = set()
    for place, folders, files in os.walk(TOP):
        folders[:] = [name for name in folders if name not in ("build", ".git")]
        if "meson.build" in files:
            with open(os.path.join(place, "meson.build"), encoding="utf-8") as file:
                found |= set(re.findall(r"\bdependency\('([^']+)'", file.read()))
    return found


def check_application(manifest):
    """What is built is the application that the desktop knows by these names."""
    identity = os.path.basename(MANIFEST).removesuffix(".json")
    if manifest["id"] != identity:
        yield f"the application is {identity}, not {manifest['id']}"
    for ending in ("desktop.in", "gschema.xml", "metainfo.xml.in", "service.in"):
        if not os.path.exists(os.path.join(TOP, "data", f"{identity}.{ending}")):
            yield f"there is no data/{identity}.{ending}"
    with open(os.path.join(TOP, "src", "app", "meson.build"), encoding="utf-8") as file:
        if f"executable('{manifest['command']}'" not in file.read():
            yield f"nobody builds {manifest['command']}"
    if "-Dapp=enabled" not in manifest["modules"][-1]["config-opts"]:
        yield "the application would be left out where something is missing"


def check_pictures():
    """Pictures that the metainfo shows are those that tools/screenshots.sh makes."""
    path = os.path.join(TOP, "data", "io.posada.Posada.metainfo.xml.in")
    with open(path, encoding="utf-8") as file:
        shown = re.findall(r"<image>[^<]*/screenshots/([^</]+)\.png</image>", file.read())
    with open(os.path.join(TOP, "tools", "screenshots.sh"), encoding="utf-8") as file:
        made = re.findall(r"^take (\S+)", file.read(), re.MULTILINE)
    there = [name[:-4] for name in os.listdir(os.path.join(TOP, "data", "screenshots"))]
    if not sorted(shown) == sorted(made) == sorted(there):
        yield f"pictures differ: shown {shown}, made {made}, there {there}"


def main():
    with open(MANIFEST, encoding="utf-8") as file:
        manifest = json.load(file)
    problems = [*check_application(manifest), *check_pictures()]
    modules = {module["name"]: module for module in manifest["modules"]}
    asked = {arg for arg in manifest["finish-args"] if not arg.startswith("--env=")}
    if asked != PERMISSIONS:
        problems.append(f"permissions differ: {sorted(asked ^ PERMISSIONS)}")
    if int(manifest["runtime-version"]) < 48:
        problems.append("the runtime is too old")
    for name, module in modules.items():
        for source in module["sources"]:
            if not check_source(source, name):
                problems.append(f"{name} has a source that is not pinned: {source}")
    for dependency in sorted(find_dependencies() - RUNTIME):
        if PROVIDERS.get(dependency) not in modules:
            problems.append(f"nothing provides {dependency}")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
