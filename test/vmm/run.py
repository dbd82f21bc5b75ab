#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The launcher: its serial port by itself, its options, terminal and disks on a real KVM in QEMU (the machine without Cordon),
the bare guest there, and disks of a protected guest under Cordon.

    test/vmm/run.py [NAME...]       all cases whose name contains one of the words; without any, all cases

Each case has a bounded time. The log of a case that fails stays below build/host/logs. Closes with
"N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300.
"""
import base64
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import BUILD, KERNEL, ROOT, Case, boots, kernel_modules, quietly, run_all, script  # pylint: disable=wrong-import-position

HERE = os.path.join(ROOT, "test", "vmm")
OUT = os.path.join(BUILD, "vmm-test")
NEVER = [r"test: complaint", r"guest: FAIL", r"Kernel panic"]
MODULES = ["virtio/virtio_ring", "virtio/virtio", "virtio/virtio_mmio", "block/virtio_blk"]


def bare(name, test, want, cpu="cortex-a72"):
    """On a real KVM."""
    return Case(name, ["BARE=1", "CPU=" + cpu], "cordon.test=" + test, want + [r"test: done"], NEVER)


def cordon(name, test, want, cpu="cortex-a72"):
    return boots(name, ["CPU=" + cpu], 2, "cordon.test=" + test, want, NEVER)


TREE = [r"tree: " + part for part in (r'.*bootargs = "some words";', r".*cpu@2 {", r".*memory@80000000 {", r".*kaslr-seed = <",
                                      r".*method = \"hvc\";", r'.*compatible = "ns16550a";', r'.*compatible = "arm,gic-v3";')]
SAME = r"test: expected (\w+)(?s:.*)guest: read \1"
DISK = [SAME, r"guest: ok virtio is unloaded", r"guest: ok nothing is left", r"guest: ok copied", r"guest: ok a disk that is read-only", r"guest: serial cordon-vmm disk 1",
        r"test: guest ended with 0", r"test: ok written"]


def cases():
    yield Case("uart", command=[os.path.join(OUT, "uart_test")], want=[r"PASSED.* 6 test"])
    yield bare("options", "options", [r"test: ok --help", r"test: ok --version", *TREE])
    yield bare("console", "console", [r"test: (\w+)  -(?s:.*)test: expected \1", r"test: guest ended with 0",
                                      r"escape: terminal: raw", r"escape: terminal: as before afterwards; exit status 1",
                                      r"keys: \^Ahere", r"keys: terminal: as before afterwards; exit status 1",
                                      r"test: terminated with 1", r"test: reset ends with 3"])
    yield bare("payload-kvm", "payload", [r"test: guest of %d ended with 0" % n for n in (1, 2, 4)] +
               [r"guest: done: [1-9]\d* passed, 0 failed, 23 skipped"], "neoverse-n1")
    yield bare("disk-kvm", "disk", DISK)
    yield cordon("disk-cordon", "disk", DISK)
    yield cordon("disk-deaf", "deaf", [r"does nothing more: an available ring that is not shared"])


def command_of(one):
    if one.command:
        return one.command
    command = script("run-host", *one.settings, "INITRD=" + os.path.join(OUT, "initrd.gz"), "APPEND=quiet " + one.test)
    if one.name == "options":
        return ["sh", "-c", '"$@" | "$0" --tree', os.path.join(HERE, "run.py")] + command
    return command


def show_tree():
    """Copies a log; the device tree in it, which the launcher has written, is shown as text."""
    for line in sys.stdin:
        sys.stdout.write(line)
        found = re.match(r"test: tree (\S+)", line)
        if found:
            text = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts"], input=base64.b64decode(found.group(1)),
                                  stdout=subprocess.PIPE, check=True).stdout.decode()
            sys.stdout.write("".join("tree: " + part + "\n" for part in text.splitlines()))
    return 0


def build(cc, output, *arguments):
    quietly([cc, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-I" + os.path.join(ROOT, "host", "vmm"), "-o",
             os.path.join(OUT, output), *arguments])


def prepare():
    for name in ("fetch", "build-el2", "build-module", "build-vmm", "build-guest"):
        quietly(script(name))
    os.makedirs(OUT, exist_ok=True)
    build("cc", "uart_test", os.path.join(HERE, "uart_test.c"), os.path.join(ROOT, "host", "vmm", "uart.c"), "-lcmocka")
    build("aarch64-linux-gnu-gcc", "on_terminal", "-static", os.path.join(HERE, "on_terminal.c"))
    guest, shell = os.path.join(OUT, "guest.gz"), os.path.join(OUT, "shell.gz")
    modules = kernel_modules(OUT, MODULES)
    quietly(script("make-initramfs", guest, os.path.join(HERE, "guest-init"), os.path.join(KERNEL, "guest", "cordon_guest.ko"),
                   *modules))
    quietly(script("make-initramfs", shell, script("init")[0]))
    quietly(script("make-initramfs", os.path.join(OUT, "initrd.gz"), os.path.join(HERE, "init"),
                   os.path.join(KERNEL, "module", "cordon_kvm.ko"), os.path.join(BUILD, "vmm", "cordon-vmm"),
                   os.path.join(KERNEL, "guest", "payload.bin"), os.path.join(KERNEL, "Image"), os.path.join(OUT, "on_terminal"),
                   guest, shell))


if __name__ == "__main__":
    if sys.argv[1:] == ["--tree"]:
        sys.exit(show_tree())
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of))
