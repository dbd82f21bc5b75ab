/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random host calls and random guests on the simulated machine, against the model of model.h: after each call the answer,
 * what the host sees of an exit, the guest's registers, every frame's record and first word, phases, power and SGIs
 * must be the model's. A run is made again by its seed; the last calls are printed when something differs.
 *
 *     guests [--seed N] [--ops N] [--seconds N] [--quiet]
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../random/rng.h"
#include "memory/frame.h"
#include "front/hypercall.h"
#include "model.h"
#include "sim.h"
#include "guest/exit.h"
#include "guest/vcpu.h"

#define PAGE CORDON_PAGE_SIZE
#define DEVICE UINT64_C(0x09000128)
#define TRNG_RND64 0xc4000053u
#define MEM_SHARE 0xc6000003u       /* KVM's */
#define MEM_UNSHARE 0xc6000004u
#define MACHINE_OPS 1500            /* then a new machine */
#define KEPT 24
#define DEVICES_AT UINT64_C(0x3f0000)
#define WINDOWS_AT UINT64_C(0x0a000000)     /* guest addresses */

/* What a vCPU's registers must be. */
struct expected {
    uint64_t x[31];
    uint64_t pc;
    uint64_t aborts, undefined;
};

enum kind { DO_NOTHING, DO_WFI, DO_CALL, DO_SGI, DO_MEMORY, DO_READ, DO_WRITE, DO_SERROR, DO_UNDEFINED };

/* One thing that a guest does, and whether it takes its first interrupt. */
struct action {
    enum kind kind;
    uint64_t x[5];                  /* of a call; x[0] of an SGI, an address */
    bool takes;
};

static struct {
    struct sim *sim;
    struct cordon *c;
    struct model m;
    struct rng rng;
    struct expected expected[SLOTS + 1][VCPUS];
    uint64_t handle[8];             /* given so far: the last eight */
    uint64_t handles;
    struct action action;
    struct expected *now;           /* of the vCPU that runs */
    unsigned resumes;
    char log[KEPT][160];
    uint64_t ops;
    uint64_t seed;
    bool devices;                   /* the host has some */
    uint64_t exits[CORDON_EXITS];
    uint64_t refused, done;
    uint64_t transfers[RETURNING + 1];  /* of devices that VMs may have: what was done in each stage */
} t;

static void differ(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void differ(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "guests: FAIL: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nThe calls before it, the last one last (--seed %" PRIu64 "):\n", t.seed);
    for (uint64_t i = t.ops < KEPT ? 0 : t.ops - KEPT; i < t.ops; i++)
        fprintf(stderr, "    %s\n", t.log[i % KEPT]);
    exit(1);
}

static uint64_t below(uint64_t n) { return rng_below(&t.rng, n); }
static bool one_in(uint64_t n) { return rng_one_in(&t.rng, n); }

/* ---- numbers ---- */

static uint64_t any_handle(void)
{
    uint32_t id = 1 + (uint32_t)below(SLOTS);

    if (one_in(40))
        return one_in(2) ? below(5) : below(4) * 65536 + below(SLOTS + 3);
    if (t.handles > 0 && (one_in(20) || t.m.vm[id].life == GONE))
        return t.handle[below(8)];
    return t.m.vm[id].generation * 65536 + id;
}

static uint64_t any_frame(void)
{
    static const uint64_t odd[] = { 0, 0x9000, UINT64_C(1) << 28, (UINT64_C(1) << 36), UINT64_MAX, BASE_FRAME + FRAMES - 1 };

    uint64_t frame = BASE_FRAME + below(1024);      /* one section is left for blocks */

    for (int i = 0; i < 4 && model_frame(&t.m, frame)->owner != HOST; i++)
        frame = BASE_FRAME + below(1024);
    return one_in(30) ? odd[below(6)] : one_in(20) ? BASE_FRAME + below(16) : frame;
}

static uint64_t any_page(void)
{
    static const uint64_t odd[] = { 0, GUEST_RAM - PAGE, GUEST_RAM + GUEST_PAGES * PAGE, UINT64_C(1) << 48, UINT64_MAX,
                                    GUEST_RAM + 1 };

    return one_in(25) ? odd[below(6)] : GUEST_RAM + below(one_in(40) ? GUEST_PAGES : one_in(3) ? 512 : 40) * PAGE;
}

/* ---- the core's side ---- */

static uint64_t call(uint64_t x[HYPERCALL_REGS])
{
    snprintf(t.log[t.ops++ % KEPT], sizeof(t.log[0]), "x0=%08x %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 "  x8=%" PRIx64
             "  guest %d: %" PRIx64 " %" PRIx64 " %" PRIx64, (uint32_t)x[0], x[1], x[2], x[3], x[4], x[8], t.action.kind,
             t.action.x[0], t.action.x[1], t.action.x[2]);
    sim_cpu(t.sim, (uint32_t)below(4));
    sim_begin(t.sim, "host call");
    if (!hypercall_vm(t.c, x))
        differ("a call does not exist");
    if (sim_end(t.sim) > 0)
        differ("report: %s", sim_report(t.sim, 0));
    *(x[0] <= CORDON_AGAIN ? &t.done : &t.refused) += 1;
    return x[0];
}

/* One of the devices' names, or not. */
static uint64_t any_device(void)
{
    static const uint64_t odd[] = { 0, DEVICES_AT + DEVICES, BASE_FRAME + 100, UINT64_C(1) << 36, UINT64_MAX };

    return one_in(15) ? odd[below(5)] : DEVICES_AT + below(DEVICES);
}

static void same(enum cordon_status core, enum cordon_status model)
{
    if (core != model)
        differ("the core answers %s, the model %s", cordon_status_word(core), cordon_status_word(model));
}

static uint64_t pool_free(uint64_t handle)
{
    const struct model_vm *v = model_vm(&t.m, handle);

    return v == NULL ? 99 : cordon_vm_pool_free(t.c, vmid(model_id(&t.m, v)));
}

/* ---- what guests do ---- */

static void check_registers(const struct vcpu *u)
{
    for (unsigned i = 0; i < 31; i++) {
        if (u->x[i] != t.now->x[i])
            differ("the guest finds 0x%" PRIx64 " in x%u, not 0x%" PRIx64, u->x[i], i, t.now->x[i]);
    }
    if (u->pc != t.now->pc || u->arch.aborts != t.now->aborts || u->arch.undefined != t.now->undefined)
        differ("the guest goes on at 0x%" PRIx64 " after %" PRIu64 " aborts, not at 0x%" PRIx64 " after %" PRIu64, u->pc,
               u->arch.aborts, t.now->pc, t.now->aborts);
}

