#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Cordon costs at EL2: exact instruction counts of a boot in QEMU with a deterministic clock, beside the peers'.

    bench/tcg/run.py

neoverse-n1, one CPU. A visit is counted from its first instruction at EL2 to ERET. Two runs give the same counts. The
peers' figures were measured in the same way by hand, and are quoted.
"""
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "host")
EL2 = os.path.join(ROOT, "build", "el2")
MARKS = ["host_hvc", "host_sync", "cordon_map_page_host", "host_map_device", "pool_take", "mmio_access", "inject_abort",
         "hypercall_smc", "psci_call"]


def run(*command, **options):
    return subprocess.run(command, check=True, cwd=ROOT, stdin=subprocess.DEVNULL, **options)


def prepare():
    for name in ("fetch", "build-el2", "build-module"):
        run(os.path.join(ROOT, "scripts", "host", name))
    plugin = os.path.join(BUILD, "el2count.so")
    run("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", "-o", plugin,
        os.path.join(ROOT, "bench", "tcg", "el2count.c"))
    initrd = os.path.join(BUILD, "bench.gz")
    run(os.path.join(ROOT, "scripts", "host", "make-initramfs"), initrd, os.path.join(ROOT, "bench", "tcg", "init"),
        os.path.join(BUILD, "module", "cordon_bench.ko"))
    return plugin, initrd


def symbols():
    text = run("aarch64-linux-gnu-nm", os.path.join(EL2, "cordon.elf"), stdout=subprocess.PIPE, text=True).stdout
    return {line.split()[2]: int(line.split()[0], 16) for line in text.splitlines() if len(line.split()) == 3}


def plugin_option(plugin, out):
    at = symbols()
    # The vector for synchronous exceptions of a lower EL.
    words = [plugin, "begin=%x" % at["_image_begin"], "end=%x" % at["_rodata_begin"], "entry=%x" % (at["vectors"] + 0x400),
             "out=" + out]
    return ",".join(words + ["mark=%s:%x" % (m, at[m]) for m in MARKS if m in at])


def boot(initrd, append, kernel, *more):
    """Boots to power-off; returns the seconds that it took and what it printed."""
    command = ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3,dtb-randomness=off", "-cpu",
               "neoverse-n1", "-smp", "1", "-m", "1G", "-nographic", "-nic", "none", "-no-reboot", "-seed", "1",
               "-icount", "shift=0,sleep=off", "-rtc", "clock=vm,base=2026-01-01", "-initrd", initrd, "-append",
               "console=ttyAMA0 quiet nokaslr " + append, "-kernel", kernel] + list(more)
    began = time.monotonic()
    text = run(*command, stdout=subprocess.PIPE, text=True, timeout=300).stdout
    return time.monotonic() - began, text


def read_counts(path):
    with open(path, encoding="ascii") as file:
        lines = file.read().splitlines()
    words = lines[0].split()
    visits = []
    for line in lines[1:]:
        kind, length, times = line.rsplit(" ", 2)
        visits.append((set(kind.strip("+").split("+")), int(length), int(times)))
    return int(words[1]), int(words[3]), visits


def lengths(visits, has, lacks=()):
    """All lengths of the visits with these marks, with how often."""
    return sorted((n, times) for kind, n, times in visits if kind >= set(has) and not kind & set(lacks))


def middle(row):
    """The median of what lengths() gives, and how many visits there were."""
    total = sum(times for _, times in row)
    seen = 0
    for n, times in row:
        seen += times
        if seen * 2 >= total:
            return n, total
    return None, 0


def show(name, value, target, peers):
    text = "-" if value is None else str(value)
    verdict = "" if value is None or target is None else "  reached" if value <= target else "  MISSED"
    print("%-54s %9s %9s  %-16s%s" % (name, text, "" if target is None else "<= %d" % target, peers, verdict))


def lines_of_code(*folders):
    """Lines that are neither blank nor comment alone."""
    n = 0
    for folder in folders:
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if name.endswith((".c", ".h", ".S")):
                with open(os.path.join(ROOT, folder, name), encoding="utf-8") as file:
                    n += sum(1 for line in file if line.strip() and not line.strip().startswith(("/*", "*", "//")))
    return n


def table(all_boot, el2_boot, boot_visits, visits):
    faults = lengths(boot_visits, ["host_sync", "cordon_map_page_host"], ["hypercall_smc", "inject_abort", "mmio_access"])
    block = lengths(boot_visits, ["cordon_map_page_host"], ["host_map_device", "pool_take", "hypercall_smc", "mmio_access"])
    page = lengths(boot_visits, ["host_map_device"], ["pool_take", "hypercall_smc", "mmio_access"])
    print("%-54s %9s %9s  %-16s" % ("EL2 instructions, median", "Cordon", "target", "pKVM 6.1 / 7.2"))
    show("null hypercall", middle(lengths(visits, ["host_hvc"]))[0], 60, "80 / 96")
    show("host fault, 2 MiB block", middle(block)[0], 300, "1159 / 1568")
    show("host fault, 4 KiB page (a device's)", middle(page)[0], 350, "1359 / 1880")
    show("host faults from boot to shell", sum(times for _, times in faults), 64, "880 / 845")
    show("the longest visit", max(n for _, n, _ in visits), 20000, "")
    show("all EL2 instructions from boot to shell and off", el2_boot, None, "")
    show("of all instructions of that boot, in millions", all_boot // 1000000, None, "")
    show("SMCs from boot to shell and off", middle(lengths(boot_visits, ["hypercall_smc"]))[1], None, "")


def main():
    plugin, initrd = prepare()
    image, el2 = os.path.join(BUILD, "Image"), os.path.join(EL2, "cordon.bin")
    loader = ["-device", "loader,file=%s,addr=0x42000000,force-raw=on" % image]

    def counted(name, append, kernel, *more):
        out = os.path.join(BUILD, "el2count-%s.txt" % name)
        boot(initrd, append, kernel, *more, "-plugin", plugin_option(plugin, out))
        return read_counts(out)

    all_boot, el2_boot, boot_visits = counted("boot", "", el2, *loader)
    _, _, visits = counted("calls", "cordon.bench=1", el2, *loader)
    all_bare, _, _ = counted("bare", "", image)
    table(all_boot, el2_boot, boot_visits, visits)
    show("of the same boot without Cordon, in millions", all_bare // 1000000, None, "")
    with_it = min(boot(initrd, "", el2, *loader)[0] for _ in range(2))
    without = min(boot(initrd, "", image)[0] for _ in range(2))
    print("boot to shell and off, best of 2: %.1f s with Cordon, %.1f s without" % (with_it, without))
    print("image %d bytes; lines of EL2 code: core %d, arch/arm64 %d, plat %d (target 6000 in all; pKVM 6200 / 11700)" % (
        os.path.getsize(el2), lines_of_code("core"), lines_of_code("arch/arm64"), lines_of_code("plat/qemu-virt")))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(__doc__)
        sys.exit(0 if sys.argv[1] in ("-h", "--help") else 2)
    main()
