/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical memory: the whole span of physical addresses is reserved and only RAM may be touched, so that a wild access
 * of the core's crashes where it happens.
 */
#ifndef SIM_RAM_H
#define SIM_RAM_H

#include "hw.h"
#include "state.h"

/* The span of physical memory: 0 .. s->frames-1. RAM and hidden ranges are in place. */
bool sim_memory_create(struct sim *s);
void sim_memory_destroy(struct sim *s);
bool frames_have(const struct frames *list, uint32_t n, uint64_t frame);
/* Whether there is memory behind the frame: RAM, private or not. */
bool sim_has_memory(const struct sim *s, uint64_t frame);
static inline void sim_touch(struct sim *s, uint64_t frame)
{
    hw_store8(&s->flag[frame], (uint8_t)((hw_load8(&s->flag[frame]) | FRAME_TOUCHED) & ~FRAME_ZEROED));
    hw_store8(&s->touched[frame / 512], 1);
}
/* What a frame is by the configuration: the holder that its record has at the start. */
uint16_t sim_first_holder(const struct sim *s, uint64_t frame);
bool sim_is_zero(const struct sim *s, uint64_t frame);

#endif
