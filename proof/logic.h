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
  predicate section_sound{L}(struct cordon *c, integer k) =
    (c->section[k].taken == 0 ==> \forall integer i; k * 512 <= i < k * 512 + 512 ==>
      c->frame[i].holder == 0 && (c->section[k].pinned == 0 ==> c->frame[i].count == 0)) &&
    (c->section[k].leaf != 0 ==>
      c->section[k].leaf < c->phys_frames && host_row(c, c->section[k].leaf) && row_level[c->section[k].leaf] == 3);

  predicate sections_sound{L}(struct cordon *c) =
    \forall integer k; 0 <= k < c->sections ==> section_sound(c, k);

  predicate machine{L}(struct cordon *c) =
    arrays(c) && spans_fit(c) && host_rows_fit(c) && trees(c) && sections_sound(c);

  // A caller's record of progress, which is no part of the machine.
  predicate apart{L}(struct cordon *c, struct cordon_progress *p) =
    \separated(p, c, c->phys + (0 .. c->phys_frames - 1), c->section + (0 .. c->sections - 1),
               c->frame + (0 .. c->sections * 512 - 1), c->vm + (0 .. c->vms - 1),
               c->span + (0 .. c->spans - 1), c->hidden + (0 .. c->hiddens - 1));

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
  predicate is_table_of{L}(struct cordon *c, struct stage2 *t, integer row, integer level) =
    0 <= row < c->phys_frames && row_level[row] == level && (host_row(c, row) <==> t->vmid == 0);
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
