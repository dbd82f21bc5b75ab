#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Resets a machine on which guests run, and has the host that is booted next look for what they had in memory.

    test/reset/run.py [NAME...]     all cases whose name contains one of the words; without any, all cases

QEMU keeps memory over a reset. The first host starts guests that fill their pages, and is reset: by itself, by a panic, or
from outside while they are there. The second host, the same kernel, looks through all memory that it can reach: it must
find nothing. The cases named control are EL2 with lines taken away, where it must find something, or the others would
show nothing.
Each case has a bounded time. The serial log of a case that fails stays below build/host/logs. Closes with
"N passed, N failed". CORDON_BOOT_SECONDS: the bound for one case instead of 300.
"""
import functools
import os
import queue
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))
from mutants import M, apply, build_el2, copy_sources  # pylint: disable=wrong-import-position
from qemu_cases import BUILD, LOGS, ROOT, SECONDS, VIRTIO, kernel_modules, qemu_of, quietly, run_all, script  # pylint: disable=wrong-import-position

INITRD = os.path.join(BUILD, "reset.cpio")
GREEDY = os.path.join(BUILD, "greedy-image")
OUT = os.path.join(BUILD, "reset-test")
DISK = os.path.join(OUT, "given.img")
DISK_PAGES = 4096
REMAINS = (0x5ec2e7 << 40 | 0x0ddba11 << 12) + 0x80000000       # secret() + ATTACK_BASE of host/linux
SHELL = r"test: shell on \d+ CPUs"
FILLED = r"remains: (\d+) pages of guests are filled"
FOUND = r"remains: (\d+) MiB looked through, (\d+) pages hold what was there before"
GUEST_PAGES = 2048      # that are filled at least

NO_SCRUB = M("boot-does-not-scrub", "arch/arm64/boot.c", "memory is left to the host as it was before a reset",
             "    scrub_memory();\n", "")
NO_REST = M("rest-not-scrubbed", "arch/arm64/boot.c", "a kernel that wants more memory than its file fills gets it as it was",
            "    scrub_range(rest.base, rest.base + rest.size);\n", "")
NO_END = M("reset-does-not-scrub", "arch/arm64/psci.c", "a reset that the host asks for leaves VMs as they are",
           "    scrub_guests();\n    return", "    return")


DEVICES_STAY = M("reset-keeps-devices", "arch/arm64/scrub.c", "a reset leaves a device to its guest, which then cannot be ended",
                 "    while (!return_devices() && sysreg", "    while (machine.vms == 0 && !return_devices() && sysreg")

# A panic of Cordon's own, in place of a reset that the host asks for.
PANIC = M("reset-panics", "arch/arm64/psci.c", "a reset that the host asks for is an error of Cordon's",
          "    scrub_guests();\n    return answer(firmware(function, 0, 0, 0));\n", "    __asm__ volatile(\"brk #1\");\n    return (int64_t)function;\n")
NO_END_OF_PANIC = M("panic-does-not-scrub", "arch/arm64/panic.c", "a panic leaves guests' memory as it is", "    scrub_private();\n", "")


class Case:
    """fill: what is typed before the reset; reset: how it comes; mutants: of EL2; least: pages that must be found then; settings: more."""

    def __init__(self, name, reset, cpu="cortex-a72", fill="fill", kernel=None, mutants=(), least=0, settings=()):
        self.name = name
        self.reset = reset
        self.cpu = cpu
        self.fill = fill
        self.kernel = kernel or os.path.join(BUILD, "Image")
        self.mutants = mutants
        self.least = least
        self.settings = list(settings)


def with_device():
    """A guest whose own disk writes to it without a pause when the host resets the machine. Takes an SMMU with stage 2."""
    if sys.argv[1:] and not any(word in name for word in sys.argv[1:] for name in ("reset-with-a-device", "control-device")):
        return          # to have another QEMU may take a download
    qemu, why = qemu_of("10")
    if qemu is None:
        print("reset-with-a-device %s" % why, flush=True)
        return
    settings = ["QEMU=" + qemu, "GUEST_DISK=" + DISK]
    yield Case("reset-with-a-device", "reboot", fill="give", mutants=[NO_SCRUB], settings=settings)
    yield Case("control-device", "reboot", fill="give", mutants=[NO_SCRUB, DEVICES_STAY], least=GUEST_PAGES // 2, settings=settings)


def cases():
    yield Case("reset-by-the-host", "reboot")
    yield Case("reset-by-a-panic", "panic", "neoverse-n1")
    yield Case("reset-from-outside", "system_reset")
    yield Case("reset-from-outside-max", "system_reset", "max")
    yield Case("reset-greedy-kernel", "system_reset", fill="flood", kernel=GREEDY)
    # What a reset by the host does on its own.
    yield Case("reset-ends-guests", "reboot", mutants=[NO_SCRUB])
    yield Case("reset-ends-a-running-guest", "beside", mutants=[NO_SCRUB])
    # Switched off, and on again with what memory held.
    yield Case("reset-after-a-panic-of-cordon", "panics", mutants=[NO_SCRUB, PANIC])
    yield Case("control-panic-of-cordon", "panics", mutants=[NO_SCRUB, PANIC, NO_END_OF_PANIC], least=GUEST_PAGES // 2)
    yield Case("control-reset", "reboot", mutants=[NO_SCRUB, NO_END], least=GUEST_PAGES // 2)
    yield Case("control-boot", "system_reset", mutants=[NO_SCRUB], least=GUEST_PAGES // 2)
    yield from with_device()
    yield Case("control-greedy-kernel", "system_reset", fill="flood", kernel=GREEDY, mutants=[NO_REST], least=1)


class Machine:
    """A running QEMU: what it prints, and what is typed."""

    def __init__(self, command, log, monitor):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.monitor = monitor
        self.lines = queue.Queue()
        self.end = time.monotonic() + SECONDS
        threading.Thread(target=self.read, args=(log,), daemon=True).start()

    def read(self, log):
        for line in self.process.stdout:
            log.write(line)
            self.lines.put(line.decode(errors="replace").rstrip())
        self.lines.put(None)

    def wait_for(self, pattern, meant=()):
        """The match of the next line that has it. Raises ValueError when there is none in time, or a complaint before it."""
        while True:
            try:
                line = self.lines.get(timeout=max(self.end - time.monotonic(), 0.01))
            except queue.Empty:
                raise ValueError("not done after %d s, waiting for: %s" % (SECONDS, pattern)) from None
            if line is None:
                raise ValueError("it ended before: " + pattern)
            found = re.search(pattern, line)
            if found:
                return found
            if re.search("test: complaint|Cordon panic", line) and not any(re.search(m, line) for m in meant):
                raise ValueError("there is: " + line)

    def type(self, word):
        self.process.stdin.write(word.encode() + b"\n")
        self.process.stdin.flush()

    def command(self, word):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.monitor)
            s.sendall(word + b"\n")
            s.settimeout(10)
            while word not in s.recv(4096):
                pass

    def reset(self, how):
        if how == "panics":
            self.type("reboot")
            self.wait_for("Cordon stops the machine", (r"^Cordon panic.*",))
            time.sleep(1)       # until it is off
            self.command(b"system_reset")
            self.command(b"cont")
        elif how == "system_reset":
            self.command(b"system_reset")
        else:
            self.type(how)

    def stop(self):
        self.process.kill()
        self.process.wait()


def play(machine, case):
    """What is wrong: nothing, when the case has passed."""
    machine.wait_for(SHELL)
    machine.type(case.fill)
    filled = int(machine.wait_for(FILLED).group(1))
    machine.wait_for("test: did " + case.fill)
    machine.reset(case.reset)
    if case.reset == "beside":
        machine.wait_for("remains: a guest is running")
    machine.wait_for("^Cordon [0-9.]+: ")
    machine.wait_for(SHELL)
    machine.type("scan")
    looked, found = (int(x) for x in machine.wait_for(FOUND).groups())
    if case.reset != "panics":
        machine.type("off")
        machine.wait_for("test: done")
        machine.process.wait(SECONDS)
    told = "%d pages filled by guests, %d MiB looked through, %d pages found" % (filled, looked, found)
    if filled < GUEST_PAGES or looked < 900:
        return "too little was tried: " + told
    if case.least == 0 and found != 0:
        return told
    if found < case.least:
        return "EL2 that does not scrub is not noticed: " + told
    print("     " + told)
    return ""


@functools.lru_cache(maxsize=None)
def run_host_with(mutants):
    """The script that runs EL2 broken like that. It is built for the first case that has it so, and the others only boot it."""
    if not mutants:
        return script("run-host")[0]
    folder = os.path.join(ROOT, "build", "el2-mutants", "for-" + "-and-".join(mutant.name for mutant in mutants))
    copy_sources(folder)
    for mutant in mutants:
        apply(mutant, folder)
    build_el2(folder)
    return os.path.join(folder, "scripts", "host", "run-host")


def command_of(case):
    return [run_host_with(tuple(case.mutants)), "REBOOT=1", "CPU=" + case.cpu, "SMP=2", "INITRD=" + INITRD, "KERNEL=" + case.kernel,
            "APPEND=quiet panic=1"] + case.settings


def run(case, command_of):  # pylint: disable=redefined-outer-name
    path = os.path.join(LOGS, case.name + ".log")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, open(path, "wb") as log:
        monitor = os.path.join(folder, "monitor")
        machine = Machine(command_of(case) + ["EXTRA=%s -monitor unix:%s,server=on,wait=off" %
                                                ("-no-shutdown" if case.reset == "panics" else "", monitor)], log, monitor)
        try:
            wrong = play(machine, case)
        except (ValueError, OSError, subprocess.TimeoutExpired) as error:
            wrong = str(error)
        finally:
            machine.stop()
    print("%-4s %-30s %5.1f s%s" % ("FAIL" if wrong else "ok", case.name, time.monotonic() - began,
                                    "  %s; log: %s" % (wrong, os.path.relpath(path)) if wrong else ""), flush=True)
    if not wrong:
        os.remove(path)
    return not wrong


def make_greedy_image():
    """Debian's kernel, but for its word on how much memory it wants: the 95 MiB up to where QEMU puts the initrd."""
    with open(os.path.join(BUILD, "Image"), "rb") as file:
        image = bytearray(file.read())
    image[16:24] = struct.pack("<Q", 95 << 20)
    with open(GREEDY, "wb") as file:
        file.write(image)


def make_disk():
    """Full of the words that remains.c looks for. What a kernel reads of a new disk, its beginning and its end, is zeros."""
    words = struct.pack("<512Q", *(REMAINS + 8 * i for i in range(512)))
    with open(DISK, "wb") as image:
        image.seek(1 << 20)
        image.write(words * (DISK_PAGES))
        image.truncate(image.tell() + (1 << 20))


def prepare():
    for name in ("fetch", "build-el2", "build-module", "build-vmm"):
        quietly(script(name))
    os.makedirs(OUT, exist_ok=True)
    drivers, guest = kernel_modules(OUT, VIRTIO), os.path.join(OUT, "guest.gz")
    quietly(script("make-initramfs", guest, os.path.join(HERE, "guest-init"), *drivers))
    quietly(script("make-initramfs", INITRD, os.path.join(HERE, "init"), os.path.join(BUILD, "module", "cordon_remains.ko"),
                   os.path.join(BUILD, "module", "cordon_kvm.ko"), os.path.join(BUILD, "vmm", "cordon-vmm"), os.path.join(BUILD, "Image"), guest))
    make_disk()
    make_greedy_image()


if __name__ == "__main__":
    sys.exit(run_all(__doc__, list(cases()), prepare, command_of, run))
