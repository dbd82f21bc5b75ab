#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host that sends its devices where it may not go itself: Linux under Cordon in QEMU loads cordon_dma.ko, which has a dozen of QEMU's
"edu" devices read and write Cordon's memory, the board's registers, and frames of guests before, while and after they are theirs.

    test/dma/run.py [NAME...]       all cases whose name contains one of the words; without any, all cases

On QEMU 7.2, whose SMMU has stage 1 alone, and on 10, where it has stage 2. The same attempts on an image whose SMMU lets everything
through have to succeed, line by line: else they would show nothing. Each case has a bounded time. The serial log of a case that
fails stays below build/host/logs. Closes with "N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guest"))
import devices  # pylint: disable=wrong-import-position
import mutants  # pylint: disable=wrong-import-position
from qemu_cases import Case, boots, qemu_of, quietly, run_all, script  # pylint: disable=wrong-import-position

OPEN = "streams-bypass"         # the mutant of test/guest/mutants.py whose SMMU lets everything through

# Every line must be there: one that went missing would breach nothing.
WANT = [r"hostile: %d devices" % devices.COUNT,
        r"hostile: \d+ kinds of attempt, \d+ tries, \d+ refused, 0 breaches, 0 kinds failed, 0 not tried"] + [
    devices.line(attempt, where, "ok") for attempt, where in devices.CLOSED + devices.DANGEROUS + devices.ALWAYS] + [
    devices.line("both guests find all as it was", name, "ok") for name in devices.GROUPS]
NEVER = [r"BREACH", r"NOT TRIED", r"its frames are lost", r"cannot (create|furnish|load|start|run) a VM"]


def open_machine(name, settings):
    """The same where nothing is closed."""
    want = [devices.line(attempt, where, "BREACH") for attempt, where in devices.CLOSED]
    want += [devices.line(attempt, where, "ok") for attempt, where in devices.ALWAYS]
    return Case(name, settings, devices.append(rounds=2, careful=1), want + [r"test: done"], [r"NOT TRIED", r"Cordon panic", r"Kernel panic"],
                command=[OPEN])


def cases():
    """Those of a QEMU that cannot be had are none."""
    for version in ("7", "10"):
        qemu, why = qemu_of(version)
        if qemu is None:
            print("dma-%s %s" % (version, why), flush=True)
            continue
        for cpu, smp in (("cortex-a72", 1), ("cortex-a72", 4), ("max", 2)):
            yield boots("dma-%s-%s-%d" % (version, cpu, smp), ["QEMU=" + qemu, "CPU=" + cpu, "SMP=%d" % smp], smp, devices.append(), WANT, NEVER)
        yield open_machine("dma-%s-open" % version, ["QEMU=" + qemu, "SMP=2"])


def command_of(case):
    run_host = script("run-host")
    if case.command:
        run_host = [os.path.join(mutants.build(case.command[0]), "scripts", "host", "run-host"), "KERNEL=" + os.path.join(devices.KERNEL, "Image")]
    return run_host + case.settings + devices.SETTINGS + ["SEEDS=1", "INITRD=" + devices.INITRD, "APPEND=quiet " + case.test]


def prepare():
    for name in ("fetch", "build-el2", "build-module"):
        quietly(script(name))
    devices.make_initrd()


if __name__ == "__main__":
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of))
