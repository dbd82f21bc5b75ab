#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""EL2 broken in named ways, in what the simulated machine does not have: the attacks on guests have to notice each.

    test/guest/mutants.py [NAME...]         all mutants but most of those that devices notice; with names, these
    test/guest/mutants.py --all             these too: a boot with devices takes a minute and more
    test/guest/mutants.py --some 60         so many of them, others each time

Those of group "entry" concern what no attempt shows: test/boot/mitigations.py looks at the image and at the boot's line. Those of
group "order" leave out what orders memory: the image does not keep a rule of test/litmus any more. Those of group "root" leave secrets
behind: test/attest/root.py looks through the machine's memory.

Each mutant is one edit in a copy of the sources, built to an image of its own below build/el2-mutants and booted with one
group of the attempts of test/guest/attack.py, or with the sweep of test/registers. It is noticed when the boot does not end as it
must: a breach, a host that falls, a panic, or nothing more. What QEMU's CPUs do not have is looked at without a boot: the plan of
control registers by its native test, the image by what is in it. First each of these passes on the sources as they are. Closes with
"N passed, N failed".
"""
import argparse
import collections
import filecmp
import functools
import os
import random
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "registers"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dma"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "litmus"))
import order_mutants  # pylint: disable=wrong-import-position
import devices  # pylint: disable=wrong-import-position
import sweep  # pylint: disable=wrong-import-position
import smmu_mutants  # pylint: disable=wrong-import-position
import attack  # pylint: disable=wrong-import-position
from attack import BUILD, KERNEL, ROOT, quietly, script  # pylint: disable=wrong-import-position
from qemu_cases import NATIVE, native_command, qemu_of  # pylint: disable=wrong-import-position

OUT = os.path.join(ROOT, "build", "el2-mutants")
BASE = os.path.join(OUT, "base")        # the sources as they are
SECONDS = 100         # for a boot of the sources as they are; a mutant gets twice what that took, and this more:
SLACK = 15
OVER = "Kernel panic|Cordon stops|Unable to handle.*\n"     # nothing that is good comes after that
GOOD_DMA = r"hostile: \d+ kinds of attempt, \d+ tries, \d+ refused, 0 breaches, 0 kinds failed, 0 not tried(?s:.*)test: done"
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
    M("debug-does-not-trap", "arch/arm64/registers.def", "the guest reads and writes the host's breakpoints",
      'BITS(MDCR, 11, 9, "TDRA, TDOSA, TDA", TRAPS, DEBUG)\n', ""),
    M("breakpoints-not-given-back", "arch/arm64/guest_debug.c", "the host finds a guest's breakpoints, and they fire there",
      "    write_breakpoints(cpu->host_breakpoint, cpu->breakpoints);\n", ""),
    M("watchpoints-not-given-back", "arch/arm64/guest_debug.c", "the host finds a guest's watchpoints",
      "    write_watchpoints(cpu->host_watchpoint, cpu->watchpoints);\n", ""),
    M("debug-lock-not-given-back", "arch/arm64/guest_debug.c", "a guest opens the host's OS lock",
      "    sysreg_write(oslar_el1, cpu->host_locked ? 1 : 0);\n", ""),
    M("double-lock-not-given-back", "arch/arm64/guest_debug.c", "a guest opens the host's double lock",
      "    sysreg_write(osdlr_el1, cpu->host_double_lock);\n", ""),
    M("double-lock-kept", "arch/arm64/guest_debug.c", "the host keeps a guest's breakpoints from firing, by the double lock",
      "    sysreg_write(osdlr_el1, 0);\n", ""),
    M("breakpoints-not-exchanged", "arch/arm64/guest_debug.c", "the host's breakpoints fire in a guest that debugs itself",
      "    write_breakpoints(u->arch.breakpoint, cpu->breakpoints);\n    write_watchpoints(u->arch.watchpoint, cpu->watchpoints);\n"
      "    sysreg_write(osdlr_el1, 0);", "    (void)u;\n    sysreg_write(osdlr_el1, 0);"),
    M("guest-does-not-debug", "arch/arm64/guest_debug.h", "a guest's breakpoints never fire, without a word",
      "if ((mdscr & (MDSCR_SS | MDSCR_MDE)) != 0)", "if (mdscr == 1)"),
    M("guest-breakpoints-stay", "arch/arm64/guest_debug.h", "a guest's breakpoints stay on the CPU when it has left", "    if (cpu->debug_loaded)\n",
      "    if (cpu == 0)\n"),
    M("debug-to-el2", "arch/arm64/registers.def", "a guest's breakpoints end in Cordon",
      'BITS(MDCR, 11, 9, "TDRA, TDOSA, TDA", TRAPS, DEBUG)', 'BITS(MDCR, 11, 8, "TDRA, TDOSA, TDA, TDE", TRAPS, DEBUG)'),
    M("hash-in-streaming-mode", "arch/arm64/registers.c", "EL2 hashes with vector instructions where the host may be in streaming mode",
      "&&\n           !registers_has_feature(id, FEATURE_SME)", "", "registers_test"),
    M("restored-at-el2", "arch/arm64/guest_snapshot.c", "a restored guest goes on at EL2", "mode == MODE_EL1H", "mode == MODE_EL1H || mode == 9",
      "guest_snapshot_test"),
    M("restored-in-aarch32", "arch/arm64/guest_snapshot.c", "a return to a state that the CPU may not have stays at EL2", "#define PSTATE_MODE 0x1f",
      "#define PSTATE_MODE 0x0f", "guest_snapshot_test"),
    M("restored-breakpoints", "arch/arm64/guest_snapshot.c", "a restored guest's breakpoints are for other levels, too",
      "debug_breakpoint(value) == value", "debug_breakpoint(value) != ~value", "guest_snapshot_test"),
    M("restored-watchpoints", "arch/arm64/guest_snapshot.c", "a restored guest's watchpoints are for other levels, too",
      "debug_watchpoint(value) == value", "debug_watchpoint(value) != ~value", "guest_snapshot_test"),
    M("restored-mdscr", "arch/arm64/guest_snapshot.c", "a restored guest has what is an external debugger's", "case AT(el1.mdscr):\n", "",
      "guest_snapshot_test"),
    M("restored-vmcr", "arch/arm64/guest_snapshot.c", "bits of the interrupt interface that there are not are restored",
      "(value & ~VMCR_FIELDS) == 0", "true", "guest_snapshot_test"),
    M("words-one-short", "arch/arm64/guest_snapshot.c", "registers change places when they are restored", "    word[i] = value;",
      "    word[i > 176 ? 176 : i ^ 1] = value;", "guest_snapshot_test"),
    M("ordering-does-not-trap", "arch/arm64/registers.def", "the guest has the host's limited ordering regions",
      'BITS(HCR, 35, 35, "TLOR", TRAPS, ORDERING)\n', "", "sweep"),
    M("tpidrro-goes-on", "arch/arm64/guest_entry.S", "each side finds the other's TPIDRRO_EL0",
      "\\operation 128, tpidrro_el0, sp_el0", "\\operation 128, sp_el0, sp_el0", "sweep"),
    M("auxiliary-does-not-trap", "arch/arm64/registers.def", "the host and the guest share ACTLR_EL1",
      'BITS(HCR, 21, 21, "TACR", TRAPS, AUXILIARY)\n', "", "registers_test"),
    M("trace-goes-on", "arch/arm64/registers.def", "the host has a guest traced",
      'BITS(MDCR, 19, 19, "TTRF", TRAPS, TRACE_FILTER)\n', "", "registers_test"),
    M("trace-units-let", "arch/arm64/registers.def", "the host sets up trace units",
      'BITS(CPTR, 20, 20, "TTA", TRAPS, TRACE)\n', "", "registers_test"),
    M("activity-is-told", "arch/arm64/registers.def", "the host reads how active a guest was",
      "GROUP(ACTIVITY, ANSWERED,", "GROUP(ACTIVITY, OWN,", "registers_test"),
    M("partitions-are-told", "arch/arm64/registers.def", "the host puts a guest into a partition of its own, and monitors it",
      'BITS(MPAM2, 49, 48, "TRAPMPAM0EL1, TRAPMPAM1EL1", TRAPS, PARTITIONS)\n', "", "registers_test"),
    M("samples-are-taken", "arch/arm64/registers.def", "the host samples a guest",
      'BITS(MDCR, 14, 14, "TPMS", TRAPS, SAMPLES)\n', "", "registers_test"),
    M("branches-are-told", "arch/arm64/registers.def", "the host has a guest's branches recorded",
      "GROUP(BRANCHES, ANSWERED,", "GROUP(BRANCHES, OWN,", "registers_test"),
    M("interrupt-mode-let", "arch/arm64/registers.def", "a guest leaves the GIC's registers",
      "GROUP(INTERRUPT_MODE, OWN, ANSWERED,", "GROUP(INTERRUPT_MODE, OWN, VIRTUAL,", "registers_test"),
    M("res1-forgotten", "arch/arm64/registers.c", "bits that are 1 where there is no SVE are 0",
      "bits[i].effect == STOPS && !has", "bits[i].effect == STOPS && there && !has", "registers_test"),
    M("list-register-left", "arch/arm64/guest_gic.c", "a guest gets what the firmware has left in a list register",
      " CLEAR(15)\n", "\n", "image"),
    M("control-not-written", "arch/arm64/controls.c", "EL2 goes on with what the firmware has left",
      "    if (plan_has(plan, CONTROL_##name))     \\\n        control_write(plan, side, name);\n", "    (void)side;\n", "image"),
    M("claim-not-checked", "core/guest/run.c", "two CPUs run one vCPU at once",
      "if (arch_load_acquire16(&u->claimed) != 0)", "if (false)", "answers", "neoverse-n1", 2),
    M("keys-alike", "arch/arm64/random.c", "guests on two CPUs draw the same numbers", "        generator_mix(&cpus[i].random, key);\n",
      "        (void)key;\n", "answers", "neoverse-n1", 2),
    M("zeroing-skipped", "arch/arm64/steps.c", "frames change hands with what is in them", "EACH_LINE(\"dc zva\"", "if (n > 512) EACH_LINE(\"dc zva\"",
      "grants"),
    M("no-map-mapped", "arch/arm64/plan.c", "memory that must not be mapped is RAM", "            if (no_map)\n                cut_out(m);\n            else\n", "",
      "plan_test"),
    M("reserved-not-read", "arch/arm64/plan.c", "Cordon's tables lie where /memreserve/ says that something is", "        add_reserved(m);\n    }\n", "    }\n",
      "plan_test"),
    M("disabled-memory-used", "arch/arm64/plan.c", "memory that is out of use is used", "            if (tree_is_okay(f, node))\n                read_memory(reg);",
      "            read_memory(reg);", "plan_test"),
    M("used-memory-allocated", "arch/arm64/plan.c", "Cordon's tables lie over something", "        if (!mem_overlap(m, (struct cordon_mem){ end - size, size }))\n            continue;\n",
      "        if (end > 0)\n            continue;\n", "plan_test"),
    M("lowest-place-taken", "arch/arm64/plan.c", "the highest place is not taken", "        if (base > best)", "        if (base > 0 && (best == 0 || base < best))", "plan_test"),
    M("gap-below-image-shared", "arch/arm64/plan.c", "what is reserved below the image becomes Cordon's", "if (mem_overlap(board.reserved[k], board.core[0]))",
      "if (k > MAX_RESERVED)", "plan_test"),
    M("rest-not-hidden", "arch/arm64/plan.c", "the host reaches what nobody knows", "        if (next > base)\n", "        if (next > base && base > 0)\n", "plan_test"),
    M("piece-of-memory-lost", "arch/arm64/plan.c", "memory on the other side of Cordon's is nobody's", "        for (uint32_t k = 1; k < n; k++) {",
      "        for (uint32_t k = 2; k < n; k++) {", "plan_test"),
    M("core-told-to-host", "arch/arm64/plan.c", "the host's tree has Cordon's memory", "mem_end(low), high.base, mem_end(high), mem_end(m) };",
      "low.base, high.base, mem_end(high), mem_end(m) };", "plan_test"),
    M("stale-reservation-told", "arch/arm64/plan.c", "the host is told of reserved memory that it cannot reach", "&& !is_in_memory(m))", "&& m.size == 0)", "plan_test"),
    M("loop-of-one", "arch/arm64/step.h", "the loop on entry has one turn", "    b.ne    771b\n", "", "entry"),
    M("step-not-for-host", "arch/arm64/entry.S", "an entry from the host begins without its step",
      "REGS_SIZE]!\n    \\step\n    stp     x2, x3, [sp, #0x10]\n    mrs     x1, esr_el2\n    lsr",
      "REGS_SIZE]!\n    stp     x2, x3, [sp, #0x10]\n    mrs     x1, esr_el2\n    lsr", "entry"),
    M("step-not-for-guests", "arch/arm64/guest_entry.S", "an entry from a guest begins without its step",
      "[sp, #-16]!\n    \\step\n", "[sp, #-16]!\n", "entry"),
    M("step-not-taken", "arch/arm64/entry_step.c", "every CPU takes the vectors without a step",
      "cpu->host_vectors = (uint64_t)sets[STEP_TAKEN(cpu->mitigation)].host;", "cpu->host_vectors = (uint64_t)sets[STEP_NONE].host;", "entry"),
    M("step-not-taken-for-guests", "arch/arm64/entry_step.c", "guests come in through the vectors without a step",
      "cpu->guest_vectors = (uint64_t)sets[STEP_TAKEN(cpu->mitigation)].guest;", "cpu->guest_vectors = (uint64_t)sets[STEP_NONE].guest;", "entry"),
    M("part-by-revision", "arch/arm64/mitigation.c", "a CPU is known by one of its revisions alone",
      "#define PART_MASK UINT32_C(0xff00fff0)", "#define PART_MASK UINT32_C(0xff0fffff)", "entry"),
    M("seed-left-to-host", "arch/arm64/seed.c", "the host reads what Cordon's generators began with",
      "seed.data[at] = (uint8_t)(word[at % sizeof word / 8] >> 8 * (at % 8));", ";", "plan_test"),
    M("seeds-alike", "arch/arm64/seed.c", "the host's two seeds are one, of the same draw",
      "if (at % sizeof word == 0)", "if (at % sizeof word == 0 && i == 0)", "plan_test"),
    M("seed-not-mixed", "arch/arm64/seed.c", "the loader's seeds do not count", "    generator_mix(g, data);\n", "    (void)g;\n", "plan_test"),
    M("seed-of-zeros", "arch/arm64/seed.c", "a seed of zeros is worth as much as another", "bytes += any ? size : 0;", "bytes += size;",
      "plan_test"),
    M("root-node-left", "arch/arm64/root.c", "the host's tree has the node of the hand-over", "        fdt_delete_node(f, node);\n", "", "plan_test"),
    M("root-second-taken", "arch/arm64/root.c", "of two hand-overs one is left where it is", " || found > 0)", ")", "plan_test"),
    M("root-of-any-size", "arch/arm64/root.c", "a hand-over may be all of memory", "where->size > ROOT_RANGE_MOST", "where->size == 1", "plan_test"),
    M("root-cut-off", "attest/cbor_size.h", "a string of a hand-over ends behind it", "major <= CBOR_MAP && number > size - at)", "major <= CBOR_MAP && number > UINT32_MAX)", "plan_test"),
    M("root-number-cut-off", "attest/cbor_size.h", "a number of a hand-over ends behind it", "low > 27 || bytes > size - *at", "low > 27", "plan_test"),
    M("root-too-large", "arch/arm64/root.c", "a chain is longer than its place", "n == 0 || n > ROOT_CHAIN_MOST", "n == 0", "plan_test"),
    M("root-half-kept", "arch/arm64/root.c", "what cannot be read leaves secrets behind", "        return true;\n    root_erase((volatile uint8_t *)r, sizeof *r);\n",
      "        return true;\n", "plan_test"),
    M("root-key-not-looked-at", "arch/arm64/root.c", "a secret is taken for another", "data[0] != key || ", "", "plan_test"),
    M("root-not-forgotten", "arch/arm64/scrub.c", "secrets are in memory when the machine is off", "    root_forget();\n    clean_to", "    clean_to", "root"),
    M("streams-bypass", "arch/arm64/smmu_format.c", "devices go past the table", "        entry[1] |= STE_S1_WALKS;\n    }\n",
      "        entry[1] |= STE_S1_WALKS;\n    }\n    entry[0] = STE_VALID | UINT64_C(4) << 1;\n", "dma core", "cortex-a72", 2),
    M("smmu-never-on", "arch/arm64/smmu_start.c", "the SMMU lets through all that it does not translate",
      "!control(s, CR0_CMDQEN | CR0_EVENTQEN | CR0_ATSCHK | CR0_SMMUEN)", "!control(s, CR0_CMDQEN | CR0_EVENTQEN)", "dma core", "cortex-a72", 2),
    M("one-bus-of-streams", "arch/arm64/smmu_streams.c", "a device with another bus number reaches nothing", "i < (r.first + r.count) >> SHARED_BITS; i++)",
      "i < (r.first >> SHARED_BITS) + 1; i++)", "dma setup", "cortex-a72", 2),
    M("smmu-not-told", "arch/arm64/smmu_queue.c", "the SMMU goes on with what it has of the table",
      "good = smmu_command(s, vmid == 0 ? smmu_tlbi_pages(stage2, frame, n) : ", "good = vmid == 0 || smmu_command(s, ",
      "dma lives", "cortex-a72", 2),
    M("smmu-told-of-less", "arch/arm64/smmu_queue.c", "the SMMU forgets the page before the one that it must",
      "smmu_tlbi_pages(stage2, frame, n) :", "smmu_tlbi_pages(stage2, frame - 1, n) :", "dma lives", "cortex-a72", 2),
    M("given-pages-stay", "core/memory/assign.h", "devices reach what a guest was given", "    dma_follow(c, s, offset, n);\n", "",
      "dma lives", "cortex-a72", 2),
    M("donated-frames-stay", "core/memory/memory.c", "devices reach tables and vCPUs", "    dma_follow(c, s, offset, n);\n", "",
      "dma lives", "cortex-a72", 2),
    M("revoked-pages-stay", "core/memory/share.c", "devices reach a page whose grant is over",
      "    s2_settle(c, &c->host, r.owed);\n    dma_follow(c, s, frame % 512, n);\n", "    s2_settle(c, &c->host, r.owed);\n",
      "dma lives", "cortex-a72", 2),
    M("granted-pages-closed", "core/memory/share.c", "devices do not reach what they are granted",
      "    struct passed passed = memory_grant(s, vm, frame % 512, n);\n\n    dma_follow(c, s, frame % 512, n);\n",
      "    struct passed passed = memory_grant(s, vm, frame % 512, n);\n\n", "dma lives", "cortex-a72", 2),
    M("cleared-pages-closed", "core/memory/clear.h", "devices do not reach what has come back",
      "    dma_follow(c, s, plan.first, plan.end - plan.first);\n", "", "dma lives", "cortex-a72", 2),
    M("core-in-the-table", "core/memory/dma.c", "devices reach all of memory", "frame_host_may_map(f) && f.holder != but ?", "f.holder != but ?",
      "dma core", "cortex-a72", 2),
    M("its-walks-hosts-table", "arch/arm64/its_shadow.c", "the ITS has its table of devices where the host says", "    s->baser[n] = value;\n",
      "    s->baser[n] = value;\n    its_write_long(s->base, GITS_BASER(n), value);\n", "dma msis", "cortex-a72", 2),
    M("its-writes-hosts-table", "arch/arm64/its_commands.c", "a device's table is where the host says",
      "    ours.table = its_device_table(s, its_device_add(s, c->device, c->event_bits));\n",
      "    uint64_t word[4] = { 0 };\n    (void)its_device_add(s, c->device, c->event_bits);\n"
      "    (void)its_read_host((s->cbaser & BASE_ADDRESS) + s->creadr, word);\n    ours.table = word[2];\n", "dma msis", "cortex-a72", 2),
    M("its-queue-anywhere", "arch/arm64/its_access.h", "the host has commands done that are in a guest's page",
      "    return cordon_read_host(&machine, pa(addr), word, 4) == CORDON_OK;",
      "    for (uint32_t i = 0; i < 4; i++)\n        word[i] = ((volatile uint64_t *)phys(addr))[i];\n    return true;", "dma msis", "cortex-a72", 2),
    M("door-closed", "core/memory/dma.c", "devices' interrupts do not arrive", "    if (door.address != 0)\n", "    if (door.address == 1)\n",
      "dma msis", "cortex-a72", 2),
    M("vm-streams-bypass", "arch/arm64/smmu_own.c", "a guest's device goes past the guest's table", "    smmu_stream_entry(&t, wanted);\n",
      "    smmu_stream_entry(&t, wanted);\n    wanted[0] = UINT64_C(1) | UINT64_C(4) << 1;\n", "dma given", "cortex-a72", 2),
    M("vm-pages-not-forgotten", "arch/arm64/smmu.c", "a guest's device goes on to reach what the guest gave up",
      "    forget(vmid, gfn, pages);\n", "    if (vmid == UINT32_MAX)\n        forget(vmid, gfn, pages);\n", "dma given", "cortex-a72", 2),
    M("window-not-taken", "core/memory/host.c", "the host reaches the registers of a guest's device", "    if (window_has(c, frame, 1)) {", "    if (frame == 0) {",
      "dma given", "cortex-a72", 2),
]
MUTANTS += [M(*mutant) for mutant in smmu_mutants.MUTANTS]
MUTANTS += [M(*mutant, order_mutants.GROUP) for mutant in order_mutants.MUTANTS]


class Stale(Exception):
    """A mutant's text is not in the sources as it should be."""


