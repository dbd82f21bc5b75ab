/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated CPUs as threads that build, run, stop and destroy the same guests at once, by host calls alone; and guests
 * whose vCPUs start and stop each other, send SGIs, grant, revoke and give memory back while other CPUs map it.
 *
 * Whatever happens when: the race detector finds nothing; a vCPU is in the guest on one CPU at a time, and finds its
 * registers as it left them; a page that is there is never told as missing, whatever becomes of the block around it; the host
 * never reads what a guest wrote to memory that it did not grant, and no guest reads another's; in the end every VM can be
 * destroyed and every frame is the host's again. Two devices are given to VMs and taken from them meanwhile, and do transfers
 * all the time: what they write to a guest's memory the host never reads.
 */
#include "crowd.h"

#include "memory/frame.h"
#include "front/hypercall.h"
#include "guest/exit.h"
#include "guest/vcpu.h"

#define SLOTS 3                         /* VMs at a time */
#define VCPUS 3
#define BASE UINT64_C(0x1000000)        /* RAM: 10 MiB */
#define RAM_PAGES UINT64_C(2560)
#define FIRST (BASE / PAGE)
#define OWN(slot) (FIRST + 64 * (slot)) /* roots, tables, vCPUs */
#define SHARED (FIRST + 512)            /* pages of guests */
#define SHARED_PAGES UINT64_C(2048)
#define GUEST_RAM UINT64_C(0x80000000)
#define GUEST_PAGES UINT64_C(1024)      /* the upper half is what guests grant: nothing secret there */
#define STAYS (GUEST_RAM + 511 * PAGE)  /* no guest gives this one back; blocks around it are made and split */
#define SECRET UINT64_C(0x5ec2)
#define MARK UINT64_C(0x3a2c4711)       /* what devices write to guests, where no guest reads or writes: at 32 */
#define MEM_SHARE 0xc6000003u           /* KVM's */
#define MEM_UNSHARE 0xc6000004u
#define DEVICE UINT64_C(0x3f0000)       /* the first of two */
#define WINDOWS UINT64_C(0x200)         /* frames: three of one, one of the other */
#define FEW UINT64_C(8)                 /* pages of a VM that gets devices */

enum { BUILT, RUNS, TRAPS, STARTED, GIVEN, SECRETS, ENDED, STAYED, OPENED, MARKED, DETACHED };

struct worker {
    struct cpu cpu;
    uint64_t running;               /* the VM that it is in */
    uint32_t resumes;
};

static void one(struct cpu *cpu);

static struct crowd g = { .name = "guests", .threads = 4, .ops = 400, .rounds = 100000, .seconds = 20, .one = one };
static _Atomic uint64_t handles[SLOTS];
static _Thread_local struct worker *me;

static void fail(const char *what, uint64_t a, uint64_t b) { crowd_fail(&me->cpu, what, a, b); }

static uint64_t below(uint64_t n) { return rng_below(&me->cpu.rng, n); }
static bool one_in(uint64_t n) { return rng_one_in(&me->cpu.rng, n); }

/* ---- host calls ---- */

struct regs {
    uint64_t x[HYPERCALL_REGS];
};

static struct regs call(struct regs r, uint32_t allowed, const char *what)
{
    if (!hypercall_vm(sim_core(g.sim), r.x) || r.x[0] > CORDON_DEVICE || (allowed >> r.x[0] & 1) == 0)
        fail(what, r.x[0], r.x[1]);
    return r;
}
#define CALL(allowed, what, ...) call((struct regs){ { __VA_ARGS__ } }, (allowed) | MAY(NO_VM) | MAY(STATE), (what))

/* ---- guests ---- */

/* What guests write: each VM has a word of its own, and its slot's next VM another. */
static uint64_t secret_of(uint64_t handle)
{
    return SECRET << 48 | (handle / 65536 & 0xffffff) << 16 | (handle & 0xffff);
}

static void guest_access(void)
{
    uint32_t vm = (uint32_t)(me->running & 0xffff);
    uint64_t addr = GUEST_RAM + below(GUEST_PAGES / 2) * PAGE + below(4) * 8;
    enum cordon_status status;
    uint64_t v = 0;

    if (one_in(2)) {
        me->cpu.count[SECRETS] += sim_write(g.sim, vm, addr, secret_of(me->running), false, &status) == SIM_DONE;
        return;
    }
    if (sim_read(g.sim, vm, addr, &v, false, &status) == SIM_DONE && v != 0 && v != secret_of(me->running))
        fail("a guest finds what is neither zero nor its own", addr, v);
}

