# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the command share: cases that run in an empty folder each, TAP, and the command,
which is the program's first argument."""

import os
import subprocess
import sys
import tempfile

POSADA = os.path.abspath(sys.argv[1])
TIMEOUT = 60 * float(os.environ.get("POSADA_TEST_PATIENCE", "1"))  # seconds
_tests = []


class Skip(Exception):
    pass


def test(function):
    _tests.append(function)
    return function


def run(*arguments, program=POSADA, prefix=()):
    return subprocess.run([*prefix, program, *arguments], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=TIMEOUT)  # fmt: skip


def good(*arguments):
    result = run(*arguments)
    assert result.returncode == 0 and not result.stderr, f"{arguments}: {result}"
    return result.stdout


def kill(process):
    """If it has not ended; its complaints come through a pipe."""
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stderr.close()


def in_own_store():
    """Machines of a case are its own; the session's bus stays."""
    os.environ["XDG_DATA_HOME"] = os.path.abspath("data")


def in_own_session():
    in_own_store()
    os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
    os.environ["XDG_RUNTIME_DIR"] = os.path.abspath("run")
    os.mkdir("run", 0o700)


def main(wanted="", prepare=lambda: None):
    """Run the cases whose names have WANTED in them, each after PREPARE; the exit status."""
    tests = [function for function in _tests if wanted in function.__name__]
    failed = False
    print(f"1..{len(tests)}")
    for number, function in enumerate(tests, start=1):
        line = f"ok {number} - {function.__name__}"
        with tempfile.TemporaryDirectory(prefix="posada-") as folder:
            os.chdir(folder)
            try:
                prepare()
                function()
            except Skip as reason:
                line += f" # SKIP {reason}"
            except (AssertionError, subprocess.SubprocessError, OSError, ValueError, TypeError) as error:
                print("#", f"{type(error).__name__}: {error}"[:2000].replace("\n", "\n# "))
                line, failed = f"not {line}", True
            os.chdir("/")
        print(line, flush=True)
    return int(failed)
