/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <stddef.h>
#include <string.h>

#define PAGE UINT64_C(4096)
#define BLOCK UINT64_C(512)
#define SHARE_MAX 100

const uint32_t model_word[MODEL_WORDS] = { 0, 1, 255, 511 };

/* ---- looking ---- */

struct model_frame *model_frame(struct model *m, uint64_t pfn)
{
    for (uint32_t i = 0; i < m->rams; i++) {
        if (pfn >= m->ram[i].first && pfn - m->ram[i].first < m->ram[i].count)
            return &m->ram[i].frame[pfn - m->ram[i].first];
    }
    return NULL;
}

uint32_t model_owner(struct model *m, uint64_t pfn)
{
    struct model_frame *f = model_frame(m, pfn);

    return f ? f->owner : MODEL_INVALID;
}

bool model_hidden(const struct model *m, uint64_t pfn)
{
    for (uint32_t i = 0; i < m->hiddens; i++) {
        if (pfn >= m->hidden[i].base / PAGE && pfn < (m->hidden[i].base + m->hidden[i].size) / PAGE)
            return true;
    }
    return false;
}

bool model_host_may(struct model *m, uint64_t pfn)
{
    struct model_frame *f = model_frame(m, pfn);

    if (!f)
        return !model_hidden(m, pfn);
    return f->owner == MODEL_HOST || (f->owner != MODEL_CORE && f->count > 0);
}

bool model_device_may(struct model *m, uint64_t pfn)
{
    return m->devices && model_frame(m, pfn) && model_host_may(m, pfn);
}

struct model_vm *model_vm(struct model *m, uint32_t id)
{
    for (uint32_t i = 0; i < MODEL_VMS; i++) {
        if (m->vm[i].id == id && m->vm[i].state != MODEL_NONE)
            return &m->vm[i];
    }
    return NULL;
}

struct model_entry *model_entry(struct model *m, struct model_vm *v, uint64_t gfn)
{
    for (uint32_t i = 0; i < m->windows; i++) {
        if (gfn >= m->window[i] && gfn - m->window[i] < MODEL_WINDOW_PAGES)
            return &v->map[i][gfn - m->window[i]];
    }
    return NULL;
}

static struct model_vm *find_slot(struct model *m, uint32_t id)
{
    for (uint32_t i = 0; i < MODEL_VMS; i++) {
        if (m->vm[i].id == id)
            return &m->vm[i];
    }
    return NULL;
}

/* OK, NO_VM or STATE: whether the VM takes operations; *v is set when it exists. */
static enum cordon_status live(struct model *m, uint32_t id, struct model_vm **v)
{
    *v = model_vm(m, id);
    if (!*v)
        return CORDON_NO_VM;
    return (*v)->state == MODEL_LIVE ? CORDON_OK : CORDON_STATE;
}

/* ---- the VM's tables: only how many there are, because pools run dry ---- */

static uint64_t table_key(uint64_t gfn, uint32_t level)
{
    return (uint64_t)level << 60 | gfn >> (9 * (4 - level));
}

static uint32_t table_find(const struct model_vm *v, uint64_t key)
{
    uint32_t i = 0;

    while (i < v->tables && v->table[i] != key)
        i++;
    return i;
}

static bool has_table(const struct model_vm *v, uint64_t gfn, uint32_t level)
{
    return table_find(v, table_key(gfn, level)) < v->tables;
}

/* Tables that are missing on the way to an entry of `level`. */
static uint32_t missing(const struct model *m, const struct model_vm *v, uint64_t gfn, uint32_t level)
{
    uint32_t n = 0;

    for (uint32_t l = m->vm_start + 1; l <= level; l++)
        n += has_table(v, gfn, l) ? 0 : 1;
    return n;
}

static void add_tables(const struct model *m, struct model_vm *v, uint64_t gfn, uint32_t level)
{
    for (uint32_t l = m->vm_start + 1; l <= level; l++) {
        if (!has_table(v, gfn, l)) {
            v->table[v->tables++] = table_key(gfn, l);
            v->free--;
        }
    }
}

