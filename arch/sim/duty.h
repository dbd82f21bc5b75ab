/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duties: for every entry that was taken out of a live table, the invalidation that the architecture asks for.
 *
 * Arm ARM D8.13, D8.14: a barrier that makes the store seen by the walkers, TLBI IPAS2E1IS for what the entry gave (or
 * everything of the VMID), DSB ISH, TLBI VMALLE1IS for the combined translations, DSB ISH. Each CPU has the duties of
 * its own stores, touched by its own thread alone; a lock may not be dropped while one is open that it guards (S11).
 */
#ifndef SIM_DUTY_H
#define SIM_DUTY_H

#include "state.h"

enum duty_state {
    DUTY_WRITTEN,           /* stored; a walker may still read the old value */
    DUTY_ORDERED,           /* DSB: no walker will */
    DUTY_STAGE2_ISSUED,     /* TLBI IPAS2E1IS given */
    DUTY_STAGE2_DONE,       /* DSB ISH: gone, but combined translations may be left */
    DUTY_COMBINED_ISSUED,   /* TLBI VMALLE1IS given, or VMALLS12E1IS */
    DUTY_DONE,
};

struct duty {
    enum duty_state state;
    uint32_t vmid;
    uint64_t gfn, pages;    /* what the entry covered */
    bool any;               /* one invalidation anywhere in the range does: a single entry, or an empty table */
    bool walk_only;         /* the entry gave no translation, so no combined ones are left */
    uint32_t level;
    uint32_t guard;         /* LOCK_ kind */
    uint64_t row, old;      /* which entry, and its value */
    uint32_t index;
};

void duty_add(struct sim *s, struct cpu *cpu, struct duty d);
/* Steps of this CPU. */
void duty_ordered(struct cpu *cpu);
void duty_completed(struct cpu *cpu);
void duty_stage2(struct cpu *cpu, uint32_t vmid, uint64_t gfn, uint64_t pages);
void duty_combined(struct cpu *cpu, uint32_t vmid);
void duty_all(struct cpu *cpu, uint32_t vmid);
/* An open duty of this CPU that overlaps; or NULL. */
const struct duty *duty_open(const struct cpu *cpu, uint32_t vmid, uint64_t gfn, uint64_t pages);
/* What overlaps and was stored without a barrier since: an invalidation has no hold on it yet. pages 0: nothing. */
struct stretch duty_unordered(const struct cpu *cpu, uint32_t vmid, uint64_t gfn, uint64_t pages);
/* What is missing before it is done. */
const char *duty_missing(const struct duty *d, char *buffer, size_t size);
/* Reports and forgets the open duties that a lock guards; kind 0: all. */
void duty_lock_dropped(struct sim *s, struct cpu *cpu, uint32_t kind, uint64_t id);

#endif
