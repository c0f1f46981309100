#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines made of machines, by accessible names. Arguments: posada-app, a folder for pictures, the
command posada, a payload that runs on any KVM."""

import fcntl
import os
import struct
import subprocess
import time

from kept import make_machine, posada
from user import (BUTTONS, Application, Skip, WindowManager, click, find, is_enabled, names, press,
                  run_tests, take_picture, type_keys, wait, wait_for, wait_for_text, wait_until_gone,
                  walk)  # fmt: skip


def rows(application):
    return sorted(node.get_name() for node in walk(application)
                  if node.get_role_name() == "list item" and "First" in (node.get_name() or ""))


def choose(application, item):
    press(application, "Machine Menu")
    press(application, item)


def machines_are_cloned():
    make_machine("First")
    with WindowManager(), Application() as application:
        wait_for(application, "Start")
        choose(application, "Clone…")
        wait_for(application, "Clone")
        # From the name to the kind, and to the second one.
        type_keys("Tab", "Down", "space")
        take_picture("clone")
        press(application, "Clone")
        wait("the clone", lambda: rows(application) == ["Clone of First", "First"])
        wait_until_gone(application, "Clone")
        assert "Base of" in posada("snapshot", "First", "list")
        choose(application, "Clone…")
        wait_for(application, "Clone")
        press(application, "Clone")
        wait("a clone of the clone", lambda: "Clone of Clone of First" in rows(application))
        take_picture("cloned")


def stored_files():
    """All that there is, but for what locks and the window's own pictures of machines are."""
    found = []
    for folder, _, files in os.walk(os.path.join(os.environ["XDG_DATA_HOME"], "posada")):
        found += [os.path.join(folder, name) for name in files
                  if name not in ("lock", "thumbnail.png")]  # fmt: skip
    return sorted(found)


class Lock:
    """That of the store, of which everybody who changes it waits for the end."""

    def __init__(self, path):
        self.file = os.open(path, os.O_RDWR)

    def set(self, kind):
        fcntl.fcntl(self.file, fcntl.F_OFD_SETLKW, struct.pack("hhqqi4x", kind, 0, 0, 0, 0))


def a_clone_that_is_cancelled_leaves_nothing():
    make_machine("First")
    posada("snapshot", "First", "list")
    before = stored_files()
    store = Lock(os.path.join(os.environ["XDG_DATA_HOME"], "posada", "lock"))
    with WindowManager(), Application() as application:
        for kind in (), ("Tab", "Down", "space"):
            wait_for(application, "Start")
            # Somebody else works on the store for so long that there is time to think again.
            store.set(fcntl.F_WRLCK)
            choose(application, "Clone…")
            wait_for(application, "Clone")
            if kind:
                type_keys(*kind)
            said = set(names(application))
            press(application, "Clone")
            wait("the clone in progress", lambda: not is_enabled(find(application, "Clone")))
            press(application, "Cancel")
            wait("the click", lambda: not is_enabled(find(application, "Cancel")))
            store.set(fcntl.F_UNLCK)
            wait("the question again", lambda: is_enabled(find(application, "Clone")))
            wait("no other word", lambda: set(names(application)) == said)
            take_picture("cancelled-clone")
            press(application, "Cancel")
            wait_until_gone(application, "Clone")
            assert posada("snapshot", "First", "list") == ""
            assert stored_files() == before, set(stored_files()) ^ set(before)


def a_linked_clone_becomes_independent():
    make_machine("First")
    posada("clone", "First", "--linked", "--name", "Second")
    with WindowManager(), Application() as application:
        click(wait_for(application, "Second", ("list item",)))
        click(wait_for(application, "Disks", ("list item",)))
        menu = "Menu of “disk-0.qcow2”"
        wait_for(application, menu, (*BUTTONS, "menu button"))
        press(application, menu)
        press(application, "Make Independent…")
        wait_for(application, "Make Independent")
        time.sleep(0.5)
        take_picture("independent-dialog")
        press(application, "Make Independent")
        wait_for_text(application, "The disk is independent")
        take_picture("independent")
    posada("delete", "First")


