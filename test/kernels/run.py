#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's kernels (scripts/host/kernels) as host and as guest, on this machine's QEMU and on others.

    test/kernels/run.py [NAME...]           one boot of each kernel but the default one, as host and as guest of itself; and of one
                                            with tsm_report as a guest that gets a token by it
    test/kernels/run.py --all [NAME...]     kernel x host or guest x QEMU 7.2, 10, 11 x four CPU models; closes with the table
                                            that docs/KERNELS.md has. A name is a part of qemu-10-max-trixie or the like

A host takes a CPU off and on, loads the modules, and runs the bare guest and a Linux guest of its own kernel. Where that fails
in the table, the kernel is tried as a host of this machine's default kernel and as its guest, so that each cell is its own.
QEMUs and kernels that this machine has not come from other Debian suites (scripts/suite); what cannot be had says why, and
counts as not checked. Each boot has a bounded time. The serial log of one that fails stays below build/host/logs. Closes with "N passed, N failed".
CORDON_BOOT_SECONDS: the bound for a boot instead of 300.
"""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import (BUILD, LOGS, ROOT, SCRIPTS, boots, kernel_build, qemu_of, quietly,  # pylint: disable=wrong-import-position
                        run, run_all, script)
import tsm  # pylint: disable=wrong-import-position

HERE = os.path.join(ROOT, "test", "kernels")
CPUS = ["cortex-a72", "neoverse-n1", "neoverse-v1", "max"]
QEMUS = ["7", "10", "11"]
NOT_CHECKED = 77                # exit status, as scripts/test knows it
NEVER = [r"guest: FAIL", r"guest: complaint", r"FAIL ", r"BREACH", r"NOT TRIED"]
HOST = [r"test: cpu1 went and came", r"test: loaded", r"guest: done: [1-9]\d* passed, 0 failed", r"test: payload ended with 0",
        r"test: all frames came back", r"test: unloaded"]
ATTACK = [r"test: nothing was tried, and it is said",
          r"hostile: 1[6-9]\d kinds of attempt, \d+ tries, \d+ refused, 0 breaches, 0 kinds failed, 0 not tried",
          r"hostile: user: [1-9]\d* tries, \d+ refused, 0 breaches, 0 not tried"]


def kernels():
    """Names of kernels; the first one is the default one, whatever it is called."""
    with open(os.path.join(SCRIPTS, "kernels"), encoding="utf-8") as file:
        names = [line.split()[0] for line in file if line.strip() and not line.startswith("#")]
    return [""] + [n for n in names if kernel_build(n) != BUILD]


def called(name):
    return name or "default"


def release(name):
    with open(os.path.join(kernel_build(name), "release"), encoding="utf-8") as file:
        return file.read().strip()


# ---- what is booted ----

def with_kernel(name, *command):
    subprocess.run(command, check=True, cwd=ROOT, stdin=subprocess.DEVNULL, env=dict(os.environ, CORDON_KERNEL=name))


def build(name):
    """A kernel, its modules, and the initrd of a Linux guest with it."""
    for step in ("fetch", "build-module", "build-guest"):
        with_kernel(name, *script(step))
    folder = kernel_build(name)
    quietly(script("make-initramfs", os.path.join(folder, "kernels-guest.gz"), os.path.join(ROOT, "test", "guest", "guest-init"),
                   os.path.join(folder, "guest", "cordon_guest.ko")))


def cannot_have(name):
    """Why a kernel or what builds its modules cannot be had on this machine: one line, or nothing."""
    fetch = subprocess.run(script("fetch"), check=False, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                           encoding="utf-8", env=dict(os.environ, CORDON_KERNEL=name))
    if fetch.returncode != 0:
        return (fetch.stderr.strip().splitlines() or ["scripts/host/fetch says nothing"])[-1]
    with open(os.path.join(SCRIPTS, "kernels"), encoding="utf-8") as file:
        tools = [line.split()[3] for line in file if line.split()[:1] == [name]]
    if not tools or kernel_build(tools[0]) == BUILD:
        return ""
    return subprocess.run([os.path.join(ROOT, "scripts", "suite"), "can", "kbuild-" + tools[0]], check=False, cwd=ROOT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8").stdout.strip()


def pack(host, guests):
    """The initrd of a host, with the guests that it runs. A folder's name in it is the guest's."""
    folder = kernel_build(host)
    path = os.path.join(folder, "kernels-%s.cpio" % "-".join(called(g) for g in guests))
    stage = os.path.join(folder, "kernels-stage")
    shutil.rmtree(stage, ignore_errors=True)
    for guest in guests:
        there = os.path.join(stage, "guests", called(guest))
        os.makedirs(there)
        os.link(os.path.join(kernel_build(guest), "Image"), os.path.join(there, "Image"))
        os.link(os.path.join(kernel_build(guest), "kernels-guest.gz"), os.path.join(there, "initrd.gz"))
    modules = [os.path.join(folder, "module", m) for m in ("cordon_kvm.ko", "cordon_info.ko", "cordon_attack.ko", "attack/attack_user")]
    quietly(script("make-initramfs", path, os.path.join(HERE, "init"), *modules, os.path.join(BUILD, "vmm", "cordon-vmm"),
                   os.path.join(folder, "guest", "payload.bin"), os.path.join(stage, "guests")))
    return path


def case(name, cpu, host, guests, qemu="", attack=False):
    want = HOST + [r"test: host Linux " + re.escape(release(host))] + (ATTACK if attack else [])
    for guest in guests:
        want += [r"guest: Linux %s on 2 CPUs" % re.escape(release(guest)), r"test: guest %s ended with 0" % called(guest)]
    settings = ["CPU=" + cpu, "SMP=2", "MEM=1536M"] + (["QEMU=" + qemu] if qemu else [])
    one = boots(name, settings, 2, "cordon.attack" if attack else "", want, NEVER)
    one.host, one.guests = host, guests
    return one


def command_of(one):
    if one.name.startswith("tsm-"):
        return tsm.command_of(one)
    return ["env", "CORDON_KERNEL=" + one.host] + script("run-host", *one.settings, "INITRD=" + pack(one.host, one.guests),
                                                         "APPEND=quiet " + one.test)


def prepare():
    for name in ("fetch", "build-el2", "build-vmm"):
        quietly(script(name))


# ---- the short part ----

def short(left_out):
    """The newest kernel's host is attacked as well. What cannot be had goes to left_out."""
    names = kernels()[1:]
    for name in names:
        if not sys.argv[1:] or any(word in title + name for word in sys.argv[1:] for title in ("kernel-", "tsm-")):
            why = cannot_have(name)
            if why:
                left_out.append("kernel-%s not checked: %s" % (name, why))
                print(left_out[-1], flush=True)
                continue
            build(name)
            yield case("kernel-" + name, "cortex-a72", name, [name], attack=name == names[-1])
            if tsm.has_it(name):
                yield tsm.case(name)


