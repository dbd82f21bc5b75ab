/* SPDX-License-Identifier: Apache-2.0 */
/* The log of every step, one a line: docs/LOG.md. */
#ifndef SIM_LOG_H
#define SIM_LOG_H

#include "state.h"

#ifdef __GNUC__
#define PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define PRINTF(a, b)
#endif
void log_write(struct sim *s, const struct cpu *cpu, const char *format, ...) PRINTF(3, 4);
#define LOG(s, cpu, ...) ((s)->log != NULL ? log_write((s), (cpu), __VA_ARGS__) : (void)0)

#endif
