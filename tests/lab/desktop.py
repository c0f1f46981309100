# SPDX-License-Identifier: GPL-3.0-or-later
"""The application on a virtual screen in the lab, for tests that use it as a person would: by
accessible names, the keyboard, and what the X server shows.

Importing this runs the importing program again below a screen, a session bus and a window manager.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time

import guest

UI = os.path.join(os.path.dirname(guest.HERE), "ui")
HEADLESS = os.path.join(os.path.dirname(guest.HERE), "app", "headless.sh")
BUILD = os.environ.get("POSADA_BUILD") or os.getcwd()
APPLICATION = f"{BUILD}/src/app/posada-app"
# Everything a user's session has takes long on a processor that is emulated.
SLOW = 8
# Windows over the whole screen, so that it is known where the console is.
MANAGER = """<?xml version="1.0"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <applications>
    <application type="normal"><decor>no</decor><maximized>yes</maximized></application>
  </applications>
</openbox_config>
"""

if "POSADA_TEST_SCREEN" not in os.environ:
    guest.need_pictures()
    os.environ["POSADA_TEST_SCREEN"] = "1"
    os.environ["GTK_A11Y"] = "atspi"
    os.execv("/bin/bash", ["bash", HEADLESS, sys.executable, *sys.argv])

sys.path.insert(0, UI)
sys.argv = [sys.argv[0], APPLICATION, *sys.argv[1:]]
import user  # noqa: E402

user.PATIENCE *= SLOW


def use(function, *arguments, folder=BUILD):
    """Call FUNCTION in an empty home in FOLDER, with a window manager. The lab's own file system is
    too small for the disk that the wizard suggests."""
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        os.environ["XDG_DATA_HOME"] = directory
        with open(f"{directory}/rc.xml", "w", encoding="utf-8") as file:
            file.write(MANAGER)
        manager = subprocess.Popen(["openbox", "--config-file", f"{directory}/rc.xml"],
                                   stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            function(*arguments)
        finally:
            manager.terminate()


@contextlib.contextmanager
def case(tap, name):
    with tap.case(name):
        try:
            yield
        except (AssertionError, guest.Failure) as error:
            path = os.path.join(BUILD, "app.last.png")
            screen().save(path)
            raise guest.Failure(f"{error}; the screen is {path}") from error


def screen():
    """What the X server shows."""
    return guest.ImageGrab.grab(xdisplay="")


def console():
    """The part of it that is the console of a window over all of it."""
    return screen().crop((360, 80, 1260, 780))


def difference(image, other):
    """Mean over all pixels and colours, 0 to 255."""
    histogram = guest.ImageChops.difference(image, other).histogram()
    total = sum(n * (i % 256) for i, n in enumerate(histogram))
    return total / (image.size[0] * image.size[1] * 3)


def share(image, colour):
    """Of the pixels that are nearly of COLOUR."""
    flat = guest.Image.new("RGB", image.size, colour)
    near = guest.ImageChops.difference(image, flat).convert("L").point(lambda n: 255 * (n < 12))
    return near.histogram()[255] / (image.size[0] * image.size[1])


def is_installer(shown):
    """A grey dialog on a blue screen, whatever size the guest gives it to suit the window."""
    return share(shown, (0, 0, 170)) > 0.02 and share(shown, (170, 170, 170)) > 0.2


def wait_for_picture(what, is_right, seconds):
    deadline = guest.Deadline(seconds)
    while not is_right(console()):
        guest.check(deadline.wait(1), f"the window does not show {what}")


def type_key(name):
    subprocess.run(["xdotool", "key", "--delay", "150", name], check=True)


def focus():
    """On the console: a button that was pressed has it now."""
    subprocess.run(["xdotool", "mousemove", "800", "120", "click", "1"], check=True)


def place(node):
    """Where it is on the screen: the window is over all of it."""
    place = node.get_component_iface().get_extents(user.Atspi.CoordType.WINDOW)
    return place.x, place.y, place.width, place.height


def click(node):
    """Rows have no action of their own for AT-SPI: this is a hand on the mouse."""
    left, top, width, height = place(node)
    subprocess.run(["xdotool", "mousemove", str(left + width // 2), str(top + height // 2),
                    "click", "1"], check=True)  # fmt: skip


def scroll_down():
    """To the end of the page."""
    subprocess.run(["xdotool", "mousemove", "800", "620", "click", "--repeat", "30", "--delay", "100",
                    "5"], check=True)  # fmt: skip
    time.sleep(5)


def can_press(application, name):
    button = user.find(application, name)
    return button and button.get_state_set().contains(user.Atspi.StateType.SENSITIVE)


def create(tap, application):
    """What the wizard opened with becomes a machine, whose console shows."""
    with case(tap, "the wizard opens with the image and is ready to create"):
        user.wait("“Create”", lambda: can_press(application, "Create"))
    with case(tap, "Create makes the machine and shows its console"):
        user.press(application, "Create")
        user.wait_for_text(application, "Console of")
