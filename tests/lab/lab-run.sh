#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How Meson runs a test of the suite lab: lab-run.sh [LAB-OPTIONS] TEST [ARGUMENTS]
# TEST runs in a lab of its own, speaks TAP and finds its build's programs in PATH. Where no lab
# can be made, the whole test is skipped, with the reason.
#
# What a test does can fail or kill its programs, but not the kernel of the lab: where that dies, the
# test runs a second time, and the first is told of on stderr.
set -euo pipefail

lab=$(dirname "$(readlink -f "$0")")/lab.py
if ! reason=$(python3 "$lab" --check); then
    echo "1..0 # SKIP $reason"
    exit 0
fi
# Meson runs tests in the build directory.
[[ ! -e build.ninja ]] || export POSADA_BUILD=$PWD

readonly STATUS_BROKEN=125 # as in lab.py
output=$(mktemp)
trap 'rm -f "$output"' EXIT
for attempt in 1 2; do
    status=0
    python3 "$lab" "$@" </dev/null >"$output" || status=$?
    ((status == STATUS_BROKEN && attempt == 1)) || break
    echo "lab-run: the lab died; trying once more after this:" >&2
    cat "$output" >&2
done
cat "$output"
exit "$status"
