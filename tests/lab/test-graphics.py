#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtio graphics adapter: the distribution's driver on it, and firmware and a boot loader on
the VGA inside. Keyboard and tablet beside it."""

import struct

import guest

COMMAND_LINE = "console=tty0 console=ttyS0 quiet"
LETTER = (8, 16)  # a character of the kernel's console
COUNTDOWN = [(0, 352, 720, 368)]  # a line of GRUB's menu

tap = guest.Tap(11)


def event_node(machine, name):
    return machine.run(
        f"grep -A4 'Name=\"{name}\"' /proc/bus/input/devices | sed -n 's/.*\\(event[0-9]*\\).*/\\1/p'"
    )


def read_events(machine, name, count, act):
    """The type, code and value of the next COUNT events of a device, while ACT makes them."""
    node = event_node(machine, name)
    machine.begin(f"echo listening; dd if=/dev/input/{node} bs=24 count={count} 2>/dev/null"
                  " | od -An -v -tx1 | tr -d ' \\n'")  # fmt: skip
    machine.expect("listening\n")
    machine.pump(1)
    act()
    data = bytes.fromhex(machine.end())
    return [struct.unpack_from("<HHi", data, 24 * i + 16) for i in range(len(data) // 24)]


def difference(before, after):
    from PIL import ImageChops

    return ImageChops.difference(before, after).getbbox()


def settle(machine):
    """The screen when nothing but a cursor has moved for a while."""
    deadline = guest.Deadline(90)
    last, quiet = None, 0
    while quiet < 6:
        guest.check(deadline.wait(1), "the screen does not come to rest")
        try:
            picture = guest.cover(machine.screenshot(), COUNTDOWN)
        except guest.Failure:  # it is off
            continue
        quiet = quiet + 1 if last and guest.nearly_same(picture, last) else 0
        last = picture
    return last


with guest.Machine("--display=virtio", "--kernel", guest.kernel(),
                   "--initrd", guest.made("guest.cpio"), "--cmdline", COMMAND_LINE,
                   "--memory=256M") as machine:  # fmt: skip
    with tap.case("reaches init"):
        machine.boot()
    with tap.case("the kernel's own console is on the adapter"):
        guest.check_match("virtio_gpu", machine.run("cat /proc/fb"))
    with tap.case("the screen has the monitor's size"):
        guest.check_equal(machine.screenshot().size, (1280, 800))
    with tap.case("text appears where it is written and nowhere else"):
        machine.run(r"printf '\033[H\033[J\033[?25l' >/dev/tty1; sleep 1")
        before = machine.screenshot()
        machine.run(r"printf '\033[11;21HPOSADA' >/dev/tty1; sleep 1")
        left, top, right, bottom = difference(before, machine.screenshot())
        guest.check(20 * LETTER[0] <= left <= 21 * LETTER[0], f"left edge {left}")
        guest.check(25 * LETTER[0] <= right <= 26 * LETTER[0], f"right edge {right}")
        guest.check(10 * LETTER[1] <= top < bottom <= 11 * LETTER[1], f"rows {top} to {bottom}")
    with tap.case("keyboard and tablet have their drivers"):
        devices = machine.run("cat /proc/bus/input/devices")
        guest.check_match('Name="Posada Virtio Keyboard"', devices)
        guest.check_match('Name="Posada Virtio Tablet"', devices)
    with tap.case("a key reaches the guest through the virtio keyboard"):
        events = read_events(machine, "Posada Virtio Keyboard", 4, lambda: machine.keys("q"))
        guest.check_equal(events, [(1, 16, 1), (0, 0, 0), (1, 16, 0), (0, 0, 0)])
    with tap.case("and the console"):
        machine.begin("echo listening; head -n 1 </dev/tty1")
        machine.expect("listening\n")
        machine.pump(1)
        machine.keys("h", "i", "ret")
        guest.check_match("hi$", machine.end())
    with tap.case("the pointer reaches the guest through the tablet"):
        events = read_events(
            machine, "Posada Virtio Tablet", 4, lambda: machine.ctl("mouse 1000 2000 left")
        )
        guest.check_equal(events, [(3, 0, 1000), (3, 1, 2000), (1, 0x110, 1), (0, 0, 0)])
    with tap.case("a new size is the monitor's first mode"):
        modes = "head -n 1 /sys/class/drm/card0-Virtual-1/modes"
        guest.check_equal(machine.run(modes), "1280x800")
        machine.ctl("resize 1016 759")
        machine.run(f"i=0; until [ $({modes}) = 1016x759 ] || [ $i = 50 ];"
                    " do sleep 0.1; i=$((i+1)); done")  # fmt: skip
        guest.check_equal(machine.run(modes), "1016x759")
        machine.pump(2)
        guest.check_equal(machine.screenshot().size, (1016, 759))
    with tap.case("powers off with status 0"):
        machine.send("poweroff -f\n")
        guest.check_equal(machine.wait(), 0)

iso = guest.installed("/usr/lib/grub-rescue/grub-rescue-cdrom.iso", "grub-rescue-pc")
with tap.case("a boot loader draws as on the plain VGA"):
    with guest.Machine("--display=vga", "--iso", iso, serial=False) as machine:
        expected = settle(machine)
    with guest.Machine("--display=virtio", "--iso", iso, serial=False) as machine:
        picture = settle(machine)
    guest.check(picture.getbbox(), "the screen is black")
    guest.check(guest.nearly_same(picture, expected), "the screens differ")
