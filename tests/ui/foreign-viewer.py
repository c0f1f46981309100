#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remote Viewer, the SPICE viewer that people have, looks at a machine while we do. The argument is
the program serve-spice."""

import os
import shutil
import subprocess
import sys
import tempfile
import time

PATIENCE = 20 * float(os.environ.get("POSADA_TEST_PATIENCE", "1"))
ENOUGH = 200000  # pixels of the machine's colour, of 640 × 480


class Server:
    def __init__(self, program, socket):
        self.process = subprocess.Popen(
            [program, socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "ready\n"

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, line):
        self.tell(line)
        return self.process.stdout.readline().strip()


def wait(what, check):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if check():
            return
        time.sleep(0.2)
    raise AssertionError(f"no {what}")


def sees(color):
    listing = subprocess.run(
        ["import", "-window", "root", "-depth", "8", "-format", "%c", "histogram:info:-"],
        check=True, capture_output=True, text=True).stdout  # fmt: skip
    return any(
        int(line.split(":")[0]) > ENOUGH for line in listing.splitlines() if f"#{color}" in line
    )


def start_viewer(socket):
    return subprocess.Popen(
        ["remote-viewer", f"spice+unix://{socket}"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )  # fmt: skip


def check_direct(server):
    frames, wrong, longest = map(int, server.ask("direct").split())
    assert frames > 0, "nothing is shown directly any more"
    assert wrong == 0, f"{wrong} of {frames} pictures shown directly are wrong"
    assert longest < 1000, f"the main loop stood still for {longest} ms"


def test_picture(server, socket):
    server.tell("fill 2060C0")
    viewer = start_viewer(socket)
    wait("picture in the viewer", lambda: sees("2060C0"))
    server.tell("fill C06020")
    wait("second picture in the viewer", lambda: sees("C06020"))
    check_direct(server)
    return viewer


def test_keys(server):
    server.ask("record")
    said = []

    def typed():
        subprocess.run(["xdotool", "mousemove", "300", "300", "click", "1", "key", "a"], check=True)
        time.sleep(0.3)
        said.append(server.ask("record"))
        return "+30 -30" in " ".join(said) or ("+30" in said[-1] and "-30" in said[-1])

    wait(f"key from the viewer, only {said}", typed)
    check_direct(server)


def test_comes_and_goes(server, socket, viewer):
    for number in range(2):
        viewer.kill()
        viewer.wait()
        wait("end of its picture", lambda: not sees("C06020"))
        check_direct(server)
        viewer = start_viewer(socket)
        wait("picture when it comes again", lambda: sees("C06020"))
        check_direct(server)
    return viewer


def test_end(server, viewer):
    server.tell("quit")
    assert server.process.wait(PATIENCE) == 0, "the server did not end well"
    viewer.terminate()
    viewer.wait()


def main():
    for tool in ("remote-viewer", "import", "xdotool"):
        if not shutil.which(tool):
            print(f"1..0 # SKIP {tool} is not here")
            return
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/console"
        server = Server(sys.argv[1], socket)
        viewer = None
        try:
            viewer = test_picture(server, socket)
            print("ok 1 - remote_viewer_shows_the_picture", flush=True)
            test_keys(server)
            print("ok 2 - remote_viewer_types", flush=True)
            viewer = test_comes_and_goes(server, socket, viewer)
            print("ok 3 - remote_viewer_comes_and_goes_and_disturbs_nobody", flush=True)
            test_end(server, viewer)
            print("ok 4 - the_machine_ends_while_remote_viewer_looks", flush=True)
            print("1..4")
        finally:
            for process in (server.process, viewer):
                if process and process.poll() is None:
                    process.kill()


main()
