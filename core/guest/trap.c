/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest did when it trapped. Each trap is done here, answered by an exception in the guest, or becomes an exit
 * that tells the host what it needs for its part and nothing else: docs/EXITS.md.
 */
#include "guest/trap.h"

#include "guest/abort.h"
#include "guest/call.h"
#include "guest/image.h"
#include "guest/power.h"
#include "guest/timer.h"
#include "memory/stage2.h"

#define EC_WFX 0x01
#define EC_HVC64 0x16
#define EC_SMC64 0x17
#define EC_SYSTEM64 0x18
#define EC_INSTRUCTION_LOWER 0x20
#define EC_DATA_LOWER 0x24

#define ISS_WFX_EVENT 1         /* WFE, not WFI */
#define PSTATE_AARCH32 (UINT64_C(1) << 4)

/* The operands of a trapped MRS or MSR: ESR_EL2, ISS for exceptions from MSR, MRS. */
#define SYS_READ 1
#define SYS_RT(iss) ((iss) >> 5 & 0x1f)
#define SYS_NAME 0x3ffc1e       /* op0, op2, op1, CRn, CRm */
#define SYS(op0, op1, crn, crm, op2) \
    ((uint64_t)(op0) << 20 | (uint64_t)(op2) << 17 | (uint64_t)(op1) << 14 | (crn) << 10 | (crm) << 1)
#define SYS_OP0(iss) ((iss) >> 20 & 3)
#define SYS_ICC_SGI0R SYS(3, 0, 12, 11, 7)
#define SYS_ICC_SGI1R SYS(3, 0, 12, 11, 5)
#define SYS_ICC_ASGI1R SYS(3, 0, 12, 11, 6)
#define SYS_ICC_SRE SYS(3, 0, 12, 12, 5)
#define ICC_SRE_ALL 7           /* the GIC's registers are registers, and interrupts do not go past it */
#define SYS_ACTLR SYS(3, 0, 1, 0, 1)
#define SYS_CNTPCT SYS(3, 3, 14, 0, 1)
#define SYS_CNTP_TVAL SYS(3, 3, 14, 2, 0)
#define SYS_CNTP_CTL SYS(3, 3, 14, 2, 1)
#define SYS_CNTP_CVAL SYS(3, 3, 14, 2, 2)
#define SYS_OP2(name) ((name) >> 17 & 7)

/* ---- aborts ---- */

/* The guest finds itself in its handler; one that cannot even fetch that would be there for ever. */
static bool abort_in_guest(struct cordon *c, struct vcpu_claim u, const struct trap *t, struct run *r)
{
    if (ESR_CLASS(t->esr) == EC_INSTRUCTION_LOWER && arch_vcpu_in_handler(c, u.vcpu)) {
        vcpu_stop_vm(c, u);
        return exit_to_host(r, CORDON_EXIT_FAILED, CORDON_FAILURE_HANDLER, 0, 0);
    }
    arch_vcpu_abort(c, u.vcpu, t->esr, t->far);
    return true;
}

static void ask(struct vcpu *u, enum vcpu_asked asked, const struct trap *t)
{
    u->asked = (uint8_t)asked;
    u->asked_esr = t->esr;
    u->asked_far = t->far;
}

/*
 * Whether a page is there that the guest has just missed: another CPU mapped it since, or was changing its entry, which is
 * broken for a moment before it is made anew. Whoever changes one has the VM's lock until it is whole again.
 */
static bool is_there(struct cordon *c, struct vcpu_claim u, uint64_t gpa)
{
    struct vm_locked v = vm_lock(c, u.id);
    uint64_t entry = s2_walk(c, &v.vm->s2, gpa / CORDON_PAGE_SIZE).entry;

    vm_unlock(c, v);
    return desc_valid(entry);
}

/* An address that is memory, and that nothing is mapped at: the host sees the page, nothing of what was to be done with it. */
static bool memory_fault(struct cordon *c, struct vcpu_claim u, const struct trap *t, struct run *r)
{
    uint64_t access = ESR_CLASS(t->esr) == EC_INSTRUCTION_LOWER ? 2 : 0;

    if (is_there(c, u, t->ipa))
        return true;            /* the guest makes the access again; it may read, write and run all of its memory */
    if (ESR_CLASS(t->esr) == EC_DATA_LOWER && (t->esr & ISS_WNR) != 0 && (t->esr & (ISS_CM | ISS_S1PTW)) == 0)
        access = 1;
    ask(u.vcpu, ASKED_MEMORY, t);
    return exit_to_host(r, CORDON_EXIT_MEMORY, t->ipa - t->ipa % CORDON_PAGE_SIZE, access, 0);
}

/* Whether the syndrome says all that is needed to do the access in the guest's place. */
static bool is_simple_access(const struct vcpu *u, const struct trap *t)
{
    return ESR_CLASS(t->esr) == EC_DATA_LOWER && (t->esr & ISS_ISV) != 0 && (t->esr & (ISS_CM | ISS_S1PTW)) == 0 &&
           (u->pstate & PSTATE_AARCH32) == 0 && t->ipa % abort_bytes(t->esr) == 0;
}

/* The one register of a write, as many bytes of it as are written. Of a read nothing: the answer comes with the next run. */
static bool device_access(struct vcpu_claim u, const struct trap *t, struct run *r)
{
    uint64_t bytes = abort_bytes(t->esr);

    if ((t->esr & ISS_WNR) == 0) {
        ask(u.vcpu, ASKED_READ, t);
        return exit_to_host(r, CORDON_EXIT_READ, t->ipa, bytes, 0);
    }
    ask(u.vcpu, ASKED_WRITE, t);
    return exit_to_host(r, CORDON_EXIT_WRITE, t->ipa, bytes, abort_cut(vcpu_reg(u.vcpu, abort_register(t->esr)), bytes));
}

