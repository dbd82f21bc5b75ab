#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Cordon costs at EL2: exact instruction counts in QEMU with a deterministic clock, beside the peers'.

    bench/tcg/run.py                        the table
    bench/tcg/run.py --io                   of these: the host's disk and network
    bench/tcg/run.py --token                of these: a guest's token
    bench/tcg/run.py --guests               guests on Cordon beside the kernel's own KVM: operations, programs, several at once
    bench/tcg/run.py --micro|--programs|--load [COLUMN...]          one of these; COLUMN: nvhe, vhe, protected, cordon
    bench/tcg/run.py --where LABEL COLUMN   where the instructions of one go, on the whole machine; LABEL: of guest/payload/bench.h, or a program's
    bench/tcg/run.py --stays [--guest]      every kind of stay at EL2: how often, how long
    bench/tcg/run.py --profile NAME... [--lines] [--longest] [--guest]
        where the instructions of stays go, by function or by source line, on average or of the longest one.
        NAME: a label of host/linux/bench/labels.h, or a call, such as VM_MAP or GUEST_GRANT

    --guest: of a Linux guest's boot, not of single calls

neoverse-n1, one CPU. A stay is counted from its first instruction at EL2 to ERET; figures are medians. Two runs give
the same counts. The peers' figures were measured in the same way by hand, and are quoted.
"""
import glob
import os
import re
import socket
import sys
import threading

sys.dont_write_bytecode = True      # nothing is written beside the sources
from el2map import by_function, instructions, longest, median, stop, times
from guests import COLUMNS, is_label, load_rows, micro_rows, program_rows, where
from machine import EL2, ROOT, Bench

LONGEST_STAY = 20000


# ---- the table ----

def show(name, value, target=None, peers=""):
    text = "-" if value is None else str(value)
    verdict = "" if value is None or target is None else "  reached" if value <= target else "  MISSED"
    print("%-62s %9s %9s  %-15s%s" % (name, text, "" if target is None else "<= %d" % target, peers, verdict))


def lines_of_code(*folders):
    """Lines that are neither blank nor comment alone; the proofs' annotations are comments."""
    n = 0
    for folder in folders:
        for name in sorted(glob.glob(os.path.join(ROOT, folder, "**", "*.[chS]"), recursive=True)):
            if os.path.isfile(name):
                with open(name, encoding="utf-8") as file:
                    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", file.read(), flags=re.S)
                n += sum(1 for line in text.splitlines() if line.strip())
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
    round_trip(calls, "guest: missing page and back, less the giving of it", "FAULT_EXIT", "FAULT_ANSWER")


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
        show("longest stay at EL2: %s: %s" % (name, stay.call or "host fault"), n, LONGEST_STAY)
        most = {}
        for s in counts.stays:
            most[s.call] = max(most.get(s.call, 0), longest([s])[0])
        for call, n in sorted(most.items(), key=lambda pair: -pair[1]):
            if n > LONGEST_STAY and call != stay.call:
                show("  also: %s" % call, n, LONGEST_STAY)


# Another hypervisor below the same launcher and guest: the kernel's own KVM, in the ways that it has.
KVM_MODES = [("VHE", ""), ("protected mode", "kvm-arm.mode=protected")]

# What a guest's exit was, by what it went through: the first that fits. Calls are told apart by their name.
EXIT_KINDS = [("interrupt waited for", "wait_for"), ("SGI", "vcpu_send_sgi"), ("device access", "device_access"),
              ("missing page", "memory_fault"), ("call", "vcpu_call"), ("system register", "system_register"),
              ("first use of vector registers", "vectors_load")]


def exit_kind(stay):
    other = "interrupt" if stay.leave == "host" else "other"
    return next((name for name, mark in EXIT_KINDS if mark in stay.marks), other)


def guest_seconds(counts):
    began, ended = re.search(r"bench: guest from ([0-9.]+) to ([0-9.]+)", counts.text).groups()
    return float(ended) - float(began)


def count_guest(bench, initrd):
    return bench.counted("guest", "cordon.bench=guest", initrd=initrd)


