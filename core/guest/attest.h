/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestation: a guest asks for a token, and the keeper signs it; or for a key to seal with, and the keeper derives it. The
 * keeper is a guest too, with a measurement that is known beforehand. What it needs goes to it, what is to be said of each guest
 * that asks, and the answer comes back. Nothing of an answer is looked at here; docs/DESIGN.md, "Who signs".
 *
 * What of it is a VM's is with its vCPU 0 (struct attest, vcpu.h), guarded by the VM's lock, and goes when the VM goes.
 */
#ifndef CORDON_ATTEST_H
#define CORDON_ATTEST_H

#include "guest/vcpu.h"

#define ATTEST_SECRET 32

/* What the machine has for it; arch_attest_root() fills it in. None of it moves. */
struct attest_root {
    const uint8_t *secret;      /* CDI_Attest, ATTEST_SECRET bytes */
    const uint8_t *seal;        /* CDI_Seal, so many too */
    const uint8_t *chain;       /* of certificates, chain_size bytes: what each token ends with */
    uint32_t chain_size;
    const uint64_t *keeper;     /* the measurement of the guest that signs: four words, in the order of memory */
    uint64_t *serving;          /* the handle of that guest while it is the keeper, 0 before; guarded by the host's lock */
};

/* The VM, which is BUILT and held, gets ATTEST_WORDS words as its personalisation value. NO_VCPU: it has no vCPU 0 yet. */
enum cordon_status attest_personalise(struct cordon *c, struct vm_locked v, const uint64_t *value);

/*
 * A call for attestation, done. False: there is no such call for this guest, or no root of trust on this machine. Takes locks of
 * VMs and the host's, one at a time. The longest is an extension, SHA-256 of 64 bytes in two blocks: 4,700 instructions at most;
 * 96 bytes of a token are 2,600 (docs/PERFORMANCE.md, "A token").
 */
COLD bool vcpu_attest_call(struct cordon *c, struct vcpu_claim u, uint32_t function);

#endif
