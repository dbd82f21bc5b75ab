/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

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

/*@ requires \valid(c) && \valid(p) && \valid(c->phys + (0 .. c->phys_frames - 1));
  @ requires \separated(c, p, c->phys + (0 .. c->phys_frames - 1)) && c->phys_frames <= 68719476736;
  @ requires 0 < p->free && p->fresh_n <= p->free;
  @ requires p->free > p->fresh_n ==> p->head < c->phys_frames;
  @ requires p->fresh_n > 0 ==> p->fresh + p->fresh_n <= c->phys_frames;
  @ assigns p->head, p->fresh, p->fresh_n, p->free;
  @ exits \false;
  @ ensures row: \result < c->phys_frames;
  @ ensures one: p->free == \old(p->free) - 1;
  @ ensures listed: \old(p->free > p->fresh_n) ==> \result == \old(p->head) && p->fresh_n == \old(p->fresh_n);
  @ ensures fresh: \old(p->free == p->fresh_n) ==> \result == \old(p->fresh) && p->fresh == \old(p->fresh) + 1;
  @ ensures within: p->fresh_n <= p->free && (p->fresh_n > 0 ==> p->fresh + p->fresh_n <= c->phys_frames);
  @ ensures next: \old(p->free > p->fresh_n) ==> p->head == c->phys[\result].e[0];
  @*/
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

    /*@ for sound: assert free: p->free == \at(p->free, Pre) - 1 && p->fresh_n == 0 && p->total == \at(p->total, Pre); */
    /*@ for sound: assert top: row == pool_row[p->free]; */
    /*@ for sound: assert others: \forall integer k; 0 <= k < p->free ==> pool_row[k] != row; */
    /*@ for sound: assert head: p->free > 0 ==> p->head == pool_row[p->free - 1]; */
    /*@ assert apart: \separated(p, &c->phys[row]); */
    /*@ ghost popped: ; */
    make_table(c, row);
    /*@ assert head: same_head{Pre,Here}(c); */
    /*@ assert same: p->free == \at(p->free, popped) && p->head == \at(p->head, popped); */
    /*@ for sound: assert still: p->free == \at(p->free, Pre) - 1 && row == pool_row[p->free]; */
    /*@ for sound: assert list: \forall integer k; 0 < k < p->free ==> c->phys[pool_row[k]].e[0] == pool_row[k - 1]; */
    /*@ for sound: assert head: pool_head(p); */
    /*@ for sound: assert spare: pool_spare(c, p); */
    /*@ for sound: assert linked: pool_linked(c, p); */
    /*@ for sound: assert once: pool_once(p); */
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
