/* SPDX-License-Identifier: Apache-2.0 */
/* What happened while the host ran: a ring of records that the host reads by CORDON_CALL_LOG. */
#ifndef CORDON_LOG_H
#define CORDON_LOG_H

#include "cordon/abi.h"
#include <stdint.h>

void log_event(enum cordon_event event, uint64_t first, uint64_t second);

/* Results of CORDON_CALL_LOG in out[0 .. 3]. */
void log_read(uint64_t number, uint64_t *out);

#endif
