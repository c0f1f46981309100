#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""GTK 3's SPICE widget, as Remote Viewer has it, on a UNIX socket: console-gtk3.py SOCKET SECONDS.
Says what bench-console says. The widget has no typelib everywhere, hence ctypes."""

import ctypes
import resource
import sys
import time

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("SpiceClientGLib", "2.0")
from gi.repository import GLib, GObject, Gtk, SpiceClientGLib  # noqa: E402


class Primary(ctypes.Structure):
    _fields_ = [
        ("format", ctypes.c_int), ("width", ctypes.c_int), ("height", ctypes.c_int),
        ("stride", ctypes.c_int), ("shmid", ctypes.c_int), ("data", ctypes.c_void_p),
        ("marked", ctypes.c_int),
    ]  # fmt: skip


client = ctypes.CDLL("libspice-client-glib-2.0.so.8")
widgets = ctypes.CDLL("libspice-client-gtk-3.0.so.5")
widgets.spice_display_get_type.restype = ctypes.c_size_t
widgets.spice_display_get_type()

primary = Primary()
channels = []
painted = []


def pointer(thing):
    return ctypes.c_void_p(hash(thing))


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


def drawn(widget, context):
    if not channels:
        return False
    found = client.spice_display_channel_get_primary(
        pointer(channels[0]), 0, ctypes.byref(primary)
    )
    if found and primary.data:
        number = ctypes.c_uint32.from_address(primary.data).value & 0xFFFFFF
        if not painted or painted[-1][0] != number:
            painted.append((number, time.monotonic_ns()))
    return False


def main():
    socket, seconds = sys.argv[1], int(sys.argv[2])
    session = SpiceClientGLib.Session()
    session.set_property("uri", f"spice+unix://{socket}")
    session.set_property("enable-audio", False)
    session.set_property("enable-usbredir", False)

    def channel_new(_, channel):
        if isinstance(channel, SpiceClientGLib.DisplayChannel):
            channels.append(channel)

    GObject.Object.connect(session, "channel-new", channel_new)
    display = GObject.new(GObject.type_from_name("SpiceDisplay"), session=session, channel_id=0)
    display.set_property("resize-guest", False)
    display.connect_after("draw", drawn)
    window = Gtk.Window(decorated=False, default_width=1920, default_height=1080)
    window.add(display)
    window.show_all()
    client.spice_session_connect(pointer(session))
    before = cpu()
    loop = GLib.MainLoop()
    GLib.timeout_add_seconds(seconds, loop.quit)
    loop.run()
    print(f"cpu {cpu() - before}")
    for number, at in painted:
        print(f"s {number} {at}")
    sys.stdout.flush()


main()
