#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A test of the proofs: functions that are proved, broken in named ways. Each has to cost a goal of its proof.

usage: mutants.py [NAME...]              all, or the mutants of those names
       mutants.py --some N [--seed S]    N of them, which chance chooses: the same seed, the same ones
       mutants.py --list                 names, functions and what each one is
       mutants.py --untried              those that nobody has seen cost a goal yet (UNTRIED); what passes belongs to the others from then on
       mutants.py --survivors            those that no proof notices today, with the reason; fails where one is noticed by now

Each works on a copy of what the provers read, with one edit, and asks scripts/prove for that function. What counts is a goal of the function that the
mutant names; a copy that is no C any more, or an annotation that has lost its place, would fail as well, and tells nothing. First the same
functions as they are are proved in as many steps, so that a goal which just takes long is no catch. Closes with `N passed, N failed`.
"""
import argparse
import collections
import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys
import time

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

    # ---- records ----
    Mutant("pending-past-last", "memory/frame.h", "frame_is_pending", "frame.h", "a flipped bound: a record of no VM is one that waits for its VM",
           "f.holder < 2 * HOLDER_PENDING", "f.holder <= 2 * HOLDER_PENDING", "ensures"),
    Mutant("host-is-vm", "memory/frame.h", "frame_is_vm", "frame.h", "a wrong owner: what is the host's is a VM's",
           "f.holder >= 1", "f.holder >= 0", "ensures"),
    Mutant("gfn-low-half", "memory/frame.h", "frame_gfn", "frame.h", "a guest frame number without its upper bits",
           "f.gfn_hi * UINT64_C(4294967296) + f.gfn_lo", "f.gfn_lo", "ensures"),
    Mutant("born-shared", "memory/frame.h", "frame_of_vm", "frame.h", "a VM's new frame has a grant from the start",
           ".count = 0", ".count = 1", "ensures"),
    Mutant("word-without-count", "memory/frame.h", "frame_word", "frame.h", "a shared page and one that is not are one run",
           "(uint64_t)f.count << 56", "(uint64_t)f.count << 48", "ensures"),
    Mutant("pages-of-host-run", "memory/memory.h", "same_holder", "memory", "a wrong owner: a run goes on into another's frames",
           "s.frame[offset + i].holder == holder", "s.frame[offset + i].holder <= holder", "loop_invariant|ensures"),
    Mutant("count-not-added", "memory/memory.h", "taken_add", "memory", "a dropped count: a section does not count what goes",
           "s.section->taken + n", "s.section->taken", "ensures"),
    Mutant("any-section", "memory/memory.h", "memory_section", "memory", "a frame that is no RAM is taken for one",
           "? CORDON_OK : CORDON_OWNED", "? CORDON_OK : CORDON_OK", "ensures"),

    # ---- locks and handles ----
    Mutant("section-of-others", "base/lock.h", "section_lock", "lock.h", "one section is locked and the records are another's",
           "&c->frame[index * 512]", "&c->frame[index * 256]", "ensures"),
    Mutant("lock-of-others", "base/lock.h", "vm_lock", "lock.h", "one VM is locked and another one handed out",
           "&c->vm[arch_index(id - 1, c->vms)]", "&c->vm[arch_index(0, c->vms)]", "ensures"),
    Mutant("vm-no-state", "base/vm.h", "vm_enter", "vm.h", "an operation goes into a slot that no VM is in",
           "v->vm->state != VM_NONE && ", "", "ensures"),
    Mutant("vm-dying", "base/vm.h", "vm_enter_live", "vm.h", "an operation goes into a VM that is being torn down",
           "v->vm->state == VM_LIVE", "v->vm->state != VM_NONE", "ensures"),

    # ---- where memory is ----
    Mutant("overlap-touching", "base/region.c", "overlap", "region", "a flipped bound: what touches overlaps",
           "a < b + b_count", "a <= b + b_count", "ensures"),
    Mutant("hidden-is-device", "base/region.c", "region_is_device", "region", "hidden memory counts as a device's",
           "if (overlap(first, n, c->hidden[i].first, c->hidden[i].count))", "if (overlap(first, n, c->hidden[i].first, 1))",
           "loop_invariant|ensures"),
    Mutant("section-past-span", "base/region.h", "region_section", "region", "off by one: a span has a section more",
           "number - c->span[i].first < c->span[i].count", "number - c->span[i].first <= c->span[i].count", "call_arch_index_requires|ensures"),
    Mutant("window-touching", "memory/window.c", "meet", "window", "a flipped bound: a window begins a page early",
           "w->first - first < n", "w->first - first <= n", "ensures"),
    Mutant("window-no-end", "memory/window.c", "below", "window", "a window reaches beyond the last frame",
           "w->pages <= limit - w->first", "w->pages <= limit", "ensures"),
    Mutant("window-last-bar", "memory/window.c", "window_has", "window", "the last window of each device is not looked at",
           "k < CORDON_DEVICE_WINDOWS", "k < CORDON_DEVICE_WINDOWS - 1", "loop_invariant|ensures"),
    Mutant("window-of-two", "memory/window.c", "can_take", "window", "a window that another device has",
           "!window_has(c, w->first, w->pages)", "true", "ensures"),

    # ---- tables ----
    Mutant("leaf-device", "memory/stage2.h", "desc_leaf", "stage2.h", "wrong attributes: memory is mapped as a device's, a device's as memory",
           "type == S2_NORMAL", "type != S2_NORMAL", "ensures"),
    Mutant("leaf-wrong-level", "memory/stage2.h", "desc_leaf", "stage2.h", "a wrong level: a block's entry where a page's belongs",
           "level == 3 ?", "level == 2 ?", "ensures"),
    Mutant("walk-wrong-row", "memory/stage2.h", "s2_down", "stage2.h", "a walk goes on in the table beside",
           "desc_pfn(entry)", "(desc_pfn(entry) ^ 1)", "ensures|assert_rte|call_\\w+_requires"),
    Mutant("walk-wrong-index", "memory/stage2.h", "s2_in_root", "stage2.h", "a walk begins at another entry of the root",
           "= number % 512", "= number / 2 % 512", "ensures"),
    Mutant("owed-not-first", "memory/stage2.h", "owed_add", "stage2.h", "what is owed loses the pages below the first range",
           "first < o.first ? first : o.first", "o.first", "ensures"),
    Mutant("page-stays", "memory/stage2.h", "s2_clear_page", "stage2.h", "a skipped unmap: an entry stays",
           "arch_pte_write(c, row, index, 0);", "", "ensures"),
    Mutant("run-owes-nothing", "memory/stage2.h", "s2_clear_run", "stage2.h", "entries go, and nothing is owed to the TLBs",
           "any = true;", "", "loop_invariant|ensures"),
    Mutant("fill-one-frame", "memory/stage2.h", "s2_fill_run", "stage2.h", "each page of a run maps the first frame",
           "first + i * CORDON_PAGE_SIZE", "first", "loop_invariant|ensures"),
    Mutant("fill-over", "memory/stage2.h", "s2_fill_run", "stage2.h", "a page that is mapped is mapped to something else",
           "arch_pte_read(c, row, index + i) == 0", "true", "loop_invariant|ensures"),
    Mutant("replace-no-break", "memory/stage2.c", "s2_replace", "stage2.h", "a valid entry is written over a valid one",
           "break_entry(c, t, p, first)", "p", "call_s2_make_requires"),
    Mutant("count-of-invalid", "memory/stage2.c", "s2_count_valid", "stage2.h", "a table that is full counts as empty",
           "? 1 : 0", "? 0 : 1", "loop_invariant|ensures"),
    Mutant("whole-of-one", "memory/stage2.c", "s2_is_whole", "stage2.h", "a table of 512 times one frame becomes a block",
           "desc_leaf(frame + i, 3, S2_NORMAL)", "desc_leaf(frame, 3, S2_NORMAL)", "loop_invariant|ensures"),
    Mutant("pool-not-counted", "memory/pool.c", "pop", "pool", "a dropped count: a table is given out and still counted as free",
           "p->free -= 1;", "", "ensures"),
    Mutant("table-not-empty", "memory/pool.c", "make_table", "pool", "off by one: a table's last entry keeps what the frame had there",
           "i < 512", "i < 511", "loop_invariant|ensures"),
    Mutant("pool-twice", "memory/pool.c", "push", "pool", "the list loses all that was in it",
           "c->phys[row].e[0] = p->head;", "", "ensures"),

    # ---- operations ----
    Mutant("grant-twice", "memory/share.h", "memory_grant", "grants", "a grant counts twice",
           "f->count++", "f->count += 2", "loop_invariant|ensures"),
    Mutant("revoke-anybodys", "memory/share.h", "memory_revoke", "grants", "a wrong owner: a grant of another VM's goes",
           "f->holder != vm", "f->holder == 0", "loop_invariant|ensures"),
    Mutant("run-past-section", "memory/share.c", "run_length", "share", "a run goes on in the next section, whose lock nobody has",
           "min(n, 512 - desc_pfn(first) % 512)", "n", "ensures|loop_invariant"),
    Mutant("four-but-one", "memory/share.c", "four_follow", "share", "one of four entries is not looked at",
           " && arch_pte_read(c, row, index + 1) == want + CORDON_PAGE_SIZE", "", "ensures"),
    Mutant("answer-changed", "memory/share.c", "answer", "share", "a count that does not add up: pages that were passed over count as changed",
           " - h.saturated", "", "ensures"),
    Mutant("range-in-full", "memory/share.c", "answer", "share", "OK, and not all of the range is done",
           "h.done < num ?", "h.done > num ?", "ensures"),
    Mutant("gfns-past-table", "memory/clear.h", "gfn_run", "clear", "off by one table: a run of guest frames goes on in the next one",
           "512 - first % 512", "512", "assert_low|ensures"),
    Mutant("clear-anybodys", "memory/clear.h", "skip_others", "clear", "a wrong owner: the frames of others are not passed over",
           "!owned_by(s.frame[offset + i], vm)", "s.frame[offset + i].holder == 0", "loop_invariant|ensures"),
    Mutant("block-of-any-level", "memory/clear.h", "is_block_of", "clear", "a wrong level: a page is taken for a block",
           "p.level == 2 && ", "", "ensures"),
    Mutant("clear-no-room", "memory/clear.h", "memory_can_clear", "clear", "a block is to be split, and there is no table for it",
           "v.vm->pool.free > 0", "true", "ensures"),
    Mutant("assign-pinned", "memory/assign.h", "memory_can_assign", "assign", "a frame that is shared or a VM's is given to another",
           "s.section->taken == 0 && s.section->pinned == 0", "s.section->pinned == 0", "ensures"),
    Mutant("assign-one-gfn", "memory/assign.h", "set_vm_records", "assign", "each frame of a run is at the first guest address",
           "f.gfn_lo + UINT64_C(1)", "f.gfn_lo", "loop_invariant|ensures"),
    Mutant("assign-not-counted", "memory/assign.h", "count_run", "assign", "a dropped count: a section does not count what a VM gets",
           "taken_add(s, n);", "taken_add(s, 0);", "ensures|assert"),
    Mutant("map-over-other", "memory/map.c", "already_pages", "map", "what is mapped to something else counts as there",
           "return MISFIT;", "continue;", "loop_invariant|ensures"),
    Mutant("block-frame-0", "memory/map.c", "make_block", "block", "each block maps the first 512 frames",
           "(void)v;", "(void)v; r.frame = 0;", "ensures"),

    # ---- what is in no memory: TLBs, zeroes, locks ----
    Mutant("break-unsettled", "memory/stage2.c", "break_entry", "stage2.h", "an entry goes and no TLB is told",
           "s2_settle(c, t, s2_put(c, p.row, p.index, first, p.level, p.entry, 0, OWED_NOTHING));",
           "(void)t; (void)s2_put(c, p.row, p.index, first, p.level, p.entry, 0, OWED_NOTHING);", "ensures_settled"),
    Mutant("settle-nothing", "memory/stage2.h", "s2_settle", "stage2.h", "no invalidation at all",
           "if (o.end == 0)", "if (true)", "ensures_(?:told|host|vm)"),
    Mutant("settle-wrong-vmid", "memory/stage2.h", "s2_settle", "stage2.h", "the TLB entries of another VM go",
           "arch_tlbi_ipas2e1is(c, t->vmid,", "arch_tlbi_ipas2e1is(c, 0,", "ensures_told|call_arch_tlbi_vmalle1is_requires_waited"),
    Mutant("settle-one-page", "memory/stage2.h", "s2_settle", "stage2.h", "of a range, the TLBs forget the first page",
           "o.end - o.first", "1", "ensures_told"),
    Mutant("settle-no-order", "memory/stage2.h", "s2_settle", "stage2.h", "the TLBs are told before every walker sees that the entries are gone",
           "arch_dsb_ishst(c);", "", "call_arch_tlbi_ipas2e1is_requires_ordered"),
    Mutant("settle-no-wait", "memory/stage2.h", "s2_settle", "stage2.h", "combined entries go before the entries of stage 2 have",
           "arch_dsb_ish(c);        /* no combined entry", "/* no combined entry", "call_arch_tlbi_vmalle1is_requires_waited"),
    Mutant("settle-no-combined", "memory/stage2.h", "s2_settle", "stage2.h", "combined entries stay",
           "arch_tlbi_vmalle1is(c, t->vmid);", "", "ensures_(?:host|vm)"),
    Mutant("settle-no-barrier", "memory/stage2.h", "s2_settle", "stage2.h", "nobody waits for the invalidation",
           "arch_tlbi_vmalle1is(c, t->vmid);\n    arch_dsb_ish(c);", "arch_tlbi_vmalle1is(c, t->vmid);", "ensures_(?:host|vm)"),
    Mutant("clear-host-unsettled", "memory/clear.h", "settle_both", "clear", "the host's TLBs keep what a VM had shared",
           "s2_settle(c, &c->host, o.host);", "", "ensures_settled"),
    Mutant("clear-vm-unsettled", "memory/clear.h", "settle_both", "clear", "the VM's TLBs keep a frame that is the host's again",
           "s2_settle(c, &v.vm->s2, o.vm);", "", "ensures_settled"),
    Mutant("clear-owes-nothing", "memory/clear.h", "unmap_run", "clear", "what was taken from the host is not owed any more",
           "host = host_unmap_run(c, s, offset, n, host);", "host = host_unmap_run(c, s, offset, n, host);\n        host = OWED_NOTHING;", "ensures_covered"),
    Mutant("clear-skips-frame", "memory/clear.h", "unmap_owned", "clear", "a frame after each run becomes the host's and stays in the VM's table",
           "i += k;", "i += k < plan.end - i ? k + 1 : k;", "loop_invariant_out"),
    Mutant("assign-unsettled", "memory/assign.h", "assign_run", "assign", "the host's TLBs keep a frame that is a VM's",
           "s2_settle(c, &c->host, o);", "", "ensures_settled|call_arch_zero_frames_requires_settled"),
    Mutant("revoke-unsettled", "memory/share.c", "revoke_run", "grants", "the host's TLBs keep a page whose last grant is gone",
           "s2_settle(c, &c->host, r.owed);", "", "call_section_unlock_requires_settled"),
    Mutant("core-unsettled", "memory/memory.c", "memory_take_for_core", "memory", "the host's TLBs keep a frame that is the core's",
           "s2_settle(c, &c->host, owed);", "(void)owed;", "ensures_settled"),
    Mutant("back-not-zeroed", "memory/clear.h", "hand_back", "clear", "the host finds what a VM had in a frame",
           "arch_zero_frames(c, s.pfn + offset, n);", "", "call_set_holder_requires_zeroes"),
    Mutant("back-not-cleaned", "memory/clear.h", "hand_back", "clear", "the host finds what a VM had in a frame, with its caches off",
           "arch_clean_frames(c, s.pfn + offset, n);", "", "call_set_holder_requires_zeroes"),
    Mutant("back-one-zeroed", "memory/clear.h", "hand_back", "clear", "of a run, the first frame is zeroed",
           "arch_zero_frames(c, s.pfn + offset, n);", "arch_zero_frames(c, s.pfn + offset, 1);", "call_set_holder_requires_zeroes"),
    Mutant("core-not-zeroed", "memory/memory.c", "memory_return_from_core", "memory", "the host finds what the core had in a frame",
           "arch_zero_frames(c, frame, 1);", "", "call_record_host_requires_zeroes"),
    Mutant("assigned-not-zeroed", "memory/assign.h", "assign_run", "assign", "a VM finds what the host left in a frame",
           "contents == CORDON_ZERO", "false", "ensures_zeroed"),
    Mutant("assigned-kept", "memory/assign.h", "memory_assign", "assign", "a VM that wants zeroes finds what the host left",
           "gfn + (i - offset), contents);", "gfn + (i - offset), CORDON_KEEP);", "assert_zeroed"),
    Mutant("vm-stays-locked", "memory/map.c", "cordon_walk_s2pt", "map", "a VM is never let go", "vm_unlock(c, v);", "", "ensures_calm"),
    Mutant("section-stays-locked", "memory/share.c", "grant_run", "grants", "a section is let go after one page alone",
           "section_unlock(c, s);", "if (n == 1)\n        section_unlock(c, s);", "ensures_calm"),
    Mutant("section-let-go-early", "memory/share.c", "grant_run", "grants", "records change when the section's lock is gone",
           "struct passed passed = memory_grant(s, vm, frame % 512, n);",
           "section_unlock(c, (s));\n    struct passed passed = memory_grant(s, vm, frame % 512, n);", "call_memory_grant_requires"),
    Mutant("refused-stays-locked", "base/vm.h", "vm_enter", "vm.h", "a VM that is not there stays locked", "vm_unlock(c, *v);", "", "ensures_unlocked"),

    # ---- guests: interrupts, handles, timers, memory that is declared, vCPUs ----
    Mutant("inject-unsent-sgi", "guest/interrupts.c", "may_inject", "interrupts", "a dropped check: an SGI that no vCPU sent",
           "return (u->sgis >> id & 1) != 0;", "return true;", "ensures_may"),
    Mutant("inject-timer-early", "guest/interrupts.c", "may_inject", "interrupts", "a dropped check: the physical timer's interrupt before its time",
           "return timer_fires(c, u);", "return true;", "ensures_may"),
    Mutant("inject-special", "guest/interrupts.c", "may_inject", "interrupts", "a flipped bound: INTID 1020 is no interrupt",
           "id >= INTERRUPT_SPECIAL", "id > INTERRUPT_SPECIAL", "ensures_may"),
    Mutant("inject-fields", "guest/interrupts.c", "may_inject", "interrupts", "a dropped check: the host sets fields that are not its own, the hardware's bit among them",
           "(word & ~CORDON_INTERRUPT_FIELDS) != 0 || ", "", "ensures_may"),
    Mutant("inject-twice", "guest/interrupts.c", "interrupts_fit", "interrupts", "a dropped check: two list registers with one interrupt",
           " || named_before(r, i)", "", "loop_invariant|ensures"),
    Mutant("inject-past-last", "guest/interrupts.c", "interrupts_fit", "interrupts", "a flipped bound: a list register more than the hardware has",
           "i >= arch_list_registers(c)", "i > arch_list_registers(c)", "loop_invariant|ensures"),
    Mutant("named-not-first", "guest/interrupts.c", "named_before", "interrupts", "a flipped bound: the first word is not looked at",
           "uint32_t i = 0;", "uint32_t i = 1;", "loop_invariant|ensures"),
    Mutant("timer-not-hardware", "guest/interrupts.c", "list_register", "interrupts", "a wrong answer: the guest's end of its timer's interrupt is not the physical one's",
           "word | INTERRUPT_HW |", "word |", "ensures"),
    Mutant("take-as-given", "guest/interrupts.c", "interrupts_take", "lists", "a list register is what the host wrote, the virtual timer's too",
           "word == 0 ? 0 : list_register(word)", "word", "loop_invariant_taken"),
    Mutant("give-all-fields", "guest/interrupts.c", "interrupts_give", "lists", "the host reads fields of a list register that are not its own",
           "word & CORDON_INTERRUPT_FIELDS", "word", "loop_invariant|ensures"),
    Mutant("give-taken-sgi", "guest/interrupts.c", "interrupts_give", "lists", "a dropped check: an SGI that the guest has taken may be listed again",
           "(word & CORDON_INTERRUPT_PENDING) != 0)", "word != 0)", "assert_bits"),
    Mutant("exit-wrong-word", "guest/exit.c", "exit_to_host", "exit", "a wrong answer: the second word of an exit is the first",
           "r->detail[1] = second;", "r->detail[1] = first;", "ensures"),
    Mutant("exit-goes-on", "guest/exit.c", "exit_to_host", "exit", "a wrong answer: the guest goes on before the host has done its part",
           "return false;", "return true;", "ensures"),
    Mutant("exit-no-reason", "guest/exit.c", "exit_to_host", "exit", "an exit without a reason",
           "r->exit = exit;", "(void)exit;", "ensures"),
    Mutant("handle-of-nobody", "guest/handle.h", "handle_name", "handle.h", "a dropped check: a handle of generation 0 is whichever VM there is",
           "handle / 65536 == 0", "handle == 0", "ensures"),
    Mutant("handle-short", "guest/handle.h", "handle_name", "handle.h", "a flipped bound: ids lose their last bit",
           "handle % 65536)", "handle % 32768)", "ensures"),
    Mutant("handle-two-names", "guest/handle.h", "handle_of", "handle.h", "a wrong answer: two VMs have one handle",
           "generation * 65536", "generation * 32768", "ensures"),
    Mutant("timer-masked-fires", "guest/timer.c", "timer_fires", "timer", "a dropped check: a timer that is masked fires",
           "(u->timer_control & CONTROL_MASK) == 0 && ", "", "ensures"),
    Mutant("timer-late", "guest/timer.c", "is_due", "timer", "a flipped bound: a timer fires a tick too late",
           ">= u->timer_compare", "> u->timer_compare", "ensures"),
    Mutant("timer-unsaid", "guest/timer.c", "timer_write", "timer", "a wrong answer: the host is not told that a timer fires at another time",
           "deadline(u) == before ||", "deadline(u) >= before ||", "ensures"),
]

# Of those above, the ones that nobody has seen cost a goal yet: they are no part of what `make test` tries.
UNTRIED = {
    "pages-of-host-run", "count-not-added", "any-section", "overlap-touching", "hidden-is-device", "section-past-span",
    "window-last-bar", "window-of-two", "leaf-device", "leaf-wrong-level",
    "walk-wrong-row", "walk-wrong-index", "owed-not-first", "page-stays", "run-owes-nothing", "fill-one-frame", "fill-over",
    "replace-no-break", "count-of-invalid", "whole-of-one", "grant-twice", "revoke-anybodys", "run-past-section",
    "four-but-one", "answer-changed", "range-in-full", "assign-not-counted", "map-over-other", "clear-owes-nothing",
    "inject-past-last",
}

# What no proof notices today, and why. They are tried by --survivors alone, and are no part of what passes.
SURVIVORS = [
    (Mutant("share-first-frame", "memory/share.c", "share_at", "share", "of a block, the first frame is shared whichever page was asked for",
            "passed = share_run(", "gfn -= gfn % s2_pages(at.level);\n    passed = share_run(", "ensures"),
     "which frames a grant of a range reaches is not in the contracts of the loops around a run"),
    (Mutant("share-skips-page", "memory/share.c", "share_table", "share", "a page after each run is passed over and counted as unmapped",
            "index += k;", "index += k; if (index < end) { index++; unmapped++; }", "ensures"),
     "the same"),
]


def copy_of(name):
    """What the provers read, in a folder of its own, which no other run of this has."""
    folder = os.path.join(OUT, f"{name}-{os.getpid()}")
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


def proved(folder, functions, part, steps=("--steps", STEPS)):
    """Whether the functions are; what is printed of it."""
    done = subprocess.run([os.path.join(folder, "scripts", "prove"), "--function", functions, *steps, part], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout


def as_it_is(part, chosen):
    """Why functions of a part are not proved without any edit, so that a mutant of them would tell nothing; the exit status first."""
    functions = ",".join(sorted({m.function for m in chosen if m.part == part}))
    folder = copy_of(part)
    status, text = proved(folder, functions, part)
    shutil.rmtree(folder)
    if status == 0:
        print(f"as it is: {part}: {functions}: {re.search('[0-9]+ / [0-9]+ goals', text).group(0)}", flush=True)
    return status, text


def as_they_are(chosen, pool):
    """Ends it all where a function is not proved as it is."""
    parts = sorted({m.part for m in chosen})
    for part, (status, text) in zip(parts, pool.map(lambda part: as_it_is(part, chosen), parts)):
        if status == NOT_CHECKED:
            print(text.strip().splitlines()[-1])
            sys.exit(NOT_CHECKED)
        if status != 0:
            print(text)
            sys.exit(f"test/proofs/mutants.py: {part}: not proved as it is, each goal in {STEPS} steps")


def catch(mutant):
    """The goals that the mutant costs, of those that it has to cost; nothing if it costs none of them, or is no C any more."""
    folder = broken(mutant)
    status, text = proved(folder, mutant.function, mutant.part)
    shutil.rmtree(folder)
    goals = re.findall(rf"^ +(typed_\w*{mutant.function}_(?:loop_invariant|{mutant.goal})\w*)$", text, re.M)
    goals = [g for g in goals if re.search(mutant.goal, g)]
    if status != 1 or not goals:
        print(text)
    return goals if status == 1 else []


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS)
    parser.add_argument("--some", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--survivors", action="store_true")
    parser.add_argument("--untried", action="store_true")
    parser.add_argument("name", nargs="*")
    asked = parser.parse_args()
    known = [m for m, _ in SURVIVORS] if asked.survivors else MUTANTS
    for name in asked.name:
        if name not in {m.name for m in known}:
            print(f"test/proofs/mutants.py: {name}: no such mutant; they are {', '.join(m.name for m in known)}", file=sys.stderr)
            sys.exit(2)
    chosen = [m for m in known if m.name in asked.name or (not asked.name and asked.untried == (m.name in UNTRIED))]
    if asked.some is not None and asked.some < len(chosen):
        print(f"{asked.some} of {len(chosen)} mutants: --some {asked.some} --seed {asked.seed}", flush=True)
        chosen = random.Random(asked.seed).sample(chosen, asked.some)
    return asked, chosen


def survives(mutant):
    """Whether all goals of the function are proved with the edit, in as many steps as that takes; what is printed of it if not."""
    folder = broken(mutant)
    status, text = proved(folder, mutant.function, mutant.part, steps=())
    shutil.rmtree(folder)
    return "" if status == 0 else text


def survivors(chosen, pool):
    """Those that no proof notices: one that is noticed by now belongs to the others."""
    why = {m.name: reason for m, reason in SURVIVORS}
    noticed = 0
    for mutant, text in zip(chosen, pool.map(survives, chosen)):
        noticed += bool(text)
        print(f"{'FAIL' if text else 'lives'} {mutant.name}: {mutant.what}: {why[mutant.name]}\n{text}".rstrip(), flush=True)
    print(f"{len(chosen) - noticed} passed, {noticed} failed: so many survive, as said; what fails is noticed by now, or no C any more")
    return 1 if noticed else 0


def main():
    asked, chosen = arguments()
    if asked.list:
        for mutant in chosen:
            print(f"{mutant.name:<22} {mutant.function:<22} {mutant.what}")
        return 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        if asked.survivors:
            return survivors(chosen, pool)
        as_they_are(chosen, pool)
        survive = 0
        for mutant, goals in zip(chosen, pool.map(catch, chosen)):
            survive += not goals
            print(f"{'ok  ' if goals else 'FAIL'} {mutant.name}: {mutant.what}: " + (f"costs {goals[0]}" if goals else "costs no goal"), flush=True)
    print(f"{len(chosen) - survive} passed, {survive} failed")
    return 1 if survive else 0


if __name__ == "__main__":
    sys.exit(main())