static void play(void *arg, struct cordon *c, struct vcpu *u, struct trap *trap)
{
    const struct action *a = &t.action;
    uint64_t iss = 7 | 1 << 24 | 2 << 22 | 9 << 16;         /* four bytes, x9 */

    (void)arg, (void)c;
    if (t.resumes++ > 0)
        return;
    check_registers(u);
    if (a->takes)
        u->interrupt[0] = 0;
    trap->kind = a->kind == DO_SERROR ? TRAP_SERROR : a->kind == DO_NOTHING ? TRAP_INTERRUPT : TRAP_SYNC;
    trap->ipa = a->x[0];
    switch (a->kind) {
    case DO_WFI: trap->esr = UINT64_C(1) << 26 | 1 << 25; break;
    case DO_CALL:
        for (unsigned i = 0; i < 5; i++)
            u->x[i] = t.now->x[i] = a->x[i];
        trap->esr = UINT64_C(0x16) << 26;
        break;
    case DO_SGI:
        u->x[9] = t.now->x[9] = a->x[0];
        trap->esr = UINT64_C(0x18) << 26 | 0x3a3016 | 9 << 5;
        break;
    case DO_MEMORY: trap->esr = UINT64_C(0x24) << 26 | 7 | 1 << 6; break;
    case DO_READ: trap->esr = UINT64_C(0x24) << 26 | iss; break;
    case DO_WRITE: trap->esr = UINT64_C(0x24) << 26 | iss | 1 << 6; break;
    default: break;         /* class 0: undefined */
    }
}

/* ---- what must come of it ---- */

struct outcome {
    enum cordon_exit exit;
    uint64_t detail[4];
    bool any;                       /* x1 .. x3 of the guest are the core's to choose: checked by hand */
};

static struct outcome leaves(enum cordon_exit exit, uint64_t a, uint64_t b, uint64_t c)
{
    return (struct outcome){ .exit = exit, .detail = { a, b, c, 0 } };
}

static struct outcome stays(void)
{
    return leaves(CORDON_EXIT_INTERRUPTED, 0, 0, 0);
}

static struct outcome cpu_on(struct model_vm *v)
{
    uint64_t target = t.action.x[1], entry = t.action.x[2];
    struct vcpu_state *u = target < v->vcpus ? &v->vcpu[target] : NULL;
    int64_t result = u == NULL ? -2 : entry % 4 != 0 || !model_has(v, entry / PAGE, 1) ? -9
                     : u->power == STARTING ? -5 : u->power == ON ? -4 : 0;

    t.now->x[0] = (uint64_t)result;
    if (result != 0)
        return stays();
    *u = (struct vcpu_state){ .made = true, .power = STARTING };
    t.expected[model_id(&t.m, v)][target] = (struct expected){ .x = { t.action.x[3] }, .pc = entry };
    return leaves(CORDON_EXIT_CPU_ON, target, 0, 0);
}

static struct outcome sgi(struct model_vm *v, uint32_t index)
{
    uint64_t x = t.action.x[0], all = (UINT64_C(1) << v->vcpus) - 1;
    uint64_t to = (x >> 40 & 1) != 0 ? all & ~(UINT64_C(1) << index) : (x & UINT64_C(0x00fff0ff00ff0000)) != 0 ? 0 : x & all;

    t.now->pc += 4;
    for (uint32_t i = 0; i < v->vcpus; i++) {
        if ((to >> i & 1) != 0)
            v->vcpu[i].sgis = (uint16_t)(v->vcpu[i].sgis | 1u << (x >> 24 & 0xf));
    }
    return to == 0 ? stays() : leaves(CORDON_EXIT_SGI, to, x >> 24 & 0xf, 0);
}

/* KVM's: a page that is to be shared and is not there is the host's to bring, and the call is made again. */
static struct outcome share(struct model_vm *v)
{
    const uint64_t *x = t.action.x;
    bool memory = x[1] % PAGE == 0 && model_has(v, x[1] / PAGE, 1) && x[2] == 0 && x[3] == 0;

    if (memory && x[0] == MEM_SHARE && v->map[(x[1] - GUEST_RAM) / PAGE] == 0) {
        t.now->pc -= 4;
        return leaves(CORDON_EXIT_MEMORY, x[1], 1, 0);
    }
    t.now->x[0] = memory && model_turn(&t.m, v, (x[1] - GUEST_RAM) / PAGE, x[0] == MEM_SHARE) ? 0 : (uint64_t)-3;
    t.now->x[1] = t.now->x[2] = t.now->x[3] = 0;
    return stays();
}

static struct outcome guest_call(struct model_vm *v, uint32_t index)
{
    const uint64_t *x = t.action.x;
    struct vcpu_state *target = x[1] < v->vcpus ? &v->vcpu[x[1]] : NULL;

    switch (x[0]) {
    case 0xc4000003: return cpu_on(v);
    case 0xc4000004:
        t.now->x[0] = target == NULL || x[2] != 0 ? (uint64_t)-2 : target->power == ON ? 0 : target->power == OFF ? 1 : 2;
        return stays();
    case 0x84000002: v->vcpu[index].power = OFF; return leaves(CORDON_EXIT_CPU_OFF, 0, 0, 0);
    case 0x84000008: v->phase = CORDON_PHASE_STOPPED; return leaves(CORDON_EXIT_SYSTEM_OFF, 0, 0, 0);
    case 0x84000009: v->phase = CORDON_PHASE_STOPPED; return leaves(CORDON_EXIT_SYSTEM_RESET, 0, 0, 0);
    case CORDON_GUEST_HOST:
        v->vcpu[index].asked = CALL;
        return (struct outcome){ .exit = CORDON_EXIT_HOST_CALL, .detail = { x[1], x[2], x[3], x[4] } };
    case CORDON_GUEST_GRANT:
    case CORDON_GUEST_REVOKE:
    case CORDON_GUEST_RELINQUISH:
    case CORDON_GUEST_QUERY:
    case TRNG_RND64: return (struct outcome){ .any = true };
    case MEM_SHARE:
    case MEM_UNSHARE: return share(v);
    default: t.now->x[0] = UINT64_MAX; return stays();
    }
}

static struct outcome outcome_of(struct model_vm *v, uint32_t index)
{
    struct vcpu_state *u = &v->vcpu[index];

