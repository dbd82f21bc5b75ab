/* SPDX-License-Identifier: Apache-2.0 */
#include "invariant.h"

#include "cache.h"
#include "dma.h"
#include "duty.h"
#include "hw.h"
#include "memory/frame.h"
#include "ram.h"
#include "record.h"
#include "report.h"
#include "stream.h"
#include "walker.h"

static unsigned long long ull(uint64_t x)
{
    return x;
}

static const char *holder_name(struct frame f, char *buffer, size_t size)
{
    if (f.holder == HOLDER_HOST)
        return "the host's";
    if (f.holder == HOLDER_CORE)
        return "the core's";
    if (f.holder == HOLDER_INVALID)
        return "no RAM";
    (void)snprintf(buffer, size, "VM %u's%s, gfn 0x%llx, %u grants", f.holder % HOLDER_PENDING,
                   frame_is_pending(f) ? " (pending)" : "", ull(frame_gfn(f)), f.count);
    return buffer;
}

/* Whether the host, or VM who, can reach the frame at gfn: by its table. */
static bool maps(const struct sim *s, uint32_t who, uint64_t gfn, uint64_t frame)
{
    const struct stage2 *t = &s->core.host;
    struct walk w;

    if (who > s->core.vms)
        return false;
    if (who != 0) {
        if (!s->vm[who - 1].live)
            return false;
        t = &s->vm[who - 1].s2;
    }
    w = walk_stage2(s, t, gfn);
    return w.mapped && w.leaf.pfn + (gfn - w.leaf.gfn) == frame;
}

/* ---- a leaf against the records ---- */

static bool leaf_report(struct sim *s, const struct cpu *cpu, const char *name, uint32_t vmid, const struct leaf *l, uint64_t i,
                        const char *what)
{
    char who[32];

    report(s, cpu, name, "%s maps gfn 0x%llx to frame 0x%llx (level %u, %s), but %s", who_name(vmid, who, sizeof(who)),
           ull(l->gfn + i), ull(l->pfn + i), l->level, l->device ? "device" : "normal", what);
    return false;
}

static bool hidden_in(const struct sim *s, uint64_t first, uint64_t n)
{
    for (uint32_t i = 0; i < s->hiddens; i++) {
        if (first < s->hidden[i].first + s->hidden[i].count && s->hidden[i].first < first + n)
            return true;
    }
    return false;
}

/* A window of a device that a VM has is in no other's table; the host's may have of it what the core has not come to yet. */
static bool window_leaf(struct sim *s, const struct cpu *cpu, uint32_t vmid, const struct leaf *l, const struct device *d,
                        const struct window *w)
{
    uint64_t first = hw_load(&w->first);
    uint64_t n = vmid == 0 ? hw_load(&w->lost) : hw_load(&w->pages);
    char what[80];

    if (hw_load32(&d->vm) == 0 || hw_load32(&d->vm) == vmid || n == 0)
        return true;
    if (l->pfn >= first + n || l->pfn + level_pages(l->level) <= first)
        return true;
    (void)snprintf(what, sizeof(what), "that is a window of a device of VM %u", d->vm);
    return leaf_report(s, cpu, vmid == 0 ? "I1" : "I2", vmid, l, 0, what);
}

static bool windows_leaf(struct sim *s, const struct cpu *cpu, uint32_t vmid, const struct leaf *l)
{
    for (uint32_t i = 0; i < CORDON_DEVICES; i++) {
        for (uint32_t k = 0; k < CORDON_DEVICE_WINDOWS; k++) {
            if (!window_leaf(s, cpu, vmid, l, &s->core.device[i], &s->core.device[i].window[k]))
                return false;
        }
    }
    return true;
}

/* A device leaf may cover frames that are no RAM and not hidden, for the host and for VMs alike. */
static bool device_leaf(struct sim *s, const struct cpu *cpu, uint32_t vmid, const struct leaf *l)
{
    uint64_t pages = level_pages(l->level);
    uint64_t index;
    struct frame f;

    if (hidden_in(s, l->pfn, pages))
        return leaf_report(s, cpu, "I4", vmid, l, 0, "that is hidden");
    for (uint64_t i = 0; pages > 1 && i < pages; i += 512) {
        if (sim_section(s, (l->pfn + i) / 512, &index))
            return leaf_report(s, cpu, vmid == 0 ? "I1" : "I2", vmid, l, i, "that is in a section of RAM");
    }
    if (pages == 1 && sim_record(s, l->pfn, &f) && f.holder != HOLDER_INVALID)
        return leaf_report(s, cpu, vmid == 0 ? "I1" : "I2", vmid, l, 0, "that is RAM, mapped as a device");
    return windows_leaf(s, cpu, vmid, l);
}

static bool host_page(struct sim *s, const struct cpu *cpu, const struct leaf *l, uint64_t i, struct frame f)
{
    char holder[80];
    char what[160];

    if (frame_host_may_map(f))
        return true;
    (void)snprintf(what, sizeof(what), "the frame is %s", holder_name(f, holder, sizeof(holder)));
    return leaf_report(s, cpu, f.holder == HOLDER_CORE ? "I4" : "I1", 0, l, i, what);
}

