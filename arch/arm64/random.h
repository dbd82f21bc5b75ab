/* SPDX-License-Identifier: Apache-2.0 */
/* Where guests' random numbers come from on the machine itself. */
#ifndef CORDON_RANDOM_H
#define CORDON_RANDOM_H

#include "fdt.h"

/*
 * Gives every CPU's generator a key, from all that this machine has, and the host other seeds in its tree. Once, before the
 * host runs, with the CPUs' structures in place. What there was to begin with is said on the UART.
 */
void random_set_up(const struct fdt *f);

#endif
