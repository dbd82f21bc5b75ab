/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated CPUs as threads: every operation on the same VMs and frames at once, with accesses whose values are checked.
 *
 * Each VM has two windows of guest memory. In the private one it writes secrets and nobody ever grants it; in the other
 * it writes nothing secret and everybody grants and revokes. So whatever happens when:
 *   - the host never reads a secret, nor do its devices, nor does a VM read another's;
 *   - each thread has frames of its own, which no other thread clears: a secret in them stays as it was written until
 *     the thread itself clears the frame, and the host then finds zeros, or what a host wrote since.
 * Between rounds all threads stand still and every invariant of the machine is checked.
 */
#include "crowd.h"

#define VMS 4                       /* shared by all threads; further ones belong to one thread each */
#define BASE UINT64_C(0x1000000)    /* RAM: 12 MiB and a part of a section */
#define RAM_PAGES UINT64_C(3300)
#define FIRST (BASE / PAGE)

/* Frames: a section of tables, shared ones, each thread's own. */
#define TABLES_OF(vm) (FIRST + 16 * (vm))       /* root and 15 tables of a shared VM; thread VMs likewise */
#define SHARED (FIRST + 512)
#define SHARED_PAGES UINT64_C(1536)
#define OWN(thread) (FIRST + 2048 + 64 * (thread))
#define OWN_PAGES UINT64_C(64)

/* Guest frames. */
#define PRIVATE_GFN UINT64_C(0x80000)           /* secrets; a multiple of 2 MiB */
#define PUBLIC_GFN UINT64_C(0x3fe00)            /* granted; across 1 GiB */
#define WINDOW UINT64_C(1024)
#define OWN_GFN UINT64_C(0x100000)              /* each thread's own secrets, in its own VM */

/* Values: a tag, and the id of the VM. */
#define SECRET UINT64_C(0x5ec2)
#define PLAIN UINT64_C(0x9a1e)
#define HOSTS UINT64_C(0x4057)

enum { MAPS, SHARES, SECRETS, CLEARS, HOST_READS, VM_READS, DEVICE_READS };

struct worker {
    struct cpu cpu;
    uint64_t secret[OWN_PAGES];     /* what is in its own frames; 0: the frame is the host's */
};

static void one(struct cpu *cpu);

static struct crowd g = { .name = "threads", .threads = 4, .ops = 250, .rounds = 1000, .seconds = 25, .one = one };

static void fail(struct worker *w, const char *what, uint64_t a, uint64_t b) { crowd_fail(&w->cpu, what, a, b); }

static uint64_t below(struct worker *w, uint64_t n) { return rng_below(&w->cpu.rng, n); }
static uint64_t from(struct worker *w, uint64_t first, uint64_t last) { return rng_from(&w->cpu.rng, first, last); }
static bool one_in(struct worker *w, uint64_t n) { return rng_one_in(&w->cpu.rng, n); }

static uint64_t value(uint64_t tag, uint32_t vm, struct worker *w)
{
    return tag << 48 | (uint64_t)vm << 32 | (rng_next(&w->cpu.rng) & UINT32_MAX);
}

static uint64_t tag_of(uint64_t v) { return v >> 48; }
static uint32_t vm_of(uint64_t v) { return (uint32_t)(v >> 32 & 0xffff); }

/* ---- a call, and what it may answer ---- */

static void check(struct worker *w, enum cordon_status status, uint32_t allowed, const char *what)
{
    if ((allowed >> status & 1) == 0)
        fail(w, what, (uint64_t)status, 0);
}

/* A page to be mapped that was there already is neither changed nor skipped. */
static void check_counts(struct worker *w, struct cordon_progress p, uint64_t num, bool map, const char *what)
{
    uint64_t told = p.changed + p.unmapped + p.not_owned + p.saturated;

    if (p.done > num || (map ? told > p.done : told != p.done) ||
        (p.status == CORDON_OK) != (p.done == num) || (p.status == CORDON_AGAIN && p.done == 0))
        fail(w, what, p.done, num);
}

/* ---- operations on what is shared ---- */

static uint32_t any_vm(struct worker *w)
{
    return (uint32_t)from(w, 1, VMS);
}

/* A guest frame and a frame that often belong together, so that VMs find what they asked for before. */
static uint64_t any_gfn(struct worker *w, uint32_t vm, uint64_t *pfn)
{
    uint64_t at = one_in(w, 3) ? below(w, WINDOW) : 448 + below(w, 128);
    bool secret = one_in(w, 2);

    *pfn = SHARED + (at + (secret ? 0 : 512) + 192 * vm) % SHARED_PAGES;     /* some of it wanted by two VMs */
    if (one_in(w, 16))
        *pfn = SHARED + below(w, SHARED_PAGES);
    return (secret ? PRIVATE_GFN : PUBLIC_GFN) + at;
}

