/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/host.h"
#include "base/lock.h"
#include "memory/assign.h"

/* ---- machines ---- */

static const struct cordon_mem small_ram = { RAM_BASE, SMALL_RAM };
static const struct cordon_mem small_core = { RAM_BASE, CORE_FRAMES * PAGE };
static const struct cordon_mem small_hidden = { HIDDEN_PA, HIDDEN_SIZE };
static jmp_buf *panic_at;

void machine_expect_panic(jmp_buf *at)
{
    panic_at = at;
}

static void on_panic(const char *file, int line, const char *text)
{
    if (panic_at != NULL)
        longjmp(*panic_at, 1);
    fail_msg("the core stopped for good: %s:%d: %s", file, line, text);
}

struct sim_config machine_config(void)
{
    return (struct sim_config){ .ram = &small_ram, .rams = 1, .core = &small_core, .cores = 1, .hidden = &small_hidden,
                                .hiddens = 1, .vms = VMS, .cpus = CPUS,
                                .compact = true, .private_size = 2 * MIB, .panic = on_panic, .seed = 1 };
}

struct machine *machine_new(const struct sim_config *config)
{
    struct machine *m = calloc(1, sizeof(*m));
    char why[256] = "";

    assert_non_null(m);
    assert_in_range(config->rams, 1, 4);
    panic_at = NULL;
    m->sim = sim_create(config, why, sizeof(why));
    if (m->sim == NULL)
        fail_msg("no machine: %s", why);
    m->c = sim_core(m->sim);
    m->rams = config->rams;
    memcpy(m->ram, config->ram, config->rams * sizeof(*config->ram));
    m->donor = (m->ram[0].base + m->ram[0].size) / PAGE;
    return m;
}

struct machine *machine_small(void)
{
    struct sim_config config = machine_config();

    return machine_new(&config);
}

struct machine *machine_of(uint64_t ram)
{
    struct cordon_mem range = { RAM_BASE, ram };
    struct sim_config config = machine_config();

    config.ram = &range;
    return machine_new(&config);
}

static void no_reports(struct machine *m)
{
    unsigned n = sim_reports(m->sim);

    for (unsigned i = 0; i < n && i < 10; i++)
        print_error("report: %s\n", sim_report(m->sim, i));
    if (n > 0)
        fail_msg("%u reports", n);
}

void machine_check(struct machine *m)
{
    (void)sim_check_all(m->sim);
    no_reports(m);
}

void machine_free(struct machine *m)
{
    machine_check(m);
    sim_destroy(m->sim);
    free(m);
}

/* n frames at the end of RAM that nobody has, aligned to n, a power of two. */
static uint64_t donor_frames(struct machine *m, uint64_t n)
{
    m->donor = (m->donor - n) / n * n;
    return m->donor;
}

void machine_feed(struct machine *m, uint32_t id, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        assert_ok(op_donate(m, id, donor_frames(m, 1), 1));
}

void machine_vm(struct machine *m, uint32_t id, uint64_t tables)
{
    assert_ok(op_create(m, id, donor_frames(m, m->c->vm_shape.roots)));
    machine_feed(m, id, tables);
}

struct machine *machine_with_vm(void)
{
    struct machine *m = machine_small();

    machine_vm(m, 1, 8);
    return m;
}

/* ---- one call of the core each ---- */

static void begin(struct machine *m, const char *what)
{
    sim_begin(m->sim, what);
}

static void end(struct machine *m)
{
    if (sim_end(m->sim) > 0)
        no_reports(m);
}

/* One call of the core as a statement: its answer goes into the variable `answer`. */
#define CALL(m, what, call) \
    do { \
        begin((m), (what)); \
        answer = (call); \
        end(m); \
    } while (0)

enum cordon_status op_create(struct machine *m, uint32_t vm, uint64_t root)
{
    enum cordon_status answer;

    CALL(m, "create", cordon_vm_create(m->c, vmid(vm), pfn(root)));
    return answer;
}

enum cordon_status op_donate(struct machine *m, uint32_t vm, uint64_t frame, uint64_t n)
{
    enum cordon_status answer;

