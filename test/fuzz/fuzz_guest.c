/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as calls of a hostile host, and as what hostile guests do between two traps: hypercall_vm() with any x0 .. x11,
 * and in a run any syndrome, addresses, registers and list registers. Fails on a report of the machine's checks, a stop of
 * the core, an answer that is none, memory that does not come back in the end, and what sanitizers find.
 *
 * A call is a byte for the function, one for CPU and VM, and numbers: a byte of form and what the form takes. What a
 * guest does is read from the same bytes when it runs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "memory/frame.h"
#include "front/hypercall.h"
#include "sim.h"
#include "guest/attest.h"
#include "guest/exit.h"
#include "guest/vcpu.h"

#define PAGE UINT64_C(4096)
#define BASE UINT64_C(0x40000000)
#define RAM_PAGES UINT64_C(1536)
#define GUEST_RAM UINT64_C(0x80000000)
#define VMS 3
#define CPUS 3
#define CALLS 300
#define DEVICE UINT64_C(0x3f0000)   /* the first of the two */
#define RESUMES 6               /* of one run, until an interrupt ends it */

struct input {
    const uint8_t *at;
    size_t left;
};

struct world {
    struct input in;
    struct sim *sim;
    uint64_t handle[4];         /* the last that were given */
    unsigned handles;
    unsigned resumes;
    struct attest_root root;
    uint64_t keeper[4], serving;    /* the measurement of the guest that signs: of one of those that were built */
};

static uint8_t take_byte(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

static uint64_t take_bytes(struct input *in, unsigned n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | take_byte(in);
    return v;
}

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "fuzz_guest: %s\n", what);
    abort();
}

/* Numbers in forms that matter to some argument of some call. */
static uint64_t take_number(struct world *w)
{
    static const uint64_t edge[] = { 0, 1, 2, 15, 16, 17, 27, 511, 512, 1019, 1020, (UINT64_C(1) << 36) - 1, UINT64_C(1) << 36,
                                     UINT64_C(1) << 48, UINT64_MAX, UINT64_MAX - 4095 };
    struct input *in = &w->in;
    uint8_t form = take_byte(in);

    switch (form % 12) {
    case 0: return take_bytes(in, 8);
    case 1: return take_byte(in);
    case 2: return BASE / PAGE + take_bytes(in, 2) % RAM_PAGES;                     /* a frame */
    case 3: return BASE / PAGE + take_byte(in) % 3 * 512;
    case 4: return edge[take_byte(in) % (sizeof edge / sizeof edge[0])];
    case 5: return GUEST_RAM + take_bytes(in, 2) % 2048 * PAGE;                     /* a guest address */
    case 6: return GUEST_RAM + take_byte(in) % 4 * 512 * PAGE;
    case 7: return take_byte(in) * PAGE;
    case 8: return UINT64_C(1) << take_byte(in) % 64;
    case 9: return UINT64_C(0xa0) << 48 | UINT64_C(5) << 60 | take_bytes(in, 2) % 1100;    /* an interrupt */
    case 10: return w->handles > 0 ? w->handle[take_byte(in) % 4] : 0;
    default: return UINT64_MAX - take_byte(in);
    }
}

/* ---- what guests do ---- */

static uint64_t take_function(struct input *in)
{
    static const uint32_t base[] = { 0x84000000, 0xc4000000, 0xc6000080, 0x80000000, 0x8600ff00, 0xc6000000 };
    uint8_t b = take_byte(in);

    return b < 240 ? base[b % 6] + b / 6 % 20 : b < 244 ? 0xc6000002 + b % 3 : take_bytes(in, 4);    /* 2 .. 4: of KVM's */
}

/* System registers that lead somewhere, or any. */
static uint64_t take_syndrome(struct input *in)
{
    static const uint8_t class[] = { 0x01, 0x16, 0x17, 0x18, 0x20, 0x24, 0x24, 0x00 };
    static const uint32_t name[] = { 0x3a3016, 0x340016, 0x32dc00, 0x30000a, 0x200008 };
    uint8_t b = take_byte(in);
    uint64_t iss;

    if (b >= 224)
        return take_bytes(in, 8);
    iss = b % 8 == 3 ? name[b / 8 % 5] | (uint64_t)take_byte(in) % 64 << 4 : b % 8 >= 4 ? take_bytes(in, 4) % (1u << 25) : 0;
    if (b % 8 >= 4 && b < 192)
        iss = (iss & ~UINT64_C(0x3f)) | 7;
    return (uint64_t)class[b % 8] << 26 | (uint64_t)(b / 8 % 2) << 25 | iss;
}

