#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The launcher: its serial port, its virtio devices and its configuration space by themselves, its options, terminal and disks on a real KVM in QEMU (the
machine without Cordon), the bare guest there, and under Cordon disks of a protected guest, and a disk on PCI that is a guest's own:
with QEMU 10, whose SMMU has stage 2; with 7.2, where that is refused.

    test/vmm/run.py [NAME...]       all cases whose name contains one of the words; without any, all cases

Each case has a bounded time. The log of a case that fails stays below build/host/logs. Closes with
"N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300. GUEST_KERNEL: an Image that has KVM's driver for protected guests
and those of virtio's disks on MMIO in itself; then there is the case disk-pkvm, in which it is the guest's and has no module (docs/GUESTS.md).
"""
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import BUILD, KERNEL, ROOT, Case, VIRTIO, boots, kernel_modules, qemu_of, quietly, run_all, script  # pylint: disable=wrong-import-position

HERE = os.path.join(ROOT, "test", "vmm")
OUT = os.path.join(BUILD, "vmm-test")
NEVER = [r"test: complaint", r"guest: FAIL", r"Kernel panic"]
DEVICES = ["disk", "entropy", "guard", "link", "memory", "message", "net", "ports", "rtc", "serial", "slot", "socket", "terminal", "uart", "virtio", "vm"]
MODULES = ["virtio/virtio_ring", "virtio/virtio", "virtio/virtio_mmio", "block/virtio_blk", "../net/core/failover", "net/net_failover", "net/virtio_net"]


def bare(name, test, want, cpu="cortex-a72"):
    """On a real KVM."""
    return Case(name, ["BARE=1", "CPU=" + cpu], "cordon.test=" + test, want + [r"test: done"], NEVER)


def cordon(name, test, want, cpu="cortex-a72"):
    return boots(name, ["CPU=" + cpu], 2, "cordon.test=" + test, want, NEVER)


GUEST_KERNEL = os.environ.get("GUEST_KERNEL", "")
TREE = [r"tree: " + part for part in (r'.*bootargs = "some words";', r".*cpu@2 {", r".*memory@80000000 {", r".*kaslr-seed = <",
                                      r".*method = \"hvc\";", r'.*compatible = "ns16550a";', r'.*compatible = "arm,pl031', r'.*compatible = "arm,gic-v3";')]
SAME = r"test: expected (\w+)(?s:.*)guest: read \1"
DISK = [SAME, r"guest: ok virtio is unloaded", r"guest: ok nothing is left", r"guest: ok copied", r"guest: ok a disk that is read-only",
        r"guest: segments 32$", r"guest: serial cordon-vmm disk 1", r"test: guest ended with 0", r"test: ok written"]

DISK_IMAGE = os.path.join(OUT, "given.img")
OWN = [r"test: bound to cordon-device", r"test: ok refuses .*the host's driver virtio-pci has it", r"test: ok one device", r"test: ok the unbinding waits",
       r"test: configuration +(256|4096) ff *$", r"guest: interrupts: .*virtio", r"guest: unmounted", r"test: ok unbound after the guest's end",
       r"test: bound again to virtio-pci", r"guest: wrote (\w+)(?s:.*)test: found \1", r"test: found (\w+)(?s:.*)guest: read \1  -, written by the host",
       r"test: guest ended with 0(?s:.*)test: guest ended with 0(?s:.*)test: guest ended with 137", r"test: found (\w+)(?s:.*)test: after a kill \1", r"pages came back, 0 of them not zero"]


def image_is_as_said(log):
    """The guest's file, looked at from outside of the machine."""
    said = re.search(r"guest: wrote (\w+)", log)
    data = subprocess.run(["debugfs", "-R", "cat /file", DISK_IMAGE], check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    if said is None or hashlib.md5(data).hexdigest() != said.group(1):
        yield "the image has not what the guest has written"


def own_disk(name, version, smp, test, want, never, check=None):
    """A host with a disk behind a port of its own. None: no such QEMU."""
    qemu, why = qemu_of(version)
    if qemu is None:
        print("%s %s" % (name, why), flush=True)
        return None
    case = boots(name, ["QEMU=" + qemu, "SMP=%d" % smp, "GUEST_DISK=" + DISK_IMAGE], smp, "cordon.test=" + test, want, NEVER + never)
    case.check = check
    return case


def is_wanted(name):
    """To have another QEMU may take a download."""
    return not sys.argv[1:] or any(word in name for word in sys.argv[1:])


# Two devices of other kinds, an NVMe disk and a network card, each behind a port of its own: both one guest's, twice.
KINDS = ("-device pcie-root-port,id=first,chassis=1,slot=1 -drive if=none,id=given,format=raw,file=%s -device nvme,bus=first,drive=given,serial=x "
         "-device pcie-root-port,id=second,chassis=2,slot=2 -netdev user,id=net "
         "-device virtio-net-pci,bus=second,netdev=net,iommu_platform=on,disable-legacy=on,romfile=" % DISK_IMAGE)
TWO = [r"(?s)(test: bound to cordon-device.*){4}", r"guest: interrupts: .*nvme0q", r"guest: interrupts: .*virtio", r"(?s)(guest: ping: 3 packets .* 3 packets received.*){2}",
       r"(?s)(guest: large ping: 20 packets .* 20 packets received.*){2}", r"guest: unmounted", r"test: bound again to virtio-pci", r"test: bound again to nvme",
       r"(?s)(test: ping: 3 packets .* 3 packets received.*){2}", r"guest: wrote (\w+)(?s:.*)test: found \1", r"test: found (\w+)(?s:.*)guest: read \1  -, written by the host",
       r"test: guest ended with 0(?s:.*)test: guest ended with 0", r"pages came back, 0 of them not zero", r"test: ok a guest has its disk at the end"]


def other_kinds():
    qemu, why = qemu_of("10")
    if qemu is None:
        print("device-10-kinds %s" % why, flush=True)
        return None
    case = boots("device-10-kinds", ["QEMU=" + qemu, "SMP=2", "MACHINE=iommu=smmuv3", "EXTRA=" + KINDS], 2, "cordon.test=kinds", TWO, NEVER)
    case.check = image_is_as_said
    return case


def own_disks():
    if is_wanted("device-10"):
        yield own_disk("device-10", "10", 2, "own", OWN, [], image_is_as_said)
    if is_wanted("device-10-kinds"):
        yield other_kinds()
    if is_wanted("device-7"):
        yield own_disk("device-7", "7", 2, "refused", [r"Cordon gives this host's guests no such device", r"test: guest ended with 2",
                                                       r"test: bound again to virtio-pci", r"test: ok the host has its disk"], [r"guest: ready"])


def cases():
    yield from filter(None, own_disks())
    yield Case("pci", command=[os.path.join(OUT, "pci_test")], want=[r"PASSED.* 9 test"])
    yield Case("devices", command=[os.path.join(OUT, "devices_test")], want=[r"PASSED.* 27 test"])
    yield Case("uart", command=[os.path.join(OUT, "uart_test")], want=[r"PASSED.* 6 test"])
    yield bare("options", "options", [r"test: ok --help", r"test: ok --version", r"test: ok an odd disk", *TREE])
    yield bare("console", "console", [r"test: (\w+)  -(?s:.*)test: expected \1", r"test: guest ended with 0",
                                      r"escape: terminal: raw", r"escape: terminal: as before afterwards; exit status 1",
                                      r"keys: \^Ahere", r"keys: terminal: as before afterwards; exit status 1",
                                      r"test: ok a halt is told", r"test: terminated with 1", r"test: reset ends with 3"])
    yield bare("payload-kvm", "payload", [r"test: guest of %d ended with 0" % n for n in (1, 2, 4)] +
               [r"guest: done: [1-9]\d* passed, 0 failed, 25 skipped"], "neoverse-n1")
    yield bare("disk-kvm", "disk", DISK)
    yield cordon("disk-cordon", "disk", DISK)
    yield cordon("disk-pool", "pool", DISK)
    if GUEST_KERNEL:
        yield cordon("disk-pkvm", "pkvm", [SAME, r"guest: ok copied", r"guest: ok a disk that is read-only", r"guest: segments 32$",
                                           r"guest: serial cordon-vmm disk 1",
                                           r"test: guest ended with 0", r"test: ok written"])
    yield cordon("report", "report", [r"test: ok refuses .*--mem 4G", r"test: full: \d+", r"test: ok the host has it back"])
    yield cordon("passt", "passt", [r"test: passt began with 0", r"guest: address 192\.0\.2\.2$", r"test: expected (\w+)(?s:.*)guest: fetched \1",
                                    r"test: guest ended with 0", r"test: ok fetched back"])
    yield cordon("disk-deaf", "deaf", [r"does nothing more: an available ring that is not shared"])


def command_of(one):
    if one.command:
        return one.command
    initrd = "device.cpio" if one.name.startswith("device") else "initrd.cpio"
    command = script("run-host", *one.settings, "INITRD=" + os.path.join(OUT, initrd), "APPEND=quiet " + one.test)
    if initrd == "device.cpio":
        with open(DISK_IMAGE, "wb") as image:
            image.truncate(64 << 20)
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
    quietly(script("fetch-programs", "passt"))
    os.makedirs(OUT, exist_ok=True)
    build("cc", "uart_test", os.path.join(HERE, "uart_test.c"), os.path.join(ROOT, "host", "vmm", "uart.c"), "-lcmocka")
    build("aarch64-linux-gnu-gcc", "on_terminal", "-static", os.path.join(HERE, "on_terminal.c"))
    build("cc", "devices_test", "-g", "-fsanitize=address,undefined", "-I" + os.path.join(ROOT, "include"), os.path.join(HERE, "devices_test.c"),
          *[os.path.join(ROOT, "host", "vmm", part + ".c") for part in DEVICES], "-lcmocka", "-pthread")
    build("cc", "pci_test", os.path.join(HERE, "pci_test.c"), os.path.join(ROOT, "host", "vmm", "pci.c"), "-lcmocka")
    guest, shell = os.path.join(OUT, "guest.gz"), os.path.join(OUT, "shell.gz")
    modules = kernel_modules(OUT, MODULES)
    quietly(script("make-initramfs", guest, os.path.join(HERE, "guest-init"), os.path.join(KERNEL, "guest", "cordon_guest.ko"),
                   os.path.join(ROOT, "test", "vmms", "guest-dhcp"), *modules))
    quietly(script("make-initramfs", shell, script("init")[0]))
    own = os.path.join(OUT, "own")
    shutil.rmtree(own, ignore_errors=True)
    os.makedirs(own)
    if GUEST_KERNEL:
        shutil.copy(GUEST_KERNEL, os.path.join(own, "Image"))
    quietly(script("make-initramfs", os.path.join(OUT, "initrd.cpio"), os.path.join(HERE, "init"),
                   os.path.join(KERNEL, "module", "cordon_kvm.ko"), os.path.join(BUILD, "vmm", "cordon-vmm"),
                   os.path.join(KERNEL, "guest", "payload.bin"), os.path.join(KERNEL, "Image"), os.path.join(OUT, "on_terminal"),
                   os.path.join(BUILD, "passt", "root", "usr"), os.path.join(BUILD, "passt", "root", "lib"), *kernel_modules(OUT, ["net/tun"]),
                   guest, shell, own))
    on_pci, guest = kernel_modules(OUT, VIRTIO), os.path.join(OUT, "device-guest.gz")
    quietly(script("make-initramfs", guest, os.path.join(HERE, "device-guest-init"), *on_pci))
    quietly(script("make-initramfs", os.path.join(OUT, "device.cpio"), os.path.join(HERE, "device-init"), os.path.join(KERNEL, "module", "cordon_kvm.ko"),
                   os.path.join(BUILD, "vmm", "cordon-vmm"), os.path.join(KERNEL, "Image"), guest, *on_pci))


if __name__ == "__main__":
    if sys.argv[1:] == ["--tree"]:
        sys.exit(show_tree())
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of))
