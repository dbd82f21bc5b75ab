# SPDX-License-Identifier: Apache-2.0
"""Boots in QEMU whose serial log is looked at: what the scripts of test/boot, test/guest and test/attack have in common.

The serial log of a case that fails stays below build/host/logs. CORDON_BOOT_SECONDS: the bound for one case instead of 300.
CORDON_KERNEL: another of Debian's kernels (scripts/host/kernels), as host and as guest.
"""
import filecmp
import glob
import lzma
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPTS = os.path.join(ROOT, "scripts", "host")
BUILD = os.path.join(ROOT, "build", "host")
LOGS = os.path.join(BUILD, "logs")


def kernel_build(name):
    """Where a kernel and its modules are, as scripts/host/lib.sh has it. name: of scripts/host/kernels; "": the default one."""
    with open("/etc/os-release", encoding="utf-8") as file:
        own = re.search(r"^VERSION_CODENAME=(\w*)", file.read(), re.M)
    if not name or (own is not None and name == own.group(1)):
        return BUILD
    return os.path.join(BUILD, "kernels", name)


KERNEL = kernel_build(os.environ.get("CORDON_KERNEL", ""))
SECONDS = int(os.environ.get("CORDON_BOOT_SECONDS", "300"))


class Case:
    """One boot: how to start it, what must be in its log, and what must not."""

    def __init__(self, name, settings=(), test="", want=(), never=(), status=0, command=None, check=None):
        self.name = name
        self.settings = list(settings)
        self.test = test
        self.seconds = SECONDS
        self.want = list(want)
        self.never = list(never)
        self.status = status
        self.command = command
        self.check = check          # what else is wrong with a log, as lines


def boots(name, settings, cpus, test="", want=(), never=()):
    """A boot to the shell and a power-off, without a complaint."""
    return Case(name, settings, test,
                [r"^Cordon [0-9.]+: %d CPUs" % cpus, r"test: shell on %d CPUs" % cpus, r"test: done"] + list(want),
                [r"test: complaint", r"Cordon panic", r"Kernel panic"] + list(never))


def script(name, *args):
    return [os.path.join(SCRIPTS, name)] + list(args)


def quietly(command):
    subprocess.run(command, check=True, cwd=ROOT, stdin=subprocess.DEVNULL)


def kernel_module(folder, name):
    """A driver of Debian's own, NAME below drivers/; compressed ones are unpacked to a folder. Nothing: it is in the kernel itself."""
    found = glob.glob(os.path.join(KERNEL, "kernel", "**", "kernel", "drivers", name + ".ko*"), recursive=True)
    if not found:
        with open(glob.glob(os.path.join(KERNEL, "kernel", "**", "modules.builtin"), recursive=True)[0], encoding="utf-8") as file:
            if os.path.normpath("kernel/drivers/%s.ko" % name) not in file.read().split():
                sys.exit("the kernel's package has no module " + name)
        return None
    if not found[0].endswith(".xz"):
        return found[0]
    path = os.path.join(folder, os.path.basename(name) + ".ko")
    with lzma.open(found[0]) as packed, open(path, "wb") as out:
        out.write(packed.read())
    return path


def kernel_modules(folder, names):
    """Those that this kernel has as modules."""
    return [path for path in (kernel_module(folder, name) for name in names) if path]


# What a host needs for virtio devices on PCI, in the order in which they are loaded: test/boot/init has the same list.
VIRTIO = ["virtio/virtio_ring", "virtio/virtio", "virtio/virtio_pci_legacy_dev", "virtio/virtio_pci_modern_dev", "virtio/virtio_pci",
          "block/virtio_blk", "../net/core/failover", "net/net_failover", "net/virtio_net"]


