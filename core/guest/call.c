/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of a guest: HVC and SMC, with the arguments in its registers. <cordon/abi.h> says what each means. */
#include "guest/call.h"

#include "guest/attest.h"
#include "guest/page.h"
#include "guest/pkvm.h"
#include "guest/power.h"
#include "guest/relinquish.h"
#include "base/sha256.h"
#include "guest/smccc.h"
#include "guest/trng.h"

static bool answer_one(struct vcpu_claim u, int64_t x0)
{
    u.vcpu->x[0] = (uint64_t)x0;
    return true;
}

static vmid_t name_of(struct vcpu_claim u)
{
    return (vmid_t){ u.id, u.generation };
}

static bool answer_progress(struct vcpu_claim u, const struct cordon_progress *p)
{
    return vcpu_answer(u, p->status, p->done, p->changed, p->unmapped + p->not_owned + p->saturated);
}

static bool relinquish(struct cordon *c, struct vcpu_claim u, struct run *r)
{
    uint64_t gpa = u.vcpu->x[1];
    struct cordon_progress p = cordon_relinquish(c, name_of(u), ipa(gpa), u.vcpu->x[2]);

    (void)answer_progress(u, &p);
    if (p.changed == 0)
        return true;
    return exit_to_host(r, CORDON_EXIT_RELINQUISHED, gpa, p.done, 0);
}

static bool query(struct cordon *c, struct vcpu_claim u)
{
    struct cordon_mapping m = { .level = 0 };
    enum cordon_status status = cordon_walk_s2pt(c, name_of(u), ipa(u.vcpu->x[1]), &m);

    if (status != CORDON_OK)
        return vcpu_answer(u, status, 0, 0, 0);
    return vcpu_answer(u, CORDON_OK, m.level, m.level == 0 || m.device ? 0 : page_grants(c, u.id, m.pfn.v), 0);
}

static bool measurement(struct vcpu_claim u)
{
    uint64_t half = u.vcpu->x[1];
    const struct sha256 *hash = &u.vm->image.hash;      /* it has not changed since the VM started */

    if (half > 1)
        return vcpu_answer(u, CORDON_RANGE, 0, 0, 0);
    return vcpu_answer(u, CORDON_OK, sha256_word(hash, (uint32_t)half, 0), sha256_word(hash, (uint32_t)half, 1), 0);
}

static bool call_host(struct vcpu_claim u, struct run *r)
{
    r->exit = CORDON_EXIT_HOST_CALL;
    for (uint32_t i = 0; i < 4; i++)
        r->detail[i] = u.vcpu->x[i + 1];
    u.vcpu->asked = ASKED_CALL;
    return false;
}

static int64_t arch_features(const struct cordon *c, uint32_t function)
{
    return function == SMCCC_VERSION || function == SMCCC_ARCH_FEATURES ? SMCCC_SUCCESS : arch_workaround(c, function);
}

/* The trap has done all that the call asks for. */
static int64_t workaround(const struct cordon *c, uint32_t function)
{
    return arch_workaround(c, function) == SMCCC_NOT_SUPPORTED ? SMCCC_NOT_SUPPORTED : SMCCC_SUCCESS;
}

static bool share(struct vcpu_claim u, struct cordon_progress p)
{
    return answer_progress(u, &p);
}

/* Cordon's own: first, because they are the frequent ones. */
static bool own_call(struct cordon *c, struct vcpu_claim u, uint32_t function, struct run *r)
{
    uint64_t x1 = u.vcpu->x[1];
    uint64_t x2 = u.vcpu->x[2];

    switch (function) {
    case CORDON_GUEST_GRANT: return share(u, cordon_grant_stage2_sg_gpa(c, name_of(u), ipa(x1), x2));
    case CORDON_GUEST_REVOKE: return share(u, cordon_revoke_stage2_sg_gpa(c, name_of(u), ipa(x1), x2));
    case CORDON_GUEST_RELINQUISH: return relinquish(c, u, r);
    case CORDON_GUEST_QUERY: return query(c, u);
    case CORDON_GUEST_MEASUREMENT: return measurement(u);
    case CORDON_GUEST_HOST: return call_host(u, r);
    case CORDON_GUEST_UID: return vcpu_answer(u, CORDON_UID_0, CORDON_UID_1, CORDON_UID_2, CORDON_UID_3);
    default: return vcpu_attest_call(c, u, function) || answer_one(u, CORDON_NOT_SUPPORTED);
    }
}

bool vcpu_call(struct cordon *c, struct vcpu_claim u, struct run *r)
{
    uint32_t function = (uint32_t)u.vcpu->x[0];
    bool known;
    bool go_on;

    if (function >= CORDON_GUEST_FIRST && function <= CORDON_GUEST_LAST)
        return own_call(c, u, function, r);
    go_on = vcpu_power_call(c, u, r, &known);
    if (known)
        return go_on;
    switch (function) {
    case CORDON_CALL_UID: return vcpu_answer(u, CORDON_KVM_UID_0, CORDON_KVM_UID_1, CORDON_KVM_UID_2, CORDON_KVM_UID_3);
    case CORDON_CALL_REVISION: return vcpu_answer(u, CORDON_ABI_MAJOR, CORDON_ABI_MINOR, 0, 0);
    case SMCCC_VERSION: return answer_one(u, SMCCC_1_1);
    case SMCCC_ARCH_FEATURES: return answer_one(u, arch_features(c, (uint32_t)u.vcpu->x[1]));
    case SMCCC_ARCH_WORKAROUND_1:
    case SMCCC_ARCH_WORKAROUND_2:
    case SMCCC_ARCH_WORKAROUND_3: return answer_one(u, workaround(c, function));
    default: break;
    }
    go_on = vcpu_pkvm_call(c, u, r, &known);
    return known ? go_on : vcpu_random_call(c, u, function) || answer_one(u, CORDON_NOT_SUPPORTED);
}
