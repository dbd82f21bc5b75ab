/* SPDX-License-Identifier: Apache-2.0 */
/* Each CPU takes the vectors that begin with the step which was chosen for it: predict.h. */
#ifndef CORDON_ENTRY_STEP_H
#define CORDON_ENTRY_STEP_H

#include "cpu.h"

/* From here on this CPU's entries from the host and from guests begin with it: sets VBAR_EL2. */
void entry_step_set_up(struct cpu *cpu);

/* What was chosen for this CPU, and what its vectors have of it, on the UART. */
void entry_step_say(void);

#endif
