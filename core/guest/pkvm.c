/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KVM counts no grants: a page is shared or it is not. So what has a grant already is not shared again, and a page whose
 * other grants would stand is not said to be private. Which addresses are devices was said before the guest started, and is
 * not the host's to choose: where one is asked for as a device, there is nothing to do but to say whether it is one.
 */
#include "guest/pkvm.h"

#include "base/vm.h"
#include "guest/image.h"
#include "guest/smccc.h"
#include "memory/share.h"

#define CALL_BYTES 4            /* of HVC and SMC */
#define FEATURE(function) (UINT64_C(1) << ((function) & 0x1f))

static bool answer(struct vcpu_claim u, int64_t x0)
{
    return vcpu_answer(u, (uint64_t)x0, 0, 0, 0);
}

static bool features(struct vcpu_claim u)
{
    return vcpu_answer(u, FEATURE(KVM_FEATURES) | FEATURE(KVM_HYP_MEMINFO) | FEATURE(KVM_MEM_SHARE) | FEATURE(KVM_MEM_UNSHARE) |
                          FEATURE(KVM_MMIO_GUARD), 0, 0, 0);
}

static bool granule(struct vcpu_claim u)
{
    const uint64_t *x = u.vcpu->x;

    return answer(u, x[1] == 0 && x[2] == 0 && x[3] == 0 ? (int64_t)CORDON_PAGE_SIZE : SMCCC_INVALID_PARAMETER);
}

/* x1 is a page, and what is reserved is zero. */
static bool is_page(const struct vcpu *u)
{
    return u->x[1] % CORDON_PAGE_SIZE == 0 && u->x[2] == 0 && u->x[3] == 0;
}

static bool is_memory(struct vcpu_claim u)
{
    return image_has(&u.vm->image, u.vcpu->x[1] / CORDON_PAGE_SIZE, 1);
}

enum wish { SHARE, UNSHARE };
enum shared { SHARED, REFUSED, MISSING };

/* Whether a frame of the VM's is private, and to be shared; or shared once, and to be private. Then it is. */
static enum shared change_frame(struct cordon *c, uint32_t vm, uint64_t frame, enum wish wish)
{
    struct section_locked s;
    uint64_t index;
    bool fits;

    if (memory_section(c, frame, &index) != CORDON_OK)
        return REFUSED;
    s = section_lock(c, index, frame / 512);
    fits = s.frame[frame % 512].holder == vm && s.frame[frame % 512].count == (wish == SHARE ? 0 : 1);
    if (fits && wish == SHARE)
        (void)memory_grant(s, vm, frame % 512, 1);
    if (fits && wish == UNSHARE)
        s2_settle(c, &c->host, memory_revoke(c, s, vm, frame % 512, 1).owed);
    if (fits)
        dma_follow(c, s, frame % 512, 1);
    section_unlock(c, s);
    return fits ? SHARED : REFUSED;
}

static enum shared change_page(struct cordon *c, struct vcpu_claim u, uint64_t gfn, enum wish wish)
{
    struct vm_locked v = vm_lock(c, u.id);
    struct s2_pos at = s2_walk(c, &v.vm->s2, gfn);
    enum shared result = MISSING;

    if (desc_valid(at.entry))
        result = change_frame(c, u.id, s2_frame(at, gfn), wish);
    vm_unlock(c, v);
    return result;
}

/* The guest goes back to its call, with its arguments. What the host sees is what it sees of a store to the page. */
static bool ask_for_page(struct vcpu_claim u, struct run *r)
{
    u.vcpu->pc -= CALL_BYTES;
    return exit_to_host(r, CORDON_EXIT_MEMORY, u.vcpu->x[1], 1, 0);
}

static bool change(struct cordon *c, struct vcpu_claim u, struct run *r, enum wish wish)
{
    enum shared result = REFUSED;

    if (is_page(u.vcpu) && is_memory(u))
        result = change_page(c, u, u.vcpu->x[1] / CORDON_PAGE_SIZE, wish);
    if (result == MISSING && wish == SHARE)
        return ask_for_page(u, r);
    return answer(u, result == SHARED ? SMCCC_SUCCESS : SMCCC_INVALID_PARAMETER);
}

static bool guard(const struct cordon *c, struct vcpu_claim u)
{
    bool device = is_page(u.vcpu) && u.vcpu->x[1] / CORDON_PAGE_SIZE < c->vm_shape.gfn_limit && !is_memory(u);

    return answer(u, device ? SMCCC_SUCCESS : SMCCC_INVALID_PARAMETER);
}

bool vcpu_pkvm_call(struct cordon *c, struct vcpu_claim u, struct run *r, bool *known)
{
    *known = true;
    switch ((uint32_t)u.vcpu->x[0]) {
    case KVM_FEATURES: return features(u);
    case KVM_HYP_MEMINFO: return granule(u);
    case KVM_MEM_SHARE: return change(c, u, r, SHARE);
    case KVM_MEM_UNSHARE: return change(c, u, r, UNSHARE);
    case KVM_MMIO_GUARD: return guard(c, u);
    default: *known = false; return true;
    }
}
