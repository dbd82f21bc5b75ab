/* SPDX-License-Identifier: Apache-2.0 */
/* The state that a CPU's registers must have when the host begins on it. */
#ifndef CORDON_CPU_SETUP_H
#define CORDON_CPU_SETUP_H

#include <stdint.h>

/* Sets every EL2 register that says what the host may do, and the EL1 ones whose reset state the host relies on. */
void cpu_set_up(uint64_t vtcr, uint64_t vttbr);

#endif
