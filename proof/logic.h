/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary of the contracts: what a record, a table and a machine are to the provers.
 *
 * The page functions are those of the specification, ported by hand: docs/SEMANTICS.md section 2, one page each. What
 * a run does is the page function at each of its pages. Numbers are mathematical integers here.
 */
#ifndef CORDON_PROOF_LOGIC_H
#define CORDON_PROOF_LOGIC_H

#include "machine.h"
#include "cordon/cordon.h"

/* ---- one frame record ---- */

/*@
  logic integer gfn_of(struct frame f) = f.gfn_hi * 4294967296 + f.gfn_lo;

  // A shift multiplies: each from the one before.
  lemma shift2: \forall integer x; 0 <= x ==> (x << 1) << 1 == x * 4 && x << 2 == x * 4;
  lemma shift4: \forall integer x; 0 <= x ==> (x << 2) << 2 == x * 16 && x << 4 == x * 16;
  lemma shift8: \forall integer x; 0 <= x ==> (x << 4) << 4 == x * 256 && x << 8 == x * 256;
  lemma shift16: \forall integer x; 0 <= x ==> (x << 8) << 8 == x * 65536 && x << 16 == x * 65536;
  lemma shift32: \forall integer x; 0 <= x ==> (x << 16) << 16 == x * 4294967296 && x << 32 == x * 4294967296;
  lemma shift48: \forall integer x; 0 <= x ==>
    (x << 32) << 16 == x * 281474976710656 && x << 48 == x * 281474976710656;
  lemma shift56: \forall integer x; 0 <= x ==>
    (x << 48) << 8 == x * 72057594037927936 && x << 56 == x * 72057594037927936;

  // All of a record in one number.
  logic integer word_of(struct frame f) =
    f.gfn_lo + f.holder * 4294967296 + f.gfn_hi * 281474976710656 + f.count * 72057594037927936;

  // A settled frame of the VM at gfn that nobody shares.
  predicate is_vm_record(struct frame f, integer vm, integer gfn) =
    f.holder == vm && f.count == 0 && gfn_of(f) == gfn;

  // A record of a holder that is no VM.
  predicate is_plain_record(struct frame f, integer holder) =
    f.holder == holder && f.count == 0 && f.gfn_lo == 0 && f.gfn_hi == 0;

  // The VM's, settled or pending.
  predicate owned(struct frame f, integer vm) = f.holder == vm || f.holder == 0x4000 + vm;

  predicate same_record(struct frame a, struct frame b) =
    a.holder == b.holder && a.count == b.count && a.gfn_lo == b.gfn_lo && a.gfn_hi == b.gfn_hi;

  // Whether the host may have the frame (I1).
  predicate host_may_map(struct frame f) = f.holder == 0 || (1 <= f.holder < 0x4000 && f.count > 0);

  // grant_vm_page(vm, .), revoke_vm_page(vm, .): the new count. Nothing else of the record changes.
  logic integer grant1(struct frame f, integer vm) =
    f.holder == vm && f.count < 100 ? f.count + 1 : f.count;
  logic integer revoke1(struct frame f, integer vm) =
    f.holder == vm && f.count > 0 ? f.count - 1 : f.count;

  logic integer share1(integer how, struct frame f, integer vm) = how == 0 ? grant1(f, vm) : revoke1(f, vm);

  predicate last_grant(struct frame f, integer vm) = f.holder == vm && f.count == 1;

  // Whether the host may give the frame away, and whether assign_pfn_to_vm(vm, gfn, .) is allowed; if not, why.
  logic integer can_leave1(struct frame f) =
    f.holder != 0 ? CORDON_OWNED : (f.count == 0 ? CORDON_OK : CORDON_SHARED);
  logic integer can_assign1(struct frame f, integer vm, integer gfn) =
    (f.holder == vm || f.holder == 0x4000 + vm) ? (gfn_of(f) == gfn ? CORDON_OK : CORDON_GFN) : can_leave1(f);

  // How many of the n records from f on are not settled frames of the VM; are, with that count.
  logic integer others{L}(struct frame *f, integer vm, integer n) =
    n <= 0 ? 0 : others(f, vm, n - 1) + (f[n - 1].holder == vm ? 0 : 1);
  logic integer at_most{L}(struct frame *f, integer vm, integer n) =
    n <= 0 ? 0 : at_most(f, vm, n - 1) + (f[n - 1].holder == vm && f[n - 1].count >= 100 ? 1 : 0);
  logic integer at_least{L}(struct frame *f, integer vm, integer n) =
    n <= 0 ? 0 : at_least(f, vm, n - 1) + (f[n - 1].holder == vm && f[n - 1].count == 0 ? 1 : 0);
*/

/*@
  // The pages that a record of progress counts, one way or another.
  logic integer told(struct cordon_progress p) = p.changed + p.unmapped + p.not_owned + p.saturated;
*/

/* ---- one table entry ---- */

/*@
  predicate valid_entry(integer e) = e % 2 == 1;
  predicate table_entry(integer e, integer level) = level < 3 && e % 4 == 3;
  logic integer entry_frame(integer e) = e / 4096 % 68719476736;

  // Pages that an entry of a level covers, and the number of gfn's entry among those of its level.
  logic integer pages_at(integer level) =
    level == 0 ? 134217728 : (level == 1 ? 262144 : (level == 2 ? 512 : 1));
  logic integer entry_number(integer gfn, integer level) =
    level == 0 ? gfn / 134217728 : (level == 1 ? gfn / 262144 : (level == 2 ? gfn / 512 : gfn));
  logic integer index_at(integer gfn, integer level) = entry_number(gfn, level) % 512;
*/

/*@
  predicate leaf_here(integer e, integer level) = level < 3 ? e % 4 == 1 : e % 4 == 3;

  // A leaf that maps `frame` at a level. type 0: normal memory, inner shareable, read-write; else device, no execution.
  logic integer leaf_entry(integer frame, integer level, integer type) =
    frame * 4096 + (level == 3 ? 3 : 1) + (type == 0 ? 0x7fc : 0x400000000004c4);
*/

