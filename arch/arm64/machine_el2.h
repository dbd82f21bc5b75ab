/* SPDX-License-Identifier: Apache-2.0 */
/* The one machine that the core guards at EL2. board.c starts it. */
#ifndef CORDON_MACHINE_EL2_H
#define CORDON_MACHINE_EL2_H

#include "machine.h"

extern struct cordon machine;

#endif
