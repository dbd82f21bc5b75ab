/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#include <string.h>

struct regs host_call(struct machine *m, struct regs r)
{
    bool known;

    sim_begin(m->sim, "host call");
    known = hypercall_vm(m->c, r.x);
    if (sim_end(m->sim) > 0)
        machine_check(m);
    assert_true(known);
    return r;
}

/* ---- guests ---- */

static void play(void *arg, struct cordon *c, struct vcpu *u, struct trap *t)
{
    struct guest *g = arg;

    (void)c;
    g->resumes++;
    assert_true(g->resumes < 100000);
    if (g->play != NULL)
        g->play(g, u, t);
    else if (g->at < g->traps)
        *t = g->trap[g->at++];
}

uint64_t guest_frames(struct guest *g, uint64_t n, uint64_t align)
{
    uint64_t first = (g->next + align - 1) / align * align;

    g->next = first + n;
    assert_true(g->next <= g->m->donor);
    return first;
}

static void build(struct guest *g, uint32_t vcpus)
{
    struct machine *m = g->m;
    uint64_t roots = HC(m, CORDON_CALL_VM_LIMITS).x[1];
    struct regs r = HC(m, CORDON_CALL_VM_CREATE, guest_frames(g, roots, roots), vcpus);

    assert_int_equal(r.x[0], CORDON_OK);
    g->handle = r.x[1];
    g->id = (uint32_t)(g->handle % 65536);
    assert_ok(HS(m, CORDON_CALL_VM_DONATE, g->handle, guest_frames(g, 16, 16), 16));
    assert_ok(HS(m, CORDON_CALL_VM_MEMORY, g->handle, GUEST_RAM, GUEST_RAM_SIZE));
    for (uint32_t i = 0; i < vcpus; i++)
        assert_ok(HS(m, CORDON_CALL_VCPU_CREATE, g->handle, i, guest_frames(g, 1, 1)));
}

void guest_built(struct guest *g, struct machine *m, uint32_t vcpus)
{
    *g = (struct guest){ .m = m, .next = FRAME(0, CORE_FRAMES) };
    sim_guest(m->sim, play, g);
    build(g, vcpus);
}

void guest_start(struct guest *g)
{
    assert_ok(HS(g->m, CORDON_CALL_VM_START, g->handle, GUEST_ENTRY, GUEST_X0));
}

void guest_new(struct guest *g, uint32_t vcpus)
{
    guest_built(g, machine_small(), vcpus);
    guest_start(g);
}

void guest_another(struct guest *other, struct guest *g, uint32_t vcpus)
{
    *other = (struct guest){ .m = g->m, .next = g->next };
    build(other, vcpus);
    guest_start(other);
    g->next = other->next;
}

enum cordon_status guest_destroy(struct guest *g)
{
    enum cordon_status status;

    do
        status = HS(g->m, CORDON_CALL_VM_DESTROY, g->handle);
    while (status == CORDON_AGAIN);
    return status;
}

void guest_free(struct guest *g)
{
    enum cordon_status status = guest_destroy(g);

    assert_true(status == CORDON_OK || status == CORDON_NO_VM);
    machine_free(g->m);
}

uint64_t guest_map(struct guest *g, uint64_t gpa, uint64_t n)
{
    uint64_t frame = guest_frames(g, n, 1);

    for (uint64_t done = 0; done < n;) {
        struct regs r = HC(g->m, CORDON_CALL_VM_MAP, g->handle, gpa + done * PAGE, frame + done, n - done);

        assert_true(r.x[0] == CORDON_OK || r.x[0] == CORDON_AGAIN);
        assert_in_range(r.x[1], 1, n - done);
        done += r.x[1];
        assert_int_equal(r.x[0] == CORDON_OK, done == n);
    }
    return frame;
}

uint64_t guest_map_block(struct guest *g, uint64_t gpa)
{
    uint64_t frame;

    (void)guest_frames(g, 0, 512);
    frame = guest_map(g, gpa, 512);
    assert_ok(HS(g->m, CORDON_CALL_VM_BLOCK, g->handle, gpa, frame));
    return frame;
}

struct vm *guest_vm(struct guest *g)
{
    return &g->m->c->vm[g->id - 1];
}

struct vcpu *guest_vcpu(struct guest *g, uint32_t index)
{
    assert_true(guest_vm(g)->vcpu_row[index] != 0);
    return vcpu_in(g->m->c, guest_vm(g)->vcpu_row[index]);
}

/* ---- what it does ---- */

void guest_does(struct guest *g, struct trap t)
{
    if (g->at == g->traps)
        g->at = g->traps = 0;
    assert_true(g->traps < GUEST_TRAPS);
    g->trap[g->traps++] = t;
}

