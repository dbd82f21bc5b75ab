# SPDX-License-Identifier: Apache-2.0
"""The machines of the benchmark: what they are made of, built, and booted to power-off in QEMU with an exact clock."""
import os
import re
import subprocess
import time

from el2map import Counts, Image, Map, stop

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "bench", "tcg")
LABELS = os.path.join(ROOT, "host", "linux", "bench")
BUILD = os.path.join(ROOT, "build", "host")
EL2 = os.path.join(ROOT, "build", "el2")
KERNEL = os.path.join(BUILD, "Image")


def run(*command, **options):
    done = subprocess.run(command, check=False, cwd=ROOT, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        stop("%s ended with status %d" % (os.path.basename(command[0]), done.returncode))
    return done


def script(name, *arguments):
    run(os.path.join(ROOT, "scripts", "host", name), *arguments)


class Bench:
    def __init__(self, step=True):
        """step: each entry to EL2 begins with what the CPU needs against prediction, as in the image that is booted everywhere."""
        self.el2 = EL2 if step else EL2 + "-no-step"
        self.work = os.path.join(BUILD, "bench")
        os.makedirs(self.work, exist_ok=True)
        for name in ("fetch", "build-module", "build-vmm"):
            script(name)
        script("build-el2", "--output", self.el2, *([] if step else ["--no-step"]))
        self.plugin = os.path.join(self.work, "el2count.so")
        run("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", "-o", self.plugin,
            os.path.join(HERE, "el2count.c"))
        self.image = Image(ROOT, os.path.join(self.el2, "cordon.elf"))
        self.map = Map(self.image)
        self.map_file = os.path.join(self.work, os.path.basename(self.el2) + ".map")
        self.map.write(self.map_file)
        with open(os.path.join(LABELS, "labels.h"), encoding="ascii") as file:
            self.labels = {int(number): word for word, number in re.findall(r"X\((\w+), (\d+)\)", file.read())}
        self.initrd = self.pack("calls.gz", "init", os.path.join(BUILD, "module", "cordon_bench.ko"))

    def pack(self, name, init, *files):
        path = os.path.join(self.work, name)
        script("make-initramfs", path, os.path.join(HERE, init), *files)
        return path

    def pack_guest(self):
        """The host's initramfs with a guest in it, and the launcher."""
        label = os.path.join(self.work, "label")
        run("aarch64-linux-gnu-gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", label,
            os.path.join(LABELS, "label.c"))
        return self.pack("guest-host.gz", "init", label, self.pack("guest.gz", "guest-init"), KERNEL,
                         os.path.join(BUILD, "module", "cordon_kvm.ko"), os.path.join(BUILD, "vmm", "cordon-vmm"))

    def pack_io(self):
        """The host's initramfs with drivers for its disk and its network card, and what uses them."""
        tool, modules = os.path.join(self.work, "io"), os.path.join(self.work, "io.d", "modules")
        run("aarch64-linux-gnu-gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", tool, os.path.join(LABELS, "io.c"))
        script("modules", modules, "virtio_pci", "virtio_blk", "virtio_net")
        return self.pack("io.gz", "init", tool, modules)

    def disk_and_network(self, size, bare):
        """What QEMU is told for them: behind an SMMU, without Cordon the same devices with none, so that the kernel does the same for both."""
        disk = os.path.join(self.work, "io.img")
        with open(disk, "wb") as file:
            file.truncate(size)
        options = ",iommu_platform=on"
        return (["-M", "iommu=smmuv3"] if not bare else []) + [
            "-drive", "if=none,id=disk,format=raw,file=" + disk, "-device", "virtio-blk-pci,drive=disk,disable-legacy=on" + options,
            "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,disable-legacy=on,romfile=" + options]

    def boot(self, append="", bare=False, initrd=None, more=()):
        """Boots to power-off; returns the seconds that it took, and what it printed."""
        command = ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3,dtb-randomness=off", "-cpu",
                   "neoverse-n1", "-smp", "1", "-m", "1G", "-nographic", "-nic", "none", "-no-reboot", "-seed", "1",
                   "-icount", "shift=0,sleep=off", "-rtc", "clock=vm,base=2026-01-01", "-initrd", initrd or self.initrd,
                   "-append", "console=ttyAMA0 quiet nokaslr " + append]
        if bare:
            command += ["-kernel", KERNEL]
        else:
            command += ["-kernel", os.path.join(self.el2, "cordon.bin"), "-device",
                        "guest-loader,kernel=%s,addr=0x42000000" % KERNEL]
        began = time.monotonic()
        text = run(*command, *more, stdout=subprocess.PIPE, text=True, timeout=300).stdout
        if "bench: done" not in text:
            stop("the boot did not come to its end; it said:\n" + text)
        return time.monotonic() - began, text

    def counted(self, name, append="", bare=False, initrd=None, more=()):
        """Boots under the plugin; returns Counts, with what was printed as .text."""
        out = os.path.join(self.work, "counts-%s.txt" % name)
        plugin = "%s,out=%s" % (self.plugin, out)
        if not bare:
            plugin += ",map=" + self.map_file
        _, text = self.boot(append, bare, initrd, ["-plugin", plugin, *more])
        counts = Counts(out, self.map, self.labels)
        counts.text = text
        return counts
