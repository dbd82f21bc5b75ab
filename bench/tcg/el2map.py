# SPDX-License-Identifier: Apache-2.0
"""What the counting plugin has to know of the EL2 image, and names for what it counted: from symbols, DWARF and source.

A function that the compiler has put into another is found by the lines that its instructions come from, so that the
figures do not change their meaning with what is inlined.
"""
import os
import re
import subprocess
import sys

CROSS = "aarch64-linux-gnu-"


def stop(reason):
    """What was to be measured cannot be."""
    print("bench/tcg: " + reason, file=sys.stderr)
    sys.exit(2)


def output(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


class Image:
    """An EL2 image. where[address]: (function, "file:line") of an instruction, the innermost first."""

    def __init__(self, root, elf):
        self.root = root
        self.symbols = {}
        for line in output(CROSS + "nm", elf).splitlines():
            words = line.split()
            if len(words) == 3:
                self.symbols[words[2]] = int(words[0], 16)
        self.begin, self.end = self.symbols["_image_begin"], self.symbols["_rodata_begin"]
        self.where = self.read_lines(elf, [at for at, _ in self.disassembly(elf)], root + "/")
        self.erets = [at for at, text in self.disassembly(elf) if text == "eret"]

    def disassembly(self, elf):
        found = re.findall(r"^ +([0-9a-f]+):\t[0-9a-f]{8} +\t(\S+)", output(CROSS + "objdump", "-d", elf), re.M)
        return [(int(at, 16), text) for at, text in found if self.begin <= int(at, 16) < self.end]

    @staticmethod
    def read_lines(elf, addresses, prefix):
        where, at = {}, None
        text = output(CROSS + "addr2line", "-a", "-i", "-f", "-e", elf, input="".join("%x\n" % a for a in addresses))
        lines = iter(text.splitlines())
        for line in lines:
            if line.startswith("0x"):
                at = int(line, 16)
                where[at] = []
            else:
                place = next(lines).split(" ")[0]
                where[at].append((line, place[len(prefix):] if place.startswith(prefix) else place))
        return where

    def function(self, at):
        return self.where[at][0][0]

    def in_function(self, name):
        return [at for at, chain in self.where.items() if any(function == name for function, _ in chain)]

    def on_lines(self, path, pattern):
        """{address: what the pattern's group is in the source line that the instruction belongs to}"""
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            lines = file.read().splitlines()
        words = {}
        for i, line in enumerate(lines):
            found = re.search(pattern, line)
            if found:
                words["%s:%d" % (path, i + 1)] = found.group(found.lastindex)
        return {at: words[place] for at, chain in self.where.items() for place in self.within(chain) if place in words}

    @staticmethod
    def within(chain):
        """The places of an instruction from the innermost on, but for those around a run: what is in it may be the guest's."""
        for function, place in chain:
            yield place
            if function == "vcpu_run":
                return


# The sets of vectors: one for each step that an entry may begin with (arch/arm64/mitigation.h).
SETS = ["", "_loop", "_clear", "_firmware"]
# The vectors of lower ELs: 64-bit synchronous, IRQ, FIQ, SError, and the same for 32-bit.
HOST_ENTRIES = [0x400, 0x600]
GUEST_ENTRIES = [0x400 + 0x80 * i for i in range(8)]

# Where it is decided which call a stay serves: the first of these lines that it comes to.
CALLS = [("core/front/hypercall.c", r"case CORDON_CALL_(\w+):"), ("arch/arm64/host_calls.c", r"case CORDON_CALL_(\w+):"),
         ("core/guest/call.c", r"case (?:CORDON_)?(?:CALL_)?(\w+):"),
         ("core/guest/attest.c", r"case CORDON_(\w+):|default: return (write_answer)\(")]

# Functions whose visit says what a stay was about.
MARKS = ["host_hvc", "host_sync", "cordon_map_page_host", "host_map_device", "pool_take", "mmio_access", "inject_abort",
         "hypercall_smc", "psci_call", "memory_fault", "device_access", "wait_for", "system_register", "vcpu_send_sgi",
         "vcpu_call", "vectors_load"]


class Map:
    """The plugin's map of an image, and the words behind its numbers."""

    def __init__(self, image):
        self.calls = [""]       # a stay without a call
        self.lines = ["code %x %x" % (image.begin, image.end)]
        self.lines += ["entry %x host" % (image.symbols["vectors" + one] + offset) for one in SETS for offset in HOST_ENTRIES]
        self.lines += ["entry %x guest" % (image.symbols["guest_vectors" + one] + offset) for one in SETS for offset in GUEST_ENTRIES]
        self.lines += ["leave %x guest" % at for at in image.erets if image.function(at) == "guest_resume"]
        for bit, name in enumerate(MARKS):
            found = image.in_function(name)
            if not found:
                stop("the image has no function %s; if it is called otherwise now, say so in %s" % (name, __file__))
            self.lines += ["mark %x %x" % (at, bit) for at in found]
        for path, pattern in CALLS:
            for at, word in image.on_lines(path, pattern).items():
                self.add_call(at, word)

    def add_call(self, at, word):
        if word not in self.calls:
            self.calls.append(word)
        self.lines.append("call %x %x" % (at, self.calls.index(word)))

    def write(self, path):
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(self.lines) + "\n")


