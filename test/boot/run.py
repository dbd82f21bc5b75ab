#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Boots Linux under Cordon in QEMU in many ways, and looks at what comes out of the serial line.

    test/boot/run.py [NAME...]      all cases whose name contains one of the words; without any, all cases

Each case has a bounded time. The serial log of a case that fails stays below build/host/logs. Closes with
"N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300.
"""
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import (BUILD, KERNEL, ROOT, SCRIPTS, VIRTIO, Case, boots, kernel_modules, native_command,  # pylint: disable=wrong-import-position
                        qemu_of, quietly, run_all, script)

INITRD = os.path.join(BUILD, "test.cpio")

NUMA_3 = ("-object memory-backend-ram,id=a,size=1G -object memory-backend-ram,id=b,size=1G "
          "-object memory-backend-ram,id=c,size=2G -numa node,memdev=a,cpus=0 -numa node,memdev=b,cpus=1-2 "
          "-numa node,memdev=c,cpus=3")
BAD = [r"test: complaint", r"Cordon panic", r"Kernel panic"]
NUMA = ("-object memory-backend-ram,id=a,size=512M -object memory-backend-ram,id=b,size=512M "
        "-numa node,memdev=a,cpus=0 -numa node,memdev=b,cpus=1")
STOP = "Cordon stops the machine"
DISK = os.path.join(BUILD, "dma.img")
NVME = os.path.join(BUILD, "dma-nvme.img")
CONFINED = "iommu_platform=on,disable-legacy=on"
READ_IMPLEMENTATION = 0xd539f000      # mrs x0, s3_1_c15_c0_0
CHOSEN = b"which of the boot tests"     # in boot_test.c


def refuses(name, settings, text):
    """Cordon says in one line what is wrong and switches the machine off."""
    return Case(name, settings, "", [text], [r"test: shell", r"Cordon panic"])


def described(name, cpus, settings, test, started, want=()):
    """The tree has more CPUs than are started: an emulator with two cores is slow with many."""
    test += " rcupdate.rcu_cpu_stall_suppress=1"     # a host of that many on two cores: slowness is no complaint here
    return Case(name, settings, test, [r"^Cordon [0-9.]+: %d CPUs" % cpus, r"test: shell on %d CPUs" % started, r"test: done"] + list(want),
                BAD)


def hostile(cpu, smp, calls, settings=(), suffix="", want=()):
    hotplug = [r"CPU_ON at odd addresses .* ok", r"the CPU serves the host again .* ok"] if smp > 1 else []
    return boots("hostile-%s-%d%s" % (cpu, smp, suffix), ["CPU=" + cpu, "SMP=%d" % smp] + list(settings), smp,
                 "cordon.test=hostile cordon.calls=%d" % calls,
                 [r"hostile: \d+ kinds of attempt, \d+ tries, \d+ refused, 0 breaches, 0 kinds failed, 0 not tried",
                  r"hostile: user: [1-9]\d* tries, \d+ refused, 0 breaches, 0 not tried", r"test: unloaded"] + hotplug + list(want),
                 [r"BREACH", r"NOT TRIED"])


def panics(name, what):
    """An image that goes wrong on purpose reports it and switches the machine off."""
    return Case("panic-" + name, command=["panic", name],
                want=[r"Cordon panic on CPU 0", r"back trace:", r" (boot|boot_on|start)\+0x", STOP] + what, never=["test: shell"])


def has_disk(log):
    """Whether what the host has read and written is what was, and is, on the disk; the image's end is looked at from outside."""
    with open(os.path.join(BUILD, "dma", "sum"), encoding="ascii") as file:
        wanted = file.read().strip()
    out = subprocess.run(["debugfs", "-R", "cat /out", DISK], check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    if hashlib.md5(out).hexdigest() != wanted:
        yield "the disk's image has something else in it than the host has written"
    for word in ("read", "wrote"):
        if not re.search(r"test: %s %s .*written on the disk is %s" % (word, wanted, wanted), log):
            yield "the host has %s something else" % word


# Interrupts of a disk and a network: messages through the ITS that Cordon shows, or wires.
ITS = r"ITS-(MSI|PCI-MSIX?-\S*)"        # as Linux 6.1 and 6.12 name them
MESSAGES = [r"^Cordon: the host has an ITS", r"test: interrupts: .* %s .* virtio0-req" % ITS, r"test: interrupts: .* %s .* virtio1-input" % ITS,
            r"info: +0 commands to the ITS that were dropped"]
WIRES = [r"test: interrupts: .* GICv3 .* virtio0", r"test: interrupts: .* GICv3 .* virtio1"]


def confined(name, settings, smp=2, devices=CONFINED, want=(), interrupts=MESSAGES, nvme=False):
    """A disk and a network behind Cordon's SMMU; and another disk, that no virtio is about."""
    extra = ("EXTRA=-drive if=none,id=d0,file=%s,format=raw -device virtio-blk-pci,drive=d0,%s "
             "-netdev user,id=n0 -device virtio-net-pci,netdev=n0,%s,romfile=" % (DISK, devices, devices))
    want = list(want) + interrupts + ([r"test: nvme (\w+) +- is \1", r"test: interrupts: .* %s .* nvme0q1" % ITS] if nvme else [])
    if nvme:
        extra += " -drive if=none,id=d1,file=%s,format=raw -device nvme,drive=d1,serial=x" % NVME
    case = boots(name, ["MACHINE=iommu=smmuv3", "SMP=%d" % smp, extra] + list(settings), smp, "cordon.test=dma",
                 [r"test: ping: .* 3 packets received", r"test: large ping: 3 .* 3 packets received",
                  r"info: +0 accesses of devices that were aborted"] + want,
                 [r"WARNING:", r"cut off", r"ITS given up"] + ([] if interrupts is MESSAGES else [r" ITS-", r"has an ITS"]))
    case.check = has_disk
    return case


# The same by a GICv2m frame, which Linux looks for where it is told that there is no ITS (GICD_TYPER says that the GIC could have LPIs).
FRAME = [r"^Cordon: the host has a GICv2m frame", r"test: interrupts: .* (PCI-)?MSI\S* .* virtio0-req", r"test: interrupts: .* (PCI-)?MSI\S* .* virtio1-input"]


def frame_case():
    """QEMU has that frame beside a GICv3 from 11 on. None: there is no such QEMU, or nobody asks for it; it may take a download."""
    name = "dma-qemu-11-gicv2m"
    if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
        return None
    qemu, why = qemu_of("11")
    if qemu is None:
        print("%s %s" % (name, why), flush=True)
        return None
    case = confined(name, ["QEMU=" + qemu, "MACHINE=iommu=smmuv3,msi=gicv2m"], interrupts=FRAME)
    case.test += " irqchip.gicv3_nolpi=1"
    return case


CPUS_OF_DEVICES = {"7": [("cortex-a72", 2), ("max", 2)], "10": [("cortex-a72", 1), ("cortex-a72", 2), ("cortex-a72", 4), ("max", 2)]}


def dma_cases():
    """Devices of the host's, behind an SMMU of stage 1 (QEMU 7.2) and of stage 2 (10)."""
    for version in ("7", "10"):
        if sys.argv[1:] and not any(word in "dma-qemu-%s-cortex-a72-1-4 dma-qemu-%s-max" % (version, version) for word in sys.argv[1:]):
            continue        # to have another QEMU may take a download
        qemu, why = qemu_of(version)
        if qemu is None:
            print("dma-qemu-%s %s" % (version, why), flush=True)
            continue
        for cpu, smp in CPUS_OF_DEVICES[version]:
            yield confined("dma-qemu-%s-%s" % (version, cpu) + ("" if smp == 2 else "-%d" % smp), ["QEMU=" + qemu, "CPU=" + cpu], smp, nvme=cpu != "max",
                           want=[r"^Cordon: the host's devices are behind 1 SMMU, by a table of stage %d" % (1 if version == "7" else 2)])
    yield from filter(None, [frame_case()])
    yield confined("dma-its-off", ["MACHINE=iommu=smmuv3,its=off"], interrupts=WIRES)
    yield boots("dma-hotplug", ["MACHINE=iommu=smmuv3", "SMP=4", "EXTRA=-device virtio-rng-pci," + CONFINED], 4, "cordon.test=hotplug",
                [r"(?s)(test: off 3\s+test: on 4\s+){9}"], [r"LPI", r"ITS queue timeout"])
    yield confined("dma-below-4G", ["MACHINE=iommu=smmuv3,highmem=off,acpi=off", "SMP=1", "MEM=1333M"], 1)
    disk = "EXTRA=-device virtio-rng-pci," + CONFINED
    yield Case("dma-reset", ["MACHINE=iommu=smmuv3", "SMP=2", disk], "cordon.test=reset", [r"test: reset"], [r"Cordon panic", r"cut off"])
    machine = ["MACHINE=iommu=smmuv3", "SMP=1"]
    nested = "-device pcie-root-port,id=a,chassis=1 -device x3130-upstream,id=b,bus=a -device xio3130-downstream,id=c,bus=b,chassis=2 "
    yield boots("dma-buses", machine + ["EXTRA=%s -device virtio-rng-pci,bus=c,%s -device nec-usb-xhci" % (nested, CONFINED)], 1)
    for name, device, text in (
            ("virtio", "-device virtio-rng-pci,addr=3", r"^Cordon: PCI 00:03.0 is a virtio device .*iommu_platform=on,disable-legacy=on"),
            ("virtio-modern", "-device virtio-rng-pci,disable-legacy=on", r"^Cordon: PCI 00:01.0 is a virtio device .*iommu_platform=on"),
            ("virtio-legacy", "-device virtio-rng-pci,disable-modern=on", r"^Cordon: PCI 00:01.0 is a virtio device .*iommu_platform=on"),
            ("virtio-behind", nested + "-device virtio-rng-pci,bus=c", r"^Cordon: PCI 03:00.0 is a virtio device .*iommu_platform=on"),
            ("pxb-pcie", "-device pxb-pcie,bus_nr=128,id=x", r"^Cordon: PCI 00:01.0 is a root bus"),
            ("pxb", "-device pxb-pcie,bus_nr=128,id=x,addr=7 -device pcie-root-port,bus=x", r"^Cordon: PCI 00:07.0 is a root bus")):
        yield refuses("dma-refused-" + name, machine + ["EXTRA=" + device], text)
    yield refuses("dma-refused-bypass", ["MACHINE=iommu=smmuv3,default-bus-bypass-iommu=on", "SMP=1"], r"go past the SMMU")
    yield Case("dma-smmu", command=["native", "smmu_test"], want=[r"smmu_test: [1-9]\d* checks, 0 failures"])
    yield Case("dma-its", command=["native", "its_test"], want=[r"its_test: [1-9]\d* checks, 0 failures"])
    yield Case("dma-pci", command=["native", "pci_test"], want=[r"pci_test: [1-9]\d* checks, 0 failures"])
    yield Case("dma-pci-given", command=["native", "pci_given_test"], want=[r"pci_given_test: [1-9]\d* checks, 0 failures"])


def cases():
    yield from dma_cases()
    # With four CPUs the cases hotplug-... are such a boot and more, and so is info on two cortex-a72.
    for cpu, smp in (("cortex-a72", 1), ("neoverse-n1", 1), ("neoverse-n1", 2)):
        yield boots("boot-%s-%d" % (cpu, smp), ["CPU=" + cpu, "SMP=%d" % smp], smp)
    yield boots("boot-max-2", ["CPU=max", "SMP=2"], 2)
    yield boots("boot-cortex-a53-1", ["CPU=cortex-a53", "SMP=1"], 1)
    yield boots("boot-max-mte", ["CPU=max", "SMP=1", "MACHINE=mte=on"], 1)
    yield boots("memory-512M", ["MEM=512M", "SMP=1"], 1, "cordon.test=memory", [r"test: filled (\d+) MiB of \1"])
    yield boots("memory-odd", ["MEM=1333M", "SMP=1"], 1)
    yield boots("memory-8G", ["MEM=8G", "SMP=8"], 8)
    yield boots("memory-numa", ["MEM=1G", "SMP=2", "EXTRA=" + NUMA], 2)
    yield boots("smmu-its-off", ["MACHINE=iommu=smmuv3,its=off", "SMP=2"], 2)
    yield boots("highmem-off", ["MACHINE=highmem=off,acpi=off", "SMP=2"], 2)
    yield boots("nvdimm-virtio", ["MACHINE=nvdimm=on", "SMP=2", "EXTRA=-device virtio-rng-device -device virtio-rng-pci"],
                2, never=[r"virtio"])
    for cpu in ("cortex-a72", "neoverse-n1"):
        yield boots("hotplug-" + cpu, ["CPU=" + cpu, "SMP=4"], 4, "cordon.test=hotplug",
                    [r"(?s)(test: off 3\s+test: on 4\s+){9}"])
    yield hostile("cortex-a72", 4, 20000)
    yield hostile("neoverse-n1", 2, 20000, ["MACHINE=iommu=smmuv3"])
    yield hostile("neoverse-n1", 1, 5000)
    yield hostile("max", 2, 5000)
    yield boots("info", ["SMP=2"], 2, "cordon.test=info",
                [r"info: +[1-9]\d* hypercalls", r"log: 0 CPU 0: booted, frames of RAM 0x40000, frames of the core 0x",
                 r"log: \d+ CPU \d+: access denied, address 0x40200000", r"map: ram 0x40000000 0x40000000\s",
                 r"map: core 0x40000000 0x400000\s", r"map: core 0x7[0-9a-f]*00000 0x[0-9a-f]*00000\s"])
    yield Case("reset", ["SMP=2"], "cordon.test=reset", [r"test: reset"], [r"Cordon panic"])
    yield refuses("no-el2", ["MACHINE=virtualization=off"], r"did not start me at EL2")
    yield refuses("no-gicv3", ["MACHINE=gic-version=2"], r"no GICv3")
    for version in ("4", "max"):
        yield boots("gicv%s" % version, ["MACHINE=gic-version=" + version, "SMP=4"], 4)
    yield hostile("cortex-a72", 2, 5000, ["MACHINE=gic-version=4"], "-gicv4", [r"hostile:.*frames of virtual LPIs"])
    yield described("cpus-16", 16, ["SMP=16"], "maxcpus=4", 4)
    yield described("cpus-64-gicv4", 64, ["SMP=64", "MACHINE=gic-version=4"], "maxcpus=2", 2)
    yield described("cpus-124-two-regions", 124, ["SMP=124"], "maxcpus=1 cordon.test=last", 1,
                    [r"test: the last CPU is on: 2"])
    # A file with holes, not memory: there are kernels that give a page of their own to who only reads it, as Cordon does here.
    much = boots("memory-64G", ["MEM=64G", "SMP=1", "MACHINE=memory-backend=m",
                               f"EXTRA=-object memory-backend-file,id=m,size=64G,mem-path={BUILD},share=off,reserve=off"], 1,
                want=[r"^Cordon .* 65536 MiB of memory"])
    much.seconds *= 4       # all of it is read at boot, and is more than most machines have
    yield much
    yield boots("memory-numa-3", ["MEM=4G", "SMP=4", "EXTRA=" + NUMA_3], 4)
    yield Case("too-many-cpus", command=["tree", "cpus"], want=[r"^Cordon: .* more CPUs than"], never=[r"test: shell"])
    yield Case("no-redistributor", command=["tree", "absent"], want=[r"^Cordon: .* no redistributor for one"],
               never=[r"test: shell"])
    yield Case("memory-reserved", command=["tree", "reserved"], never=BAD,
               want=[r"test: shell on 2 CPUs", r"test: no-map reads 0x", r"map: ram 0x40000000 0x39000000\s", r"test: done",
                     r"hostile: memory that the tree reserves .* ok$"])
    yield Case("plan", command=["native", "plan_test"], want=[r"plan_test: 0 failures"])
    yield Case("image", command=["image"], want=[r"image: [1-9]\d* checks, 0 failures"])
    yield Case("registers", command=["native", "registers_test"], want=[r"registers_test: [1-9]\d* checks, 0 failures"])
    yield Case("guest-snapshot", command=["native", "guest_snapshot_test"], want=[r"guest_snapshot_test: [1-9]\d* checks, 0 failures"])
    yield Case("too-little-memory", command=["header", 0, 1 << 30, 10], want=[r"^Cordon: .* too little memory"])
    # Zeros behind the header: undefined instructions, with vectors where nothing may be run.
    yield Case("kernel-that-is-none", command=["header", 0, 4096, 10],
               want=[r"CPU 0 of the host cannot fetch its exception handler", r"last exception was at 42000000: an undefined instruction \(",
                     r"no CPU of the host can go on"])
    # A register that this machine traps, or where QEMU is older than 8.1, one that the model has and then zeros.
    yield Case("kernel-with-register", command=["header", 0, 4096, 10, READ_IMPLEMENTATION],
               want=[r"last exception was at 4200000[04]: (a read of register s3_1_c15_c0_0, which I refuse|an undefined instruction) \(",
                     r"Try [^.]*(another|older)"])
    yield Case("kernel-over-tree", command=["header", 0, 0x8000000, 10], want=[r"^Cordon: .* do not fit in"])
    yield Case("kernel-without-size", command=["header", 0, 0, 10], want=[r"^Cordon: .* too little memory"])
    yield Case("kernel-big-endian", command=["header", 0, 4096, 11], want=[r"^Cordon: .* big endian"])
    yield Case("kernel-at-offset", command=["header", 0x80000, 4096, 10], want=[r"^Cordon: .* at an offset"])
    yield Case("no-kernel", command=["no-kernel"], want=[r"there is no arm64 Image at"])
    yield Case("script-no-file", ["KERNEL=/nonexistent"], want=[r"there is no file"], status=2)
    yield Case("script-no-image", ["KERNEL=" + os.path.join(SCRIPTS, "init")], want=[r"not an arm64 Image"], status=2)
    yield panics("null", [r"a data abort on a write at 0000000000000008: translation fault", r" test_null\+0x"])
    yield panics("stack", [r"a stack has overflowed", r" deeper\+0x"])
    yield panics("code", [r"permission fault", r" test_code\+0x"])
    yield panics("constant", [r"permission fault", r" test_constant\+0x"])
    yield panics("data", [r"an instruction abort at .*permission fault", r"back trace:\s+0000\S+\s+\S+ (boot_on|start)\+0x|x30 is \S+ (test_data|boot_test)\+0x"])
    yield panics("assert", [r"this does not hold: machine.spans == 99", r" test_assert[.a-z]*\+0x"])
    yield Case("fuzz-device-tree", command=["fuzz"], want=[r"fuzz_fdt: \d+ rounds, [1-9]\d* trees accepted"])


def qemu(memory, *args):
    return ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a72", "-m", memory,
            "-nographic", "-nic", "none", "-no-reboot"] + list(args)


