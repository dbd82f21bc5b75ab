/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/attest.h"

#include "base/sha256.h"
#include "base/vm.h"
#include "guest/handle.h"
#include "guest/image.h"
#include "guest/snapshot.h"

#define PIECE (CORDON_TOKEN_PIECE / 8)  /* words of an answer that a call takes or gives */
#define PART 16                 /* words of what is said of a guest that a call gives */
#define LOOK 16                 /* slots of VMs that a call looks at */
#define HASH 4                  /* words of a measurement, and of what tells keys apart */

static bool finish(struct vcpu_claim u, enum cordon_status status)
{
    return vcpu_answer(u, status, 0, 0, 0);
}

/* Of a VM that has started, and so has a vCPU 0. */
static struct attest *attest_of(struct cordon *c, struct vm_locked v)
{
    return &vcpu_in(c, v.vm->vcpu_row[0])->attest;
}

/* What is said of the guest has changed: what the keeper has written so far is of no use. */
static void begin_request(struct attest *a)
{
    a->number++;
    a->size = 0;
    a->written = 0;
}

enum cordon_status attest_personalise(struct cordon *c, struct vm_locked v, const uint64_t *value)
{
    if (vcpu_at(c, v.vm, 0) == 0)
        return CORDON_NO_VCPU;
    for (uint32_t i = 0; i < ATTEST_WORDS; i++)
        attest_of(c, v)->personal[i] = value[i];
    return CORDON_OK;
}

/* ---- the keeper ---- */

static uint64_t serving(struct cordon *c, const struct attest_root *r)
{
    struct host_locked h = host_lock(c);
    uint64_t handle = *r->serving;

    host_unlock(h);
    return handle;
}

/* Whether the guest runs that is the keeper. Where it does not, it never will again: a phase does not come back. */
static bool is_served(struct cordon *c, const struct attest_root *r)
{
    struct vm_locked v;

    if (vm_enter_phase(c, handle_name(serving(c, r)), CORDON_PHASE_RUNNING, &v) != CORDON_OK)
        return false;
    vm_unlock(c, v);
    return true;
}

/* Becomes the keeper in the place of `last`, unless somebody else has. */
static bool succeed(struct cordon *c, const struct attest_root *r, uint64_t last, uint64_t own)
{
    struct host_locked h = host_lock(c);
    bool good = *r->serving == last || *r->serving == own;

    if (good)
        *r->serving = own;
    host_unlock(h);
    return good;
}

/* To registers, in the order of memory. */
static void give_secret(uint64_t *word, const uint8_t secret[ATTEST_SECRET])
{
    for (uint32_t i = 0; i < ATTEST_SECRET / 8; i++) {
        word[i] = 0;
        for (uint32_t k = 0; k < 8; k++)
            word[i] |= (uint64_t)secret[8 * i + k] << 8 * k;
    }
}

static bool begin(struct cordon *c, struct vcpu_claim u, const struct attest_root *r)
{
    uint64_t own = handle_of(u.id, u.generation);
    uint64_t last = serving(c, r);

    if ((last != own && is_served(c, r)) || !succeed(c, r, last, own))
        return finish(u, CORDON_BUSY);
    u.vcpu->x[0] = CORDON_OK;
    give_secret(&u.vcpu->x[1], r->secret);
    give_secret(&u.vcpu->x[5], r->seal);
    u.vcpu->x[9] = r->chain_size;
    return true;
}

/* The request of the VM in a slot, if it waits for a token. */
static bool is_waiting(struct cordon *c, uint32_t id, uint64_t *handle, uint64_t *number)
{
    struct vm_locked v;
    bool waits;

    if (arch_load16(&c->vm[arch_index(id - 1, c->vms)].state) != VM_LIVE)       /* it is looked at again with the lock */
        return false;
    if (vm_enter_phase(c, vmid(id), CORDON_PHASE_RUNNING, &v) != CORDON_OK)
        return false;
    waits = attest_of(c, v)->state == ATTEST_ASKED;
    *handle = handle_of(id, v.vm->generation);
    *number = attest_of(c, v)->number;
    vm_unlock(c, v);
    return waits;
}

static bool next(struct cordon *c, struct vcpu_claim u)
{
    uint64_t place = u.vcpu->x[1];
    uint64_t end = place < c->vms ? place + LOOK : 0;
    uint64_t handle = 0, number = 0;

    for (; place < end && place < c->vms; place++) {
        if (is_waiting(c, (uint32_t)place + 1, &handle, &number))
            return vcpu_answer(u, CORDON_OK, place + 1 < c->vms ? place + 1 : 0, handle, number);
    }
    return vcpu_answer(u, CORDON_AGAIN, place < c->vms ? place : 0, 0, 0);
}