    switch (t.action.kind) {
    case DO_NOTHING: return stays();
    case DO_WFI: t.now->pc += 4; return leaves(CORDON_EXIT_WAIT, 0, 0, 0);
    case DO_CALL: return guest_call(v, index);
    case DO_SGI: return sgi(v, index);
    case DO_MEMORY:
        if (!model_has(v, t.action.x[0] / PAGE, 1)) {
            t.now->aborts++;
            return stays();
        }
        if (v->map[(t.action.x[0] - GUEST_RAM) / PAGE] != 0)
            return stays();         /* it is there: the guest tries again */
        u->asked = MEMORY;
        return leaves(CORDON_EXIT_MEMORY, t.action.x[0] / PAGE * PAGE, 1, 0);
    case DO_READ: u->asked = READ; return leaves(CORDON_EXIT_READ, DEVICE, 4, 0);
    case DO_WRITE: u->asked = WRITE; return leaves(CORDON_EXIT_WRITE, DEVICE, 4, t.now->x[9] & UINT32_MAX);
    case DO_SERROR: v->phase = CORDON_PHASE_STOPPED; return leaves(CORDON_EXIT_FAILED, CORDON_FAILURE_SERROR, 0, 0);
    default: t.now->undefined++; return stays();
    }
}

/* ---- calls of a guest whose progress is the core's choice ---- */

static uint64_t mapped_in(const struct model_vm *v, uint64_t gfn, uint64_t n)
{
    uint64_t mapped = 0;

    for (uint64_t i = 0; i < n && gfn + i < GUEST_PAGES; i++)
        mapped += v->map[gfn + i] != 0;
    return mapped;
}

/* The guest's x0 .. x3 after the call, against the model, which then does as many pages. */
static struct outcome ranged(struct model_vm *v, const struct vcpu *u, uint64_t free)
{
    const uint64_t *x = t.action.x;
    uint64_t num = (x[2] + PAGE - 1) / PAGE;
    uint64_t gfn = (x[1] - GUEST_RAM) / PAGE;
    uint64_t done = u->x[1];
    uint64_t changed;

    if (x[0] == CORDON_GUEST_RELINQUISH && u->x[0] == CORDON_NO_MEMORY && free == 0 && mapped_in(v, gfn, 1) == 1)
        done = 0;
    else if (u->x[0] != (done == num ? CORDON_OK : CORDON_AGAIN) || done == 0 || done > num)
        differ("a guest's call answers %" PRIu64 " after %" PRIu64 " of %" PRIu64 " pages", u->x[0], done, num);
    changed = x[0] == CORDON_GUEST_GRANT ? model_grant(&t.m, v, gfn, done)
              : x[0] == CORDON_GUEST_REVOKE ? model_revoke(&t.m, v, gfn, done) : model_relinquish(&t.m, v, gfn, done);
    t.now->x[0] = u->x[0];
    t.now->x[1] = done;
    t.now->x[2] = changed;
    t.now->x[3] = done - changed;
    return x[0] == CORDON_GUEST_RELINQUISH && changed > 0 ? leaves(CORDON_EXIT_RELINQUISHED, x[1], done, 0) : stays();
}

static struct outcome query(struct model_vm *v, const struct vcpu *u)
{
    uint64_t frame = v->map[(t.action.x[1] - GUEST_RAM) / PAGE];
    bool window = model_window_at(&t.m, model_id(&t.m, v), t.action.x[1] / PAGE) != 0;

    if ((frame != 0 || window) != (u->x[1] == 2 || u->x[1] == 3) || (frame == 0 && !window && u->x[1] != 0))
        differ("query says level %" PRIu64 " and frame 0x%" PRIx64 " is there", u->x[1], frame);
    t.now->x[0] = CORDON_OK;
    t.now->x[1] = u->x[1];
    t.now->x[2] = frame != 0 ? model_frame(&t.m, frame)->count : 0;
    t.now->x[3] = 0;
    return stays();
}

/* As many bits as were asked for, or none and a refusal. */
static struct outcome draw(const struct vcpu *u)
{
    uint64_t bits = t.action.x[1];

    t.now->x[0] = bits == 0 || bits > 192 ? (uint64_t)-2 : 0;
    for (unsigned i = 1; i < 4; i++) {
        uint64_t below = 64 * (3 - i), n = t.now->x[0] != 0 || bits <= below ? 0 : bits - below;

        if (n < 64 && u->x[i] >> n != 0)
            differ("of %" PRIu64 " random bits, x%u is 0x%" PRIx64, bits, i, u->x[i]);
        t.now->x[i] = u->x[i];
    }
    return stays();
}

/* ---- a run ---- */

static void choose_action(void)
{
    static const uint64_t function[] = { 0xc4000003, 0xc4000003, 0xc4000003, 0xc4000004, CORDON_GUEST_HOST,
                                         CORDON_GUEST_GRANT, CORDON_GUEST_GRANT, CORDON_GUEST_REVOKE, CORDON_GUEST_RELINQUISH,
                                         CORDON_GUEST_RELINQUISH, CORDON_GUEST_QUERY, TRNG_RND64, MEM_SHARE, MEM_SHARE, MEM_UNSHARE,
                                         0xc6000099 };
    struct action *a = &t.action;
    uint64_t gpa = GUEST_RAM + below(one_in(4) ? GUEST_PAGES : 40) * PAGE;

    *a = (struct action){ .kind = (enum kind)below(one_in(60) ? 9 : 7), .takes = one_in(2) };
    if (one_in(2))
        a->kind = DO_CALL;
    a->x[0] = a->kind == DO_SGI ? below(16) << 24 | below(8) | (one_in(5) ? UINT64_C(1) << 40 : 0) |
                                      (one_in(9) ? UINT64_C(1) << (16 + below(40)) : 0)
              : a->kind == DO_MEMORY ? gpa + below(PAGE) : DEVICE;
    if (a->kind != DO_CALL)
        return;
    for (unsigned i = 1; i < 5; i++)
        a->x[i] = rng_next(&t.rng);
    a->x[0] = one_in(150) ? 0x84000008 + below(2) : one_in(12) ? 0x84000002 : function[below(sizeof function / sizeof *function)];
    a->x[1] = a->x[0] < CORDON_GUEST_FIRST ? below(VCPUS + 1) : a->x[0] == CORDON_GUEST_HOST ? a->x[1] : gpa;
    if (a->x[0] == TRNG_RND64 && !one_in(8))
        a->x[1] = below(196);
    a->x[2] = a->x[0] == 0xc4000003 ? GUEST_RAM + below(5) * 2 : a->x[0] < CORDON_GUEST_FIRST ? below(8) / 7
              : 1 + below(one_in(6) ? 600 * PAGE : 12 * PAGE);
    if (a->x[0] == MEM_SHARE || a->x[0] == MEM_UNSHARE) {
        a->x[1] = one_in(20) ? gpa + below(PAGE) : one_in(20) ? a->x[4] : gpa;
        a->x[2] = one_in(20) ? a->x[4] : 0;
        a->x[3] = one_in(20) ? a->x[4] : 0;
    }
}

