/* SPDX-License-Identifier: Apache-2.0 */
/* Findings: kept as text, the first ones; all are counted. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "log.h"

/* One finding. invariant: the short name it begins with. */
void report(struct sim *s, const struct cpu *cpu, const char *invariant, const char *format, ...) PRINTF(4, 5);
const char *who_name(uint32_t vmid, char *buffer, size_t size);

#endif
