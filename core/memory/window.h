/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which frames outside of RAM are a VM's: the windows of its devices, frames behind a BAR. The host's lock guards who has
 * which, because the host's faults look there: a frame in a window is private for the host, and no block of device memory
 * that it maps has one in it.
 */
#ifndef CORDON_WINDOW_H
#define CORDON_WINDOW_H

#include "machine.h"

/* Whether one of frames first .. first+n-1 lies in a window of a VM's. The host's lock is held. n >= 1. */
/*@ requires \valid_read(c) && n >= 1;
  @ assigns \nothing;
  @ exits \false;
  @ ensures \result <==> \exists integer i, k; 0 <= i < 8 && 0 <= k < 6 && in_windows(c, i, k, first, n);
  @*/
bool window_has(const struct cordon *c, uint64_t first, uint64_t n);

/*
 * Which VM has the frame in a window, 0: none. The frames from it on up to *end, which the caller has set, are alike on return:
 * *end is no more than it was, and above the frame. Takes the host's lock.
 */
uint32_t window_owner(struct cordon *c, uint64_t frame, uint64_t *end);

/*
 * The windows that `found` names become those of d, which has none yet. False, and nothing has changed: one lies where a VM
 * has one already (or is in two places here), or is not wholly device memory that the host could have mapped.
 */
bool window_take(struct cordon *c, struct device *d, const struct device *found);

/*
 * Has the host's table map no page of d's windows any more, a bounded part of it a call: true when it does not. Blocks that reach
 * into a window go whole; what is the host's of them comes again by faults.
 */
bool window_withdraw(struct cordon *c, struct device *d);

#endif
