#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The development root: a Debian 13 tree for hosts whose own packages are too old. It lives in the
# user's cache, one for all checkouts, named after a hash of what goes into it. ./dev calls this.
#
#   root.sh path             print where the root is, or would be
#   root.sh create           make the root unless it is there
#   root.sh enter CMD...     run CMD inside it, in the current directory
#
# A root is made under a lock in a sibling directory, inside name spaces that end with the maker,
# and renamed when it is complete: a root that can be seen is a whole one. Nothing is ever mounted
# on it where a recursive remove could see the mount; all mounts are in private name spaces.
set -euo pipefail

suite=trixie
recipe=1 # raise when this script makes a different root from the same packages

top=$(dirname "$(dirname "$(readlink -f "$0")")")
packages_file=$top/tools/packages-debian.txt
cache=${XDG_CACHE_HOME:-$HOME/.cache}/posada

die() {
    echo "dev: $*" >&2
    exit 1
}

packages() {
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$packages_file"
}

root_path() {
    local key
    key=$({ echo "$suite $recipe $(uname -m)"; packages; } | sha256sum)
    echo "$cache/root-${key:0:12}"
}

# The archive this host installs Debian from, out of apt's own view of its configuration.
mirror() {
    local format='$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)'
    apt-get indextargets --format "$format" 'Created-By: Packages' |
        awk -F'|' '$1 == "Debian" && $2 == "Debian" && $3 == "main" { print $4; exit }'
}

# How this host reaches archives (proxies, clocks that are off, retries), for apt in the root.
acquire_settings() {
    apt-config dump |
        grep -E '^Acquire::(https?|ftp|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date)\b' || true
}

# Runs in name spaces of its own, see create ().
populate() {
    local root=$1 mirror=$2 proxy
    local archives=$cache/archives

    mkdir -p "$root"/etc/{dpkg/dpkg.cfg.d,apt/apt.conf.d} "$archives/partial"
    # No file of a half-made root is worth a sync: it is only renamed into place after one.
    printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/man/*' \
        'path-exclude=/usr/share/locale/*' 'path-exclude=/usr/share/doc/*' \
        'path-include=/usr/share/doc/*/copyright' >"$root/etc/dpkg/dpkg.cfg.d/posada"
    {
        acquire_settings
        printf '%s\n' 'APT::Install-Recommends "0";' 'Acquire::Languages "none";' \
            'APT::Sandbox::User "root";' 'APT::Keep-Downloaded-Packages "1";' \
            'Acquire::Retries "3";'
    } >"$root/etc/apt/apt.conf.d/90posada"

    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [[ -n ${http_proxy:-} || -z ${proxy:-} ]] || export http_proxy=$proxy

    debootstrap --variant=minbase --merged-usr --cache-dir="$archives" \
        "$suite" "$root" "$mirror"
    echo "deb $mirror $suite main" >"$root/etc/apt/sources.list"

    mount --bind "$archives" "$root/var/cache/apt/archives"
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
    mountpoint -q "$root/sys" || mount -t sysfs -o ro sysfs "$root/sys"
    # The nodes that debootstrap made do; with the host's /dev here, a package's script would go
    # and change the modes of the host's devices.
    mountpoint -q "$root/dev/pts" || mount -t devpts devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/run"
    [[ ! -e /etc/resolv.conf ]] || cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    # Services must not start, and nobody boots this root, so no initramfs either.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    mapfile -t wanted < <(packages)
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 INITRD=No
    chroot "$root" apt-get -q update
    chroot "$root" apt-get -qy -o Dpkg::Use-Pty=0 install "${wanted[@]}"

    printf '[safe]\n\tdirectory = *\n' >"$root/etc/gitconfig"
    echo "${root##*/}" >"$root/.posada-root"
}

create() {
    local root lock partial archive
    root=$(root_path)
    [[ ! -d $root ]] || return 0

    [[ $(id -u) == 0 ]] || die "making the Debian 13 root needs root: run this as root"
    mkdir -p "$cache"
    exec {lock}>"$cache/lock"
    if ! flock -n "$lock"; then
        echo "dev: waiting for another process that is making the root" >&2
        flock "$lock"
    fi
    [[ ! -d $root ]] || return 0

    echo "dev: making a Debian 13 root in $root, once (a few minutes)" >&2
    for partial in "$cache"/*.partial; do
        [[ ! -d $partial ]] || rm -rf --one-file-system "$partial"
    done
    local log=$cache/create.log
    : >"$log"
    archive=$(mirror)
    if ! command -v debootstrap >/dev/null || [[ -z $archive ]]; then
        apt-get -qq update >>"$log" 2>&1 || true
        archive=$(mirror)
    fi
    [[ -n $archive ]] || die "no Debian archive in this host's apt configuration"
    if ! command -v debootstrap >/dev/null; then
        DEBIAN_FRONTEND=noninteractive apt-get -qqy install --no-install-recommends \
            debootstrap debian-archive-keyring >>"$log" 2>&1 ||
            die "debootstrap could not be installed, see $log"
    fi

    # In process and mount name spaces that end with this process, so that an interrupt leaves
    # neither a child at work nor a mount.
    partial=$root.partial
    if ! setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --propagation private --mount-proc -- \
        bash "$0" populate "$partial" "$archive" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "the Debian 13 root could not be made, see $log"
    fi
    sync -f "$partial"
    mv -T "$partial" "$root"
    exec {lock}>&-
}

# Inside a private mount name space: put the host's directories into the root and switch to it.
switch() {
    local root=$1 cwd=$2 dir path common
    shift 2

    mount --bind "$root" "$root"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mkdir -p "$root/run/lock" "$root/run/host"
    for dir in /run/user /run/dbus; do
        [[ ! -d $dir ]] || { mkdir "$root$dir"; mount --rbind "$dir" "$root$dir"; }
    done
    for path in /etc/resolv.conf /etc/hosts; do
        [[ ! -e $path ]] || { touch "$root$path"; mount --bind "$(readlink -f "$path")" "$root$path"; }
    done

    # All that is the user's and not the system's is there at its own path: homes, /tmp with the
    # X socket, and whatever else this host keeps beside its system.
    for dir in /*; do
        case $dir in
        /bin | /boot | /dev | /etc | /lib* | /lost+found | /proc | /run | /sbin | /sys | /usr | /var) ;;
        *)
            [[ -d $dir && ! -L $dir ]] || continue
            mkdir -p "$root$dir"
            mount --rbind "$dir" "$root$dir"
            ;;
        esac
    done
    common=$(git -C "$top" rev-parse --path-format=absolute --git-common-dir 2>/dev/null || true)
    for dir in "$top" "$common" "$cwd"; do
        [[ -n $dir ]] || continue
        case $dir in
        /usr/* | /var/* | /etc/* | /lib*/* | /run/*)
            mountpoint -q "$root$dir" && continue
            mkdir -p "$root$dir" && mount --rbind "$dir" "$root$dir"
            ;;
        esac
    done

    cd "$root"
    pivot_root . run/host
    umount -l /run/host
    rmdir /run/host
    cd "$cwd" 2>/dev/null || cd "$top"
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
    exec "$@"
}

verb=${1:-}
shift || true
case $verb in
path) root_path ;;
create) create ;;
enter)
    create
    exec unshare --mount --propagation private -- \
        bash "$0" switch "$(root_path)" "$(pwd -P)" "$@"
    ;;
populate | switch) "$verb" "$@" ;;
*) die "root.sh: path, create or enter" ;;
esac
