#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot in the window, as a person takes it: while a stock guest works, which is then broken,
its disk and its kernel; restored, it works, and the picture in the timeline was its screen of that
moment. What counts is what the X server shows."""

import os
import re
import time

import desktop
import guest
import lab
from desktop import user

RED, GREEN, BLUE, MAGENTA = (170, 0, 0), (0, 170, 0), (0, 0, 170), (170, 0, 170)
MENU_BUTTONS = (*user.BUTTONS, "menu button")

# In the place of guest-init.sh: it writes to the disk, paints red above blue, and does what keys
# say. A key that is held too long, as where everything is slow, does the same as once.
INIT = rb"""#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
dmesg -n 1
while read -r module; do insmod "/lib/$module"; done </modules
echo mine >/dev/vda
sync
ip link set eth0 up
while :; do udhcpc -i eth0 -n -q -s /bin/true; sleep 0.2; done >/dev/null 2>&1 &
printf '\033[?25l\033[44m\033[2J\033[H'
for i in 1 2 3 4 5 6 7 8; do printf '\033[41m\033[K\n'; done
printf '\033[44m'
while :; do
    read -r -s -n 1 key
    case $key in
    g)
        echo 3 >/proc/sys/vm/drop_caches
        [ "$(head -n 1 /dev/vda)" = mine ] && printf '\033[42m\033[2J'
        ;;
    b)
        echo lost >/dev/vda
        sync
        # A kernel that panics need not draw what it says of that.
        printf '\033[45m\033[2J'
        sleep 1
        echo c >/proc/sysrq-trigger
        ;;
    esac
done
"""


def make_machine():
    folder = os.environ["XDG_DATA_HOME"]
    disk, initrd = f"{folder}/disk.qcow2", f"{folder}/initrd"
    with open(initrd, "wb") as file:
        # Of two files of one name the later one counts.
        file.write(lab.read(guest.made("guest.cpio")) + lab.cpio([("init", 0o100755, INIT)]))
    for arguments in (("disk", "create", disk, "--size", "16M"),
                      ("create", "--name", "First", "--kernel", guest.kernel(), "--initrd", initrd,
                       "--cmdline", "console=tty0 quiet", "--memory", "256M",
                       "--disk", disk)):  # fmt: skip
        done = guest.posada(*arguments)
        guest.check(done.returncode == 0, f"{arguments}: {done.stderr}")


def is_flag(shown):
    """Red above blue."""
    half = shown.size[1] // 2
    upper, lower = (shown.crop((0, top, shown.size[0], top + half)) for top in (0, half))
    return desktop.share(upper, RED) > 0.1 and desktop.share(lower, BLUE) > 0.2 and \
        desktop.share(lower, RED) < 0.05  # fmt: skip


def is_green(shown):
    return desktop.share(shown, GREEN) > 0.3


def is_magenta(shown):
    return desktop.share(shown, MAGENTA) > 0.3


def is_part(name):
    """Of 256 MiB, and what a kernel takes at least."""
    match = re.fullmatch(r"(\d+)(\.\d+)?\sMiB", name or "")
    return match and 20 < int(match[1]) < 240


def is_traffic(name):
    """Both ways."""
    amounts = re.findall(r"(\S+)\s[a-zA-Z]+\W*/", name or "")
    return "received" in (name or "") and len(amounts) == 2 and "0" not in amounts


def type_until(key, what, is_right):
    """Again and again: the console may not have the keyboard at once."""
    deadline = guest.Deadline(120)
    while deadline.left():
        desktop.type_key(key)
        for _ in range(4):
            if is_right(desktop.console()):
                return
            time.sleep(1)
    raise guest.Failure(f"the window does not show {what}")


def open_console(application):
    user.press(application, "Console")
    user.wait_for_text(application, "Console of")
    desktop.focus()


def in_timeline(application):
    """The picture beside the snapshot."""
    row = user.wait_for(application, "Snapshot 1", ("list item",))
    left, top, _, height = desktop.place(row)
    top += height // 2 - 35
    return desktop.screen().crop((left + 12, top, left + 124, top + 70))


def test(tap):
    make_machine()
    with user.Application() as application:
        with desktop.case(tap, "a guest is started and works"):
            user.press(application, "Start")
            user.wait_for(application, "Pause")
            open_console(application)
            desktop.wait_for_picture("the flag", is_flag, 120)
        with desktop.case(tap, "its page tells how much of its memory it uses"):
            user.press(application, "Back")
            user.wait_for(application, "Machine Menu", MENU_BUTTONS)
            user.wait("less than all", lambda: any(map(is_part, user.names(application))))
        with desktop.case(tap, "and what goes through its network card"):
            user.wait("traffic", lambda: any(map(is_traffic, user.names(application))))
        with desktop.case(tap, "a snapshot of it is taken"):
            desktop.type_key("ctrl+t")
            user.wait_for(application, "Menu of “Snapshot 1”", MENU_BUTTONS)
        with desktop.case(tap, "its picture in the timeline is the screen of that moment"):
            user.wait("the flag in the timeline", lambda: is_flag(in_timeline(application)))
        with desktop.case(tap, "the guest goes on, and is broken"):
            user.press(application, "Back")
            open_console(application)
            desktop.wait_for_picture("the flag", is_flag, 30)
            type_until("b", "its last words", is_magenta)
            time.sleep(5)
            desktop.type_key("g")
            time.sleep(8)
            guest.check(not is_green(desktop.console()), "it is not broken")
        with desktop.case(tap, "restored, it shows what it did then"):
            user.press(application, "Back")
            user.wait_for(application, "Machine Menu", MENU_BUTTONS)
            desktop.scroll_down()
            desktop.click(user.wait_for(application, "Snapshots", ("list item",)))
            desktop.click(user.wait_for(application, "Snapshot 1", ("list item",)))
            user.press(application, "Restore")
            user.wait_until_gone(application, "Restore")
            user.press(application, "Back")
            open_console(application)
            desktop.wait_for_picture("the flag", is_flag, 60)
        with desktop.case(tap, "and works, with what was on its disk"):
            type_until("g", "that it reads its disk", is_green)


desktop.use(test, guest.Tap(8))