static void drop_table(struct model_vm *v, uint64_t gfn, uint32_t level)
{
    uint32_t i = table_find(v, table_key(gfn, level));

    if (i == v->tables)
        return;
    v->table[i] = v->table[--v->tables];
    v->free++;
}

/* ---- frames ---- */

static void zero_words(struct model_frame *f)
{
    memset(f->word, 0, sizeof f->word);
}

static enum cordon_status can_assign(struct model *m, uint32_t id, uint64_t gfn, uint64_t pfn)
{
    struct model_frame *f = model_frame(m, pfn);

    if (!f)
        return CORDON_OWNED;
    if (f->owner == MODEL_HOST)
        return f->count == 0 ? CORDON_OK : CORDON_SHARED;
    if (f->owner == id)
        return f->gfn == gfn ? CORDON_OK : CORDON_GFN;
    return CORDON_OWNED;
}

static void assign(struct model *m, uint32_t id, uint64_t gfn, uint64_t pfn, enum cordon_contents contents)
{
    struct model_frame *f = model_frame(m, pfn);

    if (f->owner == id)
        return;
    f->owner = id;
    f->count = 0;
    f->gfn = gfn;
    f->dirty = false;
    if (contents == CORDON_ZERO)
        zero_words(f);
}

/* Host frames pfn .. pfn+num-1 become the core's, to feed the tables of VM id. */
static enum cordon_status lend(struct model *m, uint32_t id, uint64_t pfn, uint64_t num)
{
    for (uint64_t i = 0; i < num; i++) {
        struct model_frame *f = model_frame(m, pfn + i);

        if (!f || f->owner != MODEL_HOST)
            return CORDON_OWNED;
        if (f->count > 0)
            return CORDON_SHARED;
    }
    for (uint64_t i = 0; i < num; i++) {
        struct model_frame *f = model_frame(m, pfn + i);

        f->owner = MODEL_CORE;
        f->lent = id;
    }
    return CORDON_OK;
}

/* ---- lifecycle ---- */

static void born(struct model_vm *v)
{
    uint32_t id = v->id;

    memset(v, 0, sizeof *v);
    v->id = id;
    v->state = MODEL_LIVE;
}

static enum cordon_status can_create(struct model *m, uint32_t id)
{
    if (id < 1 || id > m->max_vm)
        return CORDON_NO_VM;
    return model_vm(m, id) ? CORDON_EXISTS : CORDON_OK;
}

enum cordon_status model_create(struct model *m, uint32_t id, uint64_t root)
{
    enum cordon_status status;

    if (root >= CORDON_FRAME_LIMIT)
        return CORDON_RANGE;
    if (root % m->vm_roots != 0)
        return CORDON_UNALIGNED;
    status = can_create(m, id);
    if (status == CORDON_OK)
        status = lend(m, id, root, m->vm_roots);
    if (status == CORDON_OK)
        born(find_slot(m, id));
    return status;
}

enum cordon_status model_create_elsewhere(struct model *m, uint32_t id)
{
    enum cordon_status status = can_create(m, id);

    if (status == CORDON_OK)
        born(find_slot(m, id));
    return status;
}

enum cordon_status model_donate(struct model *m, uint32_t id, uint64_t pfn, uint64_t num)
{
    struct model_vm *v;
    enum cordon_status status;

    if (pfn >= CORDON_FRAME_LIMIT || num < 1 || num > BLOCK || num + pfn % BLOCK > BLOCK)
        return CORDON_RANGE;
    status = live(m, id, &v);
    if (status == CORDON_OK)
        status = lend(m, id, pfn, num);
    if (status == CORDON_OK)
        v->free += (int64_t)num;
    return status;
}

void model_reclaim(struct model *m, struct model_vm *v, uint64_t pfn)
{
    struct model_frame *f = model_frame(m, pfn);
    struct model_entry *e = f->owner == v->id ? model_entry(m, v, f->gfn) : NULL;

    if (e)
        *e = (struct model_entry){ 0 };
    *f = (struct model_frame){ .owner = MODEL_HOST };
}

