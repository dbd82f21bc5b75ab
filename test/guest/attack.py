#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host that has turned against its guests: Linux under Cordon in QEMU loads cordon_attack.ko, which tries all that it has
on two running guests, and a process does the same. No attempt may succeed, each must have been tried, and nobody may fall.

    test/guest/attack.py [NAME...]      all cases whose name contains one of the words; without any, all cases

Each case has a bounded time. The serial log of a case that fails stays below build/host/logs. Closes with
"N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300. CORDON_SEED: of the random calls.
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import BUILD, KERNEL, ROOT, boots, quietly, run_all, script  # pylint: disable=wrong-import-position

INITRD = os.path.join(BUILD, "attack.cpio")
SEED = int(os.environ.get("CORDON_SEED", random.randrange(1, 1 << 31)))

# One line of each group of attempts must be there: a group that went missing would breach nothing.
GROUPS = ["memory", "frames", "phases and handles", "answers", "races", "teardown", "pools", "interrupts", "grants",
          "registers", "storm", "processes"]
WANT = [r"both guests find all as it was +%s +\d+ +\d+ +untouched +ok$" % name for name in GROUPS] + [
    r"hostile: user: [1-9]\d* tries, \d+ refused, 0 breaches, 0 not tried", r"a granted page, from a process .* ok$",
    r"all that they had comes back zeroed .* ok$", r"frames that are not the host's +before and after all .* ok$",
    r"hostile: 1[6-9]\d kinds of attempt, \d+ tries, \d+ refused, 0 breaches, 0 kinds failed, 0 not tried", r"test: unloaded"]
NEVER = [r"BREACH", r"NOT TRIED", r"its frames are lost", r"cannot (create|furnish|load|start|run) a VM"]
# Where there is another CPU to run the guest on, the end of a running one has to be seen refused.
WANT_SMP = [r"the end while a vCPU is in the guest .* ok$"]


def case(cpu, smp, rounds, lives):
    return boots("attack-%s-%d" % (cpu, smp), ["CPU=" + cpu, "SMP=%d" % smp], smp,
                 "attack.rounds=%d attack.lives=%d attack.seed=%d" % (rounds, lives, SEED),
                 WANT + (WANT_SMP if smp > 1 else []), NEVER)


def cases():
    for cpu, rounds, lives in (("cortex-a72", 8000, 50), ("neoverse-n1", 4000, 20), ("max", 2000, 10)):
        for smp in (1, 2, 4):
            yield case(cpu, smp, rounds // smp, lives // smp)


def command_of(one):
    return script("run-host", *one.settings, "SEEDS=1", "INITRD=" + INITRD, "APPEND=quiet " + one.test)


def make_initrd():
    module = os.path.join(KERNEL, "module")
    quietly(script("make-initramfs", INITRD, os.path.join(ROOT, "test", "guest", "attack-init"),
                   os.path.join(module, "cordon_attack.ko"), os.path.join(module, "attack", "attack_user")))


def prepare():
    for name in ("fetch", "build-el2", "build-module"):
        quietly(script(name))
    make_initrd()


if __name__ == "__main__":
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of))
