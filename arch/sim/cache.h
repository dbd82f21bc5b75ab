/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caches, as far as software must care for them: which frames have dirty lines, and what memory holds beneath.
 *
 * All CPUs are coherent. A line stays dirty until it is cleaned: as long as hardware might keep it. s->phys is what the
 * caches show. A machine for concurrent calls has no such model.
 */
#ifndef SIM_CACHE_H
#define SIM_CACHE_H

#include "state.h"

uint64_t cache_read(struct sim *s, uint64_t frame, uint32_t word, bool uncached);
void cache_write(struct sim *s, uint64_t frame, uint32_t word, uint64_t value, bool uncached);
/* Whether the caches hide other contents of the frame than they show. */
bool cache_hides(const struct sim *s, uint64_t frame);
/* The core writes this frame from now on, with caches on and unwatched. */
void cache_core_writes(struct sim *s, uint64_t frame);
/* The core writes zeros to this frame, or cleans it. */
void cache_zero(struct sim *s, uint64_t frame);
void cache_clean(struct sim *s, uint64_t frame);

#endif
