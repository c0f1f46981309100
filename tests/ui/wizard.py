#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a machine of a real installation image with real keys, and looks at the application in
Spanish. Arguments: posada-app, a folder for screenshots, the folder of the build's translations, the
program drag-source."""

import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

import user as window
from user import Application, find, wait, wait_for, wait_for_text

RESCUE = "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"


def key(*names):
    for name in names:
        subprocess.run(["xdotool", "key", name], check=True)
        time.sleep(0.2)


def focus(pid):
    """There may be nobody who manages windows and gives the focus to one."""

    def search():
        argv = ["xdotool", "search", "--onlyvisible", "--pid", str(pid)]
        return subprocess.run(argv, capture_output=True, text=True).stdout.split()

    number = wait("the window", search)[-1]
    subprocess.run(["xdotool", "windowfocus", "--sync", number], check=False)
    time.sleep(0.5)


def is_sensitive(application, name):
    node = find(application, name)
    return node and node.get_state_set().contains(window.Atspi.StateType.SENSITIVE)


def tab_to(application, name):
    def is_focused():
        row = find(application, name, ("list item",))
        return row and row.get_state_set().contains(window.Atspi.StateType.FOCUSED)

    for _ in range(20):
        if is_focused():
            return
        key("Tab")
    assert is_focused(), f"Tab does not lead to “{name}”"


def keys_make_a_machine_of_a_recent_image():
    with tempfile.TemporaryDirectory() as downloads:
        config = os.environ["XDG_CONFIG_HOME"]
        os.makedirs(config, exist_ok=True)
        with open(os.path.join(config, "user-dirs.dirs"), "w", encoding="utf-8") as file:
            file.write(f'XDG_DOWNLOAD_DIR="{downloads}"\n')
        shutil.copy(RESCUE, os.path.join(downloads, "rescue.iso"))
        with Application() as application:
            wait_for(application, "New Virtual Machine")
            focus(application.get_process_id())
            key("ctrl+n")
            wait_for_text(application, "rescue.iso")
            window.take_picture("wizard-source")
            # From "Cancel", which has the focus, to the first row.
            key("Tab", "Return")
            wait("“Create”", lambda: is_sensitive(application, "Create"))
            window.take_picture("wizard-review")
            key("Return")
            wait_for_text(application, "Console of rescue")
            wait_for_text(application, "rescue")
            assert find(application, "Create") is None
            window.take_picture("wizard-created")
    machines = os.path.join(os.environ["XDG_DATA_HOME"], "posada", "machines")
    made = [name for name in os.listdir(machines) if not name.startswith(".")]
    assert len(made) == 1, made
    with open(os.path.join(machines, made[0], "machine.xml"), encoding="utf-8") as file:
        text = file.read()
    assert "rescue.iso" in text and "qcow2" in text, text


def a_file_is_chosen_and_one_that_comes_meanwhile_takes_its_place():
    """Without a portal it is GTK's own dialog."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = (os.path.join(folder, name) for name in ("first.iso", "second.iso"))
        shutil.copy(RESCUE, first)
        shutil.copy(RESCUE, second)
        with window.WindowManager(), Application() as application:
            wait_for(application, "New Virtual Machine")
            key("ctrl+n")
            wait_for_text(application, "Installation Image…")
            window.take_picture("wizard-empty")
            tab_to(application, "Installation Image…")
            key("Return")
            wait("the file chooser", lambda: (
                chooser := find(application, "Choose an Installation Image", ("dialog", "frame")))
                and chooser.get_state_set().contains(window.Atspi.StateType.ACTIVE))
            # The first slash brings the entry for a path.
            key("slash")
            wait_for(application, "", ("text",))
            window.type_text(first[1:])
            # What the entry has added to it by itself.
            key("shift+End", "Delete")
            window.take_picture("wizard-file-chooser")
            key("Return")
            wait("“Create”", lambda: is_sensitive(application, "Create"))
            wait_for_text(application, "first.iso")
            done = subprocess.run([sys.argv[1], "--new-from", second], timeout=60, check=False)
            assert done.returncode == 0, done
            wait_for_text(application, "second.iso")
            wait("“Create”", lambda: is_sensitive(application, "Create"))
            dialogs = [node for node in window.walk(application)
                       if node.get_role_name() == "dialog" and window.is_shown(node)]
            assert len(dialogs) == 1, dialogs