/* The frames of one section, or a single one, that a normal leaf of the host covers from page i on. */
static bool host_section(struct sim *s, const struct cpu *cpu, const struct leaf *l, uint64_t i, uint64_t n)
{
    uint64_t index;
    uint64_t first = l->pfn + i;

    if (!sim_section(s, first / 512, &index))
        return leaf_report(s, cpu, "I1", 0, l, i, "that is no RAM, mapped as normal memory");
    if (s->core.section[index].taken == 0)
        return true;    /* the count itself is checked against the records whenever the section's lock is dropped */
    for (uint64_t k = 0; k < n; k++) {
        if (!host_page(s, cpu, l, i + k, s->core.frame[index * 512 + (first + k) % 512]))
            return false;
    }
    return true;
}

static bool host_leaf(struct sim *s, const struct cpu *cpu, const struct leaf *l)
{
    uint64_t pages = level_pages(l->level);
    uint64_t step = pages < 512 ? pages : 512;

    if (l->pfn != l->gfn)
        return leaf_report(s, cpu, "I1", 0, l, 0, "the host maps frames as themselves");
    if (l->device)
        return device_leaf(s, cpu, 0, l);
    for (uint64_t i = 0; i < pages; i += step) {
        if (!host_section(s, cpu, l, i, step))
            return false;
    }
    return true;
}

static bool vm_page(struct sim *s, const struct cpu *cpu, uint32_t vm, const struct leaf *l, uint64_t i)
{
    const char *name = "I2";
    struct frame f = frame_of(HOLDER_INVALID);
    char holder[80];
    char what[160];

    if (!sim_record(s, l->pfn + i, &f) || f.holder == HOLDER_INVALID)
        return leaf_report(s, cpu, "I2", vm, l, i, "that is no RAM, mapped as normal memory");
    if (f.holder == vm && frame_gfn(f) == l->gfn + i)
        return true;
    if (f.holder == HOLDER_CORE)
        name = "I4";
    else if (frame_is_vm(f) && maps(s, f.holder, frame_gfn(f), l->pfn + i))
        name = "I3";
    (void)snprintf(what, sizeof(what), "the frame is %s%s", holder_name(f, holder, sizeof(holder)),
                   name[1] == '3' ? ", and mapped there" : "");
    return leaf_report(s, cpu, name, vm, l, i, what);
}

/* One leaf of a principal's table against the records: I1, I2, I3, I4. */
static bool check_leaf(struct sim *s, const struct cpu *cpu, uint32_t vmid, const struct leaf *l)
{
    if (vmid == 0)
        return host_leaf(s, cpu, l);
    if (l->device)
        return device_leaf(s, cpu, vmid, l);
    for (uint64_t i = 0; i < level_pages(l->level); i++) {
        if (!vm_page(s, cpu, vmid, l, i))
            return false;
    }
    return true;
}

void invariant_desc(struct sim *s, const struct cpu *cpu, uint32_t vmid, uint32_t level, uint64_t gfn, uint64_t desc)
{
    const char *wrong = desc_malformed(desc, level);
    char who[32];
    struct leaf l;

    if (wrong != NULL)
        report(s, cpu, "descriptor", "0x%llx at level %u of %s, gfn 0x%llx, has %s", ull(desc), level,
               who_name(vmid, who, sizeof(who)), ull(gfn), wrong);
    if (desc_kind(desc, level) != DESC_IS_LEAF)
        return;
    l = leaf_of(desc, level, gfn);
    (void)check_leaf(s, cpu, vmid, &l);
}

/* ---- changed entries, when their lock is dropped ---- */

static void check_entry(struct sim *s, const struct cpu *cpu, uint64_t row, uint32_t index)
{
    uint64_t is = __atomic_load_n(&s->note[row].row, __ATOMIC_RELAXED);
    uint32_t level = row_level(is);
    uint64_t desc = hw_load(&s->phys[row].e[index]);

    if ((is & ROW_LIVE) != 0 && desc != 0)
        invariant_desc(s, cpu, row_vmid(is), level, row_gfn(is) + index * level_pages(level), desc);
}

void invariant_changes(struct sim *s, struct cpu *cpu, uint32_t kind)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < cpu->changes; i++) {
        struct change ch = cpu->change[i];

        if (ch.guard != kind)
            cpu->change[kept++] = ch;
        else if (ch.index < 512)
            check_entry(s, cpu, ch.row, ch.index);
        else
            for (uint32_t k = 0; k < 512; k++)
                check_entry(s, cpu, ch.row, k);
    }
    cpu->changes = kept;
}

/* ---- changed records, when the section's lock is dropped ---- */

static uint32_t owner_of(struct frame f)
{
    return frame_is_vm(f) || frame_is_pending(f) ? f.holder % HOLDER_PENDING : 0;
}

