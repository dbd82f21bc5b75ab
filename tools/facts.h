/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one dump says, and which of the invariants can be seen to fail in it.
 *
 * A dump shows owners, counts, mappings and first words, so I1, I2, I3, I4 and, from one dump to the next, I8 can be
 * judged; TLBs, device tables and table frames are not in it.
 */
#ifndef CORDON_TOOL_FACTS_H
#define CORDON_TOOL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FACTS_HOST 0u
#define FACTS_CORE 0xffffffffu

struct fact_frame {
    uint64_t line, pfn, n, gfn;
    uint32_t owner;             /* FACTS_HOST, FACTS_CORE or a VM */
    uint64_t count;
};

struct fact_map {
    uint64_t line, gfn, n, pfn;
    uint32_t who;               /* FACTS_HOST or a VM */
    unsigned level;
    bool device;
};

struct fact_mem {
    uint64_t line, pfn, word0;
};

struct facts {
    struct fact_frame *frame;   /* ascending, disjoint */
    size_t frames, frame_room;
    struct fact_map *map;       /* ascending by who, then gfn */
    size_t maps, map_room;
    struct fact_mem *mem;
    size_t mems, mem_room;
};

/* Append one line's fact. false: out of memory. */
bool facts_add_frame(struct facts *f, const struct fact_frame *frame);
bool facts_add_map(struct facts *f, const struct fact_map *map);
bool facts_add_mem(struct facts *f, const struct fact_mem *mem);
/* Forgets the dump and keeps the room. */
void facts_clear(struct facts *f);
void facts_free(struct facts *f);

/* Where violations go: `rule` is the invariant's name, `line` where the fact that breaks it stands. */
struct facts_judge {
    void (*violated)(struct facts_judge *j, uint64_t line, const char *rule, const char *why);
    bool out_of_memory;
};

/* Judges one dump by itself. */
void facts_judge(const struct facts *f, struct facts_judge *j);
/* Judges what passed from VMs to the host between two dumps with no write between them. */
void facts_judge_step(const struct facts *before, const struct facts *after, struct facts_judge *j);

#endif