/*@
  // The tables first .. last are empty. An equation in place of the two bounds is lost on the provers.
  predicate all_zero{L}(struct cordon *c, integer first, integer last) =
    \forall integer r, i; first <= r <= last && 0 <= i < 512 ==> c->phys[r].e[i] == 0;

  // How many of n entries are valid; are anything but 0.
  logic integer valids{L}(uint64_t *e, integer n) = n <= 0 ? 0 : valids(e, n - 1) + (e[n - 1] % 2 == 1 ? 1 : 0);
  logic integer filled{L}(uint64_t *e, integer n) = n <= 0 ? 0 : filled(e, n - 1) + (e[n - 1] == 0 ? 0 : 1);
*/

/* ---- a machine ---- */

/* At which level a frame is a table; -1: it is none. Known to the proofs alone. */
/*@ ghost signed char row_level[68719476736]; */

/*@
  // The arrays are there and do not overlap, and the RAM map names records that exist.
  predicate arrays{L}(struct cordon *c) =
    \valid(c) &&
    1 <= c->phys_frames <= 68719476736 && \valid(c->phys + (0 .. c->phys_frames - 1)) &&
    c->sections <= 134217728 && \valid(c->section + (0 .. c->sections - 1)) &&
    \valid(c->frame + (0 .. c->sections * 512 - 1)) &&
    1 <= c->vms < 0x4000 && \valid(c->vm + (0 .. c->vms - 1)) &&
    \valid(c->span + (0 .. c->spans - 1)) && \valid(c->hidden + (0 .. c->hiddens - 1)) &&
    \separated(c, c->phys + (0 .. c->phys_frames - 1), c->section + (0 .. c->sections - 1),
               c->frame + (0 .. c->sections * 512 - 1), c->vm + (0 .. c->vms - 1),
               c->span + (0 .. c->spans - 1), c->hidden + (0 .. c->hiddens - 1));

  // The spans of the RAM map: ascending, with a gap between, their records one behind the other.
  predicate spans_fit{L}(struct cordon *c) =
    (\forall integer i; 0 <= i < c->spans ==>
      c->span[i].first + c->span[i].count <= 134217728 && c->span[i].base + c->span[i].count <= c->sections) &&
    (\forall integer i, j; 0 <= i < j < c->spans ==>
      c->span[i].first + c->span[i].count < c->span[j].first &&
      c->span[i].base + c->span[i].count <= c->span[j].base) &&
    (\forall integer i; 0 <= i < c->hiddens ==>
      c->hidden[i].first + c->hidden[i].count <= 68719476736);

  predicate in_span{L}(struct cordon *c, integer i, integer number) =
    c->span[i].first <= number < c->span[i].first + c->span[i].count;
  predicate beside_span{L}(struct cordon *c, integer i, integer frame, integer n) =
    frame + n <= c->span[i].first * 512 || (c->span[i].first + c->span[i].count) * 512 <= frame;
  predicate in_ram{L}(struct cordon *c, integer number) =
    \exists integer i; 0 <= i < c->spans && in_span(c, i, number);
  // The record of section `number` is number `index`.
  predicate is_section{L}(struct cordon *c, integer number, integer index) =
    \exists integer i; 0 <= i < c->spans && in_span(c, i, number) &&
      index == c->span[i].base + (number - c->span[i].first);
  predicate in_hidden{L}(struct cordon *c, integer i, integer frame) =
    c->hidden[i].first <= frame < c->hidden[i].first + c->hidden[i].count;

  // Whether a window has one of frames first .. first+n-1; and whether any of the windows that VMs have does.
  predicate meets(integer w_first, integer w_pages, integer first, integer n) =
    w_pages != 0 && w_first < first + n && first < w_first + w_pages;
  predicate in_windows{L}(struct cordon *c, integer i, integer k, integer first, integer n) =
    meets(c->device[i].window[k].first, c->device[i].window[k].pages, first, n);

  // The host's tables are the frames that the machine was given for them at boot, and no others.
  predicate host_row{L}(struct cordon *c, integer row) =
    c->host.root <= row < c->host.root + c->host.roots + c->host_pool.total;

  predicate host_rows_fit{L}(struct cordon *c) =
    c->host.root + c->host.roots + c->host_pool.total <= c->phys_frames;

  // The tables of one machine form trees: an entry of a table that names a table names one of the next level, and of
  // the same kind of principal. A VM's tables are none of the host's.
  predicate trees{L}(struct cordon *c) =
    (\forall integer row, i; 0 <= row < c->phys_frames && 0 <= i < 512 && 0 <= row_level[row] <= 3 ==>
      c->phys[row].e[i] < 72057594037927936) &&
    \forall integer row, i; 0 <= row < c->phys_frames && 0 <= i < 512 && 0 <= row_level[row] < 3 &&
      table_entry(c->phys[row].e[i], row_level[row]) ==>
        entry_frame(c->phys[row].e[i]) < c->phys_frames &&
        row_level[entry_frame(c->phys[row].e[i])] == row_level[row] + 1 &&
        (host_row(c, row) <==> host_row(c, entry_frame(c->phys[row].e[i])));

  // What a section says of its records in short, and the host's last-level table of it.
  predicate summaries_hold{L}(struct cordon *c) =
    \forall integer k, i; 0 <= k < c->sections && c->section[k].taken == 0 && k * 512 <= i < k * 512 + 512 ==>
      c->frame[i].holder == 0 && (c->section[k].pinned == 0 ==> c->frame[i].count == 0);
  predicate leaves_fit{L}(struct cordon *c) =
    \forall integer k; 0 <= k < c->sections && c->section[k].leaf != 0 ==>
      0 < c->section[k].leaf < c->phys_frames && host_row(c, c->section[k].leaf) && row_level[c->section[k].leaf] == 3;

  // A VM's blocks are of level 2, and aligned.
  predicate blocks_fit{L}(struct cordon *c) =
    \forall integer row, i; 0 <= row < c->phys_frames && 0 <= i < 512 && 0 <= row_level[row] < 3 && !host_row(c, row) &&
      valid_entry(c->phys[row].e[i]) && !table_entry(c->phys[row].e[i], row_level[row]) ==>
        row_level[row] == 2 && entry_frame(c->phys[row].e[i]) % 512 == 0;

  predicate tables{L}(struct cordon *c) =
    arrays(c) && host_rows_fit(c) && trees(c) && blocks_fit(c) && leaves_fit(c);
  predicate machine{L}(struct cordon *c) = tables(c) && spans_fit(c) && summaries_hold(c);

  // A table of a VM (vmid > 0) or the host: its roots are tables of the start level, and they reach all of its pages.
  predicate rooted{L}(struct cordon *c, struct stage2 *t) =
    t->start <= 2 && 1 <= t->roots <= 16 && t->gfn_limit <= 68719476736 &&
    (t->start == 1 ==> t->gfn_limit <= t->roots * 134217728) &&
    (t->start == 2 ==> t->gfn_limit <= t->roots * 262144) &&
    t->root + t->roots <= c->phys_frames &&
    \forall integer r; t->root <= r < t->root + t->roots ==>
      row_level[r] == t->start && (host_row(c, r) <==> t->vmid == 0);
*/

