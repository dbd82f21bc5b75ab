#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The built image, instruction by instruction: what it writes of EL2's registers, and where it uses vector registers.

    test/boot/image.py [cordon.elf]

* Each control register of arch/arm64/registers.def is written when a CPU is set up.
* No other register of EL2's is, but those named here: none that nobody has thought about.
* Each list register that a GIC can have is written, as the boot empties them.
* Vector registers are used in three functions alone: elsewhere a host's mode (SVE, streaming) could be in the way.
Closes with "image: N checks, N failures".
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import register_table  # pylint: disable=wrong-import-position

# What a CPU, a VM or a vCPU has there, and where EL2 itself goes on: it gives EL1 no access to anything.
STATE = """vttbr vtcr vpidr vmpidr cntvoff elr spsr tpidr vbar sctlr mair tcr ttbr0 vdisr ich_vmcr
           ich_ap0r0 ich_ap0r1 ich_ap0r2 ich_ap0r3 ich_ap1r0 ich_ap1r1 ich_ap1r2 ich_ap1r3""".split()
LISTS = ["ich_lr%d" % n for n in range(16)]
VECTORS = {"vectors_load", "vectors_save", "sha256_instructions"}

failures = checks = 0


def check(claim, text):
    global failures, checks
    checks += 1
    if not claim:
        failures += 1
        print(text)


def names():
    """How the disassembler may call a register: by its encoding or its name."""
    with open(os.path.join(ROOT, "arch", "arm64", "sysreg.h"), encoding="utf-8") as file:
        return {code.lower(): name.lower() for name, code in re.findall(r"^#define (\w+) (S\d_\d_C\d+_C\d+_\d)$", file.read(), re.M)}


def main():
    elf = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build", "el2", "cordon.elf")
    text = subprocess.run(["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", elf], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    known = names()
    written, function = {}, ""
    for line in text.splitlines():
        begins = re.match(r"^[0-9a-f]+ <([^>]+)>:$", line)
        if begins:
            function = begins.group(1)
            continue
        found = re.match(r"^\s*[0-9a-f]+:\s+(\S+)\s*(.*)$", line)
        if not found:
            continue
        if found.group(1) == "msr":
            name = found.group(2).split(",")[0].strip().lower()
            written.setdefault(known.get(name, name), set()).add(function)
        elif re.search(r"(?<![\w.])([vqdsbh]\d+\.\d*[bhsdq]|q\d+)\b", found.group(2)) or re.search(r"\bfp[cs]r\b", found.group(2)):
            check(function in VECTORS, "%s uses vector registers: %s %s" % (function, found.group(1), found.group(2)))
    el2 = {name[:-4]: where for name, where in written.items() if name.endswith("_el2")}
    controls = [c.name.lower() for c in register_table.read()["CONTROL"]]
    for name in controls:
        check(any(f.split(".")[0] == "controls_write" for f in el2.get(name, ())), "%s_el2 is not written as a CPU is set up" % name)
    for name in LISTS:
        check(name in el2, "%s_el2 is written nowhere" % name)
    for name, where in el2.items():
        check(name in controls + LISTS + STATE, "%s_el2 is written in %s, and is in no list" % (name, ", ".join(sorted(where))))
    for name, where in written.items():
        check(not re.match(r"s[23]_[4567]_", name), "%s is written in %s" % (name, ", ".join(sorted(where))))
    print("image: %d checks, %d failures" % (checks, failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
