/* SPDX-License-Identifier: Apache-2.0 */
#include "ram.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"

bool frames_have(const struct frames *list, uint32_t n, uint64_t frame)
{
    for (uint32_t i = 0; i < n; i++) {
        if (frame - list[i].first < list[i].count)
            return true;
    }
    return false;
}

bool sim_has_memory(const struct sim *s, uint64_t frame)
{
    return frame - s->private.first < s->private.count || frame - s->host_tables.first < s->host_tables.count ||
           frame - s->dma_tables.first < s->dma_tables.count || frames_have(s->ram, s->rams, frame);
}

uint16_t sim_first_holder(const struct sim *s, uint64_t frame)
{
    if (frames_have(s->core_mem, s->cores, frame))
        return 0xfffe;  /* the core's */
    if (frame - s->private.first < s->private.count || frames_have(s->ram, s->rams, frame))
        return 0;       /* the host's */
    return 0xffff;      /* no RAM */
}

bool sim_is_zero(const struct sim *s, uint64_t frame)
{
    const struct table *t = &s->phys[frame];

    return t->e[0] == 0 && memcmp(&t->e[0], &t->e[1], sizeof(*t) - sizeof(t->e[0])) == 0;
}

/* Opens the pages of the developer's machine that hold these frames. */
static bool open_frames(struct sim *s, struct frames f)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t first = f.first * 4096 / page * page;
    uint64_t end = (f.first + f.count) * 4096;

    return mprotect((char *)s->phys + first, end - first, PROT_READ | PROT_WRITE) == 0;
}

bool sim_memory_create(struct sim *s)
{
    void *at = mmap(NULL, s->frames * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED)
        return false;
    s->phys = at;
    s->flag = sim_sparse(s->frames);
    s->touched = sim_sparse(s->frames / 512 + 1);
    s->note = sim_sparse(s->frames * sizeof(*s->note));
    for (uint32_t i = 0; i < s->rams; i++)
        s->pages += s->ram[i].count;
    s->pages = 2 * (s->pages + s->private.count + s->host_tables.count);   /* as a table, and beneath the caches */
    s->page = sim_sparse(s->pages * 4096);
    if (s->page == NULL || s->flag == NULL || s->touched == NULL || s->note == NULL)
        return false;
    for (uint32_t i = 0; i < s->rams; i++) {
        if (!open_frames(s, s->ram[i]))
            return false;
    }
    return open_frames(s, s->private) && open_frames(s, s->host_tables) &&
           (s->dma_tables.count == 0 || open_frames(s, s->dma_tables));
}

void sim_memory_destroy(struct sim *s)
{
    sim_unsparse(s->phys, s->frames * 4096);
    sim_unsparse(s->page, s->pages * 4096);
    sim_unsparse(s->flag, s->frames);
    sim_unsparse(s->touched, s->frames / 512 + 1);
    sim_unsparse(s->note, s->frames * sizeof(*s->note));
}

/* ---- looking in from outside ---- */

uint64_t sim_peek(struct sim *s, uint64_t pfn, uint32_t word)
{
    return sim_has_memory(s, pfn) && word < 512 ? hw_load(&s->phys[pfn].e[word]) : 0;
}

void sim_poke(struct sim *s, uint64_t pfn, uint32_t word, uint64_t value)
{
    if (!sim_has_memory(s, pfn) || word >= 512)
        return;
    sim_touch(s, pfn);
    hw_store(&s->phys[pfn].e[word], value);
}

/* The range of the configuration with the lowest first frame at or above `from`. */
static const struct frames *next_ram(const struct sim *s, uint64_t from)
{
    const struct frames *best = NULL;

    for (uint32_t i = 0; i < s->rams; i++) {
        if (s->ram[i].first >= from && (best == NULL || s->ram[i].first < best->first))
            best = &s->ram[i];
    }
    return best;
}

static bool nonzero_in(struct sim *s, struct frames r, bool (*each)(uint64_t pfn, uint64_t word0, void *arg), void *arg)
{
    for (uint64_t p = r.first; p < r.first + r.count; p++) {
        uint64_t word;

        if (hw_load8(&s->touched[p / 512]) == 0) {
            p |= 511;
            continue;
        }
        if ((hw_load8(&s->flag[p]) & FRAME_TOUCHED) == 0)
            continue;
        word = hw_load(&s->phys[p].e[0]);
        if (word != 0 && !each(p, word, arg))
            return false;
    }
    return true;
}

void sim_nonzero(struct sim *s, bool (*each)(uint64_t pfn, uint64_t word0, void *arg), void *arg)
{
    const struct frames *r = next_ram(s, 0);

    while (r != NULL && nonzero_in(s, *r, each, arg))
        r = next_ram(s, r->first + r->count);
}