@functools.lru_cache(maxsize=None)
def common_build():
    """What is not built anew for each mutant: the keeper that it knows is of these sources, and so are the objects of all that it does not change."""
    quietly(script("build-keeper"))
    os.environ["CORDON_KEEPER"] = os.path.join(BUILD, "keeper", "measurement")
    folder = os.path.join(ROOT, "build", "el2-objects")
    quietly(script("build-el2", "--no-debug", "--output", folder))
    return folder


def copy_sources(folder):
    common_build()
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("core", "arch", "attest", "plat", "include", os.path.join("scripts", "host")):
        shutil.copytree(os.path.join(ROOT, part), os.path.join(folder, part))
    shutil.copy(os.path.join(ROOT, "meson.build"), folder)
    os.makedirs(os.path.join(folder, "build", "host"))


def build_el2(folder):
    """With the objects that are there of the same sources: what is edited is newer, and so is compiled."""
    shutil.copytree(common_build(), os.path.join(folder, "build", "el2"))
    quietly([os.path.join(folder, "scripts", "host", "build-el2"), "--no-debug"])


def apply(mutant, folder):
    path = os.path.join(folder, mutant.file)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(mutant.old) != 1:
        raise Stale("%s: its text stands %d times in %s, not once: %s" % (mutant.name, text.count(mutant.old), mutant.file, mutant.old))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(mutant.old, mutant.new))


