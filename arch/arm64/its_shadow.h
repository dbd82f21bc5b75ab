/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ITS's registers as the host sees them (Arm IHI 0069, 12.9). What it says of tables is kept and shown to it, and never
 * used: nothing of it reaches the ITS but whether it is enabled.
 */
#ifndef CORDON_ITS_SHADOW_H
#define CORDON_ITS_SHADOW_H

#include "its_state.h"

/* An access of 4 or 8 bytes, aligned, below ITS_FRAME. The queue goes on with each. */
uint64_t its_shadow_read(struct its *s, uint32_t offset, uint32_t bytes);
/* False: a register that cannot be written, or not with this. */
bool its_shadow_write(struct its *s, uint32_t offset, uint32_t bytes, uint64_t value);

#endif