static uint64_t choose_answer(const struct model_vm *v, uint64_t index)
{
    enum asked asked = v != NULL && index < VCPUS ? v->vcpu[index].asked : NOTHING;

    if (one_in(12))
        return below(4);
    return asked == READ || asked == CALL ? CORDON_ANSWER_VALUE : CORDON_ANSWER_NONE;
}

/* The answer takes effect in what the guest must find. */
static void answer(struct vcpu_state *u, const uint64_t x[HYPERCALL_REGS])
{
    if (x[3] == CORDON_ANSWER_ABORT)
        t.now->aborts++;
    else if (u->asked == READ)
        t.now->x[9] = x[4] & UINT32_MAX;
    for (unsigned i = 0; i < 4 && u->asked == CALL; i++)
        t.now->x[i] = x[4 + i];
    if (x[3] != CORDON_ANSWER_ABORT && (u->asked == READ || u->asked == WRITE))
        t.now->pc += 4;
    u->asked = NOTHING;
    u->power = ON;
}

static void compare_exit(const uint64_t x[HYPERCALL_REGS], struct outcome o, uint64_t left)
{
    const uint64_t want[HYPERCALL_REGS] = { CORDON_OK, o.exit, o.detail[0], o.detail[1], o.detail[2], o.detail[3], UINT64_MAX,
                                            0, left };

    for (unsigned i = 0; i < HYPERCALL_REGS; i++) {
        if (x[i] != want[i])
            differ("after a run x%u is 0x%" PRIx64 ", not 0x%" PRIx64, i, x[i], want[i]);
    }
    t.exits[o.exit]++;
}

/* The answer changes what the guest must find before it runs, its action what must come of it afterwards. */
static void run_it(struct model_vm *v, uint32_t index, uint64_t x[HYPERCALL_REGS])
{
    const uint64_t word = x[8];
    const unsigned id = (unsigned)(word & 15);
    struct vcpu_state *u = &v->vcpu[index];
    struct vcpu *real = vcpu_in(t.c, t.c->vm[model_id(&t.m, v) - 1].vcpu_row[index]);
    uint64_t free = pool_free(x[1]);
    struct outcome o;

    t.now = &t.expected[model_id(&t.m, v)][index];
    answer(u, x);
    if (word != 0)
        u->sgis = (uint16_t)(u->sgis & ~(1u << id));
    t.resumes = 0;
    if (call(x) != CORDON_OK)
        differ("a run is refused with %s", cordon_status_word((enum cordon_status)x[0]));
    o = outcome_of(v, index);
    if (o.any)
        o = t.action.x[0] == CORDON_GUEST_QUERY ? query(v, real) : t.action.x[0] == TRNG_RND64 ? draw(real) : ranged(v, real, free);
    if (word != 0 && !t.action.takes)
        u->sgis = (uint16_t)(u->sgis | 1u << id);
    check_registers(real);
    compare_exit(x, o, word != 0 && !t.action.takes ? word : 0);
}

static void do_run(void)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VCPU_RUN, any_handle(), one_in(30) ? below(20) : below(VCPUS) };
    struct model_vm *v = model_vm(&t.m, x[1]);
    enum cordon_status status;

    for (int i = 0; i < 4 && v != NULL && x[2] < VCPUS && v->vcpu[x[2]].power == OFF; i++)
        x[2] = below(v->vcpus);
    choose_action();
    x[3] = choose_answer(v, x[2]);
    for (unsigned i = 4; i < 8; i++)
        x[i] = rng_next(&t.rng);
    if (one_in(3))
        x[8] = UINT64_C(5) << 60 | below(16);
    for (int i = 0; i < 12 && x[8] != 0 && v != NULL && x[2] < VCPUS && (v->vcpu[x[2]].sgis >> (x[8] & 15) & 1) == 0; i++)
        x[8] = UINT64_C(5) << 60 | below(16);
    if (x[8] != 0 && v != NULL && x[2] < VCPUS && v->vcpu[x[2]].sgis == 0 && !one_in(8))
        x[8] = 0;
    status = model_run(&t.m, x[1], x[2], x[3]);
    if (status == CORDON_OK && x[8] != 0 && (v->vcpu[x[2]].sgis >> (x[8] & 15) & 1) == 0)
        status = CORDON_INTERRUPT;
    if (status != CORDON_OK)
        same((enum cordon_status)call(x), status);
    else
        run_it(v, (uint32_t)x[2], x);
}

/* ---- the other calls ---- */

static void do_create(void)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_CREATE, any_frame(), one_in(20) ? below(20) : 1 + below(VCPUS) };
    uint64_t handle = 0;
    enum cordon_status status = model_create(&t.m, x[1], x[2], &handle);

    same((enum cordon_status)call(x), status);
    if (status != CORDON_OK)
        return;
    if (x[1] != handle)
        differ("handle 0x%" PRIx64 ", not 0x%" PRIx64, x[1], handle);
    t.handle[t.handles++ % 8] = handle;
}

static void do_donate(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_DONATE, handle, any_frame(), one_in(20) ? below(600) : 1 + below(6) };
    enum cordon_status status = model_donate(&t.m, x[1], x[2], x[3]);

    same((enum cordon_status)call(x), status);
}

static void do_memory(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_MEMORY, handle };
    enum cordon_status status;

    x[2] = one_in(3) ? GUEST_RAM : GUEST_RAM + below(GUEST_PAGES) * PAGE;
    x[3] = one_in(3) ? 1024 * PAGE : (1 + below(200)) * PAGE;
    if (x[3] > GUEST_RAM + GUEST_PAGES * PAGE - x[2])
        x[3] = PAGE;
    if (one_in(10))
        x[2 + below(2)] = one_in(2) ? UINT64_MAX : 0 + below(2) * 0x801;
    if (x[2] < GUEST_RAM && x[2] % PAGE == 0)
        x[3] = 0;           /* what the model has no room for is refused */
    status = model_memory(&t.m, x[1], x[2], x[3]);
    same((enum cordon_status)call(x), status);
}