def boot(folder, initrd, cpu, smp, append, stop, path, seconds, settings=()):
    """The log of a boot, which is cut short when it has shown enough."""
    command = [os.path.join(folder, "scripts", "host", "run-host"), "CPU=" + cpu, "SMP=%d" % smp, "SEEDS=1", "INITRD=" + initrd,
               "KERNEL=" + os.path.join(KERNEL, "Image"), "APPEND=quiet " + append, *settings]
    with open(path, "wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        began = time.monotonic()
        while process.poll() is None and time.monotonic() - began < seconds:
            time.sleep(0.2)
            with open(path, errors="replace") as file:
                if re.search(stop, file.read()):     # that is enough
                    break
        process.kill()
        process.wait()
    with open(path, errors="replace") as file:
        return file.read().replace("\r", "")


def output(command, folder):
    """What a tool says of the sources in a folder, and whether it was content."""
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          text=True)
    return None if done.returncode == 0 else done.stdout.splitlines()[0] if done.stdout else "exit status %d" % done.returncode


def native_verdict(name, folder):
    """What is wrong is said at once, all else when the test ends: after the first thing that is wrong there is nothing to wait for."""
    command = native_command(name, folder, BASE if folder != BASE else None)
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        first = process.stdout.readline().strip()
        if re.search(r": seed| seed |\b0 failures$", first) is None:
            process.kill()
            return first or "it ends without a word"
        process.stdout.read()
    return None if process.returncode == 0 else "exit status %d" % process.returncode