static void play(void *arg, struct cordon *c, struct vcpu *u, struct trap *t)
{
    struct world *w = arg;
    uint8_t what = take_byte(&w->in);

    (void)c;
    if (++w->resumes > RESUMES || w->in.left == 0 || what % 32 == 31)
        return;                 /* interrupted */
    for (unsigned i = 0; i < what % 4; i++) {
        uint8_t n = take_byte(&w->in) % 31;

        u->x[n] = take_number(w);
    }
    if ((what & 4) != 0)
        u->x[0] = take_function(&w->in);
    if ((what & 8) != 0)
        u->interrupt[what / 64] = take_bytes(&w->in, 8);
    if ((what & 16) != 0) {
        u->arch.timer_on = !u->arch.timer_on;
        u->arch.timer_at = take_byte(&w->in);
        u->arch.in_handler = (what & 32) != 0;
    }
    t->kind = what >= 250 ? TRAP_SERROR : what % 16 == 9 ? TRAP_INTERRUPT : TRAP_SYNC;
    t->esr = take_syndrome(&w->in);
    t->ipa = take_number(w) % (UINT64_C(1) << 48);
    t->far = take_bytes(&w->in, 2);
}

/* ---- what the host does ---- */

static void check_run(const uint64_t x[HYPERCALL_REGS])
{
    must(x[1] < CORDON_EXITS, "an exit that is none");
    must(x[7] <= 1, "a timer that is neither on nor off");
    for (unsigned i = 8; i < HYPERCALL_REGS; i++) {
        must((x[i] & ~CORDON_INTERRUPT_FIELDS) == 0, "an interrupt shows more than its fields");
        must(x[i] == 0 || (x[i] & (CORDON_INTERRUPT_PENDING | CORDON_INTERRUPT_ACTIVE)) != 0, "an interrupt without a state");
    }
}

static enum cordon_status host_call(struct world *w, uint64_t x[HYPERCALL_REGS])
{
    uint32_t function = (uint32_t)x[0];
    uint64_t asked = x[4];

    sim_begin(w->sim, "host call");
    must(hypercall_vm(sim_core(w->sim), x), "a call that exists does not");
    (void)sim_end(w->sim);
    must(x[0] <= CORDON_DEVICE, "a status that is none");
    if (function == CORDON_CALL_VCPU_RUN && x[0] == CORDON_OK)
        check_run(x);
    if (function == CORDON_CALL_VM_CREATE && x[0] == CORDON_OK)
        w->handle[w->handles++ % 4] = x[1];
    if ((function == CORDON_CALL_VM_MAP || function == CORDON_CALL_VM_LOAD) && x[0] <= CORDON_AGAIN)
        must(x[1] <= asked, "more done than asked");
    return (enum cordon_status)x[0];
}

/* What such a VM is measured by, is the keeper's measurement. */
static void is_keeper(struct world *w, uint64_t handle)
{
    for (uint64_t half = 0; half < 2; half++) {
        uint64_t x[HYPERCALL_REGS] = { CORDON_CALL_VM_MEASUREMENT, handle, half };

        if (host_call(w, x) != CORDON_OK)
            return;
        w->keeper[2 * half] = x[1];
        w->keeper[2 * half + 1] = x[2];
    }
}

/* A VM in one of the states that take many calls to reach. */
static void build(struct world *w, uint8_t how)
{
    uint64_t first = BASE / PAGE + 72 + take_byte(&w->in) % 8 * 32;
    uint64_t vcpus = how % 3 + 1;
    uint64_t create[HYPERCALL_REGS] = { CORDON_CALL_VM_CREATE, first - first % 16 + 16, vcpus };
    uint64_t handle;

    if (host_call(w, create) != CORDON_OK)
        return;
    handle = create[1];
    (void)host_call(w, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VM_DONATE, handle, first - first % 16 + 32,
                                                   how / 4 % 9 + 1 });
    (void)host_call(w, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VM_MEMORY, handle, GUEST_RAM, (how < 64 ? 2048 : 4) * PAGE });
    for (uint64_t i = 0; i < vcpus; i++)
        (void)host_call(w, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VCPU_CREATE, handle, i, first - first % 16 + 44 + i });
    if (how % 16 == 5)
        (void)host_call(w, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VM_PERSONAL, handle, 1, 2, 3, 4, 5, 6, 7, 8 });
    if (how % 16 == 15)
        (void)host_call(w, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VM_RESTORE, handle });
    if (how % 8 != 7)
        (void)host_call(w, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VM_START, handle, GUEST_RAM, how });
    if (how % 16 == 4)
        is_keeper(w, handle);
}

static void repeat(struct world *w, uint32_t function, uint64_t handle, unsigned calls)
{
    for (unsigned i = 0; i < calls; i++) {
        if (host_call(w, (uint64_t[HYPERCALL_REGS]){ function, handle }) != CORDON_AGAIN)
            return;
    }
}

