/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vCPUs: the registers of a guest, which stay here.
 *
 * A vCPU lives in a frame that the host gave for it and cannot reach. It is OFF, STARTING (started by the guest, not yet
 * run by the host) or ON; an OFF one has no registers. Whoever runs it has claimed it: then it is nobody else's, and
 * its VM cannot be destroyed. Power, claims and the SGIs that are under way are guarded by the VM's lock.
 */
#ifndef CORDON_VCPU_H
#define CORDON_VCPU_H

#include "base/check.h"
#include "base/lock.h"
#include "arch_guest.h"
#include "cordon/cordon.h"

enum vcpu_power { VCPU_OFF = 0, VCPU_STARTING, VCPU_ON };

/* What the last exit wants to know before the guest can go on. */
enum vcpu_asked { ASKED_NOTHING = 0, ASKED_MEMORY, ASKED_READ, ASKED_WRITE, ASKED_CALL };

/* ---- attestation: what a guest has asked for, and what the keeper has written of it; see attest.h ---- */

#define ATTEST_WORDS 8          /* of a nonce, and of a personalisation value */
#define ATTEST_EXTENDED 4
#define ATTEST_KEYS 2           /* kinds of keys to seal with */
#define ATTEST_TOKEN_WORDS (CORDON_TOKEN_MOST / 8)

enum attest_state { ATTEST_NONE = 0, ATTEST_ASKED, ATTEST_ANSWERED };

struct attest {                 /* words have bytes in the order of memory */
    uint64_t nonce[ATTEST_WORDS];               /* of a token; or what tells keys apart, and zeros */
    uint64_t personal[ATTEST_WORDS];            /* the host's word for this VM */
    uint64_t extended[ATTEST_EXTENDED][4];      /* the guest's own measurements */
    uint64_t number;            /* goes up with each request, and each change of what one says */
    uint32_t size;              /* bytes of the answer; of a token without the chain */
    uint32_t written;           /* of them, from the first on: whole pieces */
    uint64_t answer[ATTEST_TOKEN_WORDS];
    uint8_t state;              /* enum attest_state */
    uint8_t wants;              /* CORDON_WANTS_ */
};

_Static_assert(CORDON_TOKEN_MOST % CORDON_TOKEN_PIECE == 0, "whole pieces find room");

/* ---- snapshots: how far a VM is that is built from one; see snapshot.h ---- */

enum snapshot_state { SNAPSHOT_NONE = 0, SNAPSHOT_RESTORING, SNAPSHOT_RESTORED };

struct snapshot {
    uint64_t counter;           /* what the guest's counter showed when it was frozen */
    uint64_t generation;        /* the keeper's word */
    uint32_t record;            /* the piece that comes next: of this record, from this word on */
    uint32_t word;
    uint8_t state;              /* enum snapshot_state */
};

/* ---- a vCPU ---- */

struct __attribute__((may_alias)) vcpu {
    uint64_t x[31];
    uint64_t pc;
    uint64_t pstate;
    uint64_t interrupt[CORDON_INTERRUPTS];  /* list registers */
    uint64_t asked_esr;         /* of the access that an exit told of, and its virtual address */
    uint64_t asked_far;
    uint64_t offset;            /* the guest's counter is the machine's less this; the same for all of a VM's vCPUs */
    uint64_t timer_compare;     /* CNTP_CVAL_EL0 */
    uint32_t index;
    uint8_t timer_control;      /* CNTP_CTL_EL0, without ISTATUS */
    uint8_t power;              /* enum vcpu_power */
    uint8_t asked;              /* enum vcpu_asked */
    uint16_t claimed;           /* let go by a store-release, without the VM's lock */
    uint16_t sgis;              /* SGIs that were sent to it and that the host has not delivered yet */
    bool listed;                /* one of the list registers may be other than zero */
    struct arch_vcpu arch;      /* EL1 registers, vector registers, timer, interrupt interface */
    struct attest attest;       /* vCPU 0's are the VM's; guarded by the VM's lock */
    struct snapshot snapshot;
};

_Static_assert(sizeof(struct vcpu) <= 4096, "a vCPU fits in its frame");

/* A vCPU that is claimed by whoever holds this, and its VM. */
struct vcpu_claim {
    struct vm *vm;
    uint32_t id;                /* the VM's */
    uint64_t generation;
    struct vcpu *vcpu;
};

/* The vCPU in a frame of the core's. */
static inline struct vcpu *vcpu_in(struct cordon *c, uint64_t row)
{
    return (struct vcpu *)(void *)&c->phys[row];
}

/* vCPU `index` of a VM, which is held; 0: there is none. */
static inline struct vcpu *vcpu_at(struct cordon *c, const struct vm *vm, uint64_t index)
{
    uint64_t row;

    if (index >= vm->vcpus)
        return 0;
    row = vm->vcpu_row[arch_index(index, vm->vcpus)];
    return row == 0 ? 0 : vcpu_in(c, row);
}

/* Whether a VM, which is held, has all the vCPUs that it is to have. */
bool vcpu_all_there(const struct vm *vm);

/* ---- life ---- */

/* Makes vCPU `index` of a VM that is BUILT, in a frame of the host's. NO_VM, STATE, NO_VCPU, EXISTS, RANGE, OWNED, SHARED. */
enum cordon_status vcpu_create(struct cordon *c, vmid_t vm, uint64_t index, uint64_t frame);

/* The VM begins: vCPU 0 at entry with x0. The VM is held. */
void vcpu_start_first(struct cordon *c, struct vm_locked v, uint64_t entry, uint64_t x0);

/* Every register as after a reset, but for PC and x0. The VM is held; nobody has claimed the vCPU. */
void vcpu_start(struct cordon *c, struct vcpu *u, uint64_t entry, uint64_t x0, uint64_t offset);

/* The VM goes no further, whatever its other vCPUs are at. */
void vcpu_stop_vm(struct cordon *c, struct vcpu_claim u);

/* ---- registers ---- */

/* Register n as an instruction reads it: 31 is zero. */
static inline uint64_t vcpu_reg(const struct vcpu *u, uint64_t n)
{
    return n < 31 ? u->x[arch_index(n, 31)] : 0;
}

static inline void vcpu_set_reg(struct vcpu *u, uint64_t n, uint64_t value)
{
    if (n < 31)
        u->x[arch_index(n, 31)] = value;
}

/* The answer to a call; true, as the guest goes on with it. */
static inline bool vcpu_answer(struct vcpu_claim u, uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3)
{
    u.vcpu->x[0] = x0;
    u.vcpu->x[1] = x1;
    u.vcpu->x[2] = x2;
    u.vcpu->x[3] = x3;
    return true;
}

/* BTYPE and SS: what the next instruction inherits from the one before it. */
#define PSTATE_NEXT (UINT64_C(3) << 10 | UINT64_C(1) << 21)

/* An instruction of so many bytes has been done in the guest's place: the guest goes on behind it. */
static inline void vcpu_skip(struct vcpu *u, uint64_t bytes)
{
    u->pc += bytes;
    u->pstate &= ~PSTATE_NEXT;
}

#endif
