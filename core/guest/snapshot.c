/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/snapshot.h"

#include "base/vm.h"
#include "guest/handle.h"
#include "guest/image.h"
#include "guest/page.h"
#include "guest/record.h"
#include "memory/stage2.h"

#define PIECE CORDON_RECORD_PIECE
#define LOOK 64                 /* entries of a table that a call looks at */

static bool finish(struct vcpu_claim u, enum cordon_status status)
{
    return vcpu_answer(u, status, 0, 0, 0);
}

/* Of a VM that has a vCPU 0. */
static struct snapshot *snapshot_of(struct cordon *c, struct vm_locked v)
{
    return &vcpu_in(c, v.vm->vcpu_row[0])->snapshot;
}

/* ---- the host's calls ---- */

bool snapshot_is_restore(struct cordon *c, struct vm_locked v)
{
    return vcpu_at(c, v.vm, 0) != 0 && snapshot_of(c, v)->state == SNAPSHOT_RESTORING;
}

enum cordon_status snapshot_freeze(struct cordon *c, struct vm_locked v, const uint64_t keeper[4])
{
    if (v.vm->devices != 0 || image_is(&v.vm->image, keeper))
        return CORDON_STATE;
    /* What a run wrote, it wrote before this is read; and none begins without this lock. */
    if (v.vm->entries != arch_load_acquire16(&v.vm->exits))
        return CORDON_BUSY;
    snapshot_of(c, v)->counter = arch_counter(c) - vcpu_in(c, v.vm->vcpu_row[0])->offset;
    arch_store16(&v.vm->phase, CORDON_PHASE_FROZEN);
    return CORDON_OK;
}

enum cordon_status snapshot_begin(struct cordon *c, struct vm_locked v)
{
    if (!vcpu_all_there(v.vm))
        return CORDON_NO_VCPU;
    if (v.vm->frames != 0 || v.vm->devices != 0)
        return CORDON_STATE;
    *snapshot_of(c, v) = (struct snapshot){ .state = SNAPSHOT_RESTORING };
    return CORDON_OK;
}

/* ---- which VM ---- */

static enum cordon_status enter_frozen(struct cordon *c, struct vcpu_claim u, struct vm_locked *v)
{
    return vm_enter_phase(c, handle_name(u.vcpu->x[1]), CORDON_PHASE_FROZEN, v);
}

static enum cordon_status enter_restore(struct cordon *c, struct vcpu_claim u, struct vm_locked *v)
{
    enum cordon_status status = vm_enter_phase(c, handle_name(u.vcpu->x[1]), CORDON_PHASE_BUILT, v);

    if (status != CORDON_OK || snapshot_is_restore(c, *v))
        return status;
    vm_unlock(c, *v);
    return CORDON_STATE;
}

/* ---- records ---- */

/* NO_VCPU, RANGE. Zero behind the end. */
static enum cordon_status piece_of(struct cordon *c, struct vm_locked v, uint64_t record, uint64_t at, uint64_t word[PIECE])
{
    uint64_t size = record_size(record);

    if (record > v.vm->vcpus)
        return CORDON_NO_VCPU;
    if (at >= size)
        return CORDON_RANGE;
    for (uint32_t i = 0; i < PIECE; i++)
        word[i] = at + i < size ? record_word(c, v, record, at + i) : 0;
    return CORDON_OK;
}

static bool read_record(struct cordon *c, struct vcpu_claim u)
{
    uint64_t record = u.vcpu->x[2];
    uint64_t *to = &u.vcpu->x[2];
    uint64_t word[PIECE];
    struct vm_locked v;
    enum cordon_status status = enter_frozen(c, u, &v);

    if (status != CORDON_OK)
        return finish(u, status);
    status = piece_of(c, v, record, u.vcpu->x[3], word);
    vm_unlock(c, v);
    if (status != CORDON_OK)
        return finish(u, status);
    u.vcpu->x[0] = CORDON_OK;
    u.vcpu->x[1] = record_size(record);
    for (uint32_t i = 0; i < PIECE; i++)
        to[i] = word[i];
    return true;
}