static void do_vcpu_create(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VCPU_CREATE, handle, below(one_in(9) ? 20 : VCPUS), any_frame() };
    enum cordon_status status;

    if (x[2] >= VCPUS && x[2] < CORDON_VCPUS_MAX)
        x[2] = CORDON_VCPUS_MAX;
    status = model_vcpu_create(&t.m, x[1], x[2], x[3]);
    same((enum cordon_status)call(x), status);
}

static void do_load(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_LOAD, handle, any_page(), any_frame(), one_in(9) ? below(4) : 1 };
    uint64_t free = pool_free(handle);
    const struct model_vm *v = model_vm(&t.m, handle);
    uint64_t gpa = x[2], frame = x[3], num = x[4];
    enum cordon_status core;

    if (v != NULL && v->loading && !one_in(4))
        x[2] = gpa = v->load_gfn * PAGE, x[3] = frame = v->load_frame;
    core = (enum cordon_status)call(x);
    t.m.dry = core == CORDON_NO_MEMORY && free < 3;
    same(core, model_load(&t.m, handle, gpa, frame, num, core <= CORDON_AGAIN && x[1] == 1));
    if (core <= CORDON_AGAIN && x[1] > 1)
        differ("more than a page is loaded at a time");
}

/* ---- devices ---- */

static void do_attach(uint64_t handle, uint64_t device, unsigned calls)
{
    for (unsigned i = 0; i < calls; i++) {
        uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_DEVICE_ATTACH, handle, device };
        enum cordon_status core = (enum cordon_status)call(x);

        same(core, model_attach(&t.m, handle, device, core == CORDON_OK));
        if (core == CORDON_OK && x[1] != t.m.device[device - DEVICES_AT].id)
            differ("device 0x%" PRIx64 " is of another kind", x[1]);
        if (core != CORDON_AGAIN)
            return;
    }
    if (calls > 30)
        differ("an attach goes on and on");
}

static void do_device_map(uint64_t handle, uint64_t device, uint64_t window)
{
    uint64_t gpa = one_in(9) ? any_page() : WINDOWS_AT + (one_in(2) ? 1024 * window : below(1200)) * PAGE;
    enum cordon_status core;

    do {
        uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_DEVICE_MAP, handle, device, window, gpa };
        uint64_t free = pool_free(handle), done = 0;

        core = (enum cordon_status)call(x);
        t.m.dry = core == CORDON_NO_MEMORY && free < 3;
        same(core, model_device_map(&t.m, handle, device, window, gpa, &done));
        if (core <= CORDON_AGAIN && x[1] != done)
            differ("%" PRIu64 " pages of a window are mapped, in the model %" PRIu64, x[1], done);
    } while (core == CORDON_AGAIN && !one_in(6));
}

static void do_open(uint64_t handle, uint64_t device)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_DEVICE_OPEN, handle, device };

    same((enum cordon_status)call(x), model_open(&t.m, handle, device));
}

static void do_detach(uint64_t handle, uint64_t device, unsigned calls)
{
    for (unsigned i = 0; i < calls; i++) {
        uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_DEVICE_DETACH, handle, device };
        enum cordon_status core = (enum cordon_status)call(x);

        same(core, model_detach(&t.m, handle, device, core == CORDON_OK));
        if (core != CORDON_AGAIN)
            return;
    }
    if (calls > 30)
        differ("a detach goes on and on");
}

/* Whether a device reaches a page of its addresses, and which frame. What is on its way in between is the core's choice. */
static bool is_reached(const struct model_device *d, uint64_t page, uint64_t *frame)
{
    struct frame_state *f = model_frame(&t.m, page);

    *frame = page;
    if (d->stage == THE_HOSTS)
        return f != NULL && (f->owner == HOST || (f->owner != CORE && f->count > 0));
    if (d->stage != OPEN)
        return false;
    *frame = page - GUEST_RAM / PAGE < GUEST_PAGES ? t.m.vm[d->vm].map[page - GUEST_RAM / PAGE] : 0;
    if (*frame == 0)
        *frame = model_window_at(&t.m, d->vm, page);
    return *frame != 0;
}

/* A device that a VM has or may have does a transfer, anywhere. */
static void do_device_transfer(void)
{
    const struct model_device *d = &t.m.device[below(DEVICES)];
    const struct model_device *other = &t.m.device[below(DEVICES)];
    uint64_t page = one_in(3) ? BASE_FRAME + below(FRAMES) : one_in(2) ? WINDOWS_AT / PAGE + below(1200)
                    : GUEST_RAM / PAGE + below(one_in(2) ? 12 : GUEST_PAGES);
    uint64_t value = rng_next(&t.rng), read = 0, frame;
    bool write = one_in(2), want, done;
    struct frame_state *f;

    if (d->stage != OPEN)
        d = other;
    want = is_reached(d, page, &frame);
    f = model_frame(&t.m, frame);
    done = (write ? sim_device_write(t.sim, d->frame, page * PAGE, value) : sim_device_read(t.sim, d->frame, page * PAGE, &read)) ==
           SIM_DONE;
    if (sim_reports(t.sim) > 0)
        differ("report: %s", sim_report(t.sim, 0));
    if (done != want || (done && !write && read != (f != NULL ? f->word : 0)))
        differ("device 0x%" PRIx64 " of VM %u in stage %d %s page 0x%" PRIx64 " and reads 0x%" PRIx64, d->frame, d->vm, (int)d->stage,
               done ? "reaches" : "does not reach", page, read);
    if (done && write && f != NULL)
        f->word = value;
    t.transfers[d->stage] += done;
}

/* The host reaches for a window, or what is beside it. */
static void do_window_access(void)
{
    const struct model_device *d = &t.m.device[below(DEVICES)];
    uint64_t k = below(CORDON_DEVICE_WINDOWS), value;
    enum cordon_status status;
    enum sim_outcome outcome;

    if (d->window[k].pages == 0)
        return;
    sim_begin(t.sim, "access");
    outcome = sim_read(t.sim, 0, (d->window[k].first + below(d->window[k].pages)) * PAGE, &value, false, &status);
    if (sim_end(t.sim) > 0)
        differ("report: %s", sim_report(t.sim, 0));
    if (d->stage != LEAVING && (outcome == SIM_DONE) != (d->stage == THE_HOSTS))
        differ("the host's access to a window of a device in stage %d ends as %d", (int)d->stage, (int)outcome);
}

static void do_device(uint64_t handle)
{
    uint64_t device = any_device();

    switch (below(8)) {
    case 0: case 1: do_attach(handle, device, 1); break;
    case 2: do_attach(handle, device, 40); break;
    case 3: do_device_map(handle, device, below(CORDON_DEVICE_WINDOWS + 1)); break;
    case 4: do_open(handle, device); break;
    case 5: do_detach(handle, device, one_in(2) ? 1 : 40); break;
    default: do_window_access(); break;
    }
}

