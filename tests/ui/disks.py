#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Grows a disk through the window, and makes another one, by accessible names. The disks of fake
machines are real files. The first argument is posada-app; screenshots go to the second."""

import shutil
import time

from user import (BUTTONS, Application, WindowManager, click, press, run_tests, skip_all,
                  take_picture, type_keys, type_text, wait_for, wait_for_text)  # fmt: skip


def open_disks(application):
    click(wait_for(application, "Disks", ("list item",)))
    wait_for(application, "Menu of “disk.qcow2”", (*BUTTONS, "menu button"))


def a_disk_is_grown():
    with WindowManager(), Application("--fake", "1") as application:
        open_disks(application)
        wait_for_text(application, "32.0\u00a0GiB")
        press(application, "Menu of “disk.qcow2”")
        press(application, "Resize…")
        wait_for(application, "Resize")
        time.sleep(0.5)
        type_keys("ctrl+a")
        type_text("40")
        take_picture("disk-resize")
        press(application, "Resize")
        wait_for_text(application, "40.0\u00a0GiB")
        take_picture("disk-grown")


def a_disk_is_made_and_a_running_machine_keeps_them():
    with WindowManager(), Application("--fake", "1") as application:
        open_disks(application)
        press(application, "Add Disk")
        press(application, "New Disk…")
        press(application, "Create")
        wait_for(application, "Menu of “disk-2.qcow2”", (*BUTTONS, "menu button"))
        take_picture("disk-made")
        press(application, "Back")
        press(application, "Start")
        wait_for(application, "Pause")
        open_disks(application)
        wait_for_text(application, "Shut the machine down to change its disks.")
        take_picture("disks-running")


for needed in ("xdotool", "openbox"):
    if not shutil.which(needed):
        skip_all(f"{needed} is not here")
run_tests([a_disk_is_grown, a_disk_is_made_and_a_running_machine_keeps_them])
