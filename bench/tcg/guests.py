# SPDX-License-Identifier: Apache-2.0
"""Guests on Cordon and on the kernel's own KVM, the same one on the same machine: instructions of the whole machine, and ratios.

The hosts differ in what is below the launcher, and in nothing else. KVM is told not to poll for a guest that waits: polling costs
instructions, and would make Cordon look better.
"""
import bisect
import collections
import re

from el2map import CROSS, output
from machine import PAYLOAD

Column = collections.namedtuple("Column", "name word bare append")
COLUMNS = [Column("KVM nvhe", "nvhe", True, "kvm-arm.mode=nvhe "), Column("KVM vhe", "vhe", True, ""),
           Column("KVM protected", "protected", True, "kvm-arm.mode=protected "), Column("Cordon", "cordon", False, "")]

TURNS = 200
LOAD_TURNS = 100
GUEST_CODE = ",guest=80000000-80200000"     # of the bare guest: guest/payload/payload.ld, and the most that it may have

# Name, label, how often it happens, and the most that it may cost of what KVM nvhe's costs.
OPERATIONS = [("hypercall", "OP_CALL", TURNS, 1.0), ("device in the kernel", "OP_KERNEL_DEVICE", TURNS, None),
              ("device in user space", "OP_USER_DEVICE", TURNS, None), ("IPI to a vCPU that sleeps", "OP_IPI", 2 * TURNS, 1.0),
              ("end of interrupt", "OP_EOI", TURNS, None), ("timer, due at once", "OP_TIMER", TURNS, None),
              ("sleep of 100 us by timer", "OP_SLEEP", TURNS, None)]