/* Whether it is the piece that comes next, of a record that there is. */
static bool is_next(const struct vm *vm, const struct snapshot *s, uint64_t record, uint64_t at, uint64_t size)
{
    return record <= vm->vcpus && record == s->record && at == s->word && size == record_size(record);
}

/* All of a piece, or nothing: RANGE. Where it goes is ours to say. */
static enum cordon_status put_piece(struct cordon *c, struct vm_locked v, struct snapshot *s, const uint64_t *word)
{
    uint64_t left = record_size(s->record) - s->word;
    uint32_t n = left < PIECE ? (uint32_t)left : PIECE;

    for (uint32_t i = 0; i < n; i++) {
        if (!record_fits(c, v, s->record, s->word + i, word[i]))
            return CORDON_RANGE;
    }
    for (uint32_t i = 0; i < n; i++)
        record_put(c, v, s->record, s->word + i, word[i]);
    s->word += n;
    if (n == left) {
        s->record++;
        s->word = 0;
    }
    return CORDON_OK;
}

static bool write_record(struct cordon *c, struct vcpu_claim u)
{
    const uint64_t *x = u.vcpu->x;
    struct vm_locked v;
    enum cordon_status status = enter_restore(c, u, &v);

    if (status != CORDON_OK)
        return finish(u, status);
    status = is_next(v.vm, snapshot_of(c, v), x[2], x[3], x[4]) ? put_piece(c, v, snapshot_of(c, v), &x[5]) : CORDON_RANGE;
    vm_unlock(c, v);
    return finish(u, status);
}

/* ---- pages ---- */

/* A page of the keeper's own, and where it lay when the keeper's lock was let go. */
struct own_page {
    uint64_t gfn;
    uint64_t frame;
};

/* UNALIGNED, RANGE, NOT_MEMORY. */
static enum cordon_status find_own(struct cordon *c, struct vcpu_claim u, struct own_page *own)
{
    uint64_t gpa = u.vcpu->x[3];
    enum cordon_status status;
    struct vm_locked v;

    if (gpa % CORDON_PAGE_SIZE != 0)
        return CORDON_UNALIGNED;
    own->gfn = gpa / CORDON_PAGE_SIZE;
    v = vm_lock(c, u.id);
    status = page_find(c, v, own->gfn, &own->frame);
    vm_unlock(c, v);
    return status;
}

/* The first page from *gfn on. AGAIN: none so far; it would be looked for from *gfn on. */
static enum cordon_status find_next(struct cordon *c, struct vm_locked v, uint64_t *gfn, uint64_t *frame)
{
    const struct stage2 *t = &v.vm->s2;

    for (uint32_t i = 0; i < LOOK && *gfn < t->gfn_limit; i++) {
        struct s2_pos p = s2_walk(c, t, *gfn);

        if (desc_valid(p.entry) && !desc_is_device(p.entry)) {
            *frame = s2_frame(p, *gfn);
            return CORDON_OK;
        }
        *gfn += s2_pages(p.level) - *gfn % s2_pages(p.level);
    }
    return CORDON_AGAIN;
}

/*
 * A frozen VM's page goes to one of the keeper's. The VM's lock, which is held, keeps the one where it is; the section's the
 * other: what has become the host's meanwhile gets nothing.
 */
static enum cordon_status copy_out(struct cordon *c, struct vcpu_claim u, uint64_t frame, struct own_page own, bool *zero)
{
    struct section_locked s;
    enum cordon_status status = page_lock_private(c, u.id, own.gfn, own.frame, &s);

    if (status != CORDON_OK)
        return status;
    *zero = page_is_zero(c, frame);
    if (!*zero)
        page_copy(c, own.frame, frame);
    section_unlock(c, s);
    return CORDON_OK;
}

