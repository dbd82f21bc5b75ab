/* SPDX-License-Identifier: Apache-2.0 */
#include "tlb.h"

#include <string.h>

#include "util.h"

/*
 * Entries hang in chains by VMID and the 2 MiB, 1 GiB or 512 GiB that hold them, so that a lookup and an invalidation
 * of a small range look at few. To drop all of a VMID its generation moves on, and older entries count as gone.
 */
static const unsigned shifts[3] = { 9, 18, 27 };

static unsigned class_of(uint64_t pages)
{
    return pages <= 512 ? 0 : pages <= (UINT64_C(1) << 18) ? 1 : 2;
}

static uint16_t *chain_of(struct tlb *t, uint32_t vmid, uint64_t page, unsigned class)
{
    uint64_t h = ((page >> shifts[class]) * 4 + class) * UINT64_C(0x9e3779b97f4a7c15) + vmid * UINT64_C(0xc2b2ae3d27d4eb4f);

    return &t->chain[(h >> 40) % TLB_CHAINS];
}

static uint32_t *gen_of(struct tlb *t, uint32_t kind, uint32_t vmid)
{
    return kind == TLB_COMBINED ? &t->combined_gen[vmid] : &t->stage2_gen[vmid];
}

static bool gone(struct tlb *t, const struct tlb_entry *e)
{
    return e->gen != *gen_of(t, e->kind, e->vmid);
}

/* Takes the entry at *link out. */
static void unlink_at(struct tlb *t, uint16_t *link)
{
    struct tlb_entry *e = &t->entry[*link - 1];
    uint16_t index = *link;

    *link = e->next;
    e->kind = 0;
    e->next = (uint16_t)t->free;
    t->free = index;
}

static uint64_t roll(struct tlb *t)
{
    t->dice ^= t->dice << 13;
    t->dice ^= t->dice >> 7;
    t->dice ^= t->dice << 17;
    return t->dice;
}

/* A place for a new entry; some old one goes when there is none. */
static uint32_t place(struct tlb *t)
{
    uint32_t index = t->free;

    if (index == 0 && t->used < t->room)
        return t->used++;
    if (index == 0) {
        uint32_t victim = (uint32_t)(roll(t) % t->room);
        struct tlb_entry *e = &t->entry[victim];
        uint16_t *link = chain_of(t, e->vmid, e->page, class_of(e->pages));

        while (*link != victim + 1)
            link = &t->entry[*link - 1].next;
        unlink_at(t, link);
        index = t->free;
    }
    t->free = t->entry[index - 1].next;
    return index - 1;
}

struct tlb_entry *tlb_find(struct tlb *t, enum tlb_kind kind, uint32_t vmid, uint64_t page)
{
    for (unsigned class = 0; class < 3; class++) {
        uint16_t i = *chain_of(t, vmid, page, class);

        for (; i != 0; i = t->entry[i - 1].next) {
            struct tlb_entry *e = &t->entry[i - 1];

            if (e->kind == kind && e->vmid == vmid && page - e->page < e->pages && class_of(e->pages) == class && !gone(t, e))
                return e;
        }
    }
    return NULL;
}

void tlb_insert(struct tlb *t, struct tlb_entry e)
{
    uint32_t index = place(t);
    uint16_t *link = chain_of(t, e.vmid, e.page, class_of(e.pages));

    e.gen = *gen_of(t, e.kind, e.vmid);
    e.next = *link;
    e.told = false;
    t->entry[index] = e;
    *link = (uint16_t)(index + 1);
    if (e.kind == TLB_COMBINED && e.page != e.ipa)
        t->stage1 = true;
}

static bool overlap(uint64_t a, uint64_t a_pages, uint64_t b, uint64_t b_pages)
{
    return a < b + b_pages && b < a + a_pages;
}

/* The guest-physical pages that the entry was made for. */
static uint64_t ipa_of(const struct tlb_entry *e)
{
    return e->kind == TLB_COMBINED ? e->ipa : e->page;
}

static bool hit_by(const struct tlb_entry *e, const struct tlbi *op)
{
    if (e->kind == 0 || (e->kind & op->kinds) == 0 || e->vmid != op->vmid)
        return false;
    if (op->pages != TLB_EVERYTHING && !overlap(e->page, e->pages, op->gfn, op->pages))
        return false;
    return op->keep.pages == 0 || !overlap(ipa_of(e), e->pages, op->keep.gfn, op->keep.pages);
}

