/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU's TLB: what it may keep, it keeps, until an invalidation covers it or its room runs out.
 *
 * Three kinds of entries, as the architecture allows them (Arm ARM D8.13): stage-2 translations by VMID and
 * guest-physical range; combined ones by VMID and virtual range, which an invalidation by IPA does not reach; and
 * pointers to tables, which let a walk begin lower down.
 */
#ifndef SIM_TLB_H
#define SIM_TLB_H

#include "state.h"

enum tlb_kind { TLB_STAGE2 = 1, TLB_COMBINED = 2, TLB_WALK = 4 };

struct tlb_entry {
    uint64_t page;          /* first guest-physical page that it covers; virtual for a combined one */
    uint64_t pages;         /* 1, 512, 2^18, 2^27 */
    uint64_t ipa;           /* combined: the guest-physical page of `page` */
    uint64_t pfn;           /* of the first page, or the table */
    uint32_t vmid;
    uint32_t gen;           /* the VMID's generation when it came in: see tlb.c */
    uint16_t next;          /* in its chain, or among the free: index + 1 */
    uint8_t kind;
    uint8_t level;          /* of the leaf, or of the table */
    bool device, read, write;
    bool told;              /* a report named it already */
};

#define TLB_CHAINS 1024

struct tlb {
    struct tlb_entry *entry;
    uint32_t room;
    uint32_t used;          /* entry[used ..] were never used */
    uint32_t free;          /* list: index + 1 */
    uint64_t dice;
    bool stage1;            /* a combined entry may have another virtual than guest-physical page */
    uint16_t chain[TLB_CHAINS];
    uint32_t *stage2_gen;   /* a generation for each VMID: of stage-2 and walk entries */
    uint32_t *combined_gen; /* of combined ones */
};

#define TLB_EVERYTHING UINT64_MAX   /* pages of an invalidation that has no range */

/* An invalidation that was issued; it takes effect when it is complete. */
struct tlbi {
    uint32_t kinds;         /* of entries that it drops */
    uint32_t vmid;
    uint64_t gfn, pages;
    struct stretch keep;    /* entries that the issuing CPU's stores retract without having been ordered before it */
};

struct tlb *tlb_create(uint32_t room, uint64_t seed);
void tlb_destroy(struct tlb *t);

/* The entry of a kind that covers the page; the smallest. */
struct tlb_entry *tlb_find(struct tlb *t, enum tlb_kind kind, uint32_t vmid, uint64_t page);
void tlb_insert(struct tlb *t, struct tlb_entry e);
void tlb_apply(struct tlb *t, const struct tlbi *op);
void tlb_flush(struct tlb *t);

typedef void tlb_visit(struct tlb_entry *e, void *arg);
/* All entries of a VMID that may come from translations of the guest-physical range. */
void tlb_overlapping(struct tlb *t, struct stretch g, tlb_visit *visit, void *arg);
void tlb_all(struct tlb *t, tlb_visit *visit, void *arg);

#endif