static bool read_page(struct cordon *c, struct vcpu_claim u)
{
    uint64_t gfn = u.vcpu->x[2];
    uint64_t frame = 0, grants = 0, after;
    bool zero = true;
    struct own_page own;
    struct vm_locked v;
    enum cordon_status status = find_own(c, u, &own);

    if (status == CORDON_OK)
        status = enter_frozen(c, u, &v);
    if (status != CORDON_OK)
        return finish(u, status);
    status = find_next(c, v, &gfn, &frame);
    if (status == CORDON_OK) {
        status = copy_out(c, u, frame, own, &zero);
        grants = page_grants(c, v.id, frame);
    }
    vm_unlock(c, v);
    if (status != CORDON_OK && status != CORDON_AGAIN)
        return finish(u, status);
    after = status == CORDON_OK ? gfn + 1 : gfn;
    u.vcpu->x[4] = grants;
    return vcpu_answer(u, status, after < c->vm_shape.gfn_limit ? after : 0, status == CORDON_OK ? gfn : 0, zero ? 0 : 1);
}

/* The opposite, and grants for it. RANGE, NOT_MEMORY, SHARED. */
static enum cordon_status copy_in(struct cordon *c, struct vcpu_claim u, struct vm_locked v, struct own_page own)
{
    uint64_t grants = u.vcpu->x[4];
    struct section_locked s;
    uint64_t frame;
    enum cordon_status status = page_find(c, v, u.vcpu->x[2], &frame);

    if (status != CORDON_OK)
        return status;
    if (grants > CORDON_SHARE_MAX)
        return CORDON_RANGE;
    if (page_grants(c, v.id, frame) != 0)
        return CORDON_SHARED;
    status = page_lock_private(c, u.id, own.gfn, own.frame, &s);
    if (status != CORDON_OK)
        return status;
    page_copy(c, frame, own.frame);
    section_unlock(c, s);
    page_grant(c, v, frame, grants);
    return CORDON_OK;
}

static bool write_page(struct cordon *c, struct vcpu_claim u)
{
    struct own_page own;
    struct vm_locked v;
    enum cordon_status status = find_own(c, u, &own);

    if (status == CORDON_OK)
        status = enter_restore(c, u, &v);
    if (status != CORDON_OK)
        return finish(u, status);
    status = copy_in(c, u, v, own);
    vm_unlock(c, v);
    return finish(u, status);
}

/* ---- the end ---- */

/* The guest's counter goes on where it stood, and all that was declared, written and measured is the VM's. */
static void start(struct cordon *c, struct vm_locked v)
{
    struct snapshot *s = snapshot_of(c, v);
    uint64_t offset = arch_counter(c) - s->counter;

    for (uint32_t i = 0; i < v.vm->vcpus; i++)
        vcpu_in(c, v.vm->vcpu_row[i])->offset = offset;
    v.vm->measured = 1;
    s->state = SNAPSHOT_RESTORED;
    arch_code_loaded(c);
    arch_store16(&v.vm->phase, CORDON_PHASE_RUNNING);
}

static bool end_restore(struct cordon *c, struct vcpu_claim u, const uint64_t keeper[4])
{
    struct vm_locked v;
    enum cordon_status status = enter_restore(c, u, &v);

    if (status != CORDON_OK)
        return finish(u, status);
    if (snapshot_of(c, v)->record <= v.vm->vcpus)
        status = CORDON_BUSY;
    else if (image_is(&v.vm->image, keeper))
        status = CORDON_RANGE;
    else
        start(c, v);
    vm_unlock(c, v);
    return finish(u, status);
}

bool snapshot_call(struct cordon *c, struct vcpu_claim u, const uint64_t keeper[4], uint32_t function)
{
    switch (function) {
    case CORDON_KEEPER_RECORD_READ: return read_record(c, u);
    case CORDON_KEEPER_PAGE_READ: return read_page(c, u);
    case CORDON_KEEPER_RECORD_WRITE: return write_record(c, u);
    case CORDON_KEEPER_PAGE_WRITE: return write_page(c, u);
    default: return end_restore(c, u, keeper);
    }
}
