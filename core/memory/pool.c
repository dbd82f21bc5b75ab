/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/pool.h"

/* A table, which nothing is in and no walk reaches, becomes the first of the list. */
/*@ requires \valid_read(c) && \valid(p) && row < c->phys_frames && \valid(&c->phys[row]);
  @ requires \separated(c, p, &c->phys[row]);
  @ requires p->free < UINT64_MAX;
  @ assigns c->phys[row].e[0], p->head, p->free;
  @ exits \false;
  @ ensures one: p->free == \old(p->free) + 1;
  @ ensures linked: p->head == row && c->phys[row].e[0] == \old(p->head);
  @*/
static void push(struct cordon *c, struct pool *p, uint64_t row)
{
    c->phys[row].e[0] = p->head;
    p->head = row;
    p->free += 1;
}

/* A free table, which there is: one that came back, else the next that nobody has had. */
static uint64_t pop(struct cordon *c, struct pool *p)
{
    uint64_t row;

    core_assert(c, p->free > 0);
    if (p->free > p->fresh_n) {
        row = p->head;
        core_assert(c, row < c->phys_frames);
        p->head = c->phys[row].e[0];
    } else {
        row = p->fresh;
        p->fresh += 1;
        p->fresh_n -= 1;
    }
    p->free -= 1;
    return row;
}

/* A frame that nothing refers to becomes a table. */
/*@ requires \valid_read(c) && row < c->phys_frames && \valid(&c->phys[row]) && \separated(c, &c->phys[row]);
  @ assigns c->phys[row];
  @ exits \false;
  @ ensures zero: all_zero(c, row, row);
  @*/
static void make_table(struct cordon *c, uint64_t row)
{
    /*@ loop invariant 0 <= i <= 512;
      @ loop invariant \forall integer r, k; row <= r <= row && 0 <= k < i ==> c->phys[r].e[k] == 0;
      @ loop assigns i, c->phys[row];
      @ loop variant 512 - i;
      @*/
    for (uint32_t i = 0; i < 512; i++)
        c->phys[row].e[i] = 0;
    arch_table_alloc(c, row);
}

void pool_init(struct pool *p, uint64_t row, uint64_t n)
{
    *p = (struct pool){ .fresh = row, .fresh_n = n, .head = 0, .free = n, .total = n };
}

void pool_add(struct cordon *c, struct pool *p, uint64_t row)
{
    push(c, p, row);
    p->total += 1;
}

uint64_t pool_take(struct cordon *c, struct pool *p)
{
    uint64_t row = pop(c, p);

    make_table(c, row);
    return row;
}

void pool_put(struct cordon *c, struct pool *p, uint64_t row)
{
    arch_table_free(c, row);
    push(c, p, row);
}

uint64_t pool_remove(struct cordon *c, struct pool *p)
{
    p->total -= 1;
    return pop(c, p);
}

void pool_root(struct cordon *c, uint64_t row)
{
    make_table(c, row);
}