/* 512 pages and their block, where that can be. */
static void block(struct world *w, uint64_t handle, uint64_t section)
{
    uint64_t frame = BASE / PAGE + section * 512;

    for (uint64_t done = 0; done < 512; done += 16)
        (void)host_call(w, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VM_MAP, handle, GUEST_RAM + section * 512 * PAGE + done * PAGE,
                                                       frame + done, 16 });
    (void)host_call(w, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VM_BLOCK, handle, GUEST_RAM + section * 512 * PAGE, frame });
}

/* ---- devices ---- */

static enum cordon_status device_call(struct world *w, uint32_t function, uint64_t handle, uint64_t device, uint64_t window, uint64_t gpa)
{
    enum cordon_status status = CORDON_AGAIN;

    for (unsigned i = 0; i < 100 && status == CORDON_AGAIN; i++)
        status = host_call(w, (uint64_t[HYPERCALL_REGS]){ function, handle, device, window, gpa });
    must(status != CORDON_AGAIN, "a device's call that has no end");
    return status;
}

/* Attached, with what windows there are, to the VM; or opened, in one that runs and has four pages. */
static void give(struct world *w, uint64_t handle, uint64_t device, uint64_t frame)
{
    if (device_call(w, CORDON_CALL_DEVICE_ATTACH, handle, device, 0, 0) != CORDON_STATE) {
        for (uint64_t i = 0; i < CORDON_DEVICE_WINDOWS; i++)
            (void)device_call(w, CORDON_CALL_DEVICE_MAP, handle, device, i, 0xa000000 + (device + i) % 16 * 0x200000);
        return;
    }
    (void)host_call(w, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VM_MAP, handle, GUEST_RAM, frame, 4 });
    (void)device_call(w, CORDON_CALL_DEVICE_OPEN, handle, device, 0, 0);
}

static void transfer(struct world *w, uint64_t device)
{
    uint64_t addr = (take_byte(&w->in) % 2 == 0 ? GUEST_RAM + take_byte(&w->in) % 5 * PAGE : take_number(w) % (UINT64_C(1) << 48)) / 8 * 8;
    uint64_t value;

    if (addr % 16 != 0)
        (void)sim_device_write(w->sim, device, addr, addr);
    else
        (void)sim_device_read(w->sim, device, addr, &value);
}

static void access(struct world *w, uint32_t who, uint64_t addr, bool write)
{
    enum cordon_status status;
    uint64_t value;

    sim_begin(w->sim, "access");
    if (write)
        (void)sim_write(w->sim, who, addr / 8 * 8, addr | 1, false, &status);
    else
        (void)sim_read(w->sim, who, addr / 8 * 8, &value, false, &status);
    (void)sim_end(w->sim);
}

static void call(struct world *w)
{
    uint8_t op = take_byte(&w->in);
    uint8_t who = take_byte(&w->in);
    uint64_t handle = w->handle[who % 4];
    uint64_t x[HYPERCALL_REGS] = { 0 };

    sim_cpu(w->sim, who / 16 % CPUS);
    sim_tick(w->sim, who % 8);
    w->resumes = 0;
    switch (op % 32) {
    case 0: case 1: build(w, op / 32 * 16 + who % 16); return;
    case 2: repeat(w, CORDON_CALL_VM_DESTROY, handle, who > 127 ? 1000 : 1); return;
    case 3: block(w, handle, who / 4 % 3); return;
    case 4: access(w, 0, (BASE / PAGE + take_bytes(&w->in, 2) % RAM_PAGES) * PAGE, who > 127); return;
    case 5: access(w, who % 4, GUEST_RAM + take_bytes(&w->in, 2) % 2048 * PAGE, who > 127); return;
    case 6: case 7: case 8: case 9: case 10: case 11: case 12: case 13:        /* a run that may go */
        x[0] = CORDON_CALL_VCPU_RUN, x[1] = handle, x[2] = op / 32 % 4, x[3] = who / 16 % 3;
        for (unsigned i = 4; i < HYPERCALL_REGS && op % 2 != 0; i++)
            x[i] = take_number(w);
        break;
    case 29:
        x[0] = CORDON_CALL_DEVICE_ATTACH + op / 32 % 4;
        x[1] = handle, x[2] = who % 16 == 15 ? take_number(w) : DEVICE + who / 16 % 2, x[3] = take_byte(&w->in) % 8, x[4] = take_number(w);
        break;
    case 30: give(w, handle, DEVICE + who / 16 % 2, BASE / PAGE + take_bytes(&w->in, 2) % RAM_PAGES); return;
    case 31:
        if (op < 128)
            transfer(w, DEVICE + who / 16 % 2);
        else if (op < 192)
            (void)device_call(w, CORDON_CALL_DEVICE_DETACH, handle, DEVICE + who / 16 % 2, 0, 0);
        else
            access(w, 0, (0x10000 + take_bytes(&w->in, 2) % 1024) * PAGE, false);
        return;
    default:
        x[0] = CORDON_CALL_VM_LIMITS + op % 32 % 16 | (uint64_t)(who > 200) << 40;
        x[1] = who % 16 == 15 ? take_number(w) : handle;
        for (unsigned i = 2; i < 5; i++)
            x[i] = take_number(w);
        if (who % 16 == 14)
            x[0] = CORDON_CALL_VM_PERSONAL;
        if (who % 16 == 13)
            x[0] = CORDON_CALL_VM_FREEZE + op / 32 % 2;
        if (x[0] % 256 == CORDON_CALL_VM_CREATE % 256)
            x[1] = x[4];
        break;
    }
    (void)host_call(w, x);
}