static void do_start(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_START, handle, (one_in(6) ? any_page() : GUEST_RAM + below(8) * 4) + below(9) / 8, rng_next(&t.rng) };
    uint64_t entry = x[2], x0 = x[3];
    enum cordon_status status = model_start(&t.m, handle, entry);

    same((enum cordon_status)call(x), status);
    if (status == CORDON_OK)
        t.expected[handle % 65536][0] = (struct expected){ .x = { x0 }, .pc = entry };
}

/* Guest and host frames that fit each other, so that blocks can come of it. */
static void do_map(uint64_t handle, uint64_t gpa, uint64_t frame, uint64_t num)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_MAP, handle, gpa, frame, num };
    uint64_t free = pool_free(handle);
    enum cordon_status core = (enum cordon_status)call(x);
    uint64_t done = 0;

    t.m.dry = core == CORDON_NO_MEMORY && free < 3;
    same(core, model_map(&t.m, handle, gpa, frame, num, &done));
    if (core <= CORDON_AGAIN && x[1] != done)
        differ("map did %" PRIu64 " pages, the model %" PRIu64, x[1], done);
}

static void do_block(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_BLOCK, handle, GUEST_RAM + (one_in(6) ? below(4) : 1) * 512 * PAGE,
                                     BASE_FRAME + (one_in(6) ? below(3) : 2) * 512 };
    uint64_t gpa = x[2], frame = x[3];
    enum cordon_status status;

    for (uint64_t k = 0; k < 512 && model_vm(&t.m, handle) != NULL; k += CALL_PAGES)
        do_map(handle, gpa + k * PAGE, frame + k, CALL_PAGES);
    if (one_in(10))
        x[2] = any_page(), x[3] = any_frame();
    status = model_block(&t.m, handle, x[2], x[3]);
    same((enum cordon_status)call(x), status);
}

static void do_clear(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_CLEAR, handle, any_frame(), below(one_in(5) ? 100 : 8) };
    uint64_t frame = x[2], num = x[3], done = 0, changed = 0;
    uint64_t free = pool_free(handle);
    enum cordon_status core = (enum cordon_status)call(x);
    enum cordon_status status;

    if (core == CORDON_NO_MEMORY && free == 0)
        return;
    status = model_clear(&t.m, handle, frame, num, &done, &changed);
    same(core, status);
    if (status <= CORDON_AGAIN && (x[1] != done || x[2] != changed || x[3] != done - changed))
        differ("clear did %" PRIu64 " frames, %" PRIu64 " changed; the model %" PRIu64 " and %" PRIu64, x[1], x[2], done, changed);
}

/* What a step of a teardown gave back is seen in the records; blocks leave the table before their frames come back. */
static void follow(struct model_vm *v)
{
    uint32_t id = model_id(&t.m, v);

    v->life = DYING;
    for (uint64_t i = 0; i < FRAMES; i++) {
        struct frame_state *f = &t.m.frame[i];
        uint32_t holder = t.c->frame[i].holder;

        if (holder == HOLDER_HOST && (f->owner == id || (f->owner == CORE && f->lent == id)))
            model_return(&t.m, BASE_FRAME + i);
    }
}

static void do_destroy(uint64_t handle, unsigned calls)
{
    for (unsigned i = 0; i < calls; i++) {
        uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_DESTROY, handle };
        struct model_vm *v = model_vm(&t.m, handle);
        enum cordon_status core = (enum cordon_status)call(x);

        if (v != NULL && model_devices_of(&t.m, model_id(&t.m, v)) > 0) {
            same(core, CORDON_BUSY);
            return;
        }

        if (v == NULL) {
            same(core, CORDON_NO_VM);
            return;
        }
        if (core == CORDON_OK)
            model_gone(&t.m, v);
        else if (core == CORDON_AGAIN)
            follow(v);
        else
            differ("a teardown answers %s", cordon_status_word(core));
        if (core == CORDON_OK)
            return;
    }
}

/* The end of a VM that has come to its end: its devices first. */
static void do_end(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_STOP, handle };

    if (model_devices_of(&t.m, (uint32_t)(handle % 65536)) > 0 && !one_in(4)) {
        same((enum cordon_status)call(x), model_stop(&t.m, handle));
        for (uint64_t i = 0; i < DEVICES; i++)
            do_detach(handle, DEVICES_AT + i, 40);
    }
    do_destroy(handle, 1000);
}

static void do_info(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_INFO, handle };
    const struct model_vm *v = model_vm(&t.m, handle);

    same((enum cordon_status)call(x), v == NULL ? CORDON_NO_VM : CORDON_OK);
    if (v == NULL)
        return;
    if (x[1] != (v->life == DYING ? CORDON_PHASE_DYING : v->phase) || x[2] != model_frames_of(&t.m, model_id(&t.m, v)))
        differ("phase %" PRIu64 " and %" PRIu64 " frames, the model has %d and %" PRIu64, x[1], x[2], (int)v->phase,
               model_frames_of(&t.m, model_id(&t.m, v)));
}

static void do_stop(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_STOP, handle };

    same((enum cordon_status)call(x), model_stop(&t.m, handle));
}

static void do_measurement(uint64_t handle)
{
    uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_MEASUREMENT, handle, below(3) };
    const struct model_vm *v = model_vm(&t.m, handle);

    same((enum cordon_status)call(x), v == NULL ? CORDON_NO_VM : v->life != LIVE || !v->started ? CORDON_STATE
                                      : x[2] > 1 ? CORDON_RANGE : CORDON_OK);
}

static void give_devices(uint64_t handle)
{
    for (uint64_t i = 0; i < DEVICES; i++) {
        if (one_in(2))
            continue;
        do_attach(handle, DEVICES_AT + i, 40);
        for (uint64_t k = 0; k < CORDON_DEVICE_WINDOWS; k++)
            do_device_map(handle, DEVICES_AT + i, k);
    }
}

/* All memory is there for them, if it goes well. */
static void open_devices(uint64_t handle, uint64_t pages)
{
    for (uint64_t gfn = 0; gfn < pages; gfn++) {
        for (int i = 0; i < 3; i++)
            do_map(handle, GUEST_RAM + gfn * PAGE, any_frame(), 1);
    }
    for (uint64_t i = 0; i < DEVICES; i++)
        do_open(handle, DEVICES_AT + i);
}