/*@
  // A VM of the machine whose table is in order.
  predicate vm_sound{L}(struct cordon *c, struct vm *vm, integer id) =
    1 <= id <= c->vms && vm == &c->vm[id - 1] && rooted(c, &vm->s2) && vm->s2.vmid == id;

  // A VM's table stays one, of its level; other frames may become tables.
  predicate vm_levels_kept{A,B}(struct cordon *c) =
    \forall integer r; 0 <= r < \at(c->phys_frames, A) && !host_row{A}(c, r) && \at(row_level[r], A) >= 0 ==>
      \at(row_level[r], B) == \at(row_level[r], A);
  predicate vm_entries_kept{A,B}(struct cordon *c) =
    \forall integer r, i; 0 <= r < \at(c->phys_frames, A) && !host_row{A}(c, r) && 0 <= i < 512 ==>
      \at(c->phys[r].e[i], B) == \at(c->phys[r].e[i], A);

  // A frame that is no table and none of the host's pool becomes no table.
  predicate vm_free_kept{A,B}(struct cordon *c) =
    \forall integer r; 0 <= r < \at(c->phys_frames, A) && !host_row{A}(c, r) && \at(row_level[r], A) < 0 ==>
      \at(row_level[r], B) == \at(row_level[r], A);
  // What the host's tables have nothing to do with.
  predicate vm_rows_kept{A,B}(struct cordon *c) =
    vm_levels_kept{A,B}(c) && vm_free_kept{A,B}(c) && vm_entries_kept{A,B}(c);

  predicate is_table_of{L}(struct cordon *c, struct stage2 *t, integer row, integer level) =
    0 <= row < c->phys_frames && row_level[row] == level && (host_row(c, row) <==> t->vmid == 0);
*/

/* ---- two moments ---- */

