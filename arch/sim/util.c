/* SPDX-License-Identifier: Apache-2.0 */
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

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
