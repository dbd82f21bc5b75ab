#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""VMMs as people have them: Debian's qemu-system-aarch64 for arm64, unchanged, runs a protected guest on a host under Cordon in QEMU; that of
this machine's Debian, and in the case "tour" that of the other one (12 has 7.2, 13 has 10). Of others, what they ask of the driver: tables of
calls and answers (sequences.c).

    test/vmms/run.py [NAME...]      all cases whose name contains one of the words; without any, all cases

Each case has a bounded time. The serial log of a case that fails stays below build/host/logs. Closes with
"N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300.
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import BUILD, KERNEL, ROOT, boots, kernel_modules, quietly, run_all, script  # pylint: disable=wrong-import-position

HERE = os.path.join(ROOT, "test", "vmms")
OUT = os.path.join(BUILD, "vmms-test")
with open("/etc/os-release", encoding="utf-8") as release:
    OTHER = "bookworm" if "VERSION_CODENAME=trixie" in release.read() else "trixie"      # Debian, and what its QEMU is
VERSION = {"bookworm": "7", "trixie": "10"}[OTHER]
MODULES = ["../net/core/failover", "net/net_failover", "net/virtio_net", "virtio/virtio_ring", "virtio/virtio", "virtio/virtio_mmio", "virtio/virtio_pci_legacy_dev", "virtio/virtio_pci_modern_dev",
           "virtio/virtio_pci", "block/virtio_blk"]
BALLOON = [r"test: balloon: QEMU ended with 0", r"test: ok nothing comes before it is asked for", r"test: ok the host has back what it asked for",
           r"test: ok the guest has it again"]
REPORT = [r"test: report: QEMU ended with 0", r"test: ok the host is given nothing that is in use", r"test: ok the host has what is free"]
NEVER = [r"guest: FAIL", r"qemu-system-aarch64: (?!warning)", r"Segmentation fault", r"Aborted", r"pages came back, [1-9]\d* of them"]


def initrd(suite=""):
    return os.path.join(OUT, "initrd%s.cpio" % (suite and "-" + suite))


def fetched(suite):
    """Whether that Debian's QEMU is to be had; else it is said why not."""
    done = subprocess.run(script("fetch-vmm", suite), check=False, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          encoding="utf-8")
    if done.returncode != 0:
        print("vmms-tour not checked: %s" % (done.stderr.strip().splitlines() or ["scripts/host/fetch-vmm says nothing"])[-1], flush=True)
    return done.returncode == 0


def case(name, want):
    return boots("vmms-" + name, ["CPU=cortex-a72", "SMP=2", "MEM=1536M"], 2, "cordon.test=" + name, want +
                 [r"test: loaded", r"test: unloaded", r"pages came back, 0 of them not zero"], NEVER)


def disk(name):
    return [r"test: %s: expected (\w+)(?s:.*)guest: read \1" % name, r"test: %s: ok written" % name, r"test: %s: QEMU ended with 0" % name]


MONITOR = [r"test: ok it goes on when it was looked at", r"test: ok it stands", r"test: ok it goes on", r"test: ok it begins anew", r"test: monitor: QEMU ended with 0"]
NET = [r"guest: address 10\.0\.2\.15", r"test: net: expected (\w+)(?s:.*)guest: fetched \1", r"test: net: ok fetched back", r"test: net: QEMU ended with 0"]
# Of the group others of the attempts: a line that went missing would breach nothing.
ATTEMPTS = [how + " by the kernel +another's " + whose for how in ("load", "store", "exclusive load", "DC ZVA", "run") for whose in ("guest", "vCPUs, tables")] + [
    "frames of another's VM, given away", "handles like another's", "another's VM, in its phase", "a page under another's guest", "another's vCPUs, run",
    "another's VM is as it was", "both guests find all as it was"]