void model_gone(struct model *m, struct model_vm *v)
{
    for (uint32_t i = 0; i < m->rams; i++) {
        for (uint64_t k = 0; k < m->ram[i].count; k++) {
            struct model_frame *f = &m->ram[i].frame[k];

            if (f->owner == v->id || (f->owner == MODEL_CORE && f->lent == v->id))
                *f = (struct model_frame){ .owner = MODEL_HOST };
        }
    }
    v->state = MODEL_NONE;
}

/* ---- mapping ---- */

/* Of n guest frames from gfn on: how many are mapped to frames from pfn on as normal memory, and how many at all. */
struct fit {
    uint64_t same;
    uint64_t mapped;
    uint64_t blocks;
};

static struct fit fit(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t pfn, uint64_t n)
{
    struct fit t = { 0 };

    for (uint64_t i = 0; i < n; i++) {
        const struct model_entry *e = model_entry(m, v, gfn + i);

        if (!e || e->level == 0)
            continue;
        t.mapped++;
        t.same += e->pfn == pfn + i && !e->device;
        t.blocks += e->level == 2;
    }
    return t;
}

static enum cordon_status claim(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t pfn, uint64_t n, uint32_t level,
                                enum cordon_contents contents)
{
    for (uint64_t i = 0; i < n; i++) {
        enum cordon_status status = can_assign(m, v->id, gfn + i, pfn + i);

        if (status != CORDON_OK)
            return status;
    }
    for (uint64_t i = 0; i < n; i++) {
        assign(m, v->id, gfn + i, pfn + i, contents);
        *model_entry(m, v, gfn + i) = (struct model_entry){ (uint8_t)level, false, pfn + i };
    }
    return CORDON_OK;
}

static enum cordon_status map_pages(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t pfn, uint64_t n,
                                    enum cordon_contents contents)
{
    struct fit t = fit(m, v, gfn, pfn, n);
    enum cordon_status status;

    if (t.same == n)
        return CORDON_OK;
    if (t.mapped > t.same)
        return CORDON_MAPPED;
    if (v->free < (int64_t)missing(m, v, gfn, 3))
        return CORDON_NO_MEMORY;
    status = claim(m, v, gfn, pfn, n, 3, contents);
    if (status == CORDON_OK)
        add_tables(m, v, gfn, 3);
    return status;
}

static enum cordon_status map_block(struct model *m, struct model_vm *v, uint64_t gfn, uint64_t pfn,
                                    enum cordon_contents contents)
{
    struct fit t = fit(m, v, gfn, pfn, BLOCK);
    enum cordon_status status = CORDON_OK;

    if (t.mapped > 0 && t.same < BLOCK)
        return CORDON_MAPPED;
    if (t.blocks > 0)
        return CORDON_OK;
    if (t.mapped == 0) {
        if (v->free < (int64_t)missing(m, v, gfn, 2))
            return CORDON_NO_MEMORY;
        status = claim(m, v, gfn, pfn, BLOCK, 2, contents);
    }
    if (status != CORDON_OK)
        return status;
    for (uint64_t i = 0; i < BLOCK; i++)
        model_entry(m, v, gfn + i)->level = 2;
    add_tables(m, v, gfn, 2);
    drop_table(v, gfn, 3);
    return CORDON_OK;
}

enum cordon_status model_map(struct model *m, uint32_t id, uint64_t addr, uint64_t pte, uint32_t level,
                             enum cordon_contents contents)
{
    uint64_t gfn = addr / PAGE;
    uint64_t pfn = (pte & UINT64_C(0x0000fffffffff000)) / PAGE;
    struct model_vm *v;
    enum cordon_status status;

    if (gfn >= m->vm_limit || pfn >= m->pfn_limit)
        return CORDON_RANGE;
    if (level == 2 && pfn % BLOCK != 0)
        return CORDON_UNALIGNED;
    status = live(m, id, &v);
    if (status != CORDON_OK)
        return status;
    if (level == 2)
        return map_block(m, v, gfn - gfn % BLOCK, pfn, contents);
    return map_pages(m, v, gfn, pfn, 1, contents);
}

static struct cordon_progress refused(enum cordon_status status)
{
    return (struct cordon_progress){ .status = status };
}

