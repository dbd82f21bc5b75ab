#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Cordon costs at EL2: exact instruction counts in QEMU with a deterministic clock, beside the peers'.

    bench/tcg/run.py                                the table
    bench/tcg/run.py --stays                        every kind of stay at EL2: how often, how long
    bench/tcg/run.py --profile LABEL [--lines]      where the instructions of the stays with a label go, by function or
                                                    by source line; LABEL: of host/linux/bench/bench.h, or a call

neoverse-n1, one CPU. A stay is counted from its first instruction at EL2 to ERET; figures are medians. Two runs give
the same counts. The peers' figures were measured in the same way by hand, and are quoted.
"""
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True      # nothing is written beside the sources
from el2map import Counts, Image, Map, by_function, instructions, longest, median, times

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "bench", "tcg")
BUILD = os.path.join(ROOT, "build", "host")
EL2 = os.path.join(ROOT, "build", "el2")
IMAGE = os.path.join(BUILD, "Image")
LONGEST_STAY = 20000


def stop(reason):
    """What was to be measured cannot be."""
    print("bench/tcg: " + reason, file=sys.stderr)
    sys.exit(2)


def run(*command, **options):
    done = subprocess.run(command, check=False, cwd=ROOT, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        stop("%s ended with status %d" % (os.path.basename(command[0]), done.returncode))
    return done


# ---- machines ----

class Bench:
    """The pieces that are needed, built, and the machines that they make."""

    def __init__(self):
        for name in ("fetch", "build-el2", "build-module"):
            run(os.path.join(ROOT, "scripts", "host", name))
        self.plugin = os.path.join(BUILD, "el2count.so")
        run("cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", "-o", self.plugin,
            os.path.join(HERE, "el2count.c"))
        self.initrd = os.path.join(BUILD, "bench.gz")
        run(os.path.join(ROOT, "scripts", "host", "make-initramfs"), self.initrd, os.path.join(HERE, "init"),
            os.path.join(BUILD, "module", "cordon_bench.ko"))
        self.image = Image(ROOT, os.path.join(EL2, "cordon.elf"))
        self.map = Map(self.image)
        self.map.write(os.path.join(BUILD, "el2count.map"))
        with open(os.path.join(ROOT, "host", "linux", "bench", "bench.h"), encoding="ascii") as file:
            self.labels = {int(number): word for word, number in re.findall(r"X\((\w+), (\d+)\)", file.read())}

    def boot(self, append="", bare=False, more=()):
        """Boots to power-off; returns the seconds that it took."""
        command = ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3,dtb-randomness=off", "-cpu",
                   "neoverse-n1", "-smp", "1", "-m", "1G", "-nographic", "-nic", "none", "-no-reboot", "-seed", "1",
                   "-icount", "shift=0,sleep=off", "-rtc", "clock=vm,base=2026-01-01", "-initrd", self.initrd, "-append",
                   "console=ttyAMA0 quiet nokaslr " + append]
        if bare:
            command += ["-kernel", IMAGE]
        else:
            command += ["-kernel", os.path.join(EL2, "cordon.bin"), "-device",
                        "loader,file=%s,addr=0x42000000,force-raw=on" % IMAGE]
        began = time.monotonic()
        text = run(*command, *more, stdout=subprocess.PIPE, text=True, timeout=300).stdout
        if "bench: done" not in text:
            stop("the boot did not come to its end; it said:\n" + text)
        return time.monotonic() - began

    def counted(self, name, append="", bare=False):
        out = os.path.join(BUILD, "el2count-%s.txt" % name)
        self.boot(append, bare, ["-plugin", "%s,map=%s,out=%s" % (self.plugin, os.path.join(BUILD, "el2count.map"), out)])
        return Counts(out, self.map, self.labels)


# ---- the table ----

def show(name, value, target=None, peers=""):
    text = "-" if value is None else str(value)
    verdict = "" if value is None or target is None else "  reached" if value <= target else "  MISSED"
    print("%-62s %9s %9s  %-15s%s" % (name, text, "" if target is None else "<= %d" % target, peers, verdict))


def lines_of_code(*folders):
    """Lines that are neither blank nor comment alone."""
    n = 0
    for folder in folders:
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if name.endswith((".c", ".h", ".S")):
                with open(os.path.join(ROOT, folder, name), encoding="utf-8") as file:
                    n += sum(1 for line in file if line.strip() and not line.strip().startswith(("/*", "*", "//")))
    return n


def host_rows(boot, calls):
    faults = boot.select(has=["host_sync", "cordon_map_page_host"], lacks=["hypercall_smc", "inject_abort", "mmio_access"])
    block = [s for s in faults if not s.marks & {"host_map_device", "pool_take"}]
    page = [s for s in faults if "host_map_device" in s.marks and "pool_take" not in s.marks]
    show("null hypercall", median(calls.select(label="NULL_CALL")), 60, "80 / 96")
    show("host fault, 2 MiB block", median(block), 300, "1159 / 1568")
    show("  of a block that was a VM's", median(calls.select(label="TOUCH_BLOCK", has=["host_sync"])), 300, "1159 / 1568")
    show("host fault, 4 KiB page of RAM that was a VM's", median(calls.select(label="TOUCH_PAGE")), 350, "1359 / 1880")
    show("  of a page that a VM shares", median(calls.select(label="TOUCH_GRANTED")), 350, "1359 / 1880")
    show("  of a device's page", median(page), 350, "1359 / 1880")
    show("host faults from boot to shell", times(faults), 64, "880 / 845")


def round_trip(calls, name, exit_label, answer_label, target=700, peers=""):
    """The exit half of what has one label, and the entry half of what has the other."""
    out = median(calls.select("guest", "host", exit_label))
    back = median(calls.select("host", "guest", answer_label))
    show("%s (%d + %d)" % (name, out, back), out + back, target, peers)


def guest_rows(calls):
    def own(label):
        return median(calls.select("guest", "guest", label))

    show("guest: call that does nothing", own("GUEST_NULL"))
    show("guest: share a page", own("GRANT"), 150, "1836 / 224")
    show("guest: unshare a page that the host has mapped", own("REVOKE"), 200, "2162 / 227")
    show("guest: unshare a page that it has not", own("REVOKE_UNTOUCHED"), 200)
    show("give a page to a protected VM, zeroed", median(calls.select(label="FAULT_MAP")), 600, "- / 3838")
    show("take back and zero a page", median(calls.select(label="CLEAR")), 1000, "- / 4260")
    round_trip(calls, "guest: give a page back, zeroed, and go on", "RELINQUISH", "RELINQUISH_ANSWER", None)
    round_trip(calls, "guest: call to the host and back", "CALL", "CALL", peers="981 / 2933")
    round_trip(calls, "guest: device read and back", "READ_EXIT", "READ_ANSWER")
    round_trip(calls, "guest: device write and back", "WRITE_EXIT", "WRITE_ANSWER")
    round_trip(calls, "guest: wait for an interrupt and back", "WAIT_EXIT", "WAIT_ANSWER")
    round_trip(calls, "guest: SGI and back", "SGI_EXIT", "SGI_ANSWER")
    round_trip(calls, "guest: interrupt and back", "INTERRUPT", "INTERRUPT")
    round_trip(calls, "guest: missing page and back, less the giving", "FAULT_EXIT", "FAULT_ANSWER")


def life_rows(calls):
    def total(*labels):
        return sum(instructions(calls.select(label=label)) for label in labels)

    def each(label, pages):
        return total(label) // pages

    show("load a page of a boot image, all calls", each("LOAD", 8))
    show("  a page of zeros", each("LOAD_ZERO", 8))
    pages = 96 * 512
    show("192 MiB VM, pages: create", total("PAGES_BUILD"))
    show("  give, a page", total("PAGES_MAP") // pages)
    show("  destroy, a page", total("PAGES_END") // pages)
    show("192 MiB VM, blocks: give, a page", total("BLOCKS_MAP", "BLOCKS_JOIN") // pages)
    show("  destroy, a page", total("BLOCKS_END") // pages)


def longest_rows(runs):
    """The longest stay of each run, and what is too long."""
    for name, counts in runs:
        n, stay = longest(counts.stays)
        show("longest stay: %s: %s" % (name, stay.call or "host fault"), n, LONGEST_STAY)
        most = {}
        for s in counts.stays:
            most[s.call] = max(most.get(s.call, 0), longest([s])[0])
        for call, n in sorted(most.items(), key=lambda pair: -pair[1]):
            if n > LONGEST_STAY and call != stay.call:
                show("  also: %s" % call, n, LONGEST_STAY)


def table(bench):
    boot = bench.counted("boot")
    calls = bench.counted("calls", "cordon.bench=1")
    bare = bench.counted("bare", bare=True)
    print("%-62s %9s %9s  %-15s" % ("EL2 instructions, median", "Cordon", "target", "pKVM 6.1 / 7.2"))
    host_rows(boot, calls)
    guest_rows(calls)
    life_rows(calls)
    longest_rows([("boot", boot), ("calls", calls)])
    show("all EL2 instructions from boot to shell and off", boot.el2)
    show("of all instructions of that boot, in millions", boot.all // 1000000)
    show("SMCs from boot to shell and off", times(boot.select(has=["hypercall_smc"])))
    show("of the same boot without Cordon, in millions", bare.all // 1000000)
    with_it = min(bench.boot() for _ in range(2))
    without = min(bench.boot(bare=True) for _ in range(2))
    print("boot to shell and off, best of 2: %.1f s with Cordon, %.1f s without" % (with_it, without))
    print("image %d bytes; lines of EL2 code: core %d, arch/arm64 %d, plat %d (target 6000 in all; pKVM 6200 / 11700)" % (
        os.path.getsize(os.path.join(EL2, "cordon.bin")), lines_of_code("core"), lines_of_code("arch/arm64"),
        lines_of_code("plat/qemu-virt")))


# ---- a closer look ----

def list_stays(counts):
    print("%-10s %-16s %-16s %9s %9s %9s %11s  %s" % ("stay", "label", "call", "times", "median", "longest", "in all", "visits"))
    for s in sorted(counts.stays, key=lambda s: (s.label, s.entry, s.leave, s.call)):
        print("%-5s>%-5s %-16s %-16s %8d %9d %9d %11d  %s" % (
            s.entry, s.leave, s.label or "-", s.call or "-", times([s]), median([s]), longest([s])[0], instructions([s]),
            " ".join(sorted(s.marks))))


def profile(bench, counts, name, lines):
    chosen = [s for s in counts.stays if name in (s.label, s.call)]
    if not chosen:
        stop("no stay has the label or call %s; --stays lists them" % name)
    for way in sorted({(s.entry, s.leave) for s in chosen}):
        stays = [s for s in chosen if (s.entry, s.leave) == way]
        n, at = times(stays), {}
        for s in stays:
            for address, m in s.at.items():
                at[address] = at.get(address, 0) + m
        print("\n%s: from %s to %s: %d stays, median %d, longest %d; instructions of each, on average:" % (
            name, way[0], way[1], n, median(stays), longest(stays)[0]))
        for sum_of, where in by_function(bench.image, at, lines):
            print("%10.1f  %s" % (sum_of / n, where))


def main(arguments):
    lines = "--lines" in arguments
    arguments = [a for a in arguments if a != "--lines"]
    if not arguments:
        table(Bench())
    elif arguments == ["--stays"]:
        list_stays(Bench().counted("calls", "cordon.bench=1"))
    elif len(arguments) == 2 and arguments[0] == "--profile":
        bench = Bench()
        profile(bench, bench.counted("calls", "cordon.bench=1"), arguments[1], lines)
    else:
        print(__doc__)
        sys.exit(0 if arguments[0] in ("-h", "--help") else 2)


if __name__ == "__main__":
    main(sys.argv[1:])
