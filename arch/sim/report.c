/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *who_name(uint32_t vmid, char *buffer, size_t size)
{
    if (vmid == 0)
        (void)snprintf(buffer, size, "the host");
    else
        (void)snprintf(buffer, size, "VM %u", vmid);
    return buffer;
}

static char *text_of(const struct cpu *cpu, const char *invariant, const char *detail)
{
    char head[160];
    char *text;

    (void)snprintf(head, sizeof(head), "%s: cpu %u, in %s: ", invariant, cpu->id,
                   cpu->what != NULL ? cpu->what : "no operation");
    text = malloc(strlen(head) + strlen(detail) + 1);
    if (text != NULL) {
        (void)strcpy(text, head);
        (void)strcat(text, detail);
    }
    return text;
}

void report(struct sim *s, const struct cpu *cpu, const char *invariant, const char *format, ...)
{
    char detail[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    (void)pthread_mutex_lock(&s->report_lock);
    if (s->reports < SIM_REPORTS_KEPT)
        s->report[s->reports] = text_of(cpu, invariant, detail);
    (void)__atomic_fetch_add(&s->reports, 1, __ATOMIC_RELAXED);
    (void)pthread_mutex_unlock(&s->report_lock);
    LOG(s, cpu, "report %s: %s", invariant, detail);
}

unsigned sim_reports(struct sim *s)
{
    unsigned n;

    (void)pthread_mutex_lock(&s->report_lock);
    n = s->reports;
    (void)pthread_mutex_unlock(&s->report_lock);
    return n;
}

const char *sim_report(struct sim *s, unsigned i)
{
    if (i >= sim_reports(s))
        return "";
    if (i >= SIM_REPORTS_KEPT || s->report[i] == NULL)
        return "(one more finding, not kept)";
    return s->report[i];
}
