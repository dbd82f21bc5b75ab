#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""EL2 broken in named ways, in what the simulated machine does not have: the attacks on guests have to notice each.

    test/guest/mutants.py [--list] [NAME...]    all mutants; with names, these

Those of group "entry" concern what no attempt shows: test/boot/mitigations.py looks at the image and at the boot's line.

Each mutant is one edit in a copy of the sources, built to an image of its own below build/el2-mutants and booted with one
group of the attempts of test/guest/attack.py. It is noticed when the boot does not end as it must: a breach, a host that
falls, a panic, or nothing more. Group "plan" is no boot but test/boot/plan_test.c: what needs no machine to be looked at.
First the group passes on the sources as they are. Closes with "N passed, N failed".
"""
import collections
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import attack  # pylint: disable=wrong-import-position
from attack import BUILD, KERNEL, ROOT, quietly, script  # pylint: disable=wrong-import-position
from qemu_cases import plan_command  # pylint: disable=wrong-import-position

OUT = os.path.join(ROOT, "build", "el2-mutants")
SECONDS = 100         # for a boot of the sources as they are; a mutant gets twice what that took
GOOD = r"hostile: \d+ kinds of attempt, \d+ tries, \d+ refused, 0 breaches, 0 kinds failed, 0 not tried(?s:.*)test: unloaded(?s:.*)test: done"

# In `file` the text `old`, which stands there exactly once, becomes `new`; `group` of attempts notices it on `cpu` with `smp` CPUs.
M = collections.namedtuple("M", "name file what old new group cpu smp", defaults=("registers", "neoverse-n1", 1))

MUTANTS = [
    M("vectors-not-zeroed", "arch/arm64/guest_entry.S", "V0 .. V31 of the guest are left to the host",
      "    movi    v\\n\\().2d, #0\n", ""),
    M("fpcr-not-cleared", "arch/arm64/guest_entry.S", "the guest's FPCR is left to the host", "    msr     fpcr, xzr\n", ""),
    M("tpidr-not-switched", "arch/arm64/guest_entry.S", "the host finds another's TPIDRRO_EL0",
      "\\operation 128, tpidrro_el0, sp_el0", "\\operation 128, tpidr_el0, sp_el0"),
    M("tpidr-el1-not-switched", "arch/arm64/guest_entry.S", "the host goes on with the guest's TPIDR_EL1",
      "\\operation 112, tpidr_el1, tpidr_el0", "\\operation 112, tpidr_el0, tpidr_el0"),
    M("mdscr-not-switched", "arch/arm64/guest_entry.S", "debug exceptions of the host's go on in the guest",
      "\\operation 160, spsr_el1, mdscr_el1", "\\operation 160, spsr_el1, spsr_el1"),
    M("pstate-not-saved", "arch/arm64/guest_entry.S", "a guest goes on with the PSTATE that it began with",
      "    stp     x2, x3, [x0, #VCPU_PC]\n", "    str     x2, [x0, #VCPU_PC]\n", "interrupts"),
    M("cntvoff-left", "arch/arm64/guest_gic.c", "the host's virtual counter goes on with the guest's offset",
      "    sysreg_write(cntvoff_el2, 0);\n", ""),
    M("cntv-cval-left", "arch/arm64/guest_gic.c", "the compare value of the guest's timer is left to the host",
      "    sysreg_write(cntv_cval_el0, 0);", "   "),
    M("counting-goes-on", "arch/arm64/guest.c", "the host's counters count what the guest does",
      "    sysreg_write(pmcr_el0, cpu->pmcr & ~UINT64_C(1));\n", ""),
    M("debug-does-not-trap", "arch/arm64/cpu.c", "the guest reads and writes the host's breakpoints",
      "mdcr | MDCR_GUEST_TRAPS |", "mdcr |"),
    M("claim-not-checked", "core/vcpu.c", "two CPUs run one vCPU at once",
      "if (arch_load_acquire16(&u->claimed) != 0)", "if (false)", "answers", "neoverse-n1", 2),
    M("zeroing-skipped", "arch/arm64/steps.c", "frames change hands with what is in them", "EACH_LINE(\"dc zva\"", "if (n > 512) EACH_LINE(\"dc zva\"",
      "grants"),
    M("loop-of-one", "arch/arm64/step.h", "the loop on entry has one turn", "    b.ne    771b\n", "", "entry"),
    M("step-not-for-host", "arch/arm64/entry.S", "an entry from the host begins without its step",
      "REGS_SIZE]!\n    \\step\n    stp     x2, x3, [sp, #0x10]\n    mrs     x1, esr_el2\n    lsr",
      "REGS_SIZE]!\n    stp     x2, x3, [sp, #0x10]\n    mrs     x1, esr_el2\n    lsr", "entry"),
    M("step-not-for-guests", "arch/arm64/guest_entry.S", "an entry from a guest begins without its step",
      "[sp, #-16]!\n    \\step\n", "[sp, #-16]!\n", "entry"),
    M("step-not-taken", "arch/arm64/predict.c", "every CPU takes the vectors without a step",
      "cpu->host_vectors = (uint64_t)sets[STEP_TAKEN(cpu->mitigation)].host;", "cpu->host_vectors = (uint64_t)sets[STEP_NONE].host;", "entry"),
    M("step-not-taken-for-guests", "arch/arm64/predict.c", "guests come in through the vectors without a step",
      "cpu->guest_vectors = (uint64_t)sets[STEP_TAKEN(cpu->mitigation)].guest;", "cpu->guest_vectors = (uint64_t)sets[STEP_NONE].guest;", "entry"),
    M("part-by-revision", "arch/arm64/mitigation.c", "a CPU is known by one of its revisions alone",
      "#define PART_MASK UINT32_C(0xff00fff0)", "#define PART_MASK UINT32_C(0xff0fffff)", "entry"),
    M("seed-left-to-host", "arch/arm64/seed.c", "the host reads what Cordon's generators began with",
      "seed.data[at] = (uint8_t)(word[at % sizeof word / 8] >> 8 * (at % 8));", ";", "plan"),
    M("seeds-alike", "arch/arm64/seed.c", "the host's two seeds are one, of the same draw",
      "if (at % sizeof word == 0)", "if (at % sizeof word == 0 && i == 0)", "plan"),
    M("seed-not-mixed", "arch/arm64/seed.c", "the loader's seeds do not count", "    generator_mix(g, data);\n", "    (void)g;\n", "plan"),
    M("seed-of-zeros", "arch/arm64/seed.c", "a seed of zeros is worth as much as another", "bytes += any ? size : 0;", "bytes += size;",
      "plan"),
]


class Stale(Exception):
    """A mutant's text is not in the sources as it should be."""