struct cordon_progress model_map_range_call(struct model *m, uint32_t id, uint64_t addr, uint64_t pfn, uint64_t num,
                                            enum cordon_contents contents)
{
    uint64_t gfn = addr / PAGE;
    uint64_t n = num;
    uint64_t already;
    struct model_vm *v;
    enum cordon_status status;

    if (gfn >= m->vm_limit || num > m->vm_limit - gfn || pfn >= m->pfn_limit || num > m->pfn_limit - pfn)
        return refused(CORDON_RANGE);
    if (num == 0)
        return refused(CORDON_EMPTY);
    if (addr % PAGE != 0)
        return refused(CORDON_UNALIGNED);
    status = live(m, id, &v);
    if (status != CORDON_OK)
        return refused(status);
    if (n > BLOCK - gfn % BLOCK)
        n = BLOCK - gfn % BLOCK;
    if (n > BLOCK - pfn % BLOCK)
        n = BLOCK - pfn % BLOCK;
    already = fit(m, v, gfn, pfn, n).same;
    status = map_pages(m, v, gfn, pfn, n, contents);
    if (status != CORDON_OK)
        return refused(status);
    return (struct cordon_progress){ .status = n < num ? CORDON_AGAIN : CORDON_OK, .done = n, .changed = n - already };
}

enum cordon_status model_map_io(struct model *m, uint32_t id, uint64_t gpa, uint64_t pa)
{
    struct model_vm *v;
    struct model_entry *e;
    enum cordon_status status;

    if (gpa / PAGE >= m->vm_limit || pa / PAGE >= m->pfn_limit)
        return CORDON_RANGE;
    if (gpa % PAGE != 0 || pa % PAGE != 0)
        return CORDON_UNALIGNED;
    status = live(m, id, &v);
    if (status != CORDON_OK)
        return status;
    if (model_frame(m, pa / PAGE) || model_hidden(m, pa / PAGE))
        return CORDON_RAM;
    e = model_entry(m, v, gpa / PAGE);
    if (e->level != 0)
        return e->device && e->pfn == pa / PAGE ? CORDON_OK : CORDON_MAPPED;
    if (v->free < (int64_t)missing(m, v, gpa / PAGE, 3))
        return CORDON_NO_MEMORY;
    *e = (struct model_entry){ 3, true, pa / PAGE };
    add_tables(m, v, gpa / PAGE, 3);
    return CORDON_OK;
}

enum cordon_status model_walk(struct model *m, uint32_t id, uint64_t addr, struct model_entry *entry)
{
    struct model_vm *v = model_vm(m, id);
    const struct model_entry *e;

    if (addr / PAGE >= m->vm_limit)
        return CORDON_RANGE;
    if (!v)
        return CORDON_NO_VM;
    e = model_entry(m, v, addr / PAGE);
    *entry = e ? *e : (struct model_entry){ 0 };
    return CORDON_OK;
}

enum cordon_status model_host_fault(struct model *m, uint64_t addr)
{
    if (addr / PAGE >= m->pfn_limit || addr / PAGE >= m->host_limit)
        return CORDON_RANGE;
    return model_host_may(m, addr / PAGE) ? CORDON_OK : CORDON_PRIVATE;
}

/* ---- grant and revoke ---- */

static void share_page(struct model *m, struct model_vm *v, const struct model_entry *e, bool grant, struct cordon_progress *p)
{
    struct model_frame *f = model_frame(m, e->pfn);

    if (e->level == 0)
        p->unmapped++;
    else if (!f || f->owner != v->id)
        p->not_owned++;
    else if (grant ? f->count >= SHARE_MAX : f->count == 0)
        p->saturated++;
    else {
        f->count = grant ? f->count + 1 : f->count - 1;
        p->changed++;
    }
}

static void share_pages(struct model *m, struct model_vm *v, uint64_t gfn, bool grant, struct cordon_progress *p)
{
    uint64_t seen = 0;

    for (uint32_t w = 0; w < m->windows; w++) {
        for (uint64_t i = 0; i < MODEL_WINDOW_PAGES; i++) {
            if (m->window[w] + i - gfn < p->done) {
                share_page(m, v, &v->map[w][i], grant, p);
                seen++;
            }
        }
    }
    p->unmapped += p->done - seen;
}

