/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <stdlib.h>

#include "arch_guest.h"
#include "cpu.h"
#include "hw.h"
#include "log.h"
#include "mail.h"
#include "report.h"
#include "smmu.h"
#include "stream.h"
#include "walker.h"

static unsigned long long ull(uint64_t x)
{
    return x;
}

/* ---- what there is ---- */

bool sim_device(struct sim *s, const struct sim_device *d)
{
    if (s->functions == SIM_FUNCTIONS || !stream_create(&s->function[s->functions]))
        return false;
    s->function[s->functions].is = *d;
    s->functions++;
    return true;
}

static struct function *function_of(struct sim *s, uint64_t frame)
{
    for (uint32_t i = 0; i < s->functions; i++) {
        if (s->function[i].is.frame == frame)
            return &s->function[i];
    }
    return NULL;
}

enum sim_outcome sim_device_read(struct sim *s, uint64_t frame, uint64_t addr, uint64_t *value)
{
    struct function *f = function_of(s, frame);

    return f == NULL ? SIM_REFUSED : smmu_transfer(s, f, addr, value, false);
}

enum sim_outcome sim_device_write(struct sim *s, uint64_t frame, uint64_t addr, uint64_t value)
{
    struct function *f = function_of(s, frame);

    return f == NULL ? SIM_REFUSED : smmu_transfer(s, f, addr, &value, true);
}

/* ---- steps ---- */

/* The function of a step that needs it to be at `stage`; reports a step that does not fit. */
static struct function *at_stage(struct sim *s, uint64_t frame, enum function_stage stage, const char *step)
{
    static const char *const name[] = { "the host's", "closed", "open" };
    struct function *f = function_of(s, frame);
    const struct cpu *cpu = sim_this_cpu(s);

    LOG(s, cpu, "device %s 0x%llx", step, ull(frame));
    if (!cpu->held[LOCK_VM] || cpu->held[LOCK_HOST] || cpu->held[LOCK_SECTION])
        report(s, cpu, "lock order", "%s of device 0x%llx with other locks than a VM's", step, ull(frame));
    if (f == NULL)
        report(s, cpu, "device", "%s of device 0x%llx, which is none", step, ull(frame));
    else if (hw_load32(&f->stage) != stage)
        report(s, cpu, "device", "%s of device 0x%llx, which is %s and not %s", step, ull(frame), name[hw_load32(&f->stage)],
               name[stage]);
    return f;
}

/* Its stream aborts, and what it had under way is over. */
static void cut(struct sim *s, struct cpu *cpu, struct function *f)
{
    hw_store32(&f->stage, FUNCTION_CLOSED);
    if (s->concurrent)
        mail_wait(s, cpu);
    stream_forget_all(f);
}

enum cordon_status arch_device_take(struct cordon *c, uint64_t frame, struct device *d)
{
    struct sim *s = c->arch->sim;
    struct function *f = function_of(s, frame);

    if (f == NULL || s->dma_tables.count == 0)
        return CORDON_DEVICE;
    (void)at_stage(s, frame, FUNCTION_HOST, "take");
    cut(s, sim_this_cpu(s), f);
    f->used = true;
    f->left = 0;
    d->id = f->is.id;
    d->stream = (uint32_t)(f - s->function);
    for (uint32_t i = 0; i < CORDON_DEVICE_WINDOWS; i++)
        d->window[i] = (struct window){ .first = f->is.window[i].first, .pages = f->is.window[i].pages };
    return CORDON_OK;
}

/* Whether a VM's table, which is held, has a page of a window of the function's. */
static bool is_mapped(const struct sim *s, const struct function *f, uint32_t vm)
{
    const struct stage2 *t = &s->core.vm[vm - 1].s2;

    for (uint32_t i = 0; i < CORDON_DEVICES; i++) {
        const struct device *d = &s->core.device[i];

        for (uint32_t k = 0; hw_load32(&d->vm) == vm && k < CORDON_DEVICE_WINDOWS; k++) {
            for (uint64_t n = 0; d->frame == f->is.frame && n < d->window[k].pages; n++) {
                struct walk w = walk_stage2(s, t, d->window[k].gfn + n);

                if (w.mapped && w.leaf.pfn - f->is.window[k].first < f->is.window[k].pages)
                    return true;
            }
        }
    }
    return false;
}

bool arch_device_reset(struct cordon *c, const struct device *d)
{
    struct sim *s = c->arch->sim;
    struct function *f = at_stage(s, d->frame, FUNCTION_CLOSED, "reset");

    if (f == NULL)
        return true;
    if (s->check && is_mapped(s, f, d->vm))
        report(s, sim_this_cpu(s), "device", "device 0x%llx is reset while VM %u still reaches its windows", ull(d->frame),
               d->vm);
    if (f->left == 0)
        f->left = f->is.reset + 1;
    f->left--;
    f->used = f->left != 0;
    return f->left == 0;
}

