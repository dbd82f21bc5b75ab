/* SPDX-License-Identifier: Apache-2.0 */
/* What the host has in its memory, read in its name. */
#include "memory/memory.h"

/* Whether it is 1 .. 4 words of one page. */
static enum cordon_status check_words(uint64_t addr, uint64_t words)
{
    if (addr % 8 != 0 || addr % CORDON_PAGE_SIZE + words * 8 > CORDON_PAGE_SIZE)
        return CORDON_UNALIGNED;
    return words == 0 ? CORDON_EMPTY : CORDON_OK;
}

/* The host's CPUs may write to the page meanwhile: each word is loaded once. */
static void copy(const struct cordon *c, uint64_t frame, uint64_t first, uint64_t *word, uint64_t words)
{
    const volatile uint64_t *from = c->phys[arch_index(frame, c->phys_frames)].e;

    for (uint64_t i = 0; i < words; i++)
        word[i] = from[first + i];
}

/* With the section's lock the frame stays the host's until all is copied. */
enum cordon_status cordon_read_host(struct cordon *c, pa_t addr, uint64_t *word, uint64_t words)
{
    uint64_t frame = addr.v / CORDON_PAGE_SIZE;
    enum cordon_status status;
    struct section_locked s;
    uint64_t index;

    if (frame >= c->pfn_limit || words > 4)
        return CORDON_RANGE;
    status = check_words(addr.v, words);
    if (status != CORDON_OK)
        return status;
    if (memory_section(c, frame, &index) != CORDON_OK)
        return CORDON_PRIVATE;
    s = section_lock(c, index, frame / 512);
    if (!frame_host_may_map(s.frame[frame % 512]))
        status = CORDON_PRIVATE;
    else
        copy(c, frame, addr.v % CORDON_PAGE_SIZE / 8, word, words);
    section_unlock(c, s);
    return status;
}