static void do_map(struct worker *w)
{
    uint32_t vm = any_vm(w);
    uint64_t pfn_at;
    uint64_t gfn_at = any_gfn(w, vm, &pfn_at);
    uint32_t level = one_in(w, 6) ? 2 : 3;
    enum cordon_contents contents = one_in(w, 2) ? CORDON_ZERO : CORDON_KEEP;
    enum cordon_status status;

    if (level == 2)
        pfn_at -= pfn_at % 512;
    status = cordon_prot_and_map_vm_s2pt(sim_core(g.sim), vmid(vm), ipa(gfn_at * PAGE), pfn_at * PAGE, level, contents);
    w->cpu.count[MAPS] += status == CORDON_OK;
    check(w, status, MAY(OK) | MAY(NO_VM) | MAY(STATE) | MAY(MAPPED) | MAY(NO_MEMORY) | MAY(OWNED) | MAY(GFN), "map answers");
}

static void do_map_range(struct worker *w)
{
    uint32_t vm = any_vm(w);
    uint64_t pfn_at;
    uint64_t gfn_at = any_gfn(w, vm, &pfn_at);
    uint64_t n = from(w, 1, one_in(w, 4) ? 600 : 16);
    struct cordon_progress p = cordon_prot_and_map_vm_range(sim_core(g.sim), vmid(vm), ipa(gfn_at * PAGE), pfn(pfn_at), n,
                                                            CORDON_ZERO);

    if (p.status == CORDON_OK || p.status == CORDON_AGAIN)
        check_counts(w, p, n, true, "map range counts");
}

static void do_share(struct worker *w, bool grant)
{
    uint64_t first = PUBLIC_GFN + (one_in(w, 3) ? below(w, WINDOW) : 448 + below(w, 128));
    uint64_t n = from(w, 1, one_in(w, 4) ? WINDOW : 8);
    uint32_t vm = any_vm(w);
    struct cordon_progress p;

    if (n > PUBLIC_GFN + WINDOW - first)
        n = PUBLIC_GFN + WINDOW - first;
    if (grant)
        p = cordon_grant_stage2_sg_gpa(sim_core(g.sim), vmid(vm), ipa(first * PAGE), n * PAGE);
    else
        p = cordon_revoke_stage2_sg_gpa(sim_core(g.sim), vmid(vm), ipa(first * PAGE), n * PAGE);
    w->cpu.count[SHARES] += p.changed > 0;
    check(w, p.status, MAY(OK) | MAY(AGAIN) | MAY(NO_VM) | MAY(STATE), "grant or revoke answers");
    if (p.status == CORDON_OK || p.status == CORDON_AGAIN)
        check_counts(w, p, n, false, "grant or revoke counts");
}

static void do_clear(struct worker *w)
{
    uint64_t first = SHARED + below(w, SHARED_PAGES);
    uint64_t n = one_in(w, 16) ? 512 : from(w, 1, 16);
    struct cordon_progress p;

    if (n == 512)
        first -= first % 512;
    if (n > SHARED + SHARED_PAGES - first)
        n = SHARED + SHARED_PAGES - first;
    p = cordon_clear_vm_range(sim_core(g.sim), vmid(any_vm(w)), pfn(first), n);
    check(w, p.status, MAY(OK) | MAY(AGAIN) | MAY(NO_VM) | MAY(NO_MEMORY), "clear answers");
    if (p.status == CORDON_OK || p.status == CORDON_AGAIN)
        check_counts(w, p, n, false, "clear counts");
}

static void do_io(struct worker *w)
{
    uint64_t gfn_at = PUBLIC_GFN + below(w, WINDOW);

    check(w, cordon_map_vm_io(sim_core(g.sim), vmid(any_vm(w)), ipa(gfn_at * PAGE), pa(below(w, 16) * PAGE)),
          MAY(OK) | MAY(NO_VM) | MAY(STATE) | MAY(MAPPED) | MAY(NO_MEMORY), "map_io answers");
}

static void do_fault(struct worker *w)
{
    uint64_t frame = one_in(w, 8) ? below(w, FIRST) : FIRST + below(w, RAM_PAGES);

    check(w, cordon_map_page_host(sim_core(g.sim), pa(frame * PAGE)), MAY(OK) | MAY(PRIVATE), "host_fault answers");
}

/* ---- lives of the shared VMs ---- */

