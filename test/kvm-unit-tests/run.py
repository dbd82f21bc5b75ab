#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kvm-unit-tests as protected guests, beside the same on plain KVM: what a guest finds that is otherwise.

    test/kvm-unit-tests/run.py FOLDER [NAME...]     tests whose name contains one of the words; without any, all

FOLDER: kvm-unit-tests, which is not part of Cordon, built for our launcher's machine, whose addresses are kvmtool's:

    ./configure --arch=arm64 --cross-prefix=aarch64-linux-gnu- --target=kvmtool && make

Its arm/unittests.cfg says which tests there are. Two boots in QEMU, of a CPU with EL2: the host under Cordon, and the same
host without, where Linux's own KVM is (nVHE). The launcher is cordon-vmm in both. Prints a line for each test, as
docs/KVM-UNIT-TESTS.md has it: how many claims passed, failed, or were skipped. Nothing is held against anything: the table is.
CPU=model, SMP=n: of the machine. CORDON_UNIT_SECONDS: of a test, 90 without.
"""
import collections
import os
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import BUILD, KERNEL, LOGS, quietly, script  # pylint: disable=wrong-import-position

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.join(BUILD, "kvm-unit-tests")
SECONDS = os.environ.get("CORDON_UNIT_SECONDS", "90")
SMP = os.environ.get("SMP", "2")
Test = collections.namedtuple("Test", "name file cpus arguments why_not")

TEXT_AT = 0x10000       # the test's own beginning, as it is linked: a multiple of all page sizes
ROOM = 0x200000         # its stack and data lie behind it


def image(flat):
    """An arm64 Image with a test in it: the launcher starts nothing else."""
    header = struct.pack("<IIQQQQQQ4sI", 0x14000000 | TEXT_AT // 4, 0, 0, TEXT_AT + len(flat) + ROOM, 0xa, 0, 0, 0, b"ARM\x64", 0)
    return header + bytes(TEXT_AT - len(header)) + flat


def why_not(fields):
    """Why a test is not run here, or nothing."""
    if "gicv2" in fields.get("kvmtool_params", ""):
        return "no GICv2"
    if "migration" in fields.get("groups", "") or "TARGET" in fields.get("disabled_if", ""):
        return "QEMU's machine alone"
    return ""


def tests(folder):
    """What arm/unittests.cfg has."""
    with open(os.path.join(folder, "arm", "unittests.cfg"), encoding="utf-8") as file:
        sections = re.split(r"^\[(.+)\]$", file.read(), flags=re.M)[1:]
    for name, body in zip(sections[::2], sections[1::2]):
        fields = dict(re.findall(r"^(\w+) *= *(.*?)$", body, re.M))
        cpus = fields.get("smp", "1")
        arguments = fields.get("test_args", "").strip("'\"")
        yield Test(name, fields["file"], cpus if cpus.isdigit() else SMP, arguments, why_not(fields))


def prepare(folder, chosen):
    """The initramfs with these tests."""
    for name in ("fetch", "build-el2", "build-module", "build-vmm"):
        quietly(script(name))
    os.makedirs(os.path.join(TESTS, "tests"), exist_ok=True)
    for name in {t.file for t in chosen}:
        with open(os.path.join(folder, "arm", name), "rb") as flat, open(os.path.join(TESTS, "tests", name), "wb") as out:
            out.write(image(flat.read()))
    with open(os.path.join(TESTS, "tests", "list"), "w", encoding="utf-8") as out:
        out.writelines("%s %s %s %s\n" % t[:4] for t in chosen)
    with open(os.path.join(TESTS, "tests", "environment"), "w", encoding="utf-8") as out:
        out.write("ERRATA_FORCE=y\n")
    initrd = os.path.join(TESTS, "initrd.cpio")
    quietly(script("make-initramfs", initrd, os.path.join(HERE, "init"), os.path.join(KERNEL, "module", "cordon_kvm.ko"),
                   os.path.join(BUILD, "vmm", "cordon-vmm"), os.path.join(TESTS, "tests")))
    return initrd


def boot(name, initrd, settings):
    """The log of a boot."""
    path = os.path.join(LOGS, "kvm-unit-tests-%s.log" % name)
    os.makedirs(LOGS, exist_ok=True)
    with open(path, "wb") as out:
        subprocess.run(script("run-host", "CPU=" + os.environ.get("CPU", "cortex-a72"), "SMP=" + SMP, "MEM=1G", "INITRD=" + initrd,
                              "APPEND=quiet cordon.seconds=" + SECONDS, *settings), stdin=subprocess.DEVNULL, stdout=out,
                       stderr=subprocess.STDOUT, check=False)
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().replace("\r", "")


def outcome(log, name):
    """In a few words, how a test went."""
    found = re.search(r"^unit: begin %s$(.*?)^unit: end %s (\d+)$" % (re.escape(name), re.escape(name)), log, re.M | re.S)
    if not found:
        return "not run"
    text = found.group(1)
    status = re.search(r"^EXIT: STATUS=(\d+)", text, re.M)
    counts = [(len(re.findall("^%s: " % word, text, re.M)), what)
              for word, what in (("PASS", "passed"), ("FAIL", "failed"), ("SKIP", "skipped"))]
    words = ", ".join("%d %s" % count for count in counts if count[0])
    if "Unhandled" in text or "Error" in text:
        words += ", ended by an exception"
    if found.group(2) in ("124", "130", "143") or not status:
        words += ", did not end"
    if not words:
        return "skipped" if status.group(1) == "77" else "ended with %s" % status.group(1)
    return words.strip(", ")


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0 if len(sys.argv) > 1 else 2
    folder, words = sys.argv[1], sys.argv[2:]
    every = [t for t in tests(folder) if not words or any(word in t.name for word in words)]
    chosen = [t for t in every if not t.why_not]
    initrd = prepare(folder, chosen)
    logs = [boot(name, initrd, settings) for name, settings in (("kvm", ["BARE=1"]), ("cordon", []))]
    print("| test | KVM | Cordon |\n|---|---|---|")
    for t in every:
        print("| %s | %s | %s |" % ((t.name, t.why_not, t.why_not) if t.why_not else (t.name, outcome(logs[0], t.name), outcome(logs[1], t.name))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
