#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a test under an X server of its own, with nothing of the user's session or settings.

  with-xvfb.py [--manager] PROGRAM [ARGUMENTS]

With --manager, there is a window manager, for what needs the focus. Without Xvfb, or the manager,
the test is skipped, visibly.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time


def start_server():
    """The server and the name of its display."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
        pass_fds=[writing], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    return server, f":{number}" if number else None


def start_manager(environment):
    """The window manager, once it is there."""
    manager = subprocess.Popen(["openbox"], env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    for _ in range(200):
        if manager.poll() is not None:
            break
        asked = subprocess.run(["xdotool", "get_num_desktops"], env=environment,
                               capture_output=True)  # fmt: skip
        if asked.returncode == 0:
            break
        time.sleep(0.05)
    return manager


def main():
    command = sys.argv[1:]
    managed = command[0] == "--manager"
    if managed:
        command = command[1:]
    for tool in ["Xvfb"] + ["openbox", "xdotool"] * managed:
        if not shutil.which(tool):
            print(f"1..0 # SKIP no {tool}")
            return 0
    with tempfile.TemporaryDirectory(prefix="posada-xvfb-") as home:
        server, display = start_server()
        if not display:
            server.wait()
            print("1..0 # SKIP Xvfb does not start")
            return 0
        os.chmod(home, 0o700)
        environment = {
            **os.environ,
            "DISPLAY": display,
            "HOME": home,
            "XDG_RUNTIME_DIR": home,
            "GDK_BACKEND": "x11",
            "GDK_SCALE": "1",
            "GSETTINGS_BACKEND": "memory",
            "GSK_RENDERER": os.environ.get("GSK_RENDERER", "cairo"),
            "GTK_A11Y": os.environ.get("GTK_A11Y", "none"),
            "LC_ALL": "C.UTF-8",
        }
        for name in ("WAYLAND_DISPLAY", "XAUTHORITY", "GTK_THEME"):
            environment.pop(name, None)
        manager = start_manager(environment) if managed else None
        try:
            result = subprocess.run(command, env=environment).returncode
        finally:
            if manager:
                manager.terminate()
                manager.wait()
            server.terminate()
            server.wait()
    # A test that died of a signal failed.
    return result if result >= 0 else 1


if __name__ == "__main__":
    sys.exit(main())
