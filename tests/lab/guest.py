# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's tests share: TAP, a machine of `posada run`, its serial line, control socket and
screen. A test is a script that opens cases one after another; the first that fails ends it.

    tap = guest.Tap(2)
    with guest.Machine("--kernel", guest.kernel(), …) as machine:
        with tap.case("reaches init"):
            machine.boot()
        with tap.case("powers off with status 0"):
            machine.send("poweroff -f\\n")
            guest.check_equal(machine.wait(), 0)
"""

import contextlib
import glob
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

try:
    from PIL import Image, ImageChops, ImageGrab
except ImportError:
    Image = None

HERE = os.path.dirname(os.path.realpath(__file__))
GOLDEN = os.path.join(os.path.dirname(HERE), "golden", "lab")
PATIENCE = float(os.environ.get("POSADA_TEST_PATIENCE") or 1)


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def check_equal(value, expected):
    check(value == expected, f"{value!r} instead of {expected!r}")


def check_match(pattern, text):
    match = re.search(pattern, text)
    check(match, f"{text!r} does not match {pattern!r}")
    return match


class Deadline:
    def __init__(self, seconds):
        self.seconds = seconds * PATIENCE
        self.end = time.monotonic() + self.seconds

    def left(self):
        return max(0, self.end - time.monotonic())

    def wait(self, seconds):
        """Sleep a little; False when the time is over."""
        if not self.left():
            return False
        time.sleep(min(seconds, self.left()))
        return True


# --- TAP -----------------------------------------------------------------------------------------


class Tap:
    def __init__(self, plan):
        self.number = 0
        self.plan = plan
        self.started = time.monotonic()

    @contextlib.contextmanager
    def case(self, name):
        self.number += 1
        try:
            yield
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            self.show_plan()
            self.note(str(failure))
            print(f"not ok {self.number} - {name}", flush=True)
            raise SystemExit(1) from failure
        self.show_plan()
        print(f"ok {self.number} - {name}", flush=True)
        self.note(f"at {time.monotonic() - self.started:.1f} s")

    def show_plan(self):
        """With the first result, so that what is missing may still skip all of it before."""
        if self.number == 1:
            print(f"1..{self.plan}", flush=True)

    @staticmethod
    def note(text):
        for line in text.splitlines():
            print(f"# {line}", flush=True)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    raise SystemExit(0)


# --- what machines boot --------------------------------------------------------------------------


def made(name):
    """A file that make-guest.py made at build time."""
    path = os.path.join(os.environ.get("POSADA_BUILD") or os.getcwd(), "tests", "lab", name)
    try:
        with open(path, "rb") as file:
            start = file.read(8)
            if start == b"absent: ":
                skip_all(file.read().decode().strip())
    except FileNotFoundError:
        skip_all(f"{path} is not built")
    return path


def installed(path, package):
    """A file of the distribution."""
    found = sorted(glob.glob(path))
    if not found:
        skip_all(f"{path} is missing (package {package})")
    return found[-1]


def kernel():
    return installed("/boot/vmlinuz-*", "linux-image-amd64")


# --- a machine -----------------------------------------------------------------------------------


class Machine:
    """posada run with OPTIONS, a control socket and, unless SERIAL is false, a serial line."""

    def __init__(self, *options, serial=True):
        self.directory = tempfile.mkdtemp(prefix="lab-")
        self.control_path = f"{self.directory}/control"
        self.serial_path = f"{self.directory}/serial"
        self.errors_path = f"{self.directory}/errors"
        self.log_path = f"{self.directory}/log"
        self.control = None
        self.serial = None
        self.output = ""  # of the serial line
        self.seen = 0  # how much of it expect () is through with
        argv = ["posada", "run", *options, f"--control=unix:{self.control_path}",
                f"--log={self.log_path}"]  # fmt: skip
        if serial:
            argv += [f"--serial=unix:{self.serial_path}"]
        with open(self.errors_path, "wb") as errors:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=errors)
        self.control = self.connect(self.control_path).makefile("rwb")
        if serial:
            self.serial = self.connect(self.serial_path)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind:
            Tap.note(self.last_words())
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def last_words(self):
        words = "what the guest said last:\n" + "\n".join(self.output.splitlines()[-25:])
        for path in (self.errors_path, self.log_path):
            with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
                words += f"\n{os.path.basename(path)}:\n" + "".join(file.readlines()[-10:])
        with contextlib.suppress(Failure, OSError, ValueError):
            words += f"\nstats: {self.ctl('stats')}"
        with contextlib.suppress(Failure, OSError, ValueError):
            self.screenshot(os.path.splitext(os.path.basename(sys.argv[0]))[0] + ".last.png")
        return words

    def connect(self, path):
        deadline = Deadline(20)
        while True:
            stream = socket.socket(socket.AF_UNIX)
            try:
                stream.connect(path)
                return stream
            except OSError:
                stream.close()
            if self.process.poll() is not None or not deadline.wait(0.05):
                with open(self.errors_path, encoding="utf-8") as file:
                    words = file.read()
                raise SystemExit(f"Bail out! posada run does not come up: {words}")

    def ctl(self, line):
        """Give one command; its answer, a dictionary, if it is a good one."""
        self.control.write(line.encode() + b"\n")
        self.control.flush()
        answer = self.control.readline()
        check(answer, f"no answer to {line!r}")
        answer = json.loads(answer)
        check(answer["ok"], f"{line!r} is answered by {answer}")
        return answer

    def keys(self, *names):
        for name in names:
            self.ctl(f"sendkey {name}")

    def wait(self, seconds=30):
        """The exit status."""
        deadline = Deadline(seconds)
        # Whoever stops reading now might stop the guest.
        while self.process.poll() is None and deadline.left():
            self.pump(0.1)
        check(self.process.poll() is not None, f"still runs after {deadline.seconds:g} s")
        return self.process.returncode

    # The serial line

    def pump(self, seconds):
        if not self.serial:
            time.sleep(seconds)
            return
        self.serial.settimeout(seconds)
        try:
            data = self.serial.recv(65536)
        except TimeoutError:
            return
        if data:
            self.output += data.decode(errors="replace").replace("\r", "")
        else:
            time.sleep(seconds)

    def expect(self, pattern, seconds=30):
        """Wait until the guest says PATTERN after what was expected last: the match."""
        deadline = Deadline(seconds)
        compiled = re.compile(pattern, re.MULTILINE)
        while True:
            match = compiled.search(self.output, self.seen)
            if match:
                self.seen = match.end()
                return match
            check(self.process.poll() is None, f"ended without saying {pattern!r}")
            check(deadline.left(), f"does not say {pattern!r} within {deadline.seconds:g} s")
            self.pump(min(0.5, deadline.left()))

    def send(self, text):
        self.serial.sendall(text.encode())

    def boot(self, seconds=90):
        """Wait for the shell of guest-init.sh and make it fit for run ()."""
        self.expect("^init: the guest is up", seconds)
        self.expect("guest# ")
        self.send("stty -echo; PS1= PS2=; echo 'qui''et'\n")
        # To the end of the line: whoever resets the guest now would lose it.
        self.expect("^quiet\n")

    def begin(self, script):
        """Let the guest's shell run SCRIPT; end () tells what came of it."""
        self.send("{ " + script + "\n} 2>&1; echo \"[status $?]\"\n")

    def end(self, seconds=30):
        """What the script wrote; its status must be 0."""
        start = self.seen
        match = self.expect(r"\[status (\d+)\]\n", seconds)
        said = self.output[start : match.start()].strip()
        check(match[1] == "0", f"status {match[1]}: {said}")
        return said

    def run(self, script, seconds=30):
        self.begin(script)
        return self.end(seconds)

    # The screen

    def screenshot(self, path=None):
        target = os.path.abspath(path) if path else f"{self.directory}/screen.png"
        self.ctl(f"screenshot {target}")
        with open(target, "rb") as file:
            return Image.open(io.BytesIO(file.read())).convert("RGB")

    def wait_for_picture(self, is_right, seconds):
        """Look at the screen until it IS_RIGHT; False when the time is over."""
        deadline = Deadline(seconds)
        while True:
            with contextlib.suppress(Failure):  # the screen may be off
                if is_right(self.screenshot()):
                    return True
            check(self.process.poll() is None, "it ended")
            # Out of step with blinking cursors.
            self.pump(0.37)
            if not deadline.left():
                return False

    def expect_screen(self, name, seconds=60, mask=()):
        """Wait until the screen looks like tests/golden/lab/NAME.png.

        MASK lists boxes (left, top, right, bottom) that do not matter. A blinking cursor needs
        none: sooner or later it is as in the picture.
        """
        golden = f"{GOLDEN}/{name}.png"
        if os.environ.get("POSADA_UPDATE_GOLDEN") == "1":
            self.update_golden(golden, seconds, mask)
            return
        with Image.open(golden) as image:
            wanted = cover(image.convert("RGB"), mask)
        if not self.wait_for_picture(lambda picture: same(cover(picture, mask), wanted), seconds):
            actual = os.path.abspath(f"{name}.actual.png")
            self.screenshot(actual)
            raise Failure(f"the screen does not become {golden}; it is {actual}")

    def update_golden(self, golden, seconds, mask):
        """Take the picture that stays for a third of the time."""
        last, since = None, time.monotonic()

        def rests(picture):
            nonlocal last, since
            picture = cover(picture, mask)
            if not last or not nearly_same(picture, last):
                last, since = picture, time.monotonic()
            return time.monotonic() - since > seconds * PATIENCE / 3

        check(self.wait_for_picture(rests, seconds), "the screen does not come to rest")
        os.makedirs(os.path.dirname(golden), exist_ok=True)
        last.save(golden, optimize=True)


