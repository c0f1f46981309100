#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How machines are reset, switched off and crash."""

import os
import signal
import struct

import guest

tap = guest.Tap(13)

UP = "^init: the guest is up"


def write_crasher(path):
    """A PVH kernel that jumps to where nothing is, in ring 0: KVM can only give up."""
    entry = 0x100000
    code = bytes.fromhex("b8000000d0ffe0")  # mov eax, 0xd0000000; jmp eax
    # Xen's public elfnote.h: type 18, XEN_ELFNOTE_PHYS32_ENTRY, is where PVH begins.
    note = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", entry)
    offset = 64 + 2 * 56
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, entry, 64, 0, 0,
                         64, 56, 2, 0, 0, 0)  # fmt: skip
    segments = struct.pack("<IIQQQQQQ", 4, 4, offset, 0, 0, len(note), len(note), 4)
    offset += len(note)
    segments += struct.pack("<IIQQQQQQ", 1, 5, offset, entry, entry, len(code), len(code), 1)
    with open(path, "wb") as file:
        file.write(header + segments + note + code)


with guest.Machine("--kernel", guest.kernel(), "--initrd", guest.made("guest.cpio"),
                   "--cmdline", "console=ttyS0 quiet panic=-1", "--memory=256M") as machine:  # fmt: skip
    machine.boot()
    with tap.case("keys reach the guest"):
        machine.begin(
            "name=$(grep -l 'Virtio Keyboard' /sys/class/input/event*/device/name);"
            "name=${name%/device/name}; exec 9</dev/input/${name##*/}; echo ready;"
            "dd bs=24 count=1 <&9 >/tmp/key 2>/dev/null; exec 9<&-;"
            "hexdump -s 16 -e '\"%d\"' /tmp/key"
        )
        machine.expect("^ready$")
        machine.keys("f5")
        # EV_KEY, KEY_F5 (63), pressed.
        guest.check_equal(machine.end(), str(63 << 16 | 1) + "1")
    with tap.case("a reboot by the ACPI reset register resets the machine"):
        guest.check_match("acpi", machine.run("cat /sys/kernel/reboot/type"))
        machine.send("reboot -f\n")
        machine.boot()
    with tap.case("a reboot by the keyboard controller does, too"):
        machine.run("echo kbd >/sys/kernel/reboot/type")
        machine.send("reboot -f\n")
        machine.boot()
    with tap.case("a panic ends in a triple fault, which resets"):
        machine.run("echo triple >/sys/kernel/reboot/type; dmesg -n 8")
        machine.send("echo c >/proc/sysrq-trigger\n")
        machine.expect("Kernel panic")
        machine.boot()
    with tap.case("clocks and timers are right after that"):
        started = guest.time.monotonic()
        before = float(machine.run("cut -d' ' -f1 /proc/uptime"))
        machine.run("sleep 2")
        passed = float(machine.run("cut -d' ' -f1 /proc/uptime")) - before
        guest.check(abs(guest.time.monotonic() - started - passed) < 1, f"{passed} s in the guest")
        guest.check(2 <= passed < 4, f"{passed} s instead of 2")
    with tap.case("the reset command resets"):
        guest.check_equal(machine.ctl("reset")["state"], "running")
        machine.boot()
    with tap.case("a reset of a paused machine keeps it paused"):
        machine.ctl("pause")
        guest.check_equal(machine.ctl("reset")["state"], "paused")
        machine.pump(1)
        guest.check(not machine.output[machine.seen :].strip(), "it goes on")
        guest.check_equal(machine.ctl("resume")["state"], "running")
        machine.boot()
    with tap.case("the power button reaches the guest, which powers off"):
        machine.ctl("powerdown")
        machine.expect("^init: power button")
        guest.check_equal(machine.wait(), 0)
    with tap.case("the control socket is gone then"):
        guest.check(not os.path.exists(machine.control_path), "it is there")

write_crasher("/tmp/crasher")
with guest.Machine("--kernel", "/tmp/crasher", "--memory=16M") as machine:
    with tap.case("a guest that KVM cannot go on with crashes: status 1"):
        guest.check_equal(machine.wait(), 1)
    with tap.case("the reason names the instruction pointer"):
        with open(machine.errors_path, encoding="utf-8") as file:
            guest.check_match("(?i)crashed: .*d0000000", file.read())

for number, name in ((None, "quit"), (signal.SIGTERM, "SIGTERM")):
    with guest.Machine("--memory=16M") as machine:
        with tap.case(f"{name} ends a machine with status 0"):
            if number:
                machine.process.send_signal(number)
            else:
                machine.ctl("quit")
            guest.check_equal(machine.wait(), 0)
