#!/bin/busybox sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The first process of the guest that the lab's tests boot; make-guest.py puts it into the initramfs
# as /init, beside busybox and the modules named in /modules. It gives a shell on the console until
# that ends, and powers off when the shell ends or the power button is pressed.

/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /mnt /tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
# Tests read what commands print; the kernel may not talk in between.
dmesg -n 1

while read -r module; do
    insmod "/lib/$module" || echo "init: $module cannot be inserted"
done </modules

watch_button () {
    for name in /sys/class/input/event*/device/name; do
        [ "$(cat "$name")" = "Power Button" ] || continue
        name=${name%/device/name}
        dd if="/dev/input/${name##*/}" of=/dev/null bs=24 count=1 2>/dev/null
        echo "init: power button"
        sync
        poweroff -f
    done
}
watch_button &

echo "init: the guest is up"
export HOME=/ TERM=linux PS1='guest# '
setsid cttyhack sh
sync
poweroff -f
