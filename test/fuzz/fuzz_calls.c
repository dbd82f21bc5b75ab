/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as calls of the core's own functions with any 64-bit values: a small machine, few table frames, several
 * CPUs. Fails on a report of the machine's checks, a stop of the core, counts that do not add up, and what sanitizers find.
 *
 * The host has devices in half of the shapes. A call is an opcode byte, a byte for CPU and VM, and up to three numbers: a
 * byte of form and what the form takes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define PAGE UINT64_C(4096)
#define BASE UINT64_C(0x40000000)
#define RAM_PAGES UINT64_C(1536)
#define VMS 3
#define CPUS 3
#define CALLS 400
#define CONTINUED 64            /* calls of one bounded operation */

struct input {
    const uint8_t *at;
    size_t left;
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

/* Numbers in forms that matter: raw, a frame or address in RAM, small, round, near a limit. */
static uint64_t take_number(struct input *in, uint64_t unit)
{
    static const uint64_t edge[] = { 0, 1, 511, 512, 513, (UINT64_C(1) << 28) - 1, UINT64_C(1) << 28, (UINT64_C(1) << 36) - 1,
                                     UINT64_C(1) << 36, UINT64_MAX / 4096, 262143, 262144, 134217728, 0x40000 + 1536 };
    uint8_t form = take_byte(in);

    switch (form % 8) {
    case 0: return take_bytes(in, 8);
    case 1: return take_byte(in) * unit;
    case 2: return (BASE / PAGE + take_bytes(in, 2) % RAM_PAGES) * unit + form / 64;
    case 3: return (BASE / PAGE + take_byte(in) % 4 * 512) * unit;
    case 4: return edge[take_byte(in) % (sizeof edge / sizeof edge[0])] * unit;
    case 5: return take_byte(in) % 4 * 512 * unit;
    case 6: return UINT64_MAX - take_byte(in);
    default: return take_bytes(in, 2) * unit;
    }
}

static uint32_t take_vm(uint8_t who)
{
    static const uint32_t odd[] = { 0, 0x4001, 0xffff, UINT32_MAX };

    return who % 16 < 12 ? who % 16 / 4 + 1 : odd[who % 4];
}

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "fuzz_calls: %s\n", what);
    abort();
}

static void check_progress(struct cordon_progress p, uint64_t num, bool map)
{
    uint64_t told = p.changed + p.unmapped + p.not_owned + p.saturated;

    must(p.done <= num, "more done than asked");
    must(map ? told <= p.done : told == p.done, "counts that do not add up to what was done");
    must(p.status != CORDON_OK || p.done == num, "OK, and not all done");
    must(p.status != CORDON_AGAIN || (p.done > 0 && p.done < num), "AGAIN without progress or rest");
    must(p.status == CORDON_OK || p.status == CORDON_AGAIN || p.done == 0, "a refusal that did something");
}

enum range { GRANT, REVOKE, CLEAR, MAP };

static struct cordon_progress range_call(struct cordon *c, enum range how, uint32_t vm, uint64_t a, uint64_t b, uint64_t num)
{
    switch (how) {
    case GRANT: return cordon_grant_stage2_sg_gpa(c, vmid(vm), ipa(a), num);
    case REVOKE: return cordon_revoke_stage2_sg_gpa(c, vmid(vm), ipa(a), num);
    case CLEAR: return cordon_clear_vm_range(c, vmid(vm), pfn(a), num);
    default: return cordon_prot_and_map_vm_range(c, vmid(vm), ipa(a), pfn(b), num, a % 3 ? CORDON_ZERO : CORDON_KEEP);
    }
}

static void range(struct sim *s, enum range how, uint32_t vm, uint64_t a, uint64_t b, uint64_t num)
{
    uint64_t unit = how == GRANT || how == REVOKE ? PAGE : 1;

    for (unsigned i = 0; i < CONTINUED; i++) {
        struct cordon_progress p;
        uint64_t step;

        sim_begin(s, "range");
        p = range_call(sim_core(s), how, vm, a, b, num);
        sim_end(s);
        check_progress(p, num / unit + (num % unit != 0), how == MAP);
        if (p.status != CORDON_AGAIN)
            return;
        step = p.done * unit;
        a += how == MAP ? p.done * PAGE : step;
        b += p.done;
        num -= step;
    }
}

static void access(struct sim *s, uint32_t who, uint64_t addr, bool write, bool uncached)
{
    enum cordon_status status;
    uint64_t value;

    sim_begin(s, "access");
    if (write)
        (void)sim_write(s, who, addr, addr ^ UINT64_C(0x5ec7e7), uncached, &status);
    else
        (void)sim_read(s, who, addr, &value, uncached, &status);
    sim_end(s);
}

/* By a device of the host's, which only some machines have. */
static void device_access(struct sim *s, uint64_t addr, bool write)
{
    uint64_t value;

    sim_begin(s, "device");
    if (write)
        (void)sim_dma_write(s, addr, addr ^ UINT64_C(0x5ec7e7));
    else
        (void)sim_dma_read(s, addr, &value);
    sim_end(s);
}

