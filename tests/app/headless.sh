#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs a program under a virtual screen and a session bus of its own, with settings and data that
# are thrown away, or after --keep with the user's, telling which screen it is. Says so in TAP if
# that is not possible here.
set -euo pipefail

keep=
if [[ $1 == --keep ]]; then
    keep=1
    shift
fi
for tool in Xvfb dbus-run-session; do
    command -v "$tool" >/dev/null || { echo "1..0 # SKIP $tool is not here"; exit 0; }
done
home=$(mktemp -d)
exec {number}<> <(:)
Xvfb -displayfd "$number" -screen 0 "${POSADA_SCREEN:-1280x800}x24" -nolisten tcp -noreset \
    >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; rm -rf "$home"' EXIT
read -r -t 30 display <&"$number"
mkdir -m 700 "$home/run"
export DISPLAY=:$display GDK_BACKEND=x11 GSK_RENDERER=cairo GSETTINGS_BACKEND=memory
export XDG_RUNTIME_DIR=$home/run LC_ALL=C.UTF-8
unset WAYLAND_DISPLAY
if [[ $keep ]]; then
    echo "the window is on the virtual screen :$display" \
        "(a picture of it: ./dev shell env DISPLAY=:$display import -window root screen.png)" >&2
else
    export XDG_DATA_HOME=$home/data XDG_CONFIG_HOME=$home/config XDG_CACHE_HOME=$home/cache
fi
dbus-run-session -- "$@" 2> >(grep -v -e '^dbus-daemon' -e '^SpiRegistry' >&2) |
    grep --line-buffered -v '^SpiRegistry daemon is running' || exit "${PIPESTATUS[0]}"