/* A synchronous exception of that class. */
static struct trap sync_trap(uint64_t class, uint64_t syndrome, uint64_t ipa)
{
    return (struct trap){ .kind = TRAP_SYNC, .esr = class << 26 | syndrome, .ipa = ipa };
}

static void guest_call(struct vcpu *u, struct trap *t)
{
    static const uint64_t function[] = { 0xc4000003, 0xc4000003, 0xc4000004, 0x84000002, CORDON_GUEST_GRANT, CORDON_GUEST_REVOKE,
                                         CORDON_GUEST_RELINQUISH, CORDON_GUEST_QUERY, CORDON_GUEST_HOST,
                                         CORDON_GUEST_MEASUREMENT, 0x84000001, MEM_SHARE, MEM_UNSHARE };
    uint64_t half = below(2) * GUEST_PAGES / 2;

    u->x[0] = function[below(sizeof function / sizeof *function)];
    if (one_in(400))
        u->x[0] = 0x84000008;
    if (u->x[0] == CORDON_GUEST_GRANT || u->x[0] == CORDON_GUEST_REVOKE)
        half = GUEST_PAGES / 2;
    u->x[1] = u->x[0] < CORDON_GUEST_FIRST ? below(VCPUS) : GUEST_RAM + (half + below(GUEST_PAGES / 2)) * PAGE;
    if (u->x[0] == CORDON_GUEST_RELINQUISH && u->x[1] <= STAYS && u->x[1] + 8 * PAGE > STAYS)
        u->x[1] -= 8 * PAGE;
    u->x[2] = u->x[0] < CORDON_GUEST_FIRST ? (u->x[0] == 0xc4000003 ? GUEST_RAM : 0) : (1 + below(8)) * PAGE;
    if (u->x[0] == CORDON_GUEST_GRANT && u->x[1] + u->x[2] > GUEST_RAM + GUEST_PAGES * PAGE)
        u->x[2] = PAGE;
    if (u->x[0] == MEM_SHARE || u->x[0] == MEM_UNSHARE) {
        u->x[1] = GUEST_RAM + (GUEST_PAGES / 2 + below(GUEST_PAGES / 2)) * PAGE;
        u->x[2] = u->x[3] = 0;
    }
    *t = sync_trap(0x16, 0, 0);
}

static void play(void *arg, struct cordon *c, struct vcpu *u, struct trap *t)
{
    (void)arg, (void)c;
    me->cpu.count[TRAPS]++;
    if (u->x[20] != 0 && u->x[20] != u->x[19] * 3)
        fail("a vCPU does not find its registers as it left them", u->x[19], u->x[20]);
    u->x[19]++;
    u->x[20] = u->x[19] * 3;
    guest_access();
    if (++me->resumes > 4)
        return;
    switch (below(8)) {
    case 0: return;
    case 1: *t = sync_trap(0x01, 0, 0); return;
    case 2:                                                             /* an SGI */
        u->x[7] = below(16) << 24 | below(8) | (one_in(4) ? UINT64_C(1) << 40 : 0);
        *t = sync_trap(0x18, 0x3a3016 | 7 << 5, 0);
        return;
    case 3: *t = sync_trap(0x24, 7, STAYS); return;
    case 4: *t = sync_trap(0x24, 7, GUEST_RAM + below(GUEST_PAGES) * PAGE); return;
    case 5: *t = sync_trap(0x24, 7 | 1 << 24 | below(2) << 6, 0x9000000); return;
    default: guest_call(u, t); return;
    }
}

/* ---- what each CPU does ---- */

static uint64_t any_handle(void)
{
    return atomic_load_explicit(&handles[below(SLOTS)], memory_order_relaxed);
}

/* The devices of a VM that is built, its windows, and then all of its memory; other CPUs do some of it meanwhile. */
static void do_give(uint64_t h)
{
    for (uint64_t i = 0; i < 2; i++) {
        struct regs r;

        do {
            r = CALL(MAY(OK) | MAY(AGAIN) | MAY(EXISTS) | MAY(BUSY) | MAY(DEVICE), "attach", CORDON_CALL_DEVICE_ATTACH, h, DEVICE + i);
        } while (r.x[0] == CORDON_AGAIN);
        (void)CALL(MAY(OK) | MAY(DEVICE) | MAY(BUSY) | MAY(MAPPED) | MAY(NO_MEMORY), "device_map", CORDON_CALL_DEVICE_MAP, h, DEVICE + i, 0,
                   0xa000000 + i * 4 * PAGE);
    }
}