    CALL(m, "donate", cordon_vm_donate(m->c, vmid(vm), pfn(frame), n));
    return answer;
}

enum cordon_status op_destroy(struct machine *m, uint32_t vm)
{
    enum cordon_status answer;

    CALL(m, "destroy", cordon_vm_destroy(m->c, vmid(vm)));
    return answer;
}

enum cordon_status op_fault(struct machine *m, uint64_t addr)
{
    enum cordon_status answer;

    CALL(m, "host_fault", cordon_map_page_host(m->c, pa(addr)));
    return answer;
}

enum cordon_status op_io(struct machine *m, uint32_t vm, uint64_t gpa, uint64_t address)
{
    enum cordon_status answer;

    CALL(m, "map_io", cordon_map_vm_io(m->c, vmid(vm), ipa(gpa), pa(address)));
    return answer;
}

enum cordon_status op_map(struct machine *m, uint32_t vm, uint64_t addr, uint64_t pte, uint32_t level,
                          enum cordon_contents contents)
{
    enum cordon_status answer;

    CALL(m, "prot_and_map", cordon_prot_and_map_vm_s2pt(m->c, vmid(vm), ipa(addr), pte, level, contents));
    return answer;
}

struct cordon_progress op_clear(struct machine *m, uint32_t vm, uint64_t frame, uint64_t n)
{
    struct cordon_progress answer;

    CALL(m, "clear", cordon_clear_vm_range(m->c, vmid(vm), pfn(frame), n));
    return answer;
}

struct cordon_progress op_grant(struct machine *m, uint32_t vm, uint64_t addr, uint64_t size)
{
    struct cordon_progress answer;

    CALL(m, "grant", cordon_grant_stage2_sg_gpa(m->c, vmid(vm), ipa(addr), size));
    return answer;
}

struct cordon_progress op_revoke(struct machine *m, uint32_t vm, uint64_t addr, uint64_t size)
{
    struct cordon_progress answer;

    CALL(m, "revoke", cordon_revoke_stage2_sg_gpa(m->c, vmid(vm), ipa(addr), size));
    return answer;
}

struct cordon_progress op_map_range(struct machine *m, uint32_t vm, uint64_t addr, uint64_t frame, uint64_t n)
{
    struct cordon_progress answer;

    CALL(m, "map_range", cordon_prot_and_map_vm_range(m->c, vmid(vm), ipa(addr), pfn(frame), n, CORDON_KEEP));
    return answer;
}

/* ---- bounded calls, to their end ---- */

/* Adds one call of a range of which `left` pages are left; false when it was the last. */
static bool total(struct totals *t, struct cordon_progress p, uint64_t left)
{
    t->calls++;
    t->status = p.status;
    t->done += p.done;
    t->changed += p.changed;
    t->unmapped += p.unmapped;
    t->not_owned += p.not_owned;
    t->saturated += p.saturated;
    assert_true(p.changed + p.unmapped + p.not_owned + p.saturated <= p.done);
    assert_true(p.done <= left);
    if (p.status == CORDON_OK)
        assert_int_equal(p.done, left);
    if (p.status == CORDON_AGAIN)
        assert_in_range(p.done, 1, left - 1);
    return p.status == CORDON_AGAIN;
}

struct totals run_clear(struct machine *m, uint32_t vm, uint64_t frame, uint64_t n)
{
    struct totals t = { 0 };

    while (total(&t, op_clear(m, vm, frame + t.done, n - t.done), n - t.done))
        ;
    assert_int_equal(t.changed + t.unmapped + t.not_owned + t.saturated, t.done);
    return t;
}

static uint64_t pages(uint64_t size)
{
    return (size + PAGE - 1) / PAGE;
}

struct totals run_grant(struct machine *m, uint32_t vm, uint64_t addr, uint64_t size)
{
    struct totals t = { 0 };

    while (total(&t, op_grant(m, vm, addr + t.done * PAGE, size - t.done * PAGE), pages(size) - t.done))
        ;
    assert_int_equal(t.changed + t.unmapped + t.not_owned + t.saturated, t.done);
    return t;
}