/* Most VMs are to run. */
static void do_build(void)
{
    uint64_t small;
    uint64_t x[HYPERCALL_REGS];
    uint64_t handle;
    bool room = false;

    for (uint32_t id = 1; id <= SLOTS; id++)
        room = room || t.m.vm[id].life == GONE;
    if (!room)
        return;
    do_create();
    if (t.handles == 0)
        return;
    handle = t.handle[(t.handles - 1) % 8];
    for (int i = 0; i < 8; i++)
        do_donate(handle);
    small = t.devices && one_in(2) ? 12 : 1024;     /* pages; few, where all of them are to be there for a device */
    x[0] = CORDON_CALL_VM_MEMORY, x[1] = handle, x[2] = GUEST_RAM, x[3] = small * PAGE;
    same((enum cordon_status)call(x), model_memory(&t.m, handle, GUEST_RAM, small * PAGE));
    for (int i = 0; i < 12; i++)
        do_vcpu_create(handle);
    for (int i = 0; i < 10; i++)
        do_load(handle);
    if (small == 12)
        give_devices(handle);
    do_start(handle);
    if (small == 12)
        open_devices(handle, small);
}

/* Whether the host may have a frame, and its devices with it. */
static bool host_may(const struct frame_state *f)
{
    return f->owner == HOST || (f->owner != CORE && f->count > 0);
}

/* A device reaches the first word of a frame, or does not. */
static void do_transfer(void)
{
    uint64_t frame = BASE_FRAME + below(FRAMES);
    struct frame_state *f = model_frame(&t.m, frame);
    uint64_t value = rng_next(&t.rng), read = 0;
    bool write = one_in(2);
    bool done = (write ? sim_dma_write(t.sim, frame * PAGE, value) : sim_dma_read(t.sim, frame * PAGE, &read)) == SIM_DONE;

    if (sim_reports(t.sim) > 0)
        differ("report: %s", sim_report(t.sim, 0));
    if (done != host_may(f) || (done && !write && read != f->word))
        differ("a device %s 0x%" PRIx64 " and reads 0x%" PRIx64, done ? "reaches" : "does not reach", frame * PAGE, read);
    if (done && write)
        f->word = value;
}

/* The host writes the first word of a frame that it may have; a guest that of a page of its own. */
static void do_access(void)
{
    uint64_t frame = BASE_FRAME + below(FRAMES);
    struct frame_state *f = model_frame(&t.m, frame);
    uint64_t value = rng_next(&t.rng), read = 0;
    bool may = host_may(f);
    uint32_t who = f->owner != CORE && f->owner != HOST && t.m.vm[f->owner].map[f->gfn] == frame && one_in(2) ? f->owner : 0;
    uint64_t addr = who == 0 ? frame * PAGE : GUEST_RAM + f->gfn * PAGE;
    enum cordon_status status;
    enum sim_outcome outcome;

    if (who != 0 && t.m.vm[who].life != LIVE)
        return;             /* its table may be empty already */
    sim_begin(t.sim, "access");
    outcome = one_in(2) ? sim_write(t.sim, who, addr, value, false, &status) : sim_read(t.sim, who, addr, &read, false, &status);
    if (sim_end(t.sim) > 0)
        differ("report: %s", sim_report(t.sim, 0));
    if ((outcome == SIM_DONE) != (who != 0 || may))
        differ("an access by %u to 0x%" PRIx64 " ends as %d", who, addr, (int)outcome);
    if (outcome == SIM_DONE && sim_peek(t.sim, frame, 0) == value)
        f->word = value;
}

/* ---- everything ---- */

static void compare_frames(void)
{
    for (uint64_t i = 0; i < FRAMES; i++) {
        const struct frame_state *f = &t.m.frame[i];
        const struct frame r = t.c->frame[i];
        uint32_t owner = r.holder == HOLDER_CORE ? CORE : r.holder;

        if (owner != f->owner || r.count != f->count ||
            (owner != CORE && owner != HOST && frame_gfn(r) != GUEST_RAM / PAGE + f->gfn))
            differ("frame 0x%" PRIx64 ": owner %u, %u grants, gfn 0x%" PRIx64 "; the model has %u, %u, 0x%" PRIx64, BASE_FRAME + i,
                   owner, (unsigned)r.count, frame_gfn(r), f->owner, f->count, GUEST_RAM / PAGE + f->gfn);
        if (owner != CORE && sim_peek(t.sim, BASE_FRAME + i, 0) != f->word)
            differ("frame 0x%" PRIx64 " begins with 0x%" PRIx64 ", not 0x%" PRIx64, BASE_FRAME + i, sim_peek(t.sim, BASE_FRAME + i, 0),
                   f->word);
        if (t.devices && t.ops % 16 == 0 && sim_dma_lookup(t.sim, BASE_FRAME + i, NULL) != host_may(f))
            differ("devices reach frame 0x%" PRIx64 " of owner %u or do not", BASE_FRAME + i, owner);
    }
}

static bool compare_leaf(const struct sim_mapping *leaf, void *arg)
{
    const struct model_vm *v = arg;
    uint64_t n = leaf->level == 2 ? 512 : 1;

    for (uint64_t i = 0; i < n; i++) {
        if (leaf->device ? model_window_at(&t.m, (uint32_t)(v - t.m.vm), leaf->gfn + i) == leaf->pfn + i : false)
            continue;
        if (leaf->gfn < GUEST_RAM / PAGE || v->map[leaf->gfn + i - GUEST_RAM / PAGE] != leaf->pfn + i)
            differ("a VM maps 0x%" PRIx64 " to 0x%" PRIx64, leaf->gfn + i, leaf->pfn + i);
    }
    return true;
}

static void compare_vms(void)
{
    for (uint32_t id = 1; id <= SLOTS; id++) {
        struct model_vm *v = &t.m.vm[id];
        struct vm *real = &t.c->vm[id - 1];

        if (v->life == GONE)
            continue;
        sim_mappings(t.sim, id, compare_leaf, v);
        for (uint32_t i = 0; i < v->vcpus && i < VCPUS && v->life == LIVE; i++) {
            const struct vcpu *u = real->vcpu_row[i] != 0 ? vcpu_in(t.c, real->vcpu_row[i]) : NULL;

            if ((u != NULL) != v->vcpu[i].made)
                differ("vCPU %u of VM %u is made or is not", i, id);
            if (u != NULL && (u->power != (uint8_t)v->vcpu[i].power || u->sgis != v->vcpu[i].sgis))
                differ("vCPU %u of VM %u: power %u, SGIs 0x%x; the model has %d, 0x%x", i, id, u->power, u->sgis,
                       (int)v->vcpu[i].power, v->vcpu[i].sgis);
        }
        for (uint64_t gfn = 0; gfn < GUEST_PAGES && v->life == LIVE; gfn++) {
            struct sim_mapping m;

            if (v->map[gfn] != 0 && t.ops % 64 == 0 && !sim_lookup(t.sim, id, GUEST_RAM / PAGE + gfn, &m))
                differ("VM %u does not map gfn 0x%" PRIx64, id, gfn);
        }
    }
}

