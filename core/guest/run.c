/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/run.h"

#include "guest/abort.h"
#include "guest/interrupts.h"
#include "guest/trap.h"
#include "base/vm.h"

/* ---- answers ---- */

/*
 * Whether the host's answer is one to what the last exit asked. Memory that was declared never aborts: the guest waits for
 * it, for ever if need be. Otherwise the host could have any first touch of a page end in the guest's exception handler.
 */
static bool answer_fits(const struct vcpu *u, uint64_t answer)
{
    switch (u->asked) {
    case ASKED_WRITE: return answer == CORDON_ANSWER_NONE || answer == CORDON_ANSWER_ABORT;
    case ASKED_READ: return answer == CORDON_ANSWER_VALUE || answer == CORDON_ANSWER_ABORT;
    case ASKED_CALL: return answer == CORDON_ANSWER_VALUE;
    default: return answer == CORDON_ANSWER_NONE;
    }
}

/* The answer takes effect. The guest's EL1 registers are on this CPU. */
static void take_answer(struct cordon *c, struct vcpu *u, const struct run *r)
{
    uint8_t asked = u->asked;

    if (asked == ASKED_NOTHING)
        return;
    u->asked = ASKED_NOTHING;
    if (r->answer == CORDON_ANSWER_ABORT) {
        arch_vcpu_abort(c, u, u->asked_esr, u->asked_far);
    } else if (asked == ASKED_READ) {
        vcpu_set_reg(u, abort_register(u->asked_esr), abort_extend(u->asked_esr, r->value[0]));
        vcpu_skip(u, 4);
    } else if (asked == ASKED_WRITE) {
        vcpu_skip(u, 4);
    } else if (asked == ASKED_CALL) {
        for (uint32_t i = 0; i < 4; i++)
            u->x[i] = r->value[i];
    }
}

/* ---- running ---- */

static enum cordon_status can_run(struct cordon *c, const struct vcpu *u, const struct run *r)
{
    if (u == 0)
        return CORDON_NO_VCPU;
    if (arch_load_acquire16(&u->claimed) != 0)     /* what the last run wrote is there */
        return CORDON_RUNNING;
    if (u->power == VCPU_OFF)
        return CORDON_OFF;
    if (!answer_fits(u, r->answer))
        return CORDON_ANSWER;
    return interrupts_fit(c, u, r) ? CORDON_OK : CORDON_INTERRUPT;
}

/* Claims a vCPU for a run that nothing speaks against, and takes the interrupts for it. */
static enum cordon_status claim(struct cordon *c, vmid_t vm, const struct run *r, struct vcpu_claim *u)
{
    struct vm_locked v;
    enum cordon_status status = vm_enter_phase(c, vm, CORDON_PHASE_RUNNING, &v);

    if (status != CORDON_OK)
        return status;
    *u = (struct vcpu_claim){ v.vm, v.id, v.vm->generation, vcpu_at(c, v.vm, r->index) };
    status = can_run(c, u->vcpu, r);
    if (status == CORDON_OK) {
        interrupts_take(u->vcpu, r);
        arch_store16(&u->vcpu->claimed, 1);
        u->vcpu->power = VCPU_ON;
        v.vm->entries++;
    }
    vm_unlock(c, v);
    return status;
}

/* What others look at with the VM's lock: most runs have none of it to tell. */
static void tell_others(struct cordon *c, struct vcpu_claim u, uint32_t sgis, bool off)
{
    struct vm_locked v = vm_lock(c, u.id);

    u.vcpu->sgis = (uint16_t)(u.vcpu->sgis | sgis);
    if (off)
        u.vcpu->power = VCPU_OFF;
    vm_unlock(c, v);
}

static void release(struct cordon *c, struct vcpu_claim u, struct run *r)
{
    uint32_t sgis = interrupts_give(u.vcpu, r);
    bool off = r->exit == CORDON_EXIT_CPU_OFF;

    if (sgis != 0 || off)
        tell_others(c, u, sgis, off);
    arch_store_release16(&u.vcpu->claimed, 0);      /* the next to claim it sees what this run wrote */
    arch_count_release16(&u.vm->exits);             /* so does who takes the VM down */
}

enum cordon_status vcpu_run(struct cordon *c, vmid_t vm, struct run *r)
{
    struct vcpu_claim u;
    struct trap t;
    enum cordon_status status = claim(c, vm, r, &u);

    if (status != CORDON_OK)
        return status;
    arch_vcpu_enter(c, u.vm, u.vcpu);
    take_answer(c, u.vcpu, r);
    r->exit = CORDON_EXIT_INTERRUPTED;
    for (uint32_t i = 0; i < 4; i++)
        r->detail[i] = 0;
    do {
        arch_vcpu_resume(c, u.vcpu, &t);
    } while (vcpu_trap(c, u, &t, r) && arch_load16(&u.vm->phase) == CORDON_PHASE_RUNNING);
    arch_vcpu_leave(c, u.vcpu);
    r->timer = arch_vcpu_timer(c, u.vcpu, &r->deadline) ? 1 : 0;
    release(c, u, r);
    return CORDON_OK;
}