struct totals run_revoke(struct machine *m, uint32_t vm, uint64_t addr, uint64_t size)
{
    struct totals t = { 0 };

    while (total(&t, op_revoke(m, vm, addr + t.done * PAGE, size - t.done * PAGE), pages(size) - t.done))
        ;
    assert_int_equal(t.changed + t.unmapped + t.not_owned + t.saturated, t.done);
    return t;
}

struct totals run_map_range(struct machine *m, uint32_t vm, uint64_t addr, uint64_t frame, uint64_t n)
{
    struct totals t = { 0 };

    while (total(&t, op_map_range(m, vm, addr + t.done * PAGE, frame + t.done, n - t.done), n - t.done))
        ;
    return t;
}

enum cordon_status run_destroy(struct machine *m, uint32_t vm, uint64_t *calls)
{
    enum cordon_status status;
    uint64_t n = 0;

    do {
        status = op_destroy(m, vm);
        n++;
        assert_true(n < 1000000);
    } while (status == CORDON_AGAIN);
    if (calls != NULL)
        *calls = n;
    return status;
}

/* ---- states that only device operations lead to ---- */

static struct section_locked lock_section_of(struct machine *m, uint64_t frame)
{
    uint64_t index = 0;

    assert_int_equal(memory_section(m->c, frame, &index), CORDON_OK);
    return section_lock(m->c, index, frame / 512);
}

void machine_assign(struct machine *m, uint32_t vm, uint64_t gfn, uint64_t frame, bool pending)
{
    struct vm_locked v;
    struct section_locked s;

    begin(m, "assign");
    v = vm_lock(m->c, vm);
    s = lock_section_of(m, frame);
    assert_int_equal(memory_can_assign(s, vm, frame % 512, 1, gfn), CORDON_OK);
    memory_assign(m->c, v, s, frame % 512, 1, gfn, CORDON_KEEP);
    if (pending)
        s.frame[frame % 512].holder = (uint16_t)(HOLDER_PENDING + vm);
    section_unlock(m->c, s);
    vm_unlock(m->c, v);
    end(m);
}

void machine_pin(struct machine *m, uint64_t frame, bool pinned)
{
    struct section_locked s;

    begin(m, pinned ? "pin" : "unpin");
    s = lock_section_of(m, frame);
    s.frame[frame % 512].count = pinned ? 1 : 0;
    s.section->pinned = (uint16_t)(s.section->pinned + (pinned ? 1 : -1));
    section_unlock(m->c, s);
    end(m);
}

/* ---- what is ---- */

static uint64_t section_index(struct machine *m, uint64_t frame)
{
    uint64_t index = 0;

    assert_int_equal(memory_section(m->c, frame, &index), CORDON_OK);
    return index;
}

struct frame record_of(struct machine *m, uint64_t frame)
{
    return m->c->frame[section_index(m, frame) * 512 + frame % 512];
}

struct section *section_of(struct machine *m, uint64_t frame)
{
    return &m->c->section[section_index(m, frame)];
}

uint64_t host_frames(struct machine *m)
{
    uint64_t n = 0;

    for (uint64_t i = 0; i < m->c->sections * 512; i++)
        n += m->c->frame[i].holder == HOLDER_HOST ? 1 : 0;
    return n;
}

static bool count_one(const struct sim_mapping *mapping, void *arg)
{
    (void)mapping;
    *(uint64_t *)arg += 1;
    return true;
}

uint64_t mappings_of(struct machine *m, uint32_t who)
{
    uint64_t n = 0;

    sim_mappings(m->sim, who, count_one, &n);
    return n;
}

/* ---- accesses ---- */

bool can_read(struct machine *m, uint32_t who, uint64_t addr)
{
    enum cordon_status status = CORDON_OK;
    uint64_t value;
    bool through = sim_read(m->sim, who, addr, &value, false, &status) == SIM_DONE;

    no_reports(m);
    return through;
}

static uint64_t read_how(struct machine *m, uint32_t who, uint64_t addr, bool uncached)
{
    enum cordon_status status = CORDON_OK;
    uint64_t value = 0;

    assert_int_equal(sim_read(m->sim, who, addr, &value, uncached, &status), SIM_DONE);
    no_reports(m);
    return value;
}

