#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How Meson runs a test of the suite lab: lab-run.sh [LAB-OPTIONS] TEST [ARGUMENTS]
# TEST runs in a lab of its own, speaks TAP and finds its build's programs in PATH. Where no lab
# can be made, the whole test is skipped, with the reason.
set -euo pipefail

lab=$(dirname "$(readlink -f "$0")")/lab.py
if ! reason=$(python3 "$lab" --check); then
    echo "1..0 # SKIP $reason"
    exit 0
fi
# Meson runs tests in the build directory.
[[ ! -e build.ninja ]] || export POSADA_BUILD=$PWD
exec python3 "$lab" "$@" </dev/null
