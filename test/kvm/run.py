#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The driver cordon_kvm.ko in QEMU: its ioctls, its guests' memory and interrupts, what it gives back, and where it does not load.

    test/kvm/run.py [NAME...]       all cases whose name contains one of the words; without any, all cases

Each case has a bounded time. The serial log of a case that fails stays below build/host/logs. Closes with
"N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import BUILD, KERNEL, ROOT, Case, boots, quietly, run_all, script  # pylint: disable=wrong-import-position

INITRD = os.path.join(BUILD, "kvm-test.cpio")
API = [r"kvm_api: 467 answers, 0 wrong", r"test: unloaded"]
GUEST = [r"kvm_guest: 34 passed, 0 failed", r"test: unloaded"]


def case(name, cpu, smp, test, want):
    return boots("kvm-%s-%s-%d" % (name, cpu, smp), ["CPU=" + cpu, "SMP=%d" % smp], smp, "cordon.test=" + test,
                 [r"test: loaded"] + want)


def refuses(name, settings):
    """No Cordon, no device: an error, and the kernel goes on."""
    return Case("kvm-none-" + name, ["SMP=1", "BARE=1"] + settings, "cordon.test=none",
                [r"insmod: .* No such device", r"test: done"], [r"test: loaded", r"test: complaint", r"Kernel panic"])


def cases():
    yield case("api", "cortex-a72", 2, "api", API)
    yield case("api", "neoverse-n1", 1, "api", API)
    for cpu, smp in (("cortex-a72", 2), ("neoverse-n1", 4), ("cortex-a72", 1)):
        yield case("guest", cpu, smp, "guest", GUEST)
    yield case("pages", "cortex-a72", 2, "guest cordon.parameter=blocks=0", GUEST)
    yield case("leaks", "neoverse-n1", 2, "leaks", [r"all VMs: 0 pages", r"test: 0 pages pinned", r"test: nothing is lost", r"test: unloaded"])
    yield refuses("a72", ["CPU=cortex-a72"])
    yield refuses("n1", ["CPU=neoverse-n1"])
    yield refuses("no-el2", ["CPU=cortex-a72", "MACHINE=virtualization=off"])


def command_of(one):
    return script("run-host", *one.settings, "INITRD=" + INITRD, "APPEND=quiet " + one.test)


def prepare():
    for name in ("fetch", "build-el2", "build-module", "build-kvm-test"):
        quietly(script(name))
    tests = os.path.join(BUILD, "kvm-test")
    quietly(script("make-initramfs", INITRD, os.path.join(ROOT, "test", "kvm", "init"),
                   os.path.join(KERNEL, "module", "cordon_kvm.ko"), os.path.join(tests, "kvm_api"),
                   os.path.join(tests, "kvm_guest")))


if __name__ == "__main__":
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of))