uint64_t read_at(struct machine *m, uint32_t who, uint64_t addr)
{
    return read_how(m, who, addr, false);
}

uint64_t read_uncached(struct machine *m, uint32_t who, uint64_t addr)
{
    return read_how(m, who, addr, true);
}

void write_at(struct machine *m, uint32_t who, uint64_t addr, uint64_t value)
{
    enum cordon_status status = CORDON_OK;

    assert_int_equal(sim_write(m->sim, who, addr, value, false, &status), SIM_DONE);
    no_reports(m);
}

void warm(struct machine *m, uint32_t who, uint64_t addr)
{
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        sim_cpu(m->sim, cpu);
        (void)read_at(m, who, addr);
    }
    sim_cpu(m->sim, 0);
}

bool is_gone(struct machine *m, uint32_t who, uint64_t addr)
{
    bool gone = true;

    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        sim_cpu(m->sim, cpu);
        gone = !can_read(m, who, addr) && gone;
    }
    sim_cpu(m->sim, 0);
    return gone;
}

/* ---- assertions ---- */

void status_is(enum cordon_status expected, enum cordon_status actual, const char *what, const char *file, int line)
{
    if (expected == actual)
        return;
    print_error("%s: expected %s, got %s\n", what, cordon_status_word(expected), cordon_status_word(actual));
    _fail(file, line);
}

void record_is(struct machine *m, uint64_t frame, uint32_t holder, uint32_t count, const char *file, int line)
{
    struct frame f = record_of(m, frame);

    if (f.holder == holder && f.count == count)
        return;
    print_error("frame 0x%llx: expected holder 0x%x count %u, got 0x%x and %u\n", (unsigned long long)frame, holder, count,
                f.holder, f.count);
    _fail(file, line);
}

void mapping_is(struct machine *m, uint32_t who, uint64_t gfn, uint64_t frame, uint32_t level, bool device, const char *file,
                int line)
{
    struct sim_mapping at = { 0 };
    bool mapped = sim_lookup(m->sim, who, gfn, &at);
    uint64_t got = mapped ? at.pfn + (gfn - at.gfn) : 0;

    if (mapped == (level != 0) && (!mapped || (got == frame && at.level == level && at.device == device)))
        return;
    print_error("principal %u, gfn 0x%llx: expected frame 0x%llx level %u%s, got %s0x%llx level %u%s\n", who,
                (unsigned long long)gfn, (unsigned long long)frame, level, device ? " device" : "",
                mapped ? "" : "nothing ", (unsigned long long)got, at.level, at.device ? " device" : "");
    _fail(file, line);
}

/* ---- snapshots ---- */

struct words {
    uint64_t *at;
    size_t used;
    size_t room;
};

struct snapshot {
    struct cordon core;
    struct section *section;
    struct frame *frame;
    struct vm *vm;
    struct words tables;    /* of each principal: every table in the order of a walk, then the free frames of its pool */
    uint64_t contents;
};

static void push(struct words *w, const uint64_t *from, size_t n)
{
    if (w->used + n > w->room) {
        w->room = 2 * w->room + n;
        w->at = realloc(w->at, w->room * sizeof(*w->at));
        assert_non_null(w->at);
    }
    memcpy(w->at + w->used, from, n * sizeof(*from));
    w->used += n;
}

static void push_tree(struct words *w, const struct cordon *c, uint64_t row, uint32_t level)
{
    push(w, &row, 1);
    push(w, c->phys[row].e, 512);
    for (uint32_t i = 0; level < 3 && i < 512; i++) {
        if (c->phys[row].e[i] % 4 == 3)
            push_tree(w, c, c->phys[row].e[i] >> 12 & UINT64_C(0xfffffffff), level + 1);
    }
}

static void push_principal(struct words *w, const struct cordon *c, const struct stage2 *t, const struct pool *p)
{
    uint64_t row = p->head;

    for (uint32_t i = 0; i < t->roots; i++)
        push_tree(w, c, t->root + i, t->start);
    for (uint64_t i = p->fresh_n; i < p->free; i++) {
        push(w, &row, 1);
        row = c->phys[row].e[0];
    }
}