/*@
  // What lies among the locks, and what no lock's taker or dropper changes.
  predicate same_words{A,B}(struct cordon *c) =
    (\forall integer k; 0 <= k < \at(c->sections, A) ==>
      \at(c->section[k].taken, B) == \at(c->section[k].taken, A) &&
      \at(c->section[k].pinned, B) == \at(c->section[k].pinned, A)) &&
    (\forall integer i; 0 <= i < \at(c->sections, A) * 512 ==>
      \at(c->frame[i].holder, B) == \at(c->frame[i].holder, A));

  // What no operation after boot changes: where the arrays are, the RAM map, the host's roots, the levels of the tables.
  predicate same_head{A,B}(struct cordon *c) =
    \at(c->phys, B) == \at(c->phys, A) && \at(c->phys_frames, B) == \at(c->phys_frames, A) &&
    \at(c->sections, B) == \at(c->sections, A) && \at(c->section, B) == \at(c->section, A) &&
    \at(c->frame, B) == \at(c->frame, A) && \at(c->vms, B) == \at(c->vms, A) && \at(c->vm, B) == \at(c->vm, A) &&
    \at(c->spans, B) == \at(c->spans, A) && \at(c->span, B) == \at(c->span, A) &&
    \at(c->hiddens, B) == \at(c->hiddens, A) && \at(c->hidden, B) == \at(c->hidden, A) &&
    \at(c->host.root, B) == \at(c->host.root, A) && \at(c->host.roots, B) == \at(c->host.roots, A) &&
    \at(c->host_pool.total, B) == \at(c->host_pool.total, A);
  predicate same_map{A,B}(struct cordon *c) =
    (\forall integer i; 0 <= i < \at(c->spans, A) ==>
      \at(c->span[i].first, B) == \at(c->span[i].first, A) && \at(c->span[i].count, B) == \at(c->span[i].count, A) &&
      \at(c->span[i].base, B) == \at(c->span[i].base, A)) &&
    (\forall integer i; 0 <= i < \at(c->hiddens, A) ==>
      \at(c->hidden[i].first, B) == \at(c->hidden[i].first, A) &&
      \at(c->hidden[i].count, B) == \at(c->hidden[i].count, A));
  predicate same_leaves{A,B}(struct cordon *c) =
    \forall integer k; 0 <= k < \at(c->sections, A) ==> \at(c->section[k].leaf, B) == \at(c->section[k].leaf, A);
  predicate same_tables{A,B}(struct cordon *c) =
    \forall integer i; 0 <= i < \at(c->vms, A) ==>
      \at(c->vm[i].s2.root, B) == \at(c->vm[i].s2.root, A) &&
      \at(c->vm[i].s2.gfn_limit, B) == \at(c->vm[i].s2.gfn_limit, A) &&
      \at(c->vm[i].s2.start, B) == \at(c->vm[i].s2.start, A) &&
      \at(c->vm[i].s2.roots, B) == \at(c->vm[i].s2.roots, A) &&
      \at(c->vm[i].s2.vmid, B) == \at(c->vm[i].s2.vmid, A);
  predicate same_levels{A,B} =
    \forall integer r; 0 <= r < 68719476736 ==> \at(row_level[r], B) == \at(row_level[r], A);

  predicate same_pools{A,B}(struct cordon *c) =
    \forall integer i; 0 <= i < \at(c->vms, A) ==>
      \at(c->vm[i].pool.fresh_n, B) == \at(c->vm[i].pool.fresh_n, A) &&
      \at(c->vm[i].pool.head, B) == \at(c->vm[i].pool.head, A) &&
      \at(c->vm[i].pool.free, B) == \at(c->vm[i].pool.free, A) &&
      \at(c->vm[i].pool.total, B) == \at(c->vm[i].pool.total, A);
  predicate same_records{A,B}(struct cordon *c) =
    \forall integer i; 0 <= i < \at(c->sections, A) * 512 ==>
      \at(c->frame[i].holder, B) == \at(c->frame[i].holder, A) && \at(c->frame[i].count, B) == \at(c->frame[i].count, A) &&
      \at(c->frame[i].gfn_lo, B) == \at(c->frame[i].gfn_lo, A) && \at(c->frame[i].gfn_hi, B) == \at(c->frame[i].gfn_hi, A);
  // What is beside the tables.
  predicate beside_kept{A,B}(struct cordon *c) =
    same_map{A,B}(c) && same_tables{A,B}(c) && same_pools{A,B}(c) && same_records{A,B}(c);
  lemma records_chain{A,B,C}: \forall struct cordon *c;
    same_head{A,B}(c) && same_records{A,B}(c) && same_records{B,C}(c) ==> same_records{A,C}(c);
  lemma beside_chain{A,B,C}: \forall struct cordon *c;
    same_head{A,B}(c) && beside_kept{A,B}(c) && beside_kept{B,C}(c) ==> beside_kept{A,C}(c);

  // A record of plain host memory keeps its count.
  predicate plain_kept{A,B}(struct cordon *c) =
    \forall integer i; 0 <= i < \at(c->sections, A) * 512 && \at(c->frame[i].holder, A) == 0 ==>
      \at(c->frame[i].count, B) == \at(c->frame[i].count, A);

  // No entry changes but those of the host's last level that go.
  predicate pages_go{A,B}(struct cordon *c) =
    \forall integer row, i; 0 <= row < \at(c->phys_frames, A) && 0 <= i < 512 ==>
      \at(c->phys[row].e[i], B) == \at(c->phys[row].e[i], A) ||
      (\at(c->phys[row].e[i], B) == 0 && \at(row_level[row], A) == 3 && host_row{A}(c, row));

  // No entry changes but those that go.
  predicate entries_go{A,B}(struct cordon *c) =
    \forall integer row, i; 0 <= row < \at(c->phys_frames, A) && 0 <= i < 512 ==>
      \at(c->phys[row].e[i], B) == \at(c->phys[row].e[i], A) || \at(c->phys[row].e[i], B) == 0;

  // What grants (0) and revokes (else) do, and what they leave alone.
  predicate same_rest{A,B}(struct cordon *c) =
    same_head{A,B}(c) && same_map{A,B}(c) && same_leaves{A,B}(c) && same_tables{A,B}(c) && same_words{A,B}(c);

  predicate same_entries{A,B}(struct cordon *c) =
    \forall integer row, i; 0 <= row < \at(c->phys_frames, A) && 0 <= i < 512 ==>
      \at(c->phys[row].e[i], B) == \at(c->phys[row].e[i], A);

  // How many of num frames from `frame` on are of the same section.
  logic integer in_section(integer frame, integer num) = frame % 512 + num <= 512 ? num : 512 - frame % 512;

  // Record i is that of one of the n frames from `frame` on, which are of one section.
  predicate in_run{L}(struct cordon *c, integer i, integer frame, integer n) =
    \exists integer k; is_section(c, frame / 512, k) && k * 512 + frame % 512 <= i < k * 512 + frame % 512 + n;

  // How counts may go in a grant (0) or revoke (else) of any number of pages.
  predicate counts_move{A,B}(struct cordon *c, integer how, integer vm) =
    \forall integer i; 0 <= i < \at(c->sections, A) * 512 ==>
      (\at(c->frame[i].holder, A) != vm ==> \at(c->frame[i].count, B) == \at(c->frame[i].count, A)) &&
      (how == 0 ==> \at(c->frame[i].count, A) <= \at(c->frame[i].count, B) &&
        (\at(c->frame[i].count, B) <= 100 || \at(c->frame[i].count, B) == \at(c->frame[i].count, A))) &&
      (how != 0 ==> \at(c->frame[i].count, B) <= \at(c->frame[i].count, A));

  predicate shared{A,B}(struct cordon *c, integer how, integer vm) =
    same_rest{A,B}(c) && same_levels{A,B} && pages_go{A,B}(c) && (how == 0 ==> same_entries{A,B}(c)) &&
    counts_move{A,B}(c, how, vm);

  lemma section_once{L}: \forall struct cordon *c, integer number, j, k;
    spans_fit(c) && is_section(c, number, j) && is_section(c, number, k) ==> j == k;
  lemma map_kept{A,B}: \forall struct cordon *c;
    spans_fit{A}(c) && same_head{A,B}(c) && same_map{A,B}(c) ==> spans_fit{B}(c);
  lemma summaries_kept{A,B}: \forall struct cordon *c;
    summaries_hold{A}(c) && same_head{A,B}(c) && same_words{A,B}(c) && plain_kept{A,B}(c) ==> summaries_hold{B}(c);
  lemma leaves_kept{A,B}: \forall struct cordon *c;
    leaves_fit{A}(c) && same_head{A,B}(c) && same_leaves{A,B}(c) && same_levels{A,B} && \at(c->phys_frames, A) <= 68719476736 ==>
      leaves_fit{B}(c);
  lemma trees_kept{A,B}: \forall struct cordon *c;
    trees{A}(c) && same_head{A,B}(c) && same_levels{A,B} && pages_go{A,B}(c) &&
    \at(c->phys_frames, A) <= 68719476736 ==>
      trees{B}(c);
  lemma blocks_kept{A,B}: \forall struct cordon *c;
    blocks_fit{A}(c) && same_head{A,B}(c) && same_levels{A,B} && pages_go{A,B}(c) &&
    \at(c->phys_frames, A) <= 68719476736 ==>
      blocks_fit{B}(c);
  lemma trees_left{A,B}: \forall struct cordon *c;
    trees{A}(c) && same_head{A,B}(c) && same_levels{A,B} && entries_go{A,B}(c) &&
    \at(c->phys_frames, A) <= 68719476736 ==>
      trees{B}(c);
  lemma blocks_left{A,B}: \forall struct cordon *c;
    blocks_fit{A}(c) && same_head{A,B}(c) && same_levels{A,B} && entries_go{A,B}(c) &&
    \at(c->phys_frames, A) <= 68719476736 ==>
      blocks_fit{B}(c);
  lemma rooted_kept{A,B}: \forall struct cordon *c, integer i;
    rooted{A}(c, \at(&c->vm[i].s2, A)) && 0 <= i < \at(c->vms, A) && same_head{A,B}(c) && same_tables{A,B}(c) &&
    same_levels{A,B} && \at(c->phys_frames, A) <= 68719476736 && \at(c->vm[i].s2.root, A) >= 0 ==>
      rooted{B}(c, \at(&c->vm[i].s2, B));

  lemma rooted_left{A,B}: \forall struct cordon *c, integer i;
    rooted{A}(c, \at(&c->vm[i].s2, A)) && 0 <= i < \at(c->vms, A) && same_head{A,B}(c) && same_tables{A,B}(c) &&
    vm_levels_kept{A,B}(c) && \at(c->vm[i].s2.vmid, A) > 0 && \at(c->vm[i].s2.root, A) >= 0 ==>
      rooted{B}(c, \at(&c->vm[i].s2, B));
  // One after the other.
  lemma rest_chain{A,B,C}: \forall struct cordon *c;
    same_rest{A,B}(c) && same_rest{B,C}(c) ==> same_rest{A,C}(c);
  lemma pages_chain{A,B,C}: \forall struct cordon *c;
    same_rest{A,B}(c) && same_levels{A,B} && pages_go{A,B}(c) && pages_go{B,C}(c) &&
    \at(c->phys_frames, A) <= 68719476736 ==> pages_go{A,C}(c);
  lemma vm_levels_chain{A,B,C}: \forall struct cordon *c;
    same_head{A,B}(c) && vm_levels_kept{A,B}(c) && vm_levels_kept{B,C}(c) ==> vm_levels_kept{A,C}(c);
  lemma vm_rows_chain{A,B,C}: \forall struct cordon *c;
    same_head{A,B}(c) && vm_rows_kept{A,B}(c) && vm_rows_kept{B,C}(c) ==> vm_rows_kept{A,C}(c);
  lemma entries_chain{A,B,C}: \forall struct cordon *c;
    same_rest{A,B}(c) && same_entries{A,B}(c) && same_entries{B,C}(c) ==> same_entries{A,C}(c);
  lemma counts_chain{A,B,C}: \forall struct cordon *c, integer how, vm;
    same_rest{A,B}(c) && counts_move{A,B}(c, how, vm) && counts_move{B,C}(c, how, vm) ==> counts_move{A,C}(c, how, vm);
  lemma shared_chain{A,B,C}: \forall struct cordon *c, integer how, vm;
    shared{A,B}(c, how, vm) && shared{B,C}(c, how, vm) && \at(c->phys_frames, A) <= 68719476736 ==>
      shared{A,C}(c, how, vm);
*/

