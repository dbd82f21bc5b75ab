/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include "cpu.h"

#define RECORDS 256

/* mark: the record's number + 1 once it is written, 0 while it is being written. */
static struct record {
    uint64_t mark;
    uint64_t event;
    uint64_t first;
    uint64_t second;
} ring[RECORDS];

static uint64_t next;

void log_event(enum cordon_event event, uint64_t first, uint64_t second)
{
    uint64_t number = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
    struct record *r = &ring[number % RECORDS];

    __atomic_store_n(&r->mark, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);    /* nobody takes the new values for the old record's */
    r->event = (uint64_t)event | (uint64_t)this_cpu()->number << 32;
    r->first = first;
    r->second = second;
    __atomic_store_n(&r->mark, number + 1, __ATOMIC_RELEASE);
}

void log_read(uint64_t number, uint64_t *out)
{
    uint64_t end = __atomic_load_n(&next, __ATOMIC_RELAXED);
    const struct record *r = &ring[number % RECORDS];
    uint64_t mark;

    if (number >= end) {
        out[0] = 2;
        out[1] = end;
        return;
    }
    mark = __atomic_load_n(&r->mark, __ATOMIC_ACQUIRE);
    out[1] = r->event;
    out[2] = r->first;
    out[3] = r->second;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);    /* the values were read before the mark is looked at again */
    if (mark == number + 1 && __atomic_load_n(&r->mark, __ATOMIC_RELAXED) == mark) {
        out[0] = 0;
        return;
    }
    out[0] = end - number > RECORDS ? 1 : 2;
    out[1] = end > RECORDS ? end - RECORDS : 0;
    out[2] = 0;
    out[3] = 0;
}
