/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which physical memory there is. RAM is known in sections of 2 MiB; spans are runs of sections that hold some RAM, so
 * that frame records take 8 bytes for each frame that exists and none for the holes between. Fixed after boot: no lock.
 */
#ifndef CORDON_REGION_H
#define CORDON_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "arch.h"

/* The index of section `number` (pa / 2 MiB), or false when no part of it is RAM. */
/*@ requires arrays(c) && spans_fit(c);
  @ requires \valid(index) && \separated(index, c, c->span + (0 .. c->spans - 1), c->hidden + (0 .. c->hiddens - 1));
  @ assigns *index;
  @ exits \false;
  @ ensures found: \result ==> *index < c->sections && number < 134217728 && is_section(c, number, *index);
  @ ensures none: !\result ==> !in_ram(c, number) && *index == \old(*index);
  @*/
static inline bool region_section(const struct cordon *c, uint64_t number, uint64_t *index)
{
    /*@ loop invariant 0 <= i <= c->spans;
      @ loop invariant \forall integer k; 0 <= k < i ==> !in_span(c, k, number);
      @ loop assigns i;
      @ loop variant c->spans - i;
      @*/
    for (uint32_t i = 0; i < c->spans; i++) {
        if (number >= c->span[i].first && number - c->span[i].first < c->span[i].count) {
            *index = c->span[i].base + arch_index(number - c->span[i].first, c->span[i].count);
            return true;
        }
    }
    return false;
}

/* Whether all of the sections first .. first+n-1 exist; *index is the first one's. Spans are never adjacent. */
/*@ requires arrays(c) && spans_fit(c);
  @ requires \valid(index) && \separated(index, c, c->span + (0 .. c->spans - 1), c->hidden + (0 .. c->hiddens - 1));
  @ requires n >= 1;
  @ assigns *index;
  @ exits \false;
  @ ensures \result ==> is_section(c, first, *index) && *index + n <= c->sections;
  @ ensures \result ==> \exists integer i; 0 <= i < c->spans && in_span(c, i, first) &&
  @   first + n <= c->span[i].first + c->span[i].count;
  @*/
bool region_all_sections(const struct cordon *c, uint64_t first, uint64_t n, uint64_t *index);

/* Whether none of the frames first .. first+n-1 is in a section of RAM, nor hidden: device memory for anyone. */
/*@ requires arrays(c) && spans_fit(c);
  @ requires first <= 68719476736 && n <= 68719476736 && n >= 1;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result ==> \forall integer i; 0 <= i < c->spans ==> beside_span(c, i, first, n);
  @ ensures \result ==> \forall integer i; 0 <= i < c->hiddens ==>
  @   first + n <= c->hidden[i].first || c->hidden[i].first + c->hidden[i].count <= first;
  @*/
bool region_is_device(const struct cordon *c, uint64_t first, uint64_t n);

/* Frames from `frame`, which is in no section of RAM, to the next one that is; to the end of all frames if none is. */
/*@ requires arrays(c) && spans_fit(c);
  @ requires frame < 68719476736 && \forall integer i; 0 <= i < c->spans ==> beside_span(c, i, frame, 1);
  @ assigns \nothing;
  @ exits \false;
  @ ensures 1 <= \result <= 68719476736 - frame;
  @ ensures \forall integer i; 0 <= i < c->spans ==> beside_span(c, i, frame, \result);
  @*/
uint64_t region_gap(const struct cordon *c, uint64_t frame);

/* Whether one frame outside of every section is hidden from the host. */
/*@ requires arrays(c) && spans_fit(c);
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> \exists integer i; 0 <= i < c->hiddens && in_hidden(c, i, frame);
  @*/
bool region_is_hidden(const struct cordon *c, uint64_t frame);

#endif
