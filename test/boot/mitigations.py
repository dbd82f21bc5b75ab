#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The standing mitigations against trained predictions: what is chosen, what the image has, what a boot takes.

    test/boot/mitigations.py                the whole suite; closes with "N passed, N failed"
    test/boot/mitigations.py --tree DIR     only what concerns the image that was built in another tree: test/guest/mutants.py

Checked: the plan for CPUs that nobody here has; that docs/MITIGATIONS.md has the plan's table; that each vector of the built image
begins with the step of its set before any branch that leaves it, and that the image has no indirect branch but returns; which
vectors a boot takes on QEMU's models, also above a firmware of our own (firmware.S); and that scripts/style notices every
arch_index() that is left out.
"""
import importlib.machinery
import importlib.util
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import run as boots  # pylint: disable=wrong-import-position
from run import ROOT, native_command, quietly, script  # pylint: disable=wrong-import-position

OUT = os.path.join(ROOT, "build", "mitigations")
ARCH = os.path.join(ROOT, "arch", "arm64")
EL2 = os.path.join(ROOT, "build", "el2")
SECONDS = 60

# What stands behind the first instruction of a vector, which puts x0 and x1 on the stack: opcodes are exact, and few.
MRS_TPIDR, LDR_ARGUMENT = 0xd53cd040, 0xf9400800
STEPS = {
    "": [],
    "_loop": [MRS_TPIDR, LDR_ARGUMENT, 0x14000001, 0xf1000400, 0x54ffffc1, 0xd503379f, 0xd5033fdf],
    "_clear": [0xd50322df, 0xd5033fdf],
    "_firmware": [0xa9bf0fe2, MRS_TPIDR, LDR_ARGUMENT, 0xd4000003, 0xa8c10fe2],
}
SAVES = {"vectors": 0xa9b007e0, "guest_vectors": 0xa9bf07e0}
ENTRIES = {"vectors": [0x400, 0x600], "guest_vectors": list(range(0x400, 0x800, 0x80))}

# CPU, what the boot's line must say
NEOVERSE_N1 = ("neoverse-n1", r"on entry a loop of 24 branches; branch targets: not affected, history: closed, store bypass: closed")
BOOTS = [
    ("cortex-a53", r"on entry nothing; branch targets: not affected, history: not affected, store bypass: not affected"),
    ("cortex-a72", r"on entry a loop of 8 branches; branch targets: open, history: closed, store bypass: open"),
    NEOVERSE_N1,
    # Nobody's part number: QEMU older than 9 says CSV2 alone, a later one CSV2.3.
    ("max,pauth-impdef=on", r"on entry (a loop of 132 branches \(a guess: no list has this CPU\)|nothing); branch targets: not affected"),
]

passed = failed = 0


def check(name, wrong):
    global passed, failed
    print("%-4s %s%s" % ("FAIL" if wrong else "ok", name, "".join("\n     " + w for w in wrong[:10])), flush=True)
    failed += bool(wrong)
    passed += not wrong


# ---- the plan ----

def plan():
    done = subprocess.run(native_command("mitigation_test"), stdout=subprocess.PIPE, text=True, check=False)
    return [] if done.returncode == 0 and done.stdout.endswith("0 failures\n") else done.stdout.splitlines()


def table_of_the_code():
    with open(os.path.join(ARCH, "mitigation.c"), encoding="utf-8") as file:
        text = file.read()
    name = dict(re.findall(r"#define (\w+) (0x\w\w)\n", text))
    longest = re.search(r"#define LONGEST_LOOP (\d+)", text).group(1)
    for maker, number, turns, flags, part in re.findall(r"\{ PART\((\w+), (0x\w+)\), (\w+), ([\w |]+) \}, +/\* ([^:*]+?)(?::[^*]*)? \*/", text):
        flags = flags.replace("IN_ORDER", "NO_TARGETS | NO_HISTORY | NO_BYPASS")
        turns = {"LONGEST_LOOP": longest}.get(turns, turns)
        yield part, "%s %s" % (name[maker], number), turns, flags


def documented():
    """The rows of docs/MITIGATIONS.md, as the code has them."""
    with open(os.path.join(ROOT, "docs", "MITIGATIONS.md"), encoding="utf-8") as file:
        text = file.read()
    wrong = []
    rows = list(table_of_the_code())
    for part, number, turns, flags in rows:
        not_affected = [what for flag, what in (("TARGETS", "targets"), ("HISTORY", "history"), ("BYPASS", "bypass")) if "NO_" + flag in flags]
        how = "history" if "NO_HISTORY" in flags else "firmware" if turns == "0" else turns + (", a guess" if "GUESS" in flags else "")
        row = "| %s | %s | %s | %s |" % (part, number, "none" if how == "history" else how, ", ".join(not_affected))
        if row not in text:
            wrong.append("docs/MITIGATIONS.md has no row " + row)
    return wrong if rows else ["no table is found in mitigation.c"]


# ---- the image ----

def opcodes(elf):
    text = subprocess.run(["aarch64-linux-gnu-objdump", "-d", elf], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {int(at, 16): (int(word, 16), rest) for at, word, rest in re.findall(r"^ *([0-9a-f]+):\s+([0-9a-f]{8})\s+(.*)$", text, re.M)}


def addresses(elf):
    text = subprocess.run(["aarch64-linux-gnu-nm", elf], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {name: int(at, 16) for at, name in re.findall(r"^([0-9a-f]+) \w (\w+)$", text, re.M)}


def vectors(elf):
    code, symbol = opcodes(elf), addresses(elf)
    for base, entries in ENTRIES.items():
        for suffix, step in STEPS.items():
            at = symbol.get(base + suffix)
            if at is None or at % 0x800:
                yield "there is no %s, or it is not aligned" % (base + suffix)
                continue
            for entry in entries:
                want = [SAVES[base]] + step
                there = [code.get(at + entry + 4 * i, (0,))[0] for i in range(len(want))]
                if there != want:
                    yield "%s+0x%x: %s, not %s" % (base + suffix, entry, " ".join("%08x" % w for w in there), " ".join("%08x" % w for w in want))
    for at, (word, rest) in code.items():
        if re.match(r"(br|blr|braa|blraa)\w*\s", rest):
            yield "%x: %08x: an indirect branch" % (at, word)


# ---- boots ----

def boot(cpu, el2=EL2):
    """What Cordon says, with a host that has nothing to run: it ends by itself."""
    image = boots.loader(boots.made_up_image(0, 4096, 10))
    command = boots.qemu("512M", "-kernel", os.path.join(el2, "cordon.bin"), "-device", image)
    command[command.index("-cpu") + 1] = cpu
    return ended(command)


def ended(command):
    """What a machine says until it ends, or until it takes too long."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
                              check=False).stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as stopped:
        return (stopped.stdout or b"").decode(errors="replace")