/* ---- the end ---- */

static uint64_t host_frames(const struct cordon *c)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < c->sections * 512; i++)
        n += c->frame[i].holder == HOLDER_HOST;
    return n;
}

/* Whatever was done, every VM can be taken down and all that it had is the host's. */
static void take_down(struct world *w, uint64_t before)
{
    struct cordon *c = sim_core(w->sim);

    for (uint32_t id = 1; id <= VMS; id++) {
        uint64_t handle = c->vm[id - 1].generation * 65536 + id;

        if (c->vm[id - 1].state == VM_LIVE)
            (void)host_call(w, (uint64_t[HYPERCALL_REGS]){ CORDON_CALL_VM_STOP, handle });
        for (uint64_t i = 0; i < 2; i++)
            (void)device_call(w, CORDON_CALL_DEVICE_DETACH, handle, DEVICE + i, 0, 0);
        repeat(w, CORDON_CALL_VM_DESTROY, handle, 100000);
    }
    for (uint32_t i = 0; i < CORDON_DEVICES; i++)
        must(c->device[i].vm == 0, "a device that did not come back");
    for (uint32_t id = 1; id <= VMS; id++)
        must(c->vm[id - 1].state == VM_NONE, "a VM that cannot be destroyed");
    must(host_frames(c) == before, "frames that did not come back");
}

static struct sim *make(uint8_t shape)
{
    static const struct cordon_geometry geometry[] = { { 48, 0 }, { 40, 0 }, { 40, 1 }, { 39, 1 }, { 32, 2 }, { 34, 2 } };
    static const struct cordon_mem ram = { BASE, RAM_PAGES * PAGE };
    static const struct cordon_mem core = { BASE + 64 * PAGE, 8 * PAGE };
    struct sim_config config = { .ram = &ram, .rams = 1, .core = &core, .cores = 1, .vm = geometry[shape % 6], .vms = VMS,
                                 .dma = { shape / 6 % 2 == 0 ? 0 : 39, 0x7ff },     /* devices of the host's */
                                 .cpus = CPUS, .tlb_entries = 64, .compact = true, .private_size = UINT64_C(1) << 21 };
    char why[256];
    struct sim *s = sim_create(&config, why, sizeof why);

    must(s != NULL, "no machine");
    must(sim_device(s, &(struct sim_device){ .frame = DEVICE, .id = 1, .reset = shape % 3, .window = { { 0x10000, 3 }, { 0x101ff, 514 } } }) &&
         sim_device(s, &(struct sim_device){ .frame = DEVICE + 1, .id = 2, .window = { { 0, 0 }, { 0x10003, 1 } } }), "no devices");
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t handed[ATTEST_SECRET + 77] = { 1, 2, 3 };
    struct world w = { .in = { data, size } };
    uint64_t before;

    w.sim = make(take_byte(&w.in));
    before = host_frames(sim_core(w.sim));
    sim_guest(w.sim, play, &w);
    w.root = (struct attest_root){ handed, handed, handed + ATTEST_SECRET, 77, w.keeper, &w.serving };
    sim_attest_root(w.sim, &w.root);
    for (unsigned i = 0; i < CALLS && w.in.left > 0 && sim_reports(w.sim) == 0; i++)
        call(&w);
    if (sim_reports(w.sim) == 0)
        (void)sim_check_all(w.sim);
    if (sim_reports(w.sim) == 0)
        take_down(&w, before);
    for (unsigned i = 0; i < sim_reports(w.sim) && i < 8; i++)
        fprintf(stderr, "fuzz_guest: %s\n", sim_report(w.sim, i));
    must(sim_reports(w.sim) == 0, "the machine reports");
    sim_destroy(w.sim);
    return 0;
}
