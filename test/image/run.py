#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Debian image as people have it, with its own kernel and the package cordon-guest, as a protected guest under cordon-vmm, and under Debian's
QEMU, where a loader finds that kernel: with a disk and a network, to a login by ssh from outside of the machine. The image is made by scripts/host/debian-root --guest where it is not there.

    test/image/run.py [NAME...]       all cases whose name contains one of the words; without any, all cases

What is written to the image is forgotten. The log of a case that fails stays below build/host/logs. Closes with "N passed, N failed".
CORDON_BOOT_SECONDS: the bound for one case instead of 900.
"""
import os
import re
import socket
import subprocess
import sys
import time

os.environ.setdefault("CORDON_BOOT_SECONDS", "900")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import ROOT, SECONDS, Case, quietly, run_all, script  # pylint: disable=wrong-import-position

HERE = os.path.join(ROOT, "test", "image")
CACHE = os.environ.get("CORDON_CACHE", os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "cordon"))
KEY = os.path.join(CACHE, "guest-key")
OPTIONS = {"cordon-vmm": "--rng --serial /serial --console /console", "qemu": "-device virtio-rng-pci,iommu_platform=on,disable-legacy=on"}
PIPED = 2 << 20


def want(vmm, where, drivers):
    return [r"guest: cordon-guest runs \S+ on 2 CPUs, root on /dev/vda1", r"guest: ok the module is there", r"guest: ok the package is installed",
            *[r"guest: ok %s at \S*%s" % (driver, where) for driver in drivers], r"guest: ok what is written to the disk is on it", r"guest: ok a clock",
            r"guest: ok the host's random numbers", r"guest: ok nothing failed to start", r"session: ok all that was piped in came",
            r"host: %s ended with 0" % vmm, r"pages came back, 0 of them not zero", r"^host: done"]


WANT = {"cordon-vmm": want("cordon-vmm", "virtio_mmio", ("virtio_blk", "virtio_net", "virtio_rng", "virtio_console")) +
                      [r"^host: 6\S+ starts \S+, which is on the image, with its root on /dev/vda1", r"guest: ok a console of virtio",
                       r"guest: ok a second serial port", r"cordon-vmm: the guest powered off"],
        "qemu": want("QEMU", "0000:00", ("virtio_blk", "virtio_net", "virtio_rng")) + [r"loader: /dev/vda1, GRUB's menu: /boot/vmlinuz-6"]}
NEVER = [r"guest: FAIL", r"session: FAIL", r"^host: .*(panic|Oops|BUG|WARNING|stall|lockup)", r"does nothing more", r"Cordon panic"]


def clock_is_right(log):
    """The guest's clock was set from the launcher's, which has the machine's."""
    said = re.search(r"^guest: time (\d+)", log, re.M)
    if said is None or abs(int(said.group(1)) - time.time()) > 600:
        yield "the guest has another time"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ssh(port, *command, **more):
    return subprocess.run(["ssh", "-i", KEY, "-p", str(port), "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
                           "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=20", "root@127.0.0.1", *command],
                          check=False, timeout=SECONDS, **more)


def session(vmm):
    """Boots the image, logs in when it can, looks around and switches it off. What the machine prints is the log; so is what this says."""
    port = free_port()
    with subprocess.Popen(["timeout", str(SECONDS)] + script("run-image", "IMAGE=debian", "VMM=" + vmm, "SSH=%d" % port, "EXTRA=-snapshot",
                                                                 "VMM_OPTIONS=" + OPTIONS[vmm]), stdin=subprocess.DEVNULL,
                          cwd=ROOT) as machine:
        try:
            while machine.poll() is None and ssh(port, "true", stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
                time.sleep(1)
            with open(os.path.join(HERE, "guest-checks"), encoding="utf-8") as checks:
                ssh(port, "sh -s " + vmm, stdin=checks)
            piped = ssh(port, "wc -c", input=bytes(PIPED), stdout=subprocess.PIPE)
            print("session: %s all that was piped in came" % ("ok" if piped.stdout.strip() == b"%d" % PIPED else "FAIL"), flush=True)
            ssh(port, "poweroff", stdin=subprocess.DEVNULL)
            return machine.wait(SECONDS)
        finally:
            machine.kill()


def prepare():
    quietly(script("debian-root", "--guest"))
    for part in ("fetch", "fetch-vmm", "build-el2", "build-module", "build-vmm", "build-loader"):
        quietly(script(part))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--session"]:
        sys.exit(session(sys.argv[2]))
    sys.exit(run_all(__doc__, [Case("ssh-" + vmm, command=[os.path.join(HERE, "run.py"), "--session", vmm], want=WANT[vmm], never=NEVER, check=clock_is_right)
                               for vmm in WANT], prepare, lambda case: case.command))
