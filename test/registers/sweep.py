#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sweep of all system registers in QEMU: each encoding of op0 2 and 3 is tried at EL1, by the host and by a guest.

    test/registers/sweep.py [NAME...]     all cases whose name contains one of the words; without any, all cases

Of what can be read: the table (arch/arm64/registers.def) has a line for it, and says that the side has it, or that Cordon
answers. Of what can be written: the host writes all that it can, then a guest, then both look, and another guest does. Nothing
that one has written may be found by another, and everybody must find what was its own. Only what counts or is random may change by
itself.
Closes with "N passed, N failed". QEMU=PATH in the environment: another QEMU, whose `max` may have more.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts"))
import register_table  # pylint: disable=wrong-import-position
from qemu_cases import BUILD, KERNEL, boots, quietly, run_all, script  # pylint: disable=wrong-import-position

INITRD = os.path.join(BUILD, "sweep.cpio")
# Groups whose registers may change while nobody writes them.
MOVE = {"PHYSICAL_TIMER", "VIRTUAL_TIMER", "COUNTERS", "RANDOM", "PENDING"}
# What Cordon answers a guest from its vCPU, and keeps there.
KEPT = {"PHYSICAL_TIMER"}
# Where a side has less than so many, the sweep has not swept.
LEAST = {"host": 120, "guest": 90}
# QEMU before 8.1 has no trap for these: what it offers there are constants.
CONSTANTS = {"IMPLEMENTATION"}


# SMPRI_EL1, TPIDR2_EL0: the table keeps them from guests by HFGRTR_EL2, which QEMU 7.2's SME comes without. Zero for a guest.
WITHOUT_TRAP = {"3_0_1_2_4", "3_3_13_0_5"}
# ICC_HPPIR0_EL1, ICC_HPPIR1_EL1: what is pending.
PENDING = {"3_0_12_8_2", "3_0_12_12_2"}


def cases():
    for cpu in ("cortex-a72", "neoverse-n1", "max"):
        case = boots("sweep-" + cpu, ["CPU=" + cpu, "SMP=1"], 1, "panic=-1",
                     [r"sweep: done: \d+ looks, 0 differences; 0 pages", r"sweep: guest has"],
                     [r"sweep: DIFFERS", r"sweep: FAILED"])
        case.check = held_against_the_table
        yield case


def held_against_the_table(log):
    """What the lists have that the table does not."""
    table = register_table.read()
    groups = {g.name: g for g in table["GROUP"]}
    seen = {"host": 0, "guest": 0}
    written = {"host": 0, "guest": 0}
    for side, name, flags in re.findall(r"sweep: (host|guest) (\d_\d_\d+_\d+_\d)((?: written| holds| moves)*)$", log, re.M):
        seen[side] += 1
        written[side] += "written" in flags
        group = register_table.find(table, tuple(int(x) for x in name.split("_")))
        if group is None:
            yield "%s can read %s, which is in no group" % (side, name)
            continue
        treatment = getattr(groups[group], side)
        if treatment == "UNDEFINED" and group not in CONSTANTS and not (side == "guest" and name in WITHOUT_TRAP):
            yield "%s can read %s, of %s: it should have none" % (side, name, group)
        if "moves" in flags and group not in MOVE and name not in PENDING:
            yield "%s of the %s, of %s, changes by itself" % (name, side, group)
        if "holds" in flags and "moves" not in flags and treatment in ("ANSWERED", "CONSTANT") and (side == "host" or group not in KEPT):
            yield "%s of the %s, of %s, keeps what is written to it" % (name, side, group)
    for side, least in LEAST.items():
        if seen[side] < least:
            yield "%s: %d registers were read, fewer than %d" % (side, seen[side], least)
        if written[side] < 20:
            yield "%s: %d registers were written" % (side, written[side])


def command_of(one):
    return script("run-host", *one.settings, "INITRD=" + INITRD, "APPEND=quiet " + one.test)


def make_initrd():
    quietly(script("make-initramfs", INITRD, os.path.join(HERE, "init"), os.path.join(KERNEL, "module", "cordon_sweep.ko")))


def prepare():
    for name in ("fetch", "build-el2", "build-module"):
        quietly(script(name))
    make_initrd()


if __name__ == "__main__":
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of))