def in_little_room(folder):
    """FOLDER has 64 MiB, for this process and its children."""
    if not hasattr(os, "unshare") or os.geteuid() != 0:
        raise Skip("only root may mount")
    try:
        os.unshare(os.CLONE_NEWNS)
    except OSError as error:
        raise Skip(f"no mount name space: {error}") from error
    for arguments in (("--make-rprivate", "/"), ("-t", "tmpfs", "-o", "size=64m", "room", folder)):
        if subprocess.run(["mount", *arguments], check=False).returncode != 0:
            raise Skip("nothing can be mounted here")


def what_does_not_fit_is_refused_at_once():
    make_machine("First")
    machines = os.path.join(os.environ["XDG_DATA_HOME"], "posada")
    in_little_room(machines)
    disk = os.path.join(machines, "disk.img")
    with open(disk, "wb") as file:
        file.write(b"full" * (10 << 20))
    posada("create", "--disk", disk, "--name", "First", "--format", "raw", "--memory", "64M")
    before = sorted(os.listdir(machines))
    with WindowManager(), Application() as application:
        wait_for(application, "Start")
        choose(application, "Clone…")
        wait_for(application, "Clone")
        press(application, "Clone")
        wait_for_text(application, "make room first")
        take_picture("no-room")
        type_keys("Escape")
        wait_until_gone(application, "Clone")
        assert rows(application) == ["First"]
        click(wait_for(application, "Disks", ("list item",)))
        press(application, "Menu of “disk.img”")
        press(application, "Convert to qcow2…")
        press(application, "Convert")
        wait_for_text(application, "free some first")
        take_picture("no-room-to-convert")
    assert sorted(os.listdir(machines)) == before
    assert os.path.getsize(disk) == 40 << 20


def templates_give_machines():
    make_machine("First")
    with Application() as application:
        wait_for(application, "Start")
        choose(application, "Make Template")
        wait_for(application, "New Machine…")
        assert not find(application, "Start")
        wait_for_text(application, "Template")
        take_picture("template")
        choose(application, "Make Machine")
        wait_for(application, "Start")


def wait_until_on(application):
    wait("a running machine", lambda: find(application, "Pause")
         or any("Did Not Start" in (name or "") for name in names(application)))
    if not find(application, "Pause"):
        raise Skip("no machine starts here")


def copies_run_beside_the_original():
    make_machine("First")
    with Application() as application:
        press(application, "Start")
        wait_until_on(application)
        choose(application, "Try in a Copy")
        wait("the copy", lambda: rows(application) == ["Copy of First", "First"])
        wait_for_text(application, "Copy, Running")
        take_picture("copy")
        choose(application, "Try in a Copy")
        wait("its copy", lambda: "Copy of Copy of First" in rows(application))
        wait("three that run", lambda: sum("Running" in (name or "") for name in names(application))
             >= 3)
        take_picture("copies")


def snapshots_offer_copies():
    make_machine("First")
    posada("snapshot", "First", "take", "Point")
    with Application() as application:
        choose(application, "Take Snapshot")
        press(application, "Menu of “Point”")
        time.sleep(0.5)
        take_picture("snapshot-menu")


def what_is_disposable_is_not_kept():
    make_machine("First")
    with Application() as application:
        wait_for(application, "Start")
        choose(application, "Start Disposable")
        wait_until_on(application)
        choose(application, "Take Snapshot")
        wait_for_text(application, "No Snapshot Was Taken")
        take_picture("disposable")


run_tests([machines_are_cloned, a_clone_that_is_cancelled_leaves_nothing,
           a_linked_clone_becomes_independent, snapshots_offer_copies,
           templates_give_machines, copies_run_beside_the_original, what_is_disposable_is_not_kept,
           what_does_not_fit_is_refused_at_once])