def loader(image=os.path.join(KERNEL, "Image")):
    return "loader,file=%s,addr=0x42000000,force-raw=on" % image


def made_up_image(offset, size, flags, instruction=0):
    """The 64 bytes with which an Image begins, the first four an instruction, and nothing behind them."""
    path = os.path.join(BUILD, "made-up-image")
    with open(path, "wb") as file:
        file.write(struct.pack("<IIQQQQQQII", instruction, 0, offset, size, flags, 0, 0, 0, 0x644d5241, 0))
    return path


def image_with_test(name):
    """The image with all tests of boot_test.c, and one of them chosen."""
    out = os.path.join(ROOT, "build", "el2-test")
    quietly(script("build-el2", "--no-debug", "--output", out, "--test"))
    with open(os.path.join(out, "cordon.bin"), "rb") as file:
        image = file.read()
    if image.count(CHOSEN) != 1:
        sys.exit("the image has no place for the name of a boot test")
    path = os.path.join(out, name + ".bin")
    with open(path, "wb") as file:
        file.write(image.replace(CHOSEN, name.encode().ljust(len(CHOSEN), b"\0")))
    return path


def fuzz_command():
    tree, tool = os.path.join(BUILD, "virt.dtb"), os.path.join(BUILD, "fuzz_fdt")
    quietly(["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3,iommu=smmuv3,dumpdtb=" + tree,
             "-cpu", "cortex-a72", "-smp", "4", "-nographic", "-nic", "none"])
    with open(tree, "r+b") as file:     # QEMU leaves a MiB of room at the end: cut to what is used, as dtc would
        packed = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dtb", tree], check=True, stdout=subprocess.PIPE).stdout
        file.truncate(0)
        file.write(packed)
    arch = os.path.join(ROOT, "arch", "arm64")
    quietly(["cc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined",
             "-fno-sanitize-recover=all", "-I" + arch, "-o", tool, os.path.join(ROOT, "test", "boot", "fuzz_fdt.c"),
             os.path.join(arch, "fdt.c")])
    return [tool, tree, os.environ.get("CORDON_FUZZ_ROUNDS", "40000")]