# ---- the table ----

def knows(qemu, cpu):
    models = subprocess.run([qemu, "-M", "virt", "-cpu", "help"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    return re.search(r"^\s*%s\s*$" % re.escape(cpu), models, re.M) is not None


def cells_of_machine(qemu, version, cpu, words, results):
    """Each kernel as host and guest in one boot; in two with the default kernel, if that fails."""
    for name in kernels():
        title = "qemu-%s-%s-%s" % (version, cpu, called(name))
        if words and not any(word in title for word in words):
            continue
        both = run(case(title, cpu, name, [name], qemu), command_of)
        results[name, "host", version, cpu] = both or name != "" and run(case(title + "-host", cpu, name, [""], qemu), command_of)
        results[name, "guest", version, cpu] = both or name != "" and run(case(title + "-guest", cpu, "", [name], qemu), command_of)


def print_table(results, why):
    columns = [(v, c) for v in QEMUS for c in CPUS]
    print("\n| kernel | as | " + " | ".join("QEMU %s %s" % (why.get(v, v), c) for v, c in columns) + " |")
    print("|---|---|" + "---|" * len(columns))
    for name in kernels():
        for role in ("host", "guest"):
            row = [results.get((name, role, v, c), "-") for v, c in columns]
            print("| %s | %s | %s |" % (release(name), role, " | ".join(x if isinstance(x, str) else "ok" if x else "FAILS" for x in row)))


def everything(words):
    os.makedirs(LOGS, exist_ok=True)
    prepare()
    for name in kernels():
        build(name)
    results, versions = {}, {}
    for version in QEMUS:
        qemu, why = qemu_of(version)
        if qemu is None:
            print("QEMU %s: %s" % (version, why), flush=True)
        else:
            said = subprocess.run([qemu, "--version"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
            versions[version] = re.search(r"version (\S+)", said).group(1)
        for cpu in CPUS:
            if qemu is not None and knows(qemu, cpu):
                cells_of_machine(qemu, version, cpu, words, results)
                continue
            for name in kernels():
                for role in ("host", "guest"):
                    results[name, role, version, cpu] = "not in this QEMU" if qemu is not None else "not checked"
    print_table(results, versions)
    tried = [x for x in results.values() if not isinstance(x, str)]
    print("%d passed, %d failed" % (sum(tried), len(tried) - sum(tried)))
    return 0 if tried and all(tried) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--all"]:
        sys.exit(everything(sys.argv[2:]))
    if "--help" in sys.argv[1:] or "-h" in sys.argv[1:]:
        sys.exit(run_all(__doc__, [], prepare, command_of))
    prepare()
    without = []
    found = list(short(without))
    sys.exit(NOT_CHECKED if without and not found else run_all(__doc__, found, prepare, command_of))
