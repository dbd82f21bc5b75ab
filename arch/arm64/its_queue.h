/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our command queue of the ITS (Arm IHI 0069, 5.3). All waiting is bounded. False: the ITS has made an error of a command, or
 * has not come on in time; s->failure says which. It is given no command any more then.
 */
#ifndef CORDON_ITS_QUEUE_H
#define CORDON_ITS_QUEUE_H

#include "its_format.h"
#include "its_state.h"

#define MUST_USE __attribute__((warn_unused_result))

#define ITS_QUEUE_SIZE UINT64_C(0x1000)

/* Polls before an ITS counts as silent: of a register that takes no less than 50 ns, so that it has had 50 ms. */
#define ITS_PATIENCE 1000000u

/* Gives the empty queue at s->commands to an ITS that is not enabled. */
void its_queue_set_up(struct its *s);

/* Queues one command, for its_complete(); where the queue is full some are done before. */
bool MUST_USE its_command(struct its *s, const struct its_command *c);

/* All that was queued is done. What became of it is in s->live as well. */
bool its_complete(struct its *s);

#endif
