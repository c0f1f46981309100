#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the device pixels of a console on a Wayland compositor, at fractional scales.

  sway-pixels.py PROGRAM    the test program show-chequers
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SCALES = ["1", "1.25", "1.333333", "1.5", "1.75", "2"]
# Whole at all of these, else the compositor scales the surface by itself.
WIDTH, HEIGHT = 1260, 840
PATIENCE = 30 * float(os.environ.get("POSADA_TEST_PATIENCE", "1"))


def start_sway(folder, environment, scale):
    """Sway, and the environment of its clients; None if it does not start."""
    config = os.path.join(folder, "config")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"xwayland disable\ndefault_border none\n"
                   f"output HEADLESS-1 mode {WIDTH}x{HEIGHT} scale {scale}\n")  # fmt: skip
    sway = subprocess.Popen(["sway", "-c", config], env=environment, start_new_session=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)  # fmt: skip
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and sway.poll() is None:
        for name in os.listdir(folder):
            if name.startswith("wayland-") and not name.endswith(".lock"):
                return sway, {**environment, "WAYLAND_DISPLAY": name}
        time.sleep(0.05)
    stop(sway)
    return None, None


def stop(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait()


def read_line(process):
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    return process.stdout.readline().decode().split() if ready else []


def read_ppm(data):
    """Width, height and the bytes of a binary PPM."""
    fields, at = [], 0
    while len(fields) < 4:
        end = at
        while not data[end : end + 1].isspace():
            end += 1
        fields.append(data[at:end])
        at = end + 1
    return int(fields[1]), int(fields[2]), data[at:]


def judge(place, picture):
    """What is wrong with the picture, None if nothing."""
    left, top, across, down = place
    width, height, data = picture
    if (width, height) != (WIDTH, HEIGHT):
        return f"the screen is {width}x{height}"
    if across < 1000 or down < 700:
        return f"the guest is only {across}x{down}"
    for y in range(down):
        start = ((top + y) * width + left) * 3
        row = data[start : start + across * 3]
        pair = b"\0\0\0\xff\xff\xff" if y % 2 == 0 else b"\xff\xff\xff\0\0\0"
        expected = (pair * (across // 2 + 1))[: across * 3]
        if row != expected:
            x = next(x for x in range(across * 3) if row[x] != expected[x]) // 3
            return f"pixel {x}, {y} of {across}x{down} is {row[x * 3 : x * 3 + 3].hex()}"
    return None


def check(program, scale):
    with tempfile.TemporaryDirectory(prefix="posada-sway-") as folder:
        environment = {
            **os.environ,
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            "WLR_BACKENDS": "headless",
            "WLR_RENDERER": "pixman",
            "WLR_LIBINPUT_NO_DEVICES": "1",
            "GDK_BACKEND": "wayland",
            "GSK_RENDERER": os.environ.get("GSK_RENDERER", "cairo"),
            "GSETTINGS_BACKEND": "memory",
            "GTK_A11Y": "none",
        }
        for name in ("DISPLAY", "WAYLAND_DISPLAY", "SWAYSOCK", "GDK_SCALE"):
            environment.pop(name, None)
        sway, environment = start_sway(folder, environment, scale)
        if not sway:
            return "skip"
        client = subprocess.Popen([program], env=environment, stdout=subprocess.PIPE,
                                  start_new_session=True)  # fmt: skip
        try:
            place = [int(word) for word in read_line(client)]
            if len(place) != 4:
                return "the console did not come up"
            # Frames are on their way for a moment.
            wrong = None
            for _ in range(5):
                time.sleep(0.3)
                shot = subprocess.run(["grim", "-t", "ppm", "-"], env=environment,
                                      stdout=subprocess.PIPE, check=False).stdout  # fmt: skip
                wrong = judge(place, read_ppm(shot)) if shot else "no screenshot"
                if not wrong:
                    return None
            return wrong
        finally:
            stop(client)
            stop(sway)


def main():
    for tool in ("sway", "grim"):
        if not shutil.which(tool):
            print(f"1..0 # SKIP no {tool}")
            return 0
    failed = 0
    print(f"1..{len(SCALES)}", flush=True)
    for number, scale in enumerate(SCALES, start=1):
        wrong = check(sys.argv[1], scale)
        if wrong == "skip":
            print(f"ok {number} at scale {scale} # SKIP sway does not start", flush=True)
            continue
        if wrong:
            print(f"# {wrong}")
            failed += 1
        print(f"{'not ok' if wrong else 'ok'} {number} chequers are exact at scale {scale}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