/* ---- a VM's pool, and what its tree grows by ---- */

/* The free tables of the VM whose lock is held, the one to be taken last first; who names a VM's table, and where. */
/*@ ghost long pool_row[68719476736]; */
/*@ ghost long above_row[68719476736]; */
/*@ ghost short above_index[68719476736]; */

/*@
  // The pool's list is pool_row, each frame in it once, and none of them is a table or the host's.
  predicate pool_head{L}(struct pool *p) =
    p->fresh_n == 0 && p->free <= p->total <= 68719476736 && (p->free > 0 ==> p->head == pool_row[p->free - 1]);
  predicate pool_spare{L}(struct cordon *c, struct pool *p) =
    \forall integer k; 0 <= k < p->free ==>
      0 <= pool_row[k] < c->phys_frames && row_level[pool_row[k]] == -1 && !host_row(c, pool_row[k]);
  predicate pool_linked{L}(struct cordon *c, struct pool *p) =
    \forall integer k; 0 < k < p->free ==> c->phys[pool_row[k]].e[0] == pool_row[k - 1];
  predicate pool_once{L}(struct pool *p) =
    \forall integer j, k; 0 <= j < k < p->free ==> pool_row[j] != pool_row[k];
  predicate pool_sound{L}(struct cordon *c, struct pool *p) =
    pool_head(p) && pool_spare(c, p) && pool_linked(c, p) && pool_once(p);

  predicate same_pool{A,B}(struct pool *p) =
    \at(p->fresh_n, B) == \at(p->fresh_n, A) && \at(p->free, B) == \at(p->free, A) &&
    \at(p->total, B) == \at(p->total, A) && \at(p->head, B) == \at(p->head, A);
  predicate same_list{A,B}(struct pool *p) =
    \forall integer k; 0 <= k < \at(p->free, B) ==> \at(pool_row[k], B) == \at(pool_row[k], A);
  lemma pool_head_kept{A,B}: \forall struct pool *p;
    pool_head{A}(p) && same_pool{A,B}(p) && same_list{A,B}(p) ==> pool_head{B}(p);
  lemma pool_spare_kept{A,B}: \forall struct cordon *c, struct pool *p;
    pool_spare{A}(c, p) && same_head{A,B}(c) && vm_free_kept{A,B}(c) && same_pool{A,B}(p) && same_list{A,B}(p) ==>
      pool_spare{B}(c, p);
  lemma pool_linked_kept{A,B}: \forall struct cordon *c, struct pool *p;
    pool_linked{A}(c, p) && pool_spare{A}(c, p) && same_head{A,B}(c) && vm_entries_kept{A,B}(c) && same_pool{A,B}(p) &&
    same_list{A,B}(p) ==> pool_linked{B}(c, p);
  lemma pool_once_kept{A,B}: \forall struct pool *p;
    pool_once{A}(p) && same_pool{A,B}(p) && same_list{A,B}(p) ==> pool_once{B}(p);
  lemma pool_kept{A,B}: \forall struct cordon *c, struct pool *p;
    pool_sound{A}(c, p) && same_head{A,B}(c) && vm_rows_kept{A,B}(c) && same_pool{A,B}(p) && same_list{A,B}(p) ==>
      pool_sound{B}(c, p);

  // Each table of a VM is named by one entry.
  predicate parents{L}(struct cordon *c) =
    \forall integer row, i; 0 <= row < c->phys_frames && 0 <= i < 512 && 0 <= row_level[row] < 3 && !host_row(c, row) &&
      table_entry(c->phys[row].e[i], row_level[row]) ==>
        above_row[entry_frame(c->phys[row].e[i])] == row && above_index[entry_frame(c->phys[row].e[i])] == i;

  // A VM's tree has grown: frames that were no tables are some, empty or of the last level, and tables that were there
  // name them, each once.
  predicate was_there{L}(struct cordon *c, integer r) = row_level[r] >= 0 || host_row(c, r);
  predicate names_new{A,B}(struct cordon *c, integer r, integer i, integer e, integer frame) =
    0 <= \at(row_level[r], A) < 3 && !host_row{A}(c, r) && e % 4 == 3 && e < 72057594037927936 &&
    0 <= frame < \at(c->phys_frames, A) && !was_there{A}(c, frame) && \at(row_level[frame], B) == \at(row_level[r], A) + 1 &&
    \at(above_row[frame], B) == r && \at(above_index[frame], B) == i;
  predicate old_tables{A,B}(struct cordon *c) =
    \forall integer r, i; 0 <= r < \at(c->phys_frames, A) && 0 <= i < 512 && was_there{A}(c, r) ==>
      \at(c->phys[r].e[i], B) == \at(c->phys[r].e[i], A) ||
      names_new{A,B}(c, r, i, \at(c->phys[r].e[i], B), entry_frame(\at(c->phys[r].e[i], B)));
  predicate new_tables{A,B}(struct cordon *c) =
    \forall integer r, i; 0 <= r < \at(c->phys_frames, A) && 0 <= i < 512 && !was_there{A}(c, r) && \at(row_level[r], B) >= 0 ==>
      \at(c->phys[r].e[i], B) == 0 || (\at(row_level[r], B) == 3 && \at(c->phys[r].e[i], B) < 72057594037927936);
  predicate levels_grown{A,B}(struct cordon *c) =
    \forall integer r; 0 <= r < \at(c->phys_frames, A) && was_there{A}(c, r) ==> \at(row_level[r], B) == \at(row_level[r], A);
  predicate above_grown{A,B}(struct cordon *c) =
    \forall integer r; 0 <= r < \at(c->phys_frames, A) && was_there{A}(c, r) ==>
      \at(above_row[r], B) == \at(above_row[r], A) && \at(above_index[r], B) == \at(above_index[r], A);
  predicate same_above{A,B}(struct cordon *c) =
    \forall integer r; 0 <= r < \at(c->phys_frames, A) ==>
      \at(above_row[r], B) == \at(above_row[r], A) && \at(above_index[r], B) == \at(above_index[r], A);
  predicate tree_grown{A,B}(struct cordon *c) =
    same_head{A,B}(c) && same_leaves{A,B}(c) && \at(c->phys_frames, A) <= 68719476736 && levels_grown{A,B}(c) &&
    above_grown{A,B}(c) && old_tables{A,B}(c) && new_tables{A,B}(c);
  lemma values_grown{A,B}: \forall struct cordon *c; trees{A}(c) && tree_grown{A,B}(c) ==>
    \forall integer row, i; 0 <= row < \at(c->phys_frames, B) && 0 <= i < 512 && 0 <= \at(row_level[row], B) <= 3 ==>
      \at(c->phys[row].e[i], B) < 72057594037927936;
  lemma children_grown{A,B}: \forall struct cordon *c; trees{A}(c) && tree_grown{A,B}(c) ==>
    \forall integer row, i; 0 <= row < \at(c->phys_frames, B) && 0 <= i < 512 && 0 <= \at(row_level[row], B) < 3 &&
      table_entry(\at(c->phys[row].e[i], B), \at(row_level[row], B)) ==>
        entry_frame(\at(c->phys[row].e[i], B)) < \at(c->phys_frames, B) &&
        \at(row_level[entry_frame(c->phys[row].e[i])], B) == \at(row_level[row], B) + 1;
  lemma kinds_grown{A,B}: \forall struct cordon *c; trees{A}(c) && tree_grown{A,B}(c) ==>
    \forall integer row, i; 0 <= row < \at(c->phys_frames, B) && 0 <= i < 512 && 0 <= \at(row_level[row], B) < 3 &&
      table_entry(\at(c->phys[row].e[i], B), \at(row_level[row], B)) ==>
        (host_row{B}(c, row) <==> host_row{B}(c, \at(entry_frame(c->phys[row].e[i]), B)));
  lemma trees_grown{A,B}: \forall struct cordon *c; trees{A}(c) && tree_grown{A,B}(c) ==> trees{B}(c);
  lemma blocks_grown{A,B}: \forall struct cordon *c; blocks_fit{A}(c) && tree_grown{A,B}(c) ==> blocks_fit{B}(c);
  lemma leaves_grown{A,B}: \forall struct cordon *c; leaves_fit{A}(c) && tree_grown{A,B}(c) ==> leaves_fit{B}(c);
  lemma parents_grown{A,B}: \forall struct cordon *c;
    trees{A}(c) && parents{A}(c) && tree_grown{A,B}(c) ==> parents{B}(c);

  // Entries that change map pages (level 3), or an aligned block of a VM or nothing (level 2).
  predicate maps_block(integer e) = e % 4 == 1 && e < 72057594037927936 && entry_frame(e) % 512 == 0;
  predicate leaves_change{A,B}(struct cordon *c) =
    \forall integer r, i; 0 <= r < \at(c->phys_frames, A) && 0 <= i < 512 ==>
      \at(c->phys[r].e[i], B) == \at(c->phys[r].e[i], A) ||
      (\at(row_level[r], A) == 3 && \at(c->phys[r].e[i], B) < 72057594037927936) ||
      (\at(row_level[r], A) == 2 && !host_row{A}(c, r) &&
        (maps_block(\at(c->phys[r].e[i], B)) || \at(c->phys[r].e[i], B) == 0));
  lemma trees_mapped{A,B}: \forall struct cordon *c;
    trees{A}(c) && same_head{A,B}(c) && same_levels{A,B} && leaves_change{A,B}(c) &&
    \at(c->phys_frames, A) <= 68719476736 ==> trees{B}(c);
  lemma blocks_mapped{A,B}: \forall struct cordon *c;
    blocks_fit{A}(c) && same_head{A,B}(c) && same_levels{A,B} && leaves_change{A,B}(c) &&
    \at(c->phys_frames, A) <= 68719476736 ==> blocks_fit{B}(c);
  lemma parents_mapped{A,B}: \forall struct cordon *c;
    parents{A}(c) && trees{A}(c) && same_head{A,B}(c) && same_levels{A,B} && leaves_change{A,B}(c) && same_above{A,B}(c) &&
    \at(c->phys_frames, A) <= 68719476736 ==> parents{B}(c);
  lemma pool_list_mapped{A,B}: \forall struct cordon *c, struct pool *p;
    pool_linked{A}(c, p) && pool_spare{A}(c, p) && same_head{A,B}(c) && leaves_change{A,B}(c) && same_pool{A,B}(p) &&
    same_list{A,B}(p) ==> pool_linked{B}(c, p);
  lemma parents_kept{A,B}: \forall struct cordon *c;
    parents{A}(c) && trees{A}(c) && same_head{A,B}(c) && vm_rows_kept{A,B}(c) && same_above{A,B}(c) ==> parents{B}(c);

  // No table changes but `row`, and that one in its entry `index` alone.
  predicate grown{A,B}(struct cordon *c, integer row, integer index) =
    \forall integer r, i; 0 <= r < \at(c->phys_frames, A) && 0 <= i < 512 && was_there{A}(c, r) &&
      !(r == row && i == index) ==> \at(c->phys[r].e[i], B) == \at(c->phys[r].e[i], A);
  lemma grown_chain{A,B,C}: \forall struct cordon *c, integer row, index;
    same_head{A,B}(c) && levels_grown{A,B}(c) && grown{A,B}(c, row, index) && grown{B,C}(c, row, index) ==>
      grown{A,C}(c, row, index);

  // A table that no entry names any more becomes none.
  predicate unnamed{L}(struct cordon *c, integer child) =
    \forall integer row, i; 0 <= row < c->phys_frames && 0 <= i < 512 && 0 <= row_level[row] < 3 &&
      table_entry(c->phys[row].e[i], row_level[row]) ==> entry_frame(c->phys[row].e[i]) != child;
  predicate retired{A,B}(struct cordon *c, integer child) =
    same_head{A,B}(c) && \at(c->phys_frames, A) <= 68719476736 && unnamed{A}(c, child) && 0 <= child < \at(c->phys_frames, A) &&
    \at(row_level[child], B) == -1 && !host_row{A}(c, child) &&
    (\forall integer r; 0 <= r < \at(c->phys_frames, A) && r != child ==> \at(row_level[r], B) == \at(row_level[r], A)) &&
    \forall integer r, i; 0 <= r < \at(c->phys_frames, A) && 0 <= i < 512 && r != child ==>
      \at(c->phys[r].e[i], B) == \at(c->phys[r].e[i], A);
  lemma trees_retired{A,B}: \forall struct cordon *c, integer child; trees{A}(c) && retired{A,B}(c, child) ==> trees{B}(c);
  lemma blocks_retired{A,B}: \forall struct cordon *c, integer child;
    blocks_fit{A}(c) && retired{A,B}(c, child) ==> blocks_fit{B}(c);
  lemma leaves_retired{A,B}: \forall struct cordon *c, integer child;
    leaves_fit{A}(c) && same_leaves{A,B}(c) && retired{A,B}(c, child) ==> leaves_fit{B}(c);
  lemma parents_retired{A,B}: \forall struct cordon *c, integer child;
    parents{A}(c) && trees{A}(c) && same_above{A,B}(c) && retired{A,B}(c, child) ==> parents{B}(c);
  lemma rooted_retired{A,B}: \forall struct cordon *c, integer i, child;
    rooted{A}(c, \at(&c->vm[i].s2, A)) && 0 <= i < \at(c->vms, A) && same_tables{A,B}(c) && retired{A,B}(c, child) &&
    \at(row_level[child], A) == 3 && \at(c->vm[i].s2.root, A) >= 0 ==> rooted{B}(c, \at(&c->vm[i].s2, B));
  // Each table is named by one entry: if that is a block now, it is by none.
  lemma named_once{A,B}: \forall struct cordon *c, integer row, index, child;
    parents{A}(c) && trees{A}(c) && same_head{A,B}(c) && same_levels{A,B} && \at(c->phys_frames, A) <= 68719476736 &&
    leaves_change{A,B}(c) && 0 <= row < \at(c->phys_frames, A) && 0 <= index < 512 && !host_row{A}(c, row) &&
    0 <= \at(row_level[row], A) < 3 && table_entry(\at(c->phys[row].e[index], A), \at(row_level[row], A)) &&
    entry_frame(\at(c->phys[row].e[index], A)) == child && maps_block(\at(c->phys[row].e[index], B)) ==> unnamed{B}(c, child);

  // What a change of a VM's tree needs beside tables(c): its free tables, and who names a table. When that is still so.
  predicate tree_ready{L}(struct cordon *c, struct vm *vm) = pool_sound(c, &vm->pool) && parents(c);
  predicate pages_left{A,B}(struct cordon *c) =
    vm_levels_kept{A,B}(c) && vm_free_kept{A,B}(c) &&
    \forall integer r, i; 0 <= r < \at(c->phys_frames, A) && !host_row{A}(c, r) && 0 <= i < 512 ==>
      \at(c->phys[r].e[i], B) == \at(c->phys[r].e[i], A) || (\at(row_level[r], A) == 3 && \at(c->phys[r].e[i], B) == 0);
  lemma rows_left{A,B}: \forall struct cordon *c; vm_rows_kept{A,B}(c) ==> pages_left{A,B}(c);
  lemma list_left{A,B}: \forall struct cordon *c, struct pool *p;
    pool_linked{A}(c, p) && pool_spare{A}(c, p) && same_head{A,B}(c) && pages_left{A,B}(c) && same_pool{A,B}(p) &&
    same_list{A,B}(p) ==> pool_linked{B}(c, p);
  lemma parents_left{A,B}: \forall struct cordon *c;
    parents{A}(c) && trees{A}(c) && same_head{A,B}(c) && pages_left{A,B}(c) && same_above{A,B}(c) ==> parents{B}(c);
  predicate tree_beside{A,B}(struct cordon *c, struct vm *vm) =
    same_head{A,B}(c) && pages_left{A,B}(c) && same_above{A,B}(c) && same_pool{A,B}(\at(&vm->pool, A)) &&
    same_list{A,B}(\at(&vm->pool, A));
  lemma tree_kept{A,B}: \forall struct cordon *c, struct vm *vm;
    tree_ready{A}(c, vm) && tables{A}(c) && tree_beside{A,B}(c, vm) ==> tree_ready{B}(c, vm);
  predicate tree_changed{A,B}(struct cordon *c, struct vm *vm) =
    same_head{A,B}(c) && same_levels{A,B} && same_above{A,B}(c) && leaves_change{A,B}(c) && same_pool{A,B}(\at(&vm->pool, A)) &&
    same_list{A,B}(\at(&vm->pool, A));
  lemma tree_mapped{A,B}: \forall struct cordon *c, struct vm *vm;
    tree_ready{A}(c, vm) && tables{A}(c) && tree_changed{A,B}(c, vm) ==> tree_ready{B}(c, vm);
*/