static void sweep_chain(struct tlb *t, uint16_t *link, const struct tlbi *op)
{
    while (*link != 0) {
        struct tlb_entry *e = &t->entry[*link - 1];

        if (hit_by(e, op) || gone(t, e))
            unlink_at(t, link);
        else
            link = &e->next;
    }
}

static void sweep_all(struct tlb *t, const struct tlbi *op)
{
    for (uint32_t i = 0; i < TLB_CHAINS; i++)
        sweep_chain(t, &t->chain[i], op);
}

#define FEW_CHAINS 64

/* Chains of a class that a range has a part in. */
static uint64_t chains_in(uint64_t gfn, uint64_t pages, unsigned class)
{
    return ((gfn + pages - 1) >> shifts[class]) - (gfn >> shifts[class]) + 1;
}

void tlb_apply(struct tlb *t, const struct tlbi *op)
{
    if (op->pages == TLB_EVERYTHING && op->keep.pages == 0) {
        if ((op->kinds & TLB_COMBINED) != 0)
            t->combined_gen[op->vmid]++;
        if ((op->kinds & (TLB_STAGE2 | TLB_WALK)) != 0)
            t->stage2_gen[op->vmid]++;
        return;
    }
    if (op->pages == TLB_EVERYTHING || chains_in(op->gfn, op->pages, 0) > FEW_CHAINS) {
        sweep_all(t, op);
        return;
    }
    for (unsigned class = 0; class < 3; class++) {
        uint64_t n = chains_in(op->gfn, op->pages, class);

        for (uint64_t i = 0; i < n; i++)
            sweep_chain(t, chain_of(t, op->vmid, op->gfn + (i << shifts[class]), class), op);
    }
}

void tlb_flush(struct tlb *t)
{
    memset(t->chain, 0, sizeof(t->chain));
    t->used = 0;
    t->free = 0;
}

void tlb_all(struct tlb *t, tlb_visit *visit, void *arg)
{
    for (uint32_t i = 0; i < t->used; i++) {
        if (t->entry[i].kind != 0 && !gone(t, &t->entry[i]))
            visit(&t->entry[i], arg);
    }
}

static void visit_chain(struct tlb *t, uint16_t at, struct stretch g, tlb_visit *visit, void *arg)
{
    while (at != 0) {
        struct tlb_entry *e = &t->entry[at - 1];

        at = e->next;
        if (e->vmid == g.vmid && overlap(ipa_of(e), e->pages, g.gfn, g.pages) && !gone(t, e))
            visit(e, arg);
    }
}

void tlb_overlapping(struct tlb *t, struct stretch g, tlb_visit *visit, void *arg)
{
    if (t->stage1 || chains_in(g.gfn, g.pages, 0) > FEW_CHAINS) {
        for (uint32_t i = 0; i < TLB_CHAINS; i++)
            visit_chain(t, t->chain[i], g, visit, arg);
        return;
    }
    for (unsigned class = 0; class < 3; class++) {
        uint64_t n = chains_in(g.gfn, g.pages, class);

        for (uint64_t i = 0; i < n; i++)
            visit_chain(t, *chain_of(t, g.vmid, g.gfn + (i << shifts[class]), class), g, visit, arg);
    }
}

/* ---- making one ---- */

#define VMIDS 65536u

static uint64_t gens_bytes(void)
{
    return VMIDS * sizeof(uint32_t);
}

struct tlb *tlb_create(uint32_t room, uint64_t seed)
{
    struct tlb *t = sim_sparse(sizeof(*t));

    if (t == NULL)
        return NULL;
    t->room = room;
    t->dice = seed * 2 + 1;
    t->entry = sim_sparse(room * sizeof(*t->entry));
    t->stage2_gen = sim_sparse(gens_bytes());
    t->combined_gen = sim_sparse(gens_bytes());
    if (t->entry == NULL || t->stage2_gen == NULL || t->combined_gen == NULL) {
        tlb_destroy(t);
        return NULL;
    }
    return t;
}

void tlb_destroy(struct tlb *t)
{
    if (t == NULL)
        return;
    sim_unsparse(t->entry, t->room * sizeof(*t->entry));
    sim_unsparse(t->stage2_gen, gens_bytes());
    sim_unsparse(t->combined_gen, gens_bytes());
    sim_unsparse(t, sizeof(*t));
}
