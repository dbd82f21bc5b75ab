#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Protected guests under Linux under Cordon in QEMU: bare ones and Debian's kernel, one and two vCPUs, alone and two at once,
twenty rounds, and VMMs that are killed. The measurement that a guest reads is what `cordon measure` computes.

    test/guest/run.py [NAME...]     all cases whose name contains one of the words; without any, all cases

Each case has a bounded time. The serial log of a case that fails stays below build/host/logs. Closes with
"N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300. CORDON_SEED: when VMMs are killed.
"""
import os
import random
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import BUILD, KERNEL, ROOT, boots, kernel_modules, quietly, run_all, script  # pylint: disable=wrong-import-position

INITRD = os.path.join(BUILD, "guest-test.cpio")
GUEST = os.path.join(BUILD, "guest.gz")
SEED = int(os.environ.get("CORDON_SEED", random.randrange(32768)))
BACK = [r"test: all frames came back", r"test: unloaded"]
LINUX = [r"guest: Linux \S+ on %d CPUs", r"cordon_guest: ok", r"guest: ok 32 MiB", r"guest: ok interrupts",
         r"guest: ok debugging: \d+ steps, 20 breakpoints, 20 watchpoints", r"guest: done"]
# What a guest is told of its CPU (docs/MITIGATIONS.md): predicted branch targets, bypassed stores, branch history.
TOLD = {"cortex-a72": r"psci: workarounds: -1 -1 0", "neoverse-n1": r"psci: workarounds: 1 -1 0", "max": r"psci: workarounds: 1 -1 -?1"}
DREW = r"guest: random: drew 0x\w+"
# The last: two guests, one after the other or at once, draw the same number.
NEVER = [r"guest: FAIL", r"cordon_guest: FAIL", r"guest: complaint", r"random: drew (0x\w+)\s[\s\S]*random: drew \1\s"]


def computed(kernel, initrd, *options):
    """What `cordon measure` says without the machine."""
    return subprocess.run([os.path.join(ROOT, "build", "cordon"), "measure", "--kernel", kernel, *(["--initrd", initrd] if initrd else []), *options],
                          check=True, stdout=subprocess.PIPE, encoding="ascii").stdout.strip()


def other_initrd():
    """The guest's, with one byte changed."""
    with open(GUEST, "rb") as file:
        data = bytearray(file.read())
    data[len(data) // 2] ^= 1
    path = GUEST + ".other"
    with open(path, "wb") as file:
        file.write(data)
    return path


def measured(kernel, initrd, *options):
    """A check: the guest has read the measurement that is computed from the files and options that it began with."""
    def check(log):
        found = re.search(r"guest: measurement (?:0x)?([0-9a-f]+) (?:0x)?([0-9a-f]+) (?:0x)?([0-9a-f]+) (?:0x)?([0-9a-f]+)", log)
        if found is None:
            yield "the guest tells no measurement"
            return
        read = struct.pack("<4Q", *(int(word, 16) for word in found.groups())).hex()
        if read != computed(kernel, initrd, *options):
            yield "the guest has read the measurement %s, and cordon measure says %s" % (read, computed(kernel, initrd, *options))
        if initrd and read == computed(kernel, other_initrd(), *options):
            yield "the measurement is the same with one byte of the initrd changed"
    return check


def case(name, cpu, test, vcpus, want, smp=2, extra=()):
    return boots("%s-%s-%d" % (name, cpu, vcpus), ["CPU=" + cpu, "SMP=%d" % smp] + list(extra), smp,
                 "cordon.test=%s cordon.cpus=%d cordon.seed=%d" % (test, vcpus, SEED), want + BACK, NEVER)


def measured_case(name, cpu, test, vcpus, want):
    """test/guest/init has the same options."""
    made = case(name, cpu, test, vcpus, want)
    cpus = ["--cpus", str(vcpus)]
    if test == "linux":
        made.check = measured(os.path.join(KERNEL, "Image"), GUEST, "--append", "console=ttyS0 quiet", "--mem", "192M", *cpus)
    else:
        made.check = measured(os.path.join(KERNEL, "guest", "payload.bin"), None, "--append", "all", "--mem", "64M", *cpus)
    return made


def cases():
    yield case("linux-seeds", "cortex-a72", "linux", 2, [r"guest: draws by smccc_trng, 4096 bytes", r"guest: done"], extra=["SEEDS=1"])
    for cpu in ("cortex-a72", "neoverse-n1"):
        for vcpus in (1, 2):
            yield measured_case("payload", cpu, "payload", vcpus,
                       [r"guest: done: [1-9]\d* passed, 0 failed", r"guests are offered none", r"guest: random: none", r"test: guest ended with 0",
                        TOLD[cpu]])
            yield measured_case("linux", cpu, "linux", vcpus, [w % vcpus if "%d" in w else w for w in LINUX] + [r"test: guest ended with 0"])
    yield case("payload", "max", "payload", 2, [r"guest: done: [1-9]\d* passed, 0 failed", r"begin with the CPU's own", DREW, TOLD["max"]])
    for vcpus in (1, 2):
        yield case("payload-seeds", "cortex-a72", "payload", vcpus,
                   [r"guest: done: [1-9]\d* passed, 0 failed", r"begin with none of the CPU's, .* and 40 bytes", DREW], extra=["SEEDS=1"])
    yield case("two", "cortex-a72", "two", 2, [r"test: linux ended with 0", r"test: payload ended with 0", r"guest: ok secret",
                                               r"guest: ok 32 MiB"], smp=2, extra=["MEM=1536M"])
    yield case("two", "neoverse-n1", "two", 1, [r"test: linux ended with 0", r"test: payload ended with 0", r"guest: ok secret"],
               smp=4)
    yield case("rounds", "cortex-a72", "rounds", 2, [r"test: 20 rounds, -?\d+ kB", DREW], extra=["SEEDS=1"])
    yield case("rounds", "neoverse-n1", "rounds", 1, [r"test: 20 rounds, -?\d+ kB"], smp=1)
    yield case("kill", "cortex-a72", "kill", 2, [r"test: 20 killed, seed %d" % SEED, r"test: guest ended with 0"])
    yield case("kill", "neoverse-n1", "kill", 1, [r"test: 20 killed, seed %d" % SEED, r"test: guest ended with 0"], smp=1)


def command_of(one):
    return script("run-host", *one.settings, "INITRD=" + INITRD, "APPEND=quiet " + one.test)


def prepare():
    for name in ("fetch", "build-el2", "build-module", "build-vmm", "build-guest"):
        quietly(script(name))
    here = os.path.join(ROOT, "test", "guest")
    quietly(["make", "build"])
    quietly(script("make-initramfs", GUEST, os.path.join(here, "guest-init"), os.path.join(KERNEL, "guest", "cordon_guest.ko"),
                   *kernel_modules(os.path.join(KERNEL, "guest"), ["char/hw_random/arm_smccc_trng"]), os.path.join(KERNEL, "guest", "guest-debug")))
    quietly(script("make-initramfs", INITRD, os.path.join(here, "init"), os.path.join(KERNEL, "module", "cordon_kvm.ko"),
                   os.path.join(KERNEL, "module", "cordon_info.ko"), os.path.join(BUILD, "vmm", "cordon-vmm"),
                   os.path.join(KERNEL, "guest", "payload.bin"), os.path.join(KERNEL, "Image"), GUEST))


if __name__ == "__main__":
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of))