/* Nothing more can come of a VM than its end. */
static bool is_over(const struct model_vm *v)
{
    bool all_off = v->phase == CORDON_PHASE_RUNNING;

    for (uint32_t i = 0; i < v->vcpus && i < VCPUS; i++)
        all_off = all_off && v->vcpu[i].power == OFF;
    return v->life == DYING || v->phase == CORDON_PHASE_STOPPED || all_off;
}

static void one(void)
{
    uint64_t dice = below(200);
    uint64_t handle = any_handle();

    const struct model_vm *v = model_vm(&t.m, handle);

    t.action = (struct action){ .kind = DO_NOTHING };
    if (v != NULL && is_over(v) && one_in(20))
        do_end(handle);
    else if (one_in(14))
        do_device(handle);
    else if (t.devices && one_in(14))
        do_device_transfer();
    else if (dice < 10)
        do_build();
    else if (dice < 12)
        do_create();
    else if (dice < 16)
        do_donate(handle);
    else if (dice < 20)
        do_memory(handle);
    else if (dice < 26)
        do_vcpu_create(handle);
    else if (dice < 36)
        do_load(handle);
    else if (dice < 39)
        do_start(handle);
    else if (dice < 60)
        do_map(handle, any_page(), any_frame(), one_in(5) ? below(100) : 1 + below(4));
    else if (dice < 62)
        do_block(handle);
    else if (dice < 66)
        do_clear(handle);
    else if (dice < 67 && one_in(6))
        do_stop(handle);
    else if (dice < 70 && one_in(6))
        do_destroy(handle, one_in(3) ? 1000 : 1);
    else if (dice < 74)
        do_info(handle);
    else if (dice < 76)
        do_measurement(handle);
    else if (t.devices && dice < 96 && one_in(3))
        do_transfer();
    else if (dice < 96)
        do_access();
    else
        do_run();
    compare_frames();
    compare_vms();
}

/* One with a window within one table of level 3 and one over three, one with a window in the same 2 MiB, one without. */
static void make_devices(void)
{
    static const struct sim_device device[DEVICES] = {
        { .frame = DEVICES_AT, .id = 0x10001af4, .reset = 2, .window = { { 0x10000, 3 }, { 0, 0 }, { 0x101ff, 514 } } },
        { .frame = DEVICES_AT + 1, .id = 0x11e81234, .window = { { 0, 0 }, { 0x10003, 1 } } },
        { .frame = DEVICES_AT + 2, .id = 0x00010002, .reset = 1 },
    };

    t.m.smmu = t.devices;
    for (int i = 0; i < DEVICES; i++) {
        if (!sim_device(t.sim, &device[i]))
            differ("no room for a device");
        t.m.device[i] = (struct model_device){ .frame = device[i].frame, .id = device[i].id };
        for (int k = 0; k < CORDON_DEVICE_WINDOWS; k++) {
            t.m.device[i].window[k].first = device[i].window[k].first;
            t.m.device[i].window[k].pages = device[i].window[k].pages;
        }
    }
}

static void machine(uint64_t seed, uint64_t ops)
{
    static const struct cordon_mem ram = { BASE_FRAME * 4096, FRAMES * 4096 };
    static const struct cordon_mem core = { BASE_FRAME * 4096, CORE_FRAMES * 4096 };
    struct sim_config config = { .ram = &ram, .rams = 1, .core = &core, .cores = 1, .vms = SLOTS, .cpus = 4, .compact = true,
                                 .private_size = UINT64_C(2) << 20, .seed = seed, .vm = { 48, 0 } };
    char why[256];

    t.devices = seed % 2 == 0;
    if (t.devices)
        config.dma = (struct cordon_dma){ 39, 0x7ff };
    t.seed = seed;
    t.rng.state = seed;
    t.ops = t.handles = 0;
    t.sim = sim_create(&config, why, sizeof(why));
    if (t.sim == NULL) {
        fprintf(stderr, "guests: no machine: %s\n", why);
        exit(2);
    }
    t.c = sim_core(t.sim);
    model_init(&t.m);
    make_devices();
    memset(t.handle, 0, sizeof(t.handle));
    sim_guest(t.sim, play, NULL);
    for (uint64_t i = 0; i < ops; i++)
        one();
    if (sim_check_all(t.sim) > 0)
        differ("report: %s", sim_report(t.sim, 0));
    sim_destroy(t.sim);
}

int main(int argc, char **argv)
{
    uint64_t seed = (uint64_t)time(NULL), ops = 200000, seconds = 3600, done = 0, machines = 0;
    bool quiet = false;
    time_t end;

    for (int i = 1; i < argc; i++) {
        uint64_t *to = strcmp(argv[i], "--seed") == 0 ? &seed : strcmp(argv[i], "--ops") == 0 ? &ops
                       : strcmp(argv[i], "--seconds") == 0 ? &seconds : NULL;

        if (strcmp(argv[i], "--quiet") == 0) {
            quiet = true;
        } else if (to != NULL && i + 1 < argc) {
            *to = strtoull(argv[++i], NULL, 0);
        } else {
            fprintf(stderr, "usage: guests [--seed N] [--ops N] [--seconds N] [--quiet]\n");
            return 2;
        }
    }
    printf("guests: --seed %" PRIu64 " --ops %" PRIu64 "\n", seed, ops);
    fflush(stdout);
    end = time(NULL) + (time_t)seconds;
    for (; done < ops && time(NULL) < end; machines++, done += MACHINE_OPS)
        machine(seed + machines, ops - done < MACHINE_OPS ? ops - done : MACHINE_OPS);
    for (int i = 0; i < CORDON_EXITS && !quiet; i++)
        printf("    %8" PRIu64 " times exit %d\n", t.exits[i], i);
    if (!quiet)
        printf("    %8" PRIu64 " transfers of the host's devices, %" PRIu64 " of VMs'\n", t.transfers[THE_HOSTS], t.transfers[OPEN]);
    printf("ok: %" PRIu64 " machines, %" PRIu64 " calls done, %" PRIu64 " refused, as in the model\n", machines, t.done, t.refused);
    return 0;
}
