/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse arrays, growing lists, and accesses that a race detector must not see. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "state.h"

_Noreturn void arch_index_outside(uint64_t index, uint64_t bound)
{
    (void)fprintf(stderr, "simulated machine: index %llu is not below %llu\n", (unsigned long long)index,
                  (unsigned long long)bound);
    abort();
}

void *sim_sparse(uint64_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

void sim_unsparse(void *at, uint64_t bytes)
{
    if (at != NULL)
        (void)munmap(at, bytes);
}

struct table *sim_page_get(struct sim *s)
{
    uint64_t at = s->page_free;

    if (at == 0 && s->page_next < s->pages)
        return &s->page[s->page_next++];
    if (at == 0) {
        fputs("simulated machine: no page left for a shadow\n", stderr);
        abort();
    }
    s->page_free = s->page[at - 1].e[0];
    return &s->page[at - 1];
}

void sim_page_put(struct sim *s, struct table *page)
{
    page->e[0] = s->page_free;
    s->page_free = (uint64_t)(page - s->page) + 1;
}

void *sim_room(void *list, uint32_t used, uint32_t *room, size_t size)
{
    void *bigger;

    if (used < *room)
        return list;
    *room = *room == 0 ? 16 : 2 * *room;
    bigger = realloc(list, *room * size);
    if (bigger == NULL) {
        fputs("simulated machine: out of memory\n", stderr);
        abort();
    }
    return bigger;
}

#ifdef SIM_TSAN
#define UNSEEN __attribute__((noinline, no_sanitize("thread")))

UNSEEN uint64_t hw_load(const uint64_t *at) { return *(const volatile uint64_t *)at; }
UNSEEN void hw_store(uint64_t *at, uint64_t value) { *(volatile uint64_t *)at = value; }
UNSEEN uint32_t hw_load32(const uint32_t *at) { return *(const volatile uint32_t *)at; }
UNSEEN void hw_store32(uint32_t *at, uint32_t value) { *(volatile uint32_t *)at = value; }
UNSEEN uint8_t hw_load8(const uint8_t *at) { return *(const volatile uint8_t *)at; }
UNSEEN void hw_store8(uint8_t *at, uint8_t value) { *(volatile uint8_t *)at = value; }
#endif