def cases():
    yield case("sequences", [r"sequences: %s: [1-9]\d* calls, 0 wrong" % name for name in ("kvmtool", "firecracker", "cloud_hypervisor", "crosvm", "qemu")])
    yield case("boot", [r"guest: Linux \S+ on 1 CPUs", r"guest: Linux \S+ on 2 CPUs", r"test: one: QEMU ended with 0", r"test: two: QEMU ended with 0"])
    yield case("attack", [r"hostile: %s.* ok$" % line for line in ATTEMPTS] + [r"hostile: [34]\d kinds of attempt, \d+ tries, \d+ refused, 0 breaches, 0 kinds failed, "
               r"0 not tried", r"test: attacked", r"test: ok it goes on", r"test: sums: 1 different", r"test: attack: QEMU ended with 0"])
    yield case("reboot", [r"test: reboots: several", r"test: reboot: QEMU ended with 0", r"test: no-reboot: QEMU ended with 0"])
    yield case("monitor", MONITOR)
    yield case("disk", disk("pci") + disk("mmio"))
    yield case("net", NET)
    yield case("balloon", BALLOON)
    yield case("report", REPORT)
    yield case("loader", [r"loader: /dev/vda1, GRUB's menu: /boot/vmlinuz-of-the-disk root=/dev/vda1 ro +guest.do=grub", r"guest: started guest.from=loader",
                          r"guest: Linux \S+ on 2 CPUs", r"guest: ok copied", r"guest: done", r"test: loader: QEMU ended with 0"])
    if fetched(OTHER):
        yield case("tour", [r"test: QEMU %s\." % VERSION, r"test: reboots", r"test: reboot: QEMU ended with 0"] + MONITOR + disk("pci"))


def command_of(one):
    return script("run-host", *one.settings, "INITRD=" + initrd({"vmms-tour": OTHER, "vmms-loader": "loader"}.get(one.name, "")), "APPEND=quiet " + one.test)


MENU = """set timeout=5
if [ x$feature_default_font_path = xy ] ; then font=unicode; fi
menuentry 'Debian GNU/Linux' --class debian {
\tinsmod ext2
\techo\t'Loading Linux ...'
\tlinux\t/boot/vmlinuz-of-the-disk root=/dev/vda1 ro  guest.do=grub
\tinitrd\t/boot/initrd.img-of-the-disk
}
submenu 'Advanced options' {
\tmenuentry 'an older one' {
\t\tlinux /boot/vmlinuz-that-is-not-there root=/dev/vda1 ro
\t\tinitrd /boot/initrd.img-that-is-not-there
\t}
}
"""


def disk_with_a_kernel(guest):
    """A disk with a partition table, and on its first partition a kernel, an initial RAM disk, and a menu as GRUB has it."""
    folder, disk = os.path.join(OUT, "disk"), os.path.join(OUT, "disk.img")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "boot", "grub"))
    shutil.copy(os.path.join(KERNEL, "Image"), os.path.join(folder, "boot", "vmlinuz-of-the-disk"))
    shutil.copy(guest, os.path.join(folder, "boot", "initrd.img-of-the-disk"))
    with open(os.path.join(folder, "boot", "grub", "grub.cfg"), "w", encoding="utf-8") as menu:
        menu.write(MENU)
    with open(disk, "wb") as image:
        image.truncate(64 << 20)
    subprocess.run(["/sbin/sfdisk", "--quiet", "--label", "gpt", disk], check=True, input=b"start=2048, type=linux\n")
    quietly(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-d", folder, "-E", "offset=1048576", disk, "62m"])
    return disk


def prepare():
    for name in ("fetch", "fetch-vmm", "build-el2", "build-module", "build-guest", "build-loader"):
        quietly(script(name))
    os.makedirs(OUT, exist_ok=True)
    sequences = os.path.join(OUT, "sequences")
    quietly(["aarch64-linux-gnu-gcc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-static", "-o", sequences,
             os.path.join(HERE, "sequences.c")])
    guest = os.path.join(OUT, "guest.gz")
    shutil.copy(os.path.join(HERE, "guest-dhcp"), os.path.join(OUT, "dhcp"))
    quietly(script("make-initramfs", guest, os.path.join(HERE, "guest-init"), os.path.join(OUT, "dhcp"), os.path.join(KERNEL, "guest", "cordon_guest.ko"),
                   os.path.join(KERNEL, "guest", "cordon_balloon.ko"), *kernel_modules(OUT, MODULES)))
    attack = os.path.join(KERNEL, "module", "cordon_attack.ko")
    loader = [os.path.join(KERNEL, "loader", "loader.gz"), disk_with_a_kernel(guest)]
    for name, suite, more in (("", "", [guest, sequences, attack]), ("loader", "", loader), (OTHER, OTHER, [guest])):
        root = os.path.join(BUILD, "qemu-arm64%s" % (suite and "-" + suite), "root")
        if os.path.exists(root):
            quietly(script("make-initramfs", initrd(name), os.path.join(HERE, "init"), os.path.join(KERNEL, "module", "cordon_kvm.ko"),
                           os.path.join(KERNEL, "Image"), os.path.join(root, "usr"), os.path.join(root, "lib"), *more))


if __name__ == "__main__":
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of))