static void do_open(uint64_t h)
{
    for (uint64_t gfn = 0; gfn < FEW; gfn++) {
        for (unsigned i = 0; i < 4; i++)
            (void)CALL(MAY(OK) | MAY(OWNED) | MAY(MAPPED) | MAY(GFN) | MAY(NO_MEMORY) | MAY(NOT_MEMORY), "map", CORDON_CALL_VM_MAP, h,
                       GUEST_RAM + gfn * PAGE, SHARED + below(SHARED_PAGES - 64), 1);
    }
    for (uint64_t i = 0; i < 2; i++)
        me->cpu.count[OPENED] += CALL(MAY(OK) | MAY(DEVICE) | MAY(NOT_MEMORY), "open", CORDON_CALL_DEVICE_OPEN, h, DEVICE + i).x[0] == CORDON_OK;
}

static void do_detach(uint64_t h)
{
    for (uint64_t i = 0; i < 2; i++) {
        struct regs r;

        do {
            r = CALL(MAY(OK) | MAY(AGAIN) | MAY(DEVICE), "detach", CORDON_CALL_DEVICE_DETACH, h, DEVICE + i);
        } while (r.x[0] == CORDON_AGAIN);
        me->cpu.count[DETACHED] += r.x[0] == CORDON_OK;
    }
}

/* A device writes to whatever memory it reaches; the host reaches for its windows. */
static void do_transfer(void)
{
    uint64_t value, device = DEVICE + below(2), addr = GUEST_RAM + below(FEW + 1) * PAGE;
    enum cordon_status status;

    if (one_in(4))
        (void)sim_read(g.sim, 0, (WINDOWS + below(6)) * PAGE, &value, false, &status);
    else if (one_in(3))
        (void)sim_device_read(g.sim, device, addr, &value);
    else
        me->cpu.count[MARKED] += sim_device_write(g.sim, device, addr + 32, MARK) == SIM_DONE;
}

static void do_build(void)
{
    uint64_t slot = below(SLOTS);
    bool few = g.devices != 0 && slot == 0;
    uint64_t own = OWN(slot);
    uint64_t h;
    struct regs r = CALL(MAY(OK) | MAY(OWNED), "create", CORDON_CALL_VM_CREATE, own, VCPUS);

    if (r.x[0] != CORDON_OK)
        return;
    h = r.x[1];
    atomic_store_explicit(&handles[slot], h, memory_order_relaxed);
    me->cpu.count[BUILT]++;
    (void)CALL(MAY(OK) | MAY(OWNED), "donate", CORDON_CALL_VM_DONATE, h, own + 8, 12);
    (void)CALL(MAY(OK) | MAY(MAPPED) | MAY(BUSY), "memory", CORDON_CALL_VM_MEMORY, h, GUEST_RAM, (few ? FEW : GUEST_PAGES) * PAGE);
    for (uint64_t i = 0; i < VCPUS; i++)
        (void)CALL(MAY(OK) | MAY(OWNED) | MAY(EXISTS), "vcpu_create", CORDON_CALL_VCPU_CREATE, h, i, own + 32 + i);
    if (few)
        do_give(h);
    (void)CALL(MAY(OK) | MAY(NOT_MEMORY) | MAY(NO_VCPU) | MAY(BUSY), "start", CORDON_CALL_VM_START, h, GUEST_RAM, 1);
    if (few)
        do_open(h);
}

#define MAP_MAY (MAY(OK) | MAY(AGAIN) | MAY(OWNED) | MAY(MAPPED) | MAY(GFN) | MAY(NO_MEMORY) | MAY(NOT_MEMORY))

/* Calls of a VM that is built, by other CPUs than the one that builds it. */
static void do_meddle(void)
{
    uint64_t h = any_handle();

    switch (below(4)) {
    case 0: (void)CALL(MAY(OK) | MAY(OWNED) | MAY(EXISTS), "vcpu_create", CORDON_CALL_VCPU_CREATE, h, below(VCPUS),
                       FIRST + 64 * SLOTS + below(8)); break;
    case 1: (void)CALL(MAP_MAY | MAY(NOT_MEMORY) | MAY(BUSY),
                       "load", CORDON_CALL_VM_LOAD, h, GUEST_RAM + below(GUEST_PAGES) * PAGE, SHARED + below(SHARED_PAGES), 1);
        break;
    case 2: (void)CALL(MAY(OK) | MAY(OWNED), "donate", CORDON_CALL_VM_DONATE, h, FIRST + 64 * SLOTS + 16 + below(32), 1); break;
    default: (void)CALL(MAY(OK), "info", CORDON_CALL_VM_INFO, h); break;
    }
}