class Stays:
    """Stays that are alike."""

    def __init__(self, entry, leave, label, call, marks):
        self.entry, self.leave, self.label, self.call, self.marks = entry, leave, label, call, marks
        self.lengths, self.at, self.peak = [], {}, {}

    def name(self):
        return "%s -> %s %s %s %s" % (self.entry, self.leave, self.label, self.call, "+".join(sorted(self.marks)))


class Sums:
    """Instructions of the machine, of EL2, of guests, of loops that wait, and of user space."""

    def __init__(self, words):
        self.all, self.el2, self.guest, self.wait, self.user = (int(word) for word in words[1::2])


class Counts:
    """What the plugin wrote."""

    def __init__(self, path, el2map, labels):
        self.stays = []
        self.label = {}
        self.hot = {}       # {address: instructions}, of the hot label
        with open(path, encoding="ascii") as file:
            for line in file:
                words = line.split()
                if words[0] == "all":
                    self.machine = Sums(words)
                elif words[0] == "label":
                    self.label[labels.get(int(words[1], 16), "")] = Sums(words[2:])
                elif words[0] == "pc":
                    self.hot[int(words[1], 16)] = self.hot.get(int(words[1], 16), 0) + int(words[2])
                elif words[0] == "stay":
                    marks = {m for i, m in enumerate(MARKS) if int(words[5], 16) >> i & 1}
                    label = labels.get(int(words[3], 16), "")
                    self.stays.append(Stays(words[1], words[2], label, el2map.calls[int(words[4], 16)], marks))
                elif words[0] == "length":
                    self.stays[-1].lengths.append((int(words[1]), int(words[2])))
                else:
                    getattr(self.stays[-1], words[0])[int(words[1], 16)] = int(words[2])

    def select(self, entry=None, leave=None, label=None, call=None, has=(), lacks=()):
        return [s for s in self.stays
                if (entry is None or s.entry == entry) and (leave is None or s.leave == leave) and
                (label is None or s.label == label) and (call is None or s.call == call) and
                s.marks >= set(has) and not s.marks & set(lacks)]


def median(stays):
    """The median length of these, or None."""
    row = sorted((n, times) for s in stays for n, times in s.lengths)
    total, seen = sum(times for _, times in row), 0
    for n, times in row:
        seen += times
        if seen * 2 >= total:
            return n
    return None


def times(stays):
    return sum(t for s in stays for _, t in s.lengths)


def instructions(stays):
    return sum(n * t for s in stays for n, t in s.lengths)


def longest(stays):
    """(length, Stays) of the longest."""
    return max(((n, s) for s in stays for n, _ in s.lengths), key=lambda pair: pair[0], default=(0, None))


def by_function(image, counts, lines=False):
    """[(instructions, function)] of {address: times}, most first; with lines, by source line."""
    sums = {}
    for at, n in counts.items():
        function, place = image.where[at][0]
        key = "%s %s" % (function, place) if lines else function
        sums[key] = sums.get(key, 0) + n
    return sorted(((n, key) for key, n in sums.items()), reverse=True)