static void do_birth(struct worker *w)
{
    uint32_t vm = any_vm(w);
    struct cordon *c = sim_core(g.sim);

    check(w, cordon_vm_create(c, vmid(vm), pfn(TABLES_OF(vm))), MAY(OK) | MAY(EXISTS) | MAY(OWNED), "create answers");
    check(w, cordon_vm_donate(c, vmid(vm), pfn(TABLES_OF(vm) + 1), 7), MAY(OK) | MAY(NO_VM) | MAY(STATE) | MAY(OWNED),
          "donate answers");
}

static void do_more_tables(struct worker *w)
{
    struct cordon_mapping m;
    uint32_t vm = any_vm(w);

    check(w, cordon_vm_donate(sim_core(g.sim), vmid(vm), pfn(TABLES_OF(vm) + 8 + below(w, 8)), 1),
          MAY(OK) | MAY(NO_VM) | MAY(STATE) | MAY(OWNED), "donate answers");
    (void)cordon_vm_pool_free(sim_core(g.sim), vmid(vm));
    check(w, cordon_walk_s2pt(sim_core(g.sim), vmid(vm), ipa(PRIVATE_GFN * PAGE), &m), MAY(OK) | MAY(NO_VM), "walk answers");
}

static void do_death(struct worker *w)
{
    uint32_t vm = any_vm(w);
    uint64_t calls = one_in(w, 2) ? 1000 : from(w, 1, 8);
    enum cordon_status status = CORDON_AGAIN;

    for (uint64_t i = 0; i < calls && status == CORDON_AGAIN; i++)
        status = cordon_vm_destroy(sim_core(g.sim), vmid(vm));
    check(w, status, MAY(OK) | MAY(AGAIN) | MAY(NO_VM), "destroy answers");
}

/* ---- accesses to what is shared ---- */

static void host_access(struct worker *w, uint64_t frame, bool own)
{
    enum cordon_status status;
    uint64_t addr = frame * PAGE + below(w, 4) * 8;
    uint64_t v = 0;

    if (!own && one_in(w, 3)) {
        (void)sim_write(g.sim, 0, addr, value(HOSTS, 0, w), false, &status);
        return;
    }
    if (sim_read(g.sim, 0, addr, &v, false, &status) != SIM_DONE)
        return;
    w->cpu.count[HOST_READS]++;
    if (tag_of(v) == SECRET)
        fail(w, "the host reads a secret", addr, v);
    if (own && v != 0 && tag_of(v) != HOSTS)
        fail(w, "a frame that was cleared is not zero", addr, v);
}

/* What a device gets is what the host may get; nobody serves its faults. */
static void device_access(struct worker *w, uint64_t frame, bool own)
{
    uint64_t addr = frame * PAGE + below(w, 4) * 8;
    uint64_t v = 0;

    if (!own && one_in(w, 3)) {
        (void)sim_dma_write(g.sim, addr, value(HOSTS, 0, w));
        return;
    }
    if (sim_dma_read(g.sim, addr, &v) != SIM_DONE) {
        if (own)
            fail(w, "a device does not reach a frame that was cleared", addr, 0);
        return;
    }
    w->cpu.count[DEVICE_READS]++;
    if (tag_of(v) == SECRET)
        fail(w, "a device reads a secret", addr, v);
    if (own && v != 0 && tag_of(v) != HOSTS)
        fail(w, "a frame that was cleared is not zero to a device", addr, v);
}

static void vm_access(struct worker *w)
{
    uint32_t vm = any_vm(w);
    uint64_t pfn_at;
    uint64_t gfn_at = any_gfn(w, vm, &pfn_at);
    uint64_t addr = gfn_at * PAGE + below(w, 4) * 8;
    enum cordon_status status;
    uint64_t v = 0;

    if (one_in(w, 2)) {
        (void)sim_write(g.sim, vm, addr, value(gfn_at >= PRIVATE_GFN ? SECRET : PLAIN, vm, w), false, &status);
        return;
    }
    if (sim_read(g.sim, vm, addr, &v, false, &status) != SIM_DONE)
        return;
    w->cpu.count[VM_READS]++;
    if (tag_of(v) == SECRET && (vm_of(v) != vm || gfn_at < PRIVATE_GFN))
        fail(w, "a VM reads a secret that is not its own", addr, v);
}

/* ---- the thread's own VM and frames ---- */

static uint32_t own_vm(const struct worker *w) { return VMS + 1 + w->cpu.id; }

static void own_put(struct worker *w, uint64_t i)
{
    struct cordon *c = sim_core(g.sim);
    uint64_t addr = (OWN_GFN + i) * PAGE;
    uint64_t secret = value(SECRET, own_vm(w), w);
    enum cordon_status status = cordon_prot_and_map_vm_s2pt(c, vmid(own_vm(w)), ipa(addr), (OWN(w->cpu.id) + i) * PAGE, 3,
                                                            CORDON_ZERO);

    check(w, status, MAY(OK), "a frame of its own cannot be mapped");
    if (sim_write(g.sim, own_vm(w), addr, secret, false, &status) != SIM_DONE)
        fail(w, "a VM cannot write what it was given", addr, 0);
    w->secret[i] = secret;
    w->cpu.count[SECRETS]++;
}

