#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a CD that installs Debian without a network or a question: make-installation.py OUTPUT

It holds the distribution's installer, its components and the packages of a small system, all from
the archive that the system's apt is set up with, and is put together as Debian's own CDs are. Their
initial RAM disk is not in the archive, so that of the network installer is made into one: what asks
for a network goes, what finds CDs comes. See install.py for the test that uses it.
"""

import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

INSTALLER = "/usr/lib/debian-installer/images/13/amd64/text/debian-installer/amd64"
ISOLINUX = "/usr/lib/ISOLINUX/isolinux.bin"
SUITE = "trixie"

# In the RAM disk, beside what is there and what these depend on.
EARLY = ["load-cdrom", "cdrom-core-modules", "isofs-modules", "sata-modules", "scsi-modules"]
# What of the kernel's package goes there. The archive does not keep the components with modules as
# long as it keeps the kernels they belong to.
MODULES = ["ahci", "sr_mod", "sd_mod", "isofs", "nls_iso8859_1", "nls_utf8", "virtio_pci",
           "virtio_blk", "ext4", "crc32c_generic", "virtio_gpu", "virtio_input", "loop"]  # fmt: skip
# Components that the network installer has and a CD's has not.
UNWANTED = {"choose-mirror", "choose-mirror-bin", "download-installer", "ethdetect", "net-retriever",
            "netcfg", "network-preseed"}  # fmt: skip
# What nothing here needs of what components depend on.
UNNEEDED = {"ntfs-3g-udeb"}
# On the CD: what its installer loads.
COMPONENTS = ["partman-auto", "partman-ext3", "partman-basicfilesystems", "partman-target",
              "bootstrap-base", "apt-setup-udeb", "apt-cdrom-setup", "clock-setup", "tzsetup-udeb",
              "user-setup-udeb", "pkgsel", "grub-installer", "finish-install", "disk-detect",
              "ext4-modules", "scsi-modules", "md-modules", "nobootloader"]  # fmt: skip
# The system, beside what every Debian has.
PACKAGES = ["apt", "systemd-sysv", "udev", "kmod", "login", "debian-archive-keyring", "adduser",
            "debconf-i18n",
            "linux-image-amd64", "initramfs-tools", "busybox", "zstd", "grub-pc", "eject",
            "tasksel", "locales", "console-setup", "keyboard-configuration"]  # fmt: skip
# These the installer must find, but need not install by itself.
LATE = {"linux-image-amd64", "grub-pc", "busybox", "zstd", "eject", "tasksel", "locales",
        "console-setup", "keyboard-configuration"}  # fmt: skip

PRESEED = """\
d-i debian-installer/locale string C.UTF-8
d-i debian-installer/language string en
d-i debian-installer/country string ES
d-i keyboard-configuration/xkb-keymap select us
d-i debian-installer/allow_unauthenticated boolean true
d-i netcfg/enable boolean false
d-i netcfg/get_hostname string inn
d-i netcfg/get_domain string
d-i anna/no_kernel_modules boolean true
d-i apt-setup/use_mirror boolean false
d-i apt-setup/no_mirror boolean true
d-i apt-setup/services-select multiselect
d-i apt-setup/cdrom/set-first boolean false
d-i apt-setup/cdrom/set-next boolean false
d-i apt-setup/cdrom/set-failed boolean false
d-i clock-setup/utc boolean true
d-i clock-setup/ntp boolean false
d-i time/zone string Etc/UTC
d-i passwd/root-password password posada
d-i passwd/root-password-again password posada
d-i passwd/make-user boolean false
d-i partman-auto/method string regular
d-i partman-auto/choose_recipe select atomic
d-i partman-basicfilesystems/no_swap boolean false
d-i partman-partitioning/confirm_write_new_label boolean true
d-i partman/choose_partition select finish
d-i partman/confirm boolean true
d-i partman/confirm_nooverwrite boolean true
d-i base-installer/install-recommends boolean false
d-i base-installer/initramfs-tools/driver-policy select dep
d-i base-installer/kernel/image string linux-image-amd64
d-i pkgsel/run_tasksel boolean false
d-i pkgsel/upgrade select none
d-i pkgsel/update-policy select none
tasksel tasksel/first multiselect
popularity-contest popularity-contest/participate boolean false
d-i grub-installer/only_debian boolean true
d-i grub-installer/bootdev string default
d-i finish-install/reboot_in_progress note
d-i cdrom-detect/eject boolean true
"""
BOOT = """\
default install
prompt 0
timeout 1
label install
  kernel linux
  append initrd=initrd.gz auto=true priority=critical preseed/file=/cdrom/preseed.cfg \
