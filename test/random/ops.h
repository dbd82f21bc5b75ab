/* SPDX-License-Identifier: Apache-2.0 */
/* Operations as values: made, performed on core and model, printed, and left out one by one. */
#ifndef RANDOM_OPS_H
#define RANDOM_OPS_H

#include "world.h"

/* X(NAME, word, what a, b, c mean) */
#define OPS(X) \
    X(CREATE, "create", "root frame") \
    X(CREATE_ELSEWHERE, "create-elsewhere", "") \
    X(DONATE, "donate", "frame, number") \
    X(FEED, "feed", "tables") \
    X(MAP, "map", "address, pte, level") \
    X(MAP_RANGE, "map-range", "address, frame, number") \
    X(MAP_IO, "map-io", "address, device address") \
    X(GRANT, "grant", "address, size, calls") \
    X(REVOKE, "revoke", "address, size, calls") \
    X(CLEAR, "clear", "frame, number, calls") \
    X(WALK, "walk", "address") \
    X(HOST_FAULT, "host-fault", "address") \
    X(READ, "read", "address (vm 0: the host)") \
    X(WRITE, "write", "address, value") \
    X(DMA_READ, "dma-read", "address") \
    X(DMA_WRITE, "dma-write", "address, value") \
    X(DESTROY_STEP, "destroy-step", "") \
    X(DESTROY, "destroy", "")

enum op_kind {
#define OP_ENUM(name, word, meaning) OP_##name,
    OPS(OP_ENUM)
#undef OP_ENUM
    OP_KINDS
};

struct op {
    enum op_kind kind;
    uint32_t cpu;
    uint32_t vm;            /* an id, which need not exist; the host 0 */
    bool flag;              /* map: zeroed; read: with caches off */
    uint64_t a, b, c;
};

/* Performs it on both and compares what they answer. False: they differ, p->why. */
bool op_apply(struct pair *p, const struct world *w, const struct op *op);
void op_print(const struct op *op);
/* The sequence as a trace for `cordon replay`; what a trace cannot say stands as comments. */
void ops_print_trace(const struct world *w, const struct op *op, uint64_t n);

/* The next operation of a random sequence, guided by what the model holds. */
struct hot {
    uint64_t pfn[8];
    uint64_t gfn[8];
    struct op last;
    uint32_t repeat;
};
struct op op_random(struct rng *r, const struct world *w, struct model *m, struct hot *h);

#endif