def copy_sources(folder):
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("core", "arch", "plat", "include", os.path.join("scripts", "host")):
        shutil.copytree(os.path.join(ROOT, part), os.path.join(folder, part))
    shutil.copy(os.path.join(ROOT, "meson.build"), folder)
    os.makedirs(os.path.join(folder, "build"))


def apply(mutant, folder):
    path = os.path.join(folder, mutant.file)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(mutant.old) != 1:
        raise Stale("%s: its text stands %d times in %s, not once: %s" % (mutant.name, text.count(mutant.old), mutant.file, mutant.old))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(mutant.old, mutant.new))


def boot(folder, group, cpu, smp, path, seconds=SECONDS):
    """The log of a boot, which is cut short when it has shown enough."""
    command = [os.path.join(folder, "scripts", "host", "run-host"), "CPU=" + cpu, "SMP=%d" % smp, "INITRD=" + attack.INITRD,
               "KERNEL=" + os.path.join(KERNEL, "Image"),
               "APPEND=quiet attack.rounds=500 attack.lives=5 attack.seed=1 attack.only=" + group]
    with open(path, "wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        began = time.monotonic()
        while process.poll() is None and time.monotonic() - began < seconds:
            time.sleep(0.2)
            with open(path, errors="replace") as file:
                if re.search(r"BREACH|Kernel panic|Cordon stops", file.read()):     # that is enough
                    break
        process.kill()
        process.wait()
    with open(path, errors="replace") as file:
        return file.read().replace("\r", "")


def verdict(log):
    """How a log shows that something is broken, or None."""
    if re.search(GOOD, log) and "BREACH" not in log:
        return None
    for pattern in (r"hostile: .*BREACH", r"Kernel panic.*", r"Cordon panic.*", r"Unable to handle.*"):
        found = re.search(pattern, log)
        if found:
            return re.sub(" +", " ", found.group(0))
    return "no closing line"


def plan_verdict(folder):
    """The same for what test/boot/plan_test.c looks at."""
    result = subprocess.run(plan_command(folder), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    lines = result.stdout.decode(errors="replace").splitlines() or ["no closing line"]
    return None if result.returncode == 0 and lines[-1] == "plan_test: 0 failures" else lines[0]


def how_broken(folder, group, cpu, smp, path, seconds=SECONDS):
    """How what was built in a folder shows that it is broken, or None."""
    if group == "plan":
        return plan_verdict(folder)
    if group != "entry":
        return verdict(boot(folder, group, cpu, smp, path, seconds))
    done = subprocess.run([os.path.join(ROOT, "test", "boot", "mitigations.py"), "--tree", folder], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return None if done.returncode == 0 else " ".join(done.stdout[done.stdout.find("FAIL"):].split())[:100]


def try_mutant(mutant, seconds):
    folder = os.path.join(OUT, mutant.name)
    copy_sources(folder)
    apply(mutant, folder)
    if mutant.group != "plan":
        quietly([os.path.join(folder, "scripts", "host", "build-el2")])
    how = how_broken(folder, mutant.group, mutant.cpu, mutant.smp, os.path.join(OUT, mutant.name + ".log"), seconds)
    shutil.rmtree(folder)
    return how


def check(mutants):
    """The mutants apply, and their groups pass on the sources as they are: how long that takes at most, 0 when it is not so."""
    stale = []
    longest = 0.0
    folder = os.path.join(OUT, "base")
    copy_sources(folder)
    for mutant in mutants:
        copy = os.path.join(folder, mutant.file)
        try:
            apply(mutant, folder)
        except Stale as error:
            stale.append(str(error))
        shutil.copy(os.path.join(ROOT, mutant.file), copy)
    if stale:
        print("bring test/guest/mutants.py up to date:\n" + "\n".join(stale), file=sys.stderr)
        return 0
    quietly([os.path.join(folder, "scripts", "host", "build-el2")])
    for group, cpu, smp in sorted({(m.group, m.cpu, m.smp) for m in mutants}):
        began = time.monotonic()
        how = how_broken(folder, group, cpu, smp, os.path.join(OUT, "base.log"))
        longest = max(longest, time.monotonic() - began)
        if how:
            print("the attempts fail on EL2 as it is (%s): %s; log: build/el2-mutants/base.log" % (group, how), file=sys.stderr)
            return 0
    return longest


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__)
        return 0
    unknown = set(names) - {m.name for m in MUTANTS}
    if unknown:
        print("no such mutant: " + ", ".join(sorted(unknown)), file=sys.stderr)
        return 2
    chosen = [m for m in MUTANTS if not names or m.name in names]
    if "--list" in sys.argv:
        for mutant in chosen:
            print("%-24s %-28s %s" % (mutant.name, mutant.file, mutant.what))
        return 0
    os.makedirs(OUT, exist_ok=True)
    for name in ("fetch", "build-module"):
        quietly(script(name))
    attack.make_initrd()
    seconds = 2 * check(chosen) + 5
    if seconds <= 5:
        return 2
    alive = 0
    for mutant in chosen:
        began = time.monotonic()
        how = try_mutant(mutant, seconds)
        print("%-24s %s (%.1f s)" % (mutant.name, how or "SURVIVES: " + mutant.what, time.monotonic() - began), flush=True)
        alive += how is None
    print("%d passed, %d failed" % (len(chosen) - alive, alive))
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