def assemble(name, base):
    """test/boot/NAME.S as the bytes that a loader puts at an address."""
    out = os.path.join(OUT, name)
    quietly(["aarch64-linux-gnu-gcc", "-nostdlib", "-static", "-Wl,-Ttext=0x%x,--build-id=none" % base, "-Wl,--no-warn-rwx-segments",
             "-o", out + ".elf", os.path.join(ROOT, "test", "boot", name + ".S")])
    quietly(["aarch64-linux-gnu-objcopy", "-O", "binary", out + ".elf", out + ".bin"])
    return out + ".bin"


# What the host was answered: three workarounds that are there, one that is none, three calls, and one of Cordon's that is none,
# with no register changed. Then what the firmware counted: the calls of each, and what the second was last told.
ASKED = r"^0{8} 0{8} 0{8} f{8} 0{8} 0{8} 0{8} f{8} 0{8} firmware: calls 00000001 00000001 %s 0{8} 00000001 $"
FIRMWARES = [
    ("cortex-a72", r"on entry the firmware's call 0x80003fff; branch targets: closed, history: closed, store bypass: closed",
     "000000(0[b-f]|1.)"),          # each entry, and the host's own
    ("neoverse-n1", NEOVERSE_N1[1], "00000001"),
]


def check_firmware(cpu, line, third):
    """With a firmware at EL3 that has the workarounds."""
    command = ["qemu-system-aarch64", "-M", "virt,secure=on,virtualization=on,gic-version=3", "-cpu", cpu, "-m", "512M", "-nographic",
               "-nic", "none", "-no-reboot", "-semihosting-config", "enable=on,target=native", "-bios", assemble("firmware", 0),
               "-device", "loader,file=%s,addr=0x40200000,force-raw=on" % os.path.join(EL2, "cordon.bin"),
               "-device", boots.loader(assemble("firmware_host", 0x42000000))]
    log = ended(command).replace("\r", "")
    check("a firmware with workarounds, " + cpu, [] if re.search(line, log) and re.search(ASKED % third, log, re.M) else log.splitlines()[:8])


def check_boot(cpu, line, el2=EL2):
    log = boot(cpu, el2)
    check("boot on " + cpu, [] if re.search(line, log) else log.splitlines()[:6] + ["missing: " + line])


# ---- the helper, left out ----

def style():
    path = os.path.join(ROOT, "scripts", "style")
    spec = importlib.util.spec_from_loader("style", importlib.machinery.SourceFileLoader("style", path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call_at(text, at):
    """The first argument of the call that begins there, and where the call ends."""
    begin = depth = 0
    for i in range(text.index("(", at), len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if text[i] == "," and depth == 1 and not begin:
            begin = i
        if depth == 0:
            return text[text.index("(", at) + 1:begin], i + 1
    raise ValueError("a call without an end")


def left_out():
    """Each use of arch_index() taken away, one at a time: the rule must see it."""
    copy = os.path.join(OUT, "left-out")
    shutil.rmtree(copy, ignore_errors=True)
    for part in ("core", os.path.join("arch", "arm64")):
        shutil.copytree(os.path.join(ROOT, part), os.path.join(copy, part))
    raw_indices = style().raw_indices
    wrong, tried = ["the rule breaks as it is: " + b for b in raw_indices(copy)], 0
    for folder, _, names in os.walk(copy):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for found in re.finditer(r"(?<!uint64_t )arch_index\(", text):
                index, end = call_at(text, found.start())
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text[:found.start()] + index + text[end:])
                tried += 1
                if not list(raw_indices(copy)):
                    wrong.append("%s: %s goes unseen" % (os.path.relpath(path, copy), text[found.start():end]))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    shutil.rmtree(copy)
    return wrong if tried > 15 else wrong + ["only %d uses are found" % tried]


def main():
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__)
        return 0
    if sys.argv[1:2] == ["--tree"]:
        el2 = os.path.join(sys.argv[2], "build", "el2")
        check("vectors of the image", list(vectors(os.path.join(el2, "cordon.elf"))))
        check_boot(*NEOVERSE_N1, el2)
        return 1 if failed else 0
    os.makedirs(OUT, exist_ok=True)
    quietly(script("build-el2"))
    check("plan", plan())
    check("table in docs/MITIGATIONS.md", documented())
    check("vectors of the image", list(vectors(os.path.join(EL2, "cordon.elf"))))
    for cpu, line in BOOTS:
        check_boot(cpu, line)
    for case in FIRMWARES:
        check_firmware(*case)
    check("each arch_index() that is left out is noticed", left_out())
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