/* The VM whose request the keeper names. The lock is held only when the answer is OK. NO_VM, STATE. */
static enum cordon_status enter_request(struct cordon *c, struct vcpu_claim u, struct vm_locked *v)
{
    enum cordon_status status = vm_enter_phase(c, handle_name(u.vcpu->x[1]), CORDON_PHASE_RUNNING, v);
    const struct attest *a;

    if (status != CORDON_OK)
        return status;
    a = attest_of(c, *v);
    if (a->state == ATTEST_ASKED && a->number == u.vcpu->x[2])
        return CORDON_OK;
    vm_unlock(c, *v);
    return CORDON_STATE;
}

/* The third part: what the VM begins with, where it comes from, what it wants. */
static void origin_of(const struct vm *vm, const struct vcpu *first, uint64_t word[PART])
{
    for (uint32_t i = 0; i < PART; i++)
        word[i] = i < HASH ? sha256_word(&vm->image.hash, i / 2, i % 2) : 0;
    word[HASH] = first->snapshot.generation;
    word[HASH + 1] = first->snapshot.state == SNAPSHOT_RESTORED ? 1 : 0;
    word[HASH + 2] = first->attest.wants;
}

/* False: there is no such part. */
static bool part_of(const struct vm *vm, const struct vcpu *first, uint64_t part, uint64_t word[PART])
{
    const struct attest *a = &first->attest;

    switch (part) {
    case 0:
        for (uint32_t i = 0; i < ATTEST_WORDS; i++) {
            word[i] = a->nonce[i];
            word[ATTEST_WORDS + i] = a->personal[i];
        }
        return true;
    case 1:
        for (uint32_t i = 0; i < PART; i++)
            word[i] = a->extended[i / HASH][i % HASH];
        return true;
    case 2: origin_of(vm, first, word); return true;
    default: return false;
    }
}

static bool read_request(struct cordon *c, struct vcpu_claim u)
{
    uint64_t word[PART];
    struct vm_locked v;
    enum cordon_status status = enter_request(c, u, &v);

    if (status != CORDON_OK)
        return finish(u, status);
    if (!part_of(v.vm, vcpu_in(c, v.vm->vcpu_row[0]), u.vcpu->x[3], word))
        status = CORDON_RANGE;
    vm_unlock(c, v);
    if (status != CORDON_OK)
        return finish(u, status);
    u.vcpu->x[0] = CORDON_OK;
    for (uint32_t i = 0; i < PART; i++)
        u.vcpu->x[i + 1] = word[i];
    return true;
}

/* The next words of an answer. Its size is what the first of them said; there is room for whole pieces. */
static enum cordon_status write_held(struct attest *a, uint64_t offset, uint64_t size, const uint64_t *word)
{
    if (size == 0 || size > CORDON_TOKEN_MOST || offset != a->written || (offset != 0 && size != a->size))
        return CORDON_RANGE;
    for (uint32_t i = 0; i < PIECE; i++)
        a->answer[arch_index(offset / 8 + i, ATTEST_TOKEN_WORDS)] = word[i];
    a->size = (uint32_t)size;
    a->written += CORDON_TOKEN_PIECE;
    if (a->written >= size)
        a->state = ATTEST_ANSWERED;
    return CORDON_OK;
}

static bool write_answer(struct cordon *c, struct vcpu_claim u)
{
    struct vm_locked v;
    enum cordon_status status = enter_request(c, u, &v);

    if (status != CORDON_OK)
        return finish(u, status);
    status = write_held(attest_of(c, v), u.vcpu->x[3], u.vcpu->x[4], &u.vcpu->x[5]);
    vm_unlock(c, v);
    return finish(u, status);
}

/* False: this guest is none whose calls these are. */
static bool keeper_call(struct cordon *c, struct vcpu_claim u, const struct attest_root *r, uint32_t function)
{
    if (!image_is(&u.vm->image, r->keeper))     /* it has not changed since the start */
        return false;
    if (function == CORDON_KEEPER_BEGIN)
        return begin(c, u, r);
    if (serving(c, r) != handle_of(u.id, u.generation))
        return finish(u, CORDON_STATE);
    switch (function) {
    case CORDON_KEEPER_NEXT: return next(c, u);
    case CORDON_KEEPER_READ: return read_request(c, u);
    case CORDON_KEEPER_WRITE: return write_answer(c, u);
    default: return snapshot_call(c, u, r->keeper, function);
    }
}

/* ---- who asks ---- */

/* For an answer that depends on n words; those behind them are zero. */
static bool ask(struct cordon *c, struct vcpu_claim u, uint64_t wants, const uint64_t *word, uint32_t n)
{
    struct vm_locked v = vm_lock(c, u.id);
    struct attest *a = attest_of(c, v);

    for (uint32_t i = 0; i < ATTEST_WORDS; i++)
        a->nonce[i] = i < n ? word[i] : 0;
    a->wants = (uint8_t)wants;
    a->state = ATTEST_ASKED;
    begin_request(a);
    vm_unlock(c, v);
    return finish(u, CORDON_OK);
}

