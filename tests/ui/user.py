# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the user interface share: finding and pressing things by their accessible names, and
typing. The first argument of the program is posada-app; pictures go to the second."""

import os
import shutil
import subprocess
import sys
import time

try:
    import gi

    gi.require_version("Atspi", "2.0")
    from gi.repository import Atspi
except (ImportError, ValueError):
    print("1..0 # SKIP python3-gi or Atspi is not here")
    sys.exit(0)

PATIENCE = 15 * float(os.environ.get("POSADA_TEST_PATIENCE", "1"))
BUTTONS = ("button", "push button", "toggle button")


def children(node):
    for i in range(node.get_child_count()):
        child = node.get_child_at_index(i)
        if child:
            yield child


def walk(node):
    yield node
    for child in children(node):
        yield from walk(child)


def is_shown(node):
    return node.get_state_set().contains(Atspi.StateType.SHOWING)


def is_enabled(node):
    return node is not None and node.get_state_set().contains(Atspi.StateType.SENSITIVE)


def find(application, name, roles=BUTTONS):
    for node in walk(application):
        try:
            if node.get_name() == name and node.get_role_name() in roles and is_shown(node):
                return node
        except gi.repository.GLib.Error:
            continue
    return None


def wait(what, check):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            found = check()
        except gi.repository.GLib.Error:
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come")


def wait_for(application, name, roles=BUTTONS):
    return wait(f"“{name}”", lambda: find(application, name, roles))


def wait_until_gone(application, name, roles=BUTTONS):
    wait(f"the end of “{name}”", lambda: not find(application, name, roles))


def press(application, name, roles=BUTTONS):
    """A menu button is pressed by the toggle button inside of it."""
    for node in walk(wait_for(application, name, (*roles, "menu button"))):
        if node.get_n_actions() > 0:
            node.do_action(0)
            return
    raise AssertionError(f"“{name}” cannot be pressed")


def click(node):
    """Rows that lead on have no action of their own for AT-SPI: this is a hand on the mouse."""
    subprocess.run(["xdotool", "search", "--onlyvisible", "--class", "posada", "windowmove", "0", "0"],
                   check=True)  # fmt: skip
    time.sleep(0.5)
    place = node.get_component_iface().get_extents(Atspi.CoordType.WINDOW)
    subprocess.run(["xdotool", "mousemove", str(place.x + place.width // 3),
                    str(place.y + place.height // 2), "click", "1"], check=True)  # fmt: skip


def names(application):
    return [node.get_name() for node in walk(application) if is_shown(node)]


def wait_for_text(application, text):
    wait(f"“{text}”", lambda: any(text in (name or "") for name in names(application)))


class Application:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([sys.argv[1], *arguments])
        Application.running = self.process

    def __enter__(self):
        def look():
            for node in children(Atspi.get_desktop(0)):
                if node.get_process_id() == self.process.pid:
                    return node
            return None

        return wait("the application", look)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def take_picture(name):
    if len(sys.argv) > 2 and shutil.which("import"):
        os.makedirs(sys.argv[2], exist_ok=True)
        path = os.path.join(sys.argv[2], f"{name}.png")
        subprocess.run(["import", "-window", "root", path], check=False)


def type_keys(*keys):
    """As by a hand on the keyboard, wherever the focus is."""
    subprocess.run(["xdotool", "key", "--delay", "60", *keys], check=True)


def type_text(text):
    subprocess.run(["xdotool", "type", "--delay", "30", text], check=True)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


class Skip(Exception):
    pass


def run_tests(tests):
    failed = False
    print(f"1..{len(tests)}", flush=True)
    for count, test in enumerate(tests, start=1):
        line = f"ok {count} - {test.__name__}"
        try:
            test()
        except Skip as reason:
            line += f" # SKIP {reason}"
        except (AssertionError, gi.repository.GLib.Error, subprocess.SubprocessError) as error:
            failed = True
            print(f"# {error}")
            take_picture(f"failed-{test.__name__}")
            line = f"not {line}"
        print(line, flush=True)
    sys.exit(failed)


class WindowManager:
    """Without one nobody gives windows the focus, so that keys go nowhere."""

    def __enter__(self):
        self.process = subprocess.Popen(["openbox", "--sm-disable"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)  # fmt: skip
        time.sleep(0.5)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