static void do_map(void)
{
    uint64_t gfn = below(GUEST_PAGES);
    uint64_t n = one_in(4) ? 64 : 1 + below(8);
    uint64_t frame = SHARED + below(SHARED_PAGES - 64);
    uint64_t h = any_handle();

    if (n > GUEST_PAGES - gfn)
        n = GUEST_PAGES - gfn;
    (void)CALL(MAP_MAY, "map", CORDON_CALL_VM_MAP, h,
               GUEST_RAM + gfn * PAGE, frame, n);
}

/* A whole section for one VM; most of the time somebody is in the way. */
static void do_block(void)
{
    uint64_t frame = (SHARED + 511) / 512 * 512 + below(3) * 512;
    uint64_t h = any_handle();
    struct regs r = { { CORDON_OK } };

    for (uint64_t done = 0; done < 512 && r.x[0] <= CORDON_AGAIN; done += 32)
        r = CALL(MAP_MAY, "map", CORDON_CALL_VM_MAP, h,
                 GUEST_RAM + done * PAGE, frame + done, 32);
    (void)CALL(MAY(OK) | MAY(MAPPED), "block", CORDON_CALL_VM_BLOCK, h, GUEST_RAM, frame);
}

/* Whether the page is there, in a VM that runs: then it is until the VM is stopped. */
static bool stays(uint64_t handle)
{
    struct cordon_mapping m = { .level = 0 };
    struct regs r = CALL(MAY(OK), "info", CORDON_CALL_VM_INFO, handle);

    if (r.x[0] != CORDON_OK || r.x[1] != CORDON_PHASE_RUNNING)
        return false;
    return cordon_walk_s2pt(sim_core(g.sim), (vmid_t){ handle % 65536, handle / 65536 }, ipa(STAYS), &m) == CORDON_OK &&
           m.level != 0;
}

static void do_run(void)
{
    struct regs r = { { CORDON_CALL_VCPU_RUN, any_handle(), below(VCPUS) } };
    const uint32_t may = MAY(OK) | MAY(NO_VCPU) | MAY(RUNNING) | MAY(OFF) | MAY(ANSWER) | MAY(INTERRUPT) | MAY(NO_VM) |
                         MAY(STATE);
    bool was_there;

    me->running = r.x[1];
    me->resumes = 0;
    was_there = stays(me->running);
    if (one_in(4))
        r.x[8] = UINT64_C(5) << 60 | below(18);
    r.x[3] = one_in(8) ? CORDON_ANSWER_ABORT : CORDON_ANSWER_NONE;
    r = call(r, may, "run");
    if (r.x[0] == CORDON_ANSWER) {
        r = (struct regs){ { CORDON_CALL_VCPU_RUN, me->running, r.x[2], CORDON_ANSWER_VALUE } };
        r = call(r, may, "run");
    }
    if (r.x[0] != CORDON_OK)
        return;
    me->cpu.count[RUNS]++;
    me->cpu.count[STARTED] += r.x[1] == CORDON_EXIT_CPU_ON;
    me->cpu.count[GIVEN] += r.x[1] == CORDON_EXIT_RELINQUISHED;
    if (r.x[1] == CORDON_EXIT_MEMORY && r.x[2] == STAYS && was_there && stays(me->running))
        fail("a page that is there is told as missing", me->running, STAYS);
    me->cpu.count[STAYED] += was_there;
    for (int i = 2; i < 6; i++) {
        if (r.x[i] >> 48 == SECRET)
            fail("an exit shows a secret", r.x[1], r.x[i]);
    }
}

static void do_end(void)
{
    uint64_t h = any_handle();
    enum cordon_status status = CORDON_AGAIN;

    if (one_in(2))
        (void)CALL(MAY(OK), "stop", CORDON_CALL_VM_STOP, h);
    if (!one_in(4))
        do_detach(h);
    for (unsigned i = 0; i < 6; i++)
        (void)CALL(MAY(OK) | MAY(AGAIN) | MAY(NO_MEMORY), "clear", CORDON_CALL_VM_CLEAR, h,
                   SHARED + below(SHARED_PAGES - 64), 64);
    for (unsigned i = 0; i < 100 && (status == CORDON_AGAIN || status == CORDON_BUSY); i++)
        status = (enum cordon_status)CALL(MAY(OK) | MAY(AGAIN) | MAY(BUSY), "destroy", CORDON_CALL_VM_DESTROY, h).x[0];
    me->cpu.count[ENDED] += status == CORDON_OK;
}