static bool stage2_fault(struct cordon *c, struct vcpu_claim u, const struct trap *t, struct run *r)
{
    if ((t->esr & FSC_KIND) != FSC_TRANSLATION)
        return abort_in_guest(c, u, t, r);
    if (image_has(&u.vm->image, t->ipa / CORDON_PAGE_SIZE, 1))
        return memory_fault(c, u, t, r);
    if (!is_simple_access(u.vcpu, t))
        return abort_in_guest(c, u, t, r);
    return device_access(u, t, r);
}

/* ---- system registers ---- */

/* Of debug, trace and what else watches: which of them a guest has is the architecture's to know. */
static bool is_debug(uint64_t name)
{
    return SYS_OP0(name) == 2;
}

/* What a register reads as that the guest has no real access to. False: there is no such register. */
static bool read_system(struct cordon *c, struct vcpu_claim u, uint64_t name, uint64_t *value)
{
    *value = 0;
    if (is_debug(name))
        return arch_debug_read(c, u.vcpu, name, value);
    if (arch_id_register(c, name, value))
        return true;
    switch (name) {
    case SYS_CNTPCT: *value = arch_counter(c) - u.vcpu->offset; return true;
    case SYS_ICC_SRE: *value = ICC_SRE_ALL; return true;
    case SYS_CNTP_TVAL:
    case SYS_CNTP_CTL:
    case SYS_CNTP_CVAL: *value = timer_read(c, u.vcpu, (enum timer_register)SYS_OP2(name)); return true;
    case SYS_ACTLR: return true;
    default: return false;
    }
}

/* A write takes effect where it has one; all others are ignored. False: there is no such register. */
static bool write_system(struct cordon *c, struct vcpu_claim u, uint64_t name, uint64_t value)
{
    if (is_debug(name))
        return arch_debug_write(c, u.vcpu, name, value);
    switch (name) {
    case SYS_ICC_SGI0R:         /* other groups' interrupts: the guest has none */
    case SYS_ICC_ASGI1R:
    case SYS_ICC_SRE:
    case SYS_ACTLR: return true;
    default: return false;
    }
}

/* Writes that the host may have to know of. */
static bool is_told(uint64_t name)
{
    return name == SYS_ICC_SGI1R || name == SYS_CNTP_TVAL || name == SYS_CNTP_CTL || name == SYS_CNTP_CVAL;
}

static bool write_told(struct cordon *c, struct vcpu_claim u, uint64_t name, uint64_t value, struct run *r)
{
    if (name == SYS_ICC_SGI1R)
        return vcpu_send_sgi(c, u, value, r);
    return timer_write(c, u.vcpu, (enum timer_register)SYS_OP2(name), value, r);
}

static bool system_register(struct cordon *c, struct vcpu_claim u, const struct trap *t, struct run *r)
{
    uint64_t name = t->esr & SYS_NAME;
    bool read = (t->esr & SYS_READ) != 0;
    uint64_t value = vcpu_reg(u.vcpu, SYS_RT(t->esr));

    if (read ? !read_system(c, u, name, &value) : !is_told(name) && !write_system(c, u, name, value)) {
        arch_vcpu_undefined(c, u.vcpu);
        return true;
    }
    vcpu_skip(u.vcpu, 4);
    if (read)
        vcpu_set_reg(u.vcpu, SYS_RT(t->esr), value);
    else if (is_told(name))
        return write_told(c, u, name, value, r);
    return true;
}

/* ---- all of them ---- */

static bool wait_for(struct vcpu_claim u, const struct trap *t, struct run *r)
{
    vcpu_skip(u.vcpu, (t->esr & ESR_IL) != 0 ? 4 : 2);       /* a process of the guest's may be one of 16-bit instructions */
    if ((t->esr & ISS_WFX_EVENT) != 0)
        return true;
    return exit_to_host(r, CORDON_EXIT_WAIT, 0, 0, 0);
}

/* The immediate is the syndrome's low half; only 0 is a call. */
static bool call(struct cordon *c, struct vcpu_claim u, const struct trap *t, struct run *r)
{
    if (ESR_CLASS(t->esr) == EC_SMC64)
        vcpu_skip(u.vcpu, 4);   /* a trapped SMC returns to itself */
    if ((t->esr & 0xffff) == 0)
        return vcpu_call(c, u, r);
    u.vcpu->x[0] = (uint64_t)CORDON_NOT_SUPPORTED;
    return true;
}

bool vcpu_trap(struct cordon *c, struct vcpu_claim u, const struct trap *t, struct run *r)
{
    if (t->kind == TRAP_INTERRUPT)
        return exit_to_host(r, CORDON_EXIT_INTERRUPTED, 0, 0, 0);
    if (t->kind == TRAP_SERROR) {
        vcpu_stop_vm(c, u);
        return exit_to_host(r, CORDON_EXIT_FAILED, CORDON_FAILURE_SERROR, 0, 0);
    }
    switch (ESR_CLASS(t->esr)) {
    case EC_WFX: return wait_for(u, t, r);
    case EC_HVC64:
    case EC_SMC64: return call(c, u, t, r);
    case EC_SYSTEM64: return system_register(c, u, t, r);
    case EC_INSTRUCTION_LOWER:
    case EC_DATA_LOWER: return stage2_fault(c, u, t, r);
    default:
        arch_vcpu_undefined(c, u.vcpu);
        return true;
    }
}