/* ---- how many of a section's frames have a holder ---- */

/* held_to[i]: how many of the first i have. An array, as a recursive function sends the provers round in circles. */
/*@ ghost int held_to[513]; */

/*@
  predicate counts_held{L}(struct frame *f, integer a, integer b, integer first, integer end) =
    0 <= held_to[first] && (\forall integer i; first <= i < end ==>
      held_to[i + 1] == held_to[i] + (f[i].holder == a || f[i].holder == b ? 1 : 0)) &&
    (\forall integer i; first <= i <= end ==> held_to[i] <= held_to[end]);
*/

/* rest_to[i]: how many of the first i are not the host's and stay so when those of a and b among first .. end-1 go. */
/*@ ghost int rest_to[513]; */

/*@
  predicate counts_rest{L}(struct frame *f, integer a, integer b, integer first, integer end) =
    (\forall integer i; 0 <= i < 512 ==> rest_to[i + 1] == rest_to[i] +
      (f[i].holder == 0 || (first <= i < end && (f[i].holder == a || f[i].holder == b)) ? 0 : 1)) &&
    (\forall integer i; 0 <= i <= 512 ==> 0 <= rest_to[i] <= rest_to[512]);
*/

/* Induction is beyond the provers: a loop has them go through a run that counts all (by: 1) or not at all (0). */
/*@ ghost
  /@ requires 0 <= first <= end <= 512 && (by == 0 || by == 1);
    @ requires steps: \forall integer i; first <= i < end ==> held_to[i + 1] == held_to[i] + by;
    @ assigns \nothing;
    @ exits \false;
    @ ensures none: by == 0 ==> held_to[end] == held_to[first];
    @ ensures all: by == 1 ==> held_to[end] == held_to[first] + (end - first);
    @/
  void held_run(unsigned long first, unsigned long end, int by)
  {
      unsigned long i = first;
      /@ loop invariant first <= i <= end;
        @ loop invariant by == 0 ==> held_to[i] == held_to[first];
        @ loop invariant by == 1 ==> held_to[i] == held_to[first] + (i - first);
        @ loop assigns i;
        @ loop variant end - i;
        @/
      while (i < end) {
          i = i + 1;
      }
  }
*/

