/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operations of the seed over ranges have in common: map.c, clear.c, share.c. SEMANTICS 3.
 *
 * Each works on runs: consecutive guest frames that one entry or one last-level table maps to consecutive frames of one
 * section. A run costs one walk, one lock of the section and one invalidation. Decode, then perform: what a run needs
 * is checked, and tables are reserved, before the first change.
 */
#ifndef CORDON_RANGE_H
#define CORDON_RANGE_H

#include "cordon/cordon.h"

/* The answer of a call that did nothing, and why. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result.status == status && \result.done == 0 && \result.changed == 0;
  @ ensures \result.unmapped == 0 && \result.not_owned == 0 && \result.saturated == 0;
  @*/
static inline struct cordon_progress refuse(enum cordon_status status)
{
    return (struct cordon_progress){ .status = status };
}

/* Whether num pages from `first` on lie below the limit. */
/*@ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> first < limit && first + num <= limit;
  @*/
static inline bool in_range(uint64_t first, uint64_t num, uint64_t limit)
{
    return first < limit && num <= limit - first;
}

#endif
