/* SPDX-License-Identifier: Apache-2.0 */
/* What mitigation.c chooses for each CPU, by its registers and its firmware's word; and the firmware's calls about prediction. */
#ifndef CORDON_PREDICT_H
#define CORDON_PREDICT_H

#include "cpu.h"

/* Chooses for this CPU. The firmware is asked: not before it can be called. */
void predict_set_up(struct cpu *cpu);

/* A call of the host's about prediction goes to the firmware, where that has it; false: it has not, or it is no such call. */
bool predict_call(uint64_t x[4]);
/* What SMCCC_ARCH_FEATURES answers the host about such a call. */
int64_t predict_features(uint64_t function);

/* Before a guest's first instruction and after its last: its stores are not bypassed, whatever the host wants for itself. */
void predict_guest_enters(struct cpu *cpu);
void predict_guest_left(struct cpu *cpu);

#endif