def place_window(name, left, top):
    """Moves it; where it is then, and how large."""
    def search():
        argv = ["xdotool", "search", "--onlyvisible", "--name", name]
        return subprocess.run(argv, capture_output=True, text=True).stdout.split()

    number = wait(f"the window {name}", search)[-1]
    subprocess.run(["xdotool", "windowmove", "--sync", number, str(left), str(top)], check=True)
    done = subprocess.run(["xdotool", "getwindowgeometry", "--shell", number], check=True,
                          capture_output=True, text=True)  # fmt: skip
    place = dict(line.split("=") for line in done.stdout.split())
    return [int(place[key]) for key in ("X", "Y", "WIDTH", "HEIGHT")]


def drag(source, target):
    """By hand: slowly, as programs talk about each step."""
    def middle(place):
        return str(place[0] + place[2] // 2), str(place[1] + place[3] // 2)

    subprocess.run(["xdotool", "mousemove", *middle(source), "mousedown", "1"], check=True)
    for step in range(1, 6):
        subprocess.run(["xdotool", "mousemove_relative", "--", str(-10 * step), "0"], check=True)
        time.sleep(0.1)
    for offset in 0, 5, 10:
        x, y = middle(target)
        subprocess.run(["xdotool", "mousemove", str(int(x) + offset), y], check=True)
        time.sleep(0.5)
    subprocess.run(["xdotool", "mouseup", "1"], check=True)


def an_image_is_dragged_here_from_another_program():
    with tempfile.TemporaryDirectory() as folder, window.WindowManager():
        path = os.path.join(folder, "dragged.iso")
        shutil.copy(RESCUE, path)
        source = subprocess.Popen([sys.argv[4], path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)  # fmt: skip
        try:
            assert source.stdout.readline() == "ready\n"
            with Application() as application:
                wait_for(application, "New Virtual Machine")
                target = place_window("^Posada$", 0, 0)
                start = place_window("^Drag Source$", 1000, 600)
                # Whoever is too slow to answer gets nothing, and the hand tries again.
                for _ in range(5):
                    drag(start, target)
                    said = select.select([source.stdout], [], [], window.PATIENCE)[0]
                    if said and source.stdout.readline() == "dropped\n":
                        break
                wait("“Create”", lambda: is_sensitive(application, "Create"))
                wait_for_text(application, "dragged.iso")
                window.take_picture("wizard-dragged")
        finally:
            source.stdin.close()
            source.wait()


def the_window_speaks_spanish():
    # Nothing is translated in the C locale; this one is it by another name.
    with tempfile.TemporaryDirectory() as locales:
        shutil.copytree("/usr/lib/locale/C.utf8", os.path.join(locales, "es_ES.utf8"))
        os.environ.update(LOCPATH=locales, LC_ALL="es_ES.UTF-8", LANGUAGE="es",
                          POSADA_LOCALE_DIR=sys.argv[3])  # fmt: skip
        try:
            with Application("--fake", "3") as application:
                wait_for(application, "Máquina virtual nueva")
                wait_for(application, "Iniciar")
                wait_for_text(application, "Apagada")
                window.take_picture("spanish")
        finally:
            os.environ.update(LC_ALL="C.UTF-8")
            for name in ("LOCPATH", "LANGUAGE", "POSADA_LOCALE_DIR"):
                del os.environ[name]


def main():
    needs = {
        keys_make_a_machine_of_a_recent_image: shutil.which("xdotool") and os.path.exists(RESCUE),
        a_file_is_chosen_and_one_that_comes_meanwhile_takes_its_place:
            shutil.which("xdotool") and shutil.which("openbox") and os.path.exists(RESCUE),
        an_image_is_dragged_here_from_another_program:
            shutil.which("xdotool") and shutil.which("openbox") and os.path.exists(RESCUE),
        the_window_speaks_spanish: os.path.isdir("/usr/lib/locale/C.utf8"),
    }
    failed = False
    for count, (test, can) in enumerate(needs.items(), start=1):
        if not can:
            print(f"ok {count} - {test.__name__} # SKIP what it needs is not here", flush=True)
            continue
        try:
            test()
            print(f"ok {count} - {test.__name__}", flush=True)
        except AssertionError as error:
            failed = True
            window.take_picture(f"failed-{test.__name__}")
            print(f"# {error}\nnot ok {count} - {test.__name__}", flush=True)
    print(f"1..{len(needs)}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
