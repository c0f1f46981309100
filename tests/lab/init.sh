#!/bin/busybox sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The first process of the lab; lab.py puts it into the initramfs as /init, beside busybox, the
# modules named in /modules, the shares named in /shares and the command in /command.
#
# It mounts the served root below an overlay, so that everything there can be written and nothing
# stays, and the shares over it, which are the real ones. The command's streams are virtio ports,
# or a virtio console when it has a terminal; the kernel's own console is never among them.

/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /lower /over /mnt
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

port () {
    for entry in /sys/class/virtio-ports/*; do
        if [ "$(cat "$entry/name" 2>/dev/null)" = "$1" ]; then
            echo "/dev/${entry##*/}"
        fi
    done
}

finish () {
    echo "$1" >&3
    sync
    poweroff -f
    sleep 60
}

must () {
    "$@" || finish "failed $*"
}

# The bus is probed asynchronously; the control port is the last one to appear.
tries=0
while [ -z "$(port lab.control)" ] && [ $tries -lt 600 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
exec 3>"$(port lab.control)"

while read -r module; do
    must insmod "/lib/$module"
done </modules

must mount -t virtiofs -o ro root /lower
mount -t tmpfs tmpfs /over
mkdir /over/upper /over/work
must mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work overlay /mnt
must mount -t proc proc /mnt/proc
must mount -t sysfs sysfs /mnt/sys
must mount -t devtmpfs devtmpfs /mnt/dev
mkdir -p /mnt/dev/pts /mnt/dev/shm /mnt/tmp /mnt/run
mount -t devpts -o mode=620,ptmxmode=666 devpts /mnt/dev/pts
mount -t tmpfs -o mode=1777 tmpfs /mnt/dev/shm
mount -t tmpfs -o mode=1777 tmpfs /mnt/tmp
mount -t tmpfs -o mode=755 tmpfs /mnt/run
mount -t cgroup2 cgroup2 /mnt/sys/fs/cgroup
ln -sf /proc/self/fd /mnt/dev/fd
ln -sf /proc/self/fd/0 /mnt/dev/stdin
ln -sf /proc/self/fd/1 /mnt/dev/stdout
ln -sf /proc/self/fd/2 /mnt/dev/stderr
chmod 666 /dev/kvm
hostname lab
ip link set lo up

while read -r tag path; do
    mkdir -p "/mnt$path"
    must mount -t virtiofs "$tag" "/mnt$path"
done </shares

mkdir -p /mnt/run/lab
cp /command /mnt/run/lab/command

# To the kernel, who is in a mere chroot may not make user name spaces; on top of all, it is none.
cd /mnt || finish "failed cd /mnt"
must mount -o move . /
echo begin >&3

if [ -e /terminal ]; then
    read -r size </terminal
    # shellcheck disable=SC2086
    stty $size </dev/hvc0
    setsid -c chroot . /bin/sh /run/lab/command <>/dev/hvc0 >&0 2>&1 3>&-
    finish "status $?"
fi

# Ports can be opened once, so the command gets pipes, which it may reopen as /dev/stdout and so on.
# A pipe that is open both ways for a moment lets its two ends be opened without waiting; waiting
# in an open, this shell could be interrupted by the end of a child.
mkfifo /in /out /err
exec 0<>/in 4</in 5>/in
exec 0<>/out 6</out 7>/out
exec 0<>/err 8</err 9>/err
exec 0</dev/null
in=$(port lab.in) out=$(port lab.out) err=$(port lab.err)
dd bs=64k if="$in" >&5 2>/dev/null 3>&- 4<&- 5>&- 6<&- 7>&- 8<&- 9>&- &
dd bs=64k of="$out" <&6 2>/dev/null 3>&- 4<&- 5>&- 6<&- 7>&- 8<&- 9>&- &
copies=$!
dd bs=64k of="$err" <&8 2>/dev/null 3>&- 4<&- 5>&- 6<&- 7>&- 8<&- 9>&- &
copies="$copies $!"
exec 5>&- 6<&- 8<&-
setsid chroot . /bin/sh /run/lab/command <&4 >&7 2>&9 3>&- 4<&- 7>&- 9>&-
status=$?
exec 7>&- 9>&-

# What it left running may hold the pipes; that is not waited for.
tries=0
for copy in $copies; do
    while kill -0 "$copy" 2>/dev/null && [ $tries -lt 40 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
done
finish "status $status"