def qemu_of(version):
    """A QEMU of that version: its command, or None and why there is none."""
    own = subprocess.run(["qemu-system-aarch64", "--version"], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    if re.search(r"version %s\." % version, own):
        return "qemu-system-aarch64", ""
    found = subprocess.run([os.path.join(ROOT, "scripts", "suite"), "path-of", "qemu-" + version], check=False, cwd=ROOT,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    if found.returncode == 0:
        return os.path.join(found.stdout.strip(), "qemu-system-aarch64"), ""
    return None, "not checked: " + (found.stderr.strip().splitlines() or ["no QEMU %s" % version])[-1]


# Tests of the parts of EL2 that need no machine: test/boot/NAME.c with these sources. Where there is a NAME.h, it stands in for what
# they reach the machine with.
NATIVE = {
    "plan_test": ["arch/arm64/plan.c", "arch/arm64/plan_pci.c", "arch/arm64/fdt.c", "arch/arm64/seed.c", "arch/arm64/root.c", "plat/qemu-virt/devices.c", "core/base/generator.c",
                  "core/base/sha256.c"],
    "registers_test": ["arch/arm64/registers.c"],
    "smmu_test": ["arch/arm64/smmu_" + part + ".c" for part in ("format", "queue", "streams", "own", "events", "start")],
    "its_test": ["arch/arm64/its_" + part + ".c" for part in ("format", "queue", "tables", "commands", "shadow", "start")] + ["arch/arm64/lpi.c"],
    **{name: ["arch/arm64/pci" + part + ".c" for part in ("", "_function", "_given", "_virtio")] for name in ("pci_test", "pci_given_test")},
    "guest_snapshot_test": ["arch/arm64/guest_snapshot.c"],
    "mitigation_test": ["arch/arm64/mitigation.c"],
}
NATIVE_FLAGS = ["-std=gnu11", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def is_as_in(tree, other, depends):
    """Whether what the compiler has read in a tree, by its own account, is the same in another."""
    with open(depends, encoding="utf-8") as file:
        read = [os.path.relpath(path, tree) for path in file.read().replace("\\\n", " ").split()[1:] if path.startswith(tree + "/")]
    return all(os.path.exists(os.path.join(other, path)) and filecmp.cmp(os.path.join(tree, path), os.path.join(other, path), shallow=False)
               for path in read)


def native_object(name, source, root, base):
    """One source of a test as an object: that of the tree `base`, where all that it is made of is the same there."""
    target = os.path.join("build", "host", "native", name, source.replace("/", "_") + ".o")
    if base is not None and is_as_in(base, root, os.path.join(base, target + ".d")):
        return os.path.join(base, target)
    made = os.path.join(root, target)
    os.makedirs(os.path.dirname(made), exist_ok=True)
    stand_in = os.path.join(ROOT, "test", "boot", name + ".h")
    warnings = ["-Wall", "-Wextra", "-Werror"] if root == ROOT else ["-w"]      # a mutant may well leave something unused
    folders = ["-I" + os.path.join(root, part) for part in ("arch/arm64", "plat/qemu-virt", "include", "core", "attest")]
    quietly(["cc", *(["-include", stand_in] if os.path.exists(stand_in) else []), *NATIVE_FLAGS, *warnings, *folders, "-MMD", "-c", "-o", made,
             "-MF", made + ".d", os.path.join(ROOT if source.startswith("test/") else root, source)])
    return made


def native_command(name, root=ROOT, base=None):
    """One of them for this machine, with the sources below root: it closes with "NAME: ... 0 failures". base: a tree where it was built before."""
    tool = os.path.join(root, "build", "host", name)
    objects = [native_object(name, source, root, base) for source in ["test/boot/%s.c" % name, *NATIVE[name]]]
    quietly(["cc", *NATIVE_FLAGS, "-o", tool, *objects])
    return [tool]


def problems(case, log, status):
    """What is wrong with a log: nothing, when the case has passed."""
    if status is None:
        yield "not done after %d s" % case.seconds
    elif status != case.status:
        yield "exit status %d" % status
    for pattern in case.want:
        if re.search(pattern, log, re.M) is None:
            yield "missing: " + pattern
    for pattern in case.never:
        found = re.search(".*" + pattern + ".*", log)
        if found is not None:
            yield "there is: " + found.group(0).strip()
    if case.check is not None:
        yield from case.check(log)


def run(case, command_of):
    path = os.path.join(LOGS, case.name + ".log")
    began = time.monotonic()
    with open(path, "wb") as out:
        try:
            command = command_of(case)
        except subprocess.CalledProcessError as error:
            print("FAIL %-24s cannot be made ready: %s" % (case.name, error), flush=True)
            return False
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            status = process.wait(case.seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = None
    with open(path, errors="replace") as file:
        log = file.read().replace("\r", "")
    wrong = list(problems(case, log, status))
    print("%-4s %-24s %5.1f s%s" % ("ok" if not wrong else "FAIL", case.name, time.monotonic() - began,
                                    "" if not wrong else "  " + "; ".join(wrong) + "; log: " + os.path.relpath(path)),
          flush=True)
    if not wrong:
        os.remove(path)
    return not wrong


def run_all(doc, cases, prepare, command_of, run_one=run):
    """The whole of a script: arguments choose cases by words in their names. Returns the exit status."""
    if "--help" in sys.argv[1:] or "-h" in sys.argv[1:]:
        print(doc)
        return 0
    os.makedirs(LOGS, exist_ok=True)
    wanted = [c for c in cases if not sys.argv[1:] or any(word in c.name for word in sys.argv[1:])]
    if not wanted:
        print("no case has such a name; they are: " + " ".join(c.name for c in cases), file=sys.stderr)
        return 2
    prepare()
    passed = sum(run_one(case, command_of) for case in wanted)
    print("%d passed, %d failed" % (passed, len(wanted) - passed))
    return 0 if passed == len(wanted) else 1
