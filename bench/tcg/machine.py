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
PAYLOAD = os.path.join(BUILD, "guest", "payload")
BOOT_SECONDS = 1800


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
        for name in ("fetch", "build-module", "build-vmm", "build-guest"):
            script(name)
        script("build-el2", "--output", self.el2, *([] if step else ["--no-step"]))
        self.plugin = os.path.join(self.work, "el2count.so")
        run("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", "-o", self.plugin,
            os.path.join(HERE, "el2count.c"))
        self.image = Image(ROOT, os.path.join(self.el2, "cordon.elf"))
        self.map = Map(self.image)
        self.map_file = os.path.join(self.work, os.path.basename(self.el2) + ".map")
        self.map.write(self.map_file)
        self.labels = {}
        for path in (os.path.join(LABELS, "labels.h"), os.path.join(ROOT, "guest", "payload", "bench.h")):
            with open(path, encoding="ascii") as file:
                self.labels.update((int(number), word) for word, number in re.findall(r"X\((\w+), (\d+)\)", file.read()))
        self.initrd = self.pack("calls.gz", "init", os.path.join(BUILD, "module", "cordon_bench.ko"))

    def pack(self, name, init, *files):
        path = os.path.join(self.work, name)
        script("make-initramfs", path, os.path.join(HERE, init), *files)
        return path

    def program(self, name):
        """One of host/linux/bench, for a host or a guest."""
        path = os.path.join(self.work, name)
        run("aarch64-linux-gnu-gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", path, os.path.join(LABELS, name + ".c"))
        return path

    def pack_host(self, name, *files):
        """The host's initramfs with the launcher in it, and what it is to start."""
        return self.pack(name, "init", self.program("label"), self.program("seed"), os.path.join(BUILD, "module", "cordon_kvm.ko"),
                         os.path.join(BUILD, "vmm", "cordon-vmm"), *files)

    def pack_guest(self):
        """A Linux guest that does nothing but boot."""
        return self.pack_host("guest-host.gz", self.pack("guest.gz", "guest-init"), KERNEL)

    def pack_token(self):
        """A Linux guest that asks for a token, and the keeper that signs it."""
        script("build-keeper")
        script("build-first")
        return self.pack_host("token-host.gz", self.pack("token.gz", "token-init", os.path.join(BUILD, "guest", "cordon_guest.ko")),
                              os.path.join(BUILD, "keeper", "keeper.bin"), KERNEL)

    def pack_payload(self):
        """A bare guest."""
        return self.pack_host("payload-host.gz", PAYLOAD + ".bin")

    def pack_programs(self, source):
        """A Linux guest with Debian's programs, and a source file that one of them compiles."""
        script("fetch-programs")
        modules, path = os.path.join(self.work, "apps.d", "modules"), os.path.join(self.work, "source.c")
        script("modules", modules, "virtio_mmio", "virtio_blk")
        with open(path, "w", encoding="ascii") as file:
            file.write(source)
        programs = os.path.join(BUILD, "programs", "root")
        guest = self.pack("apps.gz", "apps-init", path, modules, self.program("label"), self.program("io"), os.path.join(programs, "lib"),
                          os.path.join(programs, "usr"), os.path.join(BUILD, "guest", "cordon_guest.ko"))
        return self.pack_host("apps-host.gz", guest, KERNEL)

    def pack_io(self):
        """The host's initramfs with drivers for its disk and its network card, and what uses them."""
        modules = os.path.join(self.work, "io.d", "modules")
        script("modules", modules, "virtio_pci", "virtio_blk", "virtio_net")
        return self.pack("io.gz", "init", self.program("io"), modules)

    def disk_and_network(self, size, bare):
        """What QEMU is told for them: behind an SMMU, without Cordon the same devices with none, so that the kernel does the same for both."""
        disk = os.path.join(self.work, "io.img")
        with open(disk, "wb") as file:
            file.truncate(size)
        options = ",iommu_platform=on"
        return (["-M", "iommu=smmuv3"] if not bare else []) + [
            "-drive", "if=none,id=disk,format=raw,file=" + disk, "-device", "virtio-blk-pci,drive=disk,disable-legacy=on" + options,
            "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,disable-legacy=on,romfile=" + options]

    def boot(self, append="", bare=False, initrd=None, more=(), image="cordon.bin"):
        """Boots an image of the project's to power-off; returns the seconds that it took, and what it printed."""
        command = ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3,dtb-randomness=off", "-cpu",
                   "neoverse-n1", "-smp", "1", "-m", "1G", "-nographic", "-nic", "none", "-no-reboot", "-seed", "1",
                   "-icount", "shift=0,sleep=off", "-rtc", "clock=vm,base=2026-01-01", "-initrd", initrd or self.initrd,
                   "-append", "console=ttyAMA0 quiet nokaslr " + append]
        if bare:
            command += ["-kernel", KERNEL]
        else:
            command += ["-kernel", os.path.join(self.el2, image), "-device",
                        "guest-loader,kernel=%s,addr=0x42000000" % KERNEL]
        began = time.monotonic()
        text = run(*command, *more, stdout=subprocess.PIPE, text=True, timeout=BOOT_SECONDS).stdout
        if "bench: done" not in text:
            stop("the boot did not come to its end; it said:\n" + text)
        return time.monotonic() - began, text

    def counted(self, name, append="", bare=False, initrd=None, more=(), told="", image="cordon.bin"):
        """Boots under the plugin, which is told more; returns Counts, with what was printed as .text."""
        out = os.path.join(self.work, "counts-%s.txt" % name)
        plugin = "%s,out=%s%s" % (self.plugin, out, told)
        if not bare:
            plugin += ",map=" + self.map_file
        _, text = self.boot(append, bare, initrd, ["-plugin", plugin, *more], image)
        counts = Counts(out, self.map, self.labels)
        counts.text = text
        return counts
