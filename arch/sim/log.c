/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>

void log_write(struct sim *s, const struct cpu *cpu, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)pthread_mutex_lock(&s->log_lock);
    (void)fprintf(s->log, "%llu cpu%u ", (unsigned long long)++s->log_line, cpu->id);
    (void)vfprintf(s->log, format, args);
    (void)fputc('\n', s->log);
    (void)pthread_mutex_unlock(&s->log_lock);
    va_end(args);
}