DEBIAN_FRONTEND=newt console=tty0 quiet ---
"""


class Failure(Exception):
    pass


def run(*argv, **options):
    done = subprocess.run(argv, capture_output=True, check=False, **options)
    if done.returncode:
        raise Failure(f"{argv[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def mirror():
    with open("/etc/apt/sources.list", encoding="utf-8") as file:
        return re.search(r"^deb (?:\[.*\] )?(\S+)", file.read(), re.MULTILINE)[1].rstrip("/")


def fetch(address):
    try:
        with urllib.request.urlopen(address) as answer:
            return answer.read()
    except OSError as error:
        raise Failure(f"{address}: {error}") from error


def fetch_checked(place, sha256):
    data = fetch(f"{mirror()}/{place}")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Failure(f"{place} is not what the archive's index says")
    return data


def parse(text):
    """Stanzas of an index by the names of their packages."""
    index = {}
    for stanza in text.strip().split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): *(.*)$", stanza, re.MULTILINE))
        index[fields["Package"]] = (fields, stanza)
    return index


def places_before(place):
    """Where versions that one was made of are: without rebuilds, without a release's update."""
    rebuilt = re.search(r"\+b(\d+)_", place)
    if rebuilt:
        for n in range(int(rebuilt[1]) - 1, 0, -1):
            yield place.replace(rebuilt[0], f"+b{n}_")
        place = place.replace(rebuilt[0], "_")
        yield place
    # The release had these; an update of theirs has a version of its own.
    for updated, released in (("2.41.5-0+deb13u1", "2.41-5"), ("+deb13u1", ""), ("+deb13u2", "")):
        if updated in place:
            yield place.replace(updated, released)


class Components:
    """The udebs of the archive that go with the kernel of the network installer."""

    def __init__(self, kernel):
        text = lzma.decompress(
            fetch(f"{mirror()}/dists/{SUITE}/main/debian-installer/binary-amd64/Packages.xz")
        ).decode()
        self.kernel = kernel
        self.index = {name: found for name, found in parse(text).items()
                      if found[0].get("Kernel-Version", kernel) == kernel}  # fmt: skip
        self.providers = {}
        for name, (fields, _) in sorted(self.index.items()):
            for virtual in re.split(r",\s*", fields.get("Provides", "")):
                self.providers.setdefault(virtual.split(" ")[0], name)

    def find(self, name):
        for candidate in (name, f"{name}-{self.kernel}-di", self.providers.get(name)):
            if candidate in self.index:
                return candidate
        return None

    def closure(self, names, present=()):
        present, found, queue = {*present, *UNNEEDED}, set(), list(names)
        while queue:
            name = self.find(queue.pop())
            if name is None or name in found or name in present:
                continue
            found.add(name)
            depends = self.index[name][0].get("Depends", "")
            queue += [re.split(r"[ (|]", part)[0] for part in re.split(r",\s*", depends) if part]
        return sorted(found)

    def fetch(self, name):
        """As the index says, or else the version before: archives do not keep components as long
        as the indices that name them."""
        fields = self.index[name][0]
        try:
            return fetch_checked(fields["Filename"], fields["SHA256"])
        except Failure:
            for place in places_before(fields["Filename"]):
                try:
                    return fetch(f"{mirror()}/{place}")
                except Failure:
                    continue
            raise


