# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that is kept, made by the command, for tests in which a real one runs. Their arguments
are posada-app, a folder for pictures, the command posada, and a payload that runs on any KVM."""

import os
import subprocess
import sys
import tempfile

POSADA, PAYLOAD = sys.argv[3], sys.argv[4]


def posada(*arguments):
    done = subprocess.run([POSADA, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    return done.stdout


def make_machine(name, *options):
    """In a store of its own, with a disk; its firmware is the payload."""
    folder = tempfile.mkdtemp(prefix="posada-")
    os.environ["XDG_DATA_HOME"] = os.path.join(folder, "data")
    disk = os.path.join(folder, "disk.qcow2")
    posada("disk", "create", disk, "--size", "8M")
    posada("create", "--disk", disk, "--name", name, "--memory", "64M", *options)
    machines = os.path.join(os.environ["XDG_DATA_HOME"], "posada", "machines")
    path = os.path.join(machines, os.listdir(machines)[0], "machine.xml")
    with open(path, encoding="utf-8") as file:
        xml = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(xml.replace(
            "</os>", f"<loader readonly='yes' type='rom'>{PAYLOAD}</loader></os>"))
