/* SPDX-License-Identifier: Apache-2.0 */
#include "base/region.h"

/* Whether a_count frames from a on and b_count from b on have one in common. */
/*@ requires a + a_count <= UINT64_MAX && b + b_count <= UINT64_MAX;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> a < b + b_count && b < a + a_count;
  @*/
static bool overlap(uint64_t a, uint64_t a_count, uint64_t b, uint64_t b_count)
{
    return a < b + b_count && b < a + a_count;
}

bool region_all_sections(const struct cordon *c, uint64_t first, uint64_t n, uint64_t *index)
{
    /*@ loop invariant 0 <= i <= c->spans;
      @ loop assigns i;
      @ loop variant c->spans - i;
      @*/
    for (uint32_t i = 0; i < c->spans; i++) {
        if (first >= c->span[i].first && first - c->span[i].first < c->span[i].count) {
            *index = c->span[i].base + arch_index(first - c->span[i].first, c->span[i].count);
            return n <= c->span[i].count - (first - c->span[i].first);
        }
    }
    return false;
}

bool region_is_device(const struct cordon *c, uint64_t first, uint64_t n)
{
    /*@ loop invariant 0 <= i <= c->spans;
      @ loop invariant \forall integer k; 0 <= k < i ==> beside_span(c, k, first, n);
      @ loop assigns i;
      @ loop variant c->spans - i;
      @*/
    for (uint32_t i = 0; i < c->spans; i++) {
        if (overlap(first, n, c->span[i].first * 512, c->span[i].count * 512))
            return false;
    }
    /*@ loop invariant 0 <= i <= c->hiddens;
      @ loop invariant \forall integer k; 0 <= k < i ==>
      @   first + n <= c->hidden[k].first || c->hidden[k].first + c->hidden[k].count <= first;
      @ loop assigns i;
      @ loop variant c->hiddens - i;
      @*/
    for (uint32_t i = 0; i < c->hiddens; i++) {
        if (overlap(first, n, c->hidden[i].first, c->hidden[i].count))
            return false;
    }
    return true;
}

uint64_t region_gap(const struct cordon *c, uint64_t frame)
{
    uint64_t end = CORDON_FRAME_LIMIT;

    /*@ loop invariant 0 <= i <= c->spans;
      @ loop invariant frame < end <= 68719476736;
      @ loop invariant \forall integer k; 0 <= k < i && c->span[k].first * 512 > frame ==> end <= c->span[k].first * 512;
      @ loop assigns i, end;
      @ loop variant c->spans - i;
      @*/
    for (uint32_t i = 0; i < c->spans; i++) {
        if (c->span[i].first * 512 > frame && c->span[i].first * 512 < end)
            end = c->span[i].first * 512;
    }
    return end - frame;
}

bool region_is_hidden(const struct cordon *c, uint64_t frame)
{
    /*@ loop invariant 0 <= i <= c->hiddens;
      @ loop invariant \forall integer k; 0 <= k < i ==> !in_hidden(c, k, frame);
      @ loop assigns i;
      @ loop variant c->hiddens - i;
      @*/
    for (uint32_t i = 0; i < c->hiddens; i++) {
        if (frame >= c->hidden[i].first && frame - c->hidden[i].first < c->hidden[i].count)
            return true;
    }
    return false;
}
