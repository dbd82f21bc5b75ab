/* SPDX-License-Identifier: Apache-2.0 */
#include "vcpu.h"

#include "abort.h"
#include "vm.h"

#define INTERRUPT_ID(word) ((word) % (UINT64_C(1) << 32))
#define INTERRUPT_STATE (CORDON_INTERRUPT_PENDING | CORDON_INTERRUPT_ACTIVE)
#define INTERRUPT_HW (UINT64_C(1) << 61)
#define INTERRUPT_PINTID_SHIFT 32
#define INTERRUPT_SPECIAL 1020      /* INTIDs from here on are no interrupts of a distributor's */
#define SGI_COUNT 16

/* ---- life ---- */

static struct vcpu *vcpu_at(struct cordon *c, const struct vm *vm, uint64_t index)
{
    uint64_t row;

    if (index >= vm->vcpus)
        return 0;
    row = vm->vcpu_row[arch_index(index, vm->vcpus)];
    return row == 0 ? 0 : vcpu_in(c, row);
}

/* The frame is the core's. */
static void init_vcpu(struct cordon *c, uint64_t row, uint32_t index)
{
    for (uint32_t i = 0; i < 512; i++)
        c->phys[row].e[i] = 0;
    vcpu_in(c, row)->index = index;
}

static enum cordon_status create_in(struct cordon *c, struct vm *vm, uint64_t index, uint64_t frame)
{
    enum cordon_status status;
    uint64_t *row;

    if (index >= vm->vcpus)
        return CORDON_NO_VCPU;
    row = &vm->vcpu_row[arch_index(index, vm->vcpus)];
    if (*row != 0)
        return CORDON_EXISTS;
    status = vm_take_frames(c, frame, 1);
    if (status != CORDON_OK)
        return status;
    init_vcpu(c, arch_index(frame, c->phys_frames), (uint32_t)index);
    *row = frame;
    return CORDON_OK;
}

enum cordon_status vcpu_create(struct cordon *c, vmid_t vm, uint64_t index, uint64_t frame)
{
    struct vm_locked v;
    enum cordon_status status = vm_enter_phase(c, vm, CORDON_PHASE_BUILT, &v);

    if (status != CORDON_OK)
        return status;
    status = create_in(c, v.vm, index, frame);
    vm_unlock(c, v);
    return status;
}

void vcpu_start(struct cordon *c, struct vcpu *u, uint64_t entry, uint64_t x0, uint64_t offset)
{
    for (uint32_t i = 0; i < 31; i++)
        u->x[i] = 0;
    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++)
        u->interrupt[i] = 0;
    u->x[0] = x0;
    u->pc = entry;
    u->pstate = ARCH_PSTATE_RESET;
    u->asked = ASKED_NOTHING;
    u->sgis = 0;
    u->offset = offset;
    arch_vcpu_reset(c, u);
    u->power = VCPU_STARTING;
}

void vcpu_start_first(struct cordon *c, struct vm_locked v, uint64_t entry, uint64_t x0)
{
    vcpu_start(c, vcpu_in(c, v.vm->vcpu_row[0]), entry, x0, arch_counter(c));
}

void vcpu_stop_vm(struct cordon *c, struct vcpu_claim u)
{
    struct vm_locked v = vm_lock(c, u.id);

    arch_store16(&v.vm->phase, CORDON_PHASE_STOPPED);
    vm_unlock(c, v);
}

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

/* ---- interrupts ---- */

/* Whether another word before this one names the same interrupt, which the hardware does not take. */
static bool named_before(const struct run *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (r->interrupt[i] != 0 && INTERRUPT_ID(r->interrupt[i]) == INTERRUPT_ID(r->interrupt[n]))
            return true;
    }
    return false;
}

/* Whether the host may have the guest take an interrupt: none that the guest or its timer did not cause. */
static bool may_inject(const struct cordon *c, const struct vcpu *u, uint64_t word)
{
    uint64_t id = INTERRUPT_ID(word);
    uint64_t deadline;

    if ((word & ~CORDON_INTERRUPT_FIELDS) != 0 || (word & INTERRUPT_STATE) == 0 || (word & CORDON_INTERRUPT_GROUP1) == 0)
        return false;
    if (id >= INTERRUPT_SPECIAL)
        return false;
    if ((word & CORDON_INTERRUPT_PENDING) == 0)
        return true;
    if (id < SGI_COUNT)
        return (u->sgis >> id & 1) != 0;
    return id != CORDON_TIMER_INTID || arch_vcpu_timer(c, u, &deadline);
}

static bool any(const uint64_t interrupt[CORDON_INTERRUPTS])
{
    uint64_t words = 0;

    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++)
        words |= interrupt[i];
    return words != 0;
}

static bool interrupts_fit(const struct cordon *c, const struct vcpu *u, const struct run *r)
{
    if (!any(r->interrupt))
        return true;
    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++) {
        if (r->interrupt[i] == 0)
            continue;
        if (i >= arch_list_registers(c) || !may_inject(c, u, r->interrupt[i]) || named_before(r, i))
            return false;
    }
    return true;
}

/*
 * The timer's interrupt is the hardware's: the guest's end of it is the end of the physical one, which fires again when
 * the guest's timer still asks for it. An interrupt of the hardware is pending or active, never both.
 */
static uint64_t list_register(uint64_t word)
{
    if (INTERRUPT_ID(word) != CORDON_TIMER_INTID)
        return word;
    if ((word & CORDON_INTERRUPT_ACTIVE) != 0)
        word &= ~CORDON_INTERRUPT_PENDING;
    return word | INTERRUPT_HW | (uint64_t)CORDON_TIMER_INTID << INTERRUPT_PINTID_SHIFT;
}

/* An SGI that is listed is no longer under way. Most runs have no interrupt: then there is nothing to look at, here and after. */
static void take_interrupts(struct vcpu *u, const struct run *r)
{
    bool listed = any(r->interrupt);

    if (!listed && !u->listed)
        return;
    u->listed = listed;
    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++) {
        uint64_t word = r->interrupt[i];

        u->interrupt[i] = word == 0 ? 0 : list_register(word);
        if (INTERRUPT_ID(word) < SGI_COUNT && (word & CORDON_INTERRUPT_PENDING) != 0)
            u->sgis = (uint16_t)(u->sgis & ~(1u << INTERRUPT_ID(word)));
    }
}

/* What the guest has left of them. Returns the SGIs that it has not taken yet: the host may list them again. */
static uint32_t give_interrupts(const struct vcpu *u, struct run *r)
{
    uint32_t sgis = 0;

    if (!u->listed)
        return 0;               /* the host listed none, and sees that */
    for (uint32_t i = 0; i < CORDON_INTERRUPTS; i++) {
        uint64_t word = u->interrupt[i];

        r->interrupt[i] = (word & INTERRUPT_STATE) == 0 ? 0 : word & CORDON_INTERRUPT_FIELDS;
        if (INTERRUPT_ID(word) < SGI_COUNT && (word & CORDON_INTERRUPT_PENDING) != 0)
            sgis |= 1u << INTERRUPT_ID(word);
    }
    return sgis;
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
        take_interrupts(u->vcpu, r);
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
    uint32_t sgis = give_interrupts(u.vcpu, r);
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