class Kept(Machine):
    """posada start: a machine of the store, at its own control socket."""

    def __init__(self, name):
        self.directory = tempfile.mkdtemp(prefix="lab-")
        uuid = next(line.split()[1] for line in posada_well("show", name).splitlines()
                    if line.startswith("UUID"))  # fmt: skip
        self.folder = f"{os.environ['XDG_DATA_HOME']}/posada/machines/{uuid}"
        self.control_path = f"{os.environ['XDG_RUNTIME_DIR']}/posada/{uuid}.sock"
        self.serial_path = f"{self.directory}/serial"
        self.errors_path = f"{self.directory}/errors"
        self.log_path = f"{self.directory}/log"
        self.output, self.seen = "", 0
        with open(self.errors_path, "wb") as errors:
            self.process = subprocess.Popen(
                ["posada", "start", name, "--here", f"--serial=unix:{self.serial_path}",
                 f"--log={self.log_path}"], stdin=subprocess.DEVNULL, stderr=errors)  # fmt: skip
        self.control = self.connect(self.control_path).makefile("rwb")
        self.serial = self.connect(self.serial_path)


def need_pictures():
    if not Image:
        skip_all("Python has no PIL (package python3-pil)")


def cover(image, boxes):
    for box in boxes:
        image.paste((0, 0, 0), box)
    return image


def same(image, other):
    return image.size == other.size and image.tobytes() == other.tobytes()


def nearly_same(image, other):
    """But for a cursor."""
    if image.size != other.size:
        return False
    box = ImageChops.difference(image, other).getbbox()
    return not box or (box[2] - box[0] <= 9 and box[3] - box[1] <= 16)


def bright(image):
    """How many pixels of it are lit in the colour of text."""
    return sum(image.convert("L").histogram()[128:])


# --- processes -----------------------------------------------------------------------------------


def posada(*arguments, seconds=60):
    """Run the command to its end."""
    return subprocess.run(
        ["posada", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=seconds * PATIENCE,
    )  # fmt: skip


def posada_well(*arguments):
    """The same, where nothing may go wrong: what it says."""
    done = posada(*arguments)
    check(done.returncode == 0, f"{arguments}: {done.stderr}")
    return done.stdout.strip()


def use_store():
    """Have the command keep its machines in a place of this lab."""
    os.environ["XDG_DATA_HOME"] = "/tmp/data"
    os.environ["XDG_RUNTIME_DIR"] = "/tmp/runtime"
    os.makedirs("/tmp/runtime", mode=0o700, exist_ok=True)