static bool hash_word0(uint64_t frame, uint64_t word, void *arg)
{
    uint64_t *h = arg;

    *h = (*h ^ frame ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return true;
}

/* All words of a machine with little RAM, the first of each frame otherwise. */
static uint64_t hash_contents(struct machine *m)
{
    uint64_t h = 1;

    if (m->ram[0].size > 32 * MIB) {
        sim_nonzero(m->sim, hash_word0, &h);
        return h;
    }
    for (uint32_t r = 0; r < m->rams; r++) {
        for (uint64_t f = m->ram[r].base / PAGE; f < (m->ram[r].base + m->ram[r].size) / PAGE; f++) {
            const uint64_t *e = m->c->phys[f].e;

            for (uint32_t i = 0; i < 512; i++)
                h = (h ^ e[i]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
        }
    }
    return h;
}

static void *copy_of(const void *from, size_t bytes)
{
    void *copy = malloc(bytes);

    assert_non_null(copy);
    memcpy(copy, from, bytes);
    return copy;
}

struct snapshot *snapshot_take(struct machine *m)
{
    struct snapshot *s = calloc(1, sizeof(*s));
    const struct cordon *c = m->c;

    assert_non_null(s);
    memcpy(&s->core, c, sizeof(*c));
    memset(&s->core.host_lock, 0, sizeof(s->core.host_lock));
    s->section = copy_of(c->section, c->sections * sizeof(*c->section));
    s->frame = copy_of(c->frame, c->sections * 512 * sizeof(*c->frame));
    s->vm = copy_of(c->vm, c->vms * sizeof(*c->vm));
    for (uint64_t i = 0; i < c->sections; i++)
        memset(&s->section[i].lock, 0, sizeof(s->section[i].lock));
    push_principal(&s->tables, c, &c->host, &c->host_pool);
    for (uint64_t i = 0; c->dma.leaf != 0 && i <= c->sections; i++)
        push(&s->tables, c->phys[c->dma.leaf + i].e, 512);     /* and the root of the devices' */
    for (uint32_t i = 0; i < c->vms; i++) {
        memset(&s->vm[i].lock, 0, sizeof(s->vm[i].lock));
        if (c->vm[i].state != VM_NONE)
            push_principal(&s->tables, c, &c->vm[i].s2, &c->vm[i].pool);
    }
    s->contents = hash_contents(m);
    return s;
}

static const char *difference(const struct snapshot *a, const struct snapshot *b)
{
    if (memcmp(&a->core, &b->core, sizeof(a->core)) != 0)
        return "the machine's struct, with the host's pool";
    if (memcmp(a->section, b->section, a->core.sections * sizeof(*a->section)) != 0)
        return "a section's counts";
    if (memcmp(a->frame, b->frame, a->core.sections * 512 * sizeof(*a->frame)) != 0)
        return "a frame's record";
    if (memcmp(a->vm, b->vm, a->core.vms * sizeof(*a->vm)) != 0)
        return "a VM's slot";
    if (a->tables.used != b->tables.used || memcmp(a->tables.at, b->tables.at, a->tables.used * sizeof(*a->tables.at)) != 0)
        return "a table";
    if (a->contents != b->contents)
        return "the contents of a frame";
    return NULL;
}

const char *snapshot_differs(struct machine *m, const struct snapshot *s)
{
    struct snapshot *now = snapshot_take(m);
    const char *what = difference(s, now);

    snapshot_free(now);
    return what;
}

void snapshot_free(struct snapshot *s)
{
    free(s->section);
    free(s->frame);
    free(s->vm);
    free(s->tables.at);
    free(s);
}

void unchanged_since(struct machine *m, struct snapshot *s, const char *what, const char *file, int line)
{
    const char *change = snapshot_differs(m, s);

    snapshot_free(s);
    if (change == NULL)
        return;
    print_error("%s changed %s\n", what, change);
    _fail(file, line);
}
