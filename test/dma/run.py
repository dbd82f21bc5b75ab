#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host that sends its devices where it may not go itself: Linux under Cordon in QEMU loads cordon_dma.ko, which has a dozen of QEMU's
"edu" devices read and write Cordon's memory, the board's registers, and frames of guests before, while and after they are theirs.

    test/dma/run.py [NAME...]       all cases whose name contains one of the words; without any, one with each QEMU
    test/dma/run.py --all           all cases: each QEMU with 1, 2 and 4 CPUs

First the front door: run-host with DISK and NET. Then the attempts, on QEMU 7.2, whose SMMU has stage 1 alone, and on 10, where it
has stage 2; on an image whose SMMU lets everything through the same have to succeed, line by line: else they would show nothing.
Each case has a bounded time. The serial log of a case that fails stays below build/host/logs. Closes with "N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300.
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guest"))
import devices  # pylint: disable=wrong-import-position
import mutants  # pylint: disable=wrong-import-position
from qemu_cases import Case, boots, qemu_of, quietly, run_all, script  # pylint: disable=wrong-import-position

# More of the same, for --all.
LONG = ["dma-7-cortex-a72-1", "dma-7-max-2", "dma-10-cortex-a72-1", "dma-10-cortex-a72-4"]
OPEN = "streams-bypass"         # the mutant of test/guest/mutants.py whose SMMU lets everything through

# Every line must be there: one that went missing would breach nothing.
WANT = [r"hostile: %d devices" % devices.COUNT,
        r"hostile: \d+ kinds of attempt, \d+ tries, \d+ refused, 0 breaches, 0 kinds failed, 0 not tried"] + [
    devices.line(attempt, where, "ok") for attempt, where in devices.CLOSED + devices.DANGEROUS + devices.ALWAYS] + [
    devices.line("both guests find all as it was", name, "ok") for name in devices.GROUPS]
NEVER = [r"BREACH", r"NOT TRIED", r"its frames are lost", r"cannot (create|furnish|load|start|run) a VM"]


def given(version):
    """The lines about devices that are guests' own, on a QEMU."""
    return [devices.line(attempt, where, "ok") for attempt, where in devices.BOTH_GIVEN + (devices.NOT_GIVEN if version == "7" else devices.GIVEN)]


def open_machine(name, settings):
    """The same where nothing is closed."""
    want = [devices.line(attempt, where, "BREACH") for attempt, where in devices.CLOSED]
    want += [devices.line(attempt, where, "ok") for attempt, where in devices.ALWAYS]
    return Case(name, settings, devices.append(rounds=2, careful=1), want + [r"test: done"], [r"NOT TRIED", r"Cordon panic", r"Kernel panic"],
                command=[OPEN])


def written(path):
    """Whether the host's file is in the image."""
    def check(_):
        raw = path + ".raw"
        quietly(["qemu-img", "convert", "-O", "raw", path, raw])
        out = subprocess.run(["debugfs", "-R", "cat /written", raw], check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        if out != b"written by the host\n":
            yield "the disk's image has not what the host has written"
    return check


def front_door(kind):
    """The host goes on from a disk of a format, and has a network."""
    disk = os.path.join(devices.BUILD, "front-door." + kind)
    case = boots("dma-front-door-" + kind, ["DISK=" + disk, "NET=user"], 2, "",
                 [r"test: shell on 2 CPUs, root /dev/vda is ext4", r"test: address 10\.0\.2\.", r"test: ping: 3 .* 3 packets received"], [r"init: "])
    case.check = written(disk)
    case.command = [kind, disk]
    return case


def make_disk(kind, path):
    """An ext4 image of busybox and disk-init."""
    folder, raw = path + ".d", path + ".raw"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("bin", "dev", "proc", "sys", "sbin"):
        os.makedirs(os.path.join(folder, name))
    busybox = next(p for p in (os.path.join(devices.BUILD, "busybox", *where) for where in (["bin", "busybox"], ["usr", "bin", "busybox"]))
                   if os.path.exists(p))
    shutil.copy(busybox, os.path.join(folder, "bin"))
    os.symlink("busybox", os.path.join(folder, "bin", "sh"))
    shutil.copy(os.path.join(devices.ROOT, "test", "dma", "disk-init"), os.path.join(folder, "sbin", "init"))
    for old in (raw, path):
        if os.path.exists(old):
            os.remove(old)
    quietly(["mke2fs", "-q", "-t", "ext4", "-d", folder, raw, "48M"])
    quietly(["qemu-img", "convert", "-O", kind, raw, path])


CPUS = (("cortex-a72", 1), ("cortex-a72", 4), ("max", 2))


def is_wanted(version):
    """To have another QEMU may take a download."""
    names = ["dma-%s-open" % version] + ["dma-%s-%s-%d" % (version, cpu, smp) for cpu, smp in CPUS]
    return not sys.argv[1:] or any(word in name for word in sys.argv[1:] for name in names)


def cases():
    """Those of a QEMU that cannot be had are none."""
    for kind in ("raw", "qcow2"):
        yield front_door(kind)
    for version in filter(is_wanted, ("7", "10")):
        qemu, why = qemu_of(version)
        if qemu is None:
            print("dma-%s %s" % (version, why), flush=True)
            continue
        for cpu, smp in CPUS:
            yield boots("dma-%s-%s-%d" % (version, cpu, smp), ["QEMU=" + qemu, "CPU=" + cpu, "SMP=%d" % smp], smp, devices.append(), WANT + given(version), NEVER)
        yield open_machine("dma-%s-open" % version, ["QEMU=" + qemu, "SMP=2"])


def command_of(case):
    run_host = script("run-host")
    if "front-door" in case.name:
        make_disk(*case.command)
        return run_host + case.settings
    if case.command:
        run_host = [os.path.join(mutants.build(case.command[0]), "scripts", "host", "run-host"), "KERNEL=" + os.path.join(devices.KERNEL, "Image")]
    return run_host + case.settings + devices.SETTINGS + ["SEEDS=1", "INITRD=" + devices.INITRD, "APPEND=quiet " + case.test]


def prepare():
    for name in ("fetch", "build-el2", "build-module"):
        quietly(script(name))
    devices.make_initrd()


def chosen():
    """All that a name may choose; without names those that need no --all."""
    every = list(cases())
    if sys.argv[1:] == ["--all"]:
        del sys.argv[1:]
        return every
    return every if sys.argv[1:] else [case for case in every if case.name not in LONG]


if __name__ == "__main__":
    sys.exit(run_all(__doc__, chosen(), prepare, command_of))
