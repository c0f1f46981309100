#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the pictures of the README and of the metainfo anew, into data/screenshots: of machines that
# run nothing, and of the wizard with an image made here.
#
#   ./dev shell tools/screenshots.sh [BUILD]
set -euo pipefail

top=$(dirname "$(dirname "$(readlink -f "$0")")")
if [[ ${1:-} != --inside ]]; then
    build=$(readlink -f "${1:-$top/build/gcc}")
    export POSADA_SCREEN=1040x700
    exec "$top/tests/app/headless.sh" "$top/tools/screenshots.sh" --inside "$build"
fi
build=$2
pictures=$top/data/screenshots
work=$(mktemp -d)
app=''
stop() {
    [[ ! $app ]] || { kill "$app" && wait "$app"; } 2>/dev/null || true
    app=''
}
trap 'stop; rm -rf "$work"' EXIT
mkdir -p "$XDG_CONFIG_HOME" "$work/Downloads" "$pictures"

# The window fills the screen: there is nobody to manage it.
show() {
    GTK_A11Y=atspi "$build/src/app/posada-app" "$@" &
    app=$!
    for _ in {1..200}; do
        window=$(xdotool search --onlyvisible --pid "$app" 2>/dev/null | tail -1) || true
        [[ ! $window ]] || break
        sleep 0.1
    done
    xdotool windowmove "$window" 0 0 windowsize "$window" 1040 700 windowfocus "$window"
    sleep 2
}
take() {
    import -window root -strip "${@:2}" "$pictures/$1.png"
    echo "data/screenshots/$1.png"
}

show --fake 6
python3 "$top/tools/press.py" "$app" Start
# Until there is a history to draw.
sleep 20
take machine
python3 "$top/tools/press.py" "$app" Console
sleep 2
take console
stop

echo "XDG_DOWNLOAD_DIR=\"$work/Downloads\"" >"$XDG_CONFIG_HOME/user-dirs.dirs"
mkdir "$work/tree"
truncate -s 2048 "$work/tree/boot.img"
truncate -s 600M "$work/tree/system"
xorriso -as mkisofs -quiet -V Fedora-WS-Live-42 -b boot.img -no-emul-boot -c catalog \
    -boot-load-size 4 -o "$work/Downloads/Fedora-Workstation-Live-42.iso" "$work/tree"
show --new-from "$work/Downloads/Fedora-Workstation-Live-42.iso"
sleep 2
xdotool key Tab key Return
sleep 2
# What is below depends on this computer's KVM.
take wizard -crop 524x606+258+46 +repage
stop

# A machine that runs: pictures of snapshots are of its screen.
export XDG_DATA_HOME=$work/data
posada=$build/src/cli/posada
"$posada" create --name 'Boot Loader' --memory 64M --iso /usr/lib/grub-rescue/grub-rescue-cdrom.iso
snapshot() {
    "$posada" snapshot 'Boot Loader' "$@"
}
go_back() {
    snapshot restore "$(snapshot list | grep -F "$1" | cut -d ' ' -f 1)"
    sleep 3
}
type_line() {
    xdotool type --delay 200 "$1"
    xdotool key Return
    sleep 6
}
show
python3 "$top/tools/press.py" "$app" Start
python3 "$top/tools/press.py" "$app" Console
sleep 60
snapshot take 'Freshly started'
xdotool mousemove 674 300 click 1
xdotool key c
sleep 8
snapshot take 'First attempt'
type_line lspci
snapshot take 'It stops here'
go_back 'Freshly started'
xdotool key --delay 1000 Down Down Down
sleep 4
snapshot take 'Second attempt'
xdotool key Down
sleep 4
snapshot take 'It stops again'
python3 "$top/tools/press.py" "$app" Back
sleep 1
xdotool mousemove 674 600 click --repeat 15 --delay 20 5
sleep 1
xdotool mousemove 674 598 click 1
sleep 2
take snapshots -crop 1040x648+0+0 +repage
