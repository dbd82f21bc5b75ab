/* SPDX-License-Identifier: Apache-2.0 */
#include "perform.h"

/* No call of the core takes more tables than this from a VM's pool: one for each level below the root, and a split. */
#define TABLES_A_CALL 4

/* A trace may name any number; one that no VM can have is refused like a VM that does not exist. */
static vmid_t vm_of(uint64_t id)
{
    return vmid(id < UINT32_MAX ? (uint32_t)id : UINT32_MAX);
}

static struct answer refused(enum cordon_status status)
{
    return (struct answer){ .kind = ANSWER_REFUSED, .status = status };
}

static struct answer status_answer(enum cordon_status status)
{
    return status == CORDON_OK ? (struct answer){ .kind = ANSWER_OK } : refused(status);
}

/* In a replay no table ever runs out: what a trace does must not depend on how much was donated. */
static void feed(struct sim *s, vmid_t vm)
{
    (void)sim_vm_feed(s, vm.v, TABLES_A_CALL);
}

static struct answer host_fault(struct sim *s, uint64_t addr, const char *what)
{
    enum cordon_status status;

    if (addr >> 40 != 0)
        return refused(CORDON_RANGE);
    sim_begin(s, what);
    status = cordon_map_page_host(sim_core(s), pa(addr));
    sim_end(s);
    return status_answer(status);
}

static struct answer prot_and_map(struct sim *s, const uint64_t *arg, const char *what)
{
    vmid_t vm = vm_of(arg[0]);
    enum cordon_status status;

    feed(s, vm);
    sim_begin(s, what);
    status = cordon_prot_and_map_vm_s2pt(sim_core(s), vm, ipa(arg[1]), arg[2], arg[3] == 2 ? 2 : 3, CORDON_KEEP);
    sim_end(s);
    return status_answer(status);
}

static struct answer map_io(struct sim *s, const uint64_t *arg, const char *what)
{
    vmid_t vm = vm_of(arg[0]);
    enum cordon_status status;

    if (arg[1] >= CORDON_ADDR_LIMIT || arg[2] >> 40 != 0)
        return refused(CORDON_RANGE);
    feed(s, vm);
    sim_begin(s, what);
    status = cordon_map_vm_io(sim_core(s), vm, ipa(arg[1]), pa(arg[2]));
    sim_end(s);
    return status_answer(status);
}

/* One call of a range operation: what is left of it starts `done` pages after its first argument. */
static struct cordon_progress range_call(struct cordon *c, enum trace_word word, vmid_t vm, uint64_t first,
                                        uint64_t left)
{
    switch (word) {
    case TRACE_GRANT:
        return cordon_grant_stage2_sg_gpa(c, vm, ipa(first), left);
    case TRACE_REVOKE:
        return cordon_revoke_stage2_sg_gpa(c, vm, ipa(first), left);
    default:
        return cordon_clear_vm_range(c, vm, pfn(first), left);
    }
}

/* Grant, revoke and clear: continues bounded calls to the end. A page is `unit` of what the arguments count. */
static struct answer range(struct sim *s, const struct trace_item *item, uint64_t unit, const char *what)
{
    struct answer total = { .kind = ANSWER_COUNTED };
    vmid_t vm = vm_of(item->arg[0]);
    uint64_t first = item->arg[1], left = item->arg[2];
    struct cordon_progress p;

    do {
        uint64_t step;

        if (item->word == TRACE_CLEAR)
            feed(s, vm);
        sim_begin(s, what);
        p = range_call(sim_core(s), item->word, vm, first, left);
        sim_end(s);
        if (p.status != CORDON_OK && p.status != CORDON_AGAIN)
            return refused(p.status);
        total.changed += p.changed;
        total.skipped += p.unmapped + p.not_owned + p.saturated;
        step = p.done * unit;
        first += step;
        left = step < left ? left - step : 0;
    } while (p.status == CORDON_AGAIN && p.done > 0);
    return total;
}

/* Bounds of the trace's own address spaces first; what is left is for the simulated machine to decide. */
static enum cordon_status check_access(uint64_t who, uint64_t addr)
{
    if (addr >= (who == 0 ? UINT64_C(1) << 40 : CORDON_ADDR_LIMIT))
        return CORDON_RANGE;
    if (addr % 8 != 0)
        return CORDON_UNALIGNED;
    return who <= UINT32_MAX ? CORDON_OK : CORDON_NO_VM;
}

static struct answer access(struct sim *s, const struct trace_item *item, const char *what)
{
    struct answer a = { .kind = item->word == TRACE_READ ? ANSWER_VALUE : ANSWER_OK };
    enum cordon_status status = check_access(item->arg[0], item->arg[1]);
    uint32_t who = (uint32_t)item->arg[0];
    enum sim_outcome outcome;

    if (status != CORDON_OK)
        return refused(status);
    sim_begin(s, what);
    if (item->word == TRACE_READ)
        outcome = sim_read(s, who, item->arg[1], &a.value, false, &status);
    else
        outcome = sim_write(s, who, item->arg[1], item->arg[2], false, &status);
    sim_end(s);
    /* What was left to refuse a host's access is its fault, and that it sees as one. */
    if (outcome == SIM_FAULT || (outcome == SIM_REFUSED && who == 0))
        return (struct answer){ .kind = ANSWER_FAULT };
    return outcome == SIM_REFUSED ? refused(status) : a;
}

struct answer perform(struct sim *s, const struct trace_item *item, const char *what)
{
    switch (item->word) {
    case TRACE_HOST_FAULT:
        return host_fault(s, item->arg[0], what);
    case TRACE_PROT_AND_MAP:
        return prot_and_map(s, item->arg, what);
    case TRACE_MAP_IO:
        return map_io(s, item->arg, what);
    case TRACE_GRANT:
    case TRACE_REVOKE:
        return range(s, item, CORDON_PAGE_SIZE, what);
    case TRACE_CLEAR:
        return range(s, item, 1, what);
    default:
        return access(s, item, what);
    }
}
