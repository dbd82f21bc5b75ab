/* SPDX-License-Identifier: Apache-2.0 */
/* The step of the machine that hashes, as in arch.h: with the CPU's own instructions, or not at all. */
#ifndef CORDON_ARCH_SHA256_H
#define CORDON_ARCH_SHA256_H

#include "arch.h"

/*@ requires \valid(s) && 0 < blocks <= 64 && \valid_read(word + (0 .. blocks * 8 - 1)) && \separated(s, word + (0 .. blocks * 8 - 1));
  @ assigns s->h[0 .. 7], s->blocks;
  @ exits \false;
  @*/
bool arch_sha256(struct cordon *c, struct sha256 *s, const uint64_t *word, uint64_t blocks);

#endif