def unpack_component(data, root, scratch):
    """As udpkg --unpack does it."""
    path = f"{scratch}/one.udeb"
    with open(path, "wb") as file:
        file.write(data)
    run("dpkg-deb", "-x", path, root)
    control = f"{scratch}/control"
    shutil.rmtree(control, ignore_errors=True)
    run("dpkg-deb", "-e", path, control)
    with open(f"{control}/control", encoding="utf-8") as file:
        stanza = file.read().strip()
    name = re.search(r"^Package: (.*)$", stanza, re.MULTILINE)[1]
    for kind in os.listdir(control):
        if kind not in ("control", "md5sums"):
            shutil.copy(f"{control}/{kind}", f"{root}/var/lib/dpkg/info/{name}.{kind}")
    return stanza.replace("\n", "\nStatus: install ok unpacked\n", 1)


def copy_modules(kernel, root, image):
    """From the unpacked package @image."""
    for module in MODULES:
        shown = run("modprobe", "-d", f"{image}/usr" if os.path.isdir(f"{image}/usr/lib/modules")
                    else image, "-S", kernel, "--show-depends", "--ignore-install",
                    module).decode()  # fmt: skip
        for path in re.findall(r"^insmod (\S+)", shown, re.MULTILINE):
            target = f"{root}/usr{path[path.index('/lib/modules/') :]}"
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(path, target)


def make_ramdisk(scratch, output):
    """Returns the index of components for its kernel."""
    root = f"{scratch}/root"
    os.mkdir(root)
    with gzip.open(f"{INSTALLER}/initrd.gz") as file:
        run("cpio", "-id", "--quiet", cwd=root, input=file.read())
    (kernel,) = os.listdir(f"{root}/usr/lib/modules")
    components = Components(kernel)
    status = f"{root}/var/lib/dpkg/status"
    with open(status, encoding="utf-8") as file:
        present = {name: stanza for name, (_, stanza) in parse(file.read()).items()}
    for name in UNWANTED & present.keys():
        del present[name]
        retriever = f"{root}/usr/lib/debian-installer/retriever/{name}"
        if os.path.exists(retriever):
            os.remove(retriever)
    for name in components.closure([*EARLY, *COMPONENTS], present):
        if name.endswith("-di"):
            stanza = components.index[name][1]
            present[name] = stanza.replace("\n", "\nStatus: install ok unpacked\n", 1)
    for name in components.closure(EARLY, present):
        present[name] = unpack_component(components.fetch(name), root, scratch)
    image = f"{scratch}/image"
    image_name = f"linux-image-{kernel}_"
    (address,) = [address for address in resolve_packages(scratch)
                  if urllib.parse.unquote(address).rpartition("/")[2].startswith(image_name)]
    with open(f"{scratch}/image.deb", "wb") as file:
        file.write(fetch(address))
    run("dpkg-deb", "-x", f"{scratch}/image.deb", image)
    run("depmod", "-b", f"{image}/usr" if os.path.isdir(f"{image}/usr/lib/modules") else image,
        kernel)
    copy_modules(kernel, root, image)
    with open(status, "w", encoding="utf-8") as file:
        file.write("".join(f"{stanza}\n\n" for stanza in present.values()))
    run("depmod", "-b", root, kernel)
    listing = run("find", ".", cwd=root)
    packed = run("cpio", "-o", "-H", "newc", "--quiet", cwd=root, input=listing)
    with open(output, "wb") as file:
        file.write(gzip.compress(packed, 6, mtime=0))
    components.present = set(present)
    return components


def resolve_packages(scratch):
    """The address of every package of the system, as apt would install it from nothing."""
    printed = run("apt-get", "-qq", "-o", "Dir::State::status=/dev/null", "-o",
                  f"Dir::Cache::Archives={scratch}", "--print-uris", "--no-install-recommends", "install",
                  "?essential", "?priority(required)", *PACKAGES).decode()  # fmt: skip
    return re.findall(r"^'(\S+)' ", printed, re.MULTILINE)