PROGRAMS = [("hackbench, a message", "HACKBENCH", 20 * 10 * 100 // 2, 1.05), ("compile, a file", "COMPILE", 20, 1.05),
            ("redis, a request", "REDIS", 10000, 1.05), ("disk in order, a MiB", "DISK_ORDER", 64, 1.05),
            ("disk at random, 4 KiB", "DISK_RANDOM", 64 << 8, 1.05)]
GUESTS = (1, 2, 4, 8)

# What is compiled: so many functions of some statements.
FUNCTION = """static unsigned f%d(unsigned a, const unsigned *table)
{
    unsigned sum = %d;

    for (unsigned i = 0; i < a %% 16; i++) {
        if (table[i] > sum)
            sum += table[i] * (a ^ i);
        else
            sum ^= table[i] >> (i & 7);
    }
    return sum + (a ? f%d(a / 2, table) : 1);
}

"""


def source():
    return ("static unsigned f0(unsigned a, const unsigned *table)\n{\n    return a + table[0];\n}\n\n" +
            "".join(FUNCTION % (i, i * 7, i - 1) for i in range(1, 400)) + "unsigned all(unsigned a, const unsigned *t)\n{\n    return f399(a, t);\n}\n")


def counted(bench, column, what, initrd, told=""):
    return bench.counted("%s-%s" % (what, column.word), "kvm.halt_poll_ns=0 %scordon.bench=%s" % (column.append, what), column.bare, initrd, told=told)


# ---- tables ----

def header(title, columns):
    print("\n%-32s" % title + "".join("%20s" % c.name for c in columns))


def row(name, columns, values, aim=None):
    """A figure for each column, and how often the first one's it is."""
    text = "".join("%14s %5s" % ("-" if v is None else "%.0f" % v, "" if v is None or not values[0] else "%.2f" % (v / values[0])) for v in values)
    verdict = ""
    if aim is not None and columns[0].word == "nvhe" and columns[-1].word == "cordon":
        ratio = values[-1] / values[0]
        verdict = "  <= %.2f %s" % (aim, "reached" if ratio <= aim else "MISSED")
    print("%-32s%s%s" % (name, text, verdict))


def el2(column, sums):
    """Of a kernel with VHE all that is not user space's is at EL2: no figure."""
    return None if column.word == "vhe" else sums.el2


def rows(columns, counts, what):
    for name, label, times, aim in what:
        sums = [counts[c].label[label] for c in columns]
        row(name, columns, [s.all / times for s in sums], aim)
        row("  at EL2", columns, [None if el2(c, s) is None else s.el2 / times for c, s in zip(columns, sums)])


def micro_rows(bench, columns=tuple(COLUMNS)):
    initrd = bench.pack_payload()
    counts = {c: counted(bench, c, "micro", initrd, GUEST_CODE) for c in columns}
    header("Instructions of an operation", columns)
    rows(columns, counts, OPERATIONS)


def program_rows(bench, columns=tuple(COLUMNS)):
    initrd = bench.pack_programs(source())
    counts = {c: counted(bench, c, "apps", initrd) for c in columns}
    header("In a Linux guest of 256 MiB", columns)
    rows(columns, counts, PROGRAMS)


def load_rows(bench, columns=tuple(COLUMNS)):
    """Less what the same guests cost that do nothing: start and end."""
    initrd = bench.pack_payload()
    counts = {c: counted(bench, c, "load", initrd, GUEST_CODE) for c in columns}
    header("Guests at once, a turn of one", columns)
    for guests in GUESTS:
        name = "GUESTS_%d" % guests
        pairs = [(counts[c].label[name], counts[c].label[name + "_IDLE"]) for c in columns]
        times = guests * LOAD_TURNS
        row("%d" % guests, columns, [(a.all - b.all) / times for a, b in pairs])
        row("  at EL2", columns, [None if c.word == "vhe" else (a.el2 - b.el2) / times for c, (a, b) in zip(columns, pairs)])
    for guests in GUESTS:
        row("start and end of %d, a guest" % guests, columns, [counts[c].label["GUESTS_%d_IDLE" % guests].all / guests for c in columns])


# ---- where they go ----

class Symbols:
    """Functions of a kernel, its modules, the launcher and the bare guest by address."""

    def __init__(self, text):
        found = re.findall(r"^([0-9a-f]{16}) [tT] (\S+)(?:\s+\[(\w+)\])?\s*$", text, re.M)
        self.kernel = self.ordered((int(at, 16), "%s: %s" % (module or "kernel", name)) for at, name, module in found)
        # The hypervisor's are at addresses of its own, whose low bits are those of the kernel's.
        self.low = self.ordered((int(at, 16) & 0x1fffff, "EL2: " + name[len("__kvm_nvhe_"):]) for at, name, _ in found
                                if name.startswith("__kvm_nvhe_"))
        self.guest = self.of_program(PAYLOAD + ".elf", "guest: ")

    @staticmethod
    def ordered(pairs):
        return sorted(pairs)

    @staticmethod
    def of_program(path, prefix):
        found = re.findall(r"^([0-9a-f]+) [tTwW] (\S+)$", output(CROSS + "nm", path), re.M)
        return sorted((int(at, 16), prefix + name) for at, name in found)

    @staticmethod
    def below(table, at):
        i = bisect.bisect_right(table, (at, "\uffff"))
        return table[i - 1][1] if i else "?"

    def name(self, image, at, bare):
        if not bare and image.begin <= at < image.end:
            return "EL2: " + image.function(at)
        if 0x80000000 <= at < 0x80200000:
            return self.below(self.guest, at)
        if at >> 48:
            return self.below(self.kernel, at)
        if at >> 36 and bare and at >> 32 not in (0xaaaa, 0xffff):
            return self.below(self.low, at & 0x1fffff)
        return "user space"


def is_label(word):
    return word in (one[1] for one in OPERATIONS + PROGRAMS)


def where(bench, label, word):
    """The profile of a label by function, over all of the machine. A Linux guest's kernel has the host's addresses: both are one."""
    column = next(c for c in COLUMNS if c.word == word)
    what, initrd, told = next((what, pack(), told) for what, listed, pack, told in (
        ("micro", OPERATIONS, bench.pack_payload, GUEST_CODE),
        ("apps", PROGRAMS, lambda: bench.pack_programs(source()), "")) if label in (one[1] for one in listed))
    name, times = next((name, times) for name, one, times, _ in OPERATIONS + PROGRAMS if one == label)
    number = next(number for number, one in bench.labels.items() if one == label)
    text = bench.boot("%scordon.bench=symbols" % column.append, column.bare, initrd)[1]
    symbols = Symbols(text.replace("\r", ""))
    counts = counted(bench, column, what, initrd, told + ",hot=%x" % number)
    sums = {}
    for at, n in counts.hot.items():
        function = symbols.name(bench.image, at, column.bare)
        sums[function] = sums.get(function, 0) + n
    print("\n%s on %s: instructions of one, by function: %.0f in all" % (name, column.name, sum(sums.values()) / times))
    parts = {}
    for function, n in sums.items():
        part = function.split(":")[0]
        parts[part] = parts.get(part, 0) + n
    for part, n in sorted(parts.items(), key=lambda pair: -pair[1]):
        print("%10.1f  all of %s" % (n / times, part))
    print()
    for function, n in sorted(sums.items(), key=lambda pair: -pair[1]):
        if n / times >= 1:
            print("%10.1f  %s" % (n / times, function))
