/* SPDX-License-Identifier: Apache-2.0 */
/* Touching memory that may be gone: SIGBUS or SIGSEGV is then an answer. */
#ifndef VMM_GUARD_H
#define VMM_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* From now on SIGBUS and SIGSEGV in the functions below are an answer, elsewhere the end with a message. */
void guard_set_up(void);
/* Each: false when the access met a signal. */
bool guard_load(const void *from, uint64_t *value);
bool guard_store(void *to, uint64_t value);
bool guard_fill(void *to, uint64_t bytes, uint64_t value);
bool guard_copy(void *to, const void *from, uint64_t bytes);
bool guard_sum(const void *from, uint64_t bytes, uint64_t *sum);

#endif