def guest_boot_rows(bench):
    """A Linux guest, from the launcher's start to its end."""
    initrd = bench.pack_guest()
    guest = count_guest(bench, initrd)
    sums = guest.label["GUEST_BOOT"]
    stays = guest.select(label="GUEST_BOOT")
    print("\nA Linux guest of 192 MiB with one vCPU, from the launcher's start to the guest's power-off and its end")
    show("instructions of the machine, in millions", sums.all // 1000000)
    show("  of the guest", sums.guest // 1000000)
    show("  at EL2", sums.el2 // 1000000)
    show("  of the host", (sums.all - sums.guest - sums.el2) // 1000000)
    show("  at EL2, in thousandths of all", sums.el2 * 1000 // sums.all)
    show("entries into the guest by the host", times([s for s in stays if s.entry == "host" and s.leave == "guest"]))
    for way, name in (("host", "exits to the host"), ("guest", "traps that end at EL2")):
        kinds = {}
        for s in stays:
            if s.entry == "guest" and s.leave == way:
                kinds.setdefault(exit_kind(s), []).append(s)
        for kind, found in sorted(kinds.items(), key=lambda pair: -times(pair[1])):
            show("%s: %s (median %d)" % (name, kind, median(found)), times(found))
    calls = {}
    for s in stays:
        if s.entry == "host" and s.leave == "host":
            calls.setdefault(s.call or "faults and SMCs of the host", []).append(s)
    for call, found in sorted(calls.items(), key=lambda pair: -instructions(pair[1])):
        show("thousands of EL2 instructions: %s, %d times" % (call, times(found)), instructions(found) // 1000)
    longest_rows([("a guest's boot", guest)])
    for name, append in KVM_MODES:
        kvm = bench.counted("kvm", "cordon.bench=guest " + append, bare=True, initrd=initrd)
        show("the same on the kernel's own KVM, %s, millions" % name, kvm.label["GUEST_BOOT"].all // 1000000)
        print("    seconds of the machine's clock: %.2f; on Cordon %.2f" % (guest_seconds(kvm), guest_seconds(guest)))


# Calls for attestation, by whom and for what. The last one has the name of its function.
TOKEN_CALLS = [("GUEST_EXTEND", "guest: one of its measurements is extended"), ("GUEST_TOKEN_ASK", "guest: asks for a token"),
               ("GUEST_ANSWER_READ", "guest: reads a piece, or that there is none yet"),
               ("KEEPER_NEXT", "keeper: whether somebody asks"), ("KEEPER_READ", "keeper: reads what is to be said"),
               ("write_answer", "keeper: writes a piece")]


def token_rows(bench):
    """A token from the question to its last byte: each call is a stay of its own, and what the keeper does is a guest's work."""
    counts = bench.counted("token", "cordon.bench=token", initrd=bench.pack_token(), image="first.bin")
    print("\nA token of %s bytes" % re.search(r"bench: a token of (\d+) bytes", counts.text).group(1))
    found = {call: [s for s in counts.stays if s.call == call] for call, _ in TOKEN_CALLS}
    for call, name in TOKEN_CALLS:
        show("%s: times" % name, times(found[call]))
        show("  EL2 instructions, median", median(found[call]))
        show("  longest", longest(found[call])[0] if found[call] else None, LONGEST_STAY)
    show("EL2 instructions of a token: all of these but the extension and the keeper's looking",
         sum(instructions(stays) for call, stays in found.items() if call not in ("GUEST_EXTEND", "KEEPER_NEXT")))
    show("longest stay that a guest began, for whatever", longest([s for s in counts.stays if s.entry == "guest"])[0], LONGEST_STAY)
    longest_rows([("keeper and guest", counts)])


# The host's own devices: label, what is done, bytes of it, bytes of a piece for which figures are given, and its name.
IO = [("DISK_ORDER", "disk in order", 256 << 20, 1 << 20, "MiB"), ("DISK_RANDOM", "disk at random", 16 << 20, 4096, "read of 4 KiB"),
      ("NET_STREAM", "TCP stream in", 64 << 20, 1 << 20, "MiB")]

IO_RUNS = 9         # the emulator's disk and network are other threads: how much comes at once, no two runs have alike


def send(server, size):
    """To whoever comes first."""
    connection, _ = server.accept()
    with connection:
        connection.sendall(bytes(size))


def io_counts(bench, initrd, bare):
    """nohlt: the kernel idles in a loop, so that its clock is the instructions alone, and what it waits is told from what it does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=send, args=(server, IO[2][2]), daemon=True)
        sender.start()
        return bench.counted("io-bare" if bare else "io", "nohlt cordon.bench=io cordon.port=%d" % server.getsockname()[1], bare, initrd,
                             bench.disk_and_network(IO[0][2], bare))


def at_work(counts, label):
    """Instructions of a piece of work, but for those with which the kernel waits for the emulator's disk and network."""
    sums = counts.label[label]
    return sums.all - sums.wait


def middle(numbers):
    return sorted(numbers)[len(numbers) // 2]


def memory_of_host(counts):
    return int(re.search(r"of these (\d+) MiB for the host", counts.text).group(1))


def table_rows(bench):
    """What the devices' table, the SMMU's and the ITS's cost: a boot with an SMMU, and no device, beside one without."""
    bare, own = bench.counted("boot"), bench.counted("boot-smmu", more=["-M", "iommu=smmuv3"])
    print("\nThe devices' table of 1 GiB, the SMMU's and the ITS's")
    show("EL2 instructions of a boot to shell and off, thousands", own.machine.el2 // 1000)
    show("  without an SMMU", bare.machine.el2 // 1000)
    show("  more, in thousandths of all of the boot's instructions", (own.machine.el2 - bare.machine.el2) * 1000 // own.machine.all)
    show("MiB of memory that are the host's", memory_of_host(own))
    show("  without an SMMU", memory_of_host(bare))


def io_rows(bench):
    """The same work on Cordon, where the SMMU translates, and on the machine alone, without one, in turns. The lowest of
    each counts, as with times: what the emulator's other threads add to it is not the host's."""
    table_rows(bench)
    initrd = bench.pack_io()
    pairs = [(io_counts(bench, initrd, False), io_counts(bench, initrd, True)) for _ in range(IO_RUNS)]
    own_runs, bare_runs = zip(*pairs)
    own, bare = pairs[0]
    print("\nThe host's disk and network (virtio on PCI, interrupts by messages), the lowest of %d runs" % IO_RUNS)
    for label, name, size, piece, unit in IO:
        stays = [s for counts in own_runs for s in counts.select(label=label)]
        work = [[at_work(counts, label) * piece // size for counts in runs] for runs in (own_runs, bare_runs)]
        show("%s: entries to EL2, in all %d %ss" % (name, size // piece, unit), times(stays) // IO_RUNS, 0)
        for kind in sorted({" ".join(sorted(s.marks)) + " " + (s.call or "") for s in stays}):
            print("    " + kind)
        show("  EL2 instructions for a " + unit, sum(counts.label[label].el2 for counts in own_runs) * piece // size // IO_RUNS, 0)
        show("  instructions of the machine for a %s, but for waiting" % unit, min(work[0]))
        show("  the same without Cordon", min(work[1]))
        print("    median and highest: %d, %d; without %d, %d" % (middle(work[0]), max(work[0]), middle(work[1]), max(work[1])))
        ratio = min(work[1]) * 1000 // min(work[0])
        print("%-62s %9d %9s  %s" % ("  throughput of that, in thousandths of the one without", ratio, ">= 980", "reached" if ratio >= 980 else "MISSED"))
    for counts, where in ((own, "on Cordon"), (bare, "without")):
        for name, count, seconds in re.findall(r"bench: io (\w+) (\d+) bytes in ([0-9.]+) s", counts.text):
            print("%-62s %9.1f" % ("%s, %s: MB in a second of the machine's clock, waiting too" % (name, where), int(count) / 1e6 / max(float(seconds), 1e-3)))


def step_rows(with_step, without):
    """What the step on entry costs: the same work with and without it."""
    print("\n%-62s %9s %9s" % ("of these, the step on entry (a loop of 24 branches here)", "with", "without"))
    for name, choice in (
            ("null hypercall", {"label": "NULL_CALL"}),
            ("host fault, 2 MiB block that was a VM's", {"label": "TOUCH_BLOCK", "has": ["host_sync"]}),
            ("guest: call that does nothing", {"label": "GUEST_NULL", "entry": "guest", "leave": "guest"}),
            ("guest: call to the host, out", {"label": "CALL", "entry": "guest", "leave": "host"}),
            ("  and back", {"label": "CALL", "entry": "host", "leave": "guest"})):
        print("%-62s %9s %9s" % (name, median(with_step.select(**choice)), median(without.select(**choice))))


def table(bench):
    boot = bench.counted("boot")
    calls = bench.counted("calls", "cordon.bench=calls")
    bare = bench.counted("bare", bare=True)
    print("%-62s %9s %9s  %-15s" % ("EL2 instructions, median", "Cordon", "target", "pKVM 6.1 / 7.2"))
    host_rows(boot, calls)
    guest_rows(calls)
    life_rows(calls)
    longest_rows([("boot", boot), ("calls", calls)])
    show("all EL2 instructions from boot to shell and off", boot.machine.el2)
    show("of all instructions of that boot, in millions", boot.machine.all // 1000000)
    show("SMCs from boot to shell and off", times(boot.select(has=["hypercall_smc"])))
    show("of the same boot without Cordon, in millions", bare.machine.all // 1000000)
    with_it = min(bench.boot()[0] for _ in range(2))
    without = min(bench.boot(bare=True)[0] for _ in range(2))
    print("boot to shell and off, best of 2: %.1f s with Cordon, %.1f s without" % (with_it, without))
    print("image %d bytes; lines of EL2 code: core %d, arch/arm64 %d, plat %d (target 6000 in all; pKVM 6200 / 11700)" % (
        os.path.getsize(os.path.join(EL2, "cordon.bin")), lines_of_code("core"), lines_of_code("arch/arm64"),
        lines_of_code("plat/qemu-virt")))
    step_rows(calls, Bench(step=False).counted("no-step", "cordon.bench=calls"))
    guest_boot_rows(bench)
    token_rows(bench)
    micro_rows(bench)
    io_rows(bench)


# ---- a closer look ----

def list_stays(counts):
    print("%-10s %-16s %-16s %9s %9s %9s %11s  %s" % ("stay", "label", "call", "times", "median", "longest", "in all", "visits"))
    for s in sorted(counts.stays, key=lambda s: (s.label, s.entry, s.leave, s.call)):
        print("%-5s>%-5s %-16s %-16s %8d %9d %9d %11d  %s" % (
            s.entry, s.leave, s.label or "-", s.call or "-", times([s]), median([s]), longest([s])[0], instructions([s]),
            " ".join(sorted(s.marks))))


def profile(bench, counts, name, lines, peak):
    chosen = [s for s in counts.stays if name in (s.label, s.call)]
    if not chosen:
        stop("no stay has the label or call %s; --stays lists them" % name)
    for way in sorted({(s.entry, s.leave) for s in chosen}):
        stays = [s for s in chosen if (s.entry, s.leave) == way]
        n, at = times(stays), {}
        if peak:
            most, stay = longest(stays)
            print("\n%s: from %s to %s: the longest of %d stays: %d instructions" % (name, *way, n, most))
            n, at = 1, stay.peak
        else:
            print("\n%s: from %s to %s: %d stays, median %d, longest %d; instructions of each, on average:" % (
                name, *way, n, median(stays), longest(stays)[0]))
            for s in stays:
                for address, m in s.at.items():
                    at[address] = at.get(address, 0) + m
        for total, where in by_function(bench.image, at, lines):
            print("%10.1f  %s" % (total / n, where))


def counted_run(bench, guest):
    if guest:
        return count_guest(bench, bench.pack_guest())
    return bench.counted("calls", "cordon.bench=calls")


GUEST_TABLES = {"--micro": micro_rows, "--programs": program_rows, "--load": load_rows}


def guest_tables(tables, words):
    """False when a word is no column's."""
    if not set(words) <= {c.word for c in COLUMNS}:
        return False
    bench = Bench()
    for one in tables:
        one(bench, [c for c in COLUMNS if not words or c.word in words])
    return True


def main(arguments):
    flags = {a for a in arguments if a in ("--lines", "--longest", "--guest")}
    words = [a for a in arguments if a not in flags]
    if not words and not flags:
        table(Bench())
    elif words == ["--io"]:
        io_rows(Bench())
    elif words == ["--token"]:
        token_rows(Bench())
    elif words[:1] == ["--guests"] and guest_tables(GUEST_TABLES.values(), words[1:]):
        pass
    elif words and words[0] in GUEST_TABLES and guest_tables([GUEST_TABLES[words[0]]], words[1:]):
        pass
    elif len(words) == 3 and words[0] == "--where" and is_label(words[1]) and words[2] in (c.word for c in COLUMNS):
        where(Bench(), *words[1:])
    elif words == ["--stays"]:
        list_stays(counted_run(Bench(), "--guest" in flags))
    elif len(words) >= 2 and words[0] == "--profile":
        bench = Bench()
        counts = counted_run(bench, "--guest" in flags)
        for name in words[1:]:
            profile(bench, counts, name, "--lines" in flags, "--longest" in flags)
    else:
        print(__doc__)
        sys.exit(0 if words[:1] in (["-h"], ["--help"]) else 2)


if __name__ == "__main__":
    main(sys.argv[1:])