struct trap trap_sync(uint64_t class, uint64_t iss)
{
    return (struct trap){ .kind = TRAP_SYNC, .esr = class << 26 | ESR_IL | iss };
}

struct trap trap_hvc(uint64_t immediate)
{
    return trap_sync(0x16, immediate);
}

struct trap trap_smc(uint64_t immediate)
{
    return trap_sync(0x17, immediate);
}

/* A virtual address that gives away nothing of the guest-physical one but the place in the page. */
static struct trap trap_abort(uint64_t class, uint64_t iss, uint64_t ipa)
{
    struct trap t = trap_sync(class, iss | FSC_TRANSLATION | 3);

    t.ipa = ipa;
    t.far = UINT64_C(0xffff5ec2e7000000) + ipa % PAGE;
    return t;
}

struct trap trap_data(uint64_t ipa, uint64_t iss)
{
    return trap_abort(0x24, iss, ipa);
}

struct trap trap_fetch(uint64_t ipa)
{
    return trap_abort(0x20, 0, ipa);
}

struct trap trap_system(uint64_t op0, uint64_t op1, uint64_t crn, uint64_t crm, uint64_t op2, uint64_t rt, bool read)
{
    return trap_sync(0x18, op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | (read ? 1 : 0));
}

uint64_t iss_access(uint64_t bytes, uint64_t rt, bool write, bool sign, bool wide)
{
    uint64_t size = bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3;

    return ISS_ISV | size << 22 | rt << 16 | (write ? ISS_WNR : 0) | (sign ? ISS_SSE : 0) | (wide ? ISS_SF : 0);
}

struct regs guest_answer(struct guest *g, uint32_t index, enum cordon_answer answer, uint64_t v0, uint64_t v1, uint64_t v2,
                         uint64_t v3)
{
    struct regs r = HC(g->m, CORDON_CALL_VCPU_RUN, g->handle, index, answer, v0, v1, v2, v3);

    assert_ok((enum cordon_status)r.x[0]);
    return r;
}

struct regs guest_run(struct guest *g, uint32_t index)
{
    return guest_answer(g, index, CORDON_ANSWER_NONE, 0, 0, 0, 0);
}

enum cordon_status guest_try(struct guest *g, uint32_t index)
{
    return HS(g->m, CORDON_CALL_VCPU_RUN, g->handle, index);
}

struct regs guest_call(struct guest *g, uint32_t index, uint32_t function, uint64_t x1, uint64_t x2, uint64_t x3,
                       struct regs *out)
{
    struct vcpu *u = guest_vcpu(g, index);
    struct regs host;

    u->x[0] = function;
    u->x[1] = x1;
    u->x[2] = x2;
    u->x[3] = x3;
    guest_does(g, trap_hvc(0));
    host = guest_run(g, index);
    if (out != NULL)
        *out = host;
    else
        assert_int_equal(host.x[1], CORDON_EXIT_INTERRUPTED);
    return (struct regs){ { u->x[0], u->x[1], u->x[2], u->x[3] } };
}

/* ---- assertions ---- */

void exit_is(struct regs r, enum cordon_exit exit, uint64_t x2, uint64_t x3, uint64_t x4, uint64_t x5, const char *file, int line)
{
    const uint64_t want[HYPERCALL_REGS] = { CORDON_OK, exit, x2, x3, x4, x5, UINT64_MAX };
    bool same = true;

    for (unsigned i = 0; i < HYPERCALL_REGS; i++) {
        if (r.x[i] == want[i])
            continue;
        print_error("x%u is 0x%llx, not 0x%llx\n", i, (unsigned long long)r.x[i], (unsigned long long)want[i]);
        same = false;
    }
    if (!same)
        _fail(file, line);
}

#define CALL_SALT 5

static uint64_t secret_of(uint64_t salt, uint64_t i)
{
    return (salt + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

void guest_secrets(struct vcpu *u, uint64_t salt)
{
    for (uint64_t i = 0; i < 31; i++)
        u->x[i] = secret_of(salt, i);
}

struct guest_call guest_calls(struct guest *player, struct guest *who, struct guest_call c)
{
    struct vcpu *u = guest_vcpu(who, 0);

    guest_secrets(u, CALL_SALT);
    memcpy(u->x, c.x, sizeof c.x);
    guest_does(player, trap_hvc(0));
    assert_interrupted(guest_run(who, 0));
    for (uint64_t i = GUEST_CALL_REGS; i < 31; i++)
        assert_int_equal(u->x[i], secret_of(CALL_SALT, i));
    memcpy(c.x, u->x, sizeof c.x);
    return c;
}