struct cordon_progress model_share_call(struct model *m, uint32_t id, uint64_t addr, uint64_t size, bool grant, uint64_t done)
{
    uint64_t limit = m->vm_limit * PAGE;
    uint64_t num = size / PAGE + (size % PAGE != 0);
    struct cordon_progress p = { .status = CORDON_OK, .done = done };
    struct model_vm *v;
    enum cordon_status status;

    if (addr >= limit || size > limit - addr)
        return refused(CORDON_RANGE);
    if (size == 0)
        return refused(CORDON_EMPTY);
    if (addr % PAGE != 0)
        return refused(CORDON_UNALIGNED);
    status = live(m, id, &v);
    if (status != CORDON_OK)
        return refused(status);
    p.done = done > num ? num : done;
    p.status = done < num ? CORDON_AGAIN : CORDON_OK;
    share_pages(m, v, addr / PAGE, grant, &p);
    return p;
}

/* ---- clear ---- */

static bool by_block(struct model *m, struct model_vm *v, uint64_t pfn)
{
    struct model_frame *f = model_frame(m, pfn);

    return f && f->owner == v->id && model_entry(m, v, f->gfn)->level == 2;
}

/* The rest of the block that maps the frame goes on as pages. */
static void split(struct model *m, struct model_vm *v, uint64_t pfn)
{
    uint64_t gfn = model_frame(m, pfn)->gfn;

    for (uint64_t i = 0; i < BLOCK; i++)
        model_entry(m, v, gfn - gfn % BLOCK + i)->level = 3;
    add_tables(m, v, gfn, 3);
}

/* At most 2 MiB: frames of one section, or none of the VM's. False: a block must be split and the pool is empty. */
static bool clear_section(struct model *m, struct model_vm *v, uint64_t pfn, uint64_t n, struct cordon_progress *p)
{
    for (uint64_t i = 0; i < n && n < BLOCK; i++) {
        if (by_block(m, v, pfn + i)) {
            if (v->free == 0)
                return false;
            split(m, v, pfn + i);
        }
    }
    for (uint64_t i = 0; i < n; i++) {
        if (model_owner(m, pfn + i) == v->id) {
            model_reclaim(m, v, pfn + i);
            p->changed++;
        }
    }
    return true;
}

/* The part of first .. first+n-1 in which there is RAM, section by section. */
static bool clear_frames(struct model *m, struct model_vm *v, uint64_t first, uint64_t n, struct cordon_progress *p)
{
    for (uint32_t i = 0; i < m->rams; i++) {
        uint64_t at = m->ram[i].first - m->ram[i].first % BLOCK;
        uint64_t end = m->ram[i].first + m->ram[i].count;

        for (; at < end; at += BLOCK) {
            uint64_t from = at < first ? first : at;
            uint64_t to = at + BLOCK < first + n ? at + BLOCK : first + n;

            if (from < to && !clear_section(m, v, from, to - from, p))
                return false;
        }
    }
    p->not_owned = n - p->changed;
    return true;
}

struct cordon_progress model_clear_call(struct model *m, uint32_t id, uint64_t pfn, uint64_t num, uint64_t done)
{
    struct cordon_progress p = { .status = CORDON_OK };
    struct model_vm *v = model_vm(m, id);

    if (pfn >= m->pfn_limit || num > m->pfn_limit - pfn)
        return refused(CORDON_RANGE);
    if (!v)
        return refused(CORDON_NO_VM);
    /* A call that did nothing was refused for want of a table, if there was anything to do. */
    p.done = done == 0 && num > 0 ? (num < BLOCK - pfn % BLOCK ? num : BLOCK - pfn % BLOCK) : done;
    p.done = p.done > num ? num : p.done;
    p.status = p.done < num ? CORDON_AGAIN : CORDON_OK;
    if (!clear_frames(m, v, pfn, p.done, &p))
        return refused(CORDON_NO_MEMORY);
    return p;
}