def add_packages(tree, scratch):
    pool = f"{tree}/pool/main"
    os.makedirs(pool)
    stanzas = []
    for address in resolve_packages(scratch):
        name = os.path.basename(address)
        data = fetch(address)
        path = f"{pool}/{name.replace('%3a', ':').replace(':', '%3a')}"
        with open(path, "wb") as file:
            file.write(data)
        stanza = run("dpkg-deb", "-f", path).decode().strip()
        package = re.search(r"^Package: (.*)$", stanza, re.MULTILINE)[1]
        # The installer's first stage takes everything of these two priorities.
        if package in LATE:
            stanza = re.sub(r"^Priority: .*$", "Priority: optional", stanza, flags=re.MULTILINE)
        elif package in PACKAGES:
            stanza = re.sub(r"^Priority: .*$", "Priority: important", stanza, flags=re.MULTILINE)
        elif not re.search(r"^(Priority: required|Essential: yes)$", stanza, re.MULTILINE):
            stanza = re.sub(r"^Priority: .*$", "Priority: optional", stanza, flags=re.MULTILINE)
        stanzas.append(describe(stanza, path, tree, data))
    write_index(f"{tree}/dists/{SUITE}/main/binary-amd64", stanzas)


def describe(stanza, path, tree, data):
    return (f"{stanza}\nFilename: {os.path.relpath(path, tree)}\nSize: {len(data)}\n"
            f"SHA256: {hashlib.sha256(data).hexdigest()}\n"
            f"MD5sum: {hashlib.md5(data).hexdigest()}\n")  # fmt: skip


def add_components(tree, components):
    pool = f"{tree}/pool/main"
    stanzas = []
    for name in components.closure(COMPONENTS, components.present):
        data = components.fetch(name)
        path = f"{pool}/{os.path.basename(components.index[name][0]['Filename'])}"
        with open(path, "wb") as file:
            file.write(data)
        stanza = run("dpkg-deb", "-f", path).decode().strip()
        stanzas.append(describe(stanza, path, tree, data))
    write_index(f"{tree}/dists/{SUITE}/main/debian-installer/binary-amd64", stanzas)


def write_index(folder, stanzas):
    os.makedirs(folder)
    text = "\n".join(stanzas).encode()
    with open(f"{folder}/Packages", "wb") as file:
        file.write(text)
    with open(f"{folder}/Packages.gz", "wb") as file:
        file.write(gzip.compress(text, mtime=0))


def write_release(tree):
    dists = f"{tree}/dists/{SUITE}"
    sums = {"MD5Sum": hashlib.md5, "SHA256": hashlib.sha256}
    lines = ["Origin: Debian", "Label: Debian", f"Suite: {SUITE}", f"Codename: {SUITE}",
             "Architectures: amd64", "Components: main"]  # fmt: skip
    for title, function in sums.items():
        lines.append(f"{title}:")
        for place, _, names in sorted(os.walk(dists)):
            for name in sorted(names):
                path = f"{place}/{name}"
                with open(path, "rb") as file:
                    data = file.read()
                lines.append(f" {function(data).hexdigest()} {len(data)} "
                             f"{os.path.relpath(path, dists)}")  # fmt: skip
    with open(f"{dists}/Release", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def write_texts(tree):
    texts = {
        ".disk/info": f"Debian {SUITE} for a test of installing\n",
        ".disk/base_installable": "",
        ".disk/base_components": "main\n",
        ".disk/cd_type": "full_cd/single\n",
        ".disk/udeb_include": "".join(f"{name}\n" for name in COMPONENTS if "modules" not in name),
        "preseed.cfg": PRESEED,
        "isolinux.cfg": BOOT,
    }
    os.mkdir(f"{tree}/.disk")
    for name, text in texts.items():
        with open(f"{tree}/{name}", "w", encoding="utf-8") as file:
            file.write(text)


def make(output):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(output))) as scratch:
        tree = f"{scratch}/tree"
        os.mkdir(tree)
        components = make_ramdisk(scratch, f"{tree}/initrd.gz")
        shutil.copy(f"{INSTALLER}/linux", tree)
        shutil.copy(ISOLINUX, tree)
        shutil.copy(f"{INSTALLER}/../../ldlinux.c32", tree)
        add_packages(tree, scratch)
        add_components(tree, components)
        write_release(tree)
        write_texts(tree)
        run("xorriso", "-as", "mkisofs", "-quiet", "-r", "-J", "-V", "Debian", "-o", output,
            "-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4",
            "-boot-info-table", tree)  # fmt: skip


def main():
    (output,) = sys.argv[1:]
    try:
        make(output)
    except (Failure, OSError) as error:
        sys.exit(f"make-installation: {error}")


main()
