/* SPDX-License-Identifier: Apache-2.0 */
/* Into the host and out of it. */
#ifndef CORDON_ENTRY_H
#define CORDON_ENTRY_H

#include <stdint.h>

/* The vectors while the host runs: a set for each enum entry_step. */
extern const char vectors[], vectors_loop[], vectors_clear[], vectors_firmware[];

/* The host begins, or goes on, on this CPU. */
_Noreturn void enter_host(uint64_t entry, uint64_t x0);

#endif