/* No more are counted than there are. */
/*@ ghost
  /@ requires 0 <= first <= end <= 512;
    @ requires steps: \forall integer i; first <= i < end ==> held_to[i + 1] <= held_to[i] + 1;
    @ assigns \nothing;
    @ exits \false;
    @ ensures most: held_to[end] - held_to[first] <= end - first;
    @/
  void held_most(unsigned long first, unsigned long end)
  {
      unsigned long i = first;
      /@ loop invariant first <= i <= end;
        @ loop invariant held_to[i] - held_to[first] <= i - first;
        @ loop assigns i;
        @ loop variant end - i;
        @/
      while (i < end) {
          i = i + 1;
      }
  }
*/

/* If none is left at the end, none counted on the way. */
/*@ ghost
  /@ requires \forall integer i; 0 <= i <= 512 ==> 0 <= rest_to[i] <= rest_to[512];
    @ assigns \nothing;
    @ exits \false;
    @ ensures none: rest_to[512] == 0 ==> \forall integer i; 0 <= i < 512 ==> rest_to[i + 1] == rest_to[i];
    @/
  void rest_none(void)
  {
      /@ assert all: rest_to[512] == 0 ==> \forall integer i; 0 <= i <= 512 ==> rest_to[i] == 0; @/
  }
*/