def made_up_tree(kind):
    """QEMU's tree with something in it that QEMU does not make."""
    tree, source = os.path.join(BUILD, "made-up.dtb"), os.path.join(BUILD, "made-up.dts")
    machine = qemu("1G", "-smp", "2", "-initrd", INITRD, "-append", "console=ttyAMA0 quiet cordon.test=reserved")
    machine[2] += ",dtb-randomness=off"
    dump = list(machine)
    dump[2] += ",dumpdtb=" + tree
    quietly(dump + ["-kernel", os.path.join(ROOT, "build", "el2", "cordon.bin")])
    text = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", tree], check=True, stdout=subprocess.PIPE).stdout.decode()
    if kind in ("cpus", "absent"):
        more = "".join('cpu@%x { device_type = "cpu"; compatible = "arm,cortex-a72"; reg = <0x%x>; };' % (n, n)
                       for n in range(0x10000, 0x10000 + (600 if kind == "cpus" else 1)))
        text = text.replace("\tcpus {", "\tcpus { CPUS", 1)
        at = text.index("CPUS") + 4
        end = text.index("cpu@0", at)
        text = text[:at - 4] + text[at:end] + more + text[end:]
    else:
        text = text.replace("/dts-v1/;", "/dts-v1/;\n/memreserve/ 0x7fe00000 0x200000;", 1).replace("\tcpus {", """
            reserved-memory {
                #address-cells = <2>; #size-cells = <2>; ranges;
                hole@79000000 { reg = <0 0x79000000 0 0x3000>; no-map; };
                frame@7f000000 { reg = <0 0x7f000000 0 0x800000>; };
                pool { size = <0 0x1000000>; alignment = <0 0x200000>; compatible = "shared-dma-pool"; reusable; };
            };
            memory@a000000000 { device_type = "memory"; reg = <0xa0 0 0 0x40000000>; status = "disabled"; };
            cpus {""", 1)
    with open(source, "w", encoding="ascii") as file:
        file.write(text)
    quietly(["dtc", "-q", "-I", "dts", "-O", "dtb", "-p", "4096", "-o", tree, source])
    return machine + ["-kernel", os.path.join(ROOT, "build", "el2", "cordon.bin"), "-device", loader(), "-dtb", tree]