static bool ask_key(struct cordon *c, struct vcpu_claim u)
{
    uint64_t kind = u.vcpu->x[1];

    if (kind >= ATTEST_KEYS)
        return finish(u, CORDON_RANGE);
    return ask(c, u, CORDON_WANTS_KEY + kind, &u.vcpu->x[2], HASH);
}

/* All that is answered: what the keeper has written, and behind a token the chain. */
static uint64_t answer_size(const struct attest *a, const struct attest_root *r)
{
    return a->wants == CORDON_WANTS_TOKEN ? (uint64_t)a->size + r->chain_size : a->size;
}

/* A byte of it. Zero behind its end. */
static uint64_t byte_at(const struct attest *a, const struct attest_root *r, uint64_t at)
{
    uint64_t in_chain = at - a->size;

    if (at >= answer_size(a, r))
        return 0;
    if (at < a->size)
        return a->answer[arch_index(at / 8, ATTEST_TOKEN_WORDS)] >> at % 8 * 8 & 0xff;
    return r->chain[arch_index(in_chain, r->chain_size)];
}

/* RANGE; STATE: nothing was asked for; AGAIN: it is not there yet. */
static enum cordon_status answer_piece(const struct attest *a, const struct attest_root *r, uint64_t offset, uint64_t word[PIECE])
{
    if (a->state != ATTEST_ANSWERED)
        return a->state == ATTEST_ASKED ? CORDON_AGAIN : CORDON_STATE;
    if (offset >= answer_size(a, r))
        return CORDON_RANGE;
    for (uint32_t i = 0; i < PIECE; i++) {
        word[i] = 0;
        for (uint32_t k = 0; k < 8; k++)
            word[i] |= byte_at(a, r, offset + 8 * i + k) << 8 * k;
    }
    return CORDON_OK;
}

static bool read_answer(struct cordon *c, struct vcpu_claim u, const struct attest_root *r)
{
    struct vm_locked v = vm_lock(c, u.id);
    const struct attest *a = attest_of(c, v);
    uint64_t size = answer_size(a, r);
    uint64_t word[PIECE];
    enum cordon_status status = answer_piece(a, r, u.vcpu->x[1], word);
    uint64_t *to = &u.vcpu->x[2];

    vm_unlock(c, v);
    if (status == CORDON_AGAIN && !is_served(c, r))
        status = CORDON_NO_VM;
    if (status != CORDON_OK)
        return finish(u, status);
    u.vcpu->x[0] = CORDON_OK;
    u.vcpu->x[1] = size;
    for (uint32_t i = 0; i < PIECE; i++)
        to[i] = word[i];
    return true;
}

/* SHA-256 of the 64 bytes of what was there and what comes. */
static void extend_held(uint64_t old[HASH], const uint64_t *with)
{
    uint64_t block[SHA256_BLOCK_WORDS];
    struct sha256 hash;

    for (uint32_t i = 0; i < HASH; i++) {
        block[i] = old[i];
        block[HASH + i] = with[i];
    }
    sha256_init(&hash);
    sha256_blocks(&hash, block, 1);
    sha256_end(&hash);
    for (uint32_t i = 0; i < HASH; i++)
        old[i] = sha256_word(&hash, i / 2, i % 2);
}

static bool extend(struct cordon *c, struct vcpu_claim u)
{
    uint64_t which = u.vcpu->x[1];
    struct vm_locked v;
    struct attest *a;

    if (which >= ATTEST_EXTENDED)
        return finish(u, CORDON_RANGE);
    v = vm_lock(c, u.id);
    a = attest_of(c, v);
    extend_held(a->extended[arch_index(which, ATTEST_EXTENDED)], &u.vcpu->x[2]);
    if (a->state == ATTEST_ASKED)
        begin_request(a);
    vm_unlock(c, v);
    return finish(u, CORDON_OK);
}

bool vcpu_attest_call(struct cordon *c, struct vcpu_claim u, uint32_t function)
{
    struct attest_root r;

    if (!arch_attest_root(c, &r))
        return false;
    switch (function) {
    case CORDON_GUEST_TOKEN_ASK: return ask(c, u, CORDON_WANTS_TOKEN, &u.vcpu->x[1], ATTEST_WORDS);
    case CORDON_GUEST_KEY_ASK: return ask_key(c, u);
    case CORDON_GUEST_ANSWER_READ: return read_answer(c, u, &r);
    case CORDON_GUEST_EXTEND: return extend(c, u);
    default: return keeper_call(c, u, &r, function);
    }
}