def image_verdict(folder):
    return output([os.path.join(ROOT, "test", "boot", "image.py"), os.path.join(folder, "build", "el2", "cordon.elf")], folder)


def entry_verdict(folder):
    done = subprocess.run([os.path.join(ROOT, "test", "boot", "mitigations.py"), "--tree", folder], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return None if done.returncode == 0 else " ".join(done.stdout[done.stdout.find("FAIL"):].split())[:100]


def root_verdict(folder):
    done = subprocess.run([os.path.join(ROOT, "test", "attest", "root.py"), "--tree", folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return None if done.returncode == 0 else " ".join(done.stdout[done.stdout.find("FAILED"):].split())[:100]


def sweep_verdict(log):
    """How the sweep's log shows that something is broken, or None."""
    for pattern in (r"sweep: DIFFERS.*", r"sweep: FAILED.*", r"Kernel panic.*", r"Cordon panic.*"):
        found = re.search(pattern, log)
        if found:
            return found.group(0)
    if not re.search(r"sweep: done: \d+ looks, 0 differences; 0 pages(?s:.*)test: done", log):
        return "no closing line"
    return next(sweep.held_against_the_table(log), None)


def look(folder, group, cpu, smp, path, seconds=SECONDS):
    """How the sources in a folder, built, show that something is broken, or None."""
    if group in NATIVE:
        return native_verdict(group, folder)
    if group == "entry":
        return entry_verdict(folder)
    if group == "root":
        return root_verdict(folder)
    if group == order_mutants.GROUP:
        return output([os.path.join(ROOT, "test", "litmus", "order.py"), os.path.join(folder, "build", "el2", "cordon.elf")], folder)
    if group == "image":
        return image_verdict(folder)
    if group == "sweep":
        return sweep_verdict(boot(folder, sweep.INITRD, cpu, smp, "panic=-1", r"sweep: (DIFFERS|FAILED).*\n|" + OVER, path, seconds))
    if group.startswith("dma "):
        return verdict(boot(folder, devices.INITRD, cpu, smp, devices.append(2, group[4:]), "BREACH|" + OVER, path, seconds,
                            devices.SETTINGS + machine_of(group)), GOOD_DMA)
    return verdict(boot(folder, attack.INITRD, cpu, smp, "attack.rounds=500 attack.lives=5 attack.seed=1 attack.only=" + group,
                        "BREACH|" + OVER, path, seconds))


def verdict(log, good=GOOD):
    """How a log shows that something is broken, or None."""
    if re.search(good, log) and "BREACH" not in log:
        return None
    for pattern in (r"hostile: .*BREACH", r"Kernel panic.*", r"Cordon panic.*", r"Unable to handle.*"):
        found = re.search(pattern, log)
        if found:
            return re.sub(" +", " ", found.group(0))
    return "no closing line"


def build(name):
    """The image of a mutant, for who boots it: the folder with its sources."""
    mutant = next(m for m in MUTANTS if m.name == name)
    folder = os.path.join(OUT, name + "-image")
    os.makedirs(OUT, exist_ok=True)
    copy_sources(folder)
    apply(mutant, folder)
    build_el2(folder)
    return folder


def try_mutant(mutant, seconds):
    folder = os.path.join(OUT, mutant.name)
    copy_sources(folder)
    apply(mutant, folder)
    if mutant.group not in NATIVE:
        build_el2(folder)
    how = look(folder, mutant.group, mutant.cpu, mutant.smp, os.path.join(OUT, mutant.name + ".log"), seconds)
    shutil.rmtree(folder)
    return how


def is_the_product(folder):
    """A copy's image is the one that is booted elsewhere, byte for byte."""
    quietly(script("build-el2"))
    return filecmp.cmp(os.path.join(folder, "build", "el2", "cordon.bin"), os.path.join(ROOT, "build", "el2", "cordon.bin"), shallow=False)


def check(mutants):
    """The mutants apply, and their groups pass on the sources as they are: how long each takes, None when it is not so."""
    stale = []
    took = {}
    folder = BASE
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
        return None
    build_el2(folder)
    if not is_the_product(folder):
        print("the image of a copy of the sources is not theirs: build/el2-mutants/base", file=sys.stderr)
        return None
    for group, cpu, smp in sorted({(m.group, m.cpu, m.smp) for m in mutants}):
        began = time.monotonic()
        how = look(folder, group, cpu, smp, os.path.join(OUT, "base.log"))
        took[group, cpu, smp] = time.monotonic() - began
        if how:
            print("the attempts fail on EL2 as it is (%s): %s; log: build/el2-mutants/base.log" % (group, how), file=sys.stderr)
            return None
    return took


def machine_of(group):
    """Devices are given to guests where the SMMU has stage 2."""
    return ["QEMU=" + qemu_of("10")[0]] if group == "dma given" else []


def can_boot(mutant):
    if mutant.group != "dma given" or qemu_of("10")[0] is not None:
        return True
    print("%-24s %s" % (mutant.name, qemu_of("10")[1]), flush=True)
    return False


def is_long(mutant):
    return mutant.group.startswith("dma ") and mutant.name not in ("smmu-not-told", "given-pages-stay")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--list", action="store_true", help="print the mutants and stop")
    parser.add_argument("--all", action="store_true", help="also those that a boot with devices notices, of a minute and more")
    parser.add_argument("--some", type=int, metavar="N", help="N of them, which chance chooses")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of that choice; printed")
    parser.add_argument("name", nargs="*", help="mutants to try; all when none is named")
    options = parser.parse_args()
    unknown = set(options.name) - {m.name for m in MUTANTS}
    if unknown:
        print("no such mutant: " + ", ".join(sorted(unknown)), file=sys.stderr)
        return 2
    chosen = [m for m in MUTANTS if m.name in options.name or not options.name and (options.all or not is_long(m))]
    if options.list:
        for mutant in chosen:
            print("%-24s %-28s %s" % (mutant.name, mutant.file, mutant.what))
        return 0
    chosen = [m for m in chosen if can_boot(m)]
    if options.some is not None and options.some < len(chosen):
        print(f"{options.some} of {len(chosen)} mutants, --seed {options.seed}", flush=True)
        chosen = random.Random(options.seed).sample(chosen, options.some)
    os.makedirs(OUT, exist_ok=True)
    for name in ("fetch", "build-module"):
        quietly(script(name))
    attack.make_initrd()
    sweep.make_initrd()
    devices.make_initrd()
    took = check(chosen)
    if took is None:
        return 2
    alive = 0
    for mutant in chosen:
        began = time.monotonic()
        how = try_mutant(mutant, 2 * took[mutant.group, mutant.cpu, mutant.smp] + SLACK)
        print("%-24s %s (%.1f s)" % (mutant.name, how or "SURVIVES: " + mutant.what, time.monotonic() - began), flush=True)
        alive += how is None
    print("%d passed, %d failed" % (len(chosen) - alive, alive))
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