static void host_access(void)
{
    uint64_t addr = (FIRST + below(RAM_PAGES)) * PAGE + below(4) * 8;
    enum cordon_status status;
    uint64_t v = 0;

    if (one_in(3)) {
        if (addr >= SHARED * PAGE)
            (void)sim_write(g.sim, 0, addr, UINT64_C(0x4057), false, &status);
    } else if (sim_read(g.sim, 0, addr, &v, false, &status) == SIM_DONE && v >> 48 == SECRET) {
        fail("the host reads a secret", addr, v);
    } else if (sim_read(g.sim, 0, addr / PAGE * PAGE + 32, &v, false, &status) == SIM_DONE && v == MARK) {
        fail("the host reads what a device wrote to a guest", addr, v);
    }
}

static void one(struct cpu *cpu)
{
    uint64_t dice;

    me = (struct worker *)cpu;
    dice = below(100);
    if (g.devices && one_in(3))
        do_transfer();
    else if (g.devices && one_in(100))
        do_detach(any_handle());
    else if (dice < 6)
        do_build();
    else if (dice < 12)
        do_meddle();
    else if (dice < 26)
        do_map();
    else if (dice < 28)
        do_block();
    else if (dice < 80)
        do_run();
    else if (dice < 81 && one_in(4))
        do_end();
    else
        host_access();
}

/* ---- the end ---- */

static uint64_t host_frames(const struct cordon *c)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < c->sections * 512; i++)
        n += c->frame[i].holder == HOLDER_HOST;
    return n;
}

/* Nobody is in a guest any more: each VM goes, and everything is the host's. */
static void take_down(uint64_t before)
{
    struct cordon *c = sim_core(g.sim);

    for (uint32_t id = 1; id <= c->vms; id++) {
        uint64_t handle = c->vm[id - 1].generation * 65536 + id;

        sim_begin(g.sim, "detach");
        (void)CALL(MAY(OK), "stop at the end", CORDON_CALL_VM_STOP, handle);
        do_detach(handle);
        sim_end(g.sim);
        for (unsigned i = 0; i < 100000; i++) {
            struct regs r;

            sim_begin(g.sim, "destroy");
            r = CALL(MAY(OK) | MAY(AGAIN), "destroy at the end", CORDON_CALL_VM_DESTROY, handle);
            sim_end(g.sim);
            if (r.x[0] != CORDON_AGAIN)
                break;
        }
    }
    if (host_frames(c) != before)
        fail("frames did not come back", host_frames(c), before);
}

int main(int argc, char **argv)
{
    static const struct cordon_mem ram = { BASE, RAM_PAGES * PAGE };
    static struct worker worker[CPUS_MAX];
    uint64_t before;
    bool good;

    for (uint32_t i = 0; i < CPUS_MAX; i++)
        g.cpu[i] = &worker[i].cpu;
    if (!crowd_options(&g, argc, argv) ||
        !crowd_machine(&g, &ram, (struct sim_config){ .vms = SLOTS + 1, .host = { 40, 1 }, .vm = { 40, 0 } }))
        return 2;
    if (!sim_device(g.sim, &(struct sim_device){ .frame = DEVICE, .id = 1, .reset = 2, .window = { { WINDOWS, 3 } } }) ||
        !sim_device(g.sim, &(struct sim_device){ .frame = DEVICE + 1, .id = 2, .window = { { WINDOWS + 3, 1 } } }))
        return 2;
    sim_guest(g.sim, play, NULL);
    before = host_frames(sim_core(g.sim));
    crowd_run(&g);
    me = &worker[0];
    sim_cpu(g.sim, 0);
    take_down(before);
    good = crowd_is_good(&g);
    printf("%s: %" PRIu64 " VMs built, %" PRIu64 " destroyed; %" PRIu64 " runs, %" PRIu64 " traps; %" PRIu64 " vCPUs started, %"
           PRIu64 " times memory given back, %" PRIu64 " secrets written, %" PRIu64 " runs with the page that stays; %" PRIu64
           " devices opened, %" PRIu64 " taken back, %" PRIu64 " transfers of theirs\n",
           good ? "ok" : "FAIL", crowd_count(&g, BUILT), crowd_count(&g, ENDED), crowd_count(&g, RUNS), crowd_count(&g, TRAPS),
           crowd_count(&g, STARTED), crowd_count(&g, GIVEN), crowd_count(&g, SECRETS), crowd_count(&g, STAYED),
           crowd_count(&g, OPENED), crowd_count(&g, DETACHED), crowd_count(&g, MARKED));
    return good ? 0 : 1;
}
