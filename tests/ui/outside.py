#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that another process runs, as the window shows it, by accessible names. Arguments:
posada-app, a folder for pictures, the command posada, a payload that runs on any KVM."""

import contextlib
import json
import re
import subprocess

from kept import POSADA, make_machine, posada
from user import (Application, Skip, WindowManager, click, is_shown, names, press, run_tests, take_picture,
                  wait, wait_for, wait_for_text, wait_until_gone, walk)  # fmt: skip


def state():
    (machine,) = json.loads(posada("list", "--json"))
    return machine["state"]


@contextlib.contextmanager
def running():
    """The machine in a process of its own."""
    process = subprocess.Popen([POSADA, "start", "Distant", "--here"], stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    try:
        wait("a running machine", lambda: process.poll() is not None or state() == "running")
        if process.poll() == 3:
            raise Skip(process.stderr.read().splitlines()[-1])
        assert process.poll() is None, process.stderr.read()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def it_is_operated_from_the_window():
    make_machine("Distant", "--network", "none")
    with WindowManager(), Application() as application:
        wait_for(application, "Start")
        with running() as process:
            wait_for_text(application, f"Running outside this window, in process {process.pid}")
            wait_for_text(application, "can be operated from here")
            wait_for_text(application, "Running outside")
            wait_until_gone(application, "Start")
            take_picture("outside")
            press(application, "Pause")
            wait("a pause", lambda: state() == "paused")
            press(application, "Resume")
            wait("it to go on", lambda: state() == "running")
            press(application, "Power Menu")
            press(application, "Force Off")
            assert process.wait(60) == 0
        wait_for(application, "Start")
        wait("no word of it", lambda: not any("outside" in (name or "") for name in names(application)))


def its_screen_is_nowhere_but_says_where():
    make_machine("Distant", "--network", "none")
    posada("remote", "Distant", "socket")
    with WindowManager(), running(), Application() as application:
        wait_for_text(application, "can be operated from here")
        posada("console", "Distant")
        wait_for_text(application, "No Picture")
        wait_for_text(application, "only seen by remote access")
        take_picture("outside-console")
        press(application, "Remote Access…")
        wait_for_text(application, "spice+unix://")
        wait_for_text(application, "counts when it is started next")
        take_picture("outside-remote")


def remote_access_that_is_chosen_counts_from_the_next_start():
    make_machine("Distant", "--network", "none")
    with WindowManager(), running(), Application() as application:
        wait_for_text(application, "can be operated from here")
        press(application, "Machine Menu")
        press(application, "Remote Access…")
        wait_for_text(application, "counts when it is started next")
        click(wait_for(application, "You on This Computer", ("list item",)))
        press(application, "Apply")
        wait("the definition", lambda: '<listen type="socket"' in posada("show", "Distant", "--xml"))
        wait_for_text(application, "This was changed after the machine was started")
        assert not any("spice+unix" in (node.get_name() or "") + (node.get_description() or "")
                       for node in walk(application) if is_shown(node))
        press(application, "Close")
        wait_for_text(application, "Other viewers cannot connect.")
        take_picture("outside-changed")
        assert re.search("^Remote +off$", posada("show", "Distant"), re.M)


def snapshots_are_taken_from_the_window():
    make_machine("Distant", "--network", "none")
    with WindowManager(), running(), Application() as application:
        wait_for_text(application, "can be operated from here")
        press(application, "Machine Menu")
        press(application, "Take Snapshot")
        wait("the snapshot", lambda: "running" in posada("snapshot", "Distant", "list"))
        take_picture("outside-snapshot")


run_tests([it_is_operated_from_the_window, its_screen_is_nowhere_but_says_where,
           remote_access_that_is_chosen_counts_from_the_next_start,
           snapshots_are_taken_from_the_window])  # fmt: skip
