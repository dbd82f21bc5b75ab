#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A test of the proofs: functions that are proved, broken in named ways. Each has to cost a goal of its proof.

usage: mutants.py [NAME...]      only the mutants of those names

Each works on a copy of what the provers read, with one edit, and asks scripts/prove for that function. What counts is a goal of the function that the
mutant names; a copy that is no C any more, or an annotation that has lost its place, would fail as well, and tells nothing. First the same
functions as they are are proved in as many steps, so that a goal which just takes long is no catch. Closes with `N passed, N failed`.
"""
import collections
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import weave  # pylint: disable=wrong-import-position

OUT = os.path.join(ROOT, "build", "proof-mutants")
STEPS = "500000"        # of the prover for one goal: a false one is tried until then. Not seconds: a busy machine makes the same steps
READ = ("core", "proof", "include", "scripts")
NOT_CHECKED = 77

# what: in words; part: of scripts/prove; goal: the property that must not be provable any more, as the tool calls it
Mutant = collections.namedtuple("Mutant", "name file function part what old new goal")

MUTANTS = [
    Mutant("leave-shared", "memory/frame.h", "frame_can_leave_host", "frame.h", "a frame that somebody shares is given away",
           "f.count == 0", "f.count <= 1", "ensures"),
    Mutant("assign-other-gfn", "memory/frame.h", "frame_can_assign", "frame.h", "a VM has a frame at two guest addresses",
           "frame_gfn(f) == gfn", "true", "ensures"),
    Mutant("map-ungranted", "memory/frame.h", "frame_host_may_map", "frame.h", "the host maps a VM's frame that nobody granted",
           "f.count > 0", "f.count >= 0", "ensures"),
    Mutant("grant-past-most", "memory/share.h", "memory_grant", "grants", "a flipped bound: one grant more than there may be",
           "f->count >= CORDON_SHARE_MAX", "f->count > CORDON_SHARE_MAX", "loop_invariant|ensures"),
    Mutant("grant-anybodys", "memory/share.h", "memory_grant", "grants", "a wrong owner: frames of any VM are granted",
           "f->holder != vm", "f->holder == 0", "loop_invariant|ensures"),
    Mutant("revoke-keeps-mapping", "memory/share.h", "memory_revoke", "grants", "a skipped unmap: the host keeps a page whose last grant is gone",
           "if (f->count == 0 && leaf != 0 && s2_clear_page(c, leaf, offset + i))", "if (f->count == 0 && leaf == 0 && s2_clear_page(c, leaf, offset + i))",
           "loop_invariant|requires|ensures"),
    Mutant("revoke-owes-nothing", "memory/share.h", "memory_revoke", "grants", "an entry goes and no TLB is told",
           "dropped = true;", "dropped = false;", "loop_invariant|ensures"),
    Mutant("count-dropped", "memory/memory.h", "taken_sub", "memory", "a dropped count: a section keeps counting what is the host's again",
           "s.section->taken - n", "s.section->taken", "ensures"),
    Mutant("clear-not-pending", "memory/clear.h", "owned_by", "clear", "a wrong owner: what a VM has through a device stays its when all is cleared",
           "f.holder == HOLDER_PENDING + vm", "f.holder == HOLDER_PENDING", "ensures"),
    Mutant("clear-counts-all", "memory/clear.c", "clear_progress", "clears", "a count that does not add up: others' frames count as cleared",
           ".changed = frames", ".changed = n", "ensures"),
    Mutant("set-one-less", "memory/memory.h", "set_holder", "memory", "the last record of a run keeps its holder",
           "i < n; i++", "i + 1 < n; i++", "ensures"),
    Mutant("pool-free", "memory/pool.c", "pool_put", "pool", "a table comes back and is not counted",
           "push(c, p, row);", "", "ensures"),
    Mutant("vm-any-generation", "base/vm.h", "vm_enter", "vm.h", "a handle outlives its VM",
           "vm.generation == 0 || vm.generation == v->vm->generation", "true", "ensures"),
    Mutant("vm-none", "base/vm.h", "vm_is_id", "vm.h", "a flipped bound: an id beyond the last",
           "vm.v <= c->vms", "vm.v <= c->vms + 1", "ensures"),
    Mutant("range-one-more", "memory/range.h", "in_range", "share", "a flipped bound: a range ends a page behind the last",
           "num <= limit - first", "num <= limit - first + 1", "ensures"),
    Mutant("walk-wrong-frame", "memory/stage2.h", "s2_frame", "stage2.h", "the frame behind an entry is its neighbour",
           "desc_pfn(p.entry)", "(desc_pfn(p.entry) + 1)", "ensures"),
    Mutant("device-overlaps", "base/region.c", "region_is_device", "region", "a page of RAM counts as a device's",
           "if (overlap(first, n, c->span[i].first * 512, c->span[i].count * 512))", "if (overlap(first, n, c->span[i].first * 512, 1))",
           "loop_invariant|ensures"),
]


def copy_of(name):
    """What the provers read, in a folder of its own."""
    folder = os.path.join(OUT, name)
    shutil.rmtree(folder, ignore_errors=True)
    for one in READ:
        shutil.copytree(os.path.join(ROOT, one), os.path.join(folder, one))
    return folder


def broken(mutant):
    """A copy with the edit, which must fit once in the function."""
    folder = copy_of(mutant.name)
    path = os.path.join(folder, "core", mutant.file)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    spans = [(start, end) for name, _, start, end in weave.functions(text) if name == mutant.function]
    if len(spans) != 1 or text.count(mutant.old, *spans[0]) != 1:
        sys.exit(f"test/proofs/mutants.py: {mutant.name}: bring it up to date: not once in {mutant.function}(): {mutant.old}")
    start, end = spans[0]
    with open(path, "w", encoding="utf-8") as file:
        file.write(text[:start] + text[start:end].replace(mutant.old, mutant.new) + text[end:])
    return folder


def proved(folder, functions, part):
    """Whether the functions are; what is printed of it."""
    done = subprocess.run([os.path.join(folder, "scripts", "prove"), "--function", functions, "--steps", STEPS, part], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


def as_they_are(chosen):
    """The names of parts whose functions are not proved without any edit: a mutant of them would tell nothing."""
    folder = copy_of("none")
    for part in sorted({m.part for m in chosen}):
        functions = sorted({m.function for m in chosen if m.part == part})
        status, text = proved(folder, ",".join(functions), part)
        if status == NOT_CHECKED:
            print(text.strip().splitlines()[-1])
            sys.exit(NOT_CHECKED)
        if status != 0:
            print(text)
            sys.exit(f"test/proofs/mutants.py: {part}: not proved as it is, each goal in {STEPS} steps")
        print(f"as it is: {part}: {', '.join(functions)}: {re.search('[0-9]+ / [0-9]+ goals', text).group(0)}", flush=True)


def catch(mutant):
    """The goals that the mutant costs, of those that it has to cost; nothing if it costs none of them, or is no C any more."""
    status, text = proved(broken(mutant), mutant.function, mutant.part)
    goals = re.findall(rf"^ +(typed_\w*{mutant.function}_(?:loop_invariant|{mutant.goal})\w*)$", text, re.M)
    goals = [g for g in goals if re.search(mutant.goal, g)]
    if status != 1 or not goals:
        print(text)
    return goals if status == 1 else []


def main():
    if "-h" in sys.argv or "--help" in sys.argv:
        print(__doc__)
        return 0
    unknown = [name for name in sys.argv[1:] if name not in {m.name for m in MUTANTS}]
    if unknown:
        print(f"test/proofs/mutants.py: {unknown[0]}: no such mutant; they are {', '.join(m.name for m in MUTANTS)}", file=sys.stderr)
        return 2
    chosen = [m for m in MUTANTS if m.name in sys.argv[1:] or len(sys.argv) == 1]
    as_they_are(chosen)
    survive = 0
    for mutant in chosen:
        goals = catch(mutant)
        survive += not goals
        print(f"{'ok  ' if goals else 'FAIL'} {mutant.name}: {mutant.what}: " + (f"costs {goals[0]}" if goals else "costs no goal"), flush=True)
        shutil.rmtree(os.path.join(OUT, mutant.name))
    print(f"{len(chosen) - survive} passed, {survive} failed")
    return 1 if survive else 0


if __name__ == "__main__":
    sys.exit(main())
