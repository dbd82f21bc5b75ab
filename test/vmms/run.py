#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""VMMs as people have them: Debian's qemu-system-aarch64 for arm64, unchanged, runs a protected guest on a host under Cordon in QEMU. Of
others, what they ask of the driver: tables of calls and answers (sequences.c).

    test/vmms/run.py [NAME...]      all cases whose name contains one of the words; without any, all cases

Each case has a bounded time. The serial log of a case that fails stays below build/host/logs. Closes with
"N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import BUILD, KERNEL, ROOT, boots, kernel_modules, quietly, run_all, script  # pylint: disable=wrong-import-position

HERE = os.path.join(ROOT, "test", "vmms")
OUT = os.path.join(BUILD, "vmms-test")
INITRD = os.path.join(OUT, "initrd.gz")
MODULES = ["virtio/virtio_ring", "virtio/virtio", "virtio/virtio_mmio", "virtio/virtio_pci_legacy_dev", "virtio/virtio_pci_modern_dev",
           "virtio/virtio_pci", "block/virtio_blk"]
NEVER = [r"guest: FAIL", r"qemu-system-aarch64: (?!warning)", r"Segmentation fault", r"Aborted", r"pages came back, [1-9]\d* of them"]


def case(name, want):
    return boots("vmms-" + name, ["CPU=cortex-a72", "SMP=2", "MEM=1536M"], 2, "cordon.test=" + name, want +
                 [r"test: loaded", r"test: unloaded", r"pages came back, 0 of them not zero"], NEVER)


def disk(name):
    return [r"test: %s: expected (\w+)(?s:.*)guest: read \1" % name, r"test: %s: ok written" % name, r"test: %s: QEMU ended with 0" % name]


# Of the group others of the attempts: a line that went missing would breach nothing.
ATTEMPTS = [how + " by the kernel +another's " + whose for how in ("load", "store", "exclusive load", "DC ZVA", "run") for whose in ("guest", "vCPUs, tables")] + [
    "frames of another's VM, given away", "handles like another's", "another's VM, in its phase", "a page under another's guest", "another's vCPUs, run",
    "another's VM is as it was", "both guests find all as it was"]


def cases():
    yield case("sequences", [r"sequences: %s: [1-9]\d* calls, 0 wrong" % name for name in ("kvmtool", "firecracker", "cloud_hypervisor", "crosvm", "qemu")])
    yield case("boot", [r"guest: Linux \S+ on 1 CPUs", r"guest: Linux \S+ on 2 CPUs", r"test: one: QEMU ended with 0", r"test: two: QEMU ended with 0"])
    yield case("attack", [r"hostile: %s .* ok$" % line for line in ATTEMPTS] + [r"hostile: [34]\d kinds of attempt, \d+ tries, \d+ refused, 0 breaches, 0 kinds failed, "
               r"0 not tried", r"test: attacked", r"test: ok it goes on", r"test: sums: 1 different", r"test: attack: QEMU ended with 0"])
    yield case("reboot", [r"test: reboots: several", r"test: reboot: QEMU ended with 0", r"test: no-reboot: QEMU ended with 0"])
    yield case("monitor", [r"test: ok it goes on when it was looked at", r"test: ok it stands", r"test: ok it goes on", r"test: ok it begins anew",
                           r"test: monitor: QEMU ended with 0"])
    yield case("disk", disk("pci") + disk("mmio"))


def command_of(one):
    return script("run-host", *one.settings, "INITRD=" + INITRD, "APPEND=quiet " + one.test)


def prepare():
    for name in ("fetch", "fetch-vmm", "build-el2", "build-module", "build-guest"):
        quietly(script(name))
    os.makedirs(OUT, exist_ok=True)
    sequences = os.path.join(OUT, "sequences")
    quietly(["aarch64-linux-gnu-gcc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-static", "-o", sequences,
             os.path.join(HERE, "sequences.c")])
    guest, root = os.path.join(OUT, "guest.gz"), os.path.join(BUILD, "qemu-arm64", "root")
    quietly(script("make-initramfs", guest, os.path.join(HERE, "guest-init"), os.path.join(KERNEL, "guest", "cordon_guest.ko"),
                   *kernel_modules(OUT, MODULES)))
    quietly(script("make-initramfs", INITRD, os.path.join(HERE, "init"), os.path.join(KERNEL, "module", "cordon_kvm.ko"),
                   os.path.join(KERNEL, "module", "cordon_attack.ko"), os.path.join(KERNEL, "Image"), guest, sequences, os.path.join(root, "usr"), os.path.join(root, "lib")))


if __name__ == "__main__":
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of))