static void destroy(struct sim *s, uint32_t vm, unsigned calls)
{
    for (unsigned i = 0; i < calls; i++) {
        enum cordon_status status;

        sim_begin(s, "destroy");
        status = cordon_vm_destroy(sim_core(s), vmid(vm));
        sim_end(s);
        must(status == CORDON_OK || status == CORDON_AGAIN || status == CORDON_NO_VM, "a teardown that is stuck");
        if (status != CORDON_AGAIN)
            return;
    }
}

static void walk(struct sim *s, uint32_t vm, uint64_t addr)
{
    struct cordon_mapping m;

    sim_begin(s, "walk");
    (void)cordon_walk_s2pt(sim_core(s), vmid(vm), ipa(addr), &m);
    sim_end(s);
}

/* Calls of one page-level or lifecycle operation. */
static void single(struct sim *s, uint8_t op, uint32_t vm, uint64_t a, uint64_t b, uint64_t num)
{
    struct cordon *c = sim_core(s);

    sim_begin(s, "call");
    switch (op) {
    case 0: (void)cordon_vm_create(c, vmid(vm), pfn(a)); break;
    case 1: (void)cordon_vm_donate(c, vmid(vm), pfn(a), num); break;
    case 2: (void)cordon_prot_and_map_vm_s2pt(c, vmid(vm), ipa(a), b, 3, CORDON_KEEP); break;
    case 3: (void)cordon_prot_and_map_vm_s2pt(c, vmid(vm), ipa(a), b, 2, CORDON_ZERO); break;
    case 4: (void)cordon_map_page_host(c, pa(a)); break;
    case 5: (void)cordon_map_vm_io(c, vmid(vm), ipa(a), pa(b)); break;
    default: (void)cordon_prot_and_map_vm_s2pt(c, vmid(vm), ipa(a), b, (uint32_t)num, (enum cordon_contents)(num % 2)); break;
    }
    sim_end(s);
}

static void call(struct sim *s, struct input *in)
{
    uint8_t op = take_byte(in) % 16;
    uint8_t who = take_byte(in);
    uint32_t vm = take_vm(who);
    bool frame = op == 0 || op == 1 || op == 9;
    uint64_t a = take_number(in, frame ? 1 : PAGE);
    uint64_t b = op == 1 || op == 4 || op == 13 ? 0 : take_number(in, op == 10 ? 1 : PAGE);
    uint64_t num = op == 1 || op == 6 || op == 9 || op == 10 ? take_number(in, 1) : 0;

    sim_cpu(s, who / 16 % CPUS);
    if ((op == 11 || op == 12) && who % 16 >= 3 && who % 16 < 6) {
        device_access(s, a / 8 * 8, op == 12);
        return;
    }
    switch (op) {
    case 7: range(s, GRANT, vm, a, 0, b); break;
    case 8: range(s, REVOKE, vm, a, 0, b); break;
    case 9: range(s, CLEAR, vm, a, 0, num); break;
    case 10: range(s, MAP, vm, a, b, num); break;
    case 11: access(s, who % 16 < 6 ? 0 : vm, a / 8 * 8, false, who > 127); break;
    case 12: access(s, who % 16 < 6 ? 0 : vm, a / 8 * 8, true, false); break;
    case 13: destroy(s, vm, who > 127 ? 1000 : 1); break;
    case 14: (void)cordon_vm_pool_free(sim_core(s), vmid(vm)); break;
    case 15: walk(s, vm, a); break;
    default: single(s, op, vm, a, b, num); break;
    }
}

static struct sim *make(uint8_t shape)
{
    static const struct cordon_geometry geometry[] = { { 48, 0 }, { 40, 0 }, { 40, 1 }, { 39, 1 }, { 32, 2 }, { 34, 2 } };
    struct cordon_mem ram[] = { { BASE, 1280 * PAGE }, { BASE + 1300 * PAGE, 236 * PAGE } };
    struct cordon_mem core = { BASE + 64 * PAGE, 8 * PAGE };
    struct cordon_mem hidden = { BASE + 1290 * PAGE, PAGE };
    struct sim_config config = {
        .ram = ram, .rams = 2, .core = &core, .cores = 1, .hidden = &hidden, .hiddens = 1,
        .host = geometry[shape % 6], .vm = geometry[shape / 6 % 6], .vms = VMS + 1, .cpus = CPUS,
        .dma = { shape / 36 % 2 == 0 ? 0 : shape < 128 ? 39 : 48, 0x7ff },
        .host_tables = shape >= 128 ? 18 : 0, .tlb_entries = 64, .compact = true, .private_size = UINT64_C(1) << 21,
    };
    char why[256];
    struct sim *s = sim_create(&config, why, sizeof why);

    if (!s)
        fprintf(stderr, "fuzz_calls: no machine: %s\n", why);
    must(s != NULL, "no machine");
    /* One VM more, in the machine's own memory, which calls may name here: from then on all of that is checked too. */
    must(sim_vm_create(s, VMS + 1) == CORDON_OK, "no VM");
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    struct sim *s = make(take_byte(&in));

    for (unsigned i = 0; i < CALLS && in.left > 0 && sim_reports(s) == 0; i++)
        call(s, &in);
    if (sim_reports(s) == 0)
        (void)sim_check_all(s);
    for (unsigned i = 0; i < sim_reports(s) && i < 8; i++)
        fprintf(stderr, "fuzz_calls: %s\n", sim_report(s, i));
    must(sim_reports(s) == 0, "the machine reports");
    sim_destroy(s);
    return 0;
}