def command_of(case):
    if case.command is None:
        if case.check is has_disk:
            make_disk()
        return script("run-host", *case.settings, "INITRD=" + INITRD, "APPEND=quiet " + case.test)
    kind = case.command[0]
    if kind == "fuzz":
        return fuzz_command()
    if kind == "native":
        return native_command(case.command[1])
    if kind == "image":
        return [os.path.join(ROOT, "test", "boot", "image.py")]
    if kind == "tree":
        return made_up_tree(case.command[1])
    if kind == "no-kernel":
        return qemu("512M", "-kernel", os.path.join(ROOT, "build", "el2", "cordon.bin"))
    if kind == "header":
        return qemu("512M", "-kernel", os.path.join(ROOT, "build", "el2", "cordon.bin"), "-device",
                    loader(made_up_image(*case.command[1:])))
    return qemu("512M", "-kernel", image_with_test(case.command[1]), "-device", loader())


def make_disk():
    """An ext4 disk with 24 MiB that nobody guesses, and their sum."""
    folder = os.path.join(BUILD, "dma")
    os.makedirs(folder, exist_ok=True)
    data = os.urandom(24 << 20)
    with open(os.path.join(folder, "in"), "wb") as file:
        file.write(data)
    with open(os.path.join(folder, "sum"), "w", encoding="ascii") as file:
        file.write(hashlib.md5(data).hexdigest() + "\n")
    with open(DISK, "wb") as file:
        file.truncate(96 << 20)
    quietly(["mke2fs", "-q", "-t", "ext4", "-d", folder, DISK])
    with open(NVME, "wb") as file:
        file.truncate(32 << 20)


def prepare():
    quietly(script("fetch"))
    quietly(script("build-el2"))
    quietly(script("build-module"))
    module = os.path.join(KERNEL, "module")
    modules = os.path.join(BUILD, "modules")
    shutil.rmtree(modules, ignore_errors=True)
    os.makedirs(modules)
    for path in kernel_modules(modules, VIRTIO):
        if os.path.dirname(path) != modules:
            shutil.copy(path, modules)
    quietly(script("make-initramfs", INITRD, os.path.join(ROOT, "test", "boot", "init"),
                   os.path.join(module, "cordon_info.ko"), os.path.join(module, "cordon_hostile.ko"),
                   os.path.join(module, "hostile_user"), modules))


if __name__ == "__main__":
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of))