static void own_check(struct worker *w, uint64_t i)
{
    uint64_t addr = (OWN_GFN + i) * PAGE;
    enum cordon_status status;
    uint64_t v = 0;

    if (sim_read(g.sim, own_vm(w), addr, &v, false, &status) != SIM_DONE || v != w->secret[i])
        fail(w, "a VM's memory is not what it wrote", v, w->secret[i]);
}

static void own_clear(struct worker *w, uint64_t i)
{
    struct cordon_progress p = cordon_clear_vm_range(sim_core(g.sim), vmid(own_vm(w)), pfn(OWN(w->cpu.id) + i), 1);

    if (p.status != CORDON_OK || p.changed != 1)
        fail(w, "a frame of its own cannot be cleared", (uint64_t)p.status, p.changed);
    w->secret[i] = 0;
    w->cpu.count[CLEARS]++;
    host_access(w, OWN(w->cpu.id) + i, true);
    if (g.devices != 0)
        device_access(w, OWN(w->cpu.id) + i, true);
}

static void do_own(struct worker *w)
{
    uint64_t i = below(w, OWN_PAGES);

    if (w->secret[i] == 0)
        own_put(w, i);
    else if (one_in(w, 3))
        own_clear(w, i);
    else
        own_check(w, i);
}

/* ---- threads ---- */

static void one(struct cpu *cpu)
{
    struct worker *w = (struct worker *)cpu;
    uint64_t dice = below(w, 100);

    if (g.devices != 0 && one_in(w, 4)) {
        device_access(w, FIRST + below(w, RAM_PAGES), false);
        return;
    }
    if (dice < 14)
        do_map(w);
    else if (dice < 18)
        do_map_range(w);
    else if (dice < 26)
        do_share(w, true);
    else if (dice < 33)
        do_share(w, false);
    else if (dice < 36)
        do_clear(w);
    else if (dice < 37)
        do_io(w);
    else if (dice < 42)
        do_fault(w);
    else if (dice < 44)
        do_birth(w);
    else if (dice < 46)
        do_more_tables(w);
    else if (dice < 47 && one_in(w, 4))
        do_death(w);
    else if (dice < 66)
        host_access(w, FIRST + below(w, RAM_PAGES), false);
    else if (dice < 82)
        vm_access(w);
    else
        do_own(w);
}

/* The machine, and a VM for each thread. */
static bool make(void)
{
    static const struct cordon_mem ram = { BASE, RAM_PAGES * PAGE };

    if (!crowd_machine(&g, &ram, (struct sim_config){ .vms = VMS + CPUS_MAX, .host = { 40, 1 }, .vm = { 39, 1 } }))
        return false;
    for (uint32_t i = 0; i < g.threads; i++) {
        uint32_t vm = VMS + 1 + i;

        sim_begin(g.sim, "create");
        if (cordon_vm_create(sim_core(g.sim), vmid(vm), pfn(TABLES_OF(vm))) != CORDON_OK ||
            cordon_vm_donate(sim_core(g.sim), vmid(vm), pfn(TABLES_OF(vm) + 1), 8) != CORDON_OK)
            return false;
        sim_end(g.sim);
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct worker worker[CPUS_MAX];
    uint64_t ops = 0;
    bool good;

    for (uint32_t i = 0; i < CPUS_MAX; i++)
        g.cpu[i] = &worker[i].cpu;
    if (!crowd_options(&g, argc, argv) || !make())
        return 2;
    crowd_run(&g);
    good = crowd_is_good(&g);
    for (uint32_t i = 0; i < g.threads; i++)
        ops += worker[i].cpu.op;
    printf("%s: %" PRIu64 " operations; took hold: %" PRIu64 " maps, %" PRIu64 " grants or revokes; %" PRIu64
           " secrets written, %" PRIu64 " own frames cleared; reads: %" PRIu64 " by the host, %" PRIu64 " by its devices, "
           "%" PRIu64 " by VMs\n",
           good ? "ok" : "FAIL", ops, crowd_count(&g, MAPS), crowd_count(&g, SHARES), crowd_count(&g, SECRETS),
           crowd_count(&g, CLEARS), crowd_count(&g, HOST_READS), crowd_count(&g, DEVICE_READS),
           crowd_count(&g, VM_READS));
    return good ? 0 : 1;
}