void arch_device_open(struct cordon *c, const struct device *d, const struct stage2 *s2)
{
    struct sim *s = c->arch->sim;
    struct function *f = at_stage(s, d->frame, FUNCTION_CLOSED, "open");

    if (f == NULL)
        return;
    if (f->used || f->left != 0)
        report(s, sim_this_cpu(s), "device", "device 0x%llx is opened without having been reset", ull(d->frame));
    if (s2->vmid == 0 || s2->vmid != d->vm || s2->devices == 0)
        report(s, sim_this_cpu(s), "device", "device 0x%llx of VM %u is opened on the table of VMID %u, of which %u devices "
               "are said to have it walked", ull(d->frame), d->vm, s2->vmid, s2->devices);
    f->used = true;
    hw_store(&f->root, s2->root);
    hw_store32(&f->vmid, s2->vmid);
    hw_fence();
    hw_store32(&f->stage, FUNCTION_OPEN);
}

void arch_device_close(struct cordon *c, const struct device *d, const struct stage2 *s2)
{
    struct sim *s = c->arch->sim;
    struct function *f = at_stage(s, d->frame, FUNCTION_OPEN, "close");

    if (f == NULL)
        return;
    if (s2->vmid != f->vmid)
        report(s, sim_this_cpu(s), "device", "device 0x%llx is closed for VMID %u and open for %u", ull(d->frame), s2->vmid,
               f->vmid);
    cut(s, sim_this_cpu(s), f);
}

void arch_device_give_back(struct cordon *c, const struct device *d)
{
    struct sim *s = c->arch->sim;
    struct function *f = at_stage(s, d->frame, FUNCTION_CLOSED, "give back");
    bool refused = d->vm == 0;      /* the core never had it */

    if (f == NULL)
        return;
    if (!refused && (f->used || f->left != 0))
        report(s, sim_this_cpu(s), "device", "device 0x%llx goes to the host without having been reset", ull(d->frame));
    hw_store32(&f->stage, FUNCTION_HOST);
}

/* ---- the whole machine ---- */

static void check_record(struct sim *s, const struct cpu *cpu, const struct device *d, uint32_t *has, uint32_t *open)
{
    const struct function *f = function_of(s, d->frame);
    const struct vm *vm = &s->core.vm[d->vm - 1];
    enum function_stage stage = d->state == DEVICE_OPEN ? FUNCTION_OPEN : FUNCTION_CLOSED;

    has[d->vm - 1]++;
    open[d->vm - 1] += d->state == DEVICE_OPEN;
    if (vm->state != VM_LIVE)
        report(s, cpu, "device", "VM %u, which is none or is torn down, has device 0x%llx", d->vm, ull(d->frame));
    if (f == NULL || f->stage != stage)
        report(s, cpu, "device", "device 0x%llx of VM %u is in state %u, and the machine knows better", ull(d->frame), d->vm,
               d->state);
    else if (stage == FUNCTION_OPEN && (f->vmid != d->vm || f->root != vm->s2.root))
        report(s, cpu, "device", "device 0x%llx of VM %u walks table 0x%llx of VMID %u", ull(d->frame), d->vm, ull(f->root),
               f->vmid);
}

void device_check_all(struct sim *s, const struct cpu *cpu)
{
    uint32_t *has = calloc(2 * (size_t)s->core.vms, sizeof(*has));
    uint32_t *open = has + s->core.vms;
    uint32_t taken = 0;

    if (has == NULL)
        return;
    for (uint32_t i = 0; i < CORDON_DEVICES; i++) {
        if (s->core.device[i].vm == 0)
            continue;
        check_record(s, cpu, &s->core.device[i], has, open);
        taken++;
    }
    for (uint32_t i = 0; i < s->functions; i++)
        taken -= s->function[i].stage != FUNCTION_HOST;
    if (taken != 0)
        report(s, cpu, "device", "the machine has given other devices away than the core knows of");
    for (uint32_t i = 0; i < s->core.vms; i++) {
        const struct vm *vm = &s->core.vm[i];

        if (vm->state != VM_NONE && (vm->devices != has[i] || vm->s2.devices != open[i]))
            report(s, cpu, "device", "VM %u counts %llu devices, %u of them open, and has %u and %u", i + 1, ull(vm->devices),
                   vm->s2.devices, has[i], open[i]);
    }
    free(has);
    stream_check_all(s, cpu);
}