/* Whether the VM's table may be looked at: without its lock it may be in the middle of a change. */
static bool can_look(const struct sim *s, const struct cpu *cpu, uint32_t vm)
{
    return vm != 0 && (!s->concurrent || (cpu->held[LOCK_VM] && cpu->held_id[LOCK_VM] == vm));
}

static void check_vm_lost(struct sim *s, const struct cpu *cpu, uint64_t frame, struct frame old)
{
    uint32_t vm = owner_of(old);
    const struct duty *d;
    char missing[128];

    if (can_look(s, cpu, vm) && maps(s, vm, frame_gfn(old), frame))
        report(s, cpu, "I2", "frame 0x%llx is taken from VM %u, which still maps it at gfn 0x%llx", ull(frame), vm,
               ull(frame_gfn(old)));
    d = vm != 0 ? duty_open(cpu, vm, frame_gfn(old), 1) : NULL;
    if (d != NULL)
        report(s, cpu, "I6 (S8)", "frame 0x%llx is taken from VM %u while its translation of gfn 0x%llx may still be in a TLB; "
               "missing: %s", ull(frame), vm, ull(frame_gfn(old)), duty_missing(d, missing, sizeof(missing)));
}

/* The host gets a frame that was somebody else's. */
static void check_given_to_host(struct sim *s, const struct cpu *cpu, uint64_t frame, struct frame old)
{
    bool untouched = !s->concurrent && (s->flag[frame] & FRAME_TOUCHED) == 0;
    bool used = s->concurrent && s->dma_tables.count > 0;   /* by a device, maybe, since it was opened: see dma.c */

    if (!untouched && !used && !sim_is_zero(s, frame))
        report(s, cpu, "I8", "frame 0x%llx goes to the host and is not zero", ull(frame));
    if (!s->concurrent && (old.holder == HOLDER_CORE ? (s->flag[frame] & FRAME_DIRTY) != 0 : cache_hides(s, frame)))
        report(s, cpu, "I8", "frame 0x%llx goes to the host while memory holds other contents than the caches; missing: "
               "DC CIVAC after the zeros", ull(frame));
    if (__atomic_load_n(&s->note[frame].row, __ATOMIC_RELAXED) != 0)
        report(s, cpu, "I7", "frame 0x%llx goes to the host and is still a table", ull(frame));
}

static void check_given_to_vm(struct sim *s, const struct cpu *cpu, uint64_t frame)
{
    if (!s->concurrent && cache_hides(s, frame))
        report(s, cpu, "caches", "frame 0x%llx goes to a VM while memory holds other contents than the caches; missing: "
               "DC CIVAC", ull(frame));
}

void invariant_record(struct sim *s, struct cpu *cpu, uint64_t frame, struct frame old, struct frame new)
{
    char holder[80];

    if (!frame_host_may_map(new) && new.holder != HOLDER_INVALID && maps(s, 0, frame, frame))
        report(s, cpu, new.holder == HOLDER_CORE ? "I4" : "I1", "the host maps frame 0x%llx, which is %s", ull(frame),
               holder_name(new, holder, sizeof(holder)));
    if (owner_of(old) != 0 && (owner_of(new) != owner_of(old) || frame_gfn(new) != frame_gfn(old)))
        check_vm_lost(s, cpu, frame, old);
    if (new.holder == HOLDER_HOST && old.holder != HOLDER_HOST)
        check_given_to_host(s, cpu, frame, old);
    if (owner_of(new) != 0 && owner_of(new) != owner_of(old))
        check_given_to_vm(s, cpu, frame);
    if (new.holder == HOLDER_CORE && old.holder != HOLDER_CORE)
        cache_core_writes(s, frame);
}

/* ---- zeros ---- */

static void check_unreachable(struct sim *s, const struct cpu *cpu, uint32_t vmid, uint64_t gfn, uint64_t frame)
{
    const struct duty *d = duty_open(cpu, vmid, gfn, 1);
    char missing[128];
    char who[32];

    (void)who_name(vmid, who, sizeof(who));
    if (maps(s, vmid, gfn, frame))
        report(s, cpu, "I8", "frame 0x%llx is zeroed while %s still maps it at gfn 0x%llx", ull(frame), who, ull(gfn));
    else if (d != NULL)
        report(s, cpu, "I8", "frame 0x%llx is zeroed while %s may still reach it through a TLB; missing: %s", ull(frame), who,
               duty_missing(d, missing, sizeof(missing)));
}

void invariant_zeroed(struct sim *s, struct cpu *cpu, uint64_t frame)
{
    uint64_t index;
    struct frame before;

    check_unreachable(s, cpu, 0, frame, frame);
    dma_check_zeroed(s, cpu, frame);
    stream_check_zeroed(s, cpu, frame);
    if (!sim_section(s, frame / 512, &index) || s->seen[index] == 0)
        return;
    before = s->shadow[index * 512 + frame % 512];      /* whose it was when the lock was taken */
    if (can_look(s, cpu, owner_of(before)))
        check_unreachable(s, cpu, owner_of(before), frame_gfn(before), frame);
}