/* ---- a walk ---- */

/*@
  // Levels are written out: a recursive definition sends the provers round in circles.
  logic integer entry_at{L}(struct cordon *c, integer row, integer gfn, integer level) =
    c->phys[row].e[index_at(gfn, level)];
  logic integer row_below{L}(struct cordon *c, integer row, integer gfn, integer level) =
    entry_frame(entry_at(c, row, gfn, level));

  logic integer top_row{L}(struct stage2 *t, integer gfn) = t->root + entry_number(gfn, t->start) / 512;
  logic integer row1{L}(struct cordon *c, struct stage2 *t, integer gfn) =
    t->start >= 1 ? top_row(t, gfn) : row_below(c, top_row(t, gfn), gfn, 0);
  logic integer row2{L}(struct cordon *c, struct stage2 *t, integer gfn) =
    t->start >= 2 ? top_row(t, gfn) : row_below(c, row1(c, t, gfn), gfn, 1);
  logic integer row3{L}(struct cordon *c, struct stage2 *t, integer gfn) = row_below(c, row2(c, t, gfn), gfn, 2);

  // The table that a walk to gfn reads at a level if everything above is a table, and what it reads there.
  logic integer walk_row{L}(struct cordon *c, struct stage2 *t, integer gfn, integer level) =
    level <= 0 ? top_row(t, gfn) : (level == 1 ? row1(c, t, gfn) : (level == 2 ? row2(c, t, gfn) : row3(c, t, gfn)));
  logic integer walk_entry{L}(struct cordon *c, struct stage2 *t, integer gfn, integer level) =
    entry_at(c, walk_row(c, t, gfn, level), gfn, level);

  // Whether everything above the level is a table.
  predicate walk_reaches{L}(struct cordon *c, struct stage2 *t, integer gfn, integer level) =
    (t->start <= 0 && 0 < level ==> table_entry(entry_at(c, top_row(t, gfn), gfn, 0), 0)) &&
    (t->start <= 1 && 1 < level ==> table_entry(entry_at(c, row1(c, t, gfn), gfn, 1), 1)) &&
    (t->start <= 2 && 2 < level ==> table_entry(entry_at(c, row2(c, t, gfn), gfn, 2), 2));

  // Where a walk ends: at the first entry that is no table, or at level 3.
  predicate walk_ends{L}(struct cordon *c, struct stage2 *t, integer gfn, integer level) =
    t->start <= level <= 3 && walk_reaches(c, t, gfn, level) &&
    (level < 3 ==> !table_entry(walk_entry(c, t, gfn, level), level));
*/

#endif
